/* fuzz_webauthn.c: any bytes as what a browser sends of a passkey. The first
 * byte chooses how they are read; what is taken must lie within them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "domain/passkey_check.h"
#include "tools/crypto.h"
#include "tools/webauthn.h"

enum { KEY, DATA, ATTESTATION, CLIENT, REPLY, FRESH, WAYS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct webauthn_bytes all, struct webauthn_bytes part)
{
	if (part.at < all.at || part.len > all.len ||
	    part.at + part.len > all.at + all.len)
		abort();
}

static void check_key(struct webauthn_bytes all, const struct webauthn_key *key)
{
	bool p256 = key->algorithm == WEBAUTHN_ES256;

	if (!p256 && key->algorithm != WEBAUTHN_RS256)
		abort();
	if (p256 ? key->a.len != 32 || key->b.len != 32
		 : key->a.len < 256 || !key->b.len)
		abort();
	check_within(all, key->a);
	check_within(all, key->b);
	passkey_check_key(key);
}

static void check_data(struct webauthn_bytes all, const struct webauthn_data *d)
{
	struct webauthn_key again;

	check_within(all, (struct webauthn_bytes){d->rp_hash, WEBAUTHN_HASH});
	if (!(d->flags & WEBAUTHN_KEY))
		return;
	if (!d->id.len || d->id.len > WEBAUTHN_ID_MAX)
		abort();
	check_within(all, d->id);
	check_within(all, d->cose);
	check_key(all, &d->key);
	/* As the store will have it. */
	if (!webauthn_parse_key(d->cose, &again) ||
	    again.algorithm != d->key.algorithm)
		abort();
}

static void try_reply(struct mem *m, struct webauthn_bytes in, bool fresh)
{
	struct passkey_reply r;
	struct webauthn_data d;
	struct webauthn_client client;

	if (!passkey_read(
		m, mem_text_n(m, (const char *)in.at, in.len), fresh, &r))
		return;
	if (!r.id.len || !r.client.len || !r.data.len)
		abort();
	webauthn_parse_client(m, r.client, &client);
	if (fresh ? webauthn_parse_attestation(r.data, &d)
		  : webauthn_parse_data(r.data, &d))
		check_data(r.data, &d);
}

static void try_client(struct mem *m, struct webauthn_bytes in)
{
	struct webauthn_client c;

	if (webauthn_parse_client(m, in, &c) &&
	    strlen(c.type) + strlen(c.challenge) + strlen(c.origin) > in.len)
		abort();
}

static void try_one(struct mem *m, const uint8_t *data, size_t size)
{
	struct webauthn_bytes in = {data + 1, size - 1};
	struct webauthn_key key;
	struct webauthn_data d;

	switch (data[0] % WAYS) {
	case KEY:
		if (webauthn_parse_key(in, &key))
			check_key(in, &key);
		break;
	case DATA:
		if (webauthn_parse_data(in, &d))
			check_data(in, &d);
		break;
	case ATTESTATION:
		if (webauthn_parse_attestation(in, &d))
			check_data(in, &d);
		break;
	case CLIENT:
		try_client(m, in);
		break;
	case REPLY:
	case FRESH:
		try_reply(m, in, data[0] % WAYS == FRESH);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m = mem_open(0);

	if (size)
		try_one(m, data, size);
	mem_close(m);
	return 0;
}
