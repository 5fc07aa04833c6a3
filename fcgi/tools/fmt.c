/* fmt.c: one language, in ICU's hands. This is the one file that sees ICU. */
#include "tools/fmt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ucal.h>
#include <unicode/uchar.h>
#include <unicode/ucurr.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/uldnames.h>
#include <unicode/uloc.h>
#include <unicode/umsg.h>
#include <unicode/unum.h>
#include <unicode/unumberformatter.h>
#include <unicode/upluralrules.h>
#include <unicode/ustring.h>

#include "base/log.h"
#include "base/mem.h"
#include "tools/fmt_catalogue.h"
#include "tools/fmt_message.h"
#include "tools/fmt_plain.h"
#include "tools/fmt_zone.h"

enum { ROOM = 256, ZONES = 32, ZONE_NAME = 64, SPANS = 8, DATES = 64 };
enum { DATE_TEXT = 56, DATE_AFTER = 24, MINUTE_TEXT = 24, MINUTES = 1440 };
enum { COUNTED = 256 };

/* A number formatter made from a skeleton; `code` is the currency's. There
 * are at most two for each currency of ISO 4217. */
struct number {
	struct number *next;
	char code[4];
	bool every_digit;
	struct fmt *fmt;
	UNumberFormatter *nf;
	struct plain plain;
};

/* A day's text; where the time of day goes along, what stands around it. */
struct day {
	int64_t start;
	char text[DATE_TEXT], after[DATE_AFTER];
};

struct minute {
	char text[MINUTE_TEXT];
};

struct fmt {
	struct mem *mem;
	const char *locale;
	char icu[ULOC_FULLNAME_CAPACITY];
	enum pseudo pseudo;
	struct catalogue *texts;
	const struct text *unit_texts[3];
	bool latin_digits, right_to_left;
	struct number *money;
	UNumberFormatter *count, *decimal, *units[3];
	UFormattedNumber *result;
	UPluralRules *plurals[2];
	unsigned char counted[2][COUNTED]; /* the form of 0, 1, 2, .. */
	UDateFormat *dates[FMT_TIME + 1];
	/* What comes again and again. */
	struct day known[FMT_DATE_TIME + 1][DATES];
	struct minute *minutes; /* of a day; NULL: not made */
	enum { UNKNOWN, JOINS, JOINS_NOT } joins;
};

static const char *const unit_keys[] = {"unit.h", "unit.min", "unit.s"};
static const char *const unit_skeletons[] = {
    "unit/hour unit-width-short",
    "unit/minute unit-width-short",
    "unit/second unit-width-short",
};

static void log_failure(const char *what, const char *detail, UErrorCode e)
{
	log_error("fmt.icu", "%s %s: %s", what, detail, u_errorName(e));
}

static char *make_utf8(struct mem *m, const UChar *text, int32_t len)
{
	UErrorCode e = U_ZERO_ERROR;
	char out[ROOM * 3 + 1];
	int32_t n;

	u_strToUTF8(out, sizeof(out), &n, text, len, &e);
	return mem_text_n(m, out, U_SUCCESS(e) ? (size_t)n : 0);
}

static int32_t to_utf16(const char *text, UChar *out, int32_t room)
{
	UErrorCode e = U_ZERO_ERROR;
	int32_t n;

	u_strFromUTF8(out, room, &n, text, -1, &e);
	return U_SUCCESS(e) && n < room ? n : -1;
}

/* --- Numbers and money. ------------------------------------------------- */

static void close_number(void *nf)
{
	unumf_close(nf);
}

static void close_result(void *result)
{
	unumf_closeResult(result);
}

/* NULL: ICU does not take it (logged). */
static UNumberFormatter *open_number(struct fmt *f, const char *skeleton)
{
	UErrorCode e = U_ZERO_ERROR;
	UChar text[ROOM];
	int32_t len = to_utf16(skeleton, text, ROOM);
	UNumberFormatter *nf =
	    unumf_openForSkeletonAndLocale(text, len, f->icu, &e);

	if (U_FAILURE(e)) {
		log_failure("numbers", skeleton, e);
		unumf_close(nf);
		return NULL;
	}
	mem_own(f->mem, close_number, nf);
	return nf;
}

