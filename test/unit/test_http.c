/* test_http.c: outgoing calls: overlap, limits, kept connections, trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gnutls/x509.h>

#include "base/mem.h"
#include "server.h"
#include "tools/http.h"

enum { LIMIT = 1 << 20 };

struct fix {
	struct mem *m;
	struct http *h;
	struct server s;
	char head[4096]; /* of the last request */
	size_t got;	 /* its body's length */
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	f->m = mem_open(0);
	f->h = http_open();
	f->s.arg = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->s.thread)
		server_close(&f->s);
	http_close(f->h);
	mem_close(f->m);
	free(f);
	return 0;
}

static void serve(struct fix *f, answer_fn *answer)
{
	assert_int_equal(server_open(&f->s, answer, false), 0);
}

static struct http_call call_to(const char *url)
{
	return (struct http_call){
	    .url = url, .timeout_ms = 5000, .max_bytes = LIMIT};
}

static struct http_call get(struct fix *f)
{
	struct http_call c = call_to(f->s.url);

	http_run(f->h, f->m, &c, 1);
	return c;
}

static struct http_call post(struct fix *f, bool may_repeat)
{
	struct http_call c = call_to(f->s.url);

	c.body = "hello";
	c.body_len = 5;
	c.may_repeat = may_repeat;
	http_run(f->h, f->m, &c, 1);
	return c;
}

static bool say_ok(struct conn *c, const struct request *r)
{
	struct fix *f = c->server->arg;

	snprintf(f->head, sizeof(f->head), "%s", r->head);
	f->got = r->body_len;
	conn_answer(c, 200, "text/plain; charset=utf-8", "fine");
	return true;
}

static void get_and_post(void **state)
{
	static const char *const headers[] = {
	    "X-One: 1", "Content-Type: a/b", NULL};
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_ok);
	c = get(f);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.data, "fine");
	assert_int_equal(c.len, 4);
	assert_string_equal(c.content_type, "text/plain; charset=utf-8");
	assert_null(c.trouble);
	assert_true(c.ms > 0);
	assert_memory_equal(f->head, "GET / HTTP/1.1\r\n", 16);

	c = call_to(f->s.url);
	c.body = "a\0b";
	c.body_len = 3;
	c.headers = headers;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(f->got, 3);
	assert_memory_equal(f->head, "POST / HTTP/1.1\r\n", 17);
	assert_non_null(strstr(f->head, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(f->head, "\r\nContent-Type: a/b\r\n"));

	/* The same handle again: nothing of the post may stay behind. */
	c = get(f);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(f->got, 0);
	assert_memory_equal(f->head, "GET / HTTP/1.1\r\n", 16);
	assert_null(strstr(f->head, "X-One"));
}

static void big_post_without_expect(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_ok);
	c = call_to(f->s.url);
	c.body_len = 3 << 20;
	c.body = mem_alloc(f->m, c.body_len);
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(f->got, 3 << 20);
	assert_null(strcasestr(f->head, "expect"));
}

static bool say_status(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 OK\r\nX-VCS-Status: 17\r\n"
		     "Content-Length: 0\r\n\r\n");
	return true;
}

static void wanted_header(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_status);
	c = call_to(f->s.url);
	c.want_header = "x-vcs-status";
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_OK);
	assert_string_equal(c.header, "17");
	assert_string_equal(c.data, "");
	c.want_header = "X-Other";
	http_run(f->h, f->m, &c, 1);
	assert_null(c.header);
}

static bool redirect(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
		     "Content-Length: 0\r\n\r\n");
	return true;
}

static void redirect_is_not_followed(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, redirect);
	c = get(f);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.status, 302);
	assert_int_equal(server_requests(&f->s), 1);
}

static bool say_503(struct conn *c, const struct request *r)
{
	(void)r;
	conn_answer(c, 503, "text/html", "busy");
	return true;
}

static void any_status_is_an_answer(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_503);
	c = get(f);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.status, 503);
	assert_string_equal(c.data, "busy");
}

static bool answer_after_three(struct conn *c, const struct request *r)
{
	(void)r;
	if (!server_wait(c->server, 3))
		return false;
	conn_answer(c, 200, "a/b", "ok");
	return true;
}

/* No answer leaves before all have asked: one after the other would end in
 * three deadlines. */
