/* test_passkey.c: what browsers send of passkeys. Keys and signatures are
 * GnuTLS's; each byte of what is signed is changed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/passkey.h"
#include "domain/passkey_check.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { NOW = 1800000000, CLIENT = 1001 };

static struct mem *m;
static struct conf conf;
static struct brand brand;
static struct factor_of of;

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	memset(&conf, 0, sizeof(conf));
	conf.session.factor_key = "";
	conf.public_uri = "https://portal.example/";
	conf.title = "Portal";
	memset(&brand, 0, sizeof(brand));
	brand.name = "acme";
	brand.conf = &conf;
	brand.db = db_open("sqlite::memory:");
	assert_non_null(brand.db);
	assert_int_equal(
	    db_migrate(brand.db, SOURCE_DIR "/conf/schema"), ERR_OK);
	of = (struct factor_of){&brand, m, CLIENT, NOW};
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(brand.db);
	mem_close(m);
	return 0;
}

/* --- An authenticator ----------------------------------------------------- */

struct device {
	gnutls_privkey_t key;
	bool rsa;
	struct buf cose;
	uint32_t count;
};

static void ok(int code)
{
	if (code < 0)
		fail_msg("%s", gnutls_strerror(code));
}

/* A coordinate has its 32 bytes, whatever GnuTLS puts in front. */
static void add_number(struct buf *b, gnutls_datum_t *d, size_t len)
{
	unsigned char zero[32] = {0};
	size_t more = d->size > len ? d->size - len : 0;

	if (d->size < len)
		buf_add(b, zero, len - d->size);
	buf_add(b, d->data + more, d->size - more);
	gnutls_free(d->data);
}

