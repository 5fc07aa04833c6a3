/* personal.c: what the store holds on a customer. */
#include "domain/personal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "domain/throttle.h"
#include "tools/crypto.h"

#define OF_CLIENT " where brand = $1 and client_id = $2 order by "
#define OF_PAYMENT                                                             \
	" x join payment p on p.id = x.payment_id "                            \
	"where p.brand = $1 and p.client_id = $2 order by "
#define PIECE " limit $3 offset $4"

static const struct personal_column sessions[] = {
    {"kind", PERSONAL_TEXT},
    {"login", PERSONAL_TEXT},
    {"created", PERSONAL_TIME},
    {"seen", PERSONAL_TIME},
    {"expires", PERSONAL_TIME},
    {"address", PERSONAL_TEXT},
    {"agent", PERSONAL_TEXT},
    {"lacks", PERSONAL_COUNT},
    {0},
};

static const struct personal_column ended[] = {{"time", PERSONAL_TIME_US}, {0}};

static const struct personal_column devices[] = {{"seen", PERSONAL_TIME}, {0}};

static const struct personal_column factors[] = {
    {"state", PERSONAL_TEXT}, {"since", PERSONAL_TIME}, {0}};

static const struct personal_column passkeys[] = {
    {"name", PERSONAL_TEXT},
    {"login", PERSONAL_TEXT},
    {"created", PERSONAL_TIME},
    {"used", PERSONAL_TIME},
    {0},
};

static const struct personal_column activity[] = {
    {"time", PERSONAL_TIME},
    {"since", PERSONAL_TIME},
    {"event", PERSONAL_TEXT},
    {"item", PERSONAL_TEXT},
    {"old", PERSONAL_TEXT},
    {"new", PERSONAL_TEXT},
    {"amount", PERSONAL_TEXT},
    {"currency", PERSONAL_TEXT},
    {"times", PERSONAL_COUNT},
    {"address", PERSONAL_TEXT},
    {"agent", PERSONAL_TEXT},
    {0},
};

static const struct personal_column failures[] = {
    {"time", PERSONAL_TIME},
    {"since", PERSONAL_TIME},
    {"event", PERSONAL_TEXT},
    {"times", PERSONAL_COUNT},
    {"address", PERSONAL_TEXT},
    {"agent", PERSONAL_TEXT},
    {0},
};

static const struct personal_column names[] = {{"seen", PERSONAL_TIME}, {0}};

static const struct personal_column codes[] = {{"left", PERSONAL_COUNT}, {0}};

static const struct personal_column resets[] = {
    {"login", PERSONAL_TEXT}, {"expires", PERSONAL_TIME}, {0}};

static const struct personal_column throttles[] = {
    {"kind", PERSONAL_TEXT},
    {"since", PERSONAL_TIME},
    {"count", PERSONAL_COUNT},
    {"delay", PERSONAL_COUNT},
    {"until", PERSONAL_TIME},
    {0},
};

static const struct personal_column vouchers[] = {
    {"state", PERSONAL_TEXT},
    {"amount", PERSONAL_TEXT},
    {"time", PERSONAL_TIME},
    {0},
};

static const struct personal_column attempts[] = {
    {"id", PERSONAL_TEXT},
    {"gateway", PERSONAL_TEXT},
    {"environment", PERSONAL_TEXT},
    {"amount", PERSONAL_TEXT},
    {"currency", PERSONAL_TEXT},
    {"state", PERSONAL_TEXT},
    {"why", PERSONAL_TEXT},
    {"invoice", PERSONAL_TEXT},
    {"order_id", PERSONAL_TEXT},
    {"locale", PERSONAL_TEXT},
    {"mailed", PERSONAL_FLAG},
    {"created", PERSONAL_TIME},
    {"updated", PERSONAL_TIME},
    {0},
};

static const struct personal_column receipts[] = {
    {"payment", PERSONAL_TEXT},
    {"gateway", PERSONAL_TEXT},
    {"environment", PERSONAL_TEXT},
    {"money_id", PERSONAL_TEXT},
    {"amount", PERSONAL_TEXT},
    {"currency", PERSONAL_TEXT},
    {"status", PERSONAL_TEXT},
    {"created", PERSONAL_TIME},
    {0},
};

