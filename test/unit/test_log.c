/* test_log.c: log lines that cannot be forged, and collected diagnostics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/json.h"
#include "base/mem.h"

static struct mem *pool;
static int real_stderr = -1, file = -1;
static char text[65536];

/* From here on, standard error goes to a file without a name. */
static void begin(bool json, enum log_level least)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	file = dup(fileno(f));
	fclose(f);
	real_stderr = dup(STDERR_FILENO);
	dup2(file, STDERR_FILENO);
	log_open(json, least);
	log_request(NULL, NULL);
}

/* What was written since. */
static const char *end(void)
{
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	n = pread(file, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(file);
	log_open(false, LOG_INFO);
	log_request(NULL, NULL);
	return text;
}

static size_t count_lines(const char *s)
{
	size_t n = 0;

	while ((s = strchr(s, '\n'))) {
		n++;
		s++;
	}
	return n;
}

static void check_matches(const char *s, const char *pattern)
{
	regex_t r;
	int different;

	assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
	different = regexec(&r, s, 0, NULL, 0);
	regfree(&r);
	if (different)
		fail_msg("%s is not like %s", s, pattern);
}

static void a_text_line(void **state)
{
	(void)state;
	begin(false, LOG_DEBUG);
	log_warn("vcs.failed", "client %d: %s", 7, "late");
	check_matches(end(), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
			     "[0-9]{2}\\.[0-9]{3}Z warn \\[[0-9]+\\] "
			     "vcs\\.failed: client 7: late\n$");
}

static void a_json_line(void **state)
{
	struct json_object *o, *v;

	(void)state;
	begin(true, LOG_DEBUG);
	log_request("id-1", "acme");
	log_error("pool.crashed", "\"quoted\" \\ back\tslash \r\n\x1b[31m é");
	end();
	assert_int_equal(count_lines(text), 1);
	o = json_constant(pool, text);
	assert_non_null(o);
	assert_true(json_has(o, "message", &v));
	assert_string_equal(
	    json_text(v, NULL), "\"quoted\" \\ back\tslash \r\n\x1b[31m é");
	assert_true(json_has(o, "level", &v));
	assert_string_equal(json_text(v, NULL), "error");
	assert_true(json_has(o, "code", &v));
	assert_string_equal(json_text(v, NULL), "pool.crashed");
	assert_true(json_has(o, "request", &v));
	assert_string_equal(json_text(v, NULL), "id-1");
	assert_true(json_has(o, "brand", &v));
	assert_string_equal(json_text(v, NULL), "acme");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	begin(false, LOG_DEBUG);
	log_info("x", "a\r\nb\nc\x1b[2Jd\x7f\x01\te");
	log_request("r\n2026 error", "b\x1b");
	log_info("x", "next");
	end();
	assert_int_equal(count_lines(text), 2);
	assert_non_null(strstr(text,
	    "a\\u000d\\u000ab\\u000ac\\u001b[2Jd\\u007f\\u0001\\u0009e\n"));
	assert_non_null(strstr(text, "request=r\\u000a2026 error"));
	for (const char *c = text; *c; c++)
		assert_true(
		    *c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
}

/* The terminal of who reads a log takes C1 controls as commands, too; U+2028
 * is a line end for some viewers. */
static void unicode_controls_are_escaped(void **state)
{
	(void)state;
	for (int json = 0; json < 2; json++) {
		begin(json, LOG_DEBUG);
		log_info("x", "a\xc2\x9b"
			      "31mb\xc2\x85"
			      "c\xe2\x80\xa8"
			      "d\xe2\x80\xa9"
			      "e\xc2\xa0\xe2\x80\xa7z");
		end();
		assert_null(strstr(text, "\xc2\x9b"));
		assert_null(strstr(text, "\xc2\x85"));
		assert_null(strstr(text, "\xe2\x80\xa8"));
		assert_null(strstr(text, "\xe2\x80\xa9"));
		assert_non_null(strstr(text, "\\u009b31mb\\u0085c\\u2028d"
					     "\\u2029e\xc2\xa0\xe2\x80\xa7z"));
	}
}

static void levels_below_are_dropped(void **state)
{
	(void)state;
	begin(false, LOG_WARN);
	log_debug("x", "debug");
	log_info("x", "info");
	log_warn("x", "warn");
	log_error("x", "error");
	end();
	assert_int_equal(count_lines(text), 2);
	assert_null(strstr(text, "info"));
	assert_non_null(strstr(text, " error ["));
}

static void long_values_are_cut(void **state)
{
	char value[9000];

	(void)state;
	for (int json = 0; json < 2; json++)
		for (int c = 0; c < 3; c++) {
			memset(value, "a\"\x01"[c], sizeof(value) - 1);
			value[sizeof(value) - 1] = '\0';
			begin(json, LOG_DEBUG);
			log_request(value, value);
			log_error("x", "%s", value);
			end();
			assert_int_equal(count_lines(text), 1);
			assert_int_equal(text[strlen(text) - 1], '\n');
			assert_true(strlen(text) > 1000);
			assert_true(strlen(text) < 5000);
			if (json) {
				struct json_object *o =
				    json_constant(pool, text);

				assert_non_null(o);
			}
		}
}

static void a_request_is_forgotten(void **state)
{
	(void)state;
	begin(false, LOG_DEBUG);
	log_request("id-7", NULL);
	log_info("x", "one");
	log_request(NULL, NULL);
	log_info("x", "two");
	end();
	assert_non_null(strstr(text, "x request=id-7: one\n"));
	assert_non_null(strstr(text, " x: two\n"));
}

static void errors_have_statuses(void **state)
{
	static const int statuses[] = {200, 400, 401, 401, 401, 403, 404, 405,
	    409, 413, 415, 421, 422, 429, 500, 502, 503, 504};

	(void)state;
	assert_int_equal(ERR__MAX, sizeof(statuses) / sizeof(statuses[0]));
	for (int e = 0; e < ERR__MAX; e++) {
		assert_int_equal(err_status((enum err)e), statuses[e]);
		assert_non_null(err_code((enum err)e));
		for (int other = 0; other < e; other++)
			assert_string_not_equal(
			    err_code((enum err)e), err_code((enum err)other));
	}
	assert_int_equal(err_status((enum err)ERR__MAX), 500);
	assert_string_equal(err_code((enum err)99), "internal");
}

static void diagnostics_are_collected(void **state)
{
	struct mem *m = mem_open(0);
	struct diag d;
	char where[] = "file:1", remedy[] = "mend it";

	(void)state;
	diag_open(&d, m);
	assert_int_equal(d.n, 0);
	for (int i = 0; i < 100; i++)
		diag_add(&d, where, i % 2 ? remedy : NULL, "wrong %d", i);
	memset(where, 'x', 6);
	memset(remedy, 'x', 7);
	assert_int_equal(d.n, 100);
	for (int i = 0; i < 100; i++) {
		assert_string_equal(d.items[i].where, "file:1");
		assert_string_equal(
		    d.items[i].what, mem_print(m, "wrong %d", i));
		assert_string_equal(d.items[i].remedy, i % 2 ? "mend it" : "");
	}
	begin(false, LOG_DEBUG);
	diag_log(&d);
	end();
	assert_int_equal(count_lines(text), 100);
	assert_non_null(strstr(text, "config: file:1: wrong 0\n"));
	assert_non_null(strstr(text, "config: file:1: wrong 1; mend it\n"));
	mem_close(m);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_text_line),
	    cmocka_unit_test(a_json_line),
	    cmocka_unit_test(controls_are_escaped),
	    cmocka_unit_test(unicode_controls_are_escaped),
	    cmocka_unit_test(levels_below_are_dropped),
	    cmocka_unit_test(long_values_are_cut),
	    cmocka_unit_test(a_request_is_forgotten),
	    cmocka_unit_test(errors_have_statuses),
	    cmocka_unit_test(diagnostics_are_collected),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
