/* factor.c: codes of an authenticator app, and recovery codes. */
#include "domain/factor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "tools/crypto.h"
#include "tools/db.h"
#include "tools/req.h"

enum {
	STEP = 30,
	DRIFT = 1,
	DIGITS = 6,
	MODULUS = 1000000,
	RECOVERY = 12, /* of base32: 60 bits */
	GROUP = 4
};

/* --- Keys ----------------------------------------------------------------- */

/* A key for each use, lest one be taken for the other. */
static enum err find_key(const struct factor_of *of, const char *use,
    unsigned char out[CRYPTO_SHA256])
{
	const char *key = of->brand->conf->session.factor_key;
	char own[SESSION_HASH];
	enum err err;

	if (!key[0]) {
		err = session_secret(of->brand->db, of->mem, "factor", own);
		if (err)
			return err;
		key = own;
	}
	crypto_hmac_sha256(key, strlen(key), use, strlen(use), out);
	crypto_wipe(own, sizeof(own));
	return ERR_OK;
}

static const char *name_row(const struct factor_of *of)
{
	return mem_print(
	    of->mem, "totp:%s:%" PRId64, of->brand->name, of->client_id);
}

static enum err hash_recovery(
    const struct factor_of *of, const char *code, const char **out)
{
	unsigned char key[CRYPTO_SHA256], mac[CRYPTO_SHA256];
	enum err err = find_key(of, "recovery", key);

	if (err)
		return err;
	crypto_hmac_sha256(key, sizeof(key), code, strlen(code), mac);
	crypto_wipe(key, sizeof(key));
	*out = crypto_hex(of->mem, mac, sizeof(mac));
	return ERR_OK;
}

/* --- RFC 6238 ------------------------------------------------------------- */

static void make_code(
    const unsigned char *secret, int64_t step, char out[DIGITS + 1])
{
	unsigned char count[8], mac[CRYPTO_SHA1], *at;
	uint32_t number;

	for (int i = 0; i < 8; i++)
		count[i] = (unsigned char)(step >> (56 - 8 * i));
	crypto_hmac_sha1(secret, FACTOR_SECRET, count, sizeof(count), mac);
	at = mac + (mac[CRYPTO_SHA1 - 1] & 15);
	number = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 |
		 (uint32_t)at[2] << 8 | at[3];
	snprintf(out, DIGITS + 1, "%06" PRIu32, number % MODULUS);
}

int64_t factor_step(
    const unsigned char secret[FACTOR_SECRET], const char *digits, int64_t now)
{
	int64_t found = -1, middle = now / STEP;
	char code[DIGITS + 1];

	/* All of them, so that the time does not tell which. */
	for (int64_t step = middle - DRIFT; step <= middle + DRIFT; step++) {
		make_code(secret, step, code);
		if (crypto_equal_text(code, digits))
			found = step;
	}
	return found;
}

const char *factor_uri(
    struct mem *m, const char *title, const char *login, const char *secret)
{
	const char *issuer = req_encode(m, title);

	return mem_print(m, "otpauth://totp/%s:%s?secret=%s&issuer=%s", issuer,
	    req_encode(m, login), secret, issuer);
}

/* --- The store ------------------------------------------------------------ */

struct row {
	const char *state, *session, *secret;
	int64_t time;
};

static enum err find_row(const struct factor_of *of, struct row *out)
{
	const struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id)};
	struct db_rows rows;
	enum err err = db_query(of->brand->db, of->mem,
	    "select state, session, secret, time from totp "
	    "where brand = $1 and client_id = $2",
	    values, 2, &rows);

	*out = (struct row){.state = ""};
	if (err || !rows.rows)
		return err;
	*out =
	    (struct row){db_cell_text(&rows, 0, 0), db_cell_text(&rows, 0, 1),
		db_cell_text(&rows, 0, 2), db_cell_int(&rows, 0, 3)};
	return ERR_OK;
}

static bool is_on(const struct row *row)
{
	return strcmp(row->state, "on") == 0;
}

static bool is_begun(
    const struct factor_of *of, const struct row *row, const char *session_hash)
{
	return strcmp(row->state, "begun") == 0 &&
	       strcmp(row->session, session_hash) == 0 &&
	       row->time > of->now - FACTOR_BEGUN_S;
}

