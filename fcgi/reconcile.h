/* reconcile.h: the process that finishes payments: what a crash left, what was
 * never approved, what nobody told us. */
#ifndef PORTICO_RECONCILE_H
#define PORTICO_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

struct site;

/* Rounds over all brands, `every` seconds apart, until SIGTERM or SIGINT (which
 * must be blocked); 0: until nothing is left that could be done now. Opens and
 * closes the site's handles, confined (confine.h). `is_replaced`: another
 * one is started when it ends, as it does when a file that name look-ups need
 * was replaced. The exit status: 1 where something failed. */
int reconcile_run(struct site *site, int64_t every, bool is_replaced);

#endif