static void calls_overlap(void **state)
{
	struct fix *f = *state;
	struct http_call c[3];

	serve(f, answer_after_three);
	for (size_t i = 0; i < 3; i++)
		c[i] = call_to(f->s.url);
	http_run(f->h, f->m, c, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c[i].err, ERR_OK);
	assert_int_equal(server_conns(&f->s), 3);
	/* The three connections are kept, and serve again. */
	http_run(f->h, f->m, c, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c[i].err, ERR_OK);
	assert_int_equal(server_conns(&f->s), 3);
}

static bool hang_on_hang(struct conn *c, const struct request *r)
{
	if (strncmp(r->head, "GET /hang", 9) == 0)
		return server_wait(c->server, SIZE_MAX);
	conn_answer(c, 200, "a/b", "ok");
	return true;
}

static void deadline(void **state)
{
	struct fix *f = *state;
	struct http_call c[2];
	char url[80];

	serve(f, hang_on_hang);
	snprintf(url, sizeof(url), "%shang", f->s.url);
	c[0] = call_to(url);
	c[0].timeout_ms = 50;
	c[1] = call_to(f->s.url);
	http_run(f->h, f->m, c, 2);
	assert_int_equal(c[0].err, ERR_LATE);
	assert_non_null(c[0].trouble);
	assert_string_equal(c[0].data, "");
	assert_int_equal(c[1].err, ERR_OK);
}

static bool answer_after_two(struct conn *c, const struct request *r)
{
	if (!server_wait(c->server, 2))
		return false;
	conn_answer(c, 200, "a/b", strncmp(r->head, "GET /a", 6) ? "b" : "a");
	return true;
}

/* Nobody is answered before both have asked. */
static void others_while_one_is_under_way(void **state)
{
	struct fix *f = *state;
	struct mem *own = mem_open(0);
	struct http_call a, b;
	char url[80];

	serve(f, answer_after_two);
	snprintf(url, sizeof(url), "%sa", f->s.url);
	a = call_to(url);
	b = call_to(f->s.url);
	http_start(f->h, f->m, &a, 1);
	http_step(f->h);
	http_run(f->h, own, &b, 1);
	assert_int_equal(b.err, ERR_OK);
	assert_string_equal(b.data, "b");
	mem_close(own);
	http_wait(f->h, &a, 1);
	assert_int_equal(a.err, ERR_OK);
	assert_string_equal(a.data, "a");
	http_wait(f->h, &a, 1); /* has ended */
	http_drop(f->h, &a, 1);
	assert_string_equal(a.data, "a");
}

/* Its memory is gone at once, and its answer is not the next one's. */
static void dropped(void **state)
{
	struct fix *f = *state;
	struct mem *own = mem_open(0);
	struct http_call c[2];
	char url[80];

	serve(f, hang_on_hang);
	snprintf(url, sizeof(url), "%shang", f->s.url);
	c[0] = call_to(mem_text(own, url));
	c[1] = call_to(""); /* refused before it began */
	http_start(f->h, own, c, 2);
	while (!server_requests(&f->s))
		http_step(f->h);
	http_drop(f->h, c, 2);
	memset(c, 0xff, sizeof(c));
	mem_close(own);
	for (int i = 0; i < 3; i++)
		assert_string_equal(get(f).data, "ok");
	http_step(f->h);
}

static void no_time_left(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_ok);
	c = call_to(f->s.url);
	c.timeout_ms = 0;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_LATE);
	c.timeout_ms = -5;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_LATE);
	assert_int_equal(server_conns(&f->s), 0);
}

/* "/N" answers N bytes with their length, "/cN" the same in chunks. */
static bool say_bytes(struct conn *c, const struct request *r)
{
	bool chunked = r->head[5] == 'c';
	size_t n = strtoul(r->head + 5 + chunked, NULL, 10);
	char head[128], *data = malloc(n + 1);

	memset(data, 'x', n + 1);
	if (!chunked)
		snprintf(head, sizeof(head),
		    "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", n);
	else
		snprintf(head, sizeof(head),
		    "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "%zx\r\n",
		    n);
	conn_text(c, head);
	conn_send(c, data, n);
	if (chunked)
		conn_text(c, "\r\n0\r\n\r\n");
	free(data);
	return true;
}

