/* crypto.c: random numbers, hashes and comparisons, all from GnuTLS. */
#include "tools/crypto.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

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

void crypto_hmac_sha512(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA512])
{
	int code =
	    gnutls_hmac_fast(GNUTLS_MAC_SHA512, key, key_len, data, len, out);

	if (code < 0)
		die("HMAC-SHA-512", code);
}

void crypto_hmac_sha1(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[CRYPTO_SHA1])
{
	int code =
	    gnutls_hmac_fast(GNUTLS_MAC_SHA1, key, key_len, data, len, out);

	if (code < 0)
		die("HMAC-SHA-1", code);
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

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool crypto_unhex(const char *text, void *out, size_t len)
{
	unsigned char *at = out;

	if (strlen(text) != 2 * len)
		return false;
	for (; len; len--, text += 2) {
		int high = hex_value(text[0]), low = hex_value(text[1]);

		if (high < 0 || low < 0)
			return false;
		*at++ = (unsigned char)(high << 4 | low);
	}
	return true;
}

char *crypto_base64(struct mem *m, const void *data, size_t len)
{
	/* GnuTLS takes no pointer to const, and does not write. */
	unsigned char *copy = mem_alloc(m, len + 1);
	gnutls_datum_t in = {copy, (unsigned)len}, out = {0};
	char *text;
	int code;

	if (len)
		memcpy(copy, data, len);
	code = gnutls_base64_encode2(&in, &out);
	if (code < 0)
		die("base64", code);
	text = mem_text_n(m, (const char *)out.data, out.size);
	crypto_wipe(copy, len);
	gnutls_free(out.data);
	return text;
}

void *crypto_unbase64(struct mem *m, const char *text, size_t *len)
{
	gnutls_datum_t in = {
	    (unsigned char *)mem_text(m, text), (unsigned)strlen(text)};
	gnutls_datum_t out = {0};
	void *data;

	if (!in.size || gnutls_base64_decode2(&in, &out) < 0)
		return NULL;
	data = mem_alloc(m, out.size + 1);
	memcpy(data, out.data, out.size);
	*len = out.size;
	gnutls_free(out.data);
	return data;
}

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* `in` as digits of `width` bits; what is missing at the end is zero. */
static char *put_digits(const unsigned char *in, size_t len, unsigned width,
    const char *digits, char *at)
{
	uint32_t bits = 0;
	unsigned n = 0, mask = (1U << width) - 1;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (n += 8; n >= width; n -= width)
			*at++ = digits[bits >> (n - width) & mask];
	}
	if (n)
		*at++ = digits[bits << (width - n) & mask];
	return at;
}

char *crypto_base32(struct mem *m, const void *data, size_t len)
{
	char *out = mem_array(m, len / 5 + 2, 8);

	*put_digits(data, len, 5, base32_digits, out) = '\0';
	return out;
}

char *crypto_base32_token(struct mem *m, size_t n)
{
	char *out = mem_alloc(m, n + 1);

	crypto_random(out, n);
	for (size_t i = 0; i < n; i++)
		out[i] = base32_digits[(unsigned char)out[i] & 31];
	out[n] = '\0';
	return out;
}

/* --- Encryption ----------------------------------------------------------- */

enum { NONCE = 12, TAG = 16 };

static gnutls_aead_cipher_hd_t open_cipher(const unsigned char *key)
{
	const gnutls_datum_t datum = {
	    (unsigned char *)(uintptr_t)key, CRYPTO_KEY};
	gnutls_aead_cipher_hd_t cipher;
	int code =
	    gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &datum);

	if (code < 0)
		die("AES-256-GCM", code);
	return cipher;
}

