/* payment_journal.h: inside payment*.c: the rows of the journal. Everything
 * that returns ERR_OK is on the disk. ERR_BUSY and ERR_INTERNAL are the
 * store's, and logged. */
#ifndef PORTICO_PAYMENT_JOURNAL_H
#define PORTICO_PAYMENT_JOURNAL_H

#include "domain/payment.h"

struct receipt {
	const char *money_id, *currency, *status;
	struct money amount;
	bool fit;
};

enum posting_state { POST_INTENT, POST_SENT, POST_POSTED, POST_REVIEW };

struct posting {
	const char *reference, *money_id, *currency;
	struct money amount;
	enum posting_state state;
	int64_t sent_at, sent_ms, tries, created;
	const char *sent_boot;
};

struct receipts {
	struct receipt *rows;
	size_t n;
};

struct postings {
	struct posting *rows;
	size_t n;
};

enum err payment_load(struct till *t, const char *id, struct payment *out);
enum err payment_insert(
    struct till *t, const struct payment *p, const char *nonce, bool *made);
enum err payment_find_nonce(
    struct till *t, int64_t client, const char *nonce, struct payment *out);
enum err payment_find_by(struct till *t, const struct gateway *g,
    const struct gateway_event *e, struct payment *out);
/* Moves to a state; ERR_INTERNAL: the table does not allow it, or the row is
 * not where `p` says. */
enum err payment_move(
    struct till *t, struct payment *p, enum payment_state to, const char *why);
enum err payment_put_order(
    struct till *t, struct payment *p, const char *order, const char *way);
enum err payment_put_capture(struct till *t, struct payment *p);
enum err payment_put_due(
    struct till *t, struct payment *p, int64_t due, int64_t tries);
enum err payment_put_mailed(struct till *t, struct payment *p);
enum err payment_put_receipt(struct till *t, const struct payment *p,
    const struct gateway_money *money, bool *made);
/* A payment of the same amount by the same customer that was paid since this
 * one began; ERR_NOT_FOUND: none. */
enum err payment_find_twin(
    struct till *t, const struct payment *p, struct payment *out);
enum err payment_receipts(
    struct till *t, const struct payment *p, struct receipts *out);
enum err payment_put_posting(struct till *t, const struct payment *p,
    const char *reference, const char *money_id, struct money amount,
    bool *made);
enum err payment_postings(
    struct till *t, const struct payment *p, struct postings *out);
enum err payment_post_sent(struct till *t, struct posting *x);
/* It did not leave after all, for certain. */
enum err payment_post_unsent(struct till *t, struct posting *x);
enum err payment_post_done(
    struct till *t, struct posting *x, enum posting_state state);
enum err payment_tell_story(
    struct till *t, const struct payment *p, const char *what);
/* What a person must look at: the log, the story, the operator's mail. */
void payment_alarm(struct till *t, const struct payment *p, const char *what);
/* Sends what is to be posted. ERR_OK with *left: some of it has to wait. */
enum err payment_post(struct till *t, const struct payment *p, bool *left);
/* Whether the quiet time of what was sent is over. */
bool payment_is_quiet(struct till *t, struct posting *x);
void payment_mail_receipt(struct till *t, struct payment *p);

#endif
