/* test_vcs.c: the billing system's answers in all the forms that they are
 * known or feared to take, from a server that says what a test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "domain/vcs.h"
#include "domain/vcs_payment.h"
#include "domain/vcs_profile.h"
#include "server.h"
#include "tools/http.h"

enum { CLIENT = 1001, TABLE = 19, LINES = 12, SEEN = 64 };

/* What the server says to a method: the whole answer but for its id. */
struct line {
	const char *method, *answer;
	size_t times; /* 0: for ever */
};

struct fix {
	struct mem *m;
	struct server server;
	struct conf conf;
	struct brand brand;
	struct session session;
	struct diag diag;
	pthread_mutex_t lock;
	/* under the lock */
	struct line lines[LINES];
	size_t n_lines, n_seen;
	char *seen[SEEN]; /* requests, as they came */
	/* A rate table of so many rows, given at most so many at a time. */
	size_t table_rows, table_most;
};

#define CLIENT_ROW                                                             \
	"\"id\":1001,\"name\":\"Heron\",\"status\":\"active\",\"credit\":50,"  \
	"\"balance\":12.5,\"currencies_id\":27,\"orig_rate_table\":19,"        \
	"\"tz\":\"Europe/Berlin\",\"locale\":\"de\","                          \
	"\"low_balance_athreshold\":5"
#define RATE                                                                   \
	"\"id\":1,\"rate_tables_id\":19,\"code\":\"49\",\"code_name\":\"G\","  \
	"\"services_id\":1,\"value\":0.0125,\"currencies_id\":27,"             \
	"\"effective_from\":\"2026-01-01 00:00:00+0000\","                     \
	"\"effective_till\":\"9999-12-31 23:59:59\",\"min_volume\":60,"        \
	"\"pay_interval\":60,\"pay_setup\":0"
#define RESULT(json) "\"result\":" json

/* --- The server ----------------------------------------------------------- */

static int64_t param(struct json_object *call, const char *name)
{
	int64_t n = 0;

	json_find_int(json_find(call, "params"), name, &n);
	return n;
}

static void write_table(struct fix *f, struct json_object *call, FILE *out)
{
	size_t limit = (size_t)param(call, "limit");
	size_t at = (size_t)param(call, "offset");
	size_t end = at + (limit < f->table_most ? limit : f->table_most);

	fputs("\"result\":[", out);
	for (const char *comma = ""; at < end && at < f->table_rows; at++) {
		fprintf(out,
		    "%s{\"id\":%zu,\"rate_tables_id\":19,\"code\":\"%zu\","
		    "\"code_name\":\"Name\",\"services_id\":1,\"value\":1}",
		    comma, at + 1, 100000 + at);
		comma = ",";
	}
	fputs("]", out);
}

static void write_answer(struct fix *f, struct json_object *call, FILE *out)
{
	const char *method = json_find_text(call, "method");
	const char *said = "\"error\":{\"code\":-32601,\"message\":\"none\"}";

	fprintf(
	    out, "{\"jsonrpc\":\"2.0\",\"id\":%s,", json_find_text(call, "id"));
	if (f->table_rows && !strcmp(method, "rates.search")) {
		write_table(f, call, out);
	} else {
		for (size_t i = 0; i < f->n_lines; i++) {
			struct line *l = &f->lines[i];

			if (!l->method || strcmp(l->method, method) != 0)
				continue;
			said = l->answer;
			if (l->times && --l->times == 0)
				l->method = NULL;
			break;
		}
		fputs(said, out);
	}
	fputs("}", out);
}

static bool answer(struct conn *c, const struct request *r)
{
	struct fix *f = c->server->arg;
	struct mem *m = mem_open(0);
	struct json_object *calls = json_constant(m, r->body);
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	pthread_mutex_lock(&f->lock);
	if (f->n_seen < SEEN)
		f->seen[f->n_seen++] = strdup(r->body);
	if (json_is(calls, JSON_LIST)) {
		fputs("[", out);
		for (size_t i = 0; i < json_length(calls); i++) {
			fputs(i ? "," : "", out);
			write_answer(f, json_at(calls, i), out);
		}
		fputs("]", out);
	} else {
		write_answer(f, calls, out);
	}
	pthread_mutex_unlock(&f->lock);
	fclose(out);
	conn_answer(c, 200, "application/json", text);
	free(text);
	mem_close(m);
	return true;
}

/* --- Setting -------------------------------------------------------------- */

static void say_times(
    struct fix *f, const char *method, const char *what, size_t times)
{
	pthread_mutex_lock(&f->lock);
	assert_true(f->n_lines < LINES);
	f->lines[f->n_lines++] = (struct line){method, what, times};
	pthread_mutex_unlock(&f->lock);
}

static void say(struct fix *f, const char *method, const char *what)
{
	say_times(f, method, what, 0);
}

