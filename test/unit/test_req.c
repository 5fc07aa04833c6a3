/* test_req.c: what a request means, and everything that is refused. */
#include "req_case.h"

/* --- The environment ---------------------------------------------------- */

static void test_environment(void **state)
{
	(void)state;
	assert_int_equal(
	    OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/api/rates",
		"REQUEST_ID=0123456789abcdef", "PORTICO_BRAND=acme",
		"REMOTE_ADDR=192.0.2.7", "HTTPS=on"),
	    ERR_OK);
	assert_string_equal(req.id, "0123456789abcdef");
	assert_string_equal(req.brand, "acme");
	assert_string_equal(req.address, "192.0.2.7");
	assert_true(req.https);
	assert_null(req.bearer);
	assert_string_equal(req.path, "/api/rates");
	assert_string_equal(req_env(&req, "HTTPS"), "on");
	assert_null(req_env(&req, "HTTP"));
	assert_null(req_env(&req, "HTTPS_"));
}

static void test_environment_unset(void **state)
{
	const char *id;

	(void)state;
	assert_int_equal(OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
			     "PORTICO_BRAND=", "REQUEST_ID=short",
			     "HTTP_X_FORWARDED_PROTO=https", "HTTPS="),
	    ERR_OK);
	assert_string_equal(req.brand, "");
	assert_string_equal(req.address, "");
	assert_false(req.https);
	id = req.id;
	assert_true(strlen(id) >= 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), strlen(id));
	get("/");
	assert_string_not_equal(req.id, id);
}

static void test_bad_ids_are_replaced(void **state)
{
	const char *const *bad = LIST("REQUEST_ID=1234567",
	    "REQUEST_ID=12345678\n", "REQUEST_ID=12345678 9", "REQUEST_ID=",
	    "REQUEST_ID=0123456789012345678901234567890123456789"
	    "0123456789012345678901234");

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/", bad[i]);
		assert_string_not_equal(req.id, bad[i] + 11);
	}
}

static void test_methods(void **state)
{
	(void)state;
	assert_int_equal(OPEN("REQUEST_METHOD=HEAD", "REQUEST_URI=/a"), ERR_OK);
	assert_int_equal(req.method, METHOD_GET);
	assert_int_equal(OPEN("REQUEST_METHOD=POST", "REQUEST_URI=/a"), ERR_OK);
	assert_int_equal(req.method, METHOD_POST);
	assert_int_equal(
	    OPEN("REQUEST_METHOD=PUT", "REQUEST_URI=/a.json"), ERR_METHOD);
	/* Still good for an answer. */
	assert_string_equal(req.path, "/a");
	assert_int_equal(req.format, FORMAT_JSON);
	assert_int_equal(
	    OPEN("REQUEST_METHOD=get", "REQUEST_URI=/a"), ERR_METHOD);
	assert_int_equal(OPEN("REQUEST_URI=/a"), ERR_METHOD);
}

static void test_bearer(void **state)
{
	(void)state;
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
	    "HTTP_AUTHORIZATION=bearer  abc-_.~+/= ");
	assert_string_equal(req.bearer, "abc-_.~+/=");
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
	    "HTTP_AUTHORIZATION=Basic abc");
	assert_null(req.bearer);
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
	    "HTTP_AUTHORIZATION=Bearer ");
	assert_null(req.bearer);
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
	    "HTTP_AUTHORIZATION=Bearer a b");
	assert_null(req.bearer);
}

/* --- Path and format ---------------------------------------------------- */

