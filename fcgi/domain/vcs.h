/* vcs.h: the billing system: what the portal asks it, in types of our own.
 *
 * A trip collects questions and asks them all at once: quick Core calls travel
 * as one batch, reports and Management calls run beside it, so that no call
 * waits for another and a section of a page can fail alone.
 *
 *	struct vcs_trip *t = vcs_trip(brand, mem, session);
 *	struct vcs_client *client = vcs_ask_client(t);
 *	struct vcs_xdrs *recent = vcs_ask_xdrs(t, ...);
 *	vcs_go(t);
 *	if (client->err) ...
 *
 * Ownership: the API token can read every customer. Each question takes the
 * customer's id from the session, and each row that comes back is checked
 * against it; a row of somebody else is dropped and logged as an incident
 * (vcs.foreign_row).
 *
 * Ids that a question needs but only another answer knows (the rate table, the
 * accounts) are kept in the session and checked by the same trip: after
 * vcs_go(), vcs_kept_changed() tells that they were out of date; the session
 * then has the right ones, and the page is run once more.
 *
 * Method, argument and field names come from the brand's API profile
 * (vcs_profile.h); nothing here knows them.
 */
#ifndef PORTICO_VCS_H
#define PORTICO_VCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"

struct brand;
struct json_object;
struct mem;
struct session;
struct vcs;
struct vcs_trip;

/* This process's side of a brand's connections (the Management SID). */
struct vcs *vcs_open(void);
void vcs_close(struct vcs *v);

/* `session` NULL: only questions that no customer owns (pings). Lives in `m`.
 * The questions' answers do too. */
struct vcs_trip *vcs_trip(
    struct brand *b, struct mem *m, struct session *session);

/* Asks all. Logs what failed, once each; the reason lies in each answer. */
void vcs_go(struct vcs_trip *t);

/* True when an id kept in the session was out of date: answers that depend on
 * it are worthless, session->kept is mended (and needs session_keep()). */
bool vcs_kept_changed(const struct vcs_trip *t);

/* After that: asks for what hangs on a changed id (the currency's code). */
void vcs_mend_kept(struct vcs_trip *t);

/* --- Answers: `err` first; the rest only counts if it is ERR_OK. --------- */

enum vcs_detail {
	VCS_COMPANY,
	VCS_EMAIL,
	VCS_ADDRESS,
	VCS_REGISTRATION_ID,
	VCS_TAX_ID,
	VCS_DETAILS
};

struct vcs_client {
	enum err err;
	int64_t id;
	const char *name;
	bool active; /* false: suspended or archived; loses access */
	bool has_balance;
	struct money balance, credit, available;
	bool has_threshold;
	struct money low_balance;
	const char *details[VCS_DETAILS]; /* NULL: VCS does not tell it */
};

struct vcs_names { /* services */
	enum err err;
	struct vcs_name {
		int64_t id;
		const char *name, *unit;
		int64_t rate_unit; /* how many units a rate's price pays for:
				    * 60 where prices are per minute */
	} * items;
	size_t n;
};

/* How a list began that is read from offset to offset; zeroed before. */
struct vcs_head {
	int64_t id;    /* of the first row; 0: not known */
	bool is_short; /* fewer rows came than were asked for */
};

/* Whether a piece is new. A VCS that does not heed offsets sends its first rows
 * again: if they are fewer than were asked for, they are all there is. `id` is
 * of the piece's first row. */
enum vcs_piece { VCS_PIECE_NEW, VCS_PIECE_END, VCS_PIECE_AGAIN };

enum vcs_piece vcs_check_piece(const char *operation, struct vcs_head *head,
    int64_t id, size_t came, size_t asked);

struct vcs_rate {
	int64_t id;
	const char *code, *name;
	const char *folded; /* the name for comparing; set by who needs it */
	int64_t service;
	int64_t currency; /* see vcs_find_currency() */
	struct money price, setup_fee;
	int64_t effective_from, effective_till; /* 0: not known, no end */
	int64_t interval, min_volume;		/* seconds */
};

