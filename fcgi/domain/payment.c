/* payment.c: takes a payment from one state to the next.
 *
 * A step asks the gateway or VCS at most once, and what it is about to do is in
 * the journal before. An error leaves the payment where it is: the next one who
 * comes begins with the same step.
 */
#include "domain/payment.h"

#include <inttypes.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/payment_journal.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	REPEATABLE = 5 * HOUR,	 /* PayPal keeps a request's name for six */
	FORM_LIFE = 30 * MINUTE, /* a hosted form's token lives 15 */
	ORDER_LIFE = 6 * HOUR,
	WATCHED = 3 * DAY, /* for money that turns up late */
	SWEPT = 14 * DAY,
	REFUNDABLE = 180 * DAY,
	STEPS_MOST = 12,
	ALARM_AFTER = 12 /* tries in a row */
};

/* One payment being worked on. */
struct work {
	struct till *till;
	const struct gateway *gateway;
	struct gateway_desk desk;
	struct payment p;
	const char *hint;
};

static enum err move(struct work *w, enum payment_state to, const char *why)
{
	return payment_move(w->till, &w->p, to, why);
}

static enum err review(struct work *w, const char *why)
{
	enum err err;

	if (w->p.state == PAY_REVIEW)
		return ERR_OK;
	err = move(w, PAY_REVIEW, why);
	if (!err)
		payment_alarm(w->till, &w->p, why);
	return err;
}

/* --- What the gateway says ------------------------------------------------ */

static bool has_receipt(const struct receipts *all, const char *money)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->rows[i].money_id, money))
			return true;
	return false;
}

/* Whoever pays in two windows at once may have meant to pay once. */
static void check_twin(struct work *w)
{
	struct payment twin;

	if (payment_find_twin(w->till, &w->p, &twin) == ERR_OK)
		payment_alarm(w->till, &w->p,
		    mem_print(w->till->mem,
			"perhaps paid twice: %s was paid meanwhile", twin.id));
}

/* Money that came: *fresh if it had not been written down. */
static enum err take_money(
    struct work *w, const struct gateway_money *money, bool *fresh)
{
	struct receipts before, after;
	enum err err = payment_receipts(w->till, &w->p, &before);
	bool made = false;

	if (err || has_receipt(&before, money->id))
		return err;
	crash_point("receipt.before");
	err = payment_put_receipt(w->till, &w->p, money, &made);
	crash_point("receipt.after");
	if (!err)
		err = payment_receipts(w->till, &w->p, &after);
	if (err)
		return err;
	if (!has_receipt(&after, money->id))
		return review(w, mem_print(w->till->mem,
				     "%s is another payment's", money->id));
	payment_tell_story(w->till, &w->p,
	    mem_print(w->till->mem, "%s has %s %s as %s, %s", w->gateway->name,
		money_text(w->till->mem, money->amount), money->currency,
		money->id, money->status));
	if (money->mismatch)
		return review(w, mem_print(w->till->mem, "%s: %s", money->id,
				     money->mismatch));
	if (before.n)
		payment_alarm(w->till, &w->p,
		    mem_print(
			w->till->mem, "paid a second time: %s", money->id));
	else
		check_twin(w);
	*fresh = true;
	return ERR_OK;
}

/* Until the merchant acts at the gateway, or it decides by itself. */
static enum err hold(struct work *w, const struct gateway_money *money)
{
	const char *why = mem_print(w->till->mem, "%s%s%s", money->status,
	    money->reason ? ", " : "", money->reason ? money->reason : "");
	enum err err = move(w, PAY_PENDING, why);

	if (!err)
		payment_alarm(w->till, &w->p,
		    mem_print(w->till->mem, "%s holds %s back: %s",
			w->gateway->name, money->id, why));
	return err;
}

