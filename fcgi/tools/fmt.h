/* fmt.h: one language: its catalogue of texts, and numbers, money, dates and
 * durations as people of that language write them (ICU).
 *
 * A struct fmt is opened before the workers are forked and shared by them;
 * formatters for further currencies and time zones are made on first use, in
 * the process that needs them, and kept.
 */
#ifndef PORTICO_FMT_H
#define PORTICO_FMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/money.h"

struct diag;
struct fmt;
struct mem;

/* Opens a language such as "en" or "de-AT". The catalogue is LOCALE.json of
 * each folder in `dirs` (NULL-terminated, first folder wins key by key), then
 * its language alone ("de" for "de-AT"), then en.json; one JSON object of
 * KEY: ICU message with numbered arguments ({0}).
 *
 * "en-XA" is the pseudo-language of the tests: English with accents and
 * brackets, so that text that is not in the catalogue stands out; "ar-XB" the
 * same, written right to left.
 *
 * A message that ICU cannot read, or one whose arguments differ from the
 * English one's, is added to `d` with file and key. Never NULL. */
struct fmt *fmt_open(
    const char *locale, const char *const *dirs, struct diag *d);
/* The same, with the texts of `dir` laid over those of `base`, a language of
 * the same locale, which must live as long. NULL: none of them counts. */
struct fmt *fmt_open_over(
    const struct fmt *base, const char *dir, struct diag *d);
void fmt_close(struct fmt *f);
/* Makes what most pages need: processes that are forked then share it. Some
 * milliseconds. `when`: about what time most dates are of, seconds since 1970.
 */
void fmt_warm(struct fmt *f, int64_t when);

const char *fmt_locale(const struct fmt *f); /* as opened: "de-AT" */
bool fmt_right_to_left(const struct fmt *f);
/* The language's name in itself: "Deutsch". In the pool. */
char *fmt_language_name(struct mem *m, const struct fmt *f);

/* The pattern behind a key; NULL: no such key. */
const char *fmt_pattern(const struct fmt *f, const char *key);
/* True when the pattern has no arguments and fmt_text() is always the same. */
bool fmt_is_plain(const struct fmt *f, const char *key);

struct fmt_arg {
	const char *text; /* NULL: a number */
	double number;	  /* counts, for plural rules: never money */
};

/* The message of a key with its arguments; the key itself where the catalogue
 * has no such key. In the pool, or as long as the language is. */
const char *fmt_text(struct mem *m, struct fmt *f, const char *key,
    const struct fmt_arg *args, size_t n);

/* Money with the currency's symbol. Rounded (half even) to the currency's own
 * digits: $12.50, ¥1,235. */
char *fmt_money(
    struct mem *m, struct fmt *f, struct money a, const char *currency);
/* The same with every digit that the value has, and at least the currency's:
 * for rates and prices, where $0.0125 is not $0.01. */
char *fmt_price(
    struct mem *m, struct fmt *f, struct money a, const char *currency);

/* An amount as people of the language type it: digits, and behind the decimal
 * separator at most `digits` more. A point does where the language has a comma,
 * unless it could part thousands there ("1.000" in German). No signs, spaces
 * or thousands. `f` NULL: only the point. False: not an amount, or over 18
 * digits. */
bool fmt_parse_amount(
    struct fmt *f, const char *text, unsigned digits, struct money *out);

/* 1,234,567 */
char *fmt_count(struct mem *m, struct fmt *f, int64_t n);
/* Seconds as "3 min 20 s", "1 h 5 min", "0 s"; the language's own words. */
char *fmt_duration(struct mem *m, struct fmt *f, int64_t seconds);

enum fmt_time_style {
	FMT_DATE,	/* Nov 1, 2026 */
	FMT_DATE_SHORT, /* Nov 1 */
	FMT_DATE_TIME,	/* Nov 1, 2026, 10:00 AM */
	FMT_TIME	/* 10:00 AM */
};

/* A moment (seconds since 1970) in a time zone ("Europe/Berlin"). */
char *fmt_time(struct mem *m, struct fmt *f, int64_t when, const char *zone,
    enum fmt_time_style style);

/* A text for comparing and searching without regard to case, in any script
 * (Unicode case folding). In the pool. */
char *fmt_fold(struct mem *m, const char *text);

/* --- Zones and days, the same in every language. ------------------------ */

bool fmt_zone_known(const char *zone);

/* "2026-11-01T10:00:00+02:00" (RFC 3339). */
char *fmt_iso_time(struct mem *m, int64_t when, const char *zone);
/* "2026-11-01": the day of a moment in a zone. */
char *fmt_iso_day(struct mem *m, int64_t when, const char *zone);

/* The first moment of a day "YYYY-MM-DD" in a zone, plus `days` days. False:
 * not a date of the calendar. */
bool fmt_day_start(const char *day, int days, const char *zone, int64_t *out);

/* A timestamp as VCS writes it: "2017-10-17 16:48:50", space or T, with or
 * without an offset (+03, +0300, +03:00, Z), with or without fractions. One
 * without an offset is in `zone`. "9999-12-31 ..." (no end) and what is not a
 * timestamp give false. */
bool fmt_parse_time(const char *text, const char *zone, int64_t *out);

#endif
