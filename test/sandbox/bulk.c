/* bulk.c: rates and xDRs, the same ones each time.
 *
 * Times are offsets from the anchor (a Monday), so that the data reaches to
 * now on any day and keeps its working weeks. */
#include "sandbox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	  ((DAYS_BEFORE + DAYS_AFTER) * DAY / SLOT)
#define ACCOUNTS  4
#define SERVICES  4 /* ids count from 1 */
#define MAX_CODES 256
#define OLD_UNTIL (-30 * DAY) /* when a former rate ended */
#define NEW_FROM  (20 * DAY)  /* when a rate to come begins */
#define NEVER	  INT64_MIN   /* NULL */

struct rate {
	int64_t id, value, setup;
	int min, interval;
};

struct maker {
	int64_t client, table, currency;
	int percent; /* of the list price */
	int accounts;
	int64_t first_account;
	int xdrs;      /* in the days before the anchor */
	int zone;      /* hours from UTC that its office lives in */
	bool always;   /* day and night */
	int64_t until; /* no calls after this offset */
	uint64_t source, seed;
	/* [former or present][service][code] */
	struct rate rates[2][SERVICES][MAX_CODES];
};

struct sum {
	int64_t events, volume, cost;
};

struct sums {
	struct sum slots[SLOTS][ACCOUNTS][SERVICES];
	struct sum days[DAYS_BEFORE + DAYS_AFTER][ACCOUNTS][SERVICES]
		       [MAX_CODES];
};

static uint64_t next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int below(uint64_t *seed, int limit)
{
	return limit > 0 ? (int)(next(seed) % (uint64_t)limit) : 0;
}

static bool is_mobile(size_t i)
{
	return strstr(codes[i].name, "Mobile") != NULL;
}

static bool is_tollfree(size_t i)
{
	return strstr(codes[i].name, "Toll-free") != NULL;
}

static bool has_old(size_t i)
{
	return i % 10 == 3;
}

static bool has_new(size_t i)
{
	return i % 10 == 7;
}

struct row {
	sqlite3_stmt *into;
	const struct maker *m;
	const char *code, *name;
	int service;
	int64_t from, till, end;
};

static void bind_or_null(sqlite3_stmt *s, int at, int64_t value)
{
	if (value == NEVER)
		sqlite3_bind_null(s, at);
	else
		sqlite3_bind_int64(s, at, value);
}

static void add_rate(const struct row *r, const struct rate *rate)
{
	sqlite3_stmt *s = r->into;

	sqlite3_bind_int64(s, 1, r->m->table);
	sqlite3_bind_text(s, 2, r->code, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, rate->id);
	sqlite3_bind_text(s, 4, r->name, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 5, r->service);
	sqlite3_bind_int64(s, 6, rate->value);
	sqlite3_bind_int64(s, 7, r->m->currency);
	sqlite3_bind_int64(s, 8, r->from);
	bind_or_null(s, 9, r->till);
	bind_or_null(s, 10, r->end);
	sqlite3_bind_int(s, 11, rate->min);
	sqlite3_bind_int(s, 12, rate->interval);
	sqlite3_bind_int64(s, 13, rate->setup);
	sqlite3_step(s);
	sqlite3_reset(s);
}

static struct rate make_rate(const struct maker *m, size_t i, int service)
{
	static const int intervals[3][2] = {{60, 60}, {1, 1}, {30, 6}};
	struct rate r = {
	    .min = intervals[i % 3][0], .interval = intervals[i % 3][1]};

	r.value = (int64_t)codes[i].price * 10000 * m->percent;
	if (i % 3 == 0) /* all nine decimals */
		r.value += (int64_t)(i * 7919 % 100000) + 1;
	if (i % 11 == 5)
		r.setup = (int64_t)(1 + i % 5) * NANO / 100;
	if (service == SMS) {
		r.value = (int64_t)(300 + i * 37 % 500) * 1000 * m->percent;
		r.setup = 0;
		r.min = r.interval = 1;
	}
	return r;
}

