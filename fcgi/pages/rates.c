/* rates.c: the customer's rates: search, service filter, sort, pages.
 *
 * Large tables are shown as the mirror has them (domain/mirror.h), if it has
 * them. Otherwise, in the order of codes, a page of the table is a page of
 * VCS's. VCS can neither search nor sort otherwise, so for anything else the
 * first rows of the table (limits.tableRows) are read and searched here, and
 * the page says where there are more.
 */
#include "domain/mirror.h"
#include "domain/rate.h"
#include "pages/page_table.h"
#include "pages/page_rate.h"
#include "pages/routes.h"

#include <string.h>

#include "base/counters.h"

static const char sorts[] =
    "code|name|service|price|interval|min_volume|setup_fee|"
    "effective_from|effective_till";

const struct param rates_params[] = {
    {.name = "q",
	.type = PARAM_TEXT,
	.min = 1,
	.max = 64,
	.about = "The beginning of a code, or a part of a destination's name."},
    {.name = "service",
	.type = PARAM_NUMBER,
	.min = 1,
	.max = INT32_MAX,
	.about = "A service's id."},
    {.name = "sort",
	.type = PARAM_SORT,
	.choices = sorts,
	.standard = "code",
	.about = "A column's name; with '-' in front, descending."},
    PARAM_PAGE,
    PARAM_SIZE,
    {0},
};

/* What the page shows: rows [0, n) of `rows`. */
struct view {
	struct vcs_rate *rows;
	size_t n;
	bool more, limited;
	size_t searched; /* rows of the table, where limited */
	const struct vcs_names *services;
	int64_t as_of; /* when the mirror read them; 0: just now */
	bool coming;   /* the mirror is on its way */
};

/* --- The answer ----------------------------------------------------------- */

struct json_object *rates_make_row(
    struct call *c, const struct vcs_rate *r, const struct vcs_names *services)
{
	const char *currency = vcs_find_currency(c->trip, r->currency);
	const struct vcs_name *service = vcs_find_name(services, r->service);
	const char *unit = service ? service->unit : "s";
	struct json_object *o = json_new(c->mem), *s;

	json_put_text(o, "code", r->code);
	json_put_text(o, "name", r->name);
	s = json_put_object(o, "service");
	json_put_int(s, "id", r->service);
	json_put_text(s, "name", service ? service->name : NULL);
	put_price(c, o, "price", r->price, currency);
	put_time(c, o, "effective_from", r->effective_from);
	put_time(c, o, "effective_till", r->effective_till);
	put_quantity(c, o, "interval", r->interval, unit);
	put_quantity(c, o, "min_volume", r->min_volume, unit);
	put_price(c, o, "setup_fee", r->setup_fee, currency);
	return o;
}

static void put_filters(struct call *c, const struct view *v)
{
	struct json_object *filters = json_put_object(c->model, "filters");
	struct json_object *list;
	int64_t service = req_number(c->req, "service");

	json_put_text(filters, "q", req_text(c->req, "q"));
	json_put(
	    filters, "service", service ? json_new_int(c->mem, service) : NULL);
	json_put_text(filters, "sort", req_text(c->req, "sort"));
	list = json_put_list(filters, "services");
	for (size_t i = 0; !v->services->err && i < v->services->n; i++) {
		struct json_object *o = json_new(c->mem);

		json_put_int(o, "id", v->services->items[i].id);
		json_put_text(o, "name", v->services->items[i].name);
		json_put(list, NULL, o);
	}
}

/* --- What only the template sees ------------------------------------------ */

static const struct column columns[] = {
    {"code", COLUMN_CODE, true},
    {"name", COLUMN_TEXT, true},
    {"service", COLUMN_NAMED, true},
    {"price", COLUMN_MONEY, true},
    {"interval", COLUMN_QUANTITY, true},
    {"min_volume", COLUMN_QUANTITY, true},
    {"setup_fee", COLUMN_MONEY, true},
    {"effective_from", COLUMN_DAY, true},
    {"effective_till", COLUMN_DAY, true},
    {0},
};

const struct page_theme rates_theme = {.name = "rates", .columns = columns};

static void put_options(struct call *c, const struct view *v)
{
	static const char *const sizes[] = {"10", "25", "50", "100"};
	struct json_object *filters = json_put_object(c->ui, "filters");
	struct json_object *list = json_put_list(filters, "service");
	int64_t service = req_number(c->req, "service");

	json_put_text(filters, "q", req_text(c->req, "q"));
	if (strcmp(req_text(c->req, "sort"), "code") != 0)
		json_put_text(filters, "sort", req_text(c->req, "sort"));
	for (size_t i = 0; !v->services->err && i < v->services->n; i++) {
		const struct vcs_name *s = &v->services->items[i];

		page_add_option(list, "id",
		    mem_print(c->mem, "%lld", (long long)s->id), s->name,
		    s->id == service);
	}
	list = json_put_list(filters, "size");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		page_add_option(list, "value", sizes[i], NULL,
		    !strcmp(sizes[i], req_text(c->req, "size")));
}

