/* db.c: one SQLite file, and a stack of open connections to it. */
#include "sandbox.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS  32
#define DATA_VERSION 1 /* raise it when the made data changes */

static char path[4096];
static sqlite3 *idle[CONNECTIONS];
static size_t idle_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong version = 1;

static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER);"
    "CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, status TEXT,"
    " credit INTEGER, shift INTEGER DEFAULT 0, currencies_id INTEGER,"
    " companies_id INTEGER DEFAULT 4, c_company TEXT, c_email TEXT,"
    " c_email_billing TEXT, c_address TEXT, reg_id TEXT, tax_id TEXT,"
    " cp_login TEXT, cp_password TEXT, locale TEXT, tz TEXT,"
    " orig_rate_table INTEGER, low_balance_athreshold INTEGER,"
    " c_dt INTEGER, charge_period INTEGER);"
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, clients_id INTEGER,"
    " name TEXT, auth_type TEXT, ani TEXT, ips TEXT, orig_enabled INTEGER,"
    " packages_id INTEGER);"
    "CREATE TABLE packages (id INTEGER PRIMARY KEY, name TEXT, period TEXT,"
    " activation_fee INTEGER, periodical_fee INTEGER, currencies_id INTEGER,"
    " status TEXT);"
    "CREATE TABLE clients_packages (id INTEGER PRIMARY KEY,"
    " clients_id INTEGER, packages_id INTEGER, accounts_id INTEGER,"
    " status TEXT, quantity INTEGER, start_dt INTEGER, stop_dt INTEGER,"
    " period_start_dt INTEGER, period_stop_dt INTEGER, limits TEXT);"
    "CREATE TABLE transactions (id INTEGER PRIMARY KEY, clients_id INTEGER,"
    " type TEXT, status TEXT, amount INTEGER, currencies_id INTEGER,"
    " c_dt INTEGER, payment_accounts_id INTEGER, notes TEXT, author TEXT);"
    "CREATE INDEX transactions_client ON transactions (clients_id, c_dt);"
    "CREATE TABLE invoices (id INTEGER PRIMARY KEY, no TEXT,"
    " clients_id INTEGER, type TEXT, state TEXT, from_dt INTEGER,"
    " to_dt INTEGER, dt INTEGER, due_dt INTEGER, net_total INTEGER,"
    " taxes INTEGER, total INTEGER, paid INTEGER, currencies_id INTEGER);"
    "CREATE INDEX invoices_client ON invoices (clients_id, dt);"
    "CREATE TABLE cards (id INTEGER PRIMARY KEY, serial TEXT, pin TEXT,"
    " amount INTEGER, currencies_id INTEGER, companies_id INTEGER,"
    " expires INTEGER, activated INTEGER, clients_id INTEGER);"
    "CREATE TABLE currencies (id INTEGER PRIMARY KEY, name TEXT,"
    " title TEXT, digits INTEGER);"
    "CREATE TABLE services (id INTEGER PRIMARY KEY, name TEXT, unit TEXT,"
    " rate_unit INTEGER);"
    "CREATE TABLE rate_tables (id INTEGER PRIMARY KEY, name TEXT,"
    " code_decks_id INTEGER, currencies_id INTEGER);"
    "CREATE TABLE rates (rate_tables_id INTEGER, code TEXT, id INTEGER,"
    " code_name TEXT, services_id INTEGER, value INTEGER,"
    " currencies_id INTEGER, from_off INTEGER, till_off INTEGER,"
    " end_off INTEGER, min_volume INTEGER, pay_interval INTEGER,"
    " pay_setup INTEGER, status TEXT,"
    " PRIMARY KEY (rate_tables_id, code, id)) WITHOUT ROWID;"
    "CREATE TABLE xdrs (clients_id INTEGER, off INTEGER, id INTEGER,"
    " accounts_id INTEGER, codes_id INTEGER, services_id INTEGER,"
    " rates_id INTEGER, src INTEGER, dst INTEGER, volume INTEGER,"
    " rate INTEGER, cost INTEGER, PRIMARY KEY (clients_id, off, id))"
    " WITHOUT ROWID;"
    "CREATE TABLE slots (clients_id INTEGER, slot INTEGER,"
    " accounts_id INTEGER, services_id INTEGER, events INTEGER,"
    " volume INTEGER, cost INTEGER, PRIMARY KEY"
    " (clients_id, slot, accounts_id, services_id)) WITHOUT ROWID;"
    "CREATE TABLE days (clients_id INTEGER, day INTEGER,"
    " accounts_id INTEGER, services_id INTEGER, codes_id INTEGER,"
    " events INTEGER, volume INTEGER, cost INTEGER, PRIMARY KEY"
    " (clients_id, day, accounts_id, services_id, codes_id)) WITHOUT ROWID;";

