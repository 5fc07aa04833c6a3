/* vcs_account.c: what a customer changes in VCS. */
#include "domain/vcs_account.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_trip.h"

static enum err read_nothing(struct vcs_trip *t, struct vcs_ask *a)
{
	(void)t;
	(void)a;
	return ERR_OK;
}

/* A trip of nobody would ask nothing, and call that a success. */
static enum err run(struct vcs_trip *t, const enum err *err)
{
	if (!t->client)
		return ERR_INTERNAL;
	vcs_run(t);
	return *err;
}

bool vcs_can_find_client(const struct brand *b)
{
	return b->profile->methods[VCS_CLIENT_FIND].method != NULL;
}

struct finding {
	const char *login;
	int64_t client;
};

static enum err read_finding(struct vcs_trip *t, struct vcs_ask *a)
{
	struct finding *f = a->out;
	int64_t found = 0;
	size_t n = 0;

	(void)t;
	for (size_t i = 0; i < json_length(a->result); i++) {
		struct json_object *row = json_at(a->result, i);
		const char *login = vcs_read_text(row, vcs_field(a, "login"));
		const char *status = vcs_read_text(row, vcs_field(a, "status"));

		if (!login || strcasecmp(login, f->login) != 0 || !status ||
		    strcmp(status, "active") != 0)
			continue;
		found = vcs_read_int(row, vcs_field(a, "id"));
		n++;
	}
	f->client = n == 1 ? found : 0;
	return ERR_OK;
}

enum err vcs_find_client(
    struct brand *b, struct mem *m, const char *login, int64_t *client)
{
	struct vcs_trip *t = vcs_trip(b, m, NULL);
	struct finding f = {.login = login};
	enum err err = ERR_INTERNAL;
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_CLIENT_FIND, read_finding, &f, &err);

	json_put_text(a->vars, "login", login);
	vcs_run(t);
	*client = err ? 0 : f.client;
	return err;
}

struct vcs_client *vcs_read_client(struct brand *b, struct mem *m,
    int64_t client, const char *login, struct session *s)
{
	struct vcs_trip *t;
	struct vcs_client *c;

	*s = (struct session){
	    .client_id = client, .login = login, .kept = json_new(m)};
	t = vcs_trip(b, m, s);
	c = vcs_ask_client(t);
	vcs_run(t);
	return c;
}

enum err vcs_update_client(struct brand *b, struct mem *m, struct session *s,
    const char *const details[VCS_DETAILS])
{
	struct vcs_trip *t = vcs_trip(b, m, s);
	enum err err = ERR_INTERNAL;
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_CLIENT_UPDATE, read_nothing, NULL, &err);

	for (int i = 0; i < VCS_DETAILS; i++)
		if (details[i])
			json_put_text(a->vars, vcs_detail_names[i], details[i]);
	return run(t, &err);
}

enum err vcs_check_password(
    struct brand *b, struct mem *m, struct session *s, const char *password)
{
	int64_t client;
	enum err err = vcs_find_login(b, m, s->login, password, &client);

	if (err || client == s->client_id)
		return err;
	if (client)
		log_error("vcs.foreign_row",
		    "client.login: the log-in of client %" PRId64
		    " is now client %" PRId64 "'s",
		    s->client_id, client);
	return ERR_LOGIN;
}

enum err vcs_update_password(
    struct brand *b, struct mem *m, struct session *s, const char *password)
{
	struct vcs_trip *t = vcs_trip(b, m, s);
	enum err err = ERR_INTERNAL;
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_PASSWORD_UPDATE, read_nothing, NULL, &err);

	json_put_text(a->vars, "password", password);
	return run(t, &err);
}

static enum err read_voucher(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_voucher *v = a->out;

	(void)t;
	v->has_amount = vcs_read_money(
	    a->result, vcs_profile_field(a->method, "amount"), &v->amount);
	return ERR_OK;
}

struct vcs_voucher vcs_redeem(
    struct brand *b, struct mem *m, struct session *s, const char *code)
{
	struct vcs_voucher v = {.err = ERR_INTERNAL};
	struct vcs_trip *t = vcs_trip(b, m, s);
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_VOUCHER, read_voucher, &v, &v.err);

	json_put_text(a->vars, "code", code);
	run(t, &v.err);
	if (v.err != ERR_RULE)
		return v;
	/* "Method not found" is not about the voucher. */
	if (a->call.code != VCS_NO_METHOD)
		v.refusal = vcs_profile_error(a->method, a->trouble);
	if (!v.refusal)
		v.refusal = vcs_profile_error(a->method, a->call.data);
	if (!v.refusal)
		v.err = ERR_UPSTREAM;
	return v;
}
