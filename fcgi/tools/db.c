/* db.c: the store's common part: values, the choice of a driver, and
 * migrations. */
#include "tools/db.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/db_driver.h"

enum { MIGRATIONS_MAX = 9999, MIGRATION_BYTES = 1024 * 1024 };
enum { LOCK_STEP_MS = 10 };

static const struct db_driver *const drivers[] = {&db_sqlite, &db_pg};

static struct db *shared; /* handles of db_share() */

struct db_value db_int(int64_t number)
{
	return (struct db_value){.type = DB_INT, .number = number};
}

struct db_value db_text(const char *text)
{
	if (!text)
		return (struct db_value){.type = DB_NULL};
	return (struct db_value){
	    .type = DB_TEXT, .data = text, .len = strlen(text)};
}

struct db_value db_blob(const void *data, size_t len)
{
	return (struct db_value){.type = DB_BLOB, .data = data, .len = len};
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static const struct db_driver *find_driver(const char *uri)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		if (begins(uri, drivers[i]->scheme))
			return drivers[i];
	return NULL;
}

/* Never quotes the URI: PostgreSQL's may hold a password. */
static const char *explain_scheme(const char *uri)
{
	if (begins(uri, "postgres"))
		return "write postgresql://user@host/database";
	return "the store's URI begins with neither sqlite: nor postgresql:";
}

struct db *db_open(const char *uri)
{
	const struct db_driver *driver = find_driver(uri);

	if (driver)
		return driver->open(uri);
	log_error("db.open", "%s", explain_scheme(uri));
	return NULL;
}

struct db *db_open_existing(const char *uri)
{
	const struct db_driver *driver = find_driver(uri);

	if (!driver || !driver->is_there || driver->is_there(uri))
		return db_open(uri);
	log_error("db.open", "%s is not there", uri + strlen(driver->scheme));
	return NULL;
}

bool db_is_current(struct db *db)
{
	return !db->driver->is_current || db->driver->is_current(db);
}

const char *db_check(struct mem *m, const char *uri, const char **found)
{
	const struct db_driver *driver = find_driver(uri);

	*found = NULL;
	return driver ? driver->check(m, uri, found) : explain_scheme(uri);
}

size_t db_paths(struct mem *m, const char *uri, struct db_path **out)
{
	const struct db_driver *driver = find_driver(uri);

	return driver ? driver->paths(m, uri, out) : 0;
}

struct db *db_share(const char *uri)
{
	struct db *db;

	for (db = shared; db; db = db->next)
		if (!strcmp(db->uri, uri) && db_is_current(db)) {
			db->users++;
			return db;
		}
	db = db_open_existing(uri);
	if (!db)
		return NULL;
	db->uri = strdup(uri);
	if (!db->uri)
		return db;
	db->users = 1;
	db->next = shared;
	shared = db;
	return db;
}

static void unshare(struct db *db)
{
	struct db **at = &shared;

	while (*at != db)
		at = &(*at)->next;
	*at = db->next;
	free(db->uri);
}

void db_close(struct db *db)
{
	if (!db || (db->uri && --db->users))
		return;
	if (db->uri)
		unshare(db);
	db->driver->close(db);
}

enum err db_run(struct db *db, const char *sql, const struct db_value *values,
    size_t n, int64_t *changed)
{
	return db->driver->run(db, sql, values, n, changed);
}

enum err db_query(struct db *db, struct mem *m, const char *sql,
    const struct db_value *values, size_t n, struct db_rows *out)
{
	return db->driver->query(db, m, sql, values, n, out);
}

enum err db_begin(struct db *db)
{
	return db->driver->begin(db);
}

enum err db_commit(struct db *db)
{
	return db->driver->commit(db);
}

void db_rollback(struct db *db)
{
	db->driver->rollback(db);
}

/* FNV-1a, without its highest bits: an offset in a file, a key of PostgreSQL.
 * Two names of one key would only wait for each other. */
static int64_t lock_key(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return (int64_t)(hash >> 2);
}

enum err db_lock(struct db *db, const char *name, int64_t patience_ms)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	enum err err;

	for (;;) {
		err = db->driver->lock(db, lock_key(name));
		patience_ms -= LOCK_STEP_MS;
		if (err != ERR_CONFLICT || patience_ms < 0)
			return err;
		nanosleep(&step, NULL);
	}
}

void db_unlock(struct db *db, const char *name)
{
	db->driver->unlock(db, lock_key(name));
}

static const struct db_value *find_cell(
    const struct db_rows *r, size_t row, size_t col)
{
	if (row >= r->rows || col >= r->cols)
		return NULL;
	return &r->cells[row * r->cols + col];
}

int64_t db_cell_int(const struct db_rows *r, size_t row, size_t col)
{
	const struct db_value *cell = find_cell(r, row, col);

	if (cell && cell->type == DB_TEXT)
		return strtoll(cell->data, NULL, 10);
	return cell && cell->type == DB_INT ? cell->number : 0;
}

const char *db_cell_text(const struct db_rows *r, size_t row, size_t col)
{
	const struct db_value *cell = find_cell(r, row, col);

	return cell ? cell->data : NULL;
}

/* --- Migrations --------------------------------------------------------- */

/* The number of "NNNN-name.sql"; 0: not such a name. */
static int parse_number(const char *name)
{
	size_t len = strlen(name);
	int number = 0;

	if (len < sizeof("0001-x.sql") - 1 || name[4] != '-' ||
	    strcmp(name + len - 4, ".sql") != 0)
		return 0;
	for (int i = 0; i < 4; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		number = number * 10 + (name[i] - '0');
	}
	return number;
}

