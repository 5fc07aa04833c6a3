/* test_gateway.c: addresses, amounts and check sums of gateways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "domain/gateway.h"
#include "domain/gateway_paypal.h"

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

static void origins(void **state)
{
	static const struct {
		const char *url, *origin;
	} rows[] = {
	    {"https://www.paypal.com/checkoutnow?token=1",
		"https://www.paypal.com"},
	    {"https://www.paypal.com", "https://www.paypal.com"},
	    {"http://localhost:3082/x", "http://localhost:3082"},
	    {"https://a.example?x=/", "https://a.example"},
	    {"https://a.example#@b", "https://a.example"},
	    {"https://[::1]:8443/x", "https://[::1]:8443"},
	    {"https://good.example@evil.example/", NULL},
	    {"https://good.example\\@evil.example/", NULL},
	    {"https:///x", NULL},
	    {"https://", NULL},
	    {"/api/refill", NULL},
	    {"", NULL},
	    {"javascript:alert(1)", NULL},
	    /* Nothing may begin another source or directive of a policy. */
	    {"https://a.example; script-src *", NULL},
	    {"https://a.example *", NULL},
	    {"https://a.example,b.example", NULL},
	    {"https://a.example\r\nX: y", NULL},
	    {"https://a.example'unsafe-inline'", NULL},
	    {"a b://c.example", NULL},
	    {"*://c.example", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *got = gateway_origin(m, rows[i].url);

		if (rows[i].origin ? !got || strcmp(got, rows[i].origin) != 0
				   : got != NULL)
			fail_msg("%s: %s", rows[i].url, got ? got : "none");
	}
}

static void digits_of_currencies(void **state)
{
	(void)state;
	assert_int_equal(gateway_digits("USD"), 2);
	assert_int_equal(gateway_digits("EUR"), 2);
	assert_int_equal(gateway_digits("JPY"), 0);
	assert_int_equal(gateway_digits("KRW"), 0);
	assert_int_equal(gateway_digits("KWD"), 3);
	assert_int_equal(gateway_digits("XXX"), 2);
	/* ISO 4217 has these with digits, whatever a gateway takes. */
	assert_int_equal(gateway_digits("HUF"), 2);
	assert_int_equal(gateway_digits("TWD"), 2);
}

static const char *write_amount(const char *text, unsigned digits)
{
	struct money amount;
	const char *out = "untouched";

	assert_true(money_parse(text, &amount));
	return gateway_amount(m, amount, digits, &out) ? out : NULL;
}

/* As gateways want it: with all digits of the currency, and never rounded. */
static void amounts(void **state)
{
	static const struct {
		const char *text;
		unsigned digits;
		const char *want;
	} rows[] = {
	    {"25", 2, "25.00"},
	    {"25.0", 2, "25.00"},
	    {"25.00", 2, "25.00"},
	    {"25.5", 2, "25.50"},
	    {"25.500000", 2, "25.50"},
	    {"0.01", 2, "0.01"},
	    {"25.001", 2, NULL},
	    {"0.005", 2, NULL},
	    {"25.999", 2, NULL},
	    {"500", 0, "500"},
	    {"500.00", 0, "500"},
	    {"500.5", 0, NULL},
	    {"25.5", 3, "25.500"},
	    {"25.1234", 3, NULL},
	    {"1000", 2, "1000.00"},
	    {"99999999999999.99", 2, "99999999999999.99"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *got = write_amount(rows[i].text, rows[i].digits);

		if (rows[i].want ? !got || strcmp(got, rows[i].want) != 0
				 : got != NULL)
			fail_msg("%s, %u: %s", rows[i].text, rows[i].digits,
			    got ? got : "none");
	}
}

/* The check value of CRC-32/ISO-HDLC, and what zlib says of others. */
static void crc(void **state)
{
	static const char zeros[32];

	(void)state;
	assert_int_equal(paypal_crc32("123456789", 9), 0xCBF43926U);
	assert_int_equal(paypal_crc32("", 0), 0);
	assert_int_equal(paypal_crc32("a", 1), 0xE8B7BE43U);
	assert_int_equal(paypal_crc32(zeros, 32), 0x190A55ADU);
	assert_int_equal(
	    paypal_crc32("The quick brown fox jumps over the lazy dog", 43),
	    0x414FA339U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(origins),
	    cmocka_unit_test(digits_of_currencies),
	    cmocka_unit_test(amounts),
	    cmocka_unit_test(crc),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
