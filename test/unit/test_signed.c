/* test_signed.c: signatures by certificates, which GnuTLS makes here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "base/mem.h"
#include "tools/crypto.h"

#define NAME "messageverificationcerts.example"
#define DATA "id|time|webhook|crc"

enum { DAY = 86400 };

struct who {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	const char *pem;
};

static struct mem *m;
static char ca_file[] = "/tmp/test_signed_XXXXXX";
static struct who ca, other_ca, signer;

static void ok(int code)
{
	if (code < 0)
		fail_msg("%s", gnutls_strerror(code));
}

static void make_key(struct who *w, gnutls_pk_algorithm_t kind, unsigned bits)
{
	ok(gnutls_x509_privkey_init(&w->key));
	ok(gnutls_x509_privkey_generate(w->key, kind, bits, 0));
}

struct wish {
	const char *name;
	const struct who *by; /* NULL: itself */
	int64_t from, to;     /* seconds from now */
	bool ca;
};

static void certify(struct who *w, const struct wish *wish)
{
	static unsigned char serial;
	const struct who *by = wish->by ? wish->by : w;
	time_t now = time(NULL);
	gnutls_datum_t pem;

	serial++;
	ok(gnutls_x509_crt_init(&w->crt));
	ok(gnutls_x509_crt_set_version(w->crt, 3));
	ok(gnutls_x509_crt_set_serial(w->crt, &serial, 1));
	ok(gnutls_x509_crt_set_activation_time(w->crt, now + wish->from));
	ok(gnutls_x509_crt_set_expiration_time(w->crt, now + wish->to));
	ok(gnutls_x509_crt_set_key(w->crt, w->key));
	ok(gnutls_x509_crt_set_dn_by_oid(w->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
	    wish->name, (unsigned)strlen(wish->name)));
	ok(gnutls_x509_crt_set_subject_alt_name(w->crt, GNUTLS_SAN_DNSNAME,
	    wish->name, (unsigned)strlen(wish->name), GNUTLS_FSAN_SET));
	ok(gnutls_x509_crt_set_basic_constraints(
	    w->crt, wish->ca, wish->ca ? 1 : -1));
	ok(gnutls_x509_crt_set_key_usage(
	    w->crt, wish->ca ? GNUTLS_KEY_KEY_CERT_SIGN
			     : GNUTLS_KEY_DIGITAL_SIGNATURE));
	ok(gnutls_x509_crt_sign2(
	    w->crt, by == w ? w->crt : by->crt, by->key, GNUTLS_DIG_SHA256, 0));
	ok(gnutls_x509_crt_export2(w->crt, GNUTLS_X509_FMT_PEM, &pem));
	w->pem = mem_text_n(m, (const char *)pem.data, pem.size);
	gnutls_free(pem.data);
}

static void forget(struct who *w)
{
	gnutls_x509_crt_deinit(w->crt);
	gnutls_x509_privkey_deinit(w->key);
}

static const struct wish trusted = {
    .name = "CA", .from = -DAY, .to = DAY, .ca = true};
static const struct wish usual = {
    .name = NAME, .by = &ca, .from = -DAY, .to = DAY};

static int open_all(void **state)
{
	int fd = mkstemp(ca_file);
	FILE *f = fdopen(fd, "w");

	(void)state;
	m = mem_open(0);
	make_key(&ca, GNUTLS_PK_ECDSA, 256);
	certify(&ca, &trusted);
	make_key(&other_ca, GNUTLS_PK_ECDSA, 256);
	certify(&other_ca, &trusted);
	make_key(&signer, GNUTLS_PK_RSA, 2048);
	certify(&signer, &usual);
	fputs(ca.pem, f);
	return fclose(f);
}

static int close_all(void **state)
{
	(void)state;
	forget(&signer);
	forget(&other_ca);
	forget(&ca);
	unlink(ca_file);
	mem_close(m);
	return 0;
}

static gnutls_datum_t sign(
    const struct who *w, gnutls_digest_algorithm_t hash, const char *data)
{
	const gnutls_datum_t in = {
	    (unsigned char *)(uintptr_t)data, (unsigned)strlen(data)};
	gnutls_datum_t out = {0}, copy;
	gnutls_privkey_t key;

	ok(gnutls_privkey_init(&key));
	ok(gnutls_privkey_import_x509(key, w->key, 0));
	ok(gnutls_privkey_sign_data(key, hash, 0, &in, &out));
	copy.data = mem_alloc(m, out.size);
	copy.size = out.size;
	memcpy(copy.data, out.data, out.size);
	gnutls_free(out.data);
	gnutls_privkey_deinit(key);
	return copy;
}

static const char *check_as(const char *pem, const char *file, const char *name,
    const char *data, gnutls_datum_t signature)
{
	const struct crypto_signed s = {.pem = pem,
	    .pem_len = strlen(pem),
	    .ca_file = file,
	    .name = name,
	    .data = data,
	    .data_len = strlen(data),
	    .signature = signature.data,
	    .signature_len = signature.size};

	return crypto_check_signed(&s);
}

static const char *check_one(const struct who *w)
{
	return check_as(
	    w->pem, ca_file, NAME, DATA, sign(w, GNUTLS_DIG_SHA256, DATA));
}

static void expect(const char *got, const char *word)
{
	if (!got || !strstr(got, word))
		fail_msg("'%s' lacks '%s'", got ? got : "all is right", word);
}

