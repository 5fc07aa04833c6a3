/* page_table.c: columns, cells, pagers and periods of pages that are tables. */
#include "pages/page_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages/page_cell.h"
#include "pages/page_serve.h"

static const char dash[] = "\xe2\x80\x93"; /* for what is missing */

static const struct column *find_column(
    const struct column *columns, const char *key)
{
	for (; columns->key; columns++)
		if (key && !strcmp(columns->key, key))
			return columns;
	return NULL;
}

/* The columns that theme.json wants, in its order; all where it is silent. */
const struct column **page_choose_columns(
    struct call *c, const char *name, const struct column *columns, size_t *n)
{
	struct json_object *theme = json_find(c->brand->theme, name), *keys;
	size_t all = 0;
	const struct column **chosen, *found;

	keys = page_is_file(c) ? json_find(theme, "files") : NULL;
	if (!keys)
		keys = json_find(theme, "columns");
	while (columns[all].key)
		all++;
	chosen =
	    mem_array(c->mem, all + json_length(keys) + 1, sizeof(*chosen));
	*n = 0;
	for (size_t i = 0; !keys && i < all; i++)
		chosen[(*n)++] = &columns[i];
	for (size_t i = 0; i < json_length(keys); i++) {
		found = find_column(columns, json_text(json_at(keys, i), NULL));
		if (found)
			chosen[(*n)++] = found;
	}
	return chosen;
}

const char *page_column_label(
    struct call *c, const char *name, const struct column *column)
{
	return page_text(c, mem_join(c->mem, name, ".column.", column->key));
}

static bool is_numeric(const struct column *column)
{
	return column->kind == COLUMN_MONEY ||
	       column->kind == COLUMN_QUANTITY || column->kind == COLUMN_COUNT;
}

static void put_column(struct call *c, struct json_object *list,
    const char *name, const struct column *column)
{
	const char *sort = column->sorts ? req_text(c->req, "sort") : NULL;
	bool descending = sort && sort[0] == '-';
	bool sorted = sort && !strcmp(sort + descending, column->key);
	struct json_object *o = json_new(c->mem);

	json_put(list, NULL, o);
	json_put_text(o, "key", column->key);
	json_put_text(o, "label", page_column_label(c, name, column));
	json_put_flag(o, "numeric", is_numeric(column));
	json_put_flag(o, "sorts", column->sorts);
	if (!column->sorts)
		return;
	json_put_text(o, "sort_url",
	    page_url(c, "sort",
		sorted && !descending ? mem_join(c->mem, "-", column->key, "")
				      : column->key));
	json_put_text(o, "sorted",
	    !sorted	 ? "none"
	    : descending ? "descending"
			 : "ascending");
	json_put_flag(o, "is_sorted", sorted);
	json_put_flag(o, "descending", descending);
}

/* A word of VCS's that nobody has a text for stands as it is. */
static const char *find_state(
    struct call *c, const char *name, const char *word)
{
	const char *key = mem_join(c->mem, name, ".state.", word);

	return fmt_pattern(c->fmt, key) ? page_text(c, key) : word;
}

static const char *make_text(struct call *c, const char *name,
    const struct column *column, struct json_object *value)
{
	const char *word;
	int64_t when, n;

	switch (column->kind) {
	case COLUMN_NAMED:
		return json_find_text(value, "name");
	case COLUMN_MONEY:
	case COLUMN_QUANTITY:
	case COLUMN_TIME:
		return json_find_text(value, "text");
	case COLUMN_DAY:
		word = json_find_text(value, "iso");
		return word && fmt_parse_time(word, c->zone, &when)
			   ? fmt_time(c->mem, c->fmt, when, c->zone, FMT_DATE)
			   : NULL;
	case COLUMN_COUNT:
		return json_int(value, &n) ? fmt_count(c->mem, c->fmt, n)
					   : NULL;
	case COLUMN_STATE:
		word = json_plain(value);
		return word ? find_state(c, name, word) : NULL;
	default:
		return json_plain(value);
	}
}

const char *page_cell_text(struct call *c, const char *name,
    const struct column *column, struct json_object *row)
{
	return make_text(c, name, column, json_find(row, column->key));
}

/* What stands out where it is narrow: theme.json's NAME.brief, a lead and a
 * value; the first and the last column where it is silent. */
static size_t find_brief(struct call *c, const char *name,
    const struct column **chosen, size_t n, size_t i, size_t standard)
{
	struct json_object *brief =
	    json_find(json_find(c->brand->theme, name), "brief");
	const char *key = json_text(json_at(brief, i), NULL);

	for (size_t j = 0; key && j < n; j++)
		if (!strcmp(chosen[j]->key, key))
			return j;
	return standard;
}

/* A column as a table shows it. */
struct shown {
	const struct column *column;
	struct json_column values; /* in the rows of the model */
	struct json_object *label;
	bool lead, value;
	struct json_object *cell, *dash; /* what its cells have in common; NULL:
					  * no row needed it yet */
};

