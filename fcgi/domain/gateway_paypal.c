/* gateway_paypal.c: PayPal: Orders v2, Payments v2.
 * https://developer.paypal.com/docs/api/orders/v2/
 *
 * An answer of 429, 5xx or none at all says nothing of what happened: the same
 * request goes out again, later, under the same PayPal-Request-Id.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/gateway_paypal.h"
#include "domain/gateway_wire.h"
#include "domain/payment.h"
#include "tools/crypto.h"

enum { EARLY = 300 };

const char paypal_request_id[] = "PayPal-Request-Id";

static bool is_live(const struct brand *b)
{
	return !strcmp(b->conf->paypal.environment, "live");
}

static bool is_set(const struct brand *b)
{
	return b->conf->paypal.client_id[0] && b->conf->public_uri[0];
}

static const char *environment(const struct brand *b)
{
	return b->conf->paypal.environment;
}

static const char *api(const struct brand *b)
{
	if (b->conf->paypal.uri[0])
		return b->conf->paypal.uri;
	return is_live(b) ? "https://api-m.paypal.com"
			  : "https://api-m.sandbox.paypal.com";
}

static const char *web(struct gateway_desk *d)
{
	const struct brand *b = d->brand;

	if (b->conf->paypal.web_uri[0])
		return b->conf->paypal.web_uri;
	return is_live(b) ? "https://www.paypal.com"
			  : "https://www.sandbox.paypal.com";
}

/* --- The token ------------------------------------------------------------ */

static const char *make_url(struct gateway_desk *d, const char *path)
{
	const char *base = api(d->brand);
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	return mem_print(d->mem, "%.*s%s", (int)len, base, path);
}

static enum err refuse_token(const struct gateway_answer *a)
{
	if (a->status == 401 || a->status == 400) {
		log_error("payment.paypal",
		    "PayPal refuses paypal.clientId and clientSecret");
		return ERR_INTERNAL;
	}
	log_warn("payment.paypal", "no token: status %ld", a->status);
	return ERR_UPSTREAM;
}

static enum err fetch_token(struct gateway_desk *d)
{
	const struct conf *c = d->brand->conf;
	struct gateway_kept *kept = d->brand->gateways;
	char *pair = mem_print(
	    d->mem, "%s:%s", c->paypal.client_id, c->paypal.client_secret);
	const char *headers[] = {mem_print(d->mem, "Authorization: Basic %s",
				     crypto_base64(d->mem, pair, strlen(pair))),
	    "Content-Type: application/x-www-form-urlencoded", NULL};
	struct gateway_answer a;
	const char *token;
	int64_t life;
	enum err err =
	    gateway_ask(d, BACKEND_PAYPAL, make_url(d, "/v1/oauth2/token"),
		headers, "grant_type=client_credentials", NULL, &a);

	if (err) {
		log_warn("payment.paypal", "no token: %s", a.trouble);
		return err;
	}
	token = json_find_text(a.json, "access_token");
	if (a.status != 200 || !token ||
	    strlen(token) >= sizeof(kept->paypal_token))
		return refuse_token(&a);
	if (!json_find_int(a.json, "expires_in", &life))
		life = 0;
	snprintf(kept->paypal_token, sizeof(kept->paypal_token), "%s", token);
	kept->paypal_until = d->now + life - EARLY;
	return ERR_OK;
}

/* --- Calls ---------------------------------------------------------------- */

static enum err ask_once(struct gateway_desk *d, const struct paypal_call *c,
    struct gateway_answer *out)
{
	struct gateway_kept *kept = d->brand->gateways;
	const char *headers[5];
	size_t n = 0;
	enum err err = ERR_OK;

