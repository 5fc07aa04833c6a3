/* summary.c: reports.summary, from sums made beforehand.
 *
 * Quarter hours are summed (every zone's day begins on one), and days by
 * code; what lies at the ends of the period, or is of this moment's part of
 * a sum, is read call by call. */
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>

enum field {
	BY_DAY,
	BY_SERVICE,
	BY_ACCOUNT,
	BY_PACKAGE,
	BY_CODE,
	BY_NAME,
	FIELDS
};

static const char *const fields[FIELDS] = {
    "day", "services_id", "accounts_id", "packages_id", "code", "code_name"};

struct group {
	int64_t key[FIELDS];
	int64_t events, volume, cost;
};

struct summary {
	struct call *call;
	bool by[FIELDS];
	struct group *groups;
	size_t count, room;
	size_t *table; /* hash to group + 1 */
	size_t table_size;
	int64_t start, from, to; /* start of data; the period, to excluded */
};

static size_t hash(const struct group *g)
{
	uint64_t h = 1469598103934665603u;

	for (int i = 0; i < FIELDS; i++)
		h = (h ^ (uint64_t)g->key[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 29);
}

static void rehash(struct summary *s)
{
	s->table_size = s->table_size ? s->table_size * 2 : 1024;
	free(s->table);
	s->table = calloc(s->table_size, sizeof(*s->table));
	s->room = s->table_size / 2;
	s->groups = realloc(s->groups, s->room * sizeof(*s->groups));
	if (!s->table || !s->groups)
		abort();
	for (size_t i = 0; i < s->count; i++) {
		size_t at = hash(&s->groups[i]) % s->table_size;

		while (s->table[at])
			at = (at + 1) % s->table_size;
		s->table[at] = i + 1;
	}
}

static struct group *find_group(struct summary *s, const struct group *key)
{
	size_t at;

	if (s->count == s->room)
		rehash(s);
	at = hash(key) % s->table_size;
	while (s->table[at]) {
		struct group *g = &s->groups[s->table[at] - 1];

		if (memcmp(g->key, key->key, sizeof(g->key)) == 0)
			return g;
		at = (at + 1) % s->table_size;
	}
	s->groups[s->count] = *key;
	s->table[at] = ++s->count;
	return &s->groups[s->count - 1];
}

/* Codes of one name are one group: the first of them stands for it. */
static int64_t name_of(int64_t code)
{
	for (int64_t i = 0; i < code; i++)
		if (strcmp(codes[i].name, codes[code].name) == 0)
			return i;
	return code;
}

/* Columns: offset, account, service, code, package, events, volume, cost. */
static void add_row(struct summary *s, sqlite3_stmt *q)
{
	int64_t time = sqlite3_column_int64(q, 0) + clock_anchor();
	struct group key = {{0}, 0, 0, 0}, *g;

	if (s->by[BY_DAY])
		key.key[BY_DAY] =
		    (time + zone_offset(s->call->zone, time)) / DAY;
	if (s->by[BY_ACCOUNT])
		key.key[BY_ACCOUNT] = sqlite3_column_int64(q, 1);
	if (s->by[BY_SERVICE])
		key.key[BY_SERVICE] = sqlite3_column_int64(q, 2);
	if (s->by[BY_CODE])
		key.key[BY_CODE] = sqlite3_column_int64(q, 3);
	if (s->by[BY_NAME])
		key.key[BY_NAME] = name_of(sqlite3_column_int64(q, 3));
	if (s->by[BY_PACKAGE])
		key.key[BY_PACKAGE] = sqlite3_column_int64(q, 4);
	g = find_group(s, &key);
	g->events += sqlite3_column_int64(q, 5);
	g->volume += sqlite3_column_int64(q, 6);
	g->cost += sqlite3_column_int64(q, 7);
}

static void add_filter(
    struct summary *s, struct buf *q, const char *name, const char *sql)
{
	struct json_object *value;

	if (!json_object_object_get_ex(s->call->params, name, &value))
		return;
	buf_format(q, " AND %s IN (", sql);
	rows_ids(q, value);
	buf_text(q, ")");
}

static bool add_rows(
    struct summary *s, const char *select, int64_t from, int64_t to)
{
	struct buf q = {0};
	sqlite3_stmt *rows;

	if (from >= to)
		return true;
	buf_text(&q, select);
	add_filter(s, &q, "services_id", "x.services_id");
	add_filter(s, &q, "accounts_id", "x.accounts_id");
	add_filter(s, &q, "packages_id", "a.packages_id");
	rows = call_query(s->call, q.text);
	buf_free(&q);
	if (!rows)
		return call_fail(s->call, -32603, "Internal error");
	sqlite3_bind_int64(
	    rows, sqlite3_bind_parameter_index(rows, "@low"), from);
	sqlite3_bind_int64(
	    rows, sqlite3_bind_parameter_index(rows, "@high"), to);
	while (sqlite3_step(rows) == SQLITE_ROW)
		add_row(s, rows);
	sqlite3_finalize(rows);
	return true;
}

#define FROM(table)                                                            \
	" FROM " table " x JOIN accounts a ON a.id = x.accounts_id"            \
	" WHERE x.clients_id = @p_clients_id "

static const char calls_sql[] =
    "SELECT x.off, x.accounts_id, x.services_id, x.codes_id, a.packages_id,"
    " 1, x.volume, x.cost" FROM("xdrs") "AND x.off >= @low AND x.off < @high";
/* 98 days before the anchor the first slot begins. */
static const char slots_sql[] =
    "SELECT x.slot * 900 - 8467200, x.accounts_id, x.services_id, 0,"
    " a.packages_id, x.events, x.volume, x.cost" FROM(
	"slots") "AND x.slot >= (@low + 8467200) / 900"
		 " AND x.slot < (@high + 8467200) / 900";
static const char days_sql[] =
    "SELECT x.day * 86400 - 8467200, x.accounts_id, x.services_id,"
    " x.codes_id, a.packages_id, x.events, x.volume, x.cost" FROM(
	"days") "AND x.day >= (@low + 8467200) / 86400"
		" AND x.day < (@high + 8467200) / 86400";

static bool collect(struct summary *s)
{
	bool code = s->by[BY_CODE] || s->by[BY_NAME];
	int64_t unit = code ? DAY : SLOT;
	int64_t low = (s->from - s->start + unit - 1) / unit * unit + s->start;
	int64_t high = (s->to - s->start) / unit * unit + s->start;

	/* A day of a zone is no sum of days of UTC. */
	if (low >= high || (code && s->by[BY_DAY]))
		return add_rows(s, calls_sql, s->from, s->to);
	return add_rows(s, calls_sql, s->from, low) &&
	       add_rows(s, code ? days_sql : slots_sql, low, high) &&
	       add_rows(s, calls_sql, high, s->to);
}

static int compare(const void *one, const void *two)
{
	const struct group *a = one, *b = two;

	for (int i = 0; i < FIELDS; i++)
		if (a->key[i] != b->key[i])
			return a->key[i] < b->key[i] ? -1 : 1;
	return 0;
}

static void write_key(struct buf *b, int field, int64_t value)
{
	buf_format(b, ",\"%s\":", fields[field]);
	if (field == BY_DAY)
		buf_date(b, value);
	else if (field == BY_CODE)
		buf_json(b, codes[value].code);
	else if (field == BY_NAME)
		buf_json(b, codes[value].name);
	else if (value)
		buf_int(b, value);
	else
		buf_text(b, "null");
}

static void write_groups(struct summary *s, int64_t client, int64_t currency)
{
	struct buf *b = &s->call->out;

	buf_text(b, "[");
	for (size_t i = 0; i < s->count; i++) {
		const struct group *g = &s->groups[i];

		buf_format(b, "%s{\"clients_id\":%lld", i ? "," : "",
		    (long long)client);
		for (int f = 0; f < FIELDS; f++)
			if (s->by[f])
				write_key(b, f, g->key[f]);
		buf_text(b, ",\"events\":");
		buf_int(b, g->events);
		buf_text(b, ",\"volume\":");
		buf_int(b, g->volume);
		buf_text(b, ",\"cost\":");
		buf_nano(b, g->cost);
		buf_text(b, ",\"currencies_id\":");
		buf_int(b, currency);
		buf_text(b, "}");
	}
	buf_text(b, "]");
}

static bool read_groups(struct summary *s)
{
	struct json_object *list;
	size_t count = 0;

	if (json_object_object_get_ex(s->call->params, "group_by", &list))
		count = json_object_array_length(list);
	for (size_t i = 0; i < count; i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(list, i));
		int f = 0;

		while (f < FIELDS && strcmp(fields[f], name) != 0)
			f++;
		if (f == FIELDS)
			return call_fail(s->call, -32602, "group_by-invalid");
		s->by[f] = true;
	}
	return true;
}

bool reports_summary(struct call *c)
{
	struct summary s = {.call = c, .start = -DAYS_BEFORE * DAY};
	int64_t client = call_int(c, "clients_id", 0), until;
	bool done;

	if (!read_groups(&s))
		return false;
	call_period(c, &s.from, &s.to);
	until = clock_until() - clock_anchor();
	s.from -= clock_anchor();
	s.to -= clock_anchor() - 1;
	s.from = s.from < s.start ? s.start : s.from;
	s.to = s.to > until ? until : s.to;
	done = collect(&s);
	if (done && s.count)
		qsort(s.groups, s.count, sizeof(*s.groups), compare);
	if (done)
		write_groups(&s, client,
		    db_int(c->db,
			"SELECT currencies_id FROM clients"
			" WHERE id = ?",
			client, 0));
	free(s.groups);
	free(s.table);
	return done;
}
