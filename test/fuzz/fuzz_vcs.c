/* fuzz_vcs.c: any answers of the billing system to each of the portal's
 * questions. No row of another owner may come through, no text may be one that
 * cannot be read, and no answer may keep a question from ending.
 *
 * Input: a byte that picks the question; then the result of each call, as JSON
 * ended by a NUL. What begins with '!' is the whole HTTP answer instead.
 */
#include <stdio.h>

#include "base/counters.h"
#include "base/json.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "domain/vcs_account.h"
#include "domain/vcs_billing.h"
#include "domain/vcs_payment.h"
#include "domain/vcs_profile.h"
#include "domain/vcs_trip.h"
#include "must.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CLIENT = 1001,
	TABLE = 19,
	MOST = 300,
	ROUNDS_MOST = 64,
	OWN_MOST = 8192
};
enum { YEAR_2000 = 946684800, YEAR_2100 = 2082758400 };

static struct conf conf;
static struct brand brand;
static struct mem *pool; /* of the profile */
static size_t sent, own_rows;
static int64_t own_ids[OWN_MOST];

/* --- The wire ------------------------------------------------------------- */

static bool is_own(struct json_object *row)
{
	int64_t id;

	return (json_find_int(row, "clients_id", &id) && id == CLIENT) ||
	       (json_find_int(row, "id_clients", &id) && id == CLIENT) ||
	       (json_find_int(row, "rate_tables_id", &id) && id == TABLE) ||
	       (json_find_int(row, "accounts_id", &id) &&
		   (id == 2001 || id == 2002));
}

/* Rows that may be shown: wherever in the answer they are. */
static void note_own(struct json_object *o)
{
	for (size_t i = 0; i < json_length(o); i++)
		note_own(json_at(o, i));
	if (!json_is(o, JSON_OBJECT))
		return;
	if (is_own(o) && own_rows < OWN_MOST)
		own_ids[own_rows++] = vcs_read_int(o, "id");
	json_each (o, key, value) {
		(void)key;
		note_own(value);
	}
}

static bool is_own_id(int64_t id)
{
	for (size_t i = 0; i < own_rows; i++)
		if (own_ids[i] == id)
			return true;
	return false;
}

static void add_answer(
    struct buf *b, struct json_object *call, const char *piece)
{
	buf_print(b, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}",
	    json_find_text(call, "id"), piece ? piece : "[]");
}

static void answer_calls(struct mem *m, struct http_call *c)
{
	struct json_object *calls =
	    c->body ? json_parse(m, c->body, strlen(c->body), JSON_DEEP) : NULL;
	const char *piece = wire_next(m);
	struct buf b;

	sent++;
	/* Whatever it is answered, a question ends. */
	must(sent < 10000);
	if (piece && (*piece == '!' || !calls)) {
		c->data = mem_text(m, piece + (*piece == '!'));
		return;
	}
	buf_open(&b, m, 256);
	if (json_is(calls, JSON_LIST)) {
		buf_add_char(&b, '[');
		for (size_t i = 0; i < json_length(calls); i++) {
			buf_add_text(&b, i ? "," : "");
			add_answer(
			    &b, json_at(calls, i), i ? wire_next(m) : piece);
		}
		buf_add_char(&b, ']');
	} else {
		add_answer(&b, calls, piece);
	}
	c->data = b.data;
}

static void wire_answer(struct mem *m, struct http_call *c)
{
	/* As the portal reads it: of two members the last. */
	const struct json_rules rules = {.depth = JSON_DEEP};
	struct json_object *o;
	struct json_stop stop;

	answer_calls(m, c);
	if (c->data &&
	    json_scan(m, c->data, strlen(c->data), &rules, &o, &stop))
		note_own(o);
}

/* --- What comes of it ----------------------------------------------------- */

static size_t read_through(const char *text)
{
	return text ? strlen(text) : 0;
}

static void try_client(struct mem *m, struct session *s)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_client *c = vcs_ask_client(t);
	struct vcs_names *names = vcs_ask_accounts(t);
	struct vcs_names *services = vcs_ask_services(t);

	vcs_go(t);
	if (vcs_kept_changed(t))
		vcs_mend_kept(t);
	must(c->err || c->id == CLIENT);
	for (int i = 0; !c->err && i < VCS_DETAILS; i++)
		read_through(c->details[i]);
	for (size_t i = 0; !names->err && i < names->n; i++)
		must(vcs_has_account(t, names->items[i].id) &&
		     vcs_package_of(t, names->items[i].id) >= INT64_MIN);
	for (size_t i = 0; !services->err && i < services->n; i++)
		must(services->items[i].rate_unit > 0);
	read_through(vcs_find_currency(t, 27));
	read_through(vcs_find_currency(t, 840));
	read_through(vcs_kept_zone(s));
}

