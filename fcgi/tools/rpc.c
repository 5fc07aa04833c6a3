/* rpc.c: JSON-RPC 2.0 over HTTP.
 *
 * An HTTP answer belongs to one post, so ids need to be unique only within
 * it: they are 1 to n.
 */
#include "tools/rpc.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tools/http.h"
#include "tools/rpc_parse.h"

enum { DEPTH = 32 };

static void add_call(struct buf *b, const struct rpc_call *c, size_t id)
{
	buf_print(b, "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":", id);
	json_add_to(b, json_new_text(b->mem, c->method, strlen(c->method)));
	if (c->params) {
		buf_add_text(b, ",\"params\":");
		json_add_to(b, c->params);
	}
	buf_add_char(b, '}');
}

char *rpc_make_request(struct mem *m, const struct rpc_post *p, size_t *len)
{
	struct buf b;

	buf_open(&b, m, 1024);
	if (p->n > 1)
		buf_add_char(&b, '[');
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			buf_add_char(&b, ',');
		add_call(&b, &p->calls[i], i + 1);
	}
	if (p->n > 1)
		buf_add_char(&b, ']');
	*len = b.len;
	return b.data;
}

/* The whole text as one JSON value, or NULL. */
static struct json_object *parse_text(
    struct mem *m, const char *text, size_t len, struct json_stop *stop)
{
	const struct json_rules rules = {.depth = DEPTH};
	struct json_object *root;

	json_scan(m, text, len, &rules, &root, stop);
	return root;
}

static const char *text_of(struct json_object *o)
{
	const char *text = json_text(o, NULL);

	return text || !o ? text : json_write(json_pool(o), o, NULL);
}

static void fail(struct rpc_call *c, enum err err, const char *why)
{
	c->err = err;
	c->message = why;
}

static void take_error(
    struct rpc_call *c, enum err err, struct json_object *error)
{
	int64_t code;

	c->err = err;
	if (!json_is(error, JSON_OBJECT)) {
		c->message = text_of(error);
		return;
	}
	if (json_find_int(error, "code", &code) && code >= INT_MIN &&
	    code <= INT_MAX)
		c->code = (int)code;
	c->message = text_of(json_find(error, "message"));
	c->data = text_of(json_find(error, "data"));
}

static void take_reply(struct rpc_call *c, struct json_object *reply)
{
	struct json_object *error = json_find(reply, "error"), *result;

	if (error)
		take_error(c, ERR_RULE, error);
	else if (json_has(reply, "result", &result)) {
		c->err = ERR_OK;
		c->message = NULL;
		c->result = result;
	} else
		fail(c, ERR_UPSTREAM, "neither result nor error");
}

/* The id as a number from 1 to n, or 0: some servers echo it as a string. */
static size_t find_id(struct json_object *id, size_t n)
{
	const char *s;
	size_t v = 0;

	s = json_text(id, NULL);
	if (!s || *s < '1' || strspn(s, "0123456789") != strlen(s))
		return 0;
	for (; *s && v <= n; s++)
		v = v * 10 + (size_t)(*s - '0');
	return v <= n ? v : 0;
}

struct replies {
	struct rpc_post *post;
	bool *answered;		    /* of each call */
	struct json_object *common; /* the first error without an id */
};

static void take_element(struct replies *r, struct json_object *reply)
{
	struct json_object *id;
	size_t at;

	if (!json_is(reply, JSON_OBJECT))
		return;
	id = json_find(reply, "id");
	if (!id) {
		if (!r->common)
			r->common = json_find(reply, "error");
		return;
	}
	at = find_id(id, r->post->n);
	if (!at || r->answered[at - 1])
		return;
	r->answered[at - 1] = true;
	take_reply(&r->post->calls[at - 1], reply);
}

static void take_root(
    struct mem *m, struct rpc_post *p, struct json_object *root)
{
	struct replies r = {p, mem_array(m, p->n, sizeof(bool)), NULL};

	if (json_is(root, JSON_LIST))
		for (size_t i = 0; i < json_length(root); i++)
			take_element(&r, json_at(root, i));
	else
		take_element(&r, root);
	for (size_t i = 0; i < p->n; i++) {
		if (r.answered[i])
			continue;
		fail(&p->calls[i], ERR_UPSTREAM, "no answer to this call");
		if (r.common)
			take_error(&p->calls[i], ERR_UPSTREAM, r.common);
	}
}

