/* test_factor.c: codes of an authenticator app, and recovery codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/factor.h"
#include "domain/session.h"
#include "tools/crypto.h"
#include "tools/db.h"
#include "tools/qr.h"
#include "store.h"

enum { NOW = 1800000000, STEP = 30 };

static struct mem *m;
static struct conf conf;
static struct brand brand;
static struct factor_of of;
static unsigned char secret[FACTOR_SECRET];

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	memset(&conf, 0, sizeof(conf));
	conf.session.factor_key = "";
	memset(&brand, 0, sizeof(brand));
	brand.name = "acme";
	brand.conf = &conf;
	brand.db = db_open(store_new(m));
	assert_non_null(brand.db);
	assert_int_equal(
	    db_migrate(brand.db, SOURCE_DIR "/conf/schema"), ERR_OK);
	of = (struct factor_of){&brand, m, 1001, NOW};
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(brand.db);
	mem_close(m);
	return 0;
}

/* What an app does with the secret that it is shown. */
static void read_base32(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint64_t bits = 0;
	unsigned n = 0, at = 0;

	assert_int_equal(strlen(text), 32);
	for (; *text; text++) {
		bits = bits << 5 | (uint64_t)(strchr(digits, *text) - digits);
		for (n += 5; n >= 8; n -= 8)
			secret[at++] = (unsigned char)(bits >> (n - 8));
	}
	assert_int_equal(at, FACTOR_SECRET);
}

/* The code of a time, found by asking which of a million it is. */
static const char *code_at(int64_t time)
{
	char text[7];

	for (int i = 0; i < 1000000; i++) {
		snprintf(text, sizeof(text), "%06d", i);
		if (factor_step(secret, text, time) == time / STEP)
			return mem_text(m, text);
	}
	fail();
	return NULL;
}

static void begin(void)
{
	struct factor f;

	assert_int_equal(factor_begin(&of, "me"), ERR_OK);
	assert_int_equal(factor_find(&of, "me", &f), ERR_OK);
	assert_int_equal(f.state, FACTOR_BEGUN);
	read_base32(f.secret);
}

static void turn_on(const char *codes[FACTOR_CODES])
{
	begin();
	assert_int_equal(
	    factor_confirm(&of, "me", code_at(NOW), codes), ERR_OK);
}

/* RFC 6238, appendix B, the last 6 of its 8 digits. */
static void test_rfc_6238(void **state)
{
	static const struct {
		int64_t time;
		const char *code;
	} rows[] = {{59, "287082"}, {1111111109, "081804"},
	    {1111111111, "050471"}, {1234567890, "005924"},
	    {2000000000, "279037"}, {20000000000, "353130"}};
	static const unsigned char key[] = "12345678901234567890";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t t = rows[i].time, step = t / STEP;

		assert_int_equal(factor_step(key, rows[i].code, t), step);
		assert_int_equal(
		    factor_step(key, rows[i].code, t + STEP), step);
		assert_int_equal(
		    factor_step(key, rows[i].code, t - STEP), step);
		assert_int_equal(
		    factor_step(key, rows[i].code, t + 2 * STEP), -1);
		if (step > 1)
			assert_int_equal(
			    factor_step(key, rows[i].code, t - 2 * STEP), -1);
	}
	assert_int_equal(factor_step(key, "", 59), -1);
	assert_int_equal(factor_step(key, "2870820", 59), -1);
	assert_int_equal(factor_step(key, "94287082", 59), -1);
}

static void test_replay(void **state)
{
	const char *codes[FACTOR_CODES];

	(void)state;
	turn_on(codes);
	/* The code that confirmed is used up, and so are older ones. */
	assert_int_equal(factor_try(&of, code_at(NOW)), ERR_RULE);
	assert_int_equal(factor_try(&of, code_at(NOW - STEP)), ERR_RULE);
	assert_int_equal(factor_try(&of, code_at(NOW + STEP)), ERR_OK);
	assert_int_equal(factor_try(&of, code_at(NOW + STEP)), ERR_RULE);
	of.now = NOW + 2 * STEP;
	assert_int_equal(factor_try(&of, code_at(NOW + STEP)), ERR_RULE);
	assert_int_equal(factor_try(&of, code_at(of.now)), ERR_OK);
}

