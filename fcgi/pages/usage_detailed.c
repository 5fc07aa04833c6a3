/* usage_detailed.c: every xDR with its rate and cost: pages, and files of any
 * length.
 *
 * A page is a page of VCS's, the newest first. Pages are counted from the
 * newest, so where the period includes today, xDRs that arrive while somebody
 * turns pages move rows to the next page: one may be seen twice, none is
 * skipped. A file runs the other way, from the oldest row on, and so has
 * each row once.
 */
#include "pages/page_usage.h"
#include "pages/routes.h"

#include <string.h>

static const char name[] = "usage_detailed";

const struct param usage_detailed_params[] = {
    PARAM_FROM,
    PARAM_TO,
    PARAM_SERVICE,
    PARAM_ACCOUNT,
    PARAM_PACKAGE,
    PARAM_PAGE,
    PARAM_SIZE,
    {.name = "time_format",
	.type = PARAM_CHOICE,
	.choices = "sheet|iso|local",
	.standard = "sheet",
	.about = "How files write times: as spreadsheets read them, as ISO "
		 "8601, or as people of the customer's language do."},
    {0},
};

enum {
	TIME,
	ACCOUNT,
	SOURCE,
	DESTINATION,
	CODE,
	NAME,
	SERVICE,
	DURATION,
	RATE,
	COST,
	COLUMNS
};

static const struct column columns[] = {
    [TIME] = {"time", COLUMN_TIME, false},
    [ACCOUNT] = {"account", COLUMN_NAMED, false},
    [SOURCE] = {"source", COLUMN_CODE, false},
    [DESTINATION] = {"destination", COLUMN_CODE, false},
    [CODE] = {"code", COLUMN_CODE, false},
    [NAME] = {"name", COLUMN_TEXT, false},
    [SERVICE] = {"service", COLUMN_NAMED, false},
    [DURATION] = {"duration", COLUMN_QUANTITY, false},
    [RATE] = {"rate", COLUMN_MONEY, false},
    [COST] = {"cost", COLUMN_MONEY, false},
    [COLUMNS] = {0},
};

const struct page_theme usage_detailed_theme = {.name = "usage_detailed",
    .columns = columns,
    .filters = PAGE_USAGE_FILTERS};

static void put_options(struct call *c)
{
	static const char *const sizes[] = {"10", "25", "50", "100"};
	static const char *const formats[] = {"sheet", "iso", "local"};
	struct json_object *filters = json_find(c->ui, "filters"), *list;

	list = json_put_list(filters, "size");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		page_add_option(list, "value", sizes[i], NULL,
		    !strcmp(sizes[i], req_text(c->req, "size")));
	list = json_put_list(filters, "time_format");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		page_add_option(list, "value", formats[i],
		    page_text(c,
			mem_print(c->mem, "usage.time_format.%s", formats[i])),
		    !strcmp(formats[i], req_text(c->req, "time_format")));
}

static void show(
    struct call *c, const struct usage *u, const struct vcs_xdrs *xdrs)
{
	size_t size = (size_t)req_number(c->req, "size");
	size_t n = xdrs->n < size ? xdrs->n : size;
	bool more = xdrs->raw > size;
	struct json_object *rows = json_put_list(c->model, "rows");

	for (size_t i = 0; i < n; i++)
		json_put(rows, NULL,
		    page_make_xdr(c, &xdrs->rows[i], u->accounts, u->services));
	page_put_pager(c, n, more);
	page_put_usage_filters(c, name, u);
	if (c->req->format != FORMAT_HTML)
		return;
	page_put_table(c, name, columns, rows);
	put_options(c);
	json_put_flag(c->ui, "past_end", !n && req_number(c->req, "page") > 1);
	json_put_text(c->ui, "first_url", page_url(c, "page", NULL));
}

const char usage_detailed_answer[] =
    "rows[" SHAPE_XDR "] page:page filters{" SHAPE_USAGE_FILTERS "}";

enum err usage_detailed_load(struct call *c)
{
	size_t size = (size_t)req_number(c->req, "size");
	struct usage u;
	struct vcs_xdrs *xdrs;
	enum err err = page_begin_usage(c, &u);

