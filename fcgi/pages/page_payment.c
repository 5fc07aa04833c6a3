/* page_payment.c: payments on pages. */
#include "pages/page_payment.h"

#include <string.h>

#include "base/mem.h"
#include "tools/crypto.h"

enum { FORM_LIFE = 14 * 60 }; /* a hosted form's token lives 15 minutes */

struct till page_till(struct call *c)
{
	return (struct till){c->brand, c->db, c->mem, c->now};
}

/* Plain words for where it stands. */
static const char *text_of(struct call *c, const struct payment *p)
{
	return page_text(c,
	    mem_print(c->mem, "payment.text.%s", payment_state_name(p->state)));
}

void page_put_payment(
    struct call *c, struct json_object *o, const struct payment *p)
{
	json_put_text(o, "id", p->id);
	json_put_text(o, "gateway", p->gateway);
	put_money(c, o, "amount", p->amount, p->currency);
	json_put_text(o, "state", payment_word(p->state));
	json_put_text(o, "reference", p->money);
	put_time(c, o, "created", p->created);
	put_time(c, o, "updated", p->updated);
	json_put_text(o, "text", text_of(c, p));
}

static const char *status_path(struct call *c, const struct payment *p)
{
	return mem_print(c->mem, "/api/refill/payments/%s", p->id);
}

static const char *status_url(struct call *c, const struct payment *p)
{
	const char *base = c->brand->conf->public_uri;
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	return mem_print(c->mem, "%.*s%s", (int)len, base, status_path(c, p));
}

const char *page_payment_url(struct call *c, const struct payment *p)
{
	const struct gateway *g = gateway_of(p);

	if (p->state != PAY_REDIRECTED || !p->way || !g)
		return NULL;
	if (!g->posts)
		return p->way;
	return c->now - p->created < FORM_LIFE ? status_url(c, p) : NULL;
}

const struct gateway *page_find_gateway(struct call *c)
{
	const struct gateway *g =
	    gateway_find(c->brand, req_text(c->req, "gateway"));

	if (!g)
		req_add_fault(c->req, "gateway", "field.choice");
	return g;
}

void page_list_gateways(struct call *c, struct json_object *list)
{
	struct json_object *o;
	const struct gateway *g;

	for (size_t i = 0; (g = gateway_at(c->brand, i)); i++) {
		if (c->currency && !g->takes(c->brand, c->currency))
			continue;
		o = json_put_object(list, NULL);
		json_put_text(o, "id", g->id);
		json_put_text(o, "name",
		    page_text(c, mem_print(c->mem, "gateway.%s", g->id)));
		json_put_text(o, "description",
		    page_text(c, mem_print(c->mem, "gateway.%s.about", g->id)));
	}
}

/* A form that was refused may be sent again as it is, since that began nothing;
 * but what the gateway refused has failed for good. */
static bool is_spent(const struct req *r)
{
	for (size_t i = 0; i < r->n_faults; i++)
		if (!strcmp(r->faults[i].key, "refill.refused"))
			return true;
	return false;
}

void page_put_gateways(struct call *c)
{
	struct json_object *list = json_put_list(c->ui, "gateways");
	const char *chosen = req_raw(c->req, "gateway");
	const char *nonce = req_raw(c->req, "nonce");
	bool found = false;

	page_list_gateways(c, list);
	for (size_t i = 0; i < json_length(list); i++) {
		const char *id = json_find_text(json_at(list, i), "id");
		bool is_it = chosen && !strcmp(id, chosen);

		json_put_flag(json_at(list, i), "checked", is_it);
		found = found || is_it;
	}
	if (!found && json_length(list))
		json_put_flag(json_at(list, 0), "checked", true);
	if (!nonce || !*nonce || is_spent(c->req))
		nonce = crypto_token(c->mem, 16);
	json_put_text(c->ui, "nonce", nonce);
}

/* Nobody knows whether the gateway heard it; no money can move yet. */
static enum err explain(
    struct call *c, enum err err, const char *why, const char *field)
{
	if (err == ERR_RULE && why && !strcmp(why, "refill.unconfirmed"))
		c->notice = page_text(c, why);
	else if (err == ERR_RULE && why)
		req_add_fault(c->req, field, why);
	else if (err == ERR_UPSTREAM || err == ERR_LATE || err == ERR_INTERNAL)
		c->notice = page_text(c, "refill.no_answer");
	return err == ERR_INTERNAL ? ERR_UPSTREAM : err;
}

enum err page_begin_payment(
    struct call *c, const struct payment_wish *wish, const char *field)
{
	struct till t = page_till(c);
	struct payment p;
	const char *why, *url;
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = payment_begin(&t, wish, &p, &why);
	if (err)
		return explain(c, err, why, field);
	url = page_payment_url(c, &p);
	page_put_payment(c, json_put_object(c->model, "payment"), &p);
	json_put_text(c->model, "redirect_url", url ? url : status_url(c, &p));
	c->status = 201;
	if (url && !wish->gateway->posts)
		c->away = url;
	else
		c->location = status_path(c, &p);
	return ERR_OK;
}
