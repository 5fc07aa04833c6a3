/* management.c: the Management API: its envelope and its methods.
 *
 * The envelope and clients.editForm are documented. The other names were seen
 * in old code; columns of clients.accountsList and invoices.list are guesses.
 */
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

enum { FAILED = 1, DENIED = 101 };

static const struct column client_columns[] = {{"id", 'i', "c.id", NULL, false},
    {"id_companies", 'i', "c.companies_id", NULL, false},
    {"type", 'i', "0", NULL, false}, {"cc_serial", 'z', NULL, NULL, false},
    {"name", 's', "c.name", NULL, false},
    {"groups", 's', "'Customers'", NULL, false},
    {"c_dt", 'T', "c.c_dt", NULL, false},
    {"status", 's', "c.status", NULL, false},
    {"credit", 'n', "c.credit", NULL, false},
    {"c_company", 's', "c.c_company", NULL, false},
    {"c_address", 's', "c.c_address", NULL, false},
    {"c_email", 's', "c.c_email", NULL, false},
    {"c_email_tech", 'z', NULL, NULL, false},
    {"c_email_billing", 's', "c.c_email_billing", NULL, false},
    {"c_email_rates", 'z', NULL, NULL, false},
    {"id_currencies", 'i', "c.currencies_id", NULL, false},
    {"reg_id", 's', "c.reg_id", NULL, false},
    {"tax_id", 's', "c.tax_id", NULL, false},
    {"cp_login", 's', "c.cp_login", NULL, false},
    {"locale", 's', "c.locale", NULL, false}, {"tz", 's', "c.tz", NULL, false},
    {0}};

static const struct entity clients = {
    "clients c", "c.id", "c.id", client_columns};

static const struct param client_params[] = {{"id_clients", 'i', true}, {0}};

static bool client_exists(struct call *c)
{
	return db_int(c->db, "SELECT count(*) FROM clients WHERE id = ?",
		   call_int(c, "id_clients", 0), 0) ||
	       call_fail(c, FAILED, "Client not found");
}

static bool clients_edit_form(struct call *c)
{
	if (!client_exists(c))
		return false;
	buf_text(&c->out, "{\"client\":");
	if (!rows_one(c, &clients, "c.id = @p_id_clients"))
		return false;
	buf_text(&c->out, "}");
	return true;
}

static const struct param edit_params[] = {{"id_clients", 'i', true},
    {"apply", 'x', true}, {"name", 's', true}, {"id_companies", 'i', false},
    {"status", 's', false}, {"credit", 'n', false}, {"type", 'i', false},
    {"id_currencies", 'i', false}, {"c_company", 'S', false},
    {"c_address", 'S', false}, {"c_email", 'S', false},
    {"c_email_billing", 'S', false}, {"reg_id", 'S', false},
    {"tax_id", 'S', false}, {"cp_login", 'S', false},
    {"cp_password", 's', false}, {"locale", 'S', false}, {"tz", 'S', false},
    {"c_email_tech", 'S', false}, {"c_email_rates", 'S', false},
    {"groups", 'S', false}, {0}};

/* Like a web form: what is left out is blanked (a guess, the safe one for
 * who tests against it). */
