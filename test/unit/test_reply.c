/* test_reply.c: what goes out, and what never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/reply.h"

/* Texts, NULL-terminated. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* What the client got, and how. */
static struct {
	struct buf got;
	int writes, spoils, writes_left;
} client;

static struct mem *m;
static struct reply reply;

static bool sink_write(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	if (!client.writes_left)
		return false;
	client.writes_left--;
	client.writes++;
	buf_add(&client.got, data, len);
	return true;
}

static void sink_spoil(void *ctx)
{
	(void)ctx;
	client.spoils++;
}

static const struct reply_sink sink = {
    sink_write, sink_spoil, NULL, NULL, NULL, NULL};

static void start(void)
{
	client.writes = client.spoils = 0;
	client.writes_left = 100;
	buf_open(&client.got, m, 1024);
	reply_open(&reply, m, &sink);
}

static int open_pool(void **state)
{
	(void)state;
	m = mem_open(0);
	start();
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	mem_close(m);
	return 0;
}

static void expect(const char *want)
{
	assert_string_equal(client.got.data, want);
}

static void expect_line(const char *line)
{
	const char *have = mem_print(m, "\r\n%s", client.got.data);

	if (!strstr(have, mem_print(m, "\r\n%s\r\n", line)))
		fail_msg("\"%s\" is not in:\n%s", line, have);
}

static void refuse_text(const char *text)
{
	if (strstr(client.got.data, text))
		fail_msg("\"%s\" is in:\n%s", text, client.got.data);
}

static void send_nothing(void)
{
	reply_send(&reply, 200, "text/plain", NULL, 0);
}

static void test_send(void **state)
{
	(void)state;
	reply_header(&reply, "Allow", "GET, POST");
	reply_send(&reply, 405, "text/html; charset=utf-8", "a\0b", 3);
	assert_int_equal(client.writes, 1);
	assert_int_equal(reply.status, 405);
	assert_int_equal(reply.bytes, 3);
	assert_false(reply.gone);
	expect("Status: 405 Method Not Allowed\r\n"
	       "Content-Type: text/html; charset=utf-8\r\n"
	       "Cache-Control: no-store\r\n"
	       "Allow: GET, POST\r\n"
	       "Content-Length: 3\r\n\r\na");
	assert_memory_equal(client.got.data + client.got.len - 3, "a\0b", 3);
}

static void test_send_nothing(void **state)
{
	(void)state;
	send_nothing();
	expect("Status: 200 OK\r\nContent-Type: text/plain\r\n"
	       "Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n");
}

static void test_reasons(void **state)
{
	static const struct {
		int status;
		const char *line;
	} cases[] = {
	    {200, "Status: 200 OK"},
	    {201, "Status: 201 Created"},
	    {400, "Status: 400 Bad Request"},
	    {401, "Status: 401 Unauthorized"},
	    {403, "Status: 403 Forbidden"},
	    {404, "Status: 404 Not Found"},
	    {409, "Status: 409 Conflict"},
	    {413, "Status: 413 Content Too Large"},
	    {415, "Status: 415 Unsupported Media Type"},
	    {421, "Status: 421 Misdirected Request"},
	    {422, "Status: 422 Unprocessable Content"},
	    {429, "Status: 429 Too Many Requests"},
	    {500, "Status: 500 Internal Server Error"},
	    {502, "Status: 502 Bad Gateway"},
	    {503, "Status: 503 Service Unavailable"},
	    {504, "Status: 504 Gateway Timeout"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start();
		reply_send(&reply, cases[i].status, "text/plain", "", 0);
		expect_line(cases[i].line);
	}
	/* The error codes' statuses all have a name. */
	for (enum err e = ERR_OK; e < ERR__MAX; e++) {
		start();
		reply_send(&reply, err_status(e), "text/plain", "", 0);
		refuse_text("Unknown");
	}
}

static void test_cache_control(void **state)
{
	(void)state;
	reply_header(&reply, "X-Note", "Cache-Control: no");
	reply_header(&reply, "cache-control", "max-age=60");
	send_nothing();
	expect_line("cache-control: max-age=60");
	refuse_text("no-store");
	start();
	reply_header(&reply, "X-Note", "Cache-Control: no");
	send_nothing();
	expect_line("Cache-Control: no-store");
}

static void test_header_refused(void **state)
{
	const char *const *bad = LIST("a\r\nSet-Cookie: evil=1", "evil\n",
	    "\revil", "evil\x01", "evil\x7f", "evil\t");

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		start();
		reply_header(&reply, "X-Test", bad[i]);
		send_nothing();
		refuse_text("evil");
		refuse_text("X-Test");
	}
	start();
	reply_header(&reply, "X: evil\r\nY", "1");
	reply_header(&reply, "", "evil");
	reply_header(&reply, "X evil", "1");
	send_nothing();
	refuse_text("evil");
	start();
	reply_send(&reply, 200, "text/plain\r\nevil: 1", "", 0);
	refuse_text("evil");
}

