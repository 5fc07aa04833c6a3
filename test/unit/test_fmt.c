/* test_fmt.c: catalogues, messages, numbers, dates and the days of zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/json.h"
#include "base/mem.h"
#include "tools/fmt.h"

#define NBSP "\u00a0"

static const char *const shipped[] = {SOURCE_DIR "/templates/locale", NULL};

static struct mem *pool;
static struct diag diags;
static struct fmt *en, *de;
static char brand_dir[32], main_dir[32];
static const char *const own_dirs[] = {brand_dir, main_dir, NULL};

static int open_all(void **state)
{
	(void)state;
	pool = mem_open(0);
	diag_open(&diags, pool);
	en = fmt_open("en", shipped, &diags);
	de = fmt_open("de", shipped, &diags);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	fmt_close(en);
	fmt_close(de);
	mem_close(pool);
	return 0;
}

static int open_dirs(void **state)
{
	(void)state;
	strcpy(brand_dir, "/tmp/test_fmt_XXXXXX");
	strcpy(main_dir, "/tmp/test_fmt_XXXXXX");
	diag_open(&diags, pool);
	return !mkdtemp(brand_dir) || !mkdtemp(main_dir);
}

static int close_dirs(void **state)
{
	static const char *const names[] = {"en", "de", "de-AT", "pl", "fr"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(*names); i++)
		unlink(mem_print(pool, "%s/%s.json",
		    i % 2 ? brand_dir : main_dir, names[i / 2]));
	return rmdir(brand_dir) || rmdir(main_dir);
}

static void put(const char *dir, const char *locale, const char *json)
{
	FILE *file = fopen(mem_print(pool, "%s/%s.json", dir, locale), "w");

	assert_non_null(file);
	fputs(json, file);
	assert_int_equal(fclose(file), 0);
}

static const char *say(struct fmt *f, const char *key)
{
	return fmt_text(pool, f, key, NULL, 0);
}

static const char *say_number(struct fmt *f, const char *key, double n)
{
	struct fmt_arg arg = {.number = n};

	return fmt_text(pool, f, key, &arg, 1);
}

static const char *say_word(struct fmt *f, const char *key, const char *word)
{
	struct fmt_arg arg = {.text = word};

	return fmt_text(pool, f, key, &arg, 1);
}

static void expect_diags(size_t n)
{
	if (diags.n != n)
		diag_log(&diags);
	assert_int_equal(diags.n, n);
}

static void expect_diag(size_t i, const char *where_end, const char *what)
{
	const char *where;

	assert_true(i < diags.n);
	where = diags.items[i].where;
	assert_true(strlen(where) >= strlen(where_end));
	assert_string_equal(
	    where + strlen(where) - strlen(where_end), where_end);
	if (!strstr(diags.items[i].what, what))
		fail_msg("'%s' lacks '%s'", diags.items[i].what, what);
}

/* --- Catalogues. -------------------------------------------------------- */

static void shipped_catalogues_are_right(void **state)
{
	(void)state;
	expect_diags(0);
	for (int e = ERR_OK + 1; e < ERR__MAX; e++) {
		const char *key =
		    mem_print(pool, "error.%s", err_code((enum err)e));
		const char *title = mem_print(pool, "%s.title", key);

		assert_true(fmt_is_plain(en, key));
		assert_true(fmt_is_plain(en, title));
		assert_string_not_equal(say(en, key), say(de, key));
		assert_string_not_equal(say(en, title), say(de, title));
	}
}

static void put_nearest(void)
{
	put(brand_dir, "de", "{\"b\": \"brand de\"}");
	put(main_dir, "de", "{\"a\": \"main de\", \"b\": \"main de\"}");
	put(brand_dir, "en",
	    "{\"a\": \"brand en\", \"c\": \"brand en\", \"e\": \"brand en\"}");
	put(main_dir, "en", "{\"c\": \"main en\", \"d\": \"main en\"}");
	put(main_dir, "de-AT", "{\"e\": \"main de-AT\"}");
}

static void expect_nearest(struct fmt *f)
{
	expect_diags(0);
	assert_string_equal(fmt_locale(f), "de-AT");
	assert_string_equal(say(f, "a"), "main de");
	assert_string_equal(say(f, "b"), "brand de");
	assert_string_equal(say(f, "c"), "brand en");
	assert_string_equal(say(f, "d"), "main en");
	assert_string_equal(say(f, "e"), "main de-AT");
	assert_string_equal(say(f, "no.such"), "no.such");
	assert_null(fmt_pattern(f, "no.such"));
	assert_false(fmt_is_plain(f, "no.such"));
}

static void first_folder_and_nearest_language_win(void **state)
{
	struct fmt *f;

	(void)state;
	put_nearest();
	f = fmt_open("de-AT", own_dirs, &diags);
	expect_nearest(f);
	fmt_close(f);
}

/* Laid over what is there already, a folder counts as much as if it had been
 * read with it. */
static void a_folder_laid_over_others(void **state)
{
	const char *const main_dirs[] = {main_dir, NULL};
	struct fmt *base, *f;

	(void)state;
	put_nearest();
	base = fmt_open("de-AT", main_dirs, &diags);
	f = fmt_open_over(base, brand_dir, &diags);
	expect_nearest(f);
	assert_string_equal(say(base, "b"), "main de");
	assert_string_equal(say(base, "c"), "main en");
	fmt_close(f);
	fmt_close(base);
	base = fmt_open("en", main_dirs, &diags);
	f = fmt_open_over(base, brand_dir, &diags);
	assert_string_equal(say(f, "a"), "brand en");
	assert_string_equal(say(f, "c"), "brand en");
	assert_string_equal(say(f, "d"), "main en");
	fmt_close(f);
	fmt_close(base);
}