static bool ends_in_sql(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static enum err add_name(struct mem *m, const char **names, const char *name)
{
	int number = parse_number(name);

	if (!number) {
		log_error("db.migrate",
		    "%s: a migration is called "
		    "NNNN-name.sql",
		    name);
		return ERR_INTERNAL;
	}
	if (names[number]) {
		log_error("db.migrate", "%s and %s have the same number",
		    names[number], name);
		return ERR_INTERNAL;
	}
	names[number] = mem_text(m, name);
	return ERR_OK;
}

/* Fills names[1 .. *last]; the folder's other files are nobody's business. */
static enum err read_names(
    struct mem *m, const char *folder, const char **names)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	enum err err = ERR_OK;

	if (!dir) {
		log_error("db.migrate", "%s: %s", folder, strerror(errno));
		return ERR_INTERNAL;
	}
	while (!err && (entry = readdir(dir)))
		if (ends_in_sql(entry->d_name))
			err = add_name(m, names, entry->d_name);
	closedir(dir);
	return err;
}

/* The numbers run from 1 without a gap: with one, nobody could say later
 * whether the missing file ran. */
static enum err check_names(
    const char *folder, const char *const *names, int *last)
{
	*last = MIGRATIONS_MAX;
	while (*last && !names[*last])
		--*last;
	if (!*last) {
		log_error("db.migrate", "%s: no migration there", folder);
		return ERR_INTERNAL;
	}
	for (int i = 1; i < *last; i++) {
		if (!names[i]) {
			log_error("db.migrate", "%s: number %04d is missing",
			    folder, i);
			return ERR_INTERNAL;
		}
	}
	return ERR_OK;
}

static enum err read_file(struct mem *m, const char *path, const char **out)
{
	char *text = mem_alloc(m, MIGRATION_BYTES);
	FILE *file = fopen(path, "re");
	size_t len;
	bool failed;

	if (!file) {
		log_error("db.migrate", "%s: %s", path, strerror(errno));
		return ERR_INTERNAL;
	}
	len = fread(text, 1, MIGRATION_BYTES, file);
	failed = ferror(file);
	fclose(file);
	if (failed || len == MIGRATION_BYTES || strlen(text) != len) {
		log_error("db.migrate",
		    "%s: unreadable, too long, or a NUL "
		    "in it",
		    path);
		return ERR_INTERNAL;
	}
	*out = text;
	return ERR_OK;
}

static enum err read_version(struct db *db, struct mem *m, int64_t *out)
{
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select coalesce(max(number), 0) from schema_migration", NULL, 0,
	    &rows);

	*out = err ? 0 : db_cell_int(&rows, 0, 0);
	return err;
}

static enum err make_table(struct db *db)
{
	enum err err = db_begin(db);

	if (err)
		return err;
	err = db_run(db,
	    "create table if not exists schema_migration ("
	    "number bigint primary key, name text not null, "
	    "applied bigint not null)",
	    NULL, 0, NULL);
	if (!err)
		return db_commit(db);
	db_rollback(db);
	return err;
}

/* The driver's own file where there is one. */
static const char *find_file(struct mem *m, const struct db_driver *driver,
    const char *folder, const char *name)
{
	const char *own = mem_print(m, "%s/%.*s/%s", folder,
	    (int)strcspn(driver->scheme, ":"), driver->scheme, name);

	return access(own, F_OK) == 0 || errno != ENOENT
		   ? own
		   : mem_print(m, "%s/%s", folder, name);
}

/* Within a transaction, so that what is asked first stays true. */
static enum err apply(struct db *db, struct mem *m, const char *folder,
    int number, const char *name)
{
	const struct db_value values[] = {
	    db_int(number), db_text(name), db_int(time(NULL))};
	const char *text = NULL;
	int64_t version;
	enum err err = read_version(db, m, &version);

	if (err || version >= number)
		return err;
	err = read_file(m, find_file(m, db->driver, folder, name), &text);
	if (!err)
		err = db->driver->script(db, name, text);
	if (!err)
		err = db_run(db,
		    "insert into schema_migration (number, name, applied) "
		    "values ($1, $2, $3)",
		    values, 3, NULL);
	if (!err)
		log_info("db.migrate", "applied %s", name);
	return err;
}

static enum err apply_all(struct db *db, struct mem *m, const char *folder,
    const char *const *names, int last)
{
	enum err err = ERR_OK;

	for (int i = 1; !err && i <= last; i++) {
		err = db_begin(db);
		if (err)
			break;
		err = apply(db, m, folder, i, names[i]);
		if (err)
			db_rollback(db);
		else
			err = db_commit(db);
	}
	return err;
}

/* Asked last: none of our files ran if the database was newer before, and one
 * that a newer program changed meanwhile is found too. */
static enum err check_version(struct db *db, struct mem *m, int last)
{
	int64_t version;
	enum err err = read_version(db, m, &version);

	if (!err && version > last) {
		log_error("db.migrate",
		    "the database is at %04lld, this "
		    "program knows only %04d: it needs a newer portico",
		    (long long)version, last);
		return ERR_INTERNAL;
	}
	return err;
}

static enum err migrate(struct db *db, struct mem *m, const char *folder)
{
	const char **names = mem_array(m, MIGRATIONS_MAX + 1, sizeof(*names));
	enum err err = read_names(m, folder, names);
	int last = 0;

	if (!err)
		err = check_names(folder, names, &last);
	if (!err)
		err = make_table(db);
	if (!err)
		err = apply_all(db, m, folder, names, last);
	if (!err)
		err = check_version(db, m, last);
	return err;
}

enum err db_migrate(struct db *db, const char *folder)
{
	struct mem *m = mem_open(0);
	enum err err = migrate(db, m, folder);

	mem_close(m);
	return err;
}