static void what_is_right(void **state)
{
	(void)state;
	assert_null(check_one(&signer));
	/* With its way to the trust behind it. */
	assert_null(check_as(mem_print(m, "%s%s", signer.pem, ca.pem), ca_file,
	    NAME, DATA, sign(&signer, GNUTLS_DIG_SHA256, DATA)));
}

static void what_was_signed(void **state)
{
	gnutls_datum_t good = sign(&signer, GNUTLS_DIG_SHA256, DATA);
	gnutls_datum_t none = {good.data, 0}, less = {good.data, 255};

	(void)state;
	expect(
	    check_as(signer.pem, ca_file, NAME, DATA "0", good), "signature");
	expect(check_as(signer.pem, ca_file, NAME, "", good), "signature");
	expect(check_as(signer.pem, ca_file, NAME, DATA, none), "signature");
	expect(check_as(signer.pem, ca_file, NAME, DATA, less), "signature");
	for (unsigned i = 0; i < good.size; i += 51) {
		good.data[i] ^= 1;
		expect(check_as(signer.pem, ca_file, NAME, DATA, good),
		    "signature");
		good.data[i] ^= 1;
	}
	assert_null(check_as(signer.pem, ca_file, NAME, DATA, good));
	expect(check_as(signer.pem, ca_file, NAME, DATA,
		   sign(&signer, GNUTLS_DIG_SHA1, DATA)),
	    "signature");
	expect(check_as(signer.pem, ca_file, NAME, DATA,
		   sign(&signer, GNUTLS_DIG_SHA512, DATA)),
	    "signature");
}

static void whose_name(void **state)
{
	static const char *const names[] = {"evil.example", "example",
	    NAME ".evil.example", ("x" NAME), "*.example", ""};
	gnutls_datum_t good = sign(&signer, GNUTLS_DIG_SHA256, DATA);
	struct who wild = signer;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect(check_as(signer.pem, ca_file, names[i], DATA, good),
		    "name");
	certify(&wild,
	    &(struct wish){
		.name = "*.example", .by = &ca, .from = -DAY, .to = DAY});
	expect(check_one(&wild), "name");
	gnutls_x509_crt_deinit(wild.crt);
}

static void expect_of(const struct wish *wish, const char *word)
{
	struct who w = signer;

	certify(&w, wish);
	expect(check_one(&w), word);
	gnutls_x509_crt_deinit(w.crt);
}

static void who_is_trusted(void **state)
{
	(void)state;
	expect_of(&(struct wish){.name = NAME, .from = -DAY, .to = DAY},
	    "not trusted");
	expect_of(
	    &(struct wish){
		.name = NAME, .by = &other_ca, .from = -DAY, .to = DAY},
	    "not trusted");
	/* Who was certified may not certify. */
	expect_of(
	    &(struct wish){
		.name = NAME, .by = &signer, .from = -DAY, .to = DAY},
	    "not trusted");
	/* What it brings with it is no trust. */
	expect(
	    check_as(mem_print(m, "%s%s", signer.pem, ca.pem), "/nonexistent",
		NAME, DATA, sign(&signer, GNUTLS_DIG_SHA256, DATA)),
	    "trust store");
}

static void when_it_is_valid(void **state)
{
	(void)state;
	expect_of(
	    &(struct wish){
		.name = NAME, .by = &ca, .from = -2 * DAY, .to = -DAY},
	    "not valid now");
	expect_of(
	    &(struct wish){.name = NAME, .by = &ca, .from = DAY, .to = 2 * DAY},
	    "not valid now");
}

static void which_keys(void **state)
{
	struct who curve = {0}, weak = {0};

	(void)state;
	make_key(&curve, GNUTLS_PK_ECDSA, 256);
	certify(&curve, &usual);
	expect(check_one(&curve), "not RSA of 2048");
	make_key(&weak, GNUTLS_PK_RSA, 1024);
	certify(&weak, &usual);
	/* GnuTLS may refuse it before we do. */
	assert_non_null(check_one(&weak));
	forget(&weak);
	forget(&curve);
}

static void no_certificate(void **state)
{
	gnutls_datum_t good = sign(&signer, GNUTLS_DIG_SHA256, DATA);
	const char *broken = mem_print(m, "%.200s\n", signer.pem);

	(void)state;
	expect(check_as("", ca_file, NAME, DATA, good), "not a certificate");
	expect(
	    check_as("<html>", ca_file, NAME, DATA, good), "not a certificate");
	expect(
	    check_as(broken, ca_file, NAME, DATA, good), "not a certificate");
	expect(check_as("-----BEGIN CERTIFICATE-----\n"
			"AAAA\n-----END CERTIFICATE-----\n",
		   ca_file, NAME, DATA, good),
	    "not a certificate");
}

/* More certificates than anybody needs: the first ones count. */
static void a_long_chain(void **state)
{
	const char *all = signer.pem;

	(void)state;
	for (int i = 0; i < 9; i++)
		all = mem_print(m, "%s%s", all, ca.pem);
	assert_null(check_as(
	    all, ca_file, NAME, DATA, sign(&signer, GNUTLS_DIG_SHA256, DATA)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_right),
	    cmocka_unit_test(what_was_signed),
	    cmocka_unit_test(whose_name),
	    cmocka_unit_test(who_is_trusted),
	    cmocka_unit_test(when_it_is_valid),
	    cmocka_unit_test(which_keys),
	    cmocka_unit_test(no_certificate),
	    cmocka_unit_test(a_long_chain),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
