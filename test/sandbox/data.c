/* data.c: the made data that calls can change: clients, money, vouchers. */
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

static const char tables[] =
    "DELETE FROM clients; DELETE FROM accounts; DELETE FROM packages;"
    "DELETE FROM clients_packages; DELETE FROM transactions;"
    "DELETE FROM invoices; DELETE FROM cards; DELETE FROM currencies;"
    "DELETE FROM services; DELETE FROM rate_tables;"
    "INSERT INTO currencies VALUES (27, 'USD', 'US Dollar', 2),"
    " (28, 'EUR', 'Euro', 2), (29, 'JPY', 'Japanese Yen', 0),"
    " (30, 'GBP', 'Pound Sterling', 2), (31, 'KWD', 'Kuwaiti Dinar', 3);"
    "INSERT INTO services VALUES (1, 'Voice', 's', 60),"
    " (2, 'SMS & chat', 'message', 1), (3, 'Toll-free', 's', 60);"
    "INSERT INTO rate_tables VALUES (19, 'Heron''s retail', 1, 27),"
    " (20, 'Osprey Endkunden', 1, 28), (21, 'Kestrel', 1, 27),"
    " (22, 'Whale wholesale', 1, 27);"
    "INSERT INTO accounts VALUES"
    " (2001, 1001, 'Head office <b>PBX</b>', 'ip', NULL,"
    "  '[\"192.0.2.10\",\"192.0.2.11\"]', 1, 501),"
    " (2002, 1001, 'O''Brien''s desk 📞', 'ani', '12125550142', '[]', 1,"
    "  NULL),"
    " (2003, 1002, 'Zentrale \"Nord\" & Süd', 'ip', NULL,"
    "  '[\"198.51.100.7\"]', 1, 503),"
    " (2004, 1002, 'مكتب برلين', 'ani', '493055501000', '[]', 1, NULL),"
    " (2005, 1003, 'Old line', 'ani', '442071838000', '[]', 0, NULL),"
    " (2006, 1004, 'Trunk A', 'ip', NULL, '[\"203.0.113.1\"]', 1, NULL),"
    " (2007, 1004, 'Trunk B <i>backup</i>', 'ip', NULL,"
    "  '[\"203.0.113.2\"]', 1, NULL),"
    " (2008, 1004, 'Trunk \"C\" & D', 'ip', NULL, '[\"203.0.113.3\"]', 1,"
    "  505),"
    " (2009, 1004, 'קו רביעי', 'ip', NULL, '[\"203.0.113.4\"]', 0, NULL);"
    "INSERT INTO packages VALUES"
    " (501, 'Office 1000 <b>minutes</b>', '1 mon', 0, 19990000000, 27,"
    "  'active'),"
    " (502, 'World''s best & more 🌍', '1 mon', 5000000000, 49500000000,"
    "  27, 'active'),"
    " (503, 'Büro \"Flat\" Europa', '1 mon', 0, 24900000000, 28, 'active'),"
    " (504, 'Basic', '1 mon', 0, 5000000000, 27, 'archive'),"
    " (505, 'Wholesale port', '1 mon', 0, 99000000000, 27, 'active');";

/* Prices and passwords are the demo's, and are no secret. */
static bool make_clients(sqlite3 *db)
{
	static const char sql[] =
	    "INSERT INTO clients (id, name, status, credit, currencies_id,"
	    " c_company, c_email, c_email_billing, c_address, reg_id, tax_id,"
	    " cp_login, cp_password, locale, tz, orig_rate_table,"
	    " low_balance_athreshold, c_dt, charge_period) VALUES"
	    " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
	static const char t[] = "issiissssssssssiiii";
	int64_t made = clock_anchor() - 800 * DAY;

	return db_put(db, sql, t, (int64_t)HERON, "Blue Heron's \"Nest\"",
		   "active", 50 * NANO, (int64_t)27,
		   "O'Heron & Söhne <b>Ltd</b> \"Blue\" 🐦", "ops@heron.example",
		   "ap@heron.example",
		   "1 Main St <Suite 5>\nNew York, NY 10001", "NY-4711",
		   "US-12-3456789", "heron", "heron-demo-1", "en",
		   "America/New_York", (int64_t)19, 20 * NANO, made, DAY) &&
	       db_put(db, sql, t, (int64_t)OSPREY, "Osprey & Co <i>Berlin</i>",
		   "active", 100 * NANO, (int64_t)28,
		   "Fischadler's GmbH \"شركة\" 🦅", "it@osprey.example",
		   "buchhaltung@osprey.example",
		   "Straße des 17. Juni 1\n10623 Berlin", "HRB 12345 B",
		   "DE123456789", "osprey", "osprey-demo-1", "de",
		   "Europe/Berlin", (int64_t)20, 50 * NANO, made, DAY) &&
	       db_put(db, sql, t, (int64_t)KESTREL, "Kestrel", "archived",
		   (int64_t)0, (int64_t)27, "Kestrel Ltd",
		   "info@kestrel.example", NULL, NULL, NULL, NULL, "kestrel",
		   "kestrel-demo-1", "en", "Europe/London", (int64_t)21,
		   (int64_t)0, made, DAY) &&
	       db_put(db, sql, t, (int64_t)WHALE, "Whale 🐋 <big> \"Telecom\"",
		   "active", 10000 * NANO, (int64_t)27,
		   "Whale's Telecom & Partners", "noc@whale.example",
		   "billing@whale.example", "1 Ocean Drive\nLos Angeles",
		   "CA-99", "US-98-7654321", "whale", "whale-demo-1", "en",
		   "America/Los_Angeles", (int64_t)22, 1000 * NANO, made,
		   (int64_t)3600);
}

