/* fuzz_page.c: any request to any page, by a customer who is logged in or by
 * anybody, while the billing system answers anything. Whatever comes: an answer
 * goes out, it is whole, no header holds a control character, JSON is JSON, and
 * no word of the request or of the billing system is markup in a page.
 *
 * Input, in parts that are each ended by a NUL: a letter ('g', 'p': a customer
 * gets or posts; 'G', 'P': anybody does) and the URI; lines NAME=value of the
 * environment; the body; then what VCS answers to each call, where "" and
 * nothing are a fitting answer, and gateways, with the status in front. A
 * customer shows a bearer token, which needs no CSRF token.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "domain/brand.h"
#include "domain/gateway_wire.h"
#include "domain/session.h"
#include "domain/vcs_trip.h"
#include "pages/page.h"
#include "tools/db.h"
#include "must.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENT = 1001, VARIABLES_MAX = 12 };

/* No page has this; an input may. */
#define MARK "<fuzz"

static struct site *site;
static char config[64];

/* --- The billing system --------------------------------------------------- */

static const struct {
	const char *method, *result;
} fitting[] = {
    {"clients.get",
	"{\"id\":1001,\"name\":\"Heron\",\"status\":\"active\",\"credit\":50,"
	"\"balance\":12.5,\"currencies_id\":27,\"orig_rate_table\":19,"
	"\"tz\":\"Europe/Berlin\",\"locale\":\"en\",\"c_email_billing\":\"\"}"},
    {"accounts.search",
	"[{\"id\":2001,\"clients_id\":1001,\"name\":\"a\",\"packages_id\":5}]"},
    {"services.search", "[{\"id\":1,\"name\":\"Calls\",\"unit\":\"s\"}]"},
    {"currencies.search", "[{\"id\":27,\"name\":\"USD\"}]"},
    {"rates.search",
	"[{\"id\":1,\"rate_tables_id\":19,\"code\":\"49\",\"code_name\":\"G\","
	"\"services_id\":1,\"value\":0.0125}]"},
    {"reports.xdrs",
	"[{\"id\":1,\"dt\":\"2026-11-01 10:00:00+0000\",\"accounts_id\":2001,"
	"\"services_id\":1,\"volume\":61,\"cost\":\"0.02\"}]"},
    {"clients.authenticate", "{\"id\":1001}"},
    {"clients.search",
	"[{\"id\":1001,\"cp_login\":\"heron\",\"status\":\"active\"}]"},
    {"topup_cards.activate", "{\"amount\":\"5\"}"},
    {"reports.summary",
	"[{\"clients_id\":1001,\"day\":\"2026-11-01\",\"services_id\":1,"
	"\"accounts_id\":2001,\"code_name\":\"UK\",\"volume\":60,\"events\":1,"
	"\"cost\":0.5}]"},
    {"transactions.search",
	"[{\"id\":9,\"clients_id\":1001,\"c_dt\":\"2026-11-01 10:00:00\","
	"\"type\":\"payment\",\"amount\":\"25.00\",\"status\":\"ok\"}]"},
    {"clients_packages.search",
	"[{\"id\":5,\"clients_id\":1001,\"packages_name\":\"P\","
	"\"packages_id\":5,\"accounts_id\":2001,\"status\":\"active\"}]"},
    {"invoices.list",
	"{\"code\":true,\"return\":[{\"id\":7,\"id_clients\":1001,\"no\":\"7\","
	"\"type\":\"outgoing\",\"state\":\"sent\",\"dt\":\"2026-11-01\","
	"\"total\":\"100.00\",\"paid\":\"0\"}]}"},
};

static const char *find_fitting(const char *method)
{
	for (size_t i = 0; i < sizeof(fitting) / sizeof(*fitting); i++)
		if (method && !strcmp(fitting[i].method, method))
			return fitting[i].result;
	return "[]";
}

