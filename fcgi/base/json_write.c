/* json_write.c: values to text. */
#include <string.h>

#include "base/json.h"
#include "base/json_value.h"
#include "base/mem.h"

enum { FIRST = 4096, PLAIN = -1 };

static bool needs_escape(char c)
{
	return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

/* Nearly all texts are plain, and short. */
static size_t measure_plain(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && !needs_escape(text[i]))
		i++;
	return i;
}

static void write_escape(struct buf *b, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *which = memchr(from, c, sizeof(from) - 1);

	if (!which) {
		buf_print(b, "\\u%04x", (unsigned)c);
		return;
	}
	buf_add_char(b, '\\');
	buf_add_char(b, to[which - from]);
}

/* In quotes; `plain` of its bytes are known to need no escape. */
static void write_escaped(
    struct buf *b, const char *text, size_t len, size_t plain)
{
	buf_add_char(b, '"');
	for (size_t done = 0;; plain = measure_plain(text + done, len - done)) {
		buf_add(b, text + done, plain);
		done += plain;
		if (done == len)
			break;
		write_escape(b, text[done++]);
	}
	buf_add_char(b, '"');
}

static void write_text(struct buf *b, const char *text, size_t len)
{
	size_t plain = measure_plain(text, len);
	char *at;

	if (plain < len) {
		write_escaped(b, text, len, plain);
		return;
	}
	at = buf_make_room(b, len + 2);
	at[0] = '"';
	memcpy(at + 1, text, len);
	at[len + 1] = '"';
	at[len + 2] = '\0';
	b->len += len + 2;
}

/* A new line at a depth, where the text is for people. */
static void write_break(struct buf *b, int depth)
{
	if (depth < 0)
		return;
	buf_add_char(b, '\n');
	while (depth--)
		buf_add(b, "  ", 2);
}

static void write_value(struct buf *b, const struct json_object *o, int depth);

static void write_members(struct buf *b, const struct json_object *o, int depth)
{
	bool named = o->kind == JSON_OBJECT;
	int deeper = depth < 0 ? depth : depth + 1;

	buf_add_char(b, named ? '{' : '[');
	for (uint32_t i = 0; i < o->n; i++) {
		if (i)
			buf_add_char(b, ',');
		write_break(b, deeper);
		if (named) {
			const char *key = o->members[i].key.name;

			write_text(b, key, strlen(key));
			buf_add(b, ": ", depth < 0 ? 1 : 2);
		}
		write_value(b, o->members[i].value, deeper);
	}
	if (o->n || !named)
		write_break(b, depth);
	buf_add_char(b, named ? '}' : ']');
}

static void write_value(struct buf *b, const struct json_object *o, int depth)
{
	switch (json_kind(o)) {
	case JSON_NULL:
		buf_add(b, "null", 4);
		break;
	case JSON_TEXT:
		write_text(b, o->text, o->n);
		break;
	case JSON_FLAG:
	case JSON_NUMBER:
		buf_add(b, o->text, o->n);
		break;
	case JSON_LIST:
	case JSON_OBJECT:
		write_members(b, o, depth);
		break;
	}
}

void json_add_to(struct buf *b, const struct json_object *o)
{
	write_value(b, o, PLAIN);
}

static const char *write_all(
    struct mem *m, const struct json_object *o, int depth, size_t *len)
{
	struct buf b;

	buf_open(&b, m, FIRST);
	write_value(&b, o, depth);
	if (len)
		*len = b.len;
	return b.data;
}

const char *json_write(struct mem *m, const struct json_object *o, size_t *len)
{
	return write_all(m, o, PLAIN, len);
}

const char *json_write_pretty(struct mem *m, const struct json_object *o)
{
	return write_all(m, o, 0, NULL);
}
