/* json_write.c: values to text. */
#include <string.h>

#include "base/json.h"
#include "base/json_value.h"
#include "base/mem.h"

enum { FIRST = 4096, PLAIN = -1 };

static void write_text(struct buf *b, const char *text, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	size_t done = 0;

	buf_add_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		const char *which;

		if ((unsigned char)text[i] >= ' ' && text[i] != '"' &&
		    text[i] != '\\')
			continue;
		buf_add(b, text + done, i - done);
		done = i + 1;
		which = memchr(from, text[i], sizeof(from) - 1);
		if (which) {
			buf_add_char(b, '\\');
			buf_add_char(b, to[which - from]);
		} else {
			buf_print(b, "\\u%04x", (unsigned)text[i]);
		}
	}
	buf_add(b, text + done, len - done);
	buf_add_char(b, '"');
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