/* One code: its present rate, and what was before or comes after. */
static void add_code(struct maker *m, struct row *row, size_t i, int64_t *id)
{
	struct rate *now = &m->rates[1][row->service][i];
	struct rate *old = &m->rates[0][row->service][i];
	struct rate more;

	row->code = codes[i].code;
	row->name = codes[i].name;
	row->from = -400 * DAY;
	row->till = row->end = NEVER;
	*now = make_rate(m, i, row->service);
	now->id = ++*id;
	*old = *now;
	if (has_old(i)) {
		old->id = ++*id;
		old->value += old->value / 10;
		row->till = OLD_UNTIL;
		add_rate(row, old);
		row->from = OLD_UNTIL;
		row->till = NEVER;
	}
	if (has_new(i)) {
		more = *now;
		more.id = ++*id;
		more.value += more.value / 20;
		row->from = NEW_FROM;
		add_rate(row, &more);
		row->from = -400 * DAY;
		row->till = NEW_FROM;
	} else if (i % 23 == 5) {
		row->till = row->end = 60 * DAY;
	}
	add_rate(row, now);
}

/* Longer codes below the ones we know; every 40th has ended. */
static void add_areas(
    const struct maker *m, struct row *row, int64_t *id, int count)
{
	char code[32], name[128];

	row->service = VOICE;
	for (int n = 0; codes_count && n < count; n++) {
		size_t i = (size_t)n % codes_count;
		struct rate r = make_rate(m, i, VOICE);

		snprintf(code, sizeof(code), "%s%04d", codes[i].code,
		    n / (int)codes_count);
		snprintf(name, sizeof(name), "%s, area %04d", codes[i].name,
		    n / (int)codes_count);
		r.id = ++*id;
		r.value += n;
		row->code = code;
		row->name = name;
		row->from = -400 * DAY;
		row->till = row->end = n % 40 == 39 ? -10 * DAY : NEVER;
		add_rate(row, &r);
	}
}

static bool make_rates(sqlite3 *db, struct maker *m)
{
	struct row row = {.m = m};
	int64_t id = m->table * 1000000, first = id;
	int areas = 12;

	row.into = db_prepare(db, "INSERT INTO rates VALUES"
				  " (?,?,?,?,?,?,?,?,?,?,?,?,?,'active')");
	if (!row.into)
		return false;
	for (size_t i = 0; i < codes_count; i++) {
		row.service = is_tollfree(i) ? TOLLFREE : VOICE;
		add_code(m, &row, i, &id);
		row.service = SMS;
		if (is_mobile(i))
			add_code(m, &row, i, &id);
	}
	if (m->client == WHALE)
		areas = (options.rates	    ? options.rates
			    : options.small ? 12000
					    : 200000) -
			(int)(id - first);
	add_areas(m, &row, &id, areas);
	sqlite3_finalize(row.into);
	return true;
}

static int hour_weight(const struct maker *m, int64_t off)
{
	static const int office[24] = {1, 1, 1, 1, 1, 1, 2, 8, 30, 60, 80, 85,
	    70, 55, 75, 85, 80, 60, 30, 15, 10, 6, 3, 2};
	int64_t local = off + m->zone * 3600 + 1000 * WEEK;
	int weight = office[local % DAY / 3600];

	if (m->always)
		weight = weight / 2 + 20;
	/* The anchor is a Monday. */
	if (local / DAY % 7 >= 5)
		weight = weight / (m->always ? 3 : 12) + 1;
	return weight;
}

/* Around a minute and a half, with a long tail. */
static int make_duration(uint64_t *seed)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (double)(next(seed) >> 11) / 9007199254740992.0;
	sum = exp(4.5 + 1.1 * sum);
	return sum < 1 ? 1 : sum > 14400 ? 14400 : (int)sum;
}

