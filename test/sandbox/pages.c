/* pages.c: what the gateways' pages look like to the customer's browser. */
#include "gateways.h"

#include <string.h>

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;background:#eef1f5;color:#1c2733;"
    "margin:0}\n"
    "main{max-width:26rem;margin:3rem auto;background:#fff;padding:1.5rem 2rem;"
    "border-radius:.75rem;box-shadow:0 1px 4px #0003}\n"
    "h1{font-size:1.25rem;margin:0 0 1rem}\n"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}\n"
    "dt{color:#566}dd{margin:0;overflow-wrap:anywhere}\n"
    "label{display:block;margin:.5rem 0}\n"
    "input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}\n"
    "button{font:inherit;padding:.55rem 1rem;margin:.35rem .35rem 0 0;"
    "border:1px solid "
    "#345;border-radius:.4rem;background:#fff;cursor:pointer}\n"
    "button.main{background:#0b5cad;color:#fff;border-color:#0b5cad}\n"
    ".note{color:#566;font-size:.85rem}.wrong{color:#a00000}\n"
    "@media(max-width:30rem){main{margin:0;border-radius:0}}\n";

void page_begin(struct exchange *x, const char *title)
{
	x->type = "text/html; charset=utf-8";
	http_answer_header(x, "Content-Security-Policy", "%s",
	    "default-src 'none'; style-src 'self'");
	http_answer_header(x, "Cache-Control", "no-store");
	buf_text(&x->reply,
	    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\"><title>");
	buf_html(&x->reply, title);
	buf_text(&x->reply,
	    "</title><link rel=\"stylesheet\" href=\"/sandbox.css\"></head>"
	    "<body><main>\n<h1>");
	buf_html(&x->reply, title);
	buf_text(&x->reply, "</h1>\n");
}

void page_end(struct exchange *x)
{
	buf_text(&x->reply, "<p class=\"note\">A simulated gateway: no money"
			    " moves here.</p>\n</main></body></html>\n");
}

void page_row(struct exchange *x, const char *name, const char *value)
{
	if (!*value)
		return;
	buf_format(&x->reply, "<dt>%s</dt><dd>", name);
	buf_html(&x->reply, value);
	buf_text(&x->reply, "</dd>\n");
}

void page_go(struct exchange *x, const char *url)
{
	x->status = 303;
	x->type = "text/plain";
	x->reply.length = 0;
	http_answer_header(x, "Location", "%s", url);
}

bool page_style(struct exchange *x)
{
	if (strcmp(x->path, "/sandbox.css") != 0)
		return false;
	x->type = "text/css";
	buf_text(&x->reply, style);
	return true;
}
