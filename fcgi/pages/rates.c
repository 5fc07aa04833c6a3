/* rates.c: the customer's rates: search, service filter, sort, pages.
 *
 * In the order of codes a page of the table is a page of VCS's. VCS can
 * neither search nor sort otherwise, so for anything else the first rows of
 * the table (limits.tableRows) are read and searched here, and the page says
 * where there are more.
 */
#include "pages/page_table.h"
#include "pages/page_rate.h"
#include "pages/routes.h"

#include <stdlib.h>
#include <string.h>

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
};

/* --- Search and sort ------------------------------------------------------ */

struct order {
	int (*compare)(const struct vcs_rate *, const struct vcs_rate *);
	int sign;
};

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_code(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return strcmp(a->code, b->code);
}

static int by_name(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return strcmp(a->folded, b->folded);
}

static int by_price(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return money_compare(a->price, b->price);
}

static int by_interval(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return compare_int(a->interval, b->interval);
}

static int by_min_volume(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return compare_int(a->min_volume, b->min_volume);
}

static int by_setup_fee(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return money_compare(a->setup_fee, b->setup_fee);
}

static int by_from(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return compare_int(a->effective_from, b->effective_from);
}

/* No end comes last. */
static int by_till(const struct vcs_rate *a, const struct vcs_rate *b)
{
	return compare_int(a->effective_till ? a->effective_till : INT64_MAX,
	    b->effective_till ? b->effective_till : INT64_MAX);
}

static const struct {
	const char *name;
	int (*compare)(const struct vcs_rate *, const struct vcs_rate *);
} orders[] = {
    {"code", by_code},
    {"name", by_name},
    {"service", by_name}, /* see fold_services() */
    {"price", by_price},
    {"interval", by_interval},
    {"min_volume", by_min_volume},
    {"setup_fee", by_setup_fee},
    {"effective_from", by_from},
    {"effective_till", by_till},
};

/* Equal ones in the order of codes and ids, so that pages do not overlap. */
static int compare_rates(const void *left, const void *right, void *ctx)
{
	const struct vcs_rate *a = left, *b = right;
	const struct order *o = ctx;
	int way = o->compare(a, b) * o->sign;

	if (!way)
		way = by_code(a, b);
	return way ? way : compare_int(a->id, b->id);
}

/* A service is sorted by the name that the customer sees. */
static void fold_services(struct call *c, struct view *v)
{
	const struct vcs_names *services = v->services;
	size_t n = services->err ? 0 : services->n;
	const char **folded = mem_array(c->mem, n + 1, sizeof(*folded));

	for (size_t i = 0; i < n; i++)
		folded[i] = fmt_fold(c->mem, services->items[i].name);
	for (size_t i = 0; i < v->n; i++) {
		const struct vcs_name *s =
		    vcs_find_name(services, v->rows[i].service);

		v->rows[i].folded = s ? folded[s - services->items] : "";
	}
}

static void sort_rates(struct call *c, struct view *v, const char *sort)
{
	struct order o = {.sign = sort[0] == '-' ? -1 : 1};

	sort += sort[0] == '-';
	if (!strcmp(sort, "service"))
		fold_services(c, v);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (!strcmp(orders[i].name, sort))
			o.compare = orders[i].compare;
	if (v->n) /* a customer without rates has no list */
		qsort_r(v->rows, v->n, sizeof(*v->rows), compare_rates, &o);
}

const char *rates_make_digits(struct mem *m, const char *number)
{
	struct buf b;

	buf_open(&b, m, 80);
	for (; *number; number++)
		if (*number >= '0' && *number <= '9')
			buf_add_char(&b, *number);
		else if (!strchr(" +-()/.", *number))
			return NULL;
	if (!strncmp(b.data, "00", 2))
		b.data += 2;
	return *b.data ? b.data : NULL;
}

static void filter_rates(struct call *c, struct view *v)
{
	const char *q = req_text(c->req, "q");
	const char *code = q ? rates_make_digits(c->mem, q) : NULL;
	const char *folded = q ? fmt_fold(c->mem, q) : NULL;
	int64_t service = req_number(c->req, "service");
	size_t kept = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct vcs_rate *r = &v->rows[i];

		r->folded = fmt_fold(c->mem, r->name);
		if (service && r->service != service)
			continue;
		if (q && !strstr(r->folded, folded) &&
		    !(code && !strncmp(r->code, code, strlen(code))))
			continue;
		v->rows[kept++] = *r;
	}
	v->n = kept;
}

static void cut_page(struct call *c, struct view *v)
{
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;

	v->rows += skip < v->n ? skip : v->n;
	v->n -= skip < v->n ? skip : v->n;
	v->more = v->n > size;
	if (v->more)
		v->n = size;
}

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

static void fill_ui(struct call *c, const struct view *v)
{
	bool filtered = req_text(c->req, "q") || req_number(c->req, "service");

	page_put_table(c, "rates", columns, json_find(c->model, "rates"));
	for (size_t i = 0; i < v->n; i++)
		if (v->rows[i].effective_till)
			json_put_flag(c->ui, "has_future", true);
	put_options(c, v);
	json_put_flag(c->ui, "limited", v->limited);
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

	rates = vcs_ask_rates(c->trip, order, size + 1, skip);
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
	put_filters(c, v);
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, v);
	return ERR_OK;
}

const char rates_answer[] =
    "rates[" SHAPE_RATE "] page:page "
    "filters{q? service:int? sort services[id:int name?]}";

enum err rates_load(struct call *c)
{
	struct view v = {.services = vcs_ask_services(c->trip)};
	const char *sort = req_text(c->req, "sort");
	bool by_codes = !strcmp(sort + (sort[0] == '-'), "code");
	bool direct = by_codes && !req_text(c->req, "q") &&
		      !req_number(c->req, "service");
	struct vcs_rates *rates;
	enum err err;

	if (direct) {
		rates = read_page(c, sort[0] == '-' ? "-code" : "+code");
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
	v.rows = rates->rows;
	v.n = rates->n;
	v.limited = rates->limited;
	v.searched = rates->n;
	if (direct) {
		size_t size = (size_t)req_number(c->req, "size");

		v.more = v.n > size;
		v.n = v.more ? size : v.n;
		return show(c, &v);
	}
	filter_rates(c, &v);
	sort_rates(c, &v, sort);
	cut_page(c, &v);
	return show(c, &v);
}

/* --- Files ---------------------------------------------------------------- */

struct pieces {
	size_t chunk;
	struct vcs_names *services;
	struct vcs_head head;
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
	filter_rates(c, &v);
	for (size_t i = 0; i < v.n; i++)
		json_put(
		    list, NULL, rates_make_row(c, &v.rows[i], p->services));
	*taken += rates->raw;
	return ERR_OK;
}

enum err rates_export(struct call *c)
{
	struct pieces p = {2500, vcs_ask_services(c->trip), {0}};

	return page_export(c, "rates", columns, NULL, fetch_rates, &p);
}
