/* login.c: log-in, log-out, choice of language. */
#include "pages/login.h"

#include <string.h>

#include "base/counters.h"
#include "domain/passkey.h"
#include "domain/throttle.h"
#include "pages/page_audit.h"
#include "pages/page_factor.h"
#include "pages/page_letter.h"
#include "pages/page_login.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param login_form_params[] = {
    {.name = "next",
	.type = PARAM_FREE,
	.max = 512,
	.about = "Where to go after the log-in: a path of this portal."},
    {.name = "done",
	.type = PARAM_CHOICE,
	.choices = "reset",
	.about = "Says that the password was changed."},
    {0},
};

const struct param login_params[] = {
    {.name = "login",
	.type = PARAM_TEXT,
	.max = 128,
	.required = true,
	.about = "The customer's log-in."},
    {.name = "password",
	.type = PARAM_SECRET,
	.max = 256,
	.required = true,
	.about = "The customer's password."},
    {.name = "code",
	.type = PARAM_SECRET,
	.max = 64,
	.about =
	    "With JSON: the code of the second factor, if the customer has "
	    "one."},
    {.name = "next",
	.type = PARAM_FREE,
	.max = 512,
	.about = "Where to go after the log-in: a path of this portal."},
    {0},
};

const struct param language_params[] = {
    {.name = "locale",
	.type = PARAM_TEXT,
	.max = 35,
	.required = true,
	.about = "One of the brand's languages, such as de."},
    {.name = "next",
	.type = PARAM_FREE,
	.max = 512,
	.about = "Where to go then: a path of this portal."},
    {0},
};

const char *login_check_next(const char *next, const char *otherwise)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./";
	size_t path;

	if (!next || strncmp(next, "/api/", 5) != 0 ||
	    !strncmp(next, "/api/login", 10) ||
	    !strncmp(next, "/api/logout", 11))
		return otherwise;
	path = strspn(next, plain);
	if (next[path] && next[path] != '?')
		return otherwise;
	for (size_t i = 0; i < path; i++)
		if (next[i] == '/' &&
		    (next[i + 1] == '/' || next[i + 1] == '.'))
			return otherwise;
	for (const char *c = next + path; *c; c++)
		if (*c < '!' || *c > '~' || *c == '\\')
			return otherwise;
	return next;
}

enum err login_load(struct call *c)
{
	const char *next =
	    login_check_next(req_text(c->req, "next"), "/api/dashboard");

	if (c->session && c->req->format == FORMAT_HTML)
		reply_redirect(c->reply, 303, next);
	json_put_flag(c->ui, "changed", req_text(c->req, "done") != NULL);
	return login_form(c);
}

enum err login_form(struct call *c)
{
	if (page_can_reset(c->brand))
		json_put_text(c->ui, "reset_url", "/api/reset");
	json_put_flag(c->ui, "passkeys", passkey_is_set(c->mem, c->brand));
	return ERR_OK;
}

/* Who is held up by failures, from the widest to the narrowest. A right
 * password clears its log-in's alone: with an own log-in in between, somebody
 * could go on for ever. */
enum { BY_NETWORK, BY_ADDRESS, BY_LOGIN, BY__MAX };

struct throttled {
	const char *subject[BY__MAX];
	int64_t limit[BY__MAX];
};

static const char *const throttles[BY__MAX] = {"network", "address", "login"};

static void find_subjects(struct call *c, struct throttled *t)
{
	const struct conf *conf = c->brand->conf;
	const char *login = req_text(c->req, "login");

	*t = (struct throttled){
	    .subject = {throttle_network(c->mem, c->req->address),
		throttle_address(c->mem, c->req->address),
		login ? throttle_login(c->mem, login) : ""},
	    .limit = {conf->limits.login_per_network,
		conf->limits.login_per_address, conf->limits.login_per_name},
	};
}

static enum err count_one(struct call *c, const struct throttled *t, int by)
{
	return throttle_count(c->db, c->brand->name, throttles[by],
	    t->subject[by], t->limit[by], c->brand->conf->limits.login_window,
	    c->now);
}

/* Those below `end`. */
static enum err check_subjects(
    struct call *c, const struct throttled *t, int end)
{
	enum err err = ERR_OK;

	for (int by = 0; by < end && !err; by++)
		err = throttle_check(c->db, c->brand->name, throttles[by],
		    t->subject[by], t->limit[by],
		    c->brand->conf->limits.login_window, c->now,
		    &c->retry_after);
	return err;
}

/* The name's failure is counted before the try, so that parallel tries cannot
 * slip through, and taken back if it was none. */
static enum err throttle(struct call *c, struct throttled *t)
{
	enum err err;

	find_subjects(c, t);
	err = check_subjects(c, t, BY__MAX);
	return err ? err : count_one(c, t, BY_LOGIN);
}

/* Nothing here depends on whether there is such a name. */
static void count_failure(
    struct call *c, const struct throttled *t, const char *key)
{
	const struct audit_by by = page_audit_by(c);
	const char *login = req_text(c->req, "login");

	log_info("login.refused", "from %s", c->req->address);
	count_one(c, t, BY_NETWORK);
	count_one(c, t, BY_ADDRESS);
	if (login)
		audit_count_login(c->brand, c->mem, login, &by, c->now);
	c->notice = page_text(c, key);
}

/* Old ones go when new ones come; where they cannot, nothing can be written at
 * all. */
static enum err purge(struct call *c)
{
	enum err err = session_purge(c->db, c->now);

	return err ? err : throttle_purge(c->db, c->now);
}

