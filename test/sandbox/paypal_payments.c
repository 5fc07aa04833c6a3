/* paypal_payments.c: PayPal's captures and refunds. */
#include "gateways.h"

#include <stdio.h>
#include <string.h>

void buf_money(struct buf *b, const char *currency, const char *value)
{
	buf_text(b, "{\"currency_code\":");
	buf_json(b, currency);
	buf_text(b, ",\"value\":");
	buf_json(b, value);
	buf_text(b, "}");
}

/* What a fault makes an answer show. */
void paypal_view(struct exchange *x, struct view *v, bool reads)
{
	struct fault f;

	if (reads) {
		gateway_twist(x, AMOUNT, v->amount, sizeof(v->amount));
		gateway_twist(x, CURRENCY, v->currency, sizeof(v->currency));
		gateway_twist(x, PAYEE, v->payee, sizeof(v->payee));
		gateway_twist(x, STATE, v->state, sizeof(v->state));
	}
	v->none = gateway_fault(x, NO_CAPTURES, &f);
	v->two = gateway_fault(x, TWO_CAPTURES, &f);
}

enum {
	ID,
	ORDER,
	STATE_OF,
	REASON,
	VALUE,
	MONEY,
	CUSTOM,
	INVOICE,
	TO,
	MADE,
	CHANGED
};

#define SELECT_CAPTURE                                                         \
	"SELECT id, order_id, status, reason, amount, currency, custom_id,"    \
	" invoice_id, payee, created, updated FROM pp_captures WHERE "

static void member(struct buf *b, const char *name, const char *value)
{
	if (!*value)
		return;
	buf_format(b, ",\"%s\":", name);
	buf_json(b, value);
}

static void part(
    struct buf *b, const char *name, const char *currency, int64_t nano)
{
	struct buf value = {0};

	buf_amount(&value, nano, gateway_digits(currency) == 0 ? 0 : 2);
	buf_format(b, "\"%s\":", name);
	buf_money(b, currency, value.text);
	buf_free(&value);
}

/* The fee is one of a made-up kind: 2.9 %. */
static void write_breakdown(
    struct buf *b, const char *currency, const char *amount)
{
	int64_t unit = gateway_digits(currency) == 0 ? NANO : NANO / 100;
	int64_t gross = 0, fee;

	nano_parse(amount, &gross);
	fee = gross / unit * 29 / 1000 * unit;
	buf_text(b, ",\"seller_receivable_breakdown\":{");
	part(b, "gross_amount", currency, gross);
	buf_text(b, ",");
	part(b, "paypal_fee", currency, fee);
	buf_text(b, ",");
	part(b, "net_amount", currency, gross - fee);
	buf_text(b, "}");
}

static void write_link(struct buf *b, const char *path, const char *id,
    const char *after, const char *rel)
{
	buf_format(b,
	    "{\"href\":\"http://127.0.0.1:%d/v2/%s/%s%s\",\"rel\":\"%s\","
	    "\"method\":\"%s\"}",
	    options.port + 2, path, id, after, rel, *after ? "POST" : "GET");
}

static void write_times(struct buf *b, int64_t made, int64_t changed)
{
	buf_text(b, ",\"create_time\":");
	buf_iso(b, made, "Z");
	buf_text(b, ",\"update_time\":");
	buf_iso(b, changed, "Z");
}

static const char *or_of(const char *shown, const char *stored)
{
	return *shown ? shown : stored;
}

static void write_capture(
    struct buf *b, sqlite3_stmt *s, const struct view *v, bool alone)
{
	const char *currency = or_of(v->currency, db_text(s, MONEY));
	const char *amount = or_of(v->amount, db_text(s, VALUE));

