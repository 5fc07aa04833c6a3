/* page_session.c: who is logged in, and CSRF tokens. */
#include "pages/page_serve.h"

#include <string.h>

#include "tools/crypto.h"

const char *page_cookie_name(const struct call *c, const char *base)
{
	return c->req->https ? mem_print(c->mem, "__Host-%s", base) : base;
}

enum err page_find_session(struct call *c)
{
	struct session *s = mem_alloc(c->mem, sizeof(*s));
	enum session_kind kind =
	    c->req->bearer ? SESSION_BEARER : SESSION_COOKIE;
	const char *token =
	    c->req->bearer ? c->req->bearer
			   : req_cookie(c->req, page_cookie_name(c, "portico"));
	enum err err;

	if (!token)
		return ERR_LOGIN;
	if (!c->db)
		return ERR_BUSY;
	err = session_find(c->db, c->mem, c->brand->name, kind, token,
	    c->brand->conf->session.idle, c->now, s);
	if (err)
		return err;
	c->token = token;
	if (s->lack) {
		c->half = s;
		return s->lack == SESSION_NO_FACTOR ? ERR_ENROL : ERR_CODE;
	}
	c->session = s;
	return ERR_OK;
}

enum { HALF_S = 900 };

static int64_t choose_lifetime(
    const struct call *c, bool bearer, enum session_lack lack)
{
	const struct conf *conf = c->brand->conf;
	int64_t lifetime =
	    bearer ? conf->session.bearer_lifetime : conf->session.lifetime;

	return lack && lifetime > HALF_S ? HALF_S : lifetime;
}

static enum err begin(struct call *c, enum session_kind kind,
    enum session_lack lack, const struct session *of, struct json_object *kept)
{
	bool bearer = kind == SESSION_BEARER;
	const struct session_origin from = {
	    c->began, c->req->address, req_env(c->req, "HTTP_USER_AGENT")};
	struct session *s = mem_alloc(c->mem, sizeof(*s));
	char *token;
	enum err err = session_begin(c->db, c->mem, c->brand->name, kind,
	    of->client_id, of->login, choose_lifetime(c, bearer, lack), c->now,
	    &from, s, &token);

	if (!err && lack)
		err = session_set_lack(c->db, s, lack);
	if (!err)
		err = session_keep(c->db, s, kept);
	if (err)
		return err;
	if (bearer) {
		json_put_text(c->model, "token", token);
		put_time(c, c->model, "expires", s->expires);
	} else {
		reply_cookie(c->reply, page_cookie_name(c, "portico"), token,
		    c->req->https, 0);
	}
	s->kept = kept;
	c->session = lack ? NULL : s;
	c->half = lack ? s : NULL;
	c->token = token;
	return ERR_OK;
}

enum err page_begin_session(struct call *c, enum session_kind kind,
    int64_t client, const char *login, struct json_object *kept)
{
	const struct session of = {.client_id = client, .login = login};

	return begin(c, kind, SESSION_WHOLE, &of, kept);
}

enum err page_begin_half(struct call *c, enum session_lack lack, int64_t client,
    const char *login, struct json_object *kept)
{
	const struct session of = {.client_id = client, .login = login};

	return begin(c, SESSION_COOKIE, lack, &of, kept);
}

enum err page_renew_session(struct call *c, bool others)
{
	const struct session old = *c->session;
	enum err err = begin(c, old.kind, SESSION_WHOLE, &old, old.kept);

	if (err)
		return err;
	return others ? session_end_client(c->db, c->brand->name, old.client_id,
			    c->session->token_hash)
		      : session_end(c->db, &old);
}

void page_flash(struct call *c, const char *text)
{
	if (c->req->format != FORMAT_HTML)
		return;
	json_put_text(c->session->kept, "flash", text);
	session_keep(c->db, c->session, c->session->kept);
}

const char *page_take_flash(struct call *c)
{
	const char *text = json_find_text(c->session->kept, "flash");

	if (!text)
		return NULL;
	text = mem_text(c->mem, text);
	json_remove(c->session->kept, "flash");
	session_keep(c->db, c->session, c->session->kept);
	return text;
}

/* Before the log-in, a random cookie of the browser stands in for the
 * session's token: a page of another site can neither read nor set it. */
static const char *find_visitor(const struct call *c)
{
	const char *visitor =
	    req_cookie(c->req, page_cookie_name(c, "portico-visitor"));

	return visitor && strlen(visitor) >= 20 && strlen(visitor) <= 64
		   ? visitor
		   : NULL;
}

const char *page_asker(const struct call *c)
{
	const char *of = c->token ? c->token : find_visitor(c);

	return of ? of : "";
}

const char *page_csrf(struct call *c)
{
	const char *of = c->token ? c->token : find_visitor(c);

	if (!c->brand->secret[0])
		return "";
	if (!of) {
		of = crypto_token(c->mem, 24);
		reply_cookie(c->reply, page_cookie_name(c, "portico-visitor"),
		    of, c->req->https, 0);
	}
	return session_csrf(c->mem, c->brand->secret, of);
}

enum err page_check_csrf(struct call *c)
{
	const char *of = c->token ? c->token : find_visitor(c);
	const char *given = req_env(c->req, "HTTP_X_CSRF_TOKEN");

	if (c->session && c->session->kind == SESSION_BEARER)
		return ERR_OK;
	if (c->page->flags & PAGE_HOOK)
		return ERR_OK;
	if ((c->page->flags & PAGE_TOKEN_LOGIN) && c->req->json_body)
		return ERR_OK;
	if (!given)
		given = req_raw(c->req, "csrf");
	if (!c->brand->secret[0])
		return ERR_BUSY;
	if (of && given &&
	    session_csrf_check(c->mem, c->brand->secret, of, given))
		return ERR_OK;
	log_info("csrf.refused", "%s", page_logged_path(c));
	return ERR_CSRF;
}
