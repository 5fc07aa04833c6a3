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
	struct site *site;
	struct brand *brand;
	struct db *db; /* the store; NULL: away */
	struct language *language;
	struct fmt *fmt;	 /* of the language */
	const char *zone;	 /* the customer's */
	const char *currency;	 /* the customer's: "USD"; may be NULL */
	struct session *session; /* NULL: nobody is logged in */
	struct session *half;	 /* a log-in that lacks something; `session`
				  * is NULL then, but for rows that end it */
	const char *token;	 /* its cookie or bearer text */
	int64_t now;		 /* seconds since 1970 */
	int64_t began;		 /* the same moment, session_clock() */
	const char *id;		 /* what stood at ":id" in the path; digits,
				  * or a token's letters */

	/* Questions to the billing system; page_serve() has already asked for
	 * the customer, so that nobody who lost access gets in. */
	struct vcs_trip *trip;
	struct vcs_client *client;
	bool gone;	 /* the trip was made */
	enum err access; /* what it said of the customer's right to be here */

	struct json_object *model; /* the page's answer */
	struct json_object *ui;	   /* what only templates see beside it */

	/* What the page wants beyond the model. */
	int status;	      /* of the answer; 0: 200 */
	const char *tmpl;     /* instead of the row's */
	const char *location; /* done: where the browser goes next */
	const char *away;     /* the same, at another site */
	const char *notice;   /* a text on top of the form */
	int64_t retry_after;  /* seconds, with ERR_THROTTLED and ERR_BUSY */

	/* Runs after the client has the answer, which no longer waits for it;
	 * the environment of the request is gone then. NULL: nothing. */
	void (*after)(struct call *c);
	void *after_ctx;

	enum err worst; /* of the sections that failed */
	size_t sections, failed;
};

enum page_flag {
	PAGE_PUBLIC = 1,       /* no log-in needed */
	PAGE_LAX = 2,	       /* ignores parameters that it does not know */
	PAGE_JSON_ONLY = 4,    /* has no HTML form */
	PAGE_NO_CLIENT = 8,    /* does not ask whether the customer is active */
	PAGE_TOKEN_LOGIN = 16, /* a JSON body needs no CSRF token (log-in: such
				* a request makes no cookie) */
	PAGE_HOOK = 32, /* from a program that signs what it sends: the body
			 * is left as it came, no CSRF token */
	PAGE_PAYS = 64, /* its forms may lead to a payment gateway */
	/* Not for whole log-ins alone, but also for one that lacks: */
	PAGE_NO_CODE = 128, /* the second factor's code */
	PAGE_NO_FACTOR =
	    256,	 /* a second factor, where the brand asks for one */
	PAGE_WATCH = 512 /* for operators: served beyond the brand's share */
};

struct page {
	enum method method;
	const char *path; /* matched whole; ":id" takes one part */
	const char *tmpl; /* templates/NAME.mustache */
	const struct param *params;
	unsigned flags;
	enum err (*load)(struct call *c);
	const char *about; /* a sentence for the API's description */
	/* What the JSON answer holds (page_shape.h); "201 SHAPE" where
	 * something is made; "file TYPE..." where the answer is a file. A shape
	 * of any length stands beside the load function, as NAME_answer. */
	const char *answer;
	/* POST: fills the model for showing the form again. */
	enum err (*form)(struct call *c);
	/* Streams the page's table as a file: PATH.csv and PATH.xlsx. NULL: it
	 * has none (404). See page_table.h. */
	enum err (*export)(struct call *c);
	/* What theme.json may say of it (page_theme.h); NULL: nothing. */
	const struct page_theme *theme;
};

/* The routing table, ended by a row without a path. */
extern const struct page pages[];

/* Serves one request: finds the row (404, 405), the session (303 or 401), the
 * CSRF token (403), checks parameters (400), runs the page, answers. */
void page_serve(struct site *site, struct mem *mem,
    const struct req_source *source, const struct reply_sink *sink);

/* --- For load functions ------------------------------------------------- */

/* Money, time and quantity as DESIGN section 2 has them. As with json_put(),
 * the compiler makes the key of a literal ready. */
#define put_money(c, o, key, ...)                                              \
	put_money_value(c, o, json_make_key(key), __VA_ARGS__)
#define put_price(c, o, key, ...)                                              \
	put_price_value(c, o, json_make_key(key), __VA_ARGS__)
#define put_time(c, o, key, when) put_time_value(c, o, json_make_key(key), when)
#define put_duration(c, o, key, seconds)                                       \
	put_duration_value(c, o, json_make_key(key), seconds)
#define put_quantity(c, o, key, ...)                                           \
	put_quantity_value(c, o, json_make_key(key), __VA_ARGS__)

void put_money_value(struct call *c, struct json_object *o, struct json_key key,
    struct money amount, const char *currency);
/* The same, its text with every digit: rates and prices. */
void put_price_value(struct call *c, struct json_object *o, struct json_key key,
    struct money amount, const char *currency);
/* `when` 0: null. */
void put_time_value(
    struct call *c, struct json_object *o, struct json_key key, int64_t when);
/* {text} of a day, for templates; null where `when` is 0. */
void put_day(
    struct call *c, struct json_object *o, const char *key, int64_t when);
void put_duration_value(struct call *c, struct json_object *o,
    struct json_key key, int64_t seconds);
/* A quantity of a service's unit ("s": a duration). */
void put_quantity_value(struct call *c, struct json_object *o,
    struct json_key key, int64_t value, const char *unit);

/* The catalogue's text of a key without arguments. */
const char *page_text(struct call *c, const char *key);

const char *page_text_args(
    struct call *c, const char *key, const struct fmt_arg *args, size_t n);

/* What is wrong with a parameter, in the customer's words. */
const char *page_fault_text(struct call *c, const struct req_fault *f);

/* A good word that the session's next HTML page shows, once. */
void page_flash(struct call *c, const char *text);

/* What page_put_balance() puts, as the shape of an answer. */
#define SHAPE_BALANCE "balance{live:money credit:money available:money}"

/* {live,credit,available} under "balance", as a section. */
void page_put_balance(struct call *c, const struct vcs_client *client);

/* Makes the trip; called again, says the same again. ERR_LOGIN: the customer is
 * no longer active, and the session is ended. ERR_BUSY: a POST, and VCS could
 * not confirm that the customer is active. Otherwise ERR_OK: the answers tell
 * for themselves. */
enum err page_go(struct call *c);

/* A section of the page: counts it and, where `e` is an error, makes its
 * member null and the page say so. True: it is there, fill it. */
bool page_section(struct call *c, const char *name, enum err e);

/* What the page comes to when all its sections are told: ERR_OK, or the worst
 * error where nothing could be shown. */
enum err page_end(struct call *c);

/* The address of this page with one parameter changed (NULL value: left out);
 * parameters at their standard value are left out too, and `page`, unless it
 * is the one that changes. */
const char *page_url(struct call *c, const char *name, const char *value);

/* Adds an option {value, name, selected} to a list of a form. */
void page_add_option(struct json_object *list, const char *key,
    const char *value, const char *name, bool selected);

#endif
