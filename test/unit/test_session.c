/* test_session.c: sessions, CSRF tokens and the store's secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/session.h"
#include "tools/crypto.h"
#include "tools/db.h"
#include "store.h"

enum { NOW = 1800000000, LIFE = 12 * 3600, IDLE = 1800 };

static struct mem *m;
static struct session_origin here = {
    .address = "192.0.2.1", .agent = "Mozilla/5.0"};
static struct db *db;
static struct session s, found;
static char *token;

static enum err begin(const char *brand, enum session_kind kind, int64_t client)
{
	return session_begin(
	    db, m, brand, kind, client, "heron", LIFE, NOW, &here, &s, &token);
}

static enum err find_at(int64_t now)
{
	return session_find(
	    db, m, "acme", SESSION_COOKIE, token, IDLE, now, &found);
}

static int64_t ask_int(const char *sql)
{
	struct db_rows rows;

	assert_int_equal(db_query(db, m, sql, NULL, 0, &rows), ERR_OK);
	return db_cell_int(&rows, 0, 0);
}

/* Each test begins with client 1001 logged in at "acme", at NOW. */
static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	db = db_open(store_new(m));
	assert_non_null(db);
	assert_int_equal(db_migrate(db, SOURCE_DIR "/conf/schema"), ERR_OK);
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(db);
	mem_close(m);
	return 0;
}

static void test_begin_and_find(void **state)
{
	(void)state;
	assert_int_equal(strlen(token), SESSION_TOKEN_LEN);
	assert_int_equal(find_at(NOW + 10), ERR_OK);
	assert_string_equal(found.token_hash, s.token_hash);
	assert_int_equal(found.kind, SESSION_COOKIE);
	assert_int_equal(found.client_id, 1001);
	assert_string_equal(found.login, "heron");
	assert_int_equal(found.created, NOW);
	assert_int_equal(found.seen, NOW);
	assert_int_equal(found.expires, NOW + LIFE);
	assert_int_equal(json_count(found.kept), 0);
}

static void test_store_holds_no_token(void **state)
{
	struct db_rows rows;
	char hash[SESSION_HASH];

	(void)state;
	crypto_sha256_hex(token, strlen(token), hash);
	assert_int_equal(
	    db_query(db, m, "select * from session", NULL, 0, &rows), ERR_OK);
	assert_int_equal(rows.rows, 1);
	assert_string_equal(db_cell_text(&rows, 0, 0), hash);
	for (size_t i = 0; i < rows.cols; i++)
		if (db_cell_text(&rows, 0, i))
			assert_null(strstr(db_cell_text(&rows, 0, i), token));
}

static void test_tokens_differ(void **state)
{
	const char *first = token;

	(void)state;
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_string_not_equal(first, token);
}

static void test_other_brand_or_kind(void **state)
{
	(void)state;
	assert_int_equal(session_find(db, m, "other", SESSION_COOKIE, token,
			     IDLE, NOW, &found),
	    ERR_LOGIN);
	assert_int_equal(session_find(db, m, "acme", SESSION_BEARER, token,
			     IDLE, NOW, &found),
	    ERR_LOGIN);
	assert_int_equal(begin("acme", SESSION_BEARER, 1001), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_LOGIN);
	assert_int_equal(session_find(db, m, "acme", SESSION_BEARER, token,
			     IDLE, NOW, &found),
	    ERR_OK);
}