static void forget(struct fix *f)
{
	pthread_mutex_lock(&f->lock);
	f->n_lines = 0;
	while (f->n_seen)
		free(f->seen[--f->n_seen]);
	f->table_rows = 0;
	pthread_mutex_unlock(&f->lock);
}

static size_t count_seen(struct fix *f, const char *what)
{
	size_t n = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_seen; i++)
		for (const char *at = f->seen[i]; (at = strstr(at, what)); at++)
			n++;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void open_session(struct fix *f)
{
	f->session = (struct session){.client_id = CLIENT, .login = "heron"};
	f->session.kept =
	    json_constant(f->m, "{\"rate_table\":19,\"accounts\":[2001,2002],"
				"\"currency_id\":27,\"currency\":\"USD\","
				"\"zone\":\"Europe/Berlin\","
				"\"locale\":\"de\"}");
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	f->m = mem_open(0);
	pthread_mutex_init(&f->lock, NULL);
	f->server.arg = f;
	assert_int_equal(server_open(&f->server, answer, false), 0);
	diag_open(&f->diag, f->m);
	f->conf.core_api.uri = f->server.url;
	f->conf.core_api.auth_token = "token-1";
	f->conf.core_api.deadline_ms = 20000;
	f->conf.management_api.uri = f->server.url;
	f->conf.management_api.login = "portal-api";
	f->conf.management_api.password = "word-1";
	f->conf.management_api.ca_file = "";
	f->conf.management_api.server_name = "";
	f->conf.management_api.deadline_ms = 20000;
	f->conf.limits.answer = 16 << 20;
	f->conf.time_zone = "UTC";
	f->brand = (struct brand){.name = "default",
	    .counters = counters_find("default"),
	    .conf = &f->conf,
	    .http = http_open(),
	    .vcs = vcs_open(),
	    .profile = vcs_profile_load(
		f->m, SOURCE_DIR "/conf/vcs/default.json", &f->diag)};
	open_session(f);
	/* What is logged on purpose is of no interest here. */
	log_open(false, LOG_ERROR);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	http_close(f->brand.http);
	vcs_close(f->brand.vcs);
	server_close(&f->server);
	forget(f);
	mem_close(f->m);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

/* --- The customer --------------------------------------------------------- */

static struct vcs_client *ask_client(struct fix *f, const char *said)
{
	struct vcs_trip *t;
	struct vcs_client *c;

	forget(f);
	open_session(f);
	say(f, "clients.get", said);
	t = vcs_trip(&f->brand, f->m, &f->session);
	c = vcs_ask_client(t);
	vcs_go(t);
	return c;
}

static void a_client(void **state)
{
	struct fix *f = *state;
	struct vcs_client *c =
	    ask_client(f, RESULT("{" CLIENT_ROW ",\"more\":[{}]}"));

	assert_int_equal(f->diag.n, 0);
	assert_int_equal(c->err, ERR_OK);
	assert_true(c->active);
	assert_string_equal(c->name, "Heron");
	assert_true(c->has_balance);
	assert_string_equal(money_text(f->m, c->balance), "12.5");
	assert_string_equal(money_text(f->m, c->available), "62.5");
	assert_true(c->has_threshold);
	assert_int_equal(count_seen(f, "\"AUTH\":\"token-1\""), 1);
	assert_int_equal(count_seen(f, "\"id\":1001"), 1);
	assert_int_equal(count_seen(f, "clients.get"), 1);
	assert_int_equal(count_seen(f, "SID"), 0);
}

static void a_client_in_other_forms(void **state)
{
	struct vcs_client *c = ask_client(
	    *state, RESULT("{\"id\":\"1001\",\"name\":\"Heron\","
			   "\"status\":\"active\",\"credit\":\"50.00\","
			   "\"balance\":\"-12.500000001\","
			   "\"currencies_id\":\"27\","
			   "\"orig_rate_table\":\"19\",\"tz\":null}"));
	struct fix *f = *state;

	assert_int_equal(c->err, ERR_OK);
	assert_true(c->active && c->has_balance && !c->has_threshold);
	assert_string_equal(money_text(f->m, c->balance), "-12.500000001");
	assert_string_equal(money_text(f->m, c->available), "37.499999999");
	c = ask_client(f, RESULT("[{" CLIENT_ROW "}]"));
	assert_int_equal(c->err, ERR_OK);
	assert_string_equal(c->name, "Heron");
	c = ask_client(f, RESULT("{\"id\":1001,\"status\":\"active\"}"));
	assert_int_equal(c->err, ERR_OK);
	assert_string_equal(c->name, "");
	assert_false(c->has_balance);
}

static void no_client(void **state)
{
	static const char *const gone[] = {RESULT("null"),
	    RESULT("{\"id\":1001,\"status\":\"archived\"}"),
	    RESULT("{\"id\":1001,\"status\":\"suspended\"}"),
	    RESULT("{\"id\":1001,\"status\":\"\"}"),
	    RESULT("{\"id\":1001,\"status\":\"Active\"}"), RESULT("[null]")};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		struct vcs_client *c = ask_client(*state, gone[i]);

		assert_int_equal(c->err, ERR_OK);
		assert_false(c->active);
	}
}

