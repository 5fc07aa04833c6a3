/* reset.c: tokens of forgotten passwords. */
#include "domain/reset.h"

#include <string.h>

#include "base/mem.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { TOKEN_BYTES = 32 };

static const char *hash_token(const char *token, char out[CRYPTO_SHA256_HEX])
{
	crypto_sha256_hex(token, strlen(token), out);
	return out;
}

static enum err add_row(struct db *db, const char *brand, const struct reset *r)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(hash_token(r->token, hash)),
	    db_text(brand), db_int(r->client_id), db_text(r->login),
	    db_int(r->expires)};

	return db_run(db,
	    "insert into reset (token_hash, brand, client_id, login, expires) "
	    "values ($1, $2, $3, $4, $5)",
	    values, 5, NULL);
}

enum err reset_begin(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, const char *login, int64_t now, struct reset *out)
{
	const struct db_value when = db_int(now);

	*out = (struct reset){
	    .token = crypto_token(m, TOKEN_BYTES),
	    .login = mem_text(m, login),
	    .client_id = client_id,
	    .expires = now + RESET_LIFETIME,
	};
	if (db_run(db, "delete from reset where expires <= $1", &when, 1, NULL))
		return ERR_BUSY;
	return add_row(db, brand, out);
}

enum err reset_find(struct db *db, struct mem *m, const char *brand,
    const char *token, int64_t now, struct reset *out)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {
	    db_text(hash_token(token, hash)), db_text(brand), db_int(now)};
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select client_id, login, expires from reset "
	    "where token_hash = $1 and brand = $2 and expires > $3",
	    values, 3, &rows);

	if (err)
		return err;
	if (!rows.rows)
		return ERR_NOT_FOUND;
	*out = (struct reset){
	    .token = token,
	    .client_id = db_cell_int(&rows, 0, 0),
	    .login = db_cell_text(&rows, 0, 1),
	    .expires = db_cell_int(&rows, 0, 2),
	};
	return ERR_OK;
}

enum err reset_take(struct db *db, const char *brand, const struct reset *r)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {
	    db_text(hash_token(r->token, hash)), db_text(brand)};
	int64_t taken = 0;
	enum err err =
	    db_run(db, "delete from reset where token_hash = $1 and brand = $2",
		values, 2, &taken);

	return !err && !taken ? ERR_NOT_FOUND : err;
}

enum err reset_give_back(
    struct db *db, const char *brand, const struct reset *r)
{
	return add_row(db, brand, r);
}

enum err reset_end_client(struct db *db, const char *brand, int64_t client_id)
{
	const struct db_value values[] = {db_text(brand), db_int(client_id)};

	return db_run(db,
	    "delete from reset where brand = $1 and client_id = $2", values, 2,
	    NULL);
}
