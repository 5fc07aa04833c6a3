/* page.c: the way of every request, from the routing table to the answer. */
#include "pages/page.h"

#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "domain/audit.h"
#include "pages/page_serve.h"

enum { SHARED_POOL = 4 }; /* workers of a pool that is shared out */

/* Whether a path is a row's; ":id" of the row takes one part of letters,
 * digits, '-' and '_'. *id is where that part begins. */
static bool match_path(const char *row, const char *path, const char **id)
{
	size_t len;

	while (*row && *path) {
		if (*row == ':') {
			row += strcspn(row, "/");
			len = strspn(path,
			    "0123456789-_abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
			if (!len || (path[len] && path[len] != '/'))
				return false;
			*id = path;
			path += len;
		} else if (*row++ != *path++) {
			return false;
		}
	}
	return *row == *path;
}

/* "/api/rates.json" is the page "/api/rates" as JSON, but the description of
 * the API has its suffix in its name. */
bool page_is_path(const struct page *p, const struct req *r)
{
	size_t len = strlen(r->path);
	const char *id;

	if (match_path(p->path, r->path, &id))
		return true;
	return r->suffixed && r->format == FORMAT_JSON &&
	       !strncmp(p->path, r->path, len) &&
	       !strcmp(p->path + len, ".json");
}

static const char *find_id(
    struct mem *m, const struct page *p, const struct req *r)
{
	const char *id = NULL;

	if (!match_path(p->path, r->path, &id) || !id)
		return NULL;
	return mem_text_n(m, id, strcspn(id, "/"));
}

const char *page_logged_path(const struct call *c)
{
	return strncmp(c->req->path, "/api/reset/", 11) ? c->req->path
							: "/api/reset/-";
}

bool page_is_file(const struct call *c)
{
	return c->req->format == FORMAT_CSV || c->req->format == FORMAT_XLSX;
}

static const struct page *find_page(const struct req *r, bool *other_method)
{
	for (const struct page *p = pages; p->path; p++) {
		if (!page_is_path(p, r))
			continue;
		if (p->method == r->method)
			return p;
		*other_method = true;
	}
	return NULL;
}

/* The language that the visitor chose, else the customer's, else what the
 * browser asks for. */
static void choose_language(struct call *c)
{
	const char *wanted =
	    req_cookie(c->req, page_cookie_name(c, "portico-language"));
	struct language *l = brand_find_language(c->brand, wanted);

	if (!l && c->session)
		l = brand_find_language(c->brand, vcs_kept_locale(c->session));
	if (!l)
		l = brand_choose_language(
		    c->brand, req_env(c->req, "HTTP_ACCEPT_LANGUAGE"));
	c->language = l;
	c->fmt = l->fmt;
}

static void use_session(struct call *c)
{
	const char *zone = c->session ? vcs_kept_zone(c->session) : NULL;

	c->zone = zone ? zone : c->brand->conf->time_zone;
	c->currency = c->session ? vcs_kept_currency(c->session) : NULL;
	choose_language(c);
}

static void begin_page(struct call *c)
{
	c->model = json_new(c->mem);
	c->ui = json_new(c->mem);
	c->sections = c->failed = 0;
	c->worst = ERR_OK;
	c->gone = false;
	c->access = ERR_OK;
	c->trip = vcs_trip(c->brand, c->mem, c->session);
	if (c->session && !(c->page->flags & PAGE_NO_CLIENT))
		c->client = vcs_ask_client(c->trip);
}

/* A form that cannot be taken as it is: parameters that are no use. */
static enum err check_params(struct call *c)
{
	return req_check(
	    c->req, c->page->params, (c->page->flags & PAGE_LAX) != 0);
}

static enum err check_access(struct call *c)
{
	bool write = c->req->method == METHOD_POST;

	if (!c->client)
		return ERR_OK;
	if (c->client->err)
		return write ? ERR_BUSY : ERR_OK;
	if (c->client->active)
		return ERR_OK;
	log_info("session.inactive", "the customer is no longer active");
	session_end_client(c->db, c->brand->name, c->session->client_id, NULL);
	audit_note(c->brand, c->mem, c->session->client_id,
	    &(struct audit_entry){.event = AUDIT_SESSIONS_REVOKED}, c->now);
	c->session = NULL;
	return ERR_LOGIN;
}

enum err page_go(struct call *c)
{
	if (!c->gone) {
		c->gone = true;
		vcs_go(c->trip);
		c->access = check_access(c);
	}
	return c->access;
}

/* Runs the load function; once more if ids kept in the session turned out to
 * be out of date, which the first run has mended. */
static enum err run_page(struct call *c)
{
	bool changed = false;
	enum err err;

	for (int turn = 0;; turn++) {
		begin_page(c);
		if (c->req->method == METHOD_POST && (err = page_go(c)))
			return err;
		err = page_is_file(c) ? c->page->export(c) : c->page->load(c);
		if (!err)
			err = page_go(c);
		changed = changed || vcs_kept_changed(c->trip);
		/* What is on its way to the client is not sent again. */
		if (turn || c->reply->status || !vcs_kept_changed(c->trip) ||
		    !c->session || c->req->method == METHOD_POST)
			break;
		vcs_mend_kept(c->trip);
		use_session(c);
	}
	if (c->session && changed)
		session_keep(c->db, c->session, c->session->kept);
	return err;
}

/* A log-in that lacks something is one for the rows that say so; for all
 * others nobody is logged in. */
static enum err admit_half(struct call *c, enum err err)
{
	unsigned needed = err == ERR_CODE    ? PAGE_NO_CODE
			  : err == ERR_ENROL ? PAGE_NO_FACTOR
					     : 0;

	if (!(c->page->flags & needed))
		return err;
	c->session = c->half;
	return ERR_OK;
}

static enum err admit(struct call *c)
{
	enum err err = admit_half(c, page_find_session(c));

	use_session(c);
	if (err && err_status(err) != 401)
		return err;
	if (err && !(c->page->flags & PAGE_PUBLIC))
		return err;
	begin_page(c); /* for a form that is shown again */
	if (c->req->method == METHOD_POST && (err = page_check_csrf(c)))
		return err;
	return check_params(c);
}

/* An error from before anybody asked who is there: its page is the customer's
 * all the same, with the menu and forms that work. */
static void know_session(struct call *c)
{
	if (c->db && !c->session && !c->token && !page_find_session(c))
		use_session(c);
}

/* A page to look at says itself what is wrong with its parameters, above what
 * it shows for the standard ones: "400, form again". */
static bool shows_itself(const struct call *c)
{
	return c->req->method == METHOD_GET && c->page->tmpl &&
	       c->req->format == FORMAT_HTML;
}

/* How many workers the brand may hold; 0: all. One is left to the others; of a
 * small pool, that would leave too few to one customer's browser. */
static size_t share_of(const struct call *c)
{
	size_t workers = counters_workers(), most;
	size_t percent = (size_t)c->brand->conf->limits.worker_share;

	if (workers < SHARED_POOL || c->site->n_brands < 2 || percent == 100)
		return 0;
	most = workers * percent / 100;
	return most ? most : 1;
}

static enum err take_share(struct call *c)
{
	size_t most = c->page->flags & PAGE_WATCH ? 0 : share_of(c);

	if (counters_take_share(c->brand->counters, most))
		return ERR_OK;
	count(&c->brand->counters->beyond_share, 1);
	return ERR_BUSY;
}

static enum err serve(struct call *c, const struct req_source *source)
{
	bool other_method = false;
	enum err err;

	c->page = find_page(c->req, &other_method);
	if (!c->page) {
		/* Who is logged in is told so within the portal. */
		page_find_session(c);
		use_session(c);
		return other_method ? ERR_METHOD : ERR_NOT_FOUND;
	}
	if (page_is_file(c) && !c->page->export)
		return ERR_NOT_FOUND;
	err = take_share(c);
	if (err)
		return err;
	c->id = find_id(c->mem, c->page, c->req);
	if (c->req->method == METHOD_POST) {
		size_t limit = (size_t)c->brand->conf->limits.body;

		err = c->page->flags & PAGE_HOOK
			  ? req_read_raw(c->req, source, limit)
			  : req_read_body(c->req, source, limit);
		if (err)
			return err;
		/* Who logs in with JSON gets the token in the answer. */
		if (c->page->flags & PAGE_TOKEN_LOGIN && c->req->json_body)
			c->req->format = c->req->words = FORMAT_JSON;
	}
	err = admit(c);
	if (err == ERR_INPUT && shows_itself(c)) {
		c->status = err_status(err);
		err = ERR_OK;
	}
	return err ? err : run_page(c);
}

static bool is_known_path(const struct req *r)
{
	for (const struct page *p = pages; p->path; p++)
		if (page_is_path(p, r))
			return true;
	return false;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void count_request(struct counters *n, int status, int64_t us)
{
	int kind = status / 100 - 2;

	count(&n->requests[kind >= 0 && kind < 4 ? kind : 3], 1);
	count(&n->request_us, (uint64_t)us);
}

void page_serve(struct site *site, struct mem *mem,
    const struct req_source *source, const struct reply_sink *sink)
{
	struct req req;
	struct reply reply;
	struct call c = {.mem = mem,
	    .req = &req,
	    .reply = &reply,
	    .site = site,
	    .now = (int64_t)time(NULL),
	    .began = session_clock()};
	int64_t began = now_us();
	enum err err = req_open(&req, mem, source);

	reply_open(&reply, mem, sink);
	c.model = json_new(mem);
	c.ui = json_new(mem);
	c.brand = site_find(site, req.brand);
	log_request(req.id, c.brand ? c.brand->name : NULL);
	if (!c.brand) {
		c.brand = &site->nobody;
		err = ERR_BRAND;
	} else {
		brand_connect(c.brand);
		c.db = brand_store(c.brand);
	}
	use_session(&c);
	if (err == ERR_METHOD && !is_known_path(&req))
		err = ERR_NOT_FOUND;
	if (!err)
		err = serve(&c, source);
	if (err)
		know_session(&c);
	if (err)
		page_answer_error(&c, err);
	else if (!reply.status)
		page_answer(&c);
	if (!err && c.after) {
		if (sink->end)
			sink->end(sink->ctx);
		counters_take_share(c.brand->counters, 0);
		c.after(&c);
	}
	count_request(c.brand->counters, reply.status, now_us() - began);
	log_debug("request", "%s %s %d %zu bytes",
	    req.method == METHOD_POST ? "POST" : "GET", page_logged_path(&c),
	    reply.status, reply.bytes);
	log_request(NULL, NULL);
}
