/* http.c: every byte that leaves Portico: one curl multi handle a worker.
 *
 * libcurl repeats a request by itself when a kept connection turns out dead
 * before a byte of the answer came. It cannot know whether the server has
 * acted on the request, so only calls that may be repeated use kept
 * connections; the others get a new one, on which libcurl never repeats.
 */
#include "tools/http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/mem.h"

enum { KEPT_CONNECTIONS = 16, KEPT_HANDLES = 16, CONNECT_MS = 2000 };
enum { FIRST_ROOM = 8 * 1024 };

/* An easy handle and where it points to: most calls of a worker go to one of
 * two URLs, so that finding a handle that is set already saves the work. */
struct handle {
	struct handle *next;
	CURL *easy;
	CURLU *target;	 /* the URL, parsed once */
	struct mem *mem; /* the texts below, of one target */
	const char *url; /* NULL: points nowhere yet */
	const char *ca_file;
	const char *server_name;
	const char *system_ca_file; /* what libcurl was built with */
	const char *system_ca_path;
	/* of the running call */
	struct http_call *call;
	struct buf body;    /* room 0: nothing has come */
	struct mem *answer; /* where the body goes */
	bool too_long, refused;
	bool again; /* this is the second try */
	char trouble[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi;
	CURLSH *sessions; /* of TLS: whichever handle resumes one */
	struct handle *idle;
	size_t n_idle;
};

static _Noreturn void die(const char *what)
{
	log_error("http.open", "%s: no memory left", what);
	abort();
}

struct http *http_open(void)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die("libcurl");
	h->multi = curl_multi_init();
	h->sessions = curl_share_init();
	if (!h->multi || !h->sessions)
		die("libcurl");
	curl_share_setopt(
	    h->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(
	    h->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
	curl_multi_setopt(
	    h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return h;
}

static void close_handle(struct handle *x)
{
	curl_easy_cleanup(x->easy);
	curl_url_cleanup(x->target);
	mem_close(x->mem);
	free(x);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	while (h->idle) {
		struct handle *x = h->idle;

		h->idle = x->next;
		close_handle(x);
	}
	curl_multi_cleanup(h->multi);
	curl_share_cleanup(h->sessions);
	free(h);
	curl_global_cleanup();
}

/* Room for what the server announced, so that a long answer does not grow
 * through copies; what it announces beyond the limit is refused at once. */
static bool open_body(struct handle *x)
{
	curl_off_t announced = -1;
	size_t room = FIRST_ROOM;

	curl_easy_getinfo(
	    x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced >= 0 && (uint64_t)announced > x->call->max_bytes)
		return false;
	if (announced >= 0)
		room = (size_t)announced + 1;
	buf_open(&x->body, x->answer, room);
	return true;
}

static const char *find_header(CURL *easy, struct mem *m, const char *name)
{
	struct curl_header *found;

	if (!name || curl_easy_header(
			 easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return mem_text(m, found->value);
}

const char *http_find_header(
    const struct http_call *c, struct mem *m, const char *name)
{
	return c->running ? find_header(c->running, m, name) : NULL;
}

/* Status and headers, as far as they have come. */
static void take_head(struct handle *x)
{
	struct http_call *c = x->call;
	const char *type = NULL;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &c->status);
	curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
	c->content_type = type ? mem_text(x->answer, type) : NULL;
	c->header = find_header(x->easy, x->answer, c->want_header);
}

static bool is_accepted(struct handle *x)
{
	struct http_call *c = x->call;

	if (c->len)
		return true;
	take_head(x);
	if (c->status == 200 && (!c->accept || c->accept(c->ctx, c)))
		return true;
	x->refused = true;
	return false;
}

/* Hands a piece on. False: the call is to end. */
static bool pass_on(struct handle *x, const char *data, size_t len)
{
	struct http_call *c = x->call;

	if (!is_accepted(x))
		return false;
	if (len > c->max_bytes - c->len) {
		x->too_long = true;
		return false;
	}
	c->stopped = !c->sink(c->ctx, data, len);
	c->len += len;
	return !c->stopped;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct handle *x = arg;
	size_t len = size * n;

	if (x->call->sink)
		return (!len || pass_on(x, data, len)) ? len : len + 1;
	if ((!x->body.room && !open_body(x)) ||
	    len > x->call->max_bytes - x->body.len) {
		x->too_long = true;
		return len ? 0 : 1;
	}
	buf_add(&x->body, data, len);
	return len;
}

/* What holds for every call. Certificates are verified by default; it is said
 * here all the same, because nothing may ever switch it off. */
static void set_policy(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static struct handle *open_handle(struct http *h)
{
	struct handle *x = calloc(1, sizeof(*x));

	if (!x)
		die("handle");
	x->easy = curl_easy_init();
	x->target = curl_url();
	if (!x->easy || !x->target)
		die("handle");
	x->mem = mem_open(0);
	curl_easy_getinfo(x->easy, CURLINFO_CAINFO, &x->system_ca_file);
	curl_easy_getinfo(x->easy, CURLINFO_CAPATH, &x->system_ca_path);
	set_policy(x->easy);
	curl_easy_setopt(x->easy, CURLOPT_SHARE, h->sessions);
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->trouble);
	curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	return x;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool points_to(const struct handle *x, const struct http_call *c)
{
	return x->url && same(x->url, c->url) && same(x->ca_file, c->ca_file) &&
	       same(x->server_name, c->server_name);
}

/* An idle handle that points there already, else any, else a new one. */
static struct handle *take_handle(struct http *h, const struct http_call *c)
{
	struct handle **at = &h->idle, *x;

	for (struct handle **p = &h->idle; *p; p = &(*p)->next) {
		at = p;
		if (points_to(*p, c))
			break;
	}
	x = *at;
	if (!x)
		return open_handle(h);
	*at = x->next;
	h->n_idle--;
	return x;
}

static void give_back(struct http *h, struct handle *x)
{
	x->call = NULL;
	if (h->n_idle >= KEPT_HANDLES) {
		close_handle(x);
		return;
	}
	x->next = h->idle;
	h->idle = x;
	h->n_idle++;
}

static char *part(struct mem *m, CURLU *u, CURLUPart what, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, what, &text, flags) != CURLUE_OK)
		return NULL;
	copy = mem_text(m, text);
	curl_free(text);
	return copy;
}

/* The nodes lie in the pool: libcurl only reads them. */
static struct curl_slist *add_line(
    struct mem *m, struct curl_slist *list, const char *text)
{
	struct curl_slist *s = mem_alloc(m, sizeof(*s));

	s->data = mem_text(m, text);
	s->next = list;
	return s;
}

/* Gives the URL `name` for its host; answers the list that takes the
 * connection to where the URL pointed to. NULL: no usable name. */
static struct curl_slist *rename_host(struct mem *m, CURLU *u, const char *name)
{
	char *host = part(m, u, CURLUPART_HOST, 0);
	char *port = part(m, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);

	if (!host || !port ||
	    curl_url_set(u, CURLUPART_HOST, name, 0) != CURLUE_OK)
		return NULL;
	return add_line(
	    m, NULL, mem_print(m, "%s:%s:%s:%s", name, port, host, port));
}

/* An own CA file replaces the system's store, it does not add to it. */
static void set_trust(struct handle *x)
{
	curl_easy_setopt(x->easy, CURLOPT_CAINFO,
	    x->ca_file ? x->ca_file : x->system_ca_file);
	curl_easy_setopt(
	    x->easy, CURLOPT_CAPATH, x->ca_file ? NULL : x->system_ca_path);
}

/* Points the handle to the call's URL. Answers what is wrong, or NULL. */
static const char *point_to(struct handle *x, const struct http_call *c)
{
	struct curl_slist *route = NULL;
	CURLUcode code;

	x->url = NULL;
	mem_clear(x->mem);
	/* First nothing: a URL that is set over another one is read as a
	 * reference relative to it. */
	curl_url_set(x->target, CURLUPART_URL, NULL, 0);
	code =
	    curl_url_set(x->target, CURLUPART_URL, c->url, CURLU_DISALLOW_USER);
	if (code != CURLUE_OK)
		return curl_url_strerror(code);
	if (c->server_name &&
	    !(route = rename_host(x->mem, x->target, c->server_name)))
		return "the server name is no host name";
	x->url = mem_text(x->mem, c->url);
	x->ca_file = c->ca_file ? mem_text(x->mem, c->ca_file) : NULL;
	x->server_name =
	    c->server_name ? mem_text(x->mem, c->server_name) : NULL;
	curl_easy_setopt(x->easy, CURLOPT_CURLU, x->target);
	curl_easy_setopt(x->easy, CURLOPT_CONNECT_TO, route);
	set_trust(x);
	return NULL;
}

/* A control character in a header would begin another header. */
static bool header_is_fit(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* What is wrong with the headers, or NULL. The list is of the pool, as the
 * call is. */
static const char *set_headers(
    struct handle *x, struct mem *m, const struct http_call *c)
{
	/* No "Expect: 100-continue": a round trip for nothing. */
	static char expect[] = "Expect:";
	static struct curl_slist plain = {expect, NULL};
	struct curl_slist *list = &plain;
	const char *const *at = c->headers;

	for (; at && *at; at++) {
		if (!header_is_fit(*at))
			return "a control character in a header";
		list = add_line(m, list, *at);
	}
	if (c->traced && log_request_id()[0] && header_is_fit(log_request_id()))
		list = add_line(m, list,
		    mem_print(m, "X-Request-Id: %s", log_request_id()));
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, list);
	return NULL;
}

static bool is_repeatable(const struct http_call *c)
{
	return !c->body || c->may_repeat;
}

static void set_call(struct handle *x, const struct http_call *c)
{
	long connect_ms =
	    c->timeout_ms < CONNECT_MS ? c->timeout_ms : CONNECT_MS;
	if (c->body) {
		curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)c->body_len);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, c->body);
	} else {
		curl_easy_setopt(x->easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(
	    x->easy, CURLOPT_FRESH_CONNECT, is_repeatable(c) ? 0L : 1L);
	/* With a sink: no time for the whole, but for silence. */
	curl_easy_setopt(
	    x->easy, CURLOPT_TIMEOUT_MS, c->sink ? 0L : c->timeout_ms);
	curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, c->sink ? 1L : 0L);
	curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME,
	    c->sink ? (c->timeout_ms + 999) / 1000 : 0L);
	curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
}

