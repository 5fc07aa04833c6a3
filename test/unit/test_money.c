/* test_money.c: exact decimals: reading, arithmetic, rounding, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/money.h"

#define NINES_30 "999999999999999999999999999999"

static struct mem *pool;

static int open_pool(void **state)
{
	(void)state;
	pool = mem_open(0);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	mem_close(pool);
	return 0;
}

static struct money amount(const char *text)
{
	struct money a = {.coef = 4711, .scale = 1};

	if (!money_parse(text, &a))
		fail_msg("refused: %s", text);
	return a;
}

static void check_reads(const char *text, const char *expected)
{
	assert_string_equal(money_text(pool, amount(text)), expected);
}

static void reads_what_encoders_write(void **state)
{
	(void)state;
	check_reads("0", "0");
	check_reads("12.50", "12.50");
	check_reads("-12.50", "-12.50");
	check_reads("0.000000001", "0.000000001");
	check_reads("-0.05", "-0.05");
	check_reads("1e-7", "0.0000001");
	check_reads("1.5E-07", "0.00000015");
	check_reads("1E+3", "1000");
	check_reads("1.25e1", "12.5");
	check_reads("1.25e2", "125");
	check_reads("0e400", "0");
	check_reads("1e29", "100000000000000000000000000000");
	check_reads("0.123456789012345678", "0.123456789012345678");
	check_reads(NINES_30, NINES_30);
	check_reads("-" NINES_30, "-" NINES_30);
}

static void zero_has_no_sign(void **state)
{
	(void)state;
	check_reads("-0", "0");
	check_reads("-0.00", "0.00");
	assert_true(money_is_zero(amount("-0.000")));
	assert_int_equal(money_sign(amount("-0")), 0);
	assert_int_equal(money_sign(amount("0.01")), 1);
	assert_int_equal(money_sign(amount("-0.01")), -1);
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1.", ".5",
	    "-.5", "1..2", "1.2.3", "1,5", "--1", "1e", "1e+", "e5", "1e5x",
	    "1e1.5", "0x10", "NaN", "nan", "Infinity", "-Infinity", "null",
	    "\xd9\xa1", "1e400", "1e-400", "1e99999999999999999999", "1e-19",
	    "0.1234567890123456789", "1" NINES_30, "0." NINES_30, "1e30"};
	struct money a = {.coef = 4711, .scale = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (money_parse(bad[i], &a))
			fail_msg("accepted: '%s'", bad[i]);
	assert_false(money_parse(NULL, &a));
	assert_true(a.coef == 4711 && a.scale == 1);
}

static void check_sum(const char *a, const char *b, const char *sum)
{
	struct money out;

	assert_true(money_add(amount(a), amount(b), &out));
	assert_string_equal(money_text(pool, out), sum);
	/* And back again. */
	assert_true(money_sub(out, amount(b), &out));
	assert_int_equal(money_compare(out, amount(a)), 0);
}

static void adds_across_scales(void **state)
{
	(void)state;
	check_sum("0.1", "0.2", "0.3");
	check_sum("1", "0.005", "1.005");
	check_sum("-12.50", "12.5", "0.00");
	check_sum("0.000000001", "-1", "-0.999999999");
	check_sum("999999999999.99", "0.01", "1000000000000.00");
	check_sum("-5", "-0.25", "-5.25");
}

static void refuses_what_does_not_fit(void **state)
{
	struct money out = {.coef = 4711, .scale = 1};

	(void)state;
	assert_false(money_add(amount(NINES_30), amount("1"), &out));
	assert_false(money_sub(amount("-" NINES_30), amount("1"), &out));
	assert_false(money_add(amount(NINES_30), amount("0.1"), &out));
	/* Scaled to 18 digits behind the point, it would need 168 bits. */
	assert_false(
	    money_add(amount(NINES_30), amount("0.000000000000000001"), &out));
	assert_false(money_mul(amount(NINES_30), amount(NINES_30), &out));
	assert_false(money_mul(
	    amount("1000000000000000"), amount("1000000000000000"), &out));
	assert_false(
	    money_mul(amount("0.0000000001"), amount("0.0000000001"), &out));
	assert_true(out.coef == 4711 && out.scale == 1);

	assert_true(money_sub(amount(NINES_30), amount(NINES_30), &out));
	assert_true(money_is_zero(out));
}

