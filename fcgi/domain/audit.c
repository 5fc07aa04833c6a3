/* audit.c: what happened to a customer's account. */
#include "domain/audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/throttle.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { HOUR = 3600, DAY = 86400, PURGE_MOST = 200, SEQ_TRIES = 5 };

/* Whether what happens again within the hour is the same entry. */
static const struct {
	const char *name;
	bool repeats;
} events[AUDIT__MAX] = {
    [AUDIT_LOGIN] = {"login", true},
    [AUDIT_LOGIN_FAILED] = {"login_failed", true},
    [AUDIT_NEW_DEVICE] = {"new_device", true},
    [AUDIT_LOGOUT] = {"logout", true},
    [AUDIT_CODE_ASKED] = {"code_asked", true},
    [AUDIT_CODE_FAILED] = {"code_failed", true},
    [AUDIT_PASSWORD_FAILED] = {"password_failed", true},
    [AUDIT_PASSWORD_CHANGED] = {"password_changed", false},
    [AUDIT_RESET_ASKED] = {"reset_asked", true},
    [AUDIT_RESET_DONE] = {"reset_done", false},
    [AUDIT_SESSION_ENDED] = {"session_ended", true},
    [AUDIT_SESSIONS_ENDED] = {"sessions_ended", true},
    [AUDIT_SESSIONS_REVOKED] = {"sessions_revoked", true},
    [AUDIT_FACTOR_ADDED] = {"factor_added", false},
    [AUDIT_FACTOR_REMOVED] = {"factor_removed", false},
    [AUDIT_PASSKEY_ADDED] = {"passkey_added", false},
    [AUDIT_PASSKEY_REMOVED] = {"passkey_removed", false},
    [AUDIT_RECOVERY_USED] = {"recovery_used", false},
    [AUDIT_PROFILE_CHANGED] = {"profile_changed", false},
    [AUDIT_VOUCHER_REDEEMED] = {"voucher_redeemed", false},
    [AUDIT_PAYMENT_BEGUN] = {"payment_begun", false},
    [AUDIT_PAYMENT_PAID] = {"payment_paid", false},
    [AUDIT_PAYMENT_FAILED] = {"payment_failed", false},
    [AUDIT_PAYMENT_CANCELLED] = {"payment_cancelled", false},
    [AUDIT_PAYMENT_EXPIRED] = {"payment_expired", false},
    [AUDIT_PAYMENT_REVIEW] = {"payment_review", false},
    [AUDIT_PAYMENT_PARTLY_REVERSED] = {"payment_partly_reversed", false},
    [AUDIT_PAYMENT_REVERSED] = {"payment_reversed", false},
    [AUDIT_INVOICE_DOWNLOADED] = {"invoice_downloaded", true},
    [AUDIT_EXPORTED] = {"exported", true},
};

const char *audit_name(enum audit_event event)
{
	return events[event].name;
}

/* --- Texts ---------------------------------------------------------------- */

/* The character at `text` and its length; 0: these bytes are none. */
static size_t read_char(const char *text, uint32_t *code)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	uint32_t c = len > 1 ? s[0] & (0x7fU >> len) : s[0];

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	*code = c;
	return len;
}

/* What nobody sees, or what moves what others see: direction marks and
 * overrides, joiners of words, tags, what is no character. Joiners of letters
 * stay: Persian and emoji need them. */
static bool is_hidden(uint32_t c)
{
	return c == 0xad || c == 0x61c || c == 0x180e || c == 0x200b ||
	       c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe ||
	       (c >= 0xd800 && c <= 0xf8ff) || c >= 0xe0000;
}

static bool is_space(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028 ||
	       c == 0x2029;
}

const char *audit_clean(struct mem *m, const char *text, size_t most)
{
	size_t len, chars = 0;
	bool gap = false;
	struct buf b;
	uint32_t c;

	buf_open(&b, m, 64);
	for (; text && *text; text += len ? len : 1) {
		len = read_char(text, &c);
		if (!len || is_hidden(c))
			continue;
		if (is_space(c)) {
			gap = b.len > 0;
			continue;
		}
		if (chars + gap >= most) {
			buf_add_text(&b, "\u2026");
			break;
		}
		if (gap)
			buf_add_char(&b, ' ');
		buf_add(&b, text, len);
		chars += 1 + gap;
		gap = false;
	}
	return b.data;
}