static void make_device(struct device *d, bool rsa)
{
	gnutls_datum_t a, b;
	gnutls_ecc_curve_t curve;

	d->rsa = rsa;
	d->count = 0;
	buf_open(&d->cose, m, 512);
	ok(gnutls_privkey_init(&d->key));
	ok(gnutls_privkey_generate(d->key,
	    rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
	    rsa ? 2048 : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	if (rsa) {
		ok(gnutls_privkey_export_rsa_raw(
		    d->key, &a, &b, NULL, NULL, NULL, NULL, NULL, NULL));
		buf_add(&d->cose, "\xa4\1\3\3\x39\1\0\x20\x59\1\0", 11);
		add_number(&d->cose, &a, 256);
		buf_add(&d->cose, "\x21\x43", 2);
		add_number(&d->cose, &b, 3);
		return;
	}
	ok(gnutls_privkey_export_ecc_raw(d->key, &curve, &a, &b, NULL));
	buf_add(&d->cose, "\xa5\1\2\3\x26\x20\1\x21\x58\x20", 10);
	add_number(&d->cose, &a, 32);
	buf_add(&d->cose, "\x22\x58\x20", 3);
	add_number(&d->cose, &b, 32);
}

static void add_head(struct buf *b, unsigned flags, uint32_t count)
{
	unsigned char hash[CRYPTO_SHA256];

	crypto_sha256("portal.example", 14, hash);
	buf_add(b, hash, sizeof(hash));
	buf_add_char(b, (char)flags);
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(b, (char)(count >> shift));
}

static const char *member(struct json_object *o, const char *key)
{
	return json_find_text(o, key);
}

static struct webauthn_bytes make_client(
    const char *type, const char *challenge)
{
	char *text = mem_print(m,
	    "{\"type\":\"%s\",\"challenge\":\"%s\","
	    "\"origin\":\"https://portal.example\",\"crossOrigin\":false}",
	    type, challenge);

	return (struct webauthn_bytes){
	    (const unsigned char *)text, strlen(text)};
}

static const char *encode(struct webauthn_bytes b)
{
	return crypto_base64url(m, b.at, b.len);
}

static struct webauthn_bytes bytes_of(const struct buf *b)
{
	return (struct webauthn_bytes){(const unsigned char *)b->data, b->len};
}

/* The attestation object of a new key, of format "none". */
static struct webauthn_bytes attest(struct device *d)
{
	struct buf data, all;

	buf_open(&data, m, 1024);
	add_head(&data, WEBAUTHN_PRESENT | WEBAUTHN_VERIFIED | WEBAUTHN_KEY,
	    d->count);
	buf_add(&data, "0123456789abcdef\0\4", 18);
	buf_add(&data, d->rsa ? "rsa!" : "p256", 4);
	buf_add(&data, d->cose.data, d->cose.len);
	buf_open(&all, m, 1024);
	buf_add(&all,
	    "\xa3\x63"
	    "fmt"
	    "\x64"
	    "none"
	    "\x67"
	    "attStmt"
	    "\xa0"
	    "\x68"
	    "authData"
	    "\x59",
	    29);
	buf_add_char(&all, (char)(data.len >> 8));
	buf_add_char(&all, (char)data.len);
	buf_add(&all, data.data, data.len);
	return bytes_of(&all);
}

static enum err enrol(struct device *d)
{
	const char *codes[FACTOR_CODES], *text;
	struct passkey key = {.login = "heron", .name = "Phone"};
	struct json_object *options;
	size_t n;

	assert_int_equal(
	    passkey_ask_new(&of, "me", "heron", "Heron", &options), ERR_OK);
	text = mem_print(m,
	    "{\"type\":\"public-key\",\"id\":\"%s\",\"response\":{"
	    "\"clientDataJSON\":\"%s\",\"attestationObject\":\"%s\"}}",
	    crypto_base64url(m, d->rsa ? "rsa!" : "p256", 4),
	    encode(
		make_client("webauthn.create", member(options, "challenge"))),
	    encode(attest(d)));
	return passkey_add(&of, "me", text, &key, codes, &n);
}

struct answer {
	struct webauthn_bytes client, data, signature;
	const char *id, *user;
};

static struct answer sign(struct device *d)
{
	unsigned char hash[CRYPTO_SHA256], user[CRYPTO_SHA256];
	struct json_object *options;
	struct answer a = {
	    .id = crypto_base64url(m, d->rsa ? "rsa!" : "p256", 4)};
	gnutls_datum_t in, out;
	struct buf data;

	assert_int_equal(passkey_ask_login(&of, "me", &options), ERR_OK);
	a.client = make_client("webauthn.get", member(options, "challenge"));
	buf_open(&data, m, 128);
	add_head(&data, WEBAUTHN_PRESENT | WEBAUTHN_VERIFIED, ++d->count);
	a.data = bytes_of(&data);
	crypto_sha256(a.client.at, a.client.len, hash);
	buf_add(&data, hash, sizeof(hash));
	in = (gnutls_datum_t){(unsigned char *)data.data, (unsigned)data.len};
	ok(gnutls_privkey_sign_data(d->key, GNUTLS_DIG_SHA256, 0, &in, &out));
	a.signature = (struct webauthn_bytes){
	    (unsigned char *)mem_text_n(m, (char *)out.data, out.size),
	    out.size};
	gnutls_free(out.data);
	assert_int_equal(passkey_make_user(&of, CLIENT, user), ERR_OK);
	a.user = crypto_base64url(m, user, sizeof(user));
	return a;
}

static enum err give(const struct answer *a)
{
	struct passkey key;
	const char *text = mem_print(m,
	    "{\"type\":\"public-key\",\"id\":\"%s\",\"response\":{"
	    "\"clientDataJSON\":\"%s\",\"authenticatorData\":\"%s\","
	    "\"signature\":\"%s\",\"userHandle\":\"%s\"}}",
	    a->id, encode(a->client), encode(a->data), encode(a->signature),
	    a->user);
	enum err err = passkey_log_in(&of, "me", text, &key);

	if (!err)
		assert_int_equal(key.client_id, CLIENT);
	return err;
}

/* --- Tests ---------------------------------------------------------------- */

/* Each bit of it, turned. */
static void spoil(const struct answer *good, size_t at)
{
	struct answer bad = *good;
	struct webauthn_bytes *part = at == 0	? &bad.client
				      : at == 1 ? &bad.data
						: &bad.signature;
	unsigned char *copy = mem_alloc(m, part->len);

	memcpy(copy, part->at, part->len);
	part->at = copy;
	for (size_t i = 0; i < part->len; i++)
		for (int bit = 0; bit < 8; bit++) {
			copy[i] ^= (unsigned char)(1 << bit);
			assert_int_equal(give(&bad), ERR_RULE);
			copy[i] ^= (unsigned char)(1 << bit);
		}
	for (; part->len--;)
		assert_int_equal(give(&bad), ERR_RULE);
}

static void try_device(bool rsa)
{
	struct device d;
	struct answer a;

	make_device(&d, rsa);
	assert_int_equal(enrol(&d), ERR_OK);
	assert_int_equal(enrol(&d), ERR_CONFLICT);
	a = sign(&d);
	for (size_t at = 0; at < 3; at++)
		spoil(&a, at);
	assert_int_equal(give(&a), ERR_OK);
	assert_int_equal(give(&a), ERR_RULE); /* a second time */
	a = sign(&d);
	of.now = NOW + PASSKEY_CHALLENGE_S;
	assert_int_equal(give(&a), ERR_RULE);
	of.now--;
	assert_int_equal(give(&a), ERR_OK);
	of.now = NOW;
	gnutls_privkey_deinit(d.key);
}

static void test_es256(void **state)
{
	(void)state;
	try_device(false);
}

static void test_rs256(void **state)
{
	(void)state;
	try_device(true);
}

static void test_cut(void **state)
{
	struct webauthn_bytes whole;
	struct webauthn_data d;
	struct device device;

	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		make_device(&device, rsa);
		whole = attest(&device);
		assert_true(webauthn_parse_attestation(whole, &d));
		assert_int_equal(d.id.len, 4);
		assert_int_equal(d.cose.len, device.cose.len);
		for (size_t n = 0; n < whole.len; n++) {
			/* A copy of its own, for the sanitizer. */
			unsigned char *part = malloc(n + 1);

			assert_non_null(part);
			memcpy(part, whole.at, n);
			assert_false(webauthn_parse_attestation(
			    (struct webauthn_bytes){part, n}, &d));
			free(part);
		}
		gnutls_privkey_deinit(device.key);
	}
}

static void check_site(const char *uri, const char *host, const char *origin)
{
	struct passkey_site site;

	conf.public_uri = uri;
	assert_int_equal(passkey_find_site(m, &brand, &site), host != NULL);
	if (host) {
		assert_string_equal(site.host, host);
		assert_string_equal(site.origin, origin);
	}
}

static void test_site(void **state)
{
	(void)state;
	check_site("https://Portal.Example", "portal.example",
	    "https://portal.example");
	check_site("https://portal.example/", "portal.example",
	    "https://portal.example");
	check_site("https://portal.example:443/x", "portal.example",
	    "https://portal.example");
	check_site("https://portal.example:8443/", "portal.example",
	    "https://portal.example:8443");
	check_site(
	    "http://localhost:9080", "localhost", "http://localhost:9080");
	check_site("http://localhost:80", "localhost", "http://localhost");
	check_site("https://localhost", "localhost", "https://localhost");
	check_site("", NULL, NULL);
	check_site("http://portal.example", NULL, NULL);
	check_site("http://localhost.evil.example", NULL, NULL);
	check_site("https://192.0.2.1", NULL, NULL);
	check_site("https://192.0.2.1:8443/", NULL, NULL);
	check_site("https://[2001:db8::1]/", NULL, NULL);
	check_site("https://a@portal.example", NULL, NULL);
	check_site("https://", NULL, NULL);
	check_site("portal.example", NULL, NULL);
}

static void test_challenge(void **state)
{
	char *text;
	int64_t end;
	struct brand other = brand;
	struct factor_of theirs = of;

	(void)state;
	assert_int_equal(
	    passkey_make_challenge(&of, PASSKEY_LOGIN, "me", &text), ERR_OK);
	assert_int_equal(
	    passkey_check_challenge(&of, PASSKEY_LOGIN, "me", text, &end),
	    ERR_OK);
	assert_int_equal(end, NOW + PASSKEY_CHALLENGE_S);
	assert_int_equal(
	    passkey_check_challenge(&of, PASSKEY_CODE, "me", text, &end),
	    ERR_RULE);
	assert_int_equal(
	    passkey_check_challenge(&of, PASSKEY_LOGIN, "you", text, &end),
	    ERR_RULE);
	other.name = "other";
	theirs.brand = &other;
	assert_int_equal(
	    passkey_check_challenge(&theirs, PASSKEY_LOGIN, "me", text, &end),
	    ERR_RULE);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(passkey_check_challenge(
				     &of, PASSKEY_LOGIN, "me", text, &end),
		    ERR_RULE);
		text[i] = was;
	}
	assert_int_equal(
	    passkey_check_challenge(&of, PASSKEY_LOGIN, "me", "", &end),
	    ERR_RULE);
}

