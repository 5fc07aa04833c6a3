/* test_rpc.c: JSON-RPC: what is sent, and what any answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "server.h"
#include "tools/http.h"
#include "tools/rpc.h"
#include "tools/rpc_parse.h"

enum { N = 3 };

struct fix {
	struct mem *m;
	struct http *h;
	struct rpc_call calls[N];
	struct rpc_post post;
	struct server server;
};

static int setup(void **state)
{
	static const char *const names[N] = {"a.get", "b.get", "c.get"};
	struct fix *f = calloc(1, sizeof(*f));

	f->m = mem_open(0);
	f->h = http_open();
	for (size_t i = 0; i < N; i++)
		f->calls[i].method = names[i];
	f->post = (struct rpc_post){.timeout_ms = 5000,
	    .max_bytes = 1 << 20,
	    .may_repeat = true,
	    .calls = f->calls,
	    .n = N};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	http_close(f->h);
	mem_close(f->m);
	free(f);
	return 0;
}

/* The answer `text` to a post of `n` calls. */
static struct rpc_call *parse_for(struct fix *f, size_t n, const char *text)
{
	f->post.n = n;
	rpc_parse_answer(f->m, &f->post, text, strlen(text), true);
	return f->calls;
}

static const char *result_text(const struct rpc_call *c)
{
	assert_int_equal(c->err, ERR_OK);
	return json_text(c->result, NULL)
		   ? json_text(c->result, NULL)
		   : json_write(json_pool(c->result), c->result, NULL);
}

static void request_single(void **state)
{
	struct fix *f = *state;
	size_t len;
	char *text;

	f->post.n = 1;
	f->calls[0].params = json_constant(
	    f->m, "{\"AUTH\":\"t/1\",\"ids\":[1,2],\"s\":\"\\\"\\n\"}");
	text = rpc_make_request(f->m, &f->post, &len);
	assert_string_equal(text,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.get\",\"params\":"
	    "{\"AUTH\":\"t/1\",\"ids\":[1,2],\"s\":\"\\\"\\n\"}}");
	assert_int_equal(len, strlen(text));
}

static void request_batch(void **state)
{
	struct fix *f = *state;
	size_t len;

	f->post.n = 2;
	f->calls[1].method = "b\"get";
	assert_string_equal(rpc_make_request(f->m, &f->post, &len),
	    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.get\"},"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"b\\\"get\"}]");
}

static void answer_single(void **state)
{
	struct rpc_call *c = parse_for(*state, 1,
	    " {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":1}} \r\n");

	assert_string_equal(result_text(c), "{\"x\":1}");
	assert_null(c->message);
}

static void answer_null(void **state)
{
	struct rpc_call *c = parse_for(*state, 1, "{\"id\":1,\"result\":null}");

	assert_int_equal(c->err, ERR_OK);
	assert_null(c->result);
}

static void answers_in_any_order(void **state)
{
	struct rpc_call *c = parse_for(*state, 3,
	    "[{\"id\":3,\"result\":\"C\"},{\"id\":\"1\",\"result\":\"A\"},"
	    "{\"id\":2,\"error\":{\"code\":-32601,\"message\":\"no\","
	    "\"data\":{\"k\":1}}}]");

	assert_string_equal(result_text(&c[0]), "A");
	assert_string_equal(result_text(&c[2]), "C");
	assert_int_equal(c[1].err, ERR_RULE);
	assert_int_equal(c[1].code, -32601);
	assert_string_equal(c[1].message, "no");
	assert_string_equal(c[1].data, "{\"k\":1}");
	assert_null(c[1].result);
}

static void answers_missing_foreign_double(void **state)
{
	struct rpc_call *c = parse_for(*state, 3,
	    "[{\"id\":2,\"result\":\"first\"},{\"id\":2,\"result\":\"second\"},"
	    "{\"id\":0,\"result\":7},{\"id\":4,\"result\":7},"
	    "{\"id\":-1,\"result\":7},{\"id\":\"1x\",\"result\":7},"
	    "{\"id\":\"\",\"result\":7},{\"id\":1.0,\"result\":7},"
	    "{\"id\":true,\"result\":7},{\"id\":[1],\"result\":7},"
	    "{\"id\":99999999999999999999,\"result\":7},5,null,[],{}]");

	assert_string_equal(result_text(&c[1]), "first");
	assert_int_equal(c[0].err, ERR_UPSTREAM);
	assert_int_equal(c[2].err, ERR_UPSTREAM);
	assert_string_equal(c[2].message, "no answer to this call");
}