/* The gateways' books: added to a file that lacks them. What is committed
 * outlives a SIGKILL of the sandbox (not a crash of the machine). */
static const char money_schema[] =
    "CREATE TABLE IF NOT EXISTS pp_tokens (token TEXT PRIMARY KEY,"
    " expires INTEGER);"
    "CREATE TABLE IF NOT EXISTS pp_orders (n INTEGER PRIMARY KEY,"
    " id TEXT UNIQUE, status TEXT, amount TEXT, currency TEXT,"
    " custom_id TEXT, invoice_id TEXT, reference_id TEXT, description TEXT,"
    " brand TEXT, return_url TEXT, cancel_url TEXT, payee TEXT, payer TEXT,"
    " wallet INTEGER, created INTEGER, updated INTEGER);"
    "CREATE TABLE IF NOT EXISTS pp_captures (n INTEGER PRIMARY KEY,"
    " id TEXT UNIQUE, order_id TEXT, status TEXT, reason TEXT, amount TEXT,"
    " currency TEXT, custom_id TEXT, invoice_id TEXT, payee TEXT,"
    " created INTEGER, updated INTEGER);"
    "CREATE INDEX IF NOT EXISTS pp_captures_order ON pp_captures (order_id);"
    "CREATE INDEX IF NOT EXISTS pp_captures_invoice ON pp_captures"
    " (invoice_id);"
    "CREATE TABLE IF NOT EXISTS pp_refunds (n INTEGER PRIMARY KEY,"
    " id TEXT UNIQUE, capture_id TEXT, kind TEXT, amount TEXT,"
    " currency TEXT, custom_id TEXT, invoice_id TEXT, created INTEGER);"
    "CREATE INDEX IF NOT EXISTS pp_refunds_capture ON pp_refunds"
    " (capture_id);"
    "CREATE TABLE IF NOT EXISTS pp_replays (key TEXT PRIMARY KEY, id TEXT,"
    " issue TEXT, created INTEGER);"
    "CREATE TABLE IF NOT EXISTS an_tokens (n INTEGER PRIMARY KEY,"
    " token TEXT UNIQUE, expires INTEGER, ref TEXT, amount TEXT,"
    " invoice TEXT, description TEXT, customer TEXT, email TEXT,"
    " merchant TEXT, return_url TEXT, return_text TEXT, cancel_url TEXT,"
    " receipt INTEGER);"
    "CREATE TABLE IF NOT EXISTS an_transactions (id INTEGER PRIMARY KEY,"
    " type TEXT, status TEXT, response INTEGER, amount TEXT, invoice TEXT,"
    " description TEXT, customer TEXT, email TEXT, ref TEXT,"
    " original INTEGER, batch INTEGER, created INTEGER, test INTEGER);"
    "CREATE INDEX IF NOT EXISTS an_transactions_batch ON an_transactions"
    " (batch, id);"
    "CREATE TABLE IF NOT EXISTS an_batches (id INTEGER PRIMARY KEY,"
    " settled INTEGER);"
    "CREATE TABLE IF NOT EXISTS deliveries (n INTEGER PRIMARY KEY,"
    " gateway TEXT, event TEXT, type TEXT, resource TEXT, created INTEGER,"
    " body TEXT, headers TEXT, url TEXT, attempts INTEGER, status INTEGER,"
    " due INTEGER, done INTEGER);"
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (done, due);";

static const char money_clear[] =
    "DELETE FROM pp_tokens; DELETE FROM pp_orders; DELETE FROM pp_captures;"
    "DELETE FROM pp_refunds; DELETE FROM pp_replays; DELETE FROM an_tokens;"
    "DELETE FROM an_transactions; DELETE FROM an_batches;"
    "DELETE FROM deliveries;";

unsigned long db_version(void)
{
	return version;
}

void db_changed(void)
{
	version++;
}

bool db_run(sqlite3 *db, const char *sql)
{
	char *error = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &error) == SQLITE_OK)
		return true;
	fprintf(stderr, "sandbox: %s: %.60s\n", error, sql);
	sqlite3_free(error);
	return false;
}

sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fprintf(stderr, "sandbox: %s: %s\n", sqlite3_errmsg(db), sql);
	return s;
}

