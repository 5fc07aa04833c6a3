/* crypto.h: random numbers, hashes and comparisons (GnuTLS). */
#ifndef PORTICO_CRYPTO_H
#define PORTICO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

struct mem;

enum {
	CRYPTO_SHA1 = 20,
	CRYPTO_SHA256 = 32,
	CRYPTO_SHA256_HEX = 65,
	CRYPTO_SHA512 = 64,
	CRYPTO_KEY = 32 /* of crypto_seal() */
};

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

void crypto_hmac_sha512(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA512]);

/* For one-time passwords (RFC 4226) only: SHA-1 is what phones have. */
void crypto_hmac_sha1(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA1]);

/* Encrypts with AES-256-GCM and a nonce of its own; hexadecimal digits, in the
 * pool. `about` (not part of it) must be the same for opening: what stands in
 * one row of the store is no use in another. */
char *crypto_seal(struct mem *m, const unsigned char key[CRYPTO_KEY],
    const char *about, const void *data, size_t len);
/* The `len` bytes that were sealed. False: another key or `about`, or another
 * length, or it was changed. */
bool crypto_unseal(struct mem *m, const unsigned char key[CRYPTO_KEY],
    const char *about, const char *sealed, void *out, size_t len);

/* Compares in a time that depends only on `len`. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* The same for texts of any two lengths (the length may show). */
bool crypto_equal_text(const char *a, const char *b);

char *crypto_hex(struct mem *m, const void *data, size_t len);
/* `len` bytes from twice as many hexadecimal digits, small or capital. False:
 * there are others, or more or fewer. */
bool crypto_unhex(const char *text, void *out, size_t len);
char *crypto_base64url(struct mem *m, const void *data, size_t len);
/* NULL: not just as crypto_base64url() writes it. In the pool. */
void *crypto_unbase64url(struct mem *m, const char *text, size_t *len);
/* Base64 with padding (RFC 4648, section 4). Decoding: NULL where the text is
 * none. In the pool. */
char *crypto_base64(struct mem *m, const void *data, size_t len);
void *crypto_unbase64(struct mem *m, const char *text, size_t *len);

/* Base32 without padding (RFC 4648, section 6). In the pool. */
char *crypto_base32(struct mem *m, const void *data, size_t len);

/* `n` random characters of A-Z and 2-7 (RFC 4648, section 6). In the pool. */
char *crypto_base32_token(struct mem *m, size_t n);

/* A signature by the holder of a certificate. */
struct crypto_signed {
	/* The certificate, PEM, and behind it what leads to the trust. */
	const void *pem;
	size_t pem_len;
	const char *ca_file; /* PEM of who is trusted; NULL: the system's */
	const char *name;    /* the host name that it must have */
	const void *data, *signature;
	size_t data_len, signature_len;
};

/* Whether the certificate is valid now for that name, of an RSA key of 2048 or
 * more bits, and signed the data with RSA-SHA256 (RFC 8017, 8.2). NULL: all of
 * it; else what is wrong. */
const char *crypto_check_signed(const struct crypto_signed *s);

enum crypto_public_kind { CRYPTO_P256, CRYPTO_RSA };

/* A public key: x and y, or modulus and exponent, the highest byte first. */
struct crypto_public {
	enum crypto_public_kind kind;
	const void *a, *b;
	size_t a_len, b_len;
};

/* Whether it is a key at all: a point of the curve; RSA of 2048 or more bits,
 * with an odd exponent from 3. */
bool crypto_check_public(const struct crypto_public *key);

/* Whether its holder signed the data: ECDSA with SHA-256 as DER (RFC 3279,
 * 2.2.3), or RSA-SHA256 (RFC 8017, 8.2). */
bool crypto_verify(const struct crypto_public *key, const void *data,
    size_t len, const void *signature, size_t signature_len);

/* Overwrites a secret, and is not optimised away. */
void crypto_wipe(void *data, size_t len);

#endif
