/* payment.h: payments: money that is never lost and never doubled.
 *
 * A payment is a row of the journal with one of the states below; it moves only
 * along the table in payment_journal.c. Each step is on the disk before its
 * outside call, so that whoever comes next knows what may have happened:
 *
 *	creating -> redirected -> capturing -> captured -> adding -> done
 *
 * One routine, payment_advance(), takes a payment as far as it goes; the return
 * page, the webhooks and the reconciler all call it. One process at a time: a
 * lock per payment that dies with its holder, and one per customer around the
 * look-up in VCS and the adding.
 *
 * An addition whose answer did not come may still take effect: for
 * payment.quietTime nothing is done; then VCS is searched for the reference,
 * and only what is not there is added again.
 *
 * Credits are keyed by the gateway's id of the money (never of the order, the
 * event or the session). cancelled, expired and failed are soft: money that
 * turns up moves them on. review waits for a person, and never credits by
 * itself.
 */
#ifndef PORTICO_PAYMENT_H
#define PORTICO_PAYMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"
#include "domain/audit.h"
#include "domain/gateway.h"

struct brand;
struct db;
struct mem;
struct req;

enum payment_state {
	PAY_CREATING,	/* the gateway is being asked for it */
	PAY_REDIRECTED, /* the customer has the way to the gateway */
	PAY_CAPTURING,	/* approved; being taken */
	PAY_PENDING,	/* the gateway holds it back (review, eCheck) */
	PAY_CAPTURED,	/* the gateway has the money */
	PAY_ADDING,	/* being added in VCS */
	PAY_DONE,
	PAY_FAILED,
	PAY_CANCELLED,
	PAY_EXPIRED,
	PAY_DEBITING, /* went back at the gateway; being taken back in VCS */
	PAY_PARTLY,   /* a part was taken back */
	PAY_REVERSED,
	PAY_REVIEW, /* a person must decide */
	PAY__MAX
};

enum { PAYMENT_ID = 20 }; /* characters: "RF" and 18 of A-Z, 2-7 */

struct payment {
	const char *id, *brand;
	int64_t client;
	const char *gateway, *environment;
	struct money amount;
	const char *currency;
	enum payment_state state;
	int64_t invoice_id; /* 0: none */
	const char *invoice, *locale;
	const char *order, *way; /* NULL: not yet */
	int64_t captures;
	const char *why; /* NULL: nothing to say */
	bool mailed;
	int64_t tries, created, updated, due;
	const char
	    *money; /* the gateway's id of what was paid first, or NULL */
};

/* What the customer is told of a state: open, confirming, paid, failed,
 * cancelled, expired, review, reversed. */
const char *payment_word(enum payment_state s);
const char *payment_state_name(enum payment_state s);

/* Where payments are worked on. */
struct till {
	struct brand *brand;
	struct db *db;
	struct mem *mem;
	int64_t now; /* seconds */
};

/* --- For pages ------------------------------------------------------------ */

struct payment_wish {
	int64_t client;
	const struct gateway *gateway;
	struct money amount;
	const char *currency, *locale;
	const char *nonce;  /* of the form; NULL: a new payment */
	int64_t invoice_id; /* 0: none */
	const char *invoice;
	struct audit_by by; /* whose browser asks for it */
};

/* Journals a payment and asks the gateway for it. ERR_RULE: *why is a key of
 * texts: "refill.unconfirmed" (another payment is being confirmed), or the
 * gateway's refusal. A second one with the same nonce, gateway and amount
 * answers the first. */
enum err payment_begin(struct till *t, const struct payment_wish *wish,
    struct payment *out, const char **why);

/* The customer's own. ERR_NOT_FOUND: none, or somebody else's. */
enum err payment_find(
    struct till *t, int64_t client, const char *id, struct payment *out);

/* The one that a return from a gateway is about: by the gateway's order, or by
 * our id, or (both NULL) the last one that is under way. */
enum err payment_find_return(struct till *t, int64_t client,
    const struct gateway *g, const char *order, const char *id,
    struct payment *out);

struct payments {
	struct payment *rows;
	size_t n;
};

/* A customer's payments, the newest first; client 0: everybody's. */
enum err payment_list(
    struct till *t, int64_t client, size_t most, struct payments *out);

/* The customer does not want to pay: soft. */
enum err payment_cancel(struct till *t, const struct payment *p);

/* Takes the payment as far as it goes now, and reads it again into `out` (which
 * may be NULL). ERR_CONFLICT: somebody else is at it. Other errors: it stays
 * where it is, and is tried again later. */
enum err payment_advance(struct till *t, const char *id, const char *hint,
    int64_t patience_ms, struct payment *out);

/* --- For webhooks and the reconciler -------------------------------------- */

/* Checks a webhook and writes it to the inbox. ERR_OK: it is on the disk, or
 * was before; *event is what payment_handle() takes, NULL: there is nothing to
 * do. */
enum err payment_hear(struct till *t, const struct gateway *g,
    const struct req *r, const struct gateway_event **event);

/* Goes to look at what an event is about. */
enum err payment_handle(
    struct till *t, const struct gateway *g, const struct gateway_event *e);

struct payment_tally {
	size_t events, payments, moved, failed;
};

/* Everything that is due: the inbox, payments, at most `most` each; sweeps
 * from time to time. */
enum err payment_reconcile(
    struct till *t, size_t most, struct payment_tally *tally);

struct payment_counts {
	int64_t states[PAY__MAX];
	int64_t alarms, overdue, inbox;
};

/* For operators' figures. */
enum err payment_count(struct till *t, struct payment_counts *out);

/* --- For people ----------------------------------------------------------- */

/* Everything that the journal has of a payment. */
struct json_object *payment_tell(struct till *t, const char *id);

#endif
