/* personal.h: what the store holds on a customer, part by part, for the file
 * that customers may have of it (GDPR, articles 15 and 20).
 *
 * A part is a query over one table and the names of its columns. Hashes of
 * tokens, secrets of apps, recovery codes and nonces of forms are in none: they
 * say nothing about the customer and are worth something to a thief. What a
 * session keeps of VCS (ids, currency, zone) is with what VCS says. A new
 * table with a customer's data gets a part here.
 *
 * What gateways sent (inbox) is kept by event, not by customer, and is left
 * out; what came of it is in the parts of payments.
 */
#ifndef PORTICO_PERSONAL_H
#define PORTICO_PERSONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "tools/db.h"

struct mem;

enum personal_kind {
	PERSONAL_TEXT,
	PERSONAL_COUNT, /* a whole number */
	PERSONAL_FLAG,	/* 1: yes */
	PERSONAL_TIME,	/* seconds since 1970; 0: none */
	PERSONAL_TIME_MS,
	PERSONAL_TIME_US
};

struct personal_column {
	const char *key;
	enum personal_kind kind;
};

struct personal_part {
	const char *name;
	/* $1 brand, $2 the client's id, $3 and $4 which rows; with `hashed`, $2
	 * and $5 are the id and the login as throttle.h has them. */
	const char *sql;
	const struct personal_column *columns; /* ended by one without a key */
	bool hashed;
};

/* Ended by one without a name. */
extern const struct personal_part personal_parts[];

/* Whose. */
struct personal_of {
	const char *brand, *login;
	int64_t client_id;
};

/* At most `limit` rows of a part behind the first `offset`; cells are in the
 * order of its columns. ERR_BUSY and ERR_INTERNAL are the store's, and logged.
 */
enum err personal_read(struct db *db, struct mem *m,
    const struct personal_part *part, const struct personal_of *of,
    size_t limit, size_t offset, struct db_rows *out);

#endif
