/* mirror.c: copies of rate tables: which there are, and making them. */
#include "domain/mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/mirror_copy.h"
#include "domain/mirror_fill.h"
#include "domain/mirror_piece.h"
#include "domain/rate.h"
#include "domain/vcs.h"
#include "tools/db.h"

enum {
	TOUCH = 600, /* seconds between notes that a table is used */
	RETRY = 30,  /* seconds, doubled with each failure */
	RETRY_MOST = 1800,
	CHUNK = 2500, /* rows asked of VCS at once */
	CHUNK_LEAST = 50
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

/* --- For pages ------------------------------------------------------------ */

enum err mirror_find(struct db *db, struct mem *m, const char *brand,
    int64_t table, int64_t now, struct mirror *out)
{
	const struct db_value values[] = {db_text(brand), db_int(table)};
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select t.used, t.next_try, c.generation, c.rows, c.numbers, "
	    "c.services, c.read_at from rate_table t "
	    "left join rate_copy c on c.generation = t.generation "
	    "where t.brand = $1 and t.table_id = $2",
	    values, 2, &rows);

	*out = (struct mirror){.db = db, .coming = true};
	if (err || !rows.rows)
		return err;
	out->known = true;
	out->used = db_cell_int(&rows, 0, 0);
	out->coming = db_cell_int(&rows, 0, 1) <= now;
	out->generation = db_cell_int(&rows, 0, 2);
	if (!out->generation)
		return ERR_OK;
	out->coming = false;
	out->rows = (size_t)db_cell_int(&rows, 0, 3);
	out->numbers = (size_t)db_cell_int(&rows, 0, 4);
	out->services = db_cell_text(&rows, 0, 5);
	out->read_at = db_cell_int(&rows, 0, 6);
	return ERR_OK;
}

enum err mirror_want(struct db *db, const struct mirror *mirror,
    const char *brand, int64_t table, int64_t now)
{
	const struct db_value values[] = {
	    db_text(brand), db_int(table), db_int(now)};

	if (mirror->known && mirror->used > now - TOUCH && mirror->used <= now)
		return ERR_OK;
	return db_run(db,
	    "insert into rate_table "
	    "(brand, table_id, used, generation, next_try, failures) "
	    "values ($1, $2, $3, 0, 0, 0) "
	    "on conflict (brand, table_id) do update set used = $3",
	    values, 3, NULL);
}

/* --- A reading ------------------------------------------------------------ */

struct reading {
	struct mirror_work *work;
	struct fill *fill;
	int64_t table, generation, began;
	size_t most;   /* rows */
	size_t offset; /* what came so far, of VCS's list */
	size_t chunk;
	struct vcs_head head;
	/* The last row, which is asked for again with the next piece: if it is
	 * another one by then, the table has moved. */
	int64_t last_id;
	char last_code[CODE_MOST + 1];
	const char *why; /* it came to nothing */
};

static void remember_last(struct reading *r, const struct vcs_rates *rates)
{
	const struct vcs_rate *last;

	/* One that could not be read may have been the last. */
	r->last_id = 0;
	if (!rates->n || rates->n != rates->raw)
		return;
	last = &rates->rows[rates->n - 1];
	r->last_id = last->id;
	piece_clean(r->last_code, CODE_MOST, last->code);
}

static bool has_moved(const struct reading *r, const struct vcs_rates *rates)
{
	char code[CODE_MOST + 1];

	if (!rates->n || rates->n != rates->raw ||
	    rates->rows[0].id == r->last_id)
		return false;
	/* Rows of one code may stand in any order. */
	piece_clean(code, CODE_MOST, rates->rows[0].code);
	return strcmp(code, r->last_code) != 0;
}

static enum err take_rows(
    struct reading *r, const struct vcs_rates *rates, size_t overlap)
{
	bool again = overlap && rates->n && rates->rows[0].id == r->last_id;
	enum err err = fill_add(
	    r->fill, r->work->mem, rates->rows + again, rates->n - again);

	if (err == ERR_RULE)
		r->why = "too many services";
	r->offset += rates->raw - overlap;
	remember_last(r, rates);
	return err;
}

