/* gateway_paypal_hook.c: PayPal's webhooks.
 * https://developer.paypal.com/api/rest/webhooks/rest/
 *
 * What is signed is "id|time|webhook id|CRC-32 of the body", and a CRC does not
 * bind the body: anybody can make another one with the same. So even a genuine
 * signature only says that PayPal once told us something; what counts is asked
 * for.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/gateway_paypal.h"
#include "domain/gateway_wire.h"
#include "tools/crypto.h"
#include "tools/http.h"
#include "tools/req.h"

enum { CERT_MOST = 64 * 1024, CERT_MS = 5000, DEPTH = 32, HEADER_MOST = 512 };

/* The headers of a delivery. */
struct delivery {
	const char *id, *time, *signature, *cert_url, *algorithm;
};

uint32_t paypal_crc32(const void *data, size_t len)
{
	const unsigned char *in = data;
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < len; i++) {
		crc ^= in[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

static bool is_fit(const char *value)
{
	return value && strlen(value) <= HEADER_MOST && !strchr(value, '|');
}

/* Each must be there once. */
static bool read_delivery(const struct req *r, struct delivery *out)
{
	*out = (struct delivery){
	    .id = gateway_header(r, "HTTP_PAYPAL_TRANSMISSION_ID"),
	    .time = gateway_header(r, "HTTP_PAYPAL_TRANSMISSION_TIME"),
	    .signature = gateway_header(r, "HTTP_PAYPAL_TRANSMISSION_SIG"),
	    .cert_url = gateway_header(r, "HTTP_PAYPAL_CERT_URL"),
	    .algorithm = gateway_header(r, "HTTP_PAYPAL_AUTH_ALGO"),
	};
	return is_fit(out->id) && is_fit(out->time) && out->signature &&
	       strlen(out->signature) <= 1024 && is_fit(out->cert_url) &&
	       out->algorithm && !strcmp(out->algorithm, "SHA256withRSA");
}

/* --- The certificate ------------------------------------------------------ */

static bool is_live(const struct brand *b)
{
	return !strcmp(b->conf->paypal.environment, "live");
}

static bool is_listed(const struct brand *b, const char *host)
{
	const struct conf_list *hosts = &b->conf->paypal.cert_hosts;

	if (!hosts->n)
		return !strcmp(host,
		    is_live(b) ? "api.paypal.com" : "api.sandbox.paypal.com");
	for (size_t i = 0; i < hosts->n; i++)
		if (!strcmp(hosts->items[i], host))
			return true;
	return false;
}

/* https, a host of the list and nothing else before the path, and a path of
 * certificates: compared letter by letter, so that no reader of addresses can
 * see another host in it than this one. */
static bool is_cert_url(struct gateway_desk *d, const char *url)
{
	static const char scheme[] = "https://";
	static const char folder[] = "/v1/notifications/certs/";
	const char *host, *path;
	size_t len;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return false;
	host = url + sizeof(scheme) - 1;
	len = strcspn(host, "/");
	path = host + len;
	if (!is_listed(d->brand, mem_text_n(d->mem, host, len)) ||
	    strncmp(path, folder, sizeof(folder) - 1) != 0)
		return false;
	path += sizeof(folder) - 1;
	len = strspn(path, "0123456789-abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	return len && !path[len];
}

static void keep_cert(
    struct gateway_kept *k, const char *url, const char *pem, size_t len)
{
	char *new_url = strdup(url), *copy = malloc(len + 1);

	if (!new_url || !copy) {
		free(new_url);
		free(copy);
		return;
	}
	memcpy(copy, pem, len);
	free(k->cert_url);
	free(k->cert);
	k->cert_url = new_url;
	k->cert = copy;
	k->cert_len = len;
}

static enum err fetch_cert(
    struct gateway_desk *d, const char *url, struct crypto_signed *s)
{
	struct gateway_kept *k = d->brand->gateways;
	const char *ca = d->brand->conf->paypal.cert_ca_file;
	struct http_call call = {.url = url,
	    .ca_file = *ca ? ca : NULL,
	    .timeout_ms = CERT_MS,
	    .max_bytes = CERT_MOST};

	if (k->cert_url && !strcmp(k->cert_url, url)) {
		s->pem = k->cert;
		s->pem_len = k->cert_len;
		return ERR_OK;
	}
	http_run(d->brand->http, d->mem, &call, 1);
	if (call.err || call.status != 200) {
		log_warn("payment.paypal", "the certificate of a webhook: %s",
		    call.trouble ? call.trouble : "not there");
		return ERR_BUSY;
	}
	s->pem = call.data;
	s->pem_len = call.len;
	return ERR_OK;
}

static enum err check_offline(struct gateway_desk *d, const struct delivery *in,
    const struct req *r, struct gateway_event *e)
{
	const struct conf *c = d->brand->conf;
	char *message = mem_print(d->mem, "%s|%s|%s|%" PRIu32, in->id, in->time,
	    c->paypal.webhook_id, paypal_crc32(r->body, r->body_len));
	struct crypto_signed s = {.ca_file = c->paypal.cert_ca_file[0]
						 ? c->paypal.cert_ca_file
						 : NULL,
	    .name = is_live(d->brand)
			? "messageverificationcerts.paypal.com"
			: "messageverificationcerts.sandbox.paypal.com",
	    .data = message,
	    .data_len = strlen(message)};
	enum err err;

	if (!is_cert_url(d, in->cert_url)) {
		e->why = "its certificate is not at PayPal";
		return ERR_LOGIN;
	}
	s.signature = crypto_unbase64(d->mem, in->signature, &s.signature_len);
	if (!s.signature) {
		e->why = "its signature is no base64";
		return ERR_LOGIN;
	}
	err = fetch_cert(d, in->cert_url, &s);
	if (err)
		return err;
	e->why = crypto_check_signed(&s);
	if (e->why)
		return ERR_LOGIN;
	keep_cert(d->brand->gateways, in->cert_url, s.pem, s.pem_len);
	return ERR_OK;
}

/* --- By asking PayPal ----------------------------------------------------- */

/* The event as it came: another spelling of the same JSON would not do. */
static const char *make_question(
    struct gateway_desk *d, const struct delivery *in, const struct req *r)
{
	struct json_object *o = json_new(d->mem);
	const char *text;
	size_t len;

	json_put_text(o, "auth_algo", in->algorithm);
	json_put_text(o, "cert_url", in->cert_url);
	json_put_text(o, "transmission_id", in->id);
	json_put_text(o, "transmission_sig", in->signature);
	json_put_text(o, "transmission_time", in->time);
	json_put_text(o, "webhook_id", d->brand->conf->paypal.webhook_id);
	text = json_write(d->mem, o, &len);
	return mem_print(
	    d->mem, "%.*s,\"webhook_event\":%s}", (int)len - 1, text, r->body);
}

static enum err check_online(struct gateway_desk *d, const struct delivery *in,
    const struct req *r, struct gateway_event *e)
{
	struct paypal_call c = {
	    .path = "/v1/notifications/verify-webhook-signature",
	    .body = make_question(d, in, r)};
	struct gateway_answer a;
	const char *status;

	/* It becomes a part of the question, where it must not say anything
	 * beside itself. */
	if (!json_parse(d->mem, r->body, r->body_len, DEPTH)) {
		e->why = "not JSON";
		return ERR_INPUT;
	}
	if (!is_cert_url(d, in->cert_url)) {
		e->why = "its certificate is not at PayPal";
		return ERR_LOGIN;
	}
	if (paypal_ask(d, &c, &a) != ERR_OK)
		return ERR_BUSY;
	status = json_find_text(a.json, "verification_status");
	if (status && !strcmp(status, "SUCCESS"))
		return ERR_OK;
	e->why = "PayPal says that it is not its own";
	return ERR_LOGIN;
}

/* --- Events --------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void read_order_event(struct json_object *o, struct gateway_event *e)
{
	e->order = json_find_text(o, "id");
	e->payment = json_find_text(
	    json_at(json_find(o, "purchase_units"), 0), "custom_id");
}

static void read_capture_event(struct json_object *o, struct gateway_event *e)
{
	struct json_object *related =
	    json_find(json_find(o, "supplementary_data"), "related_ids");
	const char *up = paypal_find_up(o);

	e->payment = json_find_text(o, "custom_id");
	e->order = json_find_text(related, "order_id");
	if (!e->order)
		e->order = json_find_text(o, "order_id");
	if (up) {
		e->money = up;
		e->refund = json_find_text(o, "id");
	} else {
		e->money = json_find_text(o, "id");
	}
}

static void read_dispute_event(struct json_object *o, struct gateway_event *e)
{
	e->money =
	    json_find_text(json_at(json_find(o, "disputed_transactions"), 0),
		"seller_transaction_id");
	e->odd = "the customer disputes it at PayPal";
}

enum err paypal_reread(
    struct gateway_desk *d, const char *body, struct gateway_event *e)
{
	struct json_object *o = json_parse(d->mem, body, strlen(body), DEPTH);
	struct json_object *resource = json_find(o, "resource");

	e->id = json_find_text(o, "id");
	e->kind = json_find_text(o, "event_type");
	if (!e->id || !e->kind || strlen(e->id) > 128 ||
	    strlen(e->kind) > 128) {
		e->why = "not an event";
		return ERR_INPUT;
	}
	if (begins(e->kind, "CUSTOMER.DISPUTE."))
		read_dispute_event(resource, e);
	else if (begins(e->kind, "CHECKOUT.ORDER."))
		read_order_event(resource, e);
	else
		read_capture_event(resource, e);
	return ERR_OK;
}

enum err paypal_hear(
    struct gateway_desk *d, const struct req *r, struct gateway_event *e)
{
	const struct conf *c = d->brand->conf;
	struct delivery in;
	enum err err = ERR_OK;

	/* "WEBHOOK_ID" is what PayPal's public simulator signs with: anybody.
	 */
	if (!read_delivery(r, &in) ||
	    !strcmp(c->paypal.webhook_id, "WEBHOOK_ID")) {
		e->why = "its headers are not all there";
		return ERR_LOGIN;
	}
	if (!c->paypal.webhook_id[0])
		e->unproven = true;
	else if (!strcmp(c->paypal.verification, "online"))
		err = check_online(d, &in, r, e);
	else
		err = check_offline(d, &in, r, e);
	if (!err && !e->unproven)
		e->delivery = in.id;
	return err ? err : paypal_reread(d, r->body, e);
}
