/* fmt_plain.h: inside of fmt: numbers the way that ICU was seen to write them,
 * at a tenth of its cost.
 *
 * A layout is learnt from a formatter: what stands around the digits, between
 * them, and how many there are behind the point. Then a few dozen numbers are
 * written both ways; a formatter that does anything else (other digits, groups
 * of two, a minus of its own) has no layout, and ICU goes on writing.
 */
#ifndef PORTICO_FMT_PLAIN_H
#define PORTICO_FMT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/money.h"

struct mem;

enum { PLAIN_TEXT = 32 };

struct plain {
	bool known;
	unsigned least, most; /* digits behind the point */
	bool four_grouped;    /* 1,234 and not 1234 */
	char before[2][PLAIN_TEXT], after[2][PLAIN_TEXT]; /* 1: of a minus */
	char group[8], point[8];
};

/* Writes a number by the formatter; NULL: it cannot. */
typedef const char *plain_writer(void *ctx, struct mem *m, const char *digits);

/* Learns the layout of a formatter that shows at least `least` and at most
 * `most` digits behind the point, rounding half to even. */
void plain_learn(struct plain *p, unsigned least, unsigned most,
    plain_writer *write, void *ctx);

/* NULL: no layout is known, or the number is too long for it. */
char *plain_write(struct mem *m, const struct plain *p, struct money a);

#endif
