/* req_parse.h: inside req: from bytes that a client sent to decoded fields. */
#ifndef PORTICO_REQ_PARSE_H
#define PORTICO_REQ_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/req.h"

/* A piece of a header. */
struct req_span {
	const char *s;
	size_t len;
};

/* Without blanks at both ends. */
struct req_span req_trim(const char *s, size_t len);

/* Cuts the next piece off a list: up to `by`, trimmed. False: none is left. */
bool req_next_piece(const char **list, char by, struct req_span *out);

/* The same word, but for case. */
bool req_span_is(struct req_span a, const char *word);

/* The character that starts at `s`, of at most `len` bytes: its bytes, or 0
 * where this is no UTF-8 (overlong forms and surrogates are none). */
size_t req_parse_char(const char *s, size_t len, uint32_t *out);

/* UTF-8 without control characters of ASCII; `lines`: line ends and tabs may
 * stand in it. */
bool req_is_text(const char *s, bool lines);

/* Percent-decodes; `plus`: '+' is a space. NULL: a bad escape, or a NUL. */
char *req_parse_escapes(struct mem *m, const char *s, size_t len, bool plus);

/* "a=1&b=2" to fields. ERR_INPUT: malformed, or too many. */
enum err req_parse_pairs(struct req *r, const char *s, size_t len);

/* A JSON object to fields. `text` ends with a NUL. ERR_INPUT likewise. */
enum err req_parse_json(struct req *r, const char *text, size_t len);

/* The first field of a name; NULL: none. */
struct req_field *req_find_field(const struct req *r, const char *name);

#endif
