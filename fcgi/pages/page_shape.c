/* page_shape.c: shapes of answers: parser, JSON Schema, text. */
#include "pages/page_shape.h"

#include <string.h>

enum { DEEPEST = 8 };

/* What NAME:TYPE may say. */
static const struct {
	const char *name, *json, *format;
	const char *schema; /* under components; NULL: written in place */
} types[] = {
    {"text", "string", NULL, NULL},
    {"int", "integer", NULL, NULL},
    {"flag", "boolean", NULL, NULL},
    {"date", "string", "date", NULL},
    {"any", NULL, NULL, NULL},
    {"money", NULL, NULL,
	"{\"type\":\"object\",\"description\":\"A decimal with every digit "
	"that the billing system gave.\","
	"\"required\":[\"amount\",\"currency\",\"text\"],\"properties\":{"
	"\"amount\":{\"type\":\"string\","
	"\"pattern\":\"^-?[0-9]+([.][0-9]+)?$\"},"
	"\"currency\":{\"type\":[\"string\",\"null\"]},"
	"\"text\":{\"type\":\"string\"}}}"},
    {"time", NULL, NULL,
	"{\"type\":\"object\",\"description\":\"A moment, in the customer's "
	"time zone.\",\"required\":[\"iso\",\"text\"],\"properties\":{"
	"\"iso\":{\"type\":\"string\",\"format\":\"date-time\"},"
	"\"text\":{\"type\":\"string\"}}}"},
    {"quantity", NULL, NULL,
	"{\"type\":\"object\",\"description\":\"A duration (unit s) or a "
	"count of another unit.\","
	"\"required\":[\"value\",\"unit\",\"text\"],\"properties\":{"
	"\"value\":{\"type\":\"integer\"},\"unit\":{\"type\":\"string\"},"
	"\"text\":{\"type\":\"string\"}}}"},
    {"page", NULL, NULL,
	"{\"type\":\"object\",\"description\":\"Which page of a list this is. "
	"searched: only so many rows of a longer list were looked at.\","
	"\"required\":[\"number\",\"size\",\"more\"],\"properties\":{"
	"\"number\":{\"type\":\"integer\"},\"size\":{\"type\":\"integer\"},"
	"\"more\":{\"type\":\"boolean\"},\"searched\":{\"type\":\"integer\"}"
	"}}"},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

/* --- Parser --------------------------------------------------------------- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

struct parser {
	struct mem *mem;
	const char *at;
	int depth;
	bool bad;
};

static int find_type(const char *name)
{
	for (int i = 0; i < TYPES; i++)
		if (!strcmp(types[i].name, name))
			return i;
	return -1;
}

static const char *parse_word(struct parser *p, const char *of)
{
	size_t len = strspn(p->at, of);
	const char *word = mem_text_n(p->mem, p->at, len);

	p->bad = p->bad || !len;
	if (!p->bad)
		p->at += len;
	return word;
}

static bool take(struct parser *p, char c)
{
	if (*p->at != c || p->bad)
		return false;
	p->at++;
	return true;
}

static const char *parse_type(struct parser *p)
{
	const char *start = p->at;
	const char *type =
	    parse_word(p, "abcdefghijklmnopqrstuvwxyz0123456789_|");

	if (strchr(type, '|') || find_type(type) >= 0)
		return type;
	p->at = start;
	p->bad = true;
	return type;
}

static struct shape *parse_members(struct parser *p, char end);

/* What stands behind a name. */
static void parse_kind(struct parser *p, struct shape *s)
{
	s->type = "text";
	if (take(p, ':')) {
		s->type = parse_type(p);
	} else if (take(p, '{')) {
		s->kind = SHAPE_OBJECT;
		s->type = NULL;
		s->members = parse_members(p, '}');
	} else if (take(p, '[')) {
		s->kind = SHAPE_LIST;
		if (take(p, ']'))
			return;
		if (take(p, ':')) {
			s->type = parse_type(p);
			p->bad = p->bad || !take(p, ']');
			return;
		}
		s->type = NULL;
		s->members = parse_members(p, ']');
	}
}

static bool has_member(const struct shape *first, const char *name)
{
	for (; first; first = first->next)
		if (!strcmp(first->name, name))
			return true;
	return false;
}

static struct shape *parse_members(struct parser *p, char end)
{
	struct shape *first = NULL, **last = &first, *s;

	p->bad = p->bad || ++p->depth > DEEPEST;
	while (take(p, ' '))
		;
	while (!p->bad && *p->at != end) {
		s = mem_alloc(p->mem, sizeof(*s));
		s->optional = take(p, '~');
		s->name = parse_word(p, letters);
		p->bad = p->bad || has_member(first, s->name);
		parse_kind(p, s);
		s->nullable = take(p, '?');
		*last = s;
		last = &s->next;
		if (*p->at != end && *p->at != ' ')
			p->bad = true;
		while (take(p, ' '))
			;
	}
	if (!p->bad && end)
		p->at++;
	p->depth--;
	return first;
}

const struct shape *shape_parse(
    struct mem *m, const char *text, const char **wrong)
{
	struct parser p = {.mem = m, .at = text};
	struct shape *s = mem_alloc(m, sizeof(*s));

	s->kind = SHAPE_OBJECT;
	s->members = parse_members(&p, '\0');
	*wrong = p.bad ? p.at : NULL;
	return p.bad ? NULL : s;
}

/* --- JSON Schema ---------------------------------------------------------- */

static void put_words(
    struct json_object *schema, const char *words, bool nullable)
{
	struct json_object *list = json_put_list(schema, "enum");

	while (*words) {
		size_t len = strcspn(words, "|");

		json_put(
		    list, NULL, json_new_text(json_pool(list), words, len));
		words += len + (words[len] == '|');
	}
	if (nullable)
		json_put(list, NULL, NULL);
}

static void put_type(struct json_object *schema, const char *type, bool null)
{
	struct json_object *list;

	if (!null) {
		json_put_text(schema, "type", type);
		return;
	}
	list = json_put_list(schema, "type");
	json_put_text(list, NULL, type);
	json_put_text(list, NULL, "null");
}

static void put_ref(struct json_object *schema, const char *name, bool null)
{
	char ref[64] = "#/components/schemas/";
	struct json_object *any;

	for (size_t i = strlen(ref); *name && i < sizeof(ref) - 1; i++)
		ref[i] = *name++;
	if (!null) {
		json_put_text(schema, "$ref", ref);
		return;
	}
	any = json_put_list(schema, "anyOf");
	json_put_text(json_put_object(any, NULL), "$ref", ref);
	json_put_text(json_put_object(any, NULL), "type", "null");
}

static struct json_object *make_type(
    struct mem *m, const char *type, bool nullable)
{
	struct json_object *schema = json_new(m);
	int i = find_type(type);

	if (i < 0) {
		put_type(schema, "string", nullable);
		put_words(schema, type, nullable);
	} else if (types[i].schema) {
		put_ref(schema, type, nullable);
	} else if (types[i].json) {
		put_type(schema, types[i].json, nullable);
		if (types[i].format)
			json_put_text(schema, "format", types[i].format);
	}
	return schema;
}

static struct json_object *make_object(
    struct mem *m, const struct shape *members, bool nullable)
{
	struct json_object *schema = json_new(m);
	struct json_object *properties, *required = json_new_list(m);

	put_type(schema, "object", nullable);
	properties = json_put_object(schema, "properties");
	for (const struct shape *s = members; s; s = s->next) {
		json_put(properties, s->name, shape_make_schema(m, s));
		if (!s->optional)
			json_put_text(required, NULL, s->name);
	}
	json_put(schema, "required", required);
	return schema;
}

struct json_object *shape_make_schema(struct mem *m, const struct shape *s)
{
	struct json_object *schema;

	if (s->kind == SHAPE_TYPE)
		return make_type(m, s->type, s->nullable);
	if (s->kind == SHAPE_OBJECT)
		return make_object(m, s->members, s->nullable);
	schema = json_new(m);
	put_type(schema, "array", s->nullable);
	json_put(schema, "items",
	    s->type ? make_type(m, s->type, false)
		    : make_object(m, s->members, false));
	return schema;
}

void shape_put_types(struct json_object *schemas)
{
	for (int i = 0; i < TYPES; i++)
		if (types[i].schema)
			json_put(schemas, types[i].name,
			    json_constant(json_pool(schemas), types[i].schema));
}

/* --- Text ----------------------------------------------------------------- */

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_add_text(out, "  ");
}

static void print_members(
    const struct shape *members, struct buf *out, int depth);

static void print_value(const struct shape *s, struct buf *out, int depth)
{
	bool list = s->kind == SHAPE_LIST;

	buf_add_text(out, list ? "[" : "");
	if (s->type) {
		buf_add_text(out, s->type);
	} else if (!s->members) {
		buf_add_text(out, "{}");
	} else {
		buf_add_text(out, "{\n");
		print_members(s->members, out, depth + 1);
		indent(out, depth);
		buf_add_char(out, '}');
	}
	buf_add_text(out, list ? ", \xe2\x80\xa6]" : "");
	buf_add_text(out, s->nullable ? " or null" : "");
}

static void print_members(
    const struct shape *members, struct buf *out, int depth)
{
	for (const struct shape *s = members; s; s = s->next) {
		indent(out, depth);
		buf_print(out, "\"%s\": ", s->name);
		print_value(s, out, depth);
		buf_add_text(out, s->next ? "," : "");
		buf_add_text(out, s->optional ? "  (may be missing)" : "");
		buf_add_char(out, '\n');
	}
}

void shape_print(const struct shape *s, struct buf *out)
{
	print_value(s, out, 0);
}
