/* usage_summary.c: usage of a period, added up by day, service, account,
 * package or destination.
 *
 * VCS adds up where it can. A release without such a report has the portal
 * add up xDRs itself, no more than limits.summaryRows of them, and say so.
 */
#include "pages/page_chart.h"
#include "pages/page_usage.h"
#include "pages/routes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "usage_summary";

const struct param usage_summary_params[] = {
    PARAM_FROM,
    PARAM_TO,
    PARAM_SERVICE,
    PARAM_ACCOUNT,
    PARAM_PACKAGE,
    {.name = "group_by",
	.type = PARAM_CHOICE,
	.choices = "day|service|account|package|code_name",
	.standard = "day",
	.about = "What the sums are of."},
    {0},
};

enum { UNITS = 4, SLOTS_FIRST = 256, BARS = 12 };

/* What was used of one thing. */
struct sum {
	const char *key;  /* a day, an id, a destination; "": none */
	const char *text; /* for people */
	int64_t events, volume;
	struct money cost;
	struct {
		const char *unit; /* NULL ends the list */
		int64_t count;
	} other[UNITS]; /* what has no duration: messages */
};

struct summary {
	struct call *call;
	struct usage usage;
	const char *group_by;
	struct sum *sums;
	size_t n;
	uint32_t *slots; /* by hash of the key: place in `sums` plus 1 */
	size_t n_slots;
	struct sum total;
	int64_t currency; /* id; 0: the customer's own */
	bool has_other;
	bool counted, partial; /* by the portal itself; not all */
	size_t n_counted;
};

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
	for (size_t i = 0; i < UNITS; i++) {
		if (!sum->other[i].unit)
			sum->other[i].unit = unit;
		if (!strcmp(sum->other[i].unit, unit))
			return add_count(&sum->other[i].count, n);
	}
	return true;
}

/* Adds `use` to a sum. False: it does not fit. */
static bool add(struct sum *sum, const struct sum *use)
{
	for (size_t i = 0; i < UNITS && use->other[i].unit; i++)
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
		return day;
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
		    !add(find_sum(s, key), &use))
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
		    !add(find_sum(s, make_key(c, s, x->account, x->service, day,
					 x->name)),
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

static bool is_by_day(const struct summary *s)
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

	if (is_by_day(s))
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
	if (is_by_day(s))
		add_empty_days(s);
	for (size_t i = 0; i < s->n; i++) {
		s->sums[i].text = make_text(s, &s->sums[i]);
		if (!add(&s->total, &s->sums[i]))
			return ERR_UPSTREAM;
	}
	s->has_other = s->total.other[0].unit != NULL;
	if (s->n)
		qsort(s->sums, s->n, sizeof(*s->sums),
		    is_by_day(s) ? compare_days : compare_costs);
	return ERR_OK;
}

static enum err read_summary(
    struct summary *s, const struct vcs_usage *answer, enum err err)
{
	bool none = err == ERR_RULE && *answer->code == VCS_NO_METHOD;

	err = none ? count_xdrs(s) : err;
	if (!none && !err)
		err = add_usage(s, answer);
	return err ? err : finish(s);
}

/* --- The answer ----------------------------------------------------------- */

static void put_sum(
    const struct summary *s, struct json_object *o, const struct sum *sum)
{
	struct call *c = s->call;
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct json_object *other;

	json_put_int(o, "events", sum->events);
	/* Without the services nobody knows what is a second. */
	if (s->usage.services->err)
		json_put(o, "volume", NULL);
	else
		put_duration(c, o, "volume", sum->volume);
	put_money(c, o, "cost", sum->cost, currency);
	if (!s->has_other)
		return;
	other = json_put_list(o, "other");
	for (size_t i = 0; i < UNITS && sum->other[i].unit; i++) {
		struct json_object *pair = json_object_new_object();

		put_quantity(
		    c, pair, "q", sum->other[i].count, sum->other[i].unit);
		json_put(other, NULL, json_object_get(json_find(pair, "q")));
		json_object_put(pair);
	}
}

static struct json_object *make_row(
    const struct summary *s, const struct sum *sum)
{
	struct json_object *o = json_object_new_object();
	struct json_object *group = json_put_object(o, "group");

	json_put_text(group, "key", sum->key[0] ? sum->key : NULL);
	json_put_text(group, "text", sum->text);
	put_sum(s, o, sum);
	return o;
}

/* "14 messages" */
static const char *list_other(struct call *c, struct json_object *row)
{
	struct json_object *other = json_find(row, "other");
	struct buf b;

	buf_open(&b, c->mem, 0);
	for (size_t i = 0; i < json_length(other); i++) {
		const char *text = json_find_text(json_at(other, i), "text");

		buf_add_text(&b, b.len ? ", " : "");
		buf_add_text(&b, text ? text : "");
	}
	return b.len ? b.data : NULL;
}

