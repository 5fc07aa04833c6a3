/* test_table.c: tables as CSV and as XLSX, the latter opened again by unzip
 * and Python's XML parser. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/table_kind.h"

enum { BOUND = 64 * 1024 * 1024 };

/* What the sink got. */
struct got {
	size_t len, calls, largest,
	    fail_at; /* fail_at: a call, from 1; 0: no */
	char *data;  /* NULL: only counted */
	FILE *file;
};

static struct mem *m;
static struct got got;
static char folder[] = "/tmp/portico-table-XXXXXX";

static bool take(void *ctx, const void *data, size_t len)
{
	struct got *g = ctx;

	g->calls++;
	if (g->fail_at && g->calls >= g->fail_at)
		return false;
	if (len > g->largest)
		g->largest = len;
	if (g->file)
		assert_int_equal(fwrite(data, 1, len, g->file), len);
	if (g->data) {
		g->data = realloc(g->data, g->len + len + 1);
		assert_non_null(g->data);
		memcpy(g->data + g->len, data, len);
		g->data[g->len + len] = 0;
	}
	g->len += len;
	return true;
}

static const struct table_sink sink = {take, &got};

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	got = (struct got){.data = calloc(1, 1)};
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	mem_close(m);
	free(got.data);
	return 0;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static size_t count_open(void)
{
	return count_entries("/proc/self/fd");
}

static struct table *open_table(enum table_kind kind)
{
	struct table *t = table_open(m, kind, "Usage", folder, BOUND, &sink);

	assert_non_null(t);
	return t;
}

/* --- CSV ------------------------------------------------------------------ */

static void check_csv(const char *text, bool number, const char *want)
{
	struct table_cell cells[] = {{text, number}, {"x", false}};
	struct table *t = open_table(TABLE_CSV);
	char *line = mem_print(m, "\xef\xbb\xbf%s,x\r\n", want);

	got.len = 0;
	assert_int_equal(table_row(t, cells, 2), ERR_OK);
	assert_int_equal(table_close(t), ERR_OK);
	assert_string_equal(got.data, line);
}

static void test_quotes_what_rfc_4180_says(void **state)
{
	(void)state;
	check_csv("plain", false, "plain");
	check_csv("two words", false, "two words");
	check_csv("a,b", false, "\"a,b\"");
	check_csv("say \"no\"", false, "\"say \"\"no\"\"\"");
	check_csv("\"", false, "\"\"\"\"");
	check_csv("a\nb", false, "\"a\nb\"");
	check_csv("a\r\nb", false, "\"a\r\nb\"");
	check_csv("a;b", false, "\"a;b\"");
	check_csv("", false, "");
	check_csv(NULL, false, "");
	check_csv(NULL, true, "");
}

static void test_lines_and_mark(void **state)
{
	struct table_cell head[] = {{"Code", false}, {"Rate", false}};
	struct table_cell row[] = {{"49", false}, {"-0.012300000", true}};
	struct table *t = open_table(TABLE_CSV);

	(void)state;
	table_note(t, "=Rates, today");
	assert_int_equal(table_head(t, head, 2), ERR_OK);
	assert_int_equal(table_row(t, row, 2), ERR_OK);
	assert_int_equal(got.calls, 0);
	assert_int_equal(table_close(t), ERR_OK);
	assert_string_equal(got.data, "\xef\xbb\xbf\"'=Rates, today\"\r\n"
				      "Code,Rate\r\n49,-0.012300000\r\n");
}

