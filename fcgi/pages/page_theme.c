/* page_theme.c: what theme.json says, against what there is. */
#include "pages/page_theme.h"

#include <ctype.h>
#include <string.h>

#include "base/conf.h"
#include "domain/style.h"
#include "tools/tmpl.h"

struct look {
	const struct site *site;
	const struct brand *brand;
	struct mem *mem;
	struct diag *diag;
	const struct theme_file *file; /* that says what is looked at */
	const char *css;	       /* where icons are */
};

static void complain(
    struct look *k, const char *at, const char *what, const char *remedy)
{
	diag_add(k->diag,
	    mem_print(k->mem, "%s:%d: %s", k->file->path,
		json_find_line(k->file->text, at), at),
	    remedy, "%s", what);
}

static const char *print_word(struct look *k, const char *word)
{
	return word ? mem_print(k->mem, "\"%s\"", word) : "this";
}

/* The catalogue's text, in each language. */
static void check_text(struct look *k, const char *at, const char *key)
{
	for (size_t i = 0; i < k->brand->n_languages; i++) {
		const struct language *l = &k->brand->languages[i];

		if (fmt_pattern(l->fmt, key))
			continue;
		complain(k, at, mem_print(k->mem, "no text \"%s\"", key),
		    mem_print(k->mem, "add it to templates/locale/%s.json",
			l->locale));
		return;
	}
}

/* --- The menu ------------------------------------------------------------- */

static void add_css(struct look *k, struct buf *css, const char *file)
{
	const char *folders[] = {
	    k->brand->folder ? mem_print(k->mem, "%s/static", k->brand->folder)
			     : "",
	    mem_print(
		k->mem, "%s/static/%s", k->site->share, k->brand->conf->theme),
	    mem_print(k->mem, "%s/static/default", k->site->share)};
	char *text = NULL;

	for (size_t i = 0; i < 3 && !text; i++)
		text = conf_read_file(
		    k->mem, mem_print(k->mem, "%s/%s", folders[i], file), NULL);
	buf_add_text(css, text ? text : "");
}

static const char *read_css(struct look *k)
{
	struct buf css;

	buf_open(&css, k->mem, 0);
	add_css(k, &css, "portico.css");
	add_css(k, &css, "client_portal_custom.css");
	return css.data;
}

static bool is_icon(const struct look *k, const char *icon)
{
	const char *name = mem_print(k->mem, ".icon-%s", icon);

	for (const char *p = k->css; (p = strstr(p, name)); p++) {
		unsigned char end = (unsigned char)p[strlen(name)];

		if (!isalnum(end) && end != '-' && end != '_')
			return true;
	}
	return false;
}

/* A page of the portal to look at, a static one, or an address elsewhere. */
static bool is_path(const struct look *k, const char *path)
{
	if (strncmp(path, "/api/", 5) != 0)
		return path[0] == '/' || !strncmp(path, "https://", 8);
	if (!strncmp(path, "/api/pages/", 11))
		return page_theme_lists(k->brand, path + 11);
	for (const struct page *p = pages; p->path; p++)
		if (p->method == METHOD_GET && !strcmp(p->path, path))
			return true;
	return false;
}

static void check_item(struct look *k, const char *at, struct json_object *item)
{
	const char *page = json_find_text(item, "page");
	const char *path = json_find_text(item, "path");
	const char *icon = json_find_text(item, "icon");

	if (page)
		check_text(k, mem_print(k->mem, "%s.page", at),
		    mem_print(k->mem, "menu.%s", page));
	else
		complain(k, at, "has no \"page\"",
		    "name its text: menu.PAGE of the catalogues");
	if (!path || !is_path(k, path))
		complain(k, mem_print(k->mem, "%s.path", at),
		    mem_print(k->mem, "%s is no page", print_word(k, path)),
		    "`portico routes` lists the paths; \"pages\" of theme.json "
		    "lists your own");
	if (!icon || !is_icon(k, icon))
		complain(k, mem_print(k->mem, "%s.icon", at),
		    mem_print(k->mem, "%s is no icon", print_word(k, icon)),
		    "choose one of the classes .icon-NAME in portico.css, or "
		    "add yours to client_portal_custom.css");
}