static void test_path(void **state)
{
	static const struct {
		const char *uri, *path;
	} good[] = {
	    {"/", "/"},
	    {"/api/rates?q=/../", "/api/rates"},
	    {"/api/%72ates", "/api/rates"},
	    {"/api/a+b", "/api/a+b"},
	    {"/api/%c3%a9", "/api/\xc3\xa9"},
	    {"/api/.hidden", "/api/.hidden"},
	    {"/api/..a/...", "/api/..a/..."},
	    {"http://portal.example/api/rates?x", "/api/rates"},
	    {"HTTPS://portal.example:8443/a", "/a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(get(good[i].uri), ERR_OK);
		assert_string_equal(req.path, good[i].path);
		assert_false(req.suffixed);
	}
}

static void test_path_refused(void **state)
{
	const char *const *bad = LIST("", "api", "*", "http://portal.example",
	    "//evil.example/a", "/a//b", "/a%2f/b", "/a/./b", "/a/../b",
	    "/a/..", "/.", "/a/.", "/a/%2e%2E/b", "/%2e/", "/a\\b", "/a%5cb",
	    "/a%00b", "/a%0ab", "/a%7f", "/a\tb", "/%c2%85", "/%", "/%4",
	    "/%zz", "/%4g", "/%-1", "/%c3", "/%ff", "/%c0%af", "/%ed%a0%80",
	    "/%f4%90%80%80", "/\xe9");

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		if (get(bad[i]) != ERR_INPUT)
			fail_msg("\"%s\" was let in", bad[i]);
		assert_string_equal(req.path, "/");
		assert_string_equal(req.brand, "default");
	}
	assert_int_equal(OPEN("REQUEST_METHOD=GET"), ERR_INPUT);
}

static void test_path_length(void **state)
{
	char uri[2060] = "/";

	(void)state;
	memset(uri + 1, 'a', 2047);
	assert_int_equal(get(uri), ERR_OK);
	uri[2048] = 'a';
	assert_int_equal(get(uri), ERR_INPUT);
	uri[2048] = '?';
	assert_int_equal(get(uri), ERR_OK);
}

static void test_suffix(void **state)
{
	static const struct {
		const char *uri, *path;
		enum format format;
		bool suffixed;
	} cases[] = {
	    {"/api/rates.json", "/api/rates", FORMAT_JSON, true},
	    {"/api/rates.csv?a=b.json", "/api/rates", FORMAT_CSV, true},
	    {"/api/rates%2exlsx", "/api/rates", FORMAT_XLSX, true},
	    {"/api.json/rates", "/api.json/rates", FORMAT_HTML, false},
	    {"/api/.json", "/api/.json", FORMAT_HTML, false},
	    {"/api/rates.html", "/api/rates.html", FORMAT_HTML, false},
	    {"/api/a.json.csv", "/api/a.json", FORMAT_CSV, true},
	    {"/api/rates.json/", "/api/rates.json/", FORMAT_HTML, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(get(cases[i].uri), ERR_OK);
		assert_string_equal(req.path, cases[i].path);
		assert_int_equal(req.format, cases[i].format);
		assert_int_equal(req.suffixed, cases[i].suffixed);
	}
}

static enum format accept(const char *value, const char *port)
{
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/a",
	    mem_print(m, "HTTP_ACCEPT=%s", value), port);
	return req.format;
}