static enum err take_moneys(struct work *w, const struct gateway_facts *f)
{
	const struct gateway_money *held = NULL;
	size_t paid = 0;
	bool fresh = false;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < f->n_money; i++) {
		const struct gateway_money *money = &f->money[i];

		paid += money->state == MONEY_PAID;
		if (money->state == MONEY_PENDING)
			held = money;
		if (money->state == MONEY_PAID)
			err = take_money(w, money, &fresh);
	}
	if (err || w->p.state == PAY_REVIEW)
		return err;
	if (fresh && w->p.state != PAY_CAPTURED && w->p.state != PAY_ADDING &&
	    w->p.state != PAY_DEBITING)
		return move(w, PAY_CAPTURED, NULL);
	if (!paid && held && w->p.state != PAY_PENDING)
		return hold(w, held);
	/* A crash came between the receipt and the move. */
	if (paid &&
	    (w->p.state == PAY_CAPTURING || w->p.state == PAY_PENDING ||
		w->p.state == PAY_REDIRECTED || w->p.state == PAY_CANCELLED ||
		w->p.state == PAY_EXPIRED || w->p.state == PAY_FAILED))
		return move(w, PAY_CAPTURED, NULL);
	return ERR_OK;
}

static const char *make_reference(
    struct work *w, const char *kind, const char *id)
{
	return mem_print(w->till->mem, "%s:%s:%s:%s", w->gateway->prefix,
	    w->p.environment, kind, id);
}

static const struct receipt *find_receipt(
    const struct receipts *all, const char *money)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->rows[i].money_id, money))
			return &all->rows[i];
	return NULL;
}

/* What is left of a money by all postings but its own credit. */
static struct money left_of(
    struct work *w, const struct postings *all, const struct receipt *r)
{
	const char *credit = make_reference(w, w->gateway->money, r->money_id);
	struct money left = r->amount;

	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->rows[i].money_id, r->money_id) &&
		    strcmp(all->rows[i].reference, credit) != 0)
			money_add(left, all->rows[i].amount, &left);
	return left;
}

static const struct posting *find_posting(
    const struct postings *all, const char *reference)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->rows[i].reference, reference))
			return &all->rows[i];
	return NULL;
}

/* What a refund without an amount comes to: all that is left; of a chargeback
 * that was won, what it had taken. */
static struct money amount_of(struct work *w, const struct postings *all,
    const struct gateway_refund *refund, struct money left)
{
	const struct posting *taken;

	if (strcmp(refund->kind, "cbr") != 0)
		return money_is_zero(refund->amount) ? left : refund->amount;
	taken = find_posting(all, make_reference(w, "cb", refund->of));
	return taken ? money_negate(taken->amount) : (struct money){0};
}

/* One refund, in the journal as something to be posted. */
static enum err take_refund(
    struct work *w, const struct gateway_refund *refund, bool *fresh)
{
	const char *reference = make_reference(w, refund->kind, refund->id);
	bool again = !strcmp(refund->kind, "cbr"), made = false;
	const struct receipt *r;
	struct receipts receipts;
	struct postings postings;
	struct money amount, left;
	enum err err = payment_receipts(w->till, &w->p, &receipts);

	if (!err)
		err = payment_postings(w->till, &w->p, &postings);
	if (err || find_posting(&postings, reference))
		return err;
	r = find_receipt(&receipts, refund->of);
	if (!r || !r->fit)
		return ERR_OK; /* never credited, so nothing to take back */
	left = left_of(w, &postings, r);
	amount = amount_of(w, &postings, refund, left);
	if (again && money_is_zero(amount))
		return ERR_OK; /* nothing had been taken back */
	if (refund->currency && strcmp(refund->currency, r->currency) != 0)
		return review(w, mem_print(w->till->mem, "%s is in %s",
				     reference, refund->currency));
	if (!again &&
	    (money_sign(left) <= 0 || money_compare(amount, left) > 0))
		return review(
		    w, mem_print(w->till->mem,
			   "%s: more goes back than was paid", reference));
	err = payment_put_posting(w->till, &w->p, reference, r->money_id,
	    again ? amount : money_negate(amount), &made);
	if (!err && made &&
	    (refund->forced || strcmp(refund->kind, "ref") != 0))
		payment_alarm(w->till, &w->p,
		    mem_print(w->till->mem, "%s of %s", reference,
			money_text(w->till->mem, amount)));
	*fresh = *fresh || made;
	return err;
}

