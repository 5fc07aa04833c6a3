/* rows.c: checks a call's parameters and answers it with rows.
 *
 * Types of parameters: i int, n number, s text, S text or null, b boolean,
 * I int or list of ints, P period, t time, l list of texts, o object, x any.
 * Types of columns: i int, b boolean, s text, n money, t time, e time or no
 * end, T Management's time, D date, c code and d destination by index,
 * j JSON, z always null. */
#include "sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool call_fail(struct call *c, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	c->code = code;
	return false;
}

static struct json_object *get(const struct call *c, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(c->params, name, &value);
	return value;
}

bool call_has(struct call *c, const char *name)
{
	return json_object_object_get_ex(c->params, name, NULL);
}

int64_t call_int(struct call *c, const char *name, int64_t otherwise)
{
	struct json_object *value = get(c, name);

	return value ? json_object_get_int64(value) : otherwise;
}

const char *call_text(struct call *c, const char *name)
{
	struct json_object *value = get(c, name);

	return value ? json_object_get_string(value) : NULL;
}

bool call_time(struct call *c, struct json_object *in, int64_t *time)
{
	return json_object_is_type(in, json_type_string) &&
	       time_parse(json_object_get_string(in), c->zone, time);
}

bool call_period(struct call *c, int64_t *from, int64_t *to)
{
	struct json_object *dt = get(c, "dt");

	return json_object_is_type(dt, json_type_array) &&
	       json_object_array_length(dt) == 2 &&
	       call_time(c, json_object_array_get_idx(dt, 0), from) &&
	       call_time(c, json_object_array_get_idx(dt, 1), to);
}

static bool is_list(struct json_object *value, enum json_type of)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(
			json_object_array_get_idx(value, i), of))
			return false;
	return true;
}

static bool is_of(struct call *c, struct json_object *value, char type)
{
	enum json_type is = json_object_get_type(value);
	int64_t from, to;

	switch (type) {
	case 'i':
		return is == json_type_int;
	case 'n':
		return is == json_type_int || is == json_type_double;
	case 'S':
		return is == json_type_string || is == json_type_null;
	case 'b':
		return is == json_type_boolean;
	case 'I':
		return is == json_type_int || is_list(value, json_type_int);
	case 'l':
		return is_list(value, json_type_string);
	case 'P':
		return call_period(c, &from, &to);
	case 't':
		return call_time(c, value, &from);
	case 'o':
		return is == json_type_object;
	case 'x':
		return true;
	default:
		return is == json_type_string;
	}
}

static char type_of(const struct method *m, const char *name)
{
	for (const struct param *p = m->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p->type;
	if (!m->entity)
		return 0;
	if (strcmp(name, "limit") == 0 || strcmp(name, "offset") == 0)
		return 'i';
	if (strcmp(name, "order") == 0)
		return 'l';
	for (const struct column *k = m->entity->columns; k->name; k++)
		if (k->filter && strcmp(k->name, name) == 0)
			return k->type == 'i' ? 'I' : k->type;
	return 0;
}

static bool check_limits(struct call *c)
{
	if (call_int(c, "limit", 1) < 0 || call_int(c, "offset", 0) < 0)
		return call_fail(c, -32602, "limit-invalid");
	for (const struct param *p = c->method->params; p && p->name; p++)
		if (p->needed && !call_has(c, p->name))
			return call_fail(c, -32602, "%s-required", p->name);
	return true;
}

/* Refusing what the record does not show makes tests mean something. */
bool call_check(struct call *c)
{
	const char *zone = "UTC";

	if (c->method->api == CORE && call_has(c, "__tz")) {
		zone = call_text(c, "__tz");
		if (!is_of(c, get(c, "__tz"), 's') || !zone_find(zone))
			return call_fail(c, -32602, "__tz-invalid");
	}
	c->zone = zone_find(zone);
	json_object_object_foreach (c->params, name, value) {
		char type = type_of(c->method, name);

		if (c->method->api == CORE ? (strcmp(name, "AUTH") == 0 ||
						 strcmp(name, "__tz") == 0)
					   : (strcmp(name, "auth") == 0 ||
						 strcmp(name, "SID") == 0))
			continue;
		if (!type)
			return call_fail(c, -32602, "%.60s-unknown", name);
		if (!is_of(c, value, type))
			return call_fail(c, -32602, "%.60s-invalid", name);
	}
	return check_limits(c);
}

static void bind_time(sqlite3_stmt *s, const char *name, int64_t value)
{
	int at = sqlite3_bind_parameter_index(s, name);

	if (at)
		sqlite3_bind_int64(s, at, value);
}

static void bind_params(struct call *c, sqlite3_stmt *s)
{
	for (int at = 1; at <= sqlite3_bind_parameter_count(s); at++) {
		const char *name = sqlite3_bind_parameter_name(s, at);
		struct json_object *value;

		if (!name || strncmp(name, "@p_", 3) != 0)
			continue;
		value = get(c, name + 3);
		if (json_object_is_type(value, json_type_int) ||
		    json_object_is_type(value, json_type_boolean))
			sqlite3_bind_int64(s, at, json_object_get_int64(value));
		else if (value)
			sqlite3_bind_text(s, at, json_object_get_string(value),
			    -1, SQLITE_TRANSIENT);
	}
}

/* @p_NAME is the parameter NAME; times are bound by their own names. */
sqlite3_stmt *call_query(struct call *c, const char *sql)
{
	sqlite3_stmt *s = db_prepare(c->db, sql);
	int64_t at = clock_now(), from = 0, to = 0;

	if (!s)
		return NULL;
	if (json_object_is_type(get(c, "dt"), json_type_string))
		call_time(c, get(c, "dt"), &at);
	call_period(c, &from, &to);
	bind_time(s, "@now", clock_now());
	bind_time(s, "@until", clock_until());
	bind_time(s, "@anchor", clock_anchor());
	bind_time(s, "@at", at - clock_anchor());
	bind_time(s, "@from", from - clock_anchor());
	bind_time(s, "@to", to - clock_anchor());
	bind_params(c, s);
	return s;
}

void rows_ids(struct buf *b, struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array)) {
		buf_int(b, json_object_get_int64(list));
		return;
	}
	if (!json_object_array_length(list))
		buf_text(b, "NULL");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		buf_text(b, i ? "," : "");
		buf_int(b,
		    json_object_get_int64(json_object_array_get_idx(list, i)));
	}
}