static void check_product(const char *a, const char *b, const char *product)
{
	struct money out;

	assert_true(money_mul(amount(a), amount(b), &out));
	assert_string_equal(money_text(pool, out), product);
}

static void multiplies(void **state)
{
	(void)state;
	check_product("0.0125", "3", "0.0375");
	check_product("-0.5", "0.5", "-0.25");
	check_product("-2", "-2.5", "5.0");
	check_product("0", "-7.25", "0.00");
	/* Zeros at the end make room for the scale of both. */
	check_product("0.5000000000", "0.5000000000", "0.250000000000000000");
}

static void check_rounds(const char *a, unsigned scale, const char *expected)
{
	assert_string_equal(
	    money_text(pool, money_round(amount(a), scale)), expected);
}

static void rounds_half_to_even(void **state)
{
	(void)state;
	check_rounds("0.125", 2, "0.12");
	check_rounds("0.135", 2, "0.14");
	check_rounds("0.1250001", 2, "0.13");
	check_rounds("0.1249999", 2, "0.12");
	check_rounds("-0.125", 2, "-0.12");
	check_rounds("-0.135", 2, "-0.14");
	check_rounds("-0.1250001", 2, "-0.13");
	check_rounds("0.5", 0, "0");
	check_rounds("1.5", 0, "2");
	check_rounds("-0.5", 0, "0");
	check_rounds("-1.5", 0, "-2");
	check_rounds("9.99", 1, "10.0");
	check_rounds("2.5", 2, "2.5");
	check_rounds("999999999999.999999999999999999", 0, "1000000000000");
}

static void check_order(const char *less, const char *more)
{
	assert_true(money_compare(amount(less), amount(more)) < 0);
	assert_true(money_compare(amount(more), amount(less)) > 0);
}

static void compares_across_scales(void **state)
{
	(void)state;
	assert_int_equal(money_compare(amount("1.50"), amount("1.5")), 0);
	assert_int_equal(money_compare(amount("-0"), amount("0.000")), 0);
	check_order("1.5", "1.51");
	check_order("-1.51", "-1.5");
	check_order("-0.1", "0.01");
	check_order("0.000000000000000001", "1");
	/* Aligned to one scale, these would overflow. */
	check_order("0.000000000000000001", NINES_30);
	check_order("-" NINES_30, "-0.000000000000000001");
	check_order("999999999999.999999999999999999", NINES_30);
}

static void negates(void **state)
{
	(void)state;
	assert_string_equal(
	    money_text(pool, money_negate(amount("-1.20"))), "1.20");
	assert_string_equal(money_text(pool, money_negate(amount("0"))), "0");
}

static void divides(void **state)
{
	struct money out, a;

	(void)state;
	assert_true(money_parse("10", &a));
	assert_true(money_divide(a, 3, 9, &out));
	assert_string_equal(money_text(pool, out), "3.333333333");
	assert_true(money_divide(a, 4, 1, &out)); /* half to even */
	assert_string_equal(money_text(pool, out), "2.5");
	assert_true(money_divide(a, 4, 0, &out));
	assert_string_equal(money_text(pool, out), "2");
	assert_true(money_divide(money_negate(a), 16, 2, &out));
	assert_string_equal(money_text(pool, out), "-0.62");
	assert_false(money_divide(a, 0, 2, &out));
	assert_true(money_parse("1.234", &a));
	assert_false(money_divide(a, 2, 2, &out)); /* would lose digits */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_encoders_write),
	    cmocka_unit_test(zero_has_no_sign),
	    cmocka_unit_test(refuses_what_is_no_number),
	    cmocka_unit_test(adds_across_scales),
	    cmocka_unit_test(refuses_what_does_not_fit),
	    cmocka_unit_test(multiplies),
	    cmocka_unit_test(rounds_half_to_even),
	    cmocka_unit_test(compares_across_scales),
	    cmocka_unit_test(negates),
	    cmocka_unit_test(divides),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