static void test_cookie(void **state)
{
	(void)state;
	reply_cookie(&reply, "__Host-portico", "tok-_en", true, 3600);
	reply_cookie(&reply, "portico", "a", false, 0);
	send_nothing();
	expect_line("Set-Cookie: __Host-portico=tok-_en; Path=/; HttpOnly; "
		    "SameSite=Lax; Secure; Max-Age=3600");
	expect_line("Set-Cookie: portico=a; Path=/; HttpOnly; SameSite=Lax");
}

static void test_cookie_deleted(void **state)
{
	(void)state;
	reply_cookie(&reply, "__Host-portico", NULL, true, 3600);
	send_nothing();
	expect_line("Set-Cookie: __Host-portico=; Path=/; HttpOnly; "
		    "SameSite=Lax; Secure; Max-Age=0; "
		    "Expires=Thu, 01 Jan 1970 00:00:00 GMT");
}

static void test_cookie_refused(void **state)
{
	const char *const *bad = LIST("evil; Domain=x", "evil x", "evil,x",
	    "\"evil\"", "evil\\", "evil\n", "evil\xc3\xa9", "evil\x7f");

	(void)state;
	for (size_t i = 0; bad[i]; i++)
		reply_cookie(&reply, "portico", bad[i], true, 0);
	reply_cookie(&reply, "evil=1; x", "a", true, 0);
	reply_cookie(&reply, "", "evil", true, 0);
	send_nothing();
	refuse_text("Set-Cookie");
	refuse_text("evil");
}

static void check_redirect(
    int status, const char *path, const char *status_line, const char *location)
{
	start();
	reply_redirect(&reply, status, path);
	assert_int_equal(client.writes, 1);
	expect_line(status_line);
	expect_line(mem_print(m, "Location: %s", location));
	expect_line("Content-Length: 0");
}

static void test_redirect(void **state)
{
	const char *other = "Status: 303 See Other";

	(void)state;
	check_redirect(303, "/api/dashboard", other, "/api/dashboard");
	check_redirect(302, "/", "Status: 302 Found", "/");
	check_redirect(200, "/a", other, "/a");
	check_redirect(301, "/a", other, "/a");
	check_redirect(303, "/api/login?next=%2Fapi%2Frates%3Fq%3Da", other,
	    "/api/login?next=%2Fapi%2Frates%3Fq%3Da");
	check_redirect(303, "/\xc3\xa9 \"<>\\^`{|}", other,
	    "/%C3%A9%20%22%3C%3E%5C%5E%60%7B%7C%7D");
}

static void test_redirect_refused(void **state)
{
	const char *const *bad =
	    LIST("//evil.example", "/\\evil.example", "https://evil.example",
		"javascript:evil", "evil", "", "/a\r\nX-Evil: evil", "/\tevil",
		"\\\\evil", " /evil", "/\x7f/evil");

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		check_redirect(303, bad[i], "Status: 303 See Other", "/");
		refuse_text("evil");
	}
	check_redirect(303, NULL, "Status: 303 See Other", "/");
}

static void test_redirect_keeps_cookies(void **state)
{
	(void)state;
	reply_cookie(&reply, "portico", "a", false, 0);
	reply_redirect(&reply, 303, "/");
	expect_line("Set-Cookie: portico=a; Path=/; HttpOnly; SameSite=Lax");
}

static void test_only_once(void **state)
{
	(void)state;
	reply_send(&reply, 200, "text/plain", "first", 5);
	reply_header(&reply, "X-Late", "1");
	reply_cookie(&reply, "late", "1", false, 0);
	reply_send(&reply, 500, "text/plain", "second", 6);
	reply_redirect(&reply, 303, "/second");
	reply_begin(&reply, "text/csv", "second.csv");
	assert_false(reply_write(&reply, "second", 6));
	reply_break(&reply);
	assert_int_equal(client.writes, 1);
	assert_int_equal(client.spoils, 0);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.bytes, 5);
	refuse_text("second");
}

