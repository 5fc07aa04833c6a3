/* control_money.c: what tests do to the gateways and see of their books. */
#include "gateways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct exchange *x, const char *why)
{
	x->status = 400;
	x->reply.length = 0;
	buf_text(&x->reply, "{\"error\":");
	buf_json(&x->reply, why);
	buf_text(&x->reply, "}");
}

static void answer(struct exchange *x, const char *wrong)
{
	if (wrong)
		refuse(x, wrong);
	else
		buf_text(&x->reply, "{\"ok\":true}");
}

static void pair(struct buf *b, const char *name, const char *value)
{
	buf_format(b, "\"%s\":", name);
	buf_json(b, value);
	buf_text(b, ",");
}

static void write_hook(struct buf *b, const char *name, enum api api)
{
	char url[1024];

	hook_get(api, url);
	pair(b, name, *url ? url : NULL);
}

static void gateways_get(struct exchange *x)
{
	struct buf *b = &x->reply;

	buf_text(b, "{");
	write_hook(b, "paypal_hook", PAYPAL);
	write_hook(b, "anet_hook", ANET);
	pair(b, "paypal_client", options.paypal_client);
	pair(b, "paypal_secret", options.paypal_secret);
	pair(b, "paypal_webhook_id", options.paypal_webhook_id);
	pair(b, "paypal_merchant_id", "SANDB8XMERCH2");
	pair(b, "paypal_web", options.paypal_web);
	pair(b, "paypal_cert_base", options.paypal_cert_base);
	pair(b, "anet_login", options.anet_login);
	pair(b, "anet_key", options.anet_key);
	pair(b, "anet_signature", options.anet_signature);
	pair(b, "anet_currency", options.anet_currency);
	buf_format(b,
	    "\"paypal\":\"http://127.0.0.1:%d\",\"anet\":"
	    "\"http://127.0.0.1:%d/xml/v1/request.api\",\"anet_page\":"
	    "\"http://127.0.0.1:%d/payment/payment\","
	    "\"smtp\":\"127.0.0.1:%d\"}",
	    options.port + 2, options.port + 3, options.port + 3,
	    options.port + 5);
}

static const char *set_hook(struct exchange *x, const char *name, enum api api)
{
	struct json_object *value;
	const char *url = "";

	if (!json_object_object_get_ex(x->request, name, &value))
		return NULL;
	if (json_object_is_type(value, json_type_string))
		url = json_object_get_string(value);
	return hook_set(api, url) ? NULL
				  : "a hook is http://127.0.0.1:PORT/...";
}

static void gateways_post(struct exchange *x)
{
	const char *wrong = set_hook(x, "paypal_hook", PAYPAL);

	answer(x, wrong ? wrong : set_hook(x, "anet_hook", ANET));
}

static void need(struct exchange *x, const char *name, const char **value)
{
	struct json_object *given = NULL;

	*value = NULL;
	if (x->request && json_object_object_get_ex(x->request, name, &given) &&
	    given)
		*value = json_object_get_string(given);
}

static void paypal_approve_post(struct exchange *x)
{
	const char *order;
	sqlite3 *db;

	need(x, "order", &order);
	if (!order)
		need(x, "token", &order);
	db = db_take();
	answer(x, order && paypal_approve(db, order)
		      ? NULL
		      : "no such order that waits for approval");
	db_give(db);
}

static void finish(
    struct exchange *x, sqlite3 *db, const char *wrong, const char *id)
{
	if (db_end(db, !wrong))
		hook_wake();
	db_give(db);
	if (wrong)
		refuse(x, wrong);
	else if (id)
		buf_format(&x->reply, "{\"ok\":true,\"id\":\"%s\"}", id);
	else
		answer(x, NULL);
}

static void paypal_settle_post(struct exchange *x)
{
	const char *capture, *status;
	sqlite3 *db = db_take();

	need(x, "capture", &capture);
	need(x, "status", &status);
	db_begin(db);
	finish(x, db,
	    paypal_settle(
		db, capture ? capture : "", status ? status : "COMPLETED"),
	    NULL);
}

static void give_back(struct exchange *x, const char *kind)
{
	const char *capture, *amount, *wrong;
	sqlite3 *db = db_take();
	char id[20];

	need(x, "capture", &capture);
	need(x, "amount", &amount);
	db_begin(db);
	wrong = paypal_give_back(db, capture ? capture : "", kind, amount, id);
	finish(x, db, wrong, id);
}

static void paypal_refund_post(struct exchange *x)
{
	give_back(x, "refund");
}