static void refuse(struct http_call *c, enum err err, const char *why)
{
	c->err = err;
	c->trouble = why;
}

static void clear_answer(struct mem *m, struct http_call *c)
{
	c->err = ERR_UPSTREAM;
	c->status = 0;
	c->data = mem_text(m, "");
	c->len = 0;
	c->stopped = false;
	c->running = NULL;
	c->content_type = NULL;
	c->header = NULL;
	c->trouble = NULL;
	c->ms = 0;
}

/* Hands the call to libcurl, or refuses it. */
static void start_call(struct http *h, struct mem *m, struct http_call *c)
{
	struct handle *x;
	const char *wrong = NULL;

	clear_answer(m, c);
	if (c->timeout_ms <= 0) {
		refuse(c, ERR_LATE, "no time left");
		return;
	}
	x = take_handle(h, c);
	if (!points_to(x, c))
		wrong = point_to(x, c);
	if (!wrong)
		wrong = set_headers(x, m, c);
	if (wrong) {
		refuse(c, ERR_UPSTREAM, wrong);
		give_back(h, x);
		return;
	}
	set_call(x, c);
	x->call = c;
	c->running = x->easy;
	x->answer = m;
	x->body = (struct buf){0};
	x->too_long = x->refused = x->again = false;
	x->trouble[0] = '\0';
	curl_multi_add_handle(h->multi, x->easy);
}

