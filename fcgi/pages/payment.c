/* payment.c: where a payment stands, and the ways back from a gateway. */
#include "pages/page_payment.h"
#include "pages/routes.h"

#include <string.h>

#include "base/mem.h"

enum { PATIENCE_MS = 3000, SOON = 120, FRESH_MOST = 1800 };

const struct param payment_params[] = {
    {.name = "returned",
	.type = PARAM_CHOICE,
	.choices = "1",
	.about = "1: the customer comes from the gateway."},
    {0},
};

const struct param payment_return_params[] = {
    {.name = "token",
	.type = PARAM_FREE,
	.about = "The gateway's id of the payment."},
    {.name = "payment", .type = PARAM_FREE, .about = "Our id of the payment."},
    {0},
};

const char payment_answer[] = SHAPE_PAYMENT " redirect_url?";
const char payment_returned_answer[] = SHAPE_PAYMENT;

/* --- The status page ------------------------------------------------------ */

/* Somebody looks at it, so it is taken a step further if it is due. What fails
 * is logged, and the page shows where it stands. */
static void advance(struct call *c, struct payment *p)
{
	struct till t = page_till(c);
	struct payment now;

	if (!p->due || p->due > c->now)
		return;
	payment_advance(&t, p->id, NULL, 0, &now);
	if (payment_find(&t, c->session->client_id, p->id, &now) == ERR_OK)
		*p = now;
}

/* Confirming goes by itself; a page that waits for its reader does not move. */
static void refresh(struct call *c, const struct payment *p)
{
	const char *word = payment_word(p->state);
	int64_t age = c->now - p->updated;
	bool waits = !strcmp(word, "confirming") ||
		     (!strcmp(word, "open") && req_text(c->req, "returned"));

	if (!waits || c->req->format != FORMAT_HTML || age > FRESH_MOST)
		return;
	reply_header(c->reply, "Refresh", age < SOON ? "5" : "30");
	json_put_flag(c->ui, "waits", true);
}

/* Where it can be tried again: what an invoice still has due, or any amount. */
static const char *again_url(struct call *c, const struct payment *p)
{
	if (!p->invoice_id)
		return "/api/refill";
	return mem_print(
	    c->mem, "/api/refill?invoice=%lld", (long long)p->invoice_id);
}

static void fill_ui(struct call *c, const struct payment *p, const char *url)
{
	const struct gateway *g = gateway_of(p);
	struct gateway_desk desk = {c->brand, c->mem, c->now};
	const char *word = payment_word(p->state);

	json_put_text(c->ui, "gateway_name",
	    page_text(c, mem_print(c->mem, "gateway.%s", p->gateway)));
	json_put_text(c->ui, "state_text",
	    page_text(c, mem_print(c->mem, "payment.state.%s", word)));
	json_put_text(c->ui, "invoice", p->invoice);
	json_put_flag(c->ui, mem_print(c->mem, "is_%s", word), true);
	if (!strcmp(word, "failed") || !strcmp(word, "cancelled") ||
	    !strcmp(word, "expired"))
		json_put_text(c->ui, "again_url", again_url(c, p));
	if (url && g && g->posts) {
		json_put_text(c->ui, "form_url", g->web(&desk));
		json_put_text(c->ui, "form_token", p->way);
	} else {
		json_put_text(c->ui, "continue_url", url);
	}
}

enum err payment_status_load(struct call *c)
{
	struct till t = page_till(c);
	struct payment p;
	const char *url;
	enum err err = page_go(c);

	if (err)
		return err;
	if (!c->db)
		return ERR_BUSY;
	err = payment_find(&t, c->session->client_id, c->id, &p);
	if (err)
		return err;
	advance(c, &p);
	url = page_payment_url(c, &p);
	page_put_payment(c, c->model, &p);
	json_put_text(c->model, "redirect_url", url);
	fill_ui(c, &p, url);
	refresh(c, &p);
	return ERR_OK;
}

/* --- The ways back -------------------------------------------------------- */

static enum err find_returned(struct call *c, struct payment *out)
{
	const struct gateway *g = gateway_find(c->brand, c->id);
	struct till t = page_till(c);

	if (!g)
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	return payment_find_return(&t, c->session->client_id, g,
	    g->posts ? NULL : req_text(c->req, "token"),
	    req_text(c->req, "payment"), out);
}

enum err payment_return_load(struct call *c)
{
	struct till t = page_till(c);
	struct payment p, now;
	enum err err = page_go(c);

	if (!err)
		err = find_returned(c, &p);
	if (err)
		return err;
	/* Whatever comes of it, the status page tells, and goes on. */
	payment_advance(&t, p.id, NULL, PATIENCE_MS, &now);
	if (payment_find(&t, c->session->client_id, p.id, &now) == ERR_OK)
		p = now;
	page_put_payment(c, c->model, &p);
	c->location =
	    mem_print(c->mem, "/api/refill/payments/%s?returned=1", p.id);
	return ERR_OK;
}

enum err payment_cancel_load(struct call *c)
{
	struct till t = page_till(c);
	struct payment p;
	enum err err = page_go(c);

	if (!err)
		err = find_returned(c, &p);
	if (err)
		return err;
	payment_cancel(&t, &p);
	err = payment_find(&t, c->session->client_id, p.id, &p);
	if (err)
		return err;
	page_put_payment(c, c->model, &p);
	if (p.state == PAY_CANCELLED)
		page_flash(c, page_text(c, "refill.cancelled"));
	c->location = p.state == PAY_CANCELLED
			  ? "/api/refill"
			  : mem_print(c->mem, "/api/refill/payments/%s", p.id);
	return ERR_OK;
}
