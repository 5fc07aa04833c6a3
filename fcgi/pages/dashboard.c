/* dashboard.c: live balance, 30 days of usage, the latest calls. */
#include "pages/page_chart.h"
#include "pages/page_usage.h"
#include "pages/routes.h"

#include <stdlib.h>
#include <string.h>

enum { DAYS = 30, RECENT = 10 };

/* One day of the series. */
struct day {
	const char *date; /* YYYY-MM-DD */
	int64_t start;	  /* its first moment */
	struct money total;
	int64_t volume, events;
	const char *text; /* the total */
};

struct span {
	const char *from, *to;	   /* days */
	int64_t start, end;	   /* first and last second */
	struct day days[DAYS + 1]; /* the last one is none */
};

static void make_period(struct call *c, struct span *p)
{
	const char *today = fmt_iso_day(c->mem, c->now, c->zone);

	for (int i = 0; i < DAYS; i++) {
		struct day *d = &p->days[i];

		fmt_day_start(today, i - DAYS + 1, c->zone, &d->start);
		/* Twelve hours on it is the same day in any zone. */
		d->date = fmt_iso_day(c->mem, d->start + 43200, c->zone);
	}
	p->from = p->days[0].date;
	p->to = today;
	p->start = p->days[0].start;
	fmt_day_start(today, 1, c->zone, &p->end);
	p->end--;
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

static bool is_time(const struct vcs_names *services, int64_t service)
{
	const struct vcs_name *s = vcs_find_name(services, service);

	return !s || !strcmp(s->unit, "s");
}

/* Looks first where the row before was. The end of the days: it is none. */
static struct day *find_day(struct span *p, struct day *last, const char *day)
{
	if (last->date && !strncmp(last->date, day, 10))
		return last;
	for (last = p->days; last->date; last++)
		if (!strncmp(last->date, day, 10))
			break;
	return last;
}

/* False: a sum does not fit, so the figures are no use. */
static bool add_up(struct span *p, const struct vcs_usage *usage,
    const struct vcs_names *services)
{
	struct day *d = p->days;

	for (size_t i = 0; i < usage->n; i++) {
		const struct vcs_usage_row *row = &usage->rows[i];

		d = find_day(p, d, row->day);
		if (!d->date)
			continue;
		d->events += row->events;
		/* Messages have no duration. */
		if (is_time(services, row->service))
			d->volume += row->volume;
		if (!money_add(d->total, row->cost, &d->total))
			return false;
	}
	return true;
}

static void fill_series(
    struct call *c, struct json_object *usage, struct span *p)
{
	struct json_object *series = json_put_list(usage, "series");

	for (int i = 0; i < DAYS; i++) {
		struct day *d = &p->days[i];
		struct json_object *o = json_object_new_object();

		json_put(series, NULL, o);
		json_put_text(o, "date", d->date);
		put_money(c, o, "total", d->total, c->currency);
		d->text = json_find_text(json_find(o, "total"), "text");
		put_duration(c, o, "volume", d->volume);
		json_put_int(o, "events", d->events);
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
		    {date, 0}, {d->text, 0}, {NULL, (double)d->events}};

		bars[i] = (struct chart_bar){
		    page_text_args(c, "dashboard.chart_bar", args, 3), date,
		    d->total};
	}
	page_put_chart(
	    c, page_text(c, "dashboard.chart"), bars, DAYS, c->currency);
}

static void fill_usage(struct call *c, struct span *p,
    const struct vcs_usage *answer, const struct vcs_names *services)
{
	struct day sum = {0};
	struct json_object *usage, *texts;
	enum err err = answer->err;

	if (!err && !add_up(p, answer, services))
		err = ERR_UPSTREAM;
	for (int i = 0; i < DAYS && !err; i++) {
		sum.events += p->days[i].events;
		sum.volume += p->days[i].volume;
		if (!money_add(sum.total, p->days[i].total, &sum.total))
			err = ERR_UPSTREAM;
	}
	if (!page_section(c, "usage", err))
		return;
	usage = json_put_object(c->model, "usage");
	json_put_text(usage, "from", p->from);
	json_put_text(usage, "to", p->to);
	put_money(c, usage, "total", sum.total, c->currency);
	put_duration(c, usage, "volume", sum.volume);
	json_put_int(usage, "events", sum.events);
	fill_series(c, usage, p);
	if (c->req->format != FORMAT_HTML)
		return;
	texts = json_put_object(c->ui, "period");
	json_put_text(texts, "from_text",
	    fmt_time(c->mem, c->fmt, p->start, c->zone, FMT_DATE));
	json_put_text(texts, "to_text",
	    fmt_time(c->mem, c->fmt, p->end, c->zone, FMT_DATE));
	json_put_flag(c->ui, "usage_empty", sum.events == 0);
	fill_chart(c, p);
}

/* --- The latest calls ------------------------------------------------------
 */

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
    "series[date:date total:money volume:quantity events:int]}? "
    "recent[" SHAPE_XDR "]?";

enum err dashboard_load(struct call *c)
{
	struct span *p = mem_alloc(c->mem, sizeof(*p));
	struct vcs_names *accounts, *services;
	struct vcs_usage *usage;
	struct vcs_xdrs *recent;
	enum err err;

	make_period(c, p);
	accounts = vcs_ask_accounts(c->trip);
	services = vcs_ask_services(c->trip);
	usage = vcs_ask_usage(
	    c->trip, p->start, p->end, VCS_BY_DAY, &(struct vcs_filter){0});
	recent = vcs_ask_xdrs(
	    c->trip, &(struct vcs_xdr_query){
			 .from = p->start, .to = p->end, .limit = RECENT});
	err = page_go(c);
	if (err)
		return err;
	fill_balance(c);
	fill_usage(c, p, usage, services);
	fill_recent(c, recent, accounts, services);
	json_put_text(c->ui, "refill_url", "/api/refill");
	json_put_text(c->ui, "details_url", "/api/usage/detailed");
	return page_end(c);
}
