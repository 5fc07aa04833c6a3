/* core.c: the Core API's methods that are documented or were seen in use. */
#include "sandbox.h"

#include <string.h>

/* Live: money in and out, less the calls that are not charged yet. */
const char balance_sql[] =
    "c.shift + coalesce((SELECT sum(t.amount) FROM transactions t WHERE"
    " t.clients_id = c.id AND t.status = 'processed' AND t.c_dt <= @now), 0)"
    " - coalesce((SELECT sum(x.cost) FROM xdrs x WHERE x.clients_id = c.id"
    " AND x.off >= @until - @until % c.charge_period - @anchor"
    " AND x.off < @until - @anchor), 0)";

#define FIXED                                                                  \
	"coalesce((SELECT sum(t.amount) FROM transactions t WHERE"             \
	" t.clients_id = c.id AND t.type = 'payment'"                          \
	" AND t.status = 'processed' AND t.c_dt <= @now), 0)"                  \
	" - coalesce((SELECT sum(i.total) FROM invoices i WHERE"               \
	" i.clients_id = c.id AND i.state = 'normal'), 0)"

static const struct column client_columns[] = {
    {"id", 'i', "c.id", "c.id", true}, {"name", 's', "c.name", "c.name", true},
    {"status", 's', "c.status", "c.status", true},
    {"credit", 'n', "c.credit", "c.credit", false},
    {"balance", 'n', balance_sql, NULL, false},
    {"balance_accountant", 'n', FIXED, NULL, false},
    {"currencies_id", 'i', "c.currencies_id", "c.currencies_id", true},
    {"companies_id", 'i', "c.companies_id", "c.companies_id", true},
    {"c_company", 's', "c.c_company", "c.c_company", true},
    {"c_email", 's', "c.c_email", NULL, true},
    {"c_email_billing", 's', "c.c_email_billing", NULL, true},
    {"c_address", 's', "c.c_address", NULL, false},
    {"reg_id", 's', "c.reg_id", NULL, true},
    {"tax_id", 's', "c.tax_id", NULL, true},
    {"cp_login", 's', "c.cp_login", NULL, true},
    {"locale", 's', "c.locale", NULL, false}, {"tz", 's', "c.tz", NULL, false},
    {"c_dt", 't', "c.c_dt", "c.c_dt", false},
    {"orig_rate_table", 'i', "c.orig_rate_table", NULL, true},
    {"bill_by_time", 's', "'setup'", NULL, false},
    {"low_balance_athreshold", 'n', "c.low_balance_athreshold", NULL, false},
    {"low_balance_capacity", 'z', NULL, NULL, false},
    {"autoinvoice_enabled", 'b', "0", NULL, false},
    {"invoice_no_tpl", 's', "'invoice-%N-%X'", NULL, false},
    {"orig_capacity", 'z', NULL, NULL, false}, {0}};

static const struct entity clients = {
    "clients c", "c.id", "c.id", client_columns};

static const struct param get_params[] = {{"id", 'i', true}, {0}};

/* What an unknown id answers is not on record: null here. */
static bool clients_get(struct call *c)
{
	return rows_one(c, &clients, "c.id = @p_id");
}

static bool search_all(struct call *c)
{
	return rows_search(c, "1");
}

static const struct param update_params[] = {{"id", 'i', true},
    {"name", 's', false}, {"status", 's', false}, {"credit", 'n', false},
    {"c_company", 'S', false}, {"c_email", 'S', false},
    {"c_address", 'S', false}, {"c_email_billing", 'S', false},
    {"reg_id", 'S', false}, {"tax_id", 'S', false}, {"cp_login", 'S', false},
    {"cp_password", 's', false}, {"locale", 'S', false}, {"tz", 'S', false},
    {"low_balance_athreshold", 'n', false}, {0}};

bool client_store(struct call *c, int64_t id, struct json_object *fields)
{
	struct buf q = {0};
	bool done = true;

	json_object_object_foreach (fields, name, value) {
		sqlite3_stmt *s;
		int64_t nano = 0;

		if (strcmp(name, "id") == 0 || strcmp(name, "AUTH") == 0 ||
		    strcmp(name, "__tz") == 0)
			continue;
		q.length = 0;
		buf_format(
		    &q, "UPDATE clients SET \"%s\" = ? WHERE id = ?", name);
		s = db_prepare(c->db, q.text);
		if (strcmp(name, "credit") == 0 ||
		    strcmp(name, "low_balance_athreshold") == 0) {
			done = done && nano_from_json(value, &nano);
			sqlite3_bind_int64(s, 1, nano);
		} else if (value) {
			sqlite3_bind_text(s, 1, json_object_get_string(value),
			    -1, SQLITE_TRANSIENT);
		}
		sqlite3_bind_int64(s, 2, id);
		done = done && sqlite3_step(s) == SQLITE_DONE;
		sqlite3_finalize(s);
	}
	buf_free(&q);
	return done;
}