static void add_answer(struct mem *m, struct buf *b, struct json_object *call)
{
	const char *piece = wire_next(m);

	if (!piece || !*piece)
		piece = find_fitting(json_find_text(call, "method"));
	buf_print(b, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}",
	    json_find_text(call, "id"), piece);
}

static void answer_gateway(struct mem *m, struct http_call *c)
{
	const char *piece =
	    strstr(c->url, "/oauth2/token")
		? "200{\"access_token\":\"A1\",\"expires_in\":900}"
		: wire_next(m);

	c->status = 503;
	if (!piece || strlen(piece) < 3)
		return;
	c->status = strtol(mem_text_n(m, piece, 3), NULL, 10);
	c->data = mem_text(m, piece + 3);
}

static void wire_answer(struct mem *m, struct http_call *c)
{
	struct json_object *calls =
	    c->body ? json_parse(m, c->body, strlen(c->body), JSON_DEEP) : NULL;
	struct buf b;

	buf_open(&b, m, 256);
	if (json_is(calls, JSON_LIST)) {
		for (size_t i = 0; i < json_length(calls); i++) {
			buf_add_char(&b, i ? ',' : '[');
			add_answer(m, &b, json_at(calls, i));
		}
		buf_add_char(&b, ']');
	} else if (json_find(calls, "jsonrpc")) {
		add_answer(m, &b, calls);
	} else {
		answer_gateway(m, c);
		return;
	}
	c->data = b.data;
}

/* --- The answer ----------------------------------------------------------- */

static bool write_out(void *ctx, const void *data, size_t len)
{
	buf_add(ctx, data, len);
	return true;
}

static void spoil(void *ctx)
{
	(void)ctx;
}

/* Its end; `type` is of the body. */
static const char *check_headers(
    struct mem *m, const char *text, const char **type)
{
	const char *end = strstr(text, "\r\n\r\n");

	must(!strncmp(text, "Status: ", 8) && end);
	must(strspn(text + 8, "0123456789") == 3);
	/* Whoever may be at fault, it is not us. */
	must(strncmp(text + 8, "500", 3) != 0);
	*type = "";
	while (text < end) {
		size_t len = strcspn(text, "\r");

		must(text[len + 1] == '\n');
		must(memchr(text, ':', len));
		for (size_t i = 0; i < len; i++)
			must((unsigned char)text[i] >= ' ');
		if (!strncmp(text, "Content-Type: ", 14))
			*type = mem_text_n(m, text + 14, len - 14);
		text += len + 2;
	}
	return end + 4;
}

static void check_answer(struct mem *m, const struct buf *out)
{
	const char *type, *body = check_headers(m, out->data, &type);
	size_t len = out->len - (size_t)(body - out->data);

	if (!strncmp(type, "text/html", 9))
		must(!strstr(body, MARK));
	if (!strncmp(type, "application/json", 16) && len)
		must(json_parse(m, body, len, 32));
}

/* --- The request ---------------------------------------------------------- */

struct body {
	const char *data;
	size_t len;
};

static size_t read_body(void *ctx, void *out, size_t room)
{
	struct body *b = ctx;
	size_t n = b->len < room ? b->len : room;

	memcpy(out, b->data, n);
	b->data += n;
	b->len -= n;
	return n;
}

/* What a run leaves in the store is gone before the next. */
static void clear_store(struct mem *m, struct db *db)
{
	static const char *const tables[] = {"session", "throttle", "lease",
	    "voucher", "receipt", "posting", "inbox", "payment_story",
	    "payment_sweep", "payment", "session_cut", "reset", "device",
	    "totp", "recovery_code", "passkey", "passkey_answered", "audit",
	    "audit_tally", "audit_name"};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		must(!db_run(db, mem_print(m, "delete from %s", tables[i]),
		    NULL, 0, NULL));
}

