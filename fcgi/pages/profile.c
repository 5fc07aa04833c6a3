/* profile.c: the customer's details: shown, edited as theme.json allows. */
#include <string.h>

#include "domain/account.h"
#include "domain/lease.h"
#include "domain/vcs_account.h"
#include "pages/page_audit.h"
#include "pages/routes.h"
#include "tools/crypto.h"

enum { TEXT_LIMIT = 1000, PATIENCE_MS = 3000 };

/* What VCS has may be longer than what may be written, and comes back with the
 * form: so only what changes is held to the limits below. */
const struct param profile_params[] = {
    {.name = "company",
	.type = PARAM_TEXT,
	.max = TEXT_LIMIT,
	.about = "The company's name, at most 255 characters."},
    {.name = "email",
	.type = PARAM_TEXT,
	.max = TEXT_LIMIT,
	.about = "Where invoices go: one e-mail address."},
    {.name = "address",
	.type = PARAM_LINES,
	.max = TEXT_LIMIT,
	.about = "The postal address, in several lines."},
    {.name = "registration_id",
	.type = PARAM_TEXT,
	.max = TEXT_LIMIT,
	.about = "The registration number, at most 64 characters."},
    {.name = "tax_id",
	.type = PARAM_TEXT,
	.max = TEXT_LIMIT,
	.about = "The tax number, at most 64 characters."},
    {.name = "version",
	.type = PARAM_TEXT,
	.min = 16,
	.max = 16,
	.required = true,
	.about = "As GET gave it: refuses what was edited meanwhile."},
    {0},
};

const struct page_theme profile_theme = {
    .name = "profile", .fields = vcs_detail_names, .n_fields = VCS_DETAILS};

static const int64_t limits[VCS_DETAILS] = {
    [VCS_COMPANY] = 255,
    [VCS_EMAIL] = ACCOUNT_EMAIL_MAX,
    [VCS_ADDRESS] = TEXT_LIMIT,
    [VCS_REGISTRATION_ID] = 64,
    [VCS_TAX_ID] = 64,
};

/* --- What theme.json allows ----------------------------------------------- */

struct rule {
	bool shown, edit, required;
};

/* A field that is not listed is hidden. */
static struct rule find_rule(const struct call *c, const char *name)
{
	struct json_object *list =
	    json_find(json_find(c->brand->theme, "profile"), "fields");

	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *row = json_at(list, i);
		const char *listed = json_find_text(row, "name");
		const char *mode = json_find_text(row, "mode");

		if (!listed || !mode || strcmp(listed, name) != 0)
			continue;
		return (struct rule){
		    .shown = !strcmp(mode, "view") || !strcmp(mode, "edit"),
		    .edit = !strcmp(mode, "edit"),
		    .required = json_flag(json_find(row, "required")),
		};
	}
	return (struct rule){0};
}

/* What VCS does not tell cannot be edited without overwriting it blindly. */
static struct rule find_field(
    const struct call *c, const struct vcs_client *client, int i)
{
	struct rule rule = find_rule(c, vcs_detail_names[i]);

	return client->details[i] ? rule : (struct rule){0};
}

/* --- Values --------------------------------------------------------------- */

/* As it comes back from a form: trimmed, lines ended by '\n'. */
static const char *mend(struct mem *m, const char *text)
{
	struct buf b;
	size_t len;

	text += strspn(text, " \t\r\n");
	buf_open(&b, m, strlen(text) + 1);
	for (; *text; text++)
		if (*text != '\r')
			buf_add_char(&b, *text);
		else if (text[1] != '\n')
			buf_add_char(&b, '\n');
	for (len = b.len; len && strchr(" \t\n", b.data[len - 1]);)
		len--;
	b.data[len] = '\0';
	return b.data;
}

/* Of all that is shown, so that nobody overwrites what he did not see. */
static const char *make_version(struct call *c, const struct vcs_client *client)
{
	char hex[CRYPTO_SHA256_HEX];
	struct buf b;

	buf_open(&b, c->mem, 256);
	for (int i = 0; i < VCS_DETAILS; i++)
		if (find_field(c, client, i).shown)
			buf_print(&b, "%d%zu:%s", i, strlen(client->details[i]),
			    client->details[i]);
	crypto_sha256_hex(b.data, b.len, hex);
	return mem_text_n(c->mem, hex, 16);
}

