/* table_xlsx.c: XLSX by libxlsxwriter.
 *
 * The library writes each row to a temporary file when the next one begins
 * (constant_memory). When it closes, it copies that file into a second one and
 * packs that into ours. No temporary file keeps a name, so that nothing is
 * left behind whatever happens to the process.
 *
 * The library looks at no result of a write to its temporary files. Therefore
 * the first one is looked at here, room for the second one is made sure of
 * before it is written, and the size of what was packed is checked after.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/mem.h"
#include "tools/table_kind.h"

enum {
	TEXT_MAX = 32767, /* UTF-16 units of a cell */
	TITLE_MAX = 31,
	DIGITS_MAX = 15, /* that a spreadsheet shows of a number */
	WIDTHS = 64,
	WIDTH_MIN = 9,
	WIDTH_MAX = 60,
	WIDTH_ROWS = 200, /* that are measured */
	CELL_BYTES = 48,  /* a cell's markup, about */
	LOOK_BYTES = 256 * 1024,
	PIECE = 64 * 1024,
	PACK_BYTES = 256 * 1024, /* all but the sheet, with room to spare */
	FRAME_BYTES = 384,	 /* a sheet's own markup is longer */
};

/* A plain ZIP has 32 bits for the size of a sheet. */
static const uint64_t sheet_max = UINT32_MAX - 16 * 1024 * 1024;

struct xlsx {
	struct table table; /* first */
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *bold, *decimals[DIGITS_MAX + 1];
	int fd; /* the file that is sent */
	uint32_t rows;
	uint64_t max_bytes, bytes, looked_at; /* of the temporary file */
	size_t widths[WIDTHS];
	struct buf text;
};

/* --- Texts ---------------------------------------------------------------- */

/* "_x000D_" in a cell means a carriage return. */
static bool is_escape(const char *s)
{
	return s[0] == '_' && s[1] == 'x' &&
	       strspn(s + 2, "0123456789abcdefABCDEF") >= 4 && s[6] == '_';
}

/* Adds `s` cleaned and cut; returns its length in UTF-16 units. */
static size_t add_clean(struct buf *b, const char *s)
{
	size_t units = 0, cut = 0;

	b->len = 0;
	while (*s) {
		bool escape = is_escape(s);
		struct table_char c;

		s += table_char(s, &c);
		if (!c.len || (c.code == '\r' && *s == '\n'))
			continue;
		if (units < TEXT_MAX)
			cut = b->len;
		units += (c.code > 0xffff ? 2u : 1u) + (escape ? 6u : 0u);
		if (units > TEXT_MAX) {
			b->len = cut;
			buf_add_text(b, "\xe2\x80\xa6");
			return TEXT_MAX;
		}
		if (escape)
			buf_add_text(b, "_x005F");
		buf_add(b, c.code == '\r' ? "\n" : c.bytes, c.len);
	}
	buf_add(b, "", 0);
	return units;
}

/* A sheet's name as it must be; NULL: nothing is left of it. */
static const char *make_title(struct mem *m, const char *title)
{
	struct buf b;
	size_t units = 0;

	buf_open(&b, m, TITLE_MAX * 4 + 1);
	while (title && *title) {
		struct table_char c;

		title += table_char(title, &c);
		units += c.code > 0xffff ? 2u : 1u;
		if (units > TITLE_MAX)
			break;
		if (c.code < ' ' ||
		    (c.code < 0x80 && strchr("[]:*?/\\'", (int)c.code)))
			buf_add_char(&b, ' ');
		else
			buf_add(&b, c.bytes, c.len);
	}
	/* A spreadsheet keeps this name for itself. */
	if (!strcasecmp(b.data, "history"))
		buf_add_char(&b, '_');
	return b.data[strspn(b.data, " ")] ? b.data : NULL;
}

/* --- Cells ---------------------------------------------------------------- */

static size_t count_digits(const char *text)
{
	size_t n = 0, zeros = 0;

	for (; *text; text++) {
		if (*text == '0' && n)
			zeros++;
		if (*text < '1' || *text > '9')
			continue;
		n += zeros + 1;
		zeros = 0;
	}
	return n;
}