/* "Could not even read your batch." */
static void error_without_id(void **state)
{
	struct rpc_call *c = parse_for(*state, 2,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"
	    "{\"code\":-32700,\"message\":\"Parse error\"}}");

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(c[i].err, ERR_UPSTREAM);
		assert_int_equal(c[i].code, -32700);
		assert_string_equal(c[i].message, "Parse error");
	}
	c = parse_for(*state, 2,
	    "[{\"error\":{\"message\":\"half\"}},{\"id\":2,\"result\":2}]");
	assert_int_equal(c[0].err, ERR_UPSTREAM);
	assert_string_equal(c[0].message, "half");
	assert_int_equal(c[1].err, ERR_OK);
}

/* A result that belongs to nobody must not reach anybody. */
static void result_without_id(void **state)
{
	struct rpc_call *c = parse_for(*state, 1, "{\"result\":{\"x\":1}}");

	assert_int_equal(c->err, ERR_UPSTREAM);
	assert_null(c->result);
}

static void errors_of_odd_shapes(void **state)
{
	struct rpc_call *c;

	c = parse_for(*state, 1, "{\"id\":1,\"error\":{\"message\":\"m\"}}");
	assert_int_equal(c->err, ERR_RULE);
	assert_int_equal(c->code, 0);
	assert_string_equal(c->message, "m");
	assert_null(c->data);
	c = parse_for(*state, 1, "{\"id\":1,\"error\":{}}");
	assert_int_equal(c->err, ERR_RULE);
	assert_null(c->message);
	c = parse_for(*state, 1, "{\"id\":1,\"error\":\"tag-taken\"}");
	assert_int_equal(c->err, ERR_RULE);
	assert_string_equal(c->message, "tag-taken");
	c = parse_for(*state, 1,
	    "{\"id\":1,\"error\":{\"code\":\"-5\",\"message\":[1],"
	    "\"data\":\"d\"}}");
	assert_int_equal(c->code, -5);
	assert_string_equal(c->message, "[1]");
	assert_string_equal(c->data, "d");
}

static void result_and_error(void **state)
{
	struct rpc_call *c;

	c = parse_for(*state, 1, "{\"id\":1,\"result\":1,\"error\":{}}");
	assert_int_equal(c->err, ERR_RULE);
	assert_null(c->result);
	c = parse_for(*state, 1, "{\"id\":1,\"result\":1,\"error\":null}");
	assert_string_equal(result_text(c), "1");
	c = parse_for(*state, 1, "{\"id\":1}");
	assert_int_equal(c->err, ERR_UPSTREAM);
	assert_string_equal(c->message, "neither result nor error");
}

static void digits_are_kept(void **state)
{
	static const char *const kept[] = {"0.123456789012345678901234567890",
	    "-100.10", "0.1000", "1e-7", "9223372036854775807",
	    "18446744073709551615", "99999999999999999999",
	    "-9223372036854775808"};
	struct rpc_call *c;
	char text[128];

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		snprintf(
		    text, sizeof(text), "{\"id\":1,\"result\":%s}", kept[i]);
		c = parse_for(*state, 1, text);
		assert_string_equal(result_text(c), kept[i]);
	}
}

static void not_json(void **state)
{
	static const char *const texts[] = {"", " \n", "<html>", "nul!",
	    "{\"id\":1,\"result\":1}x", "{\"id\":1,\"result\":1}{}",
	    "{\"id\":1,\"result\":1,}", "{\"id\":1,\"result\":'1'}",
	    "{\"id\":1,\"result\":01}", "{\"id\":1,\"result\":\"\xff\"}",
	    "{\"id\":1,\"result\":\"123456789\xc3(123456789\"}", "\"text\"",
	    "{\"id\":1,\"result\":1]"};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		parse_for(f, 1, texts[i]);
		parse_for(f, 1, texts[i]);
		assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
		assert_null(f->calls[0].result);
		assert_non_null(f->calls[0].message);
		assert_false(f->post.cut);
	}
}

