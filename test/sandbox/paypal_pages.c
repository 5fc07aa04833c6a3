/* paypal_pages.c: where a payer approves or declines an order. */
#include "gateways.h"

#include <stdio.h>
#include <string.h>

enum { STATE_OF, VALUE, MONEY, TEXT, BRAND, BACK, CANCEL, INVOICE };

static sqlite3_stmt *find(sqlite3 *db, const char *id)
{
	return db_bind(db,
	    "SELECT status, amount, currency, description, brand, return_url,"
	    " cancel_url, invoice_id FROM pp_orders WHERE id = ?",
	    "s", id);
}

static void message(struct exchange *x, const char *title, const char *text)
{
	page_begin(x, title);
	buf_text(&x->reply, "<p>");
	buf_html(&x->reply, text);
	buf_text(&x->reply, "</p>\n");
}

static void link_to(struct exchange *x, const char *url, const char *text)
{
	if (!*url)
		return;
	buf_text(&x->reply, "<p><a href=\"");
	buf_html(&x->reply, url);
	buf_format(&x->reply, "\">%s</a></p>\n", text);
}

static void show(struct exchange *x, sqlite3_stmt *s, const char *id)
{
	struct buf amount = {0};

	buf_format(&amount, "%s %s", db_text(s, VALUE), db_text(s, MONEY));
	page_begin(x, "PayPal: approve a payment");
	buf_text(&x->reply, "<dl>\n");
	page_row(x, "To", *db_text(s, BRAND) ? db_text(s, BRAND) : "Merchant");
	page_row(x, "Amount", amount.text);
	page_row(x, "For", db_text(s, TEXT));
	page_row(x, "Invoice", db_text(s, INVOICE));
	buf_text(&x->reply,
	    "</dl>\n<form method=\"post\" action=\"/checkoutnow\">"
	    "<input type=\"hidden\" name=\"token\" value=\"");
	buf_html(&x->reply, id);
	buf_text(&x->reply,
	    "\"><button class=\"main\" name=\"do\" value=\"approve\">Approve"
	    "</button><button name=\"do\" value=\"decline\">Decline</button>"
	    "<button name=\"do\" value=\"close\">Close</button></form>\n");
	page_end(x);
	buf_free(&amount);
}

static void go_back(
    struct exchange *x, const char *url, const char *id, const char *more)
{
	struct buf b = {0};

	if (!*url) {
		message(x, "PayPal",
		    "The shop gave no way back. You can close"
		    " this window.");
		page_end(x);
		return;
	}
	buf_format(
	    &b, "%s%ctoken=%s%s", url, strchr(url, '?') ? '&' : '?', id, more);
	page_go(x, b.text);
	buf_free(&b);
}

static void act(
    struct exchange *x, sqlite3 *db, sqlite3_stmt *s, const char *id)
{
	char what[16] = "", url[2048];

	form_find(x, "do", what, sizeof(what));
	snprintf(url, sizeof(url), "%s",
	    db_text(s, strcmp(what, "approve") == 0 ? BACK : CANCEL));
	sqlite3_reset(s); /* no reader of its own in the way of the writer */
	if (strcmp(what, "approve") == 0) {
		paypal_approve(db, id);
		go_back(x, url, id, "&PayerID=SBPAYER234567");
	} else if (strcmp(what, "decline") == 0) {
		go_back(x, url, id, "");
	} else {
		message(x, "PayPal",
		    "Nothing was paid. You can close this window.");
		snprintf(url, sizeof(url), "/checkoutnow?token=%s", id);
		link_to(x, url, "Back to the payment");
		page_end(x);
	}
}

void paypal_page(struct exchange *x, const char *unused)
{
	bool post = strcmp(x->method, "POST") == 0;
	char id[64] = "";
	sqlite3 *db = db_take();
	sqlite3_stmt *s;

	(void)unused;
	form_find(x, "token", id, sizeof(id));
	s = find(db, id);
	if (sqlite3_step(s) != SQLITE_ROW) {
		message(x, "PayPal", "There is no such payment.");
		page_end(x);
		x->status = 404;
	} else if (strcmp(db_text(s, STATE_OF), "COMPLETED") == 0) {
		message(x, "PayPal", "This was paid already.");
		link_to(x, db_text(s, BACK), "Back to the shop");
		page_end(x);
	} else if (post) {
		act(x, db, s, id);
	} else {
		show(x, s, id);
	}
	sqlite3_finalize(s);
	db_give(db);
}