	*out = (struct gateway_answer){0};
	if (!kept->paypal_token[0] || kept->paypal_until <= d->now)
		err = fetch_token(d);
	if (err)
		return err;
	headers[n++] =
	    mem_print(d->mem, "Authorization: Bearer %s", kept->paypal_token);
	if (c->body) {
		headers[n++] = "Content-Type: application/json";
		headers[n++] = "Prefer: return=representation";
	}
	if (c->request_id)
		headers[n++] = mem_print(
		    d->mem, "%s: %s", paypal_request_id, c->request_id);
	headers[n] = NULL;
	return gateway_ask(d, BACKEND_PAYPAL, make_url(d, c->path), headers,
	    c->body, NULL, out);
}

bool paypal_has_issue(const struct gateway_answer *a, const char *issue)
{
	struct json_object *details = json_find(a->json, "details");
	size_t len = strlen(issue);
	const char *text;

	for (size_t i = 0; i < json_length(details); i++) {
		text = json_find_text(json_at(details, i), "issue");
		if (text &&
		    (issue[len - 1] == '*' ? !strncmp(text, issue, len - 1)
					   : !strcmp(text, issue)))
			return true;
	}
	return false;
}

static const char *first_issue(const struct gateway_answer *a)
{
	const char *text =
	    json_find_text(json_at(json_find(a->json, "details"), 0), "issue");

	if (!text)
		text = json_find_text(a->json, "name");
	return text ? text : "no reason given";
}

static enum err classify(struct gateway_desk *d, const struct paypal_call *c,
    struct gateway_answer *a)
{
	const char *debug = json_find_text(a->json, "debug_id");

	if ((a->status == 200 || a->status == 201) && a->json)
		return ERR_OK;
	(void)d;
	log_warn("payment.paypal", "%s: status %ld, %s, debug id %s", c->path,
	    a->status, a->json ? first_issue(a) : "no JSON",
	    debug ? debug : "-");
	switch (a->status) {
	case 404:
		return a->json ? ERR_NOT_FOUND : ERR_UPSTREAM;
	case 422:
		return a->json ? ERR_RULE : ERR_UPSTREAM;
	case 400:
	case 401:
	case 403:
		/* Our mistake, or the settings': nothing of the payment's. */
		log_error("payment.paypal", "PayPal refuses our request");
		return ERR_INTERNAL;
	default:
		return ERR_UPSTREAM;
	}
}

enum err paypal_ask(struct gateway_desk *d, const struct paypal_call *c,
    struct gateway_answer *out)
{
	enum err err = ask_once(d, c, out);

	if (!err && out->status == 401) {
		d->brand->gateways->paypal_token[0] = '\0';
		err = ask_once(d, c, out);
	}
	if (err) {
		log_warn("payment.paypal", "%s: %s%s%s", c->path, err_code(err),
		    out->trouble ? ": " : "", out->trouble ? out->trouble : "");
		return err;
	}
	return classify(d, c, out);
}

/* --- What an order says --------------------------------------------------- */

static bool read_amount(
    struct json_object *o, struct money *amount, const char **currency)
{
	struct json_object *a = json_find(o, "amount");
	const char *value = json_find_text(a, "value");

	*currency = json_find_text(a, "currency_code");
	return value && *currency && money_parse(value, amount);
}

static const char *find_mismatch(const struct gateway_desk *d,
    const struct payment *p, struct json_object *unit,
    struct json_object *capture, const struct gateway_money *money)
{
	const char *merchant = d->brand->conf->paypal.merchant_id;
	const char *custom = json_find_text(capture, "custom_id");
	const char *payee =
	    json_find_text(json_find(unit, "payee"), "merchant_id");

	if (!custom)
		custom = json_find_text(unit, "custom_id");
	if (!custom || strcmp(custom, p->id) != 0)
		return "it names another payment";
	if (strcmp(money->currency, p->currency) != 0)
		return "it is in another currency";
	if (money_compare(money->amount, p->amount) != 0)
		return "it is another amount";
	if (payee && *merchant && strcmp(payee, merchant) != 0)
		return "another merchant has it";
	return NULL;
}

