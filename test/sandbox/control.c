/* control.c: what tests do to the sandbox: faults, calls, reset, clients. */
#include "sandbox.h"
#include "gateways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct exchange *x, unsigned status, const char *why)
{
	x->status = status;
	buf_text(&x->reply, "{\"error\":");
	buf_json(&x->reply, why);
	buf_text(&x->reply, "}");
}

static void done(struct exchange *x)
{
	buf_text(&x->reply, "{\"ok\":true}");
}

static void faults_post(struct exchange *x)
{
	const char *wrong = fault_add(x->request);

	if (wrong)
		refuse(x, 400, wrong);
	else
		done(x);
}

static void faults_get(struct exchange *x)
{
	fault_list(&x->reply);
}

static void faults_delete(struct exchange *x)
{
	fault_clear();
	done(x);
}

static void calls_get(struct exchange *x)
{
	calls_list(&x->reply);
}

static void calls_delete(struct exchange *x)
{
	calls_clear();
	done(x);
}

static void reset_post(struct exchange *x)
{
	fault_clear();
	session_expire();
	requests_clear();
	smtp_clear();
	if (db_reset())
		done(x);
	else
		refuse(x, 500, "reset failed");
}

static void mail_get(struct exchange *x)
{
	smtp_list(&x->reply);
}

static void mail_delete(struct exchange *x)
{
	smtp_clear();
	done(x);
}

/* A balance is not stored: what it differs from the wanted is. */
static bool set_balance(struct call *c, int64_t id, struct json_object *value)
{
	struct buf q = {0};
	sqlite3_stmt *s;
	int64_t nano;
	bool set;

	if (!nano_from_json(value, &nano))
		return false;
	buf_format(&q,
	    "UPDATE clients AS c SET shift = c.shift + @wanted - (%s)"
	    " WHERE c.id = @client",
	    balance_sql);
	s = call_query(c, q.text);
	buf_free(&q);
	if (!s)
		return false;
	sqlite3_bind_int64(s, sqlite3_bind_parameter_index(s, "@wanted"), nano);
	sqlite3_bind_int64(s, sqlite3_bind_parameter_index(s, "@client"), id);
	set = sqlite3_step(s) == SQLITE_DONE;
	sqlite3_finalize(s);
	return set;
}

/* A field that is no column: takes it out of the fields. */
static struct json_object *take(struct json_object *fields, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_object_get_ex(fields, name, &value)) {
		json_object_get(value);
		json_object_object_del(fields, name);
	}
	return value;
}

/* All that a client has is in the client's currency. */
static bool set_currency(struct call *c, int64_t id, struct json_object *value)
{
	static const char *const sql[] = {
	    "UPDATE clients SET currencies_id = ?1 WHERE id = ?2",
	    "UPDATE transactions SET currencies_id = ?1 WHERE clients_id = ?2",
	    "UPDATE invoices SET currencies_id = ?1 WHERE clients_id = ?2",
	    "UPDATE packages SET currencies_id = ?1 WHERE id IN (SELECT"
	    " packages_id FROM clients_packages WHERE clients_id = ?2)",
	    "UPDATE rates SET currencies_id = ?1 WHERE rate_tables_id ="
	    " (SELECT orig_rate_table FROM clients WHERE id = ?2)"};
	int64_t currency = json_object_get_int64(value);

	if (!db_int(c->db, "SELECT count(*) FROM currencies WHERE id = ?",
		currency, 0))
		return false;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		db_int(c->db, sql[i], currency, id);
	return true;
}

static bool set_fields(struct call *c, int64_t id, struct json_object *fields)
{
	struct json_object *balance = take(fields, "balance");
	struct json_object *currency = take(fields, "currencies_id");
	struct json_object *invoices = take(fields, "invoices");
	bool good =
	    json_object_is_type(fields, json_type_object) &&
	    db_int(c->db, "SELECT count(*) FROM clients WHERE id = ?", id, 0);

	if (good && balance)
		good = set_balance(c, id, balance);
	if (good && currency)
		good = set_currency(c, id, currency);
	if (good && invoices)
		good = data_add_invoices(
		    c->db, id, json_object_get_int64(invoices));
	json_object_put(balance);
	json_object_put(currency);
	json_object_put(invoices);
	return good && client_store(c, id, fields);
}

static void set_client(struct exchange *x, struct call *c, int64_t id)
{
	bool good = set_fields(c, id, x->request);

	db_give(c->db);
	db_changed();
	if (good)
		done(x);
	else
		refuse(x, 400, "no such client, field or value");
}

/* POST /clients/1001 {"status":"archived","balance":"12.5","invoices":500}:
 * so many more invoices. */
static void clients_post(struct exchange *x)
{
	struct call c = {.params = x->request, .db = db_take()};

	set_client(x, &c, strtoll(x->path + strlen("/clients/"), NULL, 10));
}

/* POST /clients {"id":1005,"cp_login":"wren","cp_password":"..."}: one that
 * has nothing yet, until POST /reset. */
static void clients_make(struct exchange *x)
{
	struct call c = {.params = x->request, .db = db_take()};
	int64_t id = call_int(&c, "id", 0);

	db_int(c.db,
	    "INSERT OR IGNORE INTO clients (id, name, status, credit,"
	    " currencies_id, locale, tz, low_balance_athreshold, c_dt,"
	    " charge_period) VALUES (?1, 'New', 'active', 0, 27, 'en', 'UTC',"
	    " 0, ?2, 86400)",
	    id, clock_now());
	set_client(x, &c, id);
}

static const struct {
	const char *method, *path;
	void (*serve)(struct exchange *);
} routes[] = {
    {"POST", "/faults", faults_post},
    {"GET", "/faults", faults_get},
    {"DELETE", "/faults", faults_delete},
    {"GET", "/calls", calls_get},
    {"DELETE", "/calls", calls_delete},
    {"POST", "/reset", reset_post},
    {"GET", "/mail", mail_get},
    {"DELETE", "/mail", mail_delete},
    {"POST", "/clients/", clients_post},
    {"POST", "/clients", clients_make},
};

static bool matches(const char *route, const char *path)
{
	size_t length = strlen(route);

	return route[length - 1] == '/' ? strncmp(route, path, length) == 0
					: strcmp(route, path) == 0;
}

void control_serve(struct exchange *x)
{
	bool found = false;

	if (x->body.length)
		x->request = json_tokener_parse(x->body.text);
	if (money_serve(x))
		return;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!matches(routes[i].path, x->path))
			continue;
		found = true;
		if (strcmp(routes[i].method, x->method) != 0)
			continue;
		routes[i].serve(x);
		return;
	}
	refuse(x, found ? 405 : 404, found ? "wrong method" : "no such path");
}
