/* mirror_fill.h: inside mirror*.c: reads a table from VCS into a copy. */
#ifndef PORTICO_MIRROR_FILL_H
#define PORTICO_MIRROR_FILL_H

#include "domain/mirror.h"
#include "domain/rate.h"

struct fill;

/* A copy that is being made; `generation` is its own, and new. */
struct fill *fill_open(struct db *db, int64_t generation);
void fill_close(struct fill *f);

/* Adds rows, in one transaction. ERR_RULE: too many services or rows. */
enum err fill_add(
    struct fill *f, struct mem *m, const struct vcs_rate *rows, size_t n);
size_t fill_numbers(const struct fill *f);

/* Writes what is left, and the orders of columns. Memory: about 60 bytes a row,
 * and while names are sorted, these. *rows: that will be shown. `goes_on` may
 * end it (ERR_LATE). */
enum err fill_finish(struct fill *f, const struct mirror_work *w, size_t *rows);

/* JSON: the ids of its services; in the pool. */
const char *fill_services(const struct fill *f, struct mem *m);

#endif
