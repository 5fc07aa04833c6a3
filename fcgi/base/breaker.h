/* breaker.h: a circuit breaker: a back end that keeps many workers waiting for
 * nothing is not asked for a while.
 *
 * It lies in shared memory (counters.h), so that what one worker learns holds
 * for all, over reloads too. The caller brings the clock: milliseconds that
 * nobody sets back, the same ones in all processes. Nothing takes a lock, and a
 * process that dies at any point leaves nothing that stays shut.
 *
 *	closed     everybody asks. Opens after BREAKER_FAILURES costly failures
 *		   in a row
 *	open	   nobody asks, each call fails at once. After BREAKER_COOL_MS
 *		   one call may try
 *	half-open  one call is trying: an answer closes, a failure opens again;
 *		   while there is neither, one more may try each
 *		   BREAKER_PROBE_MS, so that a probe that hangs does not keep
 *		   out a back end that is back
 *
 * A failure: no answer, or none of the back end's own (refused, broken off,
 * TLS, late, HTTP 5xx). Whatever the back end itself answered, a refusal too,
 * is an answer. It is costly if it took BREAKER_SLOW_MS and more, while a crowd
 * of workers waited for the same back end: what fails fast, or alone, costs
 * nobody anything, and tells more than a breaker does (502, 504).
 */
#ifndef PORTICO_BREAKER_H
#define PORTICO_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BREAKER_FAILURES = 5,
	BREAKER_SLOW_MS = 500,
	BREAKER_MEMORY_MS = 60000, /* failures farther apart are not "in a row"
				    */
	BREAKER_COOL_MS = 1000,
	BREAKER_PROBE_MS = 2000
};

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

/* Zero: closed. */
struct breaker {
	_Atomic int state;
	_Atomic int64_t since; /* of its opening, or of the last probe */
	_Atomic int64_t last;  /* costly failure */
	_Atomic unsigned failures;
	_Atomic uint64_t opened, spared; /* for operators: how often; calls */
};

/* Whether a call may be made; if it may, tell what came of it. `probe`: it may
 * be the one that tries; not one that changes something over there. */
bool breaker_admit(struct breaker *b, int64_t now, bool probe);

/* How many workers of a pool, waiting at once, are a crowd: a third, and two at
 * least. */
size_t breaker_crowd(size_t workers);

enum breaker_event { BREAKER_NO_EVENT, BREAKER_OPENED, BREAKER_CLOSED_AGAIN };

/* A call that was admitted got an answer. */
enum breaker_event breaker_succeed(struct breaker *b);
/* One that was admitted at `began` got none; `crowded`: a crowd waited. */
enum breaker_event breaker_fail(
    struct breaker *b, int64_t began, int64_t now, bool crowded);

#endif