static bool add_transaction(sqlite3 *db, int64_t client, const char *type,
    int64_t amount, int64_t at, const char *notes, const char *author)
{
	return db_put(db,
	    "INSERT INTO transactions (clients_id, type, status,"
	    " amount, currencies_id, c_dt, payment_accounts_id, notes,"
	    " author) SELECT id, ?, 'processed', ?, currencies_id, ?,"
	    " 1, ?, ? FROM clients WHERE id = ?",
	    "siissi", type, amount, at, notes, author, client);
}

static void add_moment(struct buf *b, int64_t time)
{
	struct buf text = {0};

	buf_time_short(&text, time);
	buf_add(b, text.text + 1, strlen("2026-01-01 00:00"));
	buf_text(b, " UTC");
	buf_free(&text);
}

/* What was called in each period is charged at its end; days to come
 * too, for they are shown once they are past. */
static bool make_charges(sqlite3 *db, int64_t client, int64_t period)
{
	sqlite3_stmt *s = db_prepare(db,
	    "SELECT slot * 900 / ?2, sum(cost), sum(events) FROM slots"
	    " WHERE clients_id = ?1 GROUP BY 1 ORDER BY 1");
	bool done = s != NULL;

	sqlite3_bind_int64(s, 1, client);
	sqlite3_bind_int64(s, 2, period);
	while (done && sqlite3_step(s) == SQLITE_ROW) {
		int64_t start = clock_anchor() - DAYS_BEFORE * DAY +
				sqlite3_column_int64(s, 0) * period;
		struct buf notes = {0};

		buf_text(&notes, "Services: ");
		buf_int(&notes, sqlite3_column_int64(s, 2));
		buf_text(&notes, " calls & messages of ");
		add_moment(&notes, start);
		done = add_transaction(db, client, "charge",
		    -sqlite3_column_int64(s, 1), start + period, notes.text,
		    NULL);
		buf_free(&notes);
	}
	sqlite3_finalize(s);
	return done;
}

/* Payments every step days, that together cover the calls up to the anchor
 * and leave an amount over. */
static bool make_payments(
    sqlite3 *db, int64_t client, int count, int64_t step, int64_t left)
{
	static const char *const notes[4] = {"PayPal 8AB12345CD678901E",
	    "Bank transfer \"invoice\" & thanks",
	    "Authorize.Net 60198765432 <web>", "Cheque O'Neill №7 💶"};
	int64_t due = -db_int(db,
			  "SELECT sum(amount) FROM transactions"
			  " WHERE clients_id = ? AND c_dt <= ?",
			  client, clock_anchor()) +
		      left;
	int64_t each = due / count / (NANO / 100) * (NANO / 100);

	for (int n = 0; n < count; n++) {
		int64_t amount = each + (n % 3 - 1) *
					    (each / 10 / (NANO / 100)) *
					    (NANO / 100);
		int64_t at = clock_anchor() - DAY - n * step + 9 * 3600 +
			     n * 3701 % 30000;

		if (!add_transaction(db, client, "payment", amount, at,
			notes[n % 4], n % 2 ? "portal" : NULL))
			return false;
	}
	return true;
}

static bool make_fees(sqlite3 *db, int64_t client, int64_t fee)
{
	for (int n = 1; n <= 3; n++)
		if (!add_transaction(db, client, "charge", -fee,
			clock_anchor() - n * 28 * DAY + 3600,
			"Package fee: <b>monthly</b>", NULL))
			return false;
	return true;
}