static enum err take_refunds(struct work *w, const struct gateway_facts *f)
{
	bool fresh = false;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < f->n_refunds; i++)
		err = take_refund(w, &f->refunds[i], &fresh);
	if (err || !fresh || w->p.state == PAY_REVIEW)
		return err;
	if (w->p.state == PAY_DONE || w->p.state == PAY_PARTLY ||
	    w->p.state == PAY_REVERSED)
		return move(w, PAY_DEBITING, NULL);
	return ERR_OK;
}

static int64_t life_of(const struct work *w)
{
	return w->gateway->posts ? FORM_LIFE : ORDER_LIFE;
}

/* Nobody has paid yet. */
static enum err take_open(struct work *w, const struct gateway_facts *f)
{
	enum err err;

	if (w->p.state == PAY_CAPTURING) {
		err = payment_put_capture(w->till, &w->p);
		return err ? err : move(w, PAY_REDIRECTED, f->trouble);
	}
	if ((w->p.state == PAY_REDIRECTED || w->p.state == PAY_CANCELLED) &&
	    w->till->now - w->p.created > life_of(w))
		return move(w, PAY_EXPIRED, NULL);
	return ERR_OK;
}

static enum err take_gone(struct work *w)
{
	if (w->p.state == PAY_CAPTURING)
		return review(w, "the gateway forgot an approved payment");
	if (w->p.state == PAY_REDIRECTED || w->p.state == PAY_CANCELLED)
		return move(w, PAY_EXPIRED, NULL);
	return ERR_OK;
}

static enum err take_failed(struct work *w, const struct gateway_facts *f)
{
	switch (w->p.state) {
	case PAY_REDIRECTED:
	case PAY_CAPTURING:
	case PAY_PENDING:
	case PAY_CANCELLED:
		return move(w, PAY_FAILED, f->trouble);
	default:
		return ERR_OK;
	}
}

static enum err take_approved(struct work *w)
{
	switch (w->p.state) {
	case PAY_REDIRECTED:
	case PAY_CANCELLED:
	case PAY_EXPIRED:
	case PAY_FAILED:
		return move(w, PAY_CAPTURING, NULL);
	default:
		return ERR_OK;
	}
}

static bool is_credited(enum payment_state s)
{
	return s == PAY_DONE || s == PAY_PARTLY || s == PAY_REVERSED;
}

static enum err take_facts(struct work *w, const struct gateway_facts *f)
{
	enum err err = ERR_OK;

	if (f->odd && is_credited(w->p.state)) {
		/* What is told later is still taken. */
		payment_alarm(w->till, &w->p, f->odd);
		return ERR_OK;
	}
	if (f->odd)
		return review(w, f->odd);
	switch (f->state) {
	case GATEWAY_OPEN:
		return take_open(w, f);
	case GATEWAY_APPROVED:
		return take_approved(w);
	case GATEWAY_FAILED:
		return take_failed(w, f);
	case GATEWAY_GONE:
		return take_gone(w);
	case GATEWAY_MONEY:
		err = take_moneys(w, f);
		return err ? err : take_refunds(w, f);
	}
	return err;
}

/* --- Steps, one a state --------------------------------------------------- */

static enum err look_for(
    struct work *w, const char *hint, struct gateway_facts *f)
{
	enum err err = w->gateway->look(&w->desk, &w->p, hint, f);

	if (!err && f->stray)
		payment_alarm(w->till, &w->p, f->stray);
	return err ? err : take_facts(w, f);
}

static bool is_told(const struct gateway_facts *f, const char *money)
{
	for (size_t i = 0; i < f->n_money; i++)
		if (!strcmp(f->money[i].id, money))
			return true;
	return false;
}

/* What was paid twice may go back twice. */
static enum err look(struct work *w)
{
	struct gateway_facts f = {0};
	struct receipts all = {0};
	enum err err = look_for(w, w->hint, &f);

	if (!err && f.state == GATEWAY_MONEY && !f.odd)
		err = payment_receipts(w->till, &w->p, &all);
	for (size_t i = 0; !err && i < all.n; i++) {
		struct gateway_facts other = {0};

		if (!is_told(&f, all.rows[i].money_id))
			err = look_for(w, all.rows[i].money_id, &other);
	}
	return err;
}

static enum err create(struct work *w)
{
	struct gateway_facts f = {0};
	enum err err;