/* When the mirror read them, and how long ago that is, in whole minutes. */
static void put_as_of(struct call *c, const struct view *v)
{
	enum { MINUTE = 60 };
	int64_t age = (c->now - v->as_of) / MINUTE * MINUTE;

	if (!v->as_of)
		return;
	json_put_text(c->ui, "as_of",
	    fmt_time(c->mem, c->fmt, v->as_of, c->zone, FMT_DATE_TIME));
	json_put_text(c->ui, "age",
	    fmt_duration(c->mem, c->fmt, age < MINUTE ? MINUTE : age));
}

static void fill_ui(struct call *c, const struct view *v)
{
	bool filtered = req_text(c->req, "q") || req_number(c->req, "service");

	page_put_table(c, "rates", columns, json_find(c->model, "rates"));
	for (size_t i = 0; i < v->n; i++)
		if (v->rows[i].effective_till)
			json_put_flag(c->ui, "has_future", true);
	put_options(c, v);
	json_put_flag(c->ui, "limited", v->limited);
	json_put_flag(c->ui, "coming", v->coming);
	put_as_of(c, v);
	json_put_int(c->ui, "limited_rows", (int64_t)v->searched);
	json_put_flag(c->ui, "filtered", filtered);
	json_put_flag(
	    c->ui, "beyond", v->n == 0 && req_number(c->req, "page") > 1);
	json_put_text(c->ui, "first_url", page_url(c, "page", NULL));
	json_put_text(c->ui, "clear_url", c->req->path);
}

/* --- Reading -------------------------------------------------------------- */

/* One row more than the page shows tells whether there are more. A page that
 * comes back short may have been cut by VCS's own limit, so the rest is asked
 * for once more: only an empty answer is the end. */
static struct vcs_rates *read_page(struct call *c, const char *order)
{
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;
	struct vcs_rates *rates, *rest;
	struct vcs_rate *rows;

	bool gone = c->gone; /* after the mirror was tried */

	rates = vcs_ask_rates(c->trip, order, size + 1, skip);
	if (gone)
		vcs_go(c->trip);
	if (page_go(c) || rates->err || !rates->raw || rates->raw > size)
		return rates;
	rest = vcs_ask_rates(
	    c->trip, order, size + 1 - rates->raw, skip + rates->raw);
	vcs_go(c->trip);
	/* Half a page would look like the end of the table. */
	rates->err = rest->err;
	if (rest->err || !rest->n || !rates->n ||
	    rest->rows[0].id == rates->rows[0].id)
		return rates;
	rows = mem_array(c->mem, rates->n + rest->n, sizeof(*rows));
	memcpy(rows, rates->rows, rates->n * sizeof(*rows));
	memcpy(rows + rates->n, rest->rows, rest->n * sizeof(*rows));
	rates->rows = rows;
	rates->n += rest->n;
	rates->raw += rest->raw;
	return rates;
}

static enum err show(struct call *c, struct view *v)
{
	struct json_object *list;

	list = json_put_list(c->model, "rates");
	for (size_t i = 0; i < v->n; i++)
		json_put(
		    list, NULL, rates_make_row(c, &v->rows[i], v->services));
	page_put_pager(c, v->n, v->more);
	if (v->limited)
		json_put_int(json_find(c->model, "page"), "searched",
		    (int64_t)v->searched);
	put_time(c, c->model, "as_of", v->as_of);
	put_filters(c, v);
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, v);
	return ERR_OK;
}

const char rates_answer[] =
    "rates[" SHAPE_RATE "] page:page as_of:time? "
    "filters{q? service:int? sort services[id:int name?]}";

/* In the order of codes, without a search: a page of VCS's. */
static bool is_direct(const struct rate_query *q)
{
	return q->sort == RATE_BY_CODE && !q->folded && !q->service;
}

static void cut_extra(struct call *c, struct view *v)
{
	size_t size = (size_t)req_number(c->req, "size");

	v->more = v->more || v->n > size;
	if (v->n > size)
		v->n = size;
}

/* Searched and sorted here. */
static void search(struct call *c, struct view *v, const struct rate_query *q)
{
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;

	v->n = rate_filter(c->mem, q, v->rows, v->n);
	rate_sort_rows(c->mem, q, v->rows, v->n);
	v->rows += skip < v->n ? skip : v->n;
	v->n -= skip < v->n ? skip : v->n;
	cut_extra(c, v);
}

static enum err load_from_vcs(
    struct call *c, struct view *v, const struct rate_query *q)
{
	struct vcs_rates *rates;
	enum err err;

