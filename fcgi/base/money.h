/* money.h: an exact decimal. Money, rates and fees keep every digit that the
 * billing system gave; no double is ever involved.
 *
 * A value is `coef` / 10^`scale`. The currency travels beside it (money_sum
 * of two currencies would be a mistake of the caller's, so rows of mixed
 * currencies are never added).
 */
#ifndef PORTICO_MONEY_H
#define PORTICO_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

__extension__ typedef __int128 money_int;

enum { MONEY_SCALE_MAX = 18, MONEY_DIGITS_MAX = 30 };

struct money {
	money_int coef;
	unsigned scale; /* digits behind the point, 0 to MONEY_SCALE_MAX */
};

/* Reads a JSON number's or string's text: optional '-', digits, optionally
 * '.' and digits, optionally an exponent ("1e-7" comes from some encoders).
 * False, and *out untouched: not a number, NaN, more than MONEY_DIGITS_MAX
 * digits or more than MONEY_SCALE_MAX of them behind the point. */
bool money_parse(const char *text, struct money *out);

/* a + b and a - b. False when the result does not fit. */
bool money_add(struct money a, struct money b, struct money *out);
bool money_sub(struct money a, struct money b, struct money *out);

/* a * b, for amounts of a rate and a quantity. False when it does not fit. */
bool money_mul(struct money a, struct money b, struct money *out);

/* a / by (over 0), rounded half to even to `scale` digits behind the point.
 * False when it does not fit. */
bool money_divide(
    struct money a, int64_t by, unsigned scale, struct money *out);

/* Rounded half to even to `scale` digits behind the point, as VCS rounds
 * totals. A smaller scale than asked for is left alone. */
struct money money_round(struct money a, unsigned scale);

/* part * of / whole, cut to a whole number: how long a bar is. 0 where `whole`
 * is zero or the parts do not fit. */
int64_t money_share(struct money part, struct money whole, int64_t of);

struct money money_negate(struct money a);
int money_compare(struct money a, struct money b); /* <0, 0, >0 */
bool money_is_zero(struct money a);
int money_sign(struct money a); /* -1, 0, 1 */

/* "-12.50": every digit, the scale kept, no grouping. In the pool. */
char *money_text(struct mem *m, struct money a);

#endif