static void no_answer(void **state)
{
	static const struct {
		const char *said;
		enum err err;
	} cases[] = {
	    {RESULT("{\"id\":1002,\"name\":\"Osprey\",\"status\":\"active\"}"),
		ERR_UPSTREAM},
	    {RESULT("[{\"id\":1002,\"status\":\"active\"}]"), ERR_UPSTREAM},
	    {RESULT("{\"name\":\"nobody's\",\"status\":\"active\"}"),
		ERR_UPSTREAM},
	    {RESULT("{}"), ERR_UPSTREAM},
	    {RESULT("[]"), ERR_UPSTREAM},
	    {RESULT("[{" CLIENT_ROW "},{" CLIENT_ROW "}]"), ERR_UPSTREAM},
	    {RESULT("\"active\""), ERR_UPSTREAM},
	    {RESULT("true"), ERR_UPSTREAM},
	    {RESULT("1001"), ERR_UPSTREAM},
	    {RESULT("{\"id\":1001}"), ERR_UPSTREAM},
	    {RESULT("{\"id\":1001,\"status\":1}"), ERR_OK},
	    {RESULT("{\"id\":1001,\"status\":[]}"), ERR_UPSTREAM},
	    {"\"error\":{\"message\":\"no code\"}", ERR_RULE},
	    {"\"error\":{\"code\":-32602,\"message\":\"bad\"}", ERR_RULE},
	    {"\"neither\":1", ERR_UPSTREAM},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vcs_client *c = ask_client(*state, cases[i].said);

		if (c->err != cases[i].err)
			fail_msg("%s: %s", cases[i].said, err_code(c->err));
		assert_false(!c->err && c->active);
	}
}

static void what_is_kept(void **state)
{
	struct fix *f = *state;
	struct vcs_trip *t;

	ask_client(f, RESULT("{" CLIENT_ROW "}"));
	t = vcs_trip(&f->brand, f->m, &f->session);
	vcs_ask_client(t);
	vcs_go(t);
	assert_false(vcs_kept_changed(t));
	forget(f);
	say(f, "clients.get",
	    RESULT("{\"id\":1001,\"status\":\"active\","
		   "\"orig_rate_table\":20,\"currencies_id\":28,"
		   "\"tz\":\"Nowhere/Land\",\"locale\":\"en\"}"));
	say(f, "currencies.search",
	    RESULT("[{\"id\":27,\"name\":\"USD\"},{\"id\":\"28\","
		   "\"name\":\"EUR\"}]"));
	t = vcs_trip(&f->brand, f->m, &f->session);
	vcs_ask_client(t);
	vcs_go(t);
	assert_true(vcs_kept_changed(t));
	assert_string_equal(vcs_kept_zone(&f->session), "Europe/Berlin");
	assert_string_equal(vcs_kept_locale(&f->session), "en");
	assert_null(vcs_kept_currency(&f->session));
	vcs_mend_kept(t);
	assert_string_equal(vcs_kept_currency(&f->session), "EUR");
	assert_string_equal(
	    json_find_text(f->session.kept, "rate_table"), "20");
}

/* --- Rows ----------------------------------------------------------------- */

static struct vcs_rates *ask_rates(struct fix *f, const char *said)
{
	struct vcs_trip *t;
	struct vcs_rates *r;

	forget(f);
	say(f, "rates.search", said);
	t = vcs_trip(&f->brand, f->m, &f->session);
	r = vcs_ask_rates(t, "+code", 25, 50);
	vcs_go(t);
	return r;
}

static void rates(void **state)
{
	struct fix *f = *state;
	struct vcs_rates *r = ask_rates(f, RESULT("[{" RATE "}]"));

	assert_int_equal(r->err, ERR_OK);
	assert_int_equal(r->n, 1);
	assert_string_equal(r->rows[0].code, "49");
	assert_string_equal(money_text(f->m, r->rows[0].price), "0.0125");
	assert_int_equal(r->rows[0].effective_from, 1767225600);
	assert_int_equal(r->rows[0].effective_till, 0);
	assert_int_equal(r->rows[0].interval, 60);
	assert_int_equal(count_seen(f, "\"rate_tables_id\":19"), 1);
	assert_int_equal(count_seen(f, "\"order\":[\"+code\"]"), 1);
	assert_int_equal(count_seen(f, "\"limit\":25,\"offset\":50"), 1);
}