static enum err open_secret(const struct factor_of *of, const struct row *row,
    unsigned char out[FACTOR_SECRET])
{
	unsigned char key[CRYPTO_KEY];
	enum err err = find_key(of, "totp", key);
	bool good;

	if (err)
		return err;
	good = crypto_unseal(
	    of->mem, key, name_row(of), row->secret, out, FACTOR_SECRET);
	crypto_wipe(key, sizeof(key));
	if (good)
		return ERR_OK;
	log_error("factor.key",
	    "the secret of client %" PRId64
	    " does not open: session.factorKey is not what it was",
	    of->client_id);
	return ERR_INTERNAL;
}

static enum err count_rows(const struct factor_of *of, struct factor *out)
{
	const struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id)};
	struct db_rows rows;
	enum err err = db_query(of->brand->db, of->mem,
	    "select (select count(*) from recovery_code "
	    "where brand = $1 and client_id = $2), "
	    "(select count(*) from passkey "
	    "where brand = $1 and client_id = $2)",
	    values, 2, &rows);

	if (err)
		return err;
	out->codes_left = db_cell_int(&rows, 0, 0);
	out->passkeys = db_cell_int(&rows, 0, 1);
	return ERR_OK;
}

bool factor_is_on(const struct factor *f)
{
	return f->state == FACTOR_ON || f->passkeys;
}

enum err factor_find(
    const struct factor_of *of, const char *session_hash, struct factor *out)
{
	unsigned char secret[FACTOR_SECRET];
	struct row row;
	enum err err = find_row(of, &row);

	*out = (struct factor){.state = FACTOR_OFF};
	if (!err)
		err = count_rows(of, out);
	if (err)
		return err;
	if (is_on(&row)) {
		out->state = FACTOR_ON;
		out->since = row.time;
		return ERR_OK;
	}
	if (!is_begun(of, &row, session_hash))
		return ERR_OK;
	err = open_secret(of, &row, secret);
	if (err)
		return err;
	out->state = FACTOR_BEGUN;
	out->secret = crypto_base32(of->mem, secret, sizeof(secret));
	crypto_wipe(secret, sizeof(secret));
	return ERR_OK;
}

static enum err write_begun(
    const struct factor_of *of, const char *session_hash, const char *sealed)
{
	const struct db_value values[] = {db_text(of->brand->name),
	    db_int(of->client_id), db_text(sealed), db_text(session_hash),
	    db_int(of->now)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "insert into totp (brand, client_id, secret, state, session, step, "
	    "time) values ($1, $2, $3, 'begun', $4, 0, $5) "
	    "on conflict (brand, client_id) do update set "
	    "secret = $3, session = $4, time = $5 where totp.state = 'begun'",
	    values, 5, &changed);

	return err || changed ? err : ERR_CONFLICT;
}

enum err factor_begin(const struct factor_of *of, const char *session_hash)
{
	unsigned char key[CRYPTO_KEY], secret[FACTOR_SECRET];
	const char *sealed;
	enum err err = find_key(of, "totp", key);

	if (err)
		return err;
	crypto_random(secret, sizeof(secret));
	sealed =
	    crypto_seal(of->mem, key, name_row(of), secret, sizeof(secret));
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(key, sizeof(key));
	return write_begun(of, session_hash, sealed);
}

/* --- Recovery codes ------------------------------------------------------- */

static enum err add_recovery(const struct factor_of *of, const char **out)
{
	const char *code = crypto_base32_token(of->mem, RECOVERY), *hash;
	struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id), db_text("")};
	enum err err = hash_recovery(of, code, &hash);

	if (err)
		return err;
	values[2] = db_text(hash);
	*out = mem_print(
	    of->mem, "%.4s-%.4s-%.4s", code, code + GROUP, code + 2 * GROUP);
	return db_run(of->brand->db,
	    "insert into recovery_code (brand, client_id, code_hash) "
	    "values ($1, $2, $3)",
	    values, 3, NULL);
}

static enum err forget_codes(const struct factor_of *of)
{
	const struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id)};

	return db_run(of->brand->db,
	    "delete from recovery_code where brand = $1 and client_id = $2",
	    values, 2, NULL);
}

enum err factor_renew_codes(
    const struct factor_of *of, const char *codes[FACTOR_CODES])
{
	enum err err = forget_codes(of);

	for (int i = 0; i < FACTOR_CODES && !err; i++)
		err = add_recovery(of, &codes[i]);
	return err;
}

