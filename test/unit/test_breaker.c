/* test_breaker.c: when a back end is not asked; the clock is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/breaker.h"

enum { T = 1000000, LATE = 5000 };

static void fail_times(struct breaker *b, int64_t now, int times)
{
	while (times--)
		assert_int_equal(
		    breaker_fail(b, now - LATE, now, true), BREAKER_NO_EVENT);
}

static void open_at(struct breaker *b, int64_t now)
{
	fail_times(b, now, BREAKER_FAILURES - 1);
	assert_int_equal(
	    breaker_fail(b, now - LATE, now, true), BREAKER_OPENED);
}

static void test_opens(void **state)
{
	struct breaker b = {0};

	(void)state;
	assert_true(breaker_admit(&b, T, true));
	fail_times(&b, T, BREAKER_FAILURES - 1);
	assert_true(breaker_admit(&b, T, true));
	assert_int_equal(breaker_fail(&b, T - LATE, T, true), BREAKER_OPENED);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_int_equal(b.opened, 1);
	assert_false(breaker_admit(&b, T + BREAKER_COOL_MS - 1, true));
	assert_int_equal(b.spared, 1);
	/* Those who were on their way say nothing new. */
	assert_int_equal(
	    breaker_fail(&b, T - LATE, T + 1, true), BREAKER_NO_EVENT);
	assert_int_equal(b.opened, 1);
}

static void test_cheap_failures(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(
		    breaker_fail(&b, T, T + BREAKER_SLOW_MS - 1, true),
		    BREAKER_NO_EVENT);
		assert_int_equal(
		    breaker_fail(&b, T, T + LATE, false), BREAKER_NO_EVENT);
	}
	assert_true(breaker_admit(&b, T, true));
	assert_int_equal(
	    breaker_fail(&b, T, T + BREAKER_SLOW_MS, true), BREAKER_NO_EVENT);
	assert_int_equal(b.failures, 1);
}

static void test_in_a_row(void **state)
{
	struct breaker b = {0};

	(void)state;
	fail_times(&b, T, BREAKER_FAILURES - 1);
	assert_int_equal(breaker_succeed(&b), BREAKER_NO_EVENT);
	fail_times(&b, T, BREAKER_FAILURES - 1);
	/* What is long ago is forgotten. */
	fail_times(&b, T + BREAKER_MEMORY_MS + 1, BREAKER_FAILURES - 1);
	assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_one_probes(void **state)
{
	int64_t at = T + BREAKER_COOL_MS;
	struct breaker b = {0};

	(void)state;
	open_at(&b, T);
	assert_false(breaker_admit(&b, at, false)); /* it would write */
	assert_true(breaker_admit(&b, at, true));
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	assert_false(breaker_admit(&b, at, true));
	assert_false(breaker_admit(&b, at + BREAKER_PROBE_MS - 1, true));
	/* It fails, however fast: open again, and the cool-down begins. */
	assert_int_equal(breaker_fail(&b, at, at + 1, false), BREAKER_NO_EVENT);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_false(breaker_admit(&b, at + BREAKER_COOL_MS, true));
	assert_true(breaker_admit(&b, at + 1 + BREAKER_COOL_MS, true));
	assert_int_equal(breaker_succeed(&b), BREAKER_CLOSED_AGAIN);
	assert_int_equal(breaker_succeed(&b), BREAKER_NO_EVENT);
	assert_true(breaker_admit(&b, at, false));
	assert_int_equal(b.opened, 1);
	/* All failures from before are forgotten. */
	fail_times(&b, at + LATE, BREAKER_FAILURES - 1);
}

/* A probe that hangs, or whose worker died. */
static void test_lost_probe(void **state)
{
	int64_t first = T + BREAKER_COOL_MS, next = first + BREAKER_PROBE_MS;
	struct breaker b = {0};

	(void)state;
	open_at(&b, T);
	assert_true(breaker_admit(&b, first, true));
	assert_true(breaker_admit(&b, next, true));
	/* The first one's end is not the second one's. */
	assert_int_equal(
	    breaker_fail(&b, first, next + 1, true), BREAKER_NO_EVENT);
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	assert_false(breaker_admit(&b, next + 1, true));
	assert_int_equal(breaker_succeed(&b), BREAKER_CLOSED_AGAIN);
}

static void test_crowd(void **state)
{
	(void)state;
	assert_int_equal(breaker_crowd(0), 2);
	assert_int_equal(breaker_crowd(1), 2);
	assert_int_equal(breaker_crowd(8), 3);
	assert_int_equal(breaker_crowd(16), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opens),
	    cmocka_unit_test(test_cheap_failures),
	    cmocka_unit_test(test_in_a_row),
	    cmocka_unit_test(test_one_probes),
	    cmocka_unit_test(test_lost_probe),
	    cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