static void rates_in_other_forms(void **state)
{
	struct fix *f = *state;
	struct vcs_rates *r = ask_rates(f,
	    RESULT("[{\"rate_tables_id\":\"19\",\"code\":49,"
		   "\"code_name\":null,\"services_id\":\"1\","
		   "\"value\":\"0.0125\",\"pay_setup\":null,"
		   "\"pay_interval\":60.0,\"min_volume\":\"1\","
		   "\"effective_from\":\"2026-01-01T01:00:00.5+01\","
		   "\"effective_till\":null},"
		   "{\"rate_tables_id\":19,\"code\":\"50\",\"value\":1e-7},"
		   "{\"rate_tables_id\":19,\"code\":\"51\",\"value\":null},"
		   "{\"rate_tables_id\":19,\"code\":\"52\",\"value\":\"NaN\"},"
		   "{\"rate_tables_id\":19,\"code\":\"53\"},"
		   "{\"rate_tables_id\":19,\"value\":2}]"));

	assert_int_equal(r->err, ERR_OK);
	assert_int_equal(r->n, 3);
	assert_int_equal(r->raw, 6);
	assert_string_equal(r->rows[0].code, "49");
	assert_string_equal(r->rows[0].name, "");
	assert_int_equal(r->rows[0].interval, 60);
	assert_int_equal(r->rows[0].min_volume, 1);
	assert_int_equal(r->rows[0].effective_from, 1767225600);
	assert_string_equal(money_text(f->m, r->rows[1].price), "0.0000001");
	assert_string_equal(r->rows[2].code, "");
}

static void lists_in_other_forms(void **state)
{
	static const struct {
		const char *said;
		enum err err;
		size_t n;
	} cases[] = {
	    {RESULT("[]"), ERR_OK, 0},
	    {RESULT("{}"), ERR_OK, 0},
	    {RESULT("{\"rows\":[]}"), ERR_OK, 0},
	    {RESULT("{\"rows\":[{" RATE "}]}"), ERR_OK, 1},
	    {RESULT("[null,1,\"x\",[],{" RATE "}]"), ERR_OK, 1},
	    {RESULT("[{\"value\":1,\"code\":\"1\"},{" RATE "}]"), ERR_OK, 1},
	    {RESULT("[{\"rate_tables_id\":20,\"value\":1},{" RATE "}]"), ERR_OK,
		1},
	    /* None of one's own is no end of the list. */
	    {RESULT("[{\"rate_tables_id\":null,\"value\":1}]"), ERR_UPSTREAM,
		0},
	    {RESULT("[{\"rate_tables_id\":\"19x\",\"value\":1}]"), ERR_UPSTREAM,
		0},
	    {RESULT("[{\"rate_tables_id\":[19],\"value\":1}]"), ERR_UPSTREAM,
		0},
	    {RESULT("null"), ERR_UPSTREAM, 0},
	    {RESULT("{\"rows\":1}"), ERR_UPSTREAM, 0},
	    {RESULT("{" RATE "}"), ERR_UPSTREAM, 0},
	    {RESULT("\"rows\""), ERR_UPSTREAM, 0},
	    {RESULT("[{\"rate_tables_id\":19}]"), ERR_UPSTREAM, 0},
	};

	log_open(false, LOG_ERROR);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vcs_rates *r = ask_rates(*state, cases[i].said);

		if (r->err != cases[i].err || (!r->err && r->n != cases[i].n))
			fail_msg("%s: %s, %zu", cases[i].said, err_code(r->err),
			    r->n);
	}
}

static void nothing_is_asked_for_nobody(void **state)
{
	struct fix *f = *state;
	struct vcs_trip *t;
	struct vcs_rates *r;
	struct vcs_xdrs *x;

	json_remove(f->session.kept, "rate_table");
	json_put_list(f->session.kept, "accounts");
	t = vcs_trip(&f->brand, f->m, &f->session);
	r = vcs_ask_rates(t, "+code", 25, 0);
	x = vcs_ask_xdrs(t, &(struct vcs_xdr_query){.to = 1, .limit = 10});
	vcs_go(t);
	assert_int_equal(r->err, ERR_OK);
	assert_int_equal(r->n, 0);
	assert_int_equal(x->err, ERR_OK);
	assert_int_equal(x->n, 0);
	assert_int_equal(server_requests(&f->server), 0);
}

