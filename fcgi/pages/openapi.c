/* openapi.c: the description of the JSON API (OpenAPI 3.0), made from the
 * routing table, so that it cannot say anything else. */
#include "pages/routes.h"

#include <string.h>

static void put_choices(struct json_object *schema, const struct param *p)
{
	struct json_object *list = json_put_list(schema, "enum");
	const char *at = p->choices;

	while (*at) {
		size_t len = strcspn(at, "|");
		struct json_object *word =
		    json_object_new_string_len(at, (int)len);

		json_put(list, NULL, word);
		if (p->type == PARAM_SORT) {
			char down[64] = "-";

			strncat(down, at, len < 60 ? len : 60);
			json_put_text(list, NULL, down);
		}
		at += len + (at[len] == '|');
	}
}

static struct json_object *make_schema(const struct param *p)
{
	struct json_object *s = json_object_new_object();
	bool number = p->type == PARAM_NUMBER;

	json_put_text(s, "type", number ? "integer" : "string");
	if (p->type == PARAM_DATE)
		json_put_text(s, "format", "date");
	if (p->type == PARAM_SECRET)
		json_put_text(s, "format", "password");
	if (p->min || number)
		json_put_int(s, number ? "minimum" : "minLength", p->min);
	if (p->max)
		json_put_int(s, number ? "maximum" : "maxLength", p->max);
	if (p->choices)
		put_choices(s, p);
	if (p->standard && number)
		json_put(s, "default", json_tokener_parse(p->standard));
	else if (p->standard)
		json_put_text(s, "default", p->standard);
	return s;
}

static void put_query(struct json_object *operation, const struct param *p)
{
	struct json_object *list = json_put_list(operation, "parameters");

	for (; p->name; p++) {
		struct json_object *o = json_object_new_object();

		json_put_text(o, "name", p->name);
		json_put_text(o, "in", "query");
		json_put_flag(o, "required", p->required);
		json_put_text(o, "description", p->about);
		json_put(o, "schema", make_schema(p));
		json_put(list, NULL, o);
	}
}

static void put_body(struct json_object *operation, const struct param *params)
{
	struct json_object *content, *schema, *required, *properties;
	const char *const types[] = {
	    "application/json", "application/x-www-form-urlencoded"};

	schema = json_object_new_object();
	json_put_text(schema, "type", "object");
	properties = json_put_object(schema, "properties");
	required = json_object_new_array();
	for (const struct param *p = params; p->name; p++) {
		struct json_object *s = make_schema(p);

		json_put_text(s, "description", p->about);
		json_put(properties, p->name, s);
		if (p->required)
			json_put_text(required, NULL, p->name);
	}
	/* An empty list is no list of required fields to OpenAPI. */
	if (json_length(required))
		json_put(schema, "required", required);
	else
		json_object_put(required);
	content = json_put_object(
	    json_put_object(operation, "requestBody"), "content");
	for (size_t i = 0; i < 2; i++)
		json_put(json_put_object(content, types[i]), "schema",
		    json_object_get(schema));
	json_object_put(schema);
}

static void put_response(struct json_object *responses, const char *status,
    const char *about, const char *schema)
{
	struct json_object *r = json_put_object(responses, status);

	json_put_text(r, "description", about);
	if (schema)
		json_put_text(json_put_object(
				  json_put_object(json_put_object(r, "content"),
				      "application/json"),
				  "schema"),
		    "$ref", schema);
}

static void put_responses(
    struct json_object *operation, const struct page *page)
{
	static const char error[] = "#/components/schemas/error";
	struct json_object *r = json_put_object(operation, "responses");