static void check_menu(struct look *k, struct json_object *menu)
{
	if (!json_is(menu, JSON_LIST))
		complain(k, "menu", "must be a list of groups",
		    "compare with templates/default/theme.json");
	for (size_t i = 0; i < json_length(menu); i++) {
		const char *at = mem_print(k->mem, "menu[%zu]", i);
		const char *key = json_find_text(json_at(menu, i), "key");
		struct json_object *items =
		    json_find(json_at(menu, i), "items");

		if (key)
			check_text(k, mem_print(k->mem, "%s.key", at),
			    mem_print(k->mem, "menu.%s", key));
		else
			complain(k, at, "has no \"key\"",
			    "name its text: menu.KEY of the catalogues");
		for (size_t j = 0; j < json_length(items); j++)
			check_item(k, mem_print(k->mem, "%s.items[%zu]", at, j),
			    json_at(items, j));
	}
}

/* --- Tables and forms ----------------------------------------------------- */

/* The words that may stand in a list of the theme. */
struct words {
	const char *const *items;
	size_t n;
};

static struct words list_columns(struct look *k, const struct column *columns)
{
	const char **items;
	size_t n = 0;

	while (columns && columns[n].key)
		n++;
	items = mem_array(k->mem, n + 1, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		items[i] = columns[i].key;
	return (struct words){items, n};
}

static struct words split(struct look *k, const char *text)
{
	const char **items = mem_array(k->mem, 32, sizeof(*items));
	size_t n = 0, len;

	while (text && *text && n < 32) {
		len = strcspn(text, "|");
		items[n++] = mem_text_n(k->mem, text, len);
		text += len + (text[len] == '|');
	}
	return (struct words){items, n};
}

static const char *join(struct look *k, struct words w)
{
	struct buf b;

	buf_open(&b, k->mem, 64);
	for (size_t i = 0; i < w.n; i++)
		buf_print(&b, "%s%s", i ? ", " : "choose of: ", w.items[i]);
	return b.len ? b.data : "leave it out";
}

static bool has_word(struct words w, const char *word)
{
	for (size_t i = 0; i < w.n; i++)
		if (word && !strcmp(w.items[i], word))
			return true;
	return false;
}

/* `text`: what stands before the word in the key of its text; NULL: the
 * template has the texts. */
static void check_list(struct look *k, const char *at, struct json_object *list,
    struct words known, const char *text)
{
	if (!json_is(list, JSON_LIST))
		complain(k, at, "must be a list", join(k, known));
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *item = json_at(list, i);
		const char *word =
		    json_is(item, JSON_TEXT) ? json_text(item, NULL) : NULL;
		const char *here = mem_print(k->mem, "%s[%zu]", at, i);

		if (!has_word(known, word))
			complain(k, here,
			    mem_print(
				k->mem, "%s is not known", print_word(k, word)),
			    join(k, known));
		else if (text)
			check_text(
			    k, here, mem_print(k->mem, "%s.%s", text, word));
	}
}

static void check_fields(struct look *k, const char *at,
    struct json_object *list, struct words known)
{
	const struct words modes = split(k, "hidden|view|edit");

	if (!json_is(list, JSON_LIST))
		complain(k, at, "must be a list of fields",
		    "compare with templates/default/theme.json");
	for (size_t i = 0; i < json_length(list); i++) {
		const char *name = json_find_text(json_at(list, i), "name");
		const char *mode = json_find_text(json_at(list, i), "mode");
		const char *here = mem_print(k->mem, "%s[%zu]", at, i);

		if (!has_word(known, name))
			complain(k, mem_print(k->mem, "%s.name", here),
			    mem_print(
				k->mem, "%s is not known", print_word(k, name)),
			    join(k, known));
		if (!has_word(modes, mode))
			complain(k, mem_print(k->mem, "%s.mode", here),
			    mem_print(
				k->mem, "%s is not known", print_word(k, mode)),
			    join(k, modes));
	}
}