/* The columns of what the sums are of. */
static const struct column *make_columns(
    struct call *c, const struct summary *s)
{
	struct column *columns = mem_array(c->mem, 6, sizeof(*columns));
	size_t n = 0;

	columns[n++] = (struct column){s->group_by, COLUMN_TEXT, false};
	columns[n++] = (struct column){"events", COLUMN_COUNT, false};
	columns[n++] = (struct column){"volume", COLUMN_QUANTITY, false};
	if (s->has_other)
		columns[n++] = (struct column){"other", COLUMN_TEXT, false};
	columns[n++] = (struct column){"cost", COLUMN_MONEY, false};
	return columns;
}

/* A row as the table has it; files have days as ISO dates. */
static struct json_object *make_table_row(
    struct call *c, const struct summary *s, struct json_object *row)
{
	bool raw = c->req->format != FORMAT_HTML && is_by_day(s);
	struct json_object *o = json_object_new_object();

	json_put_text(o, s->group_by,
	    json_find_text(json_find(row, "group"), raw ? "key" : "text"));
	json_put(o, "events", json_object_get(json_find(row, "events")));
	json_put(o, "volume", json_object_get(json_find(row, "volume")));
	json_put_text(o, "other", list_other(c, row));
	json_put(o, "cost", json_object_get(json_find(row, "cost")));
	return o;
}

/* --- What only the template sees ------------------------------------------ */

static const char *make_bar_label(
    struct call *c, const struct summary *s, const struct sum *sum)
{
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct fmt_arg args[] = {{sum->text, 0},
	    {fmt_money(c->mem, c->fmt, sum->cost, currency), 0},
	    {NULL, (double)sum->events}};

	return page_text_args(c, "usage_summary.bar", args, 3);
}

static void put_days_chart(
    struct call *c, const struct summary *s, const char *currency)
{
	struct chart_bar *bars = mem_array(c->mem, s->n, sizeof(*bars));
	int64_t start = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct sum *sum = &s->sums[i];

		fmt_day_start(sum->key, 0, c->zone, &start);
		bars[i] = (struct chart_bar){make_bar_label(c, s, sum),
		    fmt_time(c->mem, c->fmt, start, c->zone, FMT_DATE_SHORT),
		    sum->cost};
	}
	page_put_chart(
	    c, page_text(c, "usage_summary.chart"), bars, s->n, currency);
}

/* The first of them, and the others as one. */
static void put_lying_bars(
    struct call *c, const struct summary *s, const char *currency)
{
	size_t n = s->n > BARS + 1 ? BARS : s->n;
	struct chart_bar *bars = mem_array(c->mem, n + 1, sizeof(*bars));
	struct fmt_arg count = {NULL, (double)(s->n - n)};
	struct sum others = {0};

	for (size_t i = 0; i < n; i++)
		bars[i] = (struct chart_bar){make_bar_label(c, s, &s->sums[i]),
		    s->sums[i].text, s->sums[i].cost};
	for (size_t i = n; i < s->n; i++)
		add(&others, &s->sums[i]);
	others.text = page_text_args(c, "usage_summary.others", &count, 1);
	bars[n] = (struct chart_bar){
	    make_bar_label(c, s, &others), others.text, others.cost};
	page_put_bars(c, bars, n < s->n ? n + 1 : n, currency);
}

/* The last line of the table: cells under its columns. */
static void put_total_row(
    struct call *c, const struct summary *s, struct json_object *total)
{
	struct json_object *columns = json_find(c->ui, "columns");
	struct json_object *cells = json_put_list(c->ui, "total_cells"), *o;

	for (size_t i = 0; i < json_length(columns); i++) {
		struct json_object *column = json_at(columns, i);
		const char *key = json_find_text(column, "key");
		const char *text =
		    json_find_text(json_find(total, key), "text");

		if (!strcmp(key, s->group_by))
			text = page_text(c, "usage_summary.total");
		else if (!strcmp(key, "events"))
			text = fmt_count(c->mem, c->fmt, s->total.events);
		else if (!strcmp(key, "other"))
			text = list_other(c, total);
		o = json_object_new_object();
		json_put(cells, NULL, o);
		json_put_text(o, "text", text);
		json_put(
		    o, "label", json_object_get(json_find(column, "label")));
		json_put(o, "numeric",
		    json_object_get(json_find(column, "numeric")));
		json_put_flag(o, "head", !strcmp(key, s->group_by));
	}
}

