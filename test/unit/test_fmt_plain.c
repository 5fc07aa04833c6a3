/* test_fmt_plain.c: what is written without ICU is what ICU writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include "base/log.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/fmt_plain.h"

enum { ROOM = 256, ROUNDS = 3000 };

/* Of the shipped languages, and some that differ from all of them. */
static const char *const locales[] = {"en", "de", "es", "uk", "ar@numbers=latn",
    "en-IN", "de-CH", "fr", "pl", "sv", "fa", "ar-EG", "hi", "ja", "he"};
static const struct {
	const char *code;
	unsigned digits;
} currencies[] = {{"USD", 2}, {"EUR", 2}, {"UAH", 2}, {"JPY", 0}, {"BHD", 3},
    {"CLF", 4}, {"CHF", 2}, {"XXX", 2}};

struct icu {
	UNumberFormatter *nf;
	UFormattedNumber *result;
};

static struct icu open_icu(
    const char *locale, const char *code, unsigned digits, bool every_digit)
{
	UErrorCode e = U_ZERO_ERROR;
	char skeleton[ROOM];
	UChar wide[ROOM];
	struct icu icu;

	snprintf(skeleton, sizeof(skeleton),
	    "currency/%s rounding-mode-half-even sign-negative %s%.*s%s", code,
	    every_digit ? "." : "", every_digit ? (int)digits : 0, "000000",
	    every_digit ? &"##################"[digits] : "");
	u_uastrcpy(wide, skeleton);
	icu.nf = unumf_openForSkeletonAndLocale(wide, -1, locale, &e);
	icu.result = unumf_openResult(&e);
	assert_true(U_SUCCESS(e));
	return icu;
}

static void close_icu(struct icu icu)
{
	unumf_closeResult(icu.result);
	unumf_close(icu.nf);
}

static const char *write_icu(void *ctx, struct mem *m, const char *digits)
{
	struct icu *icu = ctx;
	UErrorCode e = U_ZERO_ERROR;
	UChar wide[ROOM];
	char *text = mem_alloc(m, (size_t)ROOM * 3);

	unumf_formatDecimal(icu->nf, digits, -1, icu->result, &e);
	unumf_resultToString(icu->result, wide, ROOM, &e);
	u_strToUTF8(text, ROOM * 3, NULL, wide, -1, &e);
	assert_true(U_SUCCESS(e));
	return text;
}

static uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* Of any size and scale; every second one ends in zeros, nines or a half. */
static struct money any_money(void)
{
	static const int64_t ends[] = {0, 5, 50, 500, 99, 999, 1, 1000000};
	int64_t n = (int64_t)(next_random() >> (8 + next_random() % 56));

	n = n % 10000000000000000;
	if (next_random() % 2)
		n = n / 1000000 * 1000000 + ends[next_random() % 8];
	return (struct money){
	    next_random() % 3 ? n : -n, (unsigned)(next_random() % 19)};
}

static size_t compare(const char *locale, size_t currency, bool every_digit)
{
	unsigned digits = currencies[currency].digits;
	struct icu icu =
	    open_icu(locale, currencies[currency].code, digits, every_digit);
	struct plain plain;
	struct mem *m = mem_open(0);

	plain_learn(&plain, digits, every_digit ? MONEY_SCALE_MAX : digits,
	    write_icu, &icu);
	for (int i = 0; plain.known && i < ROUNDS; i++) {
		struct money a = any_money();
		const char *ours = plain_write(m, &plain, a);

		if (ours)
			assert_string_equal(
			    ours, write_icu(&icu, m, money_text(m, a)));
		else
			assert_true(a.coef > INT64_C(99999999999999999) ||
				    a.coef < -INT64_C(99999999999999999));
		mem_clear(m);
	}
	mem_close(m);
	close_icu(icu);
	return plain.known;
}