static void check_part(struct look *k, const struct page_theme *t,
    const char *part, struct json_object *value)
{
	const char *at = mem_print(k->mem, "%s.%s", t->name, part);

	if (t->columns && (!strcmp(part, "columns") || !strcmp(part, "files")))
		check_list(k, at, value, list_columns(k, t->columns),
		    mem_print(k->mem, "%s.column", t->name));
	else if (t->columns && !strcmp(part, "brief"))
		check_list(k, at, value, list_columns(k, t->columns), NULL);
	else if (t->filters && !strcmp(part, "filters"))
		check_list(k, at, value, split(k, t->filters), NULL);
	else if (t->groupings && !strcmp(part, "groupings"))
		check_list(k, at, value, split(k, t->groupings),
		    mem_print(k->mem, "%s.group", t->name));
	else if (t->fields && !strcmp(part, "fields"))
		check_fields(
		    k, at, value, (struct words){t->fields, t->n_fields});
	else
		complain(k, at, "is not known",
		    "compare with templates/default/theme.json");
}

/* --- Pages of the portal -------------------------------------------------- */

static const struct page_theme *find_theme(const char *name)
{
	for (const struct page *p = pages; p->path; p++)
		if (p->theme && !strcmp(p->theme->name, name))
			return p->theme;
	return NULL;
}

static void check_page(struct look *k, const char *name, struct json_object *o)
{
	const struct page_theme *t = find_theme(name);

	if (!t || !json_is(o, JSON_OBJECT)) {
		complain(k, name, t ? "must be an object" : "is not known",
		    "compare with templates/default/theme.json");
		return;
	}
	json_each (o, part, value)
		check_part(k, t, part, value);
}

/* --- Pages and colours of a brand's own ----------------------------------- */

static bool is_template(const struct brand *b, const char *name)
{
	return b->n_languages && tmpl_find(b->languages[0].templates, name);
}

bool page_theme_lists(const struct brand *b, const char *name)
{
	struct json_object *list = json_find(b->theme, "pages");

	for (size_t i = 0; name && i < json_length(list); i++) {
		struct json_object *item = json_at(list, i);

		if (json_is(item, JSON_TEXT) &&
		    !strcmp(json_text(item, NULL), name))
			return is_template(b, name);
	}
	return false;
}

static void check_pages(struct look *k, struct json_object *list)
{
	if (!json_is(list, JSON_LIST))
		complain(k, "pages", "must be a list",
		    "write [\"NAME\"], with a template NAME.mustache");
	for (size_t i = 0; i < json_length(list); i++) {
		const char *at = mem_print(k->mem, "pages[%zu]", i);
		struct json_object *item = json_at(list, i);
		const char *name =
		    json_is(item, JSON_TEXT) ? json_text(item, NULL) : "";

		if (!name[0] ||
		    name[strspn(name, "0123456789-_abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
			complain(k, at, "is no name",
			    "use letters, digits, '-' and '_'");
		else if (!is_template(k->brand, name))
			complain(k, at,
			    mem_print(
				k->mem, "there is no template \"%s\"", name),
			    mem_print(k->mem,
				"write templates/%s.mustache, or mend what is "
				"wrong in it",
				name));
	}
}

static void check_colors(struct look *k, struct json_object *colors)
{
	struct style_fault *faults;
	size_t n;

	if (!json_is(colors, JSON_OBJECT)) {
		complain(k, "colors", "must be an object",
		    "write {\"accent\": \"#rrggbb\"}");
		return;
	}
	n = style_check(k->mem, colors, &faults);
	for (size_t i = 0; i < n; i++)
		complain(k, mem_print(k->mem, "colors.%s", faults[i].key),
		    faults[i].what, faults[i].remedy);
}

/* --- All of it ------------------------------------------------------------ */

static void check_member(
    struct look *k, const char *name, struct json_object *value)
{
	if (!strcmp(name, "menu"))
		check_menu(k, value);
	else if (!strcmp(name, "pages"))
		check_pages(k, value);
	else if (!strcmp(name, "colors"))
		check_colors(k, value);
	else
		check_page(k, name, value);
}

/* What another file hides is nobody's business. */
static bool is_hidden(const struct brand *b, size_t file, const char *name)
{
	for (size_t i = 0; i < file; i++)
		if (json_has(b->themes[i].root, name, NULL))
			return true;
	return false;
}

void page_check_theme(
    const struct site *s, const struct brand *b, struct diag *d)
{
	struct look k = {.site = s, .brand = b, .mem = mem_open(0), .diag = d};

	k.css = read_css(&k);
	for (size_t i = 0; i < b->n_themes; i++) {
		k.file = &b->themes[i];
		json_each (k.file->root, name, value)
			if (!is_hidden(b, i, name))
				check_member(&k, name, value);
	}
	mem_close(k.mem);
}
