/* dashboard.c: live balance, 30 days of usage, the latest calls. */
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

struct period {
	const char *from, *to;	   /* days */
	int64_t start, end;	   /* first and last second */
	struct day days[DAYS + 1]; /* the last one is none */
};

static void make_period(struct call *c, struct period *p)
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
	enum err err = client->err;
	struct json_object *o;

	o = json_put_object(c->model, "client");
	json_put_int(o, "id", c->session->client_id);
	json_put_text(o, "name", err ? c->session->login : client->name);
	if (!err && !client->has_balance)
		err = ERR_UPSTREAM;
	if (!page_section(c, "balance", err))
		return;
	o = json_put_object(c->model, "balance");
	put_money(c, o, "live", client->balance, c->currency);
	put_money(c, o, "credit", client->credit, c->currency);
	put_money(c, o, "available", client->available, c->currency);
}

/* --- Usage ---------------------------------------------------------------- */

static bool is_time(const struct vcs_names *services, int64_t service)
{
	const struct vcs_name *s = vcs_find_name(services, service);

	return !s || !strcmp(s->unit, "s");
}

/* Looks first where the row before was. The end of the days: it is none. */
static struct day *find_day(struct period *p, struct day *last, const char *day)
{
	if (last->date && !strncmp(last->date, day, 10))
		return last;
	for (last = p->days; last->date; last++)
		if (!strncmp(last->date, day, 10))
			break;
	return last;
}

/* False: a sum does not fit, so the figures are no use. */
static bool add_up(struct period *p, const struct vcs_usage *usage,
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
    struct call *c, struct json_object *usage, struct period *p)
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

/* --- The chart: only numbers here, drawn by the template -------------------
 */

enum {
	WIDTH = 720,
	HEIGHT = 220,
	LEFT = 60, /* the amounts stand before the bars */
	TOP = 24,
	BASE = 192,
	STEP = (WIDTH - LEFT) / DAYS
};

static void put_line(struct call *c, struct json_object *chart, const char *key,
    int64_t y, struct money value)
{
	struct json_object *line = json_put_object(chart, key);

	json_put_int(line, "y", y);
	json_put_text(
	    line, "text", fmt_money(c->mem, c->fmt, value, c->currency));
}

static void put_bar(struct call *c, struct json_object *bars, int i,
    const struct day *d, struct money most)
{
	int64_t height = money_share(d->total, most, BASE - TOP);
	const char *date =
	    fmt_time(c->mem, c->fmt, d->start, c->zone, FMT_DATE_SHORT);
	struct fmt_arg args[] = {
	    {date, 0}, {d->text, 0}, {NULL, (double)d->events}};
	struct json_object *o = json_object_new_object();

	if (height < 2 && money_sign(d->total) > 0)
		height = 2;
	if (height < 0)
		height = 0;
	json_put(bars, NULL, o);
	json_put_int(o, "x", LEFT + i * STEP + 3);
	json_put_int(o, "y", BASE - height);
	json_put_int(o, "width", STEP - 6);
	json_put_int(o, "height", height);
	json_put_text(
	    o, "label", page_text_args(c, "dashboard.chart_bar", args, 3));
	json_put_text(o, "short", date);
	json_put_flag(o, "show_label", i % 7 == 3);
	json_put_int(o, "label_x", LEFT + i * STEP + STEP / 2);
}

static struct money find_most(const struct period *p)
{
	struct money most = p->days[0].total;

	for (int i = 1; i < DAYS; i++)
		if (money_compare(p->days[i].total, most) > 0)
			most = p->days[i].total;
	return most;
}

static void fill_chart(struct call *c, const struct period *p)
{
	static const struct money half = {5, 1};
	struct json_object *chart = json_put_object(c->ui, "chart"), *bars;
	struct money most = find_most(p), middle;

	json_put_int(chart, "width", WIDTH);
	json_put_int(chart, "height", HEIGHT);
	json_put_int(chart, "base_y", BASE);
	json_put_text(chart, "label", page_text(c, "dashboard.chart"));
	put_line(c, chart, "max", TOP, most);
	if (money_mul(most, half, &middle))
		put_line(c, chart, "mid", (TOP + BASE) / 2, middle);
	bars = json_put_list(chart, "bars");
	for (int i = 0; i < DAYS; i++)
		put_bar(c, bars, i, &p->days[i], most);
}

static void fill_usage(struct call *c, struct period *p,
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

static void put_named(struct json_object *o, const char *key, int64_t id,
    const struct vcs_name *name)
{
	struct json_object *named = json_put_object(o, key);

	json_put_int(named, "id", id);
	json_put_text(named, "name", name ? name->name : NULL);
}

static void put_xdr(struct call *c, struct json_object *list,
    const struct vcs_xdr *x, const struct vcs_names *accounts,
    const struct vcs_names *services)
{
	const char *currency = vcs_find_currency(c->trip, x->currency);
	const struct vcs_name *service = vcs_find_name(services, x->service);
	struct json_object *o = json_object_new_object();

	json_put(list, NULL, o);
	json_put_int(o, "id", x->id);
	put_time(c, o, "time", x->time);
	put_named(
	    o, "account", x->account, vcs_find_name(accounts, x->account));
	json_put_text(o, "source", x->source);
	json_put_text(o, "destination", x->destination);
	json_put_text(o, "code", x->code);
	json_put_text(o, "name", x->name);
	put_named(o, "service", x->service, service);
	put_quantity(
	    c, o, "duration", x->duration, service ? service->unit : "s");
	if (x->has_rate)
		put_price(c, o, "rate", x->rate, currency);
	else
		json_put(o, "rate", NULL);
	if (x->has_cost)
		put_money(c, o, "cost", x->cost, currency);
	else
		json_put(o, "cost", NULL);
}

static void fill_recent(struct call *c, const struct vcs_xdrs *xdrs,
    const struct vcs_names *accounts, const struct vcs_names *services)
{
	struct json_object *list;

	if (!page_section(c, "recent", xdrs->err))
		return;
	list = json_put_list(c->model, "recent");
	for (size_t i = 0; i < xdrs->n && i < RECENT; i++)
		put_xdr(c, list, &xdrs->rows[i], accounts, services);
	json_put_flag(c->ui, "recent_empty", xdrs->n == 0);
}

enum err dashboard_load(struct call *c)
{
	struct period *p = mem_alloc(c->mem, sizeof(*p));
	struct vcs_names *accounts, *services;
	struct vcs_usage *usage;
	struct vcs_xdrs *recent;
	enum err err;

	make_period(c, p);
	accounts = vcs_ask_accounts(c->trip);
	services = vcs_ask_services(c->trip);
	usage = vcs_ask_usage(c->trip, p->start, p->end);
	recent = vcs_ask_xdrs(c->trip, p->start, p->end, RECENT, 0);
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
