/* vcs_profile.c: reads an API profile and fills in arguments. */
#include "domain/vcs_profile.h"

#include <errno.h>
#include <string.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

/* The portal's operations and the fields that it cannot do without. */
static const struct {
	const char *name, *needs[8];
} operations[VCS__MAX] = {
    [VCS_CORE_PING] = {"core.ping", {NULL}},
    [VCS_MANAGEMENT_PING] = {"management.ping", {NULL}},
    [VCS_LOGIN] = {"client.login", {"id"}},
    [VCS_CLIENT_FIND] = {"client.find", {"id", "login", "status"}},
    [VCS_CLIENT] = {"client.get", {"id", "name", "status", "credit", "balance",
				      "currency", "rate_table"}},
    [VCS_ACCOUNTS] = {"account.list", {"id", "name"}},
    [VCS_SERVICES] = {"service.list", {"id", "name"}},
    [VCS_CURRENCIES] = {"currency.list", {"id", "code"}},
    [VCS_RATES] = {"rate.list", {"code", "name", "price", "service"}},
    [VCS_RATE_OF_CODE] = {"rate.find", {"code", "name", "price", "service"}},
    [VCS_SUBSCRIPTIONS] = {"subscription.list", {"id", "package", "status"}},
    [VCS_XDRS] = {"xdr.list", {"time", "account", "duration", "cost"}},
    [VCS_USAGE] = {"usage.summary",
	{"day", "service", "account", "name", "volume", "events", "cost"}},
    [VCS_TRANSACTIONS] = {"transaction.list", {"time", "type", "amount"}},
    [VCS_INVOICES] = {"invoice.list", {"id", "number", "total", "paid", "due"}},
    [VCS_INVOICE_FILE] = {"invoice.file", {NULL}},
    [VCS_CLIENT_UPDATE] = {"client.update", {NULL}},
    [VCS_PASSWORD_UPDATE] = {"client.password", {NULL}},
    [VCS_VOUCHER] = {"voucher.redeem", {"amount"}},
    [VCS_TRANSACTION_ADD] = {"transaction.add", {"id"}},
};

static const char *const owners[] = {
    [VCS_OWNER_CLIENT] = "client",
    [VCS_OWNER_ACCOUNT] = "account",
    [VCS_OWNER_RATE_TABLE] = "rate_table",
};

struct reader {
	struct mem *mem;
	struct diag *diag;
	const char *path, *operation;
};

static void complain(struct reader *r, const char *what, const char *remedy)
{
	diag_add(r->diag, mem_print(r->mem, "%s: %s", r->path, r->operation),
	    remedy, "%s", what);
}

static int find_word(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (word && words[i] && !strcmp(words[i], word))
			return i;
	return -1;
}

static void read_owner(
    struct reader *r, struct json_object *o, struct vcs_method *method)
{
	struct json_object *owner = json_find(o, "owner");
	int i;

	if (!owner)
		return;
	i = find_word(owners, sizeof(owners) / sizeof(owners[0]),
	    json_find_text(owner, "is"));
	method->owner_field = json_find_text(owner, "field");
	if (i < 0 || !method->owner_field)
		complain(r, "owner is not right",
		    "write {\"field\": \"...\", \"is\": "
		    "\"client|account|rate_table\"}");
	else
		method->owner = (enum vcs_owner)i;
}

static void check_fields(
    struct reader *r, const struct vcs_method *method, const char *const *needs)
{
	for (; *needs; needs++)
		if (!vcs_profile_field(method, *needs))
			complain(r,
			    mem_print(
				r->mem, "the field \"%s\" is missing", *needs),
			    "name the field of VCS's answer under \"fields\"");
}

/* Only what no customer owns may come without an owner. */
static bool needs_owner(int operation)
{
	return operation >= VCS_CLIENT && operation != VCS_SERVICES &&
	       operation != VCS_CURRENCIES && operation != VCS_INVOICE_FILE;
}

/* Lists of words, by our name of a refusal. */
static bool are_errors_right(struct json_object *errors)
{
	if (!errors)
		return true;
	if (!json_is(errors, JSON_OBJECT))
		return false;
	json_each (errors, name, words) {
		(void)name;
		if (!json_is(words, JSON_LIST))
			return false;
		for (size_t i = 0; i < json_length(words); i++)
			if (!json_is(json_at(words, i), JSON_TEXT))
				return false;
	}
	return true;
}

static void read_method(struct reader *r, struct json_object *o,
    struct vcs_method *method, int operation)
{
	static const char *const apis[] = {"core", "management"};
	static const char *const answers[] = {"any", "object", "rows"};
	static const char *const evidence[] = {
	    "documented", "observed", "guess"};
	int api = find_word(apis, 2, json_find_text(o, "api"));
	int answer = find_word(answers, 3, json_find_text(o, "answer"));

