/* webauthn.c: authenticator data, attestation objects, COSE keys, client data.
 *
 * libcbor's stream decoder tells one item's head at a time and allocates
 * nothing, so that a length from the wire is never more than a number.
 */
#include "tools/webauthn.h"

#include <string.h>

#include <cbor.h>

#include "base/json.h"
#include "base/mem.h"

/* --- CBOR ----------------------------------------------------------------- */

enum { DEPTH = 8 };

enum kind { BAD, UINT, NEGATIVE, BYTES, TEXT, LIST, MAP, OTHER };

struct item {
	enum kind kind;
	uint64_t n; /* a number (NEGATIVE: -1 - n), or how many follow */
	struct webauthn_bytes bytes;
};

static void see(void *item, enum kind kind, uint64_t n)
{
	*(struct item *)item = (struct item){.kind = kind, .n = n};
}

static void see_string(void *item, enum kind kind, cbor_data at, uint64_t len)
{
	see(item, kind, len);
	((struct item *)item)->bytes = (struct webauthn_bytes){at, (size_t)len};
}

static void see_uint8(void *item, uint8_t n)
{
	see(item, UINT, n);
}
static void see_uint16(void *item, uint16_t n)
{
	see(item, UINT, n);
}
static void see_uint32(void *item, uint32_t n)
{
	see(item, UINT, n);
}
static void see_uint64(void *item, uint64_t n)
{
	see(item, UINT, n);
}
static void see_negative8(void *item, uint8_t n)
{
	see(item, NEGATIVE, n);
}
static void see_negative16(void *item, uint16_t n)
{
	see(item, NEGATIVE, n);
}
static void see_negative32(void *item, uint32_t n)
{
	see(item, NEGATIVE, n);
}
static void see_negative64(void *item, uint64_t n)
{
	see(item, NEGATIVE, n);
}
static void see_list(void *item, size_t n)
{
	see(item, LIST, n);
}
static void see_map(void *item, size_t n)
{
	see(item, MAP, n);
}
static void see_simple(void *item)
{
	see(item, OTHER, 0);
}

static void see_bytes(void *item, cbor_data at, size_t len)
{
	see_string(item, BYTES, at, len);
}

static void see_text(void *item, cbor_data at, size_t len)
{
	see_string(item, TEXT, at, len);
}

static void see_flag(void *item, bool flag)
{
	see(item, OTHER, flag);
}

/* The next item's head, and all of a string. What has no callback here (tags,
 * indefinite lengths, floats) stays BAD. */
static struct item take(struct webauthn_bytes *in)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct item item = {.kind = BAD};
	struct cbor_decoder_result r;

	callbacks.uint8 = see_uint8;
	callbacks.uint16 = see_uint16;
	callbacks.uint32 = see_uint32;
	callbacks.uint64 = see_uint64;
	callbacks.negint8 = see_negative8;
	callbacks.negint16 = see_negative16;
	callbacks.negint32 = see_negative32;
	callbacks.negint64 = see_negative64;
	callbacks.byte_string = see_bytes;
	callbacks.string = see_text;
	callbacks.array_start = see_list;
	callbacks.map_start = see_map;
	callbacks.null = see_simple;
	callbacks.boolean = see_flag;
	if (!in->len)
		return item;
	r = cbor_stream_decode(in->at, in->len, &callbacks, &item);
	if (r.status != CBOR_DECODER_FINISHED || !r.read || r.read > in->len)
		return (struct item){.kind = BAD};
	in->at += r.read;
	in->len -= r.read;
	return item;
}

static bool skip(struct webauthn_bytes *in, int depth)
{
	struct item item = take(in);
	uint64_t n = item.n;

	if (item.kind == BAD)
		return false;
	if (item.kind != LIST && item.kind != MAP)
		return true;
	/* Each takes a byte at least: a lie about how many ends with the input.
	 */
	if (depth <= 0 || n > in->len)
		return false;
	if (item.kind == MAP)
		n *= 2;
	for (; n; n--)
		if (!skip(in, depth - 1))
			return false;
	return true;
}