static struct http_call get_bytes(struct fix *f, const char *path, size_t max)
{
	struct http_call c = call_to(mem_print(f->m, "%s%s", f->s.url, path));

	c.max_bytes = max;
	http_run(f->h, f->m, &c, 1);
	return c;
}

static void long_answers(void **state)
{
	static const char *const paths[] = {"300000", "c300000"};
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_bytes);
	for (size_t i = 0; i < 2; i++) {
		c = get_bytes(f, paths[i], 300000);
		assert_int_equal(c.err, ERR_OK);
		assert_int_equal(c.len, 300000);
		assert_int_equal(strspn(c.data, "x"), 300000);
		assert_int_equal(c.data[300000], '\0');
		c = get_bytes(f, paths[i], 299999);
		assert_int_equal(c.err, ERR_UPSTREAM);
		assert_string_equal(c.trouble, "the answer is too long");
		assert_int_equal(c.len, 0);
	}
	c = get_bytes(f, "c0", 0);
	assert_int_equal(c.err, ERR_OK);
	assert_string_equal(c.data, "");
}

static bool announce_and_hang(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 X\r\nContent-Length: 2000000000\r\n\r\nx");
	return server_wait(c->server, SIZE_MAX);
}

/* Refused by what it says of itself: nothing is reserved or waited for. */
static void announced_too_long(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, announce_and_hang);
	c = get(f);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_string_equal(c.trouble, "the answer is too long");
	assert_true(mem_used(f->m) < LIMIT);
}

static bool break_off(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\nhalf");
	return false;
}

static void answer_breaks_off(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, break_off);
	c = get(f);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.data, "half");
	assert_non_null(c.trouble);
}

static bool hang_up(struct conn *c, const struct request *r)
{
	(void)c;
	(void)r;
	return false;
}

static void no_answer(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, hang_up);
	c = get(f);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(c.status, 0);
	assert_non_null(c.trouble);
	c = post(f, true);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(server_requests(&f->s), 2);
}

static void nobody_listens(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_ok);
	server_close(&f->s);
	f->s.thread = 0;
	c = get(f);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_non_null(c.trouble);
}

static void connection_is_kept(void **state)
{
	struct fix *f = *state;

	serve(f, say_ok);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(post(f, true).err, ERR_OK);
	assert_int_equal(get(f).err, ERR_OK);
	assert_int_equal(server_requests(&f->s), 6);
	assert_int_equal(server_conns(&f->s), 1);
}

static bool say_ok_and_hang_up(struct conn *c, const struct request *r)
{
	say_ok(c, r);
	return false;
}

/* A server that keeps no connection, without saying so. */
static void idle_connections_closed(void **state)
{
	struct fix *f = *state;

	serve(f, say_ok_and_hang_up);
	for (size_t i = 0; i < 10; i++) {
		struct http_call c = post(f, true);

		assert_int_equal(c.err, ERR_OK);
		assert_string_equal(c.data, "fine");
	}
	assert_int_equal(server_requests(&f->s), 10);
}

/* Takes the second request of a connection and dies. */
static bool die_at_second(struct conn *c, const struct request *r)
{
	if (r->on_connection == 2)
		return false;
	return say_ok(c, r);
}

static void reading_post_is_repeated(void **state)
{
	struct fix *f = *state;

	serve(f, die_at_second);
	assert_int_equal(post(f, true).err, ERR_OK);
	assert_int_equal(post(f, true).err, ERR_OK);
	assert_int_equal(server_requests(&f->s), 3);
}

static bool die_at_later(struct conn *c, const struct request *r)
{
	return r->number == 1 && say_ok(c, r);
}

static void writing_post_is_sent_once(void **state)
{
	struct fix *f = *state;

	serve(f, die_at_later);
	assert_int_equal(get(f).err, ERR_OK); /* leaves a kept connection */
	assert_int_equal(post(f, false).err, ERR_UPSTREAM);
	assert_int_equal(server_requests(&f->s), 2);
	assert_int_equal(server_conns(&f->s), 2);
}

static void refused_unsent(struct fix *f, const char *url)
{
	struct http_call c = call_to(url);

	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_non_null(c.trouble);
	assert_int_equal(c.status, 0);
}

