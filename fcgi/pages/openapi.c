/* openapi.c: the description of the JSON API, from the routing table. */
#include "pages/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages/routes.h"
#include "pages/page_shape.h"
#include "tools/crypto.h"

const char openapi_shape[] =
    "openapi info:any servers:any security:any paths:any components:any";

static const char media[] = "application/json";

/* --- Parameters ----------------------------------------------------------- */

static void put_choices(struct json_object *schema, const struct param *p)
{
	struct json_object *list = json_put_list(schema, "enum");
	const char *at = p->choices;
	char word[64];

	while (*at) {
		int len = (int)strcspn(at, "|");

		snprintf(word, sizeof(word), "%.*s", len, at);
		json_put_text(list, NULL, word);
		if (p->type == PARAM_SORT) {
			snprintf(word, sizeof(word), "-%.*s", len, at);
			json_put_text(list, NULL, word);
		}
		at += len + (at[len] == '|');
	}
}

static void put_bounds(struct json_object *schema, const struct param *p)
{
	int64_t most = p->type == PARAM_FREE ? 4096 : 1000;
	int64_t min = p->min ? p->min : p->required;

	if (p->type == PARAM_NUMBER) {
		json_put_int(schema, "minimum", p->min);
		if (p->max)
			json_put_int(schema, "maximum", p->max);
		return;
	}
	if (p->choices || p->type == PARAM_DATE)
		return;
	if (min)
		json_put_int(schema, "minLength", min);
	/* Where the row is silent, as req.h has it. */
	json_put_int(schema, "maxLength", p->max ? p->max : most);
}

static struct json_object *make_schema(struct mem *m, const struct param *p)
{
	struct json_object *s = json_new(m);
	bool number = p->type == PARAM_NUMBER;

	json_put_text(s, "type", number ? "integer" : "string");
	if (p->type == PARAM_DATE)
		json_put_text(s, "format", "date");
	if (p->type == PARAM_SECRET)
		json_put_text(s, "format", "password");
	put_bounds(s, p);
	if (p->choices)
		put_choices(s, p);
	if (p->standard && number)
		json_put_int(s, "default", strtoll(p->standard, NULL, 10));
	else if (p->standard)
		json_put_text(s, "default", p->standard);
	return s;
}

static struct json_object *make_parameter(struct mem *m, const char *name,
    const char *in, bool required, const char *about)
{
	struct json_object *o = json_new(m);

	json_put_text(o, "name", name);
	json_put_text(o, "in", in);
	json_put_flag(o, "required", required);
	json_put_text(o, "description", about);
	return o;
}

/* A file holds all rows: pages mean nothing to it. */
static bool is_of_file(const struct param *p)
{
	return strcmp(p->name, "page") != 0 && strcmp(p->name, "size") != 0;
}

static void put_parameters(
    struct json_object *operation, const struct page *page, bool file)
{
	struct mem *m = json_pool(operation);
	struct json_object *list = json_new_list(m), *o;

	if (strchr(page->path, ':')) {
		o = make_parameter(m, "id", "path", true, "What it is about.");
		json_put(list, NULL, o);
		o = json_put_object(o, "schema");
		json_put_text(o, "type", "string");
		json_put_text(o, "pattern", "^[0-9A-Za-z_-]+$");
	}
	for (const struct param *p = page->params;
	     p->name && page->method == METHOD_GET; p++) {
		if (file && !is_of_file(p))
			continue;
		o = make_parameter(m, p->name, "query", p->required, p->about);
		json_put(o, "schema", make_schema(m, p));
		json_put(list, NULL, o);
	}
	if (json_length(list))
		json_put(operation, "parameters", list);
}

/* Every POST takes it. */
static void put_csrf(struct json_object *properties)
{
	struct json_object *o = json_put_object(properties, "csrf");

	json_put_text(o, "type", "string");
	json_put_text(o, "description",
	    "The CSRF token of the page, with a cookie. Not with a bearer "
	    "token.");
}

static struct json_object *make_body_schema(
    struct mem *m, const struct param *params, bool *any_required)
{
	struct json_object *schema = json_new(m);
	struct json_object *properties, *required = json_new_list(m);

	json_put_text(schema, "type", "object");
	json_put_flag(schema, "additionalProperties", false);
	properties = json_put_object(schema, "properties");
	for (const struct param *p = params; p->name; p++) {
		struct json_object *s = make_schema(m, p);

		json_put_text(s, "description", p->about);
		json_put(properties, p->name, s);
		if (p->required)
			json_put_text(required, NULL, p->name);
	}
	put_csrf(properties);
	*any_required = json_length(required) > 0;
	json_put(schema, "required", required);
	return schema;
}

