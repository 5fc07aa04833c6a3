/* test_json.c: values, reading and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

static struct mem *pool;

static int open_pool(void **state)
{
	(void)state;
	pool = mem_open(0);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	mem_close(pool);
	return 0;
}

static struct json_object *parse(const char *text)
{
	return json_constant(pool, text);
}

static void building(void **state)
{
	struct json_object *o = json_new(pool), *list;

	(void)state;
	json_put_text(o, "text", "a\"b/c");
	json_put_text(o, "none", NULL);
	json_put_int(o, "least", INT64_MIN);
	json_put_int(o, "most", INT64_MAX);
	json_put_flag(o, "yes", true);
	json_put_flag(o, "no", false);
	json_put(o, "null", NULL);
	list = json_put_list(o, "list");
	json_put_int(list, NULL, 1);
	json_put_text(list, NULL, "two");
	json_put_text(json_put_object(list, NULL), "three", "3");
	json_put_list(json_put_object(o, "object"), "empty");
	assert_string_equal(json_write(pool, o, NULL),
	    "{\"text\":\"a\\\"b/c\",\"none\":null,"
	    "\"least\":-9223372036854775808,\"most\":9223372036854775807,"
	    "\"yes\":true,\"no\":false,\"null\":null,"
	    "\"list\":[1,\"two\",{\"three\":\"3\"}],"
	    "\"object\":{\"empty\":[]}}");
}

static void a_value_is_replaced(void **state)
{
	struct json_object *o = json_new(pool);

	(void)state;
	json_put_text(o, "key", "old");
	json_put_text(o, "key", "new");
	assert_string_equal(json_find_text(o, "key"), "new");
	assert_int_equal(json_count(o), 1);
}

static void finding(void **state)
{
	struct json_object *o = parse("{\"a\":{\"b\":1},\"n\":null,\"l\":[1]}");

	(void)state;
	assert_non_null(json_find(json_find(o, "a"), "b"));
	assert_null(json_find(o, "n"));
	assert_null(json_find(o, "missing"));
	assert_null(json_find(NULL, "a"));
	assert_null(json_find(json_find(o, "l"), "a"));
	assert_null(json_find(json_find(json_find(o, "a"), "b"), "c"));
}

static void texts_keep_their_digits(void **state)
{
	struct json_object *o =
	    parse("{\"s\":\"x\",\"e\":\"\",\"i\":12,\"d\":0.100000001000,"
		  "\"z\":12.50,\"n\":null,\"t\":true,\"l\":[],\"o\":{}}");

	(void)state;
	assert_string_equal(json_find_text(o, "s"), "x");
	assert_string_equal(json_find_text(o, "e"), "");
	assert_string_equal(json_find_text(o, "i"), "12");
	assert_string_equal(json_find_text(o, "d"), "0.100000001000");
	assert_string_equal(json_find_text(o, "z"), "12.50");
	assert_null(json_find_text(o, "n"));
	assert_null(json_find_text(o, "t"));
	assert_null(json_find_text(o, "l"));
	assert_null(json_find_text(o, "o"));
	assert_null(json_find_text(o, "missing"));
	assert_null(json_find_text(NULL, "s"));
}

static void check_int(const char *value, int64_t wanted)
{
	struct json_object *o = parse(mem_print(pool, "{\"v\":%s}", value));
	int64_t n = 4711;

	if (!json_find_int(o, "v", &n))
		fail_msg("refused: %s", value);
	assert_int_equal(n, wanted);
}

static void check_no_int(const char *value)
{
	struct json_object *o = parse(mem_print(pool, "{\"v\":%s}", value));
	int64_t n = 4711;

	if (json_find_int(o, "v", &n))
		fail_msg("taken: %s", value);
	assert_int_equal(n, 4711);
}

static void whole_numbers(void **state)
{
	(void)state;
	check_int("0", 0);
	check_int("12", 12);
	check_int("-12", -12);
	check_int("\"12\"", 12);
	check_int("\"-12\"", -12);
	check_int("\"007\"", 7);
	check_int("9223372036854775807", INT64_MAX);
	check_int("-9223372036854775808", INT64_MIN);
	check_int("\"9223372036854775807\"", INT64_MAX);
	check_no_int("9223372036854775808");
	check_no_int("18446744073709551615");
	check_no_int("\"9223372036854775808\"");
	check_no_int("\"-9223372036854775809\"");
	check_no_int("12.5");
	check_no_int("\"12.5\"");
	check_no_int("1e3");
	check_no_int("\"\"");
	check_no_int("\"12x\"");
	check_no_int("\"0x10\"");
	check_no_int("\"12 \"");
	check_no_int("\" 12\"");
	check_no_int("\"+12\"");
	check_no_int("\"-\"");
	check_no_int("null");
	check_no_int("true");
	check_no_int("[1]");
	check_no_int("{}");
}

static void lists(void **state)
{
	struct json_object *o =
	    parse("{\"l\":[1,null,\"x\"],\"e\":[],\"o\":{}}");
	struct json_object *l = json_find(o, "l");

	(void)state;
	assert_int_equal(json_length(l), 3);
	assert_int_equal(json_length(json_find(o, "e")), 0);
	assert_int_equal(json_length(json_find(o, "o")), 0);
	assert_int_equal(json_length(o), 0);
	assert_int_equal(json_length(NULL), 0);
	assert_string_equal(json_text(json_at(l, 2), NULL), "x");
	assert_null(json_at(l, 1));
	assert_null(json_at(l, 3));
	assert_null(json_at(json_find(o, "e"), 0));
	assert_null(json_at(json_find(o, "o"), 0));
	assert_null(json_at(NULL, 0));
}

/* A literal is kept as it is, anything else is copied. */
static void keys_of_any_storage(void **state)
{
	struct json_object *o = json_new(pool);
	char key[] = "short-lived";

	(void)state;
	json_put_int(o, key, 7);
	json_put_int(o, "literal", 8);
	memset(key, 'x', sizeof(key) - 1);
	assert_string_equal(
	    json_write(pool, o, NULL), "{\"short-lived\":7,\"literal\":8}");
}

