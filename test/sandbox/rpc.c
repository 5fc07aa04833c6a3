/* rpc.c: the Core API's envelope: JSON-RPC 2.0, one request or a batch. */
#include "sandbox.h"

#include <string.h>

static struct json_object *member(
    struct json_object *in, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(in, json_type_object) ||
	    !json_object_object_get_ex(in, name, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

static size_t count_of(struct json_object *request)
{
	return json_object_is_type(request, json_type_array)
		   ? json_object_array_length(request)
		   : 1;
}

static struct json_object *item_of(struct json_object *request, size_t i)
{
	return json_object_is_type(request, json_type_array)
		   ? json_object_array_get_idx(request, i)
		   : request;
}

void core_read(struct exchange *x)
{
	x->api = CORE;
	x->request = x->body.text ? json_tokener_parse(x->body.text) : NULL;
	if (!x->request)
		return;
	for (size_t i = 0; i < count_of(x->request); i++) {
		struct json_object *item = item_of(x->request, i);
		struct json_object *method =
		    member(item, "method", json_type_string);

		if (method)
			http_operation(x, json_object_get_string(method),
			    member(item, "params", json_type_object));
	}
}

static void write_error(struct buf *out, int code, const char *message)
{
	buf_format(out, ",\"error\":{\"code\":%d,\"message\":", code);
	buf_json(out, message);
	buf_text(out, "}");
}

/* What a wrong token answers is not on record: an error object is a guess. */
static const char *check(struct json_object *item, struct call *c, int *code)
{
	struct json_object *method = member(item, "method", json_type_string);
	struct json_object *version = member(item, "jsonrpc", json_type_string);
	struct json_object *token;

	*code = -32600;
	if (!method || !version ||
	    strcmp(json_object_get_string(version), "2.0") != 0)
		return "Invalid Request";
	*code = -32602;
	c->params = member(item, "params", json_type_object);
	if (!c->params)
		return "Invalid params";
	*code = -32001;
	token = member(c->params, "AUTH", json_type_string);
	if (!token || strcmp(json_object_get_string(token), options.token) != 0)
		return "Authentication failed";
	*code = -32601;
	c->method = method_find(CORE, json_object_get_string(method));
	return c->method ? NULL : "Method not found";
}

static void serve_item(struct buf *out, struct json_object *item)
{
	struct json_object *id = NULL;
	struct call c = {0};
	struct fault fault;
	const char *wrong;
	int code;

	if (json_object_is_type(item, json_type_object))
		json_object_object_get_ex(item, "id", &id);
	wrong = check(item, &c, &code);
	buf_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (!wrong && fault_take(CORE, c.method->name, KIND(WRONG_ID), &fault))
		buf_text(out, "4711");
	else
		buf_text(out,
		    json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN));
	if (wrong) {
		write_error(out, code, wrong);
	} else if (method_run(&c)) {
		buf_text(out, ",\"result\":");
		buf_add(out, c.out.text, c.out.length);
	} else {
		write_error(out, c.code, c.error);
	}
	buf_text(out, "}");
	buf_free(&c.out);
}

void core_serve(struct exchange *x)
{
	bool batch = json_object_is_type(x->request, json_type_array);

	x->type = "application/json";
	if (strcmp(x->path, "/") != 0 || strcmp(x->method, "POST") != 0) {
		x->status = strcmp(x->path, "/") == 0 ? 405 : 404;
		buf_text(&x->reply, "{}");
		return;
	}
	if (!x->request) {
		buf_text(&x->reply, "{\"jsonrpc\":\"2.0\",\"id\":null");
		write_error(&x->reply, -32700, "Parse error");
		buf_text(&x->reply, "}");
		return;
	}
	if (batch && !json_object_array_length(x->request)) {
		serve_item(&x->reply, NULL);
		return;
	}
	buf_text(&x->reply, batch ? "[" : "");
	for (size_t i = 0; i < count_of(x->request); i++) {
		buf_text(&x->reply, i ? "," : "");
		serve_item(&x->reply, item_of(x->request, i));
	}
	buf_text(&x->reply, batch ? "]" : "");
}