static void a_folder_that_says_nothing_new(void **state)
{
	const char *const main_dirs[] = {main_dir, NULL};
	struct fmt *base;

	(void)state;
	put(main_dir, "en", "{\"a\": \"main en\"}");
	put(main_dir, "de", "{\"a\": \"main de\"}");
	put(brand_dir, "en", "{\"a\": \"brand en\"}");
	base = fmt_open("de", main_dirs, &diags);
	assert_null(fmt_open_over(base, brand_dir, &diags));
	expect_diags(0);
	put(brand_dir, "en", "{\"a\": \"brand {0}\"}");
	assert_null(fmt_open_over(base, brand_dir, &diags));
	expect_diags(1);
	expect_diag(0, "/en.json: a", "the arguments differ");
	put(brand_dir, "de", "{\"a\": 7}");
	assert_null(fmt_open_over(base, brand_dir, &diags));
	expect_diags(2);
	fmt_close(base);
}

static void mistakes_name_file_and_key(void **state)
{
	struct fmt *f;

	(void)state;
	put(main_dir, "en",
	    "{\"good\": \"{0} of {1}\", \"same\": \"{0}\", \"bad\": \"fine\"}");
	put(main_dir, "de",
	    "{\"bad\": \"so {0\", \"good\": \"von {1}\", \"n\": 7,"
	    " \"same\": \"{0, plural, one {#} other {{0}}}\"}");
	f = fmt_open("de", own_dirs, &diags);
	expect_diags(3);
	expect_diag(0, "/de.json:1: bad", "not closed");
	expect_diag(1, "/de.json:1: good", "arguments differ");
	expect_diag(2, "/de.json:1: n", "not a text");
	/* What cannot be read is left out, so English stands in. */
	assert_string_equal(say(f, "bad"), "fine");
	fmt_close(f);
}

static void broken_files_name_the_line(void **state)
{
	(void)state;
	put(brand_dir, "en", "{\n\"a\": \"x\",\n\"b\" \"y\"\n}");
	put(main_dir, "en", "{\"a\": \"x\"} trailing");
	put(brand_dir, "de", "[]");
	fmt_close(fmt_open("de", own_dirs, &diags));
	expect_diags(3);
	expect_diag(0, "/en.json:3", "");
	expect_diag(1, "/en.json:1", "");
	expect_diag(2, "/de.json", "not a JSON object");
}

static void a_language_without_catalogue_is_told(void **state)
{
	struct fmt *f;

	(void)state;
	put(main_dir, "en", "{\"a\": \"english\"}");
	f = fmt_open("fr-CA", own_dirs, &diags);
	expect_diags(1);
	expect_diag(0, "fr-CA", "fr.json");
	assert_string_equal(say(f, "a"), "english");
	fmt_close(f);
	f = fmt_open("../etc", own_dirs, &diags);
	expect_diags(2);
	assert_string_equal(say(f, "a"), "english");
	fmt_close(f);
	fmt_close(fmt_open(NULL, own_dirs, &diags));
	fmt_close(fmt_open("en", NULL, &diags));
	expect_diags(4);
}

/* --- Messages. ---------------------------------------------------------- */

static void messages_take_arguments(void **state)
{
	struct fmt_arg two[] = {{.text = "<b>'{1}"}, {.number = 12345.5}};
	struct fmt *f;

	(void)state;
	put(main_dir, "en",
	    "{\"two\": \"{1}: {0}\", \"type\": \"{1,number} {1, number}\","
	    " \"quote\": \"It's '{0}', it''s '{''}'\", \"plain\": \"a'b '#' "
	    "c\","
	    " \"pick\": \"{0, select, up {rose} down {fell #} other {x}}\"}");
	f = fmt_open("en", own_dirs, &diags);
	expect_diags(0);
	assert_string_equal(
	    fmt_text(pool, f, "two", two, 2), "12,345.5: <b>'{1}");
	assert_string_equal(
	    fmt_text(pool, f, "type", two, 2), "12,345.5 12,345.5");
	assert_string_equal(fmt_text(pool, f, "two", two, 1), "{1}: <b>'{1}");
	assert_string_equal(say(f, "quote"), "It's {0}, it's {'}");
	assert_true(fmt_is_plain(f, "quote"));
	assert_string_equal(say(f, "plain"), "a'b '#' c");
	assert_false(fmt_is_plain(f, "two"));
	assert_string_equal(fmt_pattern(f, "two"), "{1}: {0}");
	assert_string_equal(say_word(f, "pick", "up"), "rose");
	assert_string_equal(say_word(f, "pick", "down"), "fell #");
	assert_string_equal(say_word(f, "pick", "sideways"), "x");
	assert_string_equal(say(f, "pick"), "x");
	fmt_close(f);
}

