/* page_personal.h: inside the page of personal data: its file, as it is
 * written, and the parts of it.
 *
 * The file is one JSON object. Money is {amount, currency} with every digit,
 * times are ISO 8601 in the customer's zone: DESIGN's types without the texts
 * for people. A list is {rows[], count, complete}; it is written piece by
 * piece, each in a pool of its own, so that a file of any length takes the
 * memory of one piece. The first error ends the file: while its beginning waits
 * in `out`, which is all of most customers' files, the error is the answer;
 * after that the transfer breaks. A file that came whole is whole, then, but
 * for lists over `most` rows, which say complete:false, and so does the file.
 */
#ifndef PORTICO_PAGE_PERSONAL_H
#define PORTICO_PAGE_PERSONAL_H

#include "domain/personal.h"
#include "pages/page_table.h"

struct personal {
	struct call *call;
	size_t most;	/* rows of a list */
	struct buf out; /* on its way */
	bool sending;	/* the reply has begun */
	bool complete;	/* so far */
	bool cut;	/* there is more of the list at hand than it has */
	size_t members;
};

/* What the file is called. */
const char *personal_file_name(struct call *c);

void personal_open(struct personal *p, struct call *c);

/* Ends the file. ERR_INTERNAL: nobody is there to read it. */
enum err personal_close(struct personal *p);

/* Adds a member; takes over a reference of `value`. */
void personal_put(
    struct personal *p, const char *key, struct json_object *value);

/* Adds a list, as page_export() reads one. */
enum err personal_put_list(
    struct personal *p, const char *key, page_fetch fetch, void *state);

/* Adds {amount, currency}, and a time (0: null). */
void personal_put_money(struct call *c, struct json_object *o, const char *key,
    struct money amount, const char *currency);
void personal_put_time(
    struct call *c, struct json_object *o, const char *key, int64_t when);

/* What VCS was asked in the request's own trip, before anything is sent. */
struct personal_vcs {
	struct vcs_accounts *accounts;
	struct vcs_names *names, *services;
	struct vcs_subscriptions *subscriptions;
};

void personal_ask(struct call *c, struct personal_vcs *v);
/* The first of its errors. */
enum err personal_check(const struct call *c, const struct personal_vcs *v);

/* Adds what VCS holds on the customer, and what the store does. */
enum err personal_put_vcs(struct personal *p, const struct personal_vcs *v);
enum err personal_put_store(struct personal *p);

#endif
