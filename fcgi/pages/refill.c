/* refill.c: refilling the balance: the amount and the gateway. A gateway that
 * is not set up does not exist; without any, people are led to vouchers. */
#include "pages/page_audit.h"
#include "pages/page_payment.h"
#include "pages/routes.h"

#include <string.h>

#include "base/mem.h"
#include "domain/vcs_billing.h"

enum { LISTED = 20 };

#define PARAM_AMOUNT(needed)                                                   \
	{                                                                      \
		.name = "amount", .type = PARAM_TEXT, .min = 1, .max = 40,     \
		.required = (needed),                                          \
		.about = "In the customer's currency: digits, a point, "       \
			 "digits."                                             \
	}

const struct param refill_params[] = {
    PARAM_AMOUNT(false),
    {.name = "invoice",
	.type = PARAM_NUMBER,
	.min = 1,
	.max = INT32_MAX,
	.about = "An invoice's id: pays what is due of it."},
    {0},
};

const struct param refill_form_params[] = {
    PARAM_GATEWAY,
    PARAM_AMOUNT(true),
    PARAM_NONCE,
    {0},
};

const struct param invoice_pay_params[] = {PARAM_GATEWAY, PARAM_NONCE, {0}};

const char refill_answer[] =
    "gateways[id name description] min:money max:money presets[:money] "
    "open[" SHAPE_PAYMENT "] past[" SHAPE_PAYMENT "]";

const char payment_begun_answer[] = SHAPE_BEGUN;

/* --- What the page shows -------------------------------------------------- */

static struct money setting(const char *amount)
{
	struct money value = {0};

	money_parse(amount, &value);
	return value;
}

static void put_models(struct call *c)
{
	page_list_gateways(c, json_put_list(c->model, "gateways"));
	put_money(c, c->model, "min", setting(c->brand->conf->refill.min),
	    c->currency);
	put_money(c, c->model, "max", setting(c->brand->conf->refill.max),
	    c->currency);
}

/* An amount as it is typed: in the form, a preset's link. */
static const char *amount_text(struct call *c, struct money amount)
{
	const char *text = money_text(c->mem, amount);
	char *copy = mem_text(c->mem, text), *point = strchr(copy, '.');
	struct money same;

	if (!point)
		return copy;
	*point = ',';
	return fmt_parse_amount(c->fmt, copy, 18, &same) ? copy : text;
}

/* A list of money: what is put under a key, without the key. */
static void put_presets(struct call *c)
{
	const struct conf_list *presets = &c->brand->conf->refill.presets;
	struct json_object *list = json_put_list(c->model, "presets");
	struct json_object *links = json_put_list(c->ui, "presets"), *o;

	for (size_t i = 0; i < presets->n; i++) {
		struct json_object *one = json_new(c->mem);

		put_money(
		    c, one, "amount", setting(presets->items[i]), c->currency);
		json_put(list, NULL, json_find(one, "amount"));
		o = json_put_object(links, NULL);
		json_put_text(o, "text",
		    json_find_text(json_find(one, "amount"), "text"));
		json_put_text(o, "preset_url",
		    mem_print(
			c->mem, "/api/refill?amount=%s", presets->items[i]));
	}
}

/* Still to be paid or to be confirmed; the rest is past. */
static bool is_open(const struct payment *p)
{
	const char *word = payment_word(p->state);

	return !strcmp(word, "open") || !strcmp(word, "confirming") ||
	       !strcmp(word, "review");
}

static void put_payment_row(
    struct call *c, struct json_object *ui, const struct payment *p)
{
	struct json_object *o = json_put_object(ui, NULL);
	const char *word = payment_word(p->state);

	page_put_payment(c, o, p);
	json_put_text(o, "status_url",
	    mem_print(c->mem, "/api/refill/payments/%s", p->id));
	json_put_text(o, "state_text",
	    page_text(c, mem_print(c->mem, "payment.state.%s", word)));
	json_put_text(o, "gateway_name",
	    page_text(c, mem_print(c->mem, "gateway.%s", p->gateway)));
}

static void put_payments(struct call *c)
{
	struct json_object *open = json_put_list(c->model, "open");
	struct json_object *past = json_put_list(c->model, "past");
	struct json_object *ui_open = json_put_list(c->ui, "open");
	struct json_object *ui_past = json_put_list(c->ui, "past");
	struct till t = page_till(c);
	struct payments all = {0};

	if (c->db)
		payment_list(&t, c->session->client_id, LISTED, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct payment *p = &all.rows[i];

		page_put_payment(
		    c, json_put_object(is_open(p) ? open : past, NULL), p);
		put_payment_row(c, is_open(p) ? ui_open : ui_past, p);
	}
	json_put_flag(c->ui, "has_open", json_length(open) > 0);
	json_put_flag(c->ui, "has_past", json_length(past) > 0);
}

/* --- Paying an invoice ---------------------------------------------------- */

struct bill {
	const struct vcs_invoice *v;
	struct money due;
	const char *currency;
};

/* ERR_NOT_FOUND: none of the customer's; ERR_RULE: nothing is due. */
static enum err find_bill(struct call *c, const char *id, struct bill *out)
{
	size_t most = (size_t)c->brand->conf->limits.table_rows;
	enum err err, access;