static void plurals_follow_the_language(void **state)
{
	struct fmt *f, *pl;

	(void)state;
	put(main_dir, "en",
	    "{\"n\": \"{0,plural,=0{none} one{# call} other{# calls}}\","
	    " \"nth\": \"{0,selectordinal,one{#st} two{#nd} few{#rd} "
	    "other{#th}}\", \"more\": \"{0,plural,offset:1 =0{nobody} =1{you} "
	    "one{you and '#' # more} other{you and {0} - #}}\"}");
	put(main_dir, "pl",
	    "{\"n\": \"{0,plural,one{# plik} few{# pliki} many{# plik\u00f3w} "
	    "other{# pliku}}\"}");
	f = fmt_open("en", own_dirs, &diags);
	pl = fmt_open("pl", own_dirs, &diags);
	expect_diags(0);
	assert_string_equal(say_number(f, "n", 0), "none");
	assert_string_equal(say_number(f, "n", 1), "1 call");
	assert_string_equal(say_number(f, "n", 1234), "1,234 calls");
	assert_string_equal(say_word(f, "n", "1"), "1 call");
	assert_string_equal(say_number(f, "nth", 22), "22nd");
	assert_string_equal(say_number(f, "nth", 13), "13th");
	assert_string_equal(say_number(f, "more", 1), "you");
	assert_string_equal(say_number(f, "more", 2), "you and # 1 more");
	assert_string_equal(say_number(f, "more", 5), "you and 5 - 4");
	assert_string_equal(say_number(pl, "n", 3), "3 pliki");
	assert_string_equal(say_number(pl, "n", 5), "5 plik\u00f3w");
	assert_string_equal(say_number(pl, "n", 1.5), "1,5 pliku");
	fmt_close(f);
	fmt_close(pl);
}

static void check_refused(const char *pattern)
{
	struct json_object *file = json_new(pool);
	struct fmt *f;

	json_put_text(file, "k", pattern);
	put(main_dir, "en", json_write(pool, file, NULL));
	diag_open(&diags, pool);
	f = fmt_open("en", own_dirs, &diags);
	if (diags.n != 1 || fmt_pattern(f, "k"))
		fail_msg("accepted: %s", pattern);
	fmt_close(f);
}