static const struct personal_column postings[] = {
    {"payment", PERSONAL_TEXT},
    {"reference", PERSONAL_TEXT},
    {"amount", PERSONAL_TEXT},
    {"currency", PERSONAL_TEXT},
    {"state", PERSONAL_TEXT},
    {"created", PERSONAL_TIME},
    {"sent", PERSONAL_TIME},
    {"posted", PERSONAL_TIME},
    {0},
};

static const struct personal_column story[] = {
    {"payment", PERSONAL_TEXT},
    {"time", PERSONAL_TIME_MS},
    {"what", PERSONAL_TEXT},
    {0},
};

const struct personal_part personal_parts[] = {
    {"sessions",
	"select kind, login, created, seen, expires, address, agent, lack "
	"from session" OF_CLIENT "created, token_hash" PIECE,
	sessions, false},
    {"sessions_ended", "select time from session_cut" OF_CLIENT "time" PIECE,
	ended, false},
    {"devices", "select seen from device" OF_CLIENT "seen, device_hash" PIECE,
	devices, false},
    {"second_factors", "select state, time from totp" OF_CLIENT "time" PIECE,
	factors, false},
    {"passkeys",
	"select name, login, created, used from passkey" OF_CLIENT
	"created, id" PIECE,
	passkeys, false},
    {"recovery_codes",
	"select count(*) from recovery_code "
	"where brand = $1 and client_id = $2" PIECE,
	codes, false},
    {"password_resets",
	"select login, expires from reset" OF_CLIENT
	"expires, token_hash" PIECE,
	resets, false},
    /* Somebody else's login may be this customer's id. */
    {"failed_tries",
	"select kind, since, count, delay, until from throttle "
	"where brand = $1 and ((subject = $2 and kind not in ('login', "
	"'reset')) or (subject = $5 and kind in ('login', 'reset'))) "
	"order by kind" PIECE,
	throttles, true},
    {"activity",
	"select time, since, event, item, old_value, new_value, amount, "
	"currency, times, address, agent from audit" OF_CLIENT "seq" PIECE,
	activity, false},
    /* Of the customer, and of the names that the customer logs in with. */
    {"failures",
	"select time, since, event, times, address, agent from audit_tally "
	"where brand = $1 and (subject in (select subject from audit_name "
	"where brand = $1 and client_id = $2) or subject = 'client:' || "
	"cast($2 as text)) order by time, event, place, hour" PIECE,
	failures, false},
    {"log_in_names",
	"select seen from audit_name" OF_CLIENT "seen, subject" PIECE, names,
	false},
    {"vouchers",
	"select state, amount, time from voucher" OF_CLIENT
	"time, code_hash" PIECE,
	vouchers, false},
    {"payment_attempts",
	"select id, gateway, environment, amount, currency, state, why, "
	"invoice, order_id, locale, mailed, created, updated "
	"from payment" OF_CLIENT "created, id" PIECE,
	attempts, false},
    {"payment_receipts",
	"select x.payment_id, x.gateway, x.environment, x.money_id, x.amount, "
	"x.currency, x.status, x.created from receipt" OF_PAYMENT
	"x.created, x.gateway, x.money_id" PIECE,
	receipts, false},
    {"payment_postings",
	"select payment_id, reference, amount, currency, state, created, "
	"sent_at, posted from posting" OF_CLIENT "created, reference" PIECE,
	postings, false},
    {"payment_story",
	"select x.payment_id, x.time, x.what from payment_story" OF_PAYMENT
	"x.time, x.payment_id, x.what" PIECE,
	story, false},
    {0},
};

enum err personal_read(struct db *db, struct mem *m,
    const struct personal_part *part, const struct personal_of *of,
    size_t limit, size_t offset, struct db_rows *out)
{
	const char *id = mem_print(m, "%" PRId64, of->client_id);
	const char *login = throttle_login(m, of->login);
	char id_hash[CRYPTO_SHA256_HEX], login_hash[CRYPTO_SHA256_HEX];
	struct db_value values[5] = {db_text(of->brand), db_int(of->client_id),
	    db_int((int64_t)limit), db_int((int64_t)offset)};

	crypto_sha256_hex(id, strlen(id), id_hash);
	crypto_sha256_hex(login, strlen(login), login_hash);
	values[4] = db_text(login_hash);
	if (part->hashed)
		values[1] = db_text(id_hash);
	return db_query(db, m, part->sql, values, part->hashed ? 5 : 4, out);
}