	/* Nobody was given the way to it, so no money can come. */
	if (w->till->now - w->p.created > REPEATABLE)
		return move(w, PAY_EXPIRED, NULL);
	crash_point("create.before");
	err = w->gateway->begin(&w->desk, &w->p, &f);
	crash_point("create.after");
	if (err == ERR_RULE)
		return move(w, PAY_FAILED, f.trouble);
	if (!err)
		err = payment_put_order(w->till, &w->p, f.order, f.way);
	if (!err)
		err = move(w, PAY_REDIRECTED, NULL);
	crash_point("create.stored");
	return err;
}

static enum err capture(struct work *w)
{
	struct gateway_facts f = {0};
	enum err err;

	if (!w->gateway->capture)
		return look(w);
	if (w->till->now - w->p.updated > REPEATABLE) {
		/* The gateway has forgotten the request's name: only what is
		 * still to be taken is asked for, under a new one. */
		err = w->gateway->look(&w->desk, &w->p, w->hint, &f);
		if (err || f.state != GATEWAY_APPROVED || f.odd)
			return err ? err : take_facts(w, &f);
		err = payment_put_capture(w->till, &w->p);
		if (err)
			return err;
		f = (struct gateway_facts){0};
	}
	crash_point("capture.before");
	err = w->gateway->capture(&w->desk, &w->p, &f);
	crash_point("capture.after");
	return err ? err : take_facts(w, &f);
}

/* Each money that came has a posting of its own. */
static enum err prepare(struct work *w)
{
	struct receipts all;
	enum err err = payment_receipts(w->till, &w->p, &all);
	bool made, any = false;

	for (size_t i = 0; !err && i < all.n; i++) {
		const struct receipt *r = &all.rows[i];

		if (!r->fit)
			continue;
		any = true;
		err = payment_put_posting(w->till, &w->p,
		    make_reference(w, w->gateway->money, r->money_id),
		    r->money_id, r->amount, &made);
	}
	if (!err && !any)
		return review(w, "captured, but no money is written down");
	crash_point("prepare.after");
	return err ? err : move(w, PAY_ADDING, NULL);
}

/* What all postings come to. */
static enum err conclude(struct work *w)
{
	struct postings all;
	struct money sum = {0};
	bool debits = false, stuck = false;
	enum err err = payment_postings(w->till, &w->p, &all);

	for (size_t i = 0; !err && i < all.n; i++) {
		stuck = stuck || all.rows[i].state == POST_REVIEW;
		debits = debits || money_sign(all.rows[i].amount) < 0;
		if (!money_add(sum, all.rows[i].amount, &sum))
			stuck = true;
	}
	if (!err && stuck)
		return review(w, "VCS refused what was to be posted");
	if (!err && w->p.state == PAY_ADDING)
		err = move(w, PAY_DONE, NULL);
	if (err || !debits)
		return err;
	if (w->p.state == PAY_DONE)
		err = move(w, PAY_DEBITING, NULL);
	if (err)
		return err;
	if (money_sign(sum) <= 0)
		return move(w, PAY_REVERSED, NULL);
	return money_compare(sum, w->p.amount) >= 0 ? move(w, PAY_DONE, NULL)
						    : move(w, PAY_PARTLY, NULL);
}

static enum err post(struct work *w)
{
	bool left = false;
	enum err err = payment_post(w->till, &w->p, &left);

	return err || left ? err : conclude(w);
}

static enum err rest(struct work *w)
{
	(void)w;
	return ERR_OK;
}

static enum err (*const steps[PAY__MAX])(struct work *w) = {
    [PAY_CREATING] = create,
    [PAY_REDIRECTED] = look,
    [PAY_CAPTURING] = capture,
    [PAY_PENDING] = look,
    [PAY_CAPTURED] = prepare,
    [PAY_ADDING] = post,
    [PAY_DONE] = look,
    [PAY_FAILED] = look,
    [PAY_CANCELLED] = look,
    [PAY_EXPIRED] = look,
    [PAY_DEBITING] = post,
    [PAY_PARTLY] = look,
    [PAY_REVERSED] = look,
    [PAY_REVIEW] = rest,
};

/* --- When to look again --------------------------------------------------- */

