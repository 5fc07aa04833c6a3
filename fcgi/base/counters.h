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

enum call_end { CALL_OK, CALL_REFUSED, CALL_FAILED, CALL_LATE };
enum { CALL_ENDS = CALL_LATE + 1 };

/* Of a brand. */
struct counters {
	char brand[33];	     /* "": of requests for a brand that there is not */
	counter requests[4]; /* answered 2xx, 3xx, 4xx, 5xx */
	counter request_us;
	counter logins[LOGIN_ENDS];
	struct {
		counter
		    calls[CALL_ENDS]; /* one HTTP request may hold several */
		counter requests, us;
	} backends[BACKEND__MAX];
};

/* Of the pool. */
struct pool_counters {
	counter reloads, reloads_refused, crashes;
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

/* In the worker: whether it serves a request just now. */
void counters_be_worker(int place);
void counters_set_busy(bool busy);

void counters_count_workers(size_t *idle, size_t *busy);

#endif
