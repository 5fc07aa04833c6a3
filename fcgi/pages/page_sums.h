/* page_sums.h: adds up usage by day, service, account, package or
 * destination.
 *
 * VCS adds up where it can. A release without such a report has the portal
 * add up xDRs itself, no more than limits.summaryRows of them.
 */
#ifndef PORTICO_PAGE_SUMS_H
#define PORTICO_PAGE_SUMS_H

#include "pages/page_usage.h"

enum { SUM_UNITS = 4 };

/* What was used of one thing. */
struct sum {
	const char *key;  /* a day, an id, a destination; "": none */
	const char *text; /* for people */
	int64_t events, volume;
	struct money cost;
	struct {
		const char *unit; /* NULL ends the list */
		int64_t count;
	} other[SUM_UNITS]; /* what has no duration: messages */
};

struct summary {
	struct call *call;
	struct usage usage;
	const char *group_by;
	struct sum *sums;
	size_t n;
	uint32_t *slots; /* by hash of the key: place in `sums` plus 1 */
	size_t n_slots;
	struct sum total;
	int64_t currency; /* id; 0: the customer's own */
	bool has_other;
	bool counted, partial; /* by the portal itself; not all */
	size_t n_counted;
};

bool summary_is_by_day(const struct summary *s);

/* Adds `use` to a sum. False: it does not fit. */
bool sum_add(struct sum *sum, const struct sum *use);

/* Fills sums, in no order and without texts, from VCS's answer; where VCS has
 * no such report, from xDRs. ERR_UPSTREAM also where sums do not fit, or are
 * of several currencies. */
enum err summary_collect(struct summary *s, const struct vcs_usage *answer);

/* The same, in their order, with their texts, days without usage, the total. */
enum err summary_read(struct summary *s, const struct vcs_usage *answer);

#endif