static void check_rates(const struct vcs_rates *r)
{
	if (r->err)
		return;
	must(r->n <= own_rows);
	for (size_t i = 0; i < r->n; i++)
		must(is_own_id(r->rows[i].id) &&
		     read_through(r->rows[i].code) < SIZE_MAX &&
		     read_through(r->rows[i].name) < SIZE_MAX);
}

static void try_rates(struct mem *m, struct session *s, int way)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_rates *r = way == 0	 ? vcs_ask_rates(t, "+code", 25, 0)
			      : way == 1 ? vcs_ask_rate_of_code(t, "49")
					 : vcs_read_rates(t, MOST);

	vcs_go(t);
	check_rates(r);
	must(r->err || way != 2 || r->n <= MOST);
}

static void try_lists(struct mem *m, struct session *s)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_accounts *a = vcs_ask_account_list(t);
	struct vcs_subscriptions *u = vcs_ask_subscriptions(t);
	struct vcs_names *packages = vcs_ask_packages(t);

	vcs_go(t);
	must(a->err || a->n <= own_rows);
	must(u->err || u->n <= own_rows);
	for (size_t i = 0; !a->err && i < a->n; i++)
		must(is_own_id(a->items[i].id) &&
		     read_through(a->items[i].name) < SIZE_MAX);
	for (size_t i = 0; !u->err && i < u->n; i++)
		must(is_own_id(u->items[i].id));
	for (size_t i = 0; !u->err && i < u->n; i++)
		if (u->items[i].limits)
			json_write(json_pool(u->items[i].limits),
			    u->items[i].limits, NULL);
	for (size_t i = 0; !packages->err && i < packages->n; i++)
		read_through(packages->items[i].name);
}

static void try_xdrs(struct mem *m, struct session *s, bool all)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_cursor c = {
	    .from = YEAR_2000, .to = YEAR_2100, .limit = 100, .mem = m};
	struct vcs_xdrs *x;
	int64_t last = INT64_MIN;

	if (!all) {
		x = vcs_ask_xdrs(t, &(struct vcs_xdr_query){.from = YEAR_2000,
					.to = YEAR_2100,
					.limit = 25,
					.filter.service = 1});
		vcs_go(t);
		must(x->err || x->n <= own_rows);
		return;
	}
	for (int i = 0; i < ROUNDS_MOST; i++) {
		x = vcs_read_xdrs(t, &c);
		if (x->err || !x->raw)
			return;
		for (size_t j = 0; j < x->n; j++) {
			must(x->rows[j].time >= last);
			must(is_own_id(x->rows[j].id));
			last = x->rows[j].time;
		}
	}
}

static void try_usage(struct mem *m, struct session *s, int group)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_filter filter = {.account = group & 4 ? 2001 : 0};
	struct vcs_usage *u = vcs_ask_usage(
	    t, YEAR_2000, YEAR_2100, (enum vcs_group)(group & 3), &filter);

	vcs_go(t);
	must(u->err || u->n <= own_rows);
	for (size_t i = 0; !u->err && i < u->n; i++)
		must(!filter.account || u->rows[i].account == 2001);
}

static void try_transactions(struct mem *m, struct session *s, int way)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	enum vcs_flow flow = way & 1 ? VCS_CHARGES : VCS_PAYMENTS;
	struct vcs_transactions *x =
	    way & 2
		? vcs_read_transactions(t, flow, YEAR_2000, YEAR_2100, MOST)
		: vcs_ask_transactions(t, flow, YEAR_2000, YEAR_2100, 25, 0);

	vcs_go(t);
	must(x->err || x->n <= own_rows);
	for (size_t i = 0; !x->err && i < x->n; i++)
		must(is_own_id(x->rows[i].id) &&
		     read_through(x->rows[i].notes) < SIZE_MAX);
}

static void begin_file(void *ctx, const char *type, const char *name)
{
	(void)ctx;
	read_through(type);
	read_through(name);
}

static bool write_file(void *ctx, const void *data, size_t len)
{
	*(size_t *)ctx += len;
	return data != NULL;
}

