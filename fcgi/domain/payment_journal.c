/* payment_journal.c: the rows of the journal, and which state may follow which.
 */
#include "domain/payment_journal.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/audit.h"
#include "domain/brand.h"
#include "tools/db.h"

#define TO(s) (1U << PAY_##s)

/* What may follow. Soft ends (cancelled, expired, failed) give way to money. */
static const struct {
	const char *name, *word;
	unsigned next;
} states[PAY__MAX] = {
    [PAY_CREATING] = {"creating", "open",
	TO(REDIRECTED) | TO(FAILED) | TO(EXPIRED) | TO(REVIEW)},
    [PAY_REDIRECTED] = {"redirected", "open",
	TO(CAPTURING) | TO(PENDING) | TO(CAPTURED) | TO(FAILED) |
	    TO(CANCELLED) | TO(EXPIRED) | TO(REVIEW)},
    [PAY_CAPTURING] = {"capturing", "confirming",
	TO(REDIRECTED) | TO(PENDING) | TO(CAPTURED) | TO(FAILED) | TO(EXPIRED) |
	    TO(REVIEW)},
    [PAY_PENDING] = {"pending", "confirming",
	TO(CAPTURED) | TO(FAILED) | TO(REVIEW)},
    [PAY_CAPTURED] = {"captured", "confirming", TO(ADDING) | TO(REVIEW)},
    [PAY_ADDING] = {"adding", "confirming", TO(DONE) | TO(REVIEW)},
    [PAY_DONE] = {"done", "paid", TO(CAPTURED) | TO(DEBITING) | TO(REVIEW)},
    [PAY_FAILED] = {"failed", "failed",
	TO(CAPTURING) | TO(PENDING) | TO(CAPTURED) | TO(REVIEW)},
    [PAY_CANCELLED] = {"cancelled", "cancelled",
	TO(CAPTURING) | TO(PENDING) | TO(CAPTURED) | TO(FAILED) | TO(EXPIRED) |
	    TO(REVIEW)},
    [PAY_EXPIRED] = {"expired", "expired",
	TO(CAPTURING) | TO(PENDING) | TO(CAPTURED) | TO(REVIEW)},
    [PAY_DEBITING] = {"debiting", "reversed",
	TO(DONE) | TO(PARTLY) | TO(REVERSED) | TO(REVIEW)},
    [PAY_PARTLY] = {"partly_reversed", "reversed",
	TO(CAPTURED) | TO(DEBITING) | TO(REVIEW)},
    [PAY_REVERSED] = {"reversed", "reversed",
	TO(CAPTURED) | TO(DEBITING) | TO(REVIEW)},
    [PAY_REVIEW] = {"review", "review", 0},
};

static const char *const posting_states[] = {
    "intent", "sent", "posted", "review"};

const char *payment_word(enum payment_state s)
{
	return states[s].word;
}

const char *payment_state_name(enum payment_state s)
{
	return states[s].name;
}

/* --- Payments ------------------------------------------------------------- */

#define COLUMNS                                                                \
	"p.id, p.brand, p.client_id, p.gateway, p.environment, p.amount, "     \
	"p.currency, p.state, p.invoice_id, p.invoice, p.locale, p.order_id, " \
	"p.way, p.captures, p.why, p.mailed, p.tries, p.created, p.updated, "  \
	"p.due, (select min(r.money_id) from receipt r "                       \
	"where r.payment_id = p.id) "                                          \
	"from payment p "

static enum payment_state read_state(const char *name)
{
	for (int i = 0; i < PAY__MAX; i++)
		if (name && !strcmp(states[i].name, name))
			return (enum payment_state)i;
	return PAY_REVIEW;
}

static struct money read_amount(const char *text)
{
	struct money amount = {0};

	if (!text || !money_parse(text, &amount))
		log_error("payment.journal", "an amount is no number");
	return amount;
}

