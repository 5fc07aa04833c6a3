/* metrics.c: figures for operators, as Prometheus reads them (text format
 * 0.0.4). Only where the web server says that it is the operators' listener.
 *
 * Counters are the whole pool's, whichever worker answers (counters.h). The
 * lines of a family stand together, as the format wants it.
 */
#include "domain/mirror.h"
#include "domain/payment.h"
#include "pages/page_payment.h"
#include "pages/routes.h"

#include <inttypes.h>
#include <string.h>

#include "base/counters.h"
#include "base/mem.h"

const char metrics_answer[] = "file text/plain";

static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
static const char *const logins[LOGIN_ENDS] = {
    [LOGIN_DONE] = "done",
    [LOGIN_REFUSED] = "refused",
    [LOGIN_THROTTLED] = "throttled",
    [LOGIN_FAILED] = "failed",
};
static const char *const backends[BACKEND__MAX] = {
    [BACKEND_CORE] = "core",
    [BACKEND_MANAGEMENT] = "management",
    [BACKEND_FILES] = "files",
    [BACKEND_PAYPAL] = "paypal",
    [BACKEND_ANET] = "authorizenet",
};
static const char *const ends[CALL_ENDS] = {
    [CALL_OK] = "ok",
    [CALL_REFUSED] = "refused",
    [CALL_FAILED] = "failed",
    [CALL_LATE] = "late",
};

