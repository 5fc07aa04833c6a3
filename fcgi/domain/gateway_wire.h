/* gateway_wire.h: inside gateway*.c: one question to a gateway over HTTP. */
#ifndef PORTICO_GATEWAY_WIRE_H
#define PORTICO_GATEWAY_WIRE_H

#include "base/counters.h"
#include "domain/gateway.h"

struct gateway_kept {
	char paypal_token[4096];
	int64_t paypal_until;  /* seconds */
	char *cert_url, *cert; /* of the last webhook */
	size_t cert_len;
	/* Authorize.Net's merchant: ",USD,EUR,"; "": not asked yet. */
	char anet_currencies[512];
	int64_t anet_asked;
	bool anet_test_mode;
};

struct gateway_answer {
	long status;
	struct json_object *json; /* NULL: none that can be read */
	const char *text;
	size_t len;
	const char *trouble;
};

/* GET, or POST where there is a body. ERR_OK: an answer came, whatever its
 * status; JSON may still be missing. */
enum err gateway_ask(struct gateway_desk *d, enum backend who, const char *url,
    const char *const *headers, const char *body, const char *ca_file,
    struct gateway_answer *out);

/* The only value of a header; NULL: it was not sent, or twice. */
const char *gateway_header(const struct req *r, const char *name);

/* Where the gateway sends the customer: `what` is "return" or "cancel". */
const char *gateway_way_back(struct gateway_desk *d, const struct gateway *g,
    const struct payment *p, const char *what);

extern const struct gateway gateway_paypal, gateway_anet;

#endif
