/* lease.h: things that only one request at a time may do, over all processes
 * and hosts of a store: save a customer's profile, redeem a voucher.
 *
 * A lease ends by itself, so that a process that died holds nobody up; make
 * it longer than what it guards can take.
 */
#ifndef PORTICO_LEASE_H
#define PORTICO_LEASE_H

#include <stdint.h>

#include "base/log.h"

struct db;
struct mem;

struct lease {
	const char *brand, *name, *holder;
};

/* Takes the lease of a name for `ttl_s` seconds; waits up to `patience_ms` for
 * who has it. ERR_CONFLICT, not logged: still taken. ERR_BUSY, ERR_INTERNAL:
 * the store's, and logged. */
enum err lease_take(struct db *db, struct mem *m, const char *brand,
    const char *name, int64_t ttl_s, int64_t patience_ms, struct lease *out);

void lease_give(struct db *db, const struct lease *l);

#endif
