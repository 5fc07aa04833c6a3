/* device.h: what customers log in with: whether it is new, and what it is
 * called.
 *
 * A device is a text that it brings along (a cookie of its own); the store
 * keeps its SHA-256, and forgets what was not seen for DEVICE_KEEP days.
 */
#ifndef PORTICO_DEVICE_H
#define PORTICO_DEVICE_H

#include <stdint.h>

#include "base/log.h"

struct db;
struct mem;

enum { DEVICE_KEEP = 400 };

enum device_news {
	DEVICE_KNOWN,
	DEVICE_FIRST, /* the customer's first here: nothing to compare with */
	DEVICE_NEW
};

/* Notes that the client has logged in with it. ERR_BUSY, ERR_INTERNAL: the
 * store's, and logged. */
enum err device_note(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, const char *device, int64_t now, enum device_news *news);

/* The program and the system that a User-Agent names, in the words of their
 * makers; NULL: it names none that is known. */
void device_read_agent(
    const char *agent, const char **program, const char **system);

#endif
