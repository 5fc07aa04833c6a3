/* vcs_payment.h: what a gateway has taken, added to the customer's balance.
 *
 * Nobody need be logged in: the customer is named by id, and need not be active
 * any more (who was suspended after paying has paid all the same).
 */
#ifndef PORTICO_VCS_PAYMENT_H
#define PORTICO_VCS_PAYMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"

struct brand;
struct mem;

struct vcs_credit {
	int64_t client;
	struct money amount; /* negative: taken back */
	const char *currency;
	const char *notes; /* hold the reference */
	const char *reference;
	int64_t since; /* seconds: the reference is not older */

	/* out */
	bool found;
	int64_t currency_id;
	const char *why; /* with ERR_RULE: what was refused, in words */
};

/* Whether a transaction with the reference in its notes is there, among all of
 * the customer's since then. ERR_RULE: it is not, and cannot be added, since
 * the customer's currency is another by now. Other errors: not known. */
enum err vcs_find_credit(struct brand *b, struct mem *m, struct vcs_credit *c);

/* Adds what vcs_find_credit() has not found; sent once. ERR_RULE: refused, so
 * that nothing was changed. ERR_UPSTREAM, ERR_LATE: it may have been added, or
 * may still be. ERR_BUSY: it was not sent. */
enum err vcs_add_credit(struct brand *b, struct mem *m, struct vcs_credit *c);

/* The customer's address for letters; NULL: none, or not to be had. */
const char *vcs_find_email(struct brand *b, struct mem *m, int64_t client);

#endif
