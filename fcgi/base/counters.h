/* counters.h: what all processes of a pool count together, for operators.
 *
 * The counters lie in memory that is shared by every process forked after the
 * first call of counters_find(); they begin at 0 with the parent and live as
 * long as it does, over reloads too. Adding takes no lock. Only the parent, or
 * a process that is alone, may make counters of a brand: before it forks.
 */
#ifndef PORTICO_COUNTERS_H
#define PORTICO_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/breaker.h"
#include "base/log.h"

typedef _Atomic uint64_t counter;

enum login_end { LOGIN_DONE, LOGIN_REFUSED, LOGIN_THROTTLED, LOGIN_FAILED };
enum { LOGIN_ENDS = LOGIN_FAILED + 1 };

/* Who is asked from here. */
enum backend {
	BACKEND_CORE,
	BACKEND_MANAGEMENT,
	BACKEND_FILES,
	BACKEND_PAYPAL,
	BACKEND_ANET,
	BACKEND__MAX
};

/* What of VCS fails together: quick Core calls, Management calls, those Core
 * calls that are slow, and the files of invoices. */
enum vcs_part {
	VCS_PART_CORE,
	VCS_PART_MANAGEMENT,
	VCS_PART_REPORTS,
	VCS_PART_FILES
};
enum { VCS_PARTS = VCS_PART_FILES + 1 };

enum call_end { CALL_OK, CALL_REFUSED, CALL_FAILED, CALL_LATE };
enum { CALL_ENDS = CALL_LATE + 1 };

/* Of a brand. */
struct counters {
	char brand[33];	     /* "": of requests for a brand that there is not */
	counter requests[4]; /* answered 2xx, 3xx, 4xx, 5xx */
	counter request_us;
	counter beyond_share;	/* requests, see counters_take_share() */
	counter beyond_exports; /* see counters_take_export() */
	counter logins[LOGIN_ENDS];
	struct breaker breakers[VCS_PARTS];
	struct {
		counter
		    calls[CALL_ENDS]; /* one HTTP request may hold several */
		counter requests, us;
	} backends[BACKEND__MAX];
};

/* Of the pool. */
struct pool_counters {
	counter reloads, reloads_refused, crashes;
	counter rates_wanted; /* tables that are new to the mirror */
};

/* The brand's, made if need be; never NULL. */
struct counters *counters_find(const char *brand);
/* The i-th brand's, in no order; NULL: no more. */
const struct counters *counters_at(size_t i);
struct pool_counters *counters_pool(void);

static inline void count(counter *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static inline uint64_t count_of(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* What a call to a back end came to. */
enum call_end count_end_of(enum err err);

/* --- Workers ------------------------------------------------------------- */

/* The parent takes a place for a worker before it forks, and gives it back
 * however the worker ended. -1: none is left; the worker is then not seen. */
int counters_take_place(void);
void counters_give_place(int place);

/* In the parent: a worker that was told to end, and makes room. */
void counters_retire_place(int place);

/* How many workers the pool has when it is whole; 0: there is no pool. */
void counters_set_workers(size_t n);
size_t counters_workers(void);

/* In the worker: whether it serves a request just now. */
void counters_be_worker(int place);
void counters_set_busy(bool busy);

/* A request that takes longer is one that holds a worker. */
enum { COUNTERS_SLOW_MS = 250 };

/* In the worker, within a request: it serves this brand. False, and nothing is
 * taken: `most` workers do already, one of them for longer than that (a burst
 * of quick requests may have all); 0: any number may. Two that ask at the same
 * moment may both get a no, but never one too many a yes. */
bool counters_take_share(const struct counters *brand, size_t most);

/* In the worker: this request is beyond its brand's share, let through since
 * none of the others was slow so far. It must not become slow itself: what it
 * first waits for, it may wait for COUNTERS_SLOW_MS at most. True once. */
bool counters_must_hurry(void);

/* In the worker: gives it back; before the client has the whole answer, lest
 * its next request find it taken. */
void counters_give_share(void);

/* In the worker, within a request: it makes a big file, until the share is
 * given back. False, and nothing is taken: `most` workers of the pool do
 * already. Two that ask at the same moment may both get a no, but never one too
 * many a yes.
 */
bool counters_take_export(size_t most);
size_t counters_count_exports(void);

/* In the worker: it waits for these parts of its brand's VCS, bits of
 * 1 << VCS_PART_...; 0: no more. */
void counters_set_waiting(unsigned parts);
/* How many workers do, this one included. */
size_t counters_count_waiting(const struct counters *brand, enum vcs_part part);

void counters_count_workers(size_t *idle, size_t *busy);

#endif
