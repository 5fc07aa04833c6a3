/* page_ui.c: what only templates see: user, menu, language, toolbar. */
#include "pages/page_serve.h"

#include <string.h>

static void add_languages(struct call *c)
{
	struct json_object *list = json_put_list(c->ui, "languages");

	for (size_t i = 0; i < c->brand->n_languages; i++) {
		struct language *l = &c->brand->languages[i];

		page_add_option(
		    list, "locale", l->locale, l->name, l == c->language);
	}
}

static const char *menu_text(struct call *c, const char *key)
{
	return page_text(c, mem_join(c->mem, "menu.", key ? key : "", ""));
}

static void add_menu_item(
    struct call *c, struct json_object *items, struct json_object *row)
{
	struct json_object *item = json_put_object(items, NULL);
	struct json_object *url = json_find(row, "path");
	const char *path = json_plain(url);

	json_put_text(item, "label", menu_text(c, json_find_text(row, "page")));
	json_put(item, "page_url", url);
	json_put(item, "icon", json_find(row, "icon"));
	json_put_flag(item, "active", path && !strcmp(path, c->req->path));
}

static void add_menu(struct call *c)
{
	struct json_object *menu = json_find(c->brand->theme, "menu");
	struct json_object *list = json_put_list(c->ui, "menu");

	for (size_t i = 0; i < json_length(menu); i++) {
		struct json_object *row = json_at(menu, i), *group, *items;

		group = json_put_object(list, NULL);
		json_put_text(
		    group, "label", menu_text(c, json_find_text(row, "key")));
		items = json_put_list(group, "items");
		row = json_find(row, "items");
		for (size_t j = 0; j < json_length(row); j++)
			add_menu_item(c, items, json_at(row, j));
	}
}

static void add_toolbar(struct call *c)
{
	struct json_object *bar = json_put_object(c->ui, "toolbar");
	const struct vcs_client *client = c->client;

	json_put_text(bar, "refill_url", "/api/refill");
	if (!client || !c->gone || client->err || !client->has_balance)
		return;
	put_money(c, bar, "balance", client->balance, c->currency);
	json_put_flag(bar, "negative", money_sign(client->balance) < 0);
	json_put_flag(bar, "low",
	    client->has_threshold &&
		money_compare(client->available, client->low_balance) < 0);
}

static void add_user(struct call *c)
{
	struct json_object *user = json_put_object(c->ui, "user");
	bool known = c->client && c->gone && !c->client->err;

	json_put_text(user, "login", c->session->login);
	json_put_text(user, "name",
	    known && c->client->name[0] ? c->client->name : c->session->login);
}

static void add_assets(struct call *c, bool rtl)
{
	struct json_object *all = c->brand->assets;
	struct json_object *assets = json_copy(c->mem, all);

	json_put(c->ui, "assets", assets);
	if (!rtl)
		return;
	json_put(assets, "bootstrap_url", json_find(all, "bootstrap_rtl_url"));
	json_put(assets, "sheet_url", json_find(all, "sheet_rtl_url"));
}

/* What a field is called on the page; the name itself where a page of its own
 * says that, or nobody knows the field. */
static const char *name_field(struct call *c, const char *name)
{
	const char *key = mem_print(c->mem, "field.name.%s", name);

	return fmt_pattern(c->fmt, key) ? page_text(c, key) : name;
}

static void add_faults(struct call *c)
{
	struct json_object *list, *by_name, *row;

	if (!c->req->n_faults)
		return;
	list = json_put_list(c->ui, "faults");
	by_name = json_put_object(c->ui, "fault");
	for (size_t i = 0; i < c->req->n_faults; i++) {
		const struct req_fault *f = &c->req->faults[i];
		const char *text = page_fault_text(c, f);

		row = json_new(c->mem);
		json_put_text(row, "name", name_field(c, f->name));
		json_put_text(row, "text", text);
		json_put_text(row, "anchor_url",
		    mem_print(c->mem, "#%s", req_encode(c->mem, f->name)));
		json_put(list, NULL, row);
		json_put_text(by_name, f->name, text);
	}
}

/* What was typed, for the form that is shown again. */
static void add_form(struct call *c)
{
	struct json_object *form = json_put_object(c->ui, "form");

	for (const struct param *p = c->page ? c->page->params : NULL;
	     p && p->name; p++)
		json_put_text(form, p->name,
		    p->type == PARAM_SECRET ? NULL : req_raw(c->req, p->name));
}

void page_fill_ui(struct call *c, const char *tmpl)
{
	bool rtl = fmt_right_to_left(c->fmt);
	const char *self = page_url(c, "page", req_text(c->req, "page"));
	const char *title = c->brand->conf->title;

	json_put_text(c->ui, "page", tmpl);
	json_put_text(c->ui, "locale", c->language->locale);
	json_put_text(c->ui, "dir", rtl ? "rtl" : "ltr");
	/* Nobody's brand has no title. */
	json_put_text(
	    c->ui, "brand", title[0] ? title : page_text(c, "app.name"));
	json_put_text(c->ui, "version", PORTICO_VERSION);
	json_put_text(c->ui, "path_url", self);
	json_put_text(c->ui, "login_url", "/api/login");
	json_put_text(c->ui, "home_url", "/api/dashboard");
	json_put_text(c->ui, "csrf", page_csrf(c));
	json_put_text(c->ui, "notice",
	    !c->notice && c->session ? page_take_flash(c) : c->notice);
	json_put_flag(c->ui, "notice_bad", c->notice != NULL);
	add_languages(c);
	add_assets(c, rtl);
	add_faults(c);
	add_form(c);
	if (!c->session)
		return;
	add_user(c);
	add_menu(c);
	add_toolbar(c);
}
