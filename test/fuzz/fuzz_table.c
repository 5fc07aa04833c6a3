/* fuzz_table.c: any texts as the cells of a table. Read back by a reader of
 * RFC 4180, the CSV must have the same lines and cells, no cell may be taken
 * for a formula, and but for the guard in front and what no file may hold, a
 * cell says what it said. An XLSX must be made of them too.
 *
 * Input: a byte (1: as XLSX too), then cells, each ended by a NUL; one that is
 * "\n" alone ends a row; a '#' in front makes one a number.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/table.h"
#include "tools/table_kind.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CELLS = 8, ROWS = 32 };

struct row {
	struct table_cell cells[CELLS];
	size_t n;
};

static bool write_out(void *ctx, const void *data, size_t len)
{
	buf_add(ctx, data, len);
	return true;
}

static size_t read_rows(
    struct mem *m, const uint8_t *at, size_t size, struct row rows[ROWS])
{
	size_t n = 0;

	while (size && n < ROWS) {
		size_t len = strnlen((const char *)at, size);
		const char *text = mem_text_n(m, (const char *)at, len);
		struct row *r = &rows[n];

		len += len < size;
		at += len;
		size -= len;
		if (!strcmp(text, "\n") || r->n == CELLS) {
			n += r->n > 0;
			continue;
		}
		r->cells[r->n].number = *text == '#';
		r->cells[r->n++].text = text + (*text == '#');
	}
	return n < ROWS ? n + (rows[n].n > 0) : n;
}

/* --- Reading it back ------------------------------------------------------ */

/* One cell; *at is behind it and its separator. `end`: that was a line's. */
static char *read_cell(struct mem *m, const char **at, bool *end)
{
	const char *s = *at;
	struct buf b;

	buf_open(&b, m, 64);
	if (*s == '"') {
		for (s++; *s != '"' || s[1] == '"'; s++) {
			must(*s);
			s += *s == '"';
			buf_add(&b, s, 1);
		}
		s++;
	} else {
		size_t len = strcspn(s, ",\r\n");

		must(!memchr(s, '"', len));
		buf_add(&b, s, len);
		s += len;
	}
	*end = *s == '\r';
	must(*s == ',' || (s[0] == '\r' && s[1] == '\n'));
	*at = s + (*end ? 2 : 1);
	return b.data;
}

/* What spreadsheets skip before they look for a formula. */
static const char *skip_blanks(const char *s)
{
	static const char *const blanks[] = {" ", "\xc2\xa0", "\xe2\x80\x83",
	    "\xe2\x80\x8b", "\xe2\x80\x8e", "\xe3\x80\x80", "\xef\xbb\xbf"};
	bool skipped = true;

	while (skipped) {
		skipped = false;
		for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++) {
			size_t len = strlen(blanks[i]);

			if (strncmp(s, blanks[i], len) != 0)
				continue;
			s += len;
			skipped = true;
		}
	}
	return s;
}

static bool is_formula(const char *s)
{
	static const char *const wide[] = {
	    "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

	if (*s == '\t' || *s == '\r' || *s == '\n')
		return true;
	s = skip_blanks(s);
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
		if (!strncmp(s, wide[i], strlen(wide[i])))
			return true;
	return *s && strchr("=+-@", *s);
}

/* The cell as it may stand in a file. */
static const char *clean(struct mem *m, const char *s)
{
	struct table_char c;
	struct buf b;

	buf_open(&b, m, 64);
	while (*s) {
		s += table_char(s, &c);
		buf_add(&b, c.bytes, c.len);
	}
	return b.data;
}

static bool separates(char c)
{
	return c && strchr(";\t\r\n", c);
}

/* What some take for a cell of its own is no formula either. */
static void check_parts(const char *got)
{
	for (; *got; got++)
		if (separates(got[0]) && !separates(got[1]))
			must(!is_formula(got + 1 + strspn(got + 1, "\"")));
}

/* But for a guard at the start, or behind what separates. */
static bool says(const char *got, const char *want)
{
	for (bool start = true; *got; got++) {
		if (*got == *want) {
			start = separates(*want++);
			continue;
		}
		if (!start || *got != '\'')
			return false;
		start = false;
	}
	return !*want;
}

static void check_cell(
    struct mem *m, const char *got, const struct table_cell *cell)
{
	const char *want = clean(m, cell->text);

	if (cell->number && table_is_decimal(cell->text)) {
		must(!strcmp(got, cell->text));
		return;
	}
	must(!is_formula(got));
	check_parts(got);
	must(says(got, want));
}

static void check_csv(
    struct mem *m, const char *at, const struct row *rows, size_t n)
{
	bool end;

	must(!strncmp(at, "\xef\xbb\xbf", 3));
	at += 3;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < rows[i].n; j++) {
			char *got = read_cell(m, &at, &end);

			check_cell(m, got, &rows[i].cells[j]);
			must(end == (j + 1 == rows[i].n));
		}
	must(!*at);
}

/* --- All of it ------------------------------------------------------------ */

static const char *make(struct mem *m, enum table_kind kind,
    const struct row *rows, size_t n, size_t *len)
{
	struct buf out;
	struct table_sink sink = {write_out, &out};
	struct table *t;

	buf_open(&out, m, 4096);
	t = table_open(m, kind, rows[0].cells[0].text, "/tmp", 1 << 24, &sink);
	must(t != NULL);
	for (size_t i = 0; i < n; i++)
		must(!table_row(t, rows[i].cells, rows[i].n));
	must(!table_close(t));
	*len = out.len;
	return out.data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct row rows[ROWS] = {0};
	struct mem *m;
	const char *text;
	size_t n, len;

	if (!size || size > 16384)
		return 0;
	m = mem_open(0);
	n = read_rows(m, data + 1, size - 1, rows);
	if (n) {
		text = make(m, TABLE_CSV, rows, n, &len);
		must(strlen(text) == len);
		check_csv(m, text, rows, n);
		if (data[0] == '1') {
			text = make(m, TABLE_XLSX, rows, n, &len);
			must(len > 22 && !memcmp(text, "PK\3\4", 4));
		}
	}
	mem_close(m);
	return 0;
}