	buf_format(b, "{\"id\":\"%s\",\"status\":", db_text(s, ID));
	buf_json(b, or_of(v->state, db_text(s, STATE_OF)));
	if (*db_text(s, REASON)) {
		buf_text(b, ",\"status_details\":{\"reason\":");
		buf_json(b, db_text(s, REASON));
		buf_text(b, "}");
	}
	buf_text(b, ",\"amount\":");
	buf_money(b, currency, amount);
	buf_text(b, ",\"final_capture\":true");
	member(b, "custom_id", db_text(s, CUSTOM));
	member(b, "invoice_id", db_text(s, INVOICE));
	write_breakdown(b, currency, amount);
	if (alone) {
		buf_text(b, ",\"payee\":{\"email_address\":"
			    "\"merchant@example.com\",\"merchant_id\":");
		buf_json(b, or_of(v->payee, db_text(s, TO)));
		buf_format(b,
		    "},\"supplementary_data\":{\"related_ids\":{\"order_id\":"
		    "\"%s\"}}",
		    db_text(s, ORDER));
	}
	buf_text(b, ",\"links\":[");
	write_link(b, "payments/captures", db_text(s, ID), "", "self");
	buf_text(b, ",");
	write_link(b, "payments/captures", db_text(s, ID), "/refund", "refund");
	buf_text(b, ",");
	write_link(b, "checkout/orders", db_text(s, ORDER), "", "up");
	buf_text(b, "]");
	write_times(
	    b, sqlite3_column_int64(s, MADE), sqlite3_column_int64(s, CHANGED));
	buf_text(b, "}");
}

/* The second of two has an id of its own, but nobody paid it. */
static void write_second(struct buf *b, size_t from)
{
	struct buf copy = {0};
	char id[20];

	gateway_id(id, 17);
	buf_add(&copy, b->text + from, b->length - from);
	memcpy(copy.text + strlen("{\"id\":\""), id, 17);
	buf_format(b, ",%s", copy.text);
	buf_free(&copy);
}

void paypal_captures_json(
    struct buf *b, sqlite3 *db, const char *order, const struct view *v)
{
	sqlite3_stmt *s =
	    db_bind(db, SELECT_CAPTURE "order_id = ? ORDER BY n", "s", order);
	size_t count = 0;

	while (!v->none && sqlite3_step(s) == SQLITE_ROW) {
		size_t from;

		buf_text(b, count++ ? "," : "\"captures\":[");
		from = b->length;
		write_capture(b, s, v, false);
		if (v->two)
			write_second(b, from);
	}
	buf_text(b, count ? "]" : "");
	sqlite3_finalize(s);
}

#define SELECT_REFUND                                                          \
	"SELECT r.id, r.capture_id, r.kind, r.created, r.amount, r.currency,"  \
	" r.custom_id, r.invoice_id FROM pp_refunds r "

static void write_refund(struct buf *b, sqlite3_stmt *s)
{
	int64_t nano = 0, made = sqlite3_column_int64(s, 3);
	const char *currency = db_text(s, 5);

	nano_parse(db_text(s, 4), &nano);
	buf_format(b, "{\"id\":\"%s\",\"status\":\"COMPLETED\",\"amount\":",
	    db_text(s, 0));
	buf_money(b, currency, db_text(s, 4));
	member(b, "custom_id", db_text(s, 6));
	member(b, "invoice_id", db_text(s, 7));
	buf_text(b, ",\"seller_payable_breakdown\":{");
	part(b, "gross_amount", currency, nano);
	buf_text(b, ",");
	part(b, "paypal_fee", currency, 0);
	buf_text(b, ",");
	part(b, "net_amount", currency, nano);
	buf_text(b, "},\"links\":[");
	write_link(b, "payments/refunds", db_text(s, 0), "", "self");
	buf_text(b, ",");
	write_link(b, "payments/captures", db_text(s, 1), "", "up");
	buf_text(b, "]");
	write_times(b, made, made);
	buf_text(b, "}");
}

void paypal_refunds_json(struct buf *b, sqlite3 *db, const char *order)
{
	sqlite3_stmt *s = db_bind(db,
	    SELECT_REFUND "JOIN pp_captures c ON c.id = r.capture_id"
			  " WHERE c.order_id = ? ORDER BY r.n",
	    "s", order);
	size_t count = 0;

	while (sqlite3_step(s) == SQLITE_ROW) {
		buf_text(b, count++ ? "," : ",\"refunds\":[");
		write_refund(b, s);
	}
	buf_text(b, count ? "]" : "");
	sqlite3_finalize(s);
}

