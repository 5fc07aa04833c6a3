/* db_copy.c: a whole store into another one, of whichever driver. */
#include <string.h>

#include "base/mem.h"
#include "tools/db_driver.h"

struct copy {
	struct db *from, *to;
	struct mem *mem, *rows;
	const char **why;
	/* Of the table that is being copied. */
	const char *table, *insert;
	int64_t n;
};

static const char own_table[] = "schema_migration";

static enum err refuse(struct copy *c, enum err err, const char *why)
{
	*c->why = why;
	return err;
}

/* Names are the schema's own, so they may be part of a statement. */
static enum err ask_number(
    struct copy *c, struct db *db, const char *sql, int64_t *out)
{
	struct db_rows rows;
	enum err err = db_query(db, c->mem, sql, NULL, 0, &rows);

	*out = err ? 0 : db_cell_int(&rows, 0, 0);
	return err;
}

static enum err check_versions(struct copy *c)
{
	static const char sql[] =
	    "select coalesce(max(number), 0) from schema_migration";
	int64_t from, to = 0;
	enum err err = ask_number(c, c->from, sql, &from);

	if (!err)
		err = ask_number(c, c->to, sql, &to);
	if (err || from == to)
		return err;
	return refuse(c, ERR_RULE,
	    mem_print(c->mem,
		"its schema is %lld, and this program's is %lld: serve it once "
		"with this version first",
		(long long)from, (long long)to));
}

static enum err check_empty(struct copy *c, const struct db_rows *tables)
{
	for (size_t i = 0; i < tables->rows; i++) {
		const char *table = db_cell_text(tables, i, 0);
		int64_t n;
		enum err err = ask_number(c, c->to,
		    mem_print(c->mem, "select count(*) from %s", table), &n);

		if (err)
			return err;
		if (n && strcmp(table, own_table) != 0)
			return refuse(c, ERR_RULE,
			    mem_print(c->mem,
				"the store that store.uri names is not empty: "
				"%s has %lld rows",
				table, (long long)n));
	}
	return ERR_OK;
}

static enum err add_row(void *ctx, const struct db_value *row, size_t cols)
{
	struct copy *c = ctx;
	enum err err = db_run(c->to, c->insert, row, cols, NULL);

	c->n += !err;
	return err;
}

static void make_insert(
    struct copy *c, const struct db_rows *columns, const char **select)
{
	struct buf names, places;

	buf_open(&names, c->mem, 256);
	buf_open(&places, c->mem, 256);
	for (size_t i = 0; i < columns->rows; i++) {
		buf_print(
		    &names, "%s%s", i ? ", " : "", db_cell_text(columns, i, 0));
		buf_print(&places, "%s$%zu", i ? ", " : "", i + 1);
	}
	*select = mem_print(c->mem, "select %s from %s", names.data, c->table);
	c->insert = mem_print(c->mem, "insert into %s (%s) values (%s)",
	    c->table, names.data, places.data);
}

static enum err copy_table(struct copy *c)
{
	const struct db_value table = db_text(c->table);
	struct db_rows columns;
	const char *select;
	int64_t there;
	enum err err = db_query(
	    c->to, c->mem, c->to->driver->columns, &table, 1, &columns);

	if (err)
		return err;
	make_insert(c, &columns, &select);
	c->n = 0;
	err = c->from->driver->each(c->from, c->rows, select, add_row, c);
	if (!err)
		err = ask_number(c, c->to,
		    mem_print(c->mem, "select count(*) from %s", c->table),
		    &there);
	if (!err && there != c->n)
		return refuse(c, ERR_INTERNAL,
		    mem_print(c->mem, "%s: %lld rows came, %lld are there",
			c->table, (long long)c->n, (long long)there));
	if (err && !*c->why)
		*c->why = mem_print(c->mem, "%s, row %lld: %s", c->table,
		    (long long)c->n + 1, err_code(err));
	return err;
}

static enum err copy_tables(
    struct copy *c, void (*tell)(const char *table, int64_t rows))
{
	struct db_rows tables = {0};
	enum err err = check_versions(c);

	if (!err)
		err = db_query(
		    c->to, c->mem, c->to->driver->tables, NULL, 0, &tables);
	if (!err)
		err = check_empty(c, &tables);
	for (size_t i = 0; !err && i < tables.rows; i++) {
		c->table = db_cell_text(&tables, i, 0);
		if (!strcmp(c->table, own_table))
			continue;
		err = copy_table(c);
		if (!err)
			tell(c->table, c->n);
	}
	return err;
}

enum err db_copy(struct db *from, struct db *to, struct mem *m,
    void (*tell)(const char *table, int64_t rows), const char **why)
{
	struct copy c = {.from = from, .to = to, .mem = m, .why = why};
	enum err err = db_begin(from);

	*why = NULL;
	if (err)
		return err;
	err = db_begin(to);
	if (!err) {
		c.rows = mem_open(0);
		err = copy_tables(&c, tell);
		mem_close(c.rows);
		if (!err)
			err = db_commit(to);
		else
			db_rollback(to);
	}
	db_rollback(from);
	return err;
}
