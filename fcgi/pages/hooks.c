/* hooks.c: webhooks of payment gateways. The answer goes out as soon as the
 * event is on the disk; what it is about is looked at afterwards, and by the
 * reconciler if this process ends before. */
#include "domain/payment.h"

#include "domain/throttle.h"
#include "pages/page_payment.h"
#include "pages/routes.h"

enum { MINUTE = 60, REFUSED_MOST = 60 };

const char hook_answer[] = "";

struct heard {
	const struct gateway *gateway;
	const struct gateway_event *event;
};

static void handle(struct call *c)
{
	struct heard *h = c->after_ctx;
	struct till t = page_till(c);

	payment_handle(&t, h->gateway, h->event);
}

/* Whoever sends what is not signed, what cannot be checked, or what nobody
 * checks, does not keep the workers busy. */
static enum err check_throttle(struct call *c)
{
	return throttle_check(c->db, c->brand->name, "hook", c->req->address,
	    REFUSED_MOST, MINUTE, c->now, &c->retry_after);
}

enum err hook_submit(struct call *c)
{
	struct heard *h = mem_alloc(c->mem, sizeof(*h));
	struct till t = page_till(c);
	enum err err;

	h->gateway = gateway_find(c->brand, c->id);
	if (!h->gateway)
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	err = check_throttle(c);
	if (!err)
		err = payment_hear(&t, h->gateway, c->req, &h->event);
	if (err == ERR_LOGIN || err == ERR_BUSY ||
	    (h->event && h->event->unproven))
		throttle_count(c->db, c->brand->name, "hook", c->req->address,
		    REFUSED_MOST, MINUTE, c->now);
	if (err || !h->event)
		return err;
	c->after = handle;
	c->after_ctx = h;
	return ERR_OK;
}
