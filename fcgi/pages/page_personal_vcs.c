/* page_personal_vcs.c: what VCS holds on the customer, for the file of personal
 * data. */
#include "pages/page_personal.h"

#include <inttypes.h>

#include "domain/vcs_billing.h"

/* Before any billing system of this kind, and after what a clock that was never
 * set says. */
enum { SINCE = 946684800 /* 2000-01-01 */ };

void personal_ask(struct call *c, struct personal_vcs *v)
{
	v->accounts = vcs_ask_account_list(c->trip);
	v->names = vcs_ask_accounts(c->trip);
	v->services = vcs_ask_services(c->trip);
	v->subscriptions = vcs_ask_subscriptions(c->trip);
}

enum err personal_check(const struct call *c, const struct personal_vcs *v)
{
	const enum err all[] = {c->client->err, v->accounts->err, v->names->err,
	    v->services->err, v->subscriptions->err};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			/* A refusal is VCS's fault towards the customer. */
			return all[i] == ERR_RULE ? ERR_UPSTREAM : all[i];
	return ERR_OK;
}

/* --- Who the customer is -------------------------------------------------- */

static void put_profile(struct personal *p)
{
	struct call *c = p->call;
	struct json_object *o = json_new(c->mem);

	json_put_int(o, "id", c->client->id);
	json_put_text(o, "name", c->client->name);
	json_put_text(o, "login", c->session->login);
	json_put_text(o, "currency", c->currency);
	json_put_text(o, "time_zone", vcs_kept_zone(c->session));
	json_put_text(o, "locale", vcs_kept_locale(c->session));
	for (int i = 0; i < VCS_DETAILS; i++)
		json_put_text(o, vcs_detail_names[i], c->client->details[i]);
	personal_put(p, "profile", o);
}

static void put_balance(struct personal *p)
{
	struct call *c = p->call;
	const struct vcs_client *v = c->client;
	struct json_object *o = json_new(c->mem);

	if (v->has_balance) {
		personal_put_money(c, o, "live", v->balance, c->currency);
		personal_put_money(c, o, "credit", v->credit, c->currency);
		personal_put_money(
		    c, o, "available", v->available, c->currency);
	}
	if (v->has_threshold)
		personal_put_money(
		    c, o, "low_balance", v->low_balance, c->currency);
	personal_put(p, "balance", o);
}

static void put_accounts(struct personal *p, const struct vcs_accounts *all)
{
	struct json_object *list = json_new_list(p->call->mem);

	for (size_t i = 0; i < all->n; i++) {
		const struct vcs_account *a = &all->items[i];
		struct json_object *o = json_new(p->call->mem);

		json_put(list, NULL, o);
		json_put_int(o, "id", a->id);
		json_put_text(o, "name", a->name);
		json_put_text(o, "kind", a->kind);
		json_put_text(o, "ani", a->ani);
		json_put(o, "ips", a->ips);
		json_put_flag(o, "enabled", a->enabled);
	}
	personal_put(p, "accounts", list);
}

static void put_subscriptions(
    struct personal *p, const struct vcs_subscriptions *all)
{
	struct call *c = p->call;
	struct json_object *list = json_new_list(c->mem);

	for (size_t i = 0; i < all->n; i++) {
		const struct vcs_subscription *s = &all->items[i];
		struct json_object *o = json_new(c->mem);

		json_put(list, NULL, o);
		json_put_int(o, "id", s->id);
		json_put_int(o, "account", s->account);
		json_put_text(o, "package", s->package);
		json_put_text(o, "status", s->status);
		json_put_int(o, "quantity", s->quantity);
		personal_put_time(c, o, "from", s->from);
		personal_put_time(c, o, "to", s->to);
		personal_put_time(c, o, "renews", s->renews);
		if (s->has_fee)
			personal_put_money(c, o, "fee", s->fee,
			    vcs_find_currency(c->trip, s->currency));
		json_put(o, "limits", s->limits);
	}
	personal_put(p, "subscriptions", list);
}

/* --- Money ---------------------------------------------------------------- */

static struct json_object *make_invoice(
    struct call *c, const struct vcs_invoice *v)
{
	const char *currency = vcs_find_currency(c->trip, v->currency);
	struct json_object *o = json_new(c->mem);

	json_put_int(o, "id", v->id);
	json_put_text(o, "number", v->number);
	personal_put_time(c, o, "from", v->from);
	personal_put_time(c, o, "to", v->to);
	personal_put_time(c, o, "issued", v->issued);
	personal_put_time(c, o, "due", v->due);
	personal_put_money(c, o, "total", v->total, currency);
	personal_put_money(c, o, "paid", v->paid, currency);
	json_put_text(o, "download_url",
	    mem_print(c->mem, "/api/invoices/%" PRId64 "/download", v->id));
	return o;
}

