/* metrics.c: figures for operators, as Prometheus reads them (text format
 * 0.0.4). Only where the web server says that it is the operators' listener. */
#include "domain/payment.h"
#include "pages/page_payment.h"
#include "pages/routes.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

const char metrics_answer[] = "file text/plain";

static void add_brand(struct call *c, struct brand *b, struct buf *out)
{
	struct till t = {b, brand_store(b), c->mem, c->now};
	struct payment_counts counts;

	if (!t.db || payment_count(&t, &counts))
		return;
	for (int i = 0; i < PAY__MAX; i++)
		buf_print(out,
		    "portico_payments{brand=\"%s\",state=\"%s\"} %" PRId64 "\n",
		    b->name, payment_state_name((enum payment_state)i),
		    counts.states[i]);
	buf_print(out,
	    "portico_payment_alarms_total{brand=\"%s\"} %" PRId64 "\n", b->name,
	    counts.alarms);
	buf_print(out, "portico_payments_overdue{brand=\"%s\"} %" PRId64 "\n",
	    b->name, counts.overdue);
	buf_print(out, "portico_payment_inbox{brand=\"%s\"} %" PRId64 "\n",
	    b->name, counts.inbox);
}

enum err metrics_load(struct call *c)
{
	const char *listener = req_env(c->req, "PORTICO_METRICS");
	struct buf out;

	if (!listener || strcmp(listener, "on") != 0)
		return ERR_NOT_FOUND;
	buf_open(&out, c->mem, 4096);
	buf_add_text(&out,
	    "# HELP portico_payments Payments by state.\n"
	    "# TYPE portico_payments gauge\n"
	    "# HELP portico_payment_alarms_total What a person had to look "
	    "at.\n"
	    "# TYPE portico_payment_alarms_total counter\n"
	    "# HELP portico_payments_overdue Due for more than 10 minutes: is "
	    "the reconciler running?\n"
	    "# TYPE portico_payments_overdue gauge\n"
	    "# HELP portico_payment_inbox Webhooks not yet looked at.\n"
	    "# TYPE portico_payment_inbox gauge\n");
	for (size_t i = 0; i < c->site->n_brands; i++)
		add_brand(c, &c->site->brands[i], &out);
	reply_send(c->reply, 200, "text/plain; version=0.0.4; charset=utf-8",
	    out.data, out.len);
	return ERR_OK;
}
