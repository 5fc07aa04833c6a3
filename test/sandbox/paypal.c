/* paypal.c: the simulated PayPal: its paths, tokens, errors and faults. */
#include "gateways.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	unsigned status;
	const char *name, *message;
} errors[] = {
    {400, "INVALID_REQUEST",
	"Request is not well-formed, syntactically incorrect, or violates"
	" schema."},
    {401, "AUTHENTICATION_FAILURE",
	"Authentication failed due to missing authorization header, or invalid"
	" authentication credentials."},
    {403, "NOT_AUTHORIZED",
	"Authorization failed due to insufficient permissions."},
    {404, "RESOURCE_NOT_FOUND", "The specified resource does not exist."},
    {405, "METHOD_NOT_SUPPORTED",
	"The server does not implement the requested HTTP method."},
    {415, "UNSUPPORTED_MEDIA_TYPE",
	"The server does not support the request payload's media type."},
    {422, "UNPROCESSABLE_ENTITY",
	"The requested action could not be performed, semantically incorrect,"
	" or failed business validation."},
    {429, "RATE_LIMIT_REACHED",
	"Too many requests. Blocked due to rate"
	" limiting."},
    {503, "SERVICE_UNAVAILABLE", "Service Unavailable."},
    {500, "INTERNAL_SERVER_ERROR",
	"An internal server error occurred."}, /* the last: all others */
};