static void test_recovery_codes(void **state)
{
	const char *codes[FACTOR_CODES];
	char kept[FACTOR_CODES][16];
	struct factor f;

	(void)state;
	turn_on(codes);
	for (int i = 0; i < FACTOR_CODES; i++) {
		assert_int_equal(strlen(codes[i]), 14);
		strcpy(kept[i], codes[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(kept[i], kept[j]);
	}
	assert_int_equal(factor_try(&of, kept[3]), ERR_OK);
	assert_int_equal(factor_try(&of, kept[3]), ERR_RULE);
	for (char *c = kept[4]; *c; c++)
		*c = *c == '-' ? ' ' : (char)(*c | (*c >= 'A' ? 0x20 : 0));
	assert_int_equal(factor_try(&of, kept[4]), ERR_OK);
	assert_int_equal(factor_find(&of, "", &f), ERR_OK);
	assert_int_equal(f.codes_left, FACTOR_CODES - 2);
	of.client_id = 1002;
	assert_int_equal(factor_try(&of, kept[5]), ERR_RULE);
	of.client_id = 1001;
	assert_int_equal(factor_remove(&of), ERR_OK);
	assert_int_equal(factor_try(&of, kept[5]), ERR_RULE);
}

static void test_begun_is_the_session_s(void **state)
{
	const char *codes[FACTOR_CODES];
	struct factor f;
	const char *code;

	(void)state;
	begin();
	code = code_at(NOW);
	assert_int_equal(factor_find(&of, "other", &f), ERR_OK);
	assert_int_equal(f.state, FACTOR_OFF);
	assert_null(f.secret);
	assert_int_equal(
	    factor_confirm(&of, "other", code, codes), ERR_CONFLICT);
	assert_int_equal(factor_try(&of, code), ERR_RULE);
	assert_int_equal(factor_confirm(&of, "me", "000000x", codes), ERR_RULE);
	of.now = NOW + FACTOR_BEGUN_S;
	assert_int_equal(factor_find(&of, "me", &f), ERR_OK);
	assert_int_equal(f.state, FACTOR_OFF);
	of.now = NOW;
	assert_int_equal(factor_confirm(&of, "me", code, codes), ERR_OK);
	assert_int_equal(factor_confirm(&of, "me", code, codes), ERR_CONFLICT);
	assert_int_equal(factor_begin(&of, "me"), ERR_CONFLICT);
	assert_int_equal(factor_find(&of, "me", &f), ERR_OK);
	assert_null(f.secret); /* nobody sees it again */
}

/* A row is no use to another customer, nor with another key. */
static void test_sealed(void **state)
{
	const char *codes[FACTOR_CODES];
	const char *code;

	(void)state;
	turn_on(codes);
	code = code_at(NOW + STEP);
	assert_int_equal(
	    db_run(brand.db, "update totp set client_id = 1002", NULL, 0, NULL),
	    ERR_OK);
	of.client_id = 1002;
	assert_int_equal(factor_try(&of, code), ERR_INTERNAL);
	assert_int_equal(
	    db_run(brand.db, "update totp set client_id = 1001", NULL, 0, NULL),
	    ERR_OK);
	of.client_id = 1001;
	conf.session.factor_key = "another key, of 32 characters or so";
	assert_int_equal(factor_try(&of, code), ERR_INTERNAL);
	conf.session.factor_key = "";
	assert_int_equal(factor_try(&of, code), ERR_OK);
}

static void test_seal(void **state)
{
	unsigned char key[CRYPTO_KEY] = {1}, out[5];
	char *sealed = crypto_seal(m, key, "a", "hello", 5);

	(void)state;
	assert_string_not_equal(sealed, crypto_seal(m, key, "a", "hello", 5));
	assert_true(crypto_unseal(m, key, "a", sealed, out, 5));
	assert_memory_equal(out, "hello", 5);
	assert_false(crypto_unseal(m, key, "b", sealed, out, 5));
	assert_false(crypto_unseal(m, key, "a", sealed, out, 4));
	assert_false(crypto_unseal(m, key, "a", "", out, 5));
	sealed[30] = sealed[30] == '0' ? '1' : '0';
	assert_false(crypto_unseal(m, key, "a", sealed, out, 5));
	sealed[30] = 'x';
	assert_false(crypto_unseal(m, key, "a", sealed, out, 5));
	key[0] = 2;
	sealed = crypto_seal(m, key, "a", "hello", 5);
	key[0] = 1;
	assert_false(crypto_unseal(m, key, "a", sealed, out, 5));
}

/* RFC 4648, section 10, without the padding. */
static void test_base32(void **state)
{
	static const char *const rows[] = {
	    "", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"};

	(void)state;
	for (size_t i = 0; i <= 6; i++)
		assert_string_equal(crypto_base32(m, "foobar", i), rows[i]);
}

static void test_uri(void **state)
{
	(void)state;
	assert_string_equal(factor_uri(m, "A & B: C", "he/ron", "ABC"),
	    "otpauth://totp/A%20%26%20B%3A%20C:he%2Fron?secret=ABC"
	    "&issuer=A%20%26%20B%3A%20C");
}

static void test_qr(void **state)
{
	char *text = mem_alloc(m, 4001);
	int size;

	(void)state;
	/* Version 1 has 21 squares, and the corner's pattern is 7 wide. */
	assert_memory_equal(qr_path(m, "HELLO", &size), "M4 4h7v1h-7z", 12);
	assert_int_equal(size, 21 + 8);
	memset(text, 'x', 4000);
	assert_null(qr_path(m, text, &size));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rfc_6238),
	    TEST(test_replay),
	    TEST(test_recovery_codes),
	    TEST(test_begun_is_the_session_s),
	    TEST(test_sealed),
	    TEST(test_seal),
	    TEST(test_base32),
	    TEST(test_uri),
	    TEST(test_qr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
