/* vcs_usage.c: xDRs and sums of usage.
 *
 * Which arguments of the reports filter is a guess, so each row is looked at
 * again here. No row says which package it fell under; its account does.
 */
#include "domain/vcs.h"

#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_trip.h"
#include "tools/fmt.h"
#include "tools/http.h"

/* --- Accounts and packages ------------------------------------------------ */

static int64_t kept_id(const struct vcs_trip *t, const char *list, size_t i)
{
	int64_t id = 0;

	json_int(json_at(json_find(t->kept, list), i), &id);
	return id;
}

static size_t count_accounts(const struct vcs_trip *t)
{
	return json_length(json_find(t->kept, "accounts"));
}

bool vcs_has_account(const struct vcs_trip *t, int64_t account)
{
	for (size_t i = 0; i < count_accounts(t); i++)
		if (kept_id(t, "accounts", i) == account)
			return true;
	return false;
}

int64_t vcs_package_of(const struct vcs_trip *t, int64_t account)
{
	for (size_t i = 0; i < count_accounts(t); i++)
		if (kept_id(t, "accounts", i) == account)
			return kept_id(t, "account_packages", i);
	return 0;
}

bool vcs_has_package(const struct vcs_trip *t, int64_t package)
{
	for (size_t i = 0; i < count_accounts(t); i++)
		if (kept_id(t, "account_packages", i) == package)
			return true;
	return false;
}

static bool is_wanted(const struct vcs_trip *t, const struct vcs_filter *f,
    int64_t account, int64_t service)
{
	return (!f->service || service == f->service) &&
	       (!f->account || account == f->account) &&
	       (!f->package || vcs_package_of(t, account) == f->package);
}

/* The accounts that the filter leaves; none: there is nothing to ask for. */
static void put_accounts(struct vcs_trip *t, struct vcs_ask *a,
    const char *name, const struct vcs_filter *f)
{
	struct json_object *ids = json_put_list(a->vars, name);

	for (size_t i = 0; i < count_accounts(t); i++) {
		int64_t id = kept_id(t, "accounts", i);

		if (is_wanted(t, f, id, f->service))
			json_put_int(ids, NULL, id);
	}
	a->needless = json_length(ids) == 0;
}

static void put_query(struct vcs_trip *t, struct vcs_ask *a, int64_t from,
    int64_t to, const struct vcs_filter *f)
{
	a->beside = true;
	json_put_text(a->vars, "from", vcs_make_time(t->mem, from));
	json_put_text(a->vars, "to", vcs_make_time(t->mem, to));
	if (f->service)
		json_put_int(a->vars, "service", f->service);
}

/* Packages by name, each once. */
static enum err read_packages(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_names *names = a->out;
	size_t n = json_length(a->result);

	names->items = mem_array(t->mem, n, sizeof(*names->items));
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_at(a->result, i);
		int64_t id = vcs_read_int(row, vcs_field(a, "package_id"));
		const char *name = vcs_read_text(row, vcs_field(a, "package"));

		if (id && !vcs_find_name(names, id))
			names->items[names->n++] = (struct vcs_name){
			    .id = id, .name = name ? name : ""};
	}
	return ERR_OK;
}

struct vcs_names *vcs_ask_packages(struct vcs_trip *t)
{
	struct vcs_names *names = mem_alloc(t->mem, sizeof(*names));

	vcs_add_ask(t, VCS_SUBSCRIPTIONS, read_packages, names, &names->err);
	return names;
}

/* --- xDRs ----------------------------------------------------------------- */

struct xdr_fields {
	struct json_column id, time, account, service, duration, currency;
	struct json_column source, destination, code, name, rate, cost;
};

struct xdr_answer {
	struct vcs_xdrs xdrs;
	struct vcs_filter filter;
};