static void refuses_broken_messages(void **state)
{
	static const char *const bad[] = {"{", "}", "a } b", "{name}", "{}",
	    "{0", "{0,", "{0,plural}", "{0,plural,one{x}}",
	    "{0,plural,other{x}", "{0,plural,other x}", "{0,select,a{x}}",
	    "{0,date}", "{10}", "{99999999999999999999}", "{-1}",
	    "{0,plural,=x{a} other{b}}", "{0,number,currency}",
	    "{0,select,a{{0,select,a{{0,select,a{{0,select,a{{0,select,a{"
	    "{0,select,other{x}}} other{x}}} other{x}}} other{x}}} "
	    "other{x}}} other{x}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_refused(bad[i]);
}

static void pseudo_languages_show_what_is_no_text(void **state)
{
	struct fmt *xa, *xb;

	(void)state;
	put(main_dir, "en",
	    "{\"a\": \"Pay now\", \"b\": \"It''s '{'x'}' {0}\","
	    " \"c\": \"{0,plural,one{# call} other{{0,number} calls}}\"}");
	xa = fmt_open("en-XA", own_dirs, &diags);
	xb = fmt_open("ar-XB", own_dirs, &diags);
	expect_diags(0);
	assert_string_equal(say(xa, "a"), "⟦Þåý ñöŵ⟧");
	assert_string_equal(say_word(xa, "b", "text"), "⟦Îţ'š {ẋ} text⟧");
	assert_string_equal(say_number(xa, "c", 1), "⟦1 çåļļ⟧");
	assert_string_equal(say_number(xa, "c", 2), "⟦2 çåļļš⟧");
	assert_false(fmt_right_to_left(xa));
	assert_string_equal(say(xb, "a"), "\u202b⟦Þåý ñöŵ⟧\u202c");
	assert_true(fmt_right_to_left(xb));
	assert_string_equal(fmt_locale(xb), "ar-XB");
	assert_string_equal(fmt_count(pool, xb, 12345), "12,345");
	assert_string_equal(
	    fmt_time(pool, xa, 1793523600, "UTC", FMT_DATE), "Nov 1, 2026");
	assert_string_equal(fmt_language_name(pool, xa), "Pseudo (accents)");
	assert_string_equal(
	    fmt_language_name(pool, xb), "Pseudo (right to left)");
	fmt_close(xa);
	fmt_close(xb);
}

static void languages_know_name_and_direction(void **state)
{
	static const char *const none[] = {NULL};
	struct fmt *he = fmt_open("he", none, &diags);
	struct fmt *fr = fmt_open("fr", none, &diags);

	(void)state;
	assert_string_equal(fmt_language_name(pool, de), "Deutsch");
	assert_string_equal(fmt_language_name(pool, fr), "Français");
	assert_true(fmt_right_to_left(he));
	assert_false(fmt_right_to_left(fr));
	fmt_close(he);
	fmt_close(fr);
}

static void check_counts(
    const char *locale, const int *counts, size_t n, const char *const *texts)
{
	struct fmt *f = fmt_open(locale, shipped, &diags);

	for (size_t i = 0; i < n; i++)
		assert_string_equal(
		    say_number(f, "unit.count.message", counts[i]), texts[i]);
	fmt_close(f);
}

#define CHECK_COUNTS(locale, counts, texts)                                    \
	check_counts(locale, counts, sizeof(counts) / sizeof(*(counts)), texts)

static void shipped_languages_have_their_plurals(void **state)
{
	static const int es[] = {0, 1, 2, 1000000};
	static const char *const es_texts[] = {
	    "0 mensajes", "1 mensaje", "2 mensajes", "1.000.000 de mensajes"};
	static const int uk[] = {0, 1, 2, 5, 11, 21, 22};
	static const char *const uk_texts[] = {"0 повідомлень",
	    "1 повідомлення", "2 повідомлення", "5 повідомлень",
	    "11 повідомлень", "21 повідомлення", "22 повідомлення"};
	static const int ar[] = {0, 1, 2, 3, 11, 100};
	static const char *const ar_texts[] = {"0 رسالة", "رسالة واحدة",
	    "رسالتان", "3 رسائل", "11 رسالة", "100 رسالة"};

	(void)state;
	CHECK_COUNTS("es", es, es_texts);
	CHECK_COUNTS("uk", uk, uk_texts);
	CHECK_COUNTS("ar", ar, ar_texts);
}

static void arabic_has_the_digits_that_are_dialled(void **state)
{
	struct fmt *ar = fmt_open("ar", shipped, &diags);
	struct fmt *eg = fmt_open("ar-EG", shipped, &diags);

	(void)state;
	assert_string_equal(fmt_count(pool, ar, 12345), "12,345");
	assert_string_equal(fmt_duration(pool, ar, 65), "1 د 5 ث");
	assert_string_equal(
	    fmt_time(pool, ar, 1793523600, "UTC", FMT_DATE), "1 نوفمبر 2026");
	assert_string_equal(fmt_language_name(pool, ar), "العربية");
	assert_string_equal(fmt_locale(ar), "ar");
	assert_true(fmt_right_to_left(ar));
	/* A country's own habit stays. */
	assert_string_equal(fmt_count(pool, eg, 12345), "١٢٬٣٤٥");
	fmt_close(ar);
	fmt_close(eg);
}

/* --- Money, numbers, durations. ----------------------------------------- */

static struct money amount(const char *text)
{
	struct money a;

	assert_true(money_parse(text, &a));
	return a;
}

static void check_money(struct fmt *f, const char *digits, const char *currency,
    const char *money, const char *price)
{
	struct money a = amount(digits);

	/* Twice: the formatter is made by the first call and kept. */
	for (int i = 0; i < 2; i++) {
		assert_string_equal(fmt_money(pool, f, a, currency), money);
		assert_string_equal(fmt_price(pool, f, a, currency), price);
	}
}

static void money_is_written_as_people_do(void **state)
{
	(void)state;
	check_money(en, "12.5", "USD", "$12.50", "$12.50");
	check_money(en, "-12.50", "USD", "-$12.50", "-$12.50");
	check_money(en, "1234.567", "JPY", "¥1,235", "¥1,234.567");
	check_money(en, "0", "EUR", "€0.00", "€0.00");
	check_money(en, "1", "KWD", "KWD" NBSP "1.000", "KWD" NBSP "1.000");
	check_money(de, "12.5", "EUR", "12,50" NBSP "€", "12,50" NBSP "€");
	check_money(de, "-1234567.891", "USD", "-1.234.567,89" NBSP "$",
	    "-1.234.567,891" NBSP "$");
}

/* With the marks that keep "US$" together from right to left. */
static void arabic_money_is_written_as_it_is_read(void **state)
{
	struct fmt *ar = fmt_open("ar", shipped, &diags);

	(void)state;
	check_money(ar, "12.5", "USD", "\u200f12.50" NBSP "US$\u200e",
	    "\u200f12.50" NBSP "US$\u200e");
	check_money(ar, "-12.5", "GBP", "\u200f\u200e-12.50" NBSP "UK£\u200e",
	    "\u200f\u200e-12.50" NBSP "UK£\u200e");
	check_money(ar, "0.0125", "EUR", "\u200f0.01" NBSP "€",
	    "\u200f0.0125" NBSP "€");
	check_money(
	    ar, "1", "CHF", "\u200f1.00" NBSP "CHF", "\u200f1.00" NBSP "CHF");
	check_money(ar, "1", "SAR", "\u200f1.00" NBSP "ر.س.\u200f",
	    "\u200f1.00" NBSP "ر.س.\u200f");
	fmt_close(ar);
}

static void every_digit_of_a_price_is_shown(void **state)
{
	(void)state;
	check_money(en, "0.0125", "USD", "$0.01", "$0.0125");
	check_money(en, "0.000000000000000001", "USD", "$0.00",
	    "$0.000000000000000001");
	check_money(en, "123456789012.345678901234567891", "USD",
	    "$123,456,789,012.35", "$123,456,789,012.345678901234567891");
	check_money(en, "-0.004", "USD", "$0.00", "-$0.004");
	/* A double would make these 0.13 and 0.12 or the like. */
	check_money(en, "0.125", "USD", "$0.12", "$0.125");
	check_money(en, "0.135", "USD", "$0.14", "$0.135");
	check_money(en, "-0.125", "USD", "-$0.12", "-$0.125");
}

static void odd_currencies_show_the_code(void **state)
{
	(void)state;
	check_money(en, "12.5", "XQQ", "12.50" NBSP "XQQ", "12.50" NBSP "XQQ");
	check_money(de, "1234.0000125", "BTC", "1.234,0000125" NBSP "BTC",
	    "1.234,0000125" NBSP "BTC");
	check_money(en, "12.5", "", "12.50", "12.50");
	check_money(en, "12.5", NULL, "12.50", "12.50");
	check_money(en, "1", "usd", "1.00" NBSP "usd", "1.00" NBSP "usd");
	check_money(en, "1", "U/D", "1.00" NBSP "U/D", "1.00" NBSP "U/D");
	check_money(en, "1", "US dollars %s%n", "1.00" NBSP "US dollars %s%n",
	    "1.00" NBSP "US dollars %s%n");
}

static void counts_are_grouped(void **state)
{
	(void)state;
	assert_string_equal(fmt_count(pool, en, 0), "0");
	assert_string_equal(fmt_count(pool, en, 999), "999");
	assert_string_equal(fmt_count(pool, en, 1234567), "1,234,567");
	assert_string_equal(fmt_count(pool, de, 1234567), "1.234.567");
	assert_string_equal(fmt_count(pool, en, -5), "-5");
	assert_string_equal(
	    fmt_count(pool, en, INT64_MIN), "-9,223,372,036,854,775,808");
}

static void durations_leave_zeros_out(void **state)
{
	struct fmt *fr = fmt_open("fr", shipped, &diags);
	struct fmt *ar = fmt_open("ar-EG", shipped, &diags);

	(void)state;
	assert_string_equal(fmt_duration(pool, en, 0), "0 s");
	assert_string_equal(fmt_duration(pool, en, 200), "3 min 20 s");
	assert_string_equal(fmt_duration(pool, en, 3900), "1 h 5 min");
	assert_string_equal(fmt_duration(pool, en, 3601), "1 h 1 s");
	assert_string_equal(fmt_duration(pool, en, 90180), "25 h 3 min");
	assert_string_equal(fmt_duration(pool, en, 3600000), "1,000 h");
	assert_string_equal(fmt_duration(pool, en, -200), "-3 min 20 s");
	assert_string_equal(fmt_duration(pool, de, 200), "3 Min. 20 Sek.");
	/* No catalogue of their own: ICU's words, not English ones. */
	assert_string_equal(
	    fmt_duration(pool, fr, 200), "3" NBSP "min 20\u202fs");
	assert_string_equal(fmt_duration(pool, ar, 65), "١ د ٥ ث");
	fmt_close(fr);
	fmt_close(ar);
}

/* --- Dates, zones, days. ------------------------------------------------ */

enum { NOV_1 = 1793523600 }; /* 2026-11-01 09:00 UTC */

static void check_time(struct fmt *f, enum fmt_time_style style,
    const char *zone, const char *expected)
{
	assert_string_equal(fmt_time(pool, f, NOV_1, zone, style), expected);
}

static void dates_are_written_in_the_zone(void **state)
{
	(void)state;
	check_time(en, FMT_DATE, "Europe/Berlin", "Nov 1, 2026");
	check_time(en, FMT_DATE_SHORT, "Europe/Berlin", "Nov 1");
	check_time(
	    en, FMT_DATE_TIME, "Europe/Berlin", "Nov 1, 2026, 10:00\u202fAM");
	check_time(en, FMT_TIME, "Europe/Berlin", "10:00\u202fAM");
	check_time(de, FMT_DATE, "Europe/Berlin", "1. Nov. 2026");
	check_time(de, FMT_DATE_TIME, "Europe/Berlin", "1. Nov. 2026, 10:00");
	check_time(de, FMT_TIME, "Asia/Kolkata", "14:30");
	check_time(de, FMT_TIME, "Nowhere/Land", "09:00");
	check_time(de, FMT_TIME, "", "09:00");
	check_time(de, FMT_TIME, NULL, "09:00");
	check_time(de, FMT_DATE, "Pacific/Kiritimati", "1. Nov. 2026");
}

static void more_zones_than_are_kept(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 80; i++)
			fmt_iso_day(
			    pool, NOV_1, mem_print(pool, "Nowhere/%d", i));
		check_time(de, FMT_TIME, "Asia/Tokyo", "18:00");
	}
}

