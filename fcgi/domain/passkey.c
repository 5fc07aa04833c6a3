/* passkey.c: the store of passkeys, and what is asked of browsers. */
#include "domain/passkey.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/passkey_check.h"
#include "tools/db.h"

/* --- Rows ----------------------------------------------------------------- */

/* In the order of these columns. */
#define COLUMNS                                                                \
	"id, name, login, client_id, created, used, credential, public_key, "  \
	"sign_count"

struct row {
	struct passkey key;
	const char *credential, *public_key; /* hex */
	int64_t count;
};

static struct row read_row(const struct db_rows *rows, size_t i)
{
	return (struct row){
	    .key = {.id = db_cell_text(rows, i, 0),
		.name = db_cell_text(rows, i, 1),
		.login = db_cell_text(rows, i, 2),
		.client_id = db_cell_int(rows, i, 3),
		.created = db_cell_int(rows, i, 4),
		.used = db_cell_int(rows, i, 5)},
	    .credential = db_cell_text(rows, i, 6),
	    .public_key = db_cell_text(rows, i, 7),
	    .count = db_cell_int(rows, i, 8),
	};
}

static enum err find_rows(
    const struct factor_of *of, struct row **out, size_t *n)
{
	const struct db_value values[] = {
	    db_text(of->brand->name), db_int(of->client_id)};
	struct db_rows rows = {0};
	enum err err = db_query(of->brand->db, of->mem,
	    "select " COLUMNS " from passkey "
	    "where brand = $1 and client_id = $2 order by created, id",
	    values, 2, &rows);

	*n = err ? 0 : rows.rows;
	*out = mem_array(of->mem, *n + 1, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = read_row(&rows, i);
	return err;
}

enum err passkey_list(
    const struct factor_of *of, struct passkey **out, size_t *n)
{
	struct row *rows;
	enum err err = find_rows(of, &rows, n);

	*out = mem_array(of->mem, *n + 1, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = rows[i].key;
	return err;
}

enum err passkey_find(
    const struct factor_of *of, const char *id, struct passkey *out)
{
	struct row *rows;
	size_t n;
	enum err err = find_rows(of, &rows, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].key.id, id)) {
			*out = rows[i].key;
			return ERR_OK;
		}
	return err ? err : ERR_NOT_FOUND;
}

enum err passkey_rename(
    const struct factor_of *of, const char *id, const char *name)
{
	const struct db_value values[] = {db_text(name), db_text(id),
	    db_text(of->brand->name), db_int(of->client_id)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "update passkey set name = $1 "
	    "where id = $2 and brand = $3 and client_id = $4",
	    values, 4, &changed);

	return err || changed ? err : ERR_NOT_FOUND;
}

static enum err remove_row(const struct factor_of *of, const char *id)
{
	const struct db_value values[] = {
	    db_text(id), db_text(of->brand->name), db_int(of->client_id)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "delete from passkey "
	    "where id = $1 and brand = $2 and client_id = $3",
	    values, 3, &changed);

	return err || changed ? err : ERR_NOT_FOUND;
}

static enum err end(const struct factor_of *of, enum err err)
{
	if (!err)
		return db_commit(of->brand->db);
	db_rollback(of->brand->db);
	return err;
}

enum err passkey_remove(const struct factor_of *of, const char *id)
{
	enum err err = db_begin(of->brand->db);

	if (err)
		return err;
	err = remove_row(of, id);
	if (!err)
		err = factor_tidy_codes(of);
	return end(of, err);
}

/* --- Asking --------------------------------------------------------------- */

static enum err put_challenge(const struct factor_of *of, enum passkey_use use,
    const char *bound, struct json_object *o)
{
	char *challenge;
	enum err err = passkey_make_challenge(of, use, bound, &challenge);

	json_put_text(o, "challenge", challenge);
	json_put_int(o, "timeout", PASSKEY_CHALLENGE_S * 1000);
	return err;
}

static enum err put_known(
    const struct factor_of *of, struct json_object *o, const char *key)
{
	struct json_object *list = json_put_list(o, key), *one;
	unsigned char raw[WEBAUTHN_ID_MAX];
	struct row *rows;
	size_t n, len;
	enum err err = find_rows(of, &rows, &n);

	for (size_t i = 0; i < n; i++) {
		len = strlen(rows[i].credential) / 2;
		if (len > sizeof(raw) ||
		    !crypto_unhex(rows[i].credential, raw, len))
			continue;
		one = json_put_object(list, NULL);
		json_put_text(one, "type", "public-key");
		json_put_text(one, "id", crypto_base64url(of->mem, raw, len));
	}
	return err;
}

static void put_algorithms(struct json_object *o)
{
	static const int algorithms[] = {WEBAUTHN_ES256, WEBAUTHN_RS256};
	struct json_object *list = json_put_list(o, "pubKeyCredParams"), *one;

	for (size_t i = 0; i < 2; i++) {
		one = json_put_object(list, NULL);
		json_put_text(one, "type", "public-key");
		json_put_int(one, "alg", algorithms[i]);
	}
}

