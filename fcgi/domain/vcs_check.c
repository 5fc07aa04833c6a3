/* vcs_check.c: asks a real VCS, operation by operation, and says what came of
 * it and what to change. Nothing is written; without a customer the questions
 * name ids that nobody has. */
#include "domain/vcs.h"

#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_trip.h"

struct check {
	struct brand *brand;
	struct mem *mem;
	struct json_object *kept;
	int64_t client;
	vcs_say say;
	void *ctx;
	size_t wrong;
};

static enum err read_nothing(struct vcs_trip *t, struct vcs_ask *a)
{
	(void)t;
	(void)a;
	return ERR_OK;
}

static bool mentions(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (strcasestr(text, *words))
			return true;
	return false;
}

static void report(struct check *k, const struct vcs_ask *a,
    const char *verdict, const char *detail, const char *remedy)
{
	if (strcmp(verdict, "works") != 0)
		k->wrong++;
	k->say(k->ctx, a->method->operation, verdict, detail, remedy);
}

static void report_refusal(struct check *k, const struct vcs_ask *a)
{
	static const char *const method[] = {
	    "method not found", "unknown method", "no such method", NULL};
	static const char *const token[] = {
	    "token", "auth", "login", "denied", "permission", NULL};
	const char *profile = k->brand->profile->path;

	if (a->call.code == -32601 || mentions(a->trouble, method))
		report(k, a, "unknown method",
		    mem_print(k->mem, "%s: %s", a->method->method, a->trouble),
		    mem_print(k->mem,
			"put this release's name of it into %s, \"%s\": "
			"\"method\"",
			profile, a->method->operation));
	else if (mentions(a->trouble, token))
		report(k, a, "refused", a->trouble,
		    a->method->management
			? "check managementApi.login and .password, and the "
			  "role of that user in VCS"
			: "check coreApi.authToken: VCS, Integration, API "
			  "tokens");
	else if (!k->client && a->method->owner)
		report(k, a, "works", "refuses an id that nobody has", "");
	else
		report(k, a, "refused", a->trouble,
		    mem_print(k->mem, "compare the arguments in %s, \"%s\"",
			profile, a->method->operation));
}

static void report_connection(struct check *k, const struct vcs_ask *a)
{
	static const char *const tls[] = {
	    "ssl", "tls", "certificate", "gnutls", NULL};
	static const char *const name[] = {
	    "does not match", "hostname", "subject", NULL};
	bool management = a->method->management;

	if (a->err == ERR_LATE)
		report(k, a, "no answer in time", a->trouble,
		    management ? "check the firewall and managementApi.uri, or "
				 "raise managementApi.deadlineMs"
			       : "check the firewall and coreApi.uri, or raise "
				 "coreApi.deadlineMs");
	else if (mentions(a->trouble, tls) && mentions(a->trouble, name))
		report(k, a, "TLS", a->trouble,
		    "\"managementApi\": {\"serverName\": \"the name in VCS's "
		    "certificate\"}");
	else if (mentions(a->trouble, tls))
		report(k, a, "TLS", a->trouble,
		    "\"managementApi\": {\"caFile\": "
		    "\"/etc/portico/vcs-ca.pem\""
		    "}: VCS's own certificate, or that of its CA");
	else
		report(k, a, "no connection", a->trouble,
		    management ? "check managementApi.uri"
			       : "check coreApi.uri");
}

/* NULL: the first row has all fields that the profile names. */
static const char *find_missing(
    struct json_object *row, const struct vcs_method *method)
{
	if (!json_is(row, JSON_OBJECT) || !method->fields)
		return NULL;
	json_each (method->fields, key, theirs) {
		(void)key;
		const char *name = json_text(theirs, NULL);

		if (name && !json_has(row, name, NULL))
			return name;
	}
	return NULL;
}

static void report_answer(struct check *k, const struct vcs_ask *a)
{
	struct json_object *row =
	    a->method->answer == VCS_ROWS ? json_at(a->result, 0) : a->result;
	const char *missing = find_missing(row, a->method);

	if (missing)
		report(k, a, "unexpected shape",
		    mem_print(k->mem, "an answer has no \"%s\"", missing),
		    mem_print(k->mem,
			"put this release's name of it into %s, \"%s\": "
			"\"fields\"",
			k->brand->profile->path, a->method->operation));
	else if (a->method->answer == VCS_ROWS)
		report(k, a, "works",
		    mem_print(k->mem, "%zu rows", json_length(a->result)), "");
	else
		report(k, a, "works", a->result ? "" : "nothing there", "");
}

