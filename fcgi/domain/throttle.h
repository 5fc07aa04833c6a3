/* throttle.h: how often somebody may fail: failures are counted per brand,
 * kind ("login", "address", "voucher", "reset") and subject (the login as
 * typed, the address), in windows that begin with the first failure.
 *
 * Who reaches the limit waits until the window is over; the next time that he
 * does, from the beginning of that window twice as long, and so on, up to
 * THROTTLE_GROWTH windows. A window without reaching it halves the delay, and
 * after THROTTLE_GROWTH quiet ones it is forgotten.
 *
 * A subject is stored as its SHA-256 only, because people type passwords into
 * the login field. Two spellings are two subjects: see the functions at the
 * end.
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
struct mem;

enum { THROTTLE_GROWTH = 8 };

/* ERR_THROTTLED, not logged: `limit` failures are in the window of `window_s`
 * seconds; *retry_after_s (may be NULL) is how long it lasts, at least 1;
 * otherwise 0. Limit 0: no limit, and the store is not asked. */
enum err throttle_check(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t limit, int64_t window_s, int64_t now,
    int64_t *retry_after_s);

/* Adds one; begins a new window if the last one is over. Limit 0: nothing is
 * counted. */
enum err throttle_count(struct db *db, const char *brand, const char *kind,
    const char *subject, int64_t limit, int64_t window_s, int64_t now);

/* Takes one back that turned out to be no failure: the try came to nothing
 * because the billing system was away. */
enum err throttle_take_back(
    struct db *db, const char *brand, const char *kind, const char *subject);

enum err throttle_clear(
    struct db *db, const char *brand, const char *kind, const char *subject);

/* Deletes what counts no more, at most THROTTLE_PURGE_MAX rows a call. */
enum { THROTTLE_PURGE_MAX = 500 };
enum err throttle_purge(struct db *db, int64_t now);

/* --- Subjects: one each, however they are spelled; in the pool ----------- */

const char *throttle_login(struct mem *m, const char *login);
/* An IPv4 address; the /64 of an IPv6 one, which is one host's to use up. */
const char *throttle_address(struct mem *m, const char *address);
/* The /24 of an IPv4 address, the /48 of an IPv6 one: a site's. */
const char *throttle_network(struct mem *m, const char *address);

#endif
