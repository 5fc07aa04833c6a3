/* session.c: who is logged in. */
#include "domain/session.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { SECRET_BYTES = 32, SEEN_STEP = 60, AGENT_MOST = 400 };

static const char *const kinds[] = {"cookie", "bearer"};

static void hash_text(const char *text, char out[SESSION_HASH])
{
	crypto_sha256_hex(text, strlen(text), out);
}

static bool is_token(const char *text)
{
	return text &&
	       strspn(text,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789-_") == SESSION_TOKEN_LEN &&
	       !text[SESSION_TOKEN_LEN];
}

/* What the store holds is ours, but a session must survive what an older
 * program kept there. */
static void read_kept(struct mem *m, const char *text, struct session *out)
{
	out->kept = json_parse(m, text, strlen(text), JSON_DEEP);
	if (!json_is(out->kept, JSON_OBJECT))
		out->kept = json_new(m);
	out->kept_text = text;
}

static int64_t add_clamped(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t session_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static enum err add_row(struct db *db, const char *brand,
    const struct session *s, const struct session_origin *from,
    const char *agent)
{
	const struct db_value values[] = {db_text(s->token_hash),
	    db_text(brand), db_text(kinds[s->kind]), db_int(s->client_id),
	    db_text(s->login), db_int(s->created), db_int(s->expires),
	    db_int(from->began), db_text(from->address), db_text(agent)};

	return db_run(db,
	    "insert into session (token_hash, brand, kind, client_id, login, "
	    "created, seen, expires, began, address, agent) "
	    "values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10)",
	    values, 10, NULL);
}

/* A header's bytes as text that the store takes. */
static const char *clean_agent(struct mem *m, const char *agent)
{
	char *text = mem_text(m, agent ? agent : "");
	size_t len = strlen(text);

	text[len < AGENT_MOST ? len : AGENT_MOST] = '\0';
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

enum err session_begin(struct db *db, struct mem *m, const char *brand,
    enum session_kind kind, int64_t client_id, const char *login,
    int64_t lifetime_s, int64_t now, const struct session_origin *from,
    struct session *out, char **token)
{
	char *text = crypto_token(m, SECRET_BYTES);
	struct session s = {
	    .kind = kind,
	    .client_id = client_id,
	    .login = mem_text(m, login),
	    .created = now,
	    .seen = now,
	    .expires = add_clamped(now, lifetime_s),
	};
	enum err err;

	hash_text(text, s.token_hash);
	read_kept(m, "{}", &s);
	err = add_row(db, brand, &s, from, clean_agent(m, from->agent));
	if (err)
		return err;
	*out = s;
	*token = text;
	return ERR_OK;
}

/* A failure is the store's log line and nothing else: reading must work while
 * writing does not. */
static void touch(struct db *db, struct session *s, int64_t idle_s, int64_t now)
{
	const struct db_value values[] = {db_int(now), db_text(s->token_hash)};
	int64_t step = SEEN_STEP;

	if (idle_s > 0 && idle_s / 2 < step)
		step = idle_s / 2;
	if (now - s->seen <= step)
		return;
	if (db_run(db,
		"update session set seen = $1 "
		"where token_hash = $2 and seen < $1",
		values, 2, NULL) == ERR_OK)
		s->seen = now;
}

/* Not ended with its customer's, or spared then. A cut from the future was made
 * by a clock that has gone back since, and would end all that begins until
 * then; what it ended itself is deleted. */
#define NOT_CUT(latest)                                                        \
	"not exists (select 1 from session_cut c where "                       \
	"c.brand = s.brand and c.client_id = s.client_id "                     \
	"and c.time >= s.began and c.time <= " latest                          \
	" and c.spared <> s.token_hash)"

/* Hosts' clocks differ a little. */
static int64_t latest_cut(void)
{
	return session_clock() + INT64_C(60000000);
}

static enum err find_row(
    struct db *db, struct mem *m, const char *brand, struct session *s)
{
	const struct db_value values[] = {db_text(s->token_hash),
	    db_text(brand), db_text(kinds[s->kind]), db_int(latest_cut())};
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select client_id, login, created, seen, expires, kept, lack "
	    "from session s where token_hash = $1 and brand = $2 "
	    "and kind = $3 and " NOT_CUT("$4"),
	    values, 4, &rows);

	if (err)
		return err;
	if (!rows.rows)
		return ERR_LOGIN;
	s->client_id = db_cell_int(&rows, 0, 0);
	s->login = db_cell_text(&rows, 0, 1);
	s->created = db_cell_int(&rows, 0, 2);
	s->seen = db_cell_int(&rows, 0, 3);
	s->expires = db_cell_int(&rows, 0, 4);
	read_kept(m, db_cell_text(&rows, 0, 5), s);
	s->lack = (enum session_lack)db_cell_int(&rows, 0, 6);
	return ERR_OK;
}

enum err session_find(struct db *db, struct mem *m, const char *brand,
    enum session_kind kind, const char *token, int64_t idle_s, int64_t now,
    struct session *out)
{
	struct session s = {.kind = kind};
	enum err err;

	if (!is_token(token))
		return ERR_LOGIN;
	hash_text(token, s.token_hash);
	err = find_row(db, m, brand, &s);
	if (err)
		return err;
	if (now >= s.expires || (idle_s > 0 && now - s.seen > idle_s))
		return ERR_LOGIN;
	touch(db, &s, idle_s, now);
	*out = s;
	return ERR_OK;
}

enum err session_keep(
    struct db *db, struct session *session, struct json_object *kept)
{
	const char *text = json_write(json_pool(kept), kept, NULL);
	const struct db_value values[] = {
	    db_text(text), db_text(session->token_hash)};
	enum err err;

	if (strcmp(text, session->kept_text) == 0)
		return ERR_OK;
	err = db_run(db, "update session set kept = $1 where token_hash = $2",
	    values, 2, NULL);
	if (!err)
		session->kept_text = text;
	return err;
}

enum err session_set_lack(
    struct db *db, struct session *session, enum session_lack lack)
{
	const struct db_value values[] = {
	    db_int(lack), db_text(session->token_hash)};

	session->lack = lack;
	return db_run(db, "update session set lack = $1 where token_hash = $2",
	    values, 2, NULL);
}

enum err session_want_factor(
    struct db *db, const char *brand, int64_t client_id)
{
	const struct db_value values[] = {
	    db_int(SESSION_NO_FACTOR), db_text(brand), db_int(client_id)};

	return db_run(db,
	    "update session set lack = $1 where brand = $2 and client_id = $3",
	    values, 3, NULL);
}

enum err session_end(struct db *db, const struct session *session)
{
	const struct db_value hash = db_text(session->token_hash);

	return db_run(
	    db, "delete from session where token_hash = $1", &hash, 1, NULL);
}

enum err session_end_client(struct db *db, const char *brand, int64_t client_id,
    const char *except_hash)
{
	const struct db_value values[] = {db_text(brand), db_int(client_id),
	    db_text(except_hash ? except_hash : ""), db_int(session_clock())};
	enum err err = db_run(db,
	    "insert into session_cut (brand, client_id, spared, time) "
	    "values ($1, $2, $3, $4) on conflict (brand, client_id) "
	    "do update set spared = $3, time = $4",
	    values, 4, NULL);

	if (err)
		return err;
	return db_run(db,
	    "delete from session "
	    "where brand = $1 and client_id = $2 and token_hash <> $3",
	    values, 3, NULL);
}

enum err session_list(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, int64_t idle_s, int64_t now, struct session_row **out,
    size_t *n)
{
	const struct db_value values[] = {db_text(brand), db_int(client_id),
	    db_int(now), db_int(idle_s > 0 ? now - idle_s : 0),
	    db_int(SESSION_LIST_MAX), db_int(latest_cut())};
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select token_hash, kind, created, seen, address, agent "
	    "from session s where brand = $1 and client_id = $2 "
	    "and lack = 0 and expires > $3 and seen >= $4 and " NOT_CUT(
		"$6") " order by seen desc, created desc, token_hash limit $5",
	    values, 6, &rows);

	*n = err ? 0 : rows.rows;
	*out = mem_array(m, *n + 1, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = (struct session_row){
		    .id = db_cell_text(&rows, i, 0),
		    .kind = strcmp(db_cell_text(&rows, i, 1), "bearer")
				? SESSION_COOKIE
				: SESSION_BEARER,
		    .created = db_cell_int(&rows, i, 2),
		    .seen = db_cell_int(&rows, i, 3),
		    .address = db_cell_text(&rows, i, 4),
		    .agent = db_cell_text(&rows, i, 5),
		};
	return err;
}

enum err session_end_one(
    struct db *db, const char *brand, int64_t client_id, const char *id)
{
	const struct db_value values[] = {
	    db_text(brand), db_int(client_id), db_text(id)};
	int64_t ended = 0;
	enum err err = db_run(db,
	    "delete from session "
	    "where brand = $1 and client_id = $2 and token_hash = $3",
	    values, 3, &ended);

	return !err && !ended ? ERR_NOT_FOUND : err;
}

enum err session_purge(struct db *db, int64_t now)
{
	const struct db_value values[] = {
	    db_int(now), db_int(SESSION_PURGE_MAX)};

	return db_run(db,
	    "delete from session where token_hash in ("
	    "select token_hash from session where expires <= $1 "
	    "order by expires limit $2)",
	    values, 2, NULL);
}

/* --- CSRF --------------------------------------------------------------- */

enum { CSRF_NONCE_LEN = 16 }; /* 12 bytes as base64url */

static char *make_csrf(
    struct mem *m, const char *key, const char *nonce, const char *token)
{
	const char *text = mem_print(m, "csrf:%s:%s", nonce, token);
	unsigned char mac[CRYPTO_SHA256];

	crypto_hmac_sha256(key, strlen(key), text, strlen(text), mac);
	return mem_print(
	    m, "%s%s", nonce, crypto_base64url(m, mac, sizeof(mac)));
}

char *session_csrf(struct mem *m, const char *key, const char *token)
{
	return make_csrf(m, key, crypto_token(m, 12), token);
}

bool session_csrf_check(
    struct mem *m, const char *key, const char *token, const char *given)
{
	const char *nonce;

	if (!given || strlen(given) <= CSRF_NONCE_LEN)
		return false;
	nonce = mem_text_n(m, given, CSRF_NONCE_LEN);
	return crypto_equal_text(make_csrf(m, key, nonce, token), given);
}

static enum err find_secret(
    struct db *db, struct mem *m, const char *name, const char **out)
{
	const struct db_value value = db_text(name);
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select value from secret where name = $1", &value, 1, &rows);

	*out = err || !rows.rows ? NULL : db_cell_text(&rows, 0, 0);
	return err;
}

/* Another process may have been first: whose secret it is, find_secret()
 * says afterwards. */
static enum err add_secret(struct db *db, struct mem *m, const char *name)
{
	unsigned char bytes[SECRET_BYTES];
	struct db_value values[2] = {db_text(name)};

	crypto_random(bytes, sizeof(bytes));
	values[1] = db_text(crypto_hex(m, bytes, sizeof(bytes)));
	crypto_wipe(bytes, sizeof(bytes));
	return db_run(db,
	    "insert into secret (name, value) values ($1, $2) "
	    "on conflict (name) do nothing",
	    values, 2, NULL);
}

enum err session_secret(
    struct db *db, struct mem *m, const char *name, char out_hex[SESSION_HASH])
{
	const char *value;
	enum err err = find_secret(db, m, name, &value);

	if (!err && !value) {
		err = add_secret(db, m, name);
		if (!err)
			err = find_secret(db, m, name, &value);
	}
	if (err)
		return err;
	if (!value || strlen(value) != SESSION_HASH - 1) {
		log_error("session.secret",
		    "the store's secret \"%s\" is "
		    "not 64 digits long",
		    name);
		return ERR_INTERNAL;
	}
	memcpy(out_hex, value, SESSION_HASH);
	return ERR_OK;
}

bool session_can_read(struct db *db, struct mem *m)
{
	struct db_rows rows;

	return db_query(db, m, "select name from secret limit 1", NULL, 0,
		   &rows) == ERR_OK;
}