static void read_payment(const struct db_rows *r, size_t i, struct payment *p)
{
	*p = (struct payment){
	    .id = db_cell_text(r, i, 0),
	    .brand = db_cell_text(r, i, 1),
	    .client = db_cell_int(r, i, 2),
	    .gateway = db_cell_text(r, i, 3),
	    .environment = db_cell_text(r, i, 4),
	    .amount = read_amount(db_cell_text(r, i, 5)),
	    .currency = db_cell_text(r, i, 6),
	    .state = read_state(db_cell_text(r, i, 7)),
	    .invoice_id = db_cell_int(r, i, 8),
	    .invoice = db_cell_text(r, i, 9),
	    .locale = db_cell_text(r, i, 10),
	    .order = db_cell_text(r, i, 11),
	    .way = db_cell_text(r, i, 12),
	    .captures = db_cell_int(r, i, 13),
	    .why = db_cell_text(r, i, 14),
	    .mailed = db_cell_int(r, i, 15) != 0,
	    .tries = db_cell_int(r, i, 16),
	    .created = db_cell_int(r, i, 17),
	    .updated = db_cell_int(r, i, 18),
	    .due = db_cell_int(r, i, 19),
	    .money = db_cell_text(r, i, 20),
	};
}

/* The only row of a query, or the first. */
static enum err find_one(struct till *t, const char *sql,
    const struct db_value *values, size_t n, struct payment *out)
{
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem, sql, values, n, &rows);

	if (err)
		return err;
	if (!rows.rows)
		return ERR_NOT_FOUND;
	read_payment(&rows, 0, out);
	return ERR_OK;
}

enum err payment_load(struct till *t, const char *id, struct payment *out)
{
	const struct db_value values[] = {db_text(id), db_text(t->brand->name)};

	return find_one(t, "select " COLUMNS "where p.id = $1 and p.brand = $2",
	    values, 2, out);
}

enum err payment_find(
    struct till *t, int64_t client, const char *id, struct payment *out)
{
	const struct db_value values[] = {
	    db_text(id), db_text(t->brand->name), db_int(client)};

	return find_one(t,
	    "select " COLUMNS
	    "where p.id = $1 and p.brand = $2 and p.client_id = $3",
	    values, 3, out);
}

enum err payment_find_nonce(
    struct till *t, int64_t client, const char *nonce, struct payment *out)
{
	const struct db_value values[] = {
	    db_text(t->brand->name), db_int(client), db_text(nonce)};

	return find_one(t,
	    "select " COLUMNS
	    "where p.brand = $1 and p.client_id = $2 and p.nonce = $3",
	    values, 3, out);
}

enum err payment_find_return(struct till *t, int64_t client,
    const struct gateway *g, const char *order, const char *id,
    struct payment *out)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_int(client), db_text(g->id), db_text(order ? order : id)};

	if (order)
		return find_one(t,
		    "select " COLUMNS "where p.brand = $1 and p.client_id = $2 "
		    "and p.gateway = $3 and p.order_id = $4",
		    values, 4, out);
	if (id)
		return find_one(t,
		    "select " COLUMNS "where p.brand = $1 and p.client_id = $2 "
		    "and p.gateway = $3 and p.id = $4",
		    values, 4, out);
	return find_one(t,
	    "select " COLUMNS "where p.brand = $1 and p.client_id = $2 "
	    "and p.gateway = $3 and p.state in ('redirected', 'capturing', "
	    "'pending', 'captured', 'adding', 'done') "
	    "order by p.created desc, p.id limit 1",
	    values, 3, out);
}

enum err payment_find_by(struct till *t, const struct gateway *g,
    const struct gateway_event *e, struct payment *out)
{
	const struct db_value by_id[] = {
	    db_text(t->brand->name), db_text(g->id), db_text(e->payment)};
	const struct db_value by_order[] = {
	    db_text(t->brand->name), db_text(g->id), db_text(e->order)};
	const struct db_value by_money[] = {db_text(t->brand->name),
	    db_text(g->id), db_text(e->money),
	    db_text(g->environment(t->brand))};
	enum err err = ERR_NOT_FOUND;

	if (e->money)
		err = find_one(t,
		    "select " COLUMNS "join receipt f on f.payment_id = p.id "
		    "where p.brand = $1 and p.gateway = $2 "
		    "and f.money_id = $3 and f.environment = $4",
		    by_money, 4, out);
	if (err == ERR_NOT_FOUND && e->order)
		err = find_one(t,
		    "select " COLUMNS "where p.brand = $1 and p.gateway = $2 "
		    "and p.order_id = $3",
		    by_order, 3, out);
	if (err == ERR_NOT_FOUND && e->payment)
		err = find_one(t,
		    "select " COLUMNS "where p.brand = $1 and p.gateway = $2 "
		    "and p.id = $3",
		    by_id, 3, out);
	return err;
}

