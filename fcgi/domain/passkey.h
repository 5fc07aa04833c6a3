/* passkey.h: a customer's passkeys (WebAuthn level 2): keys that his device or
 * password manager keeps, of which the store has the public half.
 *
 * A key belongs to the site that it was made at: the host of publicUri, and to
 * its origin. Where publicUri is not https (or http://localhost, for trying),
 * or its host is a number, browsers make none, and none exist here.
 *
 * A challenge is not stored: it carries its time, who asked (`bound`: a hash or
 * cookie of theirs) and what for, and a keyed hash over all that. Once answered
 * rightly it is remembered as used up, until it is too old.
 *
 * A credential is the text that PublicKeyCredential.toJSON() gives (level 3).
 * ERR_RULE: it is not right, or not ours; the log says why, the caller does not
 * tell. ERR_BUSY and ERR_INTERNAL are the store's, and logged.
 */
#ifndef PORTICO_PASSKEY_H
#define PORTICO_PASSKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/factor.h"

struct brand;
struct json_object;
struct mem;

enum {
	PASSKEY_MOST = 10,	    /* of a customer */
	PASSKEY_NAME = 60,	    /* characters */
	PASSKEY_CREDENTIAL = 16384, /* characters of its text */
	PASSKEY_CHALLENGE_S = 600
};

/* What a challenge is for. */
enum passkey_use { PASSKEY_ADD, PASSKEY_LOGIN, PASSKEY_CODE };

/* Whether the brand has passkeys. */
bool passkey_is_set(struct mem *m, const struct brand *b);

/* The options of navigator.credentials, as their JSON forms (level 3, 5.1.8);
 * in the pool. To add one: `name` is what the device shows of whose it is. */
enum err passkey_ask_new(const struct factor_of *of, const char *bound,
    const char *login, const char *name, struct json_object **out);
/* To log in with any that the browser has. */
enum err passkey_ask_login(
    const struct factor_of *of, const char *bound, struct json_object **out);
/* As the second step, with one of the customer's. */
enum err passkey_ask_code(
    const struct factor_of *of, const char *bound, struct json_object **out);

struct passkey {
	const char *id; /* in paths; not the credential's */
	const char *name, *login;
	int64_t client_id, created, used; /* used 0: not yet */
};

/* Adds the key that answers passkey_ask_new(). Where the customer has fewer
 * than FACTOR_FEW recovery codes, *n_codes new ones are made; else 0.
 * ERR_CONFLICT: it is there already, or PASSKEY_MOST are. */
enum err passkey_add(const struct factor_of *of, const char *bound,
    const char *credential, struct passkey *key,
    const char *codes[FACTOR_CODES], size_t *n_codes);

/* Whose key answers passkey_ask_login(): nothing is known of the customer
 * before (of->client_id is not looked at). */
enum err passkey_log_in(const struct factor_of *of, const char *bound,
    const char *credential, struct passkey *out);

/* Whether a key of the customer's answers passkey_ask_code(). */
enum err passkey_try(
    const struct factor_of *of, const char *bound, const char *credential);

/* The customer's, the oldest first. */
enum err passkey_list(
    const struct factor_of *of, struct passkey **out, size_t *n);

/* ERR_NOT_FOUND: he has none such; the other two likewise. */
enum err passkey_find(
    const struct factor_of *of, const char *id, struct passkey *out);
enum err passkey_rename(
    const struct factor_of *of, const char *id, const char *name);
/* With the last factor, the recovery codes go. */
enum err passkey_remove(const struct factor_of *of, const char *id);

#endif