/* --- Keys ----------------------------------------------------------------- */

enum {
	COSE_TYPE = 1,
	COSE_ALGORITHM = 3,
	COSE_MINUS_1 = -1, /* curve, or modulus */
	COSE_MINUS_2 = -2, /* x, or exponent */
	COSE_MINUS_3 = -3, /* y */
	TYPE_EC2 = 2,
	TYPE_RSA = 3,
	CURVE_P256 = 1,
	P256 = 32,
	RSA_LEAST = 256,
	RSA_MOST = 512,
	EXPONENT_MOST = 4
};

/* A number that fits; 0, which means nothing here, for any other item. */
static int number(const struct item *item)
{
	if (item->n > 100000)
		return 0;
	if (item->kind == UINT)
		return (int)item->n;
	return item->kind == NEGATIVE ? -1 - (int)item->n : 0;
}

struct cose {
	struct item type, algorithm, minus_1, minus_2, minus_3;
};

static struct item *find_member(struct cose *c, int label)
{
	switch (label) {
	case COSE_TYPE:
		return &c->type;
	case COSE_ALGORITHM:
		return &c->algorithm;
	case COSE_MINUS_1:
		return &c->minus_1;
	case COSE_MINUS_2:
		return &c->minus_2;
	case COSE_MINUS_3:
		return &c->minus_3;
	default:
		return NULL;
	}
}

/* `in` goes on behind the key. */
static bool read_cose(struct webauthn_bytes *in, struct cose *c)
{
	struct item map = take(in), label, *member;

	*c = (struct cose){0};
	if (map.kind != MAP)
		return false;
	for (; map.n; map.n--) {
		label = take(in);
		member = find_member(c, number(&label));
		/* A canonical key has these members alone (8.6). */
		if (!member || member->kind != BAD)
			return false;
		*member = take(in);
		if (member->kind != UINT && member->kind != NEGATIVE &&
		    member->kind != BYTES)
			return false;
	}
	return true;
}

static bool is_p256(const struct cose *c)
{
	return number(&c->type) == TYPE_EC2 &&
	       number(&c->algorithm) == WEBAUTHN_ES256 &&
	       number(&c->minus_1) == CURVE_P256 && c->minus_2.kind == BYTES &&
	       c->minus_2.bytes.len == P256 && c->minus_3.kind == BYTES &&
	       c->minus_3.bytes.len == P256;
}

static bool is_rsa(const struct cose *c)
{
	const struct webauthn_bytes *n = &c->minus_1.bytes;
	const struct webauthn_bytes *e = &c->minus_2.bytes;

	return number(&c->type) == TYPE_RSA &&
	       number(&c->algorithm) == WEBAUTHN_RS256 &&
	       c->minus_1.kind == BYTES && n->len >= RSA_LEAST &&
	       n->len <= RSA_MOST && n->at[0] & 0x80 &&
	       c->minus_2.kind == BYTES && e->len && e->len <= EXPONENT_MOST &&
	       c->minus_3.kind == BAD;
}

static bool read_key(struct webauthn_bytes *in, struct webauthn_key *out)
{
	struct cose c;

	if (!read_cose(in, &c))
		return false;
	if (is_p256(&c))
		*out = (struct webauthn_key){
		    WEBAUTHN_ES256, c.minus_2.bytes, c.minus_3.bytes};
	else if (is_rsa(&c))
		*out = (struct webauthn_key){
		    WEBAUTHN_RS256, c.minus_1.bytes, c.minus_2.bytes};
	else
		return false;
	return true;
}

bool webauthn_parse_key(struct webauthn_bytes in, struct webauthn_key *out)
{
	return read_key(&in, out) && !in.len;
}

/* --- Authenticator data --------------------------------------------------- */

