/* passkey_check.h: inside passkey*.c: whether a credential is what was asked
 * for (WebAuthn level 2, 7.1 and 7.2). */
#ifndef PORTICO_PASSKEY_CHECK_H
#define PORTICO_PASSKEY_CHECK_H

#include "domain/passkey.h"
#include "tools/crypto.h"
#include "tools/webauthn.h"

/* The host and the origin of publicUri, in small letters. False: the brand has
 * no passkeys. */
struct passkey_site {
	const char *host, *origin;
};
bool passkey_find_site(
    struct mem *m, const struct brand *b, struct passkey_site *out);

/* A credential, its texts decoded. `data`: the attestation object of a new
 * one, else authenticator data. */
struct passkey_reply {
	struct webauthn_bytes id, client, data, signature;
	struct webauthn_bytes user; /* len 0: it does not say */
};
bool passkey_read(
    struct mem *m, const char *credential, bool fresh, struct passkey_reply *r);

/* A challenge's text; and whether one is ours, of this use and by whom, and not
 * too old: *end is when it will be. */
enum err passkey_make_challenge(const struct factor_of *of,
    enum passkey_use use, const char *bound, char **out);
enum err passkey_check_challenge(const struct factor_of *of,
    enum passkey_use use, const char *bound, const char *text, int64_t *end);

/* The name that authenticators know a customer by: nothing in it tells. */
enum err passkey_make_user(const struct factor_of *of, int64_t client_id,
    unsigned char out[CRYPTO_SHA256]);

struct passkey_checked {
	struct webauthn_data data;
	const char *challenge_hash; /* hex */
	int64_t challenge_end;
};

/* All but the signature and what the store knows. ERR_RULE, logged. */
enum err passkey_check(const struct factor_of *of, enum passkey_use use,
    const char *bound, const struct passkey_reply *r,
    struct passkey_checked *out);

/* The key, as the store has it, signed the reply. */
bool passkey_check_signature(struct mem *m, const struct passkey_reply *r,
    const struct webauthn_key *key);

bool passkey_check_key(const struct webauthn_key *key);

#endif
