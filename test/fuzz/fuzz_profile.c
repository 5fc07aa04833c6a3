/* fuzz_profile.c: any text as an API profile of the billing system
 * (conf/vcs). What no mistake is found in must make the arguments of every
 * call, and name every field; no row may come without its owner.
 *
 * Input: a profile; or an operation's name, a line end, and what stands there
 * in place of the shipped profile's.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/vcs_profile.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
	unlink(path);
}

static void put(const char *text, size_t len)
{
	FILE *f;

	if (!path[0]) {
		strcpy(path, "/tmp/fuzz_profile.XXXXXX");
		close(mkstemp(path));
		atexit(remove_file);
	}
	f = fopen(path, "w");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

/* The last of two members counts. */
static const char *lay_over(struct mem *m, const char *text)
{
	static struct mem *kept;
	static const char *shipped;
	size_t len = strcspn(text, "\n\"\\");
	struct json_object *o;

	if (!shipped) {
		kept = mem_open(0);
		o = json_constant(
		    kept, conf_read_file(
			      kept, SOURCE_DIR "/conf/vcs/default.json", NULL));
		shipped = mem_text(
		    kept, json_write(kept, json_find(o, "operations"), NULL));
	}
	if (text[len] != '\n')
		return text;
	return mem_print(m, "{\"operations\":%.*s,\"%.*s\":%s}}",
	    (int)strlen(shipped) - 1, shipped, (int)len, text, text + len + 1);
}

static void check_method(
    struct mem *m, const struct vcs_method *method, int operation)
{
	struct json_object *vars = json_new(m), *params;

	must(method->operation != NULL);
	if (!method->method || method->fixed)
		return;
	json_put_int(vars, "client", 1001);
	json_put_text(vars, "login", "heron");
	params = vcs_profile_params(method, vars);
	must(json_is(params, JSON_OBJECT));
	must(json_write(m, params, NULL) != NULL);
	must(!method->owner || method->owner_field);
	if (operation == VCS_XDRS || operation == VCS_TRANSACTIONS)
		must(method->owner != VCS_OWNER_NONE);
	vcs_profile_error(method, "This card was used already");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vcs_profile *p;
	const char *text;
	struct mem *m;
	struct diag d;

	if (size > 32768)
		return 0;
	m = mem_open(0);
	text = mem_text_n(m, (const char *)data, size);
	text = *text == '{' ? text : lay_over(m, text);
	put(text, strlen(text));
	diag_open(&d, m);
	p = vcs_profile_load(m, path, &d);
	must(p || d.n);
	for (int i = 0; p && !d.n && i < VCS__MAX; i++)
		check_method(m, &p->methods[i], i);
	for (size_t i = 0; i < d.n; i++)
		must(d.items[i].where && d.items[i].what && d.items[i].remedy);
	mem_close(m);
	return 0;
}
