/* db_sqlite.c: the store in one SQLite file. */
#include "tools/db_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/mem.h"

enum { SLOTS = 256, SLOTS_FULL = SLOTS / 4 * 3, BUSY_MS = 2000, NAP_MS = 20 };

struct slot {
	const char *sql; /* the literal's address is the key */
	sqlite3_stmt *stmt;
};

struct sqlite_db {
	struct db base;
	sqlite3 *handle;
	struct slot slots[SLOTS]; /* open addressing */
	size_t used;
	char *lock_path;  /* NULL: in memory, so nobody else is there */
	int lock_fd;	  /* -1: not opened yet */
	const char *path; /* of the handle */
	dev_t device;	  /* whose file it is */
	ino_t file;
	bool damaged;
};

static struct sqlite_db *own(struct db *db)
{
	return (struct sqlite_db *)db;
}

static bool is_conflict(int code)
{
	return code == SQLITE_CONSTRAINT_UNIQUE ||
	       code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	       code == SQLITE_CONSTRAINT_ROWID;
}

static bool is_busy(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return true;
	default:
		return false;
	}
}

static bool is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT ||
	       (code & 0xff) == SQLITE_NOTADB;
}

/* What the handle's last error means. A conflict is an answer to the caller's
 * question and not logged. */
static enum err failed(struct sqlite_db *d, const char *sql)
{
	int code = sqlite3_extended_errcode(d->handle);

	if (is_conflict(code))
		return ERR_CONFLICT;
	log_error(is_busy(code) ? "db.busy" : "db.failed", "%s (%d) in: %.200s",
	    sqlite3_errmsg(d->handle), code, sql);
	if (is_damage(code))
		d->damaged = true;
	return is_busy(code) || d->damaged ? ERR_BUSY : ERR_INTERNAL;
}

static struct slot *find_slot(struct sqlite_db *d, const char *sql)
{
	uint64_t hash = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash >> 32) % SLOTS;

	while (d->slots[i].sql && d->slots[i].sql != sql)
		i = (i + 1) % SLOTS;
	return &d->slots[i];
}

static void forget_statements(struct sqlite_db *d)
{
	for (size_t i = 0; i < SLOTS; i++)
		sqlite3_finalize(d->slots[i].stmt);
	memset(d->slots, 0, sizeof(d->slots));
	d->used = 0;
}

static enum err make_stmt(
    struct sqlite_db *d, const char *sql, sqlite3_stmt **out)
{
	const char *tail = "";

	*out = NULL;
	if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		out, &tail) != SQLITE_OK)
		return failed(d, sql);
	if (*out && !tail[strspn(tail, " \t\r\n;")])
		return ERR_OK;
	log_error("db.failed", "not one statement: %.200s", sql);
	sqlite3_finalize(*out);
	*out = NULL;
	return ERR_INTERNAL;
}

static enum err find_stmt(
    struct sqlite_db *d, const char *sql, sqlite3_stmt **out)
{
	struct slot *slot = find_slot(d, sql);
	enum err err;

	/* The text is compared too: if a caller passes no literal, another
	 * text may lie at the same address later. */
	if (slot->sql && strcmp(sqlite3_sql(slot->stmt), sql) == 0) {
		*out = slot->stmt;
		return ERR_OK;
	}
	err = make_stmt(d, sql, out);
	if (err)
		return err;
	if (!slot->sql && d->used == SLOTS_FULL) {
		forget_statements(d);
		slot = find_slot(d, sql);
	}
	if (!slot->sql)
		d->used++;
	sqlite3_finalize(slot->stmt);
	*slot = (struct slot){sql, *out};
	return ERR_OK;
}