struct vcs_rates {
	enum err err;
	struct vcs_rate *rows;
	size_t n;
	size_t raw;	      /* rows that came, with those that had no price */
	struct vcs_head head; /* of a reading in pieces */
	const bool *cut;      /* the answer ended too early: ask for less */
	bool limited;	      /* only the first rows of the table were read */
};

struct vcs_accounts {
	enum err err;
	struct vcs_account {
		int64_t id;
		const char *name, *kind, *ani;
		struct json_object *ips; /* a list of texts, or NULL */
		bool enabled;
	} * items;
	size_t n;
};

struct vcs_subscriptions {
	enum err err;
	struct vcs_subscription {
		int64_t id, account, quantity, currency;
		const char *package, *status;
		int64_t from, to, renews; /* 0: not known, no end */
		bool has_fee;
		struct money fee;
		struct json_object *limits; /* [{name,total,left,unit}] */
	} * items;
	size_t n;
};

struct vcs_xdr {
	int64_t id, time, account, service, duration, currency;
	const char *source, *destination, *code, *name;
	struct money rate, cost;
	bool has_rate, has_cost;
};

struct vcs_xdrs {
	enum err err;
	struct vcs_xdr *rows;
	size_t n;
	size_t raw;	  /* rows that came, with those that were dropped */
	const bool *cut;  /* the answer ended too early: ask for less; ask
			   * before the next question */
	const bool *held; /* nobody took the answer for long: see vcs_trip.h */
};

struct vcs_usage {
	enum err err;
	const int *code; /* VCS's error code: VCS_NO_METHOD */
	struct vcs_usage_row {
		/* What was asked for; the rest is NULL or 0. */
		const char *day; /* YYYY-MM-DD in the customer's zone */
		const char *name;
		int64_t account, service;
		int64_t volume, events, currency;
		struct money cost;
	} * rows;
	size_t n;
};

enum { VCS_NO_METHOD = -32601 };

struct vcs_ping {
	enum err err;
};

/* --- Questions ----------------------------------------------------------- */

struct vcs_client *vcs_ask_client(struct vcs_trip *t);
extern const char *const vcs_detail_names[VCS_DETAILS]; /* "company" */
/* The customer's accounts, as kept: id to name. Asked along with xDRs. */
struct vcs_names *vcs_ask_accounts(struct vcs_trip *t);
struct vcs_names *vcs_ask_services(struct vcs_trip *t);

/* A page of the customer's rates; `order` such as "+code". */
struct vcs_rates *vcs_ask_rates(
    struct vcs_trip *t, const char *order, size_t limit, size_t offset);

/* A trip that no customer makes, for the rates of a table. */
struct vcs_trip *vcs_table_trip(
    struct brand *b, struct mem *m, int64_t rate_table);

/* A piece of that table in the order of codes; beside the quick calls, since
 * far down the table it may take long. */
struct vcs_rates *vcs_ask_rate_piece(
    struct vcs_trip *t, size_t limit, size_t offset);

/* Rates of exactly this code, present and to come. */
struct vcs_rates *vcs_ask_rate_of_code(struct vcs_trip *t, const char *code);

/* The customer's accounts with their details, and subscriptions. */
struct vcs_accounts *vcs_ask_account_list(struct vcs_trip *t);
struct vcs_subscriptions *vcs_ask_subscriptions(struct vcs_trip *t);

/* Whose usage: ids; 0: any. VCS is asked for it, and what it sends beside is
 * dropped, lest a release that ignores an argument shows wrong rows. A
 * package's usage is that of the accounts that have it. */
struct vcs_filter {
	int64_t service, account, package;
};

/* xDRs of [from, to] (seconds), the newest first unless `ascending`. */
struct vcs_xdr_query {
	int64_t from, to;
	struct vcs_filter filter;
	bool ascending;
	size_t limit, offset;
};

struct vcs_xdrs *vcs_ask_xdrs(
    struct vcs_trip *t, const struct vcs_xdr_query *query);

/* A customer's xDRs from the oldest to the newest, piece by piece, in constant
 * memory: the next piece begins at the last row's second, without the rows
 * that were already read. Zero but for filter, from, to, limit, mem and ahead
 * is the beginning. */
