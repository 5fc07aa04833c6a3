/* test_lease.c: one at a time, over processes, and never for ever. */
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
#include "domain/lease.h"
#include "tools/db.h"
#include "store.h"

enum { TTL = 60, PROCESSES = 4, TURNS = 25, PATIENCE_MS = 60000 };

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

static enum err take(const char *brand, const char *name, struct lease *out)
{
	return lease_take(db, m, brand, name, TTL, 0, out);
}

static void test_one_at_a_time(void **state)
{
	struct lease a, b, c;

	(void)state;
	assert_int_equal(take("acme", "x", &a), ERR_OK);
	assert_int_equal(take("acme", "x", &b), ERR_CONFLICT);
	assert_int_equal(take("acme", "y", &c), ERR_OK);
	assert_int_equal(take("other", "x", &c), ERR_OK);
	lease_give(db, &b); /* never had it */
	assert_int_equal(take("acme", "x", &b), ERR_CONFLICT);
	lease_give(db, &a);
	assert_int_equal(take("acme", "x", &b), ERR_OK);
}

static void test_ends_by_itself(void **state)
{
	struct lease a, b;

	(void)state;
	assert_int_equal(take("acme", "x", &a), ERR_OK);
	assert_int_equal(
	    db_run(db, "update lease set until = until - 61", NULL, 0, NULL),
	    ERR_OK);
	assert_int_equal(take("acme", "x", &b), ERR_OK);
	lease_give(db, &a); /* not his any more */
	assert_int_equal(take("acme", "x", &a), ERR_CONFLICT);
}

static void add_one(void)
{
	struct db_value value;
	struct db_rows rows;
	struct lease lease;

	if (lease_take(db, m, "acme", "n", TTL, PATIENCE_MS, &lease) ||
	    db_query(db, m, "select value from secret where name = 'n'", NULL,
		0, &rows))
		_exit(1);
	value = db_text(mem_print(
	    m, "%ld", strtol(db_cell_text(&rows, 0, 0), NULL, 10) + 1));
	if (db_run(db, "update secret set value = $1 where name = 'n'", &value,
		1, NULL))
		_exit(1);
	lease_give(db, &lease);
}

static void test_processes(void **state)
{
	char folder[] = "/tmp/portico-lease-XXXXXX";
	const char *path, *uri;
	struct db_rows rows;
	pid_t pids[PROCESSES];
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	path = mem_print(m, "%s/a.db", folder);
	uri = store_at(m, path);
	db_close(db);
	db = db_open(uri);
	assert_int_equal(db_migrate(db, SOURCE_DIR "/conf/schema"), ERR_OK);
	assert_int_equal(
	    db_run(db, "insert into secret (name, value) values ('n', '0')",
		NULL, 0, NULL),
	    ERR_OK);
	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p])
			continue;
		db = db_open(uri);
		for (int i = 0; i < TURNS; i++)
			add_one();
		_exit(0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(
	    db_query(db, m, "select value from secret where name = 'n'", NULL,
		0, &rows),
	    ERR_OK);
	assert_int_equal(
	    strtol(db_cell_text(&rows, 0, 0), NULL, 10), PROCESSES * TURNS);
	for (const char *const *s =
		 (const char *const[]){"", "-wal", "-shm", NULL};
	     *s; s++)
		unlink(mem_print(m, "%s%s", path, *s));
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_one_at_a_time, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_ends_by_itself, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_processes, open_all, close_all),
	};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