static void read_xdr(struct xdr_fields *f, const char *zone,
    struct json_object *row, struct vcs_xdr *x)
{
	*x = (struct vcs_xdr){
	    .id = vcs_int_in(row, &f->id),
	    .time = vcs_time_in(row, &f->time, zone),
	    .account = vcs_int_in(row, &f->account),
	    .service = vcs_int_in(row, &f->service),
	    .duration = vcs_int_in(row, &f->duration),
	    .currency = vcs_int_in(row, &f->currency),
	    .source = vcs_text_in(row, &f->source),
	    .destination = vcs_text_in(row, &f->destination),
	    .code = vcs_text_in(row, &f->code),
	    .name = vcs_text_in(row, &f->name),
	};
	x->has_rate = vcs_money_in(row, &f->rate, &x->rate);
	x->has_cost = vcs_money_in(row, &f->cost, &x->cost);
}

static enum err read_xdrs(struct vcs_trip *t, struct vcs_ask *a)
{
	struct xdr_fields f = {vcs_column(a, "id"), vcs_column(a, "time"),
	    vcs_column(a, "account"), vcs_column(a, "service"),
	    vcs_column(a, "duration"), vcs_column(a, "currency"),
	    vcs_column(a, "source"), vcs_column(a, "destination"),
	    vcs_column(a, "code"), vcs_column(a, "name"), vcs_column(a, "rate"),
	    vcs_column(a, "cost")};
	struct xdr_answer *answer = a->out;
	struct vcs_xdrs *xdrs = &answer->xdrs;
	const char *zone = vcs_zone(t);
	size_t n = json_length(a->result);

	xdrs->raw = a->raw;
	xdrs->rows = mem_array(t->mem, n, sizeof(*xdrs->rows));
	for (size_t i = 0; i < n; i++) {
		struct vcs_xdr *x = &xdrs->rows[xdrs->n];

		read_xdr(&f, zone, json_at(a->result, i), x);
		xdrs->n += is_wanted(t, &answer->filter, x->account,
		    f.service.key.name ? x->service : answer->filter.service);
	}
	return ERR_OK;
}

struct vcs_xdrs *vcs_ask_xdrs(
    struct vcs_trip *t, const struct vcs_xdr_query *query)
{
	struct xdr_answer *answer = mem_alloc(t->mem, sizeof(*answer));
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_XDRS, read_xdrs, answer, &answer->xdrs.err);

	answer->filter = query->filter;
	answer->xdrs.cut = &a->cut;
	answer->xdrs.held = &a->held;
	put_query(t, a, query->from, query->to, &query->filter);
	put_accounts(t, a, "accounts", &query->filter);
	json_put_text(a->vars, "order",
	    mem_print(t->mem, "%c%s", query->ascending ? '+' : '-',
		vcs_field(a, "time")));
	json_put_int(a->vars, "limit", (int64_t)query->limit);
	json_put_int(a->vars, "offset", (int64_t)query->offset);
	return &answer->xdrs;
}

/* --- xDRs piece by piece -------------------------------------------------- */

static bool is_seen(const struct vcs_cursor *c, const struct vcs_xdr *x)
{
	for (size_t i = 0; x->time == c->from && i < c->n_seen; i++)
		if (c->seen[i] == x->id)
			return true;
	return false;
}

static void remember(struct vcs_cursor *c, const struct vcs_xdr *x)
{
	if (x->time != c->from) {
		c->from = x->time;
		c->n_seen = 0;
	}
	if (c->n_seen == c->room) {
		int64_t *ids =
		    mem_array(c->mem, c->room * 2 + 64, sizeof(*ids));

		if (c->n_seen)
			memcpy(ids, c->seen, c->n_seen * sizeof(*ids));
		c->seen = ids;
		c->room = c->room * 2 + 64;
	}
	c->seen[c->n_seen++] = x->id;
}

/* Keeps the new ones among the rows and moves on behind the last. */
static enum err take_new(struct vcs_cursor *c, struct vcs_xdrs *xdrs)
{
	int64_t before = c->from;
	size_t kept = 0;