static struct json_object *read_bytes(const char *text, size_t len)
{
	return json_parse(pool, text, len, 8);
}

static struct json_object *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void parsing(void **state)
{
	static const char *const good[] = {"{}", "[]", " {\"a\": 1}\r\n\t ",
	    "\xef\xbb\xbf{}", "\"x\"", "{\"a\":{\"b\":[1,2.50,null,true]}}",
	    "{\"a:b\":\":\"}", "{\"a\":\"\\\":\\\\\"}",
	    "{\"a\":{\"x\":1},\"b\":{\"x\":1}}", "{\"\\u00e4\":1}",
	    "[[[[[[1]]]]]]",
	    /* A backslash, and five letters. */
	    "[\"\\\\u0000\"]", "{\"\\\\u0000\":\"\\\\\\\\u0000\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!read_text(good[i]))
			fail_msg("refused: %s", good[i]);
	assert_string_equal(
	    json_find_text(read_text("\xef\xbb\xbf{\"a\":2.50}"), "a"), "2.50");
}

static void refusing(void **state)
{
	static const char *const bad[] = {"", " ", "{", "}", "nul", "{}{}",
	    "{} x", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]",
	    "{\"a\" 1}", "[NaN]", "[Infinity]", "[01]", "[+1]", "/* x */{}",
	    "// x\n{}", "{\"a\":\"x\n\"}", "\xef\xbb\xbf\xef\xbb\xbf{}",
	    "\xef\xbb{}", "{}\xef\xbb\xbf", "\xff\xfe{\0}\0", "[\"\\u0000\"]",
	    "[\"\\\\\\u0000\"]", "{\"a\\u0000\":1}", "[[[[[[[[[[1]]]]]]]]]]",
	    /* Which of two would a reader see? */
	    "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"a\":1}}",
	    "[{\"a\":1,\"\\u0061\":2}]",
	    /* No UTF-8. */
	    "[\"\xc3\"]", "[\"\xff\"]", "{\"\xe2\x82\":1}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (read_text(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_null(read_bytes("{}\0", 3));
	assert_null(read_bytes("{}\0{}", 5));
	assert_null(read_bytes("\0{}", 3));
	assert_null(read_bytes("[\"\0\"]", 5));
	assert_null(read_bytes("{}", 1));
	assert_null(json_parse(pool, "[[1]]", 5, 1));
}

/* A megabyte is read, a megabyte of brackets is refused, neither slowly. */
static void huge(void **state)
{
	enum { SIZE = 1 << 20 };
	char *text = mem_alloc(pool, SIZE + 1);
	struct json_object *o;
	size_t len;

	(void)state;
	memset(text, '[', SIZE);
	assert_null(read_bytes(text, SIZE));
	memset(text, 'x', SIZE);
	text[0] = text[SIZE - 1] = '"';
	o = read_bytes(text, SIZE);
	assert_non_null(o);
	assert_non_null(json_text(o, &len));
	assert_int_equal(len, SIZE - 2);
	for (size_t i = 0; i < SIZE; i += 2) {
		text[i] = '1';
		text[i + 1] = ',';
	}
	text[0] = '[';
	text[SIZE - 1] = ']';
	text[1] = '1';
	assert_null(read_bytes(text, SIZE));
	/* As many as are read, the list counted. */
	len = 2 * (size_t)(JSON_VALUES_MAX - 1) + 1;
	text[len] = ']';
	o = read_bytes(text, len + 1);
	assert_int_equal(json_length(o), JSON_VALUES_MAX - 1);
}

/* Overlong forms, surrogates, what is beyond Unicode. */
static void utf8(void **state)
{
	static const char *const bad[] = {"\xc0\x80", "\xc1\xbf",
	    "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
	    "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\x80", "\xbf", "\xfe", "\xc3(", "\xe2\x82(",
	    "\xf0\x9f\x90("};
	static const char *const good[] = {"\xc2\x80", "\xdf\xbf",
	    "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
	    "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(read_text(mem_print(pool, "[\"%s\"]", bad[i])));
		assert_null(read_text(mem_print(pool, "{\"%s\":1}", bad[i])));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const char *text = mem_print(pool, "[\"a%sb\"]", good[i]);

