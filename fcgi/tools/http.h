/* http.h: every byte that leaves Portico (libcurl).
 *
 * Calls that are handed over together run at the same time; the slowest one
 * decides how long all take. Connections are kept for the next request.
 */
#ifndef PORTICO_HTTP_H
#define PORTICO_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

struct http;
struct mem;

struct http_call {
	/* in */
	const char *url;  /* http or https, nothing else */
	const char *body; /* NULL: GET, else POST */
	size_t body_len;
	const char *const *headers; /* NULL-terminated "Name: value"; or NULL */
	bool traced;	     /* the request's id goes along, as X-Request-Id */
	const char *ca_file; /* NULL: the system's trust store */
	const char *server_name; /* NULL: the URL's host. Else the name
				  * that the certificate is checked for,
				  * where it differs (DESIGN, section 3) */
	long timeout_ms;	 /* for the whole call */
	size_t max_bytes;	 /* a longer answer is refused */
	bool may_repeat;	 /* a POST that only reads: it uses a kept
				  * connection, and is sent again when
				  * that one turns out dead. Else it gets
				  * a new connection and is sent once */
	const char *want_header; /* the name of an answer's header to
				  * hand out, or NULL */

	/* A body too big for the pool: with `sink`, it goes there piece by
	 * piece, in constant memory, and `data` stays empty. Before the first
	 * piece `accept` is asked, which sees status, content_type and header;
	 * it is not asked about a status other than 200 or an empty body, and
	 * only after its yes the sink gets a byte. False from either, and any
	 * body of another status, end the call with ERR_UPSTREAM (`stopped`:
	 * it was the sink). timeout_ms is then how long nothing may come: the
	 * whole takes as long as its reader. */
	bool (*accept)(void *ctx, const struct http_call *c);
	bool (*sink)(void *ctx, const void *data, size_t len);
	void *ctx;

	/* out */
	enum err err; /* ERR_OK: an answer came, whatever its
		       * status; ERR_LATE: none in time;
		       * ERR_UPSTREAM: refused, broken off, TLS
		       * trouble, too long */
	long status;
	char *data;		  /* NUL-terminated, in the pool; what has
				   * come of an answer that broke off;
				   * never NULL */
	size_t len;		  /* of data, or of what the sink got */
	bool stopped;		  /* the sink wanted no more */
	bool too_long;		  /* than max_bytes */
	const char *content_type; /* in the pool, or NULL */
	const char *header;	  /* the wanted one, in the pool, or NULL */
	const char *trouble;	  /* libcurl's words, or NULL; for logs and
				   * `portico check --vcs` */
	double ms;		  /* how long it took */

	void *running; /* http.c's own */
};

/* One per worker, opened after fork. Never NULL. */
struct http *http_open(void);
void http_close(struct http *h);

/* Runs all calls at once and returns when each has ended. TLS is always
 * verified; redirects are not followed; proxies from the environment are not
 * used. */
void http_run(struct http *h, struct mem *m, struct http_call *calls, size_t n);

/* The same in two steps, for a worker that has other things to do meanwhile:
 * http_start() takes them, http_wait() returns when each has ended. What they
 * are made of stays until then. Between the two, other calls may run, and
 * http_step() sends and takes what it can without waiting: once behind the
 * start, and now and then, since nobody else makes room for more of an answer
 * or looks at the time. http_drop() ends those that still run.
 */
void http_start(
    struct http *h, struct mem *m, struct http_call *calls, size_t n);
void http_step(struct http *h);
void http_wait(struct http *h, struct http_call *calls, size_t n);
void http_drop(struct http *h, struct http_call *calls, size_t n);

/* Within `accept`: a further header of the answer, in the pool, or NULL. */
const char *http_find_header(
    const struct http_call *c, struct mem *m, const char *name);

/* A mail that goes out by SMTP (RFC 5321). A server that is not on this machine
 * must offer TLS. */
struct http_mail {
	/* in */
	const char *uri;   /* smtp://HOST:PORT or smtps:// */
	const char *login; /* "": none is needed */
	const char *password, *from, *to;
	const char *message; /* RFC 5322, lines that end in CR LF */
	size_t len;
	long timeout_ms;

	/* out */
	enum err err;	     /* ERR_OK: the server took it */
	const char *trouble; /* in the pool, or NULL */
};

void http_send_mail(struct mem *m, struct http_mail *mail);

#endif
