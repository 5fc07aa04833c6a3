/* factor.h: a customer's second factor: codes of an authenticator app (TOTP,
 * RFC 6238: SHA-1, 6 digits, 30 seconds, a step early or late), and recovery
 * codes for who lost it, or his passkeys (passkey.h), which are one, too.
 *
 * The app's secret is in the store encrypted, bound to its customer; recovery
 * codes as keyed hashes. The key is `session.factorKey`, else a secret of the
 * store's own: see the setting for what that protects.
 *
 * A code is taken once: the store remembers the step of the last one, and
 * forgets a recovery code, each in one statement, so that of parallel tries one
 * succeeds. Whoever calls here counts tries before (throttle.h).
 *
 * ERR_BUSY and ERR_INTERNAL are the store's, or the key's, and logged.
 */
#ifndef PORTICO_FACTOR_H
#define PORTICO_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

struct brand;
struct mem;

enum {
	FACTOR_SECRET = 20, /* bytes, as RFC 4226 recommends */
	FACTOR_CODES = 10,
	FACTOR_FEW = 4,	     /* recovery codes: fewer are too few */
	FACTOR_BEGUN_S = 900 /* so long a beginning may be confirmed */
};

/* Whose, and when. */
struct factor_of {
	struct brand *brand; /* with its store */
	struct mem *mem;
	int64_t client_id, now;
};

enum factor_state { FACTOR_OFF, FACTOR_BEGUN, FACTOR_ON };

struct factor {
	enum factor_state state;
	int64_t since;	    /* FACTOR_ON */
	int64_t codes_left; /* recovery codes */
	int64_t passkeys;
	const char *secret; /* FACTOR_BEGUN: in base32, in the pool */
};

/* How it stands. Only the session that began sees FACTOR_BEGUN. */
enum err factor_find(
    const struct factor_of *of, const char *session_hash, struct factor *out);

/* Begins, with a new secret. ERR_CONFLICT: there is one already. */
enum err factor_begin(const struct factor_of *of, const char *session_hash);

/* The app's first code turns it on; `codes` are the recovery codes, that nobody
 * sees again. ERR_RULE: not the code. ERR_CONFLICT: nothing was begun, or it is
 * on already. */
enum err factor_confirm(const struct factor_of *of, const char *session_hash,
    const char *code, const char *codes[FACTOR_CODES]);

/* Tries a code of either kind, however it is spaced. ERR_RULE: not one, or
 * used already. */
enum err factor_try(const struct factor_of *of, const char *code);
/* Whether it has the length of a recovery code. */
bool factor_is_recovery(struct mem *m, const char *code);

/* Removes the app; the recovery codes stay for who has passkeys. */
enum err factor_remove(const struct factor_of *of);

/* Whether the password alone is not enough. */
bool factor_is_on(const struct factor *f);

/* Within a transaction of the caller's: new recovery codes instead of what was
 * there; and none for who has neither app nor passkeys. */
enum err factor_renew_codes(
    const struct factor_of *of, const char *codes[FACTOR_CODES]);
enum err factor_tidy_codes(const struct factor_of *of);

/* The address that an app takes from a QR code. */
const char *factor_uri(
    struct mem *m, const char *title, const char *login, const char *secret);

/* The step (time / 30 s) of which these digits are the code, a step early or
 * late; -1: none. */
int64_t factor_step(
    const unsigned char secret[FACTOR_SECRET], const char *digits, int64_t now);

#endif
