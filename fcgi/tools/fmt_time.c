/* fmt_time.c: days, ISO dates and the timestamps of VCS. Only the offsets of
 * a zone's clock come from ICU; the calendar is arithmetic. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/fmt_zone.h"

enum { DAY = 86400, OFFSET_MAX = 16 * 3600 };

struct date {
	int64_t year;
	unsigned month, day;
};

/* Days since 1970-01-01 of the Gregorian calendar, with the year starting in
 * March, so that the leap day is its last (Howard Hinnant's algorithms). */
static int64_t days_of(struct date d)
{
	int64_t y = d.year - (d.month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	unsigned year_of_era = (unsigned)(y - era * 400);
	unsigned month = (d.month + 9) % 12;
	unsigned day_of_year = (153 * month + 2) / 5 + d.day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 -
			      year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static struct date date_of(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned day_of_era = (unsigned)(z - era * 146097);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 +
				   day_of_era / 36524 - day_of_era / 146096) /
			       365;
	unsigned day_of_year =
	    day_of_era -
	    (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	struct date d;

	d.day = day_of_year - (153 * month + 2) / 5 + 1;
	d.month = month < 10 ? month + 3 : month - 9;
	d.year = era * 400 + year_of_era + (d.month <= 2);
	return d;
}

/* Division that rounds down, for moments before 1970. */
static int64_t day_number(int64_t seconds)
{
	return (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
}

/* The first moment at which the zone's clock shows `local` or later. Where
 * the clock is put back over it, that is the earlier of two; where it is put
 * forward over it, the moment of the jump. */
static int64_t first_moment(int64_t local, const char *zone)
{
	struct zone_span span = zone_find_span(zone, local - DAY);

	for (;;) {
		int64_t moment = local - span.offset;

		if (moment < span.from)
			moment = span.from;
		if (moment < span.to)
			return moment;
		span = zone_find_span(zone, span.to);
	}
}

/* Writes a number of `n` digits; answers behind them. Years end at 9999. */
static char *put_digits(char *at, unsigned value, unsigned n)
{
	for (unsigned i = n; i > 0; value /= 10)
		at[--i] = (char)('0' + value % 10);
	return at + n;
}

static char *put_day(char *at, int64_t days)
{
	struct date d = date_of(days);

	at = put_digits(at, (unsigned)d.year, 4);
	*at++ = '-';
	at = put_digits(at, d.month, 2);
	*at++ = '-';
	return put_digits(at, d.day, 2);
}

static char *put_clock(char *at, unsigned seconds)
{
	at = put_digits(at, seconds / 3600, 2);
	*at++ = ':';
	at = put_digits(at, seconds / 60 % 60, 2);
	*at++ = ':';
	return put_digits(at, seconds % 60, 2);
}

static char *put_offset(char *at, int minutes)
{
	unsigned all = (unsigned)abs(minutes);

	*at++ = minutes < 0 ? '-' : '+';
	at = put_digits(at, all / 60, 2);
	*at++ = ':';
	return put_digits(at, all % 60, 2);
}

char *fmt_iso_time(struct mem *m, int64_t when, const char *zone)
{
	char *text = mem_alloc(m, sizeof("2026-11-01T10:00:00+02:00")), *at;
	int64_t local, days;
	int minutes;

	when = zone_limit(when);
	/* Clocks of the 19th century were seconds off; RFC 3339 has no words
	 * for that. */
	minutes = zone_find_span(zone, when).offset / 60;
	local = zone_limit(when + minutes * 60);
	days = day_number(local);
	at = put_day(text, days);
	*at++ = 'T';
	at = put_clock(at, (unsigned)(local - days * DAY));
	put_offset(at, minutes);
	return text;
}

char *fmt_iso_day(struct mem *m, int64_t when, const char *zone)
{
	char *text = mem_alloc(m, sizeof("2026-11-01"));

	when = zone_limit(when);
	when = zone_limit(when + zone_find_span(zone, when).offset);
	put_day(text, day_number(when));
	return text;
}

/* --- Reading. ----------------------------------------------------------- */

/* Exactly `digits` digits from `min` to `max`. */
static bool parse_field(
    const char **at, unsigned digits, unsigned min, unsigned max, unsigned *out)
{
	const char *s = *at;
	unsigned n = 0;

	for (; digits; digits--, s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (unsigned)(*s - '0');
	}
	if (n < min || n > max)
		return false;
	*at = s;
	*out = n;
	return true;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool parse_date(const char **at, struct date *out)
{
	unsigned year;

	if (!parse_field(at, 4, 1, 9999, &year) || !take(at, '-') ||
	    !parse_field(at, 2, 1, 12, &out->month) || !take(at, '-') ||
	    !parse_field(at, 2, 1, 31, &out->day))
		return false;
	out->year = year;
	return out->day <= days_in_month(year, out->month);
}

static bool parse_clock(const char **at, int64_t *seconds)
{
	unsigned h, min, s;

	if (!parse_field(at, 2, 0, 23, &h) || !take(at, ':') ||
	    !parse_field(at, 2, 0, 59, &min) || !take(at, ':') ||
	    !parse_field(at, 2, 0, 59, &s))
		return false;
	*seconds = h * 3600 + min * 60 + s;
	if (!take(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	while (isdigit((unsigned char)**at))
		(*at)++;
	return true;
}

/* +03, +0300, +03:00 or Z. */
static bool parse_offset(const char **at, int64_t *out)
{
	unsigned h, min = 0;
	int sign = **at == '-' ? -1 : 1;

	*out = 0;
	if (take(at, 'Z'))
		return true;
	if ((!take(at, '+') && !take(at, '-')) ||
	    !parse_field(at, 2, 0, 15, &h))
		return false;
	if ((take(at, ':') || **at) && !parse_field(at, 2, 0, 59, &min))
		return false;
	*out = sign * (int64_t)(h * 3600 + min * 60);
	return true;
}

bool fmt_day_start(const char *day, int days, const char *zone, int64_t *out)
{
	struct date d;

	if (!day || !parse_date(&day, &d) || *day)
		return false;
	*out = first_moment((days_of(d) + days) * DAY, zone);
	return true;
}

bool fmt_parse_time(const char *text, const char *zone, int64_t *out)
{
	struct date d;
	int64_t local, clock, offset;

	if (!text || !parse_date(&text, &d) ||
	    (!take(&text, ' ') && !take(&text, 'T')) ||
	    !parse_clock(&text, &clock))
		return false;
	if (d.year == 9999 && d.month == 12 && d.day == 31)
		return false;
	local = days_of(d) * DAY + clock;
	if (!*text) {
		*out = first_moment(local, zone);
		return true;
	}
	if (!parse_offset(&text, &offset) || *text)
		return false;
	*out = local - offset;
	return true;
}
