/* openapi_docs.c: the API's description as a page to read: the same tables as
 * the OpenAPI file. What comes from the tables is English in every language. */
#include "pages/openapi.h"
#include "pages/routes.h"
#include "pages/page_shape.h"

#include <inttypes.h>
#include <string.h>

/* --- Parameters ----------------------------------------------------------- */

static const char *print_choices(struct mem *m, const struct param *p)
{
	struct buf b;

	buf_open(&b, m, 128);
	buf_add_text(&b, "one of ");
	for (const char *at = p->choices; *at;) {
		size_t len = strcspn(at, "|");

		buf_add(&b, at, len);
		at += len + (at[len] == '|');
		buf_add_text(&b, *at ? ", " : "");
	}
	return b.data;
}

static const char *print_number(struct mem *m, const struct param *p)
{
	return p->max && p->max < INT32_MAX
		   ? mem_print(m, "whole number, %" PRId64 " to %" PRId64,
			 p->min, p->max)
		   : mem_print(m, "whole number from %" PRId64, p->min);
}

static const char *print_type(struct mem *m, const struct param *p)
{
	int64_t most = p->type == PARAM_FREE ? 4096 : 1000;
	const char *lines = p->type == PARAM_LINES ? " of several lines" : "";

	if (p->choices)
		return print_choices(m, p);
	if (p->type == PARAM_DATE)
		return "day, YYYY-MM-DD";
	if (p->type == PARAM_NUMBER)
		return print_number(m, p);
	most = p->max ? p->max : most;
	if (p->min > 1)
		return mem_print(m,
		    "text%s, %" PRId64 " to %" PRId64 " characters", lines,
		    p->min, most);
	return mem_print(
	    m, "text%s, up to %" PRId64 " characters", lines, most);
}

static void put_params(
    struct call *c, struct json_object *o, const struct page *page)
{
	struct json_object *list = json_put_list(o, "parameters"), *row;

	if (strchr(page->path, ':')) {
		row = json_put_object(list, NULL);
		json_put_text(row, "name", "id");
		json_put_text(row, "type", "text");
		json_put_text(row, "about", "Stands in the path.");
		json_put_flag(row, "required", true);
		json_put(row, "standard", NULL);
	}
	for (const struct param *p = page->params; p->name; p++) {
		row = json_put_object(list, NULL);
		json_put_text(row, "name", p->name);
		json_put_text(row, "type", print_type(c->mem, p));
		json_put_text(row, "about", p->about);
		json_put_flag(row, "required", p->required);
		json_put_text(row, "standard", p->standard);
	}
	json_put_flag(o, "has_parameters", json_length(list) > 0);
}

/* --- Example -------------------------------------------------------------- */

static const char *find_sample(const struct param *p)
{
	static const struct {
		const char *name, *value;
	} samples[] = {
	    {"from", "2026-11-01"},
	    {"to", "2026-11-30"},
	    {"q", "germany"},
	    {"number", "+49 30 901820"},
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (!strcmp(samples[i].name, p->name))
			return samples[i].value;
	return p->standard;
}

static void add_query(struct buf *b, struct mem *m, const struct param *p)
{
	char sign = '?';

	for (; p->name; p++) {
		const char *sample = find_sample(p);

		if (!sample)
			continue;
		buf_print(b, "%c%s=%s", sign, p->name, req_encode(m, sample));
		sign = '&';
	}
}

static void add_body(struct buf *b, const struct page *page)
{
	const char *comma = "";

	buf_add_text(b, " \\\n  -H 'Content-Type: application/json' -d '{");
	for (const struct param *p = page->params; p->name; p++) {
		if (!p->required)
			continue;
		buf_print(b, "%s\"%s\":\"...\"", comma, p->name);
		comma = ",";
	}
	buf_add_text(b, "}'");
}

static const char *make_example(
    struct call *c, const struct page *page, bool file)
{
	const char *base = c->brand->conf->public_uri;
	struct buf b;

	buf_open(&b, c->mem, 256);
	buf_print(&b, "curl%s", file ? " -OJ" : "");
	if (!(page->flags & PAGE_PUBLIC))
		buf_add_text(&b, " -H \"Authorization: Bearer $TOKEN\"");
	if (page->method == METHOD_POST)
		add_body(&b, page);
	buf_print(&b, " \\\n  '%s%s", *base ? base : "https://portal.example",
	    openapi_path(c->mem, page));
	if (page->method == METHOD_GET) {
		/* Also where HTML is the default. */
		if (!file && !strchr(page->path, '.'))
			buf_add_text(&b, ".json");
		add_query(&b, c->mem, page->params);
	}
	buf_add_char(&b, '\'');
	return b.data;
}

/* --- Rows ----------------------------------------------------------------- */

static void put_answer(
    struct call *c, struct json_object *o, const struct page *page)
{
	const char *types;
	int status;
	const struct shape *shape =
	    openapi_answer(c->mem, page, &status, &types);
	struct buf b;

	buf_open(&b, c->mem, 512);
	if (shape)
		shape_print(shape, &b);
	json_put_int(o, "status", status);
	json_put_text(o, "answer", shape ? b.data : NULL);
	json_put_text(o, "types", types);
	json_put_text(o, "example", make_example(c, page, types != NULL));
}

static void put_errors(
    struct call *c, struct json_object *o, const struct page *page)
{
	struct buf b;

	buf_open(&b, c->mem, 64);
	for (const struct openapi_error *e = openapi_errors; e->code; e++)
		if (openapi_can_answer(page, e->code))
			buf_print(
			    &b, "%s%d", b.len ? ", " : "", err_status(e->code));
	json_put_text(o, "errors", b.data);
}

static void put_row(
    struct call *c, struct json_object *list, const struct page *page)
{
	struct json_object *o = json_put_object(list, NULL);
	bool post = page->method == METHOD_POST;
	const char *path = openapi_path(c->mem, page);
	char *id =
	    mem_print(c->mem, "%s%s", post ? "post" : "get", page->path + 4);

	for (char *at = id; *at; at++)
		if (strchr("/.:", *at))
			*at = '-';
	json_put_text(o, "id", id);
	json_put_text(o, "anchor_url", mem_print(c->mem, "#%s", id));
	json_put_flag(o, "post", post);
	json_put_text(o, "method", post ? "POST" : "GET");
	json_put_text(o, "path", path);
	json_put_text(o, "about", page->about);
	json_put_flag(o, "open", (page->flags & PAGE_PUBLIC) != 0);
	json_put_text(
	    o, "csv", page->export ? mem_print(c->mem, "%s.csv", path) : NULL);
	json_put_text(o, "xlsx",
	    page->export ? mem_print(c->mem, "%s.xlsx", path) : NULL);
	put_params(c, o, page);
	put_answer(c, o, page);
	put_errors(c, o, page);
}

enum err docs_load(struct call *c)
{
	const char *base = c->brand->conf->public_uri;
	struct json_object *docs, *list;

	if (c->req->format != FORMAT_HTML) {
		openapi_send(c);
		return ERR_OK;
	}
	docs = json_put_object(c->ui, "docs");
	json_put_text(docs, "base", *base ? base : "https://portal.example");
	list = json_put_list(docs, "rows");
	for (const struct page *p = pages; p->path; p++)
		put_row(c, list, p);
	list = json_put_list(docs, "errors");
	for (const struct openapi_error *e = openapi_errors; e->code; e++) {
		struct json_object *o = json_put_object(list, NULL);

		json_put_int(o, "status", err_status(e->code));
		json_put_text(o, "code", err_code(e->code));
		json_put_text(o, "about", e->about);
	}
	return ERR_OK;
}