enum err factor_tidy_codes(const struct factor_of *of)
{
	struct factor f;
	enum err err = factor_find(of, "", &f);

	return err || factor_is_on(&f) ? err : forget_codes(of);
}

static enum err use_recovery(const struct factor_of *of, const char *code)
{
	struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id), db_text("")};
	const char *hash;
	int64_t changed;
	enum err err = hash_recovery(of, code, &hash);

	if (err)
		return err;
	values[2] = db_text(hash);
	err = db_run(of->brand->db,
	    "delete from recovery_code "
	    "where brand = $1 and client_id = $2 and code_hash = $3",
	    values, 3, &changed);
	return err || changed ? err : ERR_RULE;
}

/* --- Codes ---------------------------------------------------------------- */

/* What was meant by it: capitals, no spaces and hyphens. */
static const char *tidy_code(struct mem *m, const char *code)
{
	char *out = mem_alloc(m, strlen(code) + 1), *at = out;

	for (; *code; code++)
		if (*code >= 'a' && *code <= 'z')
			*at++ = (char)(*code - 'a' + 'A');
		else if (*code != ' ' && *code != '-')
			*at++ = *code;
	*at = '\0';
	return out;
}

/* The step of a code; an older or the same one is no longer taken. */
static enum err use_step(const struct factor_of *of, const struct row *row,
    const char *code, int64_t *step)
{
	unsigned char secret[FACTOR_SECRET];
	enum err err = open_secret(of, row, secret);

	if (err)
		return err;
	*step = factor_step(secret, code, of->now);
	crypto_wipe(secret, sizeof(secret));
	return *step < 0 ? ERR_RULE : ERR_OK;
}

static enum err turn_on(const struct factor_of *of, const char *session_hash,
    const char *secret, int64_t step)
{
	const struct db_value values[] = {db_int(step), db_int(of->now),
	    db_text(of->brand->name), db_int(of->client_id),
	    db_text(session_hash), db_text(secret)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "update totp set state = 'on', step = $1, time = $2, session = '' "
	    "where brand = $3 and client_id = $4 and state = 'begun' "
	    "and session = $5 and secret = $6",
	    values, 6, &changed);

	return err || changed ? err : ERR_CONFLICT;
}

enum err factor_confirm(const struct factor_of *of, const char *session_hash,
    const char *code, const char *codes[FACTOR_CODES])
{
	struct row row;
	int64_t step = 0;
	enum err err = find_row(of, &row);

	if (!err && !is_begun(of, &row, session_hash))
		err = ERR_CONFLICT;
	if (!err)
		err = use_step(of, &row, tidy_code(of->mem, code), &step);
	if (!err)
		err = db_begin(of->brand->db);
	if (err)
		return err;
	err = turn_on(of, session_hash, row.secret, step);
	if (!err)
		err = factor_renew_codes(of, codes);
	if (!err)
		return db_commit(of->brand->db);
	db_rollback(of->brand->db);
	return err;
}

static enum err take_step(const struct factor_of *of, int64_t step)
{
	const struct db_value values[] = {
	    db_int(step), db_text(of->brand->name), db_int(of->client_id)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "update totp set step = $1 where brand = $2 and client_id = $3 "
	    "and state = 'on' and step < $1",
	    values, 3, &changed);

	return err || changed ? err : ERR_RULE;
}

bool factor_is_recovery(struct mem *m, const char *code)
{
	return strlen(tidy_code(m, code)) == RECOVERY;
}

enum err factor_try(const struct factor_of *of, const char *code)
{
	const char *tidy = tidy_code(of->mem, code);
	struct row row;
	int64_t step;
	enum err err = find_row(of, &row);

	if (err)
		return err;
	if (strlen(tidy) == RECOVERY)
		return use_recovery(of, tidy);
	if (!is_on(&row))
		return ERR_RULE;
	err = use_step(of, &row, tidy, &step);
	return err ? err : take_step(of, step);
}

enum err factor_remove(const struct factor_of *of)
{
	const struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id)};
	enum err err = db_begin(of->brand->db);

	if (err)
		return err;
	err = db_run(of->brand->db,
	    "delete from totp where brand = $1 and client_id = $2", values, 2,
	    NULL);
	if (!err)
		err = factor_tidy_codes(of);
	if (!err)
		return db_commit(of->brand->db);
	db_rollback(of->brand->db);
	return err;
}
