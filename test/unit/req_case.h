/* req_case.h: making a request for a test, and looking at it. */
#ifndef PORTICO_TEST_REQ_CASE_H
#define PORTICO_TEST_REQ_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/req.h"

/* Texts, NULL-terminated. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct mem *m;
static struct req req;

/* A body that comes in pieces of at most `piece` bytes. */
struct body {
	const char *data;
	size_t len, piece, reads;
};

static inline size_t read_body(void *ctx, void *out, size_t room)
{
	struct body *b = ctx;
	size_t n = b->len;

	b->reads++;
	if (n > room)
		n = room;
	if (b->piece && n > b->piece)
		n = b->piece;
	memcpy(out, b->data, n);
	b->data += n;
	b->len -= n;
	return n;
}

static inline int open_pool(void **state)
{
	(void)state;
	m = mem_open(0);
	return 0;
}

static inline int close_pool(void **state)
{
	(void)state;
	mem_close(m);
	return 0;
}

/* A request with up to six more variables, NULL-terminated. */
#define OPEN(...) open_env((const char *[]){__VA_ARGS__, NULL})

static inline enum err open_env(const char *const *env)
{
	struct req_source s = {.env = env};

	return req_open(&req, m, &s);
}

static inline enum err get(const char *uri)
{
	const char **env = mem_array(m, 3, sizeof(*env));

	env[0] = "REQUEST_METHOD=GET";
	env[1] = mem_print(m, "REQUEST_URI=%s", uri);
	return open_env(env);
}

static inline enum err query(const char *q)
{
	return get(mem_print(m, "/api/x?%s", q));
}

static inline enum err post_bytes(const char *uri, const char *type,
    const char *data, size_t len, size_t announced, size_t limit)
{
	const char **env = mem_array(m, 5, sizeof(*env));
	struct body b = {data, len, 3, 0};
	struct req_source s = {env, read_body, &b};

	env[0] = "REQUEST_METHOD=POST";
	env[1] = mem_print(m, "REQUEST_URI=%s", uri);
	env[2] = mem_print(m, "CONTENT_LENGTH=%zu", announced);
	env[3] = type ? mem_print(m, "CONTENT_TYPE=%s", type) : NULL;
	assert_int_equal(req_open(&req, m, &s), ERR_OK);
	return req_read_body(&req, &s, limit);
}

static inline enum err post(const char *type, const char *body)
{
	return post_bytes(
	    "/api/x", type, body, strlen(body), strlen(body), 4096);
}

static inline enum err form(const char *body)
{
	return post("application/x-www-form-urlencoded", body);
}

static inline enum err json(const char *body)
{
	return post("application/json", body);
}

static inline void expect_raw(const char *name, const char *value)
{
	const char *have = req_raw(&req, name);

	if (!value) {
		assert_null(have);
		return;
	}
	assert_non_null(have);
	assert_string_equal(have, value);
}

static inline void expect_text(const char *name, const char *value)
{
	const char *have = req_text(&req, name);

	if (!value) {
		assert_null(have);
		return;
	}
	assert_non_null(have);
	assert_string_equal(have, value);
}

static inline const struct req_fault *find_fault(const char *name)
{
	const struct req_fault *found = NULL;

	for (size_t i = 0; i < req.n_faults; i++)
		if (!strcmp(req.faults[i].name, name)) {
			assert_null(found); /* one a name */
			found = &req.faults[i];
		}
	return found;
}

static inline void expect_fault(const char *name, const char *key)
{
	const struct req_fault *f = find_fault(name);

	if (!f)
		fail_msg("no fault of %s, but %s was expected", name, key);
	assert_string_equal(f->key, key);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

#endif