static int64_t backoff(int64_t tries)
{
	int64_t wait = 5;

	while (tries-- > 0 && wait < 10 * MINUTE)
		wait *= 2;
	return wait < 10 * MINUTE ? wait : 10 * MINUTE;
}

static int64_t wait_for_customer(int64_t age)
{
	return age < 15 * MINUTE ? MINUTE : age < 3 * HOUR ? 10 * MINUTE : HOUR;
}

/* Seconds until the next look; 0: none. */
static int64_t next_wait(const struct work *w, int64_t tries)
{
	int64_t age = w->till->now - w->p.created;

	switch (w->p.state) {
	case PAY_REDIRECTED:
	case PAY_CANCELLED:
		return wait_for_customer(age);
	case PAY_EXPIRED:
	case PAY_FAILED:
		return age < WATCHED ? HOUR : age < SWEPT ? DAY : 0;
	case PAY_PENDING:
		return age < DAY ? 10 * MINUTE : HOUR;
	case PAY_DONE:
	case PAY_PARTLY:
	case PAY_REVERSED:
		return age < SWEPT ? DAY : age < REFUNDABLE ? 7 * DAY : 0;
	case PAY_REVIEW:
		return 0;
	default:
		return backoff(tries);
	}
}

static void schedule(struct work *w, enum err err)
{
	int64_t tries = err ? w->p.tries + 1 : w->p.tries;
	int64_t wait = next_wait(w, tries);

	if (err && wait && wait < backoff(tries))
		wait = backoff(tries);
	if (err && tries == ALARM_AFTER)
		payment_alarm(w->till, &w->p,
		    mem_print(w->till->mem, "%s, and %d tries failed: %s",
			payment_state_name(w->p.state), ALARM_AFTER,
			err_code(err)));
	payment_put_due(w->till, &w->p, wait ? w->till->now + wait : 0, tries);
}

/* --- Advancing ------------------------------------------------------------ */

/* Only what follows at once; a payment that has come to rest is looked at when
 * it is due again. */
static bool goes_on(enum payment_state s)
{
	return s == PAY_CAPTURING || s == PAY_CAPTURED || s == PAY_ADDING ||
	       s == PAY_DEBITING;
}

/* The gateway must be the one that the payment began with. */
static enum err open_work(struct work *w)
{
	w->gateway = gateway_of(&w->p);
	if (w->gateway && w->gateway->is_set(w->till->brand) &&
	    !strcmp(w->gateway->environment(w->till->brand), w->p.environment))
		return ERR_OK;
	log_error("payment.gateway", "%s began with %s (%s), which is not set",
	    w->p.id, w->p.gateway, w->p.environment);
	payment_put_due(w->till, &w->p, w->till->now + DAY, w->p.tries + 1);
	return ERR_INTERNAL;
}

static enum err advance(struct work *w)
{
	enum err err = open_work(w);
	enum payment_state before;

	if (err)
		return err;
	for (int i = 0; i < STEPS_MOST; i++) {
		before = w->p.state;
		err = steps[before](w);
		if (err || w->p.state == before || !goes_on(w->p.state))
			break;
	}
	schedule(w, err);
	return err;
}

enum err payment_advance(struct till *t, const char *id, const char *hint,
    int64_t patience_ms, struct payment *out)
{
	struct work w = {
	    .till = t, .hint = hint, .desk = {t->brand, t->mem, t->now}};
	const char *lock = mem_print(t->mem, "payment:%s", id);
	enum err err = db_lock(t->db, lock, patience_ms);

	if (!err) {
		err = payment_load(t, id, &w.p);
		if (!err)
			err = advance(&w);
		db_unlock(t->db, lock);
	}
	if (out && payment_load(t, id, out))
		return ERR_INTERNAL;
	return err;
}

/* --- Beginning ------------------------------------------------------------ */

/* Whether another payment of the customer's is between the gateway and VCS:
 * whoever sees no credit yet shall not pay again. */
static enum err check_unconfirmed(
    struct till *t, int64_t client, const char **why)
{
	enum { LATEST = 20 };
	struct payments all;
	enum err err = payment_list(t, client, LATEST, &all);

