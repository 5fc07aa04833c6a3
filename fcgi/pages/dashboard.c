/* dashboard.c: live balance, 30 days of usage, the latest calls. */
#include "pages/page_chart.h"
#include "pages/page_sums.h"
#include "pages/routes.h"

#include <string.h>

enum { DAYS = 30, RECENT = 10 };

/* One day of the series. */
struct day {
	const char *date; /* YYYY-MM-DD */
	int64_t start;	  /* its first moment */
	struct sum sum;
	const char *text; /* its cost */
};

struct span {
	struct summary summary;	   /* of VCS's answer, day by day */
	struct day days[DAYS + 1]; /* the last one is none */
	struct sum total;
	const char *currency;
};

static void make_period(struct call *c, struct span *p)
{
	const char *today = fmt_iso_day(c->mem, c->now, c->zone);
	struct period *period = &p->summary.usage.period;

	p->summary.call = c;
	p->summary.group_by = "day";
	for (int i = 0; i < DAYS; i++) {
		struct day *d = &p->days[i];

		fmt_day_start(today, i - DAYS + 1, c->zone, &d->start);
		/* Twelve hours on it is the same day in any zone. */
		d->date = fmt_iso_day(c->mem, d->start + 43200, c->zone);
	}
	*period = (struct period){.from = p->days[0].date,
	    .to = today,
	    .start = p->days[0].start,
	    .days = DAYS};
	fmt_day_start(today, 1, c->zone, &period->end);
	period->end--;
}

static void fill_balance(struct call *c)
{
	const struct vcs_client *client = c->client;
	struct json_object *o = json_put_object(c->model, "client");

	json_put_int(o, "id", c->session->client_id);
	json_put_text(
	    o, "name", client->err ? c->session->login : client->name);
	page_put_balance(c, client);
}

/* --- Usage ---------------------------------------------------------------- */

/* Days that were not asked for are passed over. */
static enum err add_up(struct span *p, const struct vcs_usage *answer)
{
	const struct summary *s = &p->summary;
	enum err err = summary_collect(&p->summary, answer);

	p->currency = vcs_find_currency(s->call->trip, s->currency);
	for (size_t i = 0; i < s->n && !err; i++)
		for (struct day *d = p->days; d->date; d++) {
			if (strcmp(d->date, s->sums[i].key) != 0)
				continue;
			d->sum = s->sums[i];
			if (!sum_add(&p->total, &d->sum))
				err = ERR_UPSTREAM;
			break;
		}
	return err;
}

/* Messages have no duration. */
static void put_sum(struct call *c, struct json_object *o,
    const struct sum *sum, const char *currency)
{
	put_money(c, o, "total", sum->cost, currency);
	put_duration(c, o, "volume", sum->volume);
	json_put_int(o, "events", sum->events);
}

static void fill_series(
    struct call *c, struct json_object *usage, struct span *p)
{
	struct json_object *series = json_put_list(usage, "series");

	for (int i = 0; i < DAYS; i++) {
		struct day *d = &p->days[i];
		struct json_object *o = json_new(c->mem);

		json_put(series, NULL, o);
		json_put_text(o, "date", d->date);
		put_sum(c, o, &d->sum, p->currency);
		d->text = json_find_text(json_find(o, "total"), "text");
	}
}

static void fill_chart(struct call *c, const struct span *p)
{
	struct chart_bar bars[DAYS];

	for (int i = 0; i < DAYS; i++) {
		const struct day *d = &p->days[i];
		const char *date =
		    fmt_time(c->mem, c->fmt, d->start, c->zone, FMT_DATE_SHORT);
		struct fmt_arg args[] = {
		    {date, 0}, {d->text, 0}, {NULL, (double)d->sum.events}};

		bars[i] = (struct chart_bar){
		    page_text_args(c, "dashboard.chart_bar", args, 3), date,
		    d->sum.cost};
	}
	page_put_chart(
	    c, page_text(c, "dashboard.chart"), bars, DAYS, p->currency);
}

static void fill_usage_ui(struct call *c, const struct span *p)
{
	const struct summary *s = &p->summary;
	const struct period *period = &s->usage.period;
	struct json_object *texts = json_put_object(c->ui, "period");

	json_put_text(texts, "from_text",
	    fmt_time(c->mem, c->fmt, period->start, c->zone, FMT_DATE));
	json_put_text(texts, "to_text",
	    fmt_time(c->mem, c->fmt, period->end, c->zone, FMT_DATE));
	json_put_flag(c->ui, "usage_empty", p->total.events == 0);
	json_put_flag(c->ui, "counted", s->counted);
	json_put_flag(c->ui, "partial", s->partial);
	json_put_int(c->ui, "counted_rows", (int64_t)s->n_counted);
	fill_chart(c, p);
}

static void fill_usage(
    struct call *c, struct span *p, const struct vcs_usage *answer)
{
	const struct summary *s = &p->summary;
	struct json_object *usage;

	if (!page_section(c, "usage", add_up(p, answer)))
		return;
	usage = json_put_object(c->model, "usage");
	json_put_text(usage, "from", s->usage.period.from);
	json_put_text(usage, "to", s->usage.period.to);
	put_sum(c, usage, &p->total, p->currency);
	if (s->counted) {
		json_put_int(usage, "counted", (int64_t)s->n_counted);
		json_put_flag(usage, "partial", s->partial);
	}
	fill_series(c, usage, p);
	if (c->req->format == FORMAT_HTML)
		fill_usage_ui(c, p);
}

/* --- The latest calls ----------------------------------------------------- */

static void fill_recent(struct call *c, const struct vcs_xdrs *xdrs,
    const struct vcs_names *accounts, const struct vcs_names *services)
{
	struct json_object *list;

	if (!page_section(c, "recent", xdrs->err))
		return;
	list = json_put_list(c->model, "recent");
	for (size_t i = 0; i < xdrs->n && i < RECENT; i++)
		json_put(list, NULL,
		    page_make_xdr(c, &xdrs->rows[i], accounts, services));
	json_put_flag(c->ui, "recent_empty", xdrs->n == 0);
}

const char dashboard_answer[] =
    "client{id:int name} " SHAPE_BALANCE "? "
    "usage{from:date to:date total:money volume:quantity events:int "
    "~counted:int ~partial:flag "
    "series[date:date total:money volume:quantity events:int]}? "
    "recent[" SHAPE_XDR "]?";

enum err dashboard_load(struct call *c)
{
	struct span *p = mem_alloc(c->mem, sizeof(*p));
	struct usage *u = &p->summary.usage;
	struct vcs_usage *usage;
	struct vcs_xdrs *recent;
	enum err err;

	make_period(c, p);
	u->accounts = vcs_ask_accounts(c->trip);
	u->services = vcs_ask_services(c->trip);
	usage = vcs_ask_usage(c->trip, u->period.start, u->period.end,
	    VCS_BY_DAY, &(struct vcs_filter){0});
	recent = vcs_ask_xdrs(c->trip,
	    &(struct vcs_xdr_query){
		.from = u->period.start, .to = u->period.end, .limit = RECENT});
	err = page_go(c);
	if (err)
		return err;
	fill_balance(c);
	fill_usage(c, p, usage);
	fill_recent(c, recent, u->accounts, u->services);
	json_put_text(c->ui, "refill_url", "/api/refill");
	json_put_text(c->ui, "details_url", "/api/usage/detailed");
	return page_end(c);
}
