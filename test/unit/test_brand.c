/* test_brand.c: what a brand is loaded from, what is wrong with it, and which
 * language a visitor gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_profile.h"
#include "tools/tmpl.h"

/* An installation of its own: what ships, and a theme that lacks most. */
struct fix {
	struct mem *m;
	char folder[64];
	struct diag diag;
	struct site *site;
};

static void write_file(struct fix *f, const char *name, const char *text)
{
	char *path = mem_print(f->m, "%s/%s", f->folder, name);
	FILE *out;

	for (char *c = path + strlen(f->folder) + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			mkdir(path, 0777);
			*c = '/';
		}
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void remove_file(struct fix *f, const char *name)
{
	assert_int_equal(unlink(mem_print(f->m, "%s/%s", f->folder, name)), 0);
}

static void link_folder(struct fix *f, const char *name)
{
	assert_int_equal(symlink(mem_print(f->m, SOURCE_DIR "/%s", name),
			     mem_print(f->m, "%s/%s", f->folder, name)),
	    0);
}

static int setup(void **state)
{
	static const char *const files[] = {"bootstrap.min.css",
	    "bootstrap.rtl.min.css", "portico.css", "client_portal_custom.css",
	    "icon.svg", "passkey.js", "image-resources/logo-login.png",
	    "image-resources/logo-panel.png"};
	struct fix *f = calloc(1, sizeof(*f));

	f->m = mem_open(0);
	strcpy(f->folder, "/tmp/portico-brand-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		write_file(f, mem_print(f->m, "static/default/%s", files[i]),
		    files[i]);
	write_file(f, "templates/acme/error.mustache", "ACME {{error.code}}");
	write_file(f, "static/acme/portico.css", "acme");
	link_folder(f, "templates/default");
	link_folder(f, "templates/locale");
	link_folder(f, "conf");
	setenv("PORTICO_SHARE", f->folder, 1);
	diag_open(&f->diag, f->m);
	*state = f;
	return 0;
}

static int drop(
    const char *path, const struct stat *s, int flag, struct FTW *ftw)
{
	(void)s;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->site)
		site_close(f->site);
	nftw(f->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
	unsetenv("PORTICO_SHARE");
	mem_close(f->m);
	free(f);
	return 0;
}

/* `more`: further settings, each with a comma in front. */
static struct brand *load(struct fix *f, const char *more)
{
	write_file(f, "customer-params.json",
	    mem_print(f->m,
		"{\"coreApi\":{\"uri\":\"http://127.0.0.1:9\","
		"\"authToken\":\"t\"},"
		"\"store\":{\"uri\":\"sqlite:%s/store/p.db\"}%s}",
		f->folder, more));
	if (f->site)
		site_close(f->site);
	diag_open(&f->diag, f->m);
	f->site = site_load(
	    mem_print(f->m, "%s/customer-params.json", f->folder), &f->diag);
	return f->site ? &f->site->brands[0] : NULL;
}

static struct brand *load_good(struct fix *f, const char *more)
{
	struct brand *b = load(f, more);

	if (f->diag.n)
		fail_msg(
		    "%s: %s", f->diag.items[0].where, f->diag.items[0].what);
	assert_non_null(b);
	return b;
}

static void check_diag(struct fix *f, const char *where, const char *what)
{
	const char *all = "";

	for (size_t i = 0; i < f->diag.n; i++) {
		const struct diag_item *d = &f->diag.items[i];

		assert_true(d->remedy[0]);
		if (strstr(d->where, where) && strstr(d->what, what))
			return;
		all = mem_print(f->m, "%s%s: %s\n", all, d->where, d->what);
	}
	fail_msg("no word of %s: %s in\n%s", where, what, all);
}

static char *render(struct fix *f, struct brand *b, const char *name)
{
	const struct tmpl *t = tmpl_find(b->languages[0].templates, name);
	struct json_object *model =
	    json_constant(f->m, "{\"error\":{\"code\":\"<x>\"},\"ui\":{}}");
	struct buf out;

	assert_non_null(t);
	buf_open(&out, f->m, 0);
	tmpl_render(t, model, &out);
	return out.data;
}

static const char *asset(struct brand *b, const char *key)
{
	return json_find_text(b->assets, key);
}

/* --- Loading -------------------------------------------------------------- */

static void the_shipped_brand(void **state)
{
	struct fix *f = *state;
	struct brand *b = load_good(f, "");

	assert_string_equal(b->name, "default");
	assert_int_equal(b->n_languages, 2);
	assert_string_equal(b->languages[0].locale, "en");
	assert_string_equal(b->languages[0].name, "English");
	assert_string_equal(b->languages[1].locale, "de");
	assert_string_equal(b->languages[1].name, "Deutsch");
	assert_true(json_length(json_find(b->theme, "menu")) > 0);
	assert_non_null(b->profile);
	assert_non_null(strstr(render(f, b, "login"), "<form"));
	assert_null(tmpl_find(b->languages[0].templates, "nonsense"));
	assert_ptr_equal(site_find(f->site, "default"), b);
	assert_null(site_find(f->site, "acme"));
	assert_null(site_find(f->site, ""));
	assert_null(site_find(f->site, "Default"));
	assert_null(site_find(f->site, "defaul"));
}

static void a_theme_overrides_what_it_has(void **state)
{
	struct fix *f = *state;
	struct brand *b = load_good(f, ",\"theme\":\"acme\"");

	assert_string_equal(render(f, b, "error"), "ACME &lt;x&gt;");
	assert_non_null(strstr(render(f, b, "login"), "<form"));
	assert_true(json_length(json_find(b->theme, "menu")) > 0);
	assert_non_null(strstr(asset(b, "style_url"), "/acme/portico.css"));
	assert_non_null(strstr(asset(b, "icon_url"), "/default/icon.svg"));
	write_file(f, "templates/acme/theme.json",
	    "{\"menu\":[],\"rates\":{\"columns\":[\"code\"]}}");
	write_file(f, "templates/acme/locale/en.json",
	    "{\"login.title\":\"Welcome to Acme\"}");
	b = load_good(f, ",\"theme\":\"acme\"");
	assert_int_equal(json_length(json_find(b->theme, "menu")), 0);
	assert_non_null(strstr(render(f, b, "login"), "Welcome to Acme"));
	assert_non_null(strstr(render(f, b, "login"), "Password"));
	b = load_good(f, "");
	assert_null(strstr(render(f, b, "login"), "Welcome to Acme"));
	assert_null(strstr(render(f, b, "error"), "ACME"));
}

static void a_theme_that_is_not_there(void **state)
{
	struct fix *f = *state;
	struct brand *b = load(f, ",\"theme\":\"nowhere\"");

	/* All falls back, or the start says so; never half of each. */
	if (!f->diag.n) {
		assert_non_null(strstr(render(f, b, "login"), "<form"));
		assert_non_null(
		    strstr(asset(b, "style_url"), "/default/portico.css"));
	} else {
		check_diag(f, "", "nowhere");
	}
}

static void fingerprints_change_with_the_file(void **state)
{
	struct fix *f = *state;
	struct brand *b = load_good(f, "");
	char *before = mem_text(f->m, asset(b, "style_url"));
	char *icon = mem_text(f->m, asset(b, "icon_url"));

	assert_int_equal(strncmp(before, "/static/v-", 10), 0);
	assert_int_equal(strspn(before + 10, "0123456789abcdef"), 12);
	assert_string_equal(before + 22, "/default/portico.css");
	b = load_good(f, "");
	assert_string_equal(asset(b, "style_url"), before);
	write_file(f, "static/default/portico.css", "changed");
	b = load_good(f, "");
	assert_string_not_equal(asset(b, "style_url"), before);
	assert_string_equal(asset(b, "icon_url"), icon);
}

static const char sheet[] = "/* %s %s */\nall of it\n";

/* What conf/package/sheets makes, of what there is. */
static void write_sheets(struct fix *f, struct brand *b)
{
	const char *style = mem_text_n(f->m, asset(b, "style_url") + 10, 12);

	write_file(f, "static/default/portal.css",
	    mem_print(f->m, sheet,
		mem_text_n(f->m, asset(b, "bootstrap_url") + 10, 12), style));
	write_file(f, "static/default/portal.rtl.css",
	    mem_print(f->m, sheet,
		mem_text_n(f->m, asset(b, "bootstrap_rtl_url") + 10, 12),
		style));
}

static void one_stylesheet_where_it_can_be(void **state)
{
	static const char custom[] = "static/default/client_portal_custom.css";
	struct fix *f = *state;

	write_file(f, custom, " /* nothing */\n");
	write_sheets(f, load_good(f, ""));
	assert_non_null(strstr(
	    asset(load_good(f, ""), "sheet_url"), "/default/portal.css"));
	assert_non_null(strstr(asset(load_good(f, ""), "sheet_rtl_url"),
	    "/default/portal.rtl.css"));
	assert_null(asset(load_good(f, ""), "custom_url"));
	/* A theme's own parts, and one that was edited since, are not in it. */
	assert_null(asset(load_good(f, ",\"theme\":\"acme\""), "sheet_url"));
	write_file(f, "static/default/portico.css", "edited");
	assert_null(asset(load_good(f, ""), "sheet_url"));
	write_sheets(f, load_good(f, ""));
	assert_non_null(asset(load_good(f, ""), "sheet_url"));
	/* One with a rule that must stand first stays by itself. */
	write_file(f, custom, "@import url(more.css);");
	assert_null(asset(load_good(f, ""), "sheet_url"));
	assert_non_null(asset(load_good(f, ""), "custom_url"));
}

static void own_style_is_part_of_the_stylesheet(void **state)
{
	struct fix *f = *state;
	struct brand *b;
	const char *url;

	write_sheets(f, load_good(f, ""));
	write_file(f, "templates/acme/theme.json",
	    "{\"colors\":{\"accent\":\"#0b7a75\"}}");
	remove_file(f, "static/acme/portico.css");
	write_file(f, "static/acme/client_portal_custom.css",
	    "a{background:url(a.png)}b{background:URL( 'b/c.svg#x')}"
	    "c{background:url(\"/d.png\")}d{background:url(data:x;,y)}");
	b = load_good(f, ",\"theme\":\"acme\"");
	url = asset(b, "custom_url");
	assert_int_equal(
	    strncmp(asset(b, "sheet_url"), "/api/theme/ltr-", 15), 0);
	assert_int_equal(
	    strncmp(asset(b, "sheet_rtl_url"), "/api/theme/rtl-", 15), 0);
	assert_non_null(strstr(b->sheets[0], "all of it"));
	assert_ptr_equal(strstr(b->sheet_more, b->style), b->sheet_more);
	assert_non_null(strstr(b->sheet_more,
	    mem_print(f->m,
		"a{background:url(%.*sa.png)}"
		"b{background:URL( '%.*sb/c.svg#x')}"
		"c{background:url(\"/d.png\")}d{background:url(data:x;,y)}",
		(int)(strrchr(url, '/') + 1 - url), url,
		(int)(strrchr(url, '/') + 1 - url), url)));
}

static void what_is_wrong_is_said(void **state)
{
	struct fix *f = *state;

	load(f, ",\"nonsense\":1");
	check_diag(f, "customer-params.json", "nonsense");
	load(f, ",\"timeZone\":\"Nowhere/Land\"");
	check_diag(f, "customer-params.json", "Nowhere/Land");
	load(f, ",\"session\":{\"idle\":\"long\"}");
	check_diag(f, "customer-params.json", "session.idle");
	write_file(f, "templates/acme/theme.json", "{\"menu\":");
	load(f, ",\"theme\":\"acme\"");
	check_diag(f, "templates/acme/theme.json", "");
	write_file(f, "templates/acme/theme.json", "[]");
	load(f, ",\"theme\":\"acme\"");
	check_diag(f, "templates/acme/theme.json", "object");
	remove_file(f, "templates/acme/theme.json");
	write_file(f, "templates/acme/login.mustache", "a\n{{{x}}}\n");
	load(f, ",\"theme\":\"acme\"");
	check_diag(f, "acme/login.mustache:2", "");
	remove_file(f, "templates/acme/login.mustache");
	write_file(f, "templates/acme/locale/de.json",
	    "{\"login.title\":\"{0, plural\"}");
	load(f, ",\"theme\":\"acme\"");
	check_diag(f, "acme/locale/de.json", "");
	remove_file(f, "templates/acme/locale/de.json");
	remove_file(f, "static/default/icon.svg");
	load(f, "");
	check_diag(f, "static/default/icon.svg", "No such file");
	load(f, ",\"theme\":\"acme\"");
	check_diag(f, "static/default/icon.svg", "No such file");
}

static void a_profile_of_its_own(void **state)
{
	struct fix *f = *state;
	struct brand *b;

	load(f, "");
	write_file(f, "mine.json", "{\"operations\":{}}");
	write_file(f, "customer-params.json",
	    mem_print(f->m,
		"{\"coreApi\":{\"authToken\":\"t\","
		"\"profile\":\"%s/mine.json\"}}",
		f->folder));
	diag_open(&f->diag, f->m);
	site_close(f->site);
	f->site = site_load(
	    mem_print(f->m, "%s/customer-params.json", f->folder), &f->diag);
	check_diag(f, "mine.json: client.get", "missing");
	write_file(f, "customer-params.json",
	    "{\"coreApi\":{\"authToken\":\"t\",\"profile\":\"nowhere\"}}");
	diag_open(&f->diag, f->m);
	site_close(f->site);
	f->site = site_load(
	    mem_print(f->m, "%s/customer-params.json", f->folder), &f->diag);
	check_diag(f, "conf/vcs/nowhere.json", "No such file");
	b = load_good(f, "");
	assert_non_null(b->profile);
}

static void nothing_to_load(void **state)
{
	struct fix *f = *state;

	assert_null(site_load("/nonexistent/x.json", &f->diag));
	check_diag(f, "/nonexistent", "");
	write_file(f, "customer-params.json", "{\"coreApi\":");
	assert_null(site_load(
	    mem_print(f->m, "%s/customer-params.json", f->folder), &f->diag));
	check_diag(f, "customer-params.json", "");
}

/* --- What brands have in common ------------------------------------------- */

static const char *of_brand(struct fix *f, const char *name, const char *file)
{
	return mem_print(f->m, "brands/%s/%s", name, file);
}

/* `more`: further settings, each with a comma in front. */
static void write_brand(struct fix *f, const char *name, const char *more)
{
	write_file(f, of_brand(f, name, "customer-params.json"),
	    mem_print(f->m,
		"{\"coreApi\":{\"authToken\":\"t\"},"
		"\"store\":{\"uri\":\"sqlite:%s/store/%s.db\"}%s}",
		f->folder, name, more));
}

static struct brand *find_brand(struct fix *f, const char *name)
{
	struct brand *b = site_find(f->site, name);

	assert_non_null(b);
	return b;
}

static const struct tmpl *tmpl_of(struct brand *b, size_t i, const char *name)
{
	const struct tmpl *t = tmpl_find(b->languages[i].templates, name);

	assert_non_null(t);
	return t;
}

static void a_hundred_brands_compile_once(void **state)
{
	enum { MANY = 100 };
	struct fix *f = *state;
	struct brand *b;
	size_t alone;

	load_good(f, "");
	alone = stock_count_made(f->site->stock);
	assert_true(alone > 50);
	for (size_t i = 0; i < MANY; i++)
		write_brand(f, mem_print(f->m, "b%zu", i), "");
	b = load_good(f, "");
	assert_int_equal(f->site->n_brands, MANY + 1);
	assert_int_equal(stock_count_made(f->site->stock), alone);
	assert_ptr_equal(
	    find_brand(f, "b7")->languages[1].fmt, b->languages[1].fmt);
	assert_ptr_equal(
	    tmpl_of(find_brand(f, "b99"), 1, "login"), tmpl_of(b, 1, "login"));
}

static void an_override_compiles_what_it_is_part_of(void **state)
{
	struct fix *f = *state;
	struct brand *b, *own;
	size_t alone;

	load_good(f, "");
	alone = stock_count_made(f->site->stock);
	write_brand(f, "own", "");
	write_brand(f, "plain", "");
	write_file(f, of_brand(f, "own", "templates/login.mustache"),
	    "OWN {{>default/login}}");
	b = load_good(f, "");
	own = find_brand(f, "own");
	assert_int_equal(
	    stock_count_made(f->site->stock), alone + own->n_languages);
	assert_non_null(strstr(render(f, own, "login"), "OWN <!doctype"));
	assert_ptr_equal(tmpl_of(own, 0, "error"), tmpl_of(b, 0, "error"));
	assert_null(strstr(render(f, b, "login"), "OWN"));
	/* What is part of others changes them, and a removed one nothing. */
	write_file(
	    f, of_brand(f, "own", "templates/languages.mustache"), "MINE");
	remove_file(f, of_brand(f, "own", "templates/login.mustache"));
	load_good(f, "");
	own = find_brand(f, "own");
	assert_non_null(strstr(render(f, own, "login"), "MINE"));
	assert_null(strstr(render(f, own, "login"), "OWN"));
	assert_null(strstr(render(f, find_brand(f, "plain"), "login"), "MINE"));
	remove_file(f, of_brand(f, "own", "templates/languages.mustache"));
	load_good(f, "");
	assert_int_equal(stock_count_made(f->site->stock), alone);
}

static void an_own_text_changes_what_says_it(void **state)
{
	struct fix *f = *state;
	struct brand *b, *own;
	size_t alone;

	load_good(f, "");
	alone = stock_count_made(f->site->stock);
	write_brand(f, "own", "");
	write_file(f, of_brand(f, "own", "templates/locale/en.json"),
	    "{\"login.title\":\"Welcome\"}");
	b = load_good(f, "");
	own = find_brand(f, "own");
	assert_non_null(strstr(render(f, own, "login"), "Welcome"));
	assert_null(strstr(render(f, b, "login"), "Welcome"));
	assert_ptr_equal(tmpl_of(own, 0, "error"), tmpl_of(b, 0, "error"));
	assert_ptr_equal(own->languages[1].fmt, b->languages[1].fmt);
	assert_true(stock_count_made(f->site->stock) > alone);
	assert_true(stock_count_made(f->site->stock) < alone + 5);
}

static void a_mistake_of_two_brands(void **state)
{
	struct fix *f = *state;

	write_brand(f, "one", ",\"theme\":\"acme\"");
	write_brand(f, "two", ",\"theme\":\"acme\"");
	write_brand(f, "three", "");
	write_file(f, "templates/acme/login.mustache", "{{{x}}}");
	load_good(f, "");
	assert_int_equal(f->site->n_refused, 2);
	assert_int_equal(f->site->mistakes.n, 1);
	assert_non_null(site_find(f->site, "three"));
	assert_null(site_find(f->site, "one"));
	assert_null(site_find(f->site, "two"));
	/* A brand may hide what is wrong in its theme. */
	write_file(f, of_brand(f, "one", "templates/login.mustache"), "ONE");
	load_good(f, "");
	assert_int_equal(f->site->n_refused, 1);
	assert_string_equal(render(f, find_brand(f, "one"), "login"), "ONE");
	assert_string_equal(
	    render(f, find_brand(f, "one"), "error"), "ACME &lt;x&gt;");
	/* But of texts, none: their files are read whole. */
	write_file(f, "templates/acme/locale/en.json", "{\"login.title\":7}");
	write_file(f, of_brand(f, "one", "templates/locale/en.json"),
	    "{\"login.login\":\"Name\"}");
	load_good(f, "");
	assert_int_equal(f->site->n_refused, 2);
}

/* --- Languages ------------------------------------------------------------ */

static const char *find(struct brand *b, const char *locale)
{
	struct language *l = brand_find_language(b, locale);

	return l ? l->locale : "none";
}

static const char *choose(struct brand *b, const char *accept)
{
	return brand_choose_language(b, accept)->locale;
}

static void finding_a_language(void **state)
{
	struct brand *b = load_good(*state,
	    ",\"locale\":\"en\",\"locales\":[\"en\",\"de\",\"de\","
	    "\"en\",\"en-XA\",\"ar-XB\"]");

	assert_int_equal(b->n_languages, 4);
	assert_string_equal(find(b, "de"), "de");
	assert_string_equal(find(b, "DE"), "de");
	assert_string_equal(find(b, "de-AT"), "de");
	assert_string_equal(find(b, "de_AT"), "de");
	assert_string_equal(find(b, "en-GB"), "en");
	assert_string_equal(find(b, "en-XA"), "en-XA");
	assert_string_equal(find(b, "ar-XB"), "ar-XB");
	assert_string_equal(find(b, "ar"), "none");
	assert_string_equal(find(b, "ar-EG"), "none");
	assert_string_equal(find(b, "fr"), "none");
	assert_string_equal(find(b, "d"), "none");
	assert_string_equal(find(b, "deu"), "none");
	assert_string_equal(find(b, ""), "none");
	assert_string_equal(find(b, "-"), "none");
	assert_string_equal(find(b, NULL), "none");
}

static void choosing_a_language(void **state)
{
	struct brand *b = load_good(*state, ",\"locales\":[\"en\",\"de\"]");

	assert_string_equal(choose(b, NULL), "en");
	assert_string_equal(choose(b, ""), "en");
	assert_string_equal(choose(b, "de"), "de");
	assert_string_equal(choose(b, " de "), "de");
	assert_string_equal(choose(b, "de-CH"), "de");
	assert_string_equal(choose(b, "fr"), "en");
	assert_string_equal(choose(b, "*"), "en");
	assert_string_equal(choose(b, "fr, de;q=0.1"), "de");
	assert_string_equal(choose(b, "en, de"), "en");
	assert_string_equal(choose(b, "de, en"), "de");
	assert_string_equal(choose(b, "en;q=0.3,de;q=0.7"), "de");
	assert_string_equal(choose(b, "en; q=0.3, de; q=0.7"), "de");
	assert_string_equal(choose(b, "en ;\tq=0.3, de ; Q=0.7"), "de");
	assert_string_equal(choose(b, "de;q=0.3,en;q=0.7"), "en");
	assert_string_equal(choose(b, "de;q=0"), "en");
	assert_string_equal(choose(b, "de;q=0.000"), "en");
	assert_string_equal(choose(b, "de;q=-1"), "en");
	assert_string_equal(choose(b, "de;q=nan"), "en");
	assert_string_equal(choose(b, "en;q=0.9, de;q=1e9"), "en");
	assert_string_equal(choose(b, "de;q="), "en");
	assert_string_equal(choose(b, ",,;;,de,;q=,"), "de");
	assert_string_equal(choose(b, "x-very-long-private-use-subtag-that-"
				      "has-no-end, de;q=0.5"),
	    "de");
}

static void a_brand_in_german(void **state)
{
	struct brand *b =
	    load_good(*state, ",\"locale\":\"de\",\"locales\":[\"en\"]");

	assert_int_equal(b->n_languages, 2);
	assert_string_equal(choose(b, NULL), "de");
	assert_string_equal(choose(b, "fr"), "de");
	assert_string_equal(choose(b, "en"), "en");
}

/* --- Handles -------------------------------------------------------------- */

static void a_store_that_was_away(void **state)
{
	struct fix *f = *state;
	struct brand *b = load_good(f, "");
	char secret[65];

	assert_int_not_equal(site_migrate(f->site), ERR_OK);
	site_connect(f->site);
	assert_null(brand_store(b));
	assert_string_equal(b->secret, "");
	mkdir(mem_print(f->m, "%s/store", f->folder), 0777);
	assert_int_equal(site_migrate(f->site), ERR_OK);
	assert_non_null(brand_store(b));
	assert_int_equal(strlen(b->secret), 64);
	memcpy(secret, b->secret, sizeof(secret));
	site_disconnect(f->site);
	memset(b->secret, 0, sizeof(b->secret));
	site_connect(f->site);
	assert_non_null(brand_store(b));
	assert_string_equal(b->secret, secret);
	site_disconnect(f->site);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILES(the_shipped_brand),
	    WITH_FILES(a_theme_overrides_what_it_has),
	    WITH_FILES(a_theme_that_is_not_there),
	    WITH_FILES(fingerprints_change_with_the_file),
	    WITH_FILES(one_stylesheet_where_it_can_be),
	    WITH_FILES(own_style_is_part_of_the_stylesheet),
	    WITH_FILES(what_is_wrong_is_said),
	    WITH_FILES(a_profile_of_its_own),
	    WITH_FILES(nothing_to_load),
	    WITH_FILES(a_hundred_brands_compile_once),
	    WITH_FILES(an_override_compiles_what_it_is_part_of),
	    WITH_FILES(an_own_text_changes_what_says_it),
	    WITH_FILES(a_mistake_of_two_brands),
	    WITH_FILES(finding_a_language),
	    WITH_FILES(choosing_a_language),
	    WITH_FILES(a_brand_in_german),
	    WITH_FILES(a_store_that_was_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