/* The number that shows the very digits of `text`, in a spreadsheet too, with
 * `scale` of them behind the point. False: there is none. */
static bool find_number(const char *text, double *out, size_t *scale)
{
	const char *point = strchr(text, '.');
	char shown[64];

	*scale = point ? strlen(point + 1) : 0;
	if (!table_is_decimal(text) || *scale > DIGITS_MAX ||
	    count_digits(text) > DIGITS_MAX)
		return false;
	*out = strtod(text, NULL);
	snprintf(shown, sizeof(shown), "%.*f", (int)*scale, *out);
	return !strcmp(shown, text);
}

static lxw_format *find_format(struct xlsx *x, size_t scale)
{
	enum { WHOLE = 1 }; /* the format "0", built in */
	char shape[DIGITS_MAX + 3];

	if (x->decimals[scale])
		return x->decimals[scale];
	x->decimals[scale] = workbook_add_format(x->book);
	if (scale) {
		snprintf(shape, sizeof(shape), "%.*f", (int)scale, 0.);
		format_set_num_format(x->decimals[scale], shape);
	} else {
		format_set_num_format_index(x->decimals[scale], WHOLE);
	}
	return x->decimals[scale];
}

static void measure(struct xlsx *x, enum table_line line, size_t i, size_t len)
{
	/* Bold is wider. */
	if (line == TABLE_HEAD)
		len += len / 8 + 1;
	if (line != TABLE_NOTE && x->rows < WIDTH_ROWS && i < WIDTHS &&
	    len > x->widths[i])
		x->widths[i] = len;
}

static lxw_error write_cell(struct xlsx *x, enum table_line line, size_t i,
    const struct table_cell *cell)
{
	size_t scale;
	double number;

	if (!cell->text || !*cell->text)
		return LXW_NO_ERROR;
	if (cell->number && find_number(cell->text, &number, &scale)) {
		measure(x, line, i, strlen(cell->text));
		return worksheet_write_number(x->sheet, x->rows, (lxw_col_t)i,
		    number, find_format(x, scale));
	}
	measure(x, line, i, add_clean(&x->text, cell->text));
	if (!x->text.len)
		return LXW_NO_ERROR;
	return worksheet_write_string(x->sheet, x->rows, (lxw_col_t)i,
	    x->text.data, line == TABLE_HEAD ? x->bold : NULL);
}

/* --- Bounds --------------------------------------------------------------- */

static enum err fail_disk(const char *what)
{
	log_error("table.disk", "a table's temporary file: %s: %s", what,
	    errno ? strerror(errno) : "a write failed");
	return ERR_BUSY;
}

/* What the temporary file really has, and whether all of it was written. */
static enum err look_at_file(struct xlsx *x)
{
	FILE *file = x->sheet->optimize_tmpfile;
	struct stat st;

	errno = 0;
	if (fflush(file) || ferror(file) || fstat(fileno(file), &st))
		return fail_disk("written");
	x->bytes = x->looked_at = (uint64_t)st.st_size;
	return x->bytes > x->max_bytes ? ERR_TOO_LARGE : ERR_OK;
}

static enum err check_room(
    struct xlsx *x, const struct table_cell *cells, size_t n)
{
	uint64_t more = CELL_BYTES;
	enum err err = ERR_OK;

	if (x->rows >= x->table.max_rows)
		return ERR_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		more +=
		    CELL_BYTES +
		    (cells[i].text ? strnlen(cells[i].text, TEXT_MAX * 4) : 0);
	if (x->bytes - x->looked_at > LOOK_BYTES ||
	    x->bytes + more > x->max_bytes)
		err = look_at_file(x);
	x->bytes += more;
	if (err == ERR_OK && x->bytes > x->max_bytes)
		return ERR_TOO_LARGE;
	return err;
}

