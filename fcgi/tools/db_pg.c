/* db_pg.c: the store in a PostgreSQL database, which several hosts may share.
 *
 * Nothing is sent twice: of a statement without an answer nobody knows whether
 * it ran. Its connection is given up, the caller is told ERR_BUSY, and the next
 * statement opens another. Locks and transactions end with their connection, so
 * nothing runs on a new one until their holder has ended them, too.
 */
#include "tools/db_driver.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/mem.h"

enum {
	SLOTS = 256,
	SLOTS_FULL = SLOTS / 4 * 3,
	VALUES_MOST = 32,
	LOCKS_MOST = 8,
	ANSWER_MS = 8000, /* longer than the server's own limits, see SETUP */
	SCRIPT_MS = 600 * 1000,
	RESTART_MS = 1500,
	STEP_MS = 50,
	OLDEST = 120000 /* a version of the server */
};

/* pg_type.oid */
enum { BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25 };

/* Of two transactions, one waits. Inside of pg_advisory_xact_lock(): no key
 * that db.c makes is negative. */
#define BEGIN "begin; select pg_advisory_xact_lock(-7308332)"

/* What was said to be done is on the disk, whatever the server's default. A
 * session whose host is gone loses its locks within half a minute, and within
 * seconds the one that every transaction waits for. */
#define SETUP                                                                  \
	"set statement_timeout = 5000; set lock_timeout = 2000; "              \
	"set idle_in_transaction_session_timeout = 5000; "                     \
	"set default_transaction_isolation = 'read committed'; "               \
	"set bytea_output = 'hex'; set jit = off; "                            \
	"set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; "      \
	"set tcp_keepalives_count = 3; set tcp_user_timeout = 25000; "         \
	"select set_config('synchronous_commit', 'on', false) "                \
	"where current_setting('synchronous_commit') = 'off'"

/* A prepared statement. A type is 0 until a value that is not NULL came. */
struct slot {
	const char *sql; /* the literal's address is the key */
	char *text;
	char name[16];
	size_t n;
	Oid types[VALUES_MOST];
};

struct pg_db {
	struct db base;
	char *uri;
	PGconn *conn;		  /* NULL: none yet, or it was lost */
	struct slot slots[SLOTS]; /* open addressing */
	size_t prepared;	  /* since all were forgotten */
	unsigned serial;
	bool in_transaction;
	int64_t held[LOCKS_MOST];
	size_t n_held;
	int64_t away_until; /* ms */
};

static struct pg_db *own(struct db *db)
{
	return (struct pg_db *)db;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- The connection ------------------------------------------------------- */

static void forget_statements(struct pg_db *d)
{
	for (size_t i = 0; i < SLOTS; i++)
		free(d->slots[i].text);
	memset(d->slots, 0, sizeof(d->slots));
	d->prepared = 0;
}

static void drop(struct pg_db *d)
{
	PQfinish(d->conn);
	d->conn = NULL;
	forget_statements(d);
}

/* What libpq says, in one line. */
static const char *say(const PGconn *conn, char out[256])
{
	const char *text = PQerrorMessage(conn);

	snprintf(out, 256, "%.*s", (int)strcspn(text, "\n"), text);
	return out;
}

static enum err lost(struct pg_db *d, const char *why, const char *sql)
{
	char text[256];

