/* tmpl.c: templates' files and sets of them. */
#include "tools/tmpl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/tmpl_link.h"
#include "tools/tmpl_parse.h"
#include "tools/tmpl_program.h"

enum { TMPL_FILE_MAX = 1024 * 1024 };

static const char suffix[] = ".mustache";

/* --- Names ---------------------------------------------------------------- */

bool tmpl_names_have(const struct tmpl_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], name))
			return true;
	return false;
}

void tmpl_names_add(struct mem *m, struct tmpl_names *names, const char *name)
{
	const char **items;

	if (tmpl_names_have(names, name))
		return;
	if (names->n + 1 >= names->room) {
		names->room = names->room ? names->room * 2 : 16;
		items = mem_array(m, names->room, sizeof(*items));
		if (names->n)
			memcpy(items, names->items, names->n * sizeof(*items));
		names->items = items;
	}
	names->items[names->n++] = name;
}

/* --- Files ---------------------------------------------------------------- */

/* False: there is no such file. Another failure is in the diagnostics. */
static bool read_file(struct tmpl_set *set, const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f && errno == ENOENT)
		return false;
	buf_open(out, set->mem, sizeof(part));
	while (f && (n = fread(part, 1, sizeof(part), f)) > 0 &&
	       out->len <= TMPL_FILE_MAX)
		buf_add(out, part, n);
	if (!f || ferror(f)) {
		diag_add(set->diag, path, "make it readable",
		    "cannot be read: %s", strerror(errno));
		out->data = NULL;
	}
	if (f)
		fclose(f);
	return true;
}

static const struct node *parse_file(
    struct tmpl_set *set, const char *path, const struct buf *b)
{
	const char *text = b->data;
	size_t len = b->len;

	if (!text)
		return NULL;
	if (len > TMPL_FILE_MAX || memchr(text, '\0', len)) {
		diag_add(set->diag, path, "a template is text",
		    len > TMPL_FILE_MAX ? "the file is too large"
					: "the file has NUL bytes");
		return NULL;
	}
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	return tmpl_parse(set->mem, path, text, len, set->diag);
}

static bool open_path(
    struct tmpl_set *set, struct tmpl_file *f, const char *path)
{
	struct buf b;

	if (!read_file(set, path, &b))
		return false;
	f->root = parse_file(set, path, &b);
	f->missing = false;
	return true;
}

static struct tmpl_file *add_file(struct tmpl_set *set, const char *name)
{
	struct tmpl_file *f = mem_alloc(set->mem, sizeof(*f));

	f->name = name;
	f->missing = true;
	f->next = set->files;
	set->files = f;
	return f;
}

const char *tmpl_bare_name(const char *name)
{
	static const char shipped[] = "default/";
	size_t len = sizeof(shipped) - 1;

	return strncmp(name, shipped, len) ? name : name + len;
}

/* The one that may be hidden: of the last folder. */
static void open_last(
    struct tmpl_set *set, struct tmpl_file *f, const char *name)
{
	const char *const *dir = set->dirs;

	while (dir[1])
		dir++;
	open_path(set, f, mem_print(set->mem, "%s/%s%s", *dir, name, suffix));
}

static struct tmpl_file *look_up(const struct tmpl_set *set, const char *name)
{
	struct tmpl_file *f = set->files;

	while (f && strcmp(f->name, name))
		f = f->next;
	return f;
}

/* What a set below has read, and no folder of this one hides. */
static const struct tmpl_file *borrow(
    const struct tmpl_set *set, const char *name)
{
	const struct tmpl_file *f = NULL;

	while (set->base && !tmpl_names_have(&set->own, name)) {
		set = set->base;
		f = look_up(set, name);
		if (f && f->root)
			return f;
	}
	return NULL;
}

const struct tmpl_file *tmpl_find_file(struct tmpl_set *set, const char *name)
{
	const struct tmpl_file *known = look_up(set, name);
	struct tmpl_file *f;

	if (!known)
		known = borrow(set, name);
	if (!known && set->like)
		known = look_up(set->like, name);
	if (known)
		return known;
	f = add_file(set, name);
	if (tmpl_bare_name(name) != name) {
		open_last(set, f, tmpl_bare_name(name));
		return f;
	}
	for (const char *const *dir = set->dirs; *dir && f->missing; dir++)
		open_path(
		    set, f, mem_print(set->mem, "%s/%s%s", *dir, name, suffix));
	return f;
}

/* --- Sets ----------------------------------------------------------------- */

static void add_tmpl(struct tmpl_set *set, const struct tmpl *t)
{
	if (set->n == set->room) {
		size_t room = set->room ? set->room * 2 : 32;
		const struct tmpl **tmpls =
		    mem_array(set->mem, room, sizeof(*tmpls));

		if (set->n)
			memcpy(tmpls, set->tmpls, set->n * sizeof(*tmpls));
		set->tmpls = tmpls;
		set->room = room;
	}
	set->tmpls[set->n++] = t;
}