static void test_accept(void **state)
{
	static const struct {
		const char *value;
		enum format format;
	} cases[] = {
	    {"application/json", FORMAT_JSON},
	    {"Application/JSON ; charset=utf-8", FORMAT_JSON},
	    {"application/problem+json", FORMAT_JSON},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9,"
	     "*/*;q=0.8",
		FORMAT_HTML},
	    {"text/html;q=0.5, application/json;q=0.9", FORMAT_JSON},
	    {"text/html;q=0.9, application/json;q=0.95", FORMAT_JSON},
	    {"application/json;q=0.001, */*", FORMAT_JSON},
	    {"application/json, text/html", FORMAT_JSON},
	    {"text/csv", FORMAT_CSV},
	    {"application/vnd.openxmlformats-officedocument."
	     "spreadsheetml.sheet",
		FORMAT_XLSX},
	    {"application/json;q=0, text/csv;q=0.1", FORMAT_CSV},
	    {"application/json;q=2, text/csv;q=0.1", FORMAT_CSV},
	    {"application/json;q=x, text/csv;q=0.1", FORMAT_CSV},
	    {"application/json;q=, text/csv;q=0.1", FORMAT_JSON},
	    {"application/json;q=0", FORMAT_HTML},
	    {"*/*", FORMAT_HTML},
	    {"", FORMAT_HTML},
	    {",;,;q=1,", FORMAT_HTML},
	    {"application/xml", FORMAT_HTML},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (accept(cases[i].value, NULL) != cases[i].format)
			fail_msg("Accept: %s", cases[i].value);
	/* The port speaks where Accept says nothing. */
	assert_int_equal(accept("*/*", "PORTICO_FORMAT=json"), FORMAT_JSON);
	assert_int_equal(
	    accept("text/html", "PORTICO_FORMAT=json"), FORMAT_HTML);
	assert_int_equal(accept("*/*", "PORTICO_FORMAT=xml"), FORMAT_HTML);
	/* A suffix goes before all. */
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/a.csv",
	    "HTTP_ACCEPT=application/json");
	assert_int_equal(req.format, FORMAT_CSV);
}

/* A browser that follows a link to a file reads errors as pages, a program as
 * JSON. */
static void test_words_of_errors(void **state)
{
	static const struct {
		const char *uri, *accept;
		enum format format, words;
	} cases[] = {
	    {"/a.csv", "text/html,*/*;q=0.8", FORMAT_CSV, FORMAT_HTML},
	    {"/a.xlsx", "text/html,*/*;q=0.8", FORMAT_XLSX, FORMAT_HTML},
	    {"/a.csv", "*/*", FORMAT_CSV, FORMAT_JSON},
	    {"/a.csv", "", FORMAT_CSV, FORMAT_JSON},
	    {"/a.csv", "text/csv", FORMAT_CSV, FORMAT_JSON},
	    {"/a.csv", "text/html;q=0.5,application/json", FORMAT_CSV,
		FORMAT_JSON},
	    {"/a", "text/csv", FORMAT_CSV, FORMAT_JSON},
	    {"/a.json", "text/html", FORMAT_JSON, FORMAT_JSON},
	    {"/a", "text/html", FORMAT_HTML, FORMAT_HTML},
	    {"/a", "*/*", FORMAT_HTML, FORMAT_HTML},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		OPEN("REQUEST_METHOD=GET",
		    mem_print(m, "REQUEST_URI=%s", cases[i].uri),
		    mem_print(m, "HTTP_ACCEPT=%s", cases[i].accept));
		assert_int_equal(req.format, cases[i].format);
		if (req.words != cases[i].words)
			fail_msg("%s, %s", cases[i].uri, cases[i].accept);
	}
}

/* --- Query and bodies --------------------------------------------------- */

static void test_query(void **state)
{
	(void)state;
	assert_int_equal(query("q=a+b%20%26%3d;c&&empty=&bare&q=2&%c3%a9=%0d%0a"
			       "%09&x==y"),
	    ERR_OK);
	assert_int_equal(req.n_fields, 6);
	expect_raw("q", "a b &=;c");
	expect_raw("empty", "");
	expect_raw("bare", "");
	expect_raw("\xc3\xa9", "\r\n\t");
	expect_raw("x", "=y");
	expect_raw("none", NULL);
	/* The server's word about the query, where it says one. */
	assert_int_equal(OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/a?b=1",
			     "QUERY_STRING=b=2"),
	    ERR_OK);
	expect_raw("b", "2");
}

