/* test_audit.c: texts of entries, bounds, names, many processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/mem.h"
#include "domain/audit.h"
#include "domain/brand.h"
#include "tools/db.h"

enum { NOW = 1800000000, DAY = 86400, ME = 1001, OTHER = 1002 };

static struct mem *m;
static struct conf conf;
static struct brand acme, rival;
static const struct audit_by by = {"198.51.100.1", "curl/8.0"};

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	conf.limits.audit_rows = 20;
	conf.limits.audit_days = 30;
	acme = (struct brand){.name = "acme", .conf = &conf};
	acme.db = db_open("sqlite::memory:");
	assert_non_null(acme.db);
	assert_int_equal(
	    db_migrate(acme.db, SOURCE_DIR "/conf/schema"), ERR_OK);
	rival = acme;
	rival.name = "rival";
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(acme.db);
	mem_close(m);
	return 0;
}

static size_t list(struct brand *b, int64_t client, struct audit_row **rows)
{
	const struct audit_span span = {0, INT64_MAX, 0, 1000};
	size_t n;

	assert_int_equal(audit_list(b, m, client, &span, rows, &n), ERR_OK);
	return n;
}

static void note(struct brand *b, int64_t client, enum audit_event event,
    const char *item, int64_t now)
{
	const struct audit_entry e = {.event = event, .item = item, .by = by};

	assert_int_equal(audit_note(b, m, client, &e, now), ERR_OK);
}

static void log_in(int64_t client, const char *login, int64_t now)
{
	const struct audit_entry e = {
	    .event = AUDIT_LOGIN, .by = by, .login = login};

	assert_int_equal(audit_note(&acme, m, client, &e, now), ERR_OK);
}

static void guess(const char *login, int64_t now)
{
	assert_int_equal(audit_count_login(&acme, m, login, &by, now), ERR_OK);
}

static void test_texts(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
	    {NULL, ""},
	    {"", ""},
	    {"plain", "plain"},
	    {"  two \t\r\n lines\n", "two lines"},
	    {"a\x1b[2Jb", "a [2Jb"},
	    {"x\u202egnp.exe", "xgnp.exe"},
	    {"\u2066a\u2069\u200e\u200f\u061c", "a"},
	    {"\u200b\ufeff\u00ad\u2060z", "z"},
	    {"a\u2028b\u2029c\xc2\x85"
	     "d\u00a0e",
		"a b c d e"},
	    {"t\U000e0041g \ufffe \ue000", "tg"},
	    {"bad \xff\xc3 bytes\xe2\x82", "bad bytes"},
	    {"\xed\xa0\x80\xf4\x90\x80\x80!", "!"},
	    {"\u05d0\u05d1 \u0623 \U0001f469\u200d\U0001f4bb",
		"\u05d0\u05d1 \u0623 \U0001f469\u200d\U0001f4bb"},
	    {"12345678901", "1234567890\u2026"},
	    {"123456789 012", "123456789\u2026"},
	    {"1234567890   ", "1234567890"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    audit_clean(m, cases[i].text, i < 13 ? 100 : 10),
		    cases[i].clean);
}

static void test_bounds(void **state)
{
	struct audit_row *rows;

	(void)state;
	for (int i = 0; i < 50; i++)
		note(&acme, ME, AUDIT_PROFILE_CHANGED, mem_print(m, "%d", i),
		    NOW + i);
	note(&acme, OTHER, AUDIT_RESET_DONE, NULL, NOW);
	note(&rival, ME, AUDIT_FACTOR_ADDED, NULL, NOW);
	assert_int_equal(list(&acme, ME, &rows), 20);
	assert_string_equal(rows[0].item, "49");
	assert_string_equal(rows[19].item, "30");
	assert_int_equal(list(&acme, OTHER, &rows), 1);
	assert_string_equal(rows[0].event, "reset_done");
	assert_int_equal(list(&rival, ME, &rows), 1);
	assert_string_equal(rows[0].event, "factor_added");
	note(&acme, ME, AUDIT_VOUCHER_REDEEMED, NULL, NOW + 31 * DAY);
	assert_int_equal(list(&acme, ME, &rows), 1);
	assert_int_equal(list(&acme, OTHER, &rows), 0);
	assert_int_equal(list(&rival, ME, &rows), 1);
}

static void test_repeats(void **state)
{
	const int64_t hour = NOW - NOW % 3600;
	struct audit_row *rows;

	(void)state;
	note(&acme, ME, AUDIT_EXPORTED, "a.csv", hour);
	note(&acme, ME, AUDIT_EXPORTED, "a.csv", hour + 3599);
	note(&acme, ME, AUDIT_EXPORTED, "b.csv", hour + 3599);
	note(&acme, ME, AUDIT_EXPORTED, "a.csv", hour + 3600);
	note(&acme, ME, AUDIT_PASSWORD_CHANGED, NULL, hour + 3601);
	note(&acme, ME, AUDIT_PASSWORD_CHANGED, NULL, hour + 3602);
	assert_int_equal(list(&acme, ME, &rows), 5);
	assert_int_equal(rows[2].times, 1);
	assert_string_equal(rows[3].item, "b.csv");
	assert_int_equal(rows[4].times, 2);
	assert_int_equal(rows[4].time, hour + 3599);
	assert_int_equal(rows[4].since, hour);
}

static void test_names(void **state)
{
	struct audit_row *rows;

	(void)state;
	guess("heron", NOW);
	assert_int_equal(list(&acme, ME, &rows), 0);
	log_in(ME, "heron", NOW);
	guess("heron", NOW);
	guess("Heron", NOW);
	guess("heron ", NOW);
	assert_int_equal(list(&acme, ME, &rows), 2);
	assert_string_equal(rows[1].event, "login_failed");
	assert_int_equal(rows[1].times, 2);
	assert_int_equal(list(&acme, OTHER, &rows), 0);
	assert_int_equal(list(&rival, ME, &rows), 0);
	log_in(OTHER, "heron", NOW + 1);
	assert_int_equal(list(&acme, OTHER, &rows), 1);
	assert_int_equal(list(&acme, ME, &rows), 1);
}

static void test_strange_names_go(void **state)
{
	struct audit_row *rows;

	(void)state;
	log_in(ME, "heron", NOW);
	guess("heron", NOW);
	guess("osprey", NOW);
	guess("another", NOW + DAY + 1);
	log_in(OTHER, "osprey", NOW + DAY + 1);
	assert_int_equal(list(&acme, ME, &rows), 2);
	assert_int_equal(list(&acme, OTHER, &rows), 1);
}

static void test_floods(void **state)
{
	struct audit_row *rows;
	size_t n;

	(void)state;
	log_in(ME, "heron", NOW);
	for (int i = 0; i < 300; i++) {
		const struct audit_by from = {
		    mem_print(m, "192.0.2.%d", i % 250), NULL};

		assert_int_equal(
		    audit_count_login(&acme, m, "heron", &from, NOW + i * 60),
		    ERR_OK);
		assert_int_equal(audit_count(&acme, m, ME, AUDIT_CODE_FAILED,
				     &from, NOW + i * 60),
		    ERR_OK);
	}
	n = list(&acme, ME, &rows);
	assert_in_range(n, 200, 203);
	assert_string_equal(rows[n - 1].event, "login");
	assert_int_equal(rows[0].time, NOW + 299 * 60);
}

static void test_transactions(void **state)
{
	const struct audit_entry e = {.event = AUDIT_PAYMENT_BEGUN};
	struct audit_row *rows;

	(void)state;
	assert_int_equal(db_begin(acme.db), ERR_OK);
	assert_int_equal(audit_note_within(&acme, m, ME, &e, NOW), ERR_OK);
	db_rollback(acme.db);
	assert_int_equal(list(&acme, ME, &rows), 0);
	acme.db = NULL;
	assert_int_equal(audit_note(&acme, m, ME, &e, NOW), ERR_BUSY);
	assert_int_equal(audit_count_login(&acme, m, "x", &by, NOW), ERR_BUSY);
	acme.db = rival.db;
}

enum { PROCESSES = 4, TURNS = 25 };

static void work(const char *uri, int process)
{
	acme.db = db_open(uri);
	for (int i = 0; i < TURNS; i++) {
		const struct audit_entry e = {.event = AUDIT_PROFILE_CHANGED,
		    .item = mem_print(m, "%d-%d", process, i)};

		if (audit_note(&acme, m, ME, &e, NOW))
			_exit(1);
	}
	_exit(0);
}

static void test_many_processes(void **state)
{
	char folder[] = "/tmp/test-audit-XXXXXX";
	struct db *memory = acme.db;
	struct audit_row *rows;
	const char *uri;
	int status;

	(void)state;
	conf.limits.audit_rows = 1000;
	assert_non_null(mkdtemp(folder));
	uri = mem_print(m, "sqlite:%s/audit.db", folder);
	acme.db = db_open(uri);
	assert_int_equal(
	    db_migrate(acme.db, SOURCE_DIR "/conf/schema"), ERR_OK);
	db_close(acme.db);
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			work(uri, i);
	for (int i = 0; i < PROCESSES; i++) {
		wait(&status);
		assert_int_equal(status, 0);
	}
	acme.db = db_open(uri);
	assert_int_equal(list(&acme, ME, &rows), PROCESSES * TURNS);
	db_close(acme.db);
	acme.db = memory;
	assert_int_equal(system(mem_print(m, "rm -r '%s'", folder)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_texts),
	    TEST(test_bounds),
	    TEST(test_repeats),
	    TEST(test_names),
	    TEST(test_strange_names_go),
	    TEST(test_floods),
	    TEST(test_transactions),
	    TEST(test_many_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
