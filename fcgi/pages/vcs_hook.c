/* vcs_hook.c: events of the billing system: whoever may not be here any more is
 * out at once. Without them, his next request is his last. */
#include <string.h>

#include "domain/reset.h"
#include "domain/throttle.h"
#include "pages/page_audit.h"
#include "pages/routes.h"
#include "tools/crypto.h"

enum { MINUTE = 60, REFUSED_MOST = 60 };

const char vcs_hook_answer[] = "";

/* In a header, or as the password of "Authorization: Basic": what the sender
 * can be told to send. */
static const char *find_secret(struct call *c)
{
	const char *header = req_env(c->req, "HTTP_X_PORTICO_SECRET");
	const char *basic = req_env(c->req, "HTTP_AUTHORIZATION");
	char *text;
	size_t len;

	if (header)
		return header;
	if (c->req->bearer)
		return c->req->bearer;
	if (!basic || strncasecmp(basic, "Basic ", 6) != 0)
		return "";
	text = crypto_unbase64(c->mem, basic + 6, &len);
	text = text ? strchr(mem_text_n(c->mem, text, len), ':') : NULL;
	return text ? text + 1 : "";
}

/* Hashes are of one length, so that not even the secret's shows. */
static bool is_secret(const char *given, const char *secret)
{
	unsigned char a[CRYPTO_SHA256], b[CRYPTO_SHA256];

	crypto_sha256(given, strlen(given), a);
	crypto_sha256(secret, strlen(secret), b);
	return crypto_equal(a, b, sizeof(a));
}

static enum err check_sender(struct call *c)
{
	const char *address = throttle_address(c->mem, c->req->address);
	enum err err = throttle_check(c->db, c->brand->name, "hook", address,
	    REFUSED_MOST, MINUTE, c->now, &c->retry_after);

	if (err)
		return err;
	if (is_secret(find_secret(c), c->brand->conf->vcs.hook_secret))
		return ERR_OK;
	throttle_count(c->db, c->brand->name, "hook", address, REFUSED_MOST,
	    MINUTE, c->now);
	log_warn(
	    "hook.refused", "vcs: from %s: not the secret", c->req->address);
	return ERR_LOGIN;
}

/* Only what the event says: a change of something else leaves him in. */
static bool ends_access(const char *event, struct json_object *data)
{
	const char *status = json_find_text(data, "status");

	if (!strcmp(event, "clients.archive") ||
	    !strcmp(event, "clients.delete"))
		return true;
	return !strcmp(event, "clients.update") && status &&
	       strcmp(status, "active") != 0;
}

enum err vcs_hook_submit(struct call *c)
{
	struct json_object *root, *event;
	const char *name;
	int64_t client;
	enum err err;

	if (!c->brand->conf->vcs.hook_secret[0])
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	err = check_sender(c);
	if (err)
		return err;
	root = json_parse(c->mem, c->req->body, c->req->body_len, JSON_DEEP);
	event = json_find(root, "event");
	name = json_find_text(event, "events_id");
	if (!name)
		return ERR_INPUT;
	if (!ends_access(name, json_find(root, "data")))
		return ERR_OK;
	if (!json_find_int(event, "object_id", &client) || client <= 0)
		return ERR_INPUT;
	log_info("session.revoked", "client %lld", (long long)client);
	err = reset_end_client(c->db, c->brand->name, client);
	if (!err)
		err = session_end_client(c->db, c->brand->name, client, NULL);
	if (!err)
		audit_note(c->brand, c->mem, client,
		    &(struct audit_entry){.event = AUDIT_SESSIONS_REVOKED},
		    c->now);
	return err;
}