static int64_t month_start(int back)
{
	int y, m, d, months;

	civil_from_days(clock_now() / DAY, &y, &m, &d);
	months = y * 12 + m - 1 - back;
	return days_from_civil(months / 12, months % 12 + 1, 1) * DAY;
}

static int64_t used_between(
    sqlite3 *db, int64_t client, int64_t from, int64_t to)
{
	int64_t start = clock_anchor() - DAYS_BEFORE * DAY, used = 0;
	sqlite3_stmt *s = db_prepare(db, "SELECT sum(cost) FROM slots WHERE"
					 " clients_id = ? AND slot >= ?"
					 " AND slot < ?");

	sqlite3_bind_int64(s, 1, client);
	sqlite3_bind_int64(s, 2, (from - start) / SLOT);
	sqlite3_bind_int64(s, 3, (to - start) / SLOT);
	if (sqlite3_step(s) == SQLITE_ROW)
		used = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return used / (NANO / 100) * (NANO / 100);
}

struct invoice {
	int64_t id, client, from, to, dt, due, net;
	int tax;  /* per cent */
	int paid; /* per cent */
	const char *state;
};

static bool add_invoice(sqlite3 *db, const struct invoice *i)
{
	int64_t cent = NANO / 100;
	int64_t taxes = i->net * i->tax / 100 / cent * cent;
	int64_t total = i->net + taxes;
	char no[48];

	snprintf(no, sizeof(no), "INV-%lld", (long long)i->id);
	return db_put(db,
	    "INSERT INTO invoices SELECT ?, ?, id, 'outgoing', ?, ?, ?,"
	    " ?, ?, ?, ?, ?, ?, currencies_id FROM clients WHERE id = ?",
	    "issiiiiiiiii", i->id, no, i->state, i->from, i->to, i->dt, i->due,
	    i->net, taxes, total, total * i->paid / 100 / cent * cent,
	    i->client);
}

/* A month back each: one to verify, one not due yet, one overdue and paid
 * in part, the rest paid. */
static bool make_months(sqlite3 *db, int64_t client, int64_t id, int tax)
{
	for (int64_t n = 1; n <= 8; n++) {
		struct invoice i = {.id = id + 8 - n,
		    .client = client,
		    .tax = tax,
		    .state = "normal"};

		i.from = month_start((int)n);
		i.to = month_start((int)n - 1) - 1;
		i.dt = i.to + 1 + 6 * 3600;
		i.due = n == 2 ? clock_now() + 10 * DAY : i.dt + 15 * DAY;
		i.paid = n <= 2 ? 0 : n == 3 ? 40 : 100;
		if (n == 1)
			i.state = "to_verify";
		i.net = used_between(db, client, i.from, i.to + 1);
		if (n > 3)
			i.net = (40 + n * 7) * NANO + n * 130000000;
		if (!add_invoice(db, &i))
			return false;
	}
	return true;
}

static bool make_whale_invoices(sqlite3 *db)
{
	for (int64_t n = 0; n < 300; n++) {
		struct invoice i = {
		    .id = 9400 + n, .client = WHALE, .state = "normal"};

		i.from = clock_anchor() - (300 - n) * DAY;
		i.to = i.from + DAY - 1;
		i.dt = i.to + 3600;
		i.due = i.dt + 14 * DAY;
		i.net = (300 + n * 37 % 211) * NANO + (int64_t)n * 10000000;
		i.paid = n < 270 && n % 50 != 49 ? 100 : 0;
		if (n > 295)
			i.state = "to_verify";
		if (!add_invoice(db, &i))
			return false;
	}
	return true;
}

/* One an hour, back from now; every tenth is not paid. */
bool data_add_invoices(sqlite3 *db, int64_t client, int64_t count)
{
	bool done = db_run(db, "BEGIN");

	for (int64_t n = 0; n < count && done; n++) {
		struct invoice i = {.id = 20000 + n,
		    .client = client,
		    .to = clock_now() - (count - n) * 3600,
		    .net = (10 + n % 97) * NANO,
		    .paid = n % 10 ? 100 : 0,
		    .state = "normal"};

		i.from = i.to - 3600;
		i.dt = i.to + 60;
		i.due = i.dt + 14 * DAY;
		done = add_invoice(db, &i);
	}
	return db_run(db, done ? "COMMIT" : "ROLLBACK") && done;
}