	log_error(
	    "db.lost", "%s in: %.200s", why ? why : say(d->conn, text), sql);
	drop(d);
	return ERR_BUSY;
}

static void hear(void *ctx, const PGresult *r)
{
	const char *level =
	    PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	(void)ctx;
	if (level && (!strcmp(level, "NOTICE") || !strcmp(level, "INFO")))
		log_debug("db.notice", "%s", text ? text : "");
	else
		log_warn("db.notice", "%s", text ? text : "");
}

/* Waits until the socket can be used as wanted, or the deadline. */
static int wait_socket(const struct pg_db *d, short events, int64_t deadline)
{
	struct pollfd p = {.fd = PQsocket(d->conn), .events = events};
	int64_t left;
	int n;

	if (p.fd < 0)
		return 0;
	do {
		left = deadline - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? p.revents : 0;
}

/* False: nothing came in time, or the connection is gone. */
static bool await_result(struct pg_db *d, int64_t deadline)
{
	for (;;) {
		int unsent = PQflush(d->conn), ready;

		if (unsent < 0)
			return false;
		if (!unsent && !PQisBusy(d->conn))
			return true;
		ready = wait_socket(
		    d, unsent ? POLLIN | POLLOUT : POLLIN, deadline);
		if (!ready)
			return false;
		if (ready & ~POLLOUT && !PQconsumeInput(d->conn))
			return false;
	}
}

/* What a server that ends says unasked is read here, so that the next statement
 * is not lost with the connection. */
static bool is_alive(struct pg_db *d)
{
	if (!d->conn || PQstatus(d->conn) != CONNECTION_OK)
		return false;
	while (wait_socket(d, POLLIN, 0)) {
		if (!PQconsumeInput(d->conn))
			return false;
		PQisBusy(d->conn);
	}
	return true;
}

/* --- Errors --------------------------------------------------------------- */

static bool is_of(const char *state, const char *const *begins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(state, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* What an SQLSTATE means. Busy: the connection, serialisation and deadlocks,
 * resources, an operator, the system, a lock, a read-only server, a statement
 * that has to be prepared anew. */
static enum err classify(const char *state)
{
	static const char *const busy[] = {"08", "40", "53", "57", "58",
	    "55P03", "25006", "25P03", "26000", "0A000"};

	if (!strcmp(state, "23505"))
		return ERR_CONFLICT;
	if (!strcmp(state, "22021") || !strcmp(state, "22P05"))
		return ERR_INPUT; /* no UTF-8, or NUL */
	return is_of(state, busy, sizeof(busy) / sizeof(*busy)) ? ERR_BUSY
								: ERR_INTERNAL;
}

/* The details that a server adds hold values: they are not for the log. */
static enum err failed(struct pg_db *d, const PGresult *r, const char *sql)
{
	static const char *const unprepared[] = {"26000", "0A000"};
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	enum err err = state ? classify(state) : ERR_INTERNAL;

	if (err != ERR_CONFLICT)
		log_error(err == ERR_BUSY ? "db.busy" : "db.failed",
		    "%s (%s) in: %.200s", text ? text : "not one statement",
		    state ? state : "-", sql);
	if (state && is_of(state, unprepared, 2))
		forget_statements(d);
	/* Another server may be the one to write to now. */
	if (PQstatus(d->conn) != CONNECTION_OK ||
	    (state && !strcmp(state, "25006")))
		drop(d);
	return err;
}

static bool is_good(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The answer to what was sent: the first failure, or the last result. */
static enum err take_answer(
    struct pg_db *d, const char *sql, int64_t patience_ms, PGresult **out)
{
	int64_t deadline = now_ms() + patience_ms;
	PGresult *got = NULL, *next;
	enum err err;

	for (;;) {
		if (!await_result(d, deadline)) {
			PQclear(got);
			return lost(d,
			    now_ms() >= deadline ? "no answer in time" : NULL,
			    sql);
		}
		next = PQgetResult(d->conn);
		if (!next)
			break;
		if (got && !is_good(got)) {
			PQclear(next);
			continue;
		}
		PQclear(got);
		got = next;
	}
	err = is_good(got) ? ERR_OK : failed(d, got, sql);
	if (err || !out)
		PQclear(got);
	else
		*out = got;
	return err;
}

/* --- Opening -------------------------------------------------------------- */

/* libpq's words on a URI may quote it, with its password. */
static char *explain_uri(const char *uri)
{
	char *why = NULL, *copy = NULL;
	PQconninfoOption *all = PQconninfoParse(uri, &why);

	if (!all) {
		size_t len = why ? strcspn(why, "\"\n") : 0;

		if (asprintf(&copy, "no URI of PostgreSQL: %.*s", (int)len,
			why ? why : "") < 0)
			copy = NULL;
	}
	PQconninfoFree(all);
	PQfreemem(why);
	return copy;
}

/* What the URI says stands; before it, what is assumed, and behind it, what
 * must be. Files of the user's home cannot be read by a confined worker, so
 * they shall not work for anybody else either. */
static PGconn *dial(const char *uri)
{
	const char *const keys[] = {"connect_timeout", "keepalives_idle",
	    "gssencmode", "passfile", "dbname", "client_encoding",
	    "fallback_application_name", NULL};
	const char *const values[] = {
	    "3", "10", "disable", "/nowhere", uri, "UTF8", "portico", NULL};

	return PQconnectdbParams(keys, values, 1);
}

static enum err set_up(struct pg_db *d)
{
	if (PQserverVersion(d->conn) < OLDEST) {
		log_error("db.open", "PostgreSQL %d is too old",
		    PQserverVersion(d->conn) / 10000);
		return ERR_INTERNAL;
	}
	PQsetNoticeReceiver(d->conn, hear, NULL);
	if (PQsetnonblocking(d->conn, 1) || !PQsendQuery(d->conn, SETUP))
		return lost(d, NULL, SETUP);
	return take_answer(d, SETUP, ANSWER_MS, NULL);
}

/* A server that restarts refuses for a moment. */
static bool dial_patiently(struct pg_db *d, int64_t until)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

	for (;;) {
		d->conn = dial(d->uri);
		if (PQstatus(d->conn) == CONNECTION_OK)
			return true;
		if (now_ms() + STEP_MS >= until)
			return false;
		drop(d);
		nanosleep(&step, NULL);
	}
}

/* After tries that failed the next ones fail at once, for as long as those
 * took: a server that is away must not hold all workers up. */
static enum err connect_anew(struct pg_db *d)
{
	int64_t began = now_ms();
	enum err err = ERR_BUSY;
	char text[256];

	if (began < d->away_until) {
		log_error("db.open", "the server was away just now");
		return ERR_BUSY;
	}
	if (dial_patiently(d, began + RESTART_MS))
		err = set_up(d);
	else
		log_error("db.open", "%s", say(d->conn, text));
	if (!err)
		return ERR_OK;
	drop(d);
	d->away_until = now_ms() + (now_ms() - began);
	return ERR_BUSY;
}

/* A connection to send on. */
static enum err ready(struct pg_db *d)
{
	if (is_alive(d))
		return ERR_OK;
	if (d->conn)
		drop(d);
	if (!d->in_transaction && !d->n_held)
		return connect_anew(d);
	log_error("db.lost", "%s is gone with its connection",
	    d->n_held ? "a lock" : "a transaction");
	return ERR_BUSY;
}

static enum err simple(
    struct pg_db *d, const char *sql, int64_t patience_ms, PGresult **out)
{
	enum err err = ready(d);

	if (err)
		return err;
	if (!PQsendQuery(d->conn, sql))
		return lost(d, NULL, sql);
	return take_answer(d, sql, patience_ms, out);
}

/* --- Statements ----------------------------------------------------------- */

static struct slot *find_slot(struct pg_db *d, const char *sql)
{
	uint64_t hash = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash >> 32) % SLOTS;

	while (d->slots[i].sql && d->slots[i].sql != sql)
		i = (i + 1) % SLOTS;
	return &d->slots[i];
}

/* The highest N of "$N". */
static size_t count_parameters(const char *sql)
{
	size_t most = 0;

	while ((sql = strchr(sql, '$'))) {
		size_t n = strtoul(++sql, NULL, 10);

		most = n > most ? n : most;
	}
	return most;
}

/* Said to the server, which cannot always tell ("$1 - $2"). */
static Oid type_of(const struct db_value *v)
{
	static const Oid types[] = {[DB_NULL] = 0,
	    [DB_INT] = INT8,
	    [DB_TEXT] = TEXT,
	    [DB_BLOB] = BYTEA};

	return types[v->type];
}

/* The text is compared too: if a caller passes no literal, another text may lie
 * at the same address later. */
static bool is_same(const struct slot *s, const char *sql)
{
	return s->sql && strcmp(s->text, sql) == 0;
}

static bool fits(const struct slot *s, const struct db_value *values, size_t n)
{
	if (s->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (type_of(&values[i]) && type_of(&values[i]) != s->types[i])
			return false;
	return true;
}

static enum err fill_slot(
    struct pg_db *d, const char *sql, const struct db_value *values, size_t n)
{
	struct slot *s = find_slot(d, sql), made = {.sql = sql, .n = n};
	enum err err;

	for (size_t i = 0; i < n; i++) {
		made.types[i] = type_of(&values[i]);
		if (!made.types[i] && is_same(s, sql))
			made.types[i] = s->types[i];
	}
	snprintf(made.name, sizeof(made.name), "p%u", ++d->serial);
	if (!PQsendPrepare(d->conn, made.name, sql, (int)n, made.types))
		return lost(d, NULL, sql);
	err = take_answer(d, sql, ANSWER_MS, NULL);
	if (err)
		return err;
	made.text = strdup(sql);
	if (!made.text)
		return ERR_INTERNAL;
	free(s->text);
	*s = made;
	d->prepared++;
	return ERR_OK;
}

static enum err prepare(
    struct pg_db *d, const char *sql, const struct db_value *values, size_t n)
{
	const struct slot *s = find_slot(d, sql);
	size_t wanted;

	if (is_same(s, sql) && fits(s, values, n))
		return ERR_OK;
	wanted = count_parameters(sql);
	if (wanted != n || n > VALUES_MOST) {
		log_error("db.failed",
		    "%zu values for %zu parameters in: %.200s", n, wanted, sql);
		return ERR_INTERNAL;
	}
	/* Names are never used again, so a failure here does no harm. */
	if (d->prepared == SLOTS_FULL) {
		simple(d, "deallocate all", ANSWER_MS, NULL);
		forget_statements(d);
	}
	return d->conn ? fill_slot(d, sql, values, n) : ERR_BUSY;
}

static bool send_values(
    struct pg_db *d, const char *sql, const struct db_value *values, size_t n)
{
	const char *data[VALUES_MOST];
	int lengths[VALUES_MOST], binary[VALUES_MOST];
	uint64_t numbers[VALUES_MOST];

	for (size_t i = 0; i < n; i++) {
		const struct db_value *v = &values[i];

		binary[i] = 1;
		lengths[i] = (int)v->len;
		data[i] = v->len ? v->data : "";
		if (v->type == DB_NULL)
			data[i] = NULL;
		if (v->type == DB_INT) {
			numbers[i] = htobe64((uint64_t)v->number);
			data[i] = (const char *)&numbers[i];
			lengths[i] = sizeof(numbers[i]);
		}
	}
	return PQsendQueryPrepared(
	    d->conn, find_slot(d, sql)->name, (int)n, data, lengths, binary, 0);
}

static enum err execute(struct pg_db *d, const char *sql,
    const struct db_value *values, size_t n, PGresult **out)
{
	enum err err = ready(d);

	if (!err)
		err = prepare(d, sql, values, n);
	if (err)
		return err;
	if (!send_values(d, sql, values, n))
		return lost(d, NULL, sql);
	return take_answer(d, sql, ANSWER_MS, out);
}

/* A select, too, says how many rows. */
static int64_t count_changed(PGresult *r)
{
	const char *tag = PQcmdStatus(r);

	if (strncmp(tag, "INSERT", 6) != 0 && strncmp(tag, "UPDATE", 6) != 0 &&
	    strncmp(tag, "DELETE", 6) != 0)
		return 0;
	return strtoll(PQcmdTuples(r), NULL, 10);
}

static enum err pg_run(struct db *db, const char *sql,
    const struct db_value *values, size_t n, int64_t *changed)
{
	PGresult *r = NULL;
	enum err err = execute(own(db), sql, values, n, &r);

	if (changed)
		*changed = err ? 0 : count_changed(r);
	PQclear(r);
	return err;
}

static void read_bytes(struct mem *m, const char *text, struct db_value *out)
{
	unsigned char *bytes =
	    PQunescapeBytea((const unsigned char *)text, &out->len);

	out->type = DB_BLOB;
	out->data = mem_text_n(m, bytes ? (char *)bytes : "", out->len);
	PQfreemem(bytes);
}

static void read_cell(
    struct mem *m, const PGresult *r, int row, int col, struct db_value *out)
{
	const char *text = PQgetvalue(r, row, col);

	if (PQgetisnull(r, row, col)) {
		out->type = DB_NULL;
		return;
	}
	switch (PQftype(r, col)) {
	case BOOL:
		*out = db_int(*text == 't');
		break;
	case INT2:
	case INT4:
	case INT8:
		*out = db_int(strtoll(text, NULL, 10));
		break;
	case BYTEA:
		read_bytes(m, text, out);
		break;
	default:
		out->type = DB_TEXT;
		out->len = (size_t)PQgetlength(r, row, col);
		out->data = mem_text_n(m, text, out->len);
		break;
	}
}

static void read_rows(
    struct mem *m, const PGresult *r, const char *sql, struct db_rows *out)
{
	int rows = PQntuples(r), cols = PQnfields(r);

	if (rows > DB_ROWS_MAX) {
		log_warn("db.rows", "more than %d rows, cut: %.200s",
		    DB_ROWS_MAX, sql);
		rows = DB_ROWS_MAX;
	}
	if (!rows || !cols)
		return;
	out->rows = (size_t)rows;
	out->cols = (size_t)cols;
	out->cells = mem_array(m, out->rows, out->cols * sizeof(*out->cells));
	for (int row = 0; row < rows; row++)
		for (int col = 0; col < cols; col++)
			read_cell(
			    m, r, row, col, &out->cells[row * cols + col]);
}

static enum err pg_query(struct db *db, struct mem *m, const char *sql,
    const struct db_value *values, size_t n, struct db_rows *out)
{
	PGresult *r = NULL;
	enum err err = execute(own(db), sql, values, n, &r);

	*out = (struct db_rows){0};
	if (!err)
		read_rows(m, r, sql, out);
	PQclear(r);
	return err;
}

/* --- Transactions --------------------------------------------------------- */

static void pg_rollback(struct db *db)
{
	struct pg_db *d = own(db);

	d->in_transaction = false;
	if (!is_alive(d) || PQtransactionStatus(d->conn) == PQTRANS_IDLE)
		return;
	if (simple(d, "rollback", ANSWER_MS, NULL) && d->conn)
		drop(d);
}

static enum err pg_begin(struct db *db)
{
	struct pg_db *d = own(db);
	enum err err;

	if (d->in_transaction) {
		log_error("db.failed", "a transaction within a transaction");
		return ERR_INTERNAL;
	}
	err = simple(d, BEGIN, ANSWER_MS, NULL);
	if (err)
		pg_rollback(db);
	else
		d->in_transaction = true;
	return err;
}

static enum err pg_commit(struct db *db)
{
	struct pg_db *d = own(db);
	PGresult *r = NULL;
	enum err err = simple(d, "commit", ANSWER_MS, &r);

	/* After a failure that nobody heeded it does not fail. */
	if (!err && strcmp(PQcmdStatus(r), "COMMIT") != 0) {
		log_error("db.failed", "the transaction had failed before");
		err = ERR_INTERNAL;
	}
	PQclear(r);
	pg_rollback(db);
	return err;
}

static enum err pg_script(struct db *db, const char *name, const char *text)
{
	struct pg_db *d = own(db);
	enum err err = simple(d,
	    "set local statement_timeout = 0; set local lock_timeout = 10000; "
	    "set local idle_in_transaction_session_timeout = 60000",
	    ANSWER_MS, NULL);

	if (err)
		return err;
	if (!PQsendQuery(d->conn, text))
		return lost(d, NULL, name);
	err = take_answer(d, name, SCRIPT_MS, NULL);
	/* In a script a conflict is nobody's answer. */
	if (err == ERR_CONFLICT) {
		log_error("db.failed", "a UNIQUE key forbids it in: %s", name);
		return ERR_INTERNAL;
	}
	if (!err && PQtransactionStatus(d->conn) == PQTRANS_IDLE) {
		log_error("db.failed", "%s ends its transaction", name);
		return ERR_INTERNAL;
	}
	return err;
}

/* --- Locks ---------------------------------------------------------------- */

static bool is_held(const struct pg_db *d, int64_t key, size_t *at)
{
	for (*at = 0; *at < d->n_held; ++*at)
		if (d->held[*at] == key)
			return true;
	return false;
}

static enum err pg_lock(struct db *db, int64_t key)
{
	const struct db_value value = db_int(key);
	struct pg_db *d = own(db);
	PGresult *r = NULL;
	size_t at;
	bool taken;
	enum err err;

	if (d->n_held == LOCKS_MOST) {
		log_error("db.lock", "more than %d locks", LOCKS_MOST);
		return ERR_INTERNAL;
	}
	/* The server would count; and a lost one is not had. */
	if (is_held(d, key, &at))
		return ready(d);
	err = execute(d, "select pg_try_advisory_lock($1)", &value, 1, &r);
	if (err)
		return err;
	taken = PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	if (!taken)
		return ERR_CONFLICT;
	d->held[d->n_held++] = key;
	return ERR_OK;
}

static void pg_unlock(struct db *db, int64_t key)
{
	const struct db_value value = db_int(key);
	struct pg_db *d = own(db);
	size_t at;

	if (!is_held(d, key, &at))
		return;
	d->held[at] = d->held[--d->n_held];
	/* It ends with the connection, if not otherwise. */
	if (is_alive(d) &&
	    execute(d, "select pg_advisory_unlock($1)", &value, 1, NULL) !=
		ERR_OK &&
	    d->conn)
		drop(d);
}

/* --- Handles -------------------------------------------------------------- */

static void pg_close(struct db *db)
{
	struct pg_db *d = own(db);

	drop(d);
	free(d->uri);
	free(d);
}

/* Connects when it is first used: a server that is away is tried again. */
static struct db *pg_open(const char *uri)
{
	char *why = explain_uri(uri);
	struct pg_db *d;

	if (why) {
		log_error("db.open", "%s", why);
		free(why);
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->base.driver = &db_pg;
	d->uri = strdup(uri);
	if (!d->uri) {
		free(d);
		return NULL;
	}
	return &d->base;
}

static const char *ask(struct mem *m, PGconn *conn, const char *sql)
{
	PGresult *r = PQexec(conn, sql);
	const char *text = is_good(r) && PQntuples(r) && !PQgetisnull(r, 0, 0)
			       ? mem_text(m, PQgetvalue(r, 0, 0))
			       : NULL;

	PQclear(r);
	return text;
}

static const char *check_server(struct mem *m, PGconn *conn, const char **found)
{
	const char *version = PQparameterStatus(conn, "server_version");
	const char *schema, *number;
	char text[256];

	if (PQstatus(conn) != CONNECTION_OK)
		return mem_text(m, say(conn, text));
	schema = ask(m, conn, "select current_schema()");
	if (PQserverVersion(conn) < OLDEST)
		return mem_print(m, "PostgreSQL %s is too old", version);
	if (!schema)
		return "no schema of the search_path is there";
	number = ask(m, conn, "select max(number) from schema_migration");
	if (!number && !ask(m, conn,
			   "select 1 where has_schema_privilege("
			   "current_schema(), 'create')"))
		return mem_print(
		    m, "no right to make tables in the schema %s", schema);
	*found = mem_print(m, "PostgreSQL %.*s%s, schema %s",
	    (int)strcspn(version, " "), version,
	    PQsslInUse(conn) ? " over TLS" : "", number ? number : "0");
	return NULL;
}

static void hear_nothing(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r;
}

static const char *pg_check(struct mem *m, const char *uri, const char **found)
{
	char *wrong = explain_uri(uri);
	const char *why = wrong ? mem_text(m, wrong) : NULL;
	PGconn *conn;

	free(wrong);
	if (why)
		return why;
	conn = dial(uri);
	PQsetNoticeReceiver(conn, hear_nothing, NULL);
	why = check_server(m, conn, found);
	PQfinish(conn);
	return why;
}

/* Files that the URI names. Where it names no user, libpq looks up who we
 * are. */
static size_t pg_paths(struct mem *m, const char *uri, struct db_path **out)
{
	static const char *const keys[] = {
	    "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"};
	PQconninfoOption *all = PQconninfoParse(uri, NULL), *o;
	bool has_user = false;
	size_t n = 0;

	*out = mem_array(m, sizeof(keys) / sizeof(*keys) + 1, sizeof(**out));
	for (o = all; o && o->keyword; o++) {
		if (!o->val)
			continue;
		has_user = has_user || !strcmp(o->keyword, "user");
		if (is_of(o->keyword, keys, sizeof(keys) / sizeof(*keys)))
			(*out)[n++].path = mem_text(m, o->val);
	}
	if (!has_user)
		(*out)[n++].path = "/etc/passwd";
	PQconninfoFree(all);
	return n;
}

/* --- Copying -------------------------------------------------------------- */

static enum err take_row(struct mem *rows, const PGresult *r,
    enum err (*take)(void *ctx, const struct db_value *row, size_t cols),
    void *ctx)
{
	int cols = PQnfields(r);
	struct db_value *row = mem_array(rows, (size_t)cols, sizeof(*row));
	enum err err;

	for (int col = 0; col < cols; col++)
		read_cell(rows, r, 0, col, &row[col]);
	err = take(ctx, row, (size_t)cols);
	mem_clear(rows);
	return err;
}

static enum err pg_each(struct db *db, struct mem *rows, const char *sql,
    enum err (*take)(void *ctx, const struct db_value *row, size_t cols),
    void *ctx)
{
	struct pg_db *d = own(db);
	enum err err = simple(d,
	    "set local statement_timeout = 0; "
	    "set local idle_in_transaction_session_timeout = 60000",
	    ANSWER_MS, NULL);
	PGresult *r;

	if (!err &&
	    (!PQsendQuery(d->conn, sql) || !PQsetSingleRowMode(d->conn)))
		return lost(d, NULL, sql);
	while (!err) {
		if (!await_result(d, now_ms() + SCRIPT_MS))
			return lost(d, NULL, sql);
		r = PQgetResult(d->conn);
		if (!r)
			return ERR_OK;
		if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
			err = take_row(rows, r, take, ctx);
		else if (!is_good(r))
			err = failed(d, r, sql);
		PQclear(r);
	}
	/* What is still to come is nobody's. */
	drop(d);
	return err;
}

const struct db_driver db_pg = {
    .scheme = "postgresql://",
    .open = pg_open,
    .check = pg_check,
    .paths = pg_paths,
    .close = pg_close,
    .run = pg_run,
    .query = pg_query,
    .script = pg_script,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .lock = pg_lock,
    .unlock = pg_unlock,
    .tables = "select relname::text from pg_class where relkind = 'r' "
	      "and relnamespace = current_schema()::regnamespace order by oid",
    .columns = "select attname::text from pg_attribute "
	       "where attrelid = $1::regclass and attnum > 0 "
	       "and not attisdropped order by attnum",
    .each = pg_each,
};