/* A header's bytes: its maker's words are ASCII. */
static const char *clean_agent(struct mem *m, const char *agent)
{
	char *text = mem_text_n(
	    m, agent ? agent : "", strnlen(agent ? agent : "", AUDIT_AGENT));

	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

static const char *clean_address(struct mem *m, const char *address)
{
	return audit_clean(m, address, 64);
}

/* --- The customer's own --------------------------------------------------- */

/* An entry as the store takes it. */
struct line {
	struct db *db;
	const struct brand *brand;
	int64_t client, now;
	enum audit_event event;
	const char *item, *old, *new, *amount, *currency, *address, *agent;
};

static struct line make_line(struct brand *b, struct mem *m, int64_t client,
    const struct audit_entry *e, int64_t now)
{
	return (struct line){
	    .db = b->db,
	    .brand = b,
	    .client = client,
	    .now = now,
	    .event = e->event,
	    .item = audit_clean(m, e->item, AUDIT_TEXT),
	    .old = audit_clean(m, e->old, AUDIT_TEXT),
	    .new = audit_clean(m, e->new, AUDIT_TEXT),
	    .amount = e->currency ? money_text(m, e->amount) : "",
	    .currency = audit_clean(m, e->currency, AUDIT_TEXT),
	    .address = clean_address(m, e->by.address),
	    .agent = clean_agent(m, e->by.agent),
	};
}

/* *known: it was one more of the same, in the same hour. */
static enum err repeat(const struct line *l, bool *known)
{
	const struct db_value values[] = {db_text(l->brand->name),
	    db_int(l->client), db_text(events[l->event].name), db_text(l->item),
	    db_text(l->address), db_text(l->agent),
	    db_int(l->now - l->now % HOUR), db_int(l->now)};
	int64_t changed = 0;
	enum err err = ERR_OK;

	if (events[l->event].repeats)
		err = db_run(l->db,
		    "update audit set times = times + 1, time = $8 "
		    "where brand = $1 and client_id = $2 and event = $3 "
		    "and item = $4 and address = $5 and agent = $6 "
		    "and time >= $7 and time <= $8",
		    values, 8, &changed);
	*known = changed > 0;
	return err;
}

/* Another process may take the same number; then the next one. */
static enum err insert(const struct line *l)
{
	const struct db_value values[] = {db_text(l->brand->name),
	    db_int(l->client), db_int(l->now), db_text(events[l->event].name),
	    db_text(l->item), db_text(l->old), db_text(l->new),
	    db_text(l->amount), db_text(l->currency), db_text(l->address),
	    db_text(l->agent)};
	int64_t changed = 0;
	enum err err = ERR_OK;

	for (int i = 0; i < SEQ_TRIES && !changed && !err; i++)
		err = db_run(l->db,
		    "insert into audit (brand, client_id, seq, time, since, "
		    "event, item, old_value, new_value, amount, currency, "
		    "times, address, agent) values ($1, $2, coalesce((select "
		    "max(seq) "
		    "from audit where brand = $1 and client_id = $2), 0) + 1, "
		    "$3, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11) "
		    "on conflict (brand, client_id, seq) do nothing",
		    values, 11, &changed);
	return err || changed ? err : ERR_BUSY;
}

/* Steps along keys, and deletes as much as was added: once the bound is
 * reached, one row each time. */
static enum err prune(const struct line *l)
{
	const struct conf *conf = l->brand->conf;
	const struct db_value by_rows[] = {db_text(l->brand->name),
	    db_int(l->client), db_int(conf->limits.audit_rows)};
	const struct db_value by_age[] = {db_text(l->brand->name),
	    db_int(l->now - conf->limits.audit_days * DAY), db_int(PURGE_MOST)};
	enum err err = db_run(l->db,
	    "delete from audit where brand = $1 and client_id = $2 and seq <= "
	    "(select max(seq) from audit where brand = $1 and client_id = $2) "
	    "- $3",
	    by_rows, 3, NULL);

	if (err)
		return err;
	return db_run(l->db,
	    "delete from audit where (brand, client_id, seq) in ("
	    "select brand, client_id, seq from audit "
	    "where brand = $1 and time < $2 limit $3)",
	    by_age, 3, NULL);
}

/* --- Names ---------------------------------------------------------------- */

static const char *name_subject(struct mem *m, const char *login)
{
	const char *text = mem_print(m, "login:%s", login);
	char hash[CRYPTO_SHA256_HEX];

	crypto_sha256_hex(text, strlen(text), hash);
	return mem_text(m, hash);
}

static const char *client_subject(struct mem *m, int64_t client)
{
	return mem_print(m, "client:%" PRId64, client);
}

/* What happened to a name while it was somebody else's is not for this one. */
static enum err forget_owner(const struct line *l, const char *subject)
{
	const struct db_value values[] = {
	    db_text(l->brand->name), db_text(subject), db_int(l->client)};

	return db_run(l->db,
	    "delete from audit_tally where brand = $1 and subject = $2 "
	    "and exists (select 1 from audit_name n where n.brand = $1 "
	    "and n.subject = $2 and n.client_id <> $3)",
	    values, 3, NULL);
}

static enum err take_name(
    const struct line *l, struct mem *m, const char *login)
{
	const char *subject = name_subject(m, login);
	const struct db_value values[] = {db_text(l->brand->name),
	    db_text(subject), db_int(l->client), db_int(l->now)};
	const struct db_value old[] = {db_text(l->brand->name),
	    db_int(l->now - l->brand->conf->limits.audit_days * DAY),
	    db_int(PURGE_MOST)};
	enum err err = forget_owner(l, subject);

	if (!err)
		err = db_run(l->db,
		    "insert into audit_name (brand, subject, client_id, seen) "
		    "values ($1, $2, $3, $4) on conflict (brand, subject) "
		    "do update set client_id = $3, seen = $4",
		    values, 4, NULL);
	if (err)
		return err;
	return db_run(l->db,
	    "delete from audit_name where (brand, subject) in ("
	    "select brand, subject from audit_name "
	    "where brand = $1 and seen < $2 limit $3)",
	    old, 3, NULL);
}

/* --- Adding --------------------------------------------------------------- */

static enum err tell_lost(
    enum err err, enum audit_event event, const char *subject)
{
	if (err)
		log_warn("audit.lost", "%s: %s: %s", subject,
		    events[event].name, err_code(err));
	return err;
}

static enum err add(
    const struct line *l, struct mem *m, const struct audit_entry *e)
{
	bool known;
	enum err err = repeat(l, &known);

	if (!err && !known)
		err = insert(l);
	if (!err)
		err = prune(l);
	if (!err && e->login)
		err = take_name(l, m, e->login);
	return err;
}

static enum err end(struct db *db, enum err err)
{
	if (!err)
		return db_commit(db);
	db_rollback(db);
	return err;
}

enum err audit_note_within(struct brand *b, struct mem *m, int64_t client,
    const struct audit_entry *e, int64_t now)
{
	const struct line l = make_line(b, m, client, e, now);

	return tell_lost(add(&l, m, e), e->event, client_subject(m, client));
}

enum err audit_note(struct brand *b, struct mem *m, int64_t client,
    const struct audit_entry *e, int64_t now)
{
	const struct line l = make_line(b, m, client, e, now);
	enum err err = b->db ? db_begin(b->db) : ERR_BUSY;

	if (!err)
		err = end(b->db, add(&l, m, e));
	return tell_lost(err, e->event, client_subject(m, client));
}

/* --- Counting ------------------------------------------------------------- */

/* The same statements for names that are known and for others: what differs is
 * a number. */
static enum err count(struct brand *b, struct mem *m, const char *subject,
    enum audit_event event, const struct audit_by *by, int64_t now)
{
	const char *address = clean_address(m, by->address);
	const struct db_value values[] = {db_text(b->name), db_text(subject),
	    db_text(events[event].name), db_text(throttle_address(m, address)),
	    db_int(now / HOUR), db_int(now), db_text(address),
	    db_text(clean_agent(m, by->agent)),
	    db_int(now + b->conf->limits.audit_days * DAY),
	    db_int(now + AUDIT_STRANGE)};

	return db_run(b->db,
	    "insert into audit_tally (brand, subject, event, place, hour, "
	    "time, since, times, address, agent, expires) "
	    "values ($1, $2, $3, $4, $5, $6, $6, 1, $7, $8, "
	    "case when $2 like 'client:%' or exists (select 1 from audit_name "
	    "n "
	    "where n.brand = $1 and n.subject = $2) "
	    "then cast($9 as bigint) else cast($10 as bigint) end) "
	    "on conflict (brand, subject, event, place, hour) do update set "
	    "times = audit_tally.times + 1, time = $6, address = $7, "
	    "agent = $8, expires = excluded.expires",
	    values, 10, NULL);
}

/* The newest of a subject stay; and what is over goes. */
static enum err prune_counts(
    const struct brand *b, const char *subject, int64_t now)
{
	const struct db_value by_rows[] = {
	    db_text(b->name), db_text(subject), db_int(AUDIT_TALLIES)};
	const struct db_value by_age[] = {
	    db_text(b->name), db_int(now), db_int(PURGE_MOST)};
	enum err err = db_run(b->db,
	    "delete from audit_tally where brand = $1 and subject = $2 "
	    "and time < (select time from audit_tally where brand = $1 "
	    "and subject = $2 order by time desc limit 1 offset $3)",
	    by_rows, 3, NULL);

	if (err)
		return err;
	return db_run(b->db,
	    "delete from audit_tally where (brand, subject, event, place, "
	    "hour) in (select brand, subject, event, place, hour "
	    "from audit_tally where brand = $1 and expires < $2 limit $3)",
	    by_age, 3, NULL);
}

static enum err tally(struct brand *b, struct mem *m, const char *subject,
    enum audit_event event, const struct audit_by *by, int64_t now)
{
	enum err err = b->db ? db_begin(b->db) : ERR_BUSY;

	if (err)
		return err;
	err = count(b, m, subject, event, by, now);
	if (!err)
		err = prune_counts(b, subject, now);
	return end(b->db, err);
}

enum err audit_count(struct brand *b, struct mem *m, int64_t client,
    enum audit_event event, const struct audit_by *by, int64_t now)
{
	const char *subject = client_subject(m, client);

	return tell_lost(tally(b, m, subject, event, by, now), event, subject);
}

enum err audit_count_login(struct brand *b, struct mem *m, const char *login,
    const struct audit_by *by, int64_t now)
{
	return tell_lost(
	    tally(b, m, name_subject(m, login), AUDIT_LOGIN_FAILED, by, now),
	    AUDIT_LOGIN_FAILED, "a name");
}

/* --- Reading -------------------------------------------------------------- */

static void read_row(const struct db_rows *r, size_t i, struct audit_row *out)
{
	const char *amount = db_cell_text(r, i, 5);

	*out = (struct audit_row){
	    .time = db_cell_int(r, i, 0),
	    .since = db_cell_int(r, i, 11),
	    .event = db_cell_text(r, i, 1),
	    .item = db_cell_text(r, i, 2),
	    .old = db_cell_text(r, i, 3),
	    .new = db_cell_text(r, i, 4),
	    .currency = db_cell_text(r, i, 6),
	    .times = db_cell_int(r, i, 7),
	    .address = db_cell_text(r, i, 8),
	    .agent = db_cell_text(r, i, 9),
	};
	if (!money_parse(amount, &out->amount))
		out->currency = NULL;
}

enum err audit_list(struct brand *b, struct mem *m, int64_t client,
    const struct audit_span *span, struct audit_row **out, size_t *n)
{
	const struct db_value values[] = {db_text(b->name), db_int(client),
	    db_int(span->start), db_int(span->end),
	    db_text(client_subject(m, client)), db_int(span->most),
	    db_int(span->skip)};
	struct db_rows rows;
	enum err err = db_query(b->db, m,
	    "select time, event, item, old_value, new_value, amount, currency, "
	    "times, address, agent, seq, since from audit "
	    "where brand = $1 and client_id = $2 and time between $3 and $4 "
	    "union all "
	    "select t.time, t.event, '', '', '', '', '', t.times, t.address, "
	    "t.agent, 0, t.since from audit_tally t where t.brand = $1 "
	    "and t.subject = $5 and t.time between $3 and $4 "
	    "union all "
	    "select t.time, t.event, '', '', '', '', '', t.times, t.address, "
	    "t.agent, 0, t.since from audit_name n join audit_tally t "
	    "on t.brand = n.brand and t.subject = n.subject "
	    "where n.brand = $1 and n.client_id = $2 "
	    "and t.time between $3 and $4 "
	    "order by 1 desc, 11 desc, 2, 9 limit $6 offset $7",
	    values, 7, &rows);

	*n = err ? 0 : rows.rows;
	*out = mem_array(m, *n + 1, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		read_row(&rows, i, &(*out)[i]);
	return err;
}