static void fail_all(struct rpc_post *p, enum err err, const char *why)
{
	for (size_t i = 0; i < p->n; i++)
		fail(&p->calls[i], err, why);
}

static void clear_calls(struct rpc_post *p)
{
	p->cut = false;
	for (size_t i = 0; i < p->n; i++) {
		struct rpc_call *c = &p->calls[i];

		fail(c, ERR_UPSTREAM, NULL);
		c->result = NULL;
		c->code = 0;
		c->data = NULL;
	}
}

void rpc_parse_answer(
    struct mem *m, struct rpc_post *p, const char *text, size_t len, bool whole)
{
	struct json_object *root;
	struct json_stop stop;

	clear_calls(p);
	root = parse_text(m, text, len, &stop);
	p->cut = stop.full || (stop.early && strspn(text, " \t\r\n") < len);
	if (root && whole)
		take_root(m, p, root);
	else
		fail_all(p, ERR_UPSTREAM, p->cut ? stop.what : "not JSON");
}

/* The post's headers behind those that every call has. */
static const char *const *join_headers(struct mem *m, const struct rpc_post *p)
{
	static const char *const own[] = {
	    "Content-Type: application/json", "Accept: application/json", NULL};
	const char **all;
	size_t n = 0;

	if (!p->headers || !p->headers[0])
		return own;
	while (p->headers[n])
		n++;
	all = mem_array(m, n + 3, sizeof(*all));
	all[0] = own[0];
	all[1] = own[1];
	memcpy(all + 2, p->headers, n * sizeof(*all));
	return all;
}

static void make_call(
    struct mem *m, const struct rpc_post *p, struct http_call *c)
{
	c->url = p->url;
	c->body = rpc_make_request(m, p, &c->body_len);
	c->headers = join_headers(m, p);
	c->traced = true;
	c->ca_file = p->ca_file;
	c->server_name = p->server_name;
	c->timeout_ms = p->timeout_ms;
	c->max_bytes = p->max_bytes;
	c->may_repeat = p->may_repeat;
}

static void take_answer(
    struct mem *m, struct rpc_post *p, const struct http_call *c)
{
	bool some = c->status == 200 && c->len > 0;

	p->ms = c->ms;
	p->dead = c->err == ERR_LATE || c->status >= 500 ||
		  (c->err != ERR_OK && !some);
	if (c->status == 200 && c->err == ERR_OK) {
		rpc_parse_answer(m, p, c->data, c->len, true);
		return;
	}
	/* Broken off: that, too, is how a server fails at a big page. */
	if (c->err == ERR_UPSTREAM && some)
		rpc_parse_answer(m, p, c->data, c->len, false);
	else
		clear_calls(p);
	if (c->too_long && c->status == 200)
		p->cut = true;
	fail_all(p, c->err == ERR_OK ? ERR_UPSTREAM : c->err,
	    c->err == ERR_OK ? mem_print(m, "HTTP status %ld", c->status)
			     : c->trouble);
}

struct rpc_flight {
	struct http *http;
	struct mem *mem;
	struct rpc_post *posts;
	struct http_call *calls; /* of posts that have calls */
	size_t n_posts, n_calls;
};

struct rpc_flight *rpc_start(
    struct http *h, struct mem *m, struct rpc_post *posts, size_t n)
{
	struct rpc_flight *f = mem_alloc(m, sizeof(*f));

	*f = (struct rpc_flight){h, m, posts, NULL, n, 0};
	f->calls = mem_array(m, n, sizeof(*f->calls));
	for (size_t i = 0; i < n; i++)
		if (posts[i].n)
			make_call(m, &posts[i], &f->calls[f->n_calls++]);
	http_start(h, m, f->calls, f->n_calls);
	return f;
}

void rpc_wait(struct rpc_flight *f)
{
	const struct http_call *one = f->calls;

	http_wait(f->http, f->calls, f->n_calls);
	for (size_t i = 0; i < f->n_posts; i++)
		if (f->posts[i].n)
			take_answer(f->mem, &f->posts[i], one++);
}

void rpc_drop(struct rpc_flight *f)
{
	http_drop(f->http, f->calls, f->n_calls);
}

void rpc_run(struct http *h, struct mem *m, struct rpc_post *posts, size_t n)
{
	rpc_wait(rpc_start(h, m, posts, n));
}
