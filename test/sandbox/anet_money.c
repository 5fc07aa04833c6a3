/* anet_money.c: Authorize.Net's transactions: paid, held, void, refunded. */
#include "gateways.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ID    INT64_C(60000000001)
#define FIRST_BATCH INT64_C(1001)
#define TOKEN_LIFE  (15 * 60)

static const char *setting(
    struct json_object *body, const char *list, const char *name)
{
	struct json_object *in = member_of(body, list, json_type_object);
	struct json_object *all = member_of(in, "setting", json_type_array);

	for (size_t i = 0; all && i < json_object_array_length(all); i++) {
		struct json_object *one = json_object_array_get_idx(all, i);
		const char *is = text_of(one, "settingName");

		if (is && strcmp(is, name) == 0)
			return text_of(one, "settingValue");
	}
	return NULL;
}

static bool settings_known(struct json_object *body)
{
	static const char known[] =
	    " hostedPaymentIFrameCommunicatorUrl hostedPaymentButtonOptions"
	    " hostedPaymentReturnOptions hostedPaymentOrderOptions"
	    " hostedPaymentPaymentOptions hostedPaymentBillingAddressOptions"
	    " hostedPaymentShippingAddressOptions hostedPaymentSecurityOptions"
	    " hostedPaymentCustomerOptions hostedPaymentStyleOptions ";
	struct json_object *in =
	    member_of(body, "hostedPaymentSettings", json_type_object);
	struct json_object *all = member_of(in, "setting", json_type_array);
	char word[80];

	for (size_t i = 0; all && i < json_object_array_length(all); i++) {
		struct json_object *one = json_object_array_get_idx(all, i);
		struct json_object *inner;
		const char *text = text_of(one, "settingValue");

		snprintf(word, sizeof(word), " %s ",
		    text_of(one, "settingName") ? text_of(one, "settingName")
						: "?");
		inner = text ? json_tokener_parse(text) : NULL;
		if (!json_object_is_type(inner, json_type_object) ||
		    !strstr(known, word)) {
			json_object_put(inner);
			return false;
		}
		json_object_put(inner);
	}
	return true;
}

static const char *check_token(
    struct json_object *body, struct json_object *wish, struct buf *amount)
{
	const char *type = text_of(wish, "transactionType");
	const char *currency = text_of(wish, "currencyCode");
	struct json_object *value = NULL;
	int64_t nano = 0;

	json_object_object_get_ex(wish, "amount", &value);
	if (strcmp(type, "authCaptureTransaction") != 0)
		return "Transaction Type is invalid.";
	if (!value || !amount_parse(json_object_get_string(value), 2, &nano) ||
	    nano <= 0)
		return "Amount is invalid.";
	if (currency && strcmp(currency, options.anet_currency) != 0)
		return "Currency Code is invalid.";
	if (!settings_known(body))
		return "Hosted Payment Settings is invalid.";
	buf_amount(amount, nano, 2);
	return NULL;
}

static bool insert_token(struct json_object *body, struct json_object *wish,
    const char *amount, const char *token, bool expired)
{
	static const char list[] = "hostedPaymentSettings";
	const char *back = setting(body, list, "hostedPaymentReturnOptions");
	const char *shown = setting(body, list, "hostedPaymentOrderOptions");
	struct json_object *way = json_tokener_parse(back ? back : "{}");
	struct json_object *look = json_tokener_parse(shown ? shown : "{}");
	struct json_object *order = member_of(wish, "order", json_type_object);
	struct json_object *who = member_of(wish, "customer", json_type_object);
	struct json_object *receipt =
	    member_of(way, "showReceipt", json_type_boolean);
	sqlite3 *db = db_take();
	bool done = db_put(db,
	    "INSERT INTO an_tokens (token, expires, ref, amount, invoice,"
	    " description, customer, email, merchant, return_url, return_text,"
	    " cancel_url, receipt) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
	    "sissssssssssi", token, expired ? 0 : clock_now() + TOKEN_LIFE,
	    text_of(body, "refId"), amount, text_of(order, "invoiceNumber"),
	    text_of(order, "description"), text_of(who, "id"),
	    text_of(who, "email"), text_of(look, "merchantName"),
	    text_of(way, "url"), text_of(way, "urlText"),
	    text_of(way, "cancelUrl"),
	    (int64_t)(!receipt || json_object_get_boolean(receipt)));

	db_give(db);
	json_object_put(way);
	json_object_put(look);
	return done;
}