static void test_query_refused(void **state)
{
	const char *const *bad = LIST("a=%", "a=%1", "a=%g0", "%=a", "a=%00",
	    "%00=a", "a=%01", "a=\x1b", "a=%7f", "a%0a=b", "a=%c3", "a=%c3%28",
	    "a=%80", "a=%c0%80", "a=%e0%80%80", "a=%ed%bf%bf", "a=%f5%80%80%80",
	    "a=%f0%8f%bf%bf", "a=\xff");

	(void)state;
	for (size_t i = 0; bad[i]; i++)
		if (query(bad[i]) != ERR_INPUT)
			fail_msg("\"%s\" was let in", bad[i]);
	/* The path is known all the same. */
	assert_string_equal(req.path, "/api/x");
	/* The first and last characters of each length are good. */
	assert_int_equal(query("a=%c2%80%df%bf%e0%a0%80%ed%9f%bf%ee%80%80"
			       "%ef%bf%bf%f0%90%80%80%f4%8f%bf%bf"),
	    ERR_OK);
}

static void test_query_limits(void **state)
{
	struct buf b;
	char name[80] = "";

	(void)state;
	buf_open(&b, m, 1024);
	for (int i = 0; i < 64; i++)
		buf_print(&b, "f%d=1&", i);
	assert_int_equal(query(b.data), ERR_OK);
	assert_int_equal(req.n_fields, 64);
	buf_add_text(&b, "more");
	assert_int_equal(query(b.data), ERR_INPUT);
	memset(name, 'n', 64);
	assert_int_equal(query(name), ERR_OK);
	name[64] = 'n';
	assert_int_equal(query(name), ERR_INPUT);
}

static void test_form(void **state)
{
	(void)state;
	assert_int_equal(post_bytes("/api/x?a=1",
			     "Application/X-WWW-Form-Urlencoded ; "
			     "charset=UTF-8",
			     "b=%32+x&c=", 10, 10, 10),
	    ERR_OK);
	assert_false(req.json_body);
	/* What is posted in the address is refused, and not used. */
	assert_null(req_raw(&req, "a"));
	assert_int_equal(req.n_faults, 1);
	expect_raw("b", "2 x");
	expect_raw("c", "");
	assert_int_equal(req.body_len, 10);
	assert_string_equal(req.body, "b=%32+x&c=");
	assert_int_equal(form("a=%00"), ERR_INPUT);
	assert_int_equal(form("a=%f"), ERR_INPUT);
	assert_int_equal(form("\xff"), ERR_INPUT);
	assert_int_equal(form(""), ERR_OK);
}

static void test_nul_in_a_form(void **state)
{
	(void)state;
	assert_int_equal(post_bytes("/a", "application/x-www-form-urlencoded",
			     "a=b\0c", 5, 5, 99),
	    ERR_INPUT);
	assert_int_equal(
	    post_bytes("/a", "application/json", "{}\0", 3, 3, 99), ERR_INPUT);
}

static void test_body_length(void **state)
{
	const char *type = "application/x-www-form-urlencoded";

	(void)state;
	assert_int_equal(post_bytes("/a", type, "a=1", 3, 3, 3), ERR_OK);
	assert_int_equal(post_bytes("/a", type, "a=1", 3, 4, 9), ERR_INPUT);
	assert_int_equal(post_bytes("/a", type, "a=1", 3, 2, 9), ERR_INPUT);
	assert_int_equal(post_bytes("/a", type, "a=1", 3, 0, 9), ERR_INPUT);
	assert_int_equal(post_bytes("/a", type, "a=1", 3, 3, 2), ERR_TOO_LARGE);
}

static enum err read_with_length(const char *length, struct body *b)
{
	const char *env[] = {
	    "REQUEST_METHOD=POST", "REQUEST_URI=/a", length, NULL};
	struct req_source s = {env, read_body, b};

	assert_int_equal(req_open(&req, m, &s), ERR_OK);
	return req_read_body(&req, &s, 100);
}