static const char *make_class(
    struct call *c, const struct shown *x, bool numeric, bool muted)
{
	struct buf b;

	buf_open(&b, c->mem, 64);
	if (numeric)
		buf_add_text(&b, "num");
	if (x->column->kind == COLUMN_CODE)
		buf_add_text(&b, " code");
	if (muted)
		buf_add_text(&b, " soft");
	if (x->lead)
		buf_add_text(&b, " brief-lead");
	if (x->value)
		buf_add_text(&b, " brief-value");
	return b.data;
}

/* Most of a cell is its column's: it is made once, with the text to come. */
static struct json_object *make_cell(
    struct call *c, const struct shown *x, bool muted)
{
	bool numeric = is_numeric(x->column);
	struct json_object *o = json_new(c->mem);

	json_put(o, "label", x->label);
	json_put_text(o, "class", make_class(c, x, numeric, muted));
	json_put_flag(o, "numeric", numeric);
	json_put_flag(o, "code", x->column->kind == COLUMN_CODE);
	json_put_flag(o, "muted", muted);
	json_put_flag(o, "lead", x->lead);
	json_put_flag(o, "value", x->value);
	if (muted)
		json_put_text(o, "text", dash);
	return o;
}

static void put_cell(struct call *c, struct json_object *cells,
    const char *name, struct shown *x, struct json_object *row)
{
	struct json_object *value = json_find_column(row, &x->values), *o;
	const char *text = make_text(c, name, x->column, value);
	bool missing = !text || !*text;
	struct json_object **common = missing ? &x->dash : &x->cell;

	if (!*common)
		*common = make_cell(c, x, missing);
	o = json_copy(c->mem, *common);
	json_put(cells, NULL, o);
	if (!missing)
		json_put_text(o, "text", text);
	if (x->column->kind == COLUMN_STATE)
		json_put_text(o, "state", json_plain(value));
}

static void put_files(struct call *c)
{
	const char *self = page_url(c, "page", NULL);
	const char *query = strchr(self, '?');

	if (!c->page->export)
		return;
	json_put_text(c->ui, "csv_url",
	    mem_join(c->mem, c->req->path, ".csv", query ? query : ""));
	json_put_text(c->ui, "xlsx_url",
	    mem_join(c->mem, c->req->path, ".xlsx", query ? query : ""));
}

static struct shown *show_columns(
    struct call *c, const char *name, const struct column *columns, size_t *n)
{
	struct json_object *head = json_put_list(c->ui, "columns");
	const struct column **chosen = page_choose_columns(c, name, columns, n);
	size_t lead = find_brief(c, name, chosen, *n, 0, 0);
	size_t value = find_brief(c, name, chosen, *n, 1, *n - 1);
	struct shown *shown = mem_array(c->mem, *n, sizeof(*shown));

	for (size_t i = 0; i < *n; i++) {
		put_column(c, head, name, chosen[i]);
		shown[i].column = chosen[i];
		shown[i].values = json_make_column(chosen[i]->key);
		shown[i].label = json_find(json_at(head, i), "label");
		shown[i].lead = i == lead;
		shown[i].value = i == value;
	}
	return shown;
}

void page_put_table(struct call *c, const char *name,
    const struct column *columns, struct json_object *list)
{
	struct json_object *rows, *row, *cells;
	struct json_column id = json_make_column("id");
	size_t n, length = json_length(list);
	struct shown *shown = show_columns(c, name, columns, &n);

	rows = json_put_list(c->ui, "rows");
	for (size_t i = 0; i < length; i++) {
		row = json_put_object(rows, NULL);
		json_put(row, "id", json_find_column(json_at(list, i), &id));
		cells = json_put_list(row, "cells");
		for (size_t j = 0; j < n; j++)
			put_cell(c, cells, name, &shown[j], json_at(list, i));
	}
	json_put_flag(c->ui, "empty", length == 0);
	put_files(c);
}

static const char *print_number(struct call *c, int64_t n)
{
	return json_text(json_new_int(c->mem, n), NULL);
}

void page_put_pager(struct call *c, size_t n, bool more)
{
	struct json_object *page = json_put_object(c->model, "page");
	struct json_object *pager = json_put_object(c->ui, "pager");
	int64_t number = req_number(c->req, "page");
	int64_t size = req_number(c->req, "size");

	json_put_int(page, "number", number);
	json_put_int(page, "size", size);
	json_put_flag(page, "more", more);

	json_put_int(pager, "number", number);
	json_put_int(pager, "first", (number - 1) * size + 1);
	json_put_int(pager, "last", (number - 1) * size + (int64_t)n);
	json_put_flag(pager, "has_previous", number > 1);
	json_put_flag(pager, "has_next", more);
	json_put_text(pager, "previous_url",
	    page_url(c, "page", print_number(c, number - 1)));
	json_put_text(pager, "next_url",
	    page_url(c, "page", print_number(c, number + 1)));
}