/* Refused before the store is asked: here it has no table to ask. */
static void test_odd_tokens(void **state)
{
	const char *good = token;
	char *odd[] = {NULL, mem_text(m, ""), mem_text_n(m, good, 42),
	    mem_print(m, "%sA", good), mem_text(m, good), mem_text(m, good),
	    mem_text(m, good), mem_print(m, "%s\n", good),
	    mem_text(m, "' or 1 = 1 --")};

	(void)state;
	odd[4][42] = '+';
	odd[5][0] = ' ';
	odd[6][20] = '\0';
	assert_int_equal(
	    db_run(db, "drop table session", NULL, 0, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		token = odd[i];
		assert_int_equal(find_at(NOW), ERR_LOGIN);
	}
	token = mem_text(m, good);
	assert_int_equal(find_at(NOW), ERR_INTERNAL);
}

static void test_unknown_token(void **state)
{
	(void)state;
	token = crypto_token(m, 32);
	assert_int_equal(find_at(NOW), ERR_LOGIN);
}

static void test_expires(void **state)
{
	(void)state;
	for (int64_t at = NOW; at < NOW + LIFE; at += IDLE)
		assert_int_equal(find_at(at), ERR_OK);
	assert_int_equal(find_at(NOW + LIFE - 1), ERR_OK);
	assert_int_equal(find_at(NOW + LIFE), ERR_LOGIN);
}

static void test_idle(void **state)
{
	(void)state;
	assert_int_equal(find_at(NOW + IDLE), ERR_OK);
	assert_int_equal(find_at(NOW + 2 * IDLE), ERR_OK);
	assert_int_equal(find_at(NOW + 3 * IDLE + 1), ERR_LOGIN);
	assert_int_equal(session_find(db, m, "acme", SESSION_COOKIE, token, 0,
			     NOW + LIFE - 1, &found),
	    ERR_OK);
}

static void test_short_idle_is_kept_alive(void **state)
{
	(void)state;
	for (int i = 1; i <= 20; i++)
		assert_int_equal(session_find(db, m, "acme", SESSION_COOKIE,
				     token, 30, NOW + i * 10, &found),
		    ERR_OK);
	assert_int_equal(session_find(db, m, "acme", SESSION_COOKIE, token, 30,
			     NOW + 200 + 31, &found),
	    ERR_LOGIN);
}

static void test_seen_once_a_minute(void **state)
{
	(void)state;
	assert_int_equal(find_at(NOW + 60), ERR_OK);
	assert_int_equal(ask_int("select seen from session"), NOW);
	assert_int_equal(find_at(NOW + 61), ERR_OK);
	assert_int_equal(found.seen, NOW + 61);
	assert_int_equal(ask_int("select seen from session"), NOW + 61);
	/* A process with a slower clock takes nothing back. */
	assert_int_equal(find_at(NOW + 5), ERR_OK);
	assert_int_equal(ask_int("select seen from session"), NOW + 61);
}

static void test_found_though_nothing_can_be_written(void **state)
{
	(void)state;
	store_set_read_only(db, true);
	assert_int_equal(find_at(NOW + 100), ERR_OK);
	assert_int_equal(found.client_id, 1001);
	assert_int_equal(found.seen, NOW);
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_BUSY);
	store_set_read_only(db, false);
}

