/* core_guess.c: Core API methods whose names and rows are guesses.
 *
 * No public record shows them. That the portal works with them proves
 * nothing about a real VCS: see the evidence in conf/vcs. */
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>

static const struct param login_params[] = {
    {"cp_login", 's', true}, {"cp_password", 's', true}, {0}};

static bool clients_authenticate(struct call *c)
{
	sqlite3_stmt *s = call_query(c,
	    "SELECT id FROM clients WHERE cp_login = @p_cp_login"
	    " AND cp_password = @p_cp_password AND status = 'active'");
	bool found = s && sqlite3_step(s) == SQLITE_ROW;

	if (found)
		buf_format(&c->out, "{\"id\":%lld}",
		    (long long)sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);
	return found || call_fail(c, -32000, "Invalid login or password");
}

static bool search_all(struct call *c)
{
	return rows_search(c, "1");
}

static const struct column service_columns[] = {{"id", 'i', NULL, "id", true},
    {"name", 's', NULL, "name", true}, {"unit", 's', NULL, "unit", false},
    /* How many units a rate's value pays for. */
    {"rate_unit", 'i', NULL, NULL, false}, {0}};

static const struct entity services = {"services", "id", "id", service_columns};

static const struct column currency_columns[] = {{"id", 'i', NULL, "id", true},
    {"name", 's', NULL, "name", true}, {"title", 's', NULL, NULL, false},
    {"digits", 'i', NULL, NULL, false}, {0}};

static const struct entity currencies = {
    "currencies", "id", "id", currency_columns};

static const struct column package_columns[] = {
    {"id", 'i', "cp.id", "cp.id", true},
    {"clients_id", 'i', "cp.clients_id", NULL, true},
    {"packages_id", 'i', "cp.packages_id", NULL, true},
    {"packages_name", 's', "p.name", "p.name", false},
    {"accounts_id", 'i', "cp.accounts_id", NULL, true},
    {"status", 's', "cp.status", "cp.status", true},
    {"quantity", 'i', "cp.quantity", NULL, false},
    {"start_dt", 't', "cp.start_dt", "cp.start_dt", false},
    {"stop_dt", 'e', "cp.stop_dt", "cp.stop_dt", false},
    {"period_start_dt", 't', "cp.period_start_dt", NULL, false},
    {"period_stop_dt", 't', "cp.period_stop_dt", NULL, false},
    {"period", 's', "p.period", NULL, false},
    {"activation_fee", 'n', "p.activation_fee", NULL, false},
    {"periodical_fee", 'n', "p.periodical_fee", NULL, false},
    {"currencies_id", 'i', "p.currencies_id", NULL, false},
    {"limits", 'j', "cp.limits", NULL, false}, {0}};

static const struct entity packages = {
    "clients_packages cp JOIN packages p ON p.id = cp.packages_id", "cp.id",
    "cp.id", package_columns};

static const struct param create_params[] = {{"clients_id", 'i', true},
    {"type", 's', true}, {"amount", 'n', true}, {"currencies_id", 'i', true},
    {"payment_accounts_id", 'i', false}, {"c_dt", 't', false},
    {"notes", 'S', false}, {0}};

static bool read_payment(struct call *c, int64_t *amount, int64_t *at)
{
	struct json_object *value;
	const char *type = call_text(c, "type");

	json_object_object_get_ex(c->params, "amount", &value);
	if (!nano_from_json(value, amount) || *amount == 0)
		return call_fail(c, -32602, "amount-invalid");
	if (strcmp(type, "payment") != 0 && strcmp(type, "charge") != 0)
		return call_fail(c, -32602, "type-invalid");
	*at = clock_now();
	if (json_object_object_get_ex(c->params, "c_dt", &value))
		call_time(c, value, at);
	if (db_int(c->db, "SELECT currencies_id FROM clients WHERE id = ?",
		call_int(c, "clients_id", 0),
		0) != call_int(c, "currencies_id", -1))
		return call_fail(c, -32000,
		    "clients_id or currencies_id"
		    "-invalid");
	return true;
}

static bool insert_transaction(
    struct call *c, int64_t amount, int64_t at, const char *notes)
{
	sqlite3_stmt *s = call_query(c,
	    "INSERT INTO transactions (clients_id, type, status, amount,"
	    " currencies_id, c_dt, payment_accounts_id, notes, author)"
	    " SELECT id, coalesce(@p_type, 'payment'), 'processed',"
	    " @amount, currencies_id, @time,"
	    " coalesce(@p_payment_accounts_id, 1), @notes, 'portal-api'"
	    " FROM clients WHERE id = @p_clients_id");
	bool done;