int64_t db_int(sqlite3 *db, const char *sql, int64_t one, int64_t two)
{
	sqlite3_stmt *s = db_prepare(db, sql);
	int64_t value = 0;

	sqlite3_bind_int64(s, 1, one);
	sqlite3_bind_int64(s, 2, two);
	if (sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

static sqlite3_stmt *bind_all(
    sqlite3 *db, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *s = db_prepare(db, sql);

	for (int at = 1; s && *types; types++, at++)
		if (*types == 'i')
			sqlite3_bind_int64(s, at, va_arg(args, int64_t));
		else
			sqlite3_bind_text(s, at, va_arg(args, const char *), -1,
			    SQLITE_TRANSIENT);
	return s;
}

sqlite3_stmt *db_bind(sqlite3 *db, const char *sql, const char *types, ...)
{
	va_list args;
	sqlite3_stmt *s;

	va_start(args, types);
	s = bind_all(db, sql, types, args);
	va_end(args);
	return s;
}

bool db_put(sqlite3 *db, const char *sql, const char *types, ...)
{
	va_list args;
	sqlite3_stmt *s;
	bool done;

	va_start(args, types);
	s = bind_all(db, sql, types, args);
	va_end(args);
	if (!s)
		return false;
	done = sqlite3_step(s) == SQLITE_DONE;
	if (!done)
		fprintf(stderr, "sandbox: %s\n", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return done;
}

const char *db_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

bool db_begin(sqlite3 *db)
{
	return db_run(db, "BEGIN IMMEDIATE");
}

bool db_end(sqlite3 *db, bool commit)
{
	return db_run(db, commit ? "COMMIT" : "ROLLBACK") && commit;
}

static sqlite3 *connect_db(void)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK) {
		fprintf(stderr, "sandbox: %s: %s\n", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, 10000);
	db_run(db, "PRAGMA synchronous=OFF; PRAGMA cache_size=-20000;"
		   "PRAGMA mmap_size=1000000000; PRAGMA temp_store=MEMORY;");
	return db;
}

sqlite3 *db_take(void)
{
	sqlite3 *db = NULL;

	pthread_mutex_lock(&lock);
	if (idle_count)
		db = idle[--idle_count];
	pthread_mutex_unlock(&lock);
	return db ? db : connect_db();
}

void db_give(sqlite3 *db)
{
	pthread_mutex_lock(&lock);
	if (idle_count < CONNECTIONS) {
		idle[idle_count++] = db;
		db = NULL;
	}
	pthread_mutex_unlock(&lock);
	sqlite3_close(db);
}

static bool set_meta(sqlite3 *db, const char *key, int64_t value)
{
	sqlite3_stmt *s = db_prepare(db, "REPLACE INTO meta VALUES (?, ?)");
	bool done;

	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, value);
	done = sqlite3_step(s) == SQLITE_DONE;
	sqlite3_finalize(s);
	return done;
}

static bool is_ready(sqlite3 *db)
{
	if (!db_int(db,
		"SELECT count(*) FROM sqlite_master"
		" WHERE name = 'meta'",
		0, 0))
		return false;
	return db_int(db,
		   "SELECT count(*) FROM meta WHERE"
		   " key = 'ready' AND value = ? OR"
		   " key = 'small' AND value = ?",
		   DATA_VERSION, options.small + 2 * options.rates) == 2;
}

/* "ready" is written last, so a build that was killed starts again. */
static bool build(sqlite3 *db)
{
	return db_run(db, "PRAGMA journal_mode=OFF") && db_run(db, "BEGIN") &&
	       db_run(db, schema) && bulk_make(db) &&
	       set_meta(db, "small", options.small + 2 * options.rates) &&
	       set_meta(db, "ready", DATA_VERSION) && db_run(db, "COMMIT") &&
	       db_run(db, "ANALYZE");
}

bool db_reset(void)
{
	sqlite3 *db = db_take();
	bool done = db && db_run(db, "BEGIN IMMEDIATE") && data_make(db) &&
		    db_run(db, money_clear) &&
		    set_meta(db, "anchor", clock_anchor()) &&
		    db_run(db, "COMMIT");

	if (db && !done)
		db_run(db, "ROLLBACK");
	if (db)
		db_give(db);
	db_changed();
	return done;
}

bool db_open(void)
{
	sqlite3 *db;
	bool fresh;

	snprintf(path, sizeof(path), "%s/sandbox.db", options.dir);
	db = connect_db();
	if (!db)
		return false;
	if (!is_ready(db)) {
		sqlite3_close(db);
		unlink(path);
		db = connect_db();
		if (!db || !build(db)) {
			sqlite3_close(db);
			return false;
		}
	}
	db_run(db, "PRAGMA journal_mode=WAL");
	db_run(db, money_schema);
	fresh = db_int(db, "SELECT value FROM meta WHERE key = 'anchor'", 0,
		    0) == clock_anchor();
	db_give(db);
	/* A new week: the small data is dated anew. */
	return fresh || db_reset();
}

void db_close(void)
{
	while (idle_count)
		sqlite3_close(idle[--idle_count]);
}