static const char *log_in(struct mem *m, struct brand *b)
{
	struct session_origin from = {session_clock(), "192.0.2.1", "Chrome/1"};
	struct json_object *kept;
	struct session s;
	char *token;
	enum err err = session_begin(b->db, m, b->name, SESSION_BEARER, CLIENT,
	    "heron", 3600, time(NULL), &from, &s, &token);

	must(!err);
	kept = json_constant(m,
	    "{\"rate_table\":19,\"accounts\":[2001],"
	    "\"account_packages\":[5],\"currency_id\":27,"
	    "\"currency\":\"USD\",\"zone\":\"Europe/Berlin\"}");
	must(!session_keep(b->db, &s, kept));
	return mem_print(m, "HTTP_AUTHORIZATION=Bearer %s", token);
}

static void serve(struct mem *m, const char *first, char *lines, char *text)
{
	const char *env[VARIABLES_MAX + 6] = {0};
	struct body body = {text, strlen(text)};
	struct req_source source = {env, read_body, &body};
	struct reply_sink sink = {.write = write_out, .spoil = spoil};
	bool posts = (*first | 32) == 'p';
	struct buf out;
	size_t n = 0;

	buf_open(&out, m, 65536);
	sink.ctx = &out;
	env[n++] = posts ? "REQUEST_METHOD=POST" : "REQUEST_METHOD=GET";
	env[n++] = mem_print(m, "REQUEST_URI=%s", *first ? first + 1 : "/");
	env[n++] = mem_print(m, "CONTENT_LENGTH=%zu", body.len);
	env[n++] = "REMOTE_ADDR=192.0.2.1";
	if (*first >= 'a')
		env[n++] = log_in(m, &site->brands[0]);
	while (lines && n < VARIABLES_MAX)
		env[n++] = strsep(&lines, "\n");
	env[n++] = *text == '{' || *text == '['
		       ? "CONTENT_TYPE=application/json"
		       : "CONTENT_TYPE=application/x-www-form-urlencoded";
	page_serve(site, m, &source, &sink);
	check_answer(m, &out);
}

/* --- The portal ----------------------------------------------------------- */

static void remove_config(void)
{
	unlink(config);
}

static void write_config(void)
{
	FILE *f;

	strcpy(config, "/tmp/fuzz_page.XXXXXX");
	f = fdopen(mkstemp(config), "w");
	must(f);
	fputs("{\"coreApi\":{\"uri\":\"http://"
	      "127.0.0.1:1\",\"authToken\":\"t1\"},"
	      "\"managementApi\":{\"uri\":\"https://127.0.0.1:1\"},"
	      "\"billingUri\":\"https://billing.example\","
	      "\"publicUri\":\"https://portal.example\","
	      "\"vcs\":{\"hookSecret\":\"0123456789abcdef\"},"
	      "\"paypal\":{\"clientId\":\"x1\",\"clientSecret\":\"x1\"},"
	      "\"smtp\":{\"uri\":\"smtp://127.0.0.1:1\","
	      "\"from\":\"a@portal.example\"},"
	      "\"store\":{\"uri\":\"sqlite::memory:\"}}",
	    f);
	fclose(f);
	atexit(remove_config);
}

static void set_up(void)
{
	struct mem *m = mem_open(0);
	struct brand *b;
	struct diag d;

	log_open(false, LOG_ERROR + 1);
	setenv("PORTICO_SHARE", SOURCE_DIR, 1);
	write_config();
	diag_open(&d, m);
	site = site_load(config, &d);
	must(site);
	b = &site->brands[0];
	brand_connect(b);
	must(b->db && !db_migrate(b->db, SOURCE_DIR "/conf/schema"));
	must(brand_store(b));
	mem_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *first, *lines, *text;
	struct mem *m;

	if (!site)
		set_up();
	if (!size || size > 8192)
		return 0;
	m = mem_open(0);
	clear_store(m, site->brands[0].db);
	site->brands[0].vcs->sid[0] = '\0';
	site->brands[0].gateways->paypal_token[0] = '\0';
	wire_open(data, size);
	first = wire_next(m);
	lines = wire_next(m);
	text = wire_next(m);
	serve(m, first, mem_text(m, lines ? lines : ""),
	    mem_text(m, text ? text : ""));
	mem_close(m);
	return 0;
}