	for (size_t i = 0; i < xdrs->n; i++) {
		struct vcs_xdr *x = &xdrs->rows[i];

		if (x->time < before || !x->id) {
			log_error("vcs.order",
			    "xdr.list: rows without id or time, or not in the "
			    "order of time; see params.order of the profile");
			return ERR_UPSTREAM;
		}
		before = x->time;
		if (!is_seen(c, x))
			xdrs->rows[kept++] = *x;
	}
	for (size_t i = 0; i < kept; i++)
		remember(c, &xdrs->rows[i]);
	xdrs->n = kept;
	return ERR_OK;
}

/* Nothing new behind an offset. Known rows there mean that VCS does not heed
 * it, so that a piece that is not full is all there is; rows that are never
 * wanted must end somewhere, too. */
static void check_offset(
    const struct vcs_cursor *c, struct vcs_xdrs *xdrs, size_t known)
{
	enum { MOST = 1000000 };

	if (known && xdrs->raw < c->limit) {
		xdrs->raw = 0;
	} else if (known || c->offset > MOST) {
		log_error("vcs.offset", "xdr.list: the same rows again and "
					"again; see params.offset of the "
					"profile");
		xdrs->err = ERR_UPSTREAM;
	}
}

/* The piece that the caller has, and the one that VCS is asked for: each in a
 * pool of its own, so that what failed is given back, too. */
struct vcs_ahead {
	struct mem *now, *next;
	struct vcs_trip *trip; /* NULL: none is under way */
	struct vcs_xdrs *xdrs;
};

static void release_ahead(void *ctx)
{
	struct vcs_ahead *a = ctx;

	if (a->trip)
		vcs_drop(a->trip);
	mem_close(a->next);
	mem_close(a->now);
}

static struct vcs_xdrs *ask_piece(
    struct vcs_trip *t, const struct vcs_cursor *c)
{
	return vcs_ask_xdrs(t, &(struct vcs_xdr_query){.from = c->from,
				   .to = c->to,
				   .filter = c->filter,
				   .ascending = true,
				   .limit = c->limit,
				   .offset = c->offset});
}

static void ask_next(const struct vcs_trip *t, struct vcs_cursor *c)
{
	struct vcs_ahead *a = c->next;

	if (!a) {
		a = c->next = mem_alloc(c->mem, sizeof(*a));
		mem_own(c->mem, release_ahead, a);
	}
	a->next = mem_open((size_t)t->brand->conf->limits.request_memory);
	a->trip = mem_alloc(a->next, sizeof(*a->trip));
	*a->trip = (struct vcs_trip){.brand = t->brand,
	    .mem = a->next,
	    .client = t->client,
	    .kept = t->kept};
	a->xdrs = ask_piece(a->trip, c);
	vcs_start(a->trip);
	vcs_step(t->brand);
}

/* The piece before is given back. */
static struct vcs_xdrs *await_piece(struct vcs_cursor *c)
{
	struct vcs_ahead *a = c->next;

	mem_close(a->now);
	a->now = a->next;
	a->next = NULL;
	vcs_wait(a->trip);
	a->trip = NULL;
	return a->xdrs;
}

/* NULL: nothing was asked ahead, or what came of it is worth another try. */
static struct vcs_xdrs *take_ahead(struct vcs_cursor *c)
{
	struct vcs_xdrs *xdrs =
	    c->next && c->next->trip ? await_piece(c) : NULL;

	return xdrs && xdrs->err && *xdrs->held ? NULL : xdrs;
}

static struct vcs_xdrs *read_piece(
    const struct vcs_trip *t, struct vcs_cursor *c)
{
	enum { LEAST = 50 };
	struct vcs_xdrs *xdrs = take_ahead(c);

	for (;;) {
		if (xdrs && xdrs->err && *xdrs->cut && c->limit > LEAST)
			c->limit /= 2;
		else if (xdrs)
			return xdrs;
		ask_next(t, c);
		xdrs = await_piece(c);
	}
}

