/* totp.c: setting up and removing an authenticator app. */
#include <inttypes.h>

#include "domain/passkey.h"
#include "pages/page_audit.h"
#include "pages/page_factor.h"
#include "pages/page_letter.h"
#include "pages/page_serve.h"
#include "pages/routes.h"
#include "tools/qr.h"

const struct param totp_confirm_params[] = {
    {.name = "code",
	.type = PARAM_SECRET,
	.max = 64,
	.required = true,
	.about = "The code that the app shows."},
    {0},
};

static const char *const states[] = {
    [FACTOR_OFF] = "off",
    [FACTOR_BEGUN] = "begun",
    [FACTOR_ON] = "on",
};

const char totp_answer[] =
    "state required:flag since:time? codes_left:int? secret? uri?";
const char totp_confirmed_answer[] =
    "state required:flag since:time? codes_left:int? secret? uri? "
    "recovery_codes[] ~token ~expires:time";

/* What the app is given: as an image, and to type, in groups. */
static void put_secret(struct call *c, const char *secret)
{
	const char *uri = factor_uri(
	    c->mem, c->brand->conf->title, c->session->login, secret);
	struct json_object *qr;
	struct buf groups;
	int size;
	char *path = qr_path(c->mem, uri, &size);

	json_put_text(c->model, "secret", secret);
	json_put_text(c->model, "uri", uri);
	buf_open(&groups, c->mem, 64);
	for (size_t i = 0; secret[i]; i++)
		buf_print(
		    &groups, "%s%c", i && i % 4 == 0 ? " " : "", secret[i]);
	json_put_text(c->ui, "secret", groups.data);
	if (!path)
		return;
	qr = json_put_object(c->ui, "qr");
	json_put_text(qr, "path", path);
	json_put_int(qr, "size", size);
}

/* A customer who has to set it up sees no menu that leads nowhere. */
static enum err fill(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct factor f;
	enum err err = factor_find(&of, c->session->token_hash, &f);

	if (err)
		return err;
	json_put_text(c->model, "state", states[f.state]);
	json_put_flag(
	    c->model, "required", c->brand->conf->session.require_factor);
	put_time(c, c->model, "since", f.since);
	json_put(c->model, "codes_left",
	    f.state == FACTOR_ON ? json_new_int(c->mem, f.codes_left) : NULL);
	json_put(c->model, "secret", NULL);
	json_put(c->model, "uri", NULL);
	json_put_flag(c->ui, states[f.state], true);
	json_put_flag(
	    c->ui, "few", f.state == FACTOR_ON && f.codes_left < FACTOR_FEW);
	if (f.passkeys)
		json_put_flag(c->ui, "passkeys_left", true);
	if (passkey_is_set(c->mem, c->brand))
		json_put_text(c->ui, "passkeys_url", "/api/security/passkeys");
	if (f.state == FACTOR_BEGUN)
		put_secret(c, f.secret);
	if (c->half)
		c->tmpl = "totp-first";
	return ERR_OK;
}

enum err totp_load(struct call *c)
{
	return c->db ? fill(c) : ERR_BUSY;
}

enum err totp_form(struct call *c)
{
	enum err err = totp_load(c);

	return err ? err : page_go(c);
}

/* Another window was first, or it took too long. */
static enum err refuse(struct call *c, enum err err)
{
	if (err == ERR_CONFLICT)
		c->notice = page_text(c, "totp.changed");
	return err;
}

enum err totp_begin(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = factor_begin(&of, c->session->token_hash);
	if (err)
		return refuse(c, err);
	c->location = "/api/security/totp";
	return fill(c);
}

/* The answer is the page itself: a redirect would have to keep the codes. */
enum err totp_confirm(struct call *c)
{
	const char *codes[FACTOR_CODES];
	bool first = c->half; /* this ends a log-in */
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = page_try_first(c, req_text(c->req, "code"), codes);
	if (!err)
		err = page_renew_session(c, true);
	if (!err)
		err = fill(c);
	if (err)
		return refuse(c, err);
	log_info("factor.added", "client %" PRId64, c->session->client_id);
	if (first)
		page_audit_login(c, "code");
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_FACTOR_ADDED});
	if (first)
		page_note_device(c);
	page_send_letter(
	    c, "factor_added", c->session->client_id, c->session->login);
	page_put_codes(c, codes, FACTOR_CODES);
	json_put_flag(c->ui, "on", false);
	return ERR_OK;
}

enum err totp_remove(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = page_check_proof(c);
	if (!err)
		err = factor_remove(&of);
	if (!err)
		err = page_miss_factor(c);
	if (!err)
		err = fill(c);
	if (err)
		return err;
	log_info("factor.removed", "client %" PRId64, c->session->client_id);
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_FACTOR_REMOVED});
	page_send_letter(
	    c, "factor_removed", c->session->client_id, c->session->login);
	page_flash(c, page_text(c, json_find(c->ui, "passkeys_left")
				       ? "factor.removed_app"
				       : "factor.removed"));
	c->location = "/api/security/totp";
	return ERR_OK;
}