static void not_found(struct exchange *x)
{
	paypal_error(x, 404, "INVALID_RESOURCE_ID",
	    "Specified resource ID does not exist. Please check the resource"
	    " ID and try again.");
}

void paypal_capture_get(struct exchange *x, const char *id)
{
	sqlite3 *db = db_take();
	sqlite3_stmt *s = db_bind(db, SELECT_CAPTURE "id = ?", "s", id);
	struct view v = {0};

	paypal_view(x, &v, true);
	if (sqlite3_step(s) == SQLITE_ROW)
		write_capture(&x->reply, s, &v, true);
	else
		not_found(x);
	sqlite3_finalize(s);
	db_give(db);
}

static bool write_refund_of(struct buf *b, sqlite3 *db, const char *id)
{
	sqlite3_stmt *s = db_bind(db, SELECT_REFUND "WHERE r.id = ?", "s", id);
	bool found = sqlite3_step(s) == SQLITE_ROW;

	if (found)
		write_refund(b, s);
	sqlite3_finalize(s);
	return found;
}

void paypal_refund_get(struct exchange *x, const char *id)
{
	sqlite3 *db = db_take();

	if (!write_refund_of(&x->reply, db, id))
		not_found(x);
	db_give(db);
}

bool paypal_capture_event(sqlite3 *db, const char *id, const char *type)
{
	sqlite3_stmt *s = db_bind(db, SELECT_CAPTURE "id = ?", "s", id);
	struct view v = {0};
	struct buf b = {0};
	bool done = sqlite3_step(s) == SQLITE_ROW;

	if (done)
		write_capture(&b, s, &v, true);
	sqlite3_finalize(s);
	done = done && paypal_event(db, type, "capture", id, b.text);
	buf_free(&b);
	return done;
}

static int64_t given_back(sqlite3 *db, const char *capture)
{
	sqlite3_stmt *s = db_bind(db,
	    "SELECT amount FROM pp_refunds WHERE capture_id = ?", "s", capture);
	int64_t sum = 0, one;

	while (sqlite3_step(s) == SQLITE_ROW)
		if (nano_parse(db_text(s, 0), &one))
			sum += one;
	sqlite3_finalize(s);
	return sum;
}

static const char *check_back(sqlite3 *db, sqlite3_stmt *s, const char *amount,
    int64_t *nano, int64_t *left)
{
	const char *state = db_text(s, STATE_OF);
	int digits = gateway_digits(db_text(s, MONEY));

	if (strcmp(state, "PENDING") == 0)
		return "PENDING_CAPTURE";
	if (strcmp(state, "REFUNDED") == 0)
		return "CAPTURE_FULLY_REFUNDED";
	if (strcmp(state, "COMPLETED") != 0 &&
	    strcmp(state, "PARTIALLY_REFUNDED") != 0)
		return "REFUND_NOT_ALLOWED";
	nano_parse(db_text(s, VALUE), left);
	*left -= given_back(db, db_text(s, ID));
	*nano = *left;
	if (amount && !amount_parse(amount, digits, nano))
		return digits ? "DECIMAL_PRECISION" : "DECIMALS_NOT_SUPPORTED";
	if (*nano <= 0)
		return "CANNOT_BE_ZERO_OR_NEGATIVE";
	return *nano > *left ? "REFUND_AMOUNT_EXCEEDED" : NULL;
}

static bool insert_back(sqlite3 *db, sqlite3_stmt *s, const char *kind,
    int64_t nano, bool all, const char *id)
{
	bool reversed = strcmp(kind, "reversal") == 0, done;
	struct buf amount = {0}, resource = {0};

	buf_amount(&amount, nano, gateway_digits(db_text(s, MONEY)) ? 2 : 0);
	done =
	    db_put(db,
		"INSERT INTO pp_refunds (id, capture_id, kind, amount,"
		" currency, custom_id, invoice_id, created)"
		" VALUES (?,?,?,?,?,?,?,?)",
		"sssssssi", id, db_text(s, ID), kind, amount.text,
		db_text(s, MONEY), db_text(s, CUSTOM), db_text(s, INVOICE),
		clock_now()) &&
	    db_put(db,
		"UPDATE pp_captures SET status = ?, reason = ?,"
		" updated = ? WHERE id = ?",
		"ssis", all ? "REFUNDED" : "PARTIALLY_REFUNDED",
		reversed ? "CHARGEBACK" : NULL, clock_now(), db_text(s, ID)) &&
	    write_refund_of(&resource, db, id) &&
	    paypal_event(db,
		reversed ? "PAYMENT.CAPTURE.REVERSED"
			 : "PAYMENT.CAPTURE.REFUNDED",
		"refund", id, resource.text);
	buf_free(&amount);
	buf_free(&resource);
	return done;
}