/* Tokens hold characters that a page must escape. */
void anet_token(struct exchange *x, struct json_object *body)
{
	struct json_object *wish =
	    member_of(body, "transactionRequest", json_type_object);
	struct buf amount = {0};
	const char *wrong = check_token(body, wish, &amount);
	char part[64], token[80];
	bool expired = x->faulty && x->fault.kind == EXPIRE;

	if (wrong) {
		anet_messages(x, "E00013", wrong);
		return;
	}
	gateway_id(part, 48);
	snprintf(token, sizeof(token), "SB/%.20s+a&\"b%s==.x", part, part + 20);
	insert_token(body, wish, amount.text, token, expired);
	buf_text(&x->reply, "\"token\":");
	buf_json(&x->reply, token);
	buf_text(&x->reply, ",");
	anet_messages(x, "I00001", NULL);
	buf_free(&amount);
}

static int64_t next_id(sqlite3 *db)
{
	int64_t last = db_int(db, "SELECT max(id) FROM an_transactions", 0, 0);

	return last ? last + 1 : FIRST_ID;
}

static const char *state_for(int response)
{
	return response == 1   ? "capturedPendingSettlement"
	       : response == 4 ? "FDSPendingReview"
	       : response == 2 ? "declined"
			       : "generalError";
}

static int64_t insert_payment(
    struct exchange *x, sqlite3 *db, sqlite3_stmt *s, int response)
{
	int64_t id = next_id(db);
	char amount[40], state[64];
	struct fault f;
	bool test;

	if (gateway_fault(x, RESPONSE_CODE, &f))
		response = (int)f.value;
	test = gateway_fault(x, TEST_REQUEST, &f);
	snprintf(amount, sizeof(amount), "%s", db_text(s, 0));
	snprintf(state, sizeof(state), "%s", state_for(response));
	gateway_twist(x, AMOUNT, amount, sizeof(amount));
	gateway_twist(x, STATE, state, sizeof(state));
	if (!db_put(db,
		"INSERT INTO an_transactions (id, type, status, response,"
		" amount, invoice, description, customer, email, ref, created,"
		" test) VALUES (?,'authCaptureTransaction',?,?,?,?,?,?,?,?,?,"
		"?)",
		"isissssssii", id, state, (int64_t)response, amount,
		db_text(s, 1), db_text(s, 2), db_text(s, 3), db_text(s, 4),
		db_text(s, 5), clock_now(), (int64_t)test))
		return 0;
	return anet_event(db,
		   response == 4 ? "net.authorize.payment.fraud.held"
				 : "net.authorize.payment.authcapture.created",
		   id)
		   ? id
		   : 0;
}

/* By a token, or the newest of an invoice number; 0: none, or too old. */
int64_t anet_pay(
    struct exchange *x, sqlite3 *db, const char *token, const char *result)
{
	int response = strcmp(result, "approve") == 0  ? 1
		       : strcmp(result, "review") == 0 ? 4
						       : 2;
	sqlite3_stmt *s;
	int64_t id = 0;

	db_begin(db);
	s = db_bind(db,
	    "SELECT amount, invoice, description, customer, email, ref"
	    " FROM an_tokens WHERE (token = ?1 OR invoice = ?1)"
	    " AND expires > ?2 ORDER BY n DESC LIMIT 1",
	    "si", token, clock_now());
	if (sqlite3_step(s) == SQLITE_ROW)
		id = insert_payment(x, db, s, response);
	sqlite3_finalize(s);
	if (db_end(db, id != 0))
		hook_wake();
	return id;
}

static sqlite3_stmt *find(sqlite3 *db, int64_t id)
{
	return db_bind(db,
	    "SELECT status, amount, invoice, description, customer, email, ref"
	    " FROM an_transactions WHERE id = ? AND type ="
	    " 'authCaptureTransaction' AND test = 0",
	    "i", id);
}

static bool is_in(sqlite3 *db, int64_t id, const char *state)
{
	sqlite3_stmt *s = find(db, id);
	bool is =
	    sqlite3_step(s) == SQLITE_ROW && strcmp(db_text(s, 0), state) == 0;

	sqlite3_finalize(s);
	return is;
}

/* In the caller's transaction, as all below. Their numbers are the response
 * reason codes of the record, where it has one. */
const char *anet_void(sqlite3 *db, int64_t id)
{
	if (!is_in(db, id, "capturedPendingSettlement") &&
	    !is_in(db, id, "FDSPendingReview"))
		return "16";
	db_put(db, "UPDATE an_transactions SET status = 'voided' WHERE id = ?",
	    "i", id);
	return anet_event(db, "net.authorize.payment.void.created", id) ? NULL
									: "0";
}

