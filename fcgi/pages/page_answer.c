/* page_answer.c: a model or an error as HTML or JSON. */
#include "pages/page_serve.h"

#include <stdio.h>
#include <string.h>

#include "domain/gateway.h"
#include "tools/tmpl.h"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/* Browsers apply form-action to where a form's answer redirects, too. */
static const char *make_policy(struct call *c)
{
	struct gateway_desk desk = {c->brand, c->mem, c->now};
	const struct gateway *g;
	const char *origin;
	struct buf b;

	if (!c->page || !(c->page->flags & PAGE_PAYS))
		return policy;
	buf_open(&b, c->mem, 512);
	buf_add_text(&b, policy);
	for (size_t i = 0; (g = gateway_at(c->brand, i)); i++) {
		origin = gateway_origin(c->mem, g->web(&desk));
		if (origin)
			buf_print(&b, " %s", origin);
	}
	return b.data;
}

static void send_json(struct call *c, int status, struct json_object *model)
{
	size_t len;
	const char *text = json_write(c->mem, model, &len);

	reply_send(
	    c->reply, status, "application/json; charset=utf-8", text, len);
}

static void send_html(struct call *c, int status, const char *name)
{
	const struct tmpl *t = tmpl_find(c->language->templates, name);
	struct buf out;

	buf_open(&out, c->mem, 32 * 1024);
	page_fill_ui(c, name);
	json_put(c->model, "ui", c->ui);
	if (t)
		tmpl_render(t, c->model, &out);
	reply_header(c->reply, "Content-Security-Policy", make_policy(c));
	reply_header(c->reply, "Content-Language", c->language->locale);
	reply_header(c->reply, "Vary", "Accept, Accept-Language, Cookie");
	reply_send(
	    c->reply, status, "text/html; charset=utf-8", out.data, out.len);
}

static bool wants_html(const struct call *c)
{
	return c->req->format == FORMAT_HTML &&
	       !(c->page && (c->page->flags & PAGE_JSON_ONLY));
}

void page_answer(struct call *c)
{
	int status = c->status ? c->status : 200;

	if (!wants_html(c))
		send_json(c, status, c->model);
	else if (c->away)
		reply_leave(c->reply, c->away);
	else if (c->location)
		reply_redirect(c->reply, 303, c->location);
	else
		send_html(c, status, c->tmpl ? c->tmpl : c->page->tmpl);
}

static void fill_error(struct call *c, struct json_object *error, enum err e)
{
	char key[64];

	snprintf(key, sizeof(key), "error.%s", err_code(e));
	json_put_text(error, "code", err_code(e));
	json_put_text(
	    error, "message", c->notice ? c->notice : page_text(c, key));
}

static void answer_json_error(struct call *c, enum err e)
{
	struct json_object *model = json_new(c->mem);
	struct json_object *error = json_put_object(model, "error"), *fields;

	fill_error(c, error, e);
	fields = json_put_object(error, "fields");
	for (size_t i = 0; i < c->req->n_faults; i++)
		json_put_text(fields, c->req->faults[i].name,
		    page_fault_text(c, &c->req->faults[i]));
	json_put_text(error, "request_id", c->req->id);
	send_json(c, err_status(e), model);
}

/* A page of its own for an error. */
static void answer_error_page(struct call *c, enum err e)
{
	struct json_object *error;
	char key[64];

	snprintf(key, sizeof(key), "error.%s.title", err_code(e));
	c->model = json_new(c->mem);
	c->ui = json_new(c->mem);
	error = json_put_object(c->model, "error");
	fill_error(c, error, e);
	json_put_int(error, "status", err_status(e));
	json_put_text(error, "title", page_text(c, key));
	json_put_text(error, "text", json_find_text(error, "message"));
	json_put_text(error, "request_id", c->req->id);
	json_put_flag(c->ui, "retry", err_status(e) >= 502 && !page_is_file(c));
	if (page_is_file(c))
		json_put_text(c->ui, "back_url", page_url(c, NULL, NULL));
	c->notice = NULL;
	send_html(c, err_status(e), "error");
}

/* After a failure, the form stays only where the page has words for it, and
 * not before it is known who would see it: a customer's form asks VCS. */
static bool shows_form(const struct call *c, enum err e)
{
	if (!c->page->form || (!c->trip && !(c->page->flags & PAGE_PUBLIC)))
		return false;
	if (e == ERR_LOGIN)
		return (c->page->flags & PAGE_PUBLIC) != 0;
	return c->notice || e == ERR_INPUT || e == ERR_CSRF || e == ERR_RULE ||
	       e == ERR_CONFLICT || e == ERR_THROTTLED;
}

static void answer_form(struct call *c, const struct page *page, enum err e)
{
	char key[64];

	snprintf(key, sizeof(key), "error.%s", err_code(e));
	c->model = json_new(c->mem);
	c->ui = json_new(c->mem);
	if (!c->notice && !c->req->n_faults)
		c->notice = page_text(c, key);
	page->form(c);
	send_html(c, err_status(e), c->tmpl ? c->tmpl : page->tmpl);
}

/* Where the browser goes after the log-in: back to where it wanted to go, if
 * that was a page to look at. */
static void redirect_with_next(struct call *c, const char *path)
{
	const char *self = "/api/dashboard";

	if (c->req->method == METHOD_GET)
		self = req_env(c->req, "REQUEST_URI");
	if (!self || self[0] != '/' || strlen(self) > 512)
		self = "/api/dashboard";
	reply_redirect(c->reply, 303,
	    mem_print(c->mem, "%s?next=%s", path, req_encode(c->mem, self)));
}

/* To the page that ends what the log-in lacks. */
static void redirect_to_factor(struct call *c, enum err e)
{
	if (e == ERR_ENROL)
		reply_redirect(c->reply, 303, "/api/security/totp");
	else
		redirect_with_next(c, "/api/login/code");
}

/* The methods that the path has (RFC 9110, 15.5.6). */
static const char *list_methods(const struct call *c)
{
	bool get = false, post = false;

	for (const struct page *p = pages; p->path; p++)
		if (page_is_path(p, c->req)) {
			get = get || p->method == METHOD_GET;
			post = post || p->method == METHOD_POST;
		}
	return get && post ? "GET, HEAD, POST" : post ? "POST" : "GET, HEAD";
}

static void add_error_headers(struct call *c, enum err e)
{
	char seconds[24];

	if (!c->retry_after && err_status(e) == 503)
		c->retry_after = 5;
	if (c->retry_after) {
		snprintf(seconds, sizeof(seconds), "%lld",
		    (long long)c->retry_after);
		reply_header(c->reply, "Retry-After", seconds);
	}
	if (e == ERR_METHOD)
		reply_header(c->reply, "Allow", list_methods(c));
	if (err_status(e) == 401 && c->req->words != FORMAT_HTML)
		reply_header(c->reply, "WWW-Authenticate", "Bearer");
}

void page_answer_error(struct call *c, enum err e)
{
	if (c->reply->status)
		return;
	add_error_headers(c, e);
	if (c->req->words != FORMAT_HTML ||
	    (c->page && c->page->flags & PAGE_JSON_ONLY))
		answer_json_error(c, e);
	else if ((e == ERR_CODE || e == ERR_ENROL) && !page_is_file(c))
		redirect_to_factor(c, e);
	else if (c->page && shows_form(c, e))
		answer_form(c, c->page, e);
	else if (e == ERR_LOGIN && !page_is_file(c))
		redirect_with_next(c, "/api/login");
	else
		answer_error_page(c, e);
}