static enum err xlsx_line(struct table *t, enum table_line line,
    const struct table_cell *cells, size_t n)
{
	struct xlsx *x = (struct xlsx *)t;
	enum err err = check_room(x, cells, n);

	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		lxw_error code = i < LXW_COL_MAX
				     ? write_cell(x, line, i, &cells[i])
				     : LXW_ERROR_WORKSHEET_INDEX_OUT_OF_RANGE;

		if (code != LXW_NO_ERROR) {
			log_error("table.xlsx", "row %u, cell %zu: %s", x->rows,
			    i, lxw_strerror(code));
			err = ERR_INTERNAL;
		}
	}
	x->rows++;
	if (line == TABLE_HEAD && err == ERR_OK)
		worksheet_freeze_panes(x->sheet, x->rows, 0);
	return err;
}

/* --- Opening -------------------------------------------------------------- */

static int open_file(struct mem *m, const char *folder)
{
	char *path = mem_print(m, "%s/portico-XXXXXX", folder);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		log_error("table.disk", "no temporary file in %s: %s", folder,
		    strerror(errno));
	else
		unlink(path);
	return fd;
}

static bool open_book(
    struct xlsx *x, struct mem *m, const char *title, const char *folder)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	lxw_workbook_options options = {
	    .constant_memory = LXW_TRUE, .tmpdir = mem_text(m, folder)};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", x->fd);
	x->book = workbook_new_opt(path, &options);
	x->sheet = x->book ? workbook_add_worksheet(x->book, title) : NULL;
	x->bold = x->book ? workbook_add_format(x->book) : NULL;
	if (x->bold)
		format_set_bold(x->bold);
	return x->sheet && x->bold && x->sheet->optimize_tmpfile;
}

static void xlsx_drop(struct table *t)
{
	struct xlsx *x = (struct xlsx *)t;

	if (x->sheet && x->sheet->optimize_tmpfile)
		fclose(x->sheet->optimize_tmpfile);
	x->sheet = NULL;
	if (x->book)
		lxw_workbook_free(x->book);
	x->book = NULL;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
}

static struct table *xlsx_open(
    struct mem *m, const char *title, const char *folder, size_t max_bytes)
{
	struct xlsx *x = mem_alloc(m, sizeof(*x));
	const char *system = getenv("TMPDIR");

	if (!folder)
		folder = system && *system ? system : P_tmpdir;
	x->max_bytes = max_bytes < sheet_max ? max_bytes : sheet_max;
	x->fd = open_file(m, folder);
	if (x->fd < 0)
		return NULL;
	if (!open_book(x, m, make_title(m, title), folder)) {
		log_error(
		    "table.xlsx", "no workbook could be made in %s", folder);
		xlsx_drop(&x->table);
		return NULL;
	}
	buf_open(&x->text, m, 256);
	return &x->table;
}

/* --- Closing -------------------------------------------------------------- */

static void set_widths(struct xlsx *x)
{
	for (size_t i = 0; i < WIDTHS && x->widths[i]; i++) {
		size_t width = x->widths[i] + 2;

		if (width < WIDTH_MIN)
			width = WIDTH_MIN;
		if (width > WIDTH_MAX)
			width = WIDTH_MAX;
		worksheet_set_column(
		    x->sheet, (lxw_col_t)i, (lxw_col_t)i, (double)width, NULL);
	}
}

/* Room for the second temporary file, and for as much again packed. */
static enum err check_disk(struct xlsx *x)
{
	uint64_t room = 2 * x->bytes + PACK_BYTES;

	if (fallocate(x->fd, 0, 0, (off_t)room) && errno != EOPNOTSUPP &&
	    errno != ENOSYS)
		return fail_disk("room for packing it");
	if (ftruncate(x->fd, 0))
		return fail_disk("emptied");
	return ERR_OK;
}

/* The library closes its file only where a cell was written. */
static void close_unused(lxw_worksheet *sheet)
{
	if (sheet->dim_rowmin != LXW_ROW_MAX)
		return;
	fclose(sheet->optimize_tmpfile);
	sheet->optimize_tmpfile = NULL;
}

static enum err pack(struct xlsx *x)
{
	lxw_workbook *book = x->book;
	lxw_error code;