static bool clients_edit(struct call *c)
{
	static const char *const blank[] = {"c_company", "c_address", "c_email",
	    "c_email_billing", "reg_id", "tax_id"};
	static const char *const kept[] = {"name", "status", "credit",
	    "cp_login", "cp_password", "locale", "tz"};
	struct json_object *fields = json_object_new_object(), *value;
	bool done;

	for (size_t i = 0; i < sizeof(blank) / sizeof(blank[0]); i++) {
		value = NULL;
		json_object_object_get_ex(c->params, blank[i], &value);
		json_object_object_add(
		    fields, blank[i], json_object_get(value));
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (json_object_object_get_ex(c->params, kept[i], &value))
			json_object_object_add(
			    fields, kept[i], json_object_get(value));
	done = client_exists(c) &&
	       (client_store(c, call_int(c, "id_clients", 0), fields) ||
		   call_fail(c, FAILED, "Invalid value"));
	json_object_put(fields);
	if (done)
		buf_format(&c->out, "{\"id\":%lld}",
		    (long long)call_int(c, "id_clients", 0));
	return done;
}

static const struct param list_params[] = {{"id_clients", 'i', true},
    {"page", 'i', false}, {"orderby", 's', false}, {0}};

static const struct column own_package_columns[] = {
    {"id", 'i', "cp.id", "cp.id", false},
    {"id_clients", 'i', "cp.clients_id", NULL, true},
    {"id_packages", 'i', "cp.packages_id", NULL, false},
    {"package_name", 's', "p.name", "p.name", false},
    {"activation_dt", 'T', "cp.start_dt", "cp.start_dt", false},
    {"expire_dt", 'T', "cp.stop_dt", "cp.stop_dt", false},
    {"activation_fee", 'n', "p.activation_fee", NULL, false},
    {"periodical_fee", 'n', "p.periodical_fee", NULL, false},
    {"period", 's', "p.period", NULL, false}, {0}};

static const struct entity own_packages = {
    "clients_packages cp JOIN packages p ON p.id = cp.packages_id", "cp.id",
    "cp.id", own_package_columns};

static const struct column account_columns[] = {{"id", 'i', NULL, "id", false},
    {"name", 's', NULL, "name", false},
    {"id_clients", 'i', "clients_id", NULL, true},
    {"auth_type", 's', NULL, NULL, false}, {0}};

static const struct entity accounts = {"accounts", "id", "id", account_columns};

static bool list_all(struct call *c)
{
	return rows_search(c, "1");
}

static const struct param packages_params[] = {
    {"page", 'i', false}, {"orderby", 's', false}, {0}};

static const struct column package_columns[] = {{"id", 'i', NULL, "id", false},
    {"name", 's', NULL, "name", false}, {"period", 's', NULL, NULL, false},
    {"activation_fee", 'n', NULL, "activation_fee", false},
    {"periodical_fee", 'n', NULL, "periodical_fee", false}, {0}};

static const struct entity packages = {"packages", "id", "id", package_columns};

static const struct param id_params[] = {{"id", 'i', true}, {0}};

static bool packages_edit_form(struct call *c)
{
	struct buf info;

	if (!rows_one(c, &packages, "id = @p_id"))
		return false;
	info = c->out;
	c->out = (struct buf){0};
	if (strcmp(info.text, "null") != 0)
		buf_format(
		    &c->out, "{\"form\":%s,\"info\":%s}", info.text, info.text);
	buf_free(&info);
	return c->out.length || call_fail(c, FAILED, "Package not found");
}

static const struct column invoice_columns[] = {
    {"id", 'i', "i.id", "i.id", false}, {"no", 's', "i.no", "i.no", false},
    {"id_clients", 'i', "i.clients_id", NULL, true},
    {"client_name", 's', "c.name", NULL, false},
    {"type", 's', "i.type", NULL, false},
    {"state", 's', "i.state", "i.state", false},
    {"start_dt", 'T', "i.from_dt", "i.from_dt", false},
    {"stop_dt", 'T', "i.to_dt", "i.to_dt", false},
    {"dt", 'T', "i.dt", "i.dt", false},
    {"due_dt", 'T', "i.due_dt", "i.due_dt", false},
    {"net_total", 'n', "i.net_total", "i.net_total", false},
    {"taxes", 'n', "i.taxes", "i.taxes", false},
    {"total", 'n', "i.total", "i.total", false},
    {"paid", 'n', "i.paid", "i.paid", false},
    {"id_currencies", 'i', "i.currencies_id", NULL, false}, {0}};

static const struct entity invoices = {
    "invoices i JOIN clients c ON c.id = i.clients_id", "i.dt DESC, i.id DESC",
    "i.id", invoice_columns};

static const struct param invoices_params[] = {{"id_clients", 'i', false},
    {"page", 'i', false}, {"orderby", 's', false}, {0}};

const struct method management_methods[] = {
    {MANAGEMENT, "clients.editForm", DOCUMENTED, false, NULL, client_params,
	clients_edit_form},
    {MANAGEMENT, "clients.edit", OBSERVED, true, NULL, edit_params,
	clients_edit},
    {MANAGEMENT, "clients.packagesList", OBSERVED, false, &own_packages,
	list_params, list_all},
    {MANAGEMENT, "clients.accountsList", OBSERVED, false, &accounts,
	list_params, list_all},
    {MANAGEMENT, "packages.list", OBSERVED, false, &packages, packages_params,
	list_all},
    {MANAGEMENT, "packages.editForm", OBSERVED, false, NULL, id_params,
	packages_edit_form},
    {MANAGEMENT, "invoices.list", OBSERVED, false, &invoices, invoices_params,
	list_all},
    {0}};

static struct json_object *member(struct json_object *in, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(in, json_type_object))
		json_object_object_get_ex(in, name, &value);
	return value;
}