static void test_client_gone(void **state)
{
	(void)state;
	client.writes_left = 0;
	reply_send(&reply, 200, "text/plain", "a", 1);
	assert_true(reply.gone);
	assert_int_equal(reply.status, 200);
}

static void test_download(void **state)
{
	(void)state;
	reply_header(&reply, "X-Note", "1");
	reply_begin(&reply, "text/csv; charset=utf-8", "rates 2026.csv");
	assert_int_equal(client.writes, 1);
	expect("Status: 200 OK\r\n"
	       "Content-Type: text/csv; charset=utf-8\r\n"
	       "Cache-Control: no-store\r\n"
	       "X-Note: 1\r\n"
	       "Content-Disposition: attachment; filename=\"rates 2026.csv\""
	       "\r\n\r\n");
	buf_open(&client.got, m, 64);
	assert_true(reply_write(&reply, "a,b\r\n", 5));
	assert_true(reply_write(&reply, "", 0));
	assert_true(reply_write(&reply, "c", 1));
	expect("a,b\r\nc");
	assert_int_equal(client.writes, 3);
	assert_int_equal(reply.bytes, 6);
	assert_int_equal(client.spoils, 0);
}

static void test_download_to_show(void **state)
{
	(void)state;
	reply_begin(&reply, "application/pdf", NULL);
	refuse_text("Content-Disposition");
}

static void test_download_broken(void **state)
{
	(void)state;
	reply_begin(&reply, "text/csv", "a.csv");
	reply_break(&reply);
	reply_break(&reply);
	assert_int_equal(client.spoils, 1);
	assert_false(reply_write(&reply, "more", 4));
	refuse_text("more");
}

static void test_download_client_gone(void **state)
{
	(void)state;
	client.writes_left = 2;
	reply_begin(&reply, "text/csv", "a.csv");
	assert_true(reply_write(&reply, "a", 1));
	assert_false(reply_write(&reply, "b", 1));
	client.writes_left = 9;
	assert_false(reply_write(&reply, "c", 1));
	assert_false(reply_write(&reply, "", 0));
	assert_int_equal(client.writes, 2);
}

static void check_name(const char *name, const char *disposition)
{
	start();
	reply_begin(&reply, "text/csv", name);
	expect_line(
	    mem_print(m, "Content-Disposition: attachment; %s", disposition));
}

static void test_file_names(void **state)
{
	(void)state;
	check_name("../../etc/passwd", "filename=\"etcpasswd\"");
	check_name("a\\b\"c'd\r\nX: e\x7f", "filename=\"abcdX: e\"");
	check_name(".htaccess", "filename=\"htaccess\"");
	check_name("", "filename=\"download\"");
	check_name("...", "filename=\"download\"");
	check_name("R\xc3\xa4te \xe2\x82\xac (1).csv",
	    "filename=\"R_te _ (1).csv\"; "
	    "filename*=UTF-8''R%C3%A4te%20%E2%82%AC%20%281%29.csv");
	/* What would show "exe.csv" as "vsc.exe", and a C1 control. */
	check_name(
	    "a\xe2\x80\xae\xe2\x81\xa7\xc2\x85.csv", "filename=\"a.csv\"");
}

static void test_long_file_name(void **state)
{
	char name[600], want[1200] = "filename=\"";
	size_t len = strlen(want);

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(want + len, 'a', 200);
	strcpy(want + len + 200, "\"");
	check_name(name, want);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_send),
	    T(test_send_nothing),
	    T(test_reasons),
	    T(test_cache_control),
	    T(test_header_refused),
	    T(test_cookie),
	    T(test_cookie_deleted),
	    T(test_cookie_refused),
	    T(test_redirect),
	    T(test_redirect_refused),
	    T(test_redirect_keeps_cookies),
	    T(test_only_once),
	    T(test_client_gone),
	    T(test_download),
	    T(test_download_to_show),
	    T(test_download_broken),
	    T(test_download_client_gone),
	    T(test_file_names),
	    T(test_long_file_name),
	};

	/* Refusals are logged as errors; here they are what is wanted. */
	log_open(false, LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
