/* db_driver.h: what a driver of the store implements; for db.c and the
 * drivers only. Contracts are those of db.h's functions of the same names. */
#ifndef PORTICO_DB_DRIVER_H
#define PORTICO_DB_DRIVER_H

#include "tools/db.h"

struct db_driver {
	const char *scheme; /* what its URIs begin with: "sqlite:" */
	struct db *(*open)(const char *uri);
	const char *(*check)(
	    struct mem *m, const char *uri, const char **found);
	/* NULL: it is there, as far as can be told without opening it. */
	bool (*is_there)(const char *uri);
	bool (*is_current)(struct db *db); /* NULL: always */
	size_t (*paths)(struct mem *m, const char *uri, struct db_path **out);
	void (*close)(struct db *db);
	enum err (*run)(struct db *db, const char *sql,
	    const struct db_value *values, size_t n, int64_t *changed);
	enum err (*query)(struct db *db, struct mem *m, const char *sql,
	    const struct db_value *values, size_t n, struct db_rows *out);

	/* Runs several statements without values; `name` is for the log. The
	 * script may not end the transaction that it runs in. */
	enum err (*script)(struct db *db, const char *name, const char *text);

	/* While one process is between begin and commit, begin of another one
	 * waits: migrations rely on it. */
	enum err (*begin)(struct db *db);
	enum err (*commit)(struct db *db);
	void (*rollback)(struct db *db);

	/* Takes the lock of a key, or says ERR_CONFLICT, without waiting. */
	enum err (*lock)(struct db *db, int64_t key);
	void (*unlock)(struct db *db, int64_t key);

	/* For db_copy(). Queries of the names of tables, in the order in which
	 * they were made, and of the columns of one ($1). */
	const char *tables, *columns;
	/* A query of any number of rows, within a transaction; each row is
	 * handed over, and the pool cleared after it. An error that `take`
	 * gives ends it. */
	enum err (*each)(struct db *db, struct mem *rows, const char *sql,
	    enum err (*take)(
		void *ctx, const struct db_value *row, size_t cols),
	    void *ctx);
};

/* A driver's handle begins with this. */
struct db {
	const struct db_driver *driver;
	/* Of db_share(). */
	char *uri;
	unsigned users;
	struct db *next;
};

extern const struct db_driver db_sqlite, db_pg;

#endif
