/* session.h: who is logged in. A session is a row of the store; the browser
 * or the API's client holds a random token, the store only the token's
 * SHA-256, so that a stolen copy of the store logs nobody in.
 *
 * A session belongs to one brand and one kind: the token of a cookie is no
 * bearer token and the other way round.
 *
 * All times are seconds since 1970 but where microseconds are named; `now` is
 * the caller's clock. ERR_BUSY and ERR_INTERNAL, where an enum err comes back,
 * are the store's, and logged.
 */
#ifndef PORTICO_SESSION_H
#define PORTICO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

struct db;
struct json_object;
struct mem;

enum {
	SESSION_HASH = 65,     /* 64 hexadecimal digits and a NUL */
	SESSION_TOKEN_LEN = 43 /* 32 bytes as base64url */
};

enum session_kind { SESSION_COOKIE, SESSION_BEARER };

/* What a log-in still lacks. A session that lacks something is good for the
 * pages that end the lack, and for log-out. */
enum session_lack {
	SESSION_WHOLE = 0,
	SESSION_NO_CODE,  /* the second factor was not shown */
	SESSION_NO_FACTOR /* there is none, and the brand asks for one */
};

struct session {
	char token_hash[SESSION_HASH]; /* the session's name: no secret */
	enum session_kind kind;
	enum session_lack lack;
	int64_t client_id;
	const char *login; /* in the pool */
	int64_t created, seen, expires;
	struct json_object *kept; /* an object, for reading and changing;
				   * released with the pool */
	const char *kept_text;	  /* `kept` as the store has it */
};

/* Where a log-in comes from. */
struct session_origin {
	int64_t began; /* session_clock() before the password was looked at */
	const char *address, *agent; /* the browser's name; NULL: not sent */
};

/* Microseconds since 1970. */
int64_t session_clock(void);

/* Makes a session that ends `lifetime_s` after `now`. `out` and *token, which
 * is all that the client gets, are in the pool. Make a new session at every
 * log-in, and end the one that was there: a token from before a log-in must
 * not be worth more after it. */
enum err session_begin(struct db *db, struct mem *m, const char *brand,
    enum session_kind kind, int64_t client_id, const char *login,
    int64_t lifetime_s, int64_t now, const struct session_origin *from,
    struct session *out, char **token);

/* The session of a token from the wire (NULL: none came). ERR_LOGIN, not
 * logged: no such one, another brand's or kind's, expired, ended with its
 * customer's, or not used for
 * more than `idle_s` seconds (0: no such limit). What cannot be a token is
 * refused before the store is asked.
 *
 * `seen` is written at most once a minute (more often if idle_s is under two
 * minutes), so a session may end up to a minute before idle_s; if it cannot
 * be written, the session is found all the same. */
enum err session_find(struct db *db, struct mem *m, const char *brand,
    enum session_kind kind, const char *token, int64_t idle_s, int64_t now,
    struct session *out);

/* Stores ids that the next request needs (rate table, accounts, currency,
 * locale, zone), if they differ from what is stored. `kept` may be
 * session->kept, changed, or another object, which stays the caller's. */
enum err session_keep(
    struct db *db, struct session *session, struct json_object *kept);

/* Before the token of a new session is handed out: it lacks something. */
enum err session_set_lack(
    struct db *db, struct session *session, enum session_lack lack);

/* All sessions of a client lack a factor from now on. */
enum err session_want_factor(
    struct db *db, const char *brand, int64_t client_id);

enum err session_end(struct db *db, const struct session *session);

/* Ends all sessions of a client, of both kinds, but for the one with
 * `except_hash` (NULL: all); those, too, whose log-in has begun by now and will
 * be through later: it may have been with a password that is changed since. */
enum err session_end_client(struct db *db, const char *brand, int64_t client_id,
    const char *except_hash);

struct session_row {
	const char *id; /* its token_hash */
	enum session_kind kind;
	int64_t created, seen;
	const char *address, *agent;
};

/* A client's whole sessions, the last used first; at most SESSION_LIST_MAX. */
enum { SESSION_LIST_MAX = 200 };
enum err session_list(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, int64_t idle_s, int64_t now, struct session_row **out,
    size_t *n);

/* Ends the client's session of this id. ERR_NOT_FOUND: he has none such. */
enum err session_end_one(
    struct db *db, const char *brand, int64_t client_id, const char *id);

/* Deletes expired sessions, at most SESSION_PURGE_MAX a call, so that the
 * store is not locked for long. */
enum { SESSION_PURGE_MAX = 500 };
enum err session_purge(struct db *db, int64_t now);

/* --- CSRF --------------------------------------------------------------- */

/* A CSRF token that goes with a cookie's token: another one each time, lest the
 * length of compressed pages tell it bit by bit (BREACH); each is good as long
 * as the cookie. `key` is a session_secret(). Before the log-in, any random
 * cookie of the browser does as `token`. In the pool. */
char *session_csrf(struct mem *m, const char *key, const char *token);

/* Whether `given` (NULL: none came) is the one; in constant time. */
bool session_csrf_check(
    struct mem *m, const char *key, const char *token, const char *given);

/* The store's secret of a name: 32 random bytes as hexadecimal digits, made
 * when it is first asked for; all processes get the same one. */
enum err session_secret(
    struct db *db, struct mem *m, const char *name, char out_hex[SESSION_HASH]);

/* Whether the store can be read: asks for such a secret. */
bool session_can_read(struct db *db, struct mem *m);

#endif
