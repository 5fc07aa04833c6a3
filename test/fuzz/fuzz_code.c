/* fuzz_code.c: what is typed or kept as letters and digits: one-time codes,
 * hexadecimal digits, base64, base32, sealed secrets, the name of a browser,
 * a language that is wished for, an address.
 *
 * What is encoded and decoded again is the same; only the six digits of the
 * moment are a code; nothing that nobody sealed opens.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/device.h"
#include "domain/factor.h"
#include "domain/gateway.h"
#include "domain/throttle.h"
#include "tools/crypto.h"
#include "tools/req.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_factor(const char *text, const uint8_t *data, size_t size)
{
	unsigned char secret[FACTOR_SECRET] = {0};
	int64_t now = 0, step;

	memcpy(secret, data, size < FACTOR_SECRET ? size : FACTOR_SECRET);
	memcpy(&now, data, size < 5 ? size : 5);
	step = factor_step(secret, text, now);
	if (step < 0)
		return;
	must(strlen(text) == 6 && strspn(text, "0123456789") == 6);
	must(step >= now / 30 - 1 && step <= now / 30 + 1);
}

/* RFC 4648, section 6, as a phone reads it. */
static void check_base32(
    const char *text, const unsigned char *data, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned bits = 0, n = 0;
	size_t at = 0;

	for (; *text; text++) {
		const char *digit = strchr(digits, *text);

		must(digit != NULL);
		bits = (bits << 5 | (unsigned)(digit - digits)) & 0xffff;
		n += 5;
		if (n < 8)
			continue;
		n -= 8;
		must(at < size && data[at++] == (bits >> n & 0xff));
	}
	must(at == size && n < 5);
}

static void try_codings(struct mem *m, const uint8_t *data, size_t size)
{
	unsigned char *back = mem_alloc(m, size + 1);
	char *text = crypto_hex(m, data, size);
	size_t len = 0;
	char *plain;

	must(crypto_unhex(text, back, size) && !memcmp(back, data, size));
	check_base32(crypto_base32(m, data, size), data, size);
	text = crypto_base64(m, data, size);
	plain = crypto_unbase64(m, text, &len);
	must(!size || (plain && len == size && !memcmp(plain, data, size)));
	text = crypto_base64url(m, data, size);
	must(!text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
				"abcdefghijklmnopqrstuvwxyz0123456789")]);
}

static void try_sealed(
    struct mem *m, const char *text, const uint8_t *data, size_t size)
{
	static const unsigned char key[CRYPTO_KEY] = "a key of 32 bytes";
	unsigned char out[FACTOR_SECRET];
	unsigned char *opened = mem_alloc(m, size + 1);
	char *sealed = crypto_seal(m, key, "a", data, size);

	must(!crypto_unseal(m, key, "a", text, out, sizeof(out)));
	must(crypto_unseal(m, key, "a", sealed, opened, size) &&
	     !memcmp(opened, data, size));
	must(!crypto_unseal(m, key, "b", sealed, opened, size));
}

static void try_names(struct mem *m, const char *text)
{
	const char *program, *system, *address, *origin, *encoded;
	size_t len;

	device_read_agent(text, &program, &system);
	must((!program || *program) && (!system || *system));
	address = throttle_address(m, text);
	must(address && strlen(address) < SIZE_MAX);
	throttle_network(m, text);
	origin = gateway_origin(m, text);
	must(!origin || (!strncmp(origin, text, strlen(origin)) &&
			    !strpbrk(origin, " \t\r\n;,'\"@\\*")));
	if (brand_is_name(text))
		must(strlen(text) <= BRAND_NAME && !strpbrk(text, "./"));
	encoded = req_encode(m, text);
	must(!strpbrk(encoded, " \"<>&'+?#/\r\n") &&
	     strlen(encoded) >= strlen(text));
	crypto_unbase64(m, text, &len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text;
	struct mem *m;

	if (size > 2048)
		return 0;
	m = mem_open(0);
	text = mem_text_n(m, (const char *)data, size);
	try_factor(text, data + strlen(text), size - strlen(text));
	try_codings(m, data, size);
	try_sealed(m, text, data, size);
	try_names(m, text);
	mem_close(m);
	return 0;
}
