/* test_json.c: short words over json-c. */
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
	struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return json_own(pool, o);
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
	assert_string_equal(
	    json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
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
	assert_int_equal(json_object_object_length(o), 1);
}

static void owning(void **state)
{
	struct mem *m = mem_open(0);
	struct json_object *o = json_new(m);

	(void)state;
	assert_null(json_own(m, NULL));
	json_object_get(o);
	mem_close(m); /* gives back one of two references */
	json_put_int(o, "alive", 1);
	assert_int_equal(json_object_put(o), 1);
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
	assert_string_equal(json_object_get_string(json_at(l, 2)), "x");
	assert_null(json_at(l, 1));
	assert_null(json_at(l, 3));
	assert_null(json_at(json_find(o, "e"), 0));
	assert_null(json_at(json_find(o, "o"), 0));
	assert_null(json_at(NULL, 0));
}

/* A literal is kept as it is, anything else is copied. */
static void keys_of_any_storage(void **state)
{
	struct json_object *o = json_object_new_object();
	char key[] = "short-lived";

	(void)state;
	json_put_int(o, key, 7);
	json_put_int(o, "literal", 8);
	memset(key, 'x', sizeof(key) - 1);
	assert_string_equal(
	    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
	    "{\"short-lived\":7,\"literal\":8}");
	json_object_put(o);
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

	(void)state;
	memset(text, '[', SIZE);
	assert_null(read_bytes(text, SIZE));
	memset(text, 'x', SIZE);
	text[0] = text[SIZE - 1] = '"';
	o = read_bytes(text, SIZE);
	assert_non_null(o);
	assert_int_equal(json_object_get_string_len(o), SIZE - 2);
	for (size_t i = 0; i < SIZE; i += 2) {
		text[i] = '1';
		text[i + 1] = ',';
	}
	text[0] = '[';
	text[1] = '1';
	text[SIZE - 1] = ']';
	o = read_bytes(text, SIZE);
	assert_int_equal(json_length(o), SIZE / 2 - 1);
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
	    cmocka_unit_test(building),
	    cmocka_unit_test(a_value_is_replaced),
	    cmocka_unit_test(owning),
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