enum err payment_find_twin(
    struct till *t, const struct payment *p, struct payment *out)
{
	const struct db_value values[] = {db_text(p->brand), db_int(p->client),
	    db_text(p->id), db_text(money_text(t->mem, p->amount)),
	    db_text(p->currency), db_int(p->created)};

	return find_one(t,
	    "select " COLUMNS "join receipt f on f.payment_id = p.id "
	    "where p.brand = $1 and p.client_id = $2 and p.id <> $3 "
	    "and p.amount = $4 and p.currency = $5 and f.created >= $6 "
	    "order by f.created, p.id limit 1",
	    values, 6, out);
}

enum err payment_list(
    struct till *t, int64_t client, size_t most, struct payments *out)
{
	const struct db_value values[] = {
	    db_text(t->brand->name), db_int((int64_t)most), db_int(client)};
	struct db_rows rows;
	enum err err = client ? db_query(t->db, t->mem,
				    "select " COLUMNS
				    "where p.brand = $1 and p.client_id = $3 "
				    "order by p.created desc, p.id limit $2",
				    values, 3, &rows)
			      : db_query(t->db, t->mem,
				    "select " COLUMNS "where p.brand = $1 "
				    "order by p.created desc, p.id limit $2",
				    values, 2, &rows);

	*out = (struct payments){0};
	if (err)
		return err;
	out->rows = mem_array(t->mem, rows.rows, sizeof(*out->rows));
	for (; out->n < rows.rows; out->n++)
		read_payment(&rows, out->n, &out->rows[out->n]);
	return ERR_OK;
}

enum err payment_insert(
    struct till *t, const struct payment *p, const char *nonce, bool *made)
{
	const struct db_value values[] = {db_text(p->id),
	    db_text(t->brand->name), db_int(p->client), db_text(p->gateway),
	    db_text(p->environment), db_text(money_text(t->mem, p->amount)),
	    db_text(p->currency), db_text(states[PAY_CREATING].name),
	    db_text(nonce), db_int(p->invoice_id), db_text(p->invoice),
	    db_text(p->locale), db_int(t->now), db_int(t->now + 60)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "insert into payment (id, brand, client_id, gateway, environment, "
	    "amount, currency, state, nonce, invoice_id, invoice, locale, "
	    "captures, mailed, tries, created, updated, due) values ($1, $2, "
	    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, 0, 0, $13, $13, "
	    "$14) on conflict (brand, client_id, nonce) do nothing",
	    values, 14, &changed);

	*made = !err && changed;
	return err;
}

/* Milliseconds: several things happen in a second, and the order matters. */
static int64_t story_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static enum err put_story(
    struct till *t, const struct payment *p, const char *what, int alarm)
{
	const struct db_value values[] = {
	    db_text(p->id), db_int(story_time()), db_text(what), db_int(alarm)};

	return db_run(t->db,
	    "insert into payment_story (payment_id, time, what, alarm) "
	    "values ($1, $2, $3, $4)",
	    values, 4, NULL);
}

enum err payment_tell_story(
    struct till *t, const struct payment *p, const char *what)
{
	return put_story(t, p, what, 0);
}

void payment_alarm(struct till *t, const struct payment *p, const char *what)
{
	log_error("payment.alarm", "%s: %s", p->id, what);
	put_story(t, p, mem_print(t->mem, "ALARM: %s", what), 1);
}

/* What the customer is told of; AUDIT__MAX: nothing. */
static enum audit_event find_event(
    enum payment_state from, enum payment_state to)
{
	switch (to) {
	case PAY_DONE:
		return from == PAY_ADDING ? AUDIT_PAYMENT_PAID : AUDIT__MAX;
	case PAY_FAILED:
		return AUDIT_PAYMENT_FAILED;
	case PAY_CANCELLED:
		return AUDIT_PAYMENT_CANCELLED;
	case PAY_EXPIRED:
		return AUDIT_PAYMENT_EXPIRED;
	case PAY_REVIEW:
		return AUDIT_PAYMENT_REVIEW;
	case PAY_PARTLY:
		return AUDIT_PAYMENT_PARTLY_REVERSED;
	case PAY_REVERSED:
		return AUDIT_PAYMENT_REVERSED;
	default:
		return AUDIT__MAX;
	}
}

