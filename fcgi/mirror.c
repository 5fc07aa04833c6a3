/* mirror.c: looks after the copies of rate tables, brand by brand. */
#include "mirror.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/mem.h"
#include "confine.h"
#include "domain/brand.h"
#include "domain/mirror.h"
#include "stop.h"

/* A table that somebody looks at for the first time on this host is seen within
 * NAP_MS; what another host wants, and what is to be read anew, with the next
 * full round. */
enum { NAP_MS = 500, ROUND_S = 15, SWEEP_NAP_MS = 5 };

bool mirror_is_wanted(const struct site *site)
{
	for (size_t i = 0; i < site->n_brands; i++)
		if (site->brands[i].conf->rates.refresh)
			return true;
	return false;
}

/* `ctx`: whether it was told to end. */
static bool goes_on(void *ctx)
{
	bool *ends = ctx;

	*ends = *ends || stop_within(0);
	return !*ends;
}

/* *due: when a table is to be read next, if that is sooner. */
static void serve_brand(
    struct brand *b, struct mem *m, bool *ends, int64_t *due)
{
	struct mirror_work w = {
	    .brand = b, .mem = m, .goes_on = goes_on, .ctx = ends};
	int64_t later = INT64_MAX;
	bool more = true;
	enum err err = ERR_OK;

	brand_connect(b);
	w.db = brand_store(b);
	if (!w.db)
		return;
	if (b->conf->rates.refresh)
		err = mirror_fill_due(&w, &later);
	if (later < *due)
		*due = later;
	if (!err)
		err = mirror_forget(&w);
	/* All of it: where tables are due all the time, what is left would grow
	 * with each round. Others write in between. */
	while (!err && more && goes_on(ends)) {
		err = mirror_sweep(&w, &more);
		*ends = *ends || stop_within(SWEEP_NAP_MS);
	}
	mem_clear(m);
}

/* Until somebody wants a table, or it is time for the next round. */
static void wait_next(bool *ends, uint64_t seen, int64_t due)
{
	while (!*ends && (int64_t)time(NULL) < due &&
	       count_of(&counters_pool()->rates_wanted) == seen)
		*ends = stop_within(NAP_MS);
}

static void serve_all(struct site *site, struct mem *m, bool *ends)
{
	uint64_t seen = count_of(&counters_pool()->rates_wanted);
	int64_t due = (int64_t)time(NULL) + ROUND_S;

	for (size_t i = 0; i < site->n_brands && !*ends; i++)
		serve_brand(&site->brands[i], m, ends, &due);
	wait_next(ends, seen, due);
}

int mirror_run(struct site *site)
{
	struct mem *m = mem_open(0);
	bool ends = false;

	/* Those who serve customers come first. */
	setpriority(PRIO_PROCESS, 0, 10);
	if (!confine_self(site)) {
		mem_close(m);
		return 1;
	}
	while (!ends && !confine_is_stale())
		serve_all(site, m, &ends);
	site_disconnect(site);
	mem_close(m);
	return 0;
}
