/* reset.h: forgotten passwords: who holds the token of a letter may choose a
 * new one, once, within RESET_LIFETIME seconds. The store has only the token's
 * SHA-256. ERR_BUSY and ERR_INTERNAL are the store's, and logged.
 */
#ifndef PORTICO_RESET_H
#define PORTICO_RESET_H

#include <stdint.h>

#include "base/log.h"

struct db;
struct mem;

enum { RESET_MINUTES = 15, RESET_LIFETIME = RESET_MINUTES * 60 };

struct reset {
	const char *token, *login; /* in the pool */
	int64_t client_id, expires;
};

/* Makes a token. Deletes what is expired. */
enum err reset_begin(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, const char *login, int64_t now, struct reset *out);

/* ERR_NOT_FOUND: no such token, another brand's, expired or used. Looking does
 * not use it up: mail scanners follow links. */
enum err reset_find(struct db *db, struct mem *m, const char *brand,
    const char *token, int64_t now, struct reset *out);

/* Uses it up. ERR_NOT_FOUND: another request was faster. */
enum err reset_take(struct db *db, const char *brand, const struct reset *r);
/* Gives it back: nothing came of it. */
enum err reset_give_back(
    struct db *db, const char *brand, const struct reset *r);

/* Deletes the other tokens of the client. */
enum err reset_end_client(struct db *db, const char *brand, int64_t client_id);

#endif
