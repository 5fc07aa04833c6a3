/* log.c: error codes, log lines and diagnostics. */
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

static const struct {
	int status;
	const char *code;
} errors[ERR__MAX] = {
    [ERR_OK] = {200, "ok"},
    [ERR_INPUT] = {400, "invalid_input"},
    [ERR_LOGIN] = {401, "login_required"},
    [ERR_CODE] = {401, "code_required"},
    [ERR_ENROL] = {401, "factor_required"},
    [ERR_CSRF] = {403, "csrf"},
    [ERR_NOT_FOUND] = {404, "not_found"},
    [ERR_METHOD] = {405, "method_not_allowed"},
    [ERR_CONFLICT] = {409, "conflict"},
    [ERR_TOO_LARGE] = {413, "too_large"},
    [ERR_TYPE] = {415, "unsupported_type"},
    [ERR_BRAND] = {421, "unknown_brand"},
    [ERR_RULE] = {422, "refused"},
    [ERR_THROTTLED] = {429, "too_often"},
    [ERR_INTERNAL] = {500, "internal"},
    [ERR_UPSTREAM] = {502, "upstream"},
    [ERR_BUSY] = {503, "busy"},
    [ERR_LATE] = {504, "upstream_late"},
};

static const char *const levels[] = {"debug", "info", "warn", "error"};

/* How the journal takes a line's level (sd-daemon(3)). */
static const char *const priorities[] = {"<7>", "<6>", "<4>", "<3>"};

static bool as_json, to_journal;
static enum log_level least = LOG_INFO;
static char request_id[64], brand_name[64];

int err_status(enum err e)
{
	return errors[e < ERR__MAX ? e : ERR_INTERNAL].status;
}

const char *err_code(enum err e)
{
	return errors[e < ERR__MAX ? e : ERR_INTERNAL].code;
}

/* Whether standard error is the stream that systemd named. */
static bool is_journal(void)
{
	const char *name = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!name || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(name, ours) == 0;
}

void log_open(bool json, enum log_level lowest)
{
	as_json = json;
	to_journal = is_journal();
	least = lowest;
}

void log_request(const char *id, const char *brand)
{
	snprintf(request_id, sizeof(request_id), "%s", id ? id : "");
	snprintf(brand_name, sizeof(brand_name), "%s", brand ? brand : "");
}

const char *log_request_id(void)
{
	return request_id;
}

/* The control character that `s` begins with, of Unicode's, too: terminals
 * obey C1, and some viewers end a line at U+2028. 0: none. */
static unsigned find_control(const unsigned char *s, size_t *len)
{
	*len = 1;
	if (s[0] < 0x20 || s[0] == 0x7f)
		return s[0];
	*len = 2;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
		return s[1];
	*len = 3;
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 0x2000u + (s[2] & 0x3f);
	*len = 0;
	return 0;
}

/* Appends `s` with control characters, '"' and '\' escaped as JSON has them;
 * in a text line that keeps a value on its line just as well. */
static size_t add_escaped(char *out, size_t at, size_t room, const char *s)
{
	for (; *s && at + 7 < room; s++) {
		unsigned char c = (unsigned char)*s;
		size_t len;
		unsigned control = find_control((const unsigned char *)s, &len);

		if (len) {
			at += (size_t)snprintf(
			    out + at, room - at, "\\u%04x", control);
			s += len - 1;
		} else if (as_json && (c == '"' || c == '\\')) {
			at += (size_t)snprintf(out + at, room - at, "\\%c", c);
		} else {
			out[at++] = (char)c;
		}
	}
	out[at] = '\0';
	return at;
}

static size_t add_field(
    char *out, size_t at, size_t room, const char *name, const char *value)
{
	if (!value[0] || at + 32 > room)
		return at;
	at += (size_t)snprintf(
	    out + at, room - at, as_json ? ",\"%s\":\"" : " %s=", name);
	at = add_escaped(out, at, room, value);
	if (as_json && at + 1 < room)
		out[at++] = '"';
	return at;
}

static size_t add_head(
    char *out, size_t room, enum log_level level, const char *code)
{
	struct timespec now;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(out, room,
	    as_json ? "%s{\"time\":\"%s.%03ldZ\",\"level\":\"%s\","
		      "\"pid\":%ld,\"code\":\"%s\""
		    : "%s%s.%03ldZ %s [%ld] %s",
	    to_journal ? priorities[level] : "", when, now.tv_nsec / 1000000,
	    levels[level], (long)getpid(), code);
}

void log_line(enum log_level level, const char *code, const char *fmt, ...)
{
	char message[2048], line[4096 + 512];
	size_t at, room = sizeof(line) - 4;
	va_list ap;

	if (level < least)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	at = add_head(line, room, level, code);
	at = add_field(line, at, room, "request", request_id);
	at = add_field(line, at, room, "brand", brand_name);
	if (as_json) {
		at = add_field(line, at, room, "message", message);
		line[at++] = '}';
	} else {
		at += (size_t)snprintf(line + at, room - at, ": ");
		at = add_escaped(line, at, room, message);
	}
	line[at++] = '\n';
	/* One write, so that lines of several workers do not mix. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}

void diag_open(struct diag *d, struct mem *m)
{
	*d = (struct diag){.mem = m};
}

static bool is_said(const struct diag *d, const char *where, const char *what)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->items[i].where, where) &&
		    !strcmp(d->items[i].what, what))
			return true;
	return false;
}

void diag_add(
    struct diag *d, const char *where, const char *remedy, const char *fmt, ...)
{
	struct diag_item *item;
	char *what;
	va_list ap;

	va_start(ap, fmt);
	what = mem_vprint(d->mem, fmt, ap);
	va_end(ap);
	if (is_said(d, where, what))
		return;
	if (d->n == d->room) {
		size_t room = d->room ? d->room * 2 : 8;
		struct diag_item *items =
		    mem_array(d->mem, room, sizeof(*items));

		if (d->n)
			memcpy(items, d->items, d->n * sizeof(*items));
		d->items = items;
		d->room = room;
	}
	item = &d->items[d->n++];
	item->where = mem_text(d->mem, where);
	item->remedy = mem_text(d->mem, remedy ? remedy : "");
	item->what = what;
}

void diag_add_all(struct diag *d, const struct diag *more)
{
	for (size_t i = 0; i < more->n; i++)
		diag_add(d, more->items[i].where, more->items[i].remedy, "%s",
		    more->items[i].what);
}

void diag_log(const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_item *item = &d->items[i];

		log_error("config", "%s: %s%s%s", item->where, item->what,
		    item->remedy[0] ? "; " : "", item->remedy);
	}
}