/* One piece more. *more: it was not the end, which only an empty one is. */
static enum err read_piece(struct reading *r, bool *more)
{
	struct mem *m = r->work->mem;
	size_t overlap = r->last_id && r->offset > 1;
	struct vcs_trip *t = vcs_table_trip(r->work->brand, m, r->table);
	struct vcs_rates *rates =
	    vcs_ask_rate_piece(t, r->chunk + overlap, r->offset - overlap);
	enum vcs_piece what;

	vcs_go(t);
	if (rates->err && *rates->cut && r->chunk > CHUNK_LEAST) {
		r->chunk /= 2;
		return ERR_OK;
	}
	if (rates->err) {
		r->why = err_code(rates->err);
		return rates->err == ERR_RULE ? ERR_UPSTREAM : rates->err;
	}
	what = vcs_check_piece("rate.list", &r->head,
	    rates->n ? rates->rows[0].id : 0, rates->raw, r->chunk + overlap);
	if (what == VCS_PIECE_AGAIN) {
		r->why = "the first rows came again";
		return ERR_UPSTREAM;
	}
	*more = what == VCS_PIECE_NEW && rates->raw;
	if (overlap && rates->raw <= 1) {
		/* The last row alone, or not even it: look behind it. */
		r->last_id = 0;
		*more = true;
		return ERR_OK;
	}
	if (*more && overlap && has_moved(r, rates)) {
		r->why = "it changed while it was read";
		return ERR_CONFLICT;
	}
	return *more ? take_rows(r, rates, overlap) : ERR_OK;
}

/* As long as VCS worked for us, it now has others to serve. */
static void pause_for(int64_t us)
{
	enum { MOST = 1000000 };
	struct timespec nap = {0};

	if (us > MOST)
		us = MOST;
	nap.tv_sec = (time_t)(us / 1000000);
	nap.tv_nsec = (long)(us % 1000000) * 1000;
	nanosleep(&nap, NULL);
}

static enum err read_table(struct reading *r)
{
	bool more = true;
	enum err err = ERR_OK;

	while (!err && more) {
		int64_t began = now_us();

		if (!r->work->goes_on(r->work->ctx))
			return ERR_LATE;
		err = read_piece(r, &more);
		mem_clear(r->work->mem);
		if (!err && fill_numbers(r->fill) > r->most) {
			r->why = "too many rows: see rates.tableRows, "
				 "rates.rows";
			err = ERR_RULE;
		}
		if (!err && more)
			pause_for(now_us() - began);
	}
	return err;
}

/* --- Copies --------------------------------------------------------------- */

const char *copy_name_lock(
    char out[COPY_LOCK], const struct brand *b, int64_t table)
{
	snprintf(out, COPY_LOCK, "rates:%s:%" PRId64, b->rates_name, table);
	return out;
}

static enum err begin_copy(struct reading *r)
{
	const struct db_value values[] = {db_int(r->generation),
	    db_text(r->work->brand->rates_name), db_int(r->table),
	    db_int(r->began)};

	return db_run(r->work->db,
	    "insert into rate_copy (generation, brand, table_id, state, rows, "
	    "numbers, services, read_at, changed) "
	    "values ($1, $2, $3, 'filling', 0, 0, '[]', $4, $4)",
	    values, 4, NULL);
}

enum err copy_end_others(
    const struct mirror_work *w, int64_t table, int64_t but)
{
	const struct db_value values[] = {db_text(w->brand->rates_name),
	    db_int(table), db_int(but), db_int(now_s())};

	return db_run(w->db,
	    "update rate_copy set state = 'old', changed = $4 "
	    "where brand = $1 and table_id = $2 and generation <> $3 "
	    "and state <> 'old'",
	    values, 4, NULL);
}

/* What is shown from now on (0: nothing), and when to read again. */
static enum err set_table(
    struct reading *r, int64_t generation, int64_t failures, int64_t next)
{
	const struct db_value values[] = {db_text(r->work->brand->rates_name),
	    db_int(r->table), db_int(generation), db_int(failures),
	    db_int(next)};

	return db_run(r->work->db,
	    "update rate_table set generation = $3, failures = $4, "
	    "next_try = $5 where brand = $1 and table_id = $2",
	    values, 5, NULL);
}

static enum err set_whole(struct reading *r, size_t rows)
{
	const struct db_value values[] = {db_int(r->generation),
	    db_int((int64_t)rows), db_int((int64_t)fill_numbers(r->fill)),
	    db_text(fill_services(r->fill, r->work->mem)), db_int(now_s())};

