/* page_audit.c: entries of the audit trail, for pages. */
#include "pages/page_audit.h"

struct audit_by page_audit_by(struct call *c)
{
	const char *agent = req_env(c->req, "HTTP_USER_AGENT");

	return (struct audit_by){mem_text(c->mem, c->req->address),
	    mem_text(c->mem, agent ? agent : "")};
}

void page_audit(struct call *c, int64_t client, struct audit_entry e)
{
	e.by = page_audit_by(c);
	audit_note(c->brand, c->mem, client, &e, c->now);
}

void page_audit_mine(struct call *c, struct audit_entry e)
{
	page_audit(c, c->session->client_id, e);
}

void page_audit_login(struct call *c, const char *how)
{
	page_audit_mine(c,
	    (struct audit_entry){
		.event = AUDIT_LOGIN, .item = how, .login = c->session->login});
}

void page_audit_failure(struct call *c, int64_t client, enum audit_event event)
{
	const struct audit_by by = page_audit_by(c);

	audit_count(c->brand, c->mem, client, event, &by, c->now);
}
