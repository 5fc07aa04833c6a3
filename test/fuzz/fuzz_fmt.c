/* fuzz_fmt.c: times, days, durations, amounts and currencies as they come from
 * VCS and from forms, written in each language. What is written is UTF-8 and
 * no empty text; a day's start is of that day, and days follow each other; an
 * amount that was typed is the amount that is read.
 *
 * Input: a text; a zone; a currency; each ended by a NUL; then a number.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "tools/fmt.h"
#include "tools/req_parse.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const locales[] = {"en", "de", "uk", "ar"};
enum { LOCALES = 4, DAY = 86400 };

static struct mem *kept;
static struct diag diag;
static struct fmt *fmts[LOCALES];

static void set_up(void)
{
	static const char *const dirs[] = {
	    SOURCE_DIR "/templates/locale", NULL};

	log_open(false, LOG_ERROR + 1);
	kept = mem_open(0);
	diag_open(&diag, kept);
	for (int i = 0; i < LOCALES; i++)
		fmts[i] = fmt_open(locales[i], dirs, &diag);
	must(!diag.n);
}

static void check_text(const char *text)
{
	must(text && *text && req_is_text(text, false));
}

/* The moment before its start is of an earlier day, and it of no earlier one:
 * a day that a zone left out is empty, and begins with the next. */
static void try_day(struct mem *m, const char *day, const char *zone)
{
	int64_t start, next;

	if (!fmt_day_start(day, 0, zone, &start))
		return;
	must(fmt_day_start(day, 1, zone, &next) && next >= start);
	must(next - start <= 2 * DAY);
	/* Clocks of the 19th century are cut to minutes, and the ends of the
	 * calendar are cut. */
	if (strcmp(day, "1972-01-03") < 0 || strcmp(day, "9990") > 0)
		return;
	must(strcmp(fmt_iso_day(m, start, zone), day) >= 0);
	must(strcmp(fmt_iso_day(m, start - 1, zone), day) < 0);
}

static void try_time(struct mem *m, int64_t when, const char *zone)
{
	const char *iso = fmt_iso_time(m, when, zone);

	must(strlen(iso) == 25 && strlen(fmt_iso_day(m, when, zone)) == 10);
	for (int i = 0; i < LOCALES; i++)
		for (int style = FMT_DATE; style <= FMT_TIME; style++)
			check_text(fmt_time(m, fmts[i], when, zone,
			    (enum fmt_time_style)style));
}

static void try_amount(struct mem *m, const char *text, const char *currency)
{
	struct money a;

	for (int i = 0; i < LOCALES; i++) {
		if (fmt_parse_amount(fmts[i], text, 2, &a)) {
			must(a.scale <= 2 && money_sign(a) >= 0);
			must(strspn(text, "0123456789.,\xd9\xab") ==
			     strlen(text));
		}
		if (money_parse(text, &a)) {
			check_text(fmt_money(m, fmts[i], a, currency));
			check_text(fmt_price(m, fmts[i], a, currency));
		}
	}
	if (fmt_parse_amount(NULL, text, 6, &a)) {
		struct money again;

		must(money_parse(text, &again) && money_compare(a, again) == 0);
	}
}

static const char *next_text(struct mem *m, const uint8_t **data, size_t *size)
{
	size_t len = strnlen((const char *)*data, *size);
	const char *text = mem_text_n(m, (const char *)*data, len);

	len += len < *size;
	*data += len;
	*size -= len;
	return text;
}

static void run(struct mem *m, const uint8_t *data, size_t size)
{
	const char *text = next_text(m, &data, &size);
	const char *zone = next_text(m, &data, &size);
	const char *currency = next_text(m, &data, &size);
	int64_t number = 0, when;

	memcpy(&number, data, size < 8 ? size : 8);
	/* From VCS it comes as JSON, which is UTF-8. */
	if (!req_is_text(currency, false))
		currency = "USD";
	fmt_zone_known(zone);
	try_day(m, text, zone);
	if (fmt_parse_time(text, zone, &when))
		try_time(m, when, zone);
	try_time(m, number, zone);
	try_amount(m, text, currency);
	for (int i = 0; i < LOCALES; i++) {
		check_text(fmt_duration(m, fmts[i], number));
		check_text(fmt_count(m, fmts[i], number));
	}
	must(fmt_fold(m, text) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m;

	if (!kept)
		set_up();
	if (size > 512)
		return 0;
	m = mem_open(0);
	run(m, data, size);
	mem_close(m);
	return 0;
}
