/* page_sums.c: sums of usage, by VCS or by the portal. */
#include "pages/page_sums.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 256 };

/* --- Adding up ------------------------------------------------------------ */

static size_t find_slot(const struct summary *s, const char *key)
{
	uint64_t hash = 1469598103934665603u;
	size_t at;

	for (const char *p = key; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	at = (size_t)(hash ^ hash >> 29) & (s->n_slots - 1);
	while (s->slots[at] && strcmp(s->sums[s->slots[at] - 1].key, key) != 0)
		at = (at + 1) & (s->n_slots - 1);
	return at;
}

/* Half of the slots stay empty. */
static void grow(struct summary *s)
{
	struct mem *m = s->call->mem;
	struct sum *old = s->sums;

	s->n_slots = s->n_slots ? s->n_slots * 2 : SLOTS_FIRST;
	s->slots = mem_array(m, s->n_slots, sizeof(*s->slots));
	s->sums = mem_array(m, s->n_slots / 2, sizeof(*s->sums));
	if (s->n)
		memcpy(s->sums, old, s->n * sizeof(*old));
	for (size_t i = 0; i < s->n; i++)
		s->slots[find_slot(s, s->sums[i].key)] = (uint32_t)i + 1;
}

static struct sum *find_sum(struct summary *s, const char *key)
{
	size_t at;

	if (s->n >= s->n_slots / 2)
		grow(s);
	at = find_slot(s, key);
	if (!s->slots[at]) {
		s->sums[s->n].key = mem_text(s->call->mem, key);
		s->slots[at] = (uint32_t)++s->n;
	}
	return &s->sums[s->slots[at] - 1];
}

static bool add_count(int64_t *sum, int64_t n)
{
	return !__builtin_add_overflow(*sum, n, sum);
}

static bool add_other(struct sum *sum, const char *unit, int64_t n)
{
	for (size_t i = 0; i < SUM_UNITS; i++) {
		if (!sum->other[i].unit)
			sum->other[i].unit = unit;
		if (!strcmp(sum->other[i].unit, unit))
			return add_count(&sum->other[i].count, n);
	}
	return true;
}

bool sum_add(struct sum *sum, const struct sum *use)
{
	for (size_t i = 0; i < SUM_UNITS && use->other[i].unit; i++)
		if (!add_other(sum, use->other[i].unit, use->other[i].count))
			return false;
	return add_count(&sum->events, use->events) &&
	       add_count(&sum->volume, use->volume) &&
	       money_add(sum->cost, use->cost, &sum->cost);
}

/* An amount of a service's unit, as a sum of its own. */
static struct sum make_use(const struct summary *s, int64_t service,
    int64_t volume, int64_t events, struct money cost)
{
	const struct vcs_name *found =
	    vcs_find_name(s->usage.services, service);
	struct sum use = {.events = events, .cost = cost};

	if (found && strcmp(found->unit, "s") != 0) {
		use.other[0].unit = found->unit;
		use.other[0].count = volume;
	} else {
		use.volume = volume;
	}
	return use;
}

static bool is_one_currency(struct summary *s, int64_t currency)
{
	if (!s->currency)
		s->currency = currency;
	if (!currency || currency == s->currency)
		return true;
	log_error("usage.currencies", "usage in two currencies is not added");
	return false;
}

static const char *make_id(struct call *c, int64_t id)
{
	return id ? mem_print(c->mem, "%" PRId64, id) : "";
}

static const char *make_key(struct call *c, const struct summary *s,
    int64_t account, int64_t service, const char *day, const char *destination)
{
	switch (s->group_by[0]) {
	case 'd':
		/* A day may come with its hour. */
		return day && strlen(day) > 10 ? mem_print(c->mem, "%.10s", day)
					       : day;
	case 's':
		return make_id(c, service);
	case 'a':
		return make_id(c, account);
	case 'p':
		return make_id(c, vcs_package_of(c->trip, account));
	default:
		return destination ? destination : "";
	}
}

static enum err add_usage(struct summary *s, const struct vcs_usage *usage)
{
	struct call *c = s->call;

	for (size_t i = 0; i < usage->n; i++) {
		const struct vcs_usage_row *row = &usage->rows[i];
		struct sum use = make_use(
		    s, row->service, row->volume, row->events, row->cost);
		const char *key = make_key(
		    c, s, row->account, row->service, row->day, row->name);

		if (!key || !is_one_currency(s, row->currency) ||
		    !sum_add(find_sum(s, key), &use))
			return ERR_UPSTREAM;
	}
	return ERR_OK;
}

/* --- Where VCS has no summary --------------------------------------------- */

static enum err add_xdrs(struct call *c, struct summary *s,
    const struct vcs_xdrs *xdrs, size_t limit)
{
	for (size_t i = 0; i < xdrs->n; i++) {
		const struct vcs_xdr *x = &xdrs->rows[i];
		struct sum use = make_use(s, x->service, x->duration, 1,
		    x->has_cost ? x->cost : (struct money){0});
		const char *day = fmt_iso_day(c->mem, x->time, c->zone);

		if (s->n_counted == limit) {
			s->partial = true;
			return ERR_OK;
		}
		s->n_counted++;
		if (!is_one_currency(s, x->currency) ||
		    !sum_add(find_sum(s, make_key(c, s, x->account, x->service,
					     day, x->name)),
			&use))
			return ERR_UPSTREAM;
	}
	return ERR_OK;
}

/* Each piece in a pool of its own. */
static enum err count_piece(
    struct summary *s, struct vcs_cursor *cursor, size_t limit, bool *end)
{
	struct call piece = *s->call;
	struct vcs_xdrs *xdrs;
	enum err err;

	piece.mem = mem_open((size_t)piece.brand->conf->limits.request_memory);
	piece.trip = vcs_trip(piece.brand, piece.mem, piece.session);
	xdrs = vcs_read_xdrs(piece.trip, cursor);
	err = xdrs->err;
	if (!err)
		err = add_xdrs(&piece, s, xdrs, limit);
	*end = !xdrs->raw || s->partial;
	mem_close(piece.mem);
	return err;
}

static enum err count_xdrs(struct summary *s)
{
	enum { PIECE = 2500 };
	size_t limit = (size_t)s->call->brand->conf->limits.summary_rows;
	struct vcs_cursor cursor = {
	    .filter = s->usage.filter,
	    .from = s->usage.period.start,
	    .to = s->usage.period.end,
	    .limit = PIECE,
	    .mem = s->call->mem,
	};
	enum err err;
	bool end;

	s->counted = true;
	do
		err = count_piece(s, &cursor, limit, &end);
	while (!err && !end);
	return err;
}

/* --- Order and words ------------------------------------------------------ */

bool summary_is_by_day(const struct summary *s)
{
	return s->group_by[0] == 'd';
}

/* Days without usage, up to today, are rows too; not days that were not
 * counted. */
static void add_empty_days(struct summary *s)
{
	struct call *c = s->call;
	int64_t start;

	for (int i = 0; s->n && !s->partial && i < s->usage.period.days; i++) {
		fmt_day_start(s->usage.period.from, i, c->zone, &start);
		if (start > c->now)
			return;
		/* Twelve hours on it is the same day in any zone. */
		find_sum(s, fmt_iso_day(c->mem, start + 43200, c->zone));
	}
}

static int compare_days(const void *a, const void *b)
{
	return strcmp(
	    ((const struct sum *)a)->key, ((const struct sum *)b)->key);
}

static int compare_costs(const void *a, const void *b)
{
	const struct sum *one = a, *two = b;
	int way = money_compare(two->cost, one->cost);

	return way ? way : strcmp(one->text, two->text);
}

static const char *make_text(const struct summary *s, const struct sum *sum)
{
	const struct usage *u = &s->usage;
	const struct vcs_names *names = s->group_by[0] == 's'	? u->services
					: s->group_by[0] == 'a' ? u->accounts
								: u->packages;
	struct call *c = s->call;
	const struct vcs_name *found;
	struct fmt_arg id = {sum->key, 0};
	int64_t start;

	if (summary_is_by_day(s))
		return fmt_day_start(sum->key, 0, c->zone, &start)
			   ? fmt_time(c->mem, c->fmt, start, c->zone, FMT_DATE)
			   : sum->key;
	if (!sum->key[0])
		return page_text(c, s->group_by[0] == 'p'
					? "usage_summary.no_package"
					: "usage_summary.no_name");
	if (s->group_by[0] == 'c')
		return sum->key;
	found = vcs_find_name(names, strtoll(sum->key, NULL, 10));
	return found && found->name[0]
		   ? found->name
		   : page_text_args(c, "usage.unnamed", &id, 1);
}

static enum err finish(struct summary *s)
{
	if (summary_is_by_day(s))
		add_empty_days(s);
	for (size_t i = 0; i < s->n; i++) {
		s->sums[i].text = make_text(s, &s->sums[i]);
		if (!sum_add(&s->total, &s->sums[i]))
			return ERR_UPSTREAM;
	}
	s->has_other = s->total.other[0].unit != NULL;
	if (s->n)
		qsort(s->sums, s->n, sizeof(*s->sums),
		    summary_is_by_day(s) ? compare_days : compare_costs);
	return ERR_OK;
}

enum err summary_collect(struct summary *s, const struct vcs_usage *answer)
{
	if (answer->err == ERR_RULE && *answer->code == VCS_NO_METHOD)
		return count_xdrs(s);
	return answer->err ? answer->err : add_usage(s, answer);
}

enum err summary_read(struct summary *s, const struct vcs_usage *answer)
{
	enum err err = summary_collect(s, answer);

	return err ? err : finish(s);
}
