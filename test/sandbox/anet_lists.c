/* anet_lists.c: what Authorize.Net tells of its transactions and batches. */
#include "gateways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ID,
	TYPE,
	STATE_OF,
	RESPONSE,
	VALUE,
	INVOICE,
	TEXT,
	CUSTOMER,
	EMAIL,
	REF,
	ORIGINAL,
	BATCH,
	MADE,
	SETTLED
};

#define SELECT_TRANSACTION                                                     \
	"SELECT t.id, t.type, t.status, t.response, t.amount, t.invoice,"      \
	" t.description, t.customer, t.email, t.ref, t.original, t.batch,"     \
	" t.created, b.settled FROM an_transactions t LEFT JOIN an_batches b"  \
	" ON b.id = t.batch WHERE t.test = 0 AND "

static void member(struct buf *b, const char *name, const char *value)
{
	buf_format(b, ",\"%s\":", name);
	buf_json(b, value);
}

static void write_times(
    struct buf *b, const char *what, int64_t time, const char *end)
{
	buf_format(b, "\"%sTimeUTC\":", what);
	buf_iso(b, time, *end ? ".120Z" : "Z");
	buf_format(b, ",\"%sTimeLocal\":", what);
	buf_iso(b, time - 7 * 3600, end);
}

static void write_batch(struct buf *b, int64_t id, int64_t settled)
{
	buf_format(b, "{\"batchId\":\"%lld\",", (long long)id);
	write_times(b, "settlement", settled, "");
	buf_text(b, ",\"settlementState\":\"settledSuccessfully\","
		    "\"paymentMethod\":\"creditCard\"}");
}

static void write_order(struct buf *b, sqlite3_stmt *s, const char *amount)
{
	if (*db_text(s, INVOICE) || *db_text(s, TEXT)) {
		buf_text(b, ",\"order\":{\"invoiceNumber\":");
		buf_json(b, db_text(s, INVOICE));
		member(b, "description", db_text(s, TEXT));
		buf_text(b, "}");
	}
	buf_format(b,
	    ",\"authAmount\":%s,\"settleAmount\":%s,\"taxExempt\":false,"
	    "\"payment\":{\"creditCard\":{\"cardNumber\":\"XXXX1111\","
	    "\"expirationDate\":\"XXXX\",\"cardType\":\"Visa\"}}",
	    amount,
	    strcmp(db_text(s, STATE_OF), "declined") == 0 ? "0.00" : amount);
	if (*db_text(s, CUSTOMER)) {
		buf_text(b, ",\"customer\":{\"type\":\"individual\",\"id\":");
		buf_json(b, db_text(s, CUSTOMER));
		if (*db_text(s, EMAIL))
			member(b, "email", db_text(s, EMAIL));
		buf_text(b, "}");
	}
}

static void write_details(struct exchange *x, sqlite3_stmt *s)
{
	struct buf *b = &x->reply;
	int response = sqlite3_column_int(s, RESPONSE);
	char state[64], amount[40];
	struct fault f;

	snprintf(state, sizeof(state), "%s", db_text(s, STATE_OF));
	snprintf(amount, sizeof(amount), "%s", db_text(s, VALUE));
	gateway_twist(x, STATE, state, sizeof(state));
	gateway_twist(x, AMOUNT, amount, sizeof(amount));
	if (gateway_fault(x, RESPONSE_CODE, &f))
		response = (int)f.value;
	buf_format(b, "\"transaction\":{\"transId\":\"%s\"", db_text(s, ID));
	if (*db_text(s, ORIGINAL))
		member(b, "refTransId", db_text(s, ORIGINAL));
	buf_text(b, ",");
	write_times(b, "submit", sqlite3_column_int64(s, MADE), ".120");
	member(b, "transactionType", db_text(s, TYPE));
	member(b, "transactionStatus", state);
	buf_format(b,
	    ",\"responseCode\":%d,\"responseReasonCode\":%d,"
	    "\"responseReasonDescription\":\"%s\",\"authCode\":\"%s\","
	    "\"AVSResponse\":\"Y\"",
	    response, response == 4 ? 252 : response,
	    response == 1   ? "Approval"
	    : response == 4 ? "Held for review"
			    : "Decline",
	    response == 2 ? "" : "ABC123");
	if (*db_text(s, SETTLED)) {
		buf_text(b, ",\"batch\":");
		write_batch(b, sqlite3_column_int64(s, BATCH),
		    sqlite3_column_int64(s, SETTLED));
	}
	write_order(b, s, amount);
	buf_text(b, ",\"recurringBilling\":false,\"product\":\"Card Not"
		    " Present\",\"marketType\":\"eCommerce\"},");
	if (*db_text(s, REF)) {
		buf_text(b, "\"transrefId\":");
		buf_json(b, db_text(s, REF));
		buf_text(b, ",");
	}
}

void anet_details(struct exchange *x, struct json_object *body)
{
	struct json_object *value = NULL;
	sqlite3 *db = db_take();
	sqlite3_stmt *s;
	bool found;

	json_object_object_get_ex(body, "transId", &value);
	s = db_bind(db, SELECT_TRANSACTION "t.id = ?", "i",
	    json_object_get_int64(value));
	found = sqlite3_step(s) == SQLITE_ROW;
	if (found)
		write_details(x, s);
	anet_messages(x, found ? "I00001" : "E00040", NULL);
	sqlite3_finalize(s);
	db_give(db);
}