static const char *text_of(struct json_object *in, const char *name)
{
	struct json_object *value = member(in, name);

	return json_object_is_type(value, json_type_string)
		   ? json_object_get_string(value)
		   : NULL;
}

void management_read(struct exchange *x)
{
	const char *name;

	x->api = MANAGEMENT;
	x->request = x->body.text ? json_tokener_parse(x->body.text) : NULL;
	name = text_of(x->request, "method");
	if (name)
		http_operation(x, name, member(x->request, "params"));
}

/* The first call carries auth, the later ones its SID. */
static bool enter(struct call *c, char sid[32])
{
	struct json_object *auth = member(c->params, "auth");
	const char *old = text_of(c->params, "SID");

	if (auth &&
	    login_check(text_of(auth, "login"), text_of(auth, "password"))) {
		session_open(sid);
		return true;
	}
	if (auth)
		return call_fail(c, DENIED, "Invalid login or password");
	if (!session_find(old))
		return call_fail(c, DENIED, "Session has expired");
	snprintf(sid, 32, "%s", old);
	return true;
}

static void write_result(
    struct buf *b, struct call *c, bool done, const char *sid)
{
	buf_format(
	    b, ",\"result\":{\"code\":%s,\"return\":", done ? "true" : "false");
	if (done)
		buf_add(b, c->out.text, c->out.length);
	else
		buf_text(b, "null");
	buf_text(b, ",\"session_id\":");
	buf_json(b, sid);
	buf_text(b, ",\"messages\":[");
	if (!done) {
		buf_format(b, "{\"code\":%d,\"msg\":", c->code);
		buf_json(b, c->error);
		buf_text(b, "}");
	}
	buf_text(b, "],\"errors\":[]}}");
}

static void write_protocol_error(struct buf *b, int code, const char *message)
{
	buf_format(b, ",\"error\":{\"code\":%d,\"message\":", code);
	buf_json(b, message);
	buf_text(b, "}}");
}

static void serve_call(struct exchange *x, const char *name)
{
	struct call c = {.params = member(x->request, "params")};
	char sid[32] = "";
	bool done;

	if (!json_object_is_type(c.params, json_type_object)) {
		write_protocol_error(&x->reply, -32602, "Invalid params");
		return;
	}
	c.method = method_find(MANAGEMENT, name);
	done = enter(&c, sid);
	if (done && !c.method) {
		write_protocol_error(&x->reply, -32601, "Method not found");
		return;
	}
	done = done && method_run(&c);
	write_result(&x->reply, &c, done, sid);
	buf_free(&c.out);
}

void management_serve(struct exchange *x)
{
	const char *name = text_of(x->request, "method");

	if (strcmp(x->path, "/jsonrpc/") != 0 &&
	    strcmp(x->path, "/jsonrpc") != 0) {
		x->status = 404;
		return;
	}
	if (strcmp(x->method, "POST") != 0) {
		x->status = 405;
		return;
	}
	buf_text(&x->reply, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_text(
	    &x->reply, json_object_to_json_string_ext(
			   member(x->request, "id"), JSON_C_TO_STRING_PLAIN));
	if (name)
		serve_call(x, name);
	else
		write_protocol_error(&x->reply, -32600, "Invalid Request");
}
