/* usage_summary.c: usage of a period, added up by day, service, account,
 * package or destination. */
#include "pages/page_chart.h"
#include "pages/page_sums.h"
#include "pages/routes.h"

#include <string.h>

static const char name[] = "usage_summary";

/* Of each grouping the first column is its own. */
static const struct column all_columns[] = {
    {"day", COLUMN_TEXT, false},
    {"service", COLUMN_TEXT, false},
    {"account", COLUMN_TEXT, false},
    {"package", COLUMN_TEXT, false},
    {"code_name", COLUMN_TEXT, false},
    {"events", COLUMN_COUNT, false},
    {"volume", COLUMN_QUANTITY, false},
    {"other", COLUMN_TEXT, false},
    {"cost", COLUMN_MONEY, false},
    {0},
};

enum { ALL = sizeof(all_columns) / sizeof(all_columns[0]), GROUPS = 5 };

#define GROUPINGS "day|service|account|package|code_name"

const struct page_theme usage_summary_theme = {.name = name,
    .columns = all_columns,
    .filters = PAGE_USAGE_FILTERS,
    .groupings = GROUPINGS};

const struct param usage_summary_params[] = {
    PARAM_FROM,
    PARAM_TO,
    PARAM_SERVICE,
    PARAM_ACCOUNT,
    PARAM_PACKAGE,
    {.name = "group_by",
	.type = PARAM_CHOICE,
	.choices = GROUPINGS,
	.standard = "day",
	.about = "What the sums are of."},
    {0},
};

enum { BARS = 12 };

/* --- The answer ----------------------------------------------------------- */

static void put_sum(
    const struct summary *s, struct json_object *o, const struct sum *sum)
{
	struct call *c = s->call;
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct json_object *other;

	json_put_int(o, "events", sum->events);
	/* Without the services nobody knows what is a second. */
	if (s->usage.services->err)
		json_put(o, "volume", NULL);
	else
		put_duration(c, o, "volume", sum->volume);
	put_money(c, o, "cost", sum->cost, currency);
	if (!s->has_other)
		return;
	other = json_put_list(o, "other");
	for (size_t i = 0; i < SUM_UNITS && sum->other[i].unit; i++) {
		struct json_object *pair = json_new(c->mem);

		put_quantity(
		    c, pair, "q", sum->other[i].count, sum->other[i].unit);
		json_put(other, NULL, json_find(pair, "q"));
	}
}

static struct json_object *make_row(
    const struct summary *s, const struct sum *sum)
{
	struct json_object *o = json_new(s->call->mem);
	struct json_object *group = json_put_object(o, "group");

	json_put_text(group, "key", sum->key[0] ? sum->key : NULL);
	json_put_text(group, "text", sum->text);
	put_sum(s, o, sum);
	return o;
}

/* "14 messages" */
static const char *list_other(struct call *c, struct json_object *row)
{
	struct json_object *other = json_find(row, "other");
	struct buf b;

	buf_open(&b, c->mem, 0);
	for (size_t i = 0; i < json_length(other); i++) {
		const char *text = json_find_text(json_at(other, i), "text");

		buf_add_text(&b, b.len ? ", " : "");
		buf_add_text(&b, text ? text : "");
	}
	return b.len ? b.data : NULL;
}

/* The columns of what the sums are of, ended by one without a key. */
static const struct column *make_columns(
    struct call *c, const struct summary *s)
{
	struct column *columns = mem_array(c->mem, ALL, sizeof(*columns));
	size_t n = 0;

	for (size_t i = 0; i < ALL - 1; i++) {
		const char *key = all_columns[i].key;

		if (i < GROUPS ? !strcmp(key, s->group_by)
			       : s->has_other || strcmp(key, "other") != 0)
			columns[n++] = all_columns[i];
	}
	return columns;
}

/* A row as the table has it; files have days as ISO dates. */
static struct json_object *make_table_row(
    struct call *c, const struct summary *s, struct json_object *row)
{
	bool raw = c->req->format != FORMAT_HTML && summary_is_by_day(s);
	struct json_object *o = json_new(c->mem);

