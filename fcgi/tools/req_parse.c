/* req_parse.c: decodes bodies, queries and their characters into fields.
 * Log lines name what is wrong, never the bytes: they may hold a password.
 */
#include "tools/req_parse.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

enum { FIELDS_MAX = 64, NAME_MAX_LEN = 64, JSON_DEPTH = 4 };

/* Table 3-7 of the Unicode Standard: what may follow the first byte. */
static size_t char_length(unsigned char first, unsigned char second)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || second < 0x80 || second > 0xbf)
		return 0;
	if (first < 0xe0)
		return 2;
	if ((first == 0xe0 && second < 0xa0) ||
	    (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) ||
	    (first == 0xf4 && second > 0x8f))
		return 0;
	return first < 0xf0 ? 3 : 4;
}

size_t req_parse_char(const char *s, size_t len, uint32_t *out)
{
	const unsigned char *b = (const unsigned char *)s;
	size_t n = len ? char_length(b[0], len > 1 ? b[1] : 0) : 0;
	uint32_t c;

	if (!n || n > len)
		return 0;
	c = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3fu);
	}
	*out = c;
	return n;
}

bool req_is_text(const char *s, bool lines)
{
	size_t len = strlen(s), n;
	uint32_t c;

	for (; len; s += n, len -= n) {
		n = req_parse_char(s, len, &c);
		if (!n || c == 0x7f)
			return false;
		if (c < 0x20 && !(lines && strchr("\t\r\n", (int)c)))
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct req_span req_trim(const char *s, size_t len)
{
	while (len && is_blank(*s)) {
		s++;
		len--;
	}
	while (len && is_blank(s[len - 1]))
		len--;
	return (struct req_span){s, len};
}

bool req_next_piece(const char **list, char by, struct req_span *out)
{
	const char *s = *list;
	size_t len;

	if (!s)
		return false;
	len = strcspn(s, (char[]){by, '\0'});
	*list = s[len] ? s + len + 1 : NULL;
	*out = req_trim(s, len);
	return true;
}

bool req_span_is(struct req_span a, const char *word)
{
	return a.len == strlen(word) && !strncasecmp(a.s, word, a.len);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *req_parse_escapes(struct mem *m, const char *s, size_t len, bool plus)
{
	char *out = mem_alloc(m, len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_digit(s[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(s[i + 2]) : -1;

			if (low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		if (!c)
			return NULL;
		*to++ = c;
	}
	return out;
}

static enum err refuse(const char *why)
{
	log_info("req.input", "%s", why);
	return ERR_INPUT;
}

/* `value` NULL and not `is_null`: it arrived, but is no plain value. */
static enum err add_field(
    struct req *r, const char *name, const char *value, bool is_null)
{
	if (!r->fields)
		r->fields = mem_array(r->mem, FIELDS_MAX, sizeof(*r->fields));
	if (r->n_fields == FIELDS_MAX)
		return refuse("too many fields");
	if (strlen(name) > NAME_MAX_LEN)
		return refuse("a field's name is too long");
	if (!req_is_text(name, false) || (value && !req_is_text(value, true)))
		return refuse("a field is no UTF-8 or has control characters");
	r->fields[r->n_fields++] = (struct req_field){
	    .name = name, .value = value, .is_null = is_null};
	return ERR_OK;
}

static enum err parse_pair(struct req *r, const char *s, size_t len)
{
	const char *equal = memchr(s, '=', len);
	size_t name_len = equal ? (size_t)(equal - s) : len;
	const char *name = req_parse_escapes(r->mem, s, name_len, true);
	const char *value = "";

	if (equal)
		value = req_parse_escapes(
		    r->mem, equal + 1, len - name_len - 1, true);
	if (!name || !value)
		return refuse("a field has a bad escape or a NUL");
	return add_field(r, name, value, false);
}

enum err req_parse_pairs(struct req *r, const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		const char *stop = memchr(s, '&', (size_t)(end - s));
		enum err e = ERR_OK;

		if (!stop)
			stop = end;
		if (stop > s)
			e = parse_pair(r, s, (size_t)(stop - s));
		if (e)
			return e;
		s = stop + 1;
	}
	return ERR_OK;
}

/* A name that comes twice is refused: which of the two would a program in front
 * of this one have looked at? */
enum err req_parse_json(struct req *r, const char *text, size_t len)
{
	const struct json_rules rules = {JSON_DEPTH, .strict = true};
	struct json_object *o;
	struct json_stop stop;

	if (!json_scan(r->mem, text, len, &rules, &o, &stop))
		return refuse(stop.what);
	if (!json_is(o, JSON_OBJECT))
		return refuse("the body is no JSON object");
	json_each (o, name, value) {
		enum err e = add_field(r, name, json_text(value, NULL), !value);

		if (e)
			return e;
	}
	return ERR_OK;
}

struct req_field *req_find_field(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (!strcmp(r->fields[i].name, name))
			return &r->fields[i];
	return NULL;
}