/* All in one piece: VCS's list is read whole, up to limits.tableRows. */
static enum err fetch_invoices(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct personal *p = state;
	const struct vcs_invoices *all;

	if (*taken)
		return ERR_OK;
	all = vcs_read_invoices(
	    c->trip, (size_t)c->brand->conf->limits.table_rows);
	if (all->err)
		return all->err == ERR_RULE ? ERR_UPSTREAM : all->err;
	for (size_t i = 0; i < all->n; i++)
		json_put(list, NULL, make_invoice(c, &all->rows[i]));
	*taken = all->n;
	p->cut = all->limited;
	return ERR_OK;
}

static enum err fetch_transactions(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct vcs_ledger *l = state;
	const struct vcs_transactions *piece = vcs_read_ledger(c->trip, l);

	if (piece->err)
		return piece->err == ERR_RULE ? ERR_UPSTREAM : piece->err;
	for (size_t i = 0; i < piece->n; i++) {
		const struct vcs_transaction *x = &piece->rows[i];
		struct json_object *o = json_new(c->mem);

		json_put(list, NULL, o);
		json_put_int(o, "id", x->id);
		personal_put_time(c, o, "time", x->time);
		personal_put_money(c, o, "amount", x->amount,
		    vcs_find_currency(c->trip, x->currency));
		json_put_text(o, "status", x->status);
		json_put_text(o, "description", x->notes);
	}
	*taken += piece->came;
	return ERR_OK;
}

static enum err put_flow(
    struct personal *p, const char *key, enum vcs_flow flow)
{
	struct vcs_ledger l = {.flow = flow, .from = SINCE, .to = p->call->now};

	return personal_put_list(p, key, fetch_transactions, &l);
}

/* --- Usage ---------------------------------------------------------------- */

struct usage_rows {
	const struct personal_vcs *vcs;
	struct vcs_cursor cursor;
};

static void put_name(struct json_object *o, const char *key,
    const struct vcs_names *names, int64_t id)
{
	const struct vcs_name *found = vcs_find_name(names, id);

	json_put_text(o, key, found ? found->name : NULL);
}

static struct json_object *make_xdr(
    struct call *c, const struct personal_vcs *v, const struct vcs_xdr *x)
{
	const struct vcs_name *service = vcs_find_name(v->services, x->service);
	struct json_object *o = json_new(c->mem);

	json_put_int(o, "id", x->id);
	personal_put_time(c, o, "time", x->time);
	put_name(o, "account", v->names, x->account);
	json_put_text(o, "source", x->source);
	json_put_text(o, "destination", x->destination);
	json_put_text(o, "code", x->code);
	json_put_text(o, "name", x->name);
	put_name(o, "service", v->services, x->service);
	json_put_int(o, "volume", x->duration);
	json_put_text(o, "unit", service ? service->unit : "s");
	if (x->has_rate)
		json_put_text(o, "rate", money_text(c->mem, x->rate));
	if (x->has_cost)
		json_put_text(o, "cost", money_text(c->mem, x->cost));
	json_put_text(o, "currency", vcs_find_currency(c->trip, x->currency));
	return o;
}

static enum err fetch_xdrs(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct usage_rows *u = state;
	const struct vcs_xdrs *xdrs = vcs_read_xdrs(c->trip, &u->cursor);

	if (xdrs->err)
		return xdrs->err == ERR_RULE ? ERR_UPSTREAM : xdrs->err;
	for (size_t i = 0; i < xdrs->n; i++)
		json_put(list, NULL, make_xdr(c, u->vcs, &xdrs->rows[i]));
	*taken += xdrs->raw;
	return ERR_OK;
}

static enum err put_usage(struct personal *p, const struct personal_vcs *v)
{
	enum { PIECE = 1000 }; /* two are there at a time */
	struct usage_rows u = {
	    .vcs = v,
	    .cursor = {.from = SINCE,
		.to = p->call->now,
		.limit = PIECE,
		.mem = p->call->mem,
		.ahead = true},
	};

	return personal_put_list(p, "usage", fetch_xdrs, &u);
}

enum err personal_put_vcs(struct personal *p, const struct personal_vcs *v)
{
	enum err err;

	put_profile(p);
	put_balance(p);
	put_accounts(p, v->accounts);
	put_subscriptions(p, v->subscriptions);
	err = personal_put_list(p, "invoices", fetch_invoices, p);
	if (!err)
		err = put_flow(p, "payments", VCS_PAYMENTS);
	if (!err)
		err = put_flow(p, "charges", VCS_CHARGES);
	return err ? err : put_usage(p, v);
}
