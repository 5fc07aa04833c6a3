/* reset.c: a new password, for who forgot the old one, by a letter with a link.
 *
 * Whether there is such a log-in shows nowhere: all that depends on it (VCS is
 * asked, a token is made, a letter goes out) happens after the answer. */
#include "domain/reset.h"

#include <inttypes.h>
#include <string.h>

#include "domain/account.h"
#include "domain/letter.h"
#include "domain/throttle.h"
#include "domain/vcs_account.h"
#include "pages/page_audit.h"
#include "pages/page_letter.h"
#include "pages/page_login.h"
#include "pages/routes.h"

enum { HOUR = 3600 };

const struct param reset_form_params[] = {
    {.name = "sent",
	.type = PARAM_CHOICE,
	.choices = "yes",
	.about = "Says that a letter is on its way."},
    {0},
};

const struct param reset_params[] = {
    {.name = "login",
	.type = PARAM_TEXT,
	.max = 128,
	.required = true,
	.about = "The customer's log-in."},
    {0},
};

const struct param reset_token_params[] = {
    {.name = "new",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The new password: 10 to 128 characters."},
    {.name = "repeat",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The new one again."},
    {0},
};

bool page_can_reset(const struct brand *b)
{
	return b->conf->public_uri[0] && letter_is_set(b) &&
	       vcs_can_find_client(b);
}

/* --- Asking for a letter -------------------------------------------------- */

enum err reset_load(struct call *c)
{
	if (!page_can_reset(c->brand))
		return ERR_NOT_FOUND;
	json_put_flag(c->ui, "sent", req_text(c->req, "sent") != NULL);
	return ERR_OK;
}

enum err reset_form(struct call *c)
{
	(void)c;
	return ERR_OK;
}

struct wish {
	const char *login;
	struct audit_by by;
};

static void send_link(struct call *c, int64_t client, const struct wish *w)
{
	const char *login = w->login;
	struct session s;
	struct vcs_client *who =
	    vcs_read_client(c->brand, c->mem, client, login, &s);
	struct language *l;
	struct reset r;
	struct fmt_arg args[4] = {{0}};
	const char *to = who->err ? NULL : who->details[VCS_EMAIL];

	if (!to || !who->active || !account_is_email(to) ||
	    reset_begin(
		c->db, c->mem, c->brand->name, client, login, c->now, &r))
		return;
	audit_count(
	    c->brand, c->mem, client, AUDIT_RESET_ASKED, &w->by, c->now);
	l = brand_find_language(c->brand, vcs_kept_locale(&s));
	l = l ? l : c->language;
	args[0].text = c->brand->conf->title;
	args[1].text = login;
	args[2].text = brand_make_url(
	    c->mem, c->brand, mem_print(c->mem, "/api/reset/%s", r.token));
	args[3].number = RESET_MINUTES;
	if (!letter_send(c->brand, c->mem, c->now, to,
		fmt_text(c->mem, l->fmt, "letter.reset.subject", args, 4),
		fmt_text(c->mem, l->fmt, "letter.reset.text", args, 4)))
		log_info("reset.sent", "client %" PRId64, client);
}

static void grant(struct call *c)
{
	const struct wish *w = c->after_ctx;
	int64_t client;

	if (!vcs_find_client(c->brand, c->mem, w->login, &client) && client)
		send_link(c, client, w);
}

/* An address is told that it asks too often; of a log-in nobody is told, but
 * no more letters go out. Both are counted whatever comes of it. */
static enum err check_wish(struct call *c, const char *login, bool *quiet)
{
	const struct conf *conf = c->brand->conf;
	const char *brand = c->brand->name, *name;
	const char *address = throttle_address(c->mem, c->req->address);
	int64_t most = conf->limits.reset_per_address;
	enum err err = throttle_check(c->db, brand, "reset-address", address,
	    most, HOUR, c->now, &c->retry_after);

	if (!err)
		err = throttle_count(
		    c->db, brand, "reset-address", address, most, HOUR, c->now);
	if (err)
		return err;
	name = throttle_login(c->mem, login);
	most = conf->limits.reset_per_hour;
	err = throttle_check(
	    c->db, brand, "reset", name, most, HOUR, c->now, NULL);
	*quiet = err == ERR_THROTTLED;
	if (err && !*quiet)
		return err;
	return throttle_count(c->db, brand, "reset", name, most, HOUR, c->now);
}

const char reset_answer[] = "sent:flag";

enum err reset_submit(struct call *c)
{
	struct wish *w = mem_alloc(c->mem, sizeof(*w));
	bool quiet;
	enum err err;

	if (!page_can_reset(c->brand))
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	w->login = req_text(c->req, "login");
	w->by = page_audit_by(c);
	err = throttle_purge(c->db, c->now);
	if (!err)
		err = check_wish(c, w->login, &quiet);
	if (err)
		return err;
	if (!quiet) {
		c->after = grant;
		c->after_ctx = w;
	}
	json_put_flag(c->model, "sent", true);
	c->location = "/api/reset?sent=yes";
	return ERR_OK;
}

/* --- The link of the letter ----------------------------------------------- */

/* The same for a token that never was, is used up or expired. */
static enum err answer_gone(struct call *c)
{
	c->notice = page_text(c, "reset.gone_text");
	if (c->req->format != FORMAT_HTML)
		return ERR_NOT_FOUND;
	c->notice = NULL;
	c->status = err_status(ERR_NOT_FOUND);
	c->tmpl = "reset-gone";
	return ERR_OK;
}

/* ERR_NOT_FOUND: no good token. Wrong ones are counted, so that nobody tries
 * them all day. */
static enum err find_token(struct call *c, struct reset *r)
{
	const struct conf *conf = c->brand->conf;
	const char *address = throttle_address(c->mem, c->req->address);
	int64_t most = conf->limits.login_per_address;
	int64_t window = conf->limits.login_window;
	enum err err;

	reply_header(c->reply, "Referrer-Policy", "no-referrer");
	if (!page_can_reset(c->brand))
		return ERR_NOT_FOUND;
	if (!c->db)
		return ERR_BUSY;
	err = throttle_check(c->db, c->brand->name, "reset-token", address,
	    most, window, c->now, &c->retry_after);
	if (!err)
		err =
		    reset_find(c->db, c->mem, c->brand->name, c->id, c->now, r);
	if (err == ERR_NOT_FOUND)
		throttle_count(c->db, c->brand->name, "reset-token", address,
		    most, window, c->now);
	return err;
}

static void fill(struct call *c)
{
	struct json_object *rules = json_put_object(c->model, "rules");

	json_put_int(rules, "min", ACCOUNT_PASSWORD_MIN);
	json_put_int(rules, "max", ACCOUNT_PASSWORD_MAX);
	json_put_text(c->ui, "action_url",
	    mem_print(c->mem, "/api/reset/%s", req_encode(c->mem, c->id)));
}

const char reset_token_answer[] = "rules{min:int max:int}";

enum err reset_token_load(struct call *c)
{
	struct reset r;
	enum err err = find_token(c, &r);

	if (err == ERR_NOT_FOUND)
		return answer_gone(c);
	if (err)
		return err;
	fill(c);
	json_put_text(c->ui, "login", r.login);
	return ERR_OK;
}

enum err reset_token_form(struct call *c)
{
	fill(c);
	return ERR_OK;
}

static enum err check_rules(
    struct call *c, const struct reset *r, const struct vcs_client *who)
{
	const char *const names[] = {
	    r->login, who->name, who->details[VCS_COMPANY]};
	const char *password = req_text(c->req, "new");
	const char *fault =
	    account_password_fault(c->mem, password, NULL, names, 3);

	if (fault)
		req_add_fault(c->req, "new", fault);
	else if (strcmp(password, req_text(c->req, "repeat")) != 0)
		req_add_fault(c->req, "repeat", "password.differs");
	return c->req->n_faults ? ERR_RULE : ERR_OK;
}

/* Where no good answer came, VCS is asked which password is right now. */
static enum err write_password(struct call *c, struct session *s)
{
	const char *password = req_text(c->req, "new");
	enum err err = vcs_update_password(c->brand, c->mem, s, password);

	if (err && !vcs_check_password(c->brand, c->mem, s, password))
		err = ERR_OK;
	if (!err)
		return ERR_OK;
	c->notice =
	    page_text(c, err == ERR_RULE ? "reset.refused" : "reset.unsure");
	return err == ERR_RULE ? ERR_UPSTREAM : err;
}

/* Whoever was logged in is out, other letters are worthless, and who was locked
 * out by failures may try the new one. */
static enum err finish(struct call *c, const struct reset *r)
{
	const char *brand = c->brand->name;
	enum err err = session_end_client(c->db, brand, r->client_id, NULL);

	log_info("reset.done", "client %" PRId64, r->client_id);
	page_audit(
	    c, r->client_id, (struct audit_entry){.event = AUDIT_RESET_DONE});
	if (!err)
		err = reset_end_client(c->db, brand, r->client_id);
	if (!err)
		err = throttle_clear(
		    c->db, brand, "login", throttle_login(c->mem, r->login));
	page_send_letter(c, "reset_done", r->client_id, r->login);
	return err;
}

const char reset_done_answer[] = "changed:flag";

static enum err change(struct call *c, const struct reset *r)
{
	struct session s;
	struct vcs_client *who =
	    vcs_read_client(c->brand, c->mem, r->client_id, r->login, &s);
	enum err err = who->err;

	if (err)
		return ERR_BUSY;
	if (!who->active)
		return ERR_NOT_FOUND;
	err = check_rules(c, r, who);
	if (!err)
		err = reset_take(c->db, c->brand->name, r);
	if (err)
		return err;
	err = write_password(c, &s);
	if (err) {
		/* It may be in force: whoever is in is out, to be sure. */
		session_end_client(c->db, c->brand->name, r->client_id, NULL);
		reset_give_back(c->db, c->brand->name, r);
		return err;
	}
	return finish(c, r);
}

enum err reset_token_submit(struct call *c)
{
	struct reset r;
	enum err err = find_token(c, &r);

	if (!err)
		err = change(c, &r);
	if (err == ERR_NOT_FOUND)
		return answer_gone(c);
	if (err)
		return err;
	/* A session of this browser may have been the customer's. */
	c->session = NULL;
	json_put_flag(c->model, "changed", true);
	c->location = "/api/login?done=reset";
	return ERR_OK;
}