static void test_no_cell_is_a_formula(void **state)
{
	(void)state;
	check_csv("=1+1", false, "'=1+1");
	check_csv("+4930123", false, "'+4930123");
	check_csv("-", false, "'-");
	check_csv("@SUM(1)", false, "'@SUM(1)");
	check_csv("\tx", false, "\"'\tx\"");
	check_csv("\rx", false, "\"'\rx\"");
	check_csv("\nx", false, "\"'\nx\"");
	check_csv("  =1", false, "'  =1");
	check_csv("\xc2\xa0=1", false, "'\xc2\xa0=1");
	check_csv("\xef\xbb\xbf=1", false, "'\xef\xbb\xbf=1");
	check_csv("\x01=1", false, "'=1");
	check_csv("\x01\tx", false, "\"'\tx\"");
	check_csv("\xef\xbc\x9d"
		  "1",
	    false,
	    "'\xef\xbc\x9d"
	    "1");
	check_csv("=HYPERLINK(\"a\",1)", false, "\"'=HYPERLINK(\"\"a\"\",1)\"");
	check_csv("a=1", false, "a=1");
	check_csv("'=1", false, "'=1");
	/* Where ";" separates, a quote in the middle of a line means nothing.
	 */
	check_csv("x;=1+1;y", false, "\"x;'=1+1;y\"");
	check_csv("x;;@SUM(1)", false, "\"x;;'@SUM(1)\"");
	check_csv("x;\"=1", false, "\"x;'\"\"=1\"");
	check_csv("x;y", false, "\"x;y\"");
	check_csv("x\n-1", false, "\"x\n'-1\"");
}

static void test_numbers_are_checked(void **state)
{
	(void)state;
	check_csv("-12.50", true, "-12.50");
	check_csv("0.123456789", true, "0.123456789");
	check_csv("123456789012345678.90", true, "123456789012345678.90");
	check_csv("-12.50", false, "'-12.50");
	check_csv("-1+cmd|' /C calc'!A0", true, "'-1+cmd|' /C calc'!A0");
	check_csv("+1", true, "'+1");
	check_csv("-", true, "'-");
	check_csv("-.5", true, "'-.5");
	check_csv("-1.", true, "'-1.");
	check_csv("-1e5", true, "'-1e5");
	check_csv("-1,5", true, "\"'-1,5\"");
}

