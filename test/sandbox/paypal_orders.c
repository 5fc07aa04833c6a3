/* paypal_orders.c: PayPal's orders: made, approved, captured. */
#include "gateways.h"

#include <stdio.h>
#include <string.h>

#define REPLAY_LIFE (6 * 3600)

enum {
	ID,
	STATE_OF,
	VALUE,
	MONEY,
	CUSTOM,
	INVOICE,
	REFERENCE,
	TEXT,
	TO,
	PAYER,
	WALLET,
	MADE,
	CHANGED
};

static const char select_order[] =
    "SELECT id, status, amount, currency, custom_id, invoice_id, reference_id,"
    " description, payee, payer, wallet, created, updated FROM pp_orders"
    " WHERE id = ?";

static void member(struct buf *b, const char *name, sqlite3_stmt *s, int at)
{
	if (!*db_text(s, at))
		return;
	buf_format(b, "\"%s\":", name);
	buf_json(b, db_text(s, at));
	buf_text(b, ",");
}

static void write_source(struct buf *b, sqlite3_stmt *s)
{
	if (!sqlite3_column_int(s, WALLET) && !*db_text(s, PAYER))
		return;
	buf_text(b, ",\"payment_source\":{\"paypal\":{");
	if (*db_text(s, PAYER))
		buf_format(b,
		    "\"email_address\":\"payer@example.com\",\"account_id\":"
		    "\"%s\",\"name\":{\"given_name\":\"Ana <b>\","
		    "\"surname\":\"O'Payer & \\\"Co\\\"\"}",
		    db_text(s, PAYER));
	buf_text(b, "}}");
	if (*db_text(s, PAYER))
		buf_format(b,
		    ",\"payer\":{\"email_address\":\"payer@example.com\","
		    "\"payer_id\":\"%s\",\"name\":{\"given_name\":\"Ana <b>\","
		    "\"surname\":\"O'Payer & \\\"Co\\\"\"}}",
		    db_text(s, PAYER));
}

static void write_unit(
    struct exchange *x, struct buf *b, sqlite3 *db, sqlite3_stmt *s)
{
	bool reads =
	    x && x->operation && strcmp(x->operation, "paypal.order.get") == 0;
	struct view v = {0};
	struct buf more = {0};

	if (x)
		paypal_view(x, &v, reads);
	buf_text(b, ",\"intent\":\"CAPTURE\",\"purchase_units\":[{");
	member(b, "reference_id", s, REFERENCE);
	member(b, "description", s, TEXT);
	member(b, "custom_id", s, CUSTOM);
	member(b, "invoice_id", s, INVOICE);
	buf_text(b, "\"amount\":");
	buf_money(b, *v.currency ? v.currency : db_text(s, MONEY),
	    *v.amount ? v.amount : db_text(s, VALUE));
	buf_text(b, ",\"payee\":{\"email_address\":\"merchant@example.com\","
		    "\"merchant_id\":");
	buf_json(b, *v.payee ? v.payee : db_text(s, TO));
	buf_text(b, "}");
	paypal_captures_json(&more, db, db_text(s, ID), &v);
	if (more.length) {
		buf_format(b, ",\"payments\":{%s", more.text);
		paypal_refunds_json(b, db, db_text(s, ID));
		buf_text(b, "}");
	}
	buf_free(&more);
	buf_text(b, "}]");
}

static void write_links(struct exchange *x, struct buf *b, sqlite3_stmt *s)
{
	const char *id = db_text(s, ID), *state = db_text(s, STATE_OF);
	bool wallet = sqlite3_column_int(s, WALLET);
	char href[1200];

	buf_format(b,
	    ",\"links\":[{\"href\":\"http://127.0.0.1:%d/v2/checkout/orders/%s"
	    "\",\"rel\":\"self\",\"method\":\"GET\"}",
	    options.port + 2, id);
	snprintf(href, sizeof(href), "%s/checkoutnow?token=%s",
	    options.paypal_web, id);
	if (x)
		gateway_twist(x, LINK, href, sizeof(href));
	if (*href && (strcmp(state, "CREATED") == 0 ||
			 strcmp(state, "PAYER_ACTION_REQUIRED") == 0)) {
		buf_text(b, ",{\"href\":");
		buf_json(b, href);
		buf_format(b, ",\"rel\":\"%s\",\"method\":\"GET\"}",
		    wallet ? "payer-action" : "approve");
	}
	if (strcmp(state, "APPROVED") == 0)
		buf_format(b,
		    ",{\"href\":\"http://127.0.0.1:%d/v2/checkout/orders/%s/"
		    "capture\",\"rel\":\"capture\",\"method\":\"POST\"}",
		    options.port + 2, id);
	buf_text(b, "]");
}