static const struct {
	const char *status;
	enum gateway_money_state state;
} capture_states[] = {
    {"COMPLETED", MONEY_PAID},
    {"PARTIALLY_REFUNDED", MONEY_PAID},
    {"REFUNDED", MONEY_PAID},
    {"REVERSED", MONEY_PAID},
    {"PENDING", MONEY_PENDING},
    {"DECLINED", MONEY_FAILED},
    {"FAILED", MONEY_FAILED},
};

static bool read_state(const char *status, enum gateway_money_state *state)
{
	for (size_t i = 0;
	     i < sizeof(capture_states) / sizeof(capture_states[0]); i++)
		if (status && !strcmp(capture_states[i].status, status)) {
			*state = capture_states[i].state;
			return true;
		}
	return false;
}

/* The capture's id of a refund: the last part of the way up to it. */
const char *paypal_find_up(struct json_object *o)
{
	struct json_object *links = json_find(o, "links");

	for (size_t i = 0; i < json_length(links); i++) {
		struct json_object *link = json_at(links, i);
		const char *rel = json_find_text(link, "rel");
		const char *href = json_find_text(link, "href");
		const char *slash = href ? strrchr(href, '/') : NULL;

		if (rel && !strcmp(rel, "up") && slash &&
		    strstr(href, "/captures/"))
			return slash + 1;
	}
	return NULL;
}

/* Taken from the merchant: a chargeback, a complaint. */
static bool is_forced(const struct gateway_money *m)
{
	return !strcmp(m->status, "REVERSED") ||
	       (m->reason && (!strcmp(m->reason, "CHARGEBACK") ||
				 !strcmp(m->reason, "BUYER_COMPLAINT")));
}

static void add_refund(
    struct gateway_facts *f, struct json_object *refund, const char *of)
{
	const char *id = json_find_text(refund, "id");
	const char *status = json_find_text(refund, "status");
	const char *up = paypal_find_up(refund);
	struct gateway_refund *r = &f->refunds[f->n_refunds];

	if (!id || !status || strcmp(status, "COMPLETED") != 0)
		return;
	if (f->n_refunds == GATEWAY_MOST) {
		f->odd = "more refunds than anybody makes";
		return;
	}
	*r = (struct gateway_refund){.id = id,
	    .of = up ? up : of,
	    .kind = "ref",
	    .forced = f->n_money && is_forced(&f->money[0])};
	if (read_amount(refund, &r->amount, &r->currency) &&
	    money_sign(r->amount) > 0)
		f->n_refunds++;
	else
		f->odd = "a refund without an amount";
}

static bool is_told(const struct gateway_facts *f, const char *id)
{
	for (size_t i = 0; i < f->n_money; i++)
		if (!strcmp(f->money[i].id, id))
			return true;
	for (size_t i = 0; i < f->n_refunds; i++)
		if (!strcmp(f->refunds[i].id, id))
			return true;
	return false;
}

/* An id for a path: nothing else comes into an address. */
static bool is_id(const char *text)
{
	size_t len = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len && len <= 36 && !text[len];
}

/* A refund that the order does not list (yet). A webhook of something else, or
 * of nothing, is forged or of another payment. */
static enum err ask_refund(
    struct gateway_desk *d, const char *hint, struct gateway_facts *f)
{
	struct paypal_call c = {
	    .path = mem_print(d->mem, "/v2/payments/refunds/%s", hint)};
	struct gateway_answer a;
	const char *up;
	enum err err = paypal_ask(d, &c, &a);

	if (err && err != ERR_NOT_FOUND && err != ERR_RULE)
		return err;
	up = err ? NULL : paypal_find_up(a.json);
	if (up && f->n_money && !strcmp(up, f->money[0].id))
		add_refund(f, a.json, up);
	else
		f->stray = mem_print(d->mem,
		    "a webhook names %s, which PayPal has not here", hint);
	return ERR_OK;
}