/* --- Showing -------------------------------------------------------------- */

static const char *find_fault(struct call *c, const char *name)
{
	for (size_t i = 0; i < c->req->n_faults; i++)
		if (!strcmp(c->req->faults[i].name, name))
			return page_fault_text(c, &c->req->faults[i]);
	return NULL;
}

static void add_row(struct call *c, struct json_object *rows, int i,
    struct rule rule, const char *now, const char *typed)
{
	static const char *const words[VCS_DETAILS] = {
	    "organization", "email", "street-address", "off", "off"};
	const char *name = vcs_detail_names[i];
	struct json_object *row = json_new(c->mem);

	json_put_text(row, "name", name);
	json_put_text(
	    row, "label", page_text(c, mem_print(c->mem, "profile.%s", name)));
	json_put_text(row, "value", typed ? typed : now);
	json_put_flag(row, "edit", rule.edit);
	json_put_flag(row, "required", rule.required);
	json_put_flag(row, "lines", i == VCS_ADDRESS);
	json_put_flag(row, "email", i == VCS_EMAIL);
	json_put_text(row, "fault", find_fault(c, name));
	json_put_text(row, "anchor_url", mem_print(c->mem, "#%s", name));
	json_put_text(row, "autocomplete", words[i]);
	if (typed && c->status == 409 && strcmp(mend(c->mem, typed), now)) {
		json_put_flag(row, "differs", true);
		json_put_text(row, "now", now);
	}
	json_put(rows, NULL, row);
}

static void fill(struct call *c, const struct vcs_client *client, bool again)
{
	struct json_object *fields = json_put_object(c->model, "fields");
	struct json_object *editable = json_put_list(c->model, "editable");
	struct json_object *rows = json_put_list(c->ui, "fields");
	const char *version = make_version(c, client);

	for (int i = 0; i < VCS_DETAILS; i++) {
		const char *name = vcs_detail_names[i], *now;
		struct rule rule = find_field(c, client, i);

		if (!rule.shown)
			continue;
		now = mend(c->mem, client->details[i]);
		json_put_text(fields, name, now);
		if (rule.edit)
			json_put_text(editable, NULL, name);
		add_row(c, rows, i, rule, now,
		    again && rule.edit ? req_raw(c->req, name) : NULL);
	}
	/* The form's own version stays, lest a second try overwrite unseen. */
	if (again && c->status != 409 && req_text(c->req, "version"))
		version = req_text(c->req, "version");
	json_put_text(c->model, "version", version);
	json_put_flag(c->ui, "can_edit", json_length(editable) > 0);
}

/* theme.json may hide any of them. */
#define FIELDS "fields{~company ~email ~address ~registration_id ~tax_id}"

const char profile_answer[] = FIELDS " editable[] version";
/* Saved, but they cannot be read now. */
const char profile_saved_answer[] = FIELDS "? ~editable[] ~version";

enum err profile_load(struct call *c)
{
	enum err err = page_go(c);

	if (err)
		return err;
	if (page_section(c, "fields", c->client->err))
		fill(c, c->client, false);
	return page_end(c);
}

enum err profile_form(struct call *c)
{
	enum err err = page_go(c);

	if (!err && page_section(c, "fields", c->client->err))
		fill(c, c->client, true);
	return err;
}

/* --- Saving --------------------------------------------------------------- */

static struct vcs_client *read_again(struct call *c)
{
	struct vcs_trip *t = vcs_trip(c->brand, c->mem, c->session);
	struct vcs_client *client = vcs_ask_client(t);

	vcs_go(t);
	return client;
}

static void check_change(
    struct call *c, int i, struct rule rule, const char *text)
{
	const char *name = vcs_detail_names[i];
	int64_t chars = 0;