static enum err err_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_LATE;
	default:
		return ERR_UPSTREAM;
	}
}

static void take_answer(struct handle *x, CURLcode code)
{
	struct http_call *c = x->call;
	curl_off_t us = 0;

	c->err = err_of(code);
	take_head(x);
	c->running = NULL;
	curl_easy_getinfo(x->easy, CURLINFO_TOTAL_TIME_T, &us);
	c->ms = (double)us / 1000;
	c->too_long = x->too_long;
	if (x->too_long)
		c->trouble = "the answer is too long";
	else if (x->refused)
		c->trouble = "the answer is not what was asked for";
	else if (c->stopped)
		c->trouble = "nobody takes the answer any more";
	else if (code != CURLE_OK)
		c->trouble = mem_text(x->answer,
		    x->trouble[0] ? x->trouble : curl_easy_strerror(code));
	if (x->body.room && !x->too_long) {
		c->data = x->body.data;
		c->len = x->body.len;
	}
}

/* A kept connection that the other side was closing just then: libcurl asks
 * again by itself in most cases, but not in all. */
static bool is_stale(const struct handle *x, CURLcode code)
{
	long connects = 1, head = 1;

	if (x->again || !is_repeatable(x->call) || x->body.room ||
	    (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR &&
		code != CURLE_GOT_NOTHING))
		return false;
	curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(x->easy, CURLINFO_HEADER_SIZE, &head);
	return connects == 0 && head == 0;
}