/* --- Periods -------------------------------------------------------------- */

/* This page with another period and its other parameters as they are:
 * page_url() changes one, these are two. */
static const char *make_period_url(
    struct call *c, const char *from, const char *to)
{
	struct buf b;

	buf_open(&b, c->mem, 0);
	buf_print(&b, "%s?from=%s&to=%s", c->req->path, from, to);
	for (const struct param *p = c->page->params; p->name; p++) {
		const char *now = req_text(c->req, p->name);

		if (now && strcmp(p->name, "from") != 0 &&
		    strcmp(p->name, "to") != 0 &&
		    strcmp(p->name, "page") != 0 &&
		    !(p->standard && !strcmp(now, p->standard)))
			buf_print(
			    &b, "&%s=%s", p->name, req_encode(c->mem, now));
	}
	return b.data;
}

static void put_preset(struct call *c, const struct period *now,
    const char *key, const char *from, const char *to)
{
	struct json_object *list = json_find(c->ui, "presets"), *o;
	const char *url = make_period_url(c, from, to);

	if (!list)
		list = json_put_list(c->ui, "presets");
	o = json_new(c->mem);
	json_put(list, NULL, o);
	json_put_text(o, "key", key);
	json_put_text(
	    o, "label", page_text(c, mem_join(c->mem, "period.", key, "")));
	json_put_text(o, "page_url", url);
	json_put_flag(
	    o, "active", !strcmp(now->from, from) && !strcmp(now->to, to));
}

/* The day `days` after another. */
static const char *shift_day(struct call *c, const char *day, int days)
{
	int64_t start = 0;

	fmt_day_start(day, days, c->zone, &start);
	/* Twelve hours on it is the same day in any zone. */
	return fmt_iso_day(c->mem, start + 43200, c->zone);
}

static void put_presets(
    struct call *c, const struct period *p, const char *today)
{
	const char *first = mem_print(c->mem, "%.7s-01", today);
	const char *before = shift_day(c, first, -1);

	put_preset(c, p, "week", shift_day(c, today, -6), today);
	put_preset(
	    c, p, "days30", shift_day(c, today, 1 - PERIOD_STANDARD), today);
	put_preset(c, p, "month", first, today);
	put_preset(
	    c, p, "last_month", mem_print(c->mem, "%.7s-01", before), before);
}

static void put_period(
    struct call *c, const struct period *p, const char *today)
{
	struct json_object *o = json_put_object(c->ui, "period");

	json_put_text(o, "from", p->from);
	json_put_text(o, "to", p->to);
	json_put_text(o, "from_text",
	    fmt_time(c->mem, c->fmt, p->start, c->zone, FMT_DATE));
	json_put_text(
	    o, "to_text", fmt_time(c->mem, c->fmt, p->end, c->zone, FMT_DATE));
	put_presets(c, p, today);
}

static void set_period(struct call *c, struct period *p, const char *today)
{
	if (!p->to && !p->from)
		p->to = today;
	if (!p->to)
		p->to = shift_day(c, p->from, PERIOD_STANDARD - 1);
	if (!p->from)
		p->from = shift_day(c, p->to, 1 - PERIOD_STANDARD);
	fmt_day_start(p->from, 0, c->zone, &p->start);
	fmt_day_start(p->to, 1, c->zone, &p->end);
	p->end--;
	/* A day has 23 to 25 hours. */
	p->days = (int)((p->end - p->start + 43200) / 86400);
}

static const char *find_wrong(const struct period *p)
{
	if (p->end < p->start)
		return "field.period_order";
	return p->days > PERIOD_MOST ? "field.period_long" : NULL;
}

/* The form again, as it was filled in. */
static void put_typed(struct call *c)
{
	static const char *const names[] = {"from", "to"};

	for (size_t i = 0; i < 2; i++)
		if (req_raw(c->req, names[i]))
			json_put_text(json_find(c->ui, "period"), names[i],
			    req_raw(c->req, names[i]));
}

enum err page_find_period(struct call *c, struct period *p)
{
	const char *today = fmt_iso_day(c->mem, c->now, c->zone), *wrong;

	p->from = req_text(c->req, "from");
	p->to = req_text(c->req, "to");
	set_period(c, p, today);
	wrong = find_wrong(p);
	if (wrong) {
		if (!c->status)
			req_add_fault(c->req, "to", wrong);
		if (c->req->format != FORMAT_HTML)
			return ERR_INPUT;
		c->status = err_status(ERR_INPUT);
		p->from = p->to = NULL;
		set_period(c, p, today);
	}
	put_period(c, p, today);
	if (c->status)
		put_typed(c);
	return ERR_OK;
}
