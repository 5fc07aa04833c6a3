/* login_passkey.c: log-in with a passkey instead of a password. */
#include "pages/login.h"

#include "domain/passkey.h"
#include "pages/page_factor.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param login_passkey_params[] = {
    {.name = "credential",
	.type = PARAM_SECRET,
	.max = PASSKEY_CREDENTIAL,
	.required = true,
	.about = "What the passkey answered: the text of "
		 "PublicKeyCredential.toJSON()."},
    {.name = "next",
	.type = PARAM_FREE,
	.max = 512,
	.about = "Where to go after the log-in: a path of this portal."},
    {0},
};

const char passkey_options_answer[] = "public_key:any";

enum err login_passkey_load(struct call *c)
{
	const struct factor_of of = page_factor_of(c, 0);
	struct json_object *options;
	enum err err;

	if (!passkey_is_set(c->mem, c->brand))
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	err = passkey_ask_login(&of, page_asker(c), &options);
	json_put(c->model, "public_key", options);
	return err;
}

/* Nobody is told more than that it was not right: not whether the key is known,
 * nor whether its customer may still log in. */
static enum err log_in(struct call *c)
{
	const struct factor_of of = page_factor_of(c, 0);
	struct json_object *kept;
	struct passkey key;
	enum err err;

	if (!passkey_is_set(c->mem, c->brand))
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	err = login_check_address(c);
	if (err)
		return err;
	err = passkey_log_in(
	    &of, page_asker(c), req_text(c->req, "credential"), &key);
	if (!err)
		err = vcs_enter(c->brand, c->mem, key.client_id, &kept);
	if (err == ERR_RULE)
		err = ERR_LOGIN;
	if (err == ERR_LOGIN)
		login_count_failure(c, "passkey.wrong");
	if (err)
		return err;
	c->location =
	    login_check_next(req_text(c->req, "next"), "/api/dashboard");
	return login_begin(c, key.client_id, key.login, kept, "passkey");
}

enum err login_passkey_submit(struct call *c)
{
	return login_count(c, log_in(c));
}
