/* payment_hook.c: what comes from outside and what is due: webhooks, their
 * inbox, the reconciler, letters. */
#include <inttypes.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/letter.h"
#include "domain/payment_journal.h"
#include "domain/vcs_payment.h"
#include "tools/db.h"
#include "tools/fmt.h"
#include "tools/req.h"

enum {
	PATIENCE_MS = 5000,
	EVENT_TRIES = 20,
	SWEEP_EVERY = 600,
	SWEEP_BACK = 14 * 86400
};

/* --- The inbox ------------------------------------------------------------ */

static enum err put_event(struct till *t, const struct gateway *g,
    const struct gateway_event *e, const char *body, bool *made)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_text(g->id), db_text(e->id), db_text(e->kind), db_text(body),
	    db_int(t->now), db_text(e->delivery)};
	int64_t changed;
	enum err err = db_run(t->db,
	    "insert into inbox (brand, gateway, event_id, kind, body, state, "
	    "tries, received, delivery) "
	    "values ($1, $2, $3, $4, $5, 'new', 0, $6, $7) "
	    "on conflict do nothing",
	    values, 7, &changed);

	*made = !err && changed;
	return err;
}

/* A delivery that came before: the same is nothing new, and another body under
 * a known name is not believed. */
static enum err check_event(struct till *t, const struct gateway *g,
    const struct gateway_event *e, const char *body)
{
	const struct db_value values[] = {
	    db_text(t->brand->name), db_text(g->id), db_text(e->id)};
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem,
	    "select body from inbox where brand = $1 and gateway = $2 "
	    "and event_id = $3",
	    values, 3, &rows);

	if (!err && !rows.rows)
		log_error("payment.alarm",
		    "%s: event %s came with another one's signature", g->id,
		    e->id);
	if (!err && rows.rows && strcmp(db_cell_text(&rows, 0, 0), body) != 0)
		log_error("payment.alarm",
		    "%s: event %s came again with another body", g->id, e->id);
	return err;
}

static enum err end_event(struct till *t, const struct gateway *g,
    const struct gateway_event *e, bool done)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_text(g->id), db_text(e->id), db_text(done ? "done" : "new")};

	return db_run(t->db,
	    "update inbox set state = $4, tries = tries + 1 "
	    "where brand = $1 and gateway = $2 and event_id = $3",
	    values, 4, NULL);
}

enum err payment_hear(struct till *t, const struct gateway *g,
    const struct req *r, const struct gateway_event **event)
{
	struct gateway_desk desk = {t->brand, t->mem, t->now};
	struct gateway_event *e = mem_alloc(t->mem, sizeof(*e));
	struct payment known;
	bool made;
	enum err err = g->hear(&desk, r, e);

	*event = NULL;
	if (err) {
		log_warn("payment.hook_refused", "%s: %s", g->id,
		    e->why ? e->why : err_code(err));
		return err;
	}
	if (e->unproven) {
		err = payment_find_by(t, g, e, &known);
		if (err)
			return err == ERR_NOT_FOUND ? ERR_OK : err;
	}
	crash_point("inbox.before");
	err = put_event(t, g, e, r->body, &made);
	crash_point("inbox.after");
	if (err)
		return err;
	if (made)
		*event = e;
	return made ? ERR_OK : check_event(t, g, e, r->body);
}

/* Ours by what the journal knows, or by asking the gateway. */
static enum err find_payment(struct till *t, const struct gateway *g,
    const struct gateway_event *e, struct payment *out)
{
	struct gateway_desk desk = {t->brand, t->mem, t->now};
	enum err err = payment_find_by(t, g, e, out);
	const char *id;

	if (err != ERR_NOT_FOUND || !g->find || (!e->money && !e->refund))
		return err;
	id = g->find(&desk, e->refund ? e->refund : e->money);
	return id ? payment_load(t, id, out) : ERR_NOT_FOUND;
}

enum err payment_handle(
    struct till *t, const struct gateway *g, const struct gateway_event *e)
{
	struct payment p;
	enum err err = find_payment(t, g, e, &p);

