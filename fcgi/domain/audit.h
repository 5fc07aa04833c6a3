/* audit.h: what happened to a customer's account, for the customer to see.
 *
 * An entry is added, never changed, and belongs to one customer of one brand.
 * Texts may be anybody's: they are cut and lose what is no visible character
 * (line ends, controls, what turns text round), so that nobody writes two
 * entries in one, or one that looks like another; values are parameters.
 *
 * The trail is bounded: limits.auditRows entries of a customer, none older than
 * limits.auditDays. What a program does over and over (log-ins, files) is one
 * entry an hour that says how often. What strangers can cause, such as failed
 * log-ins, is counted by the hour and address in a table of its own, so that it
 * pushes nothing else out.
 *
 * A failed log-in is written under the name that was tried, whether somebody
 * has it or not: all names cost the same. Who has logged in with a name sees
 * its failures; those of a name that nobody has ever logged in with go after a
 * day. Names count as they were typed: another spelling may be another's.
 *
 * What cannot be written is logged (audit.lost), and the act goes on.
 */
#ifndef PORTICO_AUDIT_H
#define PORTICO_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"

struct brand;
struct db;
struct mem;

/* In brackets: `item`. A new event needs its word in audit.c and the text
 * audit.state.WORD. */
enum audit_event {
	AUDIT_LOGIN,	    /* (how, of the texts audit.how.HOW) */
	AUDIT_LOGIN_FAILED, /* counted */
	AUDIT_NEW_DEVICE,
	AUDIT_LOGOUT,
	AUDIT_CODE_ASKED,      /* counted: the password alone was right */
	AUDIT_CODE_FAILED,     /* counted: a second factor's */
	AUDIT_PASSWORD_FAILED, /* counted: the current one, asked for again */
	AUDIT_PASSWORD_CHANGED,
	AUDIT_RESET_ASKED, /* counted: a letter was sent */
	AUDIT_RESET_DONE,
	AUDIT_SESSION_ENDED,	/* (the agent of its device) */
	AUDIT_SESSIONS_ENDED,	/* all others */
	AUDIT_SESSIONS_REVOKED, /* all, by the billing system */
	AUDIT_FACTOR_ADDED,
	AUDIT_FACTOR_REMOVED,
	AUDIT_PASSKEY_ADDED,   /* (its name) */
	AUDIT_PASSKEY_REMOVED, /* (its name) */
	AUDIT_RECOVERY_USED,
	AUDIT_PROFILE_CHANGED,	/* (the field), from old to new */
	AUDIT_VOUCHER_REDEEMED, /* amount */
	/* (the payment's id), amount */
	AUDIT_PAYMENT_BEGUN,
	AUDIT_PAYMENT_PAID,
	AUDIT_PAYMENT_FAILED,
	AUDIT_PAYMENT_CANCELLED,
	AUDIT_PAYMENT_EXPIRED,
	AUDIT_PAYMENT_REVIEW,
	AUDIT_PAYMENT_PARTLY_REVERSED,
	AUDIT_PAYMENT_REVERSED,
	AUDIT_INVOICE_DOWNLOADED, /* (the file's name) */
	AUDIT_EXPORTED,		  /* (the file's name) */
	AUDIT__MAX
};

enum {
	AUDIT_TEXT = 200,     /* characters of a text */
	AUDIT_AGENT = 255,    /* of the browser's name */
	AUDIT_TALLIES = 100,  /* counted entries that are kept of a name */
	AUDIT_STRANGE = 86400 /* seconds that names live which nobody has */
};

/* Where it came from; all NULL: from no request of the customer's. */
struct audit_by {
	const char *address, *agent;
};

/* Of what is not said, NULL. */
struct audit_entry {
	enum audit_event event;
	const char *item, *old, *new;
	const char *currency; /* NULL: no amount */
	struct money amount;
	struct audit_by by;
	const char *login; /* with AUDIT_LOGIN: the name is this customer's */
};

/* Adds an entry. ERR_BUSY, ERR_INTERNAL: it could not be written. */
enum err audit_note(struct brand *b, struct mem *m, int64_t client,
    const struct audit_entry *e, int64_t now);

/* The same within the caller's transaction, which fails if this does. */
enum err audit_note_within(struct brand *b, struct mem *m, int64_t client,
    const struct audit_entry *e, int64_t now);

/* Counts one of those events: of a customer, or of a name as it was typed. */
enum err audit_count(struct brand *b, struct mem *m, int64_t client,
    enum audit_event event, const struct audit_by *by, int64_t now);
enum err audit_count_login(struct brand *b, struct mem *m, const char *login,
    const struct audit_by *by, int64_t now);

struct audit_row {
	int64_t time, times, since; /* the last time, how often, the first */
	const char *event;	    /* "login" */
	const char *item, *old, *new, *address, *agent; /* "": none */
	struct money amount;
	const char *currency; /* NULL: no amount */
};

/* Which of a customer's, the newest first. */
struct audit_span {
	int64_t start, end; /* seconds, both included */
	int64_t skip, most;
};

enum err audit_list(struct brand *b, struct mem *m, int64_t client,
    const struct audit_span *span, struct audit_row **out, size_t *n);

/* The word of an event: the end of its texts' keys. */
const char *audit_name(enum audit_event event);

/* A text as an entry holds it: at most `most` characters. In the pool. */
const char *audit_clean(struct mem *m, const char *text, size_t most);

#endif