char *crypto_seal(struct mem *m, const unsigned char key[CRYPTO_KEY],
    const char *about, const void *data, size_t len)
{
	size_t room = len + TAG;
	unsigned char *out = mem_alloc(m, NONCE + room);
	gnutls_aead_cipher_hd_t cipher = open_cipher(key);
	int code;

	crypto_random(out, NONCE);
	code = gnutls_aead_cipher_encrypt(cipher, out, NONCE, about,
	    strlen(about), TAG, data, len, out + NONCE, &room);
	gnutls_aead_cipher_deinit(cipher);
	if (code < 0)
		die("AES-256-GCM", code);
	return crypto_hex(m, out, NONCE + room);
}

bool crypto_unseal(struct mem *m, const unsigned char key[CRYPTO_KEY],
    const char *about, const char *sealed, void *out, size_t len)
{
	size_t all = NONCE + len + TAG, room = len;
	unsigned char *in = mem_alloc(m, all);
	gnutls_aead_cipher_hd_t cipher;
	int code;

	if (!crypto_unhex(sealed, in, all))
		return false;
	cipher = open_cipher(key);
	code = gnutls_aead_cipher_decrypt(cipher, in, NONCE, about,
	    strlen(about), TAG, in + NONCE, len + TAG, out, &room);
	gnutls_aead_cipher_deinit(cipher);
	return code >= 0 && room == len;
}

/* --- Signatures by certificates ------------------------------------------- */

enum { CHAIN_MOST = 8, RSA_BITS = 2048 };

static const char *check_chain(
    const struct crypto_signed *s, gnutls_x509_crt_t *chain, unsigned n)
{
	gnutls_x509_trust_list_t trust;
	const char *wrong = NULL;
	unsigned status = 0;
	int added;

	if (gnutls_x509_trust_list_init(&trust, 0) < 0)
		return "no memory for the trust store";
	added = s->ca_file
		    ? gnutls_x509_trust_list_add_trust_file(
			  trust, s->ca_file, NULL, GNUTLS_X509_FMT_PEM, 0, 0)
		    : gnutls_x509_trust_list_add_system_trust(trust, 0, 0);
	if (added <= 0)
		wrong = "the trust store cannot be read";
	else if (gnutls_x509_trust_list_verify_crt2(
		     trust, chain, n, NULL, 0, 0, &status, NULL) < 0)
		wrong = "the certificate cannot be checked";
	else if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
		wrong = "the certificate is not valid now";
	else if (status)
		wrong = "the certificate is not trusted";
	gnutls_x509_trust_list_deinit(trust, 1);
	return wrong;
}

static const char *check_signature(
    const struct crypto_signed *s, gnutls_x509_crt_t crt)
{
	const gnutls_datum_t data = {
	    (unsigned char *)(uintptr_t)s->data, (unsigned)s->data_len};
	const gnutls_datum_t signature = {
	    (unsigned char *)(uintptr_t)s->signature,
	    (unsigned)s->signature_len};
	gnutls_pubkey_t key;
	const char *wrong = NULL;
	unsigned bits = 0;

	if (gnutls_pubkey_init(&key) < 0)
		return "no memory for the key";
	if (gnutls_pubkey_import_x509(key, crt, 0) < 0)
		wrong = "the certificate's key cannot be read";
	else if (gnutls_pubkey_get_pk_algorithm(key, &bits) != GNUTLS_PK_RSA ||
		 bits < RSA_BITS)
		wrong = "the certificate's key is not RSA of 2048 bits";
	else if (gnutls_pubkey_verify_data2(
		     key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature) < 0)
		wrong = "the signature is wrong";
	gnutls_pubkey_deinit(key);
	return wrong;
}

const char *crypto_check_signed(const struct crypto_signed *s)
{
	const gnutls_datum_t pem = {
	    (unsigned char *)(uintptr_t)s->pem, (unsigned)s->pem_len};
	gnutls_x509_crt_t chain[CHAIN_MOST];
	unsigned n = CHAIN_MOST;
	const char *wrong;

	if (gnutls_x509_crt_list_import(
		chain, &n, &pem, GNUTLS_X509_FMT_PEM, 0) <= 0)
		return "not a certificate";
	wrong = check_chain(s, chain, n);
	if (!wrong && !gnutls_x509_crt_check_hostname2(chain[0], s->name,
			  GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS))
		wrong = "the certificate is of another name";
	if (!wrong)
		wrong = check_signature(s, chain[0]);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return wrong;
}