/* In the caller's transaction. */
const char *paypal_give_back(sqlite3 *db, const char *capture, const char *kind,
    const char *amount, char id[20])
{
	sqlite3_stmt *s = db_bind(db, SELECT_CAPTURE "id = ?", "s", capture);
	const char *issue = "INVALID_RESOURCE_ID";
	int64_t nano = 0, left = 0;

	gateway_id(id, 17);
	if (sqlite3_step(s) == SQLITE_ROW) {
		issue = check_back(db, s, amount, &nano, &left);
		if (!issue && !insert_back(db, s, kind, nano, nano == left, id))
			issue = "INTERNAL_SERVER_ERROR";
	}
	sqlite3_finalize(s);
	return issue;
}

/* A capture that was pending. */
const char *paypal_settle(sqlite3 *db, const char *capture, const char *status)
{
	bool good = strcmp(status, "COMPLETED") == 0;

	if (!good && strcmp(status, "DENIED") != 0 &&
	    strcmp(status, "DECLINED") != 0)
		return "status: COMPLETED or DENIED";
	if (!db_put(db,
		"UPDATE pp_captures SET status = ?, reason = NULL,"
		" updated = ? WHERE id = ? AND status = 'PENDING'",
		"sis", good ? "COMPLETED" : "DECLINED", clock_now(), capture) ||
	    sqlite3_changes(db) != 1)
		return "no such pending capture";
	if (!paypal_capture_event(db, capture,
		good ? "PAYMENT.CAPTURE.COMPLETED" : "PAYMENT.CAPTURE.DENIED"))
		return "no event";
	return NULL;
}

static bool find_replay(sqlite3 *db, const char *key, char id[20])
{
	sqlite3_stmt *s =
	    db_bind(db, "SELECT id FROM pp_replays WHERE key = ?", "s", key);
	bool found = key && sqlite3_step(s) == SQLITE_ROW;

	if (found)
		snprintf(id, 20, "%s", db_text(s, 0));
	sqlite3_finalize(s);
	return found;
}

/* NULL, or the issue; a refund's request id is kept for good. */
static const char *refund(
    struct exchange *x, sqlite3 *db, const char *capture, char id[20])
{
	struct json_object *amount =
	    member_of(x->request, "amount", json_type_object);
	const char *key = http_header(x, "PayPal-Request-Id"), *issue;
	struct buf b = {0};

	buf_format(&b, "paypal.refund %s", key ? key : "");
	if (key && find_replay(db, b.text, id)) {
		buf_free(&b);
		return NULL;
	}
	issue = paypal_give_back(
	    db, capture, "refund", text_of(amount, "value"), id);
	if (!issue && key)
		db_put(db, "INSERT INTO pp_replays VALUES (?, ?, NULL, ?)",
		    "ssi", b.text, id, clock_now());
	x->status = 201;
	buf_free(&b);
	return issue;
}

void paypal_refund_create(struct exchange *x, const char *capture)
{
	sqlite3 *db = db_take();
	const char *issue;
	char id[20];

	db_begin(db);
	issue = refund(x, db, capture, id);
	if (db_end(db, !issue)) {
		hook_wake();
		write_refund_of(&x->reply, db, id);
	} else if (strcmp(issue, "INVALID_RESOURCE_ID") == 0) {
		not_found(x);
	} else {
		paypal_error(x, 422, issue, "The refund cannot be made.");
	}
	db_give(db);
}
