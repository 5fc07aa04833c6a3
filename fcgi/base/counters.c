/* counters.c: counters in shared memory. */
#include "base/counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BRANDS = 1024, PLACES = 4096 };
enum place { PLACE_FREE, PLACE_IDLE, PLACE_BUSY };

/* Memory that nobody touches takes no room. */
static struct shared {
	struct pool_counters pool;
	_Atomic size_t n;
	struct counters brands[BRANDS];
	_Atomic unsigned char places[PLACES];
} * shared;

static int own_place = -1;

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

int counters_take_place(void)
{
	struct shared *s = get_shared();

	for (int i = 0; i < PLACES; i++)
		if (atomic_load(&s->places[i]) == PLACE_FREE) {
			atomic_store(&s->places[i], PLACE_IDLE);
			return i;
		}
	return -1;
}

void counters_give_place(int place)
{
	if (place >= 0)
		atomic_store(&get_shared()->places[place], PLACE_FREE);
}

void counters_be_worker(int place)
{
	own_place = place;
}

void counters_set_busy(bool busy)
{
	if (own_place >= 0)
		atomic_store_explicit(&get_shared()->places[own_place],
		    busy ? PLACE_BUSY : PLACE_IDLE, memory_order_relaxed);
}

void counters_count_workers(size_t *idle, size_t *busy)
{
	struct shared *s = get_shared();

	*idle = *busy = 0;
	for (size_t i = 0; i < PLACES; i++) {
		unsigned char place =
		    atomic_load_explicit(&s->places[i], memory_order_relaxed);

		*idle += place == PLACE_IDLE;
		*busy += place == PLACE_BUSY;
	}
}