static void test_any_language(void **state)
{
	(void)state;
	check_csv("Zo\xc3\xab \xf0\x9f\x93\x9e", false,
	    "Zo\xc3\xab \xf0\x9f\x93\x9e");
	check_csv("\xd8\xb4\xd8\xb1\xd9\x83\xd8\xa9", false,
	    "\xd8\xb4\xd8\xb1\xd9\x83\xd8\xa9");
	check_csv("a\x02z\x1b", false, "az");
	check_csv("a\xffz", false, "a\xef\xbf\xbdz");
	check_csv("\xc0\xaf", false, "\xef\xbf\xbd\xef\xbf\xbd");
	check_csv(
	    "\xed\xa0\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_csv("cut \xf0\x9f\x93", false,
	    "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void add_rows(struct table *t, size_t n)
{
	char id[32];
	struct table_cell cells[] = {{id, true}, {"2026-11-01 10:00:00", false},
	    {"+49 30 1234567", false}, {"Zo\xc3\xab & \"Sons\", <b>", false},
	    {"-0.012345678", true}};

	for (size_t i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(table_row(t, cells, 5), ERR_OK);
	}
}

static void test_csv_takes_constant_memory(void **state)
{
	struct table *t = open_table(TABLE_CSV);
	size_t used = mem_used(m);

	(void)state;
	free(got.data);
	got.data = NULL;
	add_rows(t, 100000);
	assert_int_equal(mem_used(m), used);
	assert_true(got.len > 5000000);
	assert_true(got.largest == 32 * 1024);
	assert_int_equal(table_close(t), ERR_OK);
	assert_int_equal(mem_used(m), used);
}

static void test_long_cell_is_whole(void **state)
{
	enum { LEN = 200000 };
	struct table_cell cell = {mem_alloc(m, LEN + 1), false};
	struct table *t = open_table(TABLE_CSV);

	(void)state;
	memset((char *)(uintptr_t)cell.text, 'x', LEN);
	assert_int_equal(table_row(t, &cell, 1), ERR_OK);
	assert_int_equal(table_close(t), ERR_OK);
	assert_int_equal(got.len, 3 + LEN + 2);
}

static void test_a_lost_client_ends_csv(void **state)
{
	struct table_cell cell = {mem_alloc(m, 100001), false};
	struct table *t = open_table(TABLE_CSV);

	(void)state;
	memset((char *)(uintptr_t)cell.text, 'x', 100000);
	got.fail_at = 2;
	assert_int_equal(table_row(t, &cell, 1), ERR_INTERNAL);
	assert_int_equal(got.calls, 2);
	assert_int_equal(table_row(t, &cell, 1), ERR_INTERNAL);
	assert_int_equal(table_close(t), ERR_INTERNAL);
	assert_int_equal(got.calls, 2);
}

static void test_a_dropped_csv_says_nothing(void **state)
{
	struct table_cell cell = {"x", false};
	struct table *t = open_table(TABLE_CSV);

	(void)state;
	assert_int_equal(table_row(t, &cell, 1), ERR_OK);
	table_drop(t);
	assert_int_equal(table_row(t, &cell, 1), ERR_INTERNAL);
	assert_int_equal(table_close(t), ERR_INTERNAL);
	assert_int_equal(got.calls, 0);
}

/* --- XLSX ----------------------------------------------------------------- */

static const char reader[] =
    "import sys, zipfile, xml.etree.ElementTree as E\n"
    "N = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'\n"
    "z = zipfile.ZipFile(sys.argv[1])\n"
    "assert z.testzip() is None\n"
    "raw = z.read('xl/worksheets/sheet1.xml')\n"
    "if len(raw) > 1000000:\n"
    "    print('rows', raw.count(b'<row '))\n"
    "    sys.exit()\n"
    "parts = {n: E.fromstring(z.read(n)) for n in z.namelist()}\n"
    "book = parts['xl/workbook.xml']\n"
    "sheet = parts['xl/worksheets/sheet1.xml']\n"
    "style = parts['xl/styles.xml']\n"
    "shapes = {f.get('numFmtId'): f.get('formatCode')\n"
    "          for f in style.iter(N + 'numFmt')}\n"
    "xf = [(x.get('fontId'), x.get('numFmtId'))\n"
    "      for x in style.find(N + 'cellXfs')]\n"
    "bold = [f.find(N + 'b') is not None for f in style.find(N + 'fonts')]\n"
    "print('sheet', book.find(N + 'sheets')[0].get('name'))\n"
    "for p in sheet.iter(N + 'pane'):\n"
    "    print('pane', p.get('state'), p.get('ySplit'))\n"
    "for c in sheet.iter(N + 'col'):\n"
    "    print('col', c.get('min'), round(float(c.get('width'))))\n"
    "for c in sheet.iter(N + 'c'):\n"
    "    font, shape = xf[int(c.get('s', 0))]\n"
    "    v = c.find(N + 'v')\n"
    "    t = c.find(N + 'is')\n"
    "    assert c.find(N + 'f') is None\n"
    "    text = v.text if v is not None else t[0].text\n"
    "    kind = 'bold' if bold[int(font)] else shapes.get(shape, shape)\n"
    "    if len(text) > 200: text = '%d %r' % (len(text), text[-3:])\n"
    "    print(c.get('r'), c.get('t', 'n'), kind, repr(text))\n";

/* What the reader says of the file that was sent. */
static char *read_back(void)
{
	char path[] = "/tmp/portico-read-XXXXXX", command[4096];
	struct buf out;
	char piece[4096];
	size_t n;
	int fd = mkstemp(path);
	FILE *p;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, got.data, got.len), (ssize_t)got.len);
	close(fd);
	snprintf(command, sizeof(command),
	    "PYTHONIOENCODING=utf-8 python3 - %s <<'PY'\n%s\nPY\n", path,
	    reader);
	p = popen(command, "r");
	assert_non_null(p);
	buf_open(&out, m, 4096);
	while ((n = fread(piece, 1, sizeof(piece), p)))
		buf_add(&out, piece, n);
	assert_int_equal(pclose(p), 0);
	unlink(path);
	return out.data;
}

static void check_says(const char *said, const char *want)
{
	if (!strstr(said, want))
		fail_msg("no '%s' in:\n%s", want, said);
}

/* The cells of one sheet, a row each, and what the reader shall say. */
static struct {
	struct table *table;
	size_t n;
	struct buf want;
} cases;

static void open_cases(void)
{
	got.len = 0;
	cases.table = open_table(TABLE_XLSX);
	cases.n = 0;
	buf_open(&cases.want, m, 1024);
}

static void add_case(const char *text, bool number, const char *want)
{
	struct table_cell cell = {text, number};

	assert_int_equal(table_row(cases.table, &cell, 1), ERR_OK);
	buf_print(&cases.want, "A%zu %s\n", ++cases.n, want);
}

