/* lease.c: things that only one request at a time may do. */
#include "domain/lease.h"

#include <time.h>

#include "base/mem.h"
#include "tools/crypto.h"
#include "tools/db.h"

enum { STEP_MS = 20 };

static enum err try_once(struct db *db, const struct lease *l, int64_t ttl_s)
{
	int64_t now = (int64_t)time(NULL), changed = 0;
	const struct db_value values[] = {db_text(l->brand), db_text(l->name),
	    db_text(l->holder), db_int(now + ttl_s), db_int(now)};
	enum err err = db_run(db,
	    "insert into lease (brand, name, holder, until) "
	    "values ($1, $2, $3, $4) on conflict (brand, name) do update set "
	    "holder = $3, until = $4 where lease.until <= $5",
	    values, 5, &changed);

	return err ? err : changed ? ERR_OK : ERR_CONFLICT;
}

enum err lease_take(struct db *db, struct mem *m, const char *brand,
    const char *name, int64_t ttl_s, int64_t patience_ms, struct lease *out)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	enum err err;

	*out = (struct lease){brand, mem_text(m, name), crypto_token(m, 16)};
	for (;;) {
		err = try_once(db, out, ttl_s);
		patience_ms -= STEP_MS;
		if (err != ERR_CONFLICT || patience_ms < 0)
			return err;
		nanosleep(&step, NULL);
	}
}

/* What fails is logged by the store, and the lease runs out. */
void lease_give(struct db *db, const struct lease *l)
{
	const struct db_value values[] = {
	    db_text(l->brand), db_text(l->name), db_text(l->holder)};

	db_run(db,
	    "delete from lease "
	    "where brand = $1 and name = $2 and holder = $3",
	    values, 3, NULL);
}