static void test_length_is_read_first(void **state)
{
	struct body b = {"a=1", 3, 0, 0};

	(void)state;
	assert_int_equal(
	    read_with_length("CONTENT_LENGTH=101", &b), ERR_TOO_LARGE);
	assert_int_equal(
	    read_with_length("CONTENT_LENGTH=99999999999999999999999", &b),
	    ERR_TOO_LARGE);
	assert_int_equal(read_with_length("CONTENT_LENGTH=-1", &b), ERR_INPUT);
	assert_int_equal(read_with_length("CONTENT_LENGTH=3x", &b), ERR_INPUT);
	assert_int_equal(b.reads, 0);
	b.len = 0;
	assert_int_equal(read_with_length("CONTENT_LENGTH=", &b), ERR_OK);
	assert_int_equal(read_with_length("X=", &b), ERR_OK);
	assert_int_equal(req.n_fields, 0);
}

static void test_types(void **state)
{
	(void)state;
	assert_int_equal(post(NULL, ""), ERR_OK);
	assert_int_equal(post("", ""), ERR_OK);
	assert_int_equal(post(NULL, "a=1"), ERR_TYPE);
	assert_int_equal(post("text/plain", "a=1"), ERR_TYPE);
	assert_int_equal(
	    post("multipart/form-data; boundary=x", "a"), ERR_TYPE);
	assert_int_equal(post("application/jsonx", "{}"), ERR_TYPE);
	assert_int_equal(
	    post("application/json; charset=\"UTF-8\"", "{}"), ERR_OK);
	assert_true(req.json_body);
	assert_int_equal(
	    post("application/json;v=1;charset=latin1", "{}"), ERR_TYPE);
	assert_int_equal(post("application/x-www-form-urlencoded; "
			      "charset=utf-16",
			     ""),
	    ERR_TYPE);
}

static void test_get_has_no_body(void **state)
{
	const char *env[] = {
	    "REQUEST_METHOD=GET", "REQUEST_URI=/a", "CONTENT_LENGTH=3", NULL};
	struct body b = {"a=1", 3, 0, 0};
	struct req_source s = {env, read_body, &b};

	(void)state;
	assert_int_equal(req_open(&req, m, &s), ERR_OK);
	assert_int_equal(req_read_body(&req, &s, 100), ERR_OK);
	assert_int_equal(b.reads, 0);
	assert_int_equal(req.n_fields, 0);
}

static void test_json(void **state)
{
	(void)state;
	assert_int_equal(json(" {\"s\":\"\\u00e9 \\\"\\\\u0000\",\"n\":1.50,"
			      "\"i\":-7,\"big\":123456789012345678,\"t\":true,"
			      "\"f\":false,\"z\":null,\"e\":1e5,"
			      "\"q\":\"it's NaN\"} \n"),
	    ERR_OK);
	assert_true(req.json_body);
	expect_raw("s", "\xc3\xa9 \"\\u0000");
	expect_raw("n", "1.50");
	expect_raw("i", "-7");
	expect_raw("big", "123456789012345678");
	expect_raw("t", "true");
	expect_raw("f", "false");
	expect_raw("z", NULL);
	expect_raw("e", "1e5");
	expect_raw("q", "it's NaN");
	assert_int_equal(req.n_fields, 9);
	/* Which of the two would be meant? */
	assert_int_equal(json("{\"a\":1,\"a\":2}"), ERR_INPUT);
	assert_int_equal(json("{}"), ERR_OK);
	assert_int_equal(req.n_fields, 0);
}

static void test_json_refused(void **state)
{
	const char *const *bad = LIST("", " ", "null", "5", "\"a\"", "[]",
	    "[{}]", "{", "{\"a\"}", "{\"a\":1}x", "{\"a\":1}{}", "{\"a\":1,}",
	    "{a:1}", "{'a':1}", "{\"a\":'b'}", "{\"a\":007}", "{\"a\":+1}",
	    "{\"a\":.5}", "{\"a\":NaN}", "{\"a\":-Infinity}", "{\"a\":TRUE}",
	    "{\"a\":nul}", "/**/{}", "{\"a\":1//\n}", "{\"a\":\"\n\"}",
	    "{\"a\":\"\\x\"}", "{\"a\":\"\\u0000\"}", "{\"a\\u0000\":1}",
	    "{\"a\":\"\\\\\\u0000\"}", "{\"a\":\"\\u0001\"}", "{\"a\\n\":1}",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}", "{\"\xed\xa0\x80\":1}",
	    "{\"a\":\"b", "{\"a\":\"\\", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}",
	    "{\"a\":[[[[1]]]]}");

	(void)state;
	for (size_t i = 0; bad[i]; i++)
		if (json(bad[i]) != ERR_INPUT)
			fail_msg("\"%s\" was let in", bad[i]);
}

