/* db.h: the store, over one of two drivers: SQLite, for one host, and
 * PostgreSQL, which several hosts may share.
 *
 * One SQL text serves both: parameters are $1, $2 ...; values are only ever
 * parameters, never part of the text. Statements are prepared once a handle
 * and kept (by the address of their text: pass string literals).
 *
 * Schema and statements work with both: columns are TEXT or BIGINT, names are
 * in lower case and unquoted; bytes are kept as hexadecimal TEXT (BLOB and
 * BYTEA differ), times as seconds since 1970. Write an upsert as "insert ...
 * on conflict (key) do update". A value's type is told to the server, so that
 * it is the column's, too: no number for a text. Text is UTF-8 without NUL;
 * PostgreSQL refuses what is not (ERR_INPUT, logged).
 *
 * A lost connection to a server is opened anew by the next statement. The one
 * that was under way fails (ERR_BUSY), and nobody knows whether it ran: it is
 * never sent twice. Whoever asks again must find out first, as after a crash.
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
 * "sqlite::memory:" for tests) or "postgresql://..." (as libpq has it; it
 * connects when it is first used, and reads no file that the URI does not
 * name). NULL: it cannot be opened, and the log says why, without the URI's
 * password.
 *
 * SQLite: WAL, a busy timeout of 2 s, foreign keys on, an untrusted schema,
 * synchronous=FULL. PostgreSQL: 3 s to connect to each host of the URI, 2 s for
 * a lock, 5 s for a statement, as long between those of a transaction, 8 s
 * until the connection is given up;
 * synchronous_commit never off. With both, what db_run() or db_commit() said
 * done is on the disk, since a payment's next step relies on it. */
struct db *db_open(const char *uri);

/* The same, but makes no store where there is none: what was lost shall not be
 * followed by an empty one that nobody notices. */
struct db *db_open_existing(const char *uri);

/* The one handle of this process for a URI, so that a worker that serves many
 * brands of one store has one connection to it; as db_open_existing() opens it.
 * Each caller closes it. */
struct db *db_share(const char *uri);

/* False: what was opened is no longer what the URI names (removed, or replaced
 * by a backup), or is damaged. What is written to it would be lost: close it,
 * and open it anew. */
bool db_is_current(struct db *db);
void db_close(struct db *db); /* NULL: nothing */

/* What would keep a store from being opened, as far as it shows without making
 * anything; in the pool. NULL: nothing; then *found is the driver, its version
 * and that of the schema, or NULL where no store was made yet. */
const char *db_check(struct mem *m, const char *uri, const char **found);

/* What a process that may reach little must reach to use a store: folders to
 * write to, files to read. In the pool. */
struct db_path {
	const char *path;
	bool folder;
};
size_t db_paths(struct mem *m, const char *uri, struct db_path **out);

/* Copies all rows into a store of the same schema that has none, in one
 * transaction there; whoever writes to `from` meanwhile waits, or is lost.
 * `tell` hears of each table. An error: nothing was copied, and *why (in the
 * pool) says why unless the log does. */
enum err db_copy(struct db *from, struct db *to, struct mem *m,
    void (*tell)(const char *table, int64_t rows), const char **why);

/* Runs conf/schema/NNNN-name.sql, in the order of their numbers, each once,
 * each in a transaction of its own; two processes at once are safe. A file
 * holds several statements and no begin or commit; numbers begin at 0001 and
 * have no gap. What one database needs in other words stands in a file of the
 * same name in postgresql/ (or sqlite/), which runs instead. ERR_INTERNAL,
 * logged: a number is missing or there twice, a file fails, or the database is
 * newer than the folder. */
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

/* A transaction. It takes the store's one lock of transactions at once, so that
 * of two, one waits: what one reads, no other one changes. A statement outside
 * of any waits for it with SQLite, but with PostgreSQL (read committed) only
 * for rows that it has changed itself: so write "where state = $2" into the
 * update and look at *changed. After a failed statement, roll back; after a
 * failed commit it has (ERR_BUSY: unless the connection was lost, see above).
 * Rolling back where no transaction is, is no mistake. */
enum err db_begin(struct db *db);
enum err db_commit(struct db *db);
void db_rollback(struct db *db);

/* A lock of a name among all processes of the store, that ends with its holder:
 * with db_unlock(), the handle or the process; a slow holder is never
 * overtaken. Waits up to `patience_ms` for who has it. ERR_CONFLICT, not
 * logged: somebody else still does. Locking a name twice through one handle
 * succeeds, and the first db_unlock() ends both.
 *
 * PostgreSQL: a lock ends with its connection, too. Then nothing more runs
 * (ERR_BUSY) until all that were held are unlocked: whoever writes down what it
 * is about to do, before it does it, learns in time that it no longer may. */
enum err db_lock(struct db *db, const char *name, int64_t patience_ms);
void db_unlock(struct db *db, const char *name);

/* A cell's number, or that of its digits (PostgreSQL's sum() is text); 0 for
 * DB_NULL. */
int64_t db_cell_int(const struct db_rows *r, size_t row, size_t col);
/* NULL for DB_NULL and numbers. */
const char *db_cell_text(const struct db_rows *r, size_t row, size_t col);

#endif
