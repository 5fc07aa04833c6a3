/* fuzz_gateway.c: any answers of PayPal and Authorize.Net, and any webhook
 * from anybody. What is told of a payment must be whole; money counts as this
 * payment's only with its amount, currency and reference; no webhook without a
 * signature is genuine; nobody is sent to another site.
 *
 * Input: a byte that picks gateway and question. Questions: the gateway's
 * answers, each ended by a NUL, three digits of status in front. Webhooks:
 * lines NAME=value of the environment, an empty line, the body.
 */
#include <stdio.h>

#include "base/counters.h"
#include "base/json.h"
#include "domain/brand.h"
#include "domain/gateway_paypal.h"
#include "domain/gateway_wire.h"
#include "domain/payment.h"
#include "tools/crypto.h"
#include "tools/req.h"
#include "must.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 16, NOW = 1790000000, ROWS_MOST = 50000 };

#define KEY "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"

static struct conf conf;
static struct brand brand;

static void wire_answer(struct mem *m, struct http_call *c)
{
	const char *piece;

	if (strstr(c->url, "/v1/oauth2/token")) {
		c->data = mem_text(
		    m, "{\"access_token\":\"A1\",\"expires_in\":32400}");
		return;
	}
	piece = wire_next(m);
	if (!piece || strlen(piece) < 3) {
		c->status = 503;
		return;
	}
	c->status = strtol(mem_text_n(m, piece, 3), NULL, 10);
	c->data = mem_text(m, piece + 3);
	if (c->status == 0)
		c->err = ERR_LATE;
}

/* --- Answers -------------------------------------------------------------- */

static const struct payment payment = {.id = "RFABCDEFGHIJKLMNOPQR",
    .brand = "default",
    .client = 1001,
    .gateway = "paypal",
    .environment = "sandbox",
    .amount = {.coef = 2500, .scale = 2},
    .currency = "USD",
    .state = PAY_CAPTURING,
    .order = "5O190127TN364715T",
    .captures = 1,
    .created = NOW - 86400};

static void check_money(const struct gateway_money *g)
{
	must(g->id && g->currency && g->status);
	if (g->mismatch || g->state == MONEY_FAILED)
		return;
	must(money_compare(g->amount, payment.amount) == 0 &&
	     !strcmp(g->currency, payment.currency));
}

static void check_facts(enum err err, const struct gateway_facts *f)
{
	must(f->n_money <= GATEWAY_MOST && f->n_refunds <= GATEWAY_MOST);
	if (err || f->odd)
		return;
	for (size_t i = 0; i < f->n_money; i++)
		check_money(&f->money[i]);
	for (size_t i = 0; i < f->n_refunds; i++)
		must(f->refunds[i].id && f->refunds[i].of &&
		     f->refunds[i].kind &&
		     money_sign(f->refunds[i].amount) >= 0);
	if (f->state == GATEWAY_MONEY)
		must(f->n_money || f->n_refunds);
}

static void try_begin(struct gateway_desk *d, const struct gateway *g)
{
	struct gateway_facts f = {0};

	if (g->begin(d, &payment, &f) != ERR_OK)
		return;
	must(f.order && f.way && *f.order && *f.way);
	if (!g->posts)
		must(!strncmp(f.way, "https://www.sandbox.paypal.com", 30) &&
		     (!f.way[30] || strchr("/?#", f.way[30])));
}

static void see(void *ctx, const char *money, const char *id, bool undoes)
{
	(void)id;
	(void)undoes;
	must(++*(size_t *)ctx < ROWS_MOST && money);
}

static void try_question(
    struct gateway_desk *d, const struct gateway *g, int what)
{
	struct gateway_facts f = {0};
	struct payment pending = payment;
	size_t rows = 0;
	const char *id;

	pending.state = PAY_PENDING;
	switch (what) {
	case 0:
		try_begin(d, g);
		break;
	case 1:
		check_facts(g->look(d, &payment, NULL, &f), &f);
		break;
	case 2:
		id = g->posts ? "60123456789" : "3C679366HH908993F";
		check_facts(g->look(d, &pending, id, &f), &f);
		break;
	case 3:
		if (g->capture)
			check_facts(g->capture(d, &payment, &f), &f);
		else
			g->check(d, payment.amount, "EUR");
		break;
	case 4:
		id = g->find(d, g->posts ? "60123456789" : "3C679366HH908993F");
		must(!id || strlen(id) < SIZE_MAX);
		break;
	default:
		if (g->sweep)
			g->sweep(d, NOW - 86400, see, &rows);
		break;
	}
}

/* --- Webhooks ------------------------------------------------------------- */