	return db_run(r->work->db,
	    "update rate_copy set state = 'whole', rows = $2, numbers = $3, "
	    "services = $4, changed = $5 where generation = $1",
	    values, 5, NULL);
}

/* `generation` 0: nothing is shown. All of it, or nothing. */
static enum err show_copy(struct reading *r, int64_t generation, size_t rows)
{
	int64_t next = r->began + r->work->brand->conf->rates.refresh;
	enum err err = db_begin(r->work->db);

	if (err)
		return err;
	err = generation ? set_whole(r, rows) : ERR_OK;
	if (!err)
		err = set_table(r, generation, 0, next);
	if (!err)
		err = copy_end_others(r->work, r->table, generation);
	if (!err)
		return db_commit(r->work->db);
	db_rollback(r->work->db);
	return err;
}

/* The old copy stays, unless the table has grown beyond all bounds. */
static enum err fail_copy(
    struct reading *r, enum err why, int64_t shown, int64_t failures)
{
	int64_t wait = RETRY;
	enum err err;

	for (int64_t i = 0; i < failures && wait < RETRY_MOST; i++)
		wait *= 2;
	if (why == ERR_RULE) {
		shown = 0;
		wait = r->work->brand->conf->rates.refresh;
	}
	r->work->stuck = why == ERR_LATE || why == ERR_BUSY;
	log_warn("rates.mirror_failed",
	    "rate table %" PRId64 ": %s after %zu rows; again in %" PRId64 " s",
	    r->table, r->why ? r->why : err_code(why), fill_numbers(r->fill),
	    wait);
	err = copy_end_others(r->work, r->table, shown);
	return err ? err : set_table(r, shown, failures + 1, now_s() + wait);
}

static enum err make_copy(struct reading *r, int64_t shown, int64_t failures)
{
	size_t least = (size_t)r->work->brand->conf->rates.least, rows = 0;
	enum err err = read_table(r);
	bool small = fill_numbers(r->fill) < least;

	if (!err && !small)
		err = fill_finish(r->fill, r->work, &rows);
	if (!r->work->goes_on(r->work->ctx))
		return ERR_OK; /* the next one sweeps */
	if (err && !r->why)
		r->why = "the store";
	if (err)
		return fail_copy(r, err, shown, failures);
	err = show_copy(r, small ? 0 : r->generation, rows);
	if (!err)
		log_info("rates.mirrored",
		    "rate table %" PRId64 ": %zu rows in %" PRId64 " s%s",
		    r->table, fill_numbers(r->fill), now_s() - r->began,
		    small ? "; too few to need it" : "");
	return err;
}

/* Rows that are free for this table: what others have that were used lately
 * is theirs. */
static enum err find_room(struct reading *r)
{
	const struct conf *conf = r->work->brand->conf;
	const struct db_value values[] = {db_text(r->work->brand->rates_name),
	    db_int(r->table), db_int(r->began - COPY_RECENT)};
	int64_t room = conf->rates.rows;
	struct db_rows rows;
	enum err err = db_query(r->work->db, r->work->mem,
	    "select coalesce(sum(c.rows), 0) from rate_table t "
	    "join rate_copy c on c.generation = t.generation "
	    "where t.brand = $1 and t.table_id <> $2 and t.used > $3",
	    values, 3, &rows);

	if (err)
		return err;
	room -= db_cell_int(&rows, 0, 0);
	if (room > conf->rates.table_rows)
		room = conf->rates.table_rows;
	r->most = room > 0 ? (size_t)room : 0;
	return ERR_OK;
}

/* No table is ever to be read later than this: it would be since the clock was
 * wrong, or rates.refresh another one. */
static int64_t latest_try(const struct mirror_work *w, int64_t now)
{
	int64_t refresh = w->brand->conf->rates.refresh;

	return now + (refresh > RETRY_MOST ? refresh : RETRY_MOST);
}

/* Still due, now that the lock is held? */
static enum err look_again(struct mirror_work *w, int64_t table, bool *due,
    int64_t *shown, int64_t *failures)
{
	const struct db_value values[] = {
	    db_text(w->brand->rates_name), db_int(table)};
	int64_t now = now_s(), next;
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select next_try, generation, failures from rate_table "
	    "where brand = $1 and table_id = $2",
	    values, 2, &rows);

	next = !err && rows.rows ? db_cell_int(&rows, 0, 0) : INT64_MAX;
	*due = !err && rows.rows && (next <= now || next > latest_try(w, now));
	*shown = *due ? db_cell_int(&rows, 0, 1) : 0;
	*failures = *due ? db_cell_int(&rows, 0, 2) : 0;
	return err;
}