		assert_string_equal(
		    json_text(json_at(read_text(text), 0), NULL),
		    mem_print(pool, "a%sb", good[i]));
		assert_string_equal(
		    json_write(pool, read_text(text), NULL), text);
	}
}

static void escapes(void **state)
{
	static const char *const cases[][2] = {
	    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
	    {"\\u0041\\u00e4\\u20AC", "A\xc3\xa4\xe2\x82\xac"},
	    {"\\ud83d\\udc26", "\xf0\x9f\x90\xa6"}, {"\\ud83d", "\xef\xbf\xbd"},
	    {"\\udc26", "\xef\xbf\xbd"}, {"\\ud83dx", "\xef\xbf\xbdx"},
	    {"\\ud83d\\u0041", "\xef\xbf\xbd"
			       "A"},
	    {"\\ud83d\\ud83d\\udc26", "\xef\xbf\xbd\xf0\x9f\x90\xa6"}};
	static const char *const bad[] = {"\\", "\\x", "\\u", "\\u004",
	    "\\u00g0", "\\u 041", "\\ud83d\\u", "\\U0041", "\\'"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(
		    json_text(json_at(read_text(mem_print(
					  pool, "[\"%s\"]", cases[i][0])),
				  0),
			NULL),
		    cases[i][1]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(read_text(mem_print(pool, "[\"%s\"]", bad[i])));
	assert_string_equal(
	    json_write(pool, json_new_text(pool, "\x01\x1f\x7f/\"", 5), NULL),
	    "\"\\u0001\\u001f\x7f/\\\"\"");
}

static void numbers(void **state)
{
	static const char *const good[] = {"0", "-0", "12", "-12.50", "0.5",
	    "1e3", "1E+3", "1.5e-10", "123456789012345678901234567890.10"};
	static const char *const bad[] = {"-", "01", "-01", "1.", ".5", "1e",
	    "1e+", "+1", "0x1", "1_0", "--1", "1.e1", "1f", "\xd9\xa1"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_string_equal(
		    json_text(read_text(good[i]), NULL), good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (read_text(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(json_trunc(read_text("-12.9")), -12);
	assert_int_equal(json_trunc(read_text("1e3")), 1000);
	assert_true(
	    json_trunc(read_text("922337203685477580700")) == INT64_MAX);
	assert_true(json_trunc(read_text("9223372036854775808")) == INT64_MAX);
	assert_true(json_trunc(read_text("-1e300")) == INT64_MIN);
	assert_int_equal(json_trunc(read_text("\"7\"")), 0);
	assert_true(json_is_whole(read_text("-12")));
	assert_false(json_is_whole(read_text("1e3")));
	assert_false(json_is_whole(read_text("\"1\"")));
}

/* What a reader who cannot refuse makes of it. */
static void lenient(void **state)
{
	const struct json_rules rules = {.depth = 8};
	static const char text[] =
	    "{\"a\":1,\"b\":[\"\\u0000\"],\"a\":2,\"c\":3}";
	struct json_object *o;
	struct json_stop stop;

	(void)state;
	assert_true(json_scan(pool, text, strlen(text), &rules, &o, &stop));
	assert_null(stop.what);
	assert_string_equal(json_write(pool, o, NULL),
	    "{\"a\":2,\"b\":[\"\xef\xbf\xbd\"],\"c\":3}");
	for (size_t len = 0; len < strlen(text); len++) {
		assert_false(json_scan(pool, text, len, &rules, &o, &stop));
		assert_true(stop.early);
		assert_null(o);
	}
	assert_false(json_scan(pool, "[1,\n2 3]", 9, &rules, &o, &stop));
	assert_false(stop.early);
	assert_int_equal(stop.at, 6);
	assert_false(json_scan(pool, "[\"\xe2\x82", 4, &rules, &o, &stop));
	assert_true(stop.early);
	assert_false(json_scan(pool, "[\"\xe2\"", 4, &rules, &o, &stop));
	assert_true(json_scan(pool, " null ", 6, &rules, &o, &stop));
	assert_null(o);
}

/* Past the number of members from which there is an index. */
static void many_members(void **state)
{
	enum { MANY = 5000 };
	struct json_object *o = json_new(pool), *back;
	size_t len;
	const char *text;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++)
			json_put_int(
			    o, mem_print(pool, "a long key %d", i), i + round);
	assert_int_equal(json_count(o), MANY);
	text = json_write(pool, o, &len);
	back = read_bytes(text, len);
	assert_true(json_equal(o, back));
	for (int i = 0; i < MANY; i += 7) {
		const char *key = mem_print(pool, "a long key %d", i);
		const struct json_key ready = json_make_key(key);
		struct json_object *value;
		int64_t n;

		assert_true(json_find_int(back, key, &n));
		assert_int_equal(n, i + 1);
		assert_true(json_has_key(back, &ready, &value));
		json_remove(back, key);
		assert_false(json_has_key(back, &ready, &value));
		assert_false(json_has(back, key, NULL));
	}
	assert_null(json_find(back, "a long key"));
	assert_false(json_equal(o, back));
	assert_null(read_bytes(
	    mem_print(pool, "%.*s,\"a long key 9\":1}", (int)len - 1, text),
	    len + 18));
}

/* A copy is changed alone, also where it has an index. */
static void copies(void **state)
{
	static const size_t sizes[] = {0, 1, 8, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct json_object *o = json_new(pool), *copy;
		int64_t n = 0;

		for (size_t k = 0; k < sizes[i]; k++)
			json_put_int(
			    o, mem_print(pool, "key %zu", k), (int64_t)k);
		assert_null(json_find(o, "more"));
		copy = json_copy(pool, o);
		assert_true(json_equal(o, copy));
		json_put_int(copy, "key 0", 77);
		json_put_int(copy, "more", 1);
		json_put_int(copy, "and more", 2);
		assert_true(json_find_int(copy, "key 0", &n) && n == 77);
		assert_true(json_find_int(copy, "and more", &n) && n == 2);
		assert_int_equal(json_count(o), sizes[i]);
		assert_null(json_find(o, "more"));
		assert_true(
		    !sizes[i] || (json_find_int(o, "key 0", &n) && n == 0));
	}
}

/* Keys that begin alike, and such as are as long as their heads. */
static void keys_alike(void **state)
{
	static const char *const keys[] = {"", "a", "abcdefg", "abcdefgh",
	    "abcdefghi", "abcdefghj", "abcdefghij"};
	struct json_object *o = json_new(pool);

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_put_text(o, keys[i], keys[i]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct json_key key = json_make_key(keys[i]);
		struct json_object *value = NULL;

		assert_string_equal(json_find_text(o, keys[i]), keys[i]);
		assert_true(json_has_key(o, &key, &value));
		assert_string_equal(json_text(value, NULL), keys[i]);
	}
	assert_null(json_find(o, "abcdef"));
	assert_null(json_find(o, "abcdefghk"));
}

static uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* An object whose keys come in nearly always the same order, some twice. */
static void add_row(struct buf *b)
{
	static const char *const keys[] = {"id", "a", "", "currencies_id",
	    "currencies_no", "a\\u0062", "ab", "a\\\\b", "eight888",
	    "eight888 and more", "\xc3\xa4", "a\\b"};
	enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
	size_t n = next_random() % (KEYS + 1);

	buf_add_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		size_t k = next_random() % 8 ? i : next_random() % KEYS;

		buf_print(b, "%s\"%s\":%u", i ? "," : "", keys[k],
		    (unsigned)(next_random() % 100));
	}
	buf_add_char(b, '}');
}

/* Rows take their keys from the one before; read alone, they are the same. */
static void rows_alike(void **state)
{
	enum { ROWS = 40, ROUNDS = 300 };
	static const struct json_rules lenient = {.depth = 8};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct buf all, rows[ROWS];
		struct json_object *list, *alone;
		struct json_stop stop;

		buf_open(&all, pool, 0);
		for (size_t i = 0; i < ROWS; i++) {
			buf_open(&rows[i], pool, 0);
			add_row(&rows[i]);
			buf_print(&all, "%s%s", i ? "," : "[", rows[i].data);
		}
		buf_add_char(&all, ']');
		assert_true(
		    json_scan(pool, all.data, all.len, &lenient, &list, &stop));
		for (size_t i = 0; i < ROWS; i++) {
			assert_true(json_scan(pool, rows[i].data, rows[i].len,
			    &lenient, &alone, &stop));
			assert_string_equal(
			    json_write(pool, json_at(list, i), NULL),
			    json_write(pool, alone, NULL));
		}
		mem_clear(pool);
	}
}

/* Strict readers see a name that comes twice in a later row, too. */
static void doubles_in_later_rows(void **state)
{
	static const char good[] = "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2}]";
	static const char bad[] =
	    "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"a\":3}]";

	(void)state;
	assert_non_null(json_parse(pool, good, strlen(good), 8));
	assert_null(json_parse(pool, bad, strlen(bad), 8));
}

/* What comes before a row may be anything; a row may be empty, and grow. */
static void rows_unlike(void **state)
{
	static const char text[] = "[\"text\",{},{\"a\":1},7,{\"a\":2},[],{},"
				   "null,{\"b\":3},{}]";
	struct json_object *list, *row;

	(void)state;
	list = json_parse(pool, text, strlen(text), 8);
	assert_string_equal(json_write(pool, list, NULL), text);
	for (size_t i = 0; i < json_length(list); i++) {
		row = json_at(list, i);
		if (!json_is(row, JSON_OBJECT))
			continue;
		json_put_int(row, "a", 9);
		json_put_int(row, "c", 8);
		assert_int_equal(json_count(row), i == 8 ? 3 : 2);
		assert_string_equal(json_find_text(row, "a"), "9");
		assert_string_equal(json_find_text(row, "c"), "8");
	}
}

static void columns(void **state)
{
	struct json_object *rows = parse(
	    "[{\"a\":1,\"number_of_rows\":2},{\"x\":0,\"number_of_rows\":4,"
	    "\"a\":3},{\"number_of_them\":9},{},null,[1],"
	    "{\"a\":5,\"number_of_rows\":null}]");
	struct json_column a = json_make_column("a");
	struct json_column n = json_make_column("number_of_rows");
	struct json_column none = json_make_column(NULL);
	static const char *const texts[][2] = {{"1", "2"}, {"3", "4"},
	    {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, {NULL, NULL},
	    {"5", NULL}};

	(void)state;
	for (size_t i = 0; i < json_length(rows); i++) {
		const char *one, *two;

		one = json_plain(json_find_column(json_at(rows, i), &a));
		two = json_plain(json_find_column(json_at(rows, i), &n));
		assert_true(!one == !texts[i][0] && !two == !texts[i][1]);
		assert_true(!one || !strcmp(one, texts[i][0]));
		assert_true(!two || !strcmp(two, texts[i][1]));
		assert_null(json_find_column(json_at(rows, i), &none));
	}
}

/* Each byte at each place of a text, in front of and behind plain ones. */
static void bytes_of_texts(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < 20; at++) {
			char text[] = "\"abcdefghijklmnopqrst\"";
			bool plain = byte >= ' ' && byte < 0x80 && byte != '"';

			/* Some letters behind it make a good escape. */
			if (byte == '\\')
				continue;
			text[1 + at] = (char)byte;
			assert_true(
			    plain == (json_parse(pool, text, sizeof(text) - 1,
					  2) != NULL));
		}
}

static void pretty(void **state)
{
	struct json_object *o = parse("{\"a\":[1,{}],\"b\":{\"c\":[]}}");

	(void)state;
	assert_string_equal(json_write_pretty(pool, o),
	    "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n"
	    "    \"c\": [\n    ]\n  }\n}");
}

static void equality(void **state)
{
	(void)state;
	assert_true(json_equal(parse("{\"a\":1,\"b\":[null,true,\"x\"]}"),
	    parse("{\"b\":[null,true,\"x\"],\"a\":1}")));
	assert_false(json_equal(parse("[1]"), parse("[1.0]")));
	assert_false(json_equal(parse("[1]"), parse("[\"1\"]")));
	assert_false(json_equal(parse("[1]"), parse("[1,2]")));
	assert_false(json_equal(parse("{\"a\":1}"), parse("{\"b\":1}")));
	assert_false(json_equal(parse("{\"a\":null}"), parse("{\"b\":null}")));
	assert_false(json_equal(NULL, parse("[]")));
	assert_true(json_equal(NULL, NULL));
}

static void lines_of_members(void **state)
{
	static const char text[] = "{\n\"a\": 1,\n\"b\": {\n\"a\": [1,\n"
				   "{\"c\":\n2}, \"x,]\\\"\",\n[[3],\n4]],"
				   "\n\"d.e\": \"\"}}";
	static const struct {
		const char *path;
		int line;
	} wanted[] = {{"", 1}, {"a", 2}, {"b", 3}, {"b.a", 4}, {"b.a[0]", 4},
	    {"b.a[1]", 5}, {"b.a[1].c", 5}, {"b.a[2]", 6}, {"b.a[3]", 7},
	    {"b.a[3][0]", 7}, {"b.a[3][1]", 8}, {"b.a[9]", 4}, {"b.x", 3},
	    {"x", 1}, {"a.b", 2}, {"a[0]", 2}, {"b[0]", 3}, {"[0]", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(
		    json_find_line(text, wanted[i].path), wanted[i].line);
	assert_int_equal(json_find_line("", "a"), 1);
	assert_int_equal(json_find_line("{\n\"a\": [", "a[0]"), 2);
	assert_int_equal(json_find_line("\n[\n]", "[0]"), 2);
	assert_int_equal(json_find_line("{\"a\n", "a"), 1);
	assert_int_equal(
	    json_find_member_line("{\n\"x\": 1,\n\"d.e[0]\": 2}", "d.e[0]"), 3);
	assert_int_equal(json_find_member_line("\n{}", "x"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_of_members),
	    cmocka_unit_test(keys_of_any_storage),
	    cmocka_unit_test(utf8),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(lenient),
	    cmocka_unit_test(many_members),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(keys_alike),
	    cmocka_unit_test(rows_alike),
	    cmocka_unit_test(doubles_in_later_rows),
	    cmocka_unit_test(rows_unlike),
	    cmocka_unit_test(columns),
	    cmocka_unit_test(bytes_of_texts),
	    cmocka_unit_test(pretty),
	    cmocka_unit_test(equality),
	    cmocka_unit_test(building),
	    cmocka_unit_test(a_value_is_replaced),
	    cmocka_unit_test(finding),
	    cmocka_unit_test(texts_keep_their_digits),
	    cmocka_unit_test(whole_numbers),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(parsing),
	    cmocka_unit_test(refusing),
	    cmocka_unit_test(huge),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