static void write_time(
    struct call *c, struct buf *b, sqlite3_stmt *s, int at, char type)
{
	int64_t time = sqlite3_column_int64(s, at);

	if (sqlite3_column_type(s, at) == SQLITE_NULL)
		buf_text(b, type == 'e' ? "\"9999-12-31 23:59:59\"" : "null");
	else if (type == 'T')
		buf_time_short(b, time);
	else if (type == 'D')
		buf_date(b, time / DAY);
	else
		buf_time(b, time, c->zone);
}

static void write_value(
    struct call *c, struct buf *b, sqlite3_stmt *s, int at, char type)
{
	if (strchr("tTDe", type)) {
		write_time(c, b, s, at, type);
		return;
	}
	if (type == 'z' || sqlite3_column_type(s, at) == SQLITE_NULL) {
		buf_text(b, "null");
		return;
	}
	switch (type) {
	case 'i':
		buf_int(b, sqlite3_column_int64(s, at));
		break;
	case 'b':
		buf_text(b, sqlite3_column_int(s, at) ? "true" : "false");
		break;
	case 'n':
		buf_nano(b, sqlite3_column_int64(s, at));
		break;
	case 'c':
		buf_json(b, codes[sqlite3_column_int(s, at)].code);
		break;
	case 'd':
		buf_json(b, codes[sqlite3_column_int(s, at)].name);
		break;
	case 'j':
		buf_text(b, (const char *)sqlite3_column_text(s, at));
		break;
	default:
		buf_json(b, (const char *)sqlite3_column_text(s, at));
	}
}

static void write_row(struct call *c, struct buf *b, sqlite3_stmt *s,
    const struct column *columns)
{
	for (int at = 0; columns[at].name; at++) {
		buf_text(b, at ? ",\"" : "{\"");
		buf_text(b, columns[at].name);
		buf_text(b, "\":");
		write_value(c, b, s, at, columns[at].type);
	}
	buf_text(b, "}");
}

static const char *sql_of(const struct column *k)
{
	return k->sql ? k->sql : k->type == 'z' ? "NULL" : k->name;
}

static void add_select(struct buf *q, const struct entity *e, const char *where)
{
	buf_text(q, "SELECT ");
	for (const struct column *k = e->columns; k->name; k++) {
		buf_text(q, k == e->columns ? "" : ",");
		buf_text(q, sql_of(k));
	}
	buf_format(q, " FROM %s WHERE (%s)", e->from, where);
}

