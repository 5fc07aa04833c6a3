/* throttle.c: how often somebody may fail. */
#include "domain/throttle.h"

#include <arpa/inet.h>
#include <ctype.h>
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

/* What ends later than any delay could comes from a clock that was wrong, and
 * would lock people out until then. */
static int64_t seconds_left(int64_t until, int64_t window_s, int64_t now)
{
	if (until <= now || until > now + window_s * THROTTLE_GROWTH)
		return 0;
	return until - now;
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
	    "select until, count from throttle "
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

/* "Within the window", and what the delay is that reaching the limit makes. */
#define LIVE "throttle.until > $4 and throttle.until <= $7"
#define NEXT                                                                   \
	"case when throttle.delay = 0 then $8 "                                \
	"when throttle.delay >= $9 then $10 else throttle.delay * 2 end"

enum err throttle_count(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t limit, int64_t window_s, int64_t now)
{
	char hash[CRYPTO_SHA256_HEX];
	int64_t most = window_s * THROTTLE_GROWTH;
	const struct db_value values[] = {db_text(brand), db_text(kind),
	    db_text(hash_subject(subject, hash)), db_int(now),
	    db_int(now + window_s), db_int(limit), db_int(now + most),
	    db_int(window_s), db_int(most / 2), db_int(most),
	    db_int(now - most)};

	if (limit <= 0)
		return ERR_OK;
	/* One statement, so that no count of another process is lost. Of the
	 * delay of a window that ended below the limit, half is left. */
	return db_run(db,
	    "insert into throttle (brand, kind, subject, since, count, until) "
	    "values ($1, $2, $3, $4, 1, $5) "
	    "on conflict (brand, kind, subject) do update set "
	    "count = case when " LIVE " then throttle.count + 1 else 1 end, "
	    "since = case when " LIVE " then throttle.since else $4 end, "
	    "delay = case when " LIVE " then "
	    "case when throttle.count + 1 = $6 then " NEXT
	    " else throttle.delay end "
	    "when throttle.until <= $11 or throttle.until > $7 then 0 "
	    "when throttle.count >= $6 then throttle.delay "
	    "else throttle.delay / 2 end, "
	    "until = case when not (" LIVE ") then $5 "
	    "when throttle.count + 1 = $6 then throttle.since + " NEXT
	    " else throttle.until end",
	    values, 11, NULL);
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

enum err throttle_purge(struct db *db, int64_t now)
{
	const int64_t longest = INT64_C(86400) * THROTTLE_GROWTH;
	const struct db_value values[] = {db_int(now), db_int(THROTTLE_GROWTH),
	    db_int(now + longest), db_int(THROTTLE_PURGE_MAX)};

	/* A delay is remembered for as long as it may double. What ends later
	 * than any comes from a clock that was wrong. */
	return db_run(db,
	    "delete from throttle where (brand, kind, subject) in ("
	    "select brand, kind, subject from throttle where (until <= $1 "
	    "and (delay = 0 or until + delay * $2 <= $1)) or until > $3 "
	    "limit $4)",
	    values, 4, NULL);
}

/* --- Subjects ------------------------------------------------------------- */

const char *throttle_login(struct mem *m, const char *login)
{
	char *folded = mem_text(m, login);

	for (char *c = folded; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return folded;
}

/* The first bits of an address; IPv4 in IPv6 is IPv4. */
static const char *cut(
    struct mem *m, const char *address, size_t v4_bytes, size_t v6_bytes)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16] = {0};
	int family = AF_INET;

	if (inet_pton(AF_INET, address, bytes) != 1) {
		if (inet_pton(AF_INET6, address, bytes) != 1)
			return address;
		family = AF_INET6;
		if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *)bytes)) {
			family = AF_INET;
			memmove(bytes, bytes + 12, 4);
		}
	}
	if (family == AF_INET)
		memset(bytes + v4_bytes, 0, 4 - v4_bytes);
	else
		memset(bytes + v6_bytes, 0, 16 - v6_bytes);
	inet_ntop(family, bytes, text, sizeof(text));
	return mem_text(m, text);
}

const char *throttle_address(struct mem *m, const char *address)
{
	return cut(m, address, 4, 8);
}

const char *throttle_network(struct mem *m, const char *address)
{
	return cut(m, address, 3, 6);
}
