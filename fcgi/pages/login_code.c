/* login_code.c: the second step of a browser's log-in. */
#include "pages/login.h"

#include <inttypes.h>

#include "domain/passkey.h"
#include "pages/page_audit.h"
#include "pages/page_factor.h"
#include "pages/page_letter.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param login_code_params[] = {
    {.name = "code",
	.type = PARAM_SECRET,
	.max = 64,
	.required = true,
	.about = "The code of the authenticator app, or a recovery code."},
    {.name = "next",
	.type = PARAM_FREE,
	.max = 512,
	.about = "Where to go after the log-in: a path of this portal."},
    {0},
};

static const char *find_next(struct call *c)
{
	return login_check_next(req_text(c->req, "next"), "/api/dashboard");
}

/* Whose log-in is whole already goes on. */
enum err login_code_load(struct call *c)
{
	if (!c->half && !c->req->n_faults)
		c->location = find_next(c);
	return c->half ? login_code_form(c) : ERR_OK;
}

/* What the customer can show. */
enum err login_code_form(struct call *c)
{
	const struct session *s = c->half ? c->half : c->session;
	struct factor f = {0};

	if (s && c->db) {
		const struct factor_of of = page_factor_of(c, s->client_id);

		factor_find(&of, "", &f);
	}
	json_put_flag(c->ui, "app", f.state == FACTOR_ON);
	json_put_flag(
	    c->ui, "passkeys", f.passkeys && passkey_is_set(c->mem, c->brand));
	return ERR_OK;
}

static enum err end_half(struct call *c, enum err err, const char *how)
{
	int64_t client = c->session->client_id;

	if (!err)
		err = page_renew_session(c, false);
	if (err)
		return err;
	log_info("login.done", "client %" PRId64, client);
	page_audit_login(c, how);
	page_note_device(c);
	return ERR_OK;
}

enum err login_code_submit(struct call *c)
{
	c->location = find_next(c);
	if (!c->half)
		return ERR_OK;
	return end_half(c,
	    page_try_code(c, c->session->client_id, req_text(c->req, "code")),
	    "code");
}

/* --- With a passkey ------------------------------------------------------- */

enum err login_code_passkey_load(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct json_object *options;
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = passkey_ask_code(&of, page_asker(c), &options);
	json_put(c->model, "public_key", options);
	return err;
}

enum err login_code_passkey_submit(struct call *c)
{
	if (!passkey_is_set(c->mem, c->brand))
		return ERR_NOT_FOUND;
	c->location = find_next(c);
	if (!c->half)
		return ERR_OK;
	return end_half(c,
	    page_try_passkey(
		c, c->session->client_id, req_text(c->req, "credential")),
	    "second_passkey");
}