static void paypal_reverse_post(struct exchange *x)
{
	give_back(x, "reversal");
}

/* {"body":"...","webhook_id":"...","cert":"CERT-EXPIRED"}: the headers that
 * PayPal would send. */
static void paypal_sign_post(struct exchange *x)
{
	const char *body, *id, *cert;

	need(x, "body", &body);
	need(x, "webhook_id", &id);
	need(x, "cert", &cert);
	if (!body || !paypal_sign(&x->reply, body,
			 id ? id : options.paypal_webhook_id, cert))
		refuse(x, "body is needed");
}

static int64_t transaction_of(struct exchange *x)
{
	const char *id;

	need(x, "transaction", &id);
	return id ? strtoll(id, NULL, 10) : 0;
}

/* The operation of the faults that a payment on the page meets. */
static void anet_pay_post(struct exchange *x)
{
	const char *token, *result;
	int64_t id = 0;
	sqlite3 *db;

	need(x, "token", &token);
	if (!token)
		need(x, "invoice", &token);
	need(x, "result", &result);
	x->api = ANET;
	x->operation = "anet.pay";
	db = db_take();
	if (token)
		id = anet_pay(x, db, token, result ? result : "approve");
	db_give(db);
	if (id)
		buf_format(
		    &x->reply, "{\"ok\":true,\"id\":\"%lld\"}", (long long)id);
	else
		refuse(x, "no such token or invoice, or it is too old");
}

static void anet_refund_post(struct exchange *x)
{
	const char *amount, *wrong;
	char id[24];
	int64_t refund;
	sqlite3 *db = db_take();

	need(x, "amount", &amount);
	db_begin(db);
	wrong = anet_refund(db, transaction_of(x), amount, &refund);
	snprintf(id, sizeof(id), "%lld", (long long)refund);
	finish(x, db, wrong, id);
}

static void anet_void_post(struct exchange *x)
{
	sqlite3 *db = db_take();

	db_begin(db);
	finish(x, db, anet_void(db, transaction_of(x)), NULL);
}

static void anet_review_post(struct exchange *x)
{
	const char *action;
	sqlite3 *db = db_take();

	need(x, "action", &action);
	db_begin(db);
	finish(x, db,
	    anet_review(db, transaction_of(x),
		!action || strcmp(action, "approve") == 0),
	    NULL);
}

static void anet_chargeback_post(struct exchange *x)
{
	const char *reversal;
	sqlite3 *db = db_take();

	need(x, "reversal", &reversal);
	db_begin(db);
	finish(x, db,
	    anet_chargeback(db, transaction_of(x),
		reversal && strcmp(reversal, "true") == 0),
	    NULL);
}

static void anet_settle_post(struct exchange *x)
{
	sqlite3 *db = db_take();
	char id[24];

	db_begin(db);
	snprintf(id, sizeof(id), "%lld", (long long)anet_settle(db));
	finish(x, db, NULL, id);
}

static void anet_sign_post(struct exchange *x)
{
	const char *body;

	need(x, "body", &body);
	if (body)
		anet_sign(&x->reply, body);
	else
		refuse(x, "body is needed");
}

