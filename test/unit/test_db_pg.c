/* test_db_pg.c: what only a server can do to the store: end a connection, be
 * slow, be another version. Skipped without PORTICO_TEST_STORE. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "store.h"
#include "tools/db.h"

enum { PATIENCE_MS = 60000 };

static struct mem *m;
static const char *uri;
static struct db *db, *other;

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	uri = store_is_pg() ? store_new(m) : NULL;
	if (!uri)
		return 0;
	db = db_open(uri);
	other = db_open(uri);
	assert_int_equal(
	    db_run(other,
		"create table t (id bigint primary key, a text, b bigint)",
		NULL, 0, NULL),
	    ERR_OK);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	if (uri) {
		db_close(db);
		db_close(other);
	}
	mem_close(m);
	return 0;
}

static int64_t ask(struct db *d, const char *sql)
{
	struct db_rows rows;

	assert_int_equal(db_query(d, m, sql, NULL, 0, &rows), ERR_OK);
	return db_cell_int(&rows, 0, 0);
}

static enum err insert(struct db *d, int64_t id)
{
	const struct db_value value = db_int(id);

	return db_run(d, "insert into t (id) values ($1)", &value, 1, NULL);
}

static pid_t server_of(struct db *d)
{
	return (pid_t)ask(d, "select pg_backend_pid()");
}

/* The server's side of a connection ends, as by a restart. */
static void end_server(pid_t pid)
{
	const struct db_value value = db_int(pid);
	struct db_rows rows;

	assert_int_equal(
	    db_query(other, m, "select pg_terminate_backend($1::int, 10000)",
		&value, 1, &rows),
	    ERR_OK);
	assert_int_equal(db_cell_int(&rows, 0, 0), 1);
}

#define NEEDS_SERVER()                                                         \
	do {                                                                   \
		(void)state;                                                   \
		if (!uri)                                                      \
			skip();                                                \
	} while (0)

/* --- Lost connections ------------------------------------------------------
 */

static void test_lost_while_idle(void **state)
{
	NEEDS_SERVER();
	for (int64_t i = 0; i < 3; i++) {
		end_server(server_of(db));
		assert_int_equal(insert(db, i), ERR_OK);
	}
	assert_int_equal(ask(other, "select count(*) from t"), 3);
}

static void test_lost_within_a_statement(void **state)
{
	NEEDS_SERVER();
	/* It ends its own connection. */
	assert_int_equal(
	    db_run(db,
		"insert into t (id) select 1 from "
		"pg_terminate_backend(pg_backend_pid()), pg_sleep(1)",
		NULL, 0, NULL),
	    ERR_BUSY);
	assert_int_equal(ask(db, "select count(*) from t"), 0);
}

static void test_lost_within_a_transaction(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(insert(db, 1), ERR_OK);
	end_server(server_of(db));
	/* Nothing of it runs outside of it. */
	assert_int_equal(insert(db, 2), ERR_BUSY);
	assert_int_equal(insert(db, 3), ERR_BUSY);
	assert_int_equal(db_commit(db), ERR_BUSY);
	assert_int_equal(insert(db, 4), ERR_OK);
	assert_int_equal(ask(other, "select sum(id) from t"), 4);
	assert_int_equal(db_begin(db), ERR_OK);
	end_server(server_of(db));
	db_rollback(db);
	assert_int_equal(insert(db, 5), ERR_OK);
}

/* Who lost a lock must not go on as if it had it. */
static void test_lost_with_a_lock(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(db_lock(db, "x", 0), ERR_OK);
	assert_int_equal(db_lock(db, "y", 0), ERR_OK);
	assert_int_equal(db_lock(other, "x", 0), ERR_CONFLICT);
	end_server(server_of(db));
	assert_int_equal(db_lock(other, "x", PATIENCE_MS), ERR_OK);
	assert_int_equal(insert(db, 1), ERR_BUSY);
	assert_int_equal(db_lock(db, "x", 0), ERR_BUSY);
	assert_int_equal(db_begin(db), ERR_BUSY);
	db_unlock(db, "y");
	assert_int_equal(insert(db, 1), ERR_BUSY);
	db_unlock(db, "x");
	assert_int_equal(insert(db, 1), ERR_OK);
	assert_int_equal(db_lock(db, "x", 0), ERR_CONFLICT);
	db_unlock(other, "x");
	assert_int_equal(db_lock(db, "x", 0), ERR_OK);
}

/* A statement without an answer has run, or it has not, but not twice. */
static void test_no_answer(void **state)
{
	const struct timespec step = {.tv_nsec = 20000000};
	pid_t pid;

	NEEDS_SERVER();
	assert_int_equal(insert(db, 0), ERR_OK);
	pid = server_of(db);
	if (kill(pid, SIGSTOP) != 0)
		skip(); /* a server of somebody else's */
	assert_int_equal(
	    db_run(db, "insert into t (id, b) select max(id) + 1, 1 from t",
		NULL, 0, NULL),
	    ERR_BUSY);
	kill(pid, SIGCONT);
	while (ask(other, mem_print(m,
			      "select count(*) from pg_stat_activity "
			      "where pid = %d",
			      (int)pid)))
		nanosleep(&step, NULL);
	assert_true(ask(other, "select count(*) from t") <= 2);
	assert_int_equal(insert(db, 7), ERR_OK);
}

