/* db.h: the store, over one of two drivers (SQLite now; PostgreSQL).
 *
 * One SQL text serves both: parameters are $1, $2 ...; values are only ever
 * parameters, never part of the text. Statements are prepared once a handle
 * and kept (by the address of their text: pass string literals).
 *
 * Schema and statements work with both: columns are TEXT or BIGINT, names are
 * in lower case and unquoted; bytes are kept as hexadecimal TEXT (BLOB and
 * BYTEA differ), times as seconds since 1970. Write an upsert as "insert ...
 * on conflict (key) do update". Where PostgreSQL could not tell a parameter's
 * type ("$1 - $2"), compute the value in C.
 *
 * A handle is opened after fork and belongs to one process. What fails is
 * logged here, once.
 */
#ifndef PORTICO_DB_H
#define PORTICO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct db;
struct mem;

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
	enum db_type type;
	int64_t number;
	const void *data; /* text or bytes */
	size_t len;
};

struct db_value db_int(int64_t number);
struct db_value db_text(const char *text); /* NULL: DB_NULL */
struct db_value db_blob(const void *data, size_t len);

/* The rows of a query, in the pool; cell (r, c) is at r * cols + c. */
struct db_rows {
	size_t rows, cols;
	struct db_value *cells;
};

/* Opens "sqlite:/path" (absolute; made for its owner alone if missing;
 * "sqlite::memory:" for tests). NULL: it cannot be opened, and the log says
 * why. Driver settings: WAL, a busy timeout of 2 s, foreign keys on, an
 * untrusted schema, synchronous=FULL: what db_run() or db_commit() said done is
 * on the disk, since a payment's next step relies on it. */
struct db *db_open(const char *uri);

/* What would keep a store from being opened, as far as it shows without making
 * anything; in the pool. NULL: nothing. */
const char *db_check(struct mem *m, const char *uri);

/* The same, but makes no store where there is none: what was lost shall not be
 * followed by an empty one that nobody notices. */
struct db *db_open_existing(const char *uri);

/* False: what was opened is no longer what the URI names (removed, or replaced
 * by a backup), or is damaged. What is written to it would be lost: close it,
 * and open it anew. */
bool db_is_current(struct db *db);
void db_close(struct db *db); /* NULL: nothing */

/* Runs conf/schema/NNNN-name.sql, in the order of their numbers, each once,
 * each in a transaction of its own; two processes at once are safe. A file
 * holds several statements and no begin or commit; numbers begin at 0001 and
 * have no gap. ERR_INTERNAL, logged: a number is missing or there twice, a
 * file fails, or the database is newer than the folder. */
enum err db_migrate(struct db *db, const char *folder);

/* A statement without rows. *changed (may be NULL): rows that it changed.
 * ERR_CONFLICT: a unique key forbids it; not logged; within a transaction
 * roll back then, or say "on conflict do nothing" and look at *changed
 * (PostgreSQL refuses whatever else the transaction wants). ERR_BUSY: locked
 * for too long, full, read-only or damaged. ERR_INTERNAL: anything else. */
enum err db_run(struct db *db, const char *sql, const struct db_value *values,
    size_t n, int64_t *changed);

/* A query; `out` is filled from the pool, at most `DB_ROWS_MAX` rows. */
enum { DB_ROWS_MAX = 100000 };
enum err db_query(struct db *db, struct mem *m, const char *sql,
    const struct db_value *values, size_t n, struct db_rows *out);

/* A transaction that takes the write lock at once. When db_commit() fails, it
 * has rolled back. Rolling back where no transaction is, is no mistake. */
enum err db_begin(struct db *db);
enum err db_commit(struct db *db);
void db_rollback(struct db *db);

/* A lock of a name among all processes of the store, that ends with its holder:
 * with db_unlock(), the handle or the process; a slow holder is never
 * overtaken. Waits up to `patience_ms` for who has it. ERR_CONFLICT, not
 * logged: somebody else still does. Locking a name twice through one handle
 * succeeds, and the first db_unlock() ends both. */
enum err db_lock(struct db *db, const char *name, int64_t patience_ms);
void db_unlock(struct db *db, const char *name);

/* A cell's number, or that of its digits (PostgreSQL's sum() is text); 0 for
 * DB_NULL. */
int64_t db_cell_int(const struct db_rows *r, size_t row, size_t col);
/* NULL for DB_NULL and numbers. */
const char *db_cell_text(const struct db_rows *r, size_t row, size_t col);

#endif
