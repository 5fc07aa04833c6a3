/* test_tmpl.c: the Mustache specification, every refusal, and escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/tmpl.h"

/* A folder of its own for each test, which goes with the test. */
struct box {
	struct mem *mem;
	struct diag diag;
	char *dir;
};

static int open_box(void **state)
{
	struct mem *m = mem_open(0);
	struct box *b = mem_alloc(m, sizeof(*b));

	b->mem = m;
	b->dir = mem_text(m, "/tmp/test_tmpl.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	diag_open(&b->diag, m);
	*state = b;
	return 0;
}

static void remove_all(const char *dir)
{
	struct dirent **found;
	int n = scandir(dir, &found, NULL, NULL);
	char path[1024];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, found[i]->d_name);
		if (found[i]->d_name[0] != '.') {
			if (found[i]->d_type == DT_DIR)
				remove_all(path);
			else
				unlink(path);
		}
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	rmdir(dir);
}

static int close_box(void **state)
{
	struct box *b = *state;

	remove_all(b->dir);
	mem_close(b->mem);
	return 0;
}

static char *put(struct box *b, const char *name, const char *text)
{
	char *path = mem_print(b->mem, "%s/%s", b->dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	return path;
}

static const struct tmpl *compile(struct box *b, const char *text)
{
	diag_open(&b->diag, b->mem);
	return tmpl_open_file(b->mem, put(b, "page.mustache", text), &b->diag);
}

static const char *render(struct box *b, const struct tmpl *t,
			  const char *model)
{
	struct json_object *o = json_tokener_parse(model);
	struct buf out;

	buf_open(&out, b->mem, 0);
	tmpl_render(t, o, &out);
	json_object_put(o);
	return out.data;
}

static void expect(struct box *b, const char *text, const char *model,
		   const char *expected)
{
	const struct tmpl *t = compile(b, text);

	if (!t)
		fail_msg("%s: refused: %s", text, b->diag.items[0].what);
	assert_string_equal(render(b, t, model), expected);
}

/* The first mistake of `text` is at `line` and its reason has `why`. */
static void expect_refusal(struct box *b, const char *text, int line,
			   const char *why)
{
	const struct tmpl *t = compile(b, text);
	const struct diag_item *item;
	char *where = mem_print(b->mem, "%s/page.mustache:%d", b->dir, line);

	if (t)
		fail_msg("%s: not refused", text);
	assert_true(b->diag.n > 0);
	item = &b->diag.items[0];
	if (!strstr(item->what, why))
		fail_msg("%s: \"%s\" has no \"%s\"", text, item->what, why);
	assert_string_equal(item->where, where);
	assert_true(item->remedy[0] != '\0');
}

/* --- The specification ---------------------------------------------------- */

static const char *text_of(struct json_object *in, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(in, key, &v)
		   ? json_object_get_string(v)
		   : NULL;
}

static bool has_raw(const char *text)
{
	return strstr(text, "{{{") || strstr(text, "{{&") ||
	       strstr(text, "{{=");
}

/* What the specification allows and Portico refuses. */
static bool is_refused(struct json_object *test, const char *file)
{
	struct json_object *partials;

	if (!strcmp(file, "partials.json") &&
	    !strcmp(text_of(test, "name"), "Recursion"))
		return true;
	if (json_object_object_get_ex(test, "partials", &partials)) {
		json_object_object_foreach(partials, name, text)
		{
			if (name && has_raw(json_object_get_string(text)))
				return true;
		}
	}
	return has_raw(text_of(test, "template"));
}

static void put_partials(struct box *b, struct json_object *test)
{
	struct json_object *partials;

	if (!json_object_object_get_ex(test, "partials", &partials))
		return;
	json_object_object_foreach(partials, name, text)
	{
		put(b, mem_print(b->mem, "%s.mustache", name),
		    json_object_get_string(text));
	}
}

static bool run_case(struct box *b, struct json_object *test, const char *file)
{
	const struct tmpl *t;
	struct json_object *data = NULL;
	const char *expected = text_of(test, "expected");
	struct buf out;

	put_partials(b, test);
	t = compile(b, text_of(test, "template"));
	if (is_refused(test, file)) {
		assert_true(b->diag.n > 0);
		return !t;
	}
	if (!t) {
		print_error("%s: refused\n", b->diag.items[0].what);
		return false;
	}
	json_object_object_get_ex(test, "data", &data);
	buf_open(&out, b->mem, 0);
	tmpl_render(t, data, &out);
	if (strcmp(out.data, expected))
		print_error("is:\n%s\nexpected:\n%s\n", out.data, expected);
	return !strcmp(out.data, expected);
}

static size_t run_file(const char *file)
{
	char path[1024];
	struct json_object *spec, *tests;
	size_t n, wrong = 0;

	snprintf(path, sizeof(path), SOURCE_DIR "/test/specs/mustache/%s",
		 file);
	spec = json_object_from_file(path);
	assert_non_null(spec);
	assert_true(json_object_object_get_ex(spec, "tests", &tests));
	n = json_object_array_length(tests);
	for (size_t i = 0; i < n; i++) {
		struct json_object *test = json_object_array_get_idx(tests, i);
		void *box;

		open_box(&box);
		if (!run_case(box, test, file)) {
			print_error("%s: %s\n", file, text_of(test, "name"));
			wrong++;
		}
		close_box(&box);
	}
	json_object_put(spec);
	assert_int_equal(wrong, 0);
	return n;
}

/* The counts are those of the files, so that none is skipped unseen. */
static void test_spec(void **state)
{
	(void)state;
	assert_int_equal(run_file("comments.json"), 12);
	assert_int_equal(run_file("interpolation.json"), 42);
	assert_int_equal(run_file("sections.json"), 34);
	assert_int_equal(run_file("inverted.json"), 22);
	assert_int_equal(run_file("partials.json"), 12);
	assert_int_equal(run_file("~inheritance.json"), 27);
}

static void test_spec_recursion(void **state)
{
	put(*state, "node.mustache",
	    "{{content}}<{{#nodes}}{{>node}}{{/nodes}}>");
	assert_null(compile(*state, "{{>node}}"));
	assert_non_null(strstr(((struct box *)*state)->diag.items[0].what,
			       "a section directly behind \"<\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),
		cmocka_unit_test_setup_teardown(test_spec_recursion, open_box,
						close_box),
	};

	(void)expect;
	(void)expect_refusal;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