struct vcs_xdrs *vcs_read_xdrs(struct vcs_trip *t, struct vcs_cursor *c)
{
	struct vcs_xdrs *xdrs = read_piece(t, c);
	size_t known = xdrs->n;

	if (!xdrs->err)
		xdrs->err = take_new(c, xdrs);
	known -= xdrs->n;
	if (!xdrs->err && !xdrs->n && c->offset)
		check_offset(c, xdrs, known);
	/* Rows that are known or dropped are passed by offset: a second may
	 * fill a whole piece. */
	c->offset = xdrs->n ? 0 : c->offset + xdrs->raw;
	if (c->ahead && !xdrs->err && xdrs->raw)
		ask_next(t, c);
	return xdrs;
}

void vcs_step(struct brand *b)
{
	http_step(b->http);
}

/* --- Sums ----------------------------------------------------------------- */

struct usage_answer {
	struct vcs_usage usage;
	struct vcs_filter filter;
};

struct usage_fields {
	struct json_column day, name, account, service;
	struct json_column volume, events, currency, cost;
};

static bool read_usage_row(
    struct usage_fields *f, struct json_object *row, struct vcs_usage_row *u)
{
	*u = (struct vcs_usage_row){
	    .day = vcs_text_in(row, &f->day),
	    .name = vcs_text_in(row, &f->name),
	    .account = vcs_int_in(row, &f->account),
	    .service = vcs_int_in(row, &f->service),
	    .volume = vcs_int_in(row, &f->volume),
	    .events = vcs_int_in(row, &f->events),
	    .currency = vcs_int_in(row, &f->currency),
	};
	return vcs_money_in(row, &f->cost, &u->cost);
}

static enum err read_usage(struct vcs_trip *t, struct vcs_ask *a)
{
	struct usage_fields f = {vcs_column(a, "day"), vcs_column(a, "name"),
	    vcs_column(a, "account"), vcs_column(a, "service"),
	    vcs_column(a, "volume"), vcs_column(a, "events"),
	    vcs_column(a, "currency"), vcs_column(a, "cost")};
	struct usage_answer *answer = a->out;
	struct vcs_usage *usage = &answer->usage;
	size_t n = json_length(a->result), wrong = 0;

	usage->rows = mem_array(t->mem, n, sizeof(*usage->rows));
	for (size_t i = 0; i < n; i++) {
		struct vcs_usage_row *u = &usage->rows[usage->n];

		if (!read_usage_row(&f, json_at(a->result, i), u))
			wrong++;
		else
			usage->n += is_wanted(
			    t, &answer->filter, u->account, u->service);
	}
	/* A sum without one of its parts is no sum. */
	return wrong ? ERR_UPSTREAM : ERR_OK;
}

/* Grouping by what is filtered shows whose each row is. */
static void put_groups(
    struct vcs_ask *a, enum vcs_group group, const struct vcs_filter *f)
{
	struct json_object *list = json_put_list(a->vars, "group_by");

	if (group == VCS_BY_DAY)
		json_put_text(list, NULL, vcs_field(a, "day"));
	if (group == VCS_BY_NAME)
		json_put_text(list, NULL, vcs_field(a, "name"));
	if (group == VCS_BY_ACCOUNT || f->account || f->package)
		json_put_text(list, NULL, vcs_field(a, "account"));
	json_put_text(list, NULL, vcs_field(a, "service"));
}

struct vcs_usage *vcs_ask_usage(struct vcs_trip *t, int64_t from, int64_t to,
    enum vcs_group group, const struct vcs_filter *filter)
{
	struct usage_answer *answer = mem_alloc(t->mem, sizeof(*answer));
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_USAGE, read_usage, answer, &answer->usage.err);

	answer->filter = *filter;
	answer->usage.code = &a->call.code;
	put_query(t, a, from, to, filter);
	put_groups(a, group, filter);
	if (filter->account || filter->package)
		put_accounts(t, a, "only_accounts", filter);
	json_put_text(a->vars, "zone", vcs_zone(t));
	return &answer->usage;
}