static int64_t make_cost(const struct rate *r, int volume, int unit)
{
	int64_t billed = r->min;

	if (volume > r->min)
		billed += (volume - r->min + r->interval - 1) / r->interval *
			  r->interval;
	return r->setup + (r->value * billed + unit / 2) / unit;
}

static size_t pick_code(uint64_t *seed, int service)
{
	static int total;

	if (!total)
		for (size_t i = 0; i < codes_count; i++)
			total += codes[i].share;
	for (;;) {
		int left = below(seed, total);
		size_t i = 0;

		while (left >= codes[i].share)
			left -= codes[i++].share;
		if (service == SMS ? is_mobile(i)
				   : is_tollfree(i) == (service == TOLLFREE))
			return i;
	}
}

static uint64_t make_number(uint64_t *seed, const char *code)
{
	uint64_t number = strtoull(code, NULL, 10), limit = 10000000000u;

	while (number < limit)
		number = number * 10 + next(seed) % 10;
	return number;
}

struct xdr {
	int64_t off, id;
	size_t code;
	int service, account, volume;
	int64_t cost;
};

static void count_in(struct sums *sums, const struct xdr *x)
{
	int64_t at = x->off + DAYS_BEFORE * DAY;
	struct sum *both[2] = {&sums->slots[at / SLOT][x->account][x->service],
	    &sums->days[at / DAY][x->account][x->service][x->code]};

	for (int i = 0; i < 2; i++) {
		both[i]->events++;
		both[i]->volume += x->volume;
		both[i]->cost += x->cost;
	}
}

static bool add_xdr(
    struct maker *m, struct xdr *x, struct sums *sums, sqlite3_stmt *s)
{
	int dice = below(&m->seed, 100);
	const struct rate *r;

	x->service = dice < 86 ? VOICE : dice < 96 ? SMS : TOLLFREE;
	x->code = pick_code(&m->seed, x->service);
	x->account = below(&m->seed, 5) * m->accounts / 5;
	x->volume = x->service == SMS ? 1 + below(&m->seed, 12) / 10
				      : make_duration(&m->seed);
	r = &m->rates[!(has_old(x->code) && x->off < OLD_UNTIL)][x->service]
		     [x->code];
	x->cost = make_cost(r, x->volume, x->service == SMS ? 1 : 60);
	count_in(sums, x);
	sqlite3_bind_int64(s, 1, m->client);
	sqlite3_bind_int64(s, 2, x->off);
	sqlite3_bind_int64(s, 3, x->id);
	sqlite3_bind_int64(s, 4, m->first_account + x->account);
	sqlite3_bind_int64(s, 5, (int64_t)x->code);
	sqlite3_bind_int(s, 6, x->service);
	sqlite3_bind_int64(s, 7, r->id);
	sqlite3_bind_int64(
	    s, 8, (int64_t)m->source + x->account * 100 + below(&m->seed, 40));
	sqlite3_bind_int64(
	    s, 9, (int64_t)make_number(&m->seed, codes[x->code].code));
	sqlite3_bind_int(s, 10, x->volume);
	sqlite3_bind_int64(s, 11, r->value);
	sqlite3_bind_int64(s, 12, x->cost);
	sqlite3_step(s);
	return sqlite3_reset(s) == SQLITE_OK;
}

