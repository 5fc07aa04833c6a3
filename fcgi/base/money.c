/* money.c: exact decimals on 128-bit integers. A coefficient never has more
 * than MONEY_DIGITS_MAX digits, so what is printed can be read again. */
#include "base/money.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { EXPONENT_MAX = 999 };

static money_int power10(unsigned n)
{
	money_int p = 1;

	while (n--)
		p *= 10;
	return p;
}

static bool fits(money_int coef)
{
	money_int limit;

	/* Nearly all; and this is asked for every digit. */
	if (coef == (int64_t)coef)
		return true;
	limit = power10(MONEY_DIGITS_MAX);
	return coef > -limit && coef < limit;
}

/* As many digits as fit into 64 bits for certain, which is nearly always all;
 * answers behind them. */
static const char *parse_small(const char *s, money_int *coef)
{
	static const int64_t most = INT64_MAX / 10 - 1;
	int64_t small = *coef < most ? (int64_t)*coef : most;

	if (small == most)
		return s;
	for (; *s >= '0' && *s <= '9' && small < most; s++)
		small = small * 10 + (*s - '0');
	*coef = small;
	return s;
}

/* Takes a run of digits into *coef; false: no digit, or too many. */
static bool parse_digits(const char **at, money_int *coef, unsigned *n)
{
	const char *s = *at;

	s = parse_small(s, coef);
	for (; *s >= '0' && *s <= '9'; s++) {
		*coef = *coef * 10 + (*s - '0');
		if (!fits(*coef))
			return false;
	}
	if (s == *at || s - *at > 1000)
		return false;
	*n = (unsigned)(s - *at);
	*at = s;
	return true;
}

/* An exponent with its 'e', or nothing. */
static bool parse_exponent(const char **at, int *exponent)
{
	const char *s = *at;
	int sign = 1, n = 0;

	*exponent = 0;
	if (*s != 'e' && *s != 'E')
		return true;
	s++;
	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (*s - '0');
		if (n > EXPONENT_MAX)
			return false;
	}
	*exponent = sign * n;
	*at = s;
	return true;
}

/* Moves the point: 12 with -3 digits behind the point is 12000. */
static bool place_point(money_int coef, int behind, struct money *out)
{
	for (; behind < 0; behind++) {
		coef *= 10;
		if (!fits(coef))
			return false;
	}
	if (behind > MONEY_SCALE_MAX)
		return false;
	*out = (struct money){.coef = coef, .scale = (unsigned)behind};
	return true;
}

bool money_parse(const char *text, struct money *out)
{
	bool minus;
	money_int coef = 0;
	unsigned before, behind = 0;
	int exponent;

	if (!text)
		return false;
	minus = *text == '-';
	text += minus;
	if (!parse_digits(&text, &coef, &before))
		return false;
	if (*text == '.') {
		text++;
		if (!parse_digits(&text, &coef, &behind))
			return false;
	}
	if (!parse_exponent(&text, &exponent) || *text)
		return false;
	return place_point(minus ? -coef : coef, (int)behind - exponent, out);
}

/* Gives both the larger scale of the two. */
static bool align(struct money *a, struct money *b)
{
	struct money *coarse = a->scale < b->scale ? a : b;
	unsigned scale = a->scale < b->scale ? b->scale : a->scale;
	money_int factor;

	if (a->scale == b->scale)
		return true;
	factor = power10(scale - coarse->scale);
	coarse->scale = scale;
	return !__builtin_mul_overflow(coarse->coef, factor, &coarse->coef) &&
	       fits(coarse->coef);
}

bool money_add(struct money a, struct money b, struct money *out)
{
	money_int sum;

	if (!align(&a, &b) || __builtin_add_overflow(a.coef, b.coef, &sum) ||
	    !fits(sum))
		return false;
	*out = (struct money){.coef = sum, .scale = a.scale};
	return true;
}

bool money_sub(struct money a, struct money b, struct money *out)
{
	return money_add(a, money_negate(b), out);
}

