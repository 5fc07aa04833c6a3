/* reply.h: the one writer of a response: status, headers, cookies, body.
 *
 * A reply is written once and goes out in one piece, except a streamed
 * download. Header values are checked: control characters never get through.
 */
#ifndef PORTICO_REPLY_H
#define PORTICO_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/mem.h"

/* Where bytes go. */
struct reply_sink {
	/* False: the client is gone. */
	bool (*write)(void *ctx, const void *data, size_t len);
	/* Breaks the transfer so that the client sees that it is not whole. */
	void (*spoil)(void *ctx);
	void *ctx;
	/* Whether the client is still there; NULL: not known, so it is. */
	bool (*alive)(void *ctx);
	/* The answer is whole: the client gets it now, and the environment of
	 * the request is gone. NULL: at the end of the request. */
	void (*end)(void *ctx);
	/* A whole answer, after which no write comes; false as above. It may
	 * leave with the request's end: head and body stay until then. NULL:
	 * it is written like any other. */
	bool (*whole)(void *ctx, const void *head, size_t head_len,
	    const void *body, size_t body_len);
};

struct reply {
	struct mem *mem;
	const struct reply_sink *sink;
	struct buf headers;
	int status;	/* of what was sent; 0: nothing yet */
	size_t bytes;	/* of bodies, for the log */
	bool gone;	/* the client went away */
	bool streaming; /* between reply_begin() and its end */
};

void reply_open(struct reply *r, struct mem *m, const struct reply_sink *sink);

/* A header of the response to come. A value with control characters is logged
 * and left out. */
void reply_header(struct reply *r, const char *name, const char *value);

/* A cookie: HttpOnly, SameSite=Lax, Path=/, Secure if `secure`. `value` NULL:
 * deletes it. `max_age` in seconds; 0: until the browser closes. */
void reply_cookie(struct reply *r, const char *name, const char *value,
    bool secure, int64_t max_age);

/* The whole response. `body` stays until the request has ended. `type` such as
 * "text/html; charset=utf-8". Private pages are never cached: Cache-Control:
 * no-store unless a header said otherwise. */
void reply_send(struct reply *r, int status, const char *type, const void *body,
    size_t len);

/* 303 (302 where `status` says so) to a path of our own ("/..."). */
void reply_redirect(struct reply *r, int status, const char *path);

/* 303 to another site: an address that a gateway gave, which was checked. What
 * is no http(s) address leads to "/". */
void reply_leave(struct reply *r, const char *url);

/* A streamed download: headers at once, then pieces, then an end, or a break
 * that the client sees as a broken transfer. `file_name` NULL: to be shown,
 * not saved. reply_write: false when the client is gone; reply_is_wanted asks
 * before there is anything to write. */
void reply_begin(struct reply *r, const char *type, const char *file_name);
bool reply_is_wanted(const struct reply *r);
bool reply_write(struct reply *r, const void *data, size_t len);
void reply_break(struct reply *r);

#endif