static void put_body(struct json_object *operation, const struct param *params)
{
	static const char *const kinds[] = {
	    media, "application/x-www-form-urlencoded"};
	struct json_object *body = json_put_object(operation, "requestBody");
	struct json_object *content, *schema;
	bool required;

	schema = make_body_schema(json_pool(operation), params, &required);
	json_put_flag(body, "required", required);
	content = json_put_object(body, "content");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		json_put(json_put_object(content, kinds[i]), "schema", schema);
}

/* --- Answers -------------------------------------------------------------- */

const struct shape *openapi_answer(
    struct mem *m, const struct page *page, int *status, const char **types)
{
	const char *text = page->answer ? page->answer : "", *wrong;
	const struct shape *shape;

	*types = NULL;
	*status = 200;
	if (!strncmp(text, "file ", 5)) {
		*types = text + 5;
		return NULL;
	}
	if (!strncmp(text, "201 ", 4)) {
		*status = 201;
		text += 4;
	}
	shape = shape_parse(m, text, &wrong);
	if (!shape)
		log_error("openapi.shape", "%s: mistake at \"%s\"", page->path,
		    wrong);
	return shape ? shape : shape_parse(m, "", &wrong);
}

/* Sections of a customer's page can fail alone. */
static void put_errors_member(
    struct json_object *schema, const struct page *page)
{
	if (page->flags & PAGE_PUBLIC)
		return;
	json_put(json_find(schema, "properties"), "errors",
	    json_constant(json_pool(schema),
		"{\"type\":\"object\",\"description\":\"The sections that "
		"failed; each is null.\",\"additionalProperties\":{"
		"\"type\":\"object\",\"required\":[\"code\"],"
		"\"properties\":{\"code\":{\"type\":\"string\"}}}}"));
}

static struct json_object *put_content(
    struct json_object *response, const char *type)
{
	struct json_object *content = json_find(response, "content");

	if (!content)
		content = json_put_object(response, "content");
	return json_put_object(content, type);
}

static struct json_object *put_response(
    struct json_object *responses, int status, const char *about)
{
	char number[12];
	struct json_object *r;

	snprintf(number, sizeof(number), "%d", status);
	r = json_put_object(responses, number);
	json_put_text(r, "description", about);
	return r;
}

/* Types in one text, separated by spaces. */
static void put_types(
    struct mem *m, struct json_object *response, const char *types)
{
	while (*types) {
		size_t len = strcspn(types, " ");

		put_content(response, mem_text_n(m, types, len));
		types += len + (types[len] == ' ');
	}
}

static void put_success(
    struct mem *m, struct json_object *responses, const struct page *page)
{
	struct json_object *r, *schema;
	const char *types;
	int status;
	const struct shape *shape = openapi_answer(m, page, &status, &types);

	r = put_response(responses, status, status == 201 ? "Made." : "Done.");
	if (types) {
		put_types(m, r, types);
		return;
	}
	schema = shape_make_schema(m, shape);
	put_errors_member(schema, page);
	json_put(put_content(r, media), "schema", schema);
	if (page->flags & PAGE_TOKEN_LOGIN) {
		json_put_text(r, "description",
		    "A JSON body: the token. A form: a cookie is set instead.");
		put_response(responses, 303,
		    "A form, where HTML is wanted: sets the cookie, and leads "
		    "to the page that was asked for.");
	}
	if (page->load != health_load)
		return;
	r = put_response(responses, 503, "The portal or the store is down.");
	json_put(put_content(r, media), "schema", schema);
}

/* --- Errors --------------------------------------------------------------- */

/* Only the customer's pages and the log-in ask the billing system. */
static bool asks_billing(const struct page *p)
{
	return p->flags & PAGE_TOKEN_LOGIN ||
	       !(p->flags & (PAGE_PUBLIC | PAGE_NO_CLIENT));
}

static bool has_param(const struct page *page, const char *name)
{
	for (const struct param *p = page->params; p->name; p++)
		if (!strcmp(p->name, name))
			return true;
	return false;
}

