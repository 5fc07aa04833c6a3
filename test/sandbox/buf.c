/* buf.c: growing text, and JSON written into it. */
#include "sandbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow(struct buf *b, size_t more)
{
	if (b->length + more + 1 <= b->room)
		return;
	b->room = (b->room + more + 64) * 2;
	b->text = realloc(b->text, b->room);
	if (!b->text)
		abort();
}

void buf_add(struct buf *b, const char *text, size_t length)
{
	grow(b, length);
	if (length)
		memcpy(b->text + b->length, text, length);
	b->length += length;
	b->text[b->length] = '\0';
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_format(struct buf *b, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	grow(b, (size_t)length);
	va_start(args, format);
	vsnprintf(b->text + b->length, (size_t)length + 1, format, args);
	va_end(args);
	b->length += (size_t)length;
}

/* printf is too slow for pages of ten thousand rows. */
static void add_digits(struct buf *b, uint64_t value)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_add(b, text + at, sizeof(text) - at);
}

void buf_int(struct buf *b, int64_t value)
{
	if (value < 0)
		buf_text(b, "-");
	add_digits(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_nano(struct buf *b, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char part[16];
	int last = 8;

	if (value < 0)
		buf_text(b, "-");
	add_digits(b, size / (uint64_t)NANO);
	size %= (uint64_t)NANO;
	for (int i = 8; i >= 0; i--, size /= 10)
		part[i] = (char)('0' + size % 10);
	while (last > 0 && part[last] == '0')
		last--;
	buf_text(b, ".");
	buf_add(b, part, (size_t)last + 1);
}

void buf_json(struct buf *b, const char *text)
{
	if (!text) {
		buf_text(b, "null");
		return;
	}
	buf_text(b, "\"");
	for (const char *start = text;; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		buf_add(b, start, (size_t)(text - start));
		if (!c)
			break;
		if (c < ' ')
			buf_format(b, "\\u%04x", c);
		else
			buf_format(b, "\\%c", c);
		start = text + 1;
	}
	buf_text(b, "\"");
}

void buf_html(struct buf *b, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			buf_text(b, "&amp;");
			break;
		case '<':
			buf_text(b, "&lt;");
			break;
		case '>':
			buf_text(b, "&gt;");
			break;
		case '"':
			buf_text(b, "&quot;");
			break;
		case '\'':
			buf_text(b, "&#39;");
			break;
		default:
			buf_add(b, text, 1);
		}
}

void buf_free(struct buf *b)
{
	free(b->text);
	*b = (struct buf){0};
}

bool nano_parse(const char *text, int64_t *value)
{
	bool minus = *text == '-';
	int64_t whole = 0, part = 0, unit = NANO;
	const char *start = text += minus;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (text - start > 9)
			return false;
		whole = whole * 10 + (*text - '0');
	}
	if (text == start)
		return false;
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++) {
			unit /= 10;
			part += unit * (*text - '0');
		}
	*value = (minus ? -1 : 1) * (whole * NANO + part);
	return *text == '\0';
}

bool nano_from_json(struct json_object *value, int64_t *nano)
{
	switch (json_object_get_type(value)) {
	case json_type_int:
	case json_type_double:
	case json_type_string:
		return nano_parse(json_object_get_string(value), nano);
	default:
		return false;
	}
}
