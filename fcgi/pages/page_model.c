/* page_model.c: what load functions put into a model. */
#include "pages/page.h"

#include <string.h>

static struct json_object *put_new(struct json_object *o, struct json_key key)
{
	struct json_object *value = json_new(json_pool(o));

	json_put_value(o, key, value);
	return value;
}

static void put_amount(struct call *c, struct json_object *o,
    struct json_key key, struct money amount, const char *currency, char *text)
{
	struct json_object *m = put_new(o, key);

	json_put_text(m, "amount", money_text(c->mem, amount));
	json_put_text(m, "currency", currency);
	json_put_text(m, "text", text);
}

void put_money_value(struct call *c, struct json_object *o, struct json_key key,
    struct money amount, const char *currency)
{
	put_amount(c, o, key, amount, currency,
	    fmt_money(c->mem, c->fmt, amount, currency));
}

void put_price_value(struct call *c, struct json_object *o, struct json_key key,
    struct money amount, const char *currency)
{
	put_amount(c, o, key, amount, currency,
	    fmt_price(c->mem, c->fmt, amount, currency));
}

void put_time_value(
    struct call *c, struct json_object *o, struct json_key key, int64_t when)
{
	struct json_object *t;

	if (!when) {
		json_put_value(o, key, NULL);
		return;
	}
	t = put_new(o, key);
	json_put_text(t, "iso", fmt_iso_time(c->mem, when, c->zone));
	json_put_text(
	    t, "text", fmt_time(c->mem, c->fmt, when, c->zone, FMT_DATE_TIME));
}

void put_day(
    struct call *c, struct json_object *o, const char *key, int64_t when)
{
	if (!when)
		json_put(o, key, NULL);
	else
		json_put_text(json_put_object(o, key), "text",
		    fmt_time(c->mem, c->fmt, when, c->zone, FMT_DATE));
}

void put_duration_value(
    struct call *c, struct json_object *o, struct json_key key, int64_t seconds)
{
	struct json_object *q = put_new(o, key);

	json_put_int(q, "value", seconds);
	json_put_text(q, "unit", "s");
	json_put_text(q, "text", fmt_duration(c->mem, c->fmt, seconds));
}

void put_quantity_value(struct call *c, struct json_object *o,
    struct json_key key, int64_t value, const char *unit)
{
	struct fmt_arg count = {NULL, (double)value};
	struct json_object *q;
	const char *words;

	if (!strcmp(unit, "s")) {
		put_duration_value(c, o, key, value);
		return;
	}
	words = mem_join(c->mem, "unit.count.", unit, "");
	q = put_new(o, key);
	json_put_int(q, "value", value);
	json_put_text(q, "unit", unit);
	json_put_text(q, "text",
	    fmt_pattern(c->fmt, words)
		? page_text_args(c, words, &count, 1)
		: mem_print(
		      c->mem, "%s %s", fmt_count(c->mem, c->fmt, value), unit));
}

void page_put_balance(struct call *c, const struct vcs_client *client)
{
	enum err err = client->err;
	struct json_object *o;

	if (!err && !client->has_balance)
		err = ERR_UPSTREAM;
	if (!page_section(c, "balance", err))
		return;
	o = json_put_object(c->model, "balance");
	put_money(c, o, "live", client->balance, c->currency);
	put_money(c, o, "credit", client->credit, c->currency);
	put_money(c, o, "available", client->available, c->currency);
}

const char *page_text(struct call *c, const char *key)
{
	return fmt_text(c->mem, c->fmt, key, NULL, 0);
}

const char *page_text_args(
    struct call *c, const char *key, const struct fmt_arg *args, size_t n)
{
	return fmt_text(c->mem, c->fmt, key, args, n);
}

const char *page_fault_text(struct call *c, const struct req_fault *f)
{
	struct fmt_arg args[2] = {
	    {NULL, (double)f->args[0]}, {NULL, (double)f->args[1]}};

	args[0].text = f->words;
	return page_text_args(c, f->key, args, f->words ? 1 : f->n_args);
}

/* A refusal of VCS's is its fault towards the customer, too. */
static enum err section_error(enum err e)
{
	return e == ERR_RULE ? ERR_UPSTREAM : e;
}

bool page_section(struct call *c, const char *name, enum err e)
{
	struct json_object *errors, *error;
	const char *text;

	c->sections++;
	if (!e)
		return true;
	e = section_error(e);
	c->failed++;
	if (c->worst != ERR_UPSTREAM)
		c->worst = e;
	errors = json_find(c->model, "errors");
	if (!errors)
		errors = json_put_object(c->model, "errors");
	json_put(c->model, name, NULL);
	error = json_put_object(errors, name);
	json_put_text(error, "code", err_code(e));

	text = page_text(c, mem_print(c->mem, "error.%s", err_code(e)));
	if (!json_find(c->ui, "section_failed")) {
		json_put_object(c->ui, "section_failed");
		json_put_object(c->ui, "section_text");
	}
	json_put_flag(json_find(c->ui, "section_failed"), name, true);
	json_put_text(json_find(c->ui, "section_text"), name, text);
	return false;
}

enum err page_end(struct call *c)
{
	return c->sections && c->failed == c->sections ? c->worst : ERR_OK;
}

static void add_query(
    struct buf *b, struct mem *m, const char *name, const char *value)
{
	buf_add_char(b, strchr(b->data, '?') ? '&' : '?');
	buf_add_text(b, name);
	buf_add_char(b, '=');
	buf_add_text(b, req_encode(m, value));
}

const char *page_url(struct call *c, const char *name, const char *value)
{
	struct buf b;

	buf_open(&b, c->mem, 0);
	buf_add_text(&b, c->req->path);
	for (const struct param *p = c->page ? c->page->params : NULL;
	     p && p->name && c->req->method == METHOD_GET; p++) {
		bool changed = name && !strcmp(name, p->name);
		const char *now = changed ? value : req_text(c->req, p->name);

		if (!now || (p->standard && !strcmp(now, p->standard)))
			continue;
		if (changed || strcmp(p->name, "page") != 0)
			add_query(&b, c->mem, p->name, now);
	}
	return b.data;
}

void page_add_option(struct json_object *list, const char *key,
    const char *value, const char *name, bool selected)
{
	struct json_object *o = json_put_object(list, NULL);

	json_put_text(o, key, value);
	if (name)
		json_put_text(o, "name", name);
	json_put_flag(o, "selected", selected);
}
