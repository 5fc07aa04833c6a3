/* paypal_events.c: PayPal's webhooks: made, signed, verified, listed. */
#include "gateways.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each delivery spells its headers' names in one of these ways. */
static const char *const spellings[][5] = {
    {"PAYPAL-TRANSMISSION-ID", "PAYPAL-TRANSMISSION-TIME",
	"PAYPAL-TRANSMISSION-SIG", "PAYPAL-CERT-URL", "PAYPAL-AUTH-ALGO"},
    {"Paypal-Transmission-Id", "Paypal-Transmission-Time",
	"Paypal-Transmission-Sig", "Paypal-Cert-Url", "Paypal-Auth-Algo"},
    {"paypal-transmission-id", "paypal-transmission-time",
	"paypal-transmission-sig", "paypal-cert-url", "paypal-auth-algo"},
};

static uint32_t crc32_of(const char *text, size_t length)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < length; i++) {
		crc ^= (unsigned char)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

/* The certificate's name follows from what it holds. */
static void cert_id(char id[48])
{
	const char *pem = tls_signer_certificate;
	size_t length = strlen(pem);

	snprintf(id, 48, "CERT-%08x-%08x-%08x", crc32_of(pem, length),
	    crc32_of(pem, length / 2), crc32_of(pem, length / 3));
}

static void make_uuid(char id[40])
{
	unsigned char b[16];

	if (gnutls_rnd(GNUTLS_RND_NONCE, b, sizeof(b)) != 0)
		abort();
	snprintf(id, 40,
	    "%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x"
	    "%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15,
	    b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static bool sign(const char *message, gnutls_datum_t *text)
{
	gnutls_datum_t key = {(unsigned char *)tls_signer_key, 0}, in,
		       raw = {0};
	gnutls_privkey_t private = NULL;
	bool done;

	key.size = (unsigned)strlen(tls_signer_key);
	in.data = (unsigned char *)(uintptr_t)message;
	in.size = (unsigned)strlen(message);
	done = gnutls_privkey_init(&private) == 0 &&
	       gnutls_privkey_import_x509_raw(
		   private, &key, GNUTLS_X509_FMT_PEM, NULL, 0) == 0 &&
	       gnutls_privkey_sign_data2(
		   private, GNUTLS_SIGN_RSA_SHA256, 0, &in, &raw) == 0 &&
	       gnutls_base64_encode2(&raw, text) == 0;
	gnutls_free(raw.data);
	if (private)
		gnutls_privkey_deinit(private);
	return done;
}

bool paypal_sign(struct buf *out, const char *body, const char *webhook_id,
    const char *other)
{
	uint32_t crc = crc32_of(body, strlen(body));
	const char *const *names = spellings[crc % 3];
	struct buf message = {0}, when = {0};
	gnutls_datum_t text = {0};
	char id[40], cert[48];
	bool done;

	make_uuid(id);
	cert_id(cert);
	buf_iso(&when, clock_now(), "Z");
	buf_format(
	    &message, "%s|%.20s|%s|%u", id, when.text + 1, webhook_id, crc);
	done = sign(message.text, &text);
	if (done)
		buf_format(out,
		    "{\"%s\":\"%s\",\"%s\":%s,\"%s\":\"%.*s\",\"%s\":\"%s"
		    "/v1/notifications/certs/%s\",\"%s\":\"SHA256withRSA\"}",
		    names[0], id, names[1], when.text, names[2], (int)text.size,
		    (char *)text.data, names[3], options.paypal_cert_base,
		    other ? other : cert, names[4]);
	gnutls_free(text.data);
	buf_free(&message);
	buf_free(&when);
	return done;
}

bool paypal_event(sqlite3 *db, const char *type, const char *resource_type,
    const char *id, const char *resource)
{
	struct buf body = {0}, headers = {0};
	char part[2][20], event[48];
	bool done;

	gateway_id(part[0], 17);
	gateway_id(part[1], 17);
	snprintf(event, sizeof(event), "WH-%s-%s", part[0], part[1]);
	buf_format(&body,
	    "{\"id\":\"%s\",\"event_version\":\"1.0\","
	    "\"create_time\":",
	    event);
	buf_iso(&body, clock_now(), ".000Z");
	buf_format(&body,
	    ",\"resource_type\":\"%s\",\"resource_version\":\"2.0\","
	    "\"event_type\":\"%s\",\"summary\":\"%s, by the sandbox\","
	    "\"resource\":%s,\"links\":[{\"href\":\"http://127.0.0.1:%d/v1/"
	    "notifications/webhooks-events/%s\",\"rel\":\"self\",\"method\":"
	    "\"GET\"}]}",
	    resource_type, type, type, resource, options.port + 2, event);
	done =
	    paypal_sign(&headers, body.text, options.paypal_webhook_id, NULL) &&
	    hook_add(db, PAYPAL, event, type, id, body.text, headers.text);
	buf_free(&body);
	buf_free(&headers);
	return done;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* Past one value; the text is known to be JSON. */
static const char *skip_value(const char *at)
{
	int depth = 0;

	do {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at++;
	} while (*at && (depth > 0 || !strchr(",}] \t\r\n", *at)));
	return at;
}

/* The raw bytes of a member, which a parser would not give back. */
static bool find_raw(const char *text, const char *name, struct buf *out)
{
	const char *at = skip_space(text), *value, *end;
	size_t length = strlen(name);

	if (*at++ != '{')
		return false;
	while (*(at = skip_space(at)) == '"') {
		end = skip_string(at);
		value = skip_space(end);
		value = skip_space(value + (*value == ':'));
		if ((size_t)(end - at) == length + 2 &&
		    memcmp(at + 1, name, length) == 0) {
			buf_add(
			    out, value, (size_t)(skip_value(value) - value));
			return true;
		}
		at = skip_space(skip_value(value));
		at += *at == ',';
	}
	return false;
}

static bool is_signed(const char *message, const char *signature)
{
	gnutls_datum_t pem = {(unsigned char *)tls_signer_certificate, 0};
	gnutls_datum_t text, raw = {0}, in;
	gnutls_x509_crt_t crt = NULL;
	gnutls_pubkey_t key = NULL;
	bool good;

	pem.size = (unsigned)strlen(tls_signer_certificate);
	text.data = (unsigned char *)(uintptr_t)signature;
	text.size = (unsigned)strlen(signature);
	in.data = (unsigned char *)(uintptr_t)message;
	in.size = (unsigned)strlen(message);
	good = gnutls_x509_crt_init(&crt) == 0 &&
	       gnutls_pubkey_init(&key) == 0 &&
	       gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 &&
	       gnutls_pubkey_import_x509(key, crt, 0) == 0 &&
	       gnutls_base64_decode2(&text, &raw) == 0 &&
	       gnutls_pubkey_verify_data2(
		   key, GNUTLS_SIGN_RSA_SHA256, 0, &in, &raw) >= 0;
	gnutls_free(raw.data);
	if (key)
		gnutls_pubkey_deinit(key);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	return good;
}

static bool verify(struct json_object *in, const struct buf *event)
{
	const char *id = text_of(in, "transmission_id");
	const char *when = text_of(in, "transmission_time");
	const char *hook = text_of(in, "webhook_id"), *end;
	const char *url = text_of(in, "cert_url");
	char cert[48];
	struct buf message = {0};
	bool good;

	cert_id(cert);
	end = strrchr(url, '/');
	good = end && strcmp(end + 1, cert) == 0 &&
	       strcmp(text_of(in, "auth_algo"), "SHA256withRSA") == 0 &&
	       strcmp(hook, options.paypal_webhook_id) == 0;
	buf_format(&message, "%s|%s|%s|%u", id, when, hook,
	    crc32_of(event->text, event->length));
	good = good && is_signed(message.text, text_of(in, "transmission_sig"));
	buf_free(&message);
	return good;
}

void paypal_verify(struct exchange *x, const char *unused)
{
	static const char *const needed[] = {"auth_algo", "cert_url",
	    "transmission_id", "transmission_sig", "transmission_time",
	    "webhook_id"};
	struct buf event = {0};

	(void)unused;
	for (size_t i = 0; i < 6; i++)
		if (!text_of(x->request, needed[i])) {
			paypal_field_error(x, 400, needed[i], NULL,
			    "MISSING_REQUIRED_PARAMETER");
			return;
		}
	if (!find_raw(x->body.text, "webhook_event", &event)) {
		paypal_field_error(x, 400, "webhook_event", NULL,
		    "MISSING_REQUIRED_PARAMETER");
		return;
	}
	buf_format(&x->reply, "{\"verification_status\":\"%s\"}",
	    verify(x->request, &event) ? "SUCCESS" : "FAILURE");
	buf_free(&event);
}

void paypal_webhooks(struct exchange *x, const char *unused)
{
	char url[1024];

	(void)unused;
	hook_get(PAYPAL, url);
	buf_text(&x->reply, "{\"webhooks\":[");
	if (*url) {
		buf_text(&x->reply, "{\"id\":");
		buf_json(&x->reply, options.paypal_webhook_id);
		buf_text(&x->reply, ",\"url\":");
		buf_json(&x->reply, url);
		buf_text(&x->reply, ",\"event_types\":[{\"name\":\"*\"}]}");
	}
	buf_text(&x->reply, "]}");
}

static int64_t query_time(struct exchange *x, const char *name, int64_t none)
{
	const char *text = http_query(x, name);
	int64_t time;

	return text && time_parse(text, NULL, &time) ? time : none;
}

/* Newest first, as the record has it. */
void paypal_events(struct exchange *x, const char *unused)
{
	const char *type = http_query(x, "event_type");
	const char *size = http_query(x, "page_size");
	const char *resource = http_query(x, "transaction_id");
	int64_t limit = size ? strtoll(size, NULL, 10) : 10, count = 0;
	sqlite3 *db = db_take();
	sqlite3_stmt *s = db_bind(db,
	    "SELECT body FROM deliveries WHERE gateway = 'paypal'"
	    " AND created BETWEEN ? AND ? AND (?3 IS NULL OR type = ?3)"
	    " AND (?4 IS NULL OR resource = ?4) ORDER BY n DESC LIMIT ?",
	    "iissi", query_time(x, "start_time", 0),
	    query_time(x, "end_time", INT64_MAX), type, resource,
	    limit < 1 || limit > 300 ? 10 : limit);

	(void)unused;
	buf_text(&x->reply, "{\"events\":[");
	while (sqlite3_step(s) == SQLITE_ROW) {
		buf_text(&x->reply, count++ ? "," : "");
		buf_text(&x->reply, db_text(s, 0));
	}
	buf_format(
	    &x->reply, "],\"count\":%lld,\"links\":[]}", (long long)count);
	sqlite3_finalize(s);
	db_give(db);
}

/* The right one with its CA's behind it; or one that has a flaw. */
void paypal_cert(struct exchange *x, const char *id)
{
	static const char *const flawed[][2] = {
	    {"CERT-EXPIRED", "signer-expired.pem"},
	    {"CERT-WRONG-NAME", "signer-wrong-name.pem"},
	    {"CERT-SELF-SIGNED", "signer-self-signed.pem"}};
	char own[48], *more = NULL;

	cert_id(own);
	if (strcmp(id, own) == 0) {
		buf_text(&x->reply, tls_signer_certificate);
		more = tls_read("ca.pem");
	}
	for (size_t i = 0; i < 3; i++)
		if (strcmp(id, flawed[i][0]) == 0)
			more = tls_read(flawed[i][1]);
	if (more) {
		x->type = "application/x-pem-file";
		buf_text(&x->reply, more);
	} else {
		paypal_error(x, 404, NULL, NULL);
	}
	free(more);
}
