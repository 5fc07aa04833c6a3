/* gateway_paypal.h: inside gateway_paypal*.c. */
#ifndef PORTICO_GATEWAY_PAYPAL_H
#define PORTICO_GATEWAY_PAYPAL_H

#include "domain/gateway_wire.h"

struct paypal_call {
	const char *path, *request_id; /* NULL: none */
	const char *body;	       /* NULL: GET */
};

/* With a token; a 401 fetches a new one, once. ERR_OK: 200 or 201 with JSON.
 * ERR_NOT_FOUND: 404. ERR_RULE: 422, see paypal_has_issue(). ERR_INTERNAL: our
 * request or our settings are wrong. ERR_UPSTREAM, ERR_LATE: nobody knows. */
enum err paypal_ask(struct gateway_desk *d, const struct paypal_call *c,
    struct gateway_answer *out);

/* Whether one of the answer's issues is this one; "PAYEE_*": begins so. */
bool paypal_has_issue(const struct gateway_answer *a, const char *issue);

/* The capture that a refund belongs to; NULL: it does not say. */
const char *paypal_find_up(struct json_object *o);

enum err paypal_hear(
    struct gateway_desk *d, const struct req *r, struct gateway_event *e);
enum err paypal_reread(
    struct gateway_desk *d, const char *body, struct gateway_event *e);

/* CRC-32 of IEEE 802.3, as zlib's: what PayPal signs of a body. */
uint32_t paypal_crc32(const void *data, size_t len);

#endif