static void xdrs(void **state)
{
	static const char *const times[] = {"2026-03-29 03:30:00+02",
	    "2026-03-29 03:30:00+0200", "2026-03-29 03:30:00+02:00",
	    "2026-03-29T03:30:00+02:00", "2026-03-29 03:30:00",
	    "2026-03-29T01:30:00Z"};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct vcs_trip *t;
		struct vcs_xdrs *x;

		forget(f);
		say(f, "reports.xdrs",
		    mem_print(f->m,
			RESULT("[{\"accounts_id\":2002,\"dt\":\"%s\","
			       "\"volume\":\"7\",\"cost\":\"0.10\"},"
			       "{\"accounts_id\":2003,\"volume\":1},"
			       "{\"accounts_id\":null,\"volume\":1}]"),
			times[i]));
		t = vcs_trip(&f->brand, f->m, &f->session);
		x = vcs_ask_xdrs(
		    t, &(struct vcs_xdr_query){
			   .from = 1774742400, .to = 1774828799, .limit = 10});
		vcs_go(t);
		assert_int_equal(x->err, ERR_OK);
		assert_int_equal(x->n, 1);
		assert_int_equal(x->rows[0].time, 1774747800);
		assert_int_equal(x->rows[0].duration, 7);
		assert_true(x->rows[0].has_cost && !x->rows[0].has_rate);
		assert_null(x->rows[0].source);
		assert_int_equal(count_seen(f, "[2001,2002]"), 1);
		assert_int_equal(count_seen(f, "[\"2026-03-29 00:00:00+0000\","
					       "\"2026-03-29 23:59:59+0000\"]"),
		    1);
	}
}

static void services_of_the_profile(void **state)
{
	struct fix *f = *state;
	struct vcs_profile own = *f->brand.profile;
	struct vcs_trip *t;
	struct vcs_names *names;

	own.methods[VCS_SERVICES].fixed =
	    json_constant(f->m, "[{\"id\":7,\"name\":\"Fax\"}]");
	f->brand.profile = &own;
	t = vcs_trip(&f->brand, f->m, &f->session);
	names = vcs_ask_services(t);
	vcs_go(t);
	assert_int_equal(names->err, ERR_OK);
	assert_string_equal(vcs_find_name(names, 7)->name, "Fax");
	assert_string_equal(vcs_find_name(names, 7)->unit, "s");
	assert_null(vcs_find_name(names, 8));
	assert_int_equal(server_requests(&f->server), 0);
}

/* --- Large tables --------------------------------------------------------- */

static void check_table(
    struct fix *f, size_t rows, size_t most, size_t wanted, bool limited)
{
	struct vcs_trip *t;
	struct vcs_rates *r;

	forget(f);
	f->table_rows = rows;
	f->table_most = most;
	t = vcs_trip(&f->brand, f->m, &f->session);
	r = vcs_read_rates(t, 10000);
	assert_int_equal(r->err, ERR_OK);
	assert_int_equal(r->n, wanted);
	assert_int_equal(r->limited, limited);
	for (size_t i = 0; i < r->n; i++)
		assert_int_equal(r->rows[i].id, i + 1);
}

static void a_table_is_read_whole(void **state)
{
	check_table(*state, 1, 100000, 1, false);
	check_table(*state, 2499, 100000, 2499, false);
	check_table(*state, 2500, 100000, 2500, false);
	check_table(*state, 9999, 100000, 9999, false);
	check_table(*state, 10000, 100000, 10000, false);
	check_table(*state, 10001, 100000, 10000, true);
	check_table(*state, 30000, 100000, 10000, true);
}

/* VCS may give fewer rows than asked for, with more behind them. */
static void fewer_rows_than_asked(void **state)
{
	check_table(*state, 7000, 1000, 7000, false);
	check_table(*state, 10000, 1000, 10000, false);
	check_table(*state, 12000, 999, 10000, true);
	check_table(*state, 4000, 100, 4000, false);
	/* So few that it is not worth it: what was read is called limited. */
	check_table(*state, 9000, 10, 640, true);
}

/* --- Management ----------------------------------------------------------- */

static enum err ping(struct fix *f)
{
	struct vcs_trip *t = vcs_trip(&f->brand, f->m, NULL);
	struct vcs_ping *p = vcs_ask_ping(t, true);

	vcs_go(t);
	return p->err;
}

#define ENVELOPE(code)                                                         \
	RESULT("{\"code\":" code ",\"session_id\":\"1-abc\","                  \
	       "\"messages\":[],\"return\":{},\"errors\":[]}")

