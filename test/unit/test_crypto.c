/* test_crypto.c: published vectors, and what a token must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/crypto.h"

static struct mem *m;

static int open_pool(void **state)
{
	(void)state;
	m = mem_open(0);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	mem_close(m);
	return 0;
}

/* FIPS 180-2, appendix B, and the empty text. */
static void test_sha256(void **state)
{
	static const struct {
		const char *text, *hex;
	} vectors[] = {
	    {"abc", "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039"
		"a33ce45964ff2167f6ecedd419db06c1"},
	    {"", "e3b0c44298fc1c149afbf4c8996fb924"
		 "27ae41e4649b934ca495991b7852b855"},
	};
	unsigned char out[CRYPTO_SHA256];
	char hex[CRYPTO_SHA256_HEX];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		size_t len = strlen(vectors[i].text);

		crypto_sha256(vectors[i].text, len, out);
		assert_string_equal(
		    crypto_hex(m, out, sizeof(out)), vectors[i].hex);
		crypto_sha256_hex(vectors[i].text, len, hex);
		assert_string_equal(hex, vectors[i].hex);
	}
}

static void check_hmac(const void *key, size_t key_len, const void *data,
    size_t len, const char *hex)
{
	unsigned char out[CRYPTO_SHA256];

	crypto_hmac_sha256(key, key_len, data, len, out);
	assert_string_equal(crypto_hex(m, out, sizeof(out)), hex);
}