static bool clients_update(struct call *c)
{
	int64_t id = call_int(c, "id", 0);

	if (!db_int(c->db, "SELECT count(*) FROM clients WHERE id = ?", id, 0))
		return call_fail(c, -32000, "id-not_found");
	if (!client_store(c, id, c->params))
		return call_fail(c, -32602, "Invalid value");
	return rows_one(c, &clients, "c.id = @p_id");
}

static const struct column account_columns[] = {
    {"id", 'i', "a.id", "a.id", true}, {"name", 's', "a.name", "a.name", true},
    {"clients_id", 'i', "a.clients_id", "a.clients_id", true},
    {"clients_name", 's', "c.name", NULL, false},
    {"auth_type", 's', "a.auth_type", NULL, true},
    {"ani", 's', "a.ani", NULL, true}, {"ips", 'j', "a.ips", NULL, false},
    {"protocol", 'z', NULL, NULL, false},
    {"orig_enabled", 'b', "a.orig_enabled", NULL, false},
    {"orig_rate_table", 'i', "c.orig_rate_table", NULL, false},
    {"packages_id", 'i', "a.packages_id", NULL, true},
    {"dr_plans_id", 'z', NULL, NULL, false},
    {"orig_capacity", 'z', NULL, NULL, false},
    {"term_capacity", 'z', NULL, NULL, false},
    {"term_tags", 'j', "'[]'", NULL, false}, {0}};

static const struct entity accounts = {
    "accounts a JOIN clients c ON c.id = a.clients_id", "a.id", "a.id",
    account_columns};

static const struct column rate_columns[] = {{"id", 'i', NULL, "id", true},
    {"rate_tables_id", 'i', NULL, NULL, true},
    {"code", 's', NULL, "code", true},
    {"code_name", 's', NULL, "code_name", true},
    {"services_id", 'i', NULL, "services_id", true},
    {"value", 'n', NULL, "value", false},
    {"currencies_id", 'i', NULL, NULL, false},
    {"effective_from", 't', "from_off + @anchor", "from_off", false},
    {"effective_till", 'e', "till_off + @anchor", "till_off", false},
    {"end_date", 't', "end_off + @anchor", NULL, false},
    {"min_volume", 'i', NULL, "min_volume", false},
    {"pay_interval", 'i', NULL, "pay_interval", false},
    {"grace_volume", 'i', "0", NULL, false},
    {"pay_setup", 'n', NULL, "pay_setup", false},
    {"policy", 's', "'regular'", NULL, false},
    {"status", 's', NULL, NULL, true}, {"tag", 's', "'@'", NULL, false},
    {"time_profiles_id", 'i', "1", NULL, false},
    {"notes", 'z', NULL, NULL, false}, {0}};

static const struct entity rates = {"rates", "code, id", "id", rate_columns};

static const struct param rate_params[] = {
    {"state", 's', false}, {"dt", 't', false}, {0}};

static const struct {
	const char *name, *where;
} states[] = {
    {"current", "from_off <= @at AND (till_off IS NULL OR till_off > @at)"},
    {"current_future", "till_off IS NULL OR till_off > @at"},
    {"future", "from_off > @at"},
    {"past", "till_off <= @at"},
    {"all", "1"},
};

static bool rates_search(struct call *c)
{
	const char *state = call_text(c, "state");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state ? state : "all", states[i].name) == 0)
			return rows_search(c, states[i].where);
	return call_fail(c, -32602, "state-invalid");
}

static const struct column table_columns[] = {{"id", 'i', NULL, "id", true},
    {"name", 's', NULL, "name", true}, {"code_decks_id", 'i', NULL, NULL, true},
    {"currencies_id", 'i', NULL, NULL, true}, {0}};

static const struct entity tables = {"rate_tables", "id", "id", table_columns};

static const struct column transaction_columns[] = {
    {"id", 'i', "t.id", "t.id", true},
    {"clients_id", 'i', "t.clients_id", NULL, true},
    {"companies_id", 'i', "4", NULL, false},
    {"currencies_id", 'i', "t.currencies_id", NULL, true},
    {"type", 's', "t.type", "t.type", true},
    {"status", 's', "t.status", "t.status", true},
    {"amount", 'n', "t.amount", "t.amount", false},
    {"c_dt", 't', "t.c_dt", "t.c_dt", false},
    {"payment_accounts_id", 'i', "t.payment_accounts_id", NULL, false},
    {"notes", 's', "t.notes", NULL, true},
    {"author", 's', "t.author", NULL, false}, {0}};

const struct entity transactions = {
    "transactions t", "t.c_dt DESC, t.id DESC", "t.id", transaction_columns};

