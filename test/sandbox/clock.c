/* clock.c: time, zones, and the anchor that all made data hangs on. */
#include "sandbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEPS	 128
#define YEARS	 4 /* each way, in which a zone's changes are known */
#define TEN_DAYS (10 * DAY)

struct zone {
	struct zone *next;
	char name[64];
	size_t count;
	struct {
		int64_t from;
		int offset;
	} steps[STEPS];
};

static struct zone *zones;
static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t anchor;
static struct timespec started;

int64_t clock_now(void)
{
	return options.now ? options.now : (int64_t)time(NULL);
}

int64_t clock_real(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_until(void)
{
	int64_t now = clock_now();

	return now - now % 300;
}

int64_t clock_anchor(void)
{
	return anchor;
}

double clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - started.tv_sec) * 1e3 +
	       (double)(t.tv_nsec - started.tv_nsec) / 1e6;
}

void clock_start(void)
{
	int64_t day = clock_now() / DAY;

	/* 1970-01-01 was a Thursday. */
	anchor = (day - (day + 3) % 7) * DAY;
	clock_gettime(CLOCK_MONOTONIC, &started);
}

void clock_stop(void)
{
	while (zones) {
		struct zone *next = zones->next;

		free(zones);
		zones = next;
	}
}

static int libc_offset(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	localtime_r(&t, &tm);
	return (int)tm.tm_gmtoff;
}

/* Finds the moments of change between two moments by halving. */
static void add_steps(struct zone *z, int64_t low, int64_t high)
{
	int before = libc_offset(low), after = libc_offset(high);

	if (before == after || z->count == STEPS)
		return;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (libc_offset(middle) == before)
			low = middle;
		else
			high = middle;
	}
	z->steps[z->count].from = high;
	z->steps[z->count++].offset = after;
}

/* The libc knows one zone at a time, so each is read once, under the lock,
 * into a table of its own. */
static struct zone *read_zone(const char *name)
{
	struct zone *z = calloc(1, sizeof(*z));
	int64_t from = anchor - YEARS * 365 * DAY,
		to = anchor + YEARS * 365 * DAY;

	if (!z)
		abort();
	snprintf(z->name, sizeof(z->name), "%s", name);
	setenv("TZ", name, 1);
	tzset();
	z->steps[z->count++].offset = libc_offset(from);
	for (int64_t t = from; t < to; t += TEN_DAYS)
		add_steps(z, t, t + TEN_DAYS);
	setenv("TZ", "UTC", 1);
	tzset();
	z->next = zones;
	return zones = z;
}

static bool is_known(const char *name)
{
	char path[128];

	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789_+-/") != strlen(name) ||
	    !*name || *name == '/' || strlen(name) > 60)
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	return strcmp(name, "UTC") == 0 || access(path, R_OK) == 0;
}

const struct zone *zone_find(const char *name)
{
	struct zone *z;

	pthread_mutex_lock(&zones_lock);
	for (z = zones; z && strcmp(z->name, name) != 0; z = z->next)
		;
	if (!z && is_known(name))
		z = read_zone(name);
	pthread_mutex_unlock(&zones_lock);
	return z;
}

int zone_offset(const struct zone *z, int64_t time)
{
	size_t i = z ? z->count : 0;

	while (i-- > 1)
		if (z->steps[i].from <= time)
			return z->steps[i].offset;
	return z ? z->steps[0].offset : 0;
}

/* Howard Hinnant's calendar arithmetic (public domain). */
int64_t days_from_civil(int64_t year, int month, int day)
{
	int64_t era, yoe, doy;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	yoe = year - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static bool digits(const char **text, int count, int *value)
{
	*value = 0;
	for (; count > 0; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*value = *value * 10 + (**text - '0');
	}
	return true;
}

static bool literal(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* Z, +03, +0300 or +03:00. */
static bool parse_offset(const char *text, int *offset)
{
	int hours, minutes = 0, sign = *text == '-' ? -1 : 1;

	*offset = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!digits(&text, 2, &hours))
		return false;
	if (*text) {
		literal(&text, ':');
		if (!digits(&text, 2, &minutes))
			return false;
	}
	*offset = sign * (hours * 3600 + minutes * 60);
	return *text == '\0' && hours <= 14 && minutes < 60;
}

bool time_parse(const char *text, const struct zone *z, int64_t *time)
{
	int y, mo, d, h = 0, m = 0, s = 0, offset, guess;

	if (!digits(&text, 4, &y) || !literal(&text, '-') ||
	    !digits(&text, 2, &mo) || !literal(&text, '-') ||
	    !digits(&text, 2, &d) || mo < 1 || mo > 12 || d < 1 || d > 31)
		return false;
	if (*text && ((!literal(&text, ' ') && !literal(&text, 'T')) ||
			 !digits(&text, 2, &h) || !literal(&text, ':') ||
			 !digits(&text, 2, &m) || !literal(&text, ':') ||
			 !digits(&text, 2, &s) || h > 23 || m > 59 || s > 60))
		return false;
	*time = days_from_civil(y, mo, d) * DAY + h * 3600 + m * 60 + s;
	if (*text) {
		if (!parse_offset(text, &offset))
			return false;
	} else {
		guess = zone_offset(z, *time);
		offset = zone_offset(z, *time - guess);
	}
	*time -= offset;
	return true;
}

static void two(char *to, int value)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
}

static size_t civil(char text[32], int64_t time)
{
	int64_t days = (time >= 0 ? time : time - DAY + 1) / DAY;
	int y, m, d, s = (int)(time - days * DAY);

	civil_from_days(days, &y, &m, &d);
	memcpy(text, "0000-00-00 00:00:00", 20);
	two(text, y / 100);
	two(text + 2, y % 100);
	two(text + 5, m);
	two(text + 8, d);
	two(text + 11, s / 3600);
	two(text + 14, s / 60 % 60);
	two(text + 17, s % 60);
	return 19;
}

void buf_time(struct buf *b, int64_t time, const struct zone *z)
{
	int offset = zone_offset(z, time);
	char text[32];

	civil(text, time + offset);
	text[19] = offset < 0 ? '-' : '+';
	offset = offset < 0 ? -offset : offset;
	two(text + 20, offset / 3600);
	two(text + 22, offset / 60 % 60);
	buf_text(b, "\"");
	buf_add(b, text, 24);
	buf_text(b, "\"");
}

void buf_time_short(struct buf *b, int64_t time)
{
	char text[32];

	buf_text(b, "\"");
	buf_add(b, text, civil(text, time));
	buf_text(b, "+00\"");
}

void buf_date(struct buf *b, int64_t day)
{
	char text[32];

	civil(text, day * DAY);
	buf_text(b, "\"");
	buf_add(b, text, 10);
	buf_text(b, "\"");
}

void buf_iso(struct buf *b, int64_t time, const char *end)
{
	char text[32];

	civil(text, time);
	text[10] = 'T';
	buf_text(b, "\"");
	buf_add(b, text, 19);
	buf_text(b, end);
	buf_text(b, "\"");
}
