/* anet.c: the simulated Authorize.Net: its one address, faults, messages. */
#include "gateways.h"

#include <stdio.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static void authenticate(struct exchange *x, struct json_object *unused)
{
	(void)unused;
	anet_messages(x, "I00001", NULL);
}

static void merchant(struct exchange *x, struct json_object *unused)
{
	(void)unused;
	buf_text(&x->reply,
	    "\"isTestMode\":false,\"processors\":[{\"name\":\"First Data"
	    " Nashville\",\"id\":2,\"cardTypes\":[\"V\",\"M\",\"A\",\"D\"]}],"
	    "\"merchantName\":\"Sandbox <b>Merchant</b>\",\"gatewayId\":"
	    "\"565697\",\"marketTypes\":[\"eCommerce\"],\"productCodes\":"
	    "[\"CNP\"],\"paymentMethods\":[\"Visa\",\"MasterCard\"],"
	    "\"currencies\":[");
	buf_json(&x->reply, options.anet_currency);
	buf_text(&x->reply, "],\"publicClientKey\":\"5FcB6WrfHGS76gHW3v7btBCE3"
			    "HuuBuke9Pj96Ztfn5R32G5ep42vne7MCWZtAuc\",");
	anet_messages(x, "I00001", NULL);
}

static const struct call_name {
	const char *root, *operation;
	void (*serve)(struct exchange *, struct json_object *body);
} calls[] = {
    {"authenticateTestRequest", "anet.auth", authenticate},
    {"getMerchantDetailsRequest", "anet.merchant", merchant},
    {"getHostedPaymentPageRequest", "anet.token", anet_token},
    {"getTransactionDetailsRequest", "anet.details", anet_details},
    {"getUnsettledTransactionListRequest", "anet.unsettled", anet_unsettled},
    {"getSettledBatchListRequest", "anet.batches", anet_batches},
    {"getTransactionListRequest", "anet.batch", anet_batch},
    {"createTransactionRequest", "anet.create", anet_create},
    {"updateHeldTransactionRequest", "anet.held", anet_held},
};

static const struct {
	const char *code, *text;
} texts[] = {
    {"I00001", "Successful."},
    {"I00004", "No records found."},
    {"E00001", "An error occurred during processing. Please try again."},
    {"E00003", "The request is not well formed."},
    {"E00007",
	"User authentication failed due to invalid authentication values."},
    {"E00027", "The transaction was unsuccessful."},
    {"E00040", "The record cannot be found."},
};

static const char *text_for(const char *code)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].code, code) == 0)
			return texts[i].text;
	return "Simulated.";
}

/* Ends an answer; its own members, each with a comma behind, stand before. */
void anet_messages(struct exchange *x, const char *code, const char *text)
{
	struct json_object *body = x->request;
	const char *ref = NULL;

	if (json_object_is_type(body, json_type_object)) {
		json_object_object_foreach (body, name, inner) {
			(void)name;
			ref = text_of(inner, "refId");
		}
	}
	if (ref) {
		buf_text(&x->reply, "\"refId\":");
		buf_json(&x->reply, ref);
		buf_text(&x->reply, ",");
	}
	buf_format(&x->reply,
	    "\"messages\":{\"resultCode\":\"%s\",\"message\":[{\"code\":",
	    *code == 'I' ? "Ok" : "Error");
	buf_json(&x->reply, code);
	buf_text(&x->reply, ",\"text\":");
	buf_json(&x->reply, text ? text : text_for(code));
	buf_text(&x->reply, "}]}");
}

static const char *root_of(struct json_object *in, struct json_object **body)
{
	const char *root = NULL;

	if (!json_object_is_type(in, json_type_object) ||
	    json_object_object_length(in) != 1)
		return NULL;
	json_object_object_foreach (in, name, value) {
		root = name;
		*body = value;
	}
	return json_object_is_type(*body, json_type_object) ? root : NULL;
}

static const struct call_name *find(const char *root)
{
	for (size_t i = 0; root && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].root, root) == 0)
			return &calls[i];
	return NULL;
}

void anet_read(struct exchange *x)
{
	const struct call_name *c;
	struct json_object *body;

	x->api = ANET;
	if (strcmp(x->path, "/xml/v1/request.api") != 0) {
		x->operation = "anet.pay"; /* of the page; faults of it */
		return;
	}
	x->request = x->body.text ? json_tokener_parse(x->body.text) : NULL;
	c = find(root_of(x->request, &body));
	x->operation = c ? c->operation : "anet.unknown";
	requests_add(x);
	http_operation(x, x->operation, NULL);
}

static bool is_merchant(struct json_object *body)
{
	struct json_object *a =
	    member_of(body, "merchantAuthentication", json_type_object);
	const char *name = text_of(a, "name"),
		   *key = text_of(a, "transactionKey");

	return name && key && strcmp(name, options.anet_login) == 0 &&
	       strcmp(key, options.anet_key) == 0;
}

/* A fault that answers before anything is done. */
static bool is_refused(struct exchange *x)
{
	struct fault f;

	if (gateway_fault(x, ERROR, &f)) {
		anet_messages(x, "E00001", NULL);
	} else if (gateway_fault(x, ISSUE, &f)) {
		anet_messages(x, f.text, NULL);
	} else if (gateway_fault(x, STATUS, &f)) {
		x->status = (unsigned)f.value;
		if (x->status == 429 || x->status == 503)
			http_answer_header(x, "Retry-After", "1");
		anet_messages(x, "E00001", NULL);
	} else {
		return false;
	}
	return true;
}

static void answer(struct exchange *x)
{
	struct json_object *body = NULL;
	const char *root = root_of(x->request, &body);
	const struct call_name *c = find(root);
	struct buf wrong = {0};
	struct fault f;

	buf_text(&x->reply, "{");
	if (is_refused(x))
		;
	else if (!c)
		anet_messages(x, "E00003", "Invalid request.");
	else if (!anet_check(root, body, &wrong))
		anet_messages(x, "E00003", wrong.text);
	else if (!is_merchant(body))
		anet_messages(x, "E00007", NULL);
	else
		c->serve(x, body);
	buf_text(&x->reply, "}");
	if (gateway_fault(x, STATUS_AFTER, &f))
		x->status = (unsigned)f.value;
	buf_free(&wrong);
}

/* The mark comes first, as in life. */
static void add_mark(struct exchange *x)
{
	struct buf b = {0};
	struct fault f;
	bool odd = gateway_fault(x, BOM, &f);

	if (odd && strcmp(f.text, "space") != 0)
		return;
	buf_text(&b, odd ? BYTE_ORDER_MARK " \r\n" : BYTE_ORDER_MARK);
	buf_add(&b, x->reply.text ? x->reply.text : "", x->reply.length);
	buf_free(&x->reply);
	x->reply = b;
}

void anet_serve(struct exchange *x)
{
	if (strcmp(x->path, "/xml/v1/request.api") != 0) {
		anet_page(x);
		return;
	}
	if (strcmp(x->method, "POST") != 0) {
		x->status = 405;
		return;
	}
	answer(x);
	gateway_spoil(x);
	if (x->reply.length && x->reply.text[0] != '<')
		add_mark(x);
}
