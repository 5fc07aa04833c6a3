/* counters.c: counters in shared memory. */
#include "base/counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { BRANDS = 1024, PLACES = 4096 };
enum state { PLACE_FREE, PLACE_IDLE, PLACE_BUSY };

/* What a worker does is one word, so that nothing of it stays when it dies: the
 * state, what it waits for, whether it makes a big file, and the brand it
 * serves, counted from 1. */
enum { STATE = 0xff, WAITS = 8, WAITED = 0x7f, EXPORTS = 1 << 15, SERVES = 16 };

struct place {
	_Atomic uint32_t word;
	_Atomic bool retired;
	_Atomic int64_t since; /* of the request that it serves: milliseconds */
};

/* Memory that nobody touches takes no room. */
static struct shared {
	struct pool_counters pool;
	_Atomic size_t n, workers;
	_Atomic int top; /* no place from here on was ever taken */
	struct counters brands[BRANDS];
	struct place places[PLACES];
} * shared;

static int own_place = -1;
static bool is_beyond_share;

static struct shared *get_shared(void)
{
	void *at;

	if (shared)
		return shared;
	at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		log_error("counters.open", "%s", strerror(errno));
		abort();
	}
	shared = at;
	return shared;
}

/* Brands beyond the last place share it. */
struct counters *counters_find(const char *brand)
{
	struct shared *s = get_shared();
	size_t n = atomic_load(&s->n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(s->brands[i].brand, brand))
			return &s->brands[i];
	if (n == BRANDS)
		return &s->brands[n - 1];
	snprintf(s->brands[n].brand, sizeof(s->brands[n].brand), "%s",
	    n == BRANDS - 1 ? "others" : brand);
	atomic_store(&s->n, n + 1);
	return &s->brands[n];
}

const struct counters *counters_at(size_t i)
{
	struct shared *s = get_shared();

	return i < atomic_load(&s->n) ? &s->brands[i] : NULL;
}

struct pool_counters *counters_pool(void)
{
	return &get_shared()->pool;
}

enum call_end count_end_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return CALL_OK;
	case ERR_RULE:
		return CALL_REFUSED;
	case ERR_LATE:
		return CALL_LATE;
	default:
		return CALL_FAILED;
	}
}

/* --- Workers -------------------------------------------------------------- */

int counters_take_place(void)
{
	struct shared *s = get_shared();

	for (int i = 0; i < PLACES; i++)
		if (atomic_load(&s->places[i].word) == PLACE_FREE) {
			atomic_store(&s->places[i].retired, false);
			atomic_store(&s->places[i].word, PLACE_IDLE);
			if (i >= atomic_load(&s->top))
				atomic_store(&s->top, i + 1);
			return i;
		}
	return -1;
}

void counters_give_place(int place)
{
	if (place >= 0)
		atomic_store(&get_shared()->places[place].word, PLACE_FREE);
}

void counters_retire_place(int place)
{
	if (place >= 0)
		atomic_store(&get_shared()->places[place].retired, true);
}

void counters_set_workers(size_t n)
{
	atomic_store(&get_shared()->workers, n);
}

size_t counters_workers(void)
{
	return atomic_load(&get_shared()->workers);
}

void counters_be_worker(int place)
{
	own_place = place;
}

void counters_set_busy(bool busy)
{
	if (own_place >= 0)
		atomic_store_explicit(&get_shared()->places[own_place].word,
		    busy ? PLACE_BUSY : PLACE_IDLE, memory_order_relaxed);
}

static uint32_t serving(const struct counters *brand)
{
	return (uint32_t)(brand - get_shared()->brands + 1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The workers of a brand, and whether one of them has been at it for long. */
static size_t count_serving(struct shared *s, uint32_t which, bool *slow)
{
	int64_t old = now_ms() - COUNTERS_SLOW_MS;
	int top = atomic_load(&s->top);
	size_t n = 0;

	*slow = false;
	for (int i = 0; i < top; i++)
		if (atomic_load(&s->places[i].word) >> SERVES == which &&
		    !atomic_load(&s->places[i].retired)) {
			n++;
			*slow = *slow || atomic_load(&s->places[i].since) < old;
		}
	return n;
}

bool counters_take_share(const struct counters *brand, size_t most)
{
	struct shared *s = get_shared();
	uint32_t which = serving(brand);
	bool slow;

	is_beyond_share = false;
	if (own_place < 0)
		return true;
	/* First taken, then counted. */
	atomic_store(&s->places[own_place].since, now_ms());
	atomic_store(&s->places[own_place].word, PLACE_BUSY | which << SERVES);
	if (!most)
		return true;
	if (count_serving(s, which, &slow) <= most)
		return true;
	is_beyond_share = !slow;
	if (slow)
		counters_give_share();
	return !slow;
}

bool counters_must_hurry(void)
{
	bool must = is_beyond_share;

	is_beyond_share = false;
	return must;
}

void counters_give_share(void)
{
	counters_set_busy(true);
}

size_t counters_count_exports(void)
{
	struct shared *s = get_shared();
	int top = atomic_load(&s->top);
	size_t n = 0;

	for (int i = 0; i < top; i++)
		n += (atomic_load(&s->places[i].word) & EXPORTS) &&
		     !atomic_load(&s->places[i].retired);
	return n;
}

bool counters_take_export(size_t most)
{
	_Atomic uint32_t *word;

	if (own_place < 0)
		return true;
	/* First taken, then counted. */
	word = &get_shared()->places[own_place].word;
	atomic_fetch_or(word, EXPORTS);
	if (counters_count_exports() <= most)
		return true;
	atomic_fetch_and(word, ~(uint32_t)EXPORTS);
	return false;
}

void counters_set_waiting(unsigned parts)
{
	_Atomic uint32_t *word;
	uint32_t rest;

	if (own_place < 0)
		return;
	word = &get_shared()->places[own_place].word;
	rest = atomic_load(word) & ~((uint32_t)WAITED << WAITS);
	atomic_store(word, rest | (uint32_t)parts << WAITS);
}

size_t counters_count_waiting(const struct counters *brand, enum vcs_part part)
{
	struct shared *s = get_shared();
	uint32_t which = serving(brand), bit = UINT32_C(1) << (WAITS + part);
	int top = atomic_load(&s->top);
	size_t n = 0;

	for (int i = 0; i < top; i++) {
		uint32_t word = atomic_load(&s->places[i].word);

		n += word >> SERVES == which && (word & bit);
	}
	return n;
}

void counters_count_workers(size_t *idle, size_t *busy)
{
	struct shared *s = get_shared();
	int top = atomic_load(&s->top);

	*idle = *busy = 0;
	for (int i = 0; i < top; i++) {
		uint32_t state = atomic_load_explicit(
				     &s->places[i].word, memory_order_relaxed) &
				 STATE;

		*idle += state == PLACE_IDLE;
		*busy += state == PLACE_BUSY;
	}
}
