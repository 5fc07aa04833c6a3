/* page_usage.c: period, filters and rows of the pages of usage. */
#include "pages/page_usage.h"

#include <string.h>

enum err page_begin_usage(struct call *c, struct usage *u)
{
	enum err err = page_find_period(c, &u->period);

	u->filter = (struct vcs_filter){
	    .service = req_number(c->req, "service"),
	    .account = req_number(c->req, "account"),
	    .package = req_number(c->req, "package"),
	};
	if (err)
		return err;
	u->accounts = vcs_ask_accounts(c->trip);
	u->services = vcs_ask_services(c->trip);
	u->packages = vcs_ask_packages(c->trip);
	return ERR_OK;
}

/* What is not in a list, if VCS gave it; its refusal is no rule of ours. */
static enum err lack(const struct vcs_names *names)
{
	return !names->err		? ERR_NOT_FOUND
	       : names->err == ERR_RULE ? ERR_UPSTREAM
					: names->err;
}

enum err page_go_usage(struct call *c, const struct usage *u)
{
	const struct vcs_filter *f = &u->filter;
	enum err err = page_go(c);

	if (err)
		return err;
	if (f->account && !vcs_has_account(c->trip, f->account))
		return lack(u->accounts);
	if (f->service && !u->services->err &&
	    !vcs_find_name(u->services, f->service))
		return ERR_NOT_FOUND;
	if (f->package && !vcs_has_package(c->trip, f->package) &&
	    !vcs_find_name(u->packages, f->package))
		return lack(u->packages);
	return ERR_OK;
}

/* --- Filters -------------------------------------------------------------- */

bool page_theme_has(
    struct call *c, const char *name, const char *list, const char *key)
{
	struct json_object *keys =
	    json_find(json_find(c->brand->theme, name), list);

	for (size_t i = 0; i < json_length(keys); i++)
		if (json_at(keys, i) &&
		    !strcmp(json_text(json_at(keys, i), NULL), key))
			return true;
	return !keys;
}

static void put_filter(struct call *c, const char *name,
    struct json_object *filters, const char *key, const struct vcs_names *names)
{
	const char *list_key = mem_print(c->mem, "%ss", key);
	int64_t chosen = req_number(c->req, key);
	struct json_object *list, *options, *o;

	json_put(filters, key, chosen ? json_new_int(c->mem, chosen) : NULL);
	list = json_put_list(filters, list_key);
	options = json_put_list(json_find(c->ui, "filters"), key);
	json_put_flag(json_find(c->ui, "has_filter"), key,
	    page_theme_has(c, name, "filters", key));
	if (chosen)
		json_put_flag(c->ui, "filtered", true);
	for (size_t i = 0; !names->err && i < names->n; i++) {
		const struct vcs_name *item = &names->items[i];

		o = json_new(c->mem);
		json_put(list, NULL, o);
		json_put_int(o, "id", item->id);
		json_put_text(o, "name", item->name);
		page_add_option(options, "id", json_find_text(o, "id"),
		    item->name, item->id == chosen);
	}
}

void page_put_usage_filters(
    struct call *c, const char *name, const struct usage *u)
{
	struct json_object *filters = json_put_object(c->model, "filters");

	json_put_object(c->ui, "filters");
	json_put_object(c->ui, "has_filter");
	json_put_text(filters, "from", u->period.from);
	json_put_text(filters, "to", u->period.to);
	put_filter(c, name, filters, "service", u->services);
	put_filter(c, name, filters, "account", u->accounts);
	put_filter(c, name, filters, "package", u->packages);
	json_put_text(c->ui, "clear_url",
	    mem_print(c->mem, "%s?from=%s&to=%s", c->req->path, u->period.from,
		u->period.to));
}

/* --- Rows ----------------------------------------------------------------- */

void page_put_named(struct json_object *o, const char *key, int64_t id,
    const struct vcs_names *names)
{
	const struct vcs_name *name = vcs_find_name(names, id);
	struct json_object *named = json_put_object(o, key);

	json_put_int(named, "id", id);
	json_put_text(named, "name", name ? name->name : NULL);
}

struct json_object *page_make_xdr(struct call *c, const struct vcs_xdr *x,
    const struct vcs_names *accounts, const struct vcs_names *services)
{
	const char *currency = vcs_find_currency(c->trip, x->currency);
	const struct vcs_name *service = vcs_find_name(services, x->service);
	struct json_object *o = json_new(c->mem);

	json_put_int(o, "id", x->id);
	put_time(c, o, "time", x->time);
	page_put_named(o, "account", x->account, accounts);
	json_put_text(o, "source", x->source);
	json_put_text(o, "destination", x->destination);
	json_put_text(o, "code", x->code);
	json_put_text(o, "name", x->name);
	page_put_named(o, "service", x->service, services);
	put_quantity(
	    c, o, "duration", x->duration, service ? service->unit : "s");
	if (x->has_rate)
		put_price(c, o, "rate", x->rate, currency);
	else
		json_put(o, "rate", NULL);
	if (x->has_cost)
		put_money(c, o, "cost", x->cost, currency);
	else
		json_put(o, "cost", NULL);
	return o;
}
