/* test_throttle.c: how often somebody may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "domain/throttle.h"
#include "tools/db.h"
#include "store.h"

enum { NOW = 1800000000, WINDOW = 900, LIMIT = 5 };

static struct mem *m;
static struct db *db;

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	db = db_open(store_new(m));
	assert_non_null(db);
	assert_int_equal(db_migrate(db, SOURCE_DIR "/conf/schema"), ERR_OK);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(db);
	mem_close(m);
	return 0;
}

static int64_t ask_int(struct db *d, const char *sql)
{
	struct db_rows rows;

	assert_int_equal(db_query(d, m, sql, NULL, 0, &rows), ERR_OK);
	return db_cell_int(&rows, 0, 0);
}

static void count_at(const char *subject, int64_t now, int times)
{
	while (times--)
		assert_int_equal(throttle_count(db, "acme", "login", subject,
				     LIMIT, WINDOW, now),
		    ERR_OK);
}

static void check_at(
    const char *subject, int64_t now, enum err want, int64_t want_retry)
{
	int64_t retry = -1;

	assert_int_equal(throttle_check(db, "acme", "login", subject, LIMIT,
			     WINDOW, now, &retry),
	    want);
	assert_int_equal(retry, want_retry);
}

static void test_limit(void **state)
{
	(void)state;
	check_at("heron", NOW, ERR_OK, 0);
	count_at("heron", NOW, LIMIT - 1);
	check_at("heron", NOW, ERR_OK, 0);
	count_at("heron", NOW + 100, 1);
	check_at("heron", NOW + 100, ERR_THROTTLED, WINDOW - 100);
	check_at("heron", NOW + WINDOW - 1, ERR_THROTTLED, 1);
	check_at("heron", NOW + WINDOW, ERR_OK, 0);
}

static void test_new_window(void **state)
{
	(void)state;
	count_at("heron", NOW, LIMIT + 3);
	count_at("heron", NOW + WINDOW, 1);
	check_at("heron", NOW + WINDOW, ERR_OK, 0);
	assert_int_equal(ask_int(db, "select count from throttle"), 1);
	assert_int_equal(
	    ask_int(db, "select since from throttle"), NOW + WINDOW);
	count_at("heron", NOW + WINDOW + 5, LIMIT - 1);
	check_at("heron", NOW + WINDOW + 5, ERR_THROTTLED, 2 * WINDOW - 5);
}

/* Reaches the limit, and waits until the last second. */
static int64_t wait_it_out(int64_t now, int64_t want)
{
	count_at("heron", now, LIMIT);
	check_at("heron", now, ERR_THROTTLED, want);
	check_at("heron", now + want - 1, ERR_THROTTLED, 1);
	check_at("heron", now + want, ERR_OK, 0);
	return now + want;
}

static void test_delay_grows(void **state)
{
	int64_t now = NOW;

	(void)state;
	for (int i = 1; i < THROTTLE_GROWTH; i *= 2)
		now = wait_it_out(now, i * WINDOW);
	for (int i = 0; i < 3; i++)
		now = wait_it_out(now, THROTTLE_GROWTH * WINDOW);
	/* A window below the limit halves it. */
	count_at("heron", now, LIMIT - 1);
	now += WINDOW;
	now = wait_it_out(now, THROTTLE_GROWTH * WINDOW);
	for (int i = 0; i < 2; i++, now += WINDOW)
		count_at("heron", now, 1);
	now = wait_it_out(now, THROTTLE_GROWTH / 2 * WINDOW);
	/* Quiet for long, or right: it is forgotten. */
	now = wait_it_out(now + THROTTLE_GROWTH * WINDOW, WINDOW);
	assert_int_equal(throttle_clear(db, "acme", "login", "heron"), ERR_OK);
	wait_it_out(now, WINDOW);
}

