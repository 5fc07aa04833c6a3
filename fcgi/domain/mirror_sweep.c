/* mirror_sweep.c: lets go of tables that nobody looks at, and drops old copies.
 */
#include "domain/mirror.h"

#include <inttypes.h>
#include <time.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/mirror_copy.h"
#include "tools/db.h"

enum {
	GRACE = 60, /* an old copy may still be read */
	DAY = 86400,
	LONGEST = 91 * DAY, /* rates.forget is less */
	DELETE_EACH = 100   /* pieces a transaction */
};

/* Nobody looks at it any more: `used` before. */
static enum err forget_table(struct mirror_work *w, int64_t table, int64_t used)
{
	const struct db_value values[] = {
	    db_text(w->brand->rates_name), db_int(table), db_int(used)};
	int64_t changed = 0;
	enum err err = db_begin(w->db);

	if (err)
		return err;
	err = db_run(w->db,
	    "delete from rate_table "
	    "where brand = $1 and table_id = $2 and used <= $3",
	    values, 3, &changed);
	if (!err && changed)
		err = copy_end_others(w, table, 0);
	if (!err)
		err = db_commit(w->db);
	else
		db_rollback(w->db);
	if (!err && changed)
		log_info("rates.mirror_dropped", "rate table %" PRId64, table);
	return err;
}

/* Nobody has looked at a table yet at a time to come: the clock was wrong. */
static enum err mend_used(struct mirror_work *w, int64_t now)
{
	const struct db_value values[] = {db_text(w->brand->rates_name),
	    db_int(now), db_int(now + COPY_RECENT)};

	return db_run(w->db,
	    "update rate_table set used = $2 where brand = $1 and used > $3",
	    values, 3, NULL);
}

/* Not while somebody reads it. */
static enum err forget_locked(
    struct mirror_work *w, int64_t table, int64_t used)
{
	char name[COPY_LOCK];
	enum err err = db_lock(w->db, copy_name_lock(name, w->brand, table), 0);

	if (err)
		return err == ERR_CONFLICT ? ERR_OK : err;
	err = forget_table(w, table, used);
	db_unlock(w->db, name);
	return err;
}

/* The tables that were looked at longest ago, for age or for want of room. */
static enum err forget_tables(struct mirror_work *w)
{
	const struct conf *conf = w->brand->conf;
	const struct db_value values[] = {db_text(w->brand->rates_name)};
	int64_t now = (int64_t)time(NULL), sum = 0;
	struct db_rows rows;
	enum err err = mend_used(w, now);

	if (err)
		return err;
	err = db_query(w->db, w->mem,
	    "select t.table_id, t.used, coalesce(c.rows, 0) from rate_table t "
	    "left join rate_copy c on c.generation = t.generation "
	    "where t.brand = $1 order by t.used desc",
	    values, 1, &rows);

	for (size_t i = 0; !err && i < rows.rows; i++) {
		int64_t used = db_cell_int(&rows, i, 1);
		bool full;

		sum += db_cell_int(&rows, i, 2);
		full = sum > conf->rates.rows && used <= now - COPY_RECENT;
		if (used <= now - conf->rates.forget || full ||
		    !conf->rates.refresh)
			err = forget_locked(w, db_cell_int(&rows, i, 0), used);
	}
	return err;
}

/* Of brands that are no more, or have another VCS: nobody else would. */
static enum err forget_strangers(struct mirror_work *w)
{
	int64_t now = (int64_t)time(NULL);
	const struct db_value values[] = {
	    db_text(w->brand->rates_name), db_int(now - LONGEST)};
	const struct db_value lost[] = {db_int(now - DAY), db_int(now)};
	enum err err = db_run(w->db,
	    "delete from rate_table where brand <> $1 and used <= $2", values,
	    2, NULL);

	return err ? err
		   : db_run(w->db,
			 "update rate_copy set state = 'old', changed = $2 "
			 "where state <> 'old' and changed <= $1 "
			 "and not exists (select 1 from rate_table t "
			 "where t.brand = rate_copy.brand "
			 "and t.table_id = rate_copy.table_id)",
			 lost, 2, NULL);
}

/* Copies whose process has died: their table's lock is free. */
static enum err end_dead(struct mirror_work *w)
{
	const struct db_value values[] = {db_text(w->brand->rates_name)};
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select table_id, generation from rate_copy "
	    "where brand = $1 and state = 'filling'",
	    values, 1, &rows);

	for (size_t i = 0; !err && i < rows.rows; i++) {
		int64_t table = db_cell_int(&rows, i, 0);
		const struct db_value which[] = {
		    db_int(db_cell_int(&rows, i, 1))};
		char name[COPY_LOCK];

		if (db_lock(w->db, copy_name_lock(name, w->brand, table), 0))
			continue;
		err = db_run(w->db,
		    "update rate_copy set state = 'old', changed = 0 "
		    "where generation = $1 and state = 'filling'",
		    which, 1, NULL);
		db_unlock(w->db, name);
	}
	return err;
}

static enum err delete_pieces(
    struct mirror_work *w, int64_t generation, bool *more)
{
	const struct db_value which[] = {
	    db_int(generation), db_int(DELETE_EACH)};
	struct db_value upto[] = {db_int(generation), db_int(0), db_int(0)};
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select kind, number from rate_piece where generation = $1 "
	    "order by kind, number limit $2",
	    which, 2, &rows);

	if (err)
		return err;
	*more = rows.rows > 0;
	if (!*more)
		return db_run(w->db,
		    "delete from rate_copy where generation = $1", which, 1,
		    NULL);
	upto[1] = db_int(db_cell_int(&rows, rows.rows - 1, 0));
	upto[2] = db_int(db_cell_int(&rows, rows.rows - 1, 1));
	return db_run(w->db,
	    "delete from rate_piece where generation = $1 "
	    "and (kind < $2 or (kind = $2 and number <= $3))",
	    upto, 3, NULL);
}

enum err mirror_forget(struct mirror_work *w)
{
	enum err err = forget_tables(w);

	if (!err)
		err = forget_strangers(w);
	if (!err)
		err = end_dead(w);
	mem_clear(w->mem);
	return err;
}

enum err mirror_sweep(struct mirror_work *w, bool *more)
{
	int64_t now = (int64_t)time(NULL);
	const struct db_value values[] = {db_text(w->brand->rates_name),
	    db_int(now - GRACE), db_int(now + COPY_RECENT), db_int(now - DAY)};
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select generation from rate_copy where state = 'old' "
	    "and (brand = $1 and (changed <= $2 or changed > $3) "
	    "or changed <= $4) order by generation limit 1",
	    values, 4, &rows);

	*more = false;
	if (!err && rows.rows) {
		err = delete_pieces(w, db_cell_int(&rows, 0, 0), more);
		*more = true;
	}
	mem_clear(w->mem);
	return err;
}
