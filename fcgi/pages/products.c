/* products.c: what the customer has: subscriptions and accounts. */
#include "pages/routes.h"

#include <string.h>

/* --- Subscriptions -------------------------------------------------------- */

/* total and left are quantities of the limit's unit; a limit without a total
 * is not shown as used up. */
static void put_limit(
    struct call *c, struct json_object *list, struct json_object *limit)
{
	const char *unit = json_find_text(limit, "unit");
	struct json_object *o = json_new(c->mem);
	int64_t total, left;

	json_put(list, NULL, o);
	json_put_text(o, "name", json_find_text(limit, "name"));
	json_put(o, "total", NULL);
	json_put(o, "left", NULL);
	if (json_find_int(limit, "total", &total))
		put_quantity(c, o, "total", total, unit ? unit : "s");
	if (json_find_int(limit, "left", &left))
		put_quantity(c, o, "left", left, unit ? unit : "s");
	json_put_text(o, "unit", unit);
}

static void put_subscription(
    struct call *c, struct json_object *list, const struct vcs_subscription *s)
{
	struct json_object *o = json_new(c->mem), *limits;

	json_put(list, NULL, o);
	json_put_int(o, "id", s->id);
	json_put_text(o, "package", s->package);
	json_put_text(o, "status", s->status);
	json_put_int(o, "quantity", s->quantity);
	put_time(c, o, "from", s->from);
	put_time(c, o, "to", s->to);
	put_time(c, o, "renews", s->renews);
	if (s->has_fee)
		put_money(c, o, "fee", s->fee,
		    vcs_find_currency(c->trip, s->currency));
	else
		json_put(o, "fee", NULL);
	limits = json_put_list(o, "limits");
	for (size_t i = 0; i < json_length(s->limits); i++)
		put_limit(c, limits, json_at(s->limits, i));
}

/* What only the template needs: days, words, bars. */
static void put_card(struct call *c, struct json_object *cards,
    const struct vcs_subscription *s, struct json_object *row)
{
	struct json_object *o = json_new(c->mem), *bars;
	struct json_object *limits = json_find(row, "limits");
	const char *key = mem_print(
	    c->mem, "subscriptions.state.%s", s->status ? s->status : "");

	json_put(cards, NULL, o);
	json_put(o, "package", json_find(row, "package"));
	json_put(o, "fee", json_find(row, "fee"));
	json_put_int(o, "quantity", s->quantity);
	json_put_text(o, "state", s->status);
	json_put_text(o, "state_text",
	    fmt_pattern(c->fmt, key) ? page_text(c, key) : s->status);
	put_day(c, o, "from", s->from);
	put_day(c, o, "to", s->to);
	/* What has ended renews no more, whatever its last period said. */
	put_day(c, o, "renews", s->to && s->to < c->now ? 0 : s->renews);
	bars = json_put_list(o, "limits");
	for (size_t i = 0; i < json_length(limits); i++) {
		struct json_object *limit = json_at(limits, i);
		struct json_object *bar = json_new(c->mem);
		int64_t total = 0, left = 0;

		json_put(bars, NULL, bar);
		json_put(bar, "name", json_find(limit, "name"));
		json_put(bar, "total", json_find(limit, "total"));
		json_put(bar, "left", json_find(limit, "left"));
		json_find_int(json_find(limit, "total"), "value", &total);
		json_find_int(json_find(limit, "left"), "value", &left);
		json_put_flag(bar, "has_meter", total > 0);
		json_put_int(bar, "max", total);
		json_put_int(bar, "value", left);
	}
}

const char subscriptions_answer[] =
    "subscriptions[id:int package? status? quantity:int from:time? to:time? "
    "renews:time? fee:money? "
    "limits[name? total:quantity? left:quantity? unit?]]";

enum err subscriptions_load(struct call *c)
{
	struct vcs_subscriptions *all = vcs_ask_subscriptions(c->trip);
	struct json_object *list, *cards;
	enum err err = page_go(c);

	if (err)
		return err;
	if (!page_section(c, "subscriptions", all->err))
		return page_end(c);
	list = json_put_list(c->model, "subscriptions");
	cards = json_put_list(c->ui, "cards");
	for (size_t i = 0; i < all->n; i++) {
		put_subscription(c, list, &all->items[i]);
		put_card(c, cards, &all->items[i], json_at(list, i));
	}
	json_put_flag(c->ui, "empty", all->n == 0);
	return page_end(c);
}

/* --- Accounts ------------------------------------------------------------- */

static void put_account(struct json_object *list, const struct vcs_account *a)
{
	struct json_object *o = json_put_object(list, NULL), *ids;

	json_put_int(o, "id", a->id);
	json_put_text(o, "name", a->name);
	json_put_text(o, "kind", a->kind);
	ids = json_put_list(o, "identifiers");
	if (a->ani && *a->ani)
		json_put_text(ids, NULL, a->ani);
	for (size_t i = 0; i < json_length(a->ips); i++) {
		const char *ip = json_text(json_at(a->ips, i), NULL);

		if (ip)
			json_put_text(ids, NULL, ip);
	}
	json_put_flag(o, "enabled", a->enabled);
}

const char accounts_answer[] =
    "accounts[id:int name? kind? identifiers[] enabled:flag]";

enum err accounts_load(struct call *c)
{
	struct vcs_accounts *accounts = vcs_ask_account_list(c->trip);
	struct json_object *list, *kinds;
	enum err err = page_go(c);

	if (err)
		return err;
	if (!page_section(c, "accounts", accounts->err))
		return page_end(c);
	list = json_put_list(c->model, "accounts");
	kinds = json_put_list(c->ui, "accounts");
	for (size_t i = 0; i < accounts->n; i++) {
		const struct vcs_account *a = &accounts->items[i];
		const char *key = mem_print(
		    c->mem, "accounts.kind.%s", a->kind ? a->kind : "");
		struct json_object *o = json_new(c->mem);

		put_account(list, a);
		json_put(kinds, NULL, o);
		json_put(o, "row", json_at(list, i));
		json_put_text(o, "kind",
		    fmt_pattern(c->fmt, key) ? page_text(c, key) : a->kind);
	}
	json_put_flag(c->ui, "empty", accounts->n == 0);
	return page_end(c);
}