struct vcs_cursor {
	struct vcs_filter filter;
	int64_t from, to; /* from: moves on */
	size_t limit;	  /* rows a piece; shrinks where VCS cuts answers, or
			   * rows are wide */
	struct mem *mem;  /* outlives the pieces, which end with it; each has a
			   * pool of its own */
	bool ahead; /* VCS is asked for the next piece while the caller deals
		     * with this one; see vcs_step() */
	struct vcs_ahead *next; /* vcs_usage.c's own */
	int64_t *seen;		/* ids read of the second `from` */
	size_t n_seen, room;
	size_t offset;
};

/* The next piece: its new rows, which may be none; `raw` 0 is the end. They
 * stay until the next call. What was asked before does not go along.
 * ERR_UPSTREAM also where rows are out of order or without a time or an id, so
 * that some would be lost. */
struct vcs_xdrs *vcs_read_xdrs(struct vcs_trip *t, struct vcs_cursor *c);

/* Takes what has come of an answer, without waiting: for who writes many rows
 * while VCS is asked ahead. */
void vcs_step(struct brand *b);

/* Usage of [from, to] by service and by one thing more. */
enum vcs_group { VCS_BY_SERVICE, VCS_BY_DAY, VCS_BY_ACCOUNT, VCS_BY_NAME };

struct vcs_usage *vcs_ask_usage(struct vcs_trip *t, int64_t from, int64_t to,
    enum vcs_group group, const struct vcs_filter *filter);

/* Names of the packages that the customer has or had. */
struct vcs_names *vcs_ask_packages(struct vcs_trip *t);

/* What the session keeps of the customer's accounts: whether this is one, its
 * package (0: none), whether one of them has this package. */
bool vcs_has_account(const struct vcs_trip *t, int64_t account);
int64_t vcs_package_of(const struct vcs_trip *t, int64_t account);
bool vcs_has_package(const struct vcs_trip *t, int64_t package);

struct vcs_ping *vcs_ask_ping(struct vcs_trip *t, bool management);

/* Goes at once, with what was asked before, and reads the first `most` rows of
 * the customer's rate table in the order of codes, by as many trips as it
 * takes: a page that comes back short is no end, only an empty one is; a page
 * that comes back cut is asked for in halves. */
struct vcs_rates *vcs_read_rates(struct vcs_trip *t, size_t most);

/* NULL: there is none of this id, or the list could not be had. */
const struct vcs_name *vcs_find_name(const struct vcs_names *names, int64_t id);

/* The code of a row's currency; the customer's own for id 0. Another one than
 * the customer's costs a trip. NULL: not known. */
const char *vcs_find_currency(struct vcs_trip *t, int64_t id);

/* --- What is kept -------------------------------------------------------- */

/* The customer's currency ("USD"), zone and locale; NULL: not known. */
const char *vcs_kept_currency(struct session *s);
const char *vcs_kept_zone(struct session *s);
const char *vcs_kept_locale(struct session *s);
/* The customer's rate table; 0: none. What is kept is only known to be true
 * after a trip with vcs_ask_client(). */
int64_t vcs_kept_rate_table(struct session *s);

/* --- Log-in -------------------------------------------------------------- */

/* Whose log-in and password these are. ERR_LOGIN: unknown, wrong or not
 * active, after just as many calls as for a right one. On ERR_OK *client is
 * the customer's id and *kept (an object, in the pool) what the session is to
 * keep. */
enum err vcs_login(struct brand *b, struct mem *m, const char *login,
    const char *password, int64_t *client, struct json_object **kept);

/* The same where it is known whose log-in it is: ERR_LOGIN: not active. */
enum err vcs_enter(
    struct brand *b, struct mem *m, int64_t client, struct json_object **kept);

/* --- For `portico check --vcs` ------------------------------------------- */

typedef void (*vcs_say)(void *ctx, const char *operation, const char *verdict,
    const char *detail, const char *remedy);

/* Asks operation by operation, read-only, and says what came of it: "works",
 * "refused", "unknown method", "unexpected shape", "TLS", "no connection".
 * `client`: whose rows to look at; 0: shapes of rows are not checked. Returns
 * how many do not work. */
size_t vcs_check(
    struct brand *b, struct mem *m, int64_t client, vcs_say say, void *ctx);

#endif
