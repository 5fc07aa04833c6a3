/* method.c: finds a method and runs it: faults, cache, checks, answer. */
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

static const struct method *const tables[] = {
    core_methods, core_guess_methods, management_methods};

const struct method *method_find(enum api api, const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct method *m = tables[i]; m->name; m++)
			if (m->api == api && strcmp(m->name, name) == 0)
				return m;
	return NULL;
}

static bool answer_fresh(struct call *c)
{
	bool done;

	c->db = db_take();
	if (!c->db)
		return call_fail(c, -32603, "Internal error");
	done = call_check(c) && c->method->answer(c);
	db_give(c->db);
	c->db = NULL;
	return done;
}

static void make_key(struct call *c, struct buf *key)
{
	buf_text(key, c->method->name);
	buf_text(key, c->method->api == CORE ? "\n" : "\r");
	buf_int(key, clock_until());
	json_object_object_foreach (c->params, name, value) {
		if (strcmp(name, "AUTH") == 0 || strcmp(name, "SID") == 0 ||
		    strcmp(name, "auth") == 0)
			continue;
		buf_text(key, "\n");
		buf_text(key, name);
		buf_text(key, "=");
		buf_text(key, json_object_to_json_string_ext(
				  value, JSON_C_TO_STRING_PLAIN));
	}
}

static bool answer(struct call *c)
{
	unsigned long version = db_version();
	struct buf key = {0};
	bool done;

	if (c->method->writes) {
		done = answer_fresh(c);
		db_changed();
		return done;
	}
	make_key(c, &key);
	done = cache_find(key.text, &c->out);
	if (!done) {
		done = answer_fresh(c);
		if (done)
			cache_store(key.text, version, &c->out);
	}
	buf_free(&key);
	return done;
}

static int64_t other_client(int64_t client)
{
	return client == HERON ? OSPREY : HERON;
}

/* The made clients' accounts and rate tables by their fixed ids. */
static struct json_object *other_value(
    const char *name, struct json_object *value)
{
	int64_t id = json_object_get_int64(value);

	if (strcmp(name, "accounts_id") == 0) {
		struct json_object *list = json_object_new_array();

		if (json_object_is_type(value, json_type_array))
			id = json_object_get_int64(
			    json_object_array_get_idx(value, 0));
		json_object_array_add(
		    list, json_object_new_int(id < 2003 ? 2003 : 2001));
		return list;
	}
	if (strcmp(name, "rate_tables_id") == 0)
		return json_object_new_int(id == 19 ? 20 : 19);
	if (strcmp(name, "clients_id") == 0 || strcmp(name, "id_clients") == 0)
		return json_object_new_int64(other_client(id));
	if (strcmp(name, "id") == 0 && id >= HERON && id <= WHALE)
		return json_object_new_int64(other_client(id));
	return json_object_get(value);
}

/* Puts up to three of the other's rows behind the first of the own. */
static struct json_object *mix(
    struct json_object *own, struct json_object *other)
{
	size_t count = json_object_array_length(own);
	size_t more = json_object_array_length(other);
	struct json_object *mixed = json_object_new_array();

	more = more > 3 ? 3 : more;
	for (size_t i = 0; i < count + more; i++) {
		bool first = i == 0 && count, foreign;
		size_t skip = count ? 1 : 0;

		foreign = !first && i < more + skip;
		json_object_array_add(mixed,
		    json_object_get(
			foreign ? json_object_array_get_idx(other, i - skip)
			: first ? json_object_array_get_idx(own, 0)
				: json_object_array_get_idx(own, i - more)));
	}
	return mixed;
}

/* Management wraps its rows. */
static struct json_object *rows_of(struct json_object *result)
{
	struct json_object *rows = NULL;

	json_object_object_get_ex(result, "rows", &rows);
	return rows;
}

static struct json_object *make_rows(struct json_object *rows)
{
	struct json_object *result = json_object_new_object();

	json_object_object_add(result, "rows", rows);
	return result;
}

/* The same call for somebody else; his rows are mixed in, or his object is
 * given instead. */
static void make_foreign(struct call *c)
{
	struct call other = {.method = c->method};
	struct json_object *own, *alien, *both;

	other.params = json_object_new_object();
	json_object_object_foreach (c->params, name, value)
		json_object_object_add(
		    other.params, name, other_value(name, value));
	if (!c->method->writes && answer(&other)) {
		own = json_tokener_parse(c->out.text);
		alien = json_tokener_parse(other.out.text);
		if (json_object_is_type(own, json_type_array))
			both = mix(own, alien);
		else if (rows_of(own) && rows_of(alien))
			both = make_rows(mix(rows_of(own), rows_of(alien)));
		else
			both = json_object_get(alien);
		c->out.length = 0;
		buf_text(&c->out, json_object_to_json_string_ext(
				      both, JSON_C_TO_STRING_PLAIN));
		json_object_put(both);
		json_object_put(own);
		json_object_put(alien);
	}
	buf_free(&other.out);
	json_object_put(other.params);
}

static void make_wrong_type(struct call *c)
{
	char first = c->out.text[0];

	c->out.length = 0;
	buf_text(&c->out, first == '['	 ? "{\"unexpected\":true}"
			  : first == '{' ? "\"unexpected\""
					 : "[]");
}

static bool run(struct call *c)
{
	struct fault fault;
	bool faulty =
	    fault_take(c->method->api, c->method->name, PART_FAULTS, &fault);

	if (faulty && fault.kind == ERROR)
		return call_fail(c, -32000, "%.150s", fault.text);
	if (!answer(c))
		return false;
	if (faulty && fault.kind == WRONG_TYPE)
		make_wrong_type(c);
	else if (faulty)
		make_foreign(c);
	return true;
}

bool method_run(struct call *c)
{
	bool done = run(c);

	markup_put(c, done);
	return done;
}