static bool add_package(sqlite3 *db, int64_t client, int64_t package,
    int64_t account, const char *status, int64_t stop, const char *limits)
{
	return db_put(db,
	    "INSERT INTO clients_packages (clients_id, packages_id,"
	    " accounts_id, status, quantity, start_dt, stop_dt,"
	    " period_start_dt, period_stop_dt, limits) VALUES"
	    " (?, ?, ?, ?, 1, ?, nullif(?, 0), ?, ?, ?)",
	    "iiisiiiis", client, package, account, status,
	    clock_anchor() - 200 * DAY, stop, month_start(0),
	    month_start(-1) - 1, limits);
}

static bool make_packages(sqlite3 *db)
{
	return add_package(db, HERON, 501, 2001, "active", 0,
		   "[{\"name\":\"United States & <b>Canada</b>\","
		   "\"total\":60000,\"left\":21480,\"unit\":\"s\"},"
		   "{\"name\":\"SMS\",\"total\":100,\"left\":73,"
		   "\"unit\":\"message\"}]") &&
	       add_package(db, HERON, 504, 2002, "archive",
		   clock_anchor() - 100 * DAY, "[]") &&
	       add_package(db, HERON, 502, 2002, "pending", 0, "[]") &&
	       add_package(db, OSPREY, 503, 2003, "active", 0,
		   "[{\"name\":\"Europa \\\"Fest\\\"\",\"total\":120000,"
		   "\"left\":120000,\"unit\":\"s\"}]") &&
	       add_package(db, WHALE, 505, 2008, "active", 0, "[]");
}

static bool make_cards(sqlite3 *db)
{
	int64_t now = clock_anchor();
	static const char sql[] =
	    "INSERT INTO cards VALUES (?, ?, ?, ?, ?, 4, ?, nullif(?, 0),"
	    " nullif(?, 0))";
	int64_t later = now + 365 * DAY, none = 0, heron = HERON;

	return db_put(db, sql, "issiiiii", (int64_t)1, "101-000001", "73514826",
		   25 * NANO, (int64_t)27, later, none, none) &&
	       db_put(db, sql, "issiiiii", (int64_t)2, "101-000002", "19283746",
		   10 * NANO, (int64_t)27, later, now - 20 * DAY, heron) &&
	       db_put(db, sql, "issiiiii", (int64_t)3, "101-000003", "55667788",
		   10 * NANO, (int64_t)27, now - 5 * DAY, none, none) &&
	       db_put(db, sql, "issiiiii", (int64_t)4, "101-000004", "90817263",
		   50 * NANO, (int64_t)27, later, none, none) &&
	       db_put(db, sql, "issiiiii", (int64_t)5, "102-000001", "44332211",
		   20 * NANO, (int64_t)28, later, none, none) &&
	       db_put(db, sql, "issiiiii", (int64_t)6, "201-000001", "66778899",
		   15 * NANO, (int64_t)27, later, none, none) &&
	       db_run(db, "UPDATE cards SET companies_id = 5 WHERE id = 6");
}

static bool make_money(sqlite3 *db)
{
	int64_t spent = clock_anchor() - 20 * DAY;

	return make_charges(db, HERON, DAY) && make_charges(db, OSPREY, DAY) &&
	       make_charges(db, KESTREL, DAY) &&
	       make_charges(db, WHALE, 3600) &&
	       make_fees(db, HERON, 19990000000) &&
	       make_fees(db, OSPREY, 24900000000) &&
	       add_transaction(db, HERON, "payment", 10 * NANO, spent,
		   "Top-up card 101-000002", NULL) &&
	       make_payments(db, HERON, 9, 10 * DAY, 84 * NANO) &&
	       make_payments(db, OSPREY, 7, 13 * DAY, 120 * NANO) &&
	       make_payments(db, KESTREL, 2, 30 * DAY, 0) &&
	       make_payments(db, WHALE, 2650, 3300, 25000 * NANO) &&
	       db_put(db,
		   "INSERT INTO transactions (clients_id, type, status, amount,"
		   " currencies_id, c_dt, payment_accounts_id, notes) VALUES"
		   " (1001, 'charge', 'pending', ?, 27, ?, 1,"
		   " 'Package pending payment: World''s best & more 🌍')",
		   "ii", -49500000000, clock_anchor() - 2 * DAY);
}

bool data_make(sqlite3 *db)
{
	return db_run(db, tables) && make_clients(db) && make_money(db) &&
	       make_months(db, HERON, 9001, 8) &&
	       make_months(db, OSPREY, 9101, 19) && make_whale_invoices(db) &&
	       make_packages(db) && make_cards(db);
}
