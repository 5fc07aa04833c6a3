/* mirror_copy.h: inside mirror*.c: what both do who make copies and who drop
 * them. */
#ifndef PORTICO_MIRROR_COPY_H
#define PORTICO_MIRROR_COPY_H

#include <stdint.h>

#include "domain/brand.h"
#include "domain/mirror.h"

enum {
	COPY_LOCK = BRAND_NAME + 60,
	COPY_RECENT = 3600 /* what was used since is not dropped for room */
};

/* The lock (db_lock()) of who reads a table or drops it; in `out`. */
const char *copy_name_lock(
    char out[COPY_LOCK], const struct brand *b, int64_t table);

/* Ends the table's copies but this one, for who has its lock: nobody else
 * fills them then. They are kept until swept. */
enum err copy_end_others(
    const struct mirror_work *w, int64_t table, int64_t but);

#endif
