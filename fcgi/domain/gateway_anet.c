/* gateway_anet.c: Authorize.Net: Accept Hosted.
 * https://developer.authorize.net/api/reference/
 *
 * The card is typed on a page of Authorize.Net's and charged without a call of
 * ours; the browser comes back without a result. So what was paid is found by
 * going through the transactions, which carry our reference as invoice number.
 *
 * The order of members is part of the contract (the JSON is turned into XML and
 * checked against the schema), and each answer begins with a byte order mark.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/gateway_wire.h"
#include "domain/payment.h"
#include "tools/crypto.h"
#include "tools/req.h"

enum {
	DEPTH = 32,
	PAGE = 1000,
	PAGES_MOST = 20,
	MERCHANT_KEPT = 3600,
	TITLE_MOST = 200,
	SIGNATURE = 128
};

static bool is_live(const struct brand *b)
{
	return !strcmp(b->conf->authorizenet.environment, "live");
}

static bool is_set(const struct brand *b)
{
	return b->conf->authorizenet.api_login_id[0] && b->conf->public_uri[0];
}

static const char *environment(const struct brand *b)
{
	return b->conf->authorizenet.environment;
}

static const char *api(const struct brand *b)
{
	if (b->conf->authorizenet.uri[0])
		return b->conf->authorizenet.uri;
	return is_live(b) ? "https://api.authorize.net/xml/v1/request.api"
			  : "https://apitest.authorize.net/xml/v1/request.api";
}

static const char *web(struct gateway_desk *d)
{
	const struct brand *b = d->brand;

	if (b->conf->authorizenet.hosted_uri[0])
		return b->conf->authorizenet.hosted_uri;
	return is_live(b) ? "https://accept.authorize.net/payment/payment"
			  : "https://test.authorize.net/payment/payment";
}

/* --- Calls ---------------------------------------------------------------- */

struct ask {
	struct json_object *root, *in; /* the body, and the member in it */
};

static struct ask open_ask(struct gateway_desk *d, const char *name)
{
	const struct conf *c = d->brand->conf;
	struct ask a = {.root = json_new(d->mem)};
	struct json_object *auth;

	a.in = json_put_object(a.root, name);
	auth = json_put_object(a.in, "merchantAuthentication");
	json_put_text(auth, "name", c->authorizenet.api_login_id);
	json_put_text(
	    auth, "transactionKey", c->authorizenet.api_transaction_key);
	return a;
}

static const char *find_code(struct json_object *o)
{
	const char *code = json_find_text(
	    json_at(json_find(json_find(o, "messages"), "message"), 0), "code");

	return code ? code : "";
}

static bool is_one_of(const char *code, const char *list)
{
	return *code && strstr(list, code);
}

/* What a refusal means: of the request, of the settings, or for now only. */
static enum err read_refusal(struct json_object *o)
{
	const char *code = find_code(o);
	const char *text = json_find_text(
	    json_at(json_find(json_find(o, "messages"), "message"), 0), "text");

	log_warn("payment.anet", "%s: %s", code, text ? text : "no reason");
	if (is_one_of(code, "E00040")) /* no such record */
		return ERR_NOT_FOUND;
	if (is_one_of(code, "E00005 E00006 E00007 E00008 E00010 E00011")) {
		log_error("payment.anet",
		    "Authorize.Net refuses authorizenet.apiLoginId and "
		    "apiTransactionKey");
		return ERR_INTERNAL;
	}
	if (is_one_of(code, "E00002 E00003 E00013 E00015 E00045"))
		return ERR_INTERNAL;
	return ERR_UPSTREAM;
}

/* ERR_OK: resultCode Ok. HTTP 200 alone says nothing. */
static enum err ask(
    struct gateway_desk *d, const struct ask *a, struct json_object **out)
{
	static const char *const headers[] = {
	    "Content-Type: application/json", NULL};
	struct gateway_answer answer;
	const char *body = json_write(d->mem, a->root, NULL);
	enum err err = gateway_ask(
	    d, BACKEND_ANET, api(d->brand), headers, body, NULL, &answer);
	const char *result;

	*out = answer.json;
	if (err || answer.status != 200 || !answer.json) {
		log_warn("payment.anet", "status %ld: %s", answer.status,
		    answer.trouble ? answer.trouble : "no JSON");
		return err ? err : ERR_UPSTREAM;
	}
	result =
	    json_find_text(json_find(answer.json, "messages"), "resultCode");
	if (result && !strcmp(result, "Ok"))
		return ERR_OK;
	return result ? read_refusal(answer.json) : ERR_UPSTREAM;
}