/* No browser's: it is the gateway that says so, whoever asked it. */
static enum err note_move(
    struct till *t, const struct payment *p, enum payment_state to)
{
	const struct audit_entry e = {.event = find_event(p->state, to),
	    .item = p->id,
	    .amount = p->amount,
	    .currency = p->currency};

	return e.event == AUDIT__MAX
		   ? ERR_OK
		   : audit_note_within(t->brand, t->mem, p->client, &e, t->now);
}

static enum err move(
    struct till *t, struct payment *p, enum payment_state to, const char *why)
{
	const struct db_value values[] = {db_text(p->id),
	    db_text(states[p->state].name), db_text(states[to].name),
	    db_text(why), db_int(t->now)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "update payment set state = $3, why = $4, updated = $5, "
	    "due = $5, tries = 0 where id = $1 and state = $2",
	    values, 5, &changed);

	if (!err && !changed) {
		log_error("payment.journal", "%s is no longer %s", p->id,
		    states[p->state].name);
		return ERR_INTERNAL;
	}
	if (!err)
		err = payment_tell_story(t, p,
		    mem_print(t->mem, "%s -> %s%s%s", states[p->state].name,
			states[to].name, why ? ": " : "", why ? why : ""));
	return err ? err : note_move(t, p, to);
}

enum err payment_move(
    struct till *t, struct payment *p, enum payment_state to, const char *why)
{
	enum err err;

	if (!(states[p->state].next & 1U << to)) {
		log_error("payment.journal", "%s: no way from %s to %s", p->id,
		    states[p->state].name, states[to].name);
		return ERR_INTERNAL;
	}
	err = db_begin(t->db);
	if (err)
		return err;
	err = move(t, p, to, why);
	if (!err)
		err = db_commit(t->db);
	else
		db_rollback(t->db);
	if (err)
		return err;
	log_info("payment.moved", "%s: %s -> %s%s%s", p->id,
	    states[p->state].name, states[to].name, why ? ": " : "",
	    why ? why : "");
	p->state = to;
	p->why = why;
	p->updated = p->due = t->now;
	p->tries = 0;
	return ERR_OK;
}

enum err payment_put_order(
    struct till *t, struct payment *p, const char *order, const char *way)
{
	const struct db_value values[] = {
	    db_text(p->id), db_text(order), db_text(way)};

	p->order = order;
	p->way = way;
	return db_run(t->db,
	    "update payment set order_id = $2, way = $3 where id = $1", values,
	    3, NULL);
}

enum err payment_put_capture(struct till *t, struct payment *p)
{
	const struct db_value values[] = {
	    db_text(p->id), db_int(p->captures + 1)};

	p->captures++;
	return db_run(t->db, "update payment set captures = $2 where id = $1",
	    values, 2, NULL);
}

enum err payment_put_due(
    struct till *t, struct payment *p, int64_t due, int64_t tries)
{
	const struct db_value values[] = {
	    db_text(p->id), db_int(due), db_int(tries)};

	p->due = due;
	p->tries = tries;
	return db_run(t->db,
	    "update payment set due = $2, tries = $3 where id = $1", values, 3,
	    NULL);
}

enum err payment_put_mailed(struct till *t, struct payment *p)
{
	const struct db_value values[] = {db_text(p->id)};

	p->mailed = true;
	return db_run(t->db, "update payment set mailed = 1 where id = $1",
	    values, 1, NULL);
}

/* --- Receipts ------------------------------------------------------------- */

/* One that is there already takes the new status; whose it is stays. */
enum err payment_put_receipt(struct till *t, const struct payment *p,
    const struct gateway_money *money, bool *made)
{
	const struct db_value values[] = {db_text(p->gateway),
	    db_text(p->environment), db_text(money->id), db_text(p->brand),
	    db_text(p->id), db_text(money_text(t->mem, money->amount)),
	    db_text(money->currency), db_text(money->status),
	    db_int(!money->mismatch), db_int(t->now)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "insert into receipt (gateway, environment, money_id, brand, "
	    "payment_id, amount, currency, status, fit, created) values ($1, "
	    "$2, $3, $4, $5, $6, $7, $8, $9, $10) "
	    "on conflict (gateway, environment, money_id) do nothing",
	    values, 10, &changed);

	*made = !err && changed;
	return err;
}