/* More than are kept: each has a text of its own, the second time as well. */
static void kept_texts_do_not_mix(void **state)
{
	const char *days[300], *minutes[300], *amounts[300];

	(void)state;
	for (int i = 0; i < 600; i++) {
		int at = i % 300;
		struct money a = {.coef = at - 150, .scale = 2};
		int64_t when = (int64_t)(at - 150) * 86400;
		const char *day = fmt_time(pool, en, when, "UTC", FMT_DATE);
		const char *minute =
		    fmt_time(pool, en, (int64_t)at * 60, "UTC", FMT_DATE_TIME);
		const char *amount = fmt_money(pool, en, a, "USD");

		if (i >= 300) {
			assert_string_equal(day, days[at]);
			assert_string_equal(minute, minutes[at]);
			assert_string_equal(amount, amounts[at]);
		}
		days[at] = day;
		minutes[at] = minute;
		amounts[at] = amount;
		for (int j = 0; j < at; j++) {
			assert_string_not_equal(day, days[j]);
			assert_string_not_equal(minute, minutes[j]);
			assert_string_not_equal(amount, amounts[j]);
		}
	}
}

static void warm_ones_write_the_same(void **state)
{
	const int64_t now = 1793527200, when[] = {now, now + 3600, 0, -1};
	struct fmt *warm = fmt_open("de", shipped, &diags);

	(void)state;
	fmt_warm(warm, now);
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++)
		for (int style = 0; style <= FMT_TIME; style++)
			assert_string_equal(
			    fmt_time(pool, warm, when[i], "Europe/Berlin",
				(enum fmt_time_style)style),
			    fmt_time(pool, de, when[i], "Europe/Berlin",
				(enum fmt_time_style)style));
	assert_string_equal(fmt_count(pool, warm, 1234567), "1.234.567");
	fmt_close(warm);
}