/* --- The merchant --------------------------------------------------------- */

/* Which currencies the account takes; asked once an hour. */
static enum err know_merchant(struct gateway_desk *d)
{
	struct gateway_kept *k = d->brand->gateways;
	struct ask a = open_ask(d, "getMerchantDetailsRequest");
	struct json_object *o, *list, *test;
	struct buf known;
	enum err err;

	if (k->anet_currencies[0] && d->now - k->anet_asked < MERCHANT_KEPT)
		return ERR_OK;
	err = ask(d, &a, &o);
	if (err)
		return err;
	test = json_find(o, "isTestMode");
	k->anet_test_mode = json_flag(test);
	list = json_find(o, "currencies");
	if (json_is(list, JSON_OBJECT))
		list = json_find(list, "currency");
	buf_open(&known, d->mem, sizeof(k->anet_currencies));
	buf_add_char(&known, ',');
	for (size_t i = 0; i < json_length(list); i++) {
		const char *code = json_text(json_at(list, i), NULL);

		if (code && strlen(code) == 3 &&
		    known.len + 5 < sizeof(k->anet_currencies))
			buf_print(&known, "%s,", code);
	}
	memcpy(k->anet_currencies, known.data, known.len + 1);
	k->anet_asked = d->now;
	return ERR_OK;
}

/* An account in test mode takes no money, so that a live portal would give it
 * away. A merchant who cannot be asked is no reason to refuse: the hosted page
 * will. */
static const char *check(
    struct gateway_desk *d, struct money amount, const char *currency)
{
	const struct gateway_kept *k = d->brand->gateways;
	const char *text;

	if (!gateway_amount(d->mem, amount, gateway_digits(currency), &text))
		return "refill.no_decimals";
	if (know_merchant(d) != ERR_OK)
		return NULL;
	if (k->anet_test_mode && is_live(d->brand)) {
		log_error("payment.anet",
		    "the account is in test mode, the portal is not");
		return "refill.refused";
	}
	return strstr(k->anet_currencies, mem_print(d->mem, ",%s,", currency))
		   ? NULL
		   : "refill.no_currency";
}

/* Without asking: pages are drawn with it. */
static bool takes(const struct brand *b, const char *currency)
{
	const char *known = b->gateways->anet_currencies;
	char wanted[8];

	snprintf(wanted, sizeof(wanted), ",%.3s,", currency);
	return !known[0] || strstr(known, wanted);
}

/* --- Beginning: a token for the hosted page ------------------------------- */

static void put_setting(
    struct json_object *list, const char *name, struct json_object *value)
{
	struct json_object *o = json_put_object(list, NULL);

	json_put_text(o, "settingName", name);
	/* JSON within a text. */
	json_put_text(
	    o, "settingValue", json_write(json_pool(list), value, NULL));
}

static const char *cut_title(struct gateway_desk *d)
{
	const char *title = d->brand->conf->title;
	size_t len = strlen(title) < TITLE_MOST ? strlen(title) : TITLE_MOST;

	while (len && ((unsigned char)title[len] & 0xc0) == 0x80)
		len--;
	return mem_text_n(d->mem, title, len);
}

static void put_settings(
    struct gateway_desk *d, const struct payment *p, struct json_object *in)
{
	struct json_object *list = json_put_list(
	    json_put_object(in, "hostedPaymentSettings"), "setting");
	struct json_object *o = json_new(d->mem);

	json_put_flag(o, "showReceipt", false);
	json_put_text(
	    o, "url", gateway_way_back(d, &gateway_anet, p, "return"));
	json_put_text(o, "urlText", "Continue");
	json_put_text(
	    o, "cancelUrl", gateway_way_back(d, &gateway_anet, p, "cancel"));
	json_put_text(o, "cancelUrlText", "Cancel");
	put_setting(list, "hostedPaymentReturnOptions", o);
	o = json_new(d->mem);
	json_put_flag(o, "show", true);
	json_put_text(o, "merchantName", cut_title(d));
	put_setting(list, "hostedPaymentOrderOptions", o);
	o = json_new(d->mem);
	json_put_flag(o, "cardCodeRequired", true);
	json_put_flag(o, "showCreditCard", true);
	json_put_flag(o, "showBankAccount", false);
	put_setting(list, "hostedPaymentPaymentOptions", o);
}