void paypal_order_json(
    struct exchange *x, struct buf *b, sqlite3 *db, const char *id, bool full)
{
	sqlite3_stmt *s = db_bind(db, select_order, "s", id);

	if (sqlite3_step(s) == SQLITE_ROW) {
		buf_format(b, "{\"id\":\"%s\",\"status\":\"%s\"", id,
		    db_text(s, STATE_OF));
		write_source(b, s);
		if (full) {
			write_unit(x, b, db, s);
			buf_text(b, ",\"create_time\":");
			buf_iso(b, sqlite3_column_int64(s, MADE), "Z");
			buf_text(b, ",\"update_time\":");
			buf_iso(b, sqlite3_column_int64(s, CHANGED), "Z");
		}
		write_links(x, b, s);
		buf_text(b, "}");
	}
	sqlite3_finalize(s);
}

static bool wants_all(struct exchange *x)
{
	const char *prefer = http_header(x, "Prefer");

	return prefer && strcmp(prefer, "return=representation") == 0;
}

/* NULL, or the id that this request id made before; issue: what it failed
 * with. */
static bool find_replay(
    struct exchange *x, sqlite3 *db, char id[64], char issue[64])
{
	const char *key = http_header(x, "PayPal-Request-Id");
	struct buf b = {0};
	sqlite3_stmt *s;
	bool found;

	if (!key)
		return false;
	buf_format(&b, "%s %s", x->operation, key);
	s = db_bind(db,
	    "SELECT id, issue FROM pp_replays WHERE key = ?"
	    " AND created > ?",
	    "si", b.text, clock_now() - REPLAY_LIFE);
	found = sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		snprintf(id, 64, "%s", db_text(s, 0));
		snprintf(issue, 64, "%s", db_text(s, 1));
	}
	sqlite3_finalize(s);
	buf_free(&b);
	return found;
}

static bool keep_replay(struct exchange *x, sqlite3 *db, const char *id)
{
	const char *key = http_header(x, "PayPal-Request-Id");
	struct buf b = {0};
	bool done;

	if (!key)
		return true;
	buf_format(&b, "%s %s", x->operation, key);
	done = db_put(db, "REPLACE INTO pp_replays VALUES (?, ?, NULL, ?)",
	    "ssi", b.text, id, clock_now());
	buf_free(&b);
	return done;
}

struct wish {
	struct json_object *unit, *context;
	const char *currency;
	char amount[40];
	bool wallet;
};

static bool bad(struct exchange *x, unsigned status, const char *field,
    const char *value, const char *issue)
{
	paypal_field_error(x, status, field, value, issue);
	return false;
}

static bool check_length(struct exchange *x, struct json_object *in,
    const char *name, const char *field, size_t most)
{
	struct json_object *value = NULL;
	size_t length;

	if (!in || !json_object_object_get_ex(in, name, &value))
		return true;
	if (!json_object_is_type(value, json_type_string))
		return bad(x, 400, field, NULL, "INVALID_PARAMETER_SYNTAX");
	length = (size_t)json_object_get_string_len(value);
	if (length < 1 || length > most)
		return bad(x, 400, field, json_object_get_string(value),
		    "INVALID_STRING_LENGTH");
	return true;
}

