/* security.c: where the customer is logged in, and how that ends. */
#include <string.h>

#include "pages/page_audit.h"
#include "pages/page_letter.h"
#include "pages/page_passkey.h"
#include "pages/page_serve.h"
#include "pages/routes.h"
#include "tools/db.h"

const struct param security_end_params[] = {
    {.name = "end",
	.type = PARAM_TEXT,
	.min = 6,
	.max = SESSION_HASH - 1,
	.required = true,
	.about = "A session's id, or \"others\": all but this one."},
    {0},
};

static struct json_object *put_session(
    struct call *c, struct json_object *list, const struct session_row *row)
{
	struct json_object *o = json_new(c->mem);
	bool current = !strcmp(row->id, c->session->token_hash);

	json_put_text(o, "id", row->id);
	put_time(c, o, "created", row->created);
	put_time(c, o, "seen", row->seen);
	json_put_text(o, "device", page_name_device(c, row->agent));
	json_put_text(o, "kind", row->kind == SESSION_BEARER ? "api" : "web");
	json_put_text(o, "address", row->address);
	json_put_flag(o, "current", current);
	json_put(list, NULL, o);
	return o;
}

/* Words for what the answer says in its own way. */
static void show_session(
    struct call *c, struct json_object *list, const struct session_row *row)
{
	struct json_object *o = put_session(c, list, row);

	json_put_flag(o, "api", row->kind == SESSION_BEARER);
}

const char security_answer[] =
    "sessions[id created:time seen:time device kind:web|api address "
    "current:flag] ~passkeys[" PAGE_PASSKEY "]";

enum err security_load(struct call *c)
{
	struct json_object *list = json_put_list(c->model, "sessions");
	struct json_object *shown = json_put_list(c->ui, "sessions");
	struct session_row *rows;
	size_t n;
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = session_list(c->db, c->mem, c->brand->name, c->session->client_id,
	    c->brand->conf->session.idle, c->now, &rows, &n);
	for (size_t i = 0; i < n; i++) {
		put_session(c, list, &rows[i]);
		show_session(c, shown, &rows[i]);
	}
	json_put_flag(c->ui, "others", n > 1);
	if (!err && passkey_is_set(c->mem, c->brand)) {
		json_put_text(c->ui, "passkeys_url", PAGE_PASSKEYS);
		err = page_put_passkeys(
		    c, json_put_list(c->model, "passkeys"), &n);
	}
	return err;
}

/* What the session of an id was begun with. */
static const char *find_agent(struct call *c, const char *id)
{
	struct session_row *rows;
	size_t n;

	if (session_list(c->db, c->mem, c->brand->name, c->session->client_id,
		c->brand->conf->session.idle, c->now, &rows, &n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].id, id))
			return rows[i].agent;
	return NULL;
}

/* Sessions and the entry that says so: both or neither. */
static enum err end_sessions(struct call *c, const char *what)
{
	const char *mine = c->session->token_hash, *brand = c->brand->name;
	int64_t client = c->session->client_id;
	struct audit_entry e = {.by = page_audit_by(c)};
	enum err err;

	e.event = !strcmp(what, "others") ? AUDIT_SESSIONS_ENDED
		  : !strcmp(what, mine)	  ? AUDIT_LOGOUT
					  : AUDIT_SESSION_ENDED;
	if (e.event == AUDIT_SESSION_ENDED)
		e.item = find_agent(c, what);
	err = db_begin(c->db);
	if (err)
		return err;
	err = e.event == AUDIT_SESSIONS_ENDED
		  ? session_end_client(c->db, brand, client, mine)
		  : session_end_one(c->db, brand, client, what);
	if (!err)
		err = audit_note_within(c->brand, c->mem, client, &e, c->now);
	if (!err)
		return db_commit(c->db);
	db_rollback(c->db);
	return err;
}

const char security_ended_answer[] = "ended:flag";

enum err security_end(struct call *c)
{
	const char *what = req_text(c->req, "end"), *text = "security.ended";
	bool all = !strcmp(what, "others");
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = end_sessions(c, what);
	if (err)
		return err;
	log_info(
	    "session.ended", "client %lld", (long long)c->session->client_id);
	json_put_flag(c->model, "ended", true);
	if (!strcmp(what, c->session->token_hash)) {
		c->session = NULL;
		c->location = "/api/login";
		return ERR_OK;
	}
	page_flash(c, page_text(c, all ? "security.ended_others" : text));
	c->location = "/api/security";
	return ERR_OK;
}