static void test_keep(void **state)
{
	struct json_object *other = json_constant(m, "{\"rate_table\":7}");

	(void)state;
	json_put_text(s.kept, "zone", "Europe/Berlin");
	assert_int_equal(session_keep(db, &s, s.kept), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	assert_string_equal(
	    json_find_text(found.kept, "zone"), "Europe/Berlin");
	assert_int_equal(session_keep(db, &found, other), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	assert_string_equal(json_find_text(found.kept, "rate_table"), "7");
	/* And back to what it was when it was found first. */
	assert_int_equal(session_keep(db, &found, s.kept), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	assert_null(json_find(found.kept, "rate_table"));
}

static void test_keep_writes_only_changes(void **state)
{
	(void)state;
	json_put_int(s.kept, "a", 1);
	assert_int_equal(session_keep(db, &s, s.kept), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	store_set_read_only(db, true);
	assert_int_equal(session_keep(db, &s, s.kept), ERR_OK);
	assert_int_equal(session_keep(db, &found, found.kept), ERR_OK);
	json_put_int(s.kept, "a", 2);
	assert_int_equal(session_keep(db, &s, s.kept), ERR_BUSY);
	store_set_read_only(db, false);
}

static void test_kept_nonsense(void **state)
{
	static const char *const odd[] = {"", "[1]", "null", "{\"a\":"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		const struct db_value value = db_text(odd[i]);

		assert_int_equal(
		    db_run(db, "update session set kept = $1", &value, 1, NULL),
		    ERR_OK);
		assert_int_equal(find_at(NOW), ERR_OK);
		assert_true(json_is(found.kept, JSON_OBJECT));
	}
}

static void test_end(void **state)
{
	char *first = token;

	(void)state;
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(session_end(db, &s), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_LOGIN);
	token = first;
	assert_int_equal(find_at(NOW), ERR_OK);
	/* What ended does not come back. */
	assert_int_equal(session_end(db, &found), ERR_OK);
	json_put_int(found.kept, "a", 1);
	assert_int_equal(session_keep(db, &found, found.kept), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_LOGIN);
}

static void test_end_client(void **state)
{
	struct session mine = s;

	(void)state;
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(begin("acme", SESSION_BEARER, 1001), ERR_OK);
	assert_int_equal(begin("acme", SESSION_COOKIE, 1002), ERR_OK);
	assert_int_equal(begin("other", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(
	    session_end_client(db, "acme", 1001, mine.token_hash), ERR_OK);
	assert_int_equal(ask_int("select count(*) from session"), 3);
	assert_int_equal(ask_int("select count(*) from session "
				 "where brand = 'acme' and client_id = 1001"),
	    1);
	assert_int_equal(session_end_client(db, "acme", 1001, NULL), ERR_OK);
	assert_int_equal(ask_int("select count(*) from session"), 2);
}

/* A log-in that began before and is through after the sessions were ended. */
static void test_end_client_under_way(void **state)
{
	struct session mine;

	(void)state;
	here.began = session_clock();
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	mine = s;
	assert_int_equal(
	    session_end_client(db, "acme", 1001, mine.token_hash), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK); /* the spared one */
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_LOGIN);
	here.began = session_clock() + 1;
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	here.began = 0;
	assert_int_equal(begin("acme", SESSION_COOKIE, 1002), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK); /* somebody else's */
}

/* The clock was an hour ahead when they were ended, and is right again. */
static void test_end_client_by_a_wrong_clock(void **state)
{
	const struct db_value later =
	    db_int(session_clock() + INT64_C(3600000000));

	(void)state;
	assert_int_equal(session_end_client(db, "acme", 1001, NULL), ERR_OK);
	assert_int_equal(
	    db_run(db, "update session_cut set time = $1", &later, 1, NULL),
	    ERR_OK);
	here.began = session_clock();
	assert_int_equal(begin("acme", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(find_at(NOW), ERR_OK);
	here.began = 0;
}

static void test_list(void **state)
{
	struct session_row *rows;
	struct session first = s;
	size_t n;

	(void)state;
	assert_int_equal(begin("acme", SESSION_BEARER, 1001), ERR_OK);
	assert_int_equal(begin("other", SESSION_COOKIE, 1001), ERR_OK);
	assert_int_equal(begin("acme", SESSION_COOKIE, 1002), ERR_OK);
	assert_int_equal(
	    session_list(db, m, "acme", 1001, IDLE, NOW, &rows, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].agent, "Mozilla/5.0");
	assert_string_equal(rows[0].address, "192.0.2.1");
	assert_int_equal(rows[0].kind + rows[1].kind, SESSION_BEARER);
	assert_int_equal(
	    session_list(db, m, "acme", 1001, IDLE, NOW + IDLE + 1, &rows, &n),
	    ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    session_end_one(db, "acme", 1002, first.token_hash), ERR_NOT_FOUND);
	assert_int_equal(session_end_one(db, "other", 1001, first.token_hash),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    session_end_one(db, "acme", 1001, first.token_hash), ERR_OK);
	assert_int_equal(
	    session_end_one(db, "acme", 1001, first.token_hash), ERR_NOT_FOUND);
}

static void test_odd_agent(void **state)
{
	struct session_row *rows;
	size_t n;
	char *long_one = mem_alloc(m, 5001);

	(void)state;
	memset(long_one, 'x', 5000);
	here.agent = long_one;
	assert_int_equal(begin("acme", SESSION_COOKIE, 7), ERR_OK);
	here.agent = "a\r\n\xff\x01z";
	assert_int_equal(begin("acme", SESSION_COOKIE, 8), ERR_OK);
	here.agent = "Mozilla/5.0";
	session_list(db, m, "acme", 7, IDLE, NOW, &rows, &n);
	assert_int_equal(strlen(rows[0].agent), 400);
	session_list(db, m, "acme", 8, IDLE, NOW, &rows, &n);
	assert_string_equal(rows[0].agent, "a????z");
}

static void test_purge(void **state)
{
	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	for (int i = 0; i < SESSION_PURGE_MAX; i++)
		assert_int_equal(begin("acme", SESSION_COOKIE, i), ERR_OK);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_int_equal(session_begin(db, m, "acme", SESSION_COOKIE, 1, "x",
			     LIFE + 1, NOW, &here, &s, &token),
	    ERR_OK);
	assert_int_equal(session_purge(db, NOW + LIFE - 1), ERR_OK);
	assert_int_equal(
	    ask_int("select count(*) from session"), SESSION_PURGE_MAX + 2);
	assert_int_equal(session_purge(db, NOW + LIFE), ERR_OK);
	assert_int_equal(ask_int("select count(*) from session"), 2);
	assert_int_equal(session_purge(db, NOW + LIFE), ERR_OK);
	assert_int_equal(ask_int("select count(*) from session"), 1);
	assert_int_equal(find_at(NOW + 1), ERR_OK);
}

static void test_csrf(void **state)
{
	char *csrf = session_csrf(m, "key", "token"), *other;

	(void)state;
	/* HMAC-SHA-256("key", "csrf:AAAABBBBCCCCDDDD:token"), computed
	 * elsewhere. */
	assert_true(session_csrf_check(m, "key", "token",
	    "AAAABBBBCCCCDDDDd9VevehoZ676u-1VVvyXYAhoR4oKOJuNmafdHjrdnlc"));
	assert_string_not_equal(csrf, session_csrf(m, "key", "token"));
	assert_true(session_csrf_check(m, "key", "token", csrf));
	assert_false(session_csrf_check(m, "yek", "token", csrf));
	assert_false(session_csrf_check(m, "key", "token2", csrf));
	assert_false(session_csrf_check(m, "key", "token", NULL));
	assert_false(session_csrf_check(m, "key", "token", ""));
	other = mem_text(m, csrf);
	other[strlen(other) - 2] ^= 1;
	assert_false(session_csrf_check(m, "key", "token", other));
	assert_false(
	    session_csrf_check(m, "key", "token", mem_print(m, "%sA", csrf)));
}

static void test_secret(void **state)
{
	char a[SESSION_HASH], b[SESSION_HASH], c[SESSION_HASH];

	(void)state;
	assert_int_equal(session_secret(db, m, "csrf", a), ERR_OK);
	assert_int_equal(session_secret(db, m, "csrf", b), ERR_OK);
	assert_int_equal(session_secret(db, m, "link", c), ERR_OK);
	assert_int_equal(strspn(a, "0123456789abcdef"), 64);
	assert_int_equal(strlen(a), 64);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(
	    db_run(db, "update secret set value = 'short'", NULL, 0, NULL),
	    ERR_OK);
	assert_int_equal(session_secret(db, m, "csrf", a), ERR_INTERNAL);
}

/* Several processes ask at once; each waits at the gate until it is closed,
 * and writes down what it got. */
static void test_secret_at_once(void **state)
{
	enum { PROCESSES = 6 };
	char dir[] = "/tmp/test_session.XXXXXX", first[64], next[64], byte;
	int gate[2], answers[2];
	const char *uri;
	struct db *d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	uri = store_at(m, mem_print(m, "%s/secret.db", dir));
	d = db_open(uri);
	assert_int_equal(db_migrate(d, SOURCE_DIR "/conf/schema"), ERR_OK);
	db_close(d);
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(answers), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			char hex[SESSION_HASH];

			close(gate[1]);
			d = db_open(uri);
			if (read(gate[0], &byte, 1) != 0 || !d ||
			    session_secret(d, m, "csrf", hex) != ERR_OK ||
			    write(answers[1], hex, 64) != 64)
				_exit(1);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	close(answers[1]);
	while (wait(NULL) > 0)
		;
	assert_int_equal(read(answers[0], first, 64), 64);
	for (int i = 1; i < PROCESSES; i++) {
		assert_int_equal(read(answers[0], next, 64), 64);
		assert_memory_equal(first, next, 64);
	}
	close(answers[0]);
	assert_int_equal(system(mem_print(m, "rm -r '%s'", dir)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_begin_and_find),
	    TEST(test_store_holds_no_token),
	    TEST(test_tokens_differ),
	    TEST(test_other_brand_or_kind),
	    TEST(test_odd_tokens),
	    TEST(test_unknown_token),
	    TEST(test_expires),
	    TEST(test_idle),
	    TEST(test_short_idle_is_kept_alive),
	    TEST(test_seen_once_a_minute),
	    TEST(test_found_though_nothing_can_be_written),
	    TEST(test_keep),
	    TEST(test_keep_writes_only_changes),
	    TEST(test_kept_nonsense),
	    TEST(test_end),
	    TEST(test_end_client),
	    TEST(test_end_client_under_way),
	    TEST(test_end_client_by_a_wrong_clock),
	    TEST(test_list),
	    TEST(test_odd_agent),
	    TEST(test_purge),
	    TEST(test_csrf),
	    TEST(test_secret),
	    TEST(test_secret_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