static void codes_of_success(void **state)
{
	static const struct {
		const char *said;
		enum err err;
	} cases[] = {
	    {ENVELOPE("true"), ERR_OK},
	    {ENVELOPE("1"), ERR_OK},
	    {ENVELOPE("\"1\""), ERR_OK},
	    {ENVELOPE("false"), ERR_RULE},
	    {ENVELOPE("0"), ERR_RULE},
	    {ENVELOPE("\"0\""), ERR_RULE},
	    {ENVELOPE("null"), ERR_RULE},
	    {ENVELOPE("[]"), ERR_RULE},
	    {ENVELOPE("2"), ERR_RULE},
	    {RESULT("{}"), ERR_RULE},
	    {RESULT("{\"code\":false,\"messages\":{}}"), ERR_RULE},
	    {RESULT("{\"code\":false,\"messages\":\"no\"}"), ERR_RULE},
	    {RESULT("{\"code\":false,\"messages\":[1]}"), ERR_RULE},
	    {RESULT("{\"code\":0,\"messages\":[{\"code\":1,\"msg\":\"x\"}]}"),
		ERR_RULE},
	    {RESULT("{\"code\":true,\"session_id\":7}"), ERR_OK},
	    {RESULT("[]"), ERR_UPSTREAM},
	    {RESULT("null"), ERR_UPSTREAM},
	    {RESULT("\"x\""), ERR_UPSTREAM},
	    {"\"error\":{\"code\":1,\"message\":\"x\"}", ERR_RULE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fix *f = *state;
		enum err err;

		forget(f);
		say(f, "packages.list", cases[i].said);
		err = ping(f);
		if (err != cases[i].err)
			fail_msg("%s: %s", cases[i].said, err_code(err));
	}
}

static void the_sid_is_used_again(void **state)
{
	struct fix *f = *state;

	say(f, "packages.list", ENVELOPE("true"));
	assert_int_equal(ping(f), ERR_OK);
	assert_int_equal(count_seen(f, "\"auth\":{\"login\":\"portal-api\","
				       "\"password\":\"word-1\"}"),
	    1);
	assert_int_equal(count_seen(f, "SID"), 0);
	assert_int_equal(count_seen(f, "AUTH"), 0);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(ping(f), ERR_OK);
		assert_int_equal(count_seen(f, "\"SID\":\"1-abc\""), i);
	}
	assert_int_equal(count_seen(f, "password"), 1);
}

static void an_expired_sid(void **state)
{
	struct fix *f = *state;

	say_times(f, "packages.list", ENVELOPE("true"), 1);
	assert_int_equal(ping(f), ERR_OK);
	say_times(f, "packages.list", ENVELOPE("false"), 1);
	say_times(f, "packages.list",
	    RESULT("{\"code\":1,\"session_id\":\"1-new\"}"), 2);
	assert_int_equal(ping(f), ERR_OK);
	assert_int_equal(server_requests(&f->server), 3);
	assert_int_equal(count_seen(f, "password"), 2);
	assert_int_equal(ping(f), ERR_OK);
	assert_int_equal(count_seen(f, "\"SID\":\"1-new\""), 1);
	/* A refusal after a fresh log-in is final. */
	forget(f);
	say(f, "packages.list", ENVELOPE("false"));
	assert_int_equal(ping(f), ERR_RULE);
	assert_int_equal(server_requests(&f->server), 6);
	assert_int_equal(count_seen(f, "password"), 1);
}

static void a_sid_that_does_not_fit(void **state)
{
	struct fix *f = *state;
	char sid[400];

	memset(sid, 'x', sizeof(sid) - 1);
	sid[sizeof(sid) - 1] = '\0';
	say(f, "packages.list",
	    mem_print(f->m, RESULT("{\"code\":1,\"session_id\":\"%s\"}"), sid));
	assert_int_equal(ping(f), ERR_OK);
	assert_int_equal(ping(f), ERR_OK);
	assert_int_equal(count_seen(f, "SID"), 0);
	assert_int_equal(count_seen(f, "password"), 2);
}

/* --- Log-in --------------------------------------------------------------- */

static enum err log_in(struct fix *f, int64_t *client)
{
	struct json_object *kept = NULL;
	enum err err =
	    vcs_login(&f->brand, f->m, "her\"on", "pass", client, &kept);

	if (!err)
		assert_non_null(kept);
	return err;
}

static void say_log_in(struct fix *f, const char *said, const char *client)
{
	forget(f);
	say(f, "clients.authenticate", said);
	say(f, "clients.get", client);
	say(f, "accounts.search",
	    RESULT("[{\"id\":2001,\"clients_id\":1001,\"name\":\"A\"},"
		   "{\"id\":2003,\"clients_id\":1002,\"name\":\"B\"}]"));
	say(f, "currencies.search", RESULT("[{\"id\":27,\"name\":\"USD\"}]"));
}