/* A passkey proper: found without a name being typed, and of who shows a PIN,
 * a finger or a face, so that it stands for both factors. */
static void put_selection(struct json_object *o)
{
	struct json_object *s = json_put_object(o, "authenticatorSelection");

	json_put_text(s, "residentKey", "required");
	json_put_flag(s, "requireResidentKey", true);
	json_put_text(s, "userVerification", "required");
	json_put_text(o, "attestation", "none");
}

enum err passkey_ask_new(const struct factor_of *of, const char *bound,
    const char *login, const char *name, struct json_object **out)
{
	struct json_object *o = *out = json_new(of->mem), *part;
	unsigned char user[CRYPTO_SHA256];
	struct passkey_site site;
	enum err err;

	if (!passkey_find_site(of->mem, of->brand, &site))
		return ERR_NOT_FOUND;
	err = passkey_make_user(of, of->client_id, user);
	if (!err)
		err = put_challenge(of, PASSKEY_ADD, bound, o);
	part = json_put_object(o, "rp");
	json_put_text(part, "id", site.host);
	json_put_text(part, "name", of->brand->conf->title);
	part = json_put_object(o, "user");
	json_put_text(
	    part, "id", crypto_base64url(of->mem, user, sizeof(user)));
	json_put_text(part, "name", login);
	json_put_text(part, "displayName", name);
	put_algorithms(o);
	put_selection(o);
	return err ? err : put_known(of, o, "excludeCredentials");
}

static enum err ask(const struct factor_of *of, enum passkey_use use,
    const char *bound, const char *verification, struct json_object **out)
{
	struct json_object *o = *out = json_new(of->mem);
	struct passkey_site site;

	if (!passkey_find_site(of->mem, of->brand, &site))
		return ERR_NOT_FOUND;
	json_put_text(o, "rpId", site.host);
	json_put_text(o, "userVerification", verification);
	return put_challenge(of, use, bound, o);
}

enum err passkey_ask_login(
    const struct factor_of *of, const char *bound, struct json_object **out)
{
	enum err err = ask(of, PASSKEY_LOGIN, bound, "required", out);

	json_put_list(*out, "allowCredentials");
	return err;
}

enum err passkey_ask_code(
    const struct factor_of *of, const char *bound, struct json_object **out)
{
	enum err err = ask(of, PASSKEY_CODE, bound, "preferred", out);

	return err ? err : put_known(of, *out, "allowCredentials");
}

/* --- Adding --------------------------------------------------------------- */

/* A challenge is good for one right answer. */
static enum err use_challenge(
    const struct factor_of *of, const struct passkey_checked *checked)
{
	const struct db_value now = db_int(of->now);
	const struct db_value values[] = {
	    db_text(checked->challenge_hash), db_int(checked->challenge_end)};
	int64_t changed = 0;
	enum err err = db_run(of->brand->db,
	    "delete from passkey_answered where expires <= $1", &now, 1, NULL);

	if (!err)
		err = db_run(of->brand->db,
		    "insert into passkey_answered (challenge_hash, expires) "
		    "values ($1, $2) on conflict (challenge_hash) do nothing",
		    values, 2, &changed);
	if (err || changed)
		return err;
	log_info("passkey.refused", "a challenge that was answered already");
	return ERR_RULE;
}

static enum err add_row(const struct factor_of *of, const struct passkey *key,
    const struct webauthn_data *data)
{
	const struct db_value values[] = {db_text(key->id),
	    db_text(of->brand->name), db_int(of->client_id),
	    db_text(key->login),
	    db_text(crypto_hex(of->mem, data->id.at, data->id.len)),
	    db_text(crypto_hex(of->mem, data->cose.at, data->cose.len)),
	    db_int(data->count), db_text(key->name), db_int(of->now)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "insert into passkey (id, brand, client_id, login, credential, "
	    "public_key, sign_count, name, created, used) "
	    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) "
	    "on conflict (brand, credential) do nothing",
	    values, 9, &changed);

	return err || changed ? err : ERR_CONFLICT;
}

static enum err add_codes(
    const struct factor_of *of, const char *codes[FACTOR_CODES], size_t *n)
{
	struct factor f;
	enum err err = factor_find(of, "", &f);

	*n = 0;
	if (err || f.codes_left >= FACTOR_FEW)
		return err;
	*n = FACTOR_CODES;
	return factor_renew_codes(of, codes);
}

/* Within a transaction. */
static enum err add(const struct factor_of *of,
    const struct passkey_checked *checked, const struct passkey *key,
    const char *codes[FACTOR_CODES], size_t *n_codes)
{
	struct row *rows;
	size_t n;
	enum err err = use_challenge(of, checked);

	if (!err)
		err = find_rows(of, &rows, &n);
	if (!err && n >= PASSKEY_MOST)
		err = ERR_CONFLICT;
	if (!err)
		err = add_row(of, key, &checked->data);
	return err ? err : add_codes(of, codes, n_codes);
}