static bool check_amount(struct exchange *x, struct wish *w)
{
	static const char field[] = "/purchase_units/0/amount/value";
	struct json_object *amount =
	    member_of(w->unit, "amount", json_type_object);
	const char *value = text_of(amount, "value");
	struct buf b = {0};
	int64_t nano = 0;
	int digits;

	w->currency = text_of(amount, "currency_code");
	if (!value || !w->currency)
		return bad(x, 400, field, NULL, "MISSING_REQUIRED_PARAMETER");
	digits = gateway_digits(w->currency);
	if (digits < 0)
		return bad(x, 422, "/purchase_units/0/amount/currency_code",
		    w->currency, "INVALID_CURRENCY_CODE");
	if (strlen(value) > 32 ||
	    strspn(value, "-.0123456789") != strlen(value))
		return bad(x, 400, field, value, "INVALID_PARAMETER_SYNTAX");
	if (!amount_parse(value, digits, &nano))
		return bad(x, 422, field, value,
		    digits ? "DECIMAL_PRECISION" : "DECIMALS_NOT_SUPPORTED");
	if (nano <= 0)
		return bad(x, 422, field, value, "CANNOT_BE_ZERO_OR_NEGATIVE");
	buf_amount(&b, nano, digits);
	snprintf(w->amount, sizeof(w->amount), "%s", b.text);
	buf_free(&b);
	return true;
}

static bool check_unit(struct exchange *x, struct wish *w)
{
	struct json_object *units =
	    member_of(x->request, "purchase_units", json_type_array);
	const char *intent = text_of(x->request, "intent");

	if (!intent)
		return bad(
		    x, 400, "/intent", NULL, "MISSING_REQUIRED_PARAMETER");
	if (strcmp(intent, "CAPTURE") != 0)
		return bad(x, 422, "/intent", intent, "UNSUPPORTED_INTENT");
	if (!units)
		return bad(x, 400, "/purchase_units", NULL,
		    "MISSING_REQUIRED_PARAMETER");
	if (json_object_array_length(units) != 1)
		return bad(x, 400, "/purchase_units", NULL,
		    json_object_array_length(units)
			? "NOT_SUPPORTED"
			: "INVALID_ARRAY_MIN_ITEMS");
	w->unit = json_object_array_get_idx(units, 0);
	return check_amount(x, w) &&
	       check_length(x, w->unit, "reference_id",
		   "/purchase_units/0/reference_id", 256) &&
	       check_length(x, w->unit, "description",
		   "/purchase_units/0/description", 127) &&
	       check_length(x, w->unit, "custom_id",
		   "/purchase_units/0/custom_id", 127) &&
	       check_length(x, w->unit, "invoice_id",
		   "/purchase_units/0/invoice_id", 127);
}

static bool check_context(struct exchange *x, struct wish *w)
{
	static const char *const urls[] = {"return_url", "cancel_url"};
	static const char base[] = "/payment_source/paypal/experience_context";
	struct json_object *source =
	    member_of(x->request, "payment_source", json_type_object);
	struct json_object *wallet =
	    member_of(source, "paypal", json_type_object);
	char field[100];

	w->wallet = source != NULL;
	if (source && !wallet)
		return bad(x, 400, "/payment_source", NULL, "NOT_SUPPORTED");
	w->context =
	    source ? member_of(wallet, "experience_context", json_type_object)
		   : member_of(
			 x->request, "application_context", json_type_object);
	for (size_t i = 0; i < 2; i++) {
		const char *url = text_of(w->context, urls[i]);

		snprintf(field, sizeof(field), "%s/%s", base, urls[i]);
		if (url && strncmp(url, "http://", 7) != 0 &&
		    strncmp(url, "https://", 8) != 0)
			return bad(
			    x, 400, field, url, "INVALID_PARAMETER_SYNTAX");
	}
	snprintf(field, sizeof(field), "%s/brand_name", base);
	return check_length(x, w->context, "brand_name", field, 127);
}

static bool check_key(struct exchange *x, const struct wish *w)
{
	const char *key = http_header(x, "PayPal-Request-Id");

	if (w->wallet && (!key || !*key)) {
		paypal_error(x, 400, "PAYPAL_REQUEST_ID_REQUIRED",
		    "A PayPal-Request-Id is required if you are trying to"
		    " process payment for an Order.");
		return false;
	}
	if (key && strlen(key) > 108)
		return bad(
		    x, 400, "PayPal-Request-Id", key, "INVALID_STRING_LENGTH");
	return true;
}