struct json_object *member_of(
    struct json_object *in, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(in, json_type_object) ||
	    !json_object_object_get_ex(in, name, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *text_of(struct json_object *in, const char *name)
{
	struct json_object *value = member_of(in, name, json_type_string);

	return value ? json_object_get_string(value) : NULL;
}

static void begin_error(struct exchange *x, unsigned status)
{
	size_t i = 0, last = sizeof(errors) / sizeof(errors[0]) - 1;
	char id[14];

	while (i < last && errors[i].status != status)
		i++;
	gateway_id(id, 13);
	x->status = status;
	x->reply.length = 0;
	buf_format(&x->reply,
	    "{\"name\":\"%s\",\"message\":\"%s\",\"debug_id\":\"%s\"",
	    errors[i].name, errors[i].message, id);
}

static void end_error(struct exchange *x)
{
	buf_text(&x->reply,
	    ",\"links\":[{\"href\":\"https://developer.paypal.com/api/rest/"
	    "reference/orders/v2/errors/\",\"rel\":\"information_link\","
	    "\"method\":\"GET\"}]}");
	if (x->status == 429 || x->status == 503)
		http_answer_header(x, "Retry-After", "1");
}

void paypal_error(struct exchange *x, unsigned status, const char *issue,
    const char *description)
{
	begin_error(x, status);
	if (issue) {
		buf_text(&x->reply, ",\"details\":[{\"issue\":");
		buf_json(&x->reply, issue);
		buf_text(&x->reply, ",\"description\":");
		buf_json(&x->reply, description);
		buf_text(&x->reply, "}]");
	}
	end_error(x);
}

void paypal_field_error(struct exchange *x, unsigned status, const char *field,
    const char *value, const char *issue)
{
	begin_error(x, status);
	buf_text(&x->reply, ",\"details\":[{\"field\":");
	buf_json(&x->reply, field);
	if (value) {
		buf_text(&x->reply, ",\"value\":");
		buf_json(&x->reply, value);
	}
	buf_text(&x->reply, ",\"location\":\"body\",\"issue\":");
	buf_json(&x->reply, issue);
	buf_text(&x->reply,
	    ",\"description\":\"The value of a field is not right.\"}]");
	end_error(x);
}

void paypal_expire(void)
{
	sqlite3 *db = db_take();

	db_run(db, "DELETE FROM pp_tokens");
	db_give(db);
}

static bool is_client(struct exchange *x)
{
	const char *given = http_header(x, "Authorization");
	gnutls_datum_t in = {0}, out = {0};
	struct buf want = {0};
	bool right;

	if (!given || strncmp(given, "Basic ", 6) != 0)
		return false;
	buf_format(
	    &want, "%s:%s", options.paypal_client, options.paypal_secret);
	in.data = (unsigned char *)(uintptr_t)(given + 6);
	in.size = (unsigned)strlen(given + 6);
	right = gnutls_base64_decode2(&in, &out) == 0 &&
		out.size == want.length &&
		memcmp(out.data, want.text, out.size) == 0;
	gnutls_free(out.data);
	buf_free(&want);
	return right;
}

static void oauth_error(
    struct exchange *x, unsigned status, const char *error, const char *text)
{
	x->status = status;
	buf_format(&x->reply, "{\"error\":\"%s\",\"error_description\":\"%s\"}",
	    error, text);
}

static void token(struct exchange *x, const char *unused)
{
	char grant[64] = "", id[64];
	sqlite3 *db;

	(void)unused;
	if (!is_client(x)) {
		oauth_error(
		    x, 401, "invalid_client", "Client Authentication failed");
		return;
	}
	if (!form_find(x, "grant_type", grant, sizeof(grant)) ||
	    strcmp(grant, "client_credentials") != 0) {
		oauth_error(x, 400, "unsupported_grant_type",
		    "Grant Type is NULL or not supported");
		return;
	}
	snprintf(id, sizeof(id), "A21AA");
	gateway_id(id + 5, 48);
	db = db_take();
	db_put(db, "INSERT INTO pp_tokens VALUES (?, ?)", "si", id,
	    clock_real() + (int64_t)options.paypal_token_life * 1000);
	db_give(db);
	buf_format(&x->reply,
	    "{\"scope\":\"https://uri.paypal.com/services/payments/payment"
	    " https://uri.paypal.com/services/applications/webhooks\","
	    "\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"app_id\":"
	    "\"APP-SANDBOX0000000000\",\"expires_in\":%d,\"nonce\":\"%.8s\"}",
	    id, options.paypal_token_life, id + 20);
}

static bool has_token(struct exchange *x)
{
	const char *given = http_header(x, "Authorization");
	sqlite3_stmt *s;
	sqlite3 *db;
	bool found;

	if (!given || strncmp(given, "Bearer ", 7) != 0)
		return false;
	db = db_take();
	s = db_bind(db,
	    "SELECT 1 FROM pp_tokens WHERE token = ? AND expires > ?", "si",
	    given + 7, clock_real());
	found = sqlite3_step(s) == SQLITE_ROW;
	sqlite3_finalize(s);
	db_give(db);
	return found;
}

static const struct route {
	const char *method, *before, *after, *operation;
	void (*serve)(struct exchange *, const char *id);
	bool open; /* without a token */
} routes[] = {
    {"POST", "/v1/oauth2/token", NULL, "paypal.token", token, true},
    {"POST", "/v2/checkout/orders", NULL, "paypal.order.create",
	paypal_order_create, false},
    {"GET", "/v2/checkout/orders/", "", "paypal.order.get", paypal_order_get,
	false},
    {"POST", "/v2/checkout/orders/", "/capture", "paypal.capture",
	paypal_order_capture, false},
    {"GET", "/v2/payments/captures/", "", "paypal.capture.get",
	paypal_capture_get, false},
    {"POST", "/v2/payments/captures/", "/refund", "paypal.refund",
	paypal_refund_create, false},
    {"GET", "/v2/payments/refunds/", "", "paypal.refund.get", paypal_refund_get,
	false},
    {"POST", "/v1/notifications/verify-webhook-signature", NULL,
	"paypal.verify", paypal_verify, false},
    {"GET", "/v1/notifications/webhooks", NULL, "paypal.webhook.list",
	paypal_webhooks, false},
    {"GET", "/v1/notifications/webhooks-events", NULL, "paypal.event.list",
	paypal_events, false},
    {"GET", "/v1/notifications/certs/", "", "paypal.cert", paypal_cert, true},
    {NULL, "/checkoutnow", NULL, NULL, paypal_page, true},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool fits(const struct route *r, const char *path, char id[64])
{
	size_t before = strlen(r->before), all = strlen(path), length;

	*id = '\0';
	if (!r->after)
		return strcmp(path, r->before) == 0;
	if (strncmp(path, r->before, before) != 0 ||
	    all < before + strlen(r->after))
		return false;
	length = all - before - strlen(r->after);
	if (!length || length > 60 ||
	    strcmp(path + before + length, r->after) != 0 ||
	    memchr(path + before, '/', length))
		return false;
	memcpy(id, path + before, length);
	id[length] = '\0';
	return true;
}

static const struct route *find(struct exchange *x, char id[64], bool *known)
{
	*known = false;
	for (size_t i = 0; i < ROUTES; i++) {
		if (!fits(&routes[i], x->path, id))
			continue;
		*known = true;
		if (!routes[i].method ||
		    strcmp(routes[i].method, x->method) == 0)
			return &routes[i];
	}
	return NULL;
}

void paypal_read(struct exchange *x)
{
	const struct route *r;
	const char *type = http_header(x, "Content-Type");
	bool known;
	char id[64];

	x->api = PAYPAL;
	r = find(x, id, &known);
	if (strcmp(x->path, "/sandbox.css") == 0 || (r && !r->operation))
		return;
	if (r)
		x->operation = r->operation;
	if (type && strncmp(type, "application/json", 16) == 0 && x->body.text)
		x->request = json_tokener_parse(x->body.text);
	requests_add(x);
	if (r)
		http_operation(x, x->operation, NULL);
}

/* Over HTTPS there are the certificates alone. */
bool paypal_cert_path(const char *path)
{
	return strncmp(path, "/v1/notifications/certs/", 24) == 0;
}

static void serve_fault(struct exchange *x, const struct fault *f)
{
	unsigned status = f->kind == ERROR   ? 500
			  : f->kind == ISSUE ? 422
					     : (unsigned)f->value;

	paypal_error(x, status,
	    f->kind == ISSUE ? f->text
	    : status == 404  ? "INVALID_RESOURCE_ID"
	    : status == 422  ? "TRANSACTION_REFUSED"
	    : status == 400  ? "INVALID_PARAMETER_VALUE"
	    : status == 403  ? "PERMISSION_DENIED"
			     : NULL,
	    "Simulated.");
}

/* Declined is remembered: the same request id is declined again. */
static void remember(struct exchange *x, const char *id, const char *issue)
{
	const char *key = http_header(x, "PayPal-Request-Id");
	struct buf b = {0};
	sqlite3 *db;

	if (!key || !*id || strcmp(x->operation, "paypal.capture") != 0)
		return;
	db = db_take();
	buf_format(&b, "paypal.capture %s", key);
	db_put(db, "INSERT OR IGNORE INTO pp_replays VALUES (?, ?, ?, ?)",
	    "sssi", b.text, id, issue, clock_now());
	db_give(db);
	buf_free(&b);
}

static bool is_refused(struct exchange *x, const char *id)
{
	struct fault f;

	if (!gateway_fault(x, ERROR, &f) && !gateway_fault(x, ISSUE, &f) &&
	    !gateway_fault(x, STATUS, &f))
		return false;
	serve_fault(x, &f);
	if (f.kind == ISSUE && strcmp(f.text, "INSTRUMENT_DECLINED") == 0)
		remember(x, id, f.text);
	return true;
}

static bool needs_json(struct exchange *x, const struct route *r)
{
	const char *type = http_header(x, "Content-Type");

	if (r->open || strcmp(r->method, "POST") != 0)
		return true;
	if (!type || strncmp(type, "application/json", 16) != 0)
		paypal_error(x, 415, NULL, NULL);
	else if (x->body.length &&
		 !json_object_is_type(x->request, json_type_object))
		paypal_error(x, 400, "MALFORMED_REQUEST_JSON",
		    "The request JSON is not well formed.");
	else
		return true;
	return false;
}

static void serve_route(
    struct exchange *x, const struct route *r, const char *id)
{
	struct fault f;

	if (r->operation && is_refused(x, id))
		return;
	if (!r->open && !has_token(x))
		paypal_error(x, 401, NULL, NULL);
	else if (needs_json(x, r))
		r->serve(x, id);
	if (gateway_fault(x, STATUS_AFTER, &f))
		serve_fault(x, &f);
}

void paypal_serve(struct exchange *x)
{
	const struct route *r;
	char id[64];
	bool known;

	if (page_style(x))
		return;
	r = find(x, id, &known);
	if (!r) {
		paypal_error(x, known ? 405 : 404, NULL, NULL);
		return;
	}
	if (r->operation) {
		char debug[14];

		gateway_id(debug, 13);
		http_answer_header(x, "Paypal-Debug-Id", "%s", debug);
	}
	serve_route(x, r, id);
	gateway_spoil(x);
}