static void known_zones(void **state)
{
	(void)state;
	assert_true(fmt_zone_known("Europe/Berlin"));
	assert_true(fmt_zone_known("UTC"));
	assert_false(fmt_zone_known("Europe/Atlantis"));
	assert_false(fmt_zone_known("+0300"));
	assert_false(fmt_zone_known("GMT+03:00"));
	assert_false(fmt_zone_known("../../etc/passwd"));
	assert_false(fmt_zone_known("\xff\xfe"));
	assert_false(fmt_zone_known(""));
	assert_false(fmt_zone_known(NULL));
}

static void check_iso(int64_t when, const char *zone, const char *expected)
{
	assert_string_equal(fmt_iso_time(pool, when, zone), expected);
}

static void iso_times_carry_the_offset(void **state)
{
	(void)state;
	check_iso(NOV_1, "Europe/Berlin", "2026-11-01T10:00:00+01:00");
	check_iso(NOV_1, "America/Sao_Paulo", "2026-11-01T06:00:00-03:00");
	check_iso(NOV_1, "Asia/Kathmandu", "2026-11-01T14:45:00+05:45");
	check_iso(NOV_1, "America/St_Johns", "2026-11-01T05:30:00-03:30");
	check_iso(0, "UTC", "1970-01-01T00:00:00+00:00");
	check_iso(-1, "UTC", "1969-12-31T23:59:59+00:00");
	check_iso(951782400, "UTC", "2000-02-29T00:00:00+00:00");
	/* Summer time begins and ends between these. */
	check_iso(1774745999, "Europe/Berlin", "2026-03-29T01:59:59+01:00");
	check_iso(1774746000, "Europe/Berlin", "2026-03-29T03:00:00+02:00");
	check_iso(1792889999, "Europe/Berlin", "2026-10-25T02:59:59+02:00");
	check_iso(1792890000, "Europe/Berlin", "2026-10-25T02:00:00+01:00");
	check_iso(INT64_MIN, "UTC", "0001-01-01T00:00:00+00:00");
	check_iso(INT64_MAX, "Asia/Tokyo", "9999-12-31T23:59:59+09:00");
	assert_string_equal(
	    fmt_iso_day(pool, 1793574000, "Europe/Berlin"), "2026-11-02");
	assert_string_equal(
	    fmt_iso_day(pool, 1793573999, "Europe/Berlin"), "2026-11-01");
}

static void check_start(
    const char *day, int days, const char *zone, const char *expected)
{
	int64_t start;

	assert_true(fmt_day_start(day, days, zone, &start));
	check_iso(start, zone, expected);
	/* The first moment: one second before it, it is another day. */
	assert_string_not_equal(
	    fmt_iso_day(pool, start, zone), fmt_iso_day(pool, start - 1, zone));
}

static void days_start_right_where_clocks_change(void **state)
{
	(void)state;
	check_start("2026-11-01", 0, "UTC", "2026-11-01T00:00:00+00:00");
	check_start("2024-02-28", 1, "UTC", "2024-02-29T00:00:00+00:00");
	check_start("2026-01-01", -1, "UTC", "2025-12-31T00:00:00+00:00");
	check_start(
	    "2026-01-15", 365, "Asia/Tokyo", "2027-01-15T00:00:00+09:00");
	check_start(
	    "2026-03-29", 0, "Europe/Berlin", "2026-03-29T00:00:00+01:00");
	check_start(
	    "2026-03-29", 1, "Europe/Berlin", "2026-03-30T00:00:00+02:00");
	check_start(
	    "2026-10-25", 1, "Europe/Berlin", "2026-10-26T00:00:00+01:00");
	/* Midnight does not exist: the clock jumps from 0:00 to 1:00. */
	check_start(
	    "2018-11-04", 0, "America/Sao_Paulo", "2018-11-04T01:00:00-02:00");
	check_start(
	    "2022-03-26", 1, "Asia/Beirut", "2022-03-27T01:00:00+03:00");
	/* The clock goes back from 0:00 to 23:00: the old day again. */
	check_start(
	    "2018-02-18", 0, "America/Sao_Paulo", "2018-02-18T00:00:00-03:00");
	check_start(
	    "2018-02-17", 0, "America/Sao_Paulo", "2018-02-17T00:00:00-02:00");
	check_start(
	    "2022-10-30", 0, "Asia/Beirut", "2022-10-30T00:00:00+02:00");
	/* Midnight is there twice (0:00 to 0:59): the first one. */
	check_start(
	    "2022-11-06", 0, "America/Havana", "2022-11-06T00:00:00-04:00");
	/* Samoa had no December 30. */
	check_start(
	    "2011-12-30", 0, "Pacific/Apia", "2011-12-31T00:00:00+14:00");
}

