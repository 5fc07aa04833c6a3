/* page_export.c: a table as a file, piece by piece. */
#include "pages/page_table.h"

#include <string.h>

#include "base/counters.h"
#include "pages/page_audit.h"
#include "pages/page_cell.h"
#include "tools/crypto.h"
#include "tools/table.h"

struct export
{
	struct call *call;
	const char *name;
	const struct column *all;
	const struct column **columns; /* that are shown */
	size_t n_columns;
	const struct period *period;
	const struct page_rows *rows;
	struct table *table;
	struct table_cell *cells;
	bool counted; /* as a big file */
	bool sending; /* the reply has begun */
};

enum { MICROSECONDS = 1000000 };

enum err page_take_export(struct call *c)
{
	size_t most = (size_t)c->brand->conf->limits.exports;

	if (!most)
		most = counters_workers() / 4;
	if (counters_take_export(most ? most : 1))
		return ERR_OK;
	count(&c->brand->counters->beyond_exports, 1);
	c->notice = page_text(c, "export.busy");
	c->retry_after = 30;
	return ERR_BUSY;
}

static const char *file_name(const struct export *x)
{
	struct call *c = x->call;
	const char *suffix = c->req->format == FORMAT_CSV ? "csv" : "xlsx";

	return x->period ? mem_print(c->mem, "%s_%s_%s.%s", x->name,
			       x->period->from, x->period->to, suffix)
			 : mem_print(c->mem, "%s_%s.%s", x->name,
			       fmt_iso_day(c->mem, c->now, c->zone), suffix);
}

static bool is_late(const struct export *x)
{
	const struct call *c = x->call;

	if (session_clock() - c->began <=
	    c->brand->conf->limits.export_time * MICROSECONDS)
		return false;
	log_warn("export.late", "%s: after limits.exportTime", x->name);
	return true;
}

static bool send_piece(void *ctx, const void *data, size_t len)
{
	struct export *x = ctx;
	struct call *c = x->call;

	if (is_late(x))
		return false;
	if (!x->sending) {
		x->sending = true;
		reply_begin(c->reply,
		    table_type(
			c->req->format == FORMAT_CSV ? TABLE_CSV : TABLE_XLSX),
		    file_name(x));
	}
	return reply_write(c->reply, data, len);
}

/* --- Cells ---------------------------------------------------------------- */

/* Money and quantities as bare numbers where the unit stands in the header;
 * anything else with its unit, as a text. */
static struct table_cell make_number(struct call *c, struct json_object *value,
    const char *number, const char *unit, const char *usual)
{
	const char *digits = json_find_text(value, number);
	const char *own = json_find_text(value, unit);

	if (!digits)
		return (struct table_cell){NULL, false};
	if (usual && own && !strcmp(own, usual))
		return (struct table_cell){digits, true};
	return (struct table_cell){
	    mem_print(c->mem, "%s %s", digits, own ? own : ""), false};
}

const char *page_sheet_time(struct mem *m, const char *iso)
{
	char *text = iso ? mem_text_n(m, iso, strnlen(iso, 19)) : NULL;

	if (text && strlen(text) > 10)
		text[10] = ' ';
	return text;
}

static struct table_cell make_cell(struct call *c, const char *name,
    const struct column *column, struct json_object *row)
{
	struct json_object *value = json_find(row, column->key);

	switch (column->kind) {
	case COLUMN_MONEY:
		return make_number(c, value, "amount", "currency", c->currency);
	case COLUMN_QUANTITY:
		return make_number(c, value, "value", "unit", "s");
	case COLUMN_COUNT:
		return (struct table_cell){
		    json_find_text(row, column->key), true};
	case COLUMN_TIME:
	case COLUMN_DAY:
		return (struct table_cell){
		    page_sheet_time(c->mem, json_find_text(value, "iso")),
		    false};
	default:
		return (struct table_cell){
		    page_cell_text(c, name, column, row), false};
	}
}

static const char *make_header(
    struct call *c, const char *name, const struct column *column)
{
	const char *label = page_column_label(c, name, column);

	if (column->kind == COLUMN_MONEY && c->currency)
		return mem_print(c->mem, "%s (%s)", label, c->currency);
	if (column->kind == COLUMN_QUANTITY)
		return mem_print(c->mem, "%s (s)", label);
	return label;
}

/* --- Pieces --------------------------------------------------------------- */

static enum err write_head(struct export *x)
{
	struct call *c = x->call;
	struct fmt_arg zone = {c->zone, 0};

	if (x->period) {
		struct fmt_arg days[] = {
		    {x->period->from, 0}, {x->period->to, 0}};

		table_note(
		    x->table, page_text_args(c, "export.period", days, 2));
	}
	table_note(x->table, page_text_args(c, "export.zone", &zone, 1));
	if (c->notice)
		table_note(x->table, c->notice);
	for (size_t i = 0; i < x->n_columns; i++)
		x->cells[i] = (struct table_cell){
		    make_header(c, x->name, x->columns[i]), false};
	return table_head(x->table, x->cells, x->n_columns);
}

static enum err write_rows(struct export *x, struct call *piece, size_t n)
{
	enum { STEP = 100 };
	const struct page_rows *rows = x->rows;
	enum err err = ERR_OK;