static void urls_refused(void **state)
{
	struct fix *f = *state;
	const char *at;

	serve(f, say_ok);
	at = strstr(f->s.url, "127");
	assert_int_equal(get(f).err, ERR_OK);
	assert_int_equal(server_requests(&f->s), 1);
	refused_unsent(f, "");
	refused_unsent(f, "/path");
	refused_unsent(f, at);
	refused_unsent(f, "file:///etc/hostname");
	refused_unsent(f, mem_print(f->m, "ftp://%s", at));
	refused_unsent(f, mem_print(f->m, "http://user:word@%s", at));
	refused_unsent(f, mem_print(f->m, "http://user@%s", at));
	refused_unsent(f, mem_print(f->m, "%sa\r\nX: y", f->s.url));
	assert_int_equal(server_requests(&f->s), 1);
	assert_int_equal(get(f).err, ERR_OK); /* no handle is spoilt */
}

static void header_forgery_refused(void **state)
{
	static const char *const forged[] = {"X-A: 1\r\nX-B: 2", NULL};
	struct fix *f = *state;
	struct http_call c;

	serve(f, say_ok);
	c = call_to(f->s.url);
	c.headers = forged;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(server_conns(&f->s), 0);
	c.headers = NULL;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_OK);
}

static void no_proxy_from_environment(void **state)
{
	struct fix *f = *state;

	serve(f, say_ok);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(get(f).err, ERR_OK);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void server_name_and_ipv6(void **state)
{
	struct fix *f = *state;
	struct http_call c;

	if (server_open(&f->s, say_ok, true) < 0)
		skip(); /* no IPv6 here */
	c = call_to(f->s.url);
	c.server_name = "vcs.test";
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_OK);
	assert_non_null(strstr(
	    f->head, mem_print(f->m, "\r\nHost: vcs.test:%d\r\n", f->s.port)));
	c.server_name = "not a/host";
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(server_requests(&f->s), 1);
}

/* More calls at once than handles and connections are kept. */
static void many_calls(void **state)
{
	enum { MANY = 25 };
	struct fix *f = *state;
	struct http_call c[MANY];

	serve(f, say_503);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			c[i] = call_to(f->s.url);
			if (round)
				c[i].url = i % 2 ? "http://" : f->s.url;
		}
		http_run(f->h, f->m, c, round ? 6 : MANY);
		for (size_t i = 0; i < (round ? 6 : MANY); i++)
			assert_int_equal(
			    c[i].err, round && i % 2 ? ERR_UPSTREAM : ERR_OK);
	}
}

/* --- Streamed bodies ------------------------------------------------------ */

enum { PIECE = 64 * 1024, PIECES = 1600 }; /* 100 MiB */

struct taken {
	size_t asked, pieces, bytes, biggest;
	size_t stop_at; /* 0: takes all */
	bool no;	/* to what is accepted */
	bool wrong;	/* other bytes than were sent */
	long status;
	char type[64], header[64], other[64];
	struct mem *m;
};

static bool take_or_not(void *ctx, const struct http_call *c)
{
	struct taken *t = ctx;
	const char *other = http_find_header(c, t->m, "X-Other");

	t->asked++;
	t->status = c->status;
	snprintf(t->type, sizeof(t->type), "%s",
	    c->content_type ? c->content_type : "");
	snprintf(
	    t->header, sizeof(t->header), "%s", c->header ? c->header : "");
	snprintf(t->other, sizeof(t->other), "%s", other ? other : "");
	return !t->no;
}

static bool take_piece(void *ctx, const void *data, size_t len)
{
	struct taken *t = ctx;
	const char *bytes = data;

	for (size_t i = 0; i < len; i++)
		t->wrong |= bytes[i] != (char)('a' + (t->bytes + i) % 23);
	t->pieces++;
	t->bytes += len;
	if (len > t->biggest)
		t->biggest = len;
	return !t->stop_at || t->bytes < t->stop_at;
}

static struct http_call stream(struct fix *f, struct taken *t)
{
	struct http_call c = call_to(f->s.url);

	t->m = f->m;
	c.max_bytes = SIZE_MAX;
	c.want_header = "X-VCS-Status";
	c.accept = take_or_not;
	c.sink = take_piece;
	c.ctx = t;
	http_run(f->h, f->m, &c, 1);
	return c;
}

