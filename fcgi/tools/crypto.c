/* crypto.c: random numbers, hashes and comparisons, all from GnuTLS. */
#include "tools/crypto.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/log.h"
#include "base/mem.h"

/* Going on without randomness or hashes would be worse than ending: a token
 * could be guessed, a check could pass. */
static _Noreturn void die(const char *what, int code)
{
	log_error("crypto", "%s: %s", what, gnutls_strerror(code));
	abort();
}

void crypto_random(void *out, size_t len)
{
	int code = gnutls_rnd(GNUTLS_RND_KEY, out, len);

	if (code < 0)
		die("no random numbers", code);
}

char *crypto_token(struct mem *m, size_t bytes)
{
	unsigned char *raw = mem_alloc(m, bytes);
	char *token;

	crypto_random(raw, bytes);
	token = crypto_base64url(m, raw, bytes);
	crypto_wipe(raw, bytes);
	return token;
}

void crypto_sha256(
    const void *data, size_t len, unsigned char out[CRYPTO_SHA256])
{
	int code = gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, out);

	if (code < 0)
		die("SHA-256", code);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA256])
{
	int code =
	    gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, data, len, out);

	if (code < 0)
		die("HMAC-SHA-256", code);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}

bool crypto_equal_text(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && crypto_equal(a, b, len);
}

static void put_hex(const unsigned char *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

void crypto_sha256_hex(
    const void *data, size_t len, char out[CRYPTO_SHA256_HEX])
{
	unsigned char hash[CRYPTO_SHA256];

	crypto_sha256(data, len, hash);
	put_hex(hash, sizeof(hash), out);
}

char *crypto_hex(struct mem *m, const void *data, size_t len)
{
	char *out = mem_array(m, len + 1, 2);

	put_hex(data, len, out);
	return out;
}

char *crypto_base64url(struct mem *m, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = data;
	char *out = mem_array(m, len / 3 + 2, 4), *at = out;
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (n += 8; n >= 6; n -= 6)
			*at++ = digits[bits >> (n - 6) & 63];
	}
	if (n)
		*at = digits[bits << (6 - n) & 63];
	return out;
}

void crypto_wipe(void *data, size_t len)
{
	gnutls_memset(data, 0, len);
}
