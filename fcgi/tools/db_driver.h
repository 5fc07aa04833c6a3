/* db_driver.h: what a driver of the store implements; for db.c and the
 * drivers only. Contracts are those of db.h's functions of the same names. */
#ifndef PORTICO_DB_DRIVER_H
#define PORTICO_DB_DRIVER_H

#include "tools/db.h"

struct db_driver {
	const char *scheme; /* what its URIs begin with: "sqlite:" */
	struct db *(*open)(const char *uri);
	/* NULL: nothing can be said of a URI without opening it. */
	const char *(*check)(struct mem *m, const char *uri);
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
};

/* A driver's handle begins with this. */
struct db {
	const struct db_driver *driver;
};

extern const struct db_driver db_sqlite, db_pg;

#endif