static void list_refunds(struct buf *b, sqlite3 *db, const char *capture)
{
	sqlite3_stmt *s = db_bind(db,
	    "SELECT id, kind, amount FROM pp_refunds WHERE capture_id = ?"
	    " ORDER BY n",
	    "s", capture);

	buf_text(b, "\"refunds\":[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++)
		buf_format(b,
		    "%s{\"refund\":\"%s\",\"kind\":\"%s\",\"amount\":\"%s\"}",
		    n ? "," : "", db_text(s, 0), db_text(s, 1), db_text(s, 2));
	buf_text(b, "]}");
	sqlite3_finalize(s);
}

static void list_texts(struct buf *b, sqlite3_stmt *s, const char *names[])
{
	buf_text(b, "{");
	for (int i = 0; names[i]; i++)
		pair(b, names[i], (const char *)sqlite3_column_text(s, i));
}

static void list_paypal(struct buf *b, sqlite3 *db)
{
	const char *names[] = {"capture", "order", "custom_id", "invoice_id",
	    "amount", "currency", "status", NULL};
	sqlite3_stmt *s = db_bind(db,
	    "SELECT id, order_id, custom_id, invoice_id, amount, currency,"
	    " status FROM pp_captures ORDER BY n",
	    "");

	buf_text(b, "{\"paypal\":[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_text(b, n ? "," : "");
		list_texts(b, s, names);
		list_refunds(b, db, db_text(s, 0));
	}
	sqlite3_finalize(s);
}

static void list_anet(struct buf *b, sqlite3 *db)
{
	const char *names[] = {"transaction", "type", "invoice", "amount",
	    "status", "ref", "original", NULL};
	sqlite3_stmt *s = db_bind(db,
	    "SELECT id, type, invoice, amount, status, ref, original, response"
	    " FROM an_transactions WHERE test = 0 ORDER BY id",
	    "");

	buf_text(b, "],\"anet\":[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_text(b, n ? "," : "");
		list_texts(b, s, names);
		buf_format(
		    b, "\"response_code\":%d}", sqlite3_column_int(s, 7));
	}
	sqlite3_finalize(s);
}

/* What the portal made with transactions.create; vouchers are VCS's own. */
static void list_credits(struct buf *b, sqlite3 *db)
{
	sqlite3_stmt *s = db_bind(db,
	    "SELECT id, clients_id, type, amount, notes, c_dt FROM transactions"
	    " WHERE author = 'portal-api' AND coalesce(notes, '') NOT LIKE"
	    " 'Top-up card %' ORDER BY id",
	    "");

	buf_text(b, "],\"credits\":[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_format(b,
		    "%s{\"id\":%lld,\"clients_id\":%lld,\"type\":\"%s\","
		    "\"amount\":\"",
		    n ? "," : "", (long long)sqlite3_column_int64(s, 0),
		    (long long)sqlite3_column_int64(s, 1), db_text(s, 2));
		buf_nano(b, sqlite3_column_int64(s, 3));
		buf_text(b, "\",\"notes\":");
		buf_json(b, (const char *)sqlite3_column_text(s, 4));
		buf_text(b, ",\"c_dt\":");
		buf_iso(b, sqlite3_column_int64(s, 5), "Z");
		buf_text(b, "}");
	}
	buf_text(b, "]}");
	sqlite3_finalize(s);
}

/* One snapshot: a payment that comes between must not look lost. */
static void money_get(struct exchange *x)
{
	sqlite3 *db = db_take();

	db_run(db, "BEGIN");
	list_paypal(&x->reply, db);
	list_anet(&x->reply, db);
	list_credits(&x->reply, db);
	db_end(db, true);
	db_give(db);
}

static void requests_get(struct exchange *x)
{
	const char *to = http_query(x, "to");

	if (to && strcmp(to, "paypal") == 0)
		requests_list(&x->reply, PAYPAL);
	else if (to && strcmp(to, "anet") == 0)
		requests_list(&x->reply, ANET);
	else
		refuse(x, "to: paypal or anet");
}

static void requests_delete(struct exchange *x)
{
	requests_clear();
	answer(x, NULL);
}

static void deliveries_get(struct exchange *x)
{
	hook_list(&x->reply);
}

static void deliveries_post(struct exchange *x)
{
	const char *event;

	need(x, "event", &event);
	answer(x, event && hook_again(event) ? NULL
					     : "no such event, or no"
					       " hook");
}

static void deliveries_delete(struct exchange *x)
{
	hook_clear();
	answer(x, NULL);
}

static const struct {
	const char *method, *path;
	void (*serve)(struct exchange *);
} routes[] = {
    {"GET", "/gateways", gateways_get},
    {"POST", "/gateways", gateways_post},
    {"GET", "/money", money_get},
    {"GET", "/requests", requests_get},
    {"DELETE", "/requests", requests_delete},
    {"GET", "/deliveries", deliveries_get},
    {"POST", "/deliveries", deliveries_post},
    {"DELETE", "/deliveries", deliveries_delete},
    {"POST", "/paypal/approve", paypal_approve_post},
    {"POST", "/paypal/settle", paypal_settle_post},
    {"POST", "/paypal/refund", paypal_refund_post},
    {"POST", "/paypal/reverse", paypal_reverse_post},
    {"POST", "/paypal/sign", paypal_sign_post},
    {"POST", "/anet/pay", anet_pay_post},
    {"POST", "/anet/refund", anet_refund_post},
    {"POST", "/anet/void", anet_void_post},
    {"POST", "/anet/review", anet_review_post},
    {"POST", "/anet/settle", anet_settle_post},
    {"POST", "/anet/chargeback", anet_chargeback_post},
    {"POST", "/anet/sign", anet_sign_post},
};

bool money_serve(struct exchange *x)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].path, x->path) == 0 &&
		    strcmp(routes[i].method, x->method) == 0) {
			routes[i].serve(x);
			return true;
		}
	return false;
}
