/* webauthn.h: reads what a passkey's browser sends (WebAuthn level 2; its CBOR
 * by libcbor). Nothing here judges: whether it is the right key, challenge,
 * site or signature is passkey.h's.
 *
 * Bytes come from anybody. What is read points into them, nothing is allocated
 * (but for webauthn_parse_client(), in the pool), and what no authenticator
 * writes is refused: indefinite lengths, tags, a member twice, anything behind
 * the end.
 */
#ifndef PORTICO_WEBAUTHN_H
#define PORTICO_WEBAUTHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

enum {
	WEBAUTHN_HASH = 32,
	WEBAUTHN_ID_MAX = 1023, /* bytes of a credential's id */
	WEBAUTHN_ES256 = -7,	/* ECDSA, P-256, SHA-256 */
	WEBAUTHN_RS256 = -257	/* RSASSA-PKCS1-v1_5, SHA-256 */
};

enum webauthn_flag {
	WEBAUTHN_PRESENT = 0x01,    /* somebody touched it */
	WEBAUTHN_VERIFIED = 0x04,   /* who showed a PIN, finger or face */
	WEBAUTHN_MAY_BACKUP = 0x08, /* the key may be copied */
	WEBAUTHN_BACKUP = 0x10,	    /* and was */
	WEBAUTHN_KEY = 0x40,	    /* a new key follows */
	WEBAUTHN_EXTENSIONS = 0x80
};

struct webauthn_bytes {
	const unsigned char *at;
	size_t len;
};

/* A public key: x and y of 32 bytes each, or modulus and exponent. */
struct webauthn_key {
	int algorithm; /* WEBAUTHN_ES256, WEBAUTHN_RS256 */
	struct webauthn_bytes a, b;
};

/* Authenticator data (6.1). */
struct webauthn_data {
	const unsigned char *rp_hash; /* WEBAUTHN_HASH bytes */
	unsigned flags;		      /* enum webauthn_flag */
	uint32_t count;
	/* With WEBAUTHN_KEY: */
	struct webauthn_bytes id;
	struct webauthn_bytes cose; /* the key as it came */
	struct webauthn_key key;
};

/* A COSE_Key (RFC 9052, 7) of one of the two algorithms. */
bool webauthn_parse_key(struct webauthn_bytes in, struct webauthn_key *out);

bool webauthn_parse_data(struct webauthn_bytes in, struct webauthn_data *out);

/* The authenticator data in an attestation object (6.5.4) and what is in it.
 * The statement is read over, whatever its format. */
bool webauthn_parse_attestation(
    struct webauthn_bytes in, struct webauthn_data *out);

/* What the browser says it was asked, by whom (5.8.1). */
struct webauthn_client {
	const char *type, *challenge, *origin;
	bool cross_origin;
};

bool webauthn_parse_client(
    struct mem *m, struct webauthn_bytes in, struct webauthn_client *out);

#endif
