/* store.h: stores of tests: SQLite; or, where PORTICO_TEST_STORE is a URI of
 * PostgreSQL, schemas there, so that the same tests run on both. */
#ifndef PORTICO_TEST_STORE_H
#define PORTICO_TEST_STORE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/db.h"

static inline bool store_is_pg(void)
{
	return getenv("PORTICO_TEST_STORE") != NULL;
}

static inline const char *store_schema(struct mem *m, const char *name)
{
	const char *uri = getenv("PORTICO_TEST_STORE");
	struct db *db = db_open(uri);
	enum err err =
	    db_run(db, mem_print(m, "create schema if not exists %s", name),
		NULL, 0, NULL);

	db_close(db);
	if (err)
		abort();
	return mem_print(m, "%s%coptions=-csearch_path%%3D%s", uri,
	    strchr(uri, '?') ? '&' : '?', name);
}

/* One of its own for each call. */
static inline const char *store_new(struct mem *m)
{
	static int n;

	if (!store_is_pg())
		return "sqlite::memory:";
	return store_schema(m, mem_print(m, "m_%d_%d", (int)getpid(), n++));
}

/* The same one for the same path. */
static inline const char *store_at(struct mem *m, const char *path)
{
	uint32_t hash = 2166136261u;

	if (!store_is_pg())
		return mem_print(m, "sqlite:%s", path);
	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	return store_schema(m, mem_print(m, "f_%" PRIu32, hash));
}

/* A session of PostgreSQL that is read-only is given up by its handle, so that
 * all that come after it are, too. */
static inline void store_set_read_only(struct db *db, bool on)
{
	static const char *const sql[2][2] = {
	    {"set default_transaction_read_only = off",
		"alter role portico reset default_transaction_read_only"},
	    {"alter role portico set default_transaction_read_only = on",
		"set default_transaction_read_only = on"}};
	enum err err;

	if (store_is_pg()) {
		err = db_run(db, sql[on][0], NULL, 0, NULL);
		if (!err)
			err = db_run(db, sql[on][1], NULL, 0, NULL);
	} else {
		err = db_run(db,
		    on ? "pragma query_only = on" : "pragma query_only = off",
		    NULL, 0, NULL);
	}
	if (err)
		abort();
}

#endif
