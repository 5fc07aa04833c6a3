/* reconcile.c: rounds of reconciling. */
#include "reconcile.h"

#include <stdbool.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "confine.h"
#include "domain/brand.h"
#include "domain/payment.h"
#include "stop.h"

enum { MOST = 200, ROUNDS_MOST = 50 };

/* False: nothing moved. */
static bool reconcile_brand(struct brand *b, struct mem *m, bool *failed)
{
	struct till t = {b, brand_store(b), m, (int64_t)time(NULL)};
	struct payment_tally tally;

	if (!t.db) {
		*failed = true;
		return false;
	}
	log_request("reconciler", b->name);
	*failed = payment_reconcile(&t, MOST, &tally) != ERR_OK || *failed;
	if (tally.moved || tally.failed)
		log_info("payment.reconciled",
		    "%zu events, %zu payments, %zu moved, %zu failed",
		    tally.events, tally.payments, tally.moved, tally.failed);
	log_request(NULL, NULL);
	mem_clear(m);
	return tally.moved || tally.payments == MOST;
}

static bool reconcile_all(struct site *site, struct mem *m, bool *failed)
{
	bool moved = false;

	*failed = false;
	for (size_t i = 0; i < site->n_brands; i++)
		moved = reconcile_brand(&site->brands[i], m, failed) || moved;
	return moved;
}

int reconcile_run(struct site *site, int64_t every, bool is_replaced)
{
	struct mem *m = mem_open(0);
	bool failed = false;
	int rounds = 0;

	if (!confine_self(site)) {
		mem_close(m);
		return 1;
	}
	site_connect(site);
	if (every)
		do
			reconcile_all(site, m, &failed);
		while (!(is_replaced && confine_is_stale()) &&
		       !stop_within(every * 1000));
	else
		while (
		    reconcile_all(site, m, &failed) && ++rounds < ROUNDS_MOST)
			;
	site_disconnect(site);
	mem_close(m);
	return failed && !every;
}
