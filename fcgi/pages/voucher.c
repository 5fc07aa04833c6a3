/* voucher.c: redeems a voucher (a top-up card) for the balance. */
#include "domain/voucher.h"

#include <string.h>

#include "pages/page_audit.h"
#include "pages/routes.h"

const struct param voucher_params[] = {
    {.name = "code",
	.type = PARAM_TEXT,
	.min = 3,
	.max = 40,
	.required = true,
	.about = "The voucher's serial number or PIN: letters, digits, '-'."},
    {0},
};

const char voucher_form_answer[] = SHAPE_BALANCE "?";

enum err voucher_load(struct call *c)
{
	enum err err = page_go(c);

	if (err)
		return err;
	page_put_balance(c, c->client);
	return ERR_OK;
}

enum err voucher_form(struct call *c)
{
	return voucher_load(c);
}

static enum err check_code(struct call *c, const char *code)
{
	if (!code[strspn(code, "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz")])
		return ERR_OK;
	req_add_fault(c->req, "code", "voucher.characters");
	return ERR_INPUT;
}

/* Nobody knows what became of it, and the customer must hear so. */
static bool is_unsure(enum err err)
{
	return err == ERR_UPSTREAM || err == ERR_LATE;
}

static enum err explain(
    struct call *c, enum err err, const struct voucher *voucher)
{
	if (err == ERR_RULE)
		req_add_fault(c->req, "code",
		    mem_print(c->mem, "voucher.%s", voucher->refusal));
	else if (is_unsure(err))
		c->notice = page_text(c, "voucher.no_answer");
	else if (err == ERR_CONFLICT)
		c->notice = page_text(c, "voucher.at_once");
	c->retry_after = voucher->retry_after;
	return err;
}

static void fill_balance(struct call *c)
{
	struct vcs_trip *t = vcs_trip(c->brand, c->mem, c->session);
	struct vcs_client *client = vcs_ask_client(t);

	vcs_go(t);
	page_put_balance(c, client);
}

static void fill_done(struct call *c, const struct voucher *voucher)
{
	struct fmt_arg amount = {0};

	json_put(c->model, "credited", NULL);
	if (voucher->has_amount) {
		put_money(
		    c, c->model, "credited", voucher->amount, c->currency);
		amount.text =
		    fmt_money(c->mem, c->fmt, voucher->amount, c->currency);
	}
	page_flash(c, amount.text
			  ? page_text_args(c, "voucher.done", &amount, 1)
			  : page_text(c, "voucher.done_some"));
	c->location = "/api/voucher";
	if (c->req->format != FORMAT_HTML)
		fill_balance(c);
}

static void note(struct call *c, const struct voucher *voucher)
{
	struct audit_entry e = {
	    .event = AUDIT_VOUCHER_REDEEMED, .amount = voucher->amount};

	if (voucher->has_amount)
		e.currency = c->currency;
	page_audit_mine(c, e);
}

const char voucher_answer[] = "credited:money? " SHAPE_BALANCE "?";

enum err voucher_submit(struct call *c)
{
	const char *code = req_text(c->req, "code");
	struct voucher voucher;
	enum err err = check_code(c, code);

	if (err)
		return err;
	if (!c->db || !c->brand->secret[0])
		return ERR_BUSY;
	err = voucher_redeem(
	    c->brand, c->db, c->mem, c->session, code, c->now, &voucher);
	if (err)
		return explain(c, err, &voucher);
	if (!voucher.again)
		note(c, &voucher);
	fill_done(c, &voucher);
	return ERR_OK;
}
