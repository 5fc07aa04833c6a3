/* page_factor.c: trying a second factor. */
#include "pages/page_factor.h"

#include <inttypes.h>

#include "domain/passkey.h"
#include "domain/throttle.h"
#include "domain/vcs_account.h"
#include "pages/page_audit.h"
#include "pages/page_serve.h"
#include "pages/routes.h"

const struct param page_proof_params[] = {
    {.name = "current",
	.type = PARAM_SECRET,
	.max = 256,
	.about = "The current password; or a code instead."},
    {.name = "code",
	.type = PARAM_SECRET,
	.max = 64,
	.about = "A code of the app or a recovery code; or the password "
		 "instead."},
    {0},
};

static const char kind[] = "code";

struct factor_of page_factor_of(const struct call *c, int64_t client)
{
	return (struct factor_of){c->brand, c->mem, client, c->now};
}

static const char *name_subject(struct call *c, int64_t client)
{
	return mem_print(c->mem, "%" PRId64, client);
}

/* Counted before the try, so that parallel tries cannot slip through. */
static enum err count_try(struct call *c, const char *subject)
{
	const struct conf *conf = c->brand->conf;
	int64_t limit = conf->limits.login_per_name;
	int64_t window = conf->limits.login_window;
	enum err err = throttle_check(c->db, c->brand->name, kind, subject,
	    limit, window, c->now, &c->retry_after);

	if (!err)
		err = throttle_count(c->db, c->brand->name, kind, subject,
		    limit, window, c->now);
	return err;
}

/* What came of the try. */
static enum err settle(struct call *c, const char *subject, const char *field,
    const char *text, enum err err)
{
	if (err == ERR_RULE) {
		log_info("factor.refused", "client %s", subject);
		req_add_fault(c->req, field, text);
	} else if (err) {
		throttle_take_back(c->db, c->brand->name, kind, subject);
	} else {
		throttle_clear(c->db, c->brand->name, kind, subject);
	}
	return err;
}

enum err page_try_code(struct call *c, int64_t client, const char *code)
{
	const struct factor_of of = page_factor_of(c, client);
	const char *subject = name_subject(c, client);
	enum err err = count_try(c, subject);

	if (err)
		return err;
	err = settle(c, subject, "code", "factor.wrong", factor_try(&of, code));
	if (err == ERR_RULE)
		page_audit_failure(c, client, AUDIT_CODE_FAILED);
	else if (!err && factor_is_recovery(c->mem, code))
		page_audit(c, client,
		    (struct audit_entry){.event = AUDIT_RECOVERY_USED});
	return err;
}

enum err page_try_first(
    struct call *c, const char *code, const char *codes[FACTOR_CODES])
{
	int64_t client = c->session->client_id;
	const struct factor_of of = page_factor_of(c, client);
	const char *subject = name_subject(c, client);
	enum err err = count_try(c, subject);

	if (err)
		return err;
	return settle(c, subject, "code", "factor.wrong_first",
	    factor_confirm(&of, c->session->token_hash, code, codes));
}

enum err page_try_passkey(
    struct call *c, int64_t client, const char *credential)
{
	const struct factor_of of = page_factor_of(c, client);
	const char *subject = name_subject(c, client);
	enum err err = count_try(c, subject);

	if (err)
		return err;
	return settle(c, subject, "credential", "passkey.wrong",
	    passkey_try(&of, page_asker(c), credential));
}

static enum err try_password(struct call *c, const char *password)
{
	const char *subject = name_subject(c, c->session->client_id);
	enum err err = count_try(c, subject);

	if (err)
		return err;
	err = vcs_check_password(c->brand, c->mem, c->session, password);
	if (err == ERR_LOGIN)
		page_audit_failure(
		    c, c->session->client_id, AUDIT_PASSWORD_FAILED);
	return settle(c, subject, "current", "password.wrong",
	    err == ERR_LOGIN ? ERR_RULE : err);
}

enum err page_check_proof(struct call *c)
{
	const char *password = req_text(c->req, "current");
	const char *code = req_text(c->req, "code");

	if (code)
		return page_try_code(c, c->session->client_id, code);
	if (password)
		return try_password(c, password);
	req_add_fault(c->req, "current", "factor.proof");
	return ERR_RULE;
}

enum err page_miss_factor(struct call *c)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct factor f;
	enum err err = factor_find(&of, "", &f);

	if (err || factor_is_on(&f) || !c->brand->conf->session.require_factor)
		return err;
	return session_want_factor(
	    c->db, c->brand->name, c->session->client_id);
}

void page_put_codes(
    struct call *c, const char *const codes[FACTOR_CODES], size_t n)
{
	struct json_object *list = json_put_list(c->model, "recovery_codes");

	for (size_t i = 0; i < n; i++)
		json_put_text(list, NULL, codes[i]);
	json_put_flag(c->ui, "codes", n > 0);
}
