/* listen.h: the socket that the web server connects to: systemd's or our own.
 */
#ifndef PORTICO_LISTEN_H
#define PORTICO_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct listener {
	int fd; /* listens, does not block */
	const char *path;
	bool made; /* by us, so removed by us */
	dev_t dev; /* which file we made */
	ino_t ino;
};

/* Takes the socket that systemd hands over (LISTEN_FDS), or makes `path`. A
 * file left there by a dead pool is replaced; one where somebody listens is
 * not. False: standard error says why. */
bool listen_open(struct listener *l, const char *path);

/* How many requests may wait for so many workers: 16 for each, 128 at least.
 * Those beyond are not accepted, and the web server answers 503 itself at once:
 * a longer queue serves nobody sooner. Systemd's socket gets it, too, and keeps
 * it while the service restarts. */
void listen_bound(const struct listener *l, size_t workers);

/* Closes, and removes the file if it is still the one that we made. */
void listen_close(struct listener *l);

#endif
