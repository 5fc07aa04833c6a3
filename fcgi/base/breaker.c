/* breaker.c: a circuit breaker in shared memory. */
#include "base/breaker.h"

bool breaker_admit(struct breaker *b, int64_t now, bool probe)
{
	int state = atomic_load(&b->state);
	int64_t since = atomic_load(&b->since);
	int64_t wait =
	    state == BREAKER_OPEN ? BREAKER_COOL_MS : BREAKER_PROBE_MS;

	if (state == BREAKER_CLOSED)
		return true;
	/* The moment is what the others compete for: one changes it. */
	if (probe && now - since >= wait &&
	    atomic_compare_exchange_strong(&b->since, &since, now)) {
		/* Fails if somebody got an answer meanwhile: all the better. */
		atomic_compare_exchange_strong(
		    &b->state, &state, BREAKER_HALF_OPEN);
		return true;
	}
	atomic_fetch_add(&b->spared, 1);
	return false;
}

size_t breaker_crowd(size_t workers)
{
	size_t third = (workers + 2) / 3;

	return third < 2 ? 2 : third;
}

enum breaker_event breaker_succeed(struct breaker *b)
{
	/* Not written to on every call: its memory is everybody's. */
	if (atomic_load(&b->failures))
		atomic_store(&b->failures, 0);
	if (atomic_load(&b->state) == BREAKER_CLOSED)
		return BREAKER_NO_EVENT;
	return atomic_exchange(&b->state, BREAKER_CLOSED) == BREAKER_CLOSED
		   ? BREAKER_NO_EVENT
		   : BREAKER_CLOSED_AGAIN;
}

static enum breaker_event open_up(struct breaker *b, int64_t now)
{
	int state = BREAKER_CLOSED;

	atomic_store(&b->failures, 0);
	atomic_store(&b->since, now);
	if (!atomic_compare_exchange_strong(&b->state, &state, BREAKER_OPEN))
		return BREAKER_NO_EVENT;
	atomic_fetch_add(&b->opened, 1);
	return BREAKER_OPENED;
}

enum breaker_event breaker_fail(
    struct breaker *b, int64_t began, int64_t now, bool crowded)
{
	int state = BREAKER_HALF_OPEN;
	int64_t last;

	/* The last probe's: those that began earlier prove nothing about now.
	 */
	if (atomic_load(&b->state) == BREAKER_HALF_OPEN &&
	    atomic_load(&b->since) == began) {
		atomic_store(&b->since, now);
		atomic_compare_exchange_strong(&b->state, &state, BREAKER_OPEN);
		return BREAKER_NO_EVENT;
	}
	if (atomic_load(&b->state) != BREAKER_CLOSED || !crowded ||
	    now - began < BREAKER_SLOW_MS)
		return BREAKER_NO_EVENT;
	last = atomic_exchange(&b->last, now);
	if (now - last > BREAKER_MEMORY_MS)
		atomic_store(&b->failures, 0);
	if (atomic_fetch_add(&b->failures, 1) + 1 < BREAKER_FAILURES)
		return BREAKER_NO_EVENT;
	return open_up(b, now);
}