static void read_capture(struct gateway_desk *d, const struct payment *p,
    struct json_object *unit, struct gateway_facts *f)
{
	struct json_object *payments = json_find(unit, "payments");
	struct json_object *captures = json_find(payments, "captures");
	struct json_object *capture = json_at(captures, 0);
	struct json_object *refunds = json_find(payments, "refunds");
	struct gateway_money *m = &f->money[0];

	m->id = json_find_text(capture, "id");
	m->status = json_find_text(capture, "status");
	m->reason =
	    json_find_text(json_find(capture, "status_details"), "reason");
	if (json_length(captures) != 1)
		f->odd = "several captures of one order";
	else if (!m->id || !is_id(m->id) ||
		 !read_amount(capture, &m->amount, &m->currency))
		f->odd = "a capture that cannot be read";
	else if (!read_state(m->status, &m->state))
		f->odd = mem_print(d->mem, "a capture of status %.40s",
		    m->status ? m->status : "?");
	if (f->odd)
		return;
	f->n_money = 1;
	f->state = m->state == MONEY_FAILED ? GATEWAY_FAILED : GATEWAY_MONEY;
	f->trouble = m->status;
	m->mismatch = find_mismatch(d, p, unit, capture, m);
	for (size_t i = 0; i < json_length(refunds); i++)
		add_refund(f, json_at(refunds, i), m->id);
}

static enum gateway_state order_state(const char *status)
{
	if (!strcmp(status, "APPROVED"))
		return GATEWAY_APPROVED;
	return !strcmp(status, "VOIDED") ? GATEWAY_FAILED : GATEWAY_OPEN;
}

/* `f` from an order; false: its captures are not told. */
static bool read_order(struct gateway_desk *d, const struct payment *p,
    struct json_object *order, struct gateway_facts *f)
{
	struct json_object *units = json_find(order, "purchase_units");
	struct json_object *unit = json_at(units, 0);
	const char *status = json_find_text(order, "status");
	const char *id = json_find_text(order, "id");

	if (!status || !id || !p->order || strcmp(id, p->order) != 0) {
		f->odd = "the answer is another order's";
		return true;
	}
	if (json_length(json_find(json_find(unit, "payments"), "captures"))) {
		if (json_length(units) != 1)
			f->odd = "an order of several parts";
		else
			read_capture(d, p, unit, f);
		return true;
	}
	f->state = order_state(status);
	return strcmp(status, "COMPLETED") != 0;
}

static enum err look(struct gateway_desk *d, const struct payment *p,
    const char *hint, struct gateway_facts *f)
{
	struct paypal_call c = {
	    .path = mem_print(d->mem, "/v2/checkout/orders/%s", p->order)};
	struct gateway_answer a;
	enum err err = paypal_ask(d, &c, &a);

	if (err == ERR_NOT_FOUND) {
		f->state = GATEWAY_GONE;
		return ERR_OK;
	}
	if (err)
		return err == ERR_RULE ? ERR_UPSTREAM : err;
	if (!read_order(d, p, a.json, f))
		f->odd = "a completed order without a capture";
	if (!f->odd && hint && is_id(hint) && strcmp(hint, p->order) != 0 &&
	    !is_told(f, hint))
		return ask_refund(d, hint, f);
	return ERR_OK;
}

/* --- Beginning ------------------------------------------------------------ */

static unsigned digits_of(const char *currency)
{
	/* PayPal takes no decimals of these, whatever ISO 4217 says. */
	return strstr("HUF JPY TWD", currency) ? 0 : 2;
}

static struct json_object *make_unit(
    struct gateway_desk *d, const struct payment *p)
{
	struct json_object *unit = json_new(d->mem), *amount;
	const char *value = "";

	gateway_amount(d->mem, p->amount, digits_of(p->currency), &value);
	json_put_text(unit, "reference_id", "default");
	json_put_text(unit, "description", "Balance refill");
	json_put_text(unit, "custom_id", p->id);
	json_put_text(unit, "invoice_id", p->id);
	amount = json_put_object(unit, "amount");
	json_put_text(amount, "currency_code", p->currency);
	json_put_text(amount, "value", value);
	return unit;
}