	for (size_t i = 0; !err && i < all.n; i++)
		if (goes_on(all.rows[i].state) &&
		    all.rows[i].state != PAY_DEBITING) {
			*why = "refill.unconfirmed";
			return ERR_RULE;
		}
	return err;
}

/* The gateway has been asked, or somebody is just asking it. */
static enum err answer_begun(
    struct till *t, const char *id, struct payment *out, const char **why)
{
	enum err err = payment_advance(
	    t, id, NULL, t->brand->conf->payment.deadline_ms, out);

	if (out->state == PAY_CREATING)
		return err ? err : ERR_LATE;
	if (out->state != PAY_FAILED)
		return ERR_OK;
	*why = "refill.refused";
	return ERR_RULE;
}

/* Whoever goes back and changes the form does not mean the first payment; sent
 * twice, the changed form is one payment, too. */
static const char *make_nonce(struct till *t, const struct payment_wish *wish)
{
	if (!wish->nonce)
		return crypto_token(t->mem, 16);
	return mem_print(t->mem, "%s %s %s %s %" PRId64, wish->nonce,
	    wish->gateway->id, money_text(t->mem, wish->amount), wish->currency,
	    wish->invoice_id);
}

static enum err answer_nonce(struct till *t, const struct payment_wish *wish,
    const char *nonce, struct payment *out, const char **why)
{
	enum err err = payment_find_nonce(t, wish->client, nonce, out);

	if (err || out->state != PAY_CREATING)
		return err;
	return answer_begun(t, out->id, out, why);
}

/* The row and the customer's entry of it. */
static enum err journal(struct till *t, const struct payment_wish *wish,
    const struct payment *p, const char *nonce, bool *made)
{
	const struct audit_entry e = {.event = AUDIT_PAYMENT_BEGUN,
	    .item = p->id,
	    .amount = p->amount,
	    .currency = p->currency,
	    .by = wish->by};
	enum err err = db_begin(t->db);

	if (err)
		return err;
	err = payment_insert(t, p, nonce, made);
	if (!err && *made)
		err =
		    audit_note_within(t->brand, t->mem, p->client, &e, t->now);
	if (!err)
		return db_commit(t->db);
	db_rollback(t->db);
	return err;
}

enum err payment_begin(struct till *t, const struct payment_wish *wish,
    struct payment *out, const char **why)
{
	const char *nonce = make_nonce(t, wish);
	struct gateway_desk desk = {t->brand, t->mem, t->now};
	struct payment p = {
	    .id = mem_print(
		t->mem, "RF%s", crypto_base32_token(t->mem, PAYMENT_ID - 2)),
	    .client = wish->client,
	    .gateway = wish->gateway->id,
	    .environment = wish->gateway->environment(t->brand),
	    .amount = wish->amount,
	    .currency = wish->currency,
	    .invoice_id = wish->invoice_id,
	    .invoice = wish->invoice,
	    .locale = wish->locale,
	};
	enum err err;
	bool made;

	*why = NULL;
	if (wish->nonce) {
		err = answer_nonce(t, wish, nonce, out, why);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	err = check_unconfirmed(t, wish->client, why);
	if (err)
		return err;
	*why = wish->gateway->check(&desk, wish->amount, wish->currency);
	if (*why)
		return ERR_RULE;
	err = journal(t, wish, &p, nonce, &made);
	if (err)
		return err;
	crash_point("journal.after");
	return made ? answer_begun(t, p.id, out, why)
		    : answer_nonce(t, wish, nonce, out, why);
}

enum err payment_cancel(struct till *t, const struct payment *p)
{
	const char *lock = mem_print(t->mem, "payment:%s", p->id);
	struct payment now;
	enum err err = db_lock(t->db, lock, 0);

	/* Somebody is at it, so it is on its way to somewhere else. */
	if (err)
		return err == ERR_CONFLICT ? ERR_OK : err;
	err = payment_load(t, p->id, &now);
	if (!err && now.state == PAY_REDIRECTED)
		err = payment_move(t, &now, PAY_CANCELLED, NULL);
	if (!err)
		err = payment_put_due(t, &now, t->now + MINUTE, 0);
	db_unlock(t->db, lock);
	return err;
}
