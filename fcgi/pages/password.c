/* password.c: a new password, for who knows the current one. */
#include <inttypes.h>
#include <string.h>

#include "domain/account.h"
#include "domain/throttle.h"
#include "domain/vcs_account.h"
#include "pages/page_audit.h"
#include "pages/page_letter.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param password_params[] = {
    {.name = "current",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The current password."},
    {.name = "new",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The new one: 10 to 128 characters."},
    {.name = "repeat",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The new one again."},
    {0},
};

static void fill(struct call *c)
{
	struct json_object *rules = json_put_object(c->model, "rules");

	json_put_int(rules, "min", ACCOUNT_PASSWORD_MIN);
	json_put_int(rules, "max", ACCOUNT_PASSWORD_MAX);
}

const char password_form_answer[] = "rules{min:int max:int}";

enum err password_load(struct call *c)
{
	fill(c);
	return ERR_OK;
}

enum err password_form(struct call *c)
{
	fill(c);
	return page_go(c);
}

/* Before the current one is tried: what is wrong here is no failed guess. */
static enum err check_rules(struct call *c)
{
	const char *const names[] = {c->session->login, c->client->name,
	    c->client->details[VCS_COMPANY]};
	const char *password = req_text(c->req, "new");
	const char *fault = account_password_fault(
	    c->mem, password, req_text(c->req, "current"), names, 3);

	if (fault)
		req_add_fault(c->req, "new", fault);
	else if (strcmp(password, req_text(c->req, "repeat")) != 0)
		req_add_fault(c->req, "repeat", "password.differs");
	return c->req->n_faults ? ERR_RULE : ERR_OK;
}

/* Counted before the try, so that parallel tries cannot slip through. */
static enum err check_current(struct call *c)
{
	const struct conf *conf = c->brand->conf;
	const char *subject =
	    mem_print(c->mem, "%" PRId64, c->session->client_id);
	int64_t limit = conf->limits.login_per_name;
	int64_t window = conf->limits.login_window;
	enum err err = throttle_check(c->db, c->brand->name, "password",
	    subject, limit, window, c->now, &c->retry_after);

	if (!err)
		err = throttle_count(c->db, c->brand->name, "password", subject,
		    limit, window, c->now);
	if (err)
		return err;
	err = vcs_check_password(
	    c->brand, c->mem, c->session, req_text(c->req, "current"));
	if (err == ERR_LOGIN) {
		log_info("password.refused", "client %s", subject);
		page_audit_failure(
		    c, c->session->client_id, AUDIT_PASSWORD_FAILED);
		req_add_fault(c->req, "current", "password.wrong");
		return ERR_RULE;
	}
	if (err)
		throttle_take_back(c->db, c->brand->name, "password", subject);
	else
		throttle_clear(c->db, c->brand->name, "password", subject);
	return err;
}

/* Where no good answer came, VCS is asked which password is right now. */
static enum err write_password(struct call *c)
{
	const char *password = req_text(c->req, "new");
	enum err err =
	    vcs_update_password(c->brand, c->mem, c->session, password);

	if (err && !vcs_check_password(c->brand, c->mem, c->session, password))
		err = ERR_OK;
	if (!err) {
		log_info("password.changed", "client %" PRId64,
		    c->session->client_id);
		page_audit_mine(
		    c, (struct audit_entry){.event = AUDIT_PASSWORD_CHANGED});
		return ERR_OK;
	}
	c->notice = page_text(
	    c, err == ERR_RULE ? "password.refused" : "password.unsure");
	return err == ERR_RULE ? ERR_UPSTREAM : err;
}

/* Whoever else is logged in as this customer is so no more, and the token of
 * before the change is worth nothing after it. */
static enum err renew_sessions(struct call *c)
{
	struct session old = *c->session;
	enum err err =
	    page_begin_session(c, old.kind, old.client_id, old.login, old.kept);

	if (!err)
		err = session_end_client(c->db, c->brand->name, old.client_id,
		    c->session->token_hash);
	if (!err)
		return ERR_OK;
	c->notice = page_text(c, "password.sessions");
	return ERR_INTERNAL;
}

/* A program gets a new token, a browser a new cookie. */
const char password_answer[] = "changed:flag ~token ~expires:time";

enum err password_submit(struct call *c)
{
	enum err err = check_rules(c);

	if (err)
		return err;
	if (!c->db)
		return ERR_BUSY;
	err = check_current(c);
	if (err)
		return err;
	err = write_password(c);
	/* It may be in force: whoever else is in is out, to be sure. */
	if (err && err != ERR_RULE)
		session_end_client(c->db, c->brand->name, c->session->client_id,
		    c->session->token_hash);
	if (!err)
		err = renew_sessions(c);
	if (err)
		return err;
	page_send_letter(
	    c, "password", c->session->client_id, c->session->login);
	json_put_flag(c->model, "changed", true);
	page_flash(c, page_text(c, "password.changed"));
	c->location = "/api/password";
	return ERR_OK;
}