/* At most 127 characters, and no character cut in two. */
static const char *brand_name(struct gateway_desk *d)
{
	const char *title = d->brand->conf->title;
	size_t len = strlen(title);

	if (len <= 127)
		return title;
	for (len = 127; len && ((unsigned char)title[len] & 0xc0) == 0x80;)
		len--;
	return mem_text_n(d->mem, title, len);
}

static const char *make_order(struct gateway_desk *d, const struct payment *p)
{
	struct json_object *o = json_new(d->mem), *context;

	json_put_text(o, "intent", "CAPTURE");
	json_put(json_put_list(o, "purchase_units"), NULL, make_unit(d, p));
	context = json_put_object(
	    json_put_object(json_put_object(o, "payment_source"), "paypal"),
	    "experience_context");
	json_put_text(context, "brand_name", brand_name(d));
	json_put_text(context, "user_action", "PAY_NOW");
	json_put_text(context, "shipping_preference", "NO_SHIPPING");
	json_put_text(
	    context, "payment_method_preference", "IMMEDIATE_PAYMENT_REQUIRED");
	json_put_text(context, "return_url",
	    gateway_way_back(d, &gateway_paypal, p, "return"));
	json_put_text(context, "cancel_url",
	    gateway_way_back(d, &gateway_paypal, p, "cancel"));
	return json_write(d->mem, o, NULL);
}

/* Where PayPal wants the customer; NULL: nowhere that is PayPal's. */
static const char *find_way(struct gateway_desk *d, struct json_object *order)
{
	struct json_object *links = json_find(order, "links");
	const char *own = gateway_origin(d->mem, web(d)), *origin;

	for (size_t i = 0; i < json_length(links); i++) {
		struct json_object *link = json_at(links, i);
		const char *rel = json_find_text(link, "rel");
		const char *href = json_find_text(link, "href");

		if (!rel || !href ||
		    (strcmp(rel, "payer-action") != 0 &&
			strcmp(rel, "approve") != 0))
			continue;
		origin = gateway_origin(d->mem, href);
		return origin && own && !strcmp(origin, own) ? href : NULL;
	}
	return NULL;
}

static enum err begin(
    struct gateway_desk *d, const struct payment *p, struct gateway_facts *f)
{
	struct paypal_call c = {.path = "/v2/checkout/orders",
	    .request_id = mem_print(d->mem, "%s-create", p->id),
	    .body = make_order(d, p)};
	struct gateway_answer a;
	enum err err = paypal_ask(d, &c, &a);

	if (err == ERR_RULE)
		f->trouble = first_issue(&a);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_UPSTREAM : err;
	f->order = json_find_text(a.json, "id");
	f->way = find_way(d, a.json);
	if (f->order && is_id(f->order) && f->way)
		return ERR_OK;
	log_error("payment.paypal", "an order without an id, or its link leads "
				    "elsewhere; see paypal.webUri");
	f->trouble = "PayPal's answer leads elsewhere";
	return ERR_RULE;
}

/* --- Capturing ------------------------------------------------------------ */

static const struct {
	const char *issue;
	enum gateway_state state;
} issues[] = {
    {"ORDER_NOT_APPROVED", GATEWAY_OPEN},
    {"PAYER_ACTION_REQUIRED", GATEWAY_OPEN},
    {"INSTRUMENT_DECLINED", GATEWAY_OPEN},
    {"REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", GATEWAY_OPEN},
    {"MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", GATEWAY_FAILED},
    {"TRANSACTION_REFUSED", GATEWAY_FAILED},
    {"PAYER_CANNOT_PAY", GATEWAY_FAILED},
    {"COMPLIANCE_VIOLATION", GATEWAY_FAILED},
    {"PAYEE_*", GATEWAY_FAILED},
    {"TRANSACTION_BLOCKED_BY_PAYEE", GATEWAY_FAILED},
};