static void send_pieces(struct conn *c, size_t n)
{
	char piece[PIECE];
	size_t at = 0;

	for (; n; n--) {
		for (size_t i = 0; i < PIECE; i++)
			piece[i] = (char)('a' + at++ % 23);
		conn_send(c, piece, PIECE);
	}
}

static bool send_much(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n"
		     "Connection: close\r\n\r\n");
	send_pieces(c, PIECES);
	return false;
}

static void stream_in_constant_memory(void **state)
{
	struct fix *f = *state;
	struct taken t = {0};
	struct http_call c;

	serve(f, send_much);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.len, (size_t)PIECE * PIECES);
	assert_int_equal(t.bytes, c.len);
	assert_false(t.wrong);
	assert_int_equal(t.asked, 1);
	assert_int_equal(t.status, 200);
	assert_string_equal(t.type, "application/pdf");
	assert_string_equal(c.data, "");
	assert_true(t.biggest <= PIECE);
	assert_true(mem_used(f->m) < PIECE);
}

static bool send_refusal(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 OK\r\nX-VCS-Status: 17\r\n"
		     "X-Other: more\r\nContent-Type: "
		     "text/html\r\nContent-Length: 4\r\n\r\n"
		     "abcd");
	return true;
}

static void stream_refused_by_its_head(void **state)
{
	struct fix *f = *state;
	struct taken t = {.no = true};
	struct http_call c;

	serve(f, send_refusal);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_non_null(c.trouble);
	assert_false(c.stopped);
	assert_int_equal(t.asked, 1);
	assert_string_equal(t.header, "17");
	assert_string_equal(t.type, "text/html");
	assert_string_equal(t.other, "more");
	assert_null(http_find_header(&c, f->m, "X-Other"));
	assert_int_equal(t.pieces, 0);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.header, "17");
}

static bool send_failure(struct conn *c, const struct request *r)
{
	conn_answer(c, r->number == 1 ? 500 : 200, "application/pdf",
	    r->number == 1 ? "abcd" : "");
	return true;
}

static void stream_of_other_status_or_nothing(void **state)
{
	struct fix *f = *state;
	struct taken t = {0};
	struct http_call c;

	serve(f, send_failure);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_int_equal(c.status, 500);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(c.status, 200);
	assert_int_equal(c.len, 0);
	assert_int_equal(t.asked, 0);
	assert_int_equal(t.pieces, 0);
}

static bool send_part(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n");
	send_pieces(c, 1);
	return false;
}

static void stream_breaks_off(void **state)
{
	struct fix *f = *state;
	struct taken t = {0};
	struct http_call c;

	serve(f, send_part);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_false(c.stopped);
	assert_int_equal(t.bytes, PIECE);
	assert_int_equal(c.len, PIECE);
}

static void stream_stopped_by_sink(void **state)
{
	struct fix *f = *state;
	struct taken t = {.stop_at = 1};
	struct http_call c;

	serve(f, send_much);
	c = stream(f, &t);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_true(c.stopped);
	assert_int_equal(t.pieces, 1);

	/* The same handle, and a call without a sink. */
	server_close(&f->s);
	f->s = (struct server){.arg = f};
	serve(f, say_ok);
	c = get(f);
	assert_int_equal(c.err, ERR_OK);
	assert_false(c.stopped);
	assert_string_equal(c.data, "fine");
	assert_int_equal(c.len, 4);
}

static void stream_bounded(void **state)
{
	struct fix *f = *state;
	struct taken t = {0};
	struct http_call c = call_to(f->s.url);

	serve(f, send_much);
	c.url = f->s.url;
	c.max_bytes = 3 * PIECE;
	c.sink = take_piece;
	c.ctx = &t;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_UPSTREAM);
	assert_true(t.bytes <= 3 * PIECE);
	assert_int_equal(t.asked, 0);
}

/* A silence ends it; how long the whole takes does not count. */
static bool send_then_hang(struct conn *c, const struct request *r)
{
	(void)r;
	conn_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n");
	send_pieces(c, 1);
	server_wait(c->server, SIZE_MAX);
	return false;
}

