/* passkey.c: a customer's passkeys: adding, naming, removing them. */
#include "domain/passkey.h"

#include <inttypes.h>

#include "pages/page_audit.h"
#include "pages/page_factor.h"
#include "pages/page_letter.h"
#include "pages/page_passkey.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param passkey_add_params[] = {
    {.name = "credential",
	.type = PARAM_SECRET,
	.max = PASSKEY_CREDENTIAL,
	.required = true,
	.about = "The new passkey: the text of PublicKeyCredential.toJSON()."},
    {.name = "name",
	.type = PARAM_TEXT,
	.max = PASSKEY_NAME,
	.about = "What the customer calls it; else it is called after the "
		 "browser."},
    {0},
};

const struct param passkey_name_params[] = {
    {.name = "name",
	.type = PARAM_TEXT,
	.max = PASSKEY_NAME,
	.required = true,
	.about = "What the customer calls it."},
    {0},
};

#define KEY  "id name created:time used:time?"
#define KEYS "passkeys[" PAGE_PASSKEY "] most:int codes_left:int required:flag"

const char passkeys_answer[] = KEYS;
const char passkey_begun_answer[] = KEYS " public_key:any";
const char passkey_added_answer[] = "201 " KEYS " passkey{" PAGE_PASSKEY
				    "} recovery_codes[] ~token ~expires:time";
const char passkey_answer[] = "passkey{" PAGE_PASSKEY "}";

/* A customer who has to add one sees no menu that leads nowhere. */
static enum err fill(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct json_object *list = json_put_list(c->model, "passkeys");
	struct factor f;
	size_t n;
	enum err err = page_put_passkeys(c, list, &n);

	if (!err)
		err = factor_find(&of, "", &f);
	if (err)
		return err;
	json_put_int(c->model, "most", PASSKEY_MOST);
	json_put_int(c->model, "codes_left", f.codes_left);
	json_put_flag(
	    c->model, "required", c->brand->conf->session.require_factor);
	json_put_flag(
	    c->ui, "few", factor_is_on(&f) && f.codes_left < FACTOR_FEW);
	json_put_flag(c->ui, "first", c->half != NULL);
	if (c->half)
		c->tmpl = "passkeys-first";
	return ERR_OK;
}

static enum err check_set(struct call *c)
{
	if (!passkey_is_set(c->mem, c->brand))
		return ERR_NOT_FOUND;
	return c->db ? ERR_OK : ERR_BUSY;
}

enum err passkeys_load(struct call *c)
{
	enum err err = check_set(c);

	return err ? err : fill(c);
}

enum err passkeys_form(struct call *c)
{
	enum err err = passkeys_load(c);

	return err ? err : page_go(c);
}

/* --- Adding --------------------------------------------------------------- */

/* The proof comes first: the challenge that it opens is the leave to add one,
 * and no key is made that would be refused afterwards. Who has just given his
 * password to be here is not asked again. */
enum err passkey_begin(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	const char *name = c->client && c->client->name[0] ? c->client->name
							   : c->session->login;
	struct json_object *options;
	enum err err = check_set(c);

	if (!err && !c->half)
		err = page_check_proof(c);
	if (!err)
		err = passkey_ask_new(
		    &of, page_asker(c), c->session->login, name, &options);
	if (!err)
		err = fill(c);
	if (err)
		return err;
	json_put(c->model, "public_key", options);
	json_put_text(c->ui, "options", json_write(c->mem, options, NULL));
	json_put_text(c->ui, "device",
	    page_name_device(c, req_env(c->req, "HTTP_USER_AGENT")));
	json_put_flag(c->ui, "asked", true);
	return ERR_OK;
}

static enum err refuse(struct call *c, enum err err)
{
	if (err == ERR_RULE)
		c->notice = page_text(c, "passkey.wrong_new");
	else if (err == ERR_CONFLICT)
		c->notice = page_text(c, "passkey.there");
	return err;
}

/* With the first factor all other sessions end: they are from before it. */
static enum err renew(struct call *c, const struct passkey *key, bool had)
{
	bool first = c->half; /* this ends a log-in */
	enum err err = had ? ERR_OK : page_renew_session(c, true);

	if (err)
		return err;
	log_info("factor.added", "client %" PRId64 ": a passkey",
	    c->session->client_id);
	if (first)
		page_audit_login(c, "second_passkey");
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_PASSKEY_ADDED,
			       .item = key->name});
	if (first)
		page_note_device(c);
	page_send_letter(
	    c, "passkey_added", c->session->client_id, c->session->login);
	return ERR_OK;
}

/* With recovery codes, the answer is the page itself: a redirect would have to
 * keep them. */
static void end_adding(struct call *c, const struct passkey *key,
    const char *const codes[FACTOR_CODES], size_t n)
{
	page_put_passkey(c, json_put_object(c->model, "passkey"), key);
	page_put_codes(c, codes, n);
	if (c->req->format == FORMAT_JSON)
		c->status = 201;
	if (n)
		return;
	page_flash(c, page_text(c, "passkey.added"));
	c->location = PAGE_PASSKEYS;
}

enum err passkey_add_submit(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	const char *codes[FACTOR_CODES], *name = req_text(c->req, "name");
	struct passkey key = {.login = c->session->login};
	struct factor f;
	size_t n;
	enum err err = check_set(c);

	key.name =
	    name ? name
		 : page_name_device(c, req_env(c->req, "HTTP_USER_AGENT"));
	if (!err)
		err = factor_find(&of, "", &f);
	if (!err)
		err = passkey_add(&of, page_asker(c),
		    req_text(c->req, "credential"), &key, codes, &n);
	if (err)
		return refuse(c, err);
	err = renew(c, &key, factor_is_on(&f));
	if (!err)
		err = fill(c);
	if (!err)
		end_adding(c, &key, codes, n);
	return err;
}

/* --- One ------------------------------------------------------------------ */

enum err passkey_load(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct passkey key;
	enum err err = check_set(c);

	if (!err)
		err = passkey_find(&of, c->id, &key);
	if (err)
		return err;
	page_put_passkey(c, json_put_object(c->model, "passkey"), &key);
	json_put_text(
	    c->ui, "key_url", mem_print(c->mem, PAGE_PASSKEYS "/%s", c->id));
	json_put_text(c->ui, "remove_url",
	    mem_print(c->mem, PAGE_PASSKEYS "/%s/remove", c->id));
	return ERR_OK;
}

enum err passkey_form(struct call *c)
{
	enum err err = passkey_load(c);

	return err ? err : page_go(c);
}

enum err passkey_rename_submit(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	enum err err = check_set(c);

	if (!err)
		err = passkey_rename(&of, c->id, req_text(c->req, "name"));
	if (!err)
		err = passkey_load(c);
	if (err)
		return err;
	page_flash(c, page_text(c, "passkey.renamed"));
	c->location = PAGE_PASSKEYS;
	return ERR_OK;
}

enum err passkey_remove_submit(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	enum err err = passkey_load(c);

	if (!err)
		err = page_check_proof(c);
	if (!err)
		err = passkey_remove(&of, c->id);
	if (!err)
		err = page_miss_factor(c);
	if (err)
		return err;
	log_info("factor.removed", "client %" PRId64 ": a passkey",
	    c->session->client_id);
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_PASSKEY_REMOVED,
			       .item = json_find_text(
				   json_find(c->model, "passkey"), "name")});
	page_send_letter(
	    c, "passkey_removed", c->session->client_id, c->session->login);
	page_flash(c, page_text(c, "passkey.removed"));
	c->location = PAGE_PASSKEYS;
	return ERR_OK;
}