static void add_filters(struct call *c, struct buf *q, const struct entity *e)
{
	for (const struct column *k = e->columns; k->name; k++) {
		if (!k->filter || !call_has(c, k->name))
			continue;
		buf_format(q, " AND %s ", sql_of(k));
		if (k->type == 'i') {
			buf_text(q, "IN (");
			rows_ids(q, get(c, k->name));
			buf_text(q, ")");
		} else {
			buf_format(q, "= @p_%s", k->name);
		}
	}
}

static const struct column *find_sort(
    const struct entity *e, const char *name, size_t length)
{
	for (const struct column *k = e->columns; k->name; k++)
		if (k->sort && strlen(k->name) == length &&
		    memcmp(k->name, name, length) == 0)
			return k;
	return NULL;
}

/* ["+code","-effective_from"]; the tie breaker keeps pages apart. */
static bool add_order(struct call *c, struct buf *q, const struct entity *e)
{
	struct json_object *order = get(c, "order");
	bool down = false;

	if (!order || !json_object_array_length(order)) {
		buf_format(q, " ORDER BY %s", e->order);
		return true;
	}
	buf_text(q, " ORDER BY ");
	for (size_t i = 0; i < json_object_array_length(order); i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(order, i));
		const struct column *k = NULL;

		if (*name == '+' || *name == '-')
			k = find_sort(e, name + 1, strlen(name + 1));
		if (!k)
			return call_fail(c, -32602, "order-invalid");
		down = *name == '-';
		buf_format(q, "%s %s,", k->sort, down ? "DESC" : "ASC");
	}
	buf_format(q, " %s %s", e->tie, down ? "DESC" : "ASC");
	return true;
}

/* Management's lists: twenty rows a page, orderby=name or name_desc. */
static bool add_page(struct call *c, struct buf *q, const struct entity *e)
{
	const char *by = call_text(c, "orderby"), *dot;
	int64_t page = call_int(c, "page", 1);
	bool down = false;
	size_t length;

	if (page < 1)
		return call_fail(c, 1, "page: 1 or more");
	if (by) {
		const struct column *k;

		dot = strchr(by, '.');
		by = dot ? dot + 1 : by;
		length = strlen(by);
		down = length > 5 && strcmp(by + length - 5, "_desc") == 0;
		k = find_sort(e, by, down ? length - 5 : length);
		if (!k)
			return call_fail(c, 1, "orderby: no such column");
		buf_format(q, " ORDER BY %s %s, %s %s", k->sort,
		    down ? "DESC" : "ASC", e->tie, down ? "DESC" : "ASC");
	} else {
		buf_format(q, " ORDER BY %s", e->order);
	}
	buf_format(q, " LIMIT 20 OFFSET %lld", (long long)(page - 1) * 20);
	return true;
}

static bool add_limit(struct call *c, struct buf *q)
{
	int64_t limit = call_int(c, "limit", MAX_ROWS);

	buf_format(q, " LIMIT %lld OFFSET %lld",
	    (long long)(limit > MAX_ROWS ? MAX_ROWS : limit),
	    (long long)call_int(c, "offset", 0));
	return true;
}

static bool write_rows(struct call *c, const char *sql, const struct entity *e)
{
	sqlite3_stmt *s = call_query(c, sql);

	if (!s)
		return call_fail(c, -32603, "Internal error");
	buf_text(&c->out, "[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_text(&c->out, n ? "," : "");
		write_row(c, &c->out, s, e->columns);
	}
	buf_text(&c->out, "]");
	sqlite3_finalize(s);
	return true;
}

bool rows_search(struct call *c, const char *where)
{
	const struct entity *e = c->method->entity;
	bool core = c->method->api == CORE, done;
	struct buf q = {0};

	add_select(&q, e, where);
	add_filters(c, &q, e);
	done =
	    core ? add_order(c, &q, e) && add_limit(c, &q) : add_page(c, &q, e);
	if (done && !core)
		buf_text(&c->out, "{\"rows\":");
	done = done && write_rows(c, q.text, e);
	if (done && !core)
		buf_text(&c->out, "}");
	buf_free(&q);
	return done;
}

bool rows_one(struct call *c, const struct entity *e, const char *where)
{
	struct buf q = {0};
	sqlite3_stmt *s;

	add_select(&q, e, where);
	s = call_query(c, q.text);
	buf_free(&q);
	if (!s)
		return call_fail(c, -32603, "Internal error");
	if (sqlite3_step(s) == SQLITE_ROW)
		write_row(c, &c->out, s, e->columns);
	else
		buf_text(&c->out, "null");
	sqlite3_finalize(s);
	return true;
}