static enum err take_refusal(struct gateway_desk *d, const struct payment *p,
    const struct gateway_answer *a, struct gateway_facts *f)
{
	enum err err;

	if (paypal_has_issue(a, "ORDER_ALREADY_CAPTURED"))
		return look(d, p, NULL, f);
	if (paypal_has_issue(a, "DUPLICATE_INVOICE_ID")) {
		err = look(d, p, NULL, f);
		if (!err && f->state != GATEWAY_MONEY && !f->odd)
			f->odd = "PayPal has another payment of this number";
		return err;
	}
	for (size_t i = 0; i < sizeof(issues) / sizeof(issues[0]); i++)
		if (paypal_has_issue(a, issues[i].issue)) {
			f->state = issues[i].state;
			f->trouble = first_issue(a);
			return ERR_OK;
		}
	log_error(
	    "payment.paypal", "an issue that is not known: %s", first_issue(a));
	return ERR_INTERNAL;
}

static enum err capture(
    struct gateway_desk *d, const struct payment *p, struct gateway_facts *f)
{
	struct paypal_call c = {.path = mem_print(d->mem,
				    "/v2/checkout/orders/%s/capture", p->order),
	    .request_id = p->captures > 1
			      ? mem_print(d->mem, "%s-capture-%" PRId64, p->id,
				    p->captures)
			      : mem_print(d->mem, "%s-capture", p->id),
	    .body = "{}"};
	struct gateway_answer a;
	enum err err = paypal_ask(d, &c, &a);

	if (err == ERR_RULE)
		return take_refusal(d, p, &a, f);
	if (err == ERR_NOT_FOUND) {
		f->state = GATEWAY_GONE;
		return ERR_OK;
	}
	if (err)
		return err;
	/* A minimal answer, without the capture, is no proof. */
	return read_order(d, p, a.json, f) && f->state != GATEWAY_OPEN
		   ? ERR_OK
		   : look(d, p, NULL, f);
}

/* --- The rest ------------------------------------------------------------- */

static bool takes(const struct brand *b, const char *currency)
{
	static const char known[] =
	    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK "
	    "NZD PHP PLN SEK SGD THB TWD USD";

	(void)b;
	return strlen(currency) == 3 && strstr(known, currency);
}

static const char *check(
    struct gateway_desk *d, struct money amount, const char *currency)
{
	const char *text;

	if (!takes(d->brand, currency))
		return "refill.no_currency";
	return gateway_amount(d->mem, amount, digits_of(currency), &text)
		   ? NULL
		   : "refill.no_decimals";
}

/* Whose a capture or a refund is, by PayPal's own word. */
static const char *find(struct gateway_desk *d, const char *money)
{
	struct paypal_call c = {0};
	struct gateway_answer a;
	const char *up;

	if (!is_id(money))
		return NULL;
	c.path = mem_print(d->mem, "/v2/payments/captures/%s", money);
	if (paypal_ask(d, &c, &a) == ERR_OK)
		return json_find_text(a.json, "custom_id");
	c.path = mem_print(d->mem, "/v2/payments/refunds/%s", money);
	if (paypal_ask(d, &c, &a) != ERR_OK)
		return NULL;
	up = paypal_find_up(a.json);
	if (!up || !is_id(up))
		return NULL;
	c.path = mem_print(d->mem, "/v2/payments/captures/%s", up);
	return paypal_ask(d, &c, &a) == ERR_OK
		   ? json_find_text(a.json, "custom_id")
		   : NULL;
}

const struct gateway gateway_paypal = {
    .id = "paypal",
    .name = "PayPal",
    .prefix = "pp",
    .money = "cap",
    .is_set = is_set,
    .environment = environment,
    .web = web,
    .takes = takes,
    .check = check,
    .begin = begin,
    .look = look,
    .capture = capture,
    .hear = paypal_hear,
    .reread = paypal_reread,
    .find = find,
};