	json_put_text(o, s->group_by,
	    json_find_text(json_find(row, "group"), raw ? "key" : "text"));
	json_put(o, "events", json_find(row, "events"));
	json_put(o, "volume", json_find(row, "volume"));
	json_put_text(o, "other", list_other(c, row));
	json_put(o, "cost", json_find(row, "cost"));
	return o;
}

/* --- What only the template sees ------------------------------------------ */

static const char *make_bar_label(
    struct call *c, const struct summary *s, const struct sum *sum)
{
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct fmt_arg args[] = {{sum->text, 0},
	    {fmt_money(c->mem, c->fmt, sum->cost, currency), 0},
	    {NULL, (double)sum->events}};

	return page_text_args(c, "usage_summary.bar", args, 3);
}

static void put_days_chart(
    struct call *c, const struct summary *s, const char *currency)
{
	struct chart_bar *bars = mem_array(c->mem, s->n, sizeof(*bars));
	int64_t start = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct sum *sum = &s->sums[i];

		fmt_day_start(sum->key, 0, c->zone, &start);
		bars[i] = (struct chart_bar){make_bar_label(c, s, sum),
		    fmt_time(c->mem, c->fmt, start, c->zone, FMT_DATE_SHORT),
		    sum->cost};
	}
	page_put_chart(
	    c, page_text(c, "usage_summary.chart"), bars, s->n, currency);
}

/* The first of them, and the others as one. */
static void put_lying_bars(
    struct call *c, const struct summary *s, const char *currency)
{
	size_t n = s->n > BARS + 1 ? BARS : s->n;
	struct chart_bar *bars = mem_array(c->mem, n + 1, sizeof(*bars));
	struct fmt_arg count = {NULL, (double)(s->n - n)};
	struct sum others = {0};

	for (size_t i = 0; i < n; i++)
		bars[i] = (struct chart_bar){make_bar_label(c, s, &s->sums[i]),
		    s->sums[i].text, s->sums[i].cost};
	for (size_t i = n; i < s->n; i++)
		sum_add(&others, &s->sums[i]);
	others.text = page_text_args(c, "usage_summary.others", &count, 1);
	bars[n] = (struct chart_bar){
	    make_bar_label(c, s, &others), others.text, others.cost};
	page_put_bars(c, bars, n < s->n ? n + 1 : n, currency);
}

/* The last line of the table: cells under its columns. */
static void put_total_row(
    struct call *c, const struct summary *s, struct json_object *total)
{
	struct json_object *columns = json_find(c->ui, "columns");
	struct json_object *cells = json_put_list(c->ui, "total_cells"), *o;

	for (size_t i = 0; i < json_length(columns); i++) {
		struct json_object *column = json_at(columns, i);
		const char *key = json_find_text(column, "key");
		const char *text =
		    json_find_text(json_find(total, key), "text");

		if (!strcmp(key, s->group_by))
			text = page_text(c, "usage_summary.total");
		else if (!strcmp(key, "events"))
			text = fmt_count(c->mem, c->fmt, s->total.events);
		else if (!strcmp(key, "other"))
			text = list_other(c, total);
		o = json_new(c->mem);
		json_put(cells, NULL, o);
		json_put_text(o, "text", text);
		json_put(o, "label", json_find(column, "label"));
		json_put(o, "numeric", json_find(column, "numeric"));
		json_put_flag(o, "head", !strcmp(key, s->group_by));
	}
}

static void put_groupings(struct call *c, const struct summary *s)
{
	struct json_object *list =
	    json_put_list(json_find(c->ui, "filters"), "group_by");

	for (size_t i = 0; i < GROUPS; i++) {
		const char *key = all_columns[i].key;

		if (!page_theme_has(c, name, "groupings", key))
			continue;
		page_add_option(list, "value", key,
		    page_text(
			c, mem_print(c->mem, "usage_summary.group.%s", key)),
		    !strcmp(key, s->group_by));
	}
}