static void ask_again(struct http *h, struct handle *x)
{
	x->again = true;
	x->trouble[0] = '\0';
	curl_multi_remove_handle(h->multi, x->easy);
	curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_multi_add_handle(h->multi, x->easy);
}

/* Takes what has ended. */
static void collect(struct http *h)
{
	int left;
	CURLMsg *msg;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result;
		struct handle *x = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
		if (is_stale(x, code)) {
			ask_again(h, x);
			continue;
		}
		take_answer(x, code);
		curl_multi_remove_handle(h->multi, easy);
		give_back(h, x);
	}
}

static bool is_running(const struct http_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i].running)
			return true;
	return false;
}

void http_start(
    struct http *h, struct mem *m, struct http_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		start_call(h, m, &calls[i]);
}

void http_step(struct http *h)
{
	int unused;

	curl_multi_perform(h->multi, &unused);
	collect(h);
}

void http_wait(struct http *h, struct http_call *calls, size_t n)
{
	while (is_running(calls, n)) {
		http_step(h);
		/* Wakes for a socket or for libcurl's own next timer. */
		if (is_running(calls, n))
			curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
}

void http_drop(struct http *h, struct http_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct handle *x = NULL;

		if (!calls[i].running)
			continue;
		curl_easy_getinfo(calls[i].running, CURLINFO_PRIVATE, &x);
		curl_multi_remove_handle(h->multi, x->easy);
		calls[i].running = NULL;
		give_back(h, x);
	}
}

void http_run(struct http *h, struct mem *m, struct http_call *calls, size_t n)
{
	http_start(h, m, calls, n);
	http_wait(h, calls, n);
}

/* --- Mail ----------------------------------------------------------------- */

struct upload {
	const char *at;
	size_t left;
};

static size_t give_mail(char *out, size_t size, size_t n, void *arg)
{
	struct upload *u = arg;
	size_t len = size * n < u->left ? size * n : u->left;

	memcpy(out, u->at, len);
	u->at += len;
	u->left -= len;
	return len;
}

/* Without TLS a password or a letter goes no further than this machine. */
static bool is_near(struct mem *m, const char *uri)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool near = false;

	if (u && curl_url_set(u, CURLUPART_URL, uri, 0) == CURLUE_OK)
		host = part(m, u, CURLUPART_HOST, 0);
	near =
	    host && (!strcmp(host, "localhost") || !strcmp(host, "127.0.0.1") ||
			!strcmp(host, "[::1]"));
	curl_url_cleanup(u);
	return near;
}

static void set_mail(struct mem *m, CURL *e, const struct http_mail *mail,
    struct upload *upload, char *trouble)
{
	set_policy(e);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, trouble);
	curl_easy_setopt(e, CURLOPT_URL, mail->uri);
	curl_easy_setopt(e, CURLOPT_USE_SSL,
	    is_near(m, mail->uri) ? (long)CURLUSESSL_TRY
				  : (long)CURLUSESSL_ALL);
	if (mail->login[0]) {
		curl_easy_setopt(e, CURLOPT_USERNAME, mail->login);
		curl_easy_setopt(e, CURLOPT_PASSWORD, mail->password);
	}
	curl_easy_setopt(e, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, add_line(m, NULL, mail->to));
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, give_mail);
	curl_easy_setopt(e, CURLOPT_READDATA, upload);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, mail->timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
}

void http_send_mail(struct mem *m, struct http_mail *mail)
{
	struct upload upload = {mail->message, mail->len};
	char trouble[CURL_ERROR_SIZE] = "";
	CURL *e = curl_easy_init();
	CURLcode code;

	if (!e)
		die("mail");
	set_mail(m, e, mail, &upload, trouble);
	code = curl_easy_perform(e);
	mail->err = err_of(code);
	mail->trouble =
	    code == CURLE_OK
		? NULL
		: mem_text(m, trouble[0] ? trouble : curl_easy_strerror(code));
	curl_easy_cleanup(e);
}