static void try_invoices(struct mem *m, struct session *s, bool find)
{
	struct vcs_trip *t = vcs_trip(&brand, m, s);
	struct vcs_invoices *list;
	size_t len = 0;
	struct vcs_file file = {
	    .begin = begin_file, .write = write_file, .ctx = &len};
	enum err err;

	if (find) {
		if (vcs_find_invoice(t, "7", MOST, &err))
			err = vcs_get_invoice_file(t, 7, &file);
		must(file.begun || !len);
		return;
	}
	list = vcs_read_invoices(t, MOST);
	must(list->err || list->n <= own_rows);
	for (size_t i = 0; !list->err && i < list->n; i++)
		must(!list->rows[i].hidden && list->rows[i].number &&
		     is_own_id(list->rows[i].id));
}

static void try_credit(struct mem *m)
{
	struct vcs_credit c = {.client = CLIENT,
	    .amount = {.coef = 25, .scale = 0},
	    .currency = "USD",
	    .notes = "PayPal 1AB, RF1",
	    .reference = "RF1",
	    .since = YEAR_2000};
	enum err err = vcs_find_credit(&brand, m, &c);

	must(err || !c.found || own_rows);
	if (!err && !c.found)
		err = vcs_add_credit(&brand, m, &c);
	must(err != ERR_RULE || !c.why || strlen(c.why) < SIZE_MAX);
	read_through(vcs_find_email(&brand, m, CLIENT));
}

static void try_changes(struct mem *m, struct session *s)
{
	struct json_object *kept;
	struct vcs_voucher v;
	int64_t client = 0;
	enum err err = vcs_login(&brand, m, "heron", "word", &client, &kept);

	must(err || (client > 0 && kept));
	if (!vcs_find_client(&brand, m, "heron", &client))
		must(client >= 0);
	v = vcs_redeem(&brand, m, s, "ABC");
	must(v.err != ERR_RULE || v.refusal);
}

static void say(void *ctx, const char *operation, const char *verdict,
    const char *detail, const char *remedy)
{
	(void)ctx;
	must(operation && verdict);
	read_through(detail);
	read_through(remedy);
}

static void try_one(struct mem *m, struct session *s, int what)
{
	switch (what & 15) {
	case 0:
		try_client(m, s);
		break;
	case 1:
	case 2:
	case 3:
		try_rates(m, s, (what & 15) - 1);
		break;
	case 4:
		try_lists(m, s);
		break;
	case 5:
	case 6:
		try_xdrs(m, s, what & 2);
		break;
	case 7:
		try_usage(m, s, what >> 4);
		break;
	case 8:
		try_transactions(m, s, what >> 4);
		break;
	case 9:
	case 10:
		try_invoices(m, s, what & 1);
		break;
	case 11:
		try_credit(m);
		break;
	case 12:
		try_changes(m, s);
		break;
	default:
		vcs_check(&brand, m, CLIENT, say, NULL);
		break;
	}
}

static void set_up(void)
{
	struct diag d;

	pool = mem_open(0);
	log_open(false, LOG_ERROR + 1);
	diag_open(&d, pool);
	conf.core_api.uri = "http://127.0.0.1";
	conf.core_api.auth_token = "token";
	conf.management_api.uri = conf.billing_uri = "https://127.0.0.1";
	conf.management_api.login = conf.management_api.password = "x";
	conf.management_api.ca_file = conf.management_api.server_name = "";
	conf.limits.answer = 1 << 20;
	conf.time_zone = "UTC";
	brand = (struct brand){.name = "default",
	    .counters = counters_find("default"),
	    .conf = &conf,
	    .http = http_open(),
	    .vcs = vcs_open(),
	    .profile = vcs_profile_load(
		pool, SOURCE_DIR "/conf/vcs/default.json", &d)};
	must(!d.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s = {.client_id = CLIENT, .login = "heron"};
	struct mem *m;

	if (!brand.profile)
		set_up();
	if (!size || size > 32768)
		return 0;
	m = mem_open(0);
	brand.vcs->sid[0] = '\0';
	s.kept = json_constant(m,
	    "{\"rate_table\":19,\"accounts\":[2001,2002],"
	    "\"account_packages\":[5,0],\"currency_id\":27,"
	    "\"currency\":\"USD\",\"zone\":\"Europe/Berlin\"}");
	wire_open(data + 1, size - 1);
	sent = own_rows = 0;
	try_one(m, &s, data[0]);
	mem_close(m);
	return 0;
}