	if (err == ERR_NOT_FOUND) {
		log_warn("payment.unknown", "%s: %s %s is of no payment", g->id,
		    e->kind, e->id);
		return end_event(t, g, e, true);
	}
	if (!err)
		err = payment_advance(t, p.id, e->refund ? e->refund : e->money,
		    PATIENCE_MS, NULL);
	/* Once, not with each try. */
	if (!err && e->odd)
		payment_alarm(t, &p, e->odd);
	end_event(t, g, e, !err);
	return err;
}

/* --- The reconciler ------------------------------------------------------- */

static void read_inbox(struct till *t, size_t most, struct payment_tally *tally)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_int((int64_t)most), db_int(EVENT_TRIES)};
	struct gateway_desk desk = {t->brand, t->mem, t->now};
	struct db_rows rows;

	if (db_query(t->db, t->mem,
		"select gateway, event_id, body from inbox where brand = $1 "
		"and state = 'new' and tries < $3 order by received limit $2",
		values, 3, &rows))
		return;
	for (size_t i = 0; i < rows.rows; i++) {
		const struct gateway *g =
		    gateway_find(t->brand, db_cell_text(&rows, i, 0));
		struct gateway_event e = {0};

		if (!g ||
		    g->reread(&desk, db_cell_text(&rows, i, 2), &e) != ERR_OK)
			continue;
		e.id = db_cell_text(&rows, i, 1);
		tally->events++;
		tally->failed += payment_handle(t, g, &e) != ERR_OK;
	}
}

static void advance_due(
    struct till *t, size_t most, struct payment_tally *tally)
{
	const struct db_value values[] = {
	    db_text(t->brand->name), db_int(t->now), db_int((int64_t)most)};
	struct db_rows rows;
	struct payment p;
	enum err err;

	if (db_query(t->db, t->mem,
		"select id, state from payment where brand = $1 and due > 0 "
		"and due <= $2 order by due limit $3",
		values, 3, &rows))
		return;
	for (size_t i = 0; i < rows.rows; i++) {
		err =
		    payment_advance(t, db_cell_text(&rows, i, 0), NULL, 0, &p);
		tally->payments++;
		tally->failed += err && err != ERR_CONFLICT;
		tally->moved += !err && strcmp(payment_state_name(p.state),
					    db_cell_text(&rows, i, 1)) != 0;
	}
}

/* --- Sweeps: what neither a webhook nor a payment's own look told --------- */

struct sweep {
	struct till *till;
	const struct gateway *gateway;
};

/* Whether the journal has a receipt or a posting for it. */
static bool is_known(struct sweep *s, const char *money)
{
	const struct db_value values[] = {db_text(s->gateway->id),
	    db_text(s->gateway->environment(s->till->brand)), db_text(money),
	    db_text(mem_print(s->till->mem, "%s:%s:ref:%s", s->gateway->prefix,
		s->gateway->environment(s->till->brand), money))};
	struct db_rows rows;

	return !db_query(s->till->db, s->till->mem,
		   "select 1 from receipt where gateway = $1 "
		   "and environment = $2 and money_id = $3 union all "
		   "select 1 from posting where reference = $4",
		   values, 4, &rows) &&
	       rows.rows;
}

/* Rows that name none of our payments are other programs' of the same merchant,
 * but a refund may be of ours without saying so: then the gateway is asked. */
static void see(void *ctx, const char *money, const char *payment, bool undoes)
{
	struct sweep *s = ctx;
	const struct gateway_event e = {
	    .id = money, .kind = "sweep", .payment = payment, .money = money};
	struct payment p;
	enum err err;

	if (is_known(s, money))
		return;
	err = undoes ? find_payment(s->till, s->gateway, &e, &p)
		     : payment_find_by(s->till, s->gateway, &e, &p);
	if (err == ERR_OK)
		payment_advance(s->till, p.id, money, PATIENCE_MS, NULL);
}

/* True: it is this process's turn. */
static bool begin_sweep(struct till *t, const struct gateway *g)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_text(g->id), db_int(t->now), db_int(t->now - SWEEP_EVERY)};
	int64_t changed;

	return !db_run(t->db,
		   "insert into payment_sweep (brand, gateway, time) "
		   "values ($1, $2, $3) on conflict (brand, gateway) do update "
		   "set time = $3 where payment_sweep.time <= $4",
		   values, 4, &changed) &&
	       changed;
}