static void refuses_days_outside_the_calendar(void **state)
{
	static const char *const bad[] = {"2017-02-30", "2025-02-29",
	    "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-1",
	    "20260101", "2026-01-01 ", " 2026-01-01", "2026-01-01T00:00:00",
	    "0000-01-01", "-001-01-01", "", "today", "2026-01-0\xb2"};
	int64_t start = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (fmt_day_start(bad[i], 0, "UTC", &start))
			fail_msg("accepted: '%s'", bad[i]);
	assert_false(fmt_day_start(NULL, 0, "UTC", &start));
	assert_int_equal(start, 4711);
}

static void check_reads(
    const char *text, const char *zone, const char *expected)
{
	int64_t when;

	if (!fmt_parse_time(text, zone, &when))
		fail_msg("refused: '%s'", text);
	check_iso(when, "UTC", mem_print(pool, "%s+00:00", expected));
}

static void reads_timestamps_of_vcs(void **state)
{
	(void)state;
	check_reads("2017-10-17 16:48:50", "UTC", "2017-10-17T16:48:50");
	check_reads(
	    "2017-10-17 16:48:50", "Europe/Berlin", "2017-10-17T14:48:50");
	check_reads("2017-10-17T16:48:50", NULL, "2017-10-17T16:48:50");
	check_reads(
	    "2017-10-17 16:48:50+03", "Asia/Tokyo", "2017-10-17T13:48:50");
	check_reads("2017-10-17 16:48:50+0300", "UTC", "2017-10-17T13:48:50");
	check_reads("2017-10-17 16:48:50+03:00", "UTC", "2017-10-17T13:48:50");
	check_reads("2017-10-17T16:48:50-03:30", "UTC", "2017-10-17T20:18:50");
	check_reads("2017-10-17T16:48:50-00:30", "UTC", "2017-10-17T17:18:50");
	check_reads(
	    "2017-10-17T16:48:50Z", "Asia/Tokyo", "2017-10-17T16:48:50");
	check_reads(
	    "2017-10-17 16:48:50.123456+03", "UTC", "2017-10-17T13:48:50");
	check_reads("2017-10-17T16:48:50.9Z", "UTC", "2017-10-17T16:48:50");
	check_reads("2017-10-17 16:48:50.999", "UTC", "2017-10-17T16:48:50");
	check_reads("9999-12-30 23:59:59", "UTC", "9999-12-30T23:59:59");
	/* Twice there: the earlier. Not there: the moment of the jump. */
	check_reads(
	    "2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25T00:30:00");
	check_reads(
	    "2026-03-29 02:30:00", "Europe/Berlin", "2026-03-29T01:00:00");
}

static void refuses_what_is_no_timestamp(void **state)
{
	static const char *const bad[] = {"", "2017-10-17",
	    "2017-02-30 00:00:00", "9999-12-31 23:59:59",
	    "9999-12-31 23:59:59+0300", "9999-12-31T00:00:00Z",
	    "2017-10-17 16:48", "2017-10-17  16:48:50", "2017-10-17_16:48:50",
	    "2017-10-17 24:00:00", "2017-10-17 16:60:00", "2017-10-17 16:48:60",
	    "2017-10-17 16:48:50 ", "2017-10-17 16:48:50x",
	    "2017-10-17 16:48:50Zx", "2017-10-17 16:48:50+0300x",
	    "2017-10-17 16:48:50+03:00:00", "2017-10-17 16:48:50+3",
	    "2017-10-17 16:48:50+030",
	    "2017-10-17 16:48:50+03:", "2017-10-17 16:48:50+03x",
	    "2017-10-17 16:48:50+16", "2017-10-17 16:48:50+0360",
	    "2017-10-17 16:48:50.", "2017-10-17 16:48:50.Z",
	    "2017-10-17 16:48:50+", "2017-10-17 1:48:50", "0000-00-00 00:00:00",
	    "infinity", "now", " 2017-10-17 16:48:50"};
	int64_t when = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (fmt_parse_time(bad[i], "UTC", &when))
			fail_msg("accepted: '%s'", bad[i]);
	assert_false(fmt_parse_time(NULL, "UTC", &when));
	assert_int_equal(when, 4711);
}

/* --- Amounts as they are typed. ------------------------------------------ */

static struct fmt *named(char which)
{
	return which == 'e' ? en : which == 'd' ? de : NULL;
}

static void reads_amounts(void **state)
{
	static const struct {
		char language; /* English, German, a program */
		const char *text;
		unsigned digits;
		const char *amount;
	} rows[] = {
	    {'e', "25", 2, "25"},
	    {'e', "25.00", 2, "25.00"},
	    {'e', "25.5", 2, "25.5"},
	    {'e', "0", 2, "0"},
	    {'e', "0.01", 2, "0.01"},
	    {'e', "0025", 2, "0025"},
	    {'e', "1.234", 3, "1.234"},
	    {'e', "500", 0, "500"},
	    {'d', "25,00", 2, "25.00"},
	    {'d', "25,5", 2, "25.5"},
	    {'d', "25.00", 2, "25.00"},
	    {'d', "25.5", 2, "25.5"},
	    {'d', "1,234", 3, "1.234"},
	    {'d', "500", 0, "500"},
	    {0, "25.10", 2, "25.10"},
	    {0, "1.000", 3, "1.000"},
	    {0, "999999999999999999", 2, "999999999999999999"},
	};
	struct money got, want;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(money_parse(rows[i].amount, &want));
		if (!fmt_parse_amount(named(rows[i].language), rows[i].text,
			rows[i].digits, &got) ||
		    money_compare(got, want) != 0)
			fail_msg("'%s'", rows[i].text);
	}
}

