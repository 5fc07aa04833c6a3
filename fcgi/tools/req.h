/* req.h: one request: what the web server handed over, made safe to use.
 *
 * The only place that parses what a client sent: query, urlencoded and JSON
 * bodies, cookies, the Accept header. A page declares its parameters with
 * validators and reads checked values; it never parses.
 */
#ifndef PORTICO_REQ_H
#define PORTICO_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct json_object;
struct mem;

enum method { METHOD_GET, METHOD_POST };
enum format { FORMAT_HTML, FORMAT_JSON, FORMAT_CSV, FORMAT_XLSX };

/* Where a request comes from: a FastCGI (or CGI) environment and a body. */
struct req_source {
	const char *const *env; /* "NAME=value", NULL-terminated */
	/* Up to `room` bytes of the body; 0: its end. */
	size_t (*read)(void *ctx, void *out, size_t room);
	void *ctx;
};

struct req {
	struct mem *mem;
	const char *const *env;
	const char *id;	     /* the web server's request id, or a made one */
	const char *brand;   /* PORTICO_BRAND, "default" where it was not
			      * sent; "" is nobody's */
	enum method method;  /* HEAD counts as GET; the web server cuts it */
	const char *path;    /* without query and suffix; starts with "/" */
	enum format format;  /* suffix, then Accept, then port */
	bool suffixed;	     /* the format came from a suffix */
	enum format words;   /* of an error: JSON or HTML, by Accept where a
			      * suffix asks for a file */
	const char *address; /* the client's */
	bool https;	     /* by the web server's word, not a header's */
	const char *bearer;  /* token of "Authorization: Bearer", or NULL */
	bool json_body;
	const char *body; /* as it arrived, for a signature over it */
	size_t body_len;

	/* What arrived, decoded, in order; then what it means. */
	struct req_field *fields;
	size_t n_fields;
	struct req_fault *faults;
	size_t n_faults;
	struct req_value *values;
	size_t n_values;
};

/* Reads the environment. Errors: ERR_METHOD, ERR_INPUT (a path or query that
 * is no UTF-8, holds control characters or bad %-escapes). `r` is usable for
 * answering (format, id, brand) whatever comes back. */
enum err req_open(struct req *r, struct mem *m, const struct req_source *s);

/* Reads a POST's body, at most `limit` bytes; the fields of its query become
 * faults. Errors: ERR_TOO_LARGE, ERR_TYPE
 * (neither urlencoded nor JSON), ERR_INPUT (malformed, or not an object of
 * plain values). */
enum err req_read_body(struct req *r, const struct req_source *s, size_t limit);

/* Reads a POST's body of JSON as it is, for who checks a signature over it: no
 * fields come of it, and its query is left alone. Errors as above; a NUL in it
 * is ERR_INPUT. */
enum err req_read_raw(struct req *r, const struct req_source *s, size_t limit);

/* An environment variable such as "HTTP_ACCEPT_LANGUAGE"; NULL: not sent. */
const char *req_env(const struct req *r, const char *name);

/* A cookie's value (RFC 6265); NULL: not sent. The first of its name. */
const char *req_cookie(const struct req *r, const char *name);

enum param_type {
	PARAM_TEXT,   /* UTF-8 without control characters, min to max
		       * characters; white space at both ends is cut */
	PARAM_SECRET, /* the same, uncut, and never shown again */
	PARAM_NUMBER, /* a whole number, min to max */
	PARAM_DATE,   /* YYYY-MM-DD, a day of the calendar */
	PARAM_CHOICE, /* one of `choices`, separated by '|' */
	PARAM_SORT,   /* one of `choices`, with '-' in front for descending */
	PARAM_FREE,   /* anything: for what is only compared (a CSRF token) */
	PARAM_LINES /* PARAM_TEXT of several lines, each ended by '\n' alone */
};

struct param {
	const char *name;
	enum param_type type;
	/* Characters, or bounds of a number. No max: 1000 characters (4096
	 * of PARAM_FREE); neither: any number from 0. */
	int64_t min, max;
	const char *choices;
	const char *standard; /* the value when absent; NULL: none */
	bool required;
	const char *about; /* a sentence for the API's description */
};

/* A parameter that is wrong: `key` names the catalogue's text ("field.range")
 * and `args` its arguments. */
struct req_fault {
	const char *name, *key;
	int64_t args[2];
	size_t n_args;
	const char *words; /* the only argument, if it is a text */
};

struct req_field {
	const char *name, *value; /* no value: a JSON list or object */
	bool is_null;		  /* JSON null: as if absent */
	bool is_secret;		  /* by its row: req_raw hides it */
};

struct req_value {
	const char *name, *text;
	int64_t number;
};

/* Checks what arrived against the declared parameters (ended by a row without
 * a name); "csrf" is always taken on a POST. ERR_INPUT: `faults` says which
 * and why, all of them at once. Unknown and repeated ones are faults, unless
 * `lax` (gateway returns). */
enum err req_check(struct req *r, const struct param *params, bool lax);

/* A fault that a page found by itself. */
void req_add_fault(struct req *r, const char *name, const char *key);
/* The same, of a text with one argument. */
void req_add_fault_words(
    struct req *r, const char *name, const char *key, const char *words);

/* A checked value; NULL or 0: absent and without a standard value. */
const char *req_text(const struct req *r, const char *name);
int64_t req_number(const struct req *r, const char *name);

/* What arrived under a name, unchecked: to show in the form again (the
 * template escapes it). NULL: nothing, or a secret. */
const char *req_raw(const struct req *r, const char *name);

/* Percent-encodes for a query value or path part (RFC 3986). In the pool. */
char *req_encode(struct mem *m, const char *text);

#endif