	out->v = vcs_find_invoice(c->trip, id, most, &err);
	access = page_go(c);
	if (access)
		return access;
	if (!out->v)
		return err ? err : ERR_NOT_FOUND;
	out->currency = vcs_find_currency(c->trip, out->v->currency);
	if (!money_sub(out->v->total, out->v->paid, &out->due))
		return ERR_UPSTREAM;
	if (!out->currency)
		return ERR_UPSTREAM;
	return money_sign(out->due) > 0 ? ERR_OK : ERR_RULE;
}

static void put_bill(struct call *c, const struct bill *bill)
{
	struct json_object *o = json_put_object(c->ui, "invoice");

	json_put_text(o, "number", bill->v->number);
	put_money(c, o, "due", bill->due, bill->currency);
	json_put_text(c->ui, "action_url",
	    mem_print(
		c->mem, "/api/invoices/%lld/pay", (long long)bill->v->id));
}

/* --- The page ------------------------------------------------------------- */

static enum err show(struct call *c, const struct bill *bill)
{
	const char *typed = req_raw(c->req, "amount");
	struct money preset;

	put_models(c);
	put_presets(c);
	put_payments(c);
	page_put_gateways(c);
	json_put_text(c->ui, "action_url", "/api/refill");
	if (bill)
		put_bill(c, bill);
	/* A preset's link is the same in each language. */
	if (typed && c->req->method == METHOD_GET &&
	    fmt_parse_amount(NULL, typed, 18, &preset))
		typed = amount_text(c, preset);
	json_put_text(c->ui, "amount", typed);
	json_put_text(c->ui, "currency", c->currency);
	if (!json_length(json_find(c->model, "gateways")) &&
	    c->req->method == METHOD_GET) {
		page_flash(c, page_text(c, "refill.none"));
		c->location = "/api/voucher";
	}
	return ERR_OK;
}

enum err refill_load(struct call *c)
{
	int64_t invoice = req_number(c->req, "invoice");
	struct bill bill = {0};
	enum err err;

	if (!invoice) {
		err = page_go(c);
		return err ? err : show(c, NULL);
	}
	err =
	    find_bill(c, mem_print(c->mem, "%lld", (long long)invoice), &bill);
	if (err == ERR_RULE && c->req->format == FORMAT_HTML) {
		page_flash(c, page_text(c, "refill.invoice_paid"));
		c->location = "/api/invoices";
		return ERR_OK;
	}
	if (err == ERR_RULE)
		c->notice = page_text(c, "refill.invoice_paid");
	return err ? err : show(c, &bill);
}

enum err refill_form(struct call *c)
{
	enum err err = page_go(c);

	return err ? err : show(c, NULL);
}

static void add_bound(struct call *c, const char *key, struct money bound)
{
	req_add_fault_words(c->req, "amount", key,
	    fmt_money(c->mem, c->fmt, bound, c->currency));
}

/* The JSON of programs has a point; a form has what its language types. */
static enum err read_amount(struct call *c, struct money *out)
{
	const char *text = req_text(c->req, "amount");
	struct money min = setting(c->brand->conf->refill.min);
	struct money max = setting(c->brand->conf->refill.max);

	if (!fmt_parse_amount(c->req->json_body ? NULL : c->fmt, text,
		gateway_digits(c->currency), out)) {
		req_add_fault(c->req, "amount", "refill.malformed");
		return ERR_INPUT;
	}
	if (money_compare(*out, min) < 0 || money_sign(*out) <= 0)
		add_bound(c, "refill.too_little", min);
	else if (money_compare(*out, max) > 0)
		add_bound(c, "refill.too_much", max);
	else
		return ERR_OK;
	return ERR_RULE;
}

enum err refill_submit(struct call *c)
{
	struct payment_wish wish = {.client = c->session->client_id,
	    .currency = c->currency,
	    .locale = c->language->locale,
	    .nonce = req_text(c->req, "nonce"),
	    .by = page_audit_by(c)};
	enum err err;

	if (!gateway_at(c->brand, 0))
		return ERR_NOT_FOUND;
	wish.gateway = page_find_gateway(c);
	if (!c->currency)
		return ERR_BUSY;
	err = read_amount(c, &wish.amount);
	if (!wish.gateway)
		return ERR_INPUT;
	return err ? err : page_begin_payment(c, &wish, "amount");
}

enum err invoice_pay_form(struct call *c)
{
	struct bill bill = {0};

	/* Nothing of it is due any more: any other amount still can be paid. */
	return show(c, find_bill(c, c->id, &bill) ? NULL : &bill);
}

enum err invoice_pay_submit(struct call *c)
{
	struct payment_wish wish = {.client = c->session->client_id,
	    .locale = c->language->locale,
	    .nonce = req_text(c->req, "nonce"),
	    .by = page_audit_by(c)};
	struct bill bill = {0};
	enum err err;

	if (!gateway_at(c->brand, 0))
		return ERR_NOT_FOUND;
	wish.gateway = page_find_gateway(c);
	err = find_bill(c, c->id, &bill);
	if (err == ERR_RULE)
		c->notice = page_text(c, "refill.invoice_paid");
	if (err)
		return err;
	if (!wish.gateway)
		return ERR_INPUT;
	if (!c->currency || strcmp(bill.currency, c->currency) != 0) {
		c->notice = page_text(c, "refill.invoice_currency");
		return ERR_RULE;
	}
	wish.amount = bill.due;
	wish.currency = bill.currency;
	wish.invoice_id = bill.v->id;
	wish.invoice = bill.v->number;
	return page_begin_payment(c, &wish, "gateway");
}
