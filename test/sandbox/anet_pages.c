/* anet_pages.c: the hosted form, in which a customer pays. */
#include "gateways.h"

#include <stdio.h>
#include <string.h>

enum { VALUE, INVOICE, TEXT, MERCHANT, BACK, BACK_TEXT, CANCEL, RECEIPT };

static void say(struct exchange *x, unsigned status, const char *text)
{
	x->status = status;
	page_begin(x, "Authorize.Net");
	buf_format(&x->reply, "<p>%s</p>\n", text);
	page_end(x);
}

static void show(
    struct exchange *x, sqlite3_stmt *s, const char *token, const char *wrong)
{
	struct buf amount = {0};

	buf_format(&amount, "%s %s", db_text(s, VALUE), options.anet_currency);
	page_begin(x, "Authorize.Net: pay by card");
	if (wrong)
		buf_format(&x->reply, "<p class=\"wrong\">%s</p>\n", wrong);
	buf_text(&x->reply, "<dl>\n");
	page_row(
	    x, "To", *db_text(s, MERCHANT) ? db_text(s, MERCHANT) : "Merchant");
	page_row(x, "Amount", amount.text);
	page_row(x, "For", db_text(s, TEXT));
	page_row(x, "Invoice", db_text(s, INVOICE));
	buf_text(&x->reply,
	    "</dl>\n<form method=\"post\" action=\"/payment/payment\">"
	    "<input type=\"hidden\" name=\"token\" value=\"");
	buf_html(&x->reply, token);
	buf_text(&x->reply,
	    "\"><label>Card number <input name=\"card\" autocomplete=\"off\""
	    " value=\"4111 1111 1111 1111\"></label>"
	    "<label>Expires <input name=\"expires\" autocomplete=\"off\""
	    " value=\"12/30\"></label>"
	    "<label>Code <input name=\"code\" autocomplete=\"off\""
	    " value=\"123\"></label>"
	    "<button class=\"main\" name=\"do\" value=\"approve\">Approve"
	    "</button><button name=\"do\" value=\"decline\">Decline</button>"
	    "<button name=\"do\" value=\"review\">Hold for review</button>"
	    "<button name=\"do\" value=\"close\">Close</button></form>\n");
	page_end(x);
	buf_free(&amount);
}

static void go_back(struct exchange *x, sqlite3_stmt *s)
{
	const char *url = db_text(s, BACK);

	if (*url && !sqlite3_column_int(s, RECEIPT)) {
		page_go(x, url);
		return;
	}
	page_begin(x, "Thank you");
	buf_text(&x->reply, "<p>This is your receipt.</p>\n");
	if (*url) {
		buf_text(&x->reply, "<p><a href=\"");
		buf_html(&x->reply, url);
		buf_text(&x->reply, "\">");
		buf_html(&x->reply, *db_text(s, BACK_TEXT)
					? db_text(s, BACK_TEXT)
					: "Continue");
		buf_text(&x->reply, "</a></p>\n");
	}
	page_end(x);
}

static void act(
    struct exchange *x, sqlite3_stmt *s, const char *token, const char *what)
{
	sqlite3 *db;
	int64_t id;

	if (strcmp(what, "close") == 0) {
		if (*db_text(s, CANCEL))
			page_go(x, db_text(s, CANCEL));
		else
			say(x, 200, "You can close this window.");
		return;
	}
	db = db_take();
	id = anet_pay(x, db, token, what);
	db_give(db);
	if (!id)
		say(x, 500, "The payment could not be made.");
	else if (strcmp(what, "decline") == 0)
		show(x, s, token, "Your card was declined. Try again.");
	else
		go_back(x, s);
}

void anet_page(struct exchange *x)
{
	char token[128] = "", what[16] = "";
	sqlite3_stmt *s;
	sqlite3 *db;

	if (page_style(x))
		return;
	if (strcmp(x->path, "/payment/payment") != 0 ||
	    strcmp(x->method, "POST") != 0) {
		say(x, strcmp(x->method, "POST") == 0 ? 404 : 405,
		    "There is nothing here.");
		return;
	}
	form_find(x, "token", token, sizeof(token));
	form_find(x, "do", what, sizeof(what));
	db = db_take();
	s = db_bind(db,
	    "SELECT amount, invoice, description, merchant, return_url,"
	    " return_text, cancel_url, receipt FROM an_tokens WHERE token = ?"
	    " AND expires > ?",
	    "si", token, clock_now());
	if (sqlite3_step(s) != SQLITE_ROW)
		say(x, 400, "Missing or invalid token.");
	else if (*what)
		act(x, s, token, what);
	else
		show(x, s, token, NULL);
	sqlite3_finalize(s);
	db_give(db);
}
