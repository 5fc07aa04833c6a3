/* mirror.h: the process that copies rate tables (domain/mirror.h). */
#ifndef PORTICO_MIRRORING_H
#define PORTICO_MIRRORING_H

#include <stdbool.h>

struct site;

/* Whether a brand of the site wants it. */
bool mirror_is_wanted(const struct site *site);

/* Copies what is due until SIGTERM or SIGINT (which must be blocked). Opens and
 * closes the site's handles, confined (confine.h); another one is started when
 * it ends. The exit status. */
int mirror_run(struct site *site);

#endif
