/* anet_events.c: Authorize.Net's webhooks: made and signed. */
#include "gateways.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The key is the text of its digits, and their case counts. */
void anet_sign(struct buf *out, const char *body)
{
	static const char *const names[] = {
	    "X-ANET-Signature", "X-Anet-Signature", "x-anet-signature"};
	unsigned char mac[64];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA512, options.anet_signature,
		strlen(options.anet_signature), body, strlen(body), mac) != 0)
		abort();
	buf_format(out, "{\"%s\":\"sha512=", names[mac[0] % 3]);
	for (size_t i = 0; i < sizeof(mac); i++)
		buf_format(out, "%02X", mac[i]);
	buf_text(out, "\"}");
}

static void make_uuid(char id[40])
{
	unsigned char b[8];

	if (gnutls_rnd(GNUTLS_RND_NONCE, b, sizeof(b)) != 0)
		abort();
	snprintf(id, 40, "%02x%02x%02x%02x-0000-4add-a480-27bc%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
}

static void write_payload(struct buf *b, sqlite3_stmt *s)
{
	int response = sqlite3_column_int(s, 1);

	buf_format(b,
	    ",\"payload\":{\"responseCode\":%d,\"authCode\":\"%s\","
	    "\"avsResponse\":\"Y\",\"authAmount\":%s",
	    response, response == 2 ? "" : "ABC123", db_text(s, 2));
	if (*db_text(s, 3)) {
		buf_text(b, ",\"invoiceNumber\":");
		buf_json(b, db_text(s, 3));
	}
	if (*db_text(s, 4)) {
		buf_text(b, ",\"merchantReferenceId\":");
		buf_json(b, db_text(s, 4));
	}
	buf_format(b, ",\"entityName\":\"transaction\",\"id\":\"%s\"}}",
	    sqlite3_column_int(s, 5) ? "0" : db_text(s, 0));
}

bool anet_event(sqlite3 *db, const char *type, int64_t transaction)
{
	sqlite3_stmt *s = db_bind(db,
	    "SELECT id, response, amount, invoice, ref, test"
	    " FROM an_transactions WHERE id = ?",
	    "i", transaction);
	struct buf body = {0}, headers = {0};
	bool done = sqlite3_step(s) == SQLITE_ROW;
	char id[40];

	if (done) {
		make_uuid(id);
		buf_format(&body,
		    "{\"notificationId\":\"%s\",\"eventType\":\"%s\","
		    "\"eventDate\":",
		    id, type);
		buf_iso(&body, clock_now(), ".1559990Z");
		buf_text(&body, ",\"webhookId\":"
				"\"63d6fea2-0000-4b1d-a204-f5fbc15942b7\"");
		write_payload(&body, s);
		anet_sign(&headers, body.text);
		done = hook_add(
		    db, ANET, id, type, db_text(s, 0), body.text, headers.text);
	}
	sqlite3_finalize(s);
	buf_free(&body);
	buf_free(&headers);
	return done;
}
