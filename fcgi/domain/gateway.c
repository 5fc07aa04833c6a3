/* gateway.c: the gateways that there are, and what they share on the wire. */
#include "domain/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/gateway_wire.h"
#include "domain/payment.h"
#include "tools/http.h"
#include "tools/req.h"

enum { ANSWER_MOST = 1024 * 1024, DEPTH = 32 };

/* A third gateway is a file and a row here. */
static const struct gateway *const gateways[] = {
    &gateway_paypal, &gateway_anet};

enum { N_GATEWAYS = sizeof(gateways) / sizeof(gateways[0]) };

static const struct gateway *find(const char *id)
{
	for (size_t i = 0; i < N_GATEWAYS; i++)
		if (!strcmp(gateways[i]->id, id))
			return gateways[i];
	return NULL;
}

const struct gateway *gateway_at(const struct brand *b, size_t i)
{
	const struct conf_list *order = &b->conf->refill.gateways;
	const struct gateway *g;

	for (size_t at = 0; at < order->n; at++) {
		g = find(order->items[at]);
		if (g && g->is_set(b) && i-- == 0)
			return g;
	}
	return NULL;
}

const struct gateway *gateway_find(const struct brand *b, const char *id)
{
	const struct gateway *g;

	for (size_t i = 0; (g = gateway_at(b, i)); i++)
		if (!strcmp(g->id, id))
			return g;
	return NULL;
}

const struct gateway *gateway_of(const struct payment *p)
{
	return find(p->gateway);
}

struct gateway_kept *gateway_open(void)
{
	return calloc(1, sizeof(struct gateway_kept));
}

void gateway_close(struct gateway_kept *k)
{
	if (!k)
		return;
	free(k->cert_url);
	free(k->cert);
	free(k);
}

/* --- The wire ------------------------------------------------------------- */

/* An answer of the gateway's that says no is one. */
static void count_call(
    struct counters *n, enum backend who, const struct http_call *c)
{
	count(&n->backends[who].calls[count_end_of(c->err)], 1);
	count(&n->backends[who].requests, 1);
	count(&n->backends[who].us, (uint64_t)(c->ms * 1000));
}

enum err gateway_ask(struct gateway_desk *d, enum backend who, const char *url,
    const char *const *headers, const char *body, const char *ca_file,
    struct gateway_answer *out)
{
	struct http_call call = {.url = url,
	    .body = body,
	    .body_len = body ? strlen(body) : 0,
	    .headers = headers,
	    .ca_file = ca_file && *ca_file ? ca_file : NULL,
	    .timeout_ms = (long)d->brand->conf->payment.deadline_ms,
	    .max_bytes = ANSWER_MOST};

	http_run(d->brand->http, d->mem, &call, 1);
	count_call(d->brand->counters, who, &call);
	*out = (struct gateway_answer){.status = call.status,
	    .text = call.data,
	    .len = call.len,
	    .trouble = call.trouble};
	if (call.err)
		return call.err;
	out->json = json_parse(d->mem, call.data, call.len, DEPTH);
	return ERR_OK;
}

const char *gateway_header(const struct req *r, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);

	for (const char *const *e = r->env; *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=') {
			if (value)
				return NULL;
			value = *e + len + 1;
		}
	return value && *value ? value : NULL;
}

const char *gateway_origin(struct mem *m, const char *url)
{
	static const char host_digits[] = "abcdefghijklmnopqrstuvwxyz"
					  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789-._:[]";
	const char *host = strstr(url, "://");
	size_t len;

	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return NULL;
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at == 0x7f)
			return NULL;
	host += 3;
	len = strcspn(host, "/?#");
	/* "https://good@evil" is at evil; what no host has could end a header's
	 * value, or begin another one. */
	if (!len || strspn(host, host_digits) < len)
		return NULL;
	return mem_text_n(m, url, (size_t)(host - url) + len);
}

const char *gateway_way_back(struct gateway_desk *d, const struct gateway *g,
    const struct payment *p, const char *what)
{
	return brand_make_url(d->mem, d->brand,
	    mem_print(
		d->mem, "/api/refill/%s/%s?payment=%s", what, g->id, p->id));
}

/* --- Amounts -------------------------------------------------------------- */

unsigned gateway_digits(const char *currency)
{
	static const char none[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF "
				   "UGX UYI VND VUV XAF XOF XPF";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND";

	if (strstr(none, currency))
		return 0;
	return strstr(three, currency) ? 3 : 2;
}

bool gateway_amount(
    struct mem *m, struct money amount, unsigned digits, const char **out)
{
	struct money all = {0};
	struct money cut = money_round(amount, digits);

	all.scale = digits;
	if (money_compare(cut, amount) != 0 || !money_add(cut, all, &all))
		return false;
	*out = money_text(m, all);
	return true;
}