/* The values live until the statement is reset, so SQLite copies none. */
static int bind_value(sqlite3_stmt *stmt, int i, const struct db_value *v)
{
	switch (v->type) {
	case DB_INT:
		return sqlite3_bind_int64(stmt, i, v->number);
	case DB_TEXT:
		return sqlite3_bind_text64(
		    stmt, i, v->data, v->len, SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB:
		/* A null pointer would bind NULL instead of no bytes. */
		return sqlite3_bind_blob64(
		    stmt, i, v->len ? v->data : "", v->len, SQLITE_STATIC);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, i);
}

static enum err bind_values(struct sqlite_db *d, sqlite3_stmt *stmt,
    const char *sql, const struct db_value *values, size_t n)
{
	int wanted = sqlite3_bind_parameter_count(stmt);

	if (wanted < 0 || (size_t)wanted != n) {
		log_error("db.failed",
		    "%zu values for %d parameters in: %.200s", n, wanted, sql);
		return ERR_INTERNAL;
	}
	for (size_t i = 0; i < n; i++) {
		char name[24];
		int at;

		/* By name: SQLite numbers $N by first appearance. */
		snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(stmt, name);
		if (!at) {
			log_error("db.failed", "no %s in: %.200s", name, sql);
			return ERR_INTERNAL;
		}
		if (bind_value(stmt, at, &values[i]) != SQLITE_OK)
			return failed(d, sql);
	}
	return ERR_OK;
}

/* A statement ready for its first step; release_stmt() also when this
 * fails. */
static enum err use_stmt(struct sqlite_db *d, const char *sql,
    const struct db_value *values, size_t n, sqlite3_stmt **out)
{
	enum err err = find_stmt(d, sql, out);

	return err ? err : bind_values(d, *out, sql, values, n);
}

static void release_stmt(sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

static enum err sqlite_run(struct db *db, const char *sql,
    const struct db_value *values, size_t n, int64_t *changed)
{
	struct sqlite_db *d = own(db);
	sqlite3_int64 before = sqlite3_total_changes64(d->handle);
	sqlite3_stmt *stmt;
	enum err err = use_stmt(d, sql, values, n, &stmt);
	int code = SQLITE_DONE;

	if (changed)
		*changed = 0;
	if (!err) {
		while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
			;
		if (code != SQLITE_DONE)
			err = failed(d, sql);
	}
	release_stmt(stmt);
	/* sqlite3_changes() alone would repeat an earlier statement's count
	 * after one that is no insert, update or delete. */
	if (!err && changed && sqlite3_total_changes64(d->handle) != before)
		*changed = sqlite3_changes64(d->handle);
	return err;
}

static void read_cell(
    struct mem *m, sqlite3_stmt *stmt, int col, struct db_value *out)
{
	const void *data;

	switch (sqlite3_column_type(stmt, col)) {
	case SQLITE_NULL:
		out->type = DB_NULL;
		return;
	case SQLITE_INTEGER:
		out->type = DB_INT;
		out->number = sqlite3_column_int64(stmt, col);
		return;
	case SQLITE_BLOB:
		out->type = DB_BLOB;
		data = sqlite3_column_blob(stmt, col);
		break;
	default:
		out->type = DB_TEXT;
		data = sqlite3_column_text(stmt, col);
		break;
	}
	out->len = (size_t)sqlite3_column_bytes(stmt, col);
	out->data = mem_text_n(m, data ? data : "", data ? out->len : 0);
}

static void add_row(
    struct mem *m, sqlite3_stmt *stmt, struct db_rows *out, size_t *room)
{
	if (out->rows == *room) {
		struct db_value *old = out->cells;

		*room = *room ? *room * 2 : 8;
		out->cells =
		    mem_array(m, *room, out->cols * sizeof(*out->cells));
		if (old)
			memcpy(out->cells, old,
			    out->rows * out->cols * sizeof(*old));
	}
	for (size_t col = 0; col < out->cols; col++)
		read_cell(m, stmt, (int)col,
		    &out->cells[out->rows * out->cols + col]);
	out->rows++;
}

static enum err read_rows(struct sqlite_db *d, struct mem *m,
    sqlite3_stmt *stmt, const char *sql, struct db_rows *out)
{
	size_t room = 0;
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (out->rows == DB_ROWS_MAX) {
			log_warn("db.rows", "more than %d rows, cut: %.200s",
			    DB_ROWS_MAX, sql);
			return ERR_OK;
		}
		/* Not before the first step, which may prepare the statement
		 * anew after a change of the schema. */
		out->cols = (size_t)sqlite3_column_count(stmt);
		add_row(m, stmt, out, &room);
	}
	return code == SQLITE_DONE ? ERR_OK : failed(d, sql);
}

static enum err sqlite_query(struct db *db, struct mem *m, const char *sql,
    const struct db_value *values, size_t n, struct db_rows *out)
{
	struct sqlite_db *d = own(db);
	sqlite3_stmt *stmt;
	enum err err = use_stmt(d, sql, values, n, &stmt);

	*out = (struct db_rows){0};
	if (!err)
		err = read_rows(d, m, stmt, sql, out);
	release_stmt(stmt);
	if (err)
		*out = (struct db_rows){0};
	return err;
}

static enum err sqlite_script(struct db *db, const char *name, const char *text)
{
	struct sqlite_db *d = own(db);

	if (sqlite3_exec(d->handle, text, NULL, NULL, NULL) != SQLITE_OK) {
		enum err err = failed(d, name);

		/* In a script a conflict is nobody's answer. */
		if (err != ERR_CONFLICT)
			return err;
		log_error(
		    "db.failed", "%s in: %s", sqlite3_errmsg(d->handle), name);
		return ERR_INTERNAL;
	}
	if (sqlite3_get_autocommit(d->handle)) {
		log_error("db.failed", "%s ends its transaction", name);
		return ERR_INTERNAL;
	}
	return ERR_OK;
}

static enum err sqlite_begin(struct db *db)
{
	return sqlite_run(db, "begin immediate", NULL, 0, NULL);
}

static void sqlite_rollback(struct db *db)
{
	/* SQLite itself rolls back after some errors, such as a full disk. */
	if (!sqlite3_get_autocommit(own(db)->handle))
		sqlite_run(db, "rollback", NULL, 0, NULL);
}

static enum err sqlite_commit(struct db *db)
{
	enum err err = sqlite_run(db, "commit", NULL, 0, NULL);

	if (err)
		sqlite_rollback(db);
	return err;
}

/* A byte of a file beside the database stands for a key. The lock is the open
 * file description's, so that it ends with the process; no child inherits it
 * (handles are opened after fork, and the descriptor closes on exec). */
static int set_lock(struct sqlite_db *d, int64_t key, short type)
{
	struct flock lock = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = key, .l_len = 1};

	if (d->lock_fd < 0)
		d->lock_fd =
		    open(d->lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	return d->lock_fd < 0 ? -1 : fcntl(d->lock_fd, F_OFD_SETLK, &lock);
}

static enum err sqlite_lock(struct db *db, int64_t key)
{
	struct sqlite_db *d = own(db);

	if (!d->lock_path || set_lock(d, key, F_WRLCK) == 0)
		return ERR_OK;
	if (errno == EAGAIN || errno == EACCES)
		return ERR_CONFLICT;
	log_error("db.lock", "%s: %s", d->lock_path, strerror(errno));
	return ERR_BUSY;
}

static void sqlite_unlock(struct db *db, int64_t key)
{
	struct sqlite_db *d = own(db);

	if (d->lock_path && set_lock(d, key, F_UNLCK) != 0)
		log_error("db.lock", "%s: %s", d->lock_path, strerror(errno));
}

static void sqlite_shut(struct db *db)
{
	struct sqlite_db *d = own(db);

	forget_statements(d);
	sqlite3_close(d->handle);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->lock_path);
	free(d);
}

