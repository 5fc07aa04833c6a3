/* test_page_shape.c: shapes of answers, and those of the routing table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pages/openapi.h"
#include "pages/page_shape.h"

static struct mem *mem;

static int open_mem(void **state)
{
	(void)state;
	mem = mem_open(0);
	return 0;
}

static int close_mem(void **state)
{
	(void)state;
	mem_close(mem);
	return 0;
}

static const char *schema_of(const char *text)
{
	const char *wrong;
	const struct shape *s = shape_parse(mem, text, &wrong);

	assert_non_null(s);
	return json_write(mem, shape_make_schema(mem, s), NULL);
}

static const char *text_of(const char *text)
{
	const char *wrong;
	struct buf b;

	buf_open(&b, mem, 0);
	shape_print(shape_parse(mem, text, &wrong), &b);
	return b.data;
}

static void test_types(void **state)
{
	(void)state;
	assert_string_equal(schema_of("a"),
	    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
	    "\"required\":[\"a\"]}");
	assert_string_equal(schema_of("a:int? ~b:money c:date"),
	    "{\"type\":\"object\",\"properties\":{"
	    "\"a\":{\"type\":[\"integer\",\"null\"]},"
	    "\"b\":{\"$ref\":\"#/components/schemas/money\"},"
	    "\"c\":{\"type\":\"string\",\"format\":\"date\"}},"
	    "\"required\":[\"a\",\"c\"]}");
	assert_string_equal(schema_of("t:time? x:any"),
	    "{\"type\":\"object\",\"properties\":{\"t\":{\"anyOf\":["
	    "{\"$ref\":\"#/components/schemas/time\"},{\"type\":\"null\"}]},"
	    "\"x\":{}},\"required\":[\"t\",\"x\"]}");
	assert_string_equal(schema_of("s:on|off?"),
	    "{\"type\":\"object\",\"properties\":{\"s\":{"
	    "\"type\":[\"string\",\"null\"],\"enum\":[\"on\",\"off\",null]}},"
	    "\"required\":[\"s\"]}");
}

static void test_nesting(void **state)
{
	(void)state;
	assert_string_equal(schema_of("r[a b{c:flag}?]? n[] m[:quantity]"),
	    "{\"type\":\"object\",\"properties\":{"
	    "\"r\":{\"type\":[\"array\",\"null\"],\"items\":{"
	    "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},"
	    "\"b\":{\"type\":[\"object\",\"null\"],\"properties\":{"
	    "\"c\":{\"type\":\"boolean\"}},\"required\":[\"c\"]}},"
	    "\"required\":[\"a\",\"b\"]}},"
	    "\"n\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	    "\"m\":{\"type\":\"array\",\"items\":{"
	    "\"$ref\":\"#/components/schemas/quantity\"}}},"
	    "\"required\":[\"r\",\"n\",\"m\"]}");
	assert_string_equal(schema_of(""),
	    "{\"type\":\"object\",\"properties\":{},\"required\":[]}");
}

static void test_text(void **state)
{
	(void)state;
	assert_string_equal(text_of("a[b:money? ~c] d[]"),
	    "{\n  \"a\": [{\n    \"b\": money or null,\n"
	    "    \"c\": text  (may be missing)\n  }, \xe2\x80\xa6],\n"
	    "  \"d\": [text, \xe2\x80\xa6]\n}");
	assert_string_equal(text_of(""), "{}");
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = {
	    {"a:moeny", 2},
	    {"a{b", 3},
	    {"a[b}", 3},
	    {"a b a", 5},
	    {"a,b", 1},
	    {"A", 0},
	    {"a: int", 2},
	    {"a[:int", 6},
	    {"a??", 2},
	    {"a}", 1},
	    {"~", 1},
	    {"a{b{c{d{e{f{g{h{i}}}}}}}}", 16},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text, *wrong = NULL;

		if (shape_parse(mem, text, &wrong))
			fail_msg("taken: %s", text);
		assert_int_equal(wrong - text, cases[i].at);
	}
}

/* --- The routing table ---------------------------------------------------- */

static void test_every_page_has_a_shape(void **state)
{
	const char *text, *wrong;

	(void)state;
	for (const struct page *p = pages; p->path; p++) {
		text = p->answer;
		if (!text) {
			fail_msg("%s: no answer", p->path);
			continue;
		}
		if (!strncmp(text, "file ", 5))
			continue;
		text += strncmp(text, "201 ", 4) ? 0 : 4;
		if (!shape_parse(mem, text, &wrong))
			fail_msg("%s: at \"%s\"", p->path, wrong);
		if (!p->about || p->about[strlen(p->about) - 1] != '.')
			fail_msg("%s: a sentence about it", p->path);
		for (const struct param *a = p->params; a->name; a++)
			if (!a->about || a->about[strlen(a->about) - 1] != '.')
				fail_msg("%s: about %s", p->path, a->name);
	}
}

static struct json_object *add(
    struct json_object *ids, struct json_object *operation)
{
	const char *id = json_find_text(operation, "operationId");

	assert_non_null(id);
	if (json_find(ids, id))
		fail_msg("%s: twice", id);
	json_put_flag(ids, id, true);
	return operation;
}

static void test_every_page_is_described(void **state)
{
	struct json_object *model = openapi_make(mem);
	struct json_object *paths = json_find(model, "paths"), *o;
	struct json_object *ids = json_new(mem);

	(void)state;
	for (const struct page *p = pages; p->path; p++) {
		bool post = p->method == METHOD_POST;
		const char *path = openapi_path(mem, p);

		o = json_find(json_find(paths, path), post ? "post" : "get");
		add(ids, o);
		o = json_find(o, "responses");
		assert_non_null(json_find(o, "400"));
		/* A webhook has a signature instead. */
		assert_int_equal(json_find(o, "403") != NULL,
		    post && !(p->flags & PAGE_HOOK));
		if (!(p->flags & PAGE_PUBLIC))
			assert_non_null(json_find(o, "401"));
		if (!p->export)
			continue;
		path = mem_print(mem, "%s.csv", path);
		add(ids, json_find(json_find(paths, path), "get"));
		path = mem_print(mem, "%.*sxlsx", (int)strlen(path) - 3, path);
		add(ids, json_find(json_find(paths, path), "get"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_types, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(test_nesting, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(test_text, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(test_mistakes, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(
		test_every_page_has_a_shape, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(
		test_every_page_is_described, open_mem, close_mem),
	};

	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