static void money_is_as_icu_writes_it(void **state)
{
	enum { SHIPPED = 5 };
	size_t known = 0, of_shipped = 0;

	(void)state;
	for (size_t l = 0; l < sizeof(locales) / sizeof(locales[0]); l++)
		for (size_t c = 0;
		     c < sizeof(currencies) / sizeof(currencies[0]); c++) {
			known += compare(locales[l], c, false);
			known += compare(locales[l], c, true);
			if (l < SHIPPED)
				of_shipped = known;
		}
	/* All of ours, not those with digits or groups of their own. */
	assert_int_equal(of_shipped,
	    SHIPPED * 2 * sizeof(currencies) / sizeof(currencies[0]));
	assert_true(
	    known < 15 * 2 * sizeof(currencies) / sizeof(currencies[0]));
}

/* A formatter that lies about one of the numbers that are tried. */
static const char *write_odd(void *ctx, struct mem *m, const char *digits)
{
	const char *text = write_icu(ctx, m, digits);

	return strcmp(digits, "0.025") ? text : "odd";
}

static void an_odd_formatter_has_no_layout(void **state)
{
	struct icu icu = open_icu("en", "USD", 2, false);
	struct plain plain;
	struct mem *m = mem_open(0);

	(void)state;
	plain_learn(&plain, 2, 2, write_icu, &icu);
	assert_true(plain.known);
	assert_string_equal(
	    plain_write(m, &plain, (struct money){-1234565, 3}), "-$1,234.56");
	plain_learn(&plain, 2, 2, write_odd, &icu);
	assert_false(plain.known);
	assert_null(plain_write(m, &plain, (struct money){1, 0}));
	close_icu(icu);
	mem_close(m);
}

/* --- Dates ---------------------------------------------------------------- */

static UDateFormat *open_dates(const char *locale)
{
	static const UChar utc[] = {'U', 'T', 'C'};
	UErrorCode e = U_ZERO_ERROR;
	UChar skeleton[16], pattern[ROOM];
	UDateTimePatternGenerator *best = udatpg_open(locale, &e);
	int32_t len;
	UDateFormat *dates;

	u_uastrcpy(skeleton, "yMMMdjm");
	len = udatpg_getBestPattern(best, skeleton, -1, pattern, ROOM, &e);
	dates = udat_open(
	    UDAT_PATTERN, UDAT_PATTERN, locale, utc, 3, pattern, len, &e);
	udatpg_close(best);
	assert_true(U_SUCCESS(e));
	return dates;
}

static void check_times(const char *tag, const char *locale)
{
	static const char *const dirs[] = {NULL};
	struct diag d;
	struct mem *m = mem_open(0);
	struct fmt *f;
	UDateFormat *dates = open_dates(locale);

	diag_open(&d, m);
	f = fmt_open(tag, dirs, &d);
	for (int i = 0; i < ROUNDS; i++) {
		/* 1920 to 2080, to the second */
		int64_t when =
		    (int64_t)(next_random() % 5049129600u) - 1577923200;
		UErrorCode e = U_ZERO_ERROR;
		UChar wide[ROOM];
		char text[ROOM * 3];

		udat_format(dates, (double)when * 1000, wide, ROOM, NULL, &e);
		u_strToUTF8(text, sizeof(text), NULL, wide, -1, &e);
		assert_true(U_SUCCESS(e));
		assert_string_equal(
		    fmt_time(m, f, when, "UTC", FMT_DATE_TIME), text);
	}
	fmt_close(f);
	udat_close(dates);
	mem_close(m);
}

static void times_are_as_icu_writes_them(void **state)
{
	static const char *const tags[][2] = {{"en", "en"}, {"de", "de"},
	    {"es", "es"}, {"uk", "uk"}, {"ar", "ar@numbers=latn"},
	    {"en-GB", "en-GB"}, {"ja", "ja"}, {"ar-EG", "ar-EG"}, {"zh", "zh"},
	    {"ko", "ko"}, {"hu", "hu"}, {"vi", "vi"}};

	(void)state;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		check_times(tags[i][0], tags[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(money_is_as_icu_writes_it),
	    cmocka_unit_test(an_odd_formatter_has_no_layout),
	    cmocka_unit_test(times_are_as_icu_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