static void test_base64url(void **state)
{
	static const char *const bad[] = {
	    "A", "AA=", "AA==", "AB", "AAB", "AAAAA", "A+A/", "A A", " AA"};
	unsigned char raw[40], *back;
	size_t len;

	(void)state;
	crypto_random(raw, sizeof(raw));
	for (size_t n = 0; n < sizeof(raw); n++) {
		back = crypto_unbase64url(m, crypto_base64url(m, raw, n), &len);
		assert_non_null(back);
		assert_int_equal(len, n);
		assert_memory_equal(back, raw, n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(crypto_unbase64url(m, bad[i], &len));
}

/* GnuTLS would import a point that is on no curve. */
static void test_points(void **state)
{
	unsigned char x[32] = {1}, y[32] = {2}, n[256];
	struct crypto_public key = {CRYPTO_P256, x, y, 32, 32};

	(void)state;
	assert_false(crypto_check_public(&key));
	memset(x, 0, sizeof(x));
	memset(y, 0, sizeof(y));
	assert_false(crypto_check_public(&key));
	memset(n, 0xff, sizeof(n));
	key = (struct crypto_public){CRYPTO_RSA, n, "\1\0\1", 256, 3};
	assert_true(crypto_check_public(&key));
	key.a_len = 255;
	assert_false(crypto_check_public(&key));
	key = (struct crypto_public){CRYPTO_RSA, n, "\1", 256, 1};
	assert_false(crypto_check_public(&key));
	key = (struct crypto_public){CRYPTO_RSA, n, "\1\0", 256, 2};
	assert_false(crypto_check_public(&key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_es256, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_rs256, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_cut, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_site, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_challenge, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_base64url, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_points, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