static int compare_names(const void *a, const void *b)
{
	const struct tmpl *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The template's name in a file's name, or NULL. */
static const char *name_of(struct mem *m, const char *file)
{
	size_t len = strlen(file), end = sizeof(suffix) - 1;

	if (len <= end || file[0] == '.' || strcmp(file + len - end, suffix))
		return NULL;
	return mem_text_n(m, file, len - end);
}

/* Adds the names of one folder. */
static void list_dir(
    struct tmpl_set *set, const char *dir, struct tmpl_names *names)
{
	struct dirent **found;
	int count = scandir(dir, &found, NULL, alphasort);

	if (count < 0) {
		/* A theme need not have templates of its own. */
		if (errno != ENOENT)
			diag_add(set->diag, dir, "make it readable",
			    "cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		const char *name = name_of(set->mem, found[i]->d_name);

		if (name)
			tmpl_names_add(set->mem, names, name);
		free(found[i]);
	}
	free(found);
}

static struct tmpl_set *add_set(
    struct mem *m, const char *const *dirs, struct fmt *fmt, struct diag *d)
{
	struct tmpl_set *set = mem_alloc(m, sizeof(*set));

	set->mem = m;
	set->dirs = dirs;
	while (dirs[set->n_dirs])
		set->n_dirs++;
	set->fmt = fmt;
	set->diag = d;
	return set;
}

static bool has_same_text(
    const struct fmt *a, const struct fmt *b, const char *key)
{
	const char *x = fmt_pattern(a, key), *y = fmt_pattern(b, key);

	return x && y && !strcmp(x, y);
}

/* The base's template, if it is the same here: no part of it has a namesake in
 * a folder before the base's, and no text of it is another. */
static const struct tmpl *take_over(
    const struct tmpl_set *set, const char *name)
{
	const struct tmpl *t = set->base ? tmpl_find(set->base, name) : NULL;

	for (size_t i = 0; t && t->parts[i]; i++)
		if (tmpl_names_have(&set->own, t->parts[i]))
			return NULL;
	for (size_t i = 0; t && t->messages[i]; i++)
		if (t->fmt != set->fmt &&
		    !has_same_text(t->fmt, set->fmt, t->messages[i]))
			return NULL;
	return t;
}

static const struct tmpl *make(struct tmpl_set *set, const char *name)
{
	const struct tmpl_file *f = tmpl_find_file(set, name);

	set->n_made++;
	return f->root ? tmpl_link(set, f) : NULL;
}

struct tmpl_set *tmpl_open_with(
    struct mem *m, const struct tmpl_source *source, struct diag *d)
{
	struct tmpl_set *set = add_set(m, source->dirs, source->fmt, d);
	const struct tmpl_set *base = source->base;
	struct tmpl_names all = {0};

	set->base = base;
	set->like = source->like;
	for (size_t i = 0; base && i + base->n_dirs < set->n_dirs; i++)
		list_dir(set, set->dirs[i], &set->own);
	for (size_t i = 0; i < set->n_dirs; i++)
		list_dir(set, set->dirs[i], &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct tmpl *t = take_over(set, all.items[i]);

		if (!t)
			t = make(set, all.items[i]);
		if (t)
			add_tmpl(set, t);
	}
	if (set->n)
		qsort(set->tmpls, set->n, sizeof(*set->tmpls), compare_names);
	set->dirs = NULL;
	set->diag = NULL;
	return set;
}

struct tmpl_set *tmpl_open(
    struct mem *m, const char *const *dirs, struct fmt *fmt, struct diag *d)
{
	const struct tmpl_source source = {.dirs = dirs, .fmt = fmt};

	return tmpl_open_with(m, &source, d);
}

size_t tmpl_count_made(const struct tmpl_set *set)
{
	return set->n_made;
}

const struct tmpl *tmpl_open_file(
    struct mem *m, const char *path, struct diag *d)
{
	const char *slash = strrchr(path, '/');
	const char *dir = !slash ? "."
			  : slash == path
			      ? "/"
			      : mem_text_n(m, path, (size_t)(slash - path));
	const char *const dirs[] = {dir, NULL};
	struct tmpl_set *set = add_set(m, dirs, NULL, d);
	const char *base = slash ? slash + 1 : path;
	const char *name = name_of(m, base);
	struct tmpl_file *f = add_file(set, name ? name : base);

	if (!open_path(set, f, path))
		diag_add(d, path, "check the path", "there is no such file");
	return f->root ? tmpl_link(set, f) : NULL;
}

const struct tmpl *tmpl_find(const struct tmpl_set *set, const char *name)
{
	const struct tmpl key = {.name = name};
	const struct tmpl *const wanted = &key;
	const struct tmpl **found;

	if (!set->n)
		return NULL;
	found = bsearch(
	    &wanted, set->tmpls, set->n, sizeof(*set->tmpls), compare_names);
	return found ? *found : NULL;
}