static void put_groupings(struct call *c, const struct summary *s)
{
	static const char *const all[] = {
	    "day", "service", "account", "package", "code_name"};
	struct json_object *list =
	    json_put_list(json_find(c->ui, "filters"), "group_by");

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		page_add_option(list, "value", all[i],
		    page_text(
			c, mem_print(c->mem, "usage_summary.group.%s", all[i])),
		    !strcmp(all[i], s->group_by));
}

static void fill_ui(struct call *c, const struct summary *s)
{
	const char *currency = vcs_find_currency(c->trip, s->currency);
	struct json_object *rows = json_find(c->model, "rows");
	struct json_object *list = json_own(c->mem, json_object_new_array());

	for (size_t i = 0; i < json_length(rows); i++)
		json_put(list, NULL, make_table_row(c, s, json_at(rows, i)));
	page_put_table(c, name, make_columns(c, s), list);
	put_total_row(c, s, json_find(c->model, "total"));
	put_groupings(c, s);
	json_put_flag(c->ui, "counted", s->counted);
	json_put_int(c->ui, "counted_rows", (int64_t)s->n_counted);
	json_put_flag(c->ui, "partial", s->partial);
	if (!s->n || money_sign(s->total.cost) <= 0)
		return;
	if (is_by_day(s))
		put_days_chart(c, s, currency);
	else
		put_lying_bars(c, s, currency);
}

static void show(struct call *c, const struct summary *s)
{
	struct json_object *rows = json_put_list(c->model, "rows");

	for (size_t i = 0; i < s->n; i++)
		json_put(rows, NULL, make_row(s, &s->sums[i]));
	put_sum(s, json_put_object(c->model, "total"), &s->total);
	page_put_usage_filters(c, &s->usage);
	json_put_text(json_find(c->model, "filters"), "group_by", s->group_by);
	if (s->counted) {
		json_put_int(c->model, "counted", (int64_t)s->n_counted);
		json_put_flag(c->model, "partial", s->partial);
	}
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, s);
}

static enum err ask(
    struct call *c, struct summary *s, struct vcs_usage **answer)
{
	static const enum vcs_group by[] = {['d'] = VCS_BY_DAY,
	    ['s'] = VCS_BY_SERVICE,
	    ['a'] = VCS_BY_ACCOUNT,
	    ['p'] = VCS_BY_ACCOUNT,
	    ['c'] = VCS_BY_NAME};
	enum err err = page_begin_usage(c, &s->usage);

	s->call = c;
	s->group_by = req_text(c->req, "group_by");
	if (err)
		return err;
	*answer =
	    vcs_ask_usage(c->trip, s->usage.period.start, s->usage.period.end,
		by[(unsigned char)s->group_by[0]], &s->usage.filter);
	return page_go_usage(c, &s->usage);
}

#define SUMS "events:int volume:quantity? cost:money ~other[:quantity]"

const char usage_summary_answer[] =
    "rows[group{key? text} " SUMS "] total{" SUMS "} "
    "filters{" SHAPE_USAGE_FILTERS " group_by} ~counted:int ~partial:flag";

enum err usage_summary_load(struct call *c)
{
	struct summary s = {0};
	struct vcs_usage *answer;
	enum err err = ask(c, &s, &answer);

	if (err)
		return err;
	err = read_summary(&s, answer, answer->err);
	if (page_section(c, "rows", err))
		show(c, &s);
	return page_end(c);
}

/* --- Files ---------------------------------------------------------------- */

static enum err fetch(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct summary *s = state;

	for (; *taken < s->n; ++*taken) {
		struct json_object *row = make_row(s, &s->sums[*taken]);

		json_put(list, NULL, make_table_row(c, s, row));
		json_object_put(row);
	}
	return ERR_OK;
}

enum err usage_summary_export(struct call *c)
{
	struct summary s = {0};
	struct vcs_usage *answer;
	struct fmt_arg count = {NULL, 0};
	enum err err = ask(c, &s, &answer);

	/* Nothing may be sent before the ids are right: once more, please. */
	if (!err && vcs_kept_changed(c->trip))
		err = ERR_BUSY;
	if (!err)
		err = read_summary(&s, answer, answer->err);
	if (err)
		return err == ERR_RULE ? ERR_UPSTREAM : err;
	count.number = (double)s.n_counted;
	if (s.counted)
		c->notice = page_text_args(c,
		    s.partial ? "usage_summary.partial"
			      : "usage_summary.counted",
		    &count, 1);
	return page_export(
	    c, name, make_columns(c, &s), &s.usage.period, fetch, &s);
}