static void check_cases(void)
{
	const char *said;

	assert_int_equal(table_close(cases.table), ERR_OK);
	said = strstr(read_back(), "A1 ");
	assert_non_null(said);
	assert_string_equal(said, cases.want.data);
}

static void test_sheet_as_a_whole(void **state)
{
	struct table_cell head[] = {{"Number dialled", false}, {"Cost", false}};
	struct table_cell row[] = {
	    {"+4930", false}, {"-12.50", true}, {NULL, false}};
	struct table *t = open_table(TABLE_XLSX);
	const char *said;

	(void)state;
	table_note(t, "Usage of heron, a note that is longer than its column");
	assert_int_equal(table_head(t, head, 2), ERR_OK);
	assert_int_equal(table_row(t, row, 3), ERR_OK);
	assert_int_equal(got.calls, 0);
	assert_int_equal(table_close(t), ERR_OK);
	assert_memory_equal(got.data, "PK", 2);
	said = read_back();
	check_says(said, "sheet Usage\npane frozen 2\ncol 1 19\ncol 2 10\n");
	check_says(said, "A1 inlineStr 0 'Usage of heron, a note that");
	check_says(said, "A2 inlineStr bold 'Number dialled'\n"
			 "B2 inlineStr bold 'Cost'\n"
			 "A3 inlineStr 0 '+4930'\n"
			 "B3 n 0.00 '-12.5'\n");
}

static void test_numbers_keep_their_digits(void **state)
{
	(void)state;
	open_cases();
	add_case("12.50", true, "n 0.00 '12.5'");
	add_case("0.123456789", true, "n 0.000000000 '0.123456789'");
	add_case("123456789012345", true, "n 1 '123456789012345'");
	add_case("1234567890123456", true, "inlineStr 0 '1234567890123456'");
	add_case("1234567890123.45", true, "n 0.00 '1234567890123.45'");
	add_case("12345678901234.56", true, "inlineStr 0 '12345678901234.56'");
	add_case(
	    "0.000000000000000001", true, "inlineStr 0 '0.000000000000000001'");
	add_case("007", true, "inlineStr 0 '007'");
	add_case("0", true, "n 1 '0'");
	add_case("1e5", true, "inlineStr 0 '1e5'");
	add_case("nan", true, "inlineStr 0 'nan'");
	add_case("0x10", true, "inlineStr 0 '0x10'");
	add_case("12.50", false, "inlineStr 0 '12.50'");
	check_cases();
}

static void test_texts_stay_texts(void **state)
{
	(void)state;
	open_cases();
	add_case("=1+1", false, "inlineStr 0 '=1+1'");
	add_case("<b>&\"'", false, "inlineStr 0 '<b>&\"\\''");
	add_case(
	    "http://example.com/", false, "inlineStr 0 'http://example.com/'");
	add_case(" x ", false, "inlineStr 0 ' x '");
	add_case("Zo\xc3\xab \xf0\x9f\x93\x9e", false,
	    "inlineStr 0 'Zo\xc3\xab \xf0\x9f\x93\x9e'");
	add_case("\xd8\xb4\xd8\xb1", false, "inlineStr 0 '\xd8\xb4\xd8\xb1'");
	add_case("a\x01\x1b\xef\xbf\xbfz", false, "inlineStr 0 'az'");
	add_case("a\xffz", false, "inlineStr 0 'a\xef\xbf\xbdz'");
	add_case("a\r\nb\rc\td", false, "inlineStr 0 'a\\nb\\nc\\td'");
	add_case("_x000D_", false, "inlineStr 0 '_x005F_x000D_'");
	add_case("_x00_", false, "inlineStr 0 '_x00_'");
	check_cases();
}

static void test_long_texts_are_cut(void **state)
{
	struct buf b;

	(void)state;
	open_cases();
	buf_open(&b, m, 40000);
	while (b.len < 32767)
		buf_add_char(&b, 'x');
	add_case(b.data, false, "inlineStr 0 \"32767 'xxx'\"");
	buf_add_char(&b, 'x');
	add_case(b.data, false, "inlineStr 0 \"32767 'xx\xe2\x80\xa6'\"");
	/* An emoji counts twice; it is not halved. */
	b.len = 32766;
	buf_add_text(&b, "\xf0\x9f\x93\x9e");
	add_case(b.data, false, "inlineStr 0 \"32767 'xx\xe2\x80\xa6'\"");
	check_cases();
}