enum err payment_receipts(
    struct till *t, const struct payment *p, struct receipts *out)
{
	const struct db_value values[] = {db_text(p->id)};
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem,
	    "select money_id, amount, currency, status, fit from receipt "
	    "where payment_id = $1 order by created, money_id",
	    values, 1, &rows);

	*out = (struct receipts){0};
	if (err)
		return err;
	out->rows = mem_array(t->mem, rows.rows, sizeof(*out->rows));
	for (size_t i = 0; i < rows.rows; i++)
		out->rows[out->n++] = (struct receipt){
		    .money_id = db_cell_text(&rows, i, 0),
		    .amount = read_amount(db_cell_text(&rows, i, 1)),
		    .currency = db_cell_text(&rows, i, 2),
		    .status = db_cell_text(&rows, i, 3),
		    .fit = db_cell_int(&rows, i, 4) != 0,
		};
	return ERR_OK;
}

/* --- Postings ------------------------------------------------------------- */

enum err payment_put_posting(struct till *t, const struct payment *p,
    const char *reference, const char *money_id, struct money amount,
    bool *made)
{
	const struct db_value values[] = {db_text(reference), db_text(p->brand),
	    db_text(p->id), db_int(p->client), db_text(money_id),
	    db_text(money_text(t->mem, amount)), db_text(p->currency),
	    db_int(t->now)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "insert into posting (reference, brand, payment_id, client_id, "
	    "money_id, amount, currency, state, sent_at, sent_ms, tries, "
	    "created, posted) values ($1, $2, $3, $4, $5, $6, $7, 'intent', 0, "
	    "0, 0, $8, 0) on conflict (reference) do nothing",
	    values, 8, &changed);

	*made = !err && changed;
	if (!err && changed)
		err = payment_tell_story(t, p,
		    mem_print(t->mem, "to be posted: %s %s %s", reference,
			money_text(t->mem, amount), p->currency));
	return err;
}

static enum posting_state read_posting_state(const char *name)
{
	for (int i = 0; i <= POST_REVIEW; i++)
		if (name && !strcmp(posting_states[i], name))
			return (enum posting_state)i;
	return POST_REVIEW;
}

enum err payment_postings(
    struct till *t, const struct payment *p, struct postings *out)
{
	const struct db_value values[] = {db_text(p->id)};
	struct db_rows rows;
	/* Credits first: what is taken back was there before. */
	enum err err = db_query(t->db, t->mem,
	    "select reference, money_id, amount, currency, state, sent_at, "
	    "sent_boot, sent_ms, tries, created from posting "
	    "where payment_id = $1 "
	    "order by case when amount like '-%' then 1 else 0 end, created, "
	    "reference",
	    values, 1, &rows);

	*out = (struct postings){0};
	if (err)
		return err;
	out->rows = mem_array(t->mem, rows.rows, sizeof(*out->rows));
	for (size_t i = 0; i < rows.rows; i++)
		out->rows[out->n++] = (struct posting){
		    .reference = db_cell_text(&rows, i, 0),
		    .money_id = db_cell_text(&rows, i, 1),
		    .amount = read_amount(db_cell_text(&rows, i, 2)),
		    .currency = db_cell_text(&rows, i, 3),
		    .state = read_posting_state(db_cell_text(&rows, i, 4)),
		    .sent_at = db_cell_int(&rows, i, 5),
		    .sent_boot = db_cell_text(&rows, i, 6),
		    .sent_ms = db_cell_int(&rows, i, 7),
		    .tries = db_cell_int(&rows, i, 8),
		    .created = db_cell_int(&rows, i, 9),
		};
	return ERR_OK;
}

enum err payment_post_sent(struct till *t, struct posting *x)
{
	const struct db_value values[] = {db_text(x->reference),
	    db_int(x->sent_at), db_text(x->sent_boot), db_int(x->sent_ms),
	    db_int(x->tries)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "update posting set state = 'sent', sent_at = $2, sent_boot = $3, "
	    "sent_ms = $4, tries = $5 where reference = $1 "
	    "and state in ('intent', 'sent')",
	    values, 5, &changed);

	x->state = POST_SENT;
	return err ? err : changed ? ERR_OK : ERR_INTERNAL;
}

enum err payment_post_unsent(struct till *t, struct posting *x)
{
	const struct db_value reference = db_text(x->reference);