static int64_t refunded(sqlite3 *db, int64_t id)
{
	sqlite3_stmt *s = db_bind(db,
	    "SELECT amount FROM an_transactions WHERE original = ?", "i", id);
	int64_t sum = 0, one;

	while (sqlite3_step(s) == SQLITE_ROW)
		if (nano_parse(db_text(s, 0), &one))
			sum += one;
	sqlite3_finalize(s);
	return sum;
}

static bool insert_refund(
    sqlite3 *db, sqlite3_stmt *s, int64_t id, int64_t nano, int64_t refund)
{
	struct buf amount = {0};
	bool done;

	buf_amount(&amount, nano, 2);
	done =
	    db_put(db,
		"INSERT INTO an_transactions (id, type, status, response,"
		" amount, invoice, description, customer, email, ref,"
		" original, created, test) VALUES (?,'refundTransaction',"
		"'refundPendingSettlement',1,?,?,?,?,?,?,?,?,0)",
		"issssssii", refund, amount.text, db_text(s, 2), db_text(s, 3),
		db_text(s, 4), db_text(s, 5), db_text(s, 6), id, clock_now()) &&
	    anet_event(db, "net.authorize.payment.refund.created", refund);
	buf_free(&amount);
	return done;
}

const char *anet_refund(
    sqlite3 *db, int64_t id, const char *amount, int64_t *refund)
{
	sqlite3_stmt *s = find(db, id);
	int64_t all = 0, nano = 0;
	const char *wrong = NULL;

	*refund = next_id(db);
	if (sqlite3_step(s) != SQLITE_ROW)
		wrong = "16";
	else if (strcmp(db_text(s, 0), "settledSuccessfully") != 0)
		wrong = "54";
	else if (nano_parse(db_text(s, 1), &all), all -= refunded(db, id),
	    nano = all, amount && !amount_parse(amount, 2, &nano))
		wrong = "5";
	else if (nano <= 0 || nano > all)
		wrong = "55";
	else if (!insert_refund(db, s, id, nano, *refund))
		wrong = "0";
	sqlite3_finalize(s);
	return wrong;
}

const char *anet_review(sqlite3 *db, int64_t id, bool approve)
{
	if (!is_in(db, id, "FDSPendingReview"))
		return "16";
	db_put(db,
	    "UPDATE an_transactions SET status = ?, response = ? WHERE id = ?",
	    "sii", approve ? "capturedPendingSettlement" : "declined",
	    (int64_t)(approve ? 1 : 2), id);
	return anet_event(db,
		   approve ? "net.authorize.payment.fraud.approved"
			   : "net.authorize.payment.fraud.declined",
		   id)
		   ? NULL
		   : "0";
}

const char *anet_chargeback(sqlite3 *db, int64_t id, bool reversal)
{
	if (!is_in(db, id, reversal ? "chargeback" : "settledSuccessfully"))
		return "not settled, or not charged back";
	return db_put(db, "UPDATE an_transactions SET status = ? WHERE id = ?",
		   "si", reversal ? "chargebackReversal" : "chargeback", id)
		   ? NULL
		   : "0";
}

/* All that waits goes into one batch; what is held stays. */
int64_t anet_settle(sqlite3 *db)
{
	int64_t batch = db_int(db, "SELECT max(id) FROM an_batches", 0, 0);

	if (!db_int(db,
		"SELECT count(*) FROM an_transactions WHERE batch IS NULL"
		" AND status <> 'FDSPendingReview'",
		0, 0))
		return 0;
	batch = batch ? batch + 1 : FIRST_BATCH;
	db_put(db, "INSERT INTO an_batches VALUES (?, ?)", "ii", batch,
	    clock_now());
	db_put(db,
	    "UPDATE an_transactions SET batch = ?, status = CASE status"
	    " WHEN 'capturedPendingSettlement' THEN 'settledSuccessfully'"
	    " WHEN 'refundPendingSettlement' THEN 'refundSettledSuccessfully'"
	    " ELSE status END"
	    " WHERE batch IS NULL AND status <> 'FDSPendingReview'",
	    "i", batch);
	return batch;
}