static bool make_xdrs(sqlite3 *db, struct maker *m, struct sums *sums)
{
	sqlite3_stmt *s =
	    db_prepare(db, "INSERT INTO xdrs VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
	struct xdr x = {.id = m->client * 10000000};
	int64_t weights = 0, due = 0;
	bool done = s != NULL;

	for (int64_t h = -DAYS_BEFORE * 24; h < 0; h++)
		weights += hour_weight(m, h * 3600);
	for (int64_t h = -DAYS_BEFORE * 24; done && h < DAYS_AFTER * 24; h++) {
		int64_t count;

		/* What is not a whole call is due in a later hour. */
		due += m->xdrs * (int64_t)hour_weight(m, h * 3600);
		count = due / weights;
		due %= weights;
		for (int64_t i = 0; done && i < count; i++) {
			x.off = h * 3600 +
				(i * 3600 + below(&m->seed, 3600)) / count;
			x.id++;
			if (x.off < m->until)
				done = add_xdr(m, &x, sums, s);
		}
	}
	sqlite3_finalize(s);
	return done;
}

static void add_sum(
    sqlite3_stmt *s, const int64_t key[5], const struct sum *sum)
{
	int at = 1;

	if (!sum->events)
		return;
	for (; at <= 5 && key[at - 1] >= 0; at++)
		sqlite3_bind_int64(s, at, key[at - 1]);
	sqlite3_bind_int64(s, at++, sum->events);
	sqlite3_bind_int64(s, at++, sum->volume);
	sqlite3_bind_int64(s, at, sum->cost);
	sqlite3_step(s);
	sqlite3_reset(s);
}

static bool make_slots(
    sqlite3 *db, const struct maker *m, const struct sums *sums)
{
	sqlite3_stmt *s =
	    db_prepare(db, "INSERT INTO slots VALUES (?,?+0,?,?,?,?,?)");

	for (int64_t n = 0; n < SLOTS; n++)
		for (int a = 0; a < m->accounts; a++)
			for (int v = 0; v < SERVICES; v++)
				add_sum(s,
				    (int64_t[5]){m->client, n,
					m->first_account + a, v, -1},
				    &sums->slots[n][a][v]);
	sqlite3_finalize(s);
	return s != NULL;
}

static bool make_days(
    sqlite3 *db, const struct maker *m, const struct sums *sums)
{
	sqlite3_stmt *s =
	    db_prepare(db, "INSERT INTO days VALUES (?,?,?,?,?,?,?,?)");

	for (int n = 0; n < DAYS_BEFORE + DAYS_AFTER; n++)
		for (int a = 0; a < m->accounts; a++)
			for (int v = 0; v < SERVICES; v++)
				for (size_t c = 0; c < codes_count; c++)
					add_sum(s,
					    (int64_t[5]){m->client, n,
						m->first_account + a, v,
						(int64_t)c},
					    &sums->days[n][a][v][c]);
	sqlite3_finalize(s);
	return s != NULL;
}

static bool make_client(sqlite3 *db, const struct maker *pattern)
{
	struct maker *m = calloc(1, sizeof(*m));
	struct sums *sums = calloc(1, sizeof(*sums));
	bool done = m && sums;

	if (done) {
		*m = *pattern;
		done = make_rates(db, m) && make_xdrs(db, m, sums) &&
		       make_slots(db, m, sums) && make_days(db, m, sums);
	}
	free(m);
	free(sums);
	return done;
}

bool bulk_make(sqlite3 *db)
{
	static struct maker makers[] = {
	    {HERON, 19, 27, 100, 2, 2001, 3600, -5, false, DAYS_AFTER * DAY,
		12125550100, 1, {{{{0}}}}},
	    {OSPREY, 20, 28, 92, 2, 2003, 2400, 1, false, DAYS_AFTER * DAY,
		493055501000, 2, {{{{0}}}}},
	    {KESTREL, 21, 27, 110, 1, 2005, 400, 0, false, -60 * DAY,
		442071838000, 3, {{{{0}}}}},
	    {WHALE, 22, 27, 80, 4, 2006, 1000000, 0, true, DAYS_AFTER * DAY,
		13105550000, 4, {{{{0}}}}},
	};

	if (options.small)
		makers[3].xdrs = 20000;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (!make_client(db, &makers[i]))
			return false;
	return db_run(db, "CREATE INDEX rates_value ON rates"
			  " (rate_tables_id, value, id);"
			  "CREATE INDEX rates_name ON rates"
			  " (rate_tables_id, code_name, id);"
			  "CREATE INDEX rates_id ON rates (id);");
}