	x->state = POST_INTENT;
	return db_run(t->db,
	    "update posting set state = 'intent' where reference = $1 "
	    "and state = 'sent'",
	    &reference, 1, NULL);
}

enum err payment_post_done(
    struct till *t, struct posting *x, enum posting_state state)
{
	const struct db_value values[] = {db_text(x->reference),
	    db_text(posting_states[state]),
	    db_int(state == POST_POSTED ? t->now : 0)};

	x->state = state;
	return db_run(t->db,
	    "update posting set state = $2, posted = $3 where reference = $1",
	    values, 3, NULL);
}

/* --- For people ----------------------------------------------------------- */

static void put_rows(struct till *t, struct json_object *o, const char *key,
    const char *sql, const char *const *names, const char *id)
{
	const struct db_value values[] = {db_text(id)};
	struct json_object *list = json_put_list(o, key), *row;
	struct db_rows rows;

	if (db_query(t->db, t->mem, sql, values, 1, &rows))
		return;
	for (size_t i = 0; i < rows.rows; i++) {
		row = json_put_object(list, NULL);
		for (size_t col = 0; names[col]; col++)
			if (db_cell_text(&rows, i, col))
				json_put_text(row, names[col],
				    db_cell_text(&rows, i, col));
			else
				json_put_int(row, names[col],
				    db_cell_int(&rows, i, col));
	}
}

struct json_object *payment_tell(struct till *t, const char *id)
{
	static const char *const receipts[] = {
	    "money", "amount", "currency", "status", "fit", "time", NULL};
	static const char *const postings[] = {"reference", "amount",
	    "currency", "state", "tries", "sent", "posted", NULL};
	static const char *const story[] = {"time", "what", NULL};
	struct json_object *o;
	struct payment p;

	if (payment_load(t, id, &p))
		return NULL;
	o = json_new(t->mem);
	json_put_text(o, "id", p.id);
	json_put_int(o, "client", p.client);
	json_put_text(o, "gateway", p.gateway);
	json_put_text(o, "environment", p.environment);
	json_put_text(o, "amount", money_text(t->mem, p.amount));
	json_put_text(o, "currency", p.currency);
	json_put_text(o, "state", states[p.state].name);
	json_put_text(o, "why", p.why);
	json_put_text(o, "order", p.order);
	json_put_text(o, "invoice", p.invoice);
	json_put_int(o, "created", p.created);
	json_put_int(o, "updated", p.updated);
	json_put_int(o, "due", p.due);
	put_rows(t, o, "receipts",
	    "select money_id, amount, currency, status, fit, created "
	    "from receipt where payment_id = $1 order by created, money_id",
	    receipts, id);
	put_rows(t, o, "postings",
	    "select reference, amount, currency, state, tries, sent_at, posted "
	    "from posting where payment_id = $1 order by created, reference",
	    postings, id);
	put_rows(t, o, "story",
	    "select time, what from payment_story where payment_id = $1 "
	    "order by time",
	    story, id);
	return o;
}

/* One number of a query. */
static enum err count_one(struct till *t, const char *sql,
    const struct db_value *values, size_t n, int64_t *out)
{
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem, sql, values, n, &rows);

	*out = err ? 0 : db_cell_int(&rows, 0, 0);
	return err;
}

enum err payment_count(struct till *t, struct payment_counts *out)
{
	enum { LATE = 600 };
	const struct db_value values[] = {
	    db_text(t->brand->name), db_int(t->now - LATE)};
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem,
	    "select state, count(*) from payment where brand = $1 "
	    "group by state",
	    values, 1, &rows);

	*out = (struct payment_counts){0};
	if (err)
		return err;
	for (size_t i = 0; i < rows.rows; i++)
		out->states[read_state(db_cell_text(&rows, i, 0))] +=
		    db_cell_int(&rows, i, 1);
	err = count_one(t,
	    "select count(*) from payment_story s "
	    "join payment p on p.id = s.payment_id "
	    "where p.brand = $1 and s.alarm > 0",
	    values, 1, &out->alarms);
	if (!err)
		err = count_one(t,
		    "select count(*) from payment where brand = $1 "
		    "and due > 0 and due < $2",
		    values, 2, &out->overdue);
	if (!err)
		err = count_one(t,
		    "select count(*) from inbox where brand = $1 "
		    "and state = 'new'",
		    values, 1, &out->inbox);
	return err;
}