	if (err)
		return err;
	xdrs = vcs_ask_xdrs(c->trip,
	    &(struct vcs_xdr_query){
		.from = u.period.start,
		.to = u.period.end,
		.filter = u.filter,
		.limit = size + 1, /* the one more tells whether there are */
		.offset = ((size_t)req_number(c->req, "page") - 1) * size,
	    });
	err = page_go_usage(c, &u);
	if (err)
		return err;
	if (page_section(c, "rows", xdrs->err))
		show(c, &u, xdrs);
	return page_end(c);
}

/* --- Files ---------------------------------------------------------------- */

struct rows {
	struct usage usage;
	struct vcs_cursor cursor;
	const struct vcs_xdrs *xdrs; /* of the piece */
};

static struct table_cell make_name(const struct vcs_names *names, int64_t id)
{
	const struct vcs_name *found = vcs_find_name(names, id);

	return (struct table_cell){found ? found->name : NULL, false};
}

/* As a number where the unit is the one in the header. */
static struct table_cell make_number(
    struct call *c, const char *digits, const char *unit, const char *usual)
{
	if (unit && usual && !strcmp(unit, usual))
		return (struct table_cell){digits, true};
	return (struct table_cell){
	    mem_print(c->mem, "%s %s", digits, unit ? unit : ""), false};
}

static struct table_cell make_amount(
    struct call *c, const struct vcs_xdr *x, bool known, struct money amount)
{
	if (!known)
		return (struct table_cell){NULL, false};
	return make_number(c, money_text(c->mem, amount),
	    vcs_find_currency(c->trip, x->currency), c->currency);
}

static struct table_cell make_duration(
    struct call *c, const struct rows *r, const struct vcs_xdr *x)
{
	const struct vcs_name *service =
	    vcs_find_name(r->usage.services, x->service);

	return make_number(c,
	    money_text(c->mem, (struct money){.coef = x->duration}),
	    service ? service->unit : "s", "s");
}

static struct table_cell make_time(struct call *c, int64_t when)
{
	const char *format = req_text(c->req, "time_format"), *iso;

	if (!strcmp(format, "local"))
		return (struct table_cell){
		    fmt_time(c->mem, c->fmt, when, c->zone, FMT_DATE_TIME),
		    false};
	iso = fmt_iso_time(c->mem, when, c->zone);
	return (struct table_cell){
	    strcmp(format, "iso") ? page_sheet_time(c->mem, iso) : iso, false};
}

/* The columns' places are those above: a million rows are made. */
static struct table_cell make_cell(
    struct call *c, void *state, size_t row, size_t column)
{
	const struct rows *r = state;
	const struct vcs_xdr *x = &r->xdrs->rows[row];

	switch (column) {
	case TIME:
		return make_time(c, x->time);
	case ACCOUNT:
		return make_name(r->usage.accounts, x->account);
	case SOURCE:
		return (struct table_cell){x->source, false};
	case DESTINATION:
		return (struct table_cell){x->destination, false};
	case CODE:
		return (struct table_cell){x->code, false};
	case NAME:
		return (struct table_cell){x->name, false};
	case SERVICE:
		return make_name(r->usage.services, x->service);
	case DURATION:
		return make_duration(c, r, x);
	case RATE:
		return make_amount(c, x, x->has_rate, x->rate);
	default:
		return make_amount(c, x, x->has_cost, x->cost);
	}
}

static enum err fetch(struct call *c, void *state, size_t *n, size_t *taken)
{
	struct rows *r = state;

	r->xdrs = vcs_read_xdrs(c->trip, &r->cursor);
	if (r->xdrs->err)
		return r->xdrs->err == ERR_RULE ? ERR_UPSTREAM : r->xdrs->err;
	*n = r->xdrs->n;
	*taken += r->xdrs->raw;
	return ERR_OK;
}

enum err usage_detailed_export(struct call *c)
{
	enum { PIECE = 3000 }; /* some 7 MB, and more where rows are wide */
	struct rows *r = mem_alloc(c->mem, sizeof(*r));
	enum err err = page_begin_usage(c, &r->usage);

	if (!err)
		err = page_go_usage(c, &r->usage);
	if (err)
		return err;
	r->cursor = (struct vcs_cursor){
	    .filter = r->usage.filter,
	    .from = r->usage.period.start,
	    .to = r->usage.period.end < c->now ? r->usage.period.end : c->now,
	    .limit = PIECE,
	    .mem = c->mem,
	    .ahead = true,
	};
	return page_export_rows(c, name, columns, &r->usage.period,
	    &(struct page_rows){fetch, make_cell, r});
}