static void put_transaction(
    struct gateway_desk *d, const struct payment *p, struct json_object *in)
{
	struct json_object *o = json_put_object(in, "transactionRequest");
	struct json_object *order, *customer, *setting;
	const char *amount = "";

	gateway_amount(d->mem, p->amount,
	    gateway_digits(p->currency) > 2 ? gateway_digits(p->currency) : 2,
	    &amount);
	json_put_text(o, "transactionType", "authCaptureTransaction");
	json_put_text(o, "amount", amount);
	json_put_text(o, "currencyCode", p->currency);
	order = json_put_object(o, "order");
	json_put_text(order, "invoiceNumber", p->id);
	json_put_text(order, "description", "Balance refill");
	customer = json_put_object(o, "customer");
	json_put_text(customer, "type", "individual");
	json_put_text(customer, "id", mem_print(d->mem, "%" PRId64, p->client));
	setting = json_put_object(
	    json_put_list(json_put_object(o, "transactionSettings"), "setting"),
	    NULL);
	json_put_text(setting, "settingName", "duplicateWindow");
	json_put_text(setting, "settingValue", "600");
}

static enum err begin(
    struct gateway_desk *d, const struct payment *p, struct gateway_facts *f)
{
	struct ask a = open_ask(d, "getHostedPaymentPageRequest");
	struct json_object *o;
	enum err err;

	json_put_text(a.in, "refId", p->id);
	put_transaction(d, p, a.in);
	put_settings(d, p, a.in);
	err = ask(d, &a, &o);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_UPSTREAM : err;
	f->order = p->id;
	f->way = json_find_text(o, "token");
	return f->way && *f->way ? ERR_OK : ERR_UPSTREAM;
}

/* --- One transaction ------------------------------------------------------ */

static const struct {
	const char *status;
	enum gateway_money_state state;
	const char *undone; /* the kind of what took it back, or NULL */
} statuses[] = {
    {"capturedPendingSettlement", MONEY_PAID, NULL},
    {"settledSuccessfully", MONEY_PAID, NULL},
    {"pendingSettlement", MONEY_PAID, NULL},
    {"pendingFinalSettlement", MONEY_PAID, NULL},
    {"updatingSettlement", MONEY_PAID, NULL},
    {"FDSPendingReview", MONEY_PENDING, NULL},
    {"FDSAuthorizedPendingReview", MONEY_PENDING, NULL},
    {"underReview", MONEY_PENDING, NULL},
    {"authorizedPendingCapture", MONEY_PENDING, NULL},
    {"authorizedPendingRelease", MONEY_PENDING, NULL},
    {"approvedReview", MONEY_PENDING, NULL},
    {"declined", MONEY_FAILED, NULL},
    {"expired", MONEY_FAILED, NULL},
    {"generalError", MONEY_FAILED, NULL},
    {"failedReview", MONEY_FAILED, NULL},
    {"communicationError", MONEY_FAILED, NULL},
    {"couldNotVoid", MONEY_FAILED, NULL},
    {"settlementError", MONEY_FAILED, "err"},
    {"voided", MONEY_FAILED, "void"},
    {"returnedItem", MONEY_FAILED, "cb"},
    {"chargeback", MONEY_FAILED, "cb"},
    {"chargebackReversal", MONEY_PAID, "cbr"},
};

enum { N_STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

static bool is_trans_id(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len && len <= 20 && !text[len] && strcmp(text, "0") != 0;
}

static enum err ask_details(
    struct gateway_desk *d, const char *id, struct json_object **out)
{
	struct ask a = open_ask(d, "getTransactionDetailsRequest");
	struct json_object *o;
	enum err err;

