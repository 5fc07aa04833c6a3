/* cli_routes.c: `portico routes`: the routing table, for people or programs. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli.h"
#include "pages/page.h"

static const struct {
	unsigned flag;
	const char *name;
} flags[] = {
    {PAGE_PUBLIC, "public"},
    {PAGE_LAX, "lax"},
    {PAGE_JSON_ONLY, "json_only"},
    {PAGE_NO_CLIENT, "no_client"},
    {PAGE_TOKEN_LOGIN, "token_login"},
    {PAGE_HOOK, "hook"},
    {PAGE_PAYS, "pays"},
    {PAGE_NO_CODE, "no_code"},
    {PAGE_NO_FACTOR, "no_factor"},
};

enum { N_FLAGS = sizeof(flags) / sizeof(flags[0]) };

static const char *method_name(const struct page *p)
{
	return p->method == METHOD_POST ? "POST" : "GET";
}

static const struct param *first_param(const struct page *p)
{
	static const struct param none = {0};

	return p->params ? p->params : &none;
}

static const char *list_flags(struct mem *m, const struct page *p)
{
	struct buf b;

	buf_open(&b, m, 32);
	for (size_t i = 0; i < N_FLAGS; i++)
		if (p->flags & flags[i].flag)
			buf_print(&b, "%s%s", b.len ? "," : "", flags[i].name);
	return b.len ? b.data : "-";
}

static void print_row(struct mem *m, const struct page *p)
{
	printf("%-5s%-28s%-15s%-30s", method_name(p), p->path,
	    p->tmpl ? p->tmpl : "-", list_flags(m, p));
	for (const struct param *a = first_param(p); a->name; a++)
		printf(" %s%s", a->name, a->required ? "*" : "");
	putchar('\n');
}

static void put_params(struct json_object *row, const struct page *p)
{
	struct json_object *list = json_put_list(row, "parameters");

	for (const struct param *a = first_param(p); a->name; a++) {
		struct json_object *o = json_put_object(list, NULL);

		json_put_text(o, "name", a->name);
		json_put_flag(o, "required", a->required);
		json_put_text(o, "choices", a->choices);
		json_put_text(o, "about", a->about);
	}
}

static void print_json(struct mem *m)
{
	struct json_object *all = json_new_list(m);

	for (const struct page *p = pages; p->path; p++) {
		struct json_object *row = json_put_object(all, NULL), *list;

		json_put_text(row, "method", method_name(p));
		json_put_text(row, "path", p->path);
		json_put_text(row, "template", p->tmpl);
		list = json_put_list(row, "flags");
		for (size_t i = 0; i < N_FLAGS; i++)
			if (p->flags & flags[i].flag)
				json_put_text(list, NULL, flags[i].name);
		list = json_put_list(row, "files");
		if (p->export) {
			json_put_text(list, NULL, "csv");
			json_put_text(list, NULL, "xlsx");
		}
		put_params(row, p);
		json_put_text(row, "about", p->about);
	}
	puts(json_write_pretty(m, all));
}

int cli_routes(const struct cli *c)
{
	struct mem *m = mem_open(0);

	if (c->json)
		print_json(m);
	else
		for (const struct page *p = pages; p->path; p++)
			print_row(m, p);
	mem_close(m);
	return 0;
}