static void begin(
    struct buf *out, const char *name, const char *type, const char *help)
{
	buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Microseconds as seconds. */
static void add_seconds(struct buf *out, uint64_t us)
{
	buf_print(
	    out, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

/* --- The pool ------------------------------------------------------------- */

static void add_pool(const struct site *s, struct buf *out)
{
	const struct pool_counters *p = counters_pool();
	size_t idle, busy;

	counters_count_workers(&idle, &busy);
	begin(out, "portico_build_info", "gauge", "The version that runs.");
	buf_print(
	    out, "portico_build_info{version=\"%s\"} 1\n", PORTICO_VERSION);
	begin(out, "portico_workers", "gauge", "Processes that serve.");
	buf_print(out,
	    "portico_workers{state=\"idle\"} %zu\n"
	    "portico_workers{state=\"busy\"} %zu\n",
	    idle, busy);
	begin(out, "portico_exports", "gauge", "Big files being made.");
	buf_print(out, "portico_exports %zu\n", counters_count_exports());
	begin(out, "portico_worker_crashes_total", "counter",
	    "Workers that ended badly.");
	buf_print(out, "portico_worker_crashes_total %" PRIu64 "\n",
	    count_of(&p->crashes));
	begin(out, "portico_reloads_total", "counter",
	    "Reloads of the configuration.");
	buf_print(out,
	    "portico_reloads_total{result=\"done\"} %" PRIu64 "\n"
	    "portico_reloads_total{result=\"refused\"} %" PRIu64 "\n",
	    count_of(&p->reloads), count_of(&p->reloads_refused));
	begin(out, "portico_brands", "gauge",
	    "Brands that are served, and those that have mistakes: these "
	    "serve on as they were, if they were.");
	buf_print(out,
	    "portico_brands{state=\"served\"} %zu\n"
	    "portico_brands{state=\"refused\"} %zu\n",
	    s->n_brands, s->n_refused);
}

/* --- Requests ------------------------------------------------------------- */

static void add_requests(struct buf *out)
{
	const struct counters *n;

	begin(out, "portico_requests_total", "counter",
	    "Requests answered, by class of status; without a brand's name: "
	    "for a brand that there is not.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		for (size_t k = 0; k < 4; k++)
			buf_print(out,
			    "portico_requests_total{brand=\"%s\","
			    "status=\"%s\"} %" PRIu64 "\n",
			    n->brand, classes[k], count_of(&n->requests[k]));
	begin(out, "portico_request_seconds", "summary",
	    "How long requests took, within a worker.");
	for (size_t i = 0; (n = counters_at(i)); i++) {
		uint64_t all = 0;

		for (size_t k = 0; k < 4; k++)
			all += count_of(&n->requests[k]);
		buf_print(out, "portico_request_seconds_sum{brand=\"%s\"} ",
		    n->brand);
		add_seconds(out, count_of(&n->request_us));
		buf_print(out,
		    "portico_request_seconds_count{brand=\"%s\"} %" PRIu64 "\n",
		    n->brand, all);
	}
}

static void add_logins(struct buf *out)
{
	const struct counters *n;

	begin(out, "portico_logins_total", "counter",
	    "Tries to log in; failed: not by the customer.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		for (size_t k = 0; n->brand[0] && k < LOGIN_ENDS; k++)
			buf_print(out,
			    "portico_logins_total{brand=\"%s\",result=\"%s\"} "
			    "%" PRIu64 "\n",
			    n->brand, logins[k], count_of(&n->logins[k]));
}

/* --- Back ends ------------------------------------------------------------ */

static void add_calls(struct buf *out, const struct counters *n, size_t who)
{
	for (size_t k = 0; k < CALL_ENDS; k++)
		buf_print(out,
		    "portico_backend_calls_total{brand=\"%s\",backend=\"%s\","
		    "result=\"%s\"} %" PRIu64 "\n",
		    n->brand, backends[who], ends[k],
		    count_of(&n->backends[who].calls[k]));
}

static void add_times(struct buf *out, const struct counters *n, size_t who)
{
	buf_print(out,
	    "portico_backend_request_seconds_sum{brand=\"%s\","
	    "backend=\"%s\"} ",
	    n->brand, backends[who]);
	add_seconds(out, count_of(&n->backends[who].us));
	buf_print(out,
	    "portico_backend_request_seconds_count{brand=\"%s\","
	    "backend=\"%s\"} %" PRIu64 "\n",
	    n->brand, backends[who], count_of(&n->backends[who].requests));
}

static void add_backends(struct buf *out)
{
	const struct counters *n;

	begin(out, "portico_backend_calls_total", "counter",
	    "Calls of the billing system and of gateways; refused: it "
	    "answered with an error.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		for (size_t who = 0; n->brand[0] && who < BACKEND__MAX; who++)
			add_calls(out, n, who);
	begin(out, "portico_backend_request_seconds", "summary",
	    "How long their HTTP requests took; one may hold several calls.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		for (size_t who = 0; n->brand[0] && who < BACKEND__MAX; who++)
			add_times(out, n, who);
}

/* --- Breakers ------------------------------------------------------------- */

static const char *const parts[VCS_PARTS] = {
    [VCS_PART_CORE] = "core",
    [VCS_PART_MANAGEMENT] = "management",
    [VCS_PART_REPORTS] = "reports",
    [VCS_PART_FILES] = "files",
};

typedef uint64_t read_breaker(const struct breaker *b);

static uint64_t read_state(const struct breaker *b)
{
	return (uint64_t)atomic_load(&b->state);
}

static uint64_t read_opened(const struct breaker *b)
{
	return atomic_load(&b->opened);
}

static uint64_t read_spared(const struct breaker *b)
{
	return atomic_load(&b->spared);
}

static void add_breaker(struct buf *out, const char *name, read_breaker *read)
{
	const struct counters *n;

	for (size_t i = 0; (n = counters_at(i)); i++)
		for (size_t k = 0; n->brand[0] && k < VCS_PARTS; k++)
			buf_print(out,
			    "%s{brand=\"%s\",backend=\"%s\"} %" PRIu64 "\n",
			    name, n->brand, parts[k], read(&n->breakers[k]));
}

static void add_breakers(struct buf *out)
{
	const struct counters *n;

	begin(out, "portico_breaker_state", "gauge",
	    "Circuit breakers of the billing system: 0 closed, 1 half-open, "
	    "2 open.");
	add_breaker(out, "portico_breaker_state", read_state);
	begin(out, "portico_breaker_opened_total", "counter",
	    "How often they opened.");
	add_breaker(out, "portico_breaker_opened_total", read_opened);
	begin(out, "portico_breaker_refused_total", "counter",
	    "Requests to the billing system that an open one spared it.");
	add_breaker(out, "portico_breaker_refused_total", read_spared);
	begin(out, "portico_share_refused_total", "counter",
	    "Requests answered 503 since the brand held its share of the "
	    "workers.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		if (n->brand[0])
			buf_print(out,
			    "portico_share_refused_total{brand=\"%s\"} "
			    "%" PRIu64 "\n",
			    n->brand, count_of(&n->beyond_share));
	begin(out, "portico_exports_refused_total", "counter",
	    "Big files that were not made since the pool made as many as it "
	    "may.");
	for (size_t i = 0; (n = counters_at(i)); i++)
		if (n->brand[0])
			buf_print(out,
			    "portico_exports_refused_total{brand=\"%s\"} "
			    "%" PRIu64 "\n",
			    n->brand, count_of(&n->beyond_exports));
}

/* --- Stores and payments -------------------------------------------------- */

struct account {
	const char *brand;
	bool store;   /* is up */
	bool counted; /* its payments */
	struct payment_counts payments;
	bool mirrored; /* its rate tables are counted */
	struct mirror_counts rates;
};

static struct account *read_accounts(struct call *c)
{
	struct account *all =
	    mem_array(c->mem, c->site->n_brands, sizeof(*all));

	for (size_t i = 0; i < c->site->n_brands; i++) {
		struct brand *b = &c->site->brands[i];
		struct till t = {b, brand_store(b), c->mem, c->now};

		all[i].brand = b->name;
		all[i].store = t.db != NULL;
		all[i].counted = t.db && !payment_count(&t, &all[i].payments);
		all[i].mirrored =
		    t.db && b->conf->rates.refresh &&
		    !mirror_count(t.db, c->mem, b->rates_name, &all[i].rates);
	}
	return all;
}

static void add_states(struct buf *out, const struct account *a)
{
	for (int i = 0; a->counted && i < PAY__MAX; i++)
		buf_print(out,
		    "portico_payments{brand=\"%s\",state=\"%s\"} %" PRId64 "\n",
		    a->brand, payment_state_name((enum payment_state)i),
		    a->payments.states[i]);
}

static void add_figure(
    struct buf *out, const char *name, const struct account *a, int64_t figure)
{
	if (a->counted)
		buf_print(out, "%s{brand=\"%s\"} %" PRId64 "\n", name, a->brand,
		    figure);
}

static void add_accounts(struct buf *out, const struct account *all, size_t n)
{
	static const char alarms[] = "portico_payment_alarms_total";
	static const char overdue[] = "portico_payments_overdue";
	static const char inbox[] = "portico_payment_inbox";

	begin(out, "portico_store_up", "gauge", "Whether the store answers.");
	for (size_t i = 0; i < n; i++)
		buf_print(out, "portico_store_up{brand=\"%s\"} %d\n",
		    all[i].brand, all[i].store);
	begin(out, "portico_payments", "gauge", "Payments by state.");
	for (size_t i = 0; i < n; i++)
		add_states(out, &all[i]);
	begin(out, alarms, "counter", "What a person had to look at.");
	for (size_t i = 0; i < n; i++)
		add_figure(out, alarms, &all[i], all[i].payments.alarms);
	begin(out, overdue, "gauge",
	    "Due for more than 10 minutes: is the reconciler running?");
	for (size_t i = 0; i < n; i++)
		add_figure(out, overdue, &all[i], all[i].payments.overdue);
	begin(out, inbox, "gauge", "Webhooks not yet looked at.");
	for (size_t i = 0; i < n; i++)
		add_figure(out, inbox, &all[i], all[i].payments.inbox);
}

/* --- Rate tables ---------------------------------------------------------- */

static void add_rate_figure(struct buf *out, const char *name,
    const struct account *all, size_t n, size_t offset)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].mirrored)
			buf_print(out, "%s{brand=\"%s\"} %" PRId64 "\n", name,
			    all[i].brand,
			    *(const int64_t *)((const char *)&all[i].rates +
					       offset));
}

#define RATES(field) all, n, offsetof(struct mirror_counts, field)

static void add_rates(struct buf *out, const struct account *all, size_t n)
{
	static const char tables[] = "portico_rate_tables";
	static const char rows[] = "portico_rate_table_rows";
	static const char oldest[] = "portico_rate_table_oldest_seconds";
	static const char failing[] = "portico_rate_tables_failing";

	begin(out, tables, "gauge", "Rate tables that are copied.");
	add_rate_figure(out, tables, RATES(tables));
	begin(out, rows, "gauge", "Their rows.");
	add_rate_figure(out, rows, RATES(rows));
	begin(out, oldest, "gauge",
	    "When the oldest of them was read, in seconds since 1970; 0: there "
	    "is none.");
	add_rate_figure(out, oldest, RATES(oldest));
	begin(out, failing, "gauge",
	    "Rate tables that could not be read the last time.");
	add_rate_figure(out, failing, RATES(failing));
}

enum err metrics_load(struct call *c)
{
	struct account *accounts;
	const char *listener = req_env(c->req, "PORTICO_METRICS");
	struct buf out;

	if (!listener || strcmp(listener, "on") != 0)
		return ERR_NOT_FOUND;
	buf_open(&out, c->mem, 16384);
	add_pool(c->site, &out);
	add_requests(&out);
	add_logins(&out);
	add_backends(&out);
	add_breakers(&out);
	accounts = read_accounts(c);
	add_accounts(&out, accounts, c->site->n_brands);
	add_rates(&out, accounts, c->site->n_brands);
	reply_send(c->reply, 200, "text/plain; version=0.0.4; charset=utf-8",
	    out.data, out.len);
	return ERR_OK;
}