/* An open breaker: nothing leaves, and that is certain. */
static void what_is_not_asked(void **state)
{
	struct fix *f = *state;
	struct breaker *b = f->brand.counters->breakers;
	struct vcs_credit c = {.client = CLIENT,
	    .amount = {0},
	    .currency = "USD",
	    .notes = "[x]",
	    .reference = "[x]"};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Opened in an hour: not even a probe goes. */
	atomic_store(&b[VCS_PART_CORE].since, (now.tv_sec + 3600) * 1000L);
	atomic_store(&b[VCS_PART_CORE].state, BREAKER_OPEN);
	forget(f);
	assert_int_equal(vcs_add_credit(&f->brand, f->m, &c), ERR_BUSY);
	assert_int_equal(vcs_find_credit(&f->brand, f->m, &c), ERR_BUSY);
	assert_int_equal(
	    ask_client(f, RESULT("[{" CLIENT_ROW "}]"))->err, ERR_BUSY);
	assert_int_equal(f->n_seen, 0);
	/* Its turn to be tried: what only reads may, what adds may not. */
	atomic_store(&b[VCS_PART_CORE].since, now.tv_sec * 1000L - 3600000);
	assert_int_equal(vcs_add_credit(&f->brand, f->m, &c), ERR_BUSY);
	assert_int_equal(f->n_seen, 0);
	assert_int_equal(
	    ask_client(f, RESULT("[{" CLIENT_ROW "}]"))->err, ERR_OK);
	assert_int_equal(f->n_seen, 1);
	assert_int_equal(b[VCS_PART_CORE].state, BREAKER_CLOSED);
}

