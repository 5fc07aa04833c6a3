/* test_tmpl.c: the Mustache specification, every refusal, and escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/tmpl.h"
#include "tools/tmpl_program.h"

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

static const char *render(
    struct box *b, const struct tmpl *t, const char *model)
{
	struct json_object *o = json_constant(b->mem, model);
	struct buf out;

	buf_open(&out, b->mem, 0);
	tmpl_render(t, o, &out);
	return out.data;
}

static void expect(
    struct box *b, const char *text, const char *model, const char *expected)
{
	const struct tmpl *t = compile(b, text);

	if (!t)
		fail_msg("%s: refused: %s", text, b->diag.items[0].what);
	assert_string_equal(render(b, t, model), expected);
}

/* The first mistake of `text` is at `line` and its reason has `why`. */
static void expect_refusal(
    struct box *b, const char *text, int line, const char *why)
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

	return json_has(in, key, &v) ? json_text(v, NULL) : NULL;
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
	if (json_has(test, "partials", &partials)) {
		json_each (partials, name, text) {
			if (name && has_raw(json_text(text, NULL)))
				return true;
		}
	}
	return has_raw(text_of(test, "template"));
}

static void put_partials(struct box *b, struct json_object *test)
{
	struct json_object *partials;

	if (!json_has(test, "partials", &partials))
		return;
	json_each (partials, name, text) {
		put(b, mem_print(b->mem, "%s.mustache", name),
		    json_text(text, NULL));
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
	json_has(test, "data", &data);
	buf_open(&out, b->mem, 0);
	tmpl_render(t, data, &out);
	if (strcmp(out.data, expected))
		print_error("is:\n%s\nexpected:\n%s\n", out.data, expected);
	return !strcmp(out.data, expected);
}

static size_t run_file(const char *file)
{
	char path[1024];
	struct mem *m = mem_open(0);
	struct json_object *spec, *tests;
	size_t n, wrong = 0;

	snprintf(
	    path, sizeof(path), SOURCE_DIR "/test/specs/mustache/%s", file);
	spec = json_constant(m, conf_read_file(m, path, NULL));
	assert_non_null(spec);
	assert_true(json_has(spec, "tests", &tests));
	n = json_length(tests);
	for (size_t i = 0; i < n; i++) {
		struct json_object *test = json_at(tests, i);
		void *box;

		open_box(&box);
		if (!run_case(box, test, file)) {
			print_error("%s: %s\n", file, text_of(test, "name"));
			wrong++;
		}
		close_box(&box);
	}
	mem_close(m);
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

/* --- Escaping and values -------------------------------------------------- */

static const char hostile[] = "{\"x\":\"a&b<c>d\\\"e'f\"}";
#define HOSTILE "a&amp;b&lt;c&gt;d&quot;e&#39;f"

static void test_escape(void **state)
{
	expect(*state, "<p>{{x}}</p>", hostile, "<p>" HOSTILE "</p>");
	expect(*state, "<p title=\"{{x}}\">", hostile,
	    "<p title=\"" HOSTILE "\">");
	expect(*state, "<p title='{{x}}'>", hostile, "<p title='" HOSTILE "'>");
	expect(*state, "<title>{{x}}</title><textarea>\n{{x}}</textarea>{{x}}",
	    hostile,
	    "<title>" HOSTILE "</title><textarea>\n" HOSTILE
	    "</textarea>" HOSTILE);
	expect(*state, "<script src=\"a.js\"></script>{{x}}", hostile,
	    "<script src=\"a.js\"></script>" HOSTILE);
	expect(*state, "<!-- a -- b --!>{{x}}<!-->{{x}}<!--->{{x}}",
	    "{\"x\":1}", "<!-- a -- b --!>1<!-->1<!--->1");
}

static void check_escape(
    struct box *box, const char *plain, size_t at, char byte, const char *odd)
{
	char text[32], wanted[64];
	struct buf out;

	snprintf(text, sizeof(text), "%s", plain);
	text[at] = byte;
	snprintf(wanted, sizeof(wanted), "%.*s%s%s", (int)at, text,
	    odd ? odd : (char[]){byte, 0}, text + at + 1);
	buf_open(&out, box->mem, 0);
	tmpl_escape(&out, text, strlen(text));
	assert_string_equal(out.data, wanted);
}

/* Each byte at each place of texts of each length: they are looked at by
 * eights and fours. */
static void test_escape_bytes(void **state)
{
	struct box *box = *state;
	static const char *const odd[256] = {['&'] = "&amp;",
	    ['<'] = "&lt;",
	    ['>'] = "&gt;",
	    ['"'] = "&quot;",
	    ['\''] = "&#39;"};
	static const char plain[] = "abcdefghijklmnopqrst";
	enum { LONGEST = sizeof(plain) - 1 };

	for (size_t from = 0; from < LONGEST; from++)
		for (size_t at = 0; at < LONGEST - from; at++)
			for (unsigned byte = 1; byte < 256; byte++)
				check_escape(box, plain + from, at, (char)byte,
				    odd[byte]);
}

/* A name is looked for where it was in the element before. */
static void test_lists_of_unlike(void **state)
{
	expect(*state, "{{#l}}{{a}}{{b}}{{x}},{{/l}}",
	    "{\"x\":9,\"l\":[{\"a\":1,\"b\":2},{\"b\":3,\"a\":4},{\"b\":5},"
	    "{\"x\":6,\"c\":7,\"b\":8},{}]}",
	    "129,439,59,86,9,");
}

static void test_values(void **state)
{
	expect(*state, "{{a}}|{{b}}|{{c}}|{{d}}|{{e}}|{{f}}|{{g}}|{{h}}",
	    "{\"a\":true,\"b\":false,\"c\":null,\"d\":{\"x\":1},\"e\":[1],"
	    "\"f\":-12.50,\"g\":9223372036854775807,\"h\":\"\xc3\xa9\"}",
	    "true|false||||-12.50|9223372036854775807|\xc3\xa9");
	/* What is found and null hides what is further out. */
	expect(*state, "{{#a}}[{{x}}]{{/a}}", "{\"x\":1,\"a\":{\"x\":null}}",
	    "[]");
	expect(*state, "{{#a}}{{.}}{{/a}}", "{\"a\":[1,null,\"b\"]}", "1b");
	expect(*state, "{{x}}", "null", "");
	expect(*state, "{{.}}{{#.}}a{{/.}}", "7", "7a");
	expect(*state,
	    "\xef\xbb\xbf"
	    "a",
	    "{}", "a");
	expect(*state, "", "{}", "");
}

static void test_truth(void **state)
{
	static const char *const is_false[] = {
	    "false", "null", "[]", "\"\"", NULL};
	static const char *const is_true[] = {
	    "true", "0", "0.0", "{}", "[0]", "\"0\"", "\" \"", NULL};

	for (const char *const *v = is_false; *v; v++) {
		char model[64];

		snprintf(model, sizeof(model), "{\"x\":%s}", *v);
		expect(*state, "{{#x}}y{{/x}}{{^x}}n{{/x}}", model, "n");
	}
	for (const char *const *v = is_true; *v; v++) {
		char model[64];

		snprintf(model, sizeof(model), "{\"x\":%s}", *v);
		expect(*state, "{{#x}}y{{/x}}{{^x}}n{{/x}}", model, "y");
	}
	expect(*state, "{{#x}}y{{/x}}{{^x}}n{{/x}}", "{}", "n");
}

static void expect_url(struct box *b, const char *value, const char *expected)
{
	struct json_object *o = json_new(b->mem);
	char *page = mem_print(b->mem, "<a href=\"%s\">", expected);
	const struct tmpl *t = compile(b, "<a href=\"{{x_url}}\">");
	struct buf out;

	assert_non_null(t);
	json_put_text(o, "x_url", value);
	buf_open(&out, b->mem, 0);
	tmpl_render(t, o, &out);
	assert_string_equal(out.data, page);
}

static void test_url_scheme(void **state)
{
	static const char *const bad[] = {"javascript:alert(1)",
	    "JaVaScRiPt:alert(1)", " javascript:alert(1)",
	    "java\tscript:alert(1)", "\x01javascript:alert(1)", "//evil",
	    "/\\evil", "/\t/evil", "\\\\evil", "/\x7f/evil", "data:text/html,x",
	    "vbscript:x", "https", "x", "", NULL};
	static const char *const good[] = {"/", "/x?y=1#z", "?x", "#x",
	    "https://a/", "http://a/", "HTTPS://a/", "mailto:a@b", NULL};

	for (const char *const *v = bad; *v; v++)
		expect_url(*state, *v, "#");
	for (const char *const *v = good; *v; v++)
		expect_url(*state, *v, *v);
	expect_url(*state, NULL, "#");
	expect_url(*state, "/?a&b\"", "/?a&amp;b&quot;");
}

static void test_url_place(void **state)
{
	/* Behind a section that may print nothing, a value may still be the
	 * beginning; behind a value or a settled text it is not. */
	expect(*state, "<a href=\"{{#a}}/p{{/a}}{{x_url}}\">",
	    "{\"x_url\":\"javascript:1\"}", "<a href=\"#\">");
	expect(*state, "<a href=' {{x_url}}'>", "{\"x_url\":\"javascript:1\"}",
	    "<a href=' #'>");
	expect(*state, "<a href=\"{{x_url}}{{y_url}}\">",
	    "{\"x_url\":\"/a\",\"y_url\":\"b\"}", "<a href=\"/ab\">");
	expect(*state,
	    "<a href=\"/p/{{i_url}}\"><a href='?i={{i_url}}'>"
	    "<a href='https://h/{{i_url}}'><a href='p/{{i_url}}'>",
	    "{\"i_url\":7}",
	    "<a href=\"/p/7\"><a href='?i=7'>"
	    "<a href='https://h/7'><a href='p/7'>");
	expect(*state, "<a data-href=\"{{x}}\">", "{\"x\":\"javascript:1\"}",
	    "<a data-href=\"javascript:1\">");
}

/* --- HTML refusals -------------------------------------------------------- */

static const struct {
	const char *text, *why;
} places[] = {
    {"<script>{{x}}</script>", "inside <script>"},
    {"<SCRIPT>a</b>{{x}}", "inside <script>"},
    {"<script>a</scriptx>{{x}}", "inside <script>"},
    {"<script><!--<script></script>{{x}}", "<! inside <script>"},
    {"<style>{{x}}</style>", "inside <style>"},
    {"<iframe>{{x}}</iframe>", "inside <iframe>"},
    {"<title><a onclick='{{x}}'></title>", "markup inside <title>"},
    {"<title></ti{{x}}", "end tag of <title>"},
    {"<!-- {{x}} -->", "comment"},
    {"<!--!>{{x}}", "comment"},
    {"<!doctype {{x}}>", "comment or declaration"},
    {"<?x {{x}}>", "comment or declaration"},
    {"</ {{x}}>", "comment or declaration"},
    {"<{{x}}>", "directly behind \"<\""},
    {"</{{x}}>", "directly behind \"<\""},
    {"<{{#x}}b>{{/x}}", "a section directly behind \"<\""},
    {"<a{{x}}>", "in a tag's name"},
    {"<a {{x}}>", "in an attribute's name"},
    {"<a b{{x}}>", "in an attribute's name"},
    {"<a b {{x}}>", "in an attribute's name"},
    {"<a b=\"c\"{{x}}>", "in an attribute's name"},
    {"</a {{x}}>", "in an attribute's name"},
    {"<a title={{x}}>", "unquoted attribute title"},
    {"<a title=a{{x}}>", "unquoted attribute title"},
    {"<a title= {{x}}>", "unquoted attribute title"},
    {"<a onclick=\"{{x}}\">", "event attribute onclick"},
    {"<a x=y OnLoad = 'a({{x}})'>", "event attribute onload"},
    {"<a style=\"color:{{x}}\">", "the attribute style"},
    {"<iframe srcdoc='{{x}}'>", "the attribute srcdoc"},
    {"<img srcset='{{x_url}}'>", "the attribute srcset"},
    {"<animate values='{{x}}'>", "can set any attribute"},
    {"<meta http-equiv=refresh content='{{x}}'>", "http-equiv"},
    {"<meta content='{{x}}' http-equiv=refresh>", "http-equiv"},
    {"<meta{{#a}} http-equiv{{/a}} content='{{x}}'>", "http-equiv"},
    {"<!---!>{{x}}", "comment"},
    {"<a href=\"/x/{{id}}\">", "the URL attribute href"},
    {"<a href=\"{{x}}\">", "the URL attribute href"},
    {"<form action='{{x}}'>", "the URL attribute action"},
    {"<b formaction='{{x}}'>", "the URL attribute formaction"},
    {"<img SRC='{{x}}'>", "the URL attribute src"},
    {"<use xlink:href='{{x}}'>", "the URL attribute xlink:href"},
    {"<object data='{{x}}'>", "the URL attribute data"},
    {"<a href='/{{x_url}}'>", "choose scheme or host"},
    {"<a href='//{{x_url}}'>", "choose scheme or host"},
    {"<a href='java{{x_url}}'>", "choose scheme or host"},
    {"<a href='javascript:{{x_url}}'>", "choose scheme or host"},
    {"<a href='&#106;avascript:{{x_url}}'>", "choose scheme or host"},
    {"<a href='{{#a}}java{{/a}}{{x_url}}'>", "choose scheme or host"},
    {"<a =\"{{x}}\">", "without an attribute's name"},
};

static void test_refused_places(void **state)
{

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char text[256];

		snprintf(
		    text, sizeof(text), "{{! a }}\n<p>\n%s", places[i].text);
		expect_refusal(*state, text, 3, places[i].why);
	}
}

static void test_refused_sections(void **state)
{
	static const char *const cases[] = {"{{#x}}<b{{/x}}",
	    "<b {{#x}}>{{/x}}", "<b{{#x}}>a{{/x}}", "{{#x}}<!-- {{/x}}",
	    "<!-- -{{#x}} {{/x}}->", "{{#x}}<script>{{/x}}",
	    "<script>{{#x}}</script>{{/x}}", "<b c=\"{{#x}}\"{{/x}}",
	    "<b c={{#x}}\"d\"{{/x}}>", "<b c=\"{{#x}}\" d=\"{{/x}}\">",
	    "{{^x}}<{{/x}}", "<b {{#x}}c={{/x}}>", NULL};

	for (const char *const *text = cases; *text; text++)
		expect_refusal(*state, *text, 1, "the section begins");
}

/* A section in a tag may be printed any number of times: no name may grow
 * across its ends. */
static void test_refused_names(void **state)
{
	static const char *const cases[] = {"<s{{#x}}cript{{/x}}>",
	    "<b dis{{#x}}abled{{/x}}>", "<b {{#x}}on{{/x}}click='a'>",
	    "<b {{#x}}c{{/x}}='d'>", "<b {{#x}}c{{/x}}{{#y}}d{{/y}}>",
	    "<b c=d{{#x}} e{{/x}}/title=\"{{v}}\">", NULL};

	for (const char *const *text = cases; *text; text++)
		expect_refusal(*state, *text, 1, "touches a name");
	expect_refusal(*state, "<b {{#x}}click=\"{{v}}\" on{{/x}}>", 1,
	    "begins and ends with a name");
	expect_refusal(*state,
	    "<b {{#x}}click=\"{{v}}\"{{#y}} z{{/y}} on{{/x}}>", 1,
	    "begins and ends with a name");
}

static void test_sections_in_tags(void **state)
{
	expect(*state,
	    "<option value=\"{{id}}\"{{#selected}} selected{{/selected}}>",
	    "{\"id\":1,\"selected\":true}", "<option value=\"1\" selected>");
	expect(*state, "<option {{#a}}selected{{/a}} value=\"1\">",
	    "{\"a\":true}", "<option selected value=\"1\">");
	expect(*state, "<a class=\"x{{#active}} active{{/active}}\">",
	    "{\"active\":1}", "<a class=\"x active\">");
	expect(*state,
	    "<a{{#x}} title=\"{{x}}\"{{/x}}{{#y}} lang='{{y}}'{{/y}}>",
	    "{\"x\":\"\\\"\",\"y\":\"'\"}",
	    "<a title=\"&quot;\" lang='&#39;'>");
	expect(*state, "<input value=1{{#a}} checked{{/a}}/>", "{\"a\":1}",
	    "<input value=1 checked/>");
	expect(*state, "<script>{{#a}}f(){{/a}}</script>", "{\"a\":1}",
	    "<script>f()</script>");
	expect(*state, "<!-- {{#a}}b{{/a}} -->", "{\"a\":1}", "<!-- b -->");
}

/* --- Other refusals ------------------------------------------------------- */

static void test_refused_raw(void **state)
{
	expect_refusal(*state, "a\n{{{x}}}", 2, "raw output: {{{");
	expect_refusal(*state, "a\n{{&x}}", 2, "raw output: {{&");
	expect_refusal(*state, "a\n{{ & x }}", 2, "raw output: {{&");
	expect_refusal(*state, "{{!\n\n}}\n{{{x}}}", 4, "raw output");
	expect_refusal(*state, "a {{!\n}} b {{\nc\n}}{{&x}}", 4, "raw output");
	expect_refusal(*state, "a\n{{=<% %>=}}", 2, "changed delimiters");
}

static void test_refused_syntax(void **state)
{
	expect_refusal(*state, "\n{{#a}}\n{{/b}}", 3, "wrong section");
	expect_refusal(*state, "\n{{#a}}\n\n", 2, "is not closed: a");
	expect_refusal(*state, "{{$a}}{{#b}}{{/a}}{{/b}}", 1, "wrong section");
	expect_refusal(*state, "{{<a}}\n", 1, "is not closed: a");
	expect_refusal(*state, "{{/a}}", 1, "nothing is open");
	expect_refusal(*state, "\n{{a", 2, "a tag without an end");
	expect_refusal(*state, "{{a {{b}}", 1, "a brace in a tag");
	expect_refusal(*state, "{{}}", 1, "without a name");
	expect_refusal(*state, "{{# }}", 1, "without a name");
	expect_refusal(*state, "{{*x}}", 1, "an unknown tag: *x");
	expect_refusal(*state, "{{>*x}}", 1, "an unknown tag: *x");
	expect_refusal(*state, "{{a..b}}", 1, "an empty part");
	expect_refusal(*state, "{{.a}}", 1, "an empty part");
	expect_refusal(*state, "{{#a.}}{{/a.}}", 1, "an empty part");
	expect_refusal(*state, "{{a b}}", 1, "arguments belong to messages");
	expect_refusal(*state, "{{t.a b}}", 1, "arguments belong to messages");
	expect_refusal(*state, "{{#a b}}{{/a b}}", 1, "more than one name");
	expect_refusal(*state, "{{>../x}}", 1, "no path");
	expect_refusal(*state, "{{>a/x}}", 1, "no path");
	expect_refusal(*state, "{{<a}}{{b}}{{/a}}", 1, "only blocks");
	expect_refusal(*state, "{{<a}}{{#b}}{{/b}}{{/a}}", 1, "only blocks");
}

static void test_refused_depth(void **state)
{
	struct box *b = *state;
	struct buf text;

	expect_refusal(b, "\n{{#a}}{{>page}}{{/a}}", 2, "nested too deeply");
	expect_refusal(b, "\n{{>page}}", 2, "without end");
	expect_refusal(b, "\n\n{{<page}}{{/page}}", 3, "without end");
	put(b, "a.mustache", "{{>b}}{{>b}}");
	put(b, "b.mustache", "{{>a}}");
	assert_null(compile(b, "{{>a}}"));
	assert_non_null(strstr(b->diag.items[0].what, "without end"));
	buf_open(&text, b->mem, 0);
	for (int i = 0; i < 65; i++)
		buf_add_text(&text, "{{#a}}");
	expect_refusal(b, text.data, 1, "nested too deeply");
}

/* Twice two of the last, twenty times: a page that is too large. */
static void test_refused_size(void **state)
{
	struct box *b = *state;

	put(b, "p20.mustache", "text");
	for (int i = 0; i < 20; i++)
		put(b, mem_print(b->mem, "p%d.mustache", i),
		    mem_print(b->mem, "{{>p%d}}{{>p%d}}", i + 1, i + 1));
	assert_null(compile(b, "{{>p0}}"));
	assert_int_equal(b->diag.n, 1);
	assert_non_null(strstr(b->diag.items[0].what, "too many parts"));
}

/* A partial's mistake is where it is, and is told once. */
static void test_refused_partial(void **state)
{
	struct box *b = *state;

	put(b, "p.mustache", "\n<a\n{{x}}>");
	assert_null(compile(b, "{{>p}}{{>p}}"));
	assert_int_equal(b->diag.n, 1);
	assert_non_null(strstr(b->diag.items[0].where, "/p.mustache:3"));
	/* The same partial is fine in one place and refused in another. */
	put(b, "v.mustache", "{{x}}");
	expect(b, "<p>{{>v}}</p>", "{\"x\":1}", "<p>1</p>");
	assert_null(compile(b, "<p {{>v}}>"));
	put(b, "broken.mustache", "\n{{#a}}");
	assert_null(compile(b, "{{>broken}}"));
	assert_non_null(strstr(b->diag.items[0].where, "/broken.mustache:2"));
}

/* A block's text is judged where it is put. */
static void test_refused_block(void **state)
{
	struct box *b = *state;

	put(b, "layout.mustache",
	    "<title>{{$title}}{{/title}}</title><p {{$attr}}{{/attr}}>");
	expect(b, "{{<layout}}{{$title}}{{x}}{{/title}}{{/layout}}",
	    "{\"x\":\"<\"}", "<title>&lt;</title><p >");
	expect_refusal(b, "{{<layout}}\n{{$attr}}{{x}}{{/attr}}{{/layout}}", 2,
	    "in an attribute's name");
}

static void test_refused_file(void **state)
{
	struct box *b = *state;
	char *path = mem_print(b->mem, "%s/none.mustache", b->dir);
	FILE *f;

	diag_open(&b->diag, b->mem);
	assert_null(tmpl_open_file(b->mem, path, &b->diag));
	assert_non_null(strstr(b->diag.items[0].what, "no such file"));
	assert_string_equal(b->diag.items[0].where, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite("a\0b", 1, 3, f), 3);
	assert_int_equal(fclose(f), 0);
	assert_null(tmpl_open_file(b->mem, path, &b->diag));
	assert_non_null(strstr(b->diag.items[1].what, "NUL"));
	assert_null(tmpl_open_file(b->mem, b->dir, &b->diag));
	assert_non_null(strstr(b->diag.items[2].what, "cannot be read"));
}

/* --- Sets and messages ---------------------------------------------------- */

static struct tmpl_set *open_set(struct box *b, struct fmt *fmt)
{
	const char *first = mem_print(b->mem, "%s/first", b->dir);
	const char *second = mem_print(b->mem, "%s/second", b->dir);
	const char *none = mem_print(b->mem, "%s/none", b->dir);
	const char *const dirs[] = {first, none, second, NULL};

	diag_open(&b->diag, b->mem);
	return tmpl_open(b->mem, dirs, fmt, &b->diag);
}

static void make_dirs(struct box *b)
{
	mkdir(mem_print(b->mem, "%s/first", b->dir), 0700);
	mkdir(mem_print(b->mem, "%s/second", b->dir), 0700);
}

static void test_set(void **state)
{
	struct box *b = *state;
	struct tmpl_set *set;

	make_dirs(b);
	put(b, "first/row.mustache", "mine");
	put(b, "second/row.mustache", "theirs");
	put(b, "second/page.mustache", "[{{>row}}{{>none}}{{t.x}}]");
	put(b, "second/bad.mustache", "\n{{{x}}}");
	put(b, "second/notes.txt", "{{{");
	set = open_set(b, NULL);
	assert_string_equal(render(b, tmpl_find(set, "page"), "{}"), "[mine]");
	assert_string_equal(render(b, tmpl_find(set, "row"), "{}"), "mine");
	assert_null(tmpl_find(set, "bad"));
	assert_null(tmpl_find(set, "notes"));
	assert_null(tmpl_find(set, "none"));
	assert_int_equal(b->diag.n, 1);
	assert_non_null(
	    strstr(b->diag.items[0].where, "/second/bad.mustache:2"));
}

static struct fmt *open_catalogue(struct box *b)
{
	const char *const dirs[] = {b->dir, NULL};

	put(b, "en.json",
	    "{\"plain\":\"Fish & <chips>\","
	    "\"rows\":\"{0, plural, one {# row} other {# rows}} of {1}\","
	    "\"help_url\":\"javascript:x\"}");
	diag_open(&b->diag, b->mem);
	return fmt_open("en", dirs, &b->diag);
}

static void test_messages(void **state)
{
	struct box *b = *state;
	struct fmt *fmt = open_catalogue(b);
	struct tmpl_set *set;

	make_dirs(b);
	put(b, "first/plain.mustache", "<p title='{{t.plain}}'>{{t.plain}}");
	put(b, "first/rows.mustache", "{{#a}}{{t.rows n who.name}}{{/a}}");
	set = open_set(b, fmt);
	assert_int_equal(b->diag.n, 0);
	assert_string_equal(render(b, tmpl_find(set, "plain"), "{}"),
	    "<p title='Fish &amp; &lt;chips&gt;'>Fish &amp; &lt;chips&gt;");
	assert_string_equal(
	    render(b, tmpl_find(set, "rows"),
		"{\"a\":[{\"n\":1},{\"n\":1200}],\"who\":{\"name\":\"<b>\"}}"),
	    "1 row of &lt;b&gt;1,200 rows of &lt;b&gt;");
	fmt_close(fmt);
}

static void test_refused_messages(void **state)
{
	static const char *const cases[][2] = {
	    {"{{t.none}}", "no such message: t.none"},
	    {"{{t.rows}}", "needs arguments"},
	    {"{{t.rows a..b}}", "an empty part"},
	    {"{{#t.plain}}{{/t.plain}}", "cannot be a section"},
	    {"<script>{{t.plain}}</script>", "inside <script>"},
	    {"<a href='{{t.plain}}'>", "the URL attribute href"},
	    {"<a href='{{t.help_url}}'>", "no address"},
	    {"{{>none}}", "no such template: none"},
	    {"{{<none}}{{/none}}", "no such template: none"},
	};
	struct box *b = *state;
	struct fmt *fmt = open_catalogue(b);

	make_dirs(b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tmpl_set *set;

		put(b, "first/page.mustache",
		    mem_print(b->mem, "\n%s", cases[i][0]));
		set = open_set(b, fmt);
		assert_null(tmpl_find(set, "page"));
		assert_int_equal(b->diag.n, 1);
		if (!strstr(b->diag.items[0].what, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], b->diag.items[0].what);
		assert_non_null(
		    strstr(b->diag.items[0].where, "/first/page.mustache:2"));
	}
	fmt_close(fmt);
}

/* --- Indentation beyond the specification --------------------------------- */

static void test_indentation(void **state)
{
	struct box *b = *state;

	put(b, "list.mustache",
	    "<ul>\n  {{#a}}\n  <li>{{.}}\n\n  {{/a}}\n</ul>\n");
	expect(b, "<div>\n  {{>list}}\n</div>\n", "{\"a\":[1,2]}",
	    "<div>\n  <ul>\n    <li>1\n\n    <li>2\n\n  </ul>\n</div>\n");
	put(b, "layout.mustache",
	    "<main>\n  {{$content}}\n  {{/content}}\n</main>\n");
	expect(b,
	    "{{<layout}}\n{{$content}}\n\t<p>\n\t\t{{x}}\n\t{{>list}}\n"
	    "{{/content}}\n{{/layout}}\n",
	    "{\"x\":\"a\\nb\",\"a\":[1]}",
	    "<main>\n  <p>\n  \ta\nb\n  <ul>\n    <li>1\n\n  </ul>\n</main>\n");
	/* A block without lines of its own, put on a line of its own. */
	put(b, "layout.mustache", "a\n{{$x}}\n  b\n{{/x}}\nc\n");
	expect(b, "{{<layout}}{{$x}}{{v}}{{/x}}{{/layout}}", "{\"v\":1}",
	    "a\n  1c\n");
	/* An empty block is indented as its tag is. */
	put(b, "layout.mustache", "a\n  {{$x}}\n{{/x}}\n");
	expect(b, "{{<layout}}{{$x}}\nb\nc\n{{/x}}{{/layout}}", "{}",
	    "a\n  b\n  c\n");
	/* A block sees the blocks of its own template only. */
	put(b, "layout.mustache", "<{{$x}}b{{/x}}>");
	expect(b, "{{<layout}}{{$x}}c{{$x}} d{{/x}}{{/x}}{{/layout}}", "{}",
	    "<c d>");
}

#define BOX(test) cmocka_unit_test_setup_teardown(test, open_box, close_box)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_spec),
	    BOX(test_spec_recursion),
	    BOX(test_escape),
	    BOX(test_escape_bytes),
	    BOX(test_lists_of_unlike),
	    BOX(test_values),
	    BOX(test_truth),
	    BOX(test_url_scheme),
	    BOX(test_url_place),
	    BOX(test_refused_places),
	    BOX(test_refused_sections),
	    BOX(test_refused_names),
	    BOX(test_sections_in_tags),
	    BOX(test_refused_raw),
	    BOX(test_refused_syntax),
	    BOX(test_refused_depth),
	    BOX(test_refused_size),
	    BOX(test_refused_partial),
	    BOX(test_refused_block),
	    BOX(test_refused_file),
	    BOX(test_set),
	    BOX(test_messages),
	    BOX(test_refused_messages),
	    BOX(test_indentation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