static void stream_falls_silent(void **state)
{
	struct fix *f = *state;
	struct taken t = {0};
	struct http_call c = call_to(f->s.url);

	serve(f, send_then_hang);
	c.url = f->s.url;
	c.timeout_ms = 1000;
	c.max_bytes = SIZE_MAX;
	c.sink = take_piece;
	c.ctx = &t;
	http_run(f->h, f->m, &c, 1);
	assert_int_equal(c.err, ERR_LATE);
	assert_int_equal(t.bytes, PIECE);
}

/* A test authority and a certificate for vcs.test and localhost, signed by
 * it; the authority also as a file. */
struct trust {
	gnutls_certificate_credentials_t cred;
	char ca_file[32], other_file[32];
};

static gnutls_x509_privkey_t make_key(void)
{
	gnutls_x509_privkey_t key;

	gnutls_x509_privkey_init(&key);
	assert_int_equal(
	    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	return key;
}

static gnutls_x509_crt_t make_cert(const char *name, unsigned char serial,
    gnutls_x509_privkey_t key, bool is_ca)
{
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);

	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, now - 60);
	gnutls_x509_crt_set_expiration_time(crt, now + 3600);
	gnutls_x509_crt_set_dn_by_oid(
	    crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_set_basic_constraints(crt, is_ca, -1);
	gnutls_x509_crt_set_key_usage(crt,
	    is_ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE);
	return crt;
}