static bool was_captured(sqlite3 *db, const char *invoice)
{
	sqlite3_stmt *s = db_bind(
	    db, "SELECT 1 FROM pp_captures WHERE invoice_id = ?", "s", invoice);
	bool found = invoice && sqlite3_step(s) == SQLITE_ROW;

	sqlite3_finalize(s);
	return found;
}

static bool insert_order(
    struct exchange *x, sqlite3 *db, const struct wish *w, const char *id)
{
	const char *reference = text_of(w->unit, "reference_id");
	struct view v = {.payee = "SANDB8XMERCH2"};

	snprintf(v.amount, sizeof(v.amount), "%s", w->amount);
	snprintf(v.currency, sizeof(v.currency), "%s", w->currency);
	gateway_twist(x, AMOUNT, v.amount, sizeof(v.amount));
	gateway_twist(x, CURRENCY, v.currency, sizeof(v.currency));
	gateway_twist(x, PAYEE, v.payee, sizeof(v.payee));
	return db_put(db,
		   "INSERT INTO pp_orders (id, status, amount, currency,"
		   " custom_id, invoice_id, reference_id, description, brand,"
		   " return_url, cancel_url, payee, wallet, created, updated)"
		   " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?14,?14)",
		   "ssssssssssssii", id,
		   w->wallet ? "PAYER_ACTION_REQUIRED" : "CREATED", v.amount,
		   v.currency, text_of(w->unit, "custom_id"),
		   text_of(w->unit, "invoice_id"),
		   reference ? reference : "default",
		   text_of(w->unit, "description"),
		   text_of(w->context, "brand_name"),
		   text_of(w->context, "return_url"),
		   text_of(w->context, "cancel_url"), v.payee,
		   (int64_t)w->wallet, clock_now()) &&
	       keep_replay(x, db, id);
}

void paypal_order_create(struct exchange *x, const char *unused)
{
	struct wish w = {0};
	char id[64], issue[64];
	sqlite3 *db;
	bool replay;

	(void)unused;
	if (!x->request)
		paypal_error(x, 400, "MALFORMED_REQUEST_JSON",
		    "The request JSON is not well formed.");
	if (!x->request || !check_context(x, &w) || !check_key(x, &w) ||
	    !check_unit(x, &w))
		return;
	db = db_take();
	db_begin(db);
	replay = find_replay(x, db, id, issue);
	if (!replay && was_captured(db, text_of(w.unit, "invoice_id"))) {
		db_end(db, false);
		db_give(db);
		paypal_error(x, 422, "DUPLICATE_INVOICE_ID",
		    "Duplicate Invoice ID detected.");
		return;
	}
	if (!replay)
		gateway_id(id, 17);
	if (db_end(db, replay || insert_order(x, db, &w, id)) && !replay)
		x->status = 201;
	paypal_order_json(x, &x->reply, db, id, wants_all(x));
	db_give(db);
}

static void not_found(struct exchange *x)
{
	paypal_error(x, 404, "INVALID_RESOURCE_ID",
	    "Specified resource ID does not exist. Please check the resource"
	    " ID and try again.");
}

void paypal_order_get(struct exchange *x, const char *id)
{
	sqlite3 *db = db_take();

	paypal_order_json(x, &x->reply, db, id, true);
	db_give(db);
	if (!x->reply.length)
		not_found(x);
}