/* With the table's lock. */
static enum err fill_table(struct mirror_work *w, int64_t table)
{
	struct reading r = {.work = w,
	    .table = table,
	    .generation = now_us(),
	    .began = now_s(),
	    .chunk = CHUNK};
	int64_t shown, failures;
	bool due;
	enum err err = look_again(w, table, &due, &shown, &failures);

	if (err || !due)
		return err;
	err = copy_end_others(w, table, shown);
	if (!err)
		err = find_room(&r);
	if (!err)
		err = begin_copy(&r);
	if (err)
		return err;
	r.fill = fill_open(w->db, r.generation);
	err = make_copy(&r, shown, failures);
	fill_close(r.fill);
	return err;
}

static enum err fill_locked(struct mirror_work *w, int64_t table)
{
	char name[COPY_LOCK];
	enum err err = db_lock(w->db, copy_name_lock(name, w->brand, table), 0);

	if (err)
		return err == ERR_CONFLICT ? ERR_OK : err;
	err = fill_table(w, table);
	db_unlock(w->db, name);
	mem_clear(w->mem);
	return err;
}

/* What is due by `now`, into `tables`; how many. */
static enum err find_due(
    struct mirror_work *w, int64_t now, int64_t *tables, size_t most, size_t *n)
{
	const struct db_value values[] = {db_text(w->brand->rates_name),
	    db_int(now), db_int(latest_try(w, now)), db_int((int64_t)most)};
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select table_id from rate_table where brand = $1 "
	    "and (next_try <= $2 or next_try > $3) "
	    "order by next_try limit $4",
	    values, 4, &rows);

	*n = err ? 0 : rows.rows;
	for (size_t i = 0; i < *n; i++)
		tables[i] = db_cell_int(&rows, i, 0);
	mem_clear(w->mem);
	return err;
}

/* Not what was due before and still is: another host is at it. */
static enum err find_next(struct mirror_work *w, int64_t now, int64_t *later)
{
	const struct db_value values[] = {
	    db_text(w->brand->rates_name), db_int(now), db_int(INT64_MAX)};
	struct db_rows rows;
	enum err err = db_query(w->db, w->mem,
	    "select coalesce(min(next_try), $3) from rate_table "
	    "where brand = $1 and next_try > $2",
	    values, 3, &rows);

	*later = err ? INT64_MAX : db_cell_int(&rows, 0, 0);
	mem_clear(w->mem);
	return err;
}

enum err mirror_fill_due(struct mirror_work *w, int64_t *later)
{
	enum { MOST = 64 };
	int64_t tables[MOST], now = now_s();
	size_t n;
	enum err err = find_due(w, now, tables, MOST, &n);

	/* Other brands do not wait for one whose VCS, or store, hangs. */
	for (size_t i = 0; !err && i < n && !w->stuck && w->goes_on(w->ctx);
	     i++) {
		log_request("mirror", w->brand->name);
		err = fill_locked(w, tables[i]);
	}
	log_request(NULL, NULL);
	/* Those just read are due again in their turn. */
	return err ? err : find_next(w, now, later);
}

/* --- Figures -------------------------------------------------------------- */

enum err mirror_count(
    struct db *db, struct mem *m, const char *brand, struct mirror_counts *out)
{
	const struct db_value values[] = {db_text(brand)};
	struct db_rows rows;
	enum err err = db_query(db, m,
	    "select count(c.generation), coalesce(sum(c.rows), 0), "
	    "coalesce(min(c.read_at), 0), "
	    "coalesce(sum(case when t.failures > 0 then 1 else 0 end), 0) "
	    "from rate_table t "
	    "left join rate_copy c on c.generation = t.generation "
	    "where t.brand = $1",
	    values, 1, &rows);

	*out = (struct mirror_counts){0};
	if (err)
		return err;
	out->tables = db_cell_int(&rows, 0, 0);
	out->rows = db_cell_int(&rows, 0, 1);
	out->oldest = db_cell_int(&rows, 0, 2);
	out->failing = db_cell_int(&rows, 0, 3);
	return ERR_OK;
}