bool openapi_can_answer(const struct page *p, enum err e)
{
	bool post = p->method == METHOD_POST;
	bool open = p->flags & PAGE_PUBLIC;

	switch (e) {
	case ERR_LOGIN:
		return !open || p->flags & (PAGE_TOKEN_LOGIN | PAGE_HOOK);
	case ERR_CSRF:
		return post && !(p->flags & PAGE_HOOK);
	case ERR_TOO_LARGE:
	case ERR_TYPE:
		return post;
	case ERR_NOT_FOUND: /* an id in the path, or one that filters */
		return strchr(p->path, ':') || has_param(p, "account") ||
		       has_param(p, "invoice") || p->load == metrics_load ||
		       strstr(p->path, "/passkey");
	case ERR_RULE:
		return (post && !open && p->params->name) ||
		       has_param(p, "invoice") || has_param(p, "code");
	case ERR_CONFLICT:
		return (post && !open && p->params->name) ||
		       p->load == totp_begin;
	case ERR_UPSTREAM:
	case ERR_LATE:
		return asks_billing(p);
	case ERR_BUSY: /* the page of the health says so itself */
		return p->load != health_load;
	default:
		return true;
	}
}

const struct openapi_error openapi_errors[] = {
    {ERR_INPUT,
	"A parameter is unknown, malformed or out of range: see fields.", NULL},
    {ERR_LOGIN,
	"Nobody is logged in, or the log-in is wrong. code_required: the "
	"second factor's code is needed, too. factor_required: the brand asks "
	"for a second factor, and the customer has none yet.",
	"WWW-Authenticate"},
    {ERR_CSRF, "A request with a cookie, without the right CSRF token.", NULL},
    {ERR_NOT_FOUND, "It is not there, or it is somebody else's.", NULL},
    {ERR_CONFLICT, "It was changed meanwhile: read it again.", NULL},
    {ERR_TOO_LARGE,
	"The body is too large; or a file is: fewer rows, or CSV, will do.",
	NULL},
    {ERR_TYPE, "The body is neither JSON nor a form.", NULL},
    {ERR_RULE, "Well-formed, but refused by a rule: see fields.", NULL},
    {ERR_THROTTLED, "Too often.", "Retry-After"},
    {ERR_UPSTREAM, "The billing system refused, or answered nonsense.", NULL},
    {ERR_BUSY, "Overload, or nothing can be written now.", "Retry-After"},
    {ERR_LATE, "The billing system did not answer in time.", NULL},
    {0},
};

static void put_error(struct mem *m, struct json_object *responses, enum err e)
{
	struct json_object *r =
	    json_put_object(responses, mem_print(m, "%d", err_status(e)));

	json_put_text(
	    r, "$ref", mem_print(m, "#/components/responses/%s", err_code(e)));
}

/* A file may grow too large, too. */
static void put_errors(struct mem *m, struct json_object *responses,
    const struct page *page, bool file)
{
	for (const struct openapi_error *e = openapi_errors; e->code; e++)
		if (openapi_can_answer(page, e->code) ||
		    (file && e->code == ERR_TOO_LARGE))
			put_error(m, responses, e->code);
}

static void put_error_responses(struct json_object *components)
{
	struct json_object *all = json_put_object(components, "responses");

	for (const struct openapi_error *e = openapi_errors; e->code; e++) {
		struct json_object *r = json_put_object(all, err_code(e->code));

		json_put_text(r, "description", e->about);
		json_put_text(json_put_object(put_content(r, media), "schema"),
		    "$ref", "#/components/schemas/error");
		if (!e->header)
			continue;
		r = json_put_object(json_put_object(r, "headers"), e->header);
		json_put_text(json_put_object(r, "schema"), "type", "string");
	}
}

/* --- Operations ----------------------------------------------------------- */

/* "GET /api/invoices/:id/download" as "get_invoices_id_download". */
static const char *make_id(
    struct mem *m, const struct page *page, const char *suffix)
{
	char *id =
	    mem_print(m, "%s%s%s", page->method == METHOD_POST ? "post" : "get",
		page->path + 4, suffix);
	char *to = id;

	for (char *at = id; *at; at++)
		if (*at == '/' || *at == '.')
			*to++ = '_';
		else if (*at != ':')
			*to++ = *at;
	*to = '\0';
	return id;
}

const char *openapi_path(struct mem *m, const struct page *page)
{
	const char *id = strchr(page->path, ':');

	return id ? mem_print(m, "%.*s{id}%s", (int)(id - page->path),
			page->path, id + strcspn(id, "/"))
		  : page->path;
}

static struct json_object *put_operation(struct mem *m,
    struct json_object *paths, const struct page *page, const char *suffix)
{
	const char *name = mem_print(m, "%s%s", openapi_path(m, page), suffix);
	struct json_object *path = json_find(paths, name), *o, *security;