static void write_pem(gnutls_x509_crt_t crt, char *path)
{
	gnutls_datum_t pem;
	int fd;

	strcpy(path, "/tmp/test_http_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	assert_int_equal(write(fd, pem.data, pem.size), pem.size);
	close(fd);
	gnutls_free(pem.data);
}

static void add_name(gnutls_x509_crt_t crt, const char *name)
{
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
	    (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static void open_trust(struct trust *t)
{
	gnutls_x509_privkey_t ca_key = make_key(), key = make_key();
	gnutls_x509_crt_t ca = make_cert("Test CA", 1, ca_key, true);
	gnutls_x509_crt_t other = make_cert("Other CA", 1, key, true);
	gnutls_x509_crt_t crt = make_cert("vcs.test", 2, key, false);

	add_name(crt, "vcs.test");
	add_name(crt, "localhost");
	gnutls_x509_crt_sign2(ca, ca, ca_key, GNUTLS_DIG_SHA256, 0);
	gnutls_x509_crt_sign2(other, other, key, GNUTLS_DIG_SHA256, 0);
	gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0);
	write_pem(ca, t->ca_file);
	write_pem(other, t->other_file);
	gnutls_certificate_allocate_credentials(&t->cred);
	assert_true(
	    gnutls_certificate_set_x509_key(t->cred, &crt, 1, key) >= 0);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_crt_deinit(other);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(ca_key);
	gnutls_x509_privkey_deinit(key);
}

static void close_trust(struct trust *t)
{
	unlink(t->ca_file);
	unlink(t->other_file);
	gnutls_certificate_free_credentials(t->cred);
}

static enum err tls_call(struct fix *f, const char *host, const char *ca_file,
    const char *server_name)
{
	struct http_call c =
	    call_to(mem_print(f->m, "https://%s:%d/", host, f->s.port));

	c.ca_file = ca_file;
	c.server_name = server_name;
	http_run(f->h, f->m, &c, 1);
	if (c.err)
		assert_non_null(c.trouble);
	else
		assert_string_equal(c.data, "fine");
	return c.err;
}

static void tls_trust(void **state)
{
	struct fix *f = *state;
	struct trust t;
	const char *ip = "127.0.0.1", *ca = t.ca_file;

	open_trust(&t);
	f->s.cert = t.cred;
	f->s.priority = "NORMAL";
	serve(f, say_ok);
	assert_int_equal(tls_call(f, "localhost", ca, NULL), ERR_OK);
	assert_int_equal(tls_call(f, ip, ca, "vcs.test"), ERR_OK);
	assert_int_equal(tls_call(f, ip, ca, "vcs.test"), ERR_OK);
	assert_int_equal(server_conns(&f->s), 2);
	/* Trusted connections are open now; none may serve these. */
	assert_int_equal(tls_call(f, ip, ca, NULL), ERR_UPSTREAM);
	assert_int_equal(tls_call(f, ip, ca, "other.test"), ERR_UPSTREAM);
	assert_int_equal(tls_call(f, ip, NULL, "vcs.test"), ERR_UPSTREAM);
	assert_int_equal(tls_call(f, "localhost", NULL, NULL), ERR_UPSTREAM);
	assert_int_equal(
	    tls_call(f, ip, t.other_file, "vcs.test"), ERR_UPSTREAM);
	assert_int_equal(
	    tls_call(f, ip, "/nowhere.pem", "vcs.test"), ERR_UPSTREAM);
	assert_int_equal(server_requests(&f->s), 3);
	assert_int_equal(tls_call(f, ip, ca, "vcs.test"), ERR_OK);
	server_close(&f->s);
	f->s.thread = 0;
	close_trust(&t);
}

/* Two at once, then two at once again: each on a connection of its own, and
 * whichever handle makes it, it goes on with the session that is known. */
static void tls_sessions_resumed(void **state)
{
	struct fix *f = *state;
	struct trust t;
	struct http_call pair[2];

	open_trust(&t);
	f->s.cert = t.cred;
	f->s.priority = "NORMAL:-VERS-TLS1.3";
	f->s.resumes = true; /* by ids: libcurl takes no tickets with GnuTLS */
	serve(f, say_ok_and_hang_up);
	assert_int_equal(tls_call(f, "localhost", t.ca_file, NULL), ERR_OK);
	for (int i = 0; i < 4; i++) {
		pair[0] = call_to(
		    mem_print(f->m, "https://localhost:%d/%d", f->s.port, i));
		pair[0].ca_file = t.ca_file;
		pair[1] = pair[0];
		http_run(f->h, f->m, pair, 2);
		assert_int_equal(pair[0].err, ERR_OK);
		assert_int_equal(pair[1].err, ERR_OK);
	}
	assert_int_equal(server_conns(&f->s), 9);
	assert_int_equal(server_resumed(&f->s), 8);
	/* A session is no way around the trust in a certificate. */
	assert_int_equal(
	    tls_call(f, "localhost", t.other_file, NULL), ERR_UPSTREAM);
	assert_int_equal(tls_call(f, "localhost", NULL, NULL), ERR_UPSTREAM);
	assert_int_equal(
	    tls_call(f, "127.0.0.1", t.ca_file, "other.test"), ERR_UPSTREAM);
	assert_int_equal(server_resumed(&f->s), 8);
	server_close(&f->s);
	f->s.thread = 0;
	server_forget_sessions(&f->s);
	close_trust(&t);
}

static void tls_old_version_refused(void **state)
{
	struct fix *f = *state;
	struct trust t;

	open_trust(&t);
	f->s.cert = t.cred;
	f->s.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";
	serve(f, say_ok);
	assert_int_equal(
	    tls_call(f, "127.0.0.1", t.ca_file, "vcs.test"), ERR_UPSTREAM);
	assert_int_equal(server_requests(&f->s), 0);
	server_close(&f->s);
	f->s.thread = 0;
	close_trust(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(get_and_post),
	    TEST(big_post_without_expect),
	    TEST(wanted_header),
	    TEST(redirect_is_not_followed),
	    TEST(any_status_is_an_answer),
	    TEST(calls_overlap),
	    TEST(deadline),
	    TEST(others_while_one_is_under_way),
	    TEST(dropped),
	    TEST(no_time_left),
	    TEST(long_answers),
	    TEST(announced_too_long),
	    TEST(answer_breaks_off),
	    TEST(no_answer),
	    TEST(nobody_listens),
	    TEST(connection_is_kept),
	    TEST(idle_connections_closed),
	    TEST(reading_post_is_repeated),
	    TEST(writing_post_is_sent_once),
	    TEST(urls_refused),
	    TEST(header_forgery_refused),
	    TEST(no_proxy_from_environment),
	    TEST(server_name_and_ipv6),
	    TEST(many_calls),
	    TEST(stream_in_constant_memory),
	    TEST(stream_refused_by_its_head),
	    TEST(stream_of_other_status_or_nothing),
	    TEST(stream_breaks_off),
	    TEST(stream_stopped_by_sink),
	    TEST(stream_bounded),
	    TEST(stream_falls_silent),
	    TEST(tls_trust),
	    TEST(tls_old_version_refused),
	    TEST(tls_sessions_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
