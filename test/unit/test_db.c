/* test_db.c: the store: values, errors, transactions, migrations. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store.h"
#include "tools/db.h"

static struct mem *m;
static struct db *db;
static char folder[64];

/* What was written to standard error since hear_log(). */
static FILE *heard;
static int real_stderr;

static void hear_log(void)
{
	heard = tmpfile();
	assert_non_null(heard);
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(heard), STDERR_FILENO);
}

static const char *heard_log(void)
{
	static char text[8192];
	size_t len;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(heard);
	len = fread(text, 1, sizeof(text) - 1, heard);
	text[len] = '\0';
	fclose(heard);
	return text;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* SQLite's words, or PostgreSQL's. */
static const char *word(const char *sqlite, const char *pg)
{
	return store_is_pg() ? pg : sqlite;
}

static void assert_one_line_with(const char *log, const char *part)
{
	if (count_lines(log) != 1 || !strcasestr(log, part))
		fail_msg("expected one line with \"%s\", got: %s", part, log);
}

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	strcpy(folder, "/tmp/test_db.XXXXXX");
	assert_non_null(mkdtemp(folder));
	db = db_open(store_new(m));
	assert_non_null(db);
	assert_int_equal(
	    db_run(db, "create table t (id bigint primary key, a text, b text)",
		NULL, 0, NULL),
	    ERR_OK);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(db);
	assert_int_equal(system(mem_print(m, "rm -r '%s'", folder)), 0);
	mem_close(m);
	return 0;
}

static enum err insert(struct db *d, int64_t id, const char *a)
{
	const struct db_value values[] = {db_int(id), db_text(a)};

	return db_run(
	    d, "insert into t (id, a) values ($1, $2)", values, 2, NULL);
}

static int64_t ask_int(struct db *d, const char *sql)
{
	struct db_rows rows;

	assert_int_equal(db_query(d, m, sql, NULL, 0, &rows), ERR_OK);
	assert_int_equal(rows.rows, 1);
	return db_cell_int(&rows, 0, 0);
}

static const char *ask_text(struct db *d, const char *sql)
{
	struct db_rows rows;

	assert_int_equal(db_query(d, m, sql, NULL, 0, &rows), ERR_OK);
	assert_int_equal(rows.rows, 1);
	return db_cell_text(&rows, 0, 0);
}

static const char *file_uri(const char *name)
{
	return store_at(m, mem_print(m, "%s/%s", folder, name));
}

static struct db *open_file(const char *name)
{
	struct db *d = db_open(file_uri(name));

	assert_non_null(d);
	return d;
}