static bool sqlite_is_there(const char *uri)
{
	const char *path = uri + strlen(db_sqlite.scheme);

	return path[0] != '/' || access(path, F_OK) == 0;
}

/* Remembers which file was opened. */
static bool know_file(struct sqlite_db *d)
{
	struct stat st;

	d->path = sqlite3_db_filename(d->handle, "main");
	if (!d->path || !*d->path)
		return true;
	if (stat(d->path, &st) != 0)
		return false;
	d->device = st.st_dev;
	d->file = st.st_ino;
	return true;
}

static bool sqlite_is_current(struct db *db)
{
	const struct sqlite_db *d = own(db);
	struct stat st;

	if (d->damaged)
		return false;
	return !d->path || !*d->path ||
	       (stat(d->path, &st) == 0 && st.st_dev == d->device &&
		   st.st_ino == d->file);
}

/* A new file is for our eyes only: it holds keys. Closing this descriptor
 * frees no lock of another handle, because O_EXCL made the file just now. */
static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

/* Switching a new file to WAL does not wait for the busy timeout: two that
 * do it at once need a loop. */
static int set_wal(sqlite3 *handle)
{
	int code = SQLITE_BUSY;

	for (int waited = 0; waited < BUSY_MS; waited += NAP_MS) {
		code = sqlite3_exec(
		    handle, "pragma journal_mode = wal", NULL, NULL, NULL);
		if ((code & 0xff) != SQLITE_BUSY)
			break;
		sqlite3_sleep(NAP_MS);
	}
	return code;
}

static int set_up(sqlite3 *handle)
{
	int code;

	sqlite3_extended_result_codes(handle, 1);
	sqlite3_busy_timeout(handle, BUSY_MS);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	/* "x" is a column and never a text, as in PostgreSQL. */
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	code = set_wal(handle);
	if (code == SQLITE_OK)
		code = sqlite3_exec(
		    handle, "pragma synchronous = full", NULL, NULL, NULL);
	return code;
}

/* Before its first use, else it is refused, and all is as it was: no 20 pages
 * at once, which every sort and union would ask of the system, and give back.
 */
