/* throttle.c: how often somebody may fail. */
#include "domain/throttle.h"

#include <string.h>

#include "base/mem.h"
#include "tools/crypto.h"
#include "tools/db.h"

static const char *hash_subject(
    const char *subject, char out[CRYPTO_SHA256_HEX])
{
	crypto_sha256_hex(subject, strlen(subject), out);
	return out;
}

/* A window that begins in the future by more than its length comes from a
 * clock that was wrong, and would lock people out until then. */
static int64_t seconds_left(int64_t since, int64_t window_s, int64_t now)
{
	int64_t left;

	if (since > now + window_s)
		return 0;
	left = since + window_s - now;
	if (left < 0)
		return 0;
	return left < window_s ? left : window_s;
}

enum err throttle_check(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t limit, int64_t window_s, int64_t now,
    int64_t *retry_after_s)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(brand), db_text(kind),
	    db_text(hash_subject(subject, hash))};
	int64_t count = 0, left = 0;
	struct db_rows rows;
	struct mem *m;
	enum err err;

	if (retry_after_s)
		*retry_after_s = 0;
	if (limit <= 0)
		return ERR_OK;
	m = mem_open(0);
	err = db_query(db, m,
	    "select since, count from throttle "
	    "where brand = $1 and kind = $2 and subject = $3",
	    values, 3, &rows);
	if (!err && rows.rows) {
		left = seconds_left(db_cell_int(&rows, 0, 0), window_s, now);
		count = db_cell_int(&rows, 0, 1);
	}
	mem_close(m);
	if (err || left == 0 || count < limit)
		return err;
	if (retry_after_s)
		*retry_after_s = left;
	return ERR_THROTTLED;
}

enum err throttle_count(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t window_s, int64_t now)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(brand), db_text(kind),
	    db_text(hash_subject(subject, hash)), db_int(now),
	    db_int(now - window_s), db_int(now + window_s)};

	/* One statement, so that no count of another process is lost. */
	return db_run(db,
	    "insert into throttle (brand, kind, subject, since, count) "
	    "values ($1, $2, $3, $4, 1) "
	    "on conflict (brand, kind, subject) do update set "
	    "count = case when throttle.since > $5 and throttle.since <= $6 "
	    "then throttle.count + 1 else 1 end, "
	    "since = case when throttle.since > $5 and throttle.since <= $6 "
	    "then throttle.since else $4 end",
	    values, 6, NULL);
}

enum err throttle_take_back(
    struct db *db, const char *brand, const char *kind, const char *subject)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(brand), db_text(kind),
	    db_text(hash_subject(subject, hash))};

	return db_run(db,
	    "update throttle set count = count - 1 "
	    "where brand = $1 and kind = $2 and subject = $3 and count > 0",
	    values, 3, NULL);
}

enum err throttle_clear(
    struct db *db, const char *brand, const char *kind, const char *subject)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(brand), db_text(kind),
	    db_text(hash_subject(subject, hash))};

	return db_run(db,
	    "delete from throttle "
	    "where brand = $1 and kind = $2 and subject = $3",
	    values, 3, NULL);
}

enum err throttle_purge(struct db *db, int64_t now, int64_t window_s)
{
	const struct db_value values[] = {db_int(now - window_s),
	    db_int(now + window_s), db_int(THROTTLE_PURGE_MAX)};

	return db_run(db,
	    "delete from throttle where (brand, kind, subject) in ("
	    "select brand, kind, subject from throttle "
	    "where since <= $1 or since > $2 limit $3)",
	    values, 3, NULL);
}