	if (!path)
		path = json_put_object(paths, name);
	o = json_put_object(path, page->method == METHOD_POST ? "post" : "get");
	json_put_text(o, "operationId", make_id(m, page, suffix));
	json_put_text(o, "summary", page->about);
	put_parameters(o, page, *suffix != '\0');
	if (page->method == METHOD_POST && page->params->name)
		put_body(o, page->params);
	security = json_put_list(o, "security");
	if (!(page->flags & PAGE_PUBLIC))
		json_put_list(json_put_object(security, NULL), "bearer");
	return json_put_object(o, "responses");
}

static void put_file_operation(struct mem *m, struct json_object *paths,
    const struct page *page, const char *suffix, const char *type)
{
	struct json_object *responses = put_operation(m, paths, page, suffix);

	put_content(put_response(responses, 200,
			"All rows that the filters let through, as a file."),
	    type);
	put_errors(m, responses, page, true);
}

static void put_page(
    struct mem *m, struct json_object *paths, const struct page *page)
{
	struct json_object *responses = put_operation(m, paths, page, "");

	put_success(m, responses, page);
	put_errors(m, responses, page, false);
	if (!page->export)
		return;
	put_file_operation(m, paths, page, ".csv", "text/csv");
	put_file_operation(m, paths, page, ".xlsx",
	    "application/"
	    "vnd.openxmlformats-officedocument.spreadsheetml.sheet");
}

static void put_components(struct mem *m, struct json_object *model)
{
	static const char error[] =
	    "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{"
	    "\"error\":{\"type\":\"object\","
	    "\"required\":[\"code\",\"message\",\"fields\",\"request_id\"],"
	    "\"properties\":{\"code\":{\"type\":\"string\"},"
	    "\"message\":{\"type\":\"string\"},"
	    "\"fields\":{\"type\":\"object\",\"description\":\"What is wrong "
	    "with which parameter.\","
	    "\"additionalProperties\":{\"type\":\"string\"}},"
	    "\"request_id\":{\"type\":\"string\"}}}}}";
	static const char bearer[] =
	    "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
	    "\"description\":\"The token that POST /api/login answered.\"}}";
	struct json_object *components = json_put_object(model, "components");
	struct json_object *schemas = json_put_object(components, "schemas");

	shape_put_types(schemas);
	json_put(schemas, "error", json_constant(m, error));
	put_error_responses(components);
	json_put(components, "securitySchemes", json_constant(m, bearer));
}

struct json_object *openapi_make(struct mem *m)
{
	struct json_object *model = json_new(m), *o;

	json_put_text(model, "openapi", "3.1.0");
	o = json_put_object(model, "info");
	json_put_text(o, "title", "Customer portal");
	json_put_text(o, "version", PORTICO_VERSION);
	json_put_text(o, "description",
	    "Every page of the portal as JSON. Log in with a JSON body at "
	    "/api/login, then send its token: Authorization: Bearer TOKEN. "
	    "Where the portal answers HTML by default, ask for JSON with "
	    "Accept: application/json, or add .json to the path.");
	o = json_put_object(json_put_list(model, "servers"), NULL);
	json_put_text(o, "url", "/");
	o = json_put_object(json_put_list(model, "security"), NULL);
	json_put_list(o, "bearer");
	o = json_put_object(model, "paths");
	for (const struct page *p = pages; p->path; p++)
		put_page(m, o, p);
	put_components(m, model);
	return model;
}

/* --- The page ------------------------------------------------------------- */

/* Made once a process: it never changes. */
static struct {
	struct mem *mem;
	char *text;
	size_t len;
	char tag[2 + CRYPTO_SHA256_HEX];
} made;

static void make_once(void)
{
	char hash[CRYPTO_SHA256_HEX];
	const char *text;
	struct mem *m;

	if (made.mem)
		return;
	m = mem_open(0);
	text = json_write(m, openapi_make(m), &made.len);
	made.mem = mem_open(0);
	made.text = mem_text_n(made.mem, text, made.len);
	crypto_sha256_hex(made.text, made.len, hash);
	snprintf(made.tag, sizeof(made.tag), "\"%.32s\"", hash);
	mem_close(m);
}

void openapi_send(struct call *c)
{
	const char *known = req_env(c->req, "HTTP_IF_NONE_MATCH");

	make_once();
	reply_header(c->reply, "Cache-Control", "public, max-age=300");
	reply_header(c->reply, "Vary", "Accept");
	reply_header(c->reply, "ETag", made.tag);
	if (known && strstr(known, made.tag))
		reply_send(c->reply, 304, media, "", 0);
	else
		reply_send(c->reply, 200, "application/json; charset=utf-8",
		    made.text, made.len);
}

enum err openapi_load(struct call *c)
{
	openapi_send(c);
	return ERR_OK;
}