static void check_title(const char *title, const char *want)
{
	struct table_cell cell = {"x", false};
	struct table *t;

	got.len = 0;
	t = table_open(m, TABLE_XLSX, title, folder, BOUND, &sink);
	assert_non_null(t);
	assert_int_equal(table_row(t, &cell, 1), ERR_OK);
	assert_int_equal(table_close(t), ERR_OK);
	check_says(read_back(), mem_print(m, "sheet %s\n", want));
}

static void test_sheet_names(void **state)
{
	(void)state;
	check_title("Nutzung \xc3\xbc"
		    "ber 30 Tage",
	    "Nutzung \xc3\xbc"
	    "ber 30 Tage");
	check_title("a[b]:c*d?e/f\\g", "a b  c d e f g");
	check_title("0123456789012345678901234567890123",
	    "0123456789012345678901234567890");
	check_title("history", "history_");
	check_title("'x'", " x ");
	check_title("", "Sheet1");
	check_title("//", "Sheet1");
	check_title(NULL, "Sheet1");
}

static void test_empty_sheet(void **state)
{
	struct table *t = open_table(TABLE_XLSX);

	(void)state;
	assert_int_equal(table_close(t), ERR_OK);
	check_says(read_back(), "sheet Usage\n");
	assert_int_equal(table_close(t), ERR_OK);
}

static void test_xlsx_takes_constant_memory(void **state)
{
	struct table *t = open_table(TABLE_XLSX);
	size_t used;

	(void)state;
	add_rows(t, 100);
	used = mem_used(m);
	add_rows(t, 99900);
	assert_int_equal(mem_used(m), used);
	assert_int_equal(got.calls, 0);
	assert_int_equal(table_close(t), ERR_OK);
	assert_true(mem_used(m) - used < 100 * 1024);
	assert_true(got.largest == 64 * 1024);
	assert_string_equal(read_back(), "rows 100000\n");
}

static void test_too_many_rows(void **state)
{
	struct table_cell cell = {"x", false};
	struct table *t = open_table(TABLE_XLSX);

	(void)state;
	assert_int_equal(t->max_rows, 1048576);
	t->max_rows = 3;
	table_note(t, "a note is a row too");
	assert_int_equal(table_head(t, &cell, 1), ERR_OK);
	assert_int_equal(table_row(t, &cell, 1), ERR_OK);
	assert_int_equal(table_row(t, &cell, 1), ERR_TOO_LARGE);
	assert_int_equal(table_close(t), ERR_TOO_LARGE);
	assert_int_equal(got.calls, 0);
}

static void test_too_many_bytes(void **state)
{
	enum { LITTLE = 1024 * 1024 };
	struct table_cell cells[] = {{"1.5", true}, {"some text", false}};
	struct table *t = table_open(m, TABLE_XLSX, "x", folder, LITTLE, &sink);
	enum err err = ERR_OK;
	size_t rows = 0;

	(void)state;
	for (; rows < 100000 && err == ERR_OK; rows++)
		err = table_row(t, cells, 2);
	assert_int_equal(err, ERR_TOO_LARGE);
	/* A row is about 110 bytes of XML. */
	assert_in_range(rows, 7000, 12000);
	assert_int_equal(table_close(t), ERR_TOO_LARGE);
	assert_int_equal(got.calls, 0);
}

static void test_too_many_cells(void **state)
{
	struct table_cell *cells = mem_array(m, 16385, sizeof(*cells));
	struct table *t = open_table(TABLE_XLSX);

	(void)state;
	assert_int_equal(table_row(t, cells, 16384), ERR_OK);
	assert_int_equal(table_row(t, cells, 16385), ERR_INTERNAL);
	table_drop(t);
}

static void test_a_lost_client_ends_xlsx(void **state)
{
	size_t before = count_open();
	struct table *t = open_table(TABLE_XLSX);

	(void)state;
	add_rows(t, 20000);
	got.fail_at = 2;
	assert_int_equal(table_close(t), ERR_INTERNAL);
	assert_int_equal(got.calls, 2);
	assert_int_equal(got.len, 64 * 1024);
	assert_int_equal(count_open(), before);
}