/* All groupings at once, so that a row shows all its fields. */
static void put_groups(struct vcs_ask *a)
{
	static const char *const by[] = {"day", "service", "account", "name"};
	struct json_object *list = json_put_list(a->vars, "group_by");

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		json_put_text(list, NULL, vcs_profile_field(a->method, by[i]));
}

static void put_vars(struct check *k, struct vcs_ask *a, enum vcs_operation op)
{
	const char *time = vcs_profile_field(a->method, "time");

	json_put_text(a->vars, "login", "portico-check");
	json_put_text(a->vars, "password", "portico-check");
	json_put_text(a->vars, "order",
	    op == VCS_XDRS && time ? mem_print(k->mem, "-%s", time) : "+code");
	if (op == VCS_USAGE)
		put_groups(a);
	json_put_int(a->vars, "limit", 10);
	json_put_int(a->vars, "offset", 0);
	json_put_text(a->vars, "from", vcs_make_time(k->mem, 1577836800));
	json_put_text(a->vars, "to", vcs_make_time(k->mem, 1577923199));
}

static struct vcs_ask *ask(struct check *k, enum vcs_operation op)
{
	struct vcs_trip *t = vcs_trip(k->brand, k->mem, NULL);
	enum err *err = mem_alloc(k->mem, sizeof(*err));
	struct vcs_ask *a;

	t->client = k->client;
	t->kept = k->kept;
	t->quiet = true;
	a = vcs_add_ask(t, op, read_nothing, NULL, err);
	put_vars(k, a, op);
	vcs_run(t);
	return a;
}

static void check_operation(struct check *k, enum vcs_operation op)
{
	struct vcs_ask *a = ask(k, op);

	if (op == VCS_LOGIN && a->err == ERR_RULE && a->call.code != -32601)
		report(k, a, "works", "refuses a made-up log-in", "");
	else if (a->err == ERR_RULE)
		report_refusal(k, a);
	else if (a->err == ERR_OK)
		report_answer(k, a);
	else if (a->call.result)
		report(k, a, "unexpected shape", a->trouble, "");
	else
		report_connection(k, a);
}

static void keep_ids(struct check *k)
{
	struct vcs_ask *a;
	struct json_object *list;

	json_put_int(k->kept, "rate_table", 0);
	list = json_put_list(k->kept, "accounts");
	if (k->client) {
		a = ask(k, VCS_CLIENT);
		json_put_int(k->kept, "rate_table",
		    vcs_read_int(
			a->result, vcs_profile_field(a->method, "rate_table")));
		a = ask(k, VCS_ACCOUNTS);
		for (size_t i = 0; i < json_length(a->result); i++)
			json_put_int(list, NULL,
			    vcs_read_int(json_at(a->result, i),
				vcs_profile_field(a->method, "id")));
	}
	if (!json_length(list))
		json_put_int(list, NULL, 0);
}

size_t vcs_check(
    struct brand *b, struct mem *m, int64_t client, vcs_say say, void *ctx)
{
	struct check k = {.brand = b,
	    .mem = m,
	    .kept = json_new(m),
	    .client = client,
	    .say = say,
	    .ctx = ctx};

	keep_ids(&k);
	json_put_text(k.kept, "zone", b->conf->time_zone);
	for (int op = 0; op < VCS__MAX; op++)
		if (b->profile->methods[op].write)
			say(ctx, b->profile->methods[op].operation, "not tried",
			    "it changes something", "");
		else if (!b->profile->methods[op].method)
			say(ctx, b->profile->methods[op].operation,
			    "not in the profile",
			    op == VCS_USAGE ? "the portal adds up xDRs itself"
					    : "there is no reset of passwords",
			    "");
		else if (op != VCS_INVOICE_FILE &&
			 (!b->profile->methods[op].management ||
			     b->conf->management_api.login[0]))
			check_operation(&k, (enum vcs_operation)op);
	return k.wrong;
}
