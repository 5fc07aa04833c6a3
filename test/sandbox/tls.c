/* tls.c: the sandbox's CA and the certificates that it signs.
 *
 * All are kept in DIR: ca.pem is what the portal is told to trust. Each key is
 * there too, so that a test can make more. */
#include "sandbox.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIFE (3650 * DAY)

char *tls_key, *tls_certificate, *tls_signer_key, *tls_signer_certificate;

struct pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

static const char *path_of(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", options.dir, name);
	return path;
}

static bool write_file(const char *name, const gnutls_datum_t *data)
{
	FILE *f = fopen(path_of(name), "wb");
	bool done = f && fwrite(data->data, 1, data->size, f) == data->size;

	if (f && fclose(f) != 0)
		done = false;
	if (!done)
		perror(path_of(name));
	return done;
}

static bool make_key(struct pair *p, bool rsa)
{
	if (gnutls_x509_privkey_init(&p->key) != 0)
		return false;
	if (rsa)
		return gnutls_x509_privkey_generate(
			   p->key, GNUTLS_PK_RSA, 2048, 0) == 0;
	return gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
		   GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0;
}

static bool make_common(struct pair *p, const char *name, bool ca, bool rsa)
{
	gnutls_x509_crt_t c;
	unsigned char serial[12], id[20];
	size_t size = sizeof(id);
	time_t now = time(NULL), early = (time_t)clock_now();

	if (!make_key(p, rsa) || gnutls_x509_crt_init(&p->crt) != 0 ||
	    gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)) != 0)
		return false;
	serial[0] &= 0x7f;
	c = p->crt;
	return gnutls_x509_crt_set_version(c, 3) == 0 &&
	       gnutls_x509_crt_set_serial(c, serial, sizeof(serial)) == 0 &&
	       gnutls_x509_crt_set_activation_time(
		   c, (early < now ? early : now) - DAY) == 0 &&
	       gnutls_x509_crt_set_expiration_time(c, now + LIFE) == 0 &&
	       gnutls_x509_crt_set_key(c, p->key) == 0 &&
	       gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0,
		   name, (unsigned)strlen(name)) == 0 &&
	       gnutls_x509_crt_get_key_id(c, 0, id, &size) == 0 &&
	       gnutls_x509_crt_set_subject_key_id(c, id, size) == 0 &&
	       gnutls_x509_crt_set_basic_constraints(c, ca, ca ? 0 : -1) == 0;
}

static bool make_ca(struct pair *ca)
{
	return make_common(ca, "VCS sandbox CA", true, false) &&
	       gnutls_x509_crt_set_key_usage(ca->crt,
		   GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN) == 0 &&
	       gnutls_x509_crt_sign2(
		   ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0) == 0;
}

static bool make_server(struct pair *s, const struct pair *ca)
{
	static const char *const hosts[] = {"localhost", "vcs.sandbox.test"};
	struct in_addr ip = {htonl(INADDR_LOOPBACK)};

	if (!make_common(s, "vcs.sandbox.test", false, false))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (gnutls_x509_crt_set_subject_alt_name(s->crt,
			GNUTLS_SAN_DNSNAME, hosts[i],
			(unsigned)strlen(hosts[i]), GNUTLS_FSAN_APPEND) != 0)
			return false;
	return gnutls_x509_crt_set_subject_alt_name(s->crt,
		   GNUTLS_SAN_IPADDRESS, &ip, sizeof(ip),
		   GNUTLS_FSAN_APPEND) == 0 &&
	       gnutls_x509_crt_set_key_usage(
		   s->crt, GNUTLS_KEY_DIGITAL_SIGNATURE) == 0 &&
	       gnutls_x509_crt_set_key_purpose_oid(
		   s->crt, GNUTLS_KP_TLS_WWW_SERVER, 0) == 0 &&
	       gnutls_x509_crt_sign2(
		   s->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0) == 0;
}

static const char signer_name[] = "messageverificationcerts.sandbox.paypal.com";

/* Who signs PayPal's webhooks: the name is the one of the real ones. */
static bool make_signer(struct pair *s, const struct pair *ca)
{
	return make_common(s, signer_name, false, true) &&
	       gnutls_x509_crt_set_subject_alt_name(s->crt, GNUTLS_SAN_DNSNAME,
		   signer_name, sizeof(signer_name) - 1,
		   GNUTLS_FSAN_SET) == 0 &&
	       gnutls_x509_crt_set_key_usage(
		   s->crt, GNUTLS_KEY_DIGITAL_SIGNATURE) == 0 &&
	       gnutls_x509_crt_sign2(
		   s->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0) == 0;
}

