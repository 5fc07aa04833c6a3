/* vcs_billing.h: money that came and went: transactions, invoices, and the
 * files of invoices. The questions are asked as vcs.h has it.
 */
#ifndef PORTICO_VCS_BILLING_H
#define PORTICO_VCS_BILLING_H

#include "domain/vcs.h"

enum vcs_flow { VCS_PAYMENTS, VCS_CHARGES };

/* VCS counts what the customer is charged as negative. Here both flows are
 * positive: `amount` is what was paid, or what a charge costs; a payment taken
 * back and a charge credited are negative. */
struct vcs_transaction {
	int64_t id, time, currency;
	struct money amount;
	const char *status, *notes; /* NULL: none */
};

struct vcs_transactions {
	enum err err;
	struct vcs_transaction *rows;
	size_t n;
	size_t came;	      /* rows of VCS's list, whoever's and of whatever
			       * flow: what the next offset counts */
	int64_t first, last;  /* ids of the customer's own among them */
	struct vcs_head head; /* of a reading in pieces */
	const bool *cut;      /* the answer ended too early: ask for less */
	bool limited;	      /* only the newest were read */
};

/* One piece of the transactions of [from, to] (seconds), the newest first. */
struct vcs_transactions *vcs_ask_transactions(struct vcs_trip *t,
    enum vcs_flow flow, int64_t from, int64_t to, size_t limit, size_t offset);

/* The transactions of [from, to], the newest first, piece by piece. Zero but
 * for flow, from, to is the beginning. */
struct vcs_ledger {
	enum vcs_flow flow;
	int64_t from, to;
	size_t offset; /* what was read so far, of VCS's list */
	struct vcs_head head;
};

/* Goes at once, with what was asked before, for the next piece; `came` 0 is the
 * end. A piece that comes back cut is asked for in halves. */
struct vcs_transactions *vcs_read_ledger(
    struct vcs_trip *t, struct vcs_ledger *l);

/* Goes at once, with what was asked before, and reads the newest `most` of
 * them, by as many trips as it takes: only an empty piece is the end. */
struct vcs_transactions *vcs_read_transactions(struct vcs_trip *t,
    enum vcs_flow flow, int64_t from, int64_t to, size_t most);

struct vcs_invoice {
	int64_t id, currency;
	const char *number;	       /* "": none */
	int64_t from, to, issued, due; /* 0: not known */
	/* The period's first and last day as VCS's own clock writes them, where
	 * it says whole days; NULL: it does not. */
	const char *from_day, *to_day;
	struct money total, paid;
	bool hidden; /* not for customers: still to be verified, or the
		      * customer's own bill to the carrier */
};

struct vcs_invoices {
	enum err err;
	struct vcs_invoice *rows; /* the newest first, none hidden */
	size_t n, room;
	bool limited; /* only the first rows of the list were read */
};

/* Goes at once, with what was asked before, and reads the customer's invoices,
 * at most `most` rows of VCS's list. */
struct vcs_invoices *vcs_read_invoices(struct vcs_trip *t, size_t most);

/* The same, but only as far as the invoice with this id. NULL: the customer
 * has none of this id. *err: the list could not be had. */
const struct vcs_invoice *vcs_find_invoice(
    struct vcs_trip *t, const char *id, size_t most, enum err *err);

/* Where an invoice's file goes. */
struct vcs_file {
	/* Once, before the first piece: the file's type and name by VCS's
	 * words (either may be NULL; not to be trusted). */
	void (*begin)(void *ctx, const char *type, const char *name);
	/* False: nobody wants more. */
	bool (*write)(void *ctx, const void *data, size_t len);
	void *ctx;
	bool begun; /* out */
};

/* Fetches the file of an invoice that vcs_find_invoice() has found, piece by
 * piece, in constant memory. An error before begin(): VCS did not send the
 * file; after it: it broke off. */
enum err vcs_get_invoice_file(
    struct vcs_trip *t, int64_t invoice, struct vcs_file *file);

#endif