/* Makes the capture; a fault says how it turns out. */
static bool insert_capture(struct exchange *x, sqlite3 *db, sqlite3_stmt *s)
{
	struct view v = {.state = "COMPLETED"};
	struct fault f;
	char id[20], reason[64] = "";
	const char *order = db_text(s, ID);

	snprintf(v.amount, sizeof(v.amount), "%s", db_text(s, VALUE));
	snprintf(v.currency, sizeof(v.currency), "%s", db_text(s, MONEY));
	snprintf(v.payee, sizeof(v.payee), "%s", db_text(s, TO));
	gateway_twist(x, AMOUNT, v.amount, sizeof(v.amount));
	gateway_twist(x, CURRENCY, v.currency, sizeof(v.currency));
	gateway_twist(x, PAYEE, v.payee, sizeof(v.payee));
	if (gateway_fault(x, STATE, &f)) {
		snprintf(v.state, sizeof(v.state), "%.30s", f.text);
		snprintf(reason, sizeof(reason), "%s",
		    *f.reason			     ? f.reason
		    : strcmp(f.text, "PENDING") == 0 ? "PENDING_REVIEW"
						     : "");
	}
	gateway_id(id, 17);
	return db_put(db,
		   "INSERT INTO pp_captures (id, order_id, status, reason,"
		   " amount, currency, custom_id, invoice_id, payee, created,"
		   " updated) VALUES (?,?,?,?,?,?,?,?,?,?10,?10)",
		   "sssssssssi", id, order, v.state, *reason ? reason : NULL,
		   v.amount, v.currency, db_text(s, CUSTOM),
		   db_text(s, INVOICE), v.payee, clock_now()) &&
	       db_put(db,
		   "UPDATE pp_orders SET status = 'COMPLETED', updated = ?,"
		   " payee = ? WHERE id = ?",
		   "iss", clock_now(), v.payee, order) &&
	       keep_replay(x, db, order) &&
	       paypal_capture_event(db, id,
		   strcmp(v.state, "COMPLETED") == 0
		       ? "PAYMENT.CAPTURE.COMPLETED"
		   : strcmp(v.state, "PENDING") == 0
		       ? "PAYMENT.CAPTURE.PENDING"
		       : "PAYMENT.CAPTURE.DENIED");
}

static const char *why_not(sqlite3 *db, sqlite3_stmt *s)
{
	const char *state = db_text(s, STATE_OF);

	if (strcmp(state, "COMPLETED") == 0)
		return "ORDER_ALREADY_CAPTURED";
	if (strcmp(state, "APPROVED") != 0)
		return "ORDER_NOT_APPROVED";
	if (*db_text(s, INVOICE) && was_captured(db, db_text(s, INVOICE)))
		return "DUPLICATE_INVOICE_ID";
	return NULL;
}

static void capture_new(struct exchange *x, sqlite3 *db, const char *id)
{
	sqlite3_stmt *s = db_bind(db, select_order, "s", id);
	bool found = sqlite3_step(s) == SQLITE_ROW, done = false;
	const char *issue = found ? why_not(db, s) : NULL;

	if (!found)
		not_found(x);
	else if (issue)
		paypal_error(x, 422, issue, "The order cannot be captured.");
	else
		done = insert_capture(x, db, s);
	sqlite3_finalize(s);
	if (done)
		x->status = 201;
	if (db_end(db, done))
		hook_wake();
}

void paypal_order_capture(struct exchange *x, const char *id)
{
	char before[64], issue[64] = "";
	sqlite3 *db = db_take();

	db_begin(db);
	if (!find_replay(x, db, before, issue) || strcmp(before, id) != 0) {
		capture_new(x, db, id);
	} else {
		db_end(db, true);
		if (*issue)
			paypal_error(x, 422, issue, "As before.");
	}
	if (!x->reply.length)
		paypal_order_json(x, &x->reply, db, id, wants_all(x));
	db_give(db);
}

bool paypal_approve(sqlite3 *db, const char *id)
{
	struct buf b = {0};
	bool done;

	db_begin(db);
	done = db_put(db,
		   "UPDATE pp_orders SET status = 'APPROVED', updated = ?,"
		   " payer = 'SBPAYER234567' WHERE id = ? AND status IN"
		   " ('CREATED', 'PAYER_ACTION_REQUIRED')",
		   "is", clock_now(), id) &&
	       sqlite3_changes(db) == 1;
	if (done) {
		paypal_order_json(NULL, &b, db, id, true);
		done = paypal_event(db, "CHECKOUT.ORDER.APPROVED",
		    "checkout-order", id, b.text);
	}
	done = db_end(db, done);
	buf_free(&b);
	if (done)
		hook_wake();
	return done;
}