bool money_mul(struct money a, struct money b, struct money *out)
{
	unsigned scale = a.scale + b.scale;
	money_int product;

	if (__builtin_mul_overflow(a.coef, b.coef, &product))
		return false;
	/* Zeros at the end may go to make room; a digit may not. */
	while (scale > MONEY_SCALE_MAX && product % 10 == 0) {
		product /= 10;
		scale--;
	}
	if (scale > MONEY_SCALE_MAX || !fits(product))
		return false;
	*out = (struct money){.coef = product, .scale = scale};
	return true;
}

bool money_divide(struct money a, int64_t by, unsigned scale, struct money *out)
{
	money_int coef, rest, twice;
	int away = a.coef < 0 ? -1 : 1;

	if (by <= 0 || scale > MONEY_SCALE_MAX || scale < a.scale ||
	    __builtin_mul_overflow(a.coef, power10(scale - a.scale), &coef))
		return false;
	rest = coef % by;
	coef /= by;
	twice = rest < 0 ? -2 * rest : 2 * rest;
	if (twice > by || (twice == by && coef % 2 != 0))
		coef += away;
	*out = (struct money){.coef = coef, .scale = scale};
	return fits(coef);
}

struct money money_round(struct money a, unsigned scale)
{
	money_int unit, rest, twice;
	int away = a.coef < 0 ? -1 : 1;

	if (scale >= a.scale)
		return a;
	unit = power10(a.scale - scale);
	rest = a.coef % unit;
	a.coef /= unit;
	a.scale = scale;
	twice = rest < 0 ? -2 * rest : 2 * rest;
	if (twice > unit || (twice == unit && a.coef % 2 != 0))
		a.coef += away;
	return a;
}

int64_t money_share(struct money part, struct money whole, int64_t of)
{
	money_int product;

	if (!align(&part, &whole) || whole.coef == 0 ||
	    __builtin_mul_overflow(part.coef, (money_int)of, &product))
		return 0;
	product /= whole.coef;
	return product > INT64_MAX || product < INT64_MIN ? 0
							  : (int64_t)product;
}

struct money money_negate(struct money a)
{
	a.coef = -a.coef;
	return a;
}

static int compare(money_int a, money_int b)
{
	return (a > b) - (a < b);
}

int money_compare(struct money a, struct money b)
{
	money_int unit_a, unit_b;
	int whole;

	if (a.scale == b.scale)
		return compare(a.coef, b.coef);
	unit_a = power10(a.scale);
	unit_b = power10(b.scale);
	whole = compare(a.coef / unit_a, b.coef / unit_b);
	if (whole)
		return whole;
	/* The parts behind the point are under 10^18: this cannot overflow,
	 * where aligning the whole values could. */
	return compare(a.coef % unit_a * power10(MONEY_SCALE_MAX - a.scale),
	    b.coef % unit_b * power10(MONEY_SCALE_MAX - b.scale));
}

bool money_is_zero(struct money a)
{
	return a.coef == 0;
}

int money_sign(struct money a)
{
	return compare(a.coef, 0);
}

/* A number's text, from its end to its front. */
struct back {
	char *at;
	unsigned digits, scale;
};

static inline void put_digit(struct back *b, int digit)
{
	if (b->scale && b->digits == b->scale)
		*--b->at = '.';
	*--b->at = (char)('0' + digit);
	b->digits++;
}

char *money_text(struct mem *m, struct money a)
{
	char text[64], *end = text + sizeof(text);
	struct back b = {.at = end, .scale = a.scale};
	money_int left = a.coef < 0 ? -a.coef : a.coef;
	uint64_t small;

	/* Division of 128 bits is slow, and hardly ever needed. */
	for (; left > INT64_MAX; left /= 10)
		put_digit(&b, (int)(left % 10));
	small = (uint64_t)left;
	do {
		put_digit(&b, (int)(small % 10));
		small /= 10;
	} while (small || b.digits <= a.scale);
	if (a.coef < 0)
		*--b.at = '-';
	return mem_text_n(m, b.at, (size_t)(end - b.at));
}