enum { AAGUID = 16, HEAD = WEBAUTHN_HASH + 1 + 4 };

static const unsigned char *take_bytes(struct webauthn_bytes *in, size_t len)
{
	const unsigned char *at = in->at;

	if (in->len < len)
		return NULL;
	in->at += len;
	in->len -= len;
	return at;
}

/* Attested credential data (6.5.1). */
static bool read_credential(
    struct webauthn_bytes *in, struct webauthn_data *out)
{
	const unsigned char *len;

	if (!take_bytes(in, AAGUID) || !(len = take_bytes(in, 2)))
		return false;
	out->id.len = (size_t)len[0] << 8 | len[1];
	if (!out->id.len || out->id.len > WEBAUTHN_ID_MAX)
		return false;
	out->id.at = take_bytes(in, out->id.len);
	out->cose.at = in->at;
	if (!out->id.at || !read_key(in, &out->key))
		return false;
	out->cose.len = (size_t)(in->at - out->cose.at);
	return true;
}

bool webauthn_parse_data(struct webauthn_bytes in, struct webauthn_data *out)
{
	const unsigned char *head = take_bytes(&in, HEAD), *count;

	*out = (struct webauthn_data){0};
	if (!head)
		return false;
	count = head + WEBAUTHN_HASH + 1;
	out->rp_hash = head;
	out->flags = head[WEBAUTHN_HASH];
	out->count = (uint32_t)count[0] << 24 | (uint32_t)count[1] << 16 |
		     (uint32_t)count[2] << 8 | count[3];
	if (out->flags & WEBAUTHN_KEY && !read_credential(&in, out))
		return false;
	if (out->flags & WEBAUTHN_EXTENSIONS) {
		struct webauthn_bytes map = in;

		if (take(&map).kind != MAP || !skip(&in, DEPTH))
			return false;
	}
	return !in.len;
}

static bool is_text(const struct item *item, const char *text)
{
	return item->kind == TEXT && item->bytes.len == strlen(text) &&
	       !memcmp(item->bytes.at, text, item->bytes.len);
}

bool webauthn_parse_attestation(
    struct webauthn_bytes in, struct webauthn_data *out)
{
	struct item map = take(&in), key, format = {0}, data = {0};
	struct webauthn_bytes statement = {0};

	if (map.kind != MAP || map.n != 3)
		return false;
	for (int i = 0; i < 3; i++) {
		key = take(&in);
		if (is_text(&key, "fmt") && !format.kind) {
			format = take(&in);
		} else if (is_text(&key, "authData") && !data.kind) {
			data = take(&in);
		} else if (is_text(&key, "attStmt") && !statement.at) {
			statement = in;
			if (!skip(&in, DEPTH))
				return false;
		} else {
			return false;
		}
	}
	return !in.len && format.kind == TEXT && data.kind == BYTES &&
	       take(&statement).kind == MAP &&
	       webauthn_parse_data(data.bytes, out) &&
	       out->flags & WEBAUTHN_KEY;
}

/* --- Client data ---------------------------------------------------------- */

static const char *find_text(struct json_object *o, const char *key)
{
	struct json_object *text = json_find(o, key);

	return json_is(text, JSON_TEXT) ? json_text(text, NULL) : NULL;
}

bool webauthn_parse_client(
    struct mem *m, struct webauthn_bytes in, struct webauthn_client *out)
{
	struct json_object *o =
	    json_parse(m, (const char *)in.at, in.len, DEPTH);
	struct json_object *cross = json_find(o, "crossOrigin");

	*out = (struct webauthn_client){
	    .type = find_text(o, "type"),
	    .challenge = find_text(o, "challenge"),
	    .origin = find_text(o, "origin"),
	    .cross_origin = json_flag(cross),
	};
	if (cross && !json_is(cross, JSON_FLAG))
		return false;
	return out->type && out->challenge && out->origin;
}
