/* login_code.c: the second step of a browser's log-in. */
#include "pages/login.h"

#include <inttypes.h>

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
	return ERR_OK;
}

enum err login_code_form(struct call *c)
{
	(void)c;
	return ERR_OK;
}

enum err login_code_submit(struct call *c)
{
	int64_t client = c->session->client_id;
	enum err err;

	c->location = find_next(c);
	if (!c->half)
		return ERR_OK;
	err = page_try_code(c, client, req_text(c->req, "code"));
	if (!err)
		err = page_renew_session(c, false);
	if (err)
		return err;
	log_info("login.done", "client %" PRId64, client);
	page_audit_login(c, "code");
	page_note_device(c);
	return ERR_OK;
}
