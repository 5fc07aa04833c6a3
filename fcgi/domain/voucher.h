/* voucher.h: redeeming a voucher, once.
 *
 * The store remembers each try before VCS is asked, and what came of it. One
 * customer's tries go one by one, so that a double click asks VCS once and
 * sees the same success twice.
 */
#ifndef PORTICO_VOUCHER_H
#define PORTICO_VOUCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/money.h"

struct brand;
struct db;
struct mem;
struct session;

enum { VOUCHER_REPEAT_S = 600 }; /* a success is shown again for so long */

struct voucher {
	bool has_amount;
	struct money amount; /* credited */
	bool again;	     /* a success that was told before */
	/* With ERR_RULE: "used", "expired", "unknown", "foreign", "currency";
	 * "own": this customer redeemed it before; "unsure": it is used, most
	 * likely by a try of this customer's of which no answer came. */
	const char *refusal;
	int64_t retry_after; /* with ERR_THROTTLED, seconds */
};

/* ERR_CONFLICT: another try of this customer's is on its way. ERR_THROTTLED:
 * too many failed ones. ERR_UPSTREAM, ERR_LATE: nobody knows whether it was
 * credited; a later try asks again. ERR_BUSY: VCS was not asked. */
enum err voucher_redeem(struct brand *b, struct db *db, struct mem *m,
    struct session *s, const char *code, int64_t now, struct voucher *out);

#endif
