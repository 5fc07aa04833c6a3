/* vcs_trip.h: inside vcs*.c: questions on their way. */
#ifndef PORTICO_VCS_TRIP_H
#define PORTICO_VCS_TRIP_H

#include "base/counters.h"
#include "base/json.h"
#include "domain/vcs.h"
#include "domain/vcs_profile.h"
#include "tools/rpc.h"

enum { VCS_ASKS_MAX = 32, VCS_SID_MAX = 128 };

struct vcs {
	char sid[VCS_SID_MAX]; /* Management session; "": none yet */
};

struct vcs_ask {
	const struct vcs_method *method;
	struct json_object *vars; /* for the arguments; in the pool */
	bool beside;		  /* slow or risky: a post of its own */
	bool needless;		  /* no row can come: not sent */
	bool backwards;		  /* in the opposite order. VCS need not know
				   * how: a failure is not logged */
	/* Turns `result` into `out`; not called after an error. */
	enum err (*read)(struct vcs_trip *t, struct vcs_ask *a);
	void *out;
	enum err *out_err;

	enum err err;
	struct json_object *result; /* of the answer that was declared, and
				     * without foreign rows */
	size_t came;		    /* rows, with foreign ones: what the next
				     * page's offset counts from */
	size_t raw;		    /* rows that came, foreign ones too */
	const char *trouble;	    /* what went wrong, in words */
	bool cut;
	bool held; /* nobody took the answer for so long that what went wrong
		    * is our own doing: ask again */
	struct rpc_call call;
};

struct vcs_sending; /* vcs_trip.c's own */

struct vcs_trip {
	struct brand *brand;
	struct mem *mem;
	int64_t client;		  /* 0: none */
	struct json_object *kept; /* session->kept, or a new one at log-in */
	struct vcs_ask asks[VCS_ASKS_MAX];
	size_t n;
	bool quiet;   /* expected to fail: do not log */
	bool changed; /* something kept was out of date */
	struct vcs_names *currencies;
	struct vcs_sending *sending; /* of a trip that was started */
};

/* Adds a question. `vars` may be NULL; further variables go into ask->vars. */
struct vcs_ask *vcs_add_ask(struct vcs_trip *t, enum vcs_operation op,
    enum err (*read)(struct vcs_trip *, struct vcs_ask *), void *out,
    enum err *out_err);

/* Runs what was asked and empties the list. Each part of VCS (vcs_part) has a
 * breaker that all workers share: while it is open, questions to it end with
 * ERR_BUSY at once, and nothing was sent. */
void vcs_run(struct vcs_trip *t);

/* The same in two steps, or given up in the middle: see http.h. */
void vcs_start(struct vcs_trip *t);
void vcs_wait(struct vcs_trip *t);
void vcs_drop(struct vcs_trip *t);

/* Around a call to a part of VCS that is no question of a trip. False: the
 * part's breaker is open, so do not call (ERR_BUSY). Otherwise say when it has
 * ended, and whether it was a failure as breaker.h has it. */
struct vcs_wait {
	enum vcs_part part;
	int64_t began;
	bool crowded;
};
bool vcs_wait_begin(
    const struct vcs_trip *t, enum vcs_part part, struct vcs_wait *w);
void vcs_wait_end(
    const struct vcs_trip *t, const struct vcs_wait *w, bool dead);

/* Who a log-in belongs to; 0: nobody, or the password is wrong. */
enum err vcs_find_login(struct brand *b, struct mem *m, const char *login,
    const char *password, int64_t *client);

/* VCS's name of one of our fields; NULL: the profile has none. */
const char *vcs_field(const struct vcs_ask *a, const char *name);

/* The customer's time zone. */
const char *vcs_zone(const struct vcs_trip *t);

/* Fields of a row by VCS's name; a NULL name reads as absent. */
bool vcs_read_money(
    struct json_object *row, const char *name, struct money *out);
const char *vcs_read_text(struct json_object *row, const char *name);
int64_t vcs_read_int(struct json_object *row, const char *name);
int64_t vcs_read_time(
    struct json_object *row, const char *name, const char *zone);

/* The same of many rows that are alike: a field made ready once. */
struct json_column vcs_column(const struct vcs_ask *a, const char *name);
bool vcs_money_in(
    struct json_object *row, struct json_column *column, struct money *out);
const char *vcs_text_in(struct json_object *row, struct json_column *column);
int64_t vcs_int_in(struct json_object *row, struct json_column *column);
int64_t vcs_time_in(
    struct json_object *row, struct json_column *column, const char *zone);

/* A moment as the Core API takes it: "2026-11-01 00:00:00+0000". */
char *vcs_make_time(struct mem *m, int64_t when);

#endif