enum err login_check_address(struct call *c)
{
	struct throttled t;
	enum err err = purge(c);

	find_subjects(c, &t);
	return err ? err : check_subjects(c, &t, BY_LOGIN);
}

void login_count_failure(struct call *c, const char *key)
{
	struct throttled t;

	find_subjects(c, &t);
	count_failure(c, &t, key);
}

/* A program sends the code along with the password, or gets nothing. */
static enum err check_code(struct call *c, int64_t client, bool has)
{
	const char *code = req_text(c->req, "code");

	if (!has)
		return ERR_ENROL;
	if (!code) {
		page_audit_failure(c, client, AUDIT_CODE_ASKED);
		return ERR_CODE;
	}
	return page_try_code(c, client, code);
}

static enum err begin_half(struct call *c, enum session_lack lack,
    int64_t client, struct json_object *kept)
{
	if (lack == SESSION_NO_CODE)
		page_audit_failure(c, client, AUDIT_CODE_ASKED);
	c->location = lack == SESSION_NO_FACTOR
			  ? "/api/security/totp"
			  : mem_print(c->mem, "/api/login/code?next=%s",
				req_encode(c->mem, c->location));
	return page_begin_half(
	    c, lack, client, req_text(c->req, "login"), kept);
}

/* What the password alone is not enough for. */
static enum err find_lack(
    struct call *c, int64_t client, enum session_lack *lack)
{
	struct factor f;
	const struct factor_of of = page_factor_of(c, client);
	enum err err = factor_find(&of, "", &f);

	*lack = SESSION_WHOLE;
	if (factor_is_on(&f))
		*lack = SESSION_NO_CODE;
	else if (c->brand->conf->session.require_factor)
		*lack = SESSION_NO_FACTOR;
	return err;
}

static void end_old(struct call *c)
{
	const struct session *old = c->session ? c->session : c->half;

	if (old && !c->req->json_body)
		session_end(c->db, old);
}

enum err login_begin(struct call *c, int64_t client, const char *login,
    struct json_object *kept, const char *how)
{
	enum err err;

	end_old(c);
	err = page_begin_session(c,
	    c->req->json_body ? SESSION_BEARER : SESSION_COOKIE, client, login,
	    kept);
	if (err)
		return err;
	log_info("login.done", "client %lld", (long long)client);
	page_audit_login(c, how);
	page_note_device(c);
	return ERR_OK;
}

static enum err begin_session(
    struct call *c, int64_t client, struct json_object *kept)
{
	bool bearer = c->req->json_body;
	enum session_lack lack;
	enum err err = find_lack(c, client, &lack);

	if (!err && bearer && lack)
		err = check_code(c, client, lack == SESSION_NO_CODE);
	if (err)
		return err;
	if (!lack || bearer)
		return login_begin(c, client, req_text(c->req, "login"), kept,
		    lack ? "code" : "password");
	end_old(c);
	return begin_half(c, lack, client, kept);
}

/* A form gets a cookie instead. */
const char login_answer[] = "~token ~expires:time";

static enum err log_in(struct call *c)
{
	struct throttled t;
	struct json_object *kept;
	int64_t client;
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = purge(c);
	if (!err)
		err = throttle(c, &t);
	if (err)
		return err;
	err = vcs_login(c->brand, c->mem, req_text(c->req, "login"),
	    req_text(c->req, "password"), &client, &kept);
	if (err == ERR_LOGIN)
		count_failure(c, &t, "login.wrong");
	else if (err)
		throttle_take_back(
		    c->db, c->brand->name, "login", t.subject[BY_LOGIN]);
	else
		throttle_clear(
		    c->db, c->brand->name, "login", t.subject[BY_LOGIN]);
	if (err)
		return err;
	c->location =
	    login_check_next(req_text(c->req, "next"), "/api/dashboard");
	return begin_session(c, client, kept);
}

static enum login_end end_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return LOGIN_DONE;
	case ERR_LOGIN:
	case ERR_CODE:
	case ERR_ENROL:
	case ERR_RULE:
		return LOGIN_REFUSED;
	case ERR_THROTTLED:
		return LOGIN_THROTTLED;
	default:
		return LOGIN_FAILED;
	}
}

enum err login_count(struct call *c, enum err err)
{
	count(&c->brand->counters->logins[end_of(err)], 1);
	return err;
}

enum err login_submit(struct call *c)
{
	return login_count(c, log_in(c));
}

enum err logout_submit(struct call *c)
{
	enum err err = session_end(c->db, c->session);

	if (err)
		return err;
	if (!c->half)
		page_audit_mine(c, (struct audit_entry){.event = AUDIT_LOGOUT});
	if (c->session->kind == SESSION_COOKIE)
		reply_cookie(c->reply, page_cookie_name(c, "portico"), NULL,
		    c->req->https, 0);
	c->session = NULL;
	c->location = "/api/login";
	return ERR_OK;
}

enum err language_submit(struct call *c)
{
	const char *locale = req_text(c->req, "locale");
	struct language *l = brand_find_language(c->brand, locale);
	const char *next = req_text(c->req, "next");

	if (!l) {
		req_add_fault(c->req, "locale", "field.choice");
		return ERR_INPUT;
	}
	reply_cookie(c->reply, page_cookie_name(c, "portico-language"),
	    l->locale, c->req->https, 365 * 86400);
	if (!next || strncmp(next, "/api/login", 10) != 0)
		next = login_check_next(
		    next, c->session ? "/api/dashboard" : "/api/login");
	else
		next = "/api/login";
	c->location = next;
	json_put_text(c->model, "locale", l->locale);
	return ERR_OK;
}
