/* rate.h: which rates a customer searches for, and in which order: the same for
 * rows that were just read and for the mirror (mirror.h).
 */
#ifndef PORTICO_RATE_H
#define PORTICO_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/money.h"

struct mem;
struct vcs_names;
struct vcs_rate;

enum rate_sort {
	RATE_BY_CODE,
	RATE_BY_NAME,
	RATE_BY_SERVICE, /* by the name that the customer sees */
	RATE_BY_PRICE,
	RATE_BY_INTERVAL,
	RATE_BY_MIN_VOLUME,
	RATE_BY_SETUP_FEE,
	RATE_BY_FROM,
	RATE_BY_TILL /* no end comes last */
};
enum { RATE_SORTS = RATE_BY_TILL + 1 };

struct rate_query {
	const char *folded; /* a part of the name, folded; NULL: any */
	const char *code;   /* the code's beginning, digits; NULL: none. A rate
			     * is found by its name or by its code */
	int64_t service;    /* 0: any */
	enum rate_sort sort;
	bool descending;
	/* For the order by service. */
	const struct vcs_names *services;
};

/* A query of what stands in the address: `q` may be NULL, `sort` is a column's
 * name, with '-' in front for descending. In the pool. */
struct rate_query *rate_make_query(struct mem *m, const char *q,
    int64_t service, const char *sort, const struct vcs_names *services);

/* A number as people write it, "+49 (30) 12" or "004930-12", as the digits that
 * codes are compared with: 493012. NULL: something else stands in it. */
const char *rate_make_digits(struct mem *m, const char *number);

/* Leaves the rows that match, and sorts them. Returns how many there are. */
size_t rate_filter(
    struct mem *m, const struct rate_query *q, struct vcs_rate *rows, size_t n);
void rate_sort_rows(
    struct mem *m, const struct rate_query *q, struct vcs_rate *rows, size_t n);

/* --- What sorting is made of; for the mirror ------------------------------ */

struct rate_item {
	union {
		int64_t number;
		struct money money;
		const char *text;
	} key;
	int64_t tie; /* equal ones in this order, whichever way the rest goes */
	uint32_t row;
};

/* Its key in the order of `sort`; r->folded is the text of names and services,
 * and texts are not copied. */
void rate_set_key(
    struct rate_item *item, enum rate_sort sort, const struct vcs_rate *r);
int rate_compare_keys(
    enum rate_sort sort, const struct rate_item *a, const struct rate_item *b);
void rate_sort_items(
    struct rate_item *items, size_t n, enum rate_sort sort, bool descending);

#endif
