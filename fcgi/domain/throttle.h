/* throttle.h: how often somebody may fail: failures are counted per brand,
 * kind ("login", "address", "voucher", "reset") and subject (the login as
 * typed, the address), in windows that begin with the first failure.
 *
 * A subject is stored as its SHA-256 only, because people type passwords into
 * the login field. Two spellings are two subjects: fold the case of a login
 * and cut an IPv6 address to its /64 before.
 *
 * Order, for a secret that is tried: check, count, try, and clear when it was
 * right. To count after the try would let as many parallel tries through as
 * there are workers. A counter per address is not to be cleared: with one
 * own log-in in between, an attacker would never be stopped; count there
 * after a failed try.
 *
 * Times are seconds since 1970 and `now` is the caller's clock. ERR_BUSY and
 * ERR_INTERNAL are the store's, and logged.
 */
#ifndef PORTICO_THROTTLE_H
#define PORTICO_THROTTLE_H

#include <stdint.h>

#include "base/log.h"

struct db;

/* ERR_THROTTLED, not logged: `limit` failures are in the window of `window_s`
 * seconds; *retry_after_s (may be NULL) is how long it lasts, at least 1;
 * otherwise 0. Limit 0: no limit, and the store is not asked. */
enum err throttle_check(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t limit, int64_t window_s, int64_t now,
    int64_t *retry_after_s);

/* Adds one; begins a new window if the last one is over. */
enum err throttle_count(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t window_s, int64_t now);

/* Takes one back that turned out to be no failure: the try came to nothing
 * because the billing system was away. */
enum err throttle_take_back(
    struct db *db, const char *brand, const char *kind, const char *subject);

enum err throttle_clear(
    struct db *db, const char *brand, const char *kind, const char *subject);

/* Deletes what is older than the longest window in use, at most
 * THROTTLE_PURGE_MAX rows a call. */
enum { THROTTLE_PURGE_MAX = 500 };
enum err throttle_purge(struct db *db, int64_t now, int64_t window_s);

#endif