static bool same(struct webauthn_bytes a, struct webauthn_bytes b)
{
	return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

static enum err refuse(const char *why)
{
	log_info("passkey.refused", "%s", why);
	return ERR_RULE;
}

enum err passkey_add(const struct factor_of *of, const char *bound,
    const char *credential, struct passkey *key,
    const char *codes[FACTOR_CODES], size_t *n_codes)
{
	struct passkey_reply r;
	struct passkey_checked checked;
	enum err err;

	*n_codes = 0;
	if (!passkey_read(of->mem, credential, true, &r))
		return refuse("malformed");
	err = passkey_check(of, PASSKEY_ADD, bound, &r, &checked);
	if (err)
		return err;
	if (!same(r.id, checked.data.id))
		return refuse("of another id");
	if (!passkey_check_key(&checked.data.key))
		return refuse("its key is none");
	key->id = crypto_base32_token(of->mem, 16);
	key->client_id = of->client_id;
	key->created = of->now;
	key->used = 0;
	err = db_begin(of->brand->db);
	return err ? err : end(of, add(of, &checked, key, codes, n_codes));
}

/* --- Using ---------------------------------------------------------------- */

static enum err find_credential(
    const struct factor_of *of, const struct passkey_reply *r, struct row *out)
{
	const struct db_value values[] = {db_text(of->brand->name),
	    db_text(crypto_hex(of->mem, r->id.at, r->id.len))};
	struct db_rows rows;
	enum err err;

	if (r->id.len > WEBAUTHN_ID_MAX)
		return refuse("malformed");
	err = db_query(of->brand->db, of->mem,
	    "select " COLUMNS " from passkey "
	    "where brand = $1 and credential = $2",
	    values, 2, &rows);
	if (err)
		return err;
	if (!rows.rows)
		return refuse("a key that nobody has");
	*out = read_row(&rows, 0);
	return ERR_OK;
}

/* Who logs in without a name must be told by the key; else it may be. */
static enum err check_user(const struct factor_of *of, enum passkey_use use,
    const struct passkey_reply *r, const struct row *row)
{
	unsigned char user[CRYPTO_SHA256];
	enum err err = passkey_make_user(of, row->key.client_id, user);

	if (err)
		return err;
	if (use == PASSKEY_CODE && row->key.client_id != of->client_id)
		return refuse("another customer's key");
	if (use == PASSKEY_CODE && !r->user.len)
		return ERR_OK;
	if (r->user.len == sizeof(user) &&
	    crypto_equal(r->user.at, user, sizeof(user)))
		return ERR_OK;
	return refuse("a key for another customer");
}

static enum err check_signature(const struct factor_of *of,
    const struct passkey_reply *r, const struct row *row)
{
	size_t len = strlen(row->public_key) / 2;
	unsigned char *raw = mem_alloc(of->mem, len + 1);
	struct webauthn_key key;

	if (!crypto_unhex(row->public_key, raw, len) ||
	    !webauthn_parse_key((struct webauthn_bytes){raw, len}, &key)) {
		log_error("passkey.key", "that of passkey %s is unreadable",
		    row->key.id);
		return ERR_INTERNAL;
	}
	return passkey_check_signature(of->mem, r, &key)
		   ? ERR_OK
		   : refuse("not signed by the key");
}

/* A counter that does not go up tells of a copied key (7.2, step 21). Most keep
 * none: 0. */
static enum err use_row(const struct factor_of *of, const struct row *row,
    const struct passkey_checked *checked)
{
	const struct db_value values[] = {
	    db_int(checked->data.count), db_int(of->now), db_text(row->key.id)};
	int64_t changed;
	enum err err = db_run(of->brand->db,
	    "update passkey set sign_count = $1, used = $2 where id = $3 "
	    "and (sign_count < $1 or (sign_count = 0 and $1 = 0))",
	    values, 3, &changed);

	if (err || changed)
		return err;
	log_warn("passkey.counter",
	    "passkey %s of client %" PRId64 " counts %" PRIu32 " after %" PRId64
	    ": there may be a copy of it",
	    row->key.id, row->key.client_id, checked->data.count, row->count);
	return ERR_RULE;
}

static enum err try_credential(const struct factor_of *of, enum passkey_use use,
    const char *bound, const char *credential, struct row *row)
{
	struct passkey_reply r;
	struct passkey_checked checked;
	enum err err;

	if (!passkey_read(of->mem, credential, false, &r))
		return refuse("malformed");
	err = passkey_check(of, use, bound, &r, &checked);
	if (!err)
		err = find_credential(of, &r, row);
	if (!err)
		err = check_user(of, use, &r, row);
	if (!err)
		err = check_signature(of, &r, row);
	if (!err)
		err = use_challenge(of, &checked);
	return err ? err : use_row(of, row, &checked);
}

enum err passkey_log_in(const struct factor_of *of, const char *bound,
    const char *credential, struct passkey *out)
{
	struct row row;
	enum err err =
	    try_credential(of, PASSKEY_LOGIN, bound, credential, &row);

	if (!err)
		*out = row.key;
	return err;
}

enum err passkey_try(
    const struct factor_of *of, const char *bound, const char *credential)
{
	struct row row;

	return try_credential(of, PASSKEY_CODE, bound, credential, &row);
}