	set_widths(x);
	close_unused(x->sheet);
	/* Frees the book whatever comes back. */
	x->book = NULL;
	x->sheet = NULL;
	code = workbook_close(book);
	if (code == LXW_NO_ERROR)
		return ERR_OK;
	log_error(
	    "table.xlsx", "packing %u rows: %s", x->rows, lxw_strerror(code));
	/* The library may have kept it open: the disk gets it back. */
	if (ftruncate(x->fd, 0))
		log_warn("table.disk", "not emptied: %s", strerror(errno));
	return code == LXW_ERROR_CREATING_TMPFILE ||
		       code == LXW_ERROR_ZIP_FILE_OPERATION ||
		       code == LXW_ERROR_ZIP_FILE_ADD ||
		       code == LXW_ERROR_ZIP_CLOSE
		   ? ERR_BUSY
		   : ERR_INTERNAL;
}

static uint32_t read_number(const unsigned char *p, size_t bytes)
{
	uint32_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

/* The size that the ZIP's directory says the sheet has; 0: no such. */
static uint64_t find_sheet_size(struct xlsx *x, uint64_t size)
{
	enum { END = 22, ENTRY = 46 };
	static const char name[] = "xl/worksheets/sheet1.xml";
	unsigned char end[END], *p;
	uint64_t from, len, at = 0;

	if (size < END || pread(x->fd, end, END, (off_t)(size - END)) != END ||
	    memcmp(end, "PK\5\6", 4) != 0)
		return 0;
	len = read_number(end + 12, 4);
	from = read_number(end + 16, 4);
	if (from + len + END != size || len > PACK_BYTES)
		return 0;
	p = mem_alloc(x->table.mem, len + 1);
	if (pread(x->fd, p, len, (off_t)from) != (ssize_t)len)
		return 0;
	while (at + ENTRY <= len) {
		const unsigned char *e = p + at;
		uint64_t n = read_number(e + 28, 2);

		if (n == sizeof(name) - 1 && at + ENTRY + n <= len &&
		    !memcmp(e + ENTRY, name, n))
			return read_number(e + 24, 4);
		at +=
		    ENTRY + n + read_number(e + 30, 2) + read_number(e + 32, 2);
	}
	return 0;
}

/* The reserve is given back before it is used, and another process may have
 * been faster: then the sheet is cut off. */
static enum err check_packed(struct xlsx *x, uint64_t *size)
{
	struct stat st;
	uint64_t packed;

	errno = 0;
	if (fstat(x->fd, &st))
		return fail_disk("packed");
	*size = (uint64_t)st.st_size;
	packed = find_sheet_size(x, *size);
	if (packed >= x->bytes + FRAME_BYTES)
		return ERR_OK;
	log_error("table.disk", "a sheet of %llu bytes was cut off at %llu",
	    (unsigned long long)x->bytes, (unsigned long long)packed);
	return ERR_BUSY;
}

static enum err send_file(struct xlsx *x, uint64_t size)
{
	char *piece = mem_alloc(x->table.mem, PIECE);

	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(x->fd, piece, PIECE, (off_t)at);

		if (n <= 0) {
			log_error("table.disk", "reading it again: %s",
			    n ? strerror(errno) : "it has become shorter");
			return ERR_INTERNAL;
		}
		if (!table_send(&x->table, piece, (size_t)n))
			return ERR_INTERNAL;
		at += (uint64_t)n;
	}
	return ERR_OK;
}

static enum err xlsx_close(struct table *t)
{
	struct xlsx *x = (struct xlsx *)t;
	uint64_t size = 0;
	enum err err = look_at_file(x);

	if (err == ERR_OK)
		err = check_disk(x);
	if (err == ERR_OK)
		err = pack(x);
	if (err == ERR_OK)
		err = check_packed(x, &size);
	if (err == ERR_OK)
		err = send_file(x, size);
	return err;
}

const struct table_driver table_xlsx = {
    .type = "application/vnd.openxmlformats-officedocument."
	    "spreadsheetml.sheet",
    .open = xlsx_open,
    .line = xlsx_line,
    .close = xlsx_close,
    .drop = xlsx_drop,
};