static void check_event(const struct gateway_event *e)
{
	must(
	    e->id && e->kind && strlen(e->id) <= 128 && strlen(e->kind) <= 128);
	must((!e->payment || strlen(e->payment) < SIZE_MAX) &&
	     (!e->order || strlen(e->order) < SIZE_MAX) &&
	     (!e->money || strlen(e->money) < SIZE_MAX) &&
	     (!e->refund || strlen(e->refund) < SIZE_MAX));
}

static void try_signed(struct gateway_desk *d, const struct req *r)
{
	unsigned char mac[CRYPTO_SHA512];
	const char *key = conf.authorizenet.api_signature_key;
	const char *env[] = {NULL, NULL};
	struct gateway_event e = {0};
	struct req own = *r;

	crypto_hmac_sha512(key, strlen(key), r->body, r->body_len, mac);
	env[0] = mem_print(d->mem, "HTTP_X_ANET_SIGNATURE=sha512=%s",
	    crypto_hex(d->mem, mac, sizeof(mac)));
	own.env = env;
	if (gateway_anet.hear(d, &own, &e) == ERR_OK)
		check_event(&e);
}

static void try_hook(struct gateway_desk *d, const struct gateway *g, char *in)
{
	const char *env[VARIABLES_MAX + 1] = {0};
	struct gateway_event e = {0}, again = {0};
	struct req r = {.mem = d->mem, .env = env, .body = ""};

	for (size_t n = 0; in && *in && *in != '\n' && n < VARIABLES_MAX; n++)
		env[n] = strsep(&in, "\n");
	if (in)
		r.body = in + (*in == '\n');
	r.body_len = strlen(r.body);
	wire_open((const uint8_t *)r.body, r.body_len);
	/* Nobody here has a key. By asking PayPal, its answer decides. */
	if (g->hear(d, &r, &e) == ERR_OK) {
		must(g == &gateway_paypal &&
		     !strcmp(conf.paypal.verification, "online"));
		check_event(&e);
	}
	if (g->reread(d, r.body, &again) == ERR_OK)
		check_event(&again);
	try_signed(d, &r);
}

/* Certificates and signatures of anybody. */
static void try_certificate(struct gateway_desk *d, const char *in)
{
	const char *signature = strchr(in, '|');
	struct crypto_signed s = {.pem = in,
	    .pem_len = signature ? (size_t)(signature - in) : strlen(in),
	    .ca_file = "/dev/null",
	    .name = "messageverificationcerts.sandbox.paypal.com",
	    .data = "id|time|webhook|1",
	    .data_len = 17};

	s.signature = crypto_unbase64(
	    d->mem, signature ? signature + 1 : "AAAA", &s.signature_len);
	if (s.signature)
		must(crypto_check_signed(&s) != NULL);
}

/* --- All of it ------------------------------------------------------------ */

static void set_up(void)
{
	log_open(false, LOG_ERROR + 1);
	conf.public_uri = "https://portal.example";
	conf.title = "Portico";
	conf.paypal.client_id = conf.paypal.client_secret = "x";
	conf.paypal.environment = conf.authorizenet.environment = "sandbox";
	conf.paypal.uri = conf.paypal.web_uri = "";
	conf.paypal.webhook_id = "WH-1";
	conf.paypal.merchant_id = "M1";
	conf.paypal.cert_ca_file = "/dev/null";
	conf.authorizenet.api_login_id = "login1";
	conf.authorizenet.api_transaction_key = "key1";
	conf.authorizenet.api_signature_key = KEY KEY;
	conf.authorizenet.uri = conf.authorizenet.hosted_uri = "";
	conf.payment.deadline_ms = 1000;
	brand = (struct brand){.name = "default",
	    .counters = counters_find("default"),
	    .conf = &conf,
	    .http = http_open(),
	    .gateways = gateway_open()};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_desk d = {.brand = &brand, .now = NOW};
	const struct gateway *g;
	int what;

	if (!brand.conf)
		set_up();
	if (!size || size > 32768)
		return 0;
	d.mem = mem_open(0);
	brand.gateways->paypal_token[0] = '\0';
	brand.gateways->anet_currencies[0] = '\0';
	g = data[0] & 8 ? &gateway_anet : &gateway_paypal;
	what = data[0] & 7;
	conf.paypal.verification = data[0] & 32 ? "online" : "offline";
	wire_open(data + 1, size - 1);
	if (data[0] & 16)
		try_certificate(
		    &d, mem_text_n(d.mem, (const char *)data + 1, size - 1));
	else if (what >= 6)
		try_hook(
		    &d, g, mem_text_n(d.mem, (const char *)data + 1, size - 1));
	else
		try_question(&d, g, what);
	mem_close(d.mem);
	return 0;
}