static const char *write_file(
    const char *dir, const char *name, const char *text)
{
	const char *path = mem_print(m, "%s/%s/%s", folder, dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *make_dir(const char *name)
{
	const char *path = mem_print(m, "%s/%s", folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	return path;
}

/* --- Values and statements ---------------------------------------------- */

static void test_values(void **state)
{
	const char nul[] = "a\0b";
	const struct db_value values[] = {db_int(INT64_MIN), db_text("Zoë <b>"),
	    db_text(NULL), db_text(""), db_blob(nul, 3), db_blob(NULL, 0)};
	struct db_rows rows;

	(void)state;
	assert_int_equal(
	    db_query(db, m, "select $1, $2, $3, $4, $5, $6", values, 6, &rows),
	    ERR_OK);
	assert_int_equal(rows.rows, 1);
	assert_int_equal(rows.cols, 6);
	assert_true(db_cell_int(&rows, 0, 0) == INT64_MIN);
	assert_string_equal(db_cell_text(&rows, 0, 1), "Zoë <b>");
	assert_int_equal(rows.cells[2].type, DB_NULL);
	assert_null(db_cell_text(&rows, 0, 2));
	assert_int_equal(db_cell_int(&rows, 0, 2), 0);
	assert_int_equal(rows.cells[3].type, DB_TEXT);
	assert_string_equal(db_cell_text(&rows, 0, 3), "");
	assert_int_equal(rows.cells[4].type, DB_BLOB);
	assert_int_equal(rows.cells[4].len, 3);
	assert_memory_equal(rows.cells[4].data, nul, 3);
	assert_int_equal(rows.cells[5].type, DB_BLOB);
	assert_int_equal(rows.cells[5].len, 0);
	/* Outside of the table there is nothing. */
	assert_null(db_cell_text(&rows, 1, 0));
	assert_int_equal(db_cell_int(&rows, 0, 6), 0);
}

/* SQLite alone would number $2 first here. */
static void test_parameters_by_name(void **state)
{
	const struct db_value values[] = {db_text("one"), db_text("two")};
	struct db_rows rows;

	(void)state;
	assert_int_equal(
	    db_query(db, m, "select $2, $1, $2", values, 2, &rows), ERR_OK);
	assert_string_equal(db_cell_text(&rows, 0, 0), "two");
	assert_string_equal(db_cell_text(&rows, 0, 1), "one");
	assert_string_equal(db_cell_text(&rows, 0, 2), "two");
}

static void test_ten_parameters(void **state)
{
	struct db_value values[11];
	struct db_rows rows;

	(void)state;
	for (int i = 0; i < 11; i++)
		values[i] = db_int(i + 1);
	assert_int_equal(
	    db_query(db, m,
		"select $11, $10, $1, $2, $3, $4, $5, $6, $7, $8, $9", values,
		11, &rows),
	    ERR_OK);
	assert_int_equal(db_cell_int(&rows, 0, 0), 11);
	assert_int_equal(db_cell_int(&rows, 0, 1), 10);
	assert_int_equal(db_cell_int(&rows, 0, 2), 1);
}

static void test_wrong_number_of_values(void **state)
{
	const struct db_value values[] = {db_int(1), db_int(2), db_int(3)};
	struct db_rows rows;

	(void)state;
	hear_log();
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(
		    db_query(db, m, "select $1, $2", values, n, &rows),
		    n == 2 ? ERR_OK : ERR_INTERNAL);
	assert_int_equal(
	    db_query(db, m, "select $1, $3", values, 2, &rows), ERR_INTERNAL);
	assert_int_equal(
	    db_query(db, m, "select ?", values, 1, &rows), ERR_INTERNAL);
	assert_int_equal(rows.rows, 0);
	assert_int_equal(count_lines(heard_log()), 5);
}

static void test_values_are_not_sql(void **state)
{
	const char *evil = "'); drop table t; --";

	(void)state;
	assert_int_equal(insert(db, 1, evil), ERR_OK);
	assert_string_equal(ask_text(db, "select a from t"), evil);
}

static void test_changed(void **state)
{
	int64_t changed = -1;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(insert(db, i, "x"), ERR_OK);
	assert_int_equal(
	    db_run(db, "update t set a = 'y' where id < 3", NULL, 0, &changed),
	    ERR_OK);
	assert_int_equal(changed, 3);
	assert_int_equal(
	    db_run(db, "update t set a = 'z' where id > 9", NULL, 0, &changed),
	    ERR_OK);
	assert_int_equal(changed, 0);
	assert_int_equal(
	    db_run(db, "delete from t where id = 1", NULL, 0, &changed),
	    ERR_OK);
	assert_int_equal(changed, 1);
	assert_int_equal(
	    db_run(db, "create table u (id bigint)", NULL, 0, &changed),
	    ERR_OK);
	assert_int_equal(changed, 0);
}

/* Values of one use do not linger into the next, after a failure neither. */
static void test_statement_is_used_again(void **state)
{
	static const char sql[] = "insert into t (id, a) values ($1, $2)";
	const struct db_value first[] = {db_int(1), db_text("x")};
	const struct db_value second[] = {db_int(2), db_text(NULL)};

	(void)state;
	assert_int_equal(db_run(db, sql, first, 2, NULL), ERR_OK);
	assert_int_equal(db_run(db, sql, first, 2, NULL), ERR_CONFLICT);
	assert_int_equal(db_run(db, sql, second, 2, NULL), ERR_OK);
	assert_int_equal(ask_int(db, "select id from t where a is null"), 2);
}

/* A text that is no literal: another one at the same address. */
static void test_same_address_other_text(void **state)
{
	char sql[64] = "select 1";

	(void)state;
	assert_int_equal(ask_int(db, sql), 1);
	strcpy(sql, "select 2");
	assert_int_equal(ask_int(db, sql), 2);
	strcpy(sql, "selec 3");
	hear_log();
	assert_int_equal(db_run(db, sql, NULL, 0, NULL), ERR_INTERNAL);
	assert_one_line_with(heard_log(), "syntax");
	strcpy(sql, "select 2");
	assert_int_equal(ask_int(db, sql), 2);
}

static void test_many_statements(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++)
			assert_int_equal(
			    ask_int(db, mem_print(m, "select %d", i)), i);
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
}

static void test_rows(void **state)
{
	struct db_rows rows;

	(void)state;
	assert_int_equal(
	    db_query(db, m, "select id, a from t", NULL, 0, &rows), ERR_OK);
	assert_int_equal(rows.rows, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    insert(db, i, mem_print(m, "name %d", i)), ERR_OK);
	assert_int_equal(db_query(db, m, "select id, a from t order by id desc",
			     NULL, 0, &rows),
	    ERR_OK);
	assert_int_equal(rows.rows, 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(db_cell_int(&rows, i, 0), 99 - i);
		assert_string_equal(db_cell_text(&rows, i, 1),
		    mem_print(m, "name %zu", 99 - i));
	}
}

static void test_too_many_rows(void **state)
{
	struct db_rows rows;

	(void)state;
	hear_log();
	assert_int_equal(
	    db_query(db, m,
		"with recursive n(i) as (select 1 union all select i + 1 "
		"from n where i < 100001) select i from n",
		NULL, 0, &rows),
	    ERR_OK);
	assert_one_line_with(heard_log(), "more than 100000 rows");
	assert_int_equal(rows.rows, DB_ROWS_MAX);
	/* The statement let go of its read lock. */
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
}

static void test_digits_as_text(void **state)
{
	(void)state;
	assert_int_equal(ask_int(db, "select '-42'"), -42);
	assert_string_equal(ask_text(db, "select 1.5"), "1.5");
}

/* --- Errors ------------------------------------------------------------- */

static void test_conflict_is_an_answer(void **state)
{
	(void)state;
	assert_int_equal(
	    db_run(db, "create unique index t_a on t (a)", NULL, 0, NULL),
	    ERR_OK);
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
	hear_log();
	assert_int_equal(insert(db, 1, "y"), ERR_CONFLICT);
	assert_int_equal(insert(db, 2, "x"), ERR_CONFLICT);
	assert_string_equal(heard_log(), "");
	assert_int_equal(insert(db, 2, "y"), ERR_OK);
}

static void test_other_constraints_are_mistakes(void **state)
{
	const char *log;

	(void)state;
	assert_int_equal(
	    db_run(db,
		"create table child (id bigint not null references t (id))",
		NULL, 0, NULL),
	    ERR_OK);
	hear_log();
	assert_int_equal(
	    db_run(db, "insert into child (id) values (9)", NULL, 0, NULL),
	    ERR_INTERNAL);
	assert_int_equal(
	    db_run(db, "insert into child (id) values (null)", NULL, 0, NULL),
	    ERR_INTERNAL);
	log = heard_log();
	assert_int_equal(count_lines(log), 2);
	assert_non_null(strcasestr(log, "FOREIGN KEY"));
	assert_non_null(strcasestr(log, word("NOT NULL", "not-null")));
}

static void test_bad_sql(void **state)
{
	static const char *const bad[] = {"select from where",
	    "select a from nowhere", "select \"text\"", "",
	    "delete from t; delete from t"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		hear_log();
		assert_int_equal(
		    db_run(db, bad[i], NULL, 0, NULL), ERR_INTERNAL);
		assert_one_line_with(heard_log(), "db.failed");
	}
}

static void assert_insert_is_busy(struct db *d, int id, const char *part)
{
	hear_log();
	assert_int_equal(insert(d, id, "x"), ERR_BUSY);
	assert_one_line_with(heard_log(), part);
}

/* Patience that the test does not need. */
static void hurry(struct db *d)
{
	if (store_is_pg())
		assert_int_equal(
		    db_run(d, "set lock_timeout = 1", NULL, 0, NULL), ERR_OK);
	else
		assert_int_equal(ask_int(d, "pragma busy_timeout = 1"), 1);
}

static void test_locked(void **state)
{
	struct db *a = open_file("lock.db"), *b = open_file("lock.db");

	(void)state;
	assert_int_equal(
	    db_run(a, "create table t (id bigint primary key, a text)", NULL, 0,
		NULL),
	    ERR_OK);
	hurry(b);
	assert_int_equal(db_begin(a), ERR_OK);
	assert_int_equal(insert(a, 1, "x"), ERR_OK);
	assert_insert_is_busy(b, 1, word("locked", "lock timeout"));
	hear_log();
	assert_int_equal(db_begin(b), ERR_BUSY);
	assert_one_line_with(heard_log(), word("locked", "lock timeout"));
	/* WAL: who reads does not wait, and sees what is committed. */
	assert_int_equal(ask_int(b, "select count(*) from t"), 0);
	assert_int_equal(db_commit(a), ERR_OK);
	assert_int_equal(ask_int(b, "select count(*) from t"), 1);
	assert_int_equal(insert(b, 2, "x"), ERR_OK);
	db_close(a);
	db_close(b);
}

/* A server that may only be read is left for another one. */
static void test_read_only(void **state)
{
	(void)state;
	if (!store_is_pg())
		skip();
	assert_int_equal(
	    db_run(db, "set default_transaction_read_only = on", NULL, 0, NULL),
	    ERR_OK);
	assert_insert_is_busy(db, 1, "read-only");
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
}

static void test_read_only_and_full(void **state)
{
	(void)state;
	if (store_is_pg())
		skip();
	assert_int_equal(
	    db_run(db, "pragma query_only = on", NULL, 0, NULL), ERR_OK);
	assert_insert_is_busy(db, 77, "readonly");
	assert_int_equal(
	    db_run(db, "pragma query_only = off", NULL, 0, NULL), ERR_OK);
	assert_true(ask_int(db, "pragma max_page_count = 4") > 0);
	hear_log();
	assert_int_equal(
	    db_run(db,
		"insert into t (id, a) values (1, hex(zeroblob(100000)))", NULL,
		0, NULL),
	    ERR_BUSY);
	assert_one_line_with(heard_log(), "full");
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
}

/* --- Opening ------------------------------------------------------------ */

static void test_settings(void **state)
{
	struct db *d;
	struct stat st;

	(void)state;
	if (store_is_pg())
		skip();
	d = open_file("new.db");
	assert_string_equal(ask_text(d, "pragma journal_mode"), "wal");
	assert_int_equal(ask_int(d, "pragma busy_timeout"), 2000);
	assert_int_equal(ask_int(d, "pragma foreign_keys"), 1);
	assert_int_equal(ask_int(d, "pragma synchronous"), 2);
	assert_int_equal(ask_int(d, "pragma trusted_schema"), 0);
	assert_int_equal(stat(file_uri("new.db") + 7, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	db_close(d);
}

static void test_refused_uris(void **state)
{
	const char *text = write_file(".", "text", "This is no database.\n");
	const struct {
		const char *uri, *word;
	} bad[] = {
	    {"postgresql://u:secret@[h/d", "no URI of PostgreSQL"},
	    {"postgresql://u:%zzsecret@h/d", "no URI of PostgreSQL"},
	    {"postgresql://u:secret@h/d?what=1", "no URI of PostgreSQL"},
	    {"postgres://u:secret@h/d", "write postgresql:"},
	    {"mysql://u:secret@h/d", "neither sqlite:"},
	    {"", "neither sqlite:"},
	    {"sqlite:", "absolute"},
	    {"sqlite:here.db", "absolute"},
	    {"sqlite:/nowhere/at/all.db", "unable to open"},
	    {mem_print(m, "sqlite:%s", text), "not a database"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *log;

		hear_log();
		assert_null(db_open(bad[i].uri));
		log = heard_log();
		assert_one_line_with(log, bad[i].word);
		assert_null(strstr(log, "secret"));
	}
	db_close(NULL);
}

/* --- A store that goes away --------------------------------------------- */

static void test_no_store_is_made(void **state)
{
	struct db *d;

	(void)state;
	if (store_is_pg())
		skip();
	hear_log();
	assert_null(db_open_existing(file_uri("lost.db")));
	assert_one_line_with(heard_log(), "is not there");
	assert_int_equal(access(mem_print(m, "%s/lost.db", folder), F_OK), -1);
	db_close(open_file("found.db"));
	d = db_open_existing(file_uri("found.db"));
	assert_non_null(d);
	assert_true(db_is_current(d));
	db_close(d);
	d = db_open_existing("sqlite::memory:");
	assert_non_null(d);
	assert_true(db_is_current(d));
	db_close(d);
}

static void test_replaced_store(void **state)
{
	const char *at = mem_print(m, "%s/a.db", folder);
	struct db *d;

	(void)state;
	if (store_is_pg())
		skip();
	d = open_file("a.db");
	db_close(open_file("b.db"));
	assert_true(db_is_current(d));
	assert_int_equal(rename(at, mem_print(m, "%s/aside", folder)), 0);
	assert_false(db_is_current(d));
	assert_int_equal(rename(mem_print(m, "%s/b.db", folder), at), 0);
	assert_false(db_is_current(d));
	db_close(d);
}

static void test_damaged_store(void **state)
{
	struct db *d;
	char junk[4096];
	FILE *file;

	(void)state;
	if (store_is_pg())
		skip();
	d = open_file("bad.db");
	assert_int_equal(
	    db_run(d, "create table t (a text)", NULL, 0, NULL), ERR_OK);
	db_close(d);
	d = open_file("bad.db");
	memset(junk, 0xa5, sizeof(junk));
	file = fopen(mem_print(m, "%s/bad.db", folder), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
	assert_int_equal(fwrite(junk, sizeof(junk), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	hear_log();
	assert_int_equal(
	    db_run(d, "insert into t values ('x')", NULL, 0, NULL), ERR_BUSY);
	assert_one_line_with(heard_log(), "db.failed");
	assert_false(db_is_current(d));
	db_close(d);
}

static void test_shared(void **state)
{
	const char *one = file_uri("one"), *two = file_uri("two");
	struct db *own = db_open(one), *a, *b, *c;

	(void)state;
	if (!store_is_pg())
		assert_null(db_share(two));
	db_close(db_open(two));
	a = db_share(one);
	b = db_share(one);
	c = db_share(two);
	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_ptr_not_equal(a, own);
	db_close(own);
	db_close(a);
	assert_int_equal(ask_int(b, "select 1"), 1);
	db_close(c);
	db_close(b);
	a = db_share(one);
	assert_int_equal(ask_int(a, "select 2"), 2);
	db_close(a);
}

/* --- Transactions ------------------------------------------------------- */

static void test_transactions(void **state)
{
	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
	db_rollback(db);
	assert_int_equal(ask_int(db, "select count(*) from t"), 0);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(insert(db, 1, "x"), ERR_OK);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from t"), 1);
	hear_log();
	db_rollback(db);
	assert_string_equal(heard_log(), "");
}

static void test_failed_commit_rolls_back(void **state)
{
	(void)state;
	assert_int_equal(db_run(db,
			     "create table late (id bigint references t (id) "
			     "deferrable initially deferred)",
			     NULL, 0, NULL),
	    ERR_OK);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(
	    db_run(db, "insert into late (id) values (9)", NULL, 0, NULL),
	    ERR_OK);
	hear_log();
	assert_int_equal(db_commit(db), ERR_INTERNAL);
	assert_one_line_with(heard_log(), "FOREIGN KEY");
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from late"), 0);
	db_rollback(db);
}

/* --- Migrations --------------------------------------------------------- */

static void fill_migrations(const char *dir)
{
	make_dir(dir);
	/* Written out of order, with what else lies in folders. */
	write_file(dir, "0002-more.sql", "insert into a (id) values (2);\n");
	write_file(dir, "0001-first.sql",
	    "-- two statements\ncreate table a (id bigint primary key);\n"
	    "insert into a (id) values (1);\n");
	write_file(dir, "README", "no SQL\n");
	write_file(dir, ".0001-first.sql", "half-written\n");
	write_file(dir, "0001-first.sql~", "old\n");
}

static const char *dir_path(const char *dir)
{
	return mem_print(m, "%s/%s", folder, dir);
}

static void test_migrate(void **state)
{
	(void)state;
	fill_migrations("sql");
	assert_int_equal(db_migrate(db, dir_path("sql")), ERR_OK);
	assert_int_equal(ask_int(db, "select sum(id) from a"), 3);
	assert_int_equal(db_migrate(db, dir_path("sql")), ERR_OK);
	assert_int_equal(ask_int(db, "select sum(id) from a"), 3);
	write_file("sql", "0003-again.sql", "insert into a (id) values (4)");
	assert_int_equal(db_migrate(db, dir_path("sql")), ERR_OK);
	assert_int_equal(ask_int(db, "select sum(id) from a"), 7);
	assert_int_equal(
	    ask_int(db, "select count(*) from schema_migration"), 3);
	assert_string_equal(
	    ask_text(db, "select name from schema_migration where number = 2"),
	    "0002-more.sql");
	assert_true(ask_int(db, "select min(applied) from schema_migration") >
		    1700000000);
}

static void test_migrate_in_words_of_its_own(void **state)
{
	(void)state;
	fill_migrations("own");
	make_dir("own/postgresql");
	make_dir("own/sqlite");
	write_file("own/postgresql", "0002-more.sql",
	    "insert into a (id) values (20);\n");
	write_file("own/sqlite", "0002-more.sql", "-- nothing to do\n");
	assert_int_equal(db_migrate(db, dir_path("own")), ERR_OK);
	assert_int_equal(
	    ask_int(db, "select sum(id) from a"), store_is_pg() ? 21 : 1);
	assert_int_equal(
	    ask_int(db, "select count(*) from schema_migration"), 2);
}

static void assert_refused(const char *dir, const char *part)
{
	hear_log();
	assert_int_equal(db_migrate(db, dir_path(dir)), ERR_INTERNAL);
	assert_one_line_with(heard_log(), part);
}

static int64_t count_tables(const char *names)
{
	return ask_int(db,
	    store_is_pg()
		? mem_print(m,
		      "select count(*) from pg_tables where "
		      "schemaname = current_schema() and tablename in (%s)",
		      names)
		: mem_print(m,
		      "select count(*) from sqlite_master where name in (%s)",
		      names));
}

static void test_migrate_refuses_folders(void **state)
{
	(void)state;
	assert_refused("none", "No such file");
	make_dir("empty");
	assert_refused("empty", "no migration");
	fill_migrations("gap");
	write_file("gap", "0004-x.sql", "select 1");
	assert_refused("gap", "0003 is missing");
	fill_migrations("twice");
	write_file("twice", "0002-x.sql", "select 1");
	assert_refused("twice", "same number");
	fill_migrations("name");
	write_file("name", "3-x.sql", "select 1");
	assert_refused("name", "NNNN-name.sql");
	fill_migrations("zero");
	write_file("zero", "0000-x.sql", "select 1");
	assert_refused("zero", "NNNN-name.sql");
	/* None of them touched the store. */
	assert_int_equal(count_tables("'a'"), 0);
}

static void test_migrate_newer_database(void **state)
{
	(void)state;
	fill_migrations("newer");
	write_file("newer", "0003-x.sql", "create table x (id bigint);");
	assert_int_equal(db_migrate(db, dir_path("newer")), ERR_OK);
	assert_int_equal(
	    remove(mem_print(m, "%s/newer/0003-x.sql", folder)), 0);
	assert_refused("newer", "needs a newer portico");
}

static void test_migrate_is_all_or_nothing(void **state)
{
	(void)state;
	fill_migrations("broken");
	write_file("broken", "0003-x.sql",
	    "create table x (id bigint); insert into nowhere values (1);");
	write_file("broken", "0004-y.sql", "create table y (id bigint);");
	hear_log();
	assert_int_equal(db_migrate(db, dir_path("broken")), ERR_INTERNAL);
	assert_non_null(strstr(heard_log(), "0003-x.sql"));
	assert_int_equal(
	    ask_int(db, "select max(number) from schema_migration"), 2);
	assert_int_equal(count_tables("'x', 'y'"), 0);
	/* Mended, it goes on. */
	write_file("broken", "0003-x.sql", "create table x (id bigint);");
	assert_int_equal(db_migrate(db, dir_path("broken")), ERR_OK);
	assert_int_equal(
	    ask_int(db, "select max(number) from schema_migration"), 4);
}

static void test_migrate_script_may_not_commit(void **state)
{
	(void)state;
	fill_migrations("commit");
	write_file("commit", "0003-x.sql", "commit;");
	hear_log();
	assert_int_equal(db_migrate(db, dir_path("commit")), ERR_INTERNAL);
	assert_non_null(strstr(heard_log(), "ends its transaction"));
}

static void test_migrate_conflict_is_logged(void **state)
{
	(void)state;
	fill_migrations("conflict");
	write_file("conflict", "0003-x.sql", "insert into a values (1);");
	hear_log();
	assert_int_equal(db_migrate(db, dir_path("conflict")), ERR_INTERNAL);
	assert_non_null(strstr(heard_log(), "UNIQUE"));
}

enum { PROCESSES = 8 };

/* Runs `work` in several processes at the same moment: each waits at the
 * pipe until it is closed. Answers how many of them were content. */
static int run_at_once(bool (*work)(const char *uri), const char *uri)
{
	int gate[2], status, good = 0;
	char byte;

	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0)
				_exit(2);
			_exit(work(uri) ? 0 : 1);
		}
	}
	close(gate[0]);
	close(gate[1]);
	while (wait(&status) > 0)
		good += status == 0;
	return good;
}

static bool opens(const char *uri)
{
	return db_open(uri);
}

static bool migrates(const char *uri)
{
	struct db *d = db_open(uri);

	return d && db_migrate(d, dir_path("race")) == ERR_OK;
}

/* Often, because a new file is new only for a moment. */
static void test_open_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    run_at_once(opens, file_uri(mem_print(m, "%d.db", i))),
		    PROCESSES);
}

static void test_migrate_at_once(void **state)
{
	struct db *d;

	(void)state;
	fill_migrations("race");
	assert_int_equal(run_at_once(migrates, file_uri("race.db")), PROCESSES);
	d = open_file("race.db");
	assert_int_equal(ask_int(d, "select sum(id) from a"), 3);
	assert_int_equal(
	    ask_int(d, "select count(*) from schema_migration"), 2);
	db_close(d);
}

static void test_shipped_schema(void **state)
{
	(void)state;
	assert_int_equal(db_migrate(db, SOURCE_DIR "/conf/schema"), ERR_OK);
	assert_int_equal(ask_int(db, "select count(*) from session"), 0);
}

/* --- Locks ---------------------------------------------------------------- */

enum { PATIENCE_MS = 60000 };

/* A server takes a moment to see that somebody left. */
static int64_t handover_ms(void)
{
	return store_is_pg() ? PATIENCE_MS : 0;
}

static void test_lock(void **state)
{
	struct db *a = open_file("locks"), *b = open_file("locks");

	(void)state;
	assert_int_equal(db_lock(a, "x", 0), ERR_OK);
	assert_int_equal(db_lock(b, "x", 0), ERR_CONFLICT);
	assert_int_equal(db_lock(b, "x", 30), ERR_CONFLICT);
	assert_int_equal(db_lock(b, "y", 0), ERR_OK);
	assert_int_equal(db_lock(a, "y", 0), ERR_CONFLICT);
	/* Who never had it does not free it. */
	db_unlock(b, "x");
	assert_int_equal(db_lock(b, "x", 0), ERR_CONFLICT);
	db_unlock(a, "x");
	assert_int_equal(db_lock(b, "x", 0), ERR_OK);
	/* Twice is once. */
	assert_int_equal(db_lock(b, "x", 0), ERR_OK);
	db_unlock(b, "x");
	assert_int_equal(db_lock(a, "x", 0), ERR_OK);
	/* A transaction has nothing to do with it. */
	assert_int_equal(db_begin(a), ERR_OK);
	db_rollback(a);
	assert_int_equal(db_lock(b, "x", 0), ERR_CONFLICT);
	/* It ends with its handle. */
	db_close(a);
	assert_int_equal(db_lock(b, "x", handover_ms()), ERR_OK);
	db_close(b);
}

static void test_lock_in_memory(void **state)
{
	(void)state;
	assert_int_equal(db_lock(db, "x", 0), ERR_OK);
	assert_int_equal(db_lock(db, "x", 0), ERR_OK);
	db_unlock(db, "x");
}

/* A child that has the lock, says so, and keeps it until the pipe closes. */
static pid_t hold_lock(int *out)
{
	int said[2], gate[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(gate), 0);
	child = fork();
	if (child == 0) {
		struct db *d = db_open(file_uri("locks"));

		close(gate[1]);
		if (!d || db_lock(d, "x", 0) || write(said[1], "1", 1) != 1)
			_exit(1);
		byte = (char)read(gate[0], &byte, 1);
		db_unlock(d, "x");
		/* Still there: it is the unlocking that counts. */
		pause();
	}
	close(gate[0]);
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	*out = gate[1];
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_lock_of_another_process(void **state)
{
	struct db *d;
	int gate;
	pid_t child = hold_lock(&gate);

	(void)state;
	d = open_file("locks");
	assert_int_equal(db_lock(d, "x", 0), ERR_CONFLICT);
	assert_int_equal(db_lock(d, "y", 0), ERR_OK);
	close(gate);
	assert_int_equal(db_lock(d, "x", PATIENCE_MS), ERR_OK);
	end_child(child);
	db_close(d);
}

static void test_lock_ends_with_its_holder(void **state)
{
	struct db *d;
	int gate;
	pid_t child = hold_lock(&gate);

	(void)state;
	d = open_file("locks");
	assert_int_equal(db_lock(d, "x", 0), ERR_CONFLICT);
	/* Stopped is not dead: a slow holder is never overtaken. */
	kill(child, SIGSTOP);
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	assert_int_equal(db_lock(d, "x", 50), ERR_CONFLICT);
	end_child(child);
	assert_int_equal(db_lock(d, "x", handover_ms()), ERR_OK);
	close(gate);
	db_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_values),
	    TEST(test_parameters_by_name),
	    TEST(test_ten_parameters),
	    TEST(test_wrong_number_of_values),
	    TEST(test_values_are_not_sql),
	    TEST(test_changed),
	    TEST(test_statement_is_used_again),
	    TEST(test_same_address_other_text),
	    TEST(test_many_statements),
	    TEST(test_rows),
	    TEST(test_too_many_rows),
	    TEST(test_digits_as_text),
	    TEST(test_conflict_is_an_answer),
	    TEST(test_other_constraints_are_mistakes),
	    TEST(test_bad_sql),
	    TEST(test_locked),
	    TEST(test_read_only),
	    TEST(test_read_only_and_full),
	    TEST(test_settings),
	    TEST(test_refused_uris),
	    TEST(test_no_store_is_made),
	    TEST(test_replaced_store),
	    TEST(test_damaged_store),
	    TEST(test_shared),
	    TEST(test_transactions),
	    TEST(test_failed_commit_rolls_back),
	    TEST(test_migrate),
	    TEST(test_migrate_in_words_of_its_own),
	    TEST(test_migrate_refuses_folders),
	    TEST(test_migrate_newer_database),
	    TEST(test_migrate_is_all_or_nothing),
	    TEST(test_migrate_script_may_not_commit),
	    TEST(test_migrate_conflict_is_logged),
	    TEST(test_open_at_once),
	    TEST(test_migrate_at_once),
	    TEST(test_shipped_schema),
	    TEST(test_lock),
	    TEST(test_lock_in_memory),
	    TEST(test_lock_of_another_process),
	    TEST(test_lock_ends_with_its_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