static void test_json_limits(void **state)
{
	struct buf b;

	(void)state;
	buf_open(&b, m, 1024);
	buf_add_char(&b, '{');
	for (int i = 0; i < 64; i++)
		buf_print(&b, "\"f%d\":1,", i);
	buf_add_text(&b, "\"more\":1}");
	assert_int_equal(json(b.data), ERR_INPUT);
}

/* --- Cookies and encoding ----------------------------------------------- */

static const char *cookie(const char *header, const char *name)
{
	OPEN("REQUEST_METHOD=GET", "REQUEST_URI=/",
	    mem_print(m, "HTTP_COOKIE=%s", header));
	return req_cookie(&req, name);
}

static void test_cookie(void **state)
{
	const char *list = "a=1; portico=tok-_en; xportico=2;portico=late;"
			   "q=\"quoted\"; e=; bad=a b; eq=a=b; \"=x";

	(void)state;
	assert_string_equal(cookie(list, "portico"), "tok-_en");
	assert_string_equal(cookie(list, "a"), "1");
	assert_string_equal(cookie(list, "q"), "quoted");
	assert_string_equal(cookie(list, "e"), "");
	assert_string_equal(cookie(list, "eq"), "a=b");
	assert_null(cookie(list, "bad"));
	assert_null(cookie(list, "Portico"));
	assert_null(cookie(list, "port"));
	assert_null(cookie("portico", "portico"));
	assert_null(cookie("portico=a\"b", "portico"));
	assert_null(cookie("portico=\xc3\xa9", "portico"));
	/* The first of a name decides, good or bad. */
	assert_null(cookie("portico=a,b; portico=c", "portico"));
	assert_string_equal(cookie("p=\"\"", "p"), "");
	assert_null(cookie("p=\"", "p"));
	assert_null(cookie(";;=; ;", "p"));
	get("/");
	assert_null(req_cookie(&req, "portico"));
}

static void test_cookie_length(void **state)
{
	char value[4100] = "p=";

	(void)state;
	memset(value + 2, 'a', 4096);
	assert_int_equal(strlen(cookie(value, "p")), 4096);
	value[4098] = 'a';
	assert_null(cookie(value, "p"));
}

static void test_encode(void **state)
{
	(void)state;
	assert_string_equal(req_encode(m, "aZ09-._~"), "aZ09-._~");
	assert_string_equal(req_encode(m, "a b/?&=+%\"\xc3\xa9\n"),
	    "a%20b%2F%3F%26%3D%2B%25%22%C3%A9%0A");
	assert_string_equal(req_encode(m, ""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_environment),
	    T(test_environment_unset),
	    T(test_bad_ids_are_replaced),
	    T(test_methods),
	    T(test_bearer),
	    T(test_path),
	    T(test_path_refused),
	    T(test_path_length),
	    T(test_suffix),
	    T(test_accept),
	    T(test_words_of_errors),
	    T(test_query),
	    T(test_query_refused),
	    T(test_query_limits),
	    T(test_form),
	    T(test_nul_in_a_form),
	    T(test_body_length),
	    T(test_length_is_read_first),
	    T(test_types),
	    T(test_get_has_no_body),
	    T(test_json),
	    T(test_json_refused),
	    T(test_json_limits),
	    T(test_cookie),
	    T(test_cookie_length),
	    T(test_encode),
	};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