static void log_ins(void **state)
{
	static const char *const refused = "\"error\":{\"message\":\"no\"}";
	struct fix *f = *state;
	struct json_object *kept;
	int64_t client = 0;
	size_t before;

	say_log_in(f, RESULT("{\"id\":1001}"), RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(
	    vcs_login(&f->brand, f->m, "heron", "pass", &client, &kept),
	    ERR_OK);
	assert_int_equal(client, 1001);
	assert_string_equal(json_write(f->m, kept, NULL),
	    "{\"rate_table\":19,\"currency_id\":27,\"locale\":\"de\","
	    "\"zone\":\"Europe/Berlin\",\"accounts\":[2001],"
	    "\"account_packages\":[0],"
	    "\"currency\":\"USD\"}");
	before = server_requests(&f->server);
	say_log_in(f, refused, RESULT("null"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	assert_int_equal(server_requests(&f->server), before * 2);
	assert_int_equal(count_seen(f, "\"cp_login\":\"her\\\"on\""), 1);
	/* Even if VCS says whose row it would have been. */
	say_log_in(f, refused, RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	say_log_in(f, RESULT("{\"id\":0}"), RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	say_log_in(f, RESULT("null"), RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	say_log_in(f, RESULT("{\"id\":\"x\"}"), RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	say_log_in(f, RESULT("{\"id\":1001}"),
	    RESULT("{\"id\":1001,\"status\":\"archived\"}"));
	assert_int_equal(log_in(f, &client), ERR_LOGIN);
	say_log_in(f, RESULT("{\"id\":1001}"),
	    RESULT("{\"id\":1002,\"status\":\"active\"}"));
	assert_int_equal(log_in(f, &client), ERR_UPSTREAM);
	say_log_in(f, RESULT("{\"id\":1001}"), refused);
	assert_int_equal(log_in(f, &client), ERR_UPSTREAM);
	say_log_in(f, RESULT("true"), RESULT("{" CLIENT_ROW "}"));
	assert_int_equal(log_in(f, &client), ERR_UPSTREAM);
}

/* --- Profiles ------------------------------------------------------------- */

static void arguments(void **state)
{
	static const struct {
		const char *params, *wanted;
	} cases[] = {
	    {"{}", "{}"},
	    {"{\"a\":\"$x\",\"b\":1,\"c\":null,\"d\":true}",
		"{\"a\":7,\"b\":1,\"c\":null,\"d\":true}"},
	    {"{\"a\":\"$none\",\"b\":[\"$none\",\"$x\"]}", "{\"b\":[7]}"},
	    {"{\"a\":{\"b\":[{\"c\":\"$list\"}]}}",
		"{\"a\":{\"b\":[{\"c\":[1,2]}]}}"},
	    {"{\"a\":\"x$x\",\"b\":\"$\",\"$x\":\"$text\"}",
		"{\"a\":\"x$x\",\"$x\":\"$x\"}"},
	};
	struct fix *f = *state;
	struct json_object *vars =
	    json_constant(f->m, "{\"x\":7,\"list\":[1,2],"
				"\"text\":\"$x\"}");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vcs_method method = {
		    .params = json_constant(f->m, cases[i].params)};
		struct json_object *made = vcs_profile_params(&method, vars);

		assert_string_equal(
		    json_write(f->m, made, NULL), cases[i].wanted);
	}
}

/* Loads the shipped profile with one change, and returns what is wrong. */
static const struct diag *load_changed(
    struct fix *f, const char *operation, const char *key, const char *value)
{
	char path[] = "/tmp/portico-profile-XXXXXX";
	int fd = mkstemp(path);
	size_t len;
	const char *text;
	struct json_object *root = json_constant(f->m,
	    conf_read_file(f->m, SOURCE_DIR "/conf/vcs/default.json", NULL));
	struct json_object *all = json_find(root, "operations");
	struct json_object *o = json_find(all, operation);

	assert_non_null(o);
	if (!key)
		json_remove(all, operation);
	else if (!value)
		json_remove(o, key);
	else
		json_put(o, key, json_constant(f->m, value));
	text = json_write(f->m, root, &len);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	diag_open(&f->diag, f->m);
	assert_non_null(vcs_profile_load(f->m, mem_text(f->m, path), &f->diag));
	unlink(path);
	return &f->diag;
}

static void a_profiles_mistakes(void **state)
{
	static const struct {
		const char *operation, *key, *value, *what;
	} cases[] = {
	    {"client.get", NULL, NULL, "is missing"},
	    {"client.get", "api", "\"soap\"", "api, method"},
	    {"client.get", "api", NULL, "api, method"},
	    {"client.get", "method", NULL, "api, method"},
	    {"client.get", "method", "[]", "api, method"},
	    {"client.get", "evidence", "\"hope\"", "api, method"},
	    {"client.get", "params", "[]", "api, method"},
	    {"client.get", "answer", "\"row\"", "api, method"},
	    {"client.get", "owner", NULL, "no owner"},
	    {"client.get", "owner", "{\"field\":\"id\",\"is\":\"me\"}",
		"owner is not right"},
	    {"client.get", "owner", "{\"is\":\"client\"}",
		"owner is not right"},
	    {"client.get", "owner", "\"client\"", "owner is not right"},
	    {"rate.list", "owner", NULL, "no owner"},
	    {"xdr.list", "owner", NULL, "no owner"},
	    {"usage.summary", "owner", NULL, "no owner"},
	    {"account.list", "owner", NULL, "no owner"},
	    {"rate.list", "fields",
		"{\"code\":\"c\",\"name\":\"n\","
		"\"service\":\"s\"}",
		"\"price\" is missing"},
	    {"client.login", "fields", NULL, "\"id\" is missing"},
	    /* Rows of the profile cannot be a customer's. */
	    {"rate.list", "rows", "[]", NULL},
	    {"service.list", "rows", "[{\"id\":1,\"name\":\"V\"}]", NULL},
	    {"service.list", "owner", NULL, NULL},
	    {"client.get", "unknown", "1", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct diag *d = load_changed(
		    *state, cases[i].operation, cases[i].key, cases[i].value);
		const char *all = "";
		struct fix *f = *state;

		for (size_t j = 0; j < d->n; j++) {
			all = mem_print(f->m, "%s%s; ", all, d->items[j].what);
			assert_non_null(
			    strstr(d->items[j].where, cases[i].operation));
			assert_true(d->items[j].remedy[0]);
		}
		if (cases[i].what ? !strstr(all, cases[i].what) : d->n > 0)
			fail_msg("%s %s %s: %s", cases[i].operation,
			    cases[i].key ? cases[i].key : "",
			    cases[i].value ? cases[i].value : "", all);
	}
}

static void no_profile(void **state)
{
	static const char *const texts[] = {
	    "", "{", "[]", "null", "{}", "{\"operations\":[]}"};
	struct fix *f = *state;

	assert_null(vcs_profile_load(f->m, "/nonexistent.json", &f->diag));
	assert_int_equal(f->diag.n, 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[] = "/tmp/portico-profile-XXXXXX";
		int fd = mkstemp(path);

		assert_int_equal(
		    write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		close(fd);
		diag_open(&f->diag, f->m);
		vcs_profile_load(f->m, mem_text(f->m, path), &f->diag);
		assert_true(f->diag.n > 0);
		unlink(path);
	}
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVER(a_client),
	    WITH_SERVER(a_client_in_other_forms),
	    WITH_SERVER(no_client),
	    WITH_SERVER(no_answer),
	    WITH_SERVER(what_is_kept),
	    WITH_SERVER(rates),
	    WITH_SERVER(rates_in_other_forms),
	    WITH_SERVER(lists_in_other_forms),
	    WITH_SERVER(nothing_is_asked_for_nobody),
	    WITH_SERVER(xdrs),
	    WITH_SERVER(services_of_the_profile),
	    WITH_SERVER(a_table_is_read_whole),
	    WITH_SERVER(fewer_rows_than_asked),
	    WITH_SERVER(codes_of_success),
	    WITH_SERVER(the_sid_is_used_again),
	    WITH_SERVER(an_expired_sid),
	    WITH_SERVER(a_sid_that_does_not_fit),
	    WITH_SERVER(what_is_not_asked),
	    WITH_SERVER(log_ins),
	    WITH_SERVER(arguments),
	    WITH_SERVER(a_profiles_mistakes),
	    WITH_SERVER(no_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