	if (!is_trans_id(id))
		return ERR_NOT_FOUND;
	json_put_text(a.in, "transId", id);
	err = ask(d, &a, &o);
	*out = err ? NULL : json_find(o, "transaction");
	return err ? err : *out ? ERR_OK : ERR_UPSTREAM;
}

static const char *invoice_of(struct json_object *t)
{
	return json_find_text(json_find(t, "order"), "invoiceNumber");
}

static const char *find_mismatch(const struct payment *p, struct json_object *t,
    const struct gateway_money *m)
{
	const char *customer = json_find_text(json_find(t, "customer"), "id");
	char client[24];

	snprintf(client, sizeof(client), "%" PRId64, p->client);
	if (customer && strcmp(customer, client) != 0)
		return "it names another customer";
	if (strcmp(m->currency, p->currency) != 0)
		return "it is in another currency";
	if (money_compare(m->amount, p->amount) != 0)
		return "it is another amount";
	return NULL;
}

static void add_undoing(
    struct gateway_facts *f, const struct gateway_money *m, const char *kind)
{
	f->refunds[f->n_refunds++] =
	    (struct gateway_refund){.id = m->id, .of = m->id, .kind = kind};
}

/* A refund is a transaction of its own. */
static void read_refund(struct json_object *t, struct gateway_facts *f)
{
	const char *status = json_find_text(t, "transactionStatus");
	const char *amount = json_find_text(t, "settleAmount");
	struct gateway_refund r = {.id = json_find_text(t, "transId"),
	    .of = json_find_text(t, "refTransId"),
	    .kind = "ref"};

	if (!amount)
		amount = json_find_text(t, "authAmount");
	if (!status || strncmp(status, "refund", 6) != 0 ||
	    f->n_refunds == GATEWAY_MOST || !r.id)
		return;
	if (!r.of || !amount || !money_parse(amount, &r.amount) ||
	    money_sign(r.amount) <= 0) {
		f->odd = "a refund that cannot be read";
		return;
	}
	f->refunds[f->n_refunds++] = r;
}

static int find_status(const char *status)
{
	for (int i = 0; status && i < N_STATUSES; i++)
		if (!strcmp(statuses[i].status, status))
			return i;
	return -1;
}

/* Only responseCode 1 is money. */
static bool is_approved(struct json_object *t)
{
	const char *code = json_find_text(t, "responseCode");
	const char *test = json_find_text(t, "testRequest");
	bool testing =
	    json_is(json_find(t, "testRequest"), JSON_FLAG)
		? json_flag(json_find(t, "testRequest"))
		: test && (!strcmp(test, "1") || !strcmp(test, "true"));

	return code && !strcmp(code, "1") && !testing;
}

static void read_payment(struct gateway_desk *d, const struct payment *p,
    struct json_object *t, struct gateway_facts *f)
{
	const char *status = json_find_text(t, "transactionStatus");
	const char *amount = json_find_text(t, "settleAmount");
	const char *currency = json_find_text(t, "currencyCode");
	int at = find_status(status);
	struct gateway_money *m = &f->money[f->n_money];

	if (f->n_money == GATEWAY_MOST || f->n_refunds == GATEWAY_MOST)
		f->odd = "more transactions than anybody makes";
	else if (at < 0)
		f->odd = mem_print(d->mem, "a transaction of status %.40s",
		    status ? status : "?");
	if (f->odd)
		return;
	if (!amount)
		amount = json_find_text(t, "authAmount");
	/* The account has one currency, and does not always say it. */
	*m = (struct gateway_money){.id = json_find_text(t, "transId"),
	    .state = statuses[at].state,
	    .currency = currency ? currency : p->currency,
	    .status = status};
	if (!m->id || !amount || !money_parse(amount, &m->amount)) {
		f->odd = "a transaction that cannot be read";
		return;
	}
	if (m->state == MONEY_PAID && !is_approved(t))
		m->state = MONEY_FAILED;
	m->mismatch = find_mismatch(p, t, m);
	if (statuses[at].undone)
		add_undoing(f, m, statuses[at].undone);
	/* The money of a chargeback that was lost and won stays a receipt. */
	f->n_money++;
}

/* A webhook may have named a transaction that is another payment's. */
static bool is_of(struct json_object *t, const struct payment *p)
{
	const char *invoice = invoice_of(t);

	return invoice && !strcmp(invoice, p->id);
}

static enum err read_transaction(struct gateway_desk *d,
    const struct payment *p, const char *id, struct gateway_facts *f)
{
	struct json_object *t;
	const char *type, *own;
	enum err err = ask_details(d, id, &t);

	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	own = json_find_text(t, "transId");
	if (!own || strcmp(own, id) != 0) {
		f->odd = "the answer is another transaction's";
		return ERR_OK;
	}
	type = json_find_text(t, "transactionType");
	if (type && !strcmp(type, "refundTransaction"))
		read_refund(t, f);
	else if (!is_of(t, p))
		f->stray = mem_print(d->mem,
		    "a webhook names %s, which is another payment's", id);
	else
		read_payment(d, p, t, f);
	return ERR_OK;
}

/* --- Lists of transactions ------------------------------------------------ */

typedef bool (*see_row)(void *ctx, struct json_object *row);

/* Page by page, the newest first. */
static enum err read_list(struct gateway_desk *d, const char *name,
    const char *batch, see_row see, void *ctx)
{
	struct json_object *o, *rows, *sorting, *paging;
	enum err err = ERR_OK;

	for (int page = 1; !err && page <= PAGES_MOST; page++) {
		struct ask a = open_ask(d, name);

		if (batch)
			json_put_text(a.in, "batchId", batch);
		sorting = json_put_object(a.in, "sorting");
		json_put_text(sorting, "orderBy", "submitTimeUTC");
		json_put_flag(sorting, "orderDescending", true);
		paging = json_put_object(a.in, "paging");
		json_put_int(paging, "limit", PAGE);
		json_put_int(paging, "offset", page);
		err = ask(d, &a, &o);
		if (err)
			return err == ERR_NOT_FOUND ? ERR_OK : err;
		rows = json_find(o, "transactions");
		if (json_is(rows, JSON_OBJECT))
			rows = json_find(rows, "transaction");
		for (size_t i = 0; i < json_length(rows); i++)
			if (!see(ctx, json_at(rows, i)))
				return ERR_OK;
		if (json_length(rows) < PAGE)
			return ERR_OK;
	}
	return err;
}

static const char *make_time(struct mem *m, int64_t when)
{
	char text[32];
	time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return mem_text(m, text);
}

static enum err read_batches(
    struct gateway_desk *d, int64_t since, see_row see, void *ctx)
{
	struct ask a = open_ask(d, "getSettledBatchListRequest");
	struct json_object *o, *list;
	const char *id;
	enum err err;