/* Needs no server. */
static void test_nobody_there(void **state)
{
	struct db_rows rows;
	struct db *d = db_open("postgresql://u:secret@127.0.0.1:1/d");

	(void)state;
	assert_non_null(d);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    db_query(d, m, "select 1", NULL, 0, &rows), ERR_BUSY);
	db_unlock(d, "x");
	db_rollback(d);
	assert_int_equal(db_commit(d), ERR_BUSY);
	db_close(d);
}

/* --- Limits -----------------------------------------------------------------
 */

static void test_too_slow(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(
	    db_run(db, "set statement_timeout = 50", NULL, 0, NULL), ERR_OK);
	assert_int_equal(
	    db_run(db, "select pg_sleep(30)", NULL, 0, NULL), ERR_BUSY);
	assert_int_equal(insert(db, 1), ERR_OK);
}

/* --- Values -----------------------------------------------------------------
 */

static void test_types_by_value(void **state)
{
	static const char sql[] = "update t set b = $2 - $1, a = $3";
	const struct db_value null[] = {
	    db_text(NULL), db_int(5), db_text(NULL)};
	const struct db_value all[] = {db_int(2), db_int(5), db_text("x")};

	NEEDS_SERVER();
	assert_int_equal(insert(db, 1), ERR_OK);
	assert_int_equal(db_run(db, sql, null, 3, NULL), ERR_OK);
	assert_int_equal(ask(db, "select count(b) from t"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(db_run(db, sql, all, 3, NULL), ERR_OK);
		assert_int_equal(ask(db, "select b from t"), 3);
		assert_int_equal(db_run(db, sql, null, 3, NULL), ERR_OK);
	}
}

static void test_text_that_is_none(void **state)
{
	static const char sql[] = "insert into t (id, a) values (1, $1)";
	const struct db_value bad[] = {db_text("\xff"), db_text("\xc3"),
	    db_text("\xed\xa0\x80"),
	    {.type = DB_TEXT, .data = "a\0b", .len = 3}};

	NEEDS_SERVER();
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(db_run(db, sql, &bad[i], 1, NULL), ERR_INPUT);
	assert_int_equal(ask(db, "select count(*) from t"), 0);
}

static void test_numbers(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(ask(db, "select count(*) from t where true"), 0);
	assert_int_equal(ask(db, "select 2 > 1"), 1);
	assert_int_equal(ask(db, "select 2 < 1"), 0);
	assert_int_equal(ask(db, "select 7::smallint"), 7);
	assert_int_equal(ask(db, "select sum(x) from (values (1::bigint), "
				 "(-3::bigint)) v(x)"),
	    -2);
}

/* --- Transactions ------------------------------------------------------------
 */

static void test_commit_after_a_failure(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(insert(db, 1), ERR_OK);
	assert_int_equal(insert(db, 1), ERR_CONFLICT);
	assert_int_equal(db_commit(db), ERR_INTERNAL);
	assert_int_equal(ask(db, "select count(*) from t"), 0);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(db_begin(db), ERR_INTERNAL);
	assert_int_equal(db_commit(db), ERR_OK);
}

/* What another host's migration changed. */
static void test_changed_schema(void **state)
{
	static const char sql[] = "select a from t";

	NEEDS_SERVER();
	assert_int_equal(insert(db, 1), ERR_OK);
	assert_int_equal(ask(db, sql), 0);
	assert_int_equal(db_run(other, "alter table t alter a type varchar(9)",
			     NULL, 0, NULL),
	    ERR_OK);
	assert_int_equal(db_run(db, sql, NULL, 0, NULL), ERR_BUSY);
	assert_int_equal(ask(db, sql), 0);
}

static void test_prepared_elsewhere(void **state)
{
	NEEDS_SERVER();
	assert_int_equal(insert(db, 1), ERR_OK);
	assert_int_equal(db_run(db, "deallocate all", NULL, 0, NULL), ERR_OK);
	assert_int_equal(insert(db, 2), ERR_BUSY);
	assert_int_equal(insert(db, 2), ERR_OK);
}

static void test_durable(void **state)
{
	struct db *d;
	struct db_rows rows;

	NEEDS_SERVER();
	assert_int_equal(
	    db_run(other, "alter role portico set synchronous_commit = off",
		NULL, 0, NULL),
	    ERR_OK);
	d = db_open(uri);
	assert_int_equal(
	    db_query(d, m, "show synchronous_commit", NULL, 0, &rows), ERR_OK);
	assert_string_equal(db_cell_text(&rows, 0, 0), "on");
	db_close(d);
	assert_int_equal(
	    db_run(other, "alter role portico reset synchronous_commit", NULL,
		0, NULL),
	    ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lost_while_idle),
	    TEST(test_lost_within_a_statement),
	    TEST(test_lost_within_a_transaction),
	    TEST(test_lost_with_a_lock),
	    TEST(test_no_answer),
	    TEST(test_nobody_there),
	    TEST(test_too_slow),
	    TEST(test_types_by_value),
	    TEST(test_text_that_is_none),
	    TEST(test_numbers),
	    TEST(test_commit_after_a_failure),
	    TEST(test_changed_schema),
	    TEST(test_prepared_elsewhere),
	    TEST(test_durable),
	};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
