/* passkey_check.c: what a browser answers to a challenge, looked at. */
#include "domain/passkey_check.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"

/* --- The site ------------------------------------------------------------- */

static char *lower(struct mem *m, const char *text, size_t len)
{
	char *out = mem_text_n(m, text, len);

	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return out;
}

/* A name: an address is no RP ID. Its last label has a letter. */
static bool is_name(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	return *host && last[strcspn(last, letters)] &&
	       !host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

bool passkey_find_site(
    struct mem *m, const struct brand *b, struct passkey_site *out)
{
	const char *uri = b->conf->public_uri, *host = strstr(uri, "://"),
		   *port;
	const char *standard;
	size_t len;

	if (!host)
		return false;
	host += 3;
	uri = lower(m, uri, (size_t)(host - uri) + strcspn(host, "/?#"));
	host = strstr(uri, "://") + 3;
	len = strcspn(host, ":");
	port = host + len;
	out->host = mem_text_n(m, host, len);
	if (!strncmp(uri, "https://", 8))
		standard = ":443";
	else if (!strncmp(uri, "http://", 7) && !strcmp(out->host, "localhost"))
		standard = ":80";
	else
		return false;
	/* Browsers do not write the standard one. */
	len = (size_t)(port - uri);
	out->origin = strcmp(port, standard) ? uri : mem_text_n(m, uri, len);
	return is_name(out->host);
}

bool passkey_is_set(struct mem *m, const struct brand *b)
{
	struct passkey_site site;

	return passkey_find_site(m, b, &site);
}

/* --- Reading -------------------------------------------------------------- */

static bool read_member(struct mem *m, struct json_object *o, const char *key,
    struct webauthn_bytes *out)
{
	struct json_object *text = json_find(o, key);

	*out = (struct webauthn_bytes){0};
	if (!json_is(text, JSON_TEXT))
		return false;
	out->at = crypto_unbase64url(m, json_text(text, NULL), &out->len);
	return out->at && out->len;
}

bool passkey_read(
    struct mem *m, const char *credential, bool fresh, struct passkey_reply *r)
{
	struct json_object *o =
	    json_parse(m, credential, strlen(credential), 8);
	struct json_object *response = json_find(o, "response");
	const char *type = json_find_text(o, "type");

	*r = (struct passkey_reply){0};
	if (!type || strcmp(type, "public-key") != 0 ||
	    !read_member(m, o, "id", &r->id) ||
	    !read_member(m, response, "clientDataJSON", &r->client))
		return false;
	if (fresh)
		return read_member(m, response, "attestationObject", &r->data);
	if (json_find(response, "userHandle") &&
	    !read_member(m, response, "userHandle", &r->user))
		return false;
	return read_member(m, response, "authenticatorData", &r->data) &&
	       read_member(m, response, "signature", &r->signature);
}

/* --- Challenges ----------------------------------------------------------- */

enum { NONCE = 16, WHEN = 8, CHALLENGE = WHEN + NONCE + CRYPTO_SHA256 };

static enum err mac(const struct factor_of *of, const char *about,
    const unsigned char *data, size_t len, unsigned char out[CRYPTO_SHA256])
{
	char key[SESSION_HASH];
	struct buf b;
	enum err err = session_secret(of->brand->db, of->mem, "passkey", key);

	if (err)
		return err;
	buf_open(&b, of->mem, 256);
	buf_print(&b, "%s:%s", of->brand->name, about);
	buf_add_char(&b, '\0');
	buf_add(&b, data, len);
	crypto_hmac_sha256(key, strlen(key), b.data, b.len, out);
	crypto_wipe(key, sizeof(key));
	return ERR_OK;
}

static enum err seal(const struct factor_of *of, enum passkey_use use,
    const char *bound, const unsigned char *head,
    unsigned char out[CRYPTO_SHA256])
{
	static const char *const uses[] = {
	    [PASSKEY_ADD] = "add",
	    [PASSKEY_LOGIN] = "login",
	    [PASSKEY_CODE] = "code",
	};

	return mac(of, mem_print(of->mem, "%s:%s", uses[use], bound), head,
	    WHEN + NONCE, out);
}

enum err passkey_make_challenge(const struct factor_of *of,
    enum passkey_use use, const char *bound, char **out)
{
	unsigned char raw[CHALLENGE];
	enum err err;

	for (int i = 0; i < WHEN; i++)
		raw[i] = (unsigned char)((uint64_t)of->now >> (56 - 8 * i));
	crypto_random(raw + WHEN, NONCE);
	err = seal(of, use, bound, raw, raw + WHEN + NONCE);
	*out = crypto_base64url(of->mem, raw, sizeof(raw));
	return err;
}

enum err passkey_check_challenge(const struct factor_of *of,
    enum passkey_use use, const char *bound, const char *text, int64_t *end)
{
	unsigned char own[CRYPTO_SHA256];
	uint64_t when = 0;
	size_t len = 0;
	const unsigned char *raw = crypto_unbase64url(of->mem, text, &len);
	enum err err;

	if (!raw || len != CHALLENGE)
		return ERR_RULE;
	err = seal(of, use, bound, raw, own);
	if (err)
		return err;
	if (!crypto_equal(own, raw + WHEN + NONCE, CRYPTO_SHA256))
		return ERR_RULE;
	for (int i = 0; i < WHEN; i++)
		when = when << 8 | raw[i];
	*end = (int64_t)when + PASSKEY_CHALLENGE_S;
	return of->now < *end ? ERR_OK : ERR_RULE;
}

enum err passkey_make_user(const struct factor_of *of, int64_t client_id,
    unsigned char out[CRYPTO_SHA256])
{
	return mac(of, mem_print(of->mem, "user:%lld", (long long)client_id),
	    (const unsigned char *)"", 0, out);
}

/* --- Checking ------------------------------------------------------------- */

/* NULL: nothing. */
static const char *find_wrong_client(const struct webauthn_client *c,
    const struct passkey_site *site, enum passkey_use use)
{
	if (strcmp(c->type,
		use == PASSKEY_ADD ? "webauthn.create" : "webauthn.get") != 0)
		return "of another type";
	if (strcmp(c->origin, site->origin) != 0)
		return "of another origin";
	return c->cross_origin ? "from within another site" : NULL;
}

static const char *find_wrong_data(const struct webauthn_data *d,
    const struct passkey_site *site, enum passkey_use use)
{
	unsigned char hash[CRYPTO_SHA256];

	crypto_sha256(site->host, strlen(site->host), hash);
	if (!crypto_equal(hash, d->rp_hash, sizeof(hash)))
		return "of another site";
	if (!(d->flags & WEBAUTHN_PRESENT))
		return "nobody was there";
	/* As the only factor it stands for two; a new one may be used so. */
	if (use != PASSKEY_CODE && !(d->flags & WEBAUTHN_VERIFIED))
		return "who was there was not verified";
	if (d->flags & WEBAUTHN_BACKUP && !(d->flags & WEBAUTHN_MAY_BACKUP))
		return "a copy of what is never copied";
	if (!(d->flags & WEBAUTHN_KEY) != (use != PASSKEY_ADD))
		return "a key in the wrong place";
	return NULL;
}

static enum err refuse(const char *why)
{
	log_info("passkey.refused", "%s", why);
	return ERR_RULE;
}

static bool parse_data(const struct passkey_reply *r, enum passkey_use use,
    struct webauthn_data *out)
{
	return use == PASSKEY_ADD ? webauthn_parse_attestation(r->data, out)
				  : webauthn_parse_data(r->data, out);
}

enum err passkey_check(const struct factor_of *of, enum passkey_use use,
    const char *bound, const struct passkey_reply *r,
    struct passkey_checked *out)
{
	struct webauthn_client client;
	struct passkey_site site;
	char hash[CRYPTO_SHA256_HEX];
	const char *wrong;
	enum err err;

	if (!passkey_find_site(of->mem, of->brand, &site))
		return ERR_NOT_FOUND;
	if (!webauthn_parse_client(of->mem, r->client, &client) ||
	    !parse_data(r, use, &out->data))
		return refuse("malformed");
	wrong = find_wrong_client(&client, &site, use);
	if (!wrong)
		wrong = find_wrong_data(&out->data, &site, use);
	if (wrong)
		return refuse(wrong);
	err = passkey_check_challenge(
	    of, use, bound, client.challenge, &out->challenge_end);
	if (err)
		return err == ERR_RULE ? refuse("of another challenge") : err;
	crypto_sha256_hex(client.challenge, strlen(client.challenge), hash);
	out->challenge_hash = mem_text(of->mem, hash);
	return ERR_OK;
}

static struct crypto_public public_of(const struct webauthn_key *key)
{
	return (struct crypto_public){
	    .kind = key->algorithm == WEBAUTHN_ES256 ? CRYPTO_P256 : CRYPTO_RSA,
	    .a = key->a.at,
	    .b = key->b.at,
	    .a_len = key->a.len,
	    .b_len = key->b.len,
	};
}

bool passkey_check_key(const struct webauthn_key *key)
{
	const struct crypto_public public = public_of(key);

	return crypto_check_public(&public);
}

bool passkey_check_signature(struct mem *m, const struct passkey_reply *r,
    const struct webauthn_key *key)
{
	const struct crypto_public public = public_of(key);
	unsigned char hash[CRYPTO_SHA256];
	struct buf data;

	crypto_sha256(r->client.at, r->client.len, hash);
	buf_open(&data, m, r->data.len + sizeof(hash) + 1);
	buf_add(&data, r->data.at, r->data.len);
	buf_add(&data, hash, sizeof(hash));
	return crypto_verify(
	    &public, data.data, data.len, r->signature.at, r->signature.len);
}