static void fill_ui(struct call *c, const struct summary *s)
{
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct json_object *rows = json_find(c->model, "rows");
	struct json_object *list = json_new_list(c->mem);

	for (size_t i = 0; i < json_length(rows); i++)
		json_put(list, NULL, make_table_row(c, s, json_at(rows, i)));
	page_put_table(c, name, make_columns(c, s), list);
	put_total_row(c, s, json_find(c->model, "total"));
	put_groupings(c, s);
	json_put_flag(c->ui, "counted", s->counted);
	json_put_int(c->ui, "counted_rows", (int64_t)s->n_counted);
	json_put_flag(c->ui, "partial", s->partial);
	if (!s->n || money_sign(s->total.cost) <= 0)
		return;
	if (summary_is_by_day(s))
		put_days_chart(c, s, currency);
	else
		put_lying_bars(c, s, currency);
}

static void show(struct call *c, const struct summary *s)
{
	struct json_object *rows = json_put_list(c->model, "rows");

	for (size_t i = 0; i < s->n; i++)
		json_put(rows, NULL, make_row(s, &s->sums[i]));
	put_sum(s, json_put_object(c->model, "total"), &s->total);
	page_put_usage_filters(c, name, &s->usage);
	json_put_text(json_find(c->model, "filters"), "group_by", s->group_by);
	if (s->counted) {
		json_put_int(c->model, "counted", (int64_t)s->n_counted);
		json_put_flag(c->model, "partial", s->partial);
	}
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, s);
}

/* People see the theme's first grouping where it does not have the standard
 * one; for programs a theme changes nothing. */
static const char *find_grouping(struct call *c)
{
	const char *standard = req_text(c->req, "group_by");

	if (req_raw(c->req, "group_by") || c->req->format == FORMAT_JSON ||
	    page_theme_has(c, name, "groupings", standard))
		return standard;
	for (size_t i = 0; i < GROUPS; i++)
		if (page_theme_has(c, name, "groupings", all_columns[i].key))
			return all_columns[i].key;
	return standard;
}

static enum err ask(
    struct call *c, struct summary *s, struct vcs_usage **answer)
{
	static const enum vcs_group by[] = {['d'] = VCS_BY_DAY,
	    ['s'] = VCS_BY_SERVICE,
	    ['a'] = VCS_BY_ACCOUNT,
	    ['p'] = VCS_BY_ACCOUNT,
	    ['c'] = VCS_BY_NAME};
	enum err err = page_begin_usage(c, &s->usage);

	s->call = c;
	s->group_by = find_grouping(c);
	if (err)
		return err;
	*answer =
	    vcs_ask_usage(c->trip, s->usage.period.start, s->usage.period.end,
		by[(unsigned char)s->group_by[0]], &s->usage.filter);
	return page_go_usage(c, &s->usage);
}

#define SUMS "events:int volume:quantity? cost:money ~other[:quantity]"

const char usage_summary_answer[] =
    "rows[group{key? text} " SUMS "] total{" SUMS "} "
    "filters{" SHAPE_USAGE_FILTERS " group_by} ~counted:int ~partial:flag";

enum err usage_summary_load(struct call *c)
{
	struct summary s = {0};
	struct vcs_usage *answer;
	enum err err = ask(c, &s, &answer);

	if (err)
		return err;
	err = summary_read(&s, answer);
	if (page_section(c, "rows", err))
		show(c, &s);
	return page_end(c);
}

/* --- Files ---------------------------------------------------------------- */

static enum err fetch(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct summary *s = state;

	for (; *taken < s->n; ++*taken) {
		struct json_object *row = make_row(s, &s->sums[*taken]);

		json_put(list, NULL, make_table_row(c, s, row));
	}
	return ERR_OK;
}

enum err usage_summary_export(struct call *c)
{
	struct summary s = {0};
	struct vcs_usage *answer;
	struct fmt_arg count = {NULL, 0};
	enum err err = ask(c, &s, &answer);

	/* Nothing may be sent before the ids are right: once more, please. */
	if (!err && vcs_kept_changed(c->trip))
		err = ERR_BUSY;
	if (!err)
		err = summary_read(&s, answer);
	if (err)
		return err == ERR_RULE ? ERR_UPSTREAM : err;
	count.number = (double)s.n_counted;
	if (s.counted)
		c->notice = page_text_args(c,
		    s.partial ? "usage_summary.partial"
			      : "usage_summary.counted",
		    &count, 1);
	return page_export(
	    c, name, make_columns(c, &s), &s.usage.period, fetch, &s);
}