	method->fields = json_find(o, "fields");
	method->errors = json_find(o, "errors");
	method->fixed = json_find(o, "rows");
	method->method = "rows of the profile";
	if (method->fixed && !needs_owner(operation)) {
		check_fields(r, method, operations[operation].needs);
		return;
	}
	method->method = json_find_text(o, "method");
	method->evidence = json_find_text(o, "evidence");
	method->params = json_find(o, "params");
	if (api < 0 || answer < 0 || !method->method ||
	    find_word(evidence, 3, method->evidence) < 0 ||
	    !json_is(method->params, JSON_OBJECT)) {
		complain(r,
		    "api, method, evidence, params or answer is not right",
		    "compare with conf/vcs/default.json");
		return;
	}
	method->management = api == 1;
	method->write = json_flag(json_find(o, "write"));
	method->answer = (enum vcs_answer)answer;
	read_owner(r, o, method);
	if (needs_owner(operation) && !method->owner)
		complain(r, "has no owner, so rows could not be checked",
		    "name the field that says whose row it is");
	if (!are_errors_right(method->errors)) {
		complain(r, "errors is not right",
		    "write {\"NAME\": [\"words of VCS's message\"]}");
		method->errors = NULL;
	}
	check_fields(r, method, operations[operation].needs);
}

/* xDRs can be added up; forgotten passwords are the provider's to reset. */
static bool may_lack(int operation)
{
	return operation == VCS_USAGE || operation == VCS_CLIENT_FIND;
}

const struct vcs_profile *vcs_profile_load(
    struct mem *m, const char *path, struct diag *d)
{
	struct reader r = {m, d, path, "profile"};
	struct vcs_profile *p = mem_alloc(m, sizeof(*p));
	char *text = conf_read_file(m, path, NULL);
	struct json_object *root, *all;
	const struct json_rules rules = {.depth = JSON_DEEP};
	struct json_stop stop;

	if (!text) {
		complain(&r, strerror(errno),
		    "coreApi.profile names a file of conf/vcs, or a path");
		return NULL;
	}
	json_scan(m, text, strlen(text), &rules, &root, &stop);
	all = json_find(root, "operations");
	if (!all) {
		complain(&r, stop.what ? stop.what : "no \"operations\"",
		    "compare with conf/vcs/default.json");
		return NULL;
	}
	p->path = path;
	for (int i = 0; i < VCS__MAX; i++) {
		struct json_object *o = json_find(all, operations[i].name);

		r.operation = operations[i].name;
		p->methods[i].operation = operations[i].name;
		if (o)
			read_method(&r, o, &p->methods[i], i);
		else if (!may_lack(i))
			complain(&r, "is missing",
			    "copy it from conf/vcs/default.json");
	}
	return p;
}

const char *vcs_profile_field(
    const struct vcs_method *method, const char *field)
{
	return json_find_text(method->fields, field);
}

const char *vcs_profile_error(
    const struct vcs_method *method, const char *message)
{
	if (!message || !json_is(method->errors, JSON_OBJECT))
		return NULL;
	json_each (method->errors, name, words)
		for (size_t i = 0; i < json_length(words); i++)
			if (strcasestr(
				message, json_text(json_at(words, i), NULL)))
				return name;
	return NULL;
}

/* False: the value is a variable that is not there. */
static bool fill_value(struct mem *m, struct json_object *in,
    struct json_object *vars, struct json_object **out);

static struct json_object *fill_list(
    struct mem *m, struct json_object *in, struct json_object *vars)
{
	struct json_object *list = json_new_list(m), *value;

	for (size_t i = 0; i < json_length(in); i++)
		if (fill_value(m, json_at(in, i), vars, &value))
			json_put(list, NULL, value);
	return list;
}

static struct json_object *fill_object(
    struct mem *m, struct json_object *in, struct json_object *vars)
{
	struct json_object *object = json_new(m), *filled;

	json_each (in, key, value)
		if (fill_value(m, value, vars, &filled))
			json_put(object, key, filled);
	return object;
}

static bool fill_value(struct mem *m, struct json_object *in,
    struct json_object *vars, struct json_object **out)
{
	const char *text;
	struct json_object *value;

	switch (json_kind(in)) {
	case JSON_OBJECT:
		*out = fill_object(m, in, vars);
		return true;
	case JSON_LIST:
		*out = fill_list(m, in, vars);
		return true;
	case JSON_TEXT:
		text = json_text(in, NULL);
		if (text[0] == '$') {
			value = json_find(vars, text + 1);
			*out = value;
			return value != NULL;
		}
		break;
	default:
		break;
	}
	*out = in;
	return true;
}

struct json_object *vcs_profile_params(
    const struct vcs_method *method, struct json_object *vars)
{
	return fill_object(json_pool(vars), method->params, vars);
}