	if (is_direct(q)) {
		rates = read_page(c, q->descending ? "-code" : "+code");
		err = page_go(c);
	} else {
		err = page_go(c);
		if (err)
			return err;
		rates = vcs_read_rates(
		    c->trip, (size_t)c->brand->conf->limits.table_rows);
	}
	if (err)
		return err;
	if (!page_section(c, "rates", rates->err))
		return page_end(c);
	v->rows = rates->rows;
	v->n = rates->n;
	v->limited = rates->limited;
	v->coming = v->coming && v->limited;
	v->searched = rates->n;
	/* A row that cannot be shown is a row all the same. */
	v->more =
	    is_direct(q) && rates->raw > (size_t)req_number(c->req, "size");
	if (is_direct(q))
		cut_extra(c, v);
	else
		search(c, v, q);
	return show(c, v);
}

/* --- The mirror ----------------------------------------------------------- */

struct wanted {
	struct mirror mirror;
	int64_t table;
};

/* After the answer: nobody waits for it. */
static void want(struct call *c)
{
	const struct wanted *w = c->after_ctx;

	if (mirror_want(
		c->db, &w->mirror, c->brand->rates_name, w->table, c->now))
		return;
	if (!w->mirror.known)
		count(&counters_pool()->rates_wanted, 1);
}

/* What the mirror has of the table that is kept as the customer's. */
static struct wanted *find_mirror(struct call *c)
{
	struct wanted *w = mem_alloc(c->mem, sizeof(*w));

	w->table = vcs_kept_rate_table(c->session);
	if (!c->db || !w->table || !c->brand->conf->rates.refresh)
		return w;
	if (mirror_find(c->db, c->mem, c->brand->rates_name, w->table, c->now,
		&w->mirror))
		w->mirror = (struct mirror){0};
	return w;
}

/* Only what VCS says in this request to be the customer's table is shown: if
 * it is another one by now, the page is run again; if VCS does not say, there
 * is none. */
static enum err load_from_mirror(struct call *c, struct view *v,
    const struct rate_query *q, const struct mirror *mirror)
{
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;
	enum err err = page_go(c);

	if (err)
		return err;
	if (vcs_kept_changed(c->trip))
		return ERR_OK;
	if (c->client->err) {
		page_section(c, "rates", c->client->err);
		return page_end(c);
	}
	err = mirror_search(mirror, c->mem, q, skip, size + 1, &v->rows, &v->n);
	if (err)
		return load_from_vcs(c, v, q);
	page_section(c, "rates", ERR_OK);
	v->as_of = mirror->read_at;
	cut_extra(c, v);
	return show(c, v);
}

enum err rates_load(struct call *c)
{
	struct view v = {.services = vcs_ask_services(c->trip)};
	const struct rate_query *q = rate_make_query(c->mem,
	    req_text(c->req, "q"), req_number(c->req, "service"),
	    req_text(c->req, "sort"), v.services);
	struct wanted *w = find_mirror(c);
	enum err err;

	if (w->mirror.generation)
		err = load_from_mirror(c, &v, q, &w->mirror);
	else {
		v.coming = w->mirror.coming;
		err = load_from_vcs(c, &v, q);
	}
	if (!err && w->mirror.db && !vcs_kept_changed(c->trip)) {
		c->after = want;
		c->after_ctx = w;
	}
	return err;
}

/* --- Files ---------------------------------------------------------------- */

struct pieces {
	size_t chunk;
	struct vcs_names *services;
	struct vcs_head head;
	const struct rate_query *query;
};

/* All rows that the filters let through, in the order of codes: a file is not
 * bound to the first rows of the table, since it is read piece by piece. */
static enum err fetch_rates(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct pieces *p = state;
	struct vcs_rates *rates;
	struct view v = {0};
	enum vcs_piece what;

	do {
		rates = vcs_ask_rates(c->trip, "+code", p->chunk, *taken);
		vcs_go(c->trip);
	} while (rates->err && *rates->cut && (p->chunk /= 2) >= 50);
	if (rates->err)
		return rates->err == ERR_RULE ? ERR_UPSTREAM : rates->err;
	v.rows = rates->rows;
	v.n = rates->n;
	what = vcs_check_piece("rate.list", &p->head, v.n ? v.rows[0].id : 0,
	    rates->raw, p->chunk);
	if (what != VCS_PIECE_NEW)
		return what == VCS_PIECE_END ? ERR_OK : ERR_UPSTREAM;
	v.n = rate_filter(c->mem, p->query, v.rows, v.n);
	for (size_t i = 0; i < v.n; i++)
		json_put(
		    list, NULL, rates_make_row(c, &v.rows[i], p->services));
	*taken += rates->raw;
	return ERR_OK;
}

enum err rates_export(struct call *c)
{
	struct pieces p = {2500, vcs_ask_services(c->trip), {0}, NULL};

	p.query = rate_make_query(c->mem, req_text(c->req, "q"),
	    req_number(c->req, "service"), req_text(c->req, "sort"),
	    p.services);

	return page_export(c, "rates", columns, NULL, fetch_rates, &p);
}