static void test_purge_keeps_delays(void **state)
{
	int64_t now;

	(void)state;
	now = wait_it_out(NOW, WINDOW);
	assert_int_equal(throttle_purge(db, now), ERR_OK);
	now = wait_it_out(now, 2 * WINDOW);
	assert_int_equal(
	    throttle_purge(db, now + THROTTLE_GROWTH * 2 * WINDOW), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from throttle"), 0);
}

static void test_subjects(void **state)
{
	(void)state;
	assert_string_equal(throttle_login(m, "HeRoN"), "heron");
	assert_string_equal(throttle_address(m, "192.0.2.7"), "192.0.2.7");
	assert_string_equal(
	    throttle_address(m, "::ffff:192.0.2.7"), "192.0.2.7");
	assert_string_equal(
	    throttle_address(m, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
	assert_string_equal(throttle_network(m, "192.0.2.7"), "192.0.2.0");
	assert_string_equal(
	    throttle_network(m, "::ffff:192.0.2.7"), "192.0.2.0");
	assert_string_equal(
	    throttle_network(m, "2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
	assert_string_equal(throttle_network(m, "unix:"), "unix:");
}

static void test_no_limit(void **state)
{
	int64_t retry = -1;

	(void)state;
	count_at("heron", NOW, 100);
	assert_int_equal(throttle_check(db, "acme", "login", "heron", 0, WINDOW,
			     NOW, &retry),
	    ERR_OK);
	assert_int_equal(retry, 0);
	assert_int_equal(throttle_check(db, "acme", "login", "heron", LIMIT,
			     WINDOW, NOW, NULL),
	    ERR_THROTTLED);
}

static void test_separate_counters(void **state)
{
	(void)state;
	count_at("heron", NOW, LIMIT);
	check_at("osprey", NOW, ERR_OK, 0);
	assert_int_equal(throttle_check(db, "other", "login", "heron", LIMIT,
			     WINDOW, NOW, NULL),
	    ERR_OK);
	assert_int_equal(throttle_check(db, "acme", "address", "heron", LIMIT,
			     WINDOW, NOW, NULL),
	    ERR_OK);
	check_at("heron", NOW, ERR_THROTTLED, WINDOW);
}

static void test_clear(void **state)
{
	(void)state;
	count_at("heron", NOW, LIMIT);
	count_at("osprey", NOW, LIMIT);
	assert_int_equal(throttle_clear(db, "acme", "login", "heron"), ERR_OK);
	check_at("heron", NOW, ERR_OK, 0);
	check_at("osprey", NOW, ERR_THROTTLED, WINDOW);
	assert_int_equal(throttle_clear(db, "acme", "login", "nobody"), ERR_OK);
}

static void test_subject_is_hashed(void **state)
{
	struct db_rows rows;

	(void)state;
	count_at("my password", NOW, 1);
	assert_int_equal(
	    db_query(db, m, "select subject from throttle", NULL, 0, &rows),
	    ERR_OK);
	/* SHA-256, computed elsewhere. */
	assert_string_equal(db_cell_text(&rows, 0, 0),
	    "bb14292d91c6d0920a5536bb41f3a50f66351b7b9d94c804dfce8a96ca1051f2");
}

static void test_odd_subjects(void **state)
{
	char *long_one = mem_alloc(m, 100001);

	(void)state;
	memset(long_one, 'x', 100000);
	count_at("", NOW, LIMIT);
	count_at(long_one, NOW, LIMIT);
	check_at("", NOW, ERR_THROTTLED, WINDOW);
	check_at(long_one, NOW, ERR_THROTTLED, WINDOW);
	check_at("x", NOW, ERR_OK, 0);
}

/* Clocks of hosts differ a little, and a clock may have been wrong by years. */
static void test_clocks(void **state)
{
	(void)state;
	count_at("heron", NOW + 10, LIMIT - 1);
	count_at("heron", NOW, 1);
	check_at("heron", NOW, ERR_THROTTLED, WINDOW + 10);
	count_at("osprey", NOW + 100000000, LIMIT);
	check_at("osprey", NOW, ERR_OK, 0);
	count_at("osprey", NOW, 1);
	check_at("osprey", NOW, ERR_OK, 0);
	count_at("osprey", NOW, LIMIT - 1);
	check_at("osprey", NOW, ERR_THROTTLED, WINDOW);
}

static void test_purge(void **state)
{
	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	for (int i = 0; i < THROTTLE_PURGE_MAX; i++)
		count_at(mem_print(m, "old %d", i), NOW - WINDOW, 1);
	count_at("wrong clock", NOW + 100000000, 1);
	count_at("new", NOW - WINDOW + 1, LIMIT);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_int_equal(throttle_purge(db, NOW), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from throttle"), 2);
	assert_int_equal(throttle_purge(db, NOW), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from throttle"), 1);
	check_at("new", NOW, ERR_THROTTLED, 1);
}

static void test_store_fails(void **state)
{
	int64_t retry;

	(void)state;
	store_set_read_only(db, true);
	assert_int_equal(
	    throttle_count(db, "acme", "login", "x", LIMIT, WINDOW, NOW),
	    ERR_BUSY);
	store_set_read_only(db, false);
	assert_int_equal(
	    db_run(db, "drop table throttle", NULL, 0, NULL), ERR_OK);
	assert_int_equal(throttle_check(db, "acme", "login", "x", LIMIT, WINDOW,
			     NOW, &retry),
	    ERR_INTERNAL);
	assert_int_equal(retry, 0);
}

/* No count of several processes is lost. */
static void test_count_at_once(void **state)
{
	enum { PROCESSES = 4, TIMES = 50 };
	char dir[] = "/tmp/test_throttle.XXXXXX", byte;
	int gate[2], status, good = 0;
	const char *uri;
	struct db *d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	uri = store_at(m, mem_print(m, "%s/throttle.db", dir));
	d = db_open(uri);
	assert_int_equal(db_migrate(d, SOURCE_DIR "/conf/schema"), ERR_OK);
	db_close(d);
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			int ok = 0;

			close(gate[1]);
			d = db_open(uri);
			if (!d || read(gate[0], &byte, 1) != 0)
				_exit(1);
			for (int n = 0; n < TIMES; n++)
				ok +=
				    throttle_count(d, "acme", "login", "heron",
					LIMIT, WINDOW, NOW) == ERR_OK;
			_exit(ok == TIMES ? 0 : 1);
		}
	}
	close(gate[0]);
	close(gate[1]);
	while (wait(&status) > 0)
		good += status == 0;
	assert_int_equal(good, PROCESSES);
	d = db_open(uri);
	assert_int_equal(
	    ask_int(d, "select count from throttle"), PROCESSES * TIMES);
	db_close(d);
	assert_int_equal(system(mem_print(m, "rm -r '%s'", dir)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_limit),
	    TEST(test_new_window),
	    TEST(test_delay_grows),
	    TEST(test_purge_keeps_delays),
	    TEST(test_subjects),
	    TEST(test_no_limit),
	    TEST(test_separate_counters),
	    TEST(test_clear),
	    TEST(test_subject_is_hashed),
	    TEST(test_odd_subjects),
	    TEST(test_clocks),
	    TEST(test_purge),
	    TEST(test_store_fails),
	    TEST(test_count_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