static void nul_hides_nothing(void **state)
{
	static const char behind[] = "{\"id\":1,\"result\":1}\0garbage";
	static const char last[] = "{\"id\":1,\"result\":1}\0";
	static const char within[] = "{\"id\":1,\"result\":\"a\0b\"}";
	struct fix *f = *state;

	f->post.n = 1;
	rpc_parse_answer(f->m, &f->post, behind, sizeof(behind) - 1, true);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_false(f->post.cut);
	rpc_parse_answer(f->m, &f->post, last, sizeof(last) - 1, true);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	rpc_parse_answer(f->m, &f->post, within, sizeof(within) - 1, true);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_false(f->post.cut);
}

static void too_deep(void **state)
{
	char text[200] = "{\"id\":1,\"result\":";
	struct rpc_call *c;
	size_t len = strlen(text);

	memset(text + len, '[', 30);
	memset(text + len + 30, ']', 30);
	text[len + 60] = '}';
	c = parse_for(*state, 1, text);
	assert_int_equal(c->err, ERR_OK);
	memset(text + len, '[', 40);
	memset(text + len + 40, ']', 40);
	text[len + 80] = '}';
	c = parse_for(*state, 1, text);
	assert_int_equal(c->err, ERR_UPSTREAM);
}

/* More values than are read: fewer rows would do. */
static void too_many(void **state)
{
	struct fix *f = *state;
	struct buf b;

	buf_open(&b, f->m, 1024);
	buf_add_text(&b, "{\"id\":1,\"result\":[1");
	for (size_t i = 0; i < JSON_VALUES_MAX; i++)
		buf_add_text(&b, ",1");
	buf_add_text(&b, "]}");
	f->post.n = 1;
	rpc_parse_answer(f->m, &f->post, b.data, b.len, true);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_true(f->post.cut);
}

/* Wherever the text ends too early, also inside a character. */
static void cut_anywhere(void **state)
{
	static const char text[] =
	    "[{\"id\":1,\"result\":[\"caf\xc3\xa9\",-1.5,true,null]}]";
	struct fix *f = *state;

	f->post.n = 1;
	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		char *part = mem_text_n(f->m, text, len);

		rpc_parse_answer(f->m, &f->post, part, len, true);
		assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
		assert_true(f->post.cut);
	}
	parse_for(f, 1, text);
	assert_int_equal(f->calls[0].err, ERR_OK);
	assert_false(f->post.cut);
}

/* The same body for every request; the last head is kept. */
struct script {
	int status;
	const char *body;
	size_t announce; /* 0: the body's length */
	char head[1024], got[1024];
};

static bool follow_script(struct conn *c, const struct request *r)
{
	struct script *s = c->server->arg;
	char head[128];

	snprintf(s->head, sizeof(s->head), "%s", r->head);
	snprintf(s->got, sizeof(s->got), "%s", r->body);
	snprintf(head, sizeof(head),
	    "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
	    "\r\n",
	    s->status, s->announce ? s->announce : strlen(s->body));
	conn_text(c, head);
	conn_text(c, s->body);
	return !s->announce;
}

static void run_script(struct fix *f, struct script *s, size_t n)
{
	f->server.arg = s;
	assert_int_equal(server_open(&f->server, follow_script, false), 0);
	f->post.url = f->server.url;
	f->post.n = n;
	rpc_run(f->h, f->m, &f->post, 1);
	server_close(&f->server);
}