/* The same key under certificates that nobody should trust. */
static bool make_flawed(struct pair *f, const struct pair *signer,
    const struct pair *ca, const char *flaw)
{
	bool self = strcmp(flaw, "self-signed") == 0;
	const char *name = strcmp(flaw, "wrong-name") == 0
			       ? "api.sandbox.paypal.com.evil.example"
			       : signer_name;
	time_t end = strcmp(flaw, "expired") == 0 ? time(NULL) - 3600
						  : time(NULL) + LIFE;

	return make_common(f, name, false, false) &&
	       gnutls_x509_crt_set_key(f->crt, signer->key) == 0 &&
	       gnutls_x509_crt_set_expiration_time(f->crt, end) == 0 &&
	       gnutls_x509_crt_set_subject_alt_name(f->crt, GNUTLS_SAN_DNSNAME,
		   name, (unsigned)strlen(name), GNUTLS_FSAN_SET) == 0 &&
	       gnutls_x509_crt_set_key_usage(
		   f->crt, GNUTLS_KEY_DIGITAL_SIGNATURE) == 0 &&
	       gnutls_x509_crt_sign2(f->crt, self ? f->crt : ca->crt,
		   self ? signer->key : ca->key, GNUTLS_DIG_SHA256, 0) == 0;
}

static bool save_certificate(const char *name, gnutls_x509_crt_t crt)
{
	gnutls_datum_t data = {0};
	bool done =
	    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &data) == 0 &&
	    write_file(name, &data);

	gnutls_free(data.data);
	return done;
}

static bool save_key(const char *name, gnutls_x509_privkey_t key)
{
	gnutls_datum_t data = {0};
	bool done =
	    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &data) == 0 &&
	    write_file(name, &data);

	gnutls_free(data.data);
	return done;
}

static void free_pair(struct pair *p)
{
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
}

static bool make_all_flawed(const struct pair *signer, const struct pair *ca)
{
	static const char *const flaws[] = {
	    "expired", "wrong-name", "self-signed"};
	bool done = true;
	char name[40];

	for (size_t i = 0; done && i < 3; i++) {
		struct pair f = {0};

		snprintf(name, sizeof(name), "signer-%s.pem", flaws[i]);
		done = make_flawed(&f, signer, ca, flaws[i]) &&
		       save_certificate(name, f.crt);
		free_pair(&f);
	}
	return done;
}

static bool make_all(void)
{
	struct pair ca = {0}, server = {0}, signer = {0};
	bool done =
	    make_ca(&ca) && make_server(&server, &ca) &&
	    make_signer(&signer, &ca) && make_all_flawed(&signer, &ca) &&
	    save_certificate("ca.pem", ca.crt) && save_key("ca.key", ca.key) &&
	    save_certificate("server.pem", server.crt) &&
	    save_key("server.key", server.key) &&
	    save_certificate("signer.pem", signer.crt) &&
	    save_key("signer.key", signer.key);

	free_pair(&ca);
	free_pair(&server);
	free_pair(&signer);
	return done;
}

char *tls_read(const char *name)
{
	gnutls_datum_t data = {0};
	char *text = NULL;

	if (gnutls_load_file(path_of(name), &data) == 0)
		text = strndup((char *)data.data, data.size);
	gnutls_free(data.data);
	return text;
}

static bool import(gnutls_x509_crt_t *crt, const char *text)
{
	gnutls_datum_t data = {(unsigned char *)(uintptr_t)text, 0};

	if (gnutls_x509_crt_init(crt) != 0 || !text)
		return false;
	data.size = (unsigned)strlen(text);
	return gnutls_x509_crt_import(*crt, &data, GNUTLS_X509_FMT_PEM) == 0;
}

/* The last that is made. */
static bool has_flawed(void)
{
	char *text = tls_read("signer-self-signed.pem");

	free(text);
	return text != NULL;
}

/* What is there is kept, if it is of one piece and lives a day more. */
static bool is_valid(void)
{
	gnutls_x509_crt_t ca = NULL, server = NULL, signer = NULL;
	char *ca_text = tls_read("ca.pem");
	unsigned problems = 1;
	bool valid;

	valid = has_flawed() && tls_key && import(&ca, ca_text) &&
		import(&server, tls_certificate) && tls_signer_key &&
		import(&signer, tls_signer_certificate) &&
		gnutls_x509_crt_verify(signer, &ca, 1, 0, &problems) == 0 &&
		problems == 0 &&
		gnutls_x509_crt_verify(server, &ca, 1, 0, &problems) == 0 &&
		problems == 0 &&
		gnutls_x509_crt_get_expiration_time(server) > time(NULL) + DAY;
	if (ca)
		gnutls_x509_crt_deinit(ca);
	if (server)
		gnutls_x509_crt_deinit(server);
	if (signer)
		gnutls_x509_crt_deinit(signer);
	free(ca_text);
	return valid;
}

static void load(void)
{
	tls_free();
	tls_key = tls_read("server.key");
	tls_certificate = tls_read("server.pem");
	tls_signer_key = tls_read("signer.key");
	tls_signer_certificate = tls_read("signer.pem");
}

bool tls_prepare(void)
{
	load();
	if (is_valid())
		return true;
	if (make_all())
		load();
	if (is_valid())
		return true;
	fprintf(
	    stderr, "sandbox: no certificate can be made in %s\n", options.dir);
	return false;
}

void tls_free(void)
{
	free(tls_key);
	free(tls_certificate);
	free(tls_signer_key);
	free(tls_signer_certificate);
	tls_key = tls_certificate = NULL;
	tls_signer_key = tls_signer_certificate = NULL;
}