static const struct param dt_params[] = {{"dt", 'P', false}, {0}};

static bool transactions_search(struct call *c)
{
	if (call_has(c, "dt"))
		return rows_search(c, "t.c_dt <= @now AND t.c_dt BETWEEN"
				      " @from + @anchor AND @to + @anchor");
	return rows_search(c, "t.c_dt <= @now");
}

static const struct column xdr_columns[] = {{"id", 'i', NULL, "id", false},
    {"dt", 't', "off + @anchor", "off", false},
    {"clients_id", 'i', NULL, NULL, false},
    {"accounts_id", 'i', NULL, "accounts_id", false},
    {"src_number", 's', "src", "src", false},
    {"dst_number", 's', "dst", "dst", false},
    {"code", 'c', "codes_id", NULL, false},
    {"code_name", 'd', "codes_id", NULL, false},
    {"services_id", 'i', NULL, "services_id", true},
    {"volume", 'i', NULL, "volume", false},
    {"rates_id", 'i', NULL, NULL, false}, {"rate", 'n', NULL, "rate", false},
    {"cost", 'n', NULL, "cost", false},
    {"currencies_id", 'i',
	"(SELECT c.currencies_id FROM clients c WHERE c.id = clients_id)", NULL,
	false},
    {0}};

static const struct entity xdrs = {"xdrs", "off, id", "id", xdr_columns};

static const struct param xdr_params[] = {
    {"accounts_id", 'I', true}, {"dt", 'P', true}, {0}};

/* One client's xDRs lie in order of time; so they are asked by client. */
static bool reports_xdrs(struct call *c)
{
	struct buf ids = {0}, where = {0};
	struct json_object *list;
	sqlite3_stmt *s;
	bool done;

	json_object_object_get_ex(c->params, "accounts_id", &list);
	rows_ids(&ids, list);
	buf_format(&where,
	    "SELECT DISTINCT clients_id FROM accounts WHERE id IN (%s)",
	    ids.text);
	s = db_prepare(c->db, where.text);
	where.length = 0;
	buf_format(&where,
	    "accounts_id IN (%s) AND off BETWEEN @from AND @to AND"
	    " off < @until - @anchor AND clients_id ",
	    ids.text);
	for (int n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_text(&where, n ? "," : "IN (");
		buf_int(&where, sqlite3_column_int64(s, 0));
	}
	sqlite3_finalize(s);
	buf_text(&where, where.text[where.length - 1] == ' ' ? "IS NULL" : ")");
	done = rows_search(c, where.text);
	buf_free(&ids);
	buf_free(&where);
	return done;
}

static const struct param taxes_params[] = {
    {"amountGross", 'n', true}, {"taxes", 'x', true}, {0}};

/* The method is documented, its result is not: this shape is a guess. */
static bool rating_get_taxes(struct call *c)
{
	struct json_object *gross, *taxes, *value, *tax;
	double left;

	json_object_object_get_ex(c->params, "amountGross", &gross);
	json_object_object_get_ex(c->params, "taxes", &taxes);
	if (!json_object_is_type(taxes, json_type_array))
		return call_fail(c, -32602, "taxes-invalid");
	left = json_object_get_double(gross);
	buf_text(&c->out, "{\"taxes\":[");
	for (size_t i = 0; i < json_object_array_length(taxes); i++) {
		double part;

		tax = json_object_array_get_idx(taxes, i);
		if (!json_object_object_get_ex(tax, "value", &value))
			return call_fail(c, -32602, "taxes-invalid");
		part = left - left / (1 + json_object_get_double(value) / 100);
		left -= part;
		buf_format(&c->out, "%s{\"value\":%s,\"amount\":%.6f}",
		    i ? "," : "", json_object_get_string(value), part);
	}
	buf_format(&c->out, "],\"amountNet\":%.6f}", left);
	return true;
}

const struct method core_methods[] = {
    {CORE, "clients.get", OBSERVED, false, NULL, get_params, clients_get},
    {CORE, "clients.search", OBSERVED, false, &clients, NULL, search_all},
    {CORE, "clients.update", OBSERVED, true, NULL, update_params,
	clients_update},
    {CORE, "accounts.search", OBSERVED, false, &accounts, NULL, search_all},
    {CORE, "rates.search", OBSERVED, false, &rates, rate_params, rates_search},
    {CORE, "rates.tables.search", OBSERVED, false, &tables, NULL, search_all},
    {CORE, "transactions.search", OBSERVED, false, &transactions, dt_params,
	transactions_search},
    {CORE, "reports.xdrs", OBSERVED, false, &xdrs, xdr_params, reports_xdrs},
    {CORE, "rating.getTaxes", DOCUMENTED, false, NULL, taxes_params,
	rating_get_taxes},
    {0}};
