/* crypto.h: random numbers, hashes and comparisons (GnuTLS). */
#ifndef PORTICO_CRYPTO_H
#define PORTICO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

struct mem;

enum { CRYPTO_SHA256 = 32, CRYPTO_SHA256_HEX = 65 };

/* Bytes that nobody can guess. Ends the process if the system has none. */
void crypto_random(void *out, size_t len);

/* `bytes` random bytes as base64url without padding (RFC 4648, section 5):
 * a session token, a nonce. In the pool. */
char *crypto_token(struct mem *m, size_t bytes);

void crypto_sha256(
    const void *data, size_t len, unsigned char out[CRYPTO_SHA256]);
/* The same as 64 small hexadecimal digits and a NUL. */
void crypto_sha256_hex(
    const void *data, size_t len, char out[CRYPTO_SHA256_HEX]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA256]);

/* Compares in a time that depends only on `len`. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* The same for texts of any two lengths (the length may show). */
bool crypto_equal_text(const char *a, const char *b);

char *crypto_hex(struct mem *m, const void *data, size_t len);
char *crypto_base64url(struct mem *m, const void *data, size_t len);

/* Overwrites a secret, and is not optimised away. */
void crypto_wipe(void *data, size_t len);

#endif
