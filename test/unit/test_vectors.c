/* test_vectors.c: the gateways' published signatures, where they lie beside the
 * tree (shared/vectors; their licences differ, so they are no part of it). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/gateway_paypal.h"
#include "tools/crypto.h"

#define FOLDER SOURCE_DIR "/../shared/vectors/"

enum { VALID = 1490904245, EXPIRED = 1795521600, KEY = 128 };

static struct mem *mem;
static time_t clock_time;

/* GnuTLS asks it whether a certificate is valid. */
static time_t tell_time(time_t *out)
{
	if (out)
		*out = clock_time;
	return clock_time;
}

static int open_mem(void **state)
{
	(void)state;
	mem = mem_open(0);
	clock_time = VALID;
	gnutls_global_set_time_function(tell_time);
	return 0;
}

static int close_mem(void **state)
{
	(void)state;
	mem_close(mem);
	return 0;
}

static char *read_text(const char *name, size_t *len)
{
	char *text =
	    conf_read_file(mem, mem_print(mem, FOLDER "%s", name), len);

	if (!text)
		skip();
	return text;
}

static struct json_object *read_json(const char *name)
{
	size_t len;
	char *text = read_text(name, &len);
	struct json_object *o = json_parse(mem, text, len, 32);

	assert_non_null(o);
	return o;
}

/* --- PayPal --------------------------------------------------------------- */

/* What is wrong with the published signature over a body; NULL: nothing. */
static const char *check(const char *body, size_t len)
{
	struct json_object *v = read_json("paypal_vector.json");
	struct json_object *headers = json_find(v, "headers");
	char *message = mem_print(mem, "%s|%s|%s|%u",
	    json_find_text(headers, "paypal-transmission-id"),
	    json_find_text(headers, "paypal-transmission-time"),
	    json_find_text(v, "webhook_id"), paypal_crc32(body, len));
	struct crypto_signed s = {
	    .ca_file = FOLDER "DigiCertHighAssuranceEVRootCA.pem",
	    .name = "messageverificationcerts.sandbox.paypal.com",
	    .data = message,
	    .data_len = strlen(message)};
	size_t len_of_issuer;
	char *issuer = read_text(
	    "DigiCertSHA2ExtendedValidationServerCA.crt", &len_of_issuer);
	/* The issuer's is there as bytes. */
	char *pem = mem_print(mem,
	    "%s\n-----BEGIN CERTIFICATE-----\n%s\n"
	    "-----END CERTIFICATE-----\n",
	    read_text("paypal_testClientCert.crt", NULL),
	    crypto_base64(mem, issuer, len_of_issuer));

	s.pem = pem;
	s.pem_len = strlen(pem);
	s.signature = crypto_unbase64(mem,
	    json_find_text(headers, "paypal-transmission-sig"),
	    &s.signature_len);
	assert_non_null(s.signature);
	return crypto_check_signed(&s);
}

/* The check value of the CRC's own definition: needs no file. */
static void test_crc(void **state)
{
	(void)state;
	assert_int_equal(paypal_crc32("123456789", 9), 0xcbf43926U);
}

static void test_paypal(void **state)
{
	size_t len;
	char *body = read_text("paypal_body.json", &len);

	(void)state;
	assert_int_equal(paypal_crc32(body, len), 3494065244U);
	assert_null(check(body, len));
	body[len - 2]++;
	assert_string_equal(check(body, len), "the signature is wrong");
}

static void test_paypal_expired(void **state)
{
	size_t len;
	char *body = read_text("paypal_body.json", &len);

	(void)state;
	clock_time = EXPIRED;
	assert_string_equal(
	    check(body, len), "the certificate is not valid now");
}

/* The signature says yes: so it must never say what was paid. What comes of
 * such an event is case 3 of the page tests. */
static void test_paypal_forged(void **state)
{
	size_t len;
	char *body = read_text("paypal_forged_same_crc.json", &len);

	(void)state;
	assert_null(check(body, len));
}

/* --- Authorize.Net -------------------------------------------------------- */

static bool signs(
    const void *key, size_t key_len, const char *body, const char *signature)
{
	unsigned char wanted[CRYPTO_SHA512], got[CRYPTO_SHA512];

	if (!crypto_unhex(signature + strlen("sha512="), got, sizeof(got)))
		return false;
	crypto_hmac_sha512(key, key_len, body, strlen(body), wanted);
	return crypto_equal(wanted, got, sizeof(got));
}

static void test_anet(void **state)
{
	struct json_object *list =
	    json_find(read_json("anet_vectors.json"), "webhook");
	unsigned char decoded[KEY / 2];

	(void)state;
	assert_int_equal(json_length(list), 3);
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *v = json_at(list, i);
		const char *key = json_find_text(v, "key_text");
		const char *body = json_find_text(v, "body");
		const char *signature = json_find_text(v, "x_anet_signature");
		bool valid = json_flag(json_find(v, "valid"));

		assert_int_equal(signs(key, KEY, body, signature), valid);
		assert_true(crypto_unhex(key, decoded, sizeof(decoded)));
		assert_false(signs(decoded, sizeof(decoded), body, signature));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_crc, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(test_paypal, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(
		test_paypal_expired, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(
		test_paypal_forged, open_mem, close_mem),
	    cmocka_unit_test_setup_teardown(test_anet, open_mem, close_mem),
	};

	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
