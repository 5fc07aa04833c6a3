/* fuzz_req.c: the parsers of what a client sends. The first byte picks one:
 * variables of the environment, query, urlencoded body, JSON body, a body that
 * is left as it came, cookies, Accept.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/req.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 16, LIMIT = 65536 };

struct body {
	const char *data;
	size_t len;
};

static size_t read_body(void *ctx, void *out, size_t room)
{
	struct body *b = ctx;
	size_t n = b->len < room ? b->len : room;

	if (n)
		memcpy(out, b->data, n);
	b->data += n;
	b->len -= n;
	return n;
}

static const struct param params[] = {
    {.name = "t", .type = PARAM_TEXT, .min = 2, .max = 9},
    {.name = "s", .type = PARAM_SECRET, .required = true},
    {.name = "n", .type = PARAM_NUMBER, .min = -9, .max = 9},
    {.name = "d", .type = PARAM_DATE},
    {.name = "c", .type = PARAM_CHOICE, .choices = "a|bc||d"},
    {.name = "o", .type = PARAM_SORT, .choices = "a|bc"},
    {.name = "f", .type = PARAM_FREE, .standard = "x"}, {0}};

/* What every request promises, whatever came in. */
static void check(struct req *r, enum err e)
{
	if (r->path[0] != '/' || strstr(r->path, "//") || !r->brand ||
	    strlen(r->id) < 8 || r->n_fields > 64)
		abort();
	for (size_t i = 0; i < r->n_fields; i++)
		if (strlen(r->fields[i].name) > 64)
			abort();
	if (!e)
		e = req_check(r, params, false);
	if (!e && (!req_text(r, "s") || req_raw(r, "s") ||
		      req_number(r, "n") < -9 || req_number(r, "n") > 9))
		abort();
	for (size_t i = 0; i < r->n_fields; i++)
		if (req_raw(r, r->fields[i].name))
			req_encode(r->mem, req_raw(r, r->fields[i].name));
}

static void try_request(struct mem *m, const char *const *env, struct body *b)
{
	struct req_source s = {env, read_body, b};
	struct req r;
	enum err e = req_open(&r, m, &s);
	enum err body_err = req_read_body(&r, &s, LIMIT);

	check(&r, e ? e : body_err);
	req_cookie(&r, "portico");
	req_cookie(&r, "");
}

/* A cookie's value holds nothing that ends one. */
static void try_cookies(struct mem *m, const char *text)
{
	const char *env[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/a",
	    mem_print(m, "HTTP_COOKIE=%s", text), NULL};
	struct req_source s = {env, NULL, NULL};
	const char *value;
	struct req r;

	must(!req_open(&r, m, &s));
	value = req_cookie(&r, "portico");
	must(!value || (strstr(text, "portico") && strstr(text, value) &&
			   !strchr(value, ';')));
}

/* For who checks a signature over it: not a byte may be another one. */
static void try_raw(struct mem *m, const char *data, size_t len)
{
	const char *env[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/a",
	    mem_print(m, "CONTENT_LENGTH=%zu", len),
	    "CONTENT_TYPE=application/json; charset=utf-8", NULL};
	struct body b = {data, len};
	struct req_source s = {env, read_body, &b};
	struct req r;
	enum err err;

	must(!req_open(&r, m, &s));
	err = req_read_raw(&r, &s, LIMIT);
	must(!err == !memchr(data, '\0', len));
	must(err || (r.body_len == len && !memcmp(r.body, data, len) &&
			!r.body[len] && !r.n_fields));
}

/* Lines of NAME=value. */
static void try_environment(struct mem *m, char *text)
{
	const char *env[VARIABLES_MAX + 1] = {0};
	struct body b = {"a=1", 3};

	for (size_t n = 0; text && n < VARIABLES_MAX; n++)
		env[n] = strsep(&text, "\n");
	try_request(m, env, &b);
}

static void try_one(struct mem *m, const char *name, const char *text)
{
	const char *env[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/a.json",
	    mem_print(m, "%s=%s", name, text), NULL};
	struct body b = {NULL, 0};

	try_request(m, env, &b);
}

static void try_body(
    struct mem *m, const char *type, const char *data, size_t len)
{
	const char *env[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/a",
	    mem_print(m, "CONTENT_LENGTH=%zu", len), type, NULL};
	struct body b = {data, len};

	try_request(m, env, &b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m;
	char *text;

	if (!size || size > LIMIT)
		return 0;
	log_open(false, LOG_ERROR);
	m = mem_open(0);
	text = mem_text_n(m, (const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'e':
		try_environment(m, text);
		break;
	case 'q':
		try_one(m, "QUERY_STRING", text);
		break;
	case 'u':
		try_body(m, "CONTENT_TYPE=application/x-www-form-urlencoded",
		    text, size - 1);
		break;
	case 'j':
		try_body(m, "CONTENT_TYPE=application/json", text, size - 1);
		break;
	case 'c':
		try_one(m, "HTTP_COOKIE", text);
		try_cookies(m, text);
		break;
	case 'r':
		try_raw(m, text, size - 1);
		break;
	case 'a':
		try_one(m, "HTTP_ACCEPT", text);
		break;
	default:
		break;
	}
	mem_close(m);
	return 0;
}