	put_response(r, "200", "Done.", NULL);
	put_response(r, "400", "A parameter is wrong: see fields.", error);
	if (!(page->flags & PAGE_PUBLIC) || page->flags & PAGE_TOKEN_LOGIN)
		put_response(r, "401", "Nobody is logged in.", error);
	if (page->method == METHOD_POST)
		put_response(r, "403", "No or wrong CSRF token.", error);
	put_response(r, "502", "The billing system refused.", error);
	put_response(r, "503", "Too busy; see Retry-After.", error);
	put_response(r, "504", "The billing system was late.", error);
}

/* "GET /api/rates" as "get_rates". */
static const char *make_id(struct call *c, const struct page *page)
{
	char *id = mem_print(c->mem, "%s_%s",
	    page->method == METHOD_POST ? "post" : "get", page->path + 5);

	for (char *at = id; *at; at++)
		if (*at == '/' || *at == '.' || *at == ':')
			*at = '_';
	return id;
}

static void put_operation(
    struct call *c, struct json_object *paths, const struct page *page)
{
	struct json_object *path = json_find(paths, page->path), *o, *security;

	if (!path)
		path = json_put_object(paths, page->path);
	o = json_put_object(path, page->method == METHOD_POST ? "post" : "get");
	json_put_text(o, "operationId", make_id(c, page));
	json_put_text(o, "summary", page->about);
	if (page->method == METHOD_POST && page->params->name)
		put_body(o, page->params);
	else if (page->params->name)
		put_query(o, page->params);
	put_responses(o, page);
	security = json_put_list(o, "security");
	if (!(page->flags & PAGE_PUBLIC)) {
		struct json_object *one = json_object_new_object();

		json_put_list(one, "bearer");
		json_put(security, NULL, one);
	}
}

static void put_components(struct json_object *model)
{
	static const char schemas[] =
	    "{\"error\":{\"type\":\"object\",\"required\":[\"error\"],"
	    "\"properties\":{\"error\":{\"type\":\"object\","
	    "\"required\":[\"code\",\"message\",\"fields\",\"request_id\"],"
	    "\"properties\":{\"code\":{\"type\":\"string\"},"
	    "\"message\":{\"type\":\"string\"},"
	    "\"fields\":{\"type\":\"object\","
	    "\"additionalProperties\":{\"type\":\"string\"}},"
	    "\"request_id\":{\"type\":\"string\"}}}}},"
	    "\"money\":{\"type\":\"object\",\"properties\":{"
	    "\"amount\":{\"type\":\"string\"},"
	    "\"currency\":{\"type\":\"string\",\"nullable\":true},"
	    "\"text\":{\"type\":\"string\"}}},"
	    "\"time\":{\"type\":\"object\",\"nullable\":true,\"properties\":{"
	    "\"iso\":{\"type\":\"string\",\"format\":\"date-time\"},"
	    "\"text\":{\"type\":\"string\"}}},"
	    "\"quantity\":{\"type\":\"object\",\"properties\":{"
	    "\"value\":{\"type\":\"integer\"},"
	    "\"unit\":{\"type\":\"string\"},"
	    "\"text\":{\"type\":\"string\"}}}}";
	struct json_object *components = json_put_object(model, "components");
	struct json_object *bearer;

	json_put(components, "schemas", json_tokener_parse(schemas));
	bearer = json_put_object(
	    json_put_object(components, "securitySchemes"), "bearer");
	json_put_text(bearer, "type", "http");
	json_put_text(bearer, "scheme", "bearer");
}

enum err openapi_load(struct call *c)
{
	struct json_object *info, *paths;

	json_put_text(c->model, "openapi", "3.0.3");
	info = json_put_object(c->model, "info");
	json_put_text(info, "title", c->brand->conf->title);
	json_put_text(info, "version", PORTICO_VERSION);
	json_put_text(info, "description",
	    "Every page of the portal as JSON. Log in with a JSON body at "
	    "/api/login, then send the token as a bearer token.");
	paths = json_put_object(c->model, "paths");
	for (const struct page *p = pages; p->path; p++)
		put_operation(c, paths, p);
	put_components(c->model);
	return ERR_OK;
}