	if (!s)
		return false;
	sqlite3_bind_int64(
	    s, sqlite3_bind_parameter_index(s, "@amount"), amount);
	sqlite3_bind_int64(s, sqlite3_bind_parameter_index(s, "@time"), at);
	sqlite3_bind_text(s, sqlite3_bind_parameter_index(s, "@notes"), notes,
	    -1, SQLITE_TRANSIENT);
	done = sqlite3_step(s) == SQLITE_DONE && sqlite3_changes(c->db) == 1;
	sqlite3_finalize(s);
	return done;
}

static bool transactions_create(struct call *c)
{
	int64_t amount = 0, at = 0;

	if (!read_payment(c, &amount, &at))
		return false;
	if (!insert_transaction(c, amount, at, call_text(c, "notes")))
		return call_fail(c, -32000, "clients_id-not_found");
	buf_format(&c->out, "{\"id\":%lld}",
	    (long long)sqlite3_last_insert_rowid(c->db));
	return true;
}

static const struct param card_params[] = {
    {"clients_id", 'i', true}, {"code", 's', true}, {0}};

struct card {
	int64_t id, amount;
};

/* The manual says serial in one place, and a PIN exists too: both work. */
static bool find_card(struct call *c, struct card *card)
{
	sqlite3_stmt *s = call_query(c,
	    "SELECT k.id, k.amount, k.activated IS NOT NULL,"
	    " k.expires <= @now, k.currencies_id <> c.currencies_id,"
	    " k.companies_id <> c.companies_id"
	    " FROM cards k JOIN clients c ON c.id = @p_clients_id"
	    " WHERE k.serial = @p_code OR k.pin = @p_code");
	const char *wrong = NULL;

	if (!s || sqlite3_step(s) != SQLITE_ROW) {
		wrong = "code-not_found";
	} else {
		card->id = sqlite3_column_int64(s, 0);
		card->amount = sqlite3_column_int64(s, 1);
		wrong = sqlite3_column_int(s, 5)   ? "code-wrong_reseller"
			: sqlite3_column_int(s, 2) ? "code-already_activated"
			: sqlite3_column_int(s, 3) ? "code-expired"
			: sqlite3_column_int(s, 4) ? "code-wrong_currency"
						   : NULL;
	}
	sqlite3_finalize(s);
	return wrong ? call_fail(c, -32000, "%s", wrong) : true;
}

/* One transaction: of two that come at once, one finds the card used. */
static bool activate(struct call *c, struct card *card)
{
	struct buf notes = {0};
	sqlite3_stmt *s;
	bool done;

	if (!find_card(c, card))
		return false;
	s = call_query(c, "UPDATE cards SET activated = @now,"
			  " clients_id = @p_clients_id WHERE id = @card");
	sqlite3_bind_int64(
	    s, sqlite3_bind_parameter_index(s, "@card"), card->id);
	done = sqlite3_step(s) == SQLITE_DONE;
	sqlite3_finalize(s);
	buf_format(&notes, "Top-up card %s", call_text(c, "code"));
	done = done &&
	       insert_transaction(c, card->amount, clock_now(), notes.text);
	buf_free(&notes);
	return done || call_fail(c, -32603, "Internal error");
}

static bool cards_activate(struct call *c)
{
	struct card card = {0};
	bool done;

	db_run(c->db, "BEGIN IMMEDIATE");
	done = activate(c, &card);
	db_run(c->db, done ? "COMMIT" : "ROLLBACK");
	if (!done)
		return false;
	buf_text(&c->out, "{\"amount\":");
	buf_nano(&c->out, card.amount);
	buf_text(&c->out, "}");
	return true;
}

static const struct param summary_params[] = {{"clients_id", 'i', true},
    {"dt", 'P', true}, {"group_by", 'l', false}, {"services_id", 'I', false},
    {"accounts_id", 'I', false}, {"packages_id", 'I', false}, {0}};

const struct method core_guess_methods[] = {
    {CORE, "clients.authenticate", GUESS, false, NULL, login_params,
	clients_authenticate},
    {CORE, "services.search", GUESS, false, &services, NULL, search_all},
    {CORE, "currencies.search", GUESS, false, &currencies, NULL, search_all},
    {CORE, "clients_packages.search", GUESS, false, &packages, NULL,
	search_all},
    {CORE, "transactions.create", GUESS, true, NULL, create_params,
	transactions_create},
    {CORE, "topup_cards.activate", GUESS, true, NULL, card_params,
	cards_activate},
    {CORE, "reports.summary", GUESS, false, NULL, summary_params,
	reports_summary},
    {0}};