/* RFC 4231, cases 1, 2, 3 and 6. */
static void test_hmac(void **state)
{
	unsigned char key[131], data[50];
	const char *long_key =
	    "Test Using Larger Than Block-Size Key - Hash Key First";

	(void)state;
	memset(key, 0x0b, 20);
	check_hmac(key, 20, "Hi There", 8,
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	check_hmac("Jefe", 4, "what do ya want for nothing?", 28,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	check_hmac(key, 20, data, sizeof(data),
	    "773ea91e36800e46854db8ebd09181a7"
	    "2959098b3ef8c122d9635514ced565fe");
	check_hmac(key, sizeof(key), long_key, strlen(long_key),
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}

static void check_hmac_512(const void *key, size_t key_len, const void *data,
    size_t len, const char *hex)
{
	unsigned char out[CRYPTO_SHA512];

	crypto_hmac_sha512(key, key_len, data, len, out);
	assert_string_equal(crypto_hex(m, out, sizeof(out)), hex);
}

/* RFC 4231, cases 1, 2, 3 and 6. */
static void test_hmac_512(void **state)
{
	unsigned char key[131], data[50];
	const char *long_key =
	    "Test Using Larger Than Block-Size Key - Hash Key First";

	(void)state;
	memset(key, 0x0b, 20);
	check_hmac_512(key, 20, "Hi There", 8,
	    "87aa7cdea5ef619d4ff0b4241a1d6cb0"
	    "2379f4e2ce4ec2787ad0b30545e17cde"
	    "daa833b7d6b8a702038b274eaea3f4e4"
	    "be9d914eeb61f1702e696c203a126854");
	check_hmac_512("Jefe", 4, "what do ya want for nothing?", 28,
	    "164b7a7bfcf819e2e395fbe73b56e0a3"
	    "87bd64222e831fd610270cd7ea250554"
	    "9758bf75c05a994a6d034f65f8f0e6fd"
	    "caeab1a34d4a6b4b636e070a38bce737");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	check_hmac_512(key, 20, data, sizeof(data),
	    "fa73b0089d56a284efb0f0756c890be9"
	    "b1b5dbdd8ee81a3655f83e33b2279d39"
	    "bf3e848279a722c806b485a47e67c807"
	    "b946a337bee8942674278859e13292fb");
	check_hmac_512(key, sizeof(key), long_key, strlen(long_key),
	    "80b24263c7c1a3ebb71493c1dd7be8b4"
	    "9b46d1f41b4aeec1121b013783f8f352"
	    "6b56d037e05f2598bd0fd2215d6a1e52"
	    "95e64f73f63f0aec8b915a985d786598");
}

static void test_unhex(void **state)
{
	static const char *const bad[] = {"", "0", "0g", "00 ", " 00", "0x",
	    "000", "00000", "g000", "000\n", "\xc3\xa4@0", "@000", "`000",
	    "/000", ":000", "G000"};
	unsigned char out[3] = {1, 2, 3};

	(void)state;
	assert_true(crypto_unhex("009f", out, 2));
	assert_memory_equal(out, "\x00\x9f\x03", 3);
	assert_true(crypto_unhex("AbCd", out, 2));
	assert_memory_equal(out, "\xab\xcd\x03", 3);
	assert_true(crypto_unhex("", out, 0));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (crypto_unhex(bad[i], out, 2))
			fail_msg("taken: '%s'", bad[i]);
	assert_int_equal(out[2], 3);
}

/* RFC 4648, section 10. */
static void test_base64(void **state)
{
	static const char *const want[] = {
	    "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const bad[] = {
	    "", "Z", "Zg", "Zg=", "Zm9v!", "Z===", "====", "\xc3\xa4=="};
	unsigned char bytes[256];
	size_t len;
	void *back;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(crypto_base64(m, "foobar", i), want[i]);
		back = crypto_unbase64(m, want[i], &len);
		if (!i)
			continue;
		assert_int_equal(len, i);
		assert_memory_equal(back, "foobar", i);
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	back = crypto_unbase64(m, crypto_base64(m, bytes, 256), &len);
	assert_int_equal(len, 256);
	assert_memory_equal(back, bytes, 256);
	assert_null(strchr(crypto_base64(m, bytes, 256), '\n'));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (crypto_unbase64(m, bad[i], &len))
			fail_msg("taken: '%s'", bad[i]);
}

static void test_base32_token(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char *a = crypto_base32_token(m, 18), *b = crypto_base32_token(m, 18);
	char *many = crypto_base32_token(m, 4000);

	(void)state;
	assert_int_equal(strlen(a), 18);
	assert_int_equal(strspn(a, digits), 18);
	assert_string_not_equal(a, b);
	assert_string_equal(crypto_base32_token(m, 0), "");
	assert_int_equal(strspn(many, digits), 4000);
	/* Each of them comes: that one of 32 does not, in 4,000, has a chance
	 * of one to 10^53. */
	for (const char *digit = digits; *digit; digit++)
		assert_non_null(strchr(many, *digit));
}

/* RFC 4648, section 10, without padding; and the two digits of section 5. */
static void test_base64url(void **state)
{
	static const char *const want[] = {
	    "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	char *all;
	unsigned char bytes[256];

	(void)state;
	for (size_t len = 0; len < 7; len++)
		assert_string_equal(
		    crypto_base64url(m, "foobar", len), want[len]);
	assert_string_equal(
	    crypto_base64url(m, "\xfb\xff\xbf\xff", 4), "-_-__w");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	all = crypto_base64url(m, bytes, sizeof(bytes));
	assert_int_equal(strlen(all), 342);
	assert_memory_equal(all, "AAECAwQF", 8);
	assert_string_equal(all + 334, "r7_P3-_w");
}

static void test_hex(void **state)
{
	(void)state;
	assert_string_equal(crypto_hex(m, "\x00\x9f\xff", 3), "009fff");
	assert_string_equal(crypto_hex(m, "", 0), "");
}

static void test_token(void **state)
{
	const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char *a = crypto_token(m, 32), *b = crypto_token(m, 32);

	(void)state;
	assert_int_equal(strlen(a), 43);
	assert_int_equal(strspn(a, digits), 43);
	assert_string_not_equal(a, b);
}

static void test_random(void **state)
{
	unsigned char data[64] = {0};
	size_t zeros = 0;

	(void)state;
	/* The byte behind the length stays. */
	crypto_random(data, 63);
	assert_int_equal(data[63], 0);
	for (size_t i = 0; i < 63; i++)
		zeros += data[i] == 0;
	assert_true(zeros < 16);
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(crypto_equal("abc", "abd", 2));
	assert_false(crypto_equal("abc", "abd", 3));
	assert_true(crypto_equal("a\0b", "a\0b", 3));
	assert_false(crypto_equal("a\0b", "a\0c", 3));
	assert_true(crypto_equal("", "", 0));
	assert_true(crypto_equal_text("token", "token"));
	assert_true(crypto_equal_text("", ""));
	assert_false(crypto_equal_text("token", "toke"));
	assert_false(crypto_equal_text("", "token"));
	assert_false(crypto_equal_text("token", "tokem"));
}

static void test_wipe(void **state)
{
	char secret[] = "secret";

	(void)state;
	crypto_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sha256),
	    cmocka_unit_test(test_hmac),
	    cmocka_unit_test(test_hmac_512),
	    cmocka_unit_test(test_unhex),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_base32_token),
	    cmocka_unit_test(test_base64url),
	    cmocka_unit_test(test_hex),
	    cmocka_unit_test(test_token),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
