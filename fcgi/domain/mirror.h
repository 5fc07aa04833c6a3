/* mirror.h: the mirror of rate tables: what VCS cannot search and sort.
 *
 * A table that customers look at is read whole, in the background, into a copy
 * of the store, and read again after rates.refresh seconds; customers see the
 * last copy that is whole, with its age. A copy is never changed: readings
 * follow each other by one update. Copies belong to a brand and a table of its
 * VCS; whose table it is, each request asks VCS.
 *
 * Not mirrored are tables of fewer than rates.least rows, which are read
 * quickly enough, of more than rates.tableRows, and what would make more than
 * rates.rows in all; tables that nobody looked at for rates.forget seconds are
 * dropped.
 *
 * Unless said otherwise, an enum err is the store's: ERR_BUSY or ERR_INTERNAL,
 * logged.
 */
#ifndef PORTICO_MIRROR_H
#define PORTICO_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct brand;
struct db;
struct mem;
struct rate_query;
struct vcs_rate;

/* The copy of a table that is shown. */
struct mirror {
	struct db *db;
	int64_t generation; /* 0: there is none; the rest is 0, too */
	int64_t read_at;
	size_t rows, numbers;
	const char *services; /* JSON: their ids */
	bool coming;	      /* there is none yet, but it is on its way */
	bool known;	      /* somebody has looked at this table before */
	int64_t used;	      /* when, about */
};

enum err mirror_find(struct db *db, struct mem *m, const char *brand,
    int64_t table, int64_t now, struct mirror *out);

/* Somebody looks at this table: have it copied, and do not drop it. Writes no
 * more often than is needed; for after the answer. */
enum err mirror_want(struct db *db, const struct mirror *mirror,
    const char *brand, int64_t table, int64_t now);

/* Rows [skip, skip + limit) of what the query finds, in its order; in the
 * pool. ERR_NOT_FOUND: the copy is gone by now. */
enum err mirror_search(const struct mirror *mirror, struct mem *m,
    const struct rate_query *q, size_t skip, size_t limit,
    struct vcs_rate **rows, size_t *n);

/* --- Filling -------------------------------------------------------------- */

struct mirror_work {
	struct brand *brand;
	struct db *db;
	struct mem *mem; /* for one piece at a time; is cleared */
	/* False: end soon, with nothing done. */
	bool (*goes_on)(void *ctx);
	void *ctx;
	bool stuck; /* the last table waited in vain */
};

/* Reads the tables that are due. *later: when the next one is (seconds since
 * 1970). ERR_BUSY: the store is away; else ERR_OK: what VCS refuses is logged
 * and tried again later. */
enum err mirror_fill_due(struct mirror_work *w, int64_t *later);

/* Lets go of the tables that nobody looked at for long, or for which there is
 * no room, and of copies that nobody will finish. Also of those of a brand that
 * is no more, or has another VCS. A table that somebody reads waits. */
enum err mirror_forget(struct mirror_work *w);

/* Drops what is not needed any more, some at a time. *more: call again. */
enum err mirror_sweep(struct mirror_work *w, bool *more);

/* For operators' figures. */
struct mirror_counts {
	int64_t tables, rows; /* that are shown */
	int64_t oldest;	      /* when the oldest of them was read; 0: none */
	int64_t failing;      /* tables that could not be read, last time */
};
enum err mirror_count(
    struct db *db, struct mem *m, const char *brand, struct mirror_counts *out);

#endif