	json_put_flag(a.in, "includeStatistics", false);
	json_put_text(a.in, "firstSettlementDate", make_time(d->mem, since));
	json_put_text(a.in, "lastSettlementDate", make_time(d->mem, d->now));
	err = ask(d, &a, &o);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	list = json_find(o, "batchList");
	if (json_is(list, JSON_OBJECT))
		list = json_find(list, "batch");
	for (size_t i = 0; !err && i < json_length(list); i++) {
		id = json_find_text(json_at(list, i), "batchId");
		if (id)
			err = read_list(
			    d, "getTransactionListRequest", id, see, ctx);
	}
	return err;
}

/* The ids of a payment's transactions. */
struct found {
	struct gateway_desk *desk;
	const char *invoice;
	const char *ids[GATEWAY_MOST];
	size_t n;
};

static void add_id(struct found *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->ids[i], id))
			return;
	if (f->n < GATEWAY_MOST)
		f->ids[f->n++] = mem_text(f->desk->mem, id);
}

static bool see_invoice(void *ctx, struct json_object *row)
{
	struct found *f = ctx;
	const char *invoice = json_find_text(row, "invoiceNumber");
	const char *id = json_find_text(row, "transId");

	if (invoice && id && !strcmp(invoice, f->invoice))
		add_id(f, id);
	return true;
}

/* Batches hold what is older than the last settlement, some hours ago at
 * least; they are gone through when nothing younger is there. */
static enum err find_all(
    struct gateway_desk *d, const struct payment *p, struct found *f)
{
	enum { YOUNG = 12 * 3600, DAY = 86400 };
	enum err err = read_list(
	    d, "getUnsettledTransactionListRequest", NULL, see_invoice, f);

	if (!err && !f->n && d->now - p->created > YOUNG)
		err = read_batches(d, p->created - DAY, see_invoice, f);
	return err;
}

/* --- Looking -------------------------------------------------------------- */

static enum gateway_state state_of(
    const struct payment *p, const struct gateway_facts *f)
{
	/* A card that was declined may be followed by another one, as long as
	 * the form is open. */
	for (size_t i = 0; i < f->n_money; i++)
		if (f->money[i].state != MONEY_FAILED)
			return GATEWAY_MONEY;
	/* What was undone before it was ours is no more than declined. */
	return f->n_refunds && p->money ? GATEWAY_MONEY : GATEWAY_OPEN;
}

