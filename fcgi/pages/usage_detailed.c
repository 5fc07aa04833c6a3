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

static const struct column columns[] = {
    {"time", COLUMN_TIME, false},
    {"account", COLUMN_NAMED, false},
    {"source", COLUMN_CODE, false},
    {"destination", COLUMN_CODE, false},
    {"code", COLUMN_CODE, false},
    {"name", COLUMN_TEXT, false},
    {"service", COLUMN_NAMED, false},
    {"duration", COLUMN_QUANTITY, false},
    {"rate", COLUMN_MONEY, false},
    {"cost", COLUMN_MONEY, false},
    {0},
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
	bool local; /* times as people read them */
};

static void put_name(struct json_object *o, const char *key,
    const struct vcs_names *names, int64_t id)
{
	const struct vcs_name *found = vcs_find_name(names, id);

	json_put_text(o, key, found ? found->name : NULL);
}

static void put_amount(struct call *c, struct json_object *o, const char *key,
    struct money amount, const char *currency)
{
	if (currency && c->currency && !strcmp(currency, c->currency))
		json_put_text(o, key, money_text(c->mem, amount));
	else
		put_price(c, o, key, amount, currency);
}

/* A row for a file: cells that are ready, where the model has objects; a
 * million of them are made. */
static struct json_object *make_row(
    struct call *c, const struct rows *r, const struct vcs_xdr *x)
{
	const char *currency = vcs_find_currency(c->trip, x->currency);
	const struct vcs_name *service =
	    vcs_find_name(r->usage.services, x->service);
	struct json_object *o = json_new(c->mem);

	if (r->local)
		put_time(c, o, "time", x->time);
	else
		json_put_text(
		    o, "time", fmt_iso_time(c->mem, x->time, c->zone));
	put_name(o, "account", r->usage.accounts, x->account);
	json_put_text(o, "source", x->source);
	json_put_text(o, "destination", x->destination);
	json_put_text(o, "code", x->code);
	json_put_text(o, "name", x->name);
	put_name(o, "service", r->usage.services, x->service);
	if (!service || !strcmp(service->unit, "s"))
		json_put_text(o, "duration",
		    mem_print(c->mem, "%lld", (long long)x->duration));
	else
		put_quantity(c, o, "duration", x->duration, service->unit);
	if (x->has_rate)
		put_amount(c, o, "rate", x->rate, currency);
	if (x->has_cost)
		put_amount(c, o, "cost", x->cost, currency);
	return o;
}

static enum err fetch(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct rows *r = state;
	struct vcs_xdrs *xdrs = vcs_read_xdrs(c->trip, &r->cursor);

	if (xdrs->err)
		return xdrs->err == ERR_RULE ? ERR_UPSTREAM : xdrs->err;
	for (size_t i = 0; i < xdrs->n; i++)
		json_put(list, NULL, make_row(c, r, &xdrs->rows[i]));
	*taken += xdrs->raw;
	return ERR_OK;
}

enum err usage_detailed_export(struct call *c)
{
	enum { PIECE = 2000 }; /* more would take more than 16 MB */
	struct rows *r = mem_alloc(c->mem, sizeof(*r));
	enum err err = page_begin_usage(c, &r->usage);

	if (!err)
		err = page_go_usage(c, &r->usage);
	if (err)
		return err;
	r->local = !strcmp(req_text(c->req, "time_format"), "local");
	r->cursor = (struct vcs_cursor){
	    .filter = r->usage.filter,
	    .from = r->usage.period.start,
	    .to = r->usage.period.end < c->now ? r->usage.period.end : c->now,
	    .limit = PIECE,
	    .mem = c->mem,
	    .ahead = true,
	};
	return page_export(c, name, columns, &r->usage.period, fetch, r);
}