static void test_nothing_is_left_behind(void **state)
{
	size_t before = count_open();
	struct table *t = open_table(TABLE_XLSX);

	(void)state;
	add_rows(t, 1000);
	assert_int_equal(count_entries(folder), 0);
	assert_true(count_open() > before);
	table_drop(t);
	assert_int_equal(count_open(), before);
	t = open_table(TABLE_XLSX);
	add_rows(t, 10);
	assert_int_equal(table_close(t), ERR_OK);
	assert_int_equal(count_open(), before);
	t = open_table(TABLE_XLSX);
	assert_int_equal(table_close(t), ERR_OK);
	assert_int_equal(count_open(), before);
	open_table(TABLE_XLSX);
	mem_clear(m);
	assert_int_equal(count_open(), before);
	assert_int_equal(count_entries(folder), 0);
}

static void test_no_folder(void **state)
{
	size_t before = count_open();

	(void)state;
	assert_null(
	    table_open(m, TABLE_XLSX, "x", "/nowhere/at/all", BOUND, &sink));
	assert_int_equal(count_open(), before);
	table_drop(table_open(m, TABLE_XLSX, "x", NULL, BOUND, &sink));
	assert_int_equal(count_open(), before);
}

/* A limit of a file's size fails a write as a full disk does. */
static void limit_files(rlim_t most)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk_while_writing(void **state)
{
	size_t before = count_open(), rows = 0;
	struct table_cell cells[] = {{"1.5", true}, {"some text", false}};
	struct table *t = open_table(TABLE_XLSX);
	enum err err = ERR_OK;

	(void)state;
	limit_files(1024 * 1024);
	for (; rows < 100000 && err == ERR_OK; rows++)
		err = table_row(t, cells, 2);
	limit_files(RLIM_INFINITY);
	assert_int_equal(err, ERR_BUSY);
	assert_int_equal(table_close(t), ERR_BUSY);
	assert_int_equal(got.calls, 0);
	assert_int_equal(count_open(), before);
}

static void check_full_at_close(rlim_t most)
{
	size_t before = count_open();
	struct table *t = open_table(TABLE_XLSX);

	add_rows(t, 2000);
	limit_files(most);
	assert_int_equal(table_close(t), ERR_BUSY);
	limit_files(RLIM_INFINITY);
	assert_int_equal(got.calls, 0);
	assert_int_equal(count_open(), before);
}

/* The rows are about 750 KB. */
static void test_full_disk_at_close(void **state)
{
	(void)state;
	check_full_at_close(512 * 1024);
	check_full_at_close(1024 * 1024);
}

static void test_types(void **state)
{
	(void)state;
	assert_string_equal(table_type(TABLE_CSV), "text/csv; charset=utf-8");
	assert_string_equal(table_type(TABLE_XLSX),
	    "application/vnd.openxmlformats-officedocument.spreadsheetml."
	    "sheet");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_quotes_what_rfc_4180_says),
	    TEST(test_lines_and_mark),
	    TEST(test_no_cell_is_a_formula),
	    TEST(test_numbers_are_checked),
	    TEST(test_any_language),
	    TEST(test_csv_takes_constant_memory),
	    TEST(test_long_cell_is_whole),
	    TEST(test_a_lost_client_ends_csv),
	    TEST(test_a_dropped_csv_says_nothing),
	    TEST(test_sheet_as_a_whole),
	    TEST(test_numbers_keep_their_digits),
	    TEST(test_texts_stay_texts),
	    TEST(test_long_texts_are_cut),
	    TEST(test_sheet_names),
	    TEST(test_empty_sheet),
	    TEST(test_xlsx_takes_constant_memory),
	    TEST(test_too_many_rows),
	    TEST(test_too_many_bytes),
	    TEST(test_too_many_cells),
	    TEST(test_a_lost_client_ends_xlsx),
	    TEST(test_nothing_is_left_behind),
	    TEST(test_no_folder),
	    TEST(test_full_disk_while_writing),
	    TEST(test_full_disk_at_close),
	    TEST(test_types),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