static void wire_batch(void **state)
{
	static const char *const more[] = {"X-Api-Key: k", NULL};
	struct script s = {200,
	    "[{\"id\":2,\"result\":2},{\"id\":1,\"result\":1}]", 0, "", ""};
	struct fix *f = *state;

	f->post.headers = more;
	run_script(f, &s, 2);
	assert_string_equal(result_text(&f->calls[0]), "1");
	assert_string_equal(result_text(&f->calls[1]), "2");
	assert_true(f->post.ms > 0);
	assert_non_null(
	    strstr(s.head, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(s.head, "\r\nX-Api-Key: k\r\n"));
	assert_int_equal(s.got[0], '[');
}

static void wire_status(void **state)
{
	struct script s = {500, "{\"id\":1,\"result\":1}", 0, "", ""};
	struct fix *f = *state;

	run_script(f, &s, 1);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_null(f->calls[0].result);
	assert_string_equal(f->calls[0].message, "HTTP status 500");
	assert_false(f->post.cut);
}

static void wire_cut(void **state)
{
	struct script s = {200, "{\"id\":1,\"result\":[1,2", 0, "", ""};
	struct fix *f = *state;

	run_script(f, &s, 1);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_true(f->post.cut);
}

static void wire_broken_off(void **state)
{
	struct script s = {200, "{\"id\":1,\"result\":[1,2", 500, "", ""};
	struct fix *f = *state;

	run_script(f, &s, 1);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_true(f->post.cut);
	/* Whole JSON in an HTTP answer that is not whole is not believed. */
	s.body = "{\"id\":1,\"result\":1}";
	memset(&f->server, 0, sizeof(f->server));
	run_script(f, &s, 1);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_null(f->calls[0].result);
	assert_false(f->post.cut);
}

static void wire_too_long(void **state)
{
	struct script s = {200, "{\"id\":1,\"result\":[1,2]}", 0, "", ""};
	struct fix *f = *state;

	f->post.max_bytes = 10;
	run_script(f, &s, 1);
	assert_int_equal(f->calls[0].err, ERR_UPSTREAM);
	assert_string_equal(f->calls[0].message, "the answer is too long");
	assert_true(f->post.cut);
	/* Of a page that says what is wrong, less would be no better. */
	s.status = 500;
	memset(&f->server, 0, sizeof(f->server));
	run_script(f, &s, 1);
	assert_false(f->post.cut);
}

/* The first post's answer waits until the second post has come. */
static bool answer_after_both(struct conn *c, const struct request *r)
{
	(void)r;
	if (!server_wait(c->server, 2))
		return false;
	conn_answer(c, 200, "application/json", "{\"id\":1,\"result\":\"ok\"}");
	return true;
}

static void wire_posts_overlap(void **state)
{
	struct fix *f = *state;
	struct rpc_post posts[3] = {f->post, f->post, f->post};

	assert_int_equal(server_open(&f->server, answer_after_both, false), 0);
	posts[0].url = posts[2].url = f->server.url;
	posts[1].url = NULL; /* has no calls: is not sent */
	posts[0].n = posts[2].n = 1;
	posts[1].n = 0;
	posts[2].calls = &f->calls[1];
	rpc_run(f->h, f->m, posts, 3);
	assert_string_equal(result_text(&f->calls[0]), "ok");
	assert_string_equal(result_text(&f->calls[1]), "ok");
	assert_int_equal(server_requests(&f->server), 2);
	server_close(&f->server);
}

static bool never(struct conn *c, const struct request *r)
{
	(void)r;
	server_wait(c->server, SIZE_MAX);
	return false;
}

static void wire_late(void **state)
{
	struct fix *f = *state;

	assert_int_equal(server_open(&f->server, never, false), 0);
	f->post.url = f->server.url;
	f->post.timeout_ms = 50;
	rpc_run(f->h, f->m, &f->post, 1);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(f->calls[i].err, ERR_LATE);
	assert_non_null(f->calls[0].message);
	server_close(&f->server);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(request_single),
	    TEST(request_batch),
	    TEST(answer_single),
	    TEST(answer_null),
	    TEST(answers_in_any_order),
	    TEST(answers_missing_foreign_double),
	    TEST(error_without_id),
	    TEST(result_without_id),
	    TEST(errors_of_odd_shapes),
	    TEST(result_and_error),
	    TEST(digits_are_kept),
	    TEST(not_json),
	    TEST(nul_hides_nothing),
	    TEST(too_deep),
	    TEST(too_many),
	    TEST(cut_anywhere),
	    TEST(wire_batch),
	    TEST(wire_status),
	    TEST(wire_cut),
	    TEST(wire_broken_off),
	    TEST(wire_too_long),
	    TEST(wire_posts_overlap),
	    TEST(wire_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