/* Takes what unumf_format*() left in f->result; NULL: it failed. */
static char *take_result(struct mem *m, struct fmt *f, UErrorCode *e)
{
	UChar text[ROOM];
	int32_t len = unumf_resultToString(f->result, text, ROOM, e);

	return U_SUCCESS(*e) && len <= ROOM ? make_utf8(m, text, len) : NULL;
}

static bool is_known_currency(const char *code)
{
	UChar text[4];

	if (!code || strlen(code) != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (code[i] < 'A' || code[i] > 'Z')
			return false;
	u_charsToUChars(code, text, 4);
	return ucurr_getNumericCode(text) != 0;
}

static int currency_digits(const char *code)
{
	UErrorCode e = U_ZERO_ERROR;
	UChar text[4];
	int32_t digits;

	u_charsToUChars(code, text, 4);
	digits = ucurr_getDefaultFractionDigits(text, &e);
	return U_SUCCESS(e) ? digits : 2;
}

static struct number *find_money(
    struct fmt *f, const char *code, bool every_digit)
{
	struct number *n = f->money;

	while (n && (n->every_digit != every_digit || strcmp(n->code, code)))
		n = n->next;
	return n;
}

static char *format_decimal(
    struct mem *m, struct fmt *f, UNumberFormatter *nf, const char *digits)
{
	UErrorCode e = U_ZERO_ERROR;
	char *text;

	unumf_formatDecimal(nf, digits, -1, f->result, &e);
	text = take_result(m, f, &e);
	if (!text)
		log_failure("number", digits, e);
	return text;
}

static const char *write_money(void *ctx, struct mem *m, const char *digits)
{
	struct number *n = ctx;

	return format_decimal(m, n->fmt, n->nf, digits);
}

static struct number *open_money(
    struct fmt *f, const char *code, bool every_digit)
{
	struct number *n = mem_alloc(f->mem, sizeof(*n));
	char skeleton[ROOM], precision[MONEY_SCALE_MAX + 2] = "";
	int digits = currency_digits(code);

	if (every_digit) {
		memset(precision, '#', MONEY_SCALE_MAX + 1);
		memset(precision + 1, '0', (size_t)digits);
		precision[0] = '.';
	}
	/* sign-negative: what rounds to zero is not "-$0.00". */
	snprintf(skeleton, sizeof(skeleton),
	    "currency/%s rounding-mode-half-even sign-negative %s", code,
	    precision);
	memcpy(n->code, code, 4);
	n->every_digit = every_digit;
	n->nf = open_number(f, skeleton);
	n->fmt = f;
	if (n->nf)
		plain_learn(&n->plain, (unsigned)digits,
		    every_digit ? MONEY_SCALE_MAX : (unsigned)digits,
		    write_money, n);
	n->next = f->money;
	f->money = n;
	return n;
}

/* A currency that ICU does not know: the number with every digit, then the
 * code as it came. */
static char *make_odd_money(
    struct mem *m, struct fmt *f, const char *digits, const char *code)
{
	char *text =
	    f->decimal ? format_decimal(m, f, f->decimal, digits) : NULL;

	return mem_print(m, "%s%s%s", text ? text : digits,
	    code && *code ? "\u00a0" : "", code ? code : "");
}

/* "US$" with a mark behind it: without, its dollar is at the end of what runs
 * from right to left, and stands on the left. */
static char *close_symbol(struct mem *m, const struct fmt *f, char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!len || !f->right_to_left ||
	    isalnum((unsigned char)text[len - 1]) ||
	    !strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return text;
	return mem_print(m, "%s\u200e", text);
}

static char *format_money(
    struct mem *m, struct fmt *f, struct number *n, struct money a)
{
	char *text = plain_write(m, &n->plain, a);

	if (!text && n->nf)
		text = format_decimal(m, f, n->nf, money_text(m, a));
	return close_symbol(m, f, text);
}

static char *make_money(struct mem *m, struct fmt *f, struct money a,
    const char *code, bool every_digit)
{
	struct number *n = code ? find_money(f, code, every_digit) : NULL;
	char *text;

	if (!n && is_known_currency(code))
		n = open_money(f, code, every_digit);
	text = n ? format_money(m, f, n, a) : NULL;
	return text ? text : make_odd_money(m, f, money_text(m, a), code);
}

char *fmt_money(
    struct mem *m, struct fmt *f, struct money a, const char *currency)
{
	return make_money(m, f, a, currency, false);
}

char *fmt_price(
    struct mem *m, struct fmt *f, struct money a, const char *currency)
{
	return make_money(m, f, a, currency, true);
}

static char *format_integer(
    struct mem *m, struct fmt *f, UNumberFormatter *nf, int64_t n)
{
	UErrorCode e = U_ZERO_ERROR;
	char *text = NULL;

	if (nf) {
		unumf_formatInt(nf, n, f->result, &e);
		text = take_result(m, f, &e);
	}
	return text ? text : mem_print(m, "%lld", (long long)n);
}

/* "." or "," (or what else a language has), as UTF-8. */
static void find_separator(struct fmt *f, char out[8])
{
	UErrorCode e = U_ZERO_ERROR;
	UNumberFormat *nf = unum_open(UNUM_DECIMAL, NULL, 0, f->icu, NULL, &e);
	UChar text[4];
	int32_t len =
	    unum_getSymbol(nf, UNUM_DECIMAL_SEPARATOR_SYMBOL, text, 4, &e);

	u_strToUTF8(out, 8, NULL, text, len, &e);
	if (U_FAILURE(e)) {
		log_failure("the separator of", f->icu, e);
		out[0] = '.';
		out[1] = '\0';
	}
	unum_close(nf);
}

/* What stands behind the whole part; NULL: nothing that is an amount. */
static const char *skip_separator(struct fmt *f, const char *at)
{
	char separator[8] = ".";
	size_t len;

	if (f)
		find_separator(f, separator);
	len = strlen(separator);
	if (!strncmp(at, separator, len))
		return at + len;
	return *at == '.' && strlen(at + 1) != 3 ? at + 1 : NULL;
}

bool fmt_parse_amount(
    struct fmt *f, const char *text, unsigned digits, struct money *out)
{
	static const char all[] = "0123456789";
	char plain[40];
	size_t whole = strspn(text, all), part = 0;
	const char *behind = text + whole;

	if (!whole || whole > 18)
		return false;
	if (*behind) {
		behind = skip_separator(f, behind);
		part = behind ? strspn(behind, all) : 0;
		if (!part || part > digits || behind[part])
			return false;
	}
	snprintf(plain, sizeof(plain), "%.*s%s%.*s", (int)whole, text,
	    part ? "." : "", (int)part, part ? behind : "");
	return money_parse(plain, out);
}

char *fmt_count(struct mem *m, struct fmt *f, int64_t n)
{
	char text[4];
	size_t at = sizeof(text);
	int left = (int)n;

	if (!f->latin_digits || n < 0 || n >= 1000)
		return format_integer(m, f, f->count, n);
	/* Most counts are short, and look the same in most languages. */
	do
		text[--at] = (char)('0' + left % 10);
	while (left /= 10);
	return mem_text_n(m, text + at, sizeof(text) - at);
}

/* --- Messages. ---------------------------------------------------------- */

static void add_number(void *ctx, struct buf *out, double n)
{
	struct fmt *f = ctx;
	UErrorCode e = U_ZERO_ERROR;
	char *text;

	if (n >= 0 && n < 1000 && n <= (int)n) {
		buf_add_text(out, fmt_count(out->mem, f, (int)n));
		return;
	}
	unumf_formatDouble(f->count, n, f->result, &e);
	text = take_result(out->mem, f, &e);
	if (text)
		buf_add_text(out, text);
	else
		buf_print(out, "%g", n);
}

static void close_plurals(void *rules)
{
	uplrules_close(rules);
}

/* CLDR has no others. */
static const char *const forms[] = {
    "other", "zero", "one", "two", "few", "many"};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static size_t ask_form(struct fmt *f, double n, bool ordinal)
{
	UErrorCode e = U_ZERO_ERROR;
	UChar text[16];
	char word[16];
	size_t i;

	if (!f->plurals[ordinal]) {
		f->plurals[ordinal] = uplrules_openForType(f->icu,
		    ordinal ? UPLURAL_TYPE_ORDINAL : UPLURAL_TYPE_CARDINAL, &e);
		if (U_SUCCESS(e))
			mem_own(f->mem, close_plurals, f->plurals[ordinal]);
	}
	uplrules_select(f->plurals[ordinal], n, text, 16, &e);
	if (U_FAILURE(e))
		return 0;
	u_austrncpy(word, text, sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	for (i = FORMS - 1; i > 0 && strcmp(forms[i], word) != 0; i--)
		;
	return i;
}

static const char *find_plural(void *ctx, double n, bool ordinal)
{
	struct fmt *f = ctx;
	unsigned char *known = NULL;

	if (n >= 0 && n < COUNTED && n <= (int)n)
		known = &f->counted[ordinal][(int)n];
	if (known && *known)
		return forms[*known - 1];
	if (!known)
		return forms[ask_form(f, n, ordinal)];
	*known = (unsigned char)(ask_form(f, n, ordinal) + 1);
	return forms[*known - 1];
}

static void add_message(struct buf *out, struct fmt *f, const struct text *t,
    const struct fmt_arg *args, size_t n)
{
	const struct message_words words = {f, add_number, find_plural};

	message_add(out, &t->message, args, n, &words);
}

const char *fmt_pattern(const struct fmt *f, const char *key)
{
	const struct text *t = catalogue_find(f->texts, key);

	return t ? t->pattern : NULL;
}

bool fmt_is_plain(const struct fmt *f, const char *key)
{
	const struct text *t = catalogue_find(f->texts, key);

	return t && !t->message.args;
}

const char *fmt_text(struct mem *m, struct fmt *f, const char *key,
    const struct fmt_arg *args, size_t n)
{
	const struct text *t = catalogue_find(f->texts, key);
	struct buf out;

	if (!t)
		return mem_text(m, key);
	if (t->message.constant)
		return t->message.constant;
	buf_open(&out, m, strlen(t->pattern) + 32);
	add_message(&out, f, t, args, n);
	return out.data;
}

/* --- Durations. --------------------------------------------------------- */

static void add_unit(
    struct mem *m, struct fmt *f, struct buf *out, size_t unit, int64_t n)
{
	struct fmt_arg arg = {.text = fmt_count(m, f, n)};

	if (out->len)
		buf_add_char(out, ' ');
	if (f->unit_texts[unit]) {
		add_message(out, f, f->unit_texts[unit], &arg, 1);
		return;
	}
	if (!f->units[unit])
		f->units[unit] = open_number(f, unit_skeletons[unit]);
	buf_add_text(out, format_integer(m, f, f->units[unit], n));
}

char *fmt_duration(struct mem *m, struct fmt *f, int64_t seconds)
{
	static const int64_t size[] = {3600, 60, 1};
	struct buf out;

	buf_open(&out, m, 64);
	for (size_t unit = 0; unit < 3; unit++) {
		int64_t n = seconds / size[unit];

		/* The minus of a correction stands once, in front. */
		if (n || (unit == 2 && !out.len))
			add_unit(m, f, &out, unit, out.len && n < 0 ? -n : n);
		seconds %= size[unit];
	}
	return out.data;
}

/* --- Dates. ------------------------------------------------------------- */

static void close_date(void *date)
{
	udat_close(date);
}

static UDateFormat *open_date(struct fmt *f, enum fmt_time_style style)
{
	static const char *const skeletons[] = {
	    "yMMMd", "MMMd", "yMMMdjm", "jm"};
	static const UChar utc[] = {'U', 'T', 'C'};
	UErrorCode e = U_ZERO_ERROR;
	UChar skeleton[16], pattern[ROOM];
	UDateTimePatternGenerator *best = udatpg_open(f->icu, &e);
	int32_t len;
	UDateFormat *date;

	len = to_utf16(skeletons[style], skeleton, 16);
	len = udatpg_getBestPatternWithOptions(
	    best, skeleton, len, UDATPG_MATCH_NO_OPTIONS, pattern, ROOM, &e);
	udatpg_close(best);
	date = udat_open(
	    UDAT_PATTERN, UDAT_PATTERN, f->icu, utc, 3, pattern, len, &e);
	if (U_FAILURE(e)) {
		log_failure("dates", f->icu, e);
		return NULL;
	}
	mem_own(f->mem, close_date, date);
	return date;
}

static char *format_date(
    struct mem *m, struct fmt *f, int64_t local, enum fmt_time_style style)
{
	UErrorCode e = U_ZERO_ERROR;
	UChar text[ROOM];
	int32_t len;

	if (!f->dates[style])
		f->dates[style] = open_date(f, style);
	if (!f->dates[style])
		return NULL;
	len = udat_format(
	    f->dates[style], (double)local * 1000, text, ROOM, NULL, &e);
	return U_SUCCESS(e) && len <= ROOM ? make_utf8(m, text, len) : NULL;
}

static int64_t start_of(int64_t local, int64_t step)
{
	return local - (local % step + step) % step;
}

/* A time of day, the same on each day; NULL: ICU failed. */
static const char *find_minute(struct mem *m, struct fmt *f, unsigned minute)
{
	char *text;

	if (!f->minutes)
		f->minutes = mem_array(f->mem, MINUTES, sizeof(*f->minutes));
	if (f->minutes[minute].text[0])
		return f->minutes[minute].text;
	text = format_date(m, f, minute * 60, FMT_TIME);
	if (text && strlen(text) < MINUTE_TEXT)
		memcpy(f->minutes[minute].text, text, strlen(text) + 1);
	return text;
}

/* What stands around the time of day on a day; false: that cannot be told. */
static bool split_day(struct mem *m, struct fmt *f, struct day *d)
{
	enum { SOME = 11 * 60 + 11 };
	const char *time = find_minute(m, f, SOME);
	const char *text =
	    format_date(m, f, d->start + SOME * 60, FMT_DATE_TIME);
	const char *at = time && text ? strstr(text, time) : NULL;

	if (!at || at - text >= DATE_TEXT ||
	    strlen(at + strlen(time)) >= DATE_AFTER)
		return false;
	memcpy(d->text, text, (size_t)(at - text));
	d->text[at - text] = '\0';
	memcpy(d->after, at + strlen(time), strlen(at + strlen(time)) + 1);
	return true;
}

static struct day *find_day(struct fmt *f, int64_t start, size_t style)
{
	return &f->known[style][(size_t)(start / 86400) % DATES];
}

static char *join_time(struct mem *m, struct fmt *f, int64_t local)
{
	int64_t start = start_of(local, 86400);
	struct day *d = find_day(f, start, FMT_DATE_TIME);
	const char *time = find_minute(m, f, (unsigned)((local - start) / 60));
	struct buf b;

	if (d->start != start || !d->text[0]) {
		d->start = start;
		if (!split_day(m, f, d)) {
			d->text[0] = '\0';
			return NULL;
		}
	}
	if (!time)
		return NULL;
	buf_open(&b, m, DATE_TEXT + MINUTE_TEXT);
	buf_add_text(&b, d->text);
	buf_add_text(&b, time);
	buf_add_text(&b, d->after);
	return b.data;
}

/* Whether date and time of day stand side by side in this language: tried on
 * all hours and minutes, and on days of all lengths of names. */
static bool joins(struct fmt *f)
{
	struct mem *m = mem_open(0);
	bool same = true;

	for (int64_t i = 0; same && i < 366; i += 5) {
		int64_t local = i * 86400 + i * 1009 % MINUTES * 60;
		const char *ours = join_time(m, f, local);
		const char *theirs = format_date(m, f, local, FMT_DATE_TIME);

		same = ours && theirs && !strcmp(ours, theirs);
	}
	mem_close(m);
	return same;
}

static char *make_date_time(struct mem *m, struct fmt *f, int64_t local)
{
	char *text = NULL;

	if (f->joins == UNKNOWN)
		f->joins = joins(f) ? JOINS : JOINS_NOT;
	if (f->joins == JOINS)
		text = join_time(m, f, local);
	return text ? text : format_date(m, f, local, FMT_DATE_TIME);
}

static char *make_time(struct mem *m, struct fmt *f, int64_t local)
{
	int64_t start = start_of(local, 86400);
	const char *text = find_minute(m, f, (unsigned)((local - start) / 60));

	return text ? mem_text(m, text) : NULL;
}

static char *make_date(
    struct mem *m, struct fmt *f, int64_t local, enum fmt_time_style style)
{
	int64_t start = start_of(local, 86400);
	struct day *d = find_day(f, start, style);
	char *text;

	if (d->text[0] && d->start == start)
		return mem_text(m, d->text);
	text = format_date(m, f, local, style);
	if (text && strlen(text) < DATE_TEXT) {
		d->start = start;
		memcpy(d->text, text, strlen(text) + 1);
	}
	return text;
}

/* One formatter a style, in UTC, does for all zones: the zone's offset is
 * added beforehand, and no pattern shows the zone, nor seconds. */
char *fmt_time(struct mem *m, struct fmt *f, int64_t when, const char *zone,
    enum fmt_time_style style)
{
	int64_t local = zone_limit(when);
	char *text;

	local += zone_find_span(zone, local).offset;
	if (style == FMT_DATE_TIME)
		text = make_date_time(m, f, local);
	else if (style == FMT_TIME)
		text = make_time(m, f, local);
	else
		text = make_date(m, f, local, style);
	return text ? text : fmt_iso_time(m, when, zone);
}

/* ICU makes a formatter quick at its third use. */
void fmt_warm(struct fmt *f, int64_t when)
{
	enum { USES = 4 };
	struct mem *m = mem_open(0);

	for (int64_t i = 0; i < USES; i++) {
		format_integer(m, f, f->count, 1000 + i);
		for (int style = 0; style <= FMT_TIME; style++)
			fmt_time(m, f, when, "UTC", (enum fmt_time_style)style);
	}
	find_plural(f, 0, false);
	mem_close(m);
}

/* --- Zones. ------------------------------------------------------------- */

struct zone {
	char name[ZONE_NAME];
	UCalendar *calendar;
	/* The last ones asked for: rows of a table lie on both sides of some
	 * changes of the clock. */
	struct zone_span spans[SPANS];
	size_t asked;
};

/* Of this process; the oldest makes room for the next. */
static struct zone zones[ZONES];
static size_t zones_opened;

bool fmt_zone_known(const char *zone)
{
	UErrorCode e = U_ZERO_ERROR;
	UBool is_system = 0;
	UChar name[ZONE_NAME], canonical[ROOM];
	int32_t len = zone ? to_utf16(zone, name, ZONE_NAME) : 0;

	if (len <= 0)
		return false;
	ucal_getCanonicalTimeZoneID(name, len, canonical, ROOM, &is_system, &e);
	return U_SUCCESS(e) && is_system;
}

static int64_t transition(
    const UCalendar *calendar, UTimeZoneTransitionType type, int64_t none)
{
	UErrorCode e = U_ZERO_ERROR;
	UDate date;

	return ucal_getTimeZoneTransitionDate(calendar, type, &date, &e) &&
		       U_SUCCESS(e)
		   ? (int64_t)(date / 1000)
		   : none;
}

static struct zone_span make_span(UCalendar *calendar, int64_t when)
{
	UErrorCode e = U_ZERO_ERROR;
	struct zone_span span;

	ucal_setMillis(calendar, (double)when * 1000, &e);
	span.offset = (ucal_get(calendar, UCAL_ZONE_OFFSET, &e) +
			  ucal_get(calendar, UCAL_DST_OFFSET, &e)) /
		      1000;
	span.from = transition(
	    calendar, UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE, INT64_MIN);
	span.to = transition(calendar, UCAL_TZ_TRANSITION_NEXT, INT64_MAX);
	if (U_FAILURE(e))
		return (struct zone_span){INT64_MIN, INT64_MAX, 0};
	return span;
}

static struct zone *open_zone(const char *name)
{
	struct zone *z = &zones[zones_opened++ % ZONES];
	UErrorCode e = U_ZERO_ERROR;
	UChar id[ZONE_NAME];
	int32_t len =
	    to_utf16(fmt_zone_known(name) ? name : "UTC", id, ZONE_NAME);

	if (z->calendar)
		ucal_close(z->calendar);
	snprintf(z->name, sizeof(z->name), "%s", name);
	z->calendar = ucal_open(id, len, "en", UCAL_GREGORIAN, &e);
	for (size_t i = 0; i < SPANS; i++)
		z->spans[i] = (struct zone_span){0};
	return z;
}

static struct zone *find_zone(const char *name)
{
	for (size_t i = 0; i < ZONES && zones[i].calendar; i++)
		if (!strcmp(zones[i].name, name))
			return &zones[i];
	return NULL;
}

static bool is_within(const struct zone_span *span, int64_t when)
{
	return when >= span->from && when < span->to;
}

struct zone_span zone_find_span(const char *zone, int64_t when)
{
	const char *name =
	    zone && *zone && strlen(zone) < ZONE_NAME ? zone : "UTC";
	struct zone *z = find_zone(name);
	struct zone_span *span;

	if (!z)
		z = open_zone(name);
	for (size_t i = 0; i < SPANS; i++)
		if (is_within(&z->spans[i], when))
			return z->spans[i];
	span = &z->spans[z->asked++ % SPANS];
	*span = make_span(z->calendar, when);
	return *span;
}

int64_t zone_limit(int64_t when)
{
	const int64_t first = -62135596800, last = 253402300799;

	return when < first ? first : when > last ? last : when;
}

/* --- The language. ------------------------------------------------------ */

static bool is_language_tag(const char *locale)
{
	size_t len = locale ? strlen(locale) : 0;

	if (len < 2 || len > 35 || locale[0] == '-')
		return false;
	/* It becomes part of a file's name. */
	return strspn(locale, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

static bool is_icu_message(const char *locale, const char *pattern)
{
	UErrorCode e = U_ZERO_ERROR;
	UParseError where;
	int32_t room = (int32_t)strlen(pattern) + 1;
	UChar *text = calloc((size_t)room, sizeof(*text));
	int32_t len = text ? to_utf16(pattern, text, room) : -1;
	UMessageFormat *parsed = NULL;

	if (len >= 0)
		parsed = umsg_open(text, len, locale, &where, &e);
	umsg_close(parsed);
	free(text);
	/* {0} both in a plural and as text: only C's varargs mind that. */
	return len >= 0 && (U_SUCCESS(e) || e == U_ARGUMENT_TYPE_MISMATCH);
}

static const char *find_pseudo(struct fmt *f, const char *locale)
{
	f->pseudo = !strcmp(locale, "en-XA")   ? PSEUDO_ACCENTS
		    : !strcmp(locale, "ar-XB") ? PSEUDO_RIGHT_TO_LEFT
					       : PSEUDO_NONE;
	return f->pseudo ? "en" : locale;
}

static void open_locale(struct fmt *f, const char *locale)
{
	UErrorCode e = U_ZERO_ERROR;
	int32_t parsed;

	uloc_forLanguageTag(
	    locale, f->icu, (int32_t)sizeof(f->icu), &parsed, &e);
	if (U_FAILURE(e) || !f->icu[0])
		snprintf(f->icu, sizeof(f->icu), "en");
	/* Arabic of no country: the digits of the numbers that are dialled and
	 * of the fields that are filled in. Newer ICU does so by itself. */
	if (!strcmp(f->icu, "ar"))
		snprintf(f->icu, sizeof(f->icu), "ar@numbers=latn");
	f->right_to_left =
	    f->pseudo == PSEUDO_RIGHT_TO_LEFT || uloc_isRightToLeft(f->icu);
}

static void open_numbers(struct fmt *f)
{
	UErrorCode e = U_ZERO_ERROR;
	struct mem *scratch = mem_open(0);

	f->result = unumf_openResult(&e);
	mem_own(f->mem, close_result, f->result);
	f->count = open_number(f, ".###");
	f->decimal = open_number(f, ".00################");
	f->latin_digits = !strcmp(format_integer(scratch, f, f->count, 7), "7");
	mem_close(scratch);
}

/* All but its texts. */
static struct fmt *open_words(
    const char *locale, struct catalogue_source *source)
{
	struct mem *m = mem_open(0);
	struct fmt *f = mem_alloc(m, sizeof(*f));

	f->mem = m;
	f->locale = mem_text(m, locale);
	source->check = is_icu_message;
	source->locale = find_pseudo(f, locale);
	source->pseudo = f->pseudo;
	open_locale(f, source->locale);
	open_numbers(f);
	return f;
}

static void put_texts(struct fmt *f, struct catalogue *texts)
{
	f->texts = texts;
	for (size_t i = 0; i < 3; i++) {
		const struct text *t = catalogue_find(f->texts, unit_keys[i]);

		/* English words do not belong into another language. */
		f->unit_texts[i] = t && t->own ? t : NULL;
	}
}

struct fmt *fmt_open(
    const char *locale, const char *const *dirs, struct diag *d)
{
	struct catalogue_source source = {.dirs = dirs};
	struct fmt *f;

	if (!is_language_tag(locale)) {
		diag_add(d, locale ? locale : "", "write it like \"de-AT\"",
		    "not a language tag");
		locale = "en";
	}
	f = open_words(locale, &source);
	put_texts(f, catalogue_open(f->mem, &source, d));
	return f;
}

struct fmt *fmt_open_over(
    const struct fmt *base, const char *dir, struct diag *d)
{
	const char *const dirs[] = {dir, NULL};
	struct catalogue_source source = {.dirs = dirs};
	struct fmt *f = open_words(base->locale, &source);
	struct catalogue *texts =
	    catalogue_open_over(f->mem, &source, base->texts, d);

	if (texts) {
		put_texts(f, texts);
		return f;
	}
	fmt_close(f);
	return NULL;
}

void fmt_close(struct fmt *f)
{
	if (f)
		mem_close(f->mem);
}

const char *fmt_locale(const struct fmt *f)
{
	return f->locale;
}

bool fmt_right_to_left(const struct fmt *f)
{
	return f->right_to_left;
}

char *fmt_language_name(struct mem *m, const struct fmt *f)
{
	UDisplayContext menu[] = {UDISPCTX_CAPITALIZATION_FOR_UI_LIST_OR_MENU};
	UErrorCode e = U_ZERO_ERROR;
	UChar text[ROOM];
	char name[ULOC_FULLNAME_CAPACITY];
	ULocaleDisplayNames *names;
	int32_t len;

	if (f->pseudo)
		return mem_text(m, f->pseudo == PSEUDO_ACCENTS
				       ? "Pseudo (accents)"
				       : "Pseudo (right to left)");
	names = uldn_openForContext(f->icu, menu, 1, &e);
	uloc_getBaseName(f->icu, name, (int32_t)sizeof(name), &e);
	len = uldn_localeDisplayName(names, name, text, ROOM, &e);
	uldn_close(names);
	return U_SUCCESS(e) && len <= ROOM ? make_utf8(m, text, len)
					   : mem_text(m, f->locale);
}

/* Between the two texts it takes twelve times as much, which is not to stay in
 * the pool with each of thousands of names. */
static char *fold_wide(struct mem *m, const char *text, size_t len)
{
	enum { SHORT = 256 };
	UChar near[4 * SHORT + 2];
	char text_near[9 * SHORT + 1];
	struct mem *far = len > SHORT ? mem_open(0) : NULL;
	UChar *wide = far ? mem_array(far, 4 * len + 2, sizeof(*wide)) : near;
	UChar *folded = wide + len + 1;
	int32_t n = 0, room = (int32_t)len + 1;
	UErrorCode status = U_ZERO_ERROR;
	char *out;

	u_strFromUTF8WithSub(
	    wide, room, &n, text, (int32_t)len, 0xfffd, NULL, &status);
	n = u_strFoldCase(
	    folded, 3 * room - 2, wide, n, U_FOLD_CASE_DEFAULT, &status);
	out = far ? mem_alloc(far, (size_t)n * 3 + 1) : text_near;
	u_strToUTF8(out, n * 3 + 1, NULL, folded, n, &status);
	out = mem_text(m, U_SUCCESS(status) ? out : "");
	mem_close(far);
	return out;
}

char *fmt_fold(struct mem *m, const char *text)
{
	size_t len = strlen(text), i = 0;
	char *out;

	while (text[i] && (unsigned char)text[i] < 0x80)
		i++;
	if (i < len)
		return fold_wide(m, text, len);
	out = mem_alloc(m, len + 1);
	for (i = 0; i < len; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32
								 : text[i]);
	return out;
}
