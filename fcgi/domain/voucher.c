/* voucher.c: redeeming a voucher, once. */
#include "domain/voucher.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/lease.h"
#include "domain/session.h"
#include "domain/throttle.h"
#include "domain/vcs_account.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { HOUR = 3600, PATIENCE_MS = 3000, KEPT_S = 400 * 86400 };

/* One try on its way. */
struct
try {
	struct brand *brand;
	struct db *db;
	struct mem *mem;
	struct session *session;
	const char *code, *hash, *subject;
	int64_t now;
	struct voucher *out;

	/* What the store knows of earlier tries; state NULL: nothing. */
	const char *state, *amount;
	int64_t time;
};

/* Keyed: eight digits are soon found by trying them all. */
static const char *hash_code(
    const struct brand *b, struct mem *m, const char *code)
{
	unsigned char mac[CRYPTO_SHA256];

	crypto_hmac_sha256(
	    b->secret, strlen(b->secret), code, strlen(code), mac);
	return crypto_hex(m, mac, sizeof(mac));
}

static enum err find_row(struct try *t)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_int(t->session->client_id), db_text(t->hash)};
	struct db_rows rows;
	enum err err = db_query(t->db, t->mem,
	    "select state, amount, time from voucher "
	    "where brand = $1 and client_id = $2 and code_hash = $3",
	    values, 3, &rows);

	if (err || !rows.rows)
		return err;
	t->state = db_cell_text(&rows, 0, 0);
	t->amount = db_cell_text(&rows, 0, 1);
	t->time = db_cell_int(&rows, 0, 2);
	return ERR_OK;
}

static enum err put_row(struct try *t, const char *state, const char *amount)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_int(t->session->client_id), db_text(t->hash), db_text(state),
	    db_text(amount), db_int(t->now)};

	return db_run(t->db,
	    "insert into voucher "
	    "(brand, client_id, code_hash, state, amount, time) "
	    "values ($1, $2, $3, $4, $5, $6) "
	    "on conflict (brand, client_id, code_hash) do update set "
	    "state = $4, amount = $5, time = $6",
	    values, 6, NULL);
}

static enum err drop_row(struct try *t)
{
	const struct db_value values[] = {db_text(t->brand->name),
	    db_int(t->session->client_id), db_text(t->hash)};

	return db_run(t->db,
	    "delete from voucher "
	    "where brand = $1 and client_id = $2 and code_hash = $3",
	    values, 3, NULL);
}

static void purge(struct try *t)
{
	const struct db_value before = db_int(t->now - KEPT_S);

	db_run(t->db, "delete from voucher where time < $1", &before, 1, NULL);
}

static enum err refuse(struct try *t, const char *why)
{
	t->out->refusal = why;
	return ERR_RULE;
}

static enum err answer_again(struct try *t)
{
	if (t->now - t->time >= VOUCHER_REPEAT_S)
		return refuse(t, "own");
	t->out->again = true;
	t->out->has_amount =
	    t->amount && money_parse(t->amount, &t->out->amount);
	return ERR_OK;
}

/* Counted before the try and taken back if it was no failure. */
static enum err count_try(struct try *t)
{
	int64_t limit = t->brand->conf->limits.voucher_per_hour;
	enum err err = throttle_check(t->db, t->brand->name, "voucher",
	    t->subject, limit, HOUR, t->now, &t->out->retry_after);

	if (err)
		return err;
	return throttle_count(
	    t->db, t->brand->name, "voucher", t->subject, limit, HOUR, t->now);
}

static void take_back(struct try *t)
{
	if (t->brand->conf->limits.voucher_per_hour)
		throttle_take_back(
		    t->db, t->brand->name, "voucher", t->subject);
}

/* What the store fails to take is logged there; the row stays as it was, which
 * says that nobody knows. */
static enum err settle(struct try *t, const struct vcs_voucher *v)
{
	if (v->err == ERR_RULE && t->state && !strcmp(v->refusal, "used")) {
		put_row(t, "unknown", NULL);
		return refuse(t, "unsure");
	}
	if (v->err == ERR_RULE) {
		drop_row(t);
		return refuse(t, v->refusal);
	}
	take_back(t);
	if (v->err == ERR_BUSY && !t->state) {
		drop_row(t); /* nothing was sent */
		return v->err;
	}
	if (v->err) {
		put_row(t, "unknown", NULL);
		return v->err;
	}
	t->out->has_amount = v->has_amount;
	t->out->amount = v->amount;
	put_row(
	    t, "done", v->has_amount ? money_text(t->mem, v->amount) : NULL);
	return ERR_OK;
}

static enum err redeem(struct try *t)
{
	struct vcs_voucher v;
	enum err err = find_row(t);

	if (err)
		return err;
	if (t->state && !strcmp(t->state, "done"))
		return answer_again(t);
	err = count_try(t);
	if (!err)
		err = put_row(t, "begun", NULL);
	if (err)
		return err;
	purge(t);
	v = vcs_redeem(t->brand, t->mem, t->session, t->code);
	log_info("voucher.tried", "client %" PRId64 ": %s",
	    t->session->client_id,
	    v.err == ERR_RULE ? v.refusal
	    : v.err	      ? err_code(v.err)
			      : "credited");
	return settle(t, &v);
}

enum err voucher_redeem(struct brand *b, struct db *db, struct mem *m,
    struct session *s, const char *code, int64_t now, struct voucher *out)
{
	struct try t = {.brand = b,
	    .db = db,
	    .mem = m,
	    .session = s,
	    .code = code,
	    .hash = hash_code(b, m, code),
	    .subject = mem_print(m, "%" PRId64, s->client_id),
	    .now = now,
	    .out = out};
	struct lease lease;
	enum err err;

	*out = (struct voucher){0};
	err = lease_take(db, m, b->name,
	    mem_print(m, "voucher:%" PRId64, s->client_id),
	    b->conf->core_api.deadline_ms / 1000 + 60, PATIENCE_MS, &lease);
	if (err)
		return err;
	err = redeem(&t);
	lease_give(db, &lease);
	return err;
}