	for (const char *at = text; *at; at++)
		chars += ((unsigned char)*at & 0xc0) != 0x80;
	if (!*text && rule.required)
		req_add_fault(c->req, name, "field.required");
	else if (chars > limits[i])
		req_add_fault(c->req, name, "field.too_long");
	else if (i == VCS_EMAIL && *text && !account_is_email(text))
		req_add_fault(c->req, name, "profile.email_invalid");
}

/* Fills `changes`; how many. Faults say what may not be written. */
static size_t find_changes(struct call *c, const struct vcs_client *client,
    const char *changes[VCS_DETAILS])
{
	size_t n = 0;

	for (int i = 0; i < VCS_DETAILS; i++) {
		const char *name = vcs_detail_names[i];
		struct rule rule = find_field(c, client, i);
		const char *text = req_text(c->req, name);

		if (!req_raw(c->req, name))
			continue;
		if (!rule.edit) {
			req_add_fault(c->req, name, "field.unknown");
			continue;
		}
		text = text ? text : "";
		if (!strcmp(text, mend(c->mem, client->details[i])))
			continue;
		check_change(c, i, rule, text);
		changes[i] = text;
		n++;
	}
	return n;
}

/* VCS's word is the record's: whether an answer came or not. */
static bool is_saved(struct call *c, const char *const changes[VCS_DETAILS])
{
	struct vcs_client *client = read_again(c);

	if (client->err)
		return false;
	c->client = client;
	for (int i = 0; i < VCS_DETAILS; i++)
		if (changes[i] &&
		    (!client->details[i] ||
			strcmp(mend(c->mem, client->details[i]), changes[i])))
			return false;
	return true;
}

static enum err write_changes(
    struct call *c, const char *const changes[VCS_DETAILS])
{
	enum err err = vcs_update_client(c->brand, c->mem, c->session, changes);

	if (err && is_saved(c, changes))
		err = ERR_OK;
	if (!err) {
		log_info("profile.saved", "client %lld",
		    (long long)c->session->client_id);
		return ERR_OK;
	}
	c->notice = page_text(
	    c, err == ERR_RULE ? "profile.refused" : "profile.unsure");
	return err == ERR_RULE ? ERR_UPSTREAM : err;
}

static void note_changes(struct call *c, const struct vcs_client *before,
    const char *const changes[VCS_DETAILS])
{
	for (int i = 0; i < VCS_DETAILS; i++)
		if (changes[i])
			page_audit_mine(c,
			    (struct audit_entry){.event = AUDIT_PROFILE_CHANGED,
				.item = vcs_detail_names[i],
				.old = before->details[i],
				.new = changes[i]});
}

static enum err save(struct call *c)
{
	const char *changes[VCS_DETAILS] = {NULL};
	struct vcs_client *client = read_again(c);
	enum err err;
	size_t n;

	if (client->err)
		return ERR_BUSY;
	c->client = client;
	n = find_changes(c, client, changes);
	if (c->req->n_faults)
		return ERR_INPUT;
	if (!n) /* saved already: a double click */
		return ERR_OK;
	if (strcmp(make_version(c, client), req_text(c->req, "version"))) {
		c->status = 409;
		c->notice = page_text(c, "profile.conflict");
		return ERR_CONFLICT;
	}
	err = write_changes(c, changes);
	if (!err)
		note_changes(c, client, changes);
	return err;
}

static enum err answer_saved(struct call *c)
{
	struct vcs_client *client;

	c->location = "/api/profile";
	page_flash(c, page_text(c, "profile.saved"));
	if (c->req->format == FORMAT_HTML)
		return ERR_OK;
	client = read_again(c);
	if (page_section(c, "fields", client->err))
		fill(c, client, false);
	return ERR_OK;
}

enum err profile_submit(struct call *c)
{
	struct lease lease;
	enum err err;

	if (!c->db)
		return ERR_BUSY;
	err = lease_take(c->db, c->mem, c->brand->name,
	    mem_print(c->mem, "profile:%lld", (long long)c->session->client_id),
	    c->brand->conf->core_api.deadline_ms / 1000 * 3 + 60, PATIENCE_MS,
	    &lease);
	if (err)
		return err;
	err = save(c);
	lease_give(c->db, &lease);
	return err ? err : answer_saved(c);
}
