/* json.c: short words over json-c. */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void release(void *o)
{
	json_object_put(o);
}

struct json_object *json_own(struct mem *m, struct json_object *o)
{
	if (o)
		mem_own(m, release, o);
	return o;
}

/* Members of all objects in it. */
static size_t count_members(struct json_object *o)
{
	size_t n = 0;

	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach (o, key, value) {
			(void)key;
			n += 1 + count_members(value);
		}
	}
	for (size_t i = 0; i < json_length(o); i++)
		n += count_members(json_at(o, i));
	return n;
}

static bool is_nul_escape(const char *text, size_t len)
{
	return len >= 6 && !memcmp(text, "\\u0000", 6);
}

/* Members as they are written: colons outside of texts. False: a text has an
 * escaped NUL, or there is what json-c takes even when it is strict: 'quotes',
 * NaN, Infinity and raw line ends in texts. There is no NUL. */
static bool count_colons(const char *text, size_t len, size_t *n)
{
	bool quoted = false;

	*n = 0;
	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\') {
			if (is_nul_escape(text + i, len - i))
				return false;
			i++;
		} else if (text[i] == '"') {
			quoted = !quoted;
		} else if (quoted ? (unsigned char)text[i] < ' '
				  : strchr("'NI", text[i]) != NULL) {
			return false;
		} else {
			*n += !quoted && text[i] == ':';
		}
	}
	return true;
}

struct json_object *json_parse(
    struct mem *m, const char *text, size_t len, int depth)
{
	struct json_tokener *t;
	struct json_object *o = NULL;
	size_t colons;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	while (len && text[len - 1] && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (!len || len > INT_MAX || memchr(text, '\0', len) ||
	    !count_colons(text, len, &colons))
		return NULL;
	t = json_tokener_new_ex(depth);
	if (!t)
		return NULL;
	json_tokener_set_flags(
	    t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_own(m, json_tokener_parse_ex(t, text, (int)len));
	if (json_tokener_get_error(t) != json_tokener_success ||
	    json_tokener_get_parse_end(t) != len || count_members(o) != colons)
		o = NULL;
	json_tokener_free(t);
	return o;
}

struct json_object *json_new(struct mem *m)
{
	return json_own(m, json_object_new_object());
}

/* Where the program's own data begins and ends. The names are the linker's. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern const char __executable_start[], end[];

/* Nearly all keys are literals; json-c need not copy those. */
static bool is_literal(const char *key)
{
	return (uintptr_t)key >= (uintptr_t)__executable_start &&
	       (uintptr_t)key < (uintptr_t)end;
}

void json_put(struct json_object *o, const char *key, struct json_object *value)
{
	if (key)
		json_object_object_add_ex(o, key, value,
		    is_literal(key) ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0);
	else
		json_object_array_add(o, value);
}

void json_put_text(struct json_object *o, const char *key, const char *text)
{
	json_put(o, key, text ? json_object_new_string(text) : NULL);
}

void json_put_int(struct json_object *o, const char *key, int64_t n)
{
	json_put(o, key, json_object_new_int64(n));
}

/* The double is for readers within this program, and nobody reads it. */
void json_put_digits(struct json_object *o, const char *key, const char *digits)
{
	json_put(o, key, json_object_new_double_s(0, digits));
}

void json_put_flag(struct json_object *o, const char *key, bool flag)
{
	json_put(o, key, json_object_new_boolean(flag));
}

struct json_object *json_put_object(struct json_object *o, const char *key)
{
	struct json_object *value = json_object_new_object();

	json_put(o, key, value);
	return value;
}

struct json_object *json_put_list(struct json_object *o, const char *key)
{
	struct json_object *value = json_object_new_array();

	json_put(o, key, value);
	return value;
}

struct json_object *json_find(struct json_object *o, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value))
		return NULL;
	return value;
}

const char *json_find_text(struct json_object *o, const char *key)
{
	struct json_object *value = json_find(o, key);
	const char *digits;

	switch (json_object_get_type(value)) {
	case json_type_double:
		/* The digits as they came, where json-c has kept them: it
		 * would copy them first. */
		digits = json_object_get_userdata(value);
		return digits ? digits : json_object_get_string(value);
	case json_type_string:
	case json_type_int:
		return json_object_get_string(value);
	default:
		return NULL;
	}
}

bool json_find_int(struct json_object *o, const char *key, int64_t *out)
{
	struct json_object *value = json_find(o, key);
	const char *text;
	char *rest;
	long long n;

	if (json_object_is_type(value, json_type_int)) {
		if (json_object_get_uint64(value) > INT64_MAX)
			return false;
		*out = json_object_get_int64(value);
		return true;
	}
	text = json_find_text(o, key);
	if (!text || !strchr("-0123456789", *text) || !*text)
		return false;
	errno = 0;
	n = strtoll(text, &rest, 10);
	if (errno || *rest)
		return false;
	*out = n;
	return true;
}

size_t json_length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array)
		   ? json_object_array_length(list)
		   : 0;
}

struct json_object *json_at(struct json_object *list, size_t i)
{
	return i < json_length(list) ? json_object_array_get_idx(list, i)
				     : NULL;
}