static void set_pages(void)
{
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

static struct db *sqlite_open(const char *uri)
{
	const char *path = uri + strlen(db_sqlite.scheme);
	const int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	struct sqlite_db *d;

	if (path[0] == '/') {
		make_file(path);
	} else if (strcmp(path, ":memory:") != 0) {
		log_error(
		    "db.open", "\"%s\": write sqlite:/absolute/path", uri);
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	set_pages();
	d->base.driver = &db_sqlite;
	d->lock_fd = -1;
	if (path[0] == '/' && asprintf(&d->lock_path, "%s-lock", path) < 0) {
		free(d);
		return NULL;
	}
	if (sqlite3_open_v2(path, &d->handle, flags, NULL) != SQLITE_OK ||
	    set_up(d->handle) != SQLITE_OK || !know_file(d)) {
		log_error("db.open", "%s: %s", path, sqlite3_errmsg(d->handle));
		sqlite_shut(&d->base);
		return NULL;
	}
	return &d->base;
}

/* The last migration of a file; 0: none ran. Its own -wal and -shm it makes as
 * the owner of the file, even for root. */
static int ask_version(sqlite3 *handle)
{
	sqlite3_stmt *stmt = NULL;
	int version = 0;

	if (sqlite3_prepare_v2(handle,
		"select max(number) from schema_migration", -1, &stmt,
		NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static const char *check_file(
    struct mem *m, const char *path, const char **found)
{
	sqlite3 *handle = NULL;
	const char *why = NULL;
	int code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL);

	sqlite3_busy_timeout(handle, BUSY_MS);
	if (code == SQLITE_OK)
		code = sqlite3_exec(
		    handle, "select 1 from sqlite_master", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		why = mem_print(m, "%s: %s", path, sqlite3_errmsg(handle));
	else
		*found = mem_print(m, "SQLite %s, schema %d",
		    sqlite3_libversion(), ask_version(handle));
	sqlite3_close(handle);
	return why;
}

static const char *folder_of(struct mem *m, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? "/"
			     : mem_text_n(m, path, (size_t)(slash - path));
}

static const char *sqlite_check(
    struct mem *m, const char *uri, const char **found)
{
	const char *path = uri + strlen(db_sqlite.scheme), *folder;
	struct stat st;

	if (path[0] != '/')
		return strcmp(path, ":memory:") != 0
			   ? "write sqlite:/absolute/path"
			   : NULL;
	if (stat(path, &st) == 0) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : 0;
		return !errno && access(path, R_OK | W_OK) == 0
			   ? check_file(m, path, found)
			   : mem_print(m, "%s: %s", path, strerror(errno));
	}
	folder = folder_of(m, path);
	return access(folder, W_OK | X_OK) == 0
		   ? NULL
		   : mem_print(m, "%s: %s", folder, strerror(errno));
}

static size_t sqlite_paths(struct mem *m, const char *uri, struct db_path **out)
{
	const char *path = uri + strlen(db_sqlite.scheme);

	if (path[0] != '/')
		return 0;
	*out = mem_alloc(m, sizeof(**out));
	**out = (struct db_path){folder_of(m, path), true};
	return 1;
}

static enum err sqlite_each(struct db *db, struct mem *rows, const char *sql,
    enum err (*take)(void *ctx, const struct db_value *row, size_t cols),
    void *ctx)
{
	struct sqlite_db *d = own(db);
	sqlite3_stmt *stmt;
	enum err err = use_stmt(d, sql, NULL, 0, &stmt);
	int code = SQLITE_DONE;

	while (!err && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int cols = sqlite3_column_count(stmt);
		struct db_value *row =
		    mem_array(rows, (size_t)cols, sizeof(*row));

		for (int col = 0; col < cols; col++)
			read_cell(rows, stmt, col, &row[col]);
		err = take(ctx, row, (size_t)cols);
		mem_clear(rows);
	}
	if (!err && code != SQLITE_DONE)
		err = failed(d, sql);
	release_stmt(stmt);
	return err;
}

const struct db_driver db_sqlite = {
    .scheme = "sqlite:",
    .open = sqlite_open,
    .check = sqlite_check,
    .paths = sqlite_paths,
    .is_there = sqlite_is_there,
    .is_current = sqlite_is_current,
    .close = sqlite_shut,
    .run = sqlite_run,
    .query = sqlite_query,
    .script = sqlite_script,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .lock = sqlite_lock,
    .unlock = sqlite_unlock,
    .tables = "select name from sqlite_master where type = 'table' "
	      "and name not like 'sqlite%' order by rowid",
    .columns = "select name from pragma_table_info($1) order by cid",
    .each = sqlite_each,
};