static void write_summary(struct exchange *x, sqlite3_stmt *s)
{
	struct buf *b = &x->reply;
	char state[64], amount[40];

	snprintf(state, sizeof(state), "%s", db_text(s, STATE_OF));
	snprintf(amount, sizeof(amount), "%s", db_text(s, VALUE));
	gateway_twist(x, STATE, state, sizeof(state));
	gateway_twist(x, AMOUNT, amount, sizeof(amount));
	buf_format(b, "{\"transId\":\"%s\",", db_text(s, ID));
	write_times(b, "submit", sqlite3_column_int64(s, MADE), "");
	member(b, "transactionStatus", state);
	if (*db_text(s, INVOICE))
		member(b, "invoiceNumber", db_text(s, INVOICE));
	buf_format(b,
	    ",\"firstName\":\"Ana <b>\",\"lastName\":\"O'Payer\","
	    "\"accountType\":\"Visa\",\"accountNumber\":\"XXXX1111\","
	    "\"settleAmount\":%s,\"marketType\":\"eCommerce\",\"product\":"
	    "\"Card Not Present\"}",
	    amount);
}

struct page {
	int64_t limit, offset;
	const char *order;
};

/* offset counts pages, from 1. */
static bool read_page(
    struct exchange *x, struct json_object *body, struct page *p)
{
	struct json_object *page = member_of(body, "paging", json_type_object);
	struct json_object *sort = member_of(body, "sorting", json_type_object);
	struct json_object *value;
	bool down = true;

	*p = (struct page){1000, 1, NULL};
	if (page) {
		json_object_object_get_ex(page, "limit", &value);
		p->limit = json_object_get_int64(value);
		json_object_object_get_ex(page, "offset", &value);
		p->offset = json_object_get_int64(value);
	}
	if (p->limit < 1 || p->limit > 1000 || p->offset < 1 ||
	    p->offset > 100000) {
		anet_messages(x, "E00003",
		    "The paging element is invalid according to its datatype.");
		return false;
	}
	if (sort) {
		json_object_object_get_ex(sort, "orderDescending", &value);
		down = strcmp(json_object_get_string(value), "true") == 0;
	}
	p->order = down ? "DESC" : "ASC";
	return true;
}

static void write_list(
    struct exchange *x, const char *where, int64_t batch, const struct page *p)
{
	sqlite3 *db = db_take();
	struct buf q = {0};
	sqlite3_stmt *s;
	int64_t all;
	size_t n = 0;

	buf_format(&q,
	    "SELECT count(*) FROM an_transactions t WHERE t.test = 0 AND %s",
	    where);
	all = db_int(db, q.text, batch, 0);
	q.length = 0;
	buf_format(&q,
	    SELECT_TRANSACTION "%s ORDER BY t.id %s LIMIT ?2 OFFSET ?3", where,
	    p->order);
	s = db_bind(
	    db, q.text, "iii", batch, p->limit, (p->offset - 1) * p->limit);
	while (sqlite3_step(s) == SQLITE_ROW) {
		buf_text(&x->reply, n++ ? "," : "\"transactions\":[");
		write_summary(x, s);
	}
	if (n)
		buf_format(&x->reply, "],\"totalNumInResultSet\":%lld,",
		    (long long)all);
	anet_messages(x, n ? "I00001" : "I00004", NULL);
	sqlite3_finalize(s);
	buf_free(&q);
	db_give(db);
}

void anet_unsettled(struct exchange *x, struct json_object *body)
{
	const char *status = text_of(body, "status");
	struct page p;

	if (status && strcmp(status, "any") != 0 &&
	    strcmp(status, "pendingApproval") != 0)
		anet_messages(x, "E00003",
		    "The status element is invalid according to its datatype.");
	else if (read_page(x, body, &p))
		write_list(x,
		    status && strcmp(status, "pendingApproval") == 0
			? "t.batch IS NULL AND t.status = 'FDSPendingReview'"
			: "t.batch IS NULL",
		    0, &p);
}

void anet_batch(struct exchange *x, struct json_object *body)
{
	struct json_object *value = NULL;
	struct page p;

	json_object_object_get_ex(body, "batchId", &value);
	if (read_page(x, body, &p))
		write_list(x, "t.batch = ?1", json_object_get_int64(value), &p);
}

static bool read_date(struct json_object *body, const char *name, int64_t *time)
{
	const char *text = text_of(body, name), *dot;
	char whole[40];

	if (!text)
		return true;
	snprintf(whole, sizeof(whole), "%s", text);
	dot = strchr(text, '.');
	if (dot) /* parts of a second */
		snprintf(whole + (dot - text), 2, "%s",
		    text[strlen(text) - 1] == 'Z' ? "Z" : "");
	return time_parse(whole, NULL, time);
}

/* Without dates: the last day. A guess: the error of too long a time. */
void anet_batches(struct exchange *x, struct json_object *body)
{
	int64_t to = clock_now(), from = to - DAY;
	sqlite3_stmt *s;
	sqlite3 *db;
	size_t n = 0;

	if (!read_date(body, "lastSettlementDate", &to) ||
	    !read_date(body, "firstSettlementDate", &from) || from > to ||
	    to - from > 31 * DAY) {
		anet_messages(x, "E00013", "The date range is invalid.");
		return;
	}
	db = db_take();
	s = db_bind(db,
	    "SELECT id, settled FROM an_batches WHERE settled BETWEEN ? AND ?"
	    " ORDER BY id DESC",
	    "ii", from, to);
	while (sqlite3_step(s) == SQLITE_ROW) {
		buf_text(&x->reply, n++ ? "," : "\"batchList\":[");
		write_batch(&x->reply, sqlite3_column_int64(s, 0),
		    sqlite3_column_int64(s, 1));
	}
	buf_text(&x->reply, n ? "]," : "");
	anet_messages(x, n ? "I00001" : "I00004", NULL);
	sqlite3_finalize(s);
	db_give(db);
}
