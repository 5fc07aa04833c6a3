/* pool.h: the parent of the workers: owns the socket and the configuration,
 * keeps the number of workers, and survives whatever happens to them.
 *
 * SIGHUP loads and checks the configuration before anything is touched; only
 * if all of it is right do new workers take over from the old ones. SIGTERM
 * and SIGINT let requests finish, for pool.grace seconds at most.
 */
#ifndef PORTICO_POOL_H
#define PORTICO_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct pool_options {
	const char *config; /* what --config said, or NULL */
	const char *socket; /* where to listen, unless systemd gave one */
	int64_t workers;    /* 0: as the configuration says */
	bool watch;	    /* reload when a file changes */
	int64_t reconcile;  /* seconds between rounds; 0: somebody else does */
};

/* Serves until a signal ends it. Returns the exit status; what was wrong at
 * the start is on standard error. */
int pool_run(const struct pool_options *options);

#endif