static void sweep_gateways(struct till *t)
{
	const struct gateway *g;

	for (size_t i = 0; (g = gateway_at(t->brand, i)); i++) {
		struct gateway_desk desk = {t->brand, t->mem, t->now};
		struct sweep s = {t, g};

		if (g->sweep && begin_sweep(t, g))
			g->sweep(&desk, t->now - SWEEP_BACK, see, &s);
	}
}

/* --- Letters -------------------------------------------------------------- */

static bool send_letter(
    struct till *t, const char *to, const char *subject, const char *text)
{
	return letter_send(t->brand, t->mem, t->now, to, subject, text) ==
	       ERR_OK;
}

void payment_mail_receipt(struct till *t, struct payment *p)
{
	struct language *l = brand_find_language(t->brand, p->locale);
	const char *to = vcs_find_email(t->brand, t->mem, p->client);
	struct fmt_arg args[4] = {{0}};

	/* At most one: better none than the same again and again. */
	if (payment_put_mailed(t, p) || !to)
		return;
	if (!l)
		l = &t->brand->languages[0];
	args[0].text = fmt_money(t->mem, l->fmt, p->amount, p->currency);
	args[1].text = gateway_of(p)->name;
	args[2].text = p->money ? p->money : "";
	args[3].text = t->brand->conf->title;
	if (send_letter(t, to,
		fmt_text(t->mem, l->fmt, "payment.mail.subject", args, 4),
		fmt_text(t->mem, l->fmt, "payment.mail.text", args, 4)))
		payment_tell_story(t, p, "the receipt was mailed");
}

/* Not of long ago, where a mail server was set up only later. */
static void mail_receipts(struct till *t)
{
	const struct db_value values[] = {
	    db_text(t->brand->name), db_int(t->now - 86400)};
	struct db_rows rows;
	struct payment p;

	if (!t->brand->conf->smtp.uri[0] ||
	    db_query(t->db, t->mem,
		"select id from payment where brand = $1 and state = 'done' "
		"and mailed = 0 and updated > $2 limit 50",
		values, 2, &rows))
		return;
	for (size_t i = 0; i < rows.rows; i++)
		if (payment_load(t, db_cell_text(&rows, i, 0), &p) == ERR_OK)
			payment_mail_receipt(t, &p);
}

/* All alarms of a round in one letter, in plain English: for operators. */
static void mail_alarms(struct till *t)
{
	const struct db_value values[] = {db_text(t->brand->name)};
	const char *to = t->brand->conf->smtp.operator;
	struct db_rows rows;
	struct buf text;

	if (!t->brand->conf->smtp.uri[0] || !to[0] ||
	    db_query(t->db, t->mem,
		"select s.payment_id, s.what, s.time from payment_story s "
		"join payment p on p.id = s.payment_id where p.brand = $1 "
		"and s.alarm = 1 order by s.time limit 100",
		values, 1, &rows) ||
	    !rows.rows)
		return;
	buf_open(&text, t->mem, 1024);
	buf_print(&text, "Payments of %s that want a person's eye:\n\n",
	    t->brand->conf->title);
	for (size_t i = 0; i < rows.rows; i++)
		buf_print(&text, "%s  %s\n", db_cell_text(&rows, i, 0),
		    db_cell_text(&rows, i, 1));
	buf_add_text(&text, "\n`portico payments show ID` tells each one's "
			    "whole story.\n");
	if (!send_letter(t, to, "Payments to look at", text.data))
		return;
	for (size_t i = 0; i < rows.rows; i++) {
		const struct db_value told[] = {
		    db_text(db_cell_text(&rows, i, 0)),
		    db_int(db_cell_int(&rows, i, 2))};

		db_run(t->db,
		    "update payment_story set alarm = 2 "
		    "where payment_id = $1 and time = $2 and alarm = 1",
		    told, 2, NULL);
	}
}

enum err payment_reconcile(
    struct till *t, size_t most, struct payment_tally *tally)
{
	*tally = (struct payment_tally){0};
	if (!gateway_at(t->brand, 0))
		return ERR_OK;
	read_inbox(t, most, tally);
	advance_due(t, most, tally);
	sweep_gateways(t);
	mail_receipts(t);
	mail_alarms(t);
	return tally->failed ? ERR_UPSTREAM : ERR_OK;
}
