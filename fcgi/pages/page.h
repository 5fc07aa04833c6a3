/* page.h: what a page is, and all that its load function may call.
 *
 * A page is one row of the table in routes.c. The row is the page's whole
 * policy and is enforced before the page runs: zero is the safe value, so a
 * row with no flags needs a log-in, and a CSRF token on POST. The load
 * function fills the model; the reply is that model through the template
 * (HTML) or the model itself (JSON). A page frees nothing and never calls
 * another page.
 */
#ifndef PORTICO_PAGE_H
#define PORTICO_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "domain/vcs.h"
#include "tools/fmt.h"
#include "tools/reply.h"
#include "tools/req.h"

/* One request on its way through a page. */
struct call {
	struct mem *mem;
	struct req *req;
	struct reply *reply;
	const struct page *page;
	struct brand *brand;
	struct language *language;
	struct fmt *fmt;	/* of the language */
	const char *zone;	/* the customer's */
	const char *currency;	/* the customer's: "USD" */
	struct session *session; /* NULL: nobody is logged in */
	const char *token;	/* its cookie or bearer text; keys the CSRF */
	int64_t now;		/* seconds since 1970 */
	struct vcs_trip *trip;	/* calls to the billing system, run together */
	struct json_object *model;
	struct json_object *ui; /* what only templates see */
	enum err worst;		/* of the sections that failed */
	size_t sections, failed;
	int64_t retry_after;	/* seconds, with ERR_THROTTLED and ERR_BUSY */
};

enum page_flag {
	PAGE_PUBLIC = 1,   /* no log-in needed */
	PAGE_NO_CSRF = 2,  /* checks its own token, or needs none */
	PAGE_LAX = 4,	   /* ignores parameters that it does not know */
	PAGE_JSON_ONLY = 8 /* has no HTML form */
};

struct page {
	enum method method;
	const char *path;	/* matched whole; ":id" matches one part */
	const char *tmpl;	/* templates/NAME.mustache */
	const struct param *params;
	unsigned flags;
	enum err (*load)(struct call *c);
	const char *about;	/* a sentence for the API's description */
};

/* The routing table, ended by a row without a path. */
extern const struct page pages[];

/* Serves one request: finds the row (404, 405), checks parameters (400),
 * session (303 or 401), CSRF token (403), runs the page, answers. */
void page_serve(struct site *site, struct mem *m,
    const struct req_source *source, const struct reply_sink *sink);

/* --- For load functions ------------------------------------------------- */

/* Money, time and quantity as DESIGN section 2 has them; json_put-like. */
void put_money(struct call *c, struct json_object *o, const char *key,
    struct money amount, const char *currency);
/* The same, its text with every digit: rates and prices. */
void put_price(struct call *c, struct json_object *o, const char *key,
    struct money amount, const char *currency);
void put_time(struct call *c, struct json_object *o, const char *key,
    int64_t when);
void put_duration(struct call *c, struct json_object *o, const char *key,
    int64_t seconds);

/* The catalogue's text of a key without arguments. */
const char *page_text(struct call *c, const char *key);

/* A section of the page failed: its member becomes null and the page says so;
 * ERR_OK: it did not. Returns `e`. */
enum err page_section(struct call *c, const char *name, enum err e);

/* The address of this page with one parameter changed (NULL value: left out);
 * parameters at their standard value are left out too. */
const char *page_url(struct call *c, const char *name, const char *value);

#endif
