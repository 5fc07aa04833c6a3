/* req_body.c: the body of a POST: its length, its type, its bytes. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "tools/req.h"
#include "tools/req_parse.h"

/* What CONTENT_LENGTH announces; none is 0. */
static enum err parse_length(const struct req *r, size_t limit, size_t *out)
{
	const char *text = req_env(r, "CONTENT_LENGTH");
	size_t n = 0;

	for (; text && *text; text++) {
		if (*text < '0' || *text > '9') {
			log_info("req.length", "CONTENT_LENGTH is no number");
			return ERR_INPUT;
		}
		n = n * 10 + (size_t)(*text - '0');
		if (n > limit) {
			log_info("req.length", "a body over %zu bytes", limit);
			return ERR_TOO_LARGE;
		}
	}
	*out = n;
	return ERR_OK;
}

static bool is_utf8_charset(struct req_span param)
{
	return req_span_is(param, "charset=utf-8") ||
	       req_span_is(param, "charset=\"utf-8\"");
}

/* Sets r->json_body. `none`: no type was sent. */
static enum err parse_type(struct req *r, bool *none)
{
	const char *list = req_env(r, "CONTENT_TYPE");
	struct req_span type = {"", 0}, param;

	req_next_piece(&list, ';', &type);
	*none = type.len == 0;
	r->json_body = req_span_is(type, "application/json");
	if (!*none && !r->json_body &&
	    !req_span_is(type, "application/x-www-form-urlencoded")) {
		log_info("req.type", "a body neither urlencoded nor JSON");
		return ERR_TYPE;
	}
	while (req_next_piece(&list, ';', &param))
		if (param.len >= 8 && !strncasecmp(param.s, "charset=", 8) &&
		    !is_utf8_charset(param)) {
			log_info("req.type", "a body that is not in UTF-8");
			return ERR_TYPE;
		}
	return ERR_OK;
}

/* Asks for one byte more than announced, to see that there is none. */
static enum err read_all(struct req *r, const struct req_source *s, size_t want)
{
	char *body = mem_alloc(r->mem, want + 1);
	size_t have = 0, n;

	while (have <= want) {
		n = s->read ? s->read(s->ctx, body + have, want + 1 - have) : 0;
		if (!n || n > want + 1 - have)
			break;
		have += n;
	}
	if (have != want) {
		log_info("req.length", "a body %s than announced",
		    have < want ? "shorter" : "longer");
		return ERR_INPUT;
	}
	r->body = body;
	r->body_len = want;
	return ERR_OK;
}

/* What a form says belongs into the body: addresses end up in logs. */
static void refuse_query(struct req *r)
{
	for (size_t i = 0; i < r->n_fields; i++)
		req_add_fault(r, r->fields[i].name, "field.unknown");
	r->n_fields = 0;
}

enum err req_read_body(struct req *r, const struct req_source *s, size_t limit)
{
	size_t len = 0;
	bool none = true;
	enum err e;

	if (r->method != METHOD_POST)
		return ERR_OK;
	refuse_query(r);
	e = parse_length(r, limit, &len);
	if (!e)
		e = parse_type(r, &none);
	if (!e)
		e = read_all(r, s, len);
	if (e)
		return e;
	if (r->json_body)
		return req_parse_json(r, r->body, len);
	if (none && len) {
		log_info("req.type", "a body without a type");
		return ERR_TYPE;
	}
	return req_parse_pairs(r, r->body, len);
}

enum err req_read_raw(struct req *r, const struct req_source *s, size_t limit)
{
	size_t len = 0;
	bool none = true;
	enum err e = parse_length(r, limit, &len);

	if (!e)
		e = parse_type(r, &none);
	if (!e && !r->json_body)
		e = ERR_TYPE;
	if (!e)
		e = read_all(r, s, len);
	if (!e && memchr(r->body, '\0', len))
		e = ERR_INPUT;
	return e;
}
