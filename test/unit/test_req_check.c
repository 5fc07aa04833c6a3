/* test_req_check.c: declared parameters: what they take and what they say. */
#include "req_case.h"

static enum err check(const struct param *p, const char *value)
{
	struct param params[2] = {*p, {0}};

	assert_int_equal(query(mem_print(m, "%s=%s", p->name, value)), ERR_OK);
	return req_check(&req, params, false);
}

static void refuse(const struct param *p, const char *value, const char *key)
{
	if (check(p, value) != ERR_INPUT)
		fail_msg("%s=%s was let in", p->name, value);
	assert_int_equal(req.n_faults, 1);
	expect_fault(p->name, key);
	/* A page that goes on does so with the standard value. */
	expect_text(p->name, p->standard);
}

static void allow(const struct param *p, const char *value, const char *text)
{
	if (check(p, value) != ERR_OK)
		fail_msg("%s=%s was refused", p->name, value);
	expect_text(p->name, text);
}

static void test_text(void **state)
{
	static const struct param p = {
	    .name = "t", .type = PARAM_TEXT, .min = 2, .max = 4};

	(void)state;
	allow(&p, "+%09ab+c+%09", "ab c");
	allow(
	    &p, "%c3%a9%c3%a9%c3%a9%c3%a9", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	allow(&p, "a%e2%80%ae", "a\xe2\x80\xae"); /* templates escape it */
	allow(&p, "", NULL);
	allow(&p, "+%09+", NULL);
	refuse(&p, "a", "field.too_short");
	assert_int_equal(find_fault("t")->args[0], 2);
	assert_int_equal(find_fault("t")->n_args, 1);
	refuse(&p, "abcde", "field.too_long");
	assert_int_equal(find_fault("t")->args[0], 4);
	refuse(&p, "a%0ab", "field.invalid");
	refuse(&p, "ab%0d", "field.invalid");
	refuse(&p, "a%09b", "field.invalid");
	refuse(&p, "a%c2%85b", "field.invalid");
	refuse(&p, "a%e2%80%a8b", "field.invalid");
	refuse(&p, "a%e2%80%a9b", "field.invalid");
}

static void test_lines(void **state)
{
	static const struct param p = {
	    .name = "t", .type = PARAM_LINES, .max = 8};

	(void)state;
	allow(&p, "a%0d%0ab%0ac%0dd", "a\nb\nc\nd");
	allow(&p, "%0d%0a+a%0d%0a%0d%0ab+%0d%0a", "a\n\nb");
	allow(&p, "%0d%0a", NULL);
	allow(&p, "1%0d%0a345678", "1\n345678");
	refuse(&p, "1%0a3456789", "field.too_long");
	refuse(&p, "a%09b", "field.invalid");
	refuse(&p, "a%e2%80%a8b", "field.invalid");
}

static void test_text_without_bounds(void **state)
{
	static const struct param p = {.name = "t", .type = PARAM_TEXT};
	char value[1002] = "";

	(void)state;
	memset(value, 'a', 1000);
	allow(&p, value, value);
	value[1000] = 'a';
	refuse(&p, value, "field.too_long");
	assert_int_equal(find_fault("t")->args[0], 1000);
}

static void test_secret(void **state)
{
	static const struct param p = {.name = "pass",
	    .type = PARAM_SECRET,
	    .min = 3,
	    .max = 8,
	    .required = true};

	(void)state;
	allow(&p, "+ab+", " ab ");
	expect_raw("pass", NULL);
	refuse(&p, "ab", "field.too_short");
	expect_raw("pass", NULL);
	refuse(&p, "a%0abc", "field.invalid");
	refuse(&p, "", "field.required");
}

static void test_free_text(void **state)
{
	static const struct param p = {.name = "t", .type = PARAM_FREE};

	(void)state;
	allow(&p, "+a%0a%c2%85", " a\n\xc2\x85");
}

static void test_number(void **state)
{
	static const struct param p = {
	    .name = "n", .type = PARAM_NUMBER, .min = -5, .max = 100};
	static const struct param any = {.name = "n", .type = PARAM_NUMBER};

	(void)state;
	allow(&p, "100", "100");
	assert_int_equal(req_number(&req, "n"), 100);
	allow(&p, "-5", "-5");
	assert_int_equal(req_number(&req, "n"), -5);
	allow(&p, "007", "007");
	assert_int_equal(req_number(&req, "n"), 7);
	refuse(&p, "101", "field.range");
	assert_int_equal(find_fault("n")->args[0], -5);
	assert_int_equal(find_fault("n")->args[1], 100);
	assert_int_equal(find_fault("n")->n_args, 2);
	refuse(&p, "-6", "field.range");
	refuse(&p, "99999999999999999999999", "field.range");
	refuse(&p, "1.0", "field.invalid");
	refuse(&p, "%2b1", "field.invalid");
	refuse(&p, "+1", "field.invalid");
	refuse(&p, "1e1", "field.invalid");
	refuse(&p, "0x1", "field.invalid");
	refuse(&p, "-", "field.invalid");
	refuse(&p, "--1", "field.invalid");
	refuse(&p, "%d9%a1", "field.invalid"); /* another script's one */
	allow(&any, "999999999999999999", "999999999999999999");
	assert_true(req_number(&req, "n") == 999999999999999999);
	refuse(&any, "1000000000000000000", "field.range");
	refuse(&any, "-1", "field.range");
	assert_int_equal(req_number(&req, "n"), 0);
}

static void test_date(void **state)
{
	static const struct param p = {.name = "d", .type = PARAM_DATE};
	const char *const *good = LIST("1970-01-01", "2100-12-31", "2000-02-29",
	    "2024-02-29", "2026-04-30");
	const char *const *bad = LIST("1969-12-31", "2101-01-01", "2100-02-29",
	    "2023-02-29", "2026-04-31", "2026-00-01", "2026-13-01",
	    "2026-01-00", "2026-01-32", "2026-1-01", "2026-01-1", "26-01-01",
	    "2026/01/01", "2026-01-011", "20260101", "2026-01-0a",
	    "+2026-01-01", "-026-01-01", "2026-01-01T00:00");

	(void)state;
	for (size_t i = 0; good[i]; i++)
		allow(&p, good[i], good[i]);
	for (size_t i = 0; bad[i]; i++)
		refuse(&p, bad[i], "field.date");
}

static void test_choice(void **state)
{
	static const struct param p = {.name = "c",
	    .type = PARAM_CHOICE,
	    .choices = "all|unpaid|paid",
	    .standard = "all"};

	(void)state;
	allow(&p, "all", "all");
	allow(&p, "unpaid", "unpaid");
	allow(&p, "paid", "paid");
	allow(&p, "", "all");
	refuse(&p, "unpai", "field.choice");
	refuse(&p, "unpaid%7cpaid", "field.choice");
	refuse(&p, "%7c", "field.choice");
	refuse(&p, "Paid", "field.choice");
	refuse(&p, "-paid", "field.choice");
}

static void test_sort(void **state)
{
	static const struct param p = {
	    .name = "sort", .type = PARAM_SORT, .choices = "code|name"};

	(void)state;
	allow(&p, "code", "code");
	allow(&p, "-name", "-name");
	refuse(&p, "-", "field.choice");
	refuse(&p, "--name", "field.choice");
	refuse(&p, "rate", "field.choice");
}

static const struct param several[] = {
    {.name = "q", .type = PARAM_TEXT, .min = 1, .max = 64},
    {.name = "page",
	.type = PARAM_NUMBER,
	.min = 1,
	.max = 1000,
	.standard = "1"},
    {.name = "from", .type = PARAM_DATE},
    {.name = "login", .type = PARAM_TEXT, .required = true}, {0}};

static void test_all_faults_at_once(void **state)
{
	(void)state;
	assert_int_equal(
	    query("q=a&q=b&q=c&page=0&from=x&other=1&other=2"), ERR_OK);
	assert_int_equal(req_check(&req, several, false), ERR_INPUT);
	assert_int_equal(req.n_faults, 5);
	expect_fault("q", "field.repeated");
	expect_fault("page", "field.range");
	expect_fault("from", "field.date");
	expect_fault("login", "field.required");
	expect_fault("other", "field.unknown");
	expect_raw("from", "x");
	expect_raw("q", "a");
}

static void test_many_faults(void **state)
{
	struct buf b;

	(void)state;
	buf_open(&b, m, 1024);
	for (int i = 0; i < 64; i++)
		buf_print(&b, "f%d&", i);
	assert_int_equal(query(b.data), ERR_OK);
	assert_int_equal(req_check(&req, several, false), ERR_INPUT);
	assert_int_equal(req.n_faults, 65);
	expect_fault("f0", "field.unknown");
	expect_fault("f63", "field.unknown");
	expect_fault("login", "field.required");
}

static void test_absent(void **state)
{
	(void)state;
	assert_int_equal(query("login=heron&q=&page="), ERR_OK);
	assert_int_equal(req_check(&req, several, false), ERR_OK);
	expect_text("q", NULL);
	expect_text("from", NULL);
	expect_text("page", "1");
	assert_int_equal(req_number(&req, "page"), 1);
	expect_text("login", "heron");
	expect_text("undeclared", NULL);
	assert_int_equal(query("login=+"), ERR_OK);
	assert_int_equal(req_check(&req, several, false), ERR_INPUT);
	expect_fault("login", "field.required");
}

static void test_lax(void **state)
{
	(void)state;
	assert_int_equal(query("login=a&login=b&utm=1&csrf=1"), ERR_OK);
	assert_int_equal(req_check(&req, several, true), ERR_OK);
	expect_text("login", "a");
	expect_text("utm", NULL);
	/* What it does declare is checked all the same. */
	assert_int_equal(query("login=a&page=0"), ERR_OK);
	assert_int_equal(req_check(&req, several, true), ERR_INPUT);
}

static void test_csrf(void **state)
{
	static const struct param none[] = {{0}};

	(void)state;
	assert_int_equal(form("csrf=tok%0aen"), ERR_OK);
	assert_int_equal(req_check(&req, none, false), ERR_OK);
	expect_text("csrf", "tok\nen");
	assert_int_equal(form("csrf=a"), ERR_OK);
	assert_int_equal(req_check(&req, NULL, false), ERR_OK);
	assert_int_equal(form("csrf=a&csrf=b"), ERR_OK);
	assert_int_equal(req_check(&req, none, false), ERR_INPUT);
	expect_fault("csrf", "field.repeated");
	assert_int_equal(query("csrf=a"), ERR_OK);
	assert_int_equal(req_check(&req, none, false), ERR_INPUT);
	expect_fault("csrf", "field.unknown");
}

static void test_query_of_a_post(void **state)
{
	(void)state;
	post_bytes(
	    "/a?login=x", "application/json", "{\"login\":\"y\"}", 13, 13, 99);
	assert_int_equal(req_check(&req, several, false), ERR_INPUT);
	expect_fault("login", "field.unknown");
}

static void test_add_fault(void **state)
{
	(void)state;
	get("/");
	req_add_fault(&req, "amount", "refill.too_small");
	req_add_fault(&req, "amount", "field.invalid");
	assert_int_equal(req.n_faults, 1);
	expect_fault("amount", "refill.too_small");
	assert_int_equal(find_fault("amount")->n_args, 0);
}

static void test_json_odd_values(void **state)
{
	static const struct param params[] = {
	    {.name = "list", .type = PARAM_TEXT, .required = true},
	    {.name = "object", .type = PARAM_TEXT},
	    {.name = "huge", .type = PARAM_TEXT},
	    {.name = "none", .type = PARAM_TEXT, .standard = "s"}, {0}};

	(void)state;
	assert_int_equal(
	    json("{\"list\":[1],\"object\":{\"b\":1},\"none\":null,"
		 "\"huge\":99999999999999999999}"),
	    ERR_OK);
	assert_int_equal(req_check(&req, params, false), ERR_INPUT);
	expect_fault("list", "field.invalid");
	expect_fault("object", "field.invalid");
	assert_int_equal(req.n_faults, 2);
	expect_text("huge", "99999999999999999999");
	expect_text("none", "s");
	/* An unknown one is only unknown; and nothing at all where the row
	 * ignores it. */
	json("{\"deep\":{\"b\":{}},\"object\":\"x\"}");
	assert_int_equal(req_check(&req, params + 1, false), ERR_INPUT);
	expect_fault("deep", "field.unknown");
	json("{\"deep\":{\"b\":{}},\"object\":\"x\"}");
	assert_int_equal(req_check(&req, params + 1, true), ERR_OK);
	expect_text("object", "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_text),
	    T(test_lines),
	    T(test_text_without_bounds),
	    T(test_secret),
	    T(test_free_text),
	    T(test_number),
	    T(test_date),
	    T(test_choice),
	    T(test_sort),
	    T(test_all_faults_at_once),
	    T(test_many_faults),
	    T(test_absent),
	    T(test_lax),
	    T(test_csrf),
	    T(test_query_of_a_post),
	    T(test_add_fault),
	    T(test_json_odd_values),
	};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