static enum err look(struct gateway_desk *d, const struct payment *p,
    const char *hint, struct gateway_facts *f)
{
	struct found found = {.desk = d, .invoice = p->id};
	enum err err = ERR_OK;

	if (p->money)
		add_id(&found, p->money);
	if (hint && is_trans_id(hint))
		add_id(&found, hint);
	if (!found.n || !hint)
		err = find_all(d, p, &found);
	for (size_t i = 0; !err && !f->odd && i < found.n; i++)
		err = read_transaction(d, p, found.ids[i], f);
	f->state = state_of(p, f);
	if (p->state == PAY_PENDING && f->state == GATEWAY_OPEN && f->n_money) {
		f->state = GATEWAY_FAILED; /* the review said no */
		f->trouble = f->money[0].status;
	}
	return err;
}

/* By the invoice number of a transaction, or of the one that it undoes. */
static const char *find(struct gateway_desk *d, const char *money)
{
	struct json_object *t;
	const char *of;

	if (ask_details(d, money, &t) != ERR_OK)
		return NULL;
	of = json_find_text(t, "refTransId");
	if (of && is_trans_id(of) && ask_details(d, of, &t) != ERR_OK)
		return NULL;
	return invoice_of(t);
}

/* --- Sweeping ------------------------------------------------------------- */

struct sweep {
	gateway_see see;
	void *ctx;
};

static bool see_swept(void *ctx, struct json_object *row)
{
	struct sweep *s = ctx;
	const char *id = json_find_text(row, "transId");
	const char *status = json_find_text(row, "transactionStatus");

	/* Declined cards are no money, and there may be many. */
	if (id && (!status || strcmp(status, "declined") != 0))
		s->see(s->ctx, id, json_find_text(row, "invoiceNumber"),
		    status && !strncmp(status, "refund", 6));
	return true;
}

static enum err sweep(
    struct gateway_desk *d, int64_t since, gateway_see see, void *ctx)
{
	struct sweep s = {see, ctx};
	enum err err = read_list(
	    d, "getUnsettledTransactionListRequest", NULL, see_swept, &s);

	return err ? err : read_batches(d, since, see_swept, &s);
}

/* --- Webhooks ------------------------------------------------------------- */

static enum err reread(
    struct gateway_desk *d, const char *body, struct gateway_event *e)
{
	struct json_object *o = json_parse(d->mem, body, strlen(body), DEPTH);
	struct json_object *payload = json_find(o, "payload");

	e->id = json_find_text(o, "notificationId");
	e->kind = json_find_text(o, "eventType");
	if (!e->id || !e->kind || strlen(e->id) > 128 ||
	    strlen(e->kind) > 128) {
		e->why = "not an event";
		return ERR_INPUT;
	}
	e->money = json_find_text(payload, "id");
	e->payment = json_find_text(payload, "invoiceNumber");
	if (!e->payment)
		e->payment = json_find_text(payload, "merchantReferenceId");
	return ERR_OK;
}

/* The key is the 128 characters as text, not the bytes that they spell: what
 * was seen in all published examples (transHashSha2 is the other way). */
static enum err hear(
    struct gateway_desk *d, const struct req *r, struct gateway_event *e)
{
	static const char prefix[] = "sha512=";
	const char *given = gateway_header(r, "HTTP_X_ANET_SIGNATURE");
	const char *key = d->brand->conf->authorizenet.api_signature_key;
	unsigned char wanted[CRYPTO_SHA512], got[CRYPTO_SHA512];

	if (!given || strncmp(given, prefix, sizeof(prefix) - 1) != 0 ||
	    !crypto_unhex(given + sizeof(prefix) - 1, got, sizeof(got)) ||
	    strlen(key) != SIGNATURE) {
		e->why = "it has no signature";
		return ERR_LOGIN;
	}
	crypto_hmac_sha512(key, strlen(key), r->body, r->body_len, wanted);
	if (!crypto_equal(wanted, got, sizeof(got))) {
		e->why = "its signature is wrong";
		return ERR_LOGIN;
	}
	return reread(d, r->body, e);
}

const struct gateway gateway_anet = {
    .id = "authorizenet",
    .name = "Authorize.Net",
    .prefix = "an",
    .money = "txn",
    .posts = true,
    .is_set = is_set,
    .environment = environment,
    .web = web,
    .takes = takes,
    .check = check,
    .begin = begin,
    .look = look,
    .hear = hear,
    .reread = reread,
    .find = find,
    .sweep = sweep,
};