/* --- Signatures by keys --------------------------------------------------- */

/* GnuTLS takes no pointers to const, and does not write. */
static gnutls_datum_t datum(const void *data, size_t len)
{
	return (gnutls_datum_t){
	    (unsigned char *)(uintptr_t)data, (unsigned)len};
}

static bool is_exponent(const struct crypto_public *key)
{
	const unsigned char *e = key->b;

	return key->b_len && e[key->b_len - 1] & 1 &&
	       (key->b_len > 1 || e[0] >= 3);
}

/* NULL: it is none. The caller's. */
static gnutls_pubkey_t open_public(const struct crypto_public *key)
{
	const gnutls_datum_t a = datum(key->a, key->a_len);
	const gnutls_datum_t b = datum(key->b, key->b_len);
	gnutls_pubkey_t out;
	unsigned bits = 0;
	int code;

	if (gnutls_pubkey_init(&out) < 0)
		return NULL;
	if (key->kind == CRYPTO_P256)
		code = gnutls_pubkey_import_ecc_raw(
		    out, GNUTLS_ECC_CURVE_SECP256R1, &a, &b);
	else if (is_exponent(key))
		code = gnutls_pubkey_import_rsa_raw(out, &a, &b);
	else
		code = GNUTLS_E_INVALID_REQUEST;
	/* Importing does not look whether the point is on the curve. */
	if (code >= 0)
		code = gnutls_pubkey_verify_params(out);
	if (code >= 0 && key->kind == CRYPTO_RSA) {
		gnutls_pubkey_get_pk_algorithm(out, &bits);
		code = bits < RSA_BITS ? GNUTLS_E_INVALID_REQUEST : code;
	}
	if (code >= 0)
		return out;
	gnutls_pubkey_deinit(out);
	return NULL;
}

bool crypto_check_public(const struct crypto_public *key)
{
	gnutls_pubkey_t public = open_public(key);

	if (public)
		gnutls_pubkey_deinit(public);
	return public != NULL;
}

bool crypto_verify(const struct crypto_public *key, const void *data,
    size_t len, const void *signature, size_t signature_len)
{
	gnutls_pubkey_t public = open_public(key);
	const gnutls_datum_t in = datum(data, len);
	const gnutls_datum_t with = datum(signature, signature_len);
	int code;

	if (!public)
		return false;
	code = gnutls_pubkey_verify_data2(public,
	    key->kind == CRYPTO_P256 ? GNUTLS_SIGN_ECDSA_SHA256
				     : GNUTLS_SIGN_RSA_SHA256,
	    0, &in, &with);
	gnutls_pubkey_deinit(public);
	return code >= 0;
}

static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789-_";

char *crypto_base64url(struct mem *m, const void *data, size_t len)
{
	char *out = mem_array(m, len / 3 + 2, 4);

	*put_digits(data, len, 6, base64url_digits, out) = '\0';
	return out;
}

void *crypto_unbase64url(struct mem *m, const char *text, size_t *len)
{
	size_t n = strlen(text);
	unsigned char *out = mem_alloc(m, n / 4 * 3 + 4), *at = out;
	uint32_t have = 0;
	unsigned width = 0;

	for (; *text; text++) {
		const char *digit = strchr(base64url_digits, *text);

		if (!digit)
			return NULL;
		have = have << 6 | (uint32_t)(digit - base64url_digits);
		width += 6;
		if (width < 8)
			continue;
		width -= 8;
		*at++ = (unsigned char)(have >> width);
	}
	/* One digit alone is no byte; bits that belong to none are zero. */
	if (n % 4 == 1 || have & ((1U << width) - 1))
		return NULL;
	*len = (size_t)(at - out);
	return out;
}

void crypto_wipe(void *data, size_t len)
{
	gnutls_memset(data, 0, len);
}
