/* log.h: error codes, the one log line, and collected diagnostics.
 *
 * Errors: a function that can fail returns an enum err. It is logged once,
 * where it happened, by the innermost function, which alone knows why; the
 * functions above hand the code on; the dispatcher answers it. The customer
 * sees the code's text and the request's id, never the log's detail.
 */
#ifndef PORTICO_LOG_H
#define PORTICO_LOG_H

#include <stdbool.h>
#include <stddef.h>

struct mem;

enum err {
	ERR_OK = 0,
	ERR_INPUT,     /* 400 malformed, out of range or unknown parameter */
	ERR_LOGIN,     /* 401 nobody is logged in, or a wrong log-in */
	ERR_CODE,      /* 401 the password alone is not enough */
	ERR_ENROL,     /* 401 a second factor must be set up first */
	ERR_CSRF,      /* 403 no or wrong CSRF token */
	ERR_NOT_FOUND, /* 404 not there, or somebody else's */
	ERR_METHOD,    /* 405 wrong method */
	ERR_CONFLICT,  /* 409 edited meanwhile */
	ERR_TOO_LARGE, /* 413 body over the limit */
	ERR_TYPE,      /* 415 a body of a type that nobody asked for */
	ERR_BRAND,     /* 421 no such brand */
	ERR_RULE,      /* 422 well-formed, refused by a rule */
	ERR_THROTTLED, /* 429 too often */
	ERR_INTERNAL,  /* 500 our own fault */
	ERR_UPSTREAM,  /* 502 the billing system refused or answered nonsense */
	ERR_BUSY,      /* 503 overload, or nothing may be written now */
	ERR_LATE,      /* 504 the billing system did not answer in time */
	ERR__MAX
};

/* The HTTP status of a code: 200 for ERR_OK. */
int err_status(enum err e);

/* The code as JSON spells it, such as "not_found"; also the key of its text
 * in the catalogue, behind "error.". */
const char *err_code(enum err e);

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines go to standard error, as text or as one JSON object a line; control
 * characters are escaped, so a value from the wire cannot forge a line. Where
 * standard error is systemd's journal, it is told each line's level.
 * Lines below `lowest` are dropped. */
void log_open(bool json, enum log_level lowest);

/* The request id and the brand that every following line carries; NULL: none.
 * Both are copied (and cut at 63 bytes). */
void log_request(const char *id, const char *brand);

/* That request id; "": none. */
const char *log_request_id(void);

/* One line: `code` is a fixed word to search for ("vcs.foreign_row"), the
 * rest says what happened. Never pass a secret. */
void log_line(enum log_level level, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* What is wrong with a configuration, a template, a catalogue or an API
 * profile: found at start or by `portico check`, all at once rather than one
 * a try. `where` is "FILE:LINE" or "FILE: key.path". */
struct diag_item {
	const char *where;
	const char *what;
	const char *remedy; /* what to do about it; may be "" */
};

struct diag {
	struct mem *mem;
	struct diag_item *items;
	size_t n, room;
};

void diag_open(struct diag *d, struct mem *m);

/* `where` and `remedy` are copied. What was said already, of a file that two
 * languages read, is not said again. */
void diag_add(struct diag *d, const char *where, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* All of it. */
void diag_add_all(struct diag *d, const struct diag *more);

/* One log line an item, at LOG_ERROR, with code "config". */
void diag_log(const struct diag *d);

#endif