	for (size_t i = 0; i < n && !err; i++) {
		for (size_t j = 0; j < x->n_columns; j++)
			x->cells[j] = rows->cell(piece, rows->state, i,
			    (size_t)(x->columns[j] - x->all));
		err = table_row(x->table, x->cells, x->n_columns);
		if (i % STEP == 0)
			vcs_step(piece->brand);
	}
	return err;
}

/* A file is big by what VCS is asked for, whether or not a filter lets it
 * through. What is on its way already is only counted. */
static enum err count_big(struct export *x, size_t taken)
{
	enum { BIG = 1000 };
	enum err err;

	if (x->counted || taken < BIG)
		return ERR_OK;
	x->counted = true;
	err = page_take_export(x->call);
	return x->sending ? ERR_OK : err;
}

/* One piece in a pool of its own, so that a file of any length takes the
 * memory of one piece. */
static enum err write_piece(struct export *x, size_t *taken)
{
	struct call piece = *x->call;
	size_t n = 0;
	enum err err;

	piece.mem = mem_open((size_t)piece.brand->conf->limits.request_memory);
	piece.trip = vcs_trip(piece.brand, piece.mem, piece.session);
	err = x->rows->fetch(&piece, x->rows->state, &n, taken);
	/* Small ones cost no more than a page. */
	if (!err)
		err = count_big(x, *taken);
	if (!err && !x->table) {
		x->table = table_open(x->call->mem,
		    piece.req->format == FORMAT_CSV ? TABLE_CSV : TABLE_XLSX,
		    page_text(
			x->call, mem_print(x->call->mem, "%s.title", x->name)),
		    NULL, (size_t)piece.brand->conf->limits.export_file,
		    &(const struct table_sink){send_piece, x});
		err = x->table ? write_head(x) : ERR_BUSY;
	}
	if (!err)
		err = write_rows(x, &piece, n);
	mem_close(piece.mem);
	return err;
}

enum err page_export_rows(struct call *c, const char *name,
    const struct column *columns, const struct period *period,
    const struct page_rows *rows)
{
	struct export *x = mem_alloc(c->mem, sizeof(*x));
	size_t taken = 0, before;
	enum err err = page_go(c);

	if (err)
		return err;
	/* Nothing may be sent before the ids are right: once more, please. */
	if (vcs_kept_changed(c->trip))
		return ERR_BUSY;
	x->call = c;
	x->name = name;
	x->period = period;
	x->rows = rows;
	x->all = columns;
	x->columns = page_choose_columns(c, name, columns, &x->n_columns);
	x->cells = mem_array(c->mem, x->n_columns + 1, sizeof(*x->cells));
	do {
		before = taken;
		err = !reply_is_wanted(c->reply) ? ERR_INTERNAL
		      : is_late(x)		 ? ERR_LATE
						 : write_piece(x, &taken);
	} while (!err && taken > before);
	if (!err)
		err = table_close(x->table);
	else if (x->table)
		table_drop(x->table);
	if (x->sending)
		page_audit_mine(c, (struct audit_entry){.event = AUDIT_EXPORTED,
				       .item = file_name(x)});
	if (err && x->sending) {
		log_warn("export.broken", "%s after %zu rows: %s", name, taken,
		    err_code(err));
		reply_break(c->reply);
		return ERR_OK;
	}
	if (err == ERR_TOO_LARGE)
		c->notice = page_text(c, "export.too_large");
	return err;
}

/* --- Rows of the model ---------------------------------------------------- */

struct model_rows {
	const char *name;
	const struct column *columns;
	page_fetch fetch;
	void *state;
	struct json_object *list; /* of the piece */
	/* Of the first row of the piece before; pieces in a row without one. */
	unsigned char first[CRYPTO_SHA256];
	size_t empty;
};

enum { EMPTY_MOST = 1000 };

/* A VCS that knows no offsets would send the same rows for ever. */
static bool comes_again(struct model_rows *m)
{
	unsigned char first[CRYPTO_SHA256];
	const char *text;

	if (!json_length(m->list))
		return ++m->empty > EMPTY_MOST;
	m->empty = 0;
	text = json_write(json_pool(m->list), json_at(m->list, 0), NULL);
	crypto_sha256(text, strlen(text), first);
	if (!memcmp(first, m->first, sizeof(first)))
		return true;
	memcpy(m->first, first, sizeof(first));
	return false;
}

static enum err fetch_model(
    struct call *c, void *state, size_t *n, size_t *taken)
{
	struct model_rows *m = state;
	enum err err;

	m->list = json_new_list(c->mem);
	err = m->fetch(c, m->state, m->list, taken);
	*n = json_length(m->list);
	return !err && comes_again(m) ? ERR_UPSTREAM : err;
}

static struct table_cell make_model_cell(
    struct call *c, void *state, size_t row, size_t column)
{
	struct model_rows *m = state;

	return make_cell(
	    c, m->name, &m->columns[column], json_at(m->list, row));
}

enum err page_export(struct call *c, const char *name,
    const struct column *columns, const struct period *period, page_fetch fetch,
    void *state)
{
	struct model_rows m = {
	    .name = name, .columns = columns, .fetch = fetch, .state = state};

	return page_export_rows(c, name, columns, period,
	    &(struct page_rows){fetch_model, make_model_cell, &m});
}