static void refuses_what_is_no_amount(void **state)
{
	static const char *const never[] = {"", " ", "x", "25 ", " 25", "-25",
	    "+25", "1e3", "0x10", "25.", "25,", ".5", ",5", ".", ",", "25.001",
	    "1 000", "1'000", "1.000.00", "1,000,00", "1.000,00", "1,000.00",
	    "25..0", "25,,0", "25.0.", "25-", "$25", "25 USD", "NaN", "inf",
	    "\uff12\uff15", "\u0662\u0665", "25\u00a0", "25\n", "\u00b2",
	    "1\u202f000", "1_000", "25\uff0e00", "9999999999999999999",
	    "1234567890123456789.00",
	    "99999999999999999999999999999999999999999999"};
	static const struct {
		char language;
		const char *text;
	} rows[] = {
	    {'e', "25,00"},
	    {'e', "1,000"},
	    /* A thousand, or one? */
	    {'d', "1.000"},
	    {0, "25,00"},
	    {0, "1,000"},
	};
	struct money got;

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		for (const char *at = "edp"; *at; at++)
			if (fmt_parse_amount(named(*at), never[i], 2, &got))
				fail_msg("%c: '%s'", *at, never[i]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (fmt_parse_amount(
			named(rows[i].language), rows[i].text, 2, &got))
			fail_msg("'%s'", rows[i].text);
	assert_false(fmt_parse_amount(de, "1.000", 3, &got));
	assert_false(fmt_parse_amount(en, "500.0", 0, &got));
	assert_false(fmt_parse_amount(de, "500,0", 0, &got));
}

/* Names are folded by the ten thousand: what is needed in between is not kept.
 */
static void folding_keeps_no_more_than_its_text(void **state)
{
	char text[2 * 2000 + 1] = {0}, wanted[2 * 2000 + 1] = {0};
	struct mem *m = mem_open(0);
	size_t used;

	(void)state;
	assert_string_equal(fmt_fold(m, "Stra\xc3\x9f"
					"e"),
	    "strasse");
	assert_string_equal(fmt_fold(m, "ABC xyz"), "abc xyz");
	for (size_t n = 1; n <= 2000; n += n < 200 ? 1 : 450) {
		for (size_t i = 0; i < n; i++) {
			text[2 * i] = wanted[2 * i] = '\xd0';
			text[2 * i + 1] = '\x96';
			wanted[2 * i + 1] = '\xb6';
		}
		used = mem_used(m);
		assert_string_equal(fmt_fold(m, text), wanted);
		assert_true(mem_used(m) - used <= 65536 + 2 * n);
	}
	used = mem_used(m);
	for (size_t i = 0; i < 100; i++)
		fmt_fold(m, text);
	assert_true(mem_used(m) - used < 100 * 3 * strlen(text));
	mem_close(m);
}

#define with_dirs(test)                                                        \
	cmocka_unit_test_setup_teardown(test, open_dirs, close_dirs)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shipped_catalogues_are_right),
	    with_dirs(first_folder_and_nearest_language_win),
	    with_dirs(a_folder_laid_over_others),
	    with_dirs(a_folder_that_says_nothing_new),
	    with_dirs(mistakes_name_file_and_key),
	    with_dirs(broken_files_name_the_line),
	    with_dirs(a_language_without_catalogue_is_told),
	    with_dirs(messages_take_arguments),
	    with_dirs(plurals_follow_the_language),
	    with_dirs(refuses_broken_messages),
	    with_dirs(pseudo_languages_show_what_is_no_text),
	    cmocka_unit_test(folding_keeps_no_more_than_its_text),
	    cmocka_unit_test(languages_know_name_and_direction),
	    cmocka_unit_test(shipped_languages_have_their_plurals),
	    cmocka_unit_test(arabic_has_the_digits_that_are_dialled),
	    cmocka_unit_test(money_is_written_as_people_do),
	    cmocka_unit_test(arabic_money_is_written_as_it_is_read),
	    cmocka_unit_test(every_digit_of_a_price_is_shown),
	    cmocka_unit_test(odd_currencies_show_the_code),
	    cmocka_unit_test(counts_are_grouped),
	    cmocka_unit_test(durations_leave_zeros_out),
	    cmocka_unit_test(dates_are_written_in_the_zone),
	    cmocka_unit_test(more_zones_than_are_kept),
	    cmocka_unit_test(kept_texts_do_not_mix),
	    cmocka_unit_test(warm_ones_write_the_same),
	    cmocka_unit_test(known_zones),
	    cmocka_unit_test(iso_times_carry_the_offset),
	    cmocka_unit_test(days_start_right_where_clocks_change),
	    cmocka_unit_test(refuses_days_outside_the_calendar),
	    cmocka_unit_test(reads_timestamps_of_vcs),
	    cmocka_unit_test(refuses_what_is_no_timestamp),
	    cmocka_unit_test(reads_amounts),
	    cmocka_unit_test(refuses_what_is_no_amount),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
