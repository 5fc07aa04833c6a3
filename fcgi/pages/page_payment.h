/* page_payment.h: payments on pages: what all that begin or show one share. */
#ifndef PORTICO_PAGE_PAYMENT_H
#define PORTICO_PAGE_PAYMENT_H

#include "domain/payment.h"
#include "pages/page.h"

/* A payment as DESIGN section 2 has it. */
#define SHAPE_PAYMENT                                                          \
	"id gateway amount:money "                                             \
	"state:open|confirming|paid|failed|cancelled|expired|review|reversed " \
	"reference? created:time updated:time text"

struct till page_till(struct call *c);

void page_put_payment(
    struct call *c, struct json_object *o, const struct payment *p);

/* What a customer can still do about it: the address that leads on, or NULL. */
const char *page_payment_url(struct call *c, const struct payment *p);

/* The gateways that may take the customer's currency, as the API lists them. */
void page_list_gateways(struct call *c, struct json_object *list);

/* The gateway that the parameter `gateway` names; NULL: a fault is added. */
const struct gateway *page_find_gateway(struct call *c);

/* Fills c->ui.gateways, a choice with the first or the named one chosen, and
 * c->ui.nonce, which makes a second click the same payment. */
void page_put_gateways(struct call *c);

/* Begins a payment and answers it: 201 {payment, redirect_url}, or on the way
 * to the gateway. `field`: which one a refusal is told at. */
enum err page_begin_payment(
    struct call *c, const struct payment_wish *wish, const char *field);

#define SHAPE_BEGUN "201 payment{" SHAPE_PAYMENT "} redirect_url"

/* The parameters of each form that begins a payment. */
#define PARAM_GATEWAY                                                          \
	{                                                                      \
		.name = "gateway", .type = PARAM_TEXT, .min = 1, .max = 32,    \
		.required = true,                                              \
		.about = "The id of a gateway, as GET /api/refill lists them." \
	}
#define PARAM_NONCE                                                            \
	{                                                                      \
		.name = "nonce", .type = PARAM_TEXT, .min = 8, .max = 64,      \
		.about = "A text of yours: the same one again, with the same " \
			 "gateway and amount, is the same payment."            \
	}

#endif
