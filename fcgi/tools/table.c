/* table.c: what all tables share, and CSV. */
#include "tools/table.h"

#include <string.h>

#include "base/mem.h"
#include "tools/table_kind.h"

enum { CSV_BUFFER = 32 * 1024 };

struct csv {
	struct table table; /* first */
	size_t used;
	char data[CSV_BUFFER];
};

/* --- Characters ----------------------------------------------------------- */

/* The length of the sequence that a first byte announces; 0: none. */
static size_t find_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Length and code of a sequence that is well-formed by RFC 3629; 0: it is
 * not. The text's NUL ends a sequence too. */
static size_t parse_char(const char *text, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	size_t len = find_length(s[0]);
	uint32_t c = len > 1 ? s[0] & (0x7fu >> len) : s[0];

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

static bool is_allowed(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c != 0xfffe && c != 0xffff;
}

size_t table_char(const char *s, struct table_char *out)
{
	size_t len = parse_char(s, &out->code);

	out->bytes = s;
	out->len = len;
	if (len == 0) {
		*out = (struct table_char){"\xef\xbf\xbd", 3, 0xfffd};
		return 1;
	}
	if (!is_allowed(out->code))
		out->len = 0;
	return len;
}

bool table_is_decimal(const char *text)
{
	const char *s = text + (*text == '-');
	size_t whole = strspn(s, "0123456789"), part;

	if (!whole)
		return false;
	s += whole;
	if (!*s)
		return true;
	part = *s == '.' ? strspn(s + 1, "0123456789") : 0;
	return part && !s[1 + part];
}

static bool is_blank(uint32_t c)
{
	return c <= ' ' || c == 0xa0 || c == 0x3000 || c == 0xfeff ||
	       (c >= 0x2000 && c <= 0x200f);
}

/* Some spreadsheets skip blanks in front, and take the wide forms that
 * Japanese keyboards make for the plain ones. */
static bool is_formula(const char *text)
{
	struct table_char c;
	bool first = true;

	for (; *text; first = first && !c.len) {
		text += table_char(text, &c);
		if (!c.len)
			continue;
		if (first && c.code < ' ')
			return true;
		if (!is_blank(c.code))
			return (c.code < 0x80 && strchr("=+-@", (int)c.code)) ||
			       c.code == 0xff1d || c.code == 0xff0b ||
			       c.code == 0xff0d || c.code == 0xff20;
	}
	return false;
}

/* --- CSV ------------------------------------------------------------------ */

bool table_send(struct table *t, const void *data, size_t len)
{
	if (t->err == ERR_OK && len && !t->sink.write(t->sink.ctx, data, len))
		t->err = ERR_INTERNAL;
	return t->err == ERR_OK;
}

static void put(struct csv *c, const char *data, size_t len)
{
	while (len) {
		size_t room = sizeof(c->data) - c->used;
		size_t n = len < room ? len : room;

		memcpy(c->data + c->used, data, n);
		c->used += n;
		data += n;
		len -= n;
		if (c->used == sizeof(c->data)) {
			table_send(&c->table, c->data, c->used);
			c->used = 0;
		}
	}
}

/* Bytes at `s` that go out as they are. */
static size_t count_plain(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != ';')
		n++;
	return n;
}

/* What separates cells where a comma is the decimal point, and rows: there a
 * quote in the middle of a line means nothing, so that a formula may begin. */
static bool is_end(uint32_t c)
{
	return c == ';' || c == '\t' || c == '\r' || c == '\n';
}

static void put_text(struct csv *c, const char *s)
{
	/* Also what separates where a comma is the decimal point. */
	bool quoted = s[strcspn(s, "\",;\r\n\t")];

	if (quoted)
		put(c, "\"", 1);
	if (is_formula(s))
		put(c, "'", 1);
	while (*s) {
		size_t plain = count_plain(s);
		struct table_char one;

		put(c, s, plain);
		s += plain;
		if (!*s)
			break;
		s += table_char(s, &one);
		if (one.code == '"')
			put(c, "\"", 1);
		put(c, one.bytes, one.len);
		if (is_end(one.code) && !is_end((unsigned char)*s) &&
		    is_formula(s + strspn(s, "\"")))
			put(c, "'", 1);
	}
	if (quoted)
		put(c, "\"", 1);
}

static enum err csv_line(struct table *t, enum table_line line,
    const struct table_cell *cells, size_t n)
{
	struct csv *c = (struct csv *)t;

	(void)line;
	for (size_t i = 0; i < n; i++) {
		const char *text = cells[i].text ? cells[i].text : "";

		if (i)
			put(c, ",", 1);
		if (cells[i].number && table_is_decimal(text))
			put(c, text, strlen(text));
		else
			put_text(c, text);
	}
	put(c, "\r\n", 2);
	return t->err;
}

static struct table *csv_open(
    struct mem *m, const char *title, const char *folder, size_t max_bytes)
{
	struct csv *c = mem_alloc(m, sizeof(*c));

	(void)title;
	(void)folder;
	(void)max_bytes;
	put(c, "\xef\xbb\xbf", 3);
	return &c->table;
}

static enum err csv_close(struct table *t)
{
	struct csv *c = (struct csv *)t;

	table_send(t, c->data, c->used);
	return t->err;
}

static void csv_drop(struct table *t)
{
	(void)t;
}

static const struct table_driver table_csv = {
    .type = "text/csv; charset=utf-8",
    .open = csv_open,
    .line = csv_line,
    .close = csv_close,
    .drop = csv_drop,
};

/* --- Tables --------------------------------------------------------------- */

static const struct table_driver *const drivers[] = {
    [TABLE_CSV] = &table_csv,
    [TABLE_XLSX] = &table_xlsx,
};

static void release_table(void *t)
{
	table_drop(t);
}

struct table *table_open(struct mem *m, enum table_kind kind, const char *title,
    const char *folder, size_t max_bytes, const struct table_sink *sink)
{
	struct table *t = drivers[kind]->open(m, title, folder, max_bytes);

	if (!t)
		return NULL;
	t->driver = drivers[kind];
	t->mem = m;
	t->sink = *sink;
	t->max_rows = TABLE_ROWS_MAX;
	mem_own(m, release_table, t);
	return t;
}

static enum err add_line(struct table *t, enum table_line line,
    const struct table_cell *cells, size_t n)
{
	if (t->ended && t->err == ERR_OK)
		t->err = ERR_INTERNAL;
	if (t->err == ERR_OK)
		t->err = t->driver->line(t, line, cells, n);
	return t->err;
}

void table_note(struct table *t, const char *text)
{
	add_line(t, TABLE_NOTE, &(struct table_cell){.text = text}, 1);
}

enum err table_head(struct table *t, const struct table_cell *cells, size_t n)
{
	return add_line(t, TABLE_HEAD, cells, n);
}

enum err table_row(struct table *t, const struct table_cell *cells, size_t n)
{
	return add_line(t, TABLE_ROW, cells, n);
}

enum err table_close(struct table *t)
{
	if (t->err == ERR_OK && !t->ended)
		t->err = t->driver->close(t);
	table_drop(t);
	return t->err;
}

void table_drop(struct table *t)
{
	if (!t->ended)
		t->driver->drop(t);
	t->ended = true;
}

const char *table_type(enum table_kind kind)
{
	return drivers[kind]->type;
}