/* HMAC-SHA512 with the key's bytes, not its text: upper-case hex. */
static void write_hash(struct buf *b, int64_t id, const char *amount)
{
	unsigned char key[64], mac[64];
	struct buf text = {0};
	char two[3] = "";

	for (size_t i = 0; i < 64; i++) {
		memcpy(two, options.anet_signature + 2 * i, 2);
		key[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	buf_format(
	    &text, "^%s^%lld^%s^", options.anet_login, (long long)id, amount);
	if (gnutls_hmac_fast(
		GNUTLS_MAC_SHA512, key, 64, text.text, text.length, mac) == 0)
		for (size_t i = 0; i < 64; i++)
			buf_format(b, "%02X", mac[i]);
	buf_free(&text);
}

static const char *explain(const char *reason)
{
	return strcmp(reason, "54") == 0
		   ? "The referenced transaction does not meet the criteria"
		     " for issuing a credit."
	       : strcmp(reason, "16") == 0 ? "The transaction cannot be found."
	       : strcmp(reason, "55") == 0
		   ? "The sum of credits against the referenced transaction"
		     " would exceed the original debit amount."
	       : strcmp(reason, "5") == 0 ? "A valid amount is required."
					  : "The transaction is refused.";
}

/* The answer of a transaction that was asked for by the merchant. */
static void write_response(struct exchange *x, const char *reason, int64_t id,
    int64_t original, const char *amount)
{
	int response = reason ? 3 : 1;
	struct fault f;

	if (gateway_fault(x, RESPONSE_CODE, &f))
		response = (int)f.value;
	f.kind = LATENCY;
	gateway_fault(x, TEST_REQUEST, &f);
	buf_format(&x->reply,
	    "\"transactionResponse\":{\"responseCode\":\"%d\",\"authCode\":"
	    "\"\",\"avsResultCode\":\"P\",\"cvvResultCode\":\"\","
	    "\"transId\":\"%lld\",\"refTransID\":\"%lld\",\"testRequest\":"
	    "\"%d\",\"accountNumber\":\"XXXX1111\",\"accountType\":\"Visa\",",
	    response, reason || f.kind == TEST_REQUEST ? 0LL : (long long)id,
	    (long long)original, f.kind == TEST_REQUEST);
	if (reason)
		buf_format(&x->reply,
		    "\"errors\":[{\"errorCode\":\"%s\",\"errorText\":\"%s\"}],"
		    "\"transHashSha2\":\"",
		    reason, explain(reason));
	else
		buf_text(&x->reply,
		    "\"messages\":[{\"code\":\"1\",\"description\":\"This"
		    " transaction has been approved.\"}],\"transHashSha2\":\"");
	if (!reason)
		write_hash(&x->reply, id, amount ? amount : "0.00");
	buf_text(&x->reply, "\"},");
	anet_messages(x, reason ? "E00027" : "I00001", NULL);
}

void anet_create(struct exchange *x, struct json_object *body)
{
	struct json_object *wish =
	    member_of(body, "transactionRequest", json_type_object);
	const char *type = text_of(wish, "transactionType");
	const char *original = text_of(wish, "refTransId"), *reason = "153";
	struct json_object *amount = NULL;
	const char *text = NULL;
	int64_t id = original ? strtoll(original, NULL, 10) : 0, made = id;
	sqlite3 *db = db_take();

	if (json_object_object_get_ex(wish, "amount", &amount))
		text = json_object_get_string(amount);
	db_begin(db);
	if (strcmp(type, "voidTransaction") == 0)
		reason = anet_void(db, id);
	else if (strcmp(type, "refundTransaction") == 0)
		reason = !text || !member_of(wish, "payment", json_type_object)
			     ? "5"
			     : anet_refund(db, id, text, &made);
	if (db_end(db, !reason))
		hook_wake();
	db_give(db);
	write_response(x, reason, made, id, text);
}

void anet_held(struct exchange *x, struct json_object *body)
{
	struct json_object *wish =
	    member_of(body, "heldTransactionRequest", json_type_object);
	const char *action = text_of(wish, "action");
	const char *text = text_of(wish, "refTransId"), *reason;
	int64_t id = text ? strtoll(text, NULL, 10) : 0;
	sqlite3 *db;

	if (!action || (strcmp(action, "approve") != 0 &&
			   strcmp(action, "decline") != 0)) {
		anet_messages(x, "E00003",
		    "The action element is invalid according to its datatype.");
		return;
	}
	db = db_take();
	db_begin(db);
	reason = anet_review(db, id, strcmp(action, "approve") == 0);
	if (db_end(db, !reason))
		hook_wake();
	db_give(db);
	write_response(x, reason, id, id, NULL);
}
