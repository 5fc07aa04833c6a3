/* cli_render.c: `portico render TEMPLATE MODEL.json`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "tools/tmpl.h"

static void read_all(FILE *in, struct buf *out)
{
	char piece[4096];
	size_t got;

	while ((got = fread(piece, 1, sizeof(piece), in)) > 0)
		buf_add(out, piece, got);
}

/* NULL: `d` says what is wrong. */
static const char *read_text(
    struct mem *m, const char *path, size_t *len, struct diag *d)
{
	const char *text;
	struct buf b;

	if (!strcmp(path, "-")) {
		buf_open(&b, m, 4096);
		read_all(stdin, &b);
		*len = b.len;
		return b.data;
	}
	text = conf_read_file(m, path, len);
	if (!text)
		diag_add(d, path, "name a file, or - for standard input", "%s",
		    strerror(errno));
	return text;
}

/* False: `d` says what is wrong. A model may be any JSON value, null too. */
static bool parse_model(struct mem *m, const char *path, const char *text,
    size_t len, struct json_object **out, struct diag *d)
{
	const struct json_rules rules = {.depth = JSON_DEEP};
	struct json_stop stop;

	if (json_scan(m, text, len, &rules, out, &stop))
		return true;
	diag_add(d,
	    mem_print(m, "%s:%d", path, json_count_lines(text, text + stop.at)),
	    "mend the JSON there, or just before", "%s", stop.what);
	return false;
}

static bool render(
    const char *path, const char *model_path, struct mem *m, struct diag *d)
{
	const struct tmpl *t = tmpl_open_file(m, path, d);
	struct json_object *model;
	const char *text;
	struct buf out;
	size_t len;

	if (!t || d->n)
		return false;
	text = read_text(m, model_path, &len, d);
	if (!text || !parse_model(m, model_path, text, len, &model, d))
		return false;
	buf_open(&out, m, 4096);
	tmpl_render(t, model, &out);
	fwrite(out.data, 1, out.len, stdout);
	return fflush(stdout) == 0;
}

int cli_render(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct diag d;
	bool ok;

	diag_open(&d, m);
	ok = render(c->args[0], c->args[1], m, &d);
	cli_print_diag(&d);
	mem_close(m);
	return ok ? 0 : 1;
}
