/* gateway.h: payment gateways: what the portal asks of one, a row each.
 *
 * A gateway is one file, gateway_NAME.c, and one row in gateway.c. It knows
 * its own wire and nothing of the journal: it answers what it says of a
 * payment, and payment.c decides. What is paid is only ever what the gateway
 * itself answered to a question of ours; what a browser or a webhook brings is
 * a hint to go and ask.
 *
 * A gateway that is not configured does not exist: no page, route or hook.
 */
#ifndef PORTICO_GATEWAY_H
#define PORTICO_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"

struct brand;
struct gateway_kept;
struct mem;
struct payment;
struct req;

/* Where a question is asked from. */
struct gateway_desk {
	struct brand *brand;
	struct mem *mem; /* all answers live there */
	int64_t now;
};

/* Money that a gateway holds: a capture, a transaction. */
enum gateway_money_state { MONEY_PAID, MONEY_PENDING, MONEY_FAILED };

struct gateway_money {
	const char *id;
	enum gateway_money_state state;
	struct money amount;
	const char *currency;
	const char *status;   /* the gateway's word */
	const char *mismatch; /* what of it is not as asked for, or NULL */
};

/* Money that went back, or came again after that (a chargeback lost). */
struct gateway_refund {
	const char *id, *of;  /* its own, and the money's */
	const char *kind;     /* "ref", "void", "cb"; "cbr": came again */
	struct money amount;  /* positive; zero: all of the money's */
	const char *currency; /* NULL: the money's */
};

enum gateway_state {
	GATEWAY_OPEN,	  /* nobody approved it yet */
	GATEWAY_APPROVED, /* wants to be captured */
	GATEWAY_MONEY,	  /* see `money` */
	GATEWAY_FAILED,	  /* refused for good */
	GATEWAY_GONE	  /* the gateway knows no such payment */
};

enum { GATEWAY_MOST = 16 };

struct gateway_facts {
	enum gateway_state state;
	struct gateway_money money[GATEWAY_MOST];
	size_t n_money;
	struct gateway_refund refunds[GATEWAY_MOST];
	size_t n_refunds;
	const char *odd;     /* what a person must look at, or NULL */
	const char *stray;   /* a person must know, but nothing comes of it: the
			      * hint is nothing of this payment's; or NULL */
	const char *trouble; /* the gateway's words of a refusal, or NULL */
	const char *order;   /* begin: the gateway's id of the payment */
	const char *way;     /* begin: where the customer approves it: a URL,
			      * or a token for the gateway's form */
};

/* What a webhook is about. */
struct gateway_event {
	const char *id;	  /* of the delivery; unique at the gateway */
	const char *kind; /* the gateway's word */
	/* Hints, each NULL where the event has none. */
	const char *payment, *order, *money, *refund;
	bool unproven;	 /* its signature could not be checked */
	const char *odd; /* of itself worth an alarm (a dispute), or NULL */
	const char *why; /* of a refusal, for the log */
};

/* One row of a gateway's lists. `payment`: our id that it names, or NULL;
 * `undoes`: it takes another one back. */
typedef void (*gateway_see)(
    void *ctx, const char *money, const char *payment, bool undoes);

struct gateway {
	const char *id;	    /* in addresses: "paypal" */
	const char *name;   /* "PayPal"; stands before the money's id in VCS */
	const char *prefix; /* of references: "pp" */
	const char *money;  /* in references: "cap", "txn" */
	bool posts;	    /* the customer gets there by a form, with `way` */

	bool (*is_set)(const struct brand *b);
	const char *(*environment)(const struct brand *b);
	/* The gateway's pages, where forms and redirects lead: an address. */
	const char *(*web)(struct gateway_desk *d);
	/* Whether it may take a currency, as far as is known without asking. */
	bool (*takes)(const struct brand *b, const char *currency);
	/* NULL: it takes this amount; else why not, as a key of texts. */
	const char *(*check)(
	    struct gateway_desk *d, struct money amount, const char *currency);

	/* Asks the gateway for a payment that the customer can approve; asked
	 * again with the same payment, it answers the same one. ERR_RULE: it
	 * refuses for good (facts->trouble). */
	enum err (*begin)(struct gateway_desk *d, const struct payment *p,
	    struct gateway_facts *facts);
	/* What the gateway says of it now. `hint` (NULL: none): the id of a
	 * money or refund that may be its. */
	enum err (*look)(struct gateway_desk *d, const struct payment *p,
	    const char *hint, struct gateway_facts *facts);
	/* Takes what was approved (p->captures names the request). Tells the
	 * same as look(). NULL: the gateway takes it by itself. */
	enum err (*capture)(struct gateway_desk *d, const struct payment *p,
	    struct gateway_facts *facts);

	/* Whether a webhook is genuine, and what it is about. ERR_LOGIN: it is
	 * not; ERR_BUSY: that cannot be said now, it shall come again. */
	enum err (*hear)(struct gateway_desk *d, const struct req *r,
	    struct gateway_event *e);
	/* The same from a body that was proven before. */
	enum err (*reread)(
	    struct gateway_desk *d, const char *body, struct gateway_event *e);
	/* Which payment a money or a refund is of, by asking. NULL: none. */
	const char *(*find)(struct gateway_desk *d, const char *money);
	/* Ids of money and refunds of the last days, for what no webhook
	 * told. NULL: look() tells of everything. */
	enum err (*sweep)(
	    struct gateway_desk *d, int64_t since, gateway_see see, void *ctx);
};

/* The gateways of a brand, in its order; NULL after the last. */
const struct gateway *gateway_at(const struct brand *b, size_t i);
/* NULL: there is none of this name, or it is not configured. */
const struct gateway *gateway_find(const struct brand *b, const char *id);
/* The same, also where it is not offered any more. */
const struct gateway *gateway_of(const struct payment *p);

/* What a process keeps of a brand's gateways (tokens). */
struct gateway_kept *gateway_open(void);
void gateway_close(struct gateway_kept *k);

/* An address without its path: "https://host:port"; NULL: it is none, or holds
 * what no address may. */
const char *gateway_origin(struct mem *m, const char *url);

/* Digits behind the point that a currency has (ISO 4217). */
unsigned gateway_digits(const char *currency);
/* An amount with just the digits that the currency has. False: it has more
 * that are not zero. */
bool gateway_amount(
    struct mem *m, struct money amount, unsigned digits, const char **out);

#endif
