/* markup.c: puts a test's text into the strings of an answer. */
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

/* Members that hold what people typed, whatever method answers them. */
static const char *const typed[] = {"name", "title", "clients_name",
    "client_name", "packages_name", "package_name", "code_name", "c_company",
    "c_email", "c_email_billing", "c_address", "reg_id", "tax_id", "cp_login",
    "groups", "notes", "author", "no", "ani", "ips", "src_number", "dst_number",
    NULL};

struct markup {
	const char *text;
	bool all;
	bool codes; /* "name" is a currency's code */
};

static bool is_typed(const struct markup *m, const char *key)
{
	if (m->codes && key && strcmp(key, "name") == 0)
		return false;
	for (size_t i = 0; key && typed[i]; i++)
		if (strcmp(typed[i], key) == 0)
			return true;
	return false;
}

static void mark_text(
    const struct markup *m, const char *key, struct json_object *value)
{
	struct buf b = {0};

	if (m->all) {
		json_object_set_string(value, m->text);
		return;
	}
	if (!is_typed(m, key))
		return;
	buf_text(&b, m->text);
	buf_text(&b, json_object_get_string(value));
	json_object_set_string(value, b.text);
	buf_free(&b);
}

static void mark(
    const struct markup *m, const char *key, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		mark_text(m, key, value);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			mark(m, key, json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach (value, name, inner)
			mark(m, name, inner);
	}
}

static void mark_error(const struct markup *m, struct call *c)
{
	struct buf b = {0};

	buf_text(&b, m->text);
	buf_text(&b, m->all ? "" : c->error);
	snprintf(c->error, sizeof(c->error), "%s", b.text);
	buf_free(&b);
}

bool markup_take(enum api api, const char *operation, struct fault *fault)
{
	return fault_take(api, operation, MARKUP_FAULTS, fault);
}

void markup_put(struct call *c, bool done)
{
	struct fault fault;
	struct json_object *answer;
	struct markup m;

	if (!markup_take(c->method->api, c->method->name, &fault))
		return;
	m = (struct markup){fault.text, fault.kind == MARKUP_ALL,
	    strcmp(c->method->name, "currencies.search") == 0};
	if (!done) {
		mark_error(&m, c);
		return;
	}
	answer = json_tokener_parse(c->out.text);
	mark(&m, NULL, answer);
	c->out.length = 0;
	buf_text(&c->out,
	    json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	json_object_put(answer);
}
