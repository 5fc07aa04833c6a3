/* stock.c: languages and files, each made and read once. */
#include "domain/stock.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/crypto.h"
#include "tools/fmt.h"
#include "tools/tmpl.h"

enum { FINGERPRINT = 6, FOLDERS = 4, LINE = 120 };

struct made {
	struct made *next;
	struct language language;
	const char *key; /* NULL: it has mistakes, and is nobody else's */
	bool borrowed;	 /* its texts are another's */
	bool laid_over;	 /* or are laid over another's */
};

struct known {
	struct known *next;
	struct stock_file file;
	const char *text; /* NULL: nobody has asked for it */
};

struct stock {
	struct mem *mem;
	struct made *languages;
	struct known *files;
	size_t n_made;
};

struct stock *stock_open(struct mem *m)
{
	struct stock *s = mem_alloc(m, sizeof(*s));

	s->mem = m;
	return s;
}

void stock_close(struct stock *s)
{
	for (struct made *l = s->languages; l; l = l->next)
		if (!l->borrowed)
			fmt_close(l->language.fmt);
	s->languages = NULL;
}

void stock_warm(struct stock *s)
{
	for (struct made *l = s->languages; l; l = l->next)
		if (!l->laid_over && !l->borrowed)
			fmt_warm(l->language.fmt, time(NULL));
}

size_t stock_count_made(const struct stock *s)
{
	return s->n_made;
}

/* --- Languages ------------------------------------------------------------ */

/* A language that is being made. */
struct making {
	struct stock *stock;
	struct mem *work;
	const char *locale;
};

static int is_template(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 9 && !strcmp(e->d_name + len - 9, ".mustache");
}

static bool has_templates(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e = NULL;

	/* One that cannot be read is looked at, and complained about. */
	if (!d)
		return errno != ENOENT;
	do
		e = readdir(d);
	while (e && !is_template(e));
	closedir(d);
	return e;
}

/* Its own, its language's, and English for what these lack. */
static bool has_texts(const struct making *k, const char *folder)
{
	const char *l = k->locale ? k->locale : "";
	const char *names[] = {
	    l, mem_text_n(k->work, l, strcspn(l, "-")), "en"};

	for (size_t i = 0; i < 3; i++)
		if (access(mem_print(k->work, "%s/%s.json", folder, names[i]),
			F_OK) == 0 ||
		    errno != ENOENT)
			return true;
	return false;
}

/* Without those that have nothing to say; the last one stays. */
static size_t choose_folders(const struct making *k,
    const struct stock_folder *all, size_t n, struct stock_folder *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < n && i < FOLDERS; i++)
		if (i + 1 == n || has_templates(all[i].templates) ||
		    has_texts(k, all[i].texts))
			out[kept++] = all[i];
	return kept;
}

static const char *make_key(
    const struct making *k, const struct stock_folder *folders, size_t n)
{
	const char *key = k->locale ? k->locale : "";

	for (size_t i = 0; i < n; i++)
		key = mem_print(k->work, "%s\n%s", key, folders[i].templates);
	return key;
}

static struct made *find_made(const struct stock *s, const char *key)
{
	struct made *l = s->languages;

	while (l && (!l->key || strcmp(l->key, key) != 0))
		l = l->next;
	return l;
}

/* Of the same folders, in another language. */
static const struct tmpl_set *find_like(const struct stock *s, const char *key)
{
	const char *folders = strchr(key, '\n');

	for (const struct made *l = s->languages; l; l = l->next)
		if (l->key && !strcmp(strchr(l->key, '\n'), folders))
			return l->language.templates;
	return NULL;
}

static struct made *find(
    struct making *k, const struct stock_folder *f, size_t n, struct diag *d);

/* The same without the first folder; NULL: it has a mistake, which the first
 * folder may hide. */
static const struct made *find_base(
    struct making *k, const struct stock_folder *f, size_t n)
{
	const struct made *base = NULL;
	struct diag d;

	diag_open(&d, k->work);
	if (n > 1)
		base = find(k, f + 1, n - 1, &d);
	return d.n ? NULL : base;
}

static void add_texts(struct making *k, struct made *l, const struct made *base,
    const struct stock_folder *f, size_t n, struct diag *d)
{
	const char *dirs[FOLDERS + 1] = {NULL};

	for (size_t i = 0; i < n; i++)
		dirs[i] = f[i].texts;
	if (!base)
		l->language.fmt = fmt_open(k->locale, dirs, d);
	else if (has_texts(k, dirs[0]))
		l->language.fmt = fmt_open_over(base->language.fmt, dirs[0], d);
	l->borrowed = !l->language.fmt;
	l->laid_over = base;
	if (l->borrowed)
		l->language.fmt = base->language.fmt;
	l->language.name =
	    base ? base->language.name
		 : fmt_language_name(k->stock->mem, l->language.fmt);
}

static struct made *make(
    struct making *k, const struct stock_folder *f, size_t n, struct diag *d)
{
	struct stock *s = k->stock;
	const struct made *base = find_base(k, f, n);
	struct made *l = mem_alloc(s->mem, sizeof(*l));
	const char *dirs[FOLDERS + 1] = {NULL};

	for (size_t i = 0; i < n; i++)
		dirs[i] = f[i].templates;
	l->language.locale = k->locale ? mem_text(s->mem, k->locale) : NULL;
	add_texts(k, l, base, f, n, d);
	l->language.templates = tmpl_open_with(s->mem,
	    &(struct tmpl_source){.dirs = dirs,
		.fmt = l->language.fmt,
		.base = base ? base->language.templates : NULL,
		.like = find_like(s, make_key(k, f, n))},
	    d);
	s->n_made += tmpl_count_made(l->language.templates);
	l->next = s->languages;
	return s->languages = l;
}

static struct made *find(
    struct making *k, const struct stock_folder *f, size_t n, struct diag *d)
{
	const char *key = make_key(k, f, n);
	struct made *l = find_made(k->stock, key);
	struct diag own;

	if (l)
		return l;
	diag_open(&own, k->work);
	l = make(k, f, n, &own);
	if (!own.n)
		l->key = mem_text(k->stock->mem, key);
	diag_add_all(d, &own);
	return l;
}

const struct language *stock_find_language(struct stock *s, const char *locale,
    const struct stock_folder *folders, size_t n, struct diag *d)
{
	struct making k = {s, mem_open(0), locale};
	struct stock_folder chosen[FOLDERS];
	struct made *l;

	n = choose_folders(&k, folders, n, chosen);
	l = find(&k, chosen, n, d);
	mem_close(k.work);
	return &l->language;
}

/* --- Files ---------------------------------------------------------------- */

static bool is_blank(const char *s)
{
	const char *end;

	for (;;) {
		s += strspn(s, " \t\r\n\f");
		if (strncmp(s, "/*", 2) != 0)
			return !*s;
		end = strstr(s + 2, "*/");
		if (!end)
			return true;
		s = end + 2;
	}
}

static struct known *read_file(
    struct stock *s, struct mem *work, const char *path)
{
	unsigned char hash[CRYPTO_SHA256];
	size_t len, line;
	char *data = conf_read_file(work, path, &len);
	struct known *k;

	if (!data)
		return NULL;
	crypto_sha256(data, len, hash);
	line = strcspn(data, "\n");
	k = mem_alloc(s->mem, sizeof(*k));
	k->file.path = mem_text(s->mem, path);
	k->file.digits = crypto_hex(s->mem, hash, FINGERPRINT);
	k->file.line = mem_text_n(s->mem, data, line < LINE ? line : LINE);
	k->file.blank = is_blank(data);
	return k;
}

static struct known *find_known(struct stock *s, const char *path)
{
	struct known *k = s->files;

	while (k && strcmp(k->file.path, path) != 0)
		k = k->next;
	return k;
}

const struct stock_file *stock_find_file(struct stock *s, const char *path)
{
	struct known *k = find_known(s, path);
	struct mem *work;

	if (k)
		return &k->file;
	work = mem_open(0);
	k = read_file(s, work, path);
	mem_close(work);
	if (!k)
		return NULL;
	k->next = s->files;
	s->files = k;
	return &k->file;
}

const char *stock_text(struct stock *s, const struct stock_file *file)
{
	struct known *k = find_known(s, file->path);

	if (!k->text)
		k->text = conf_read_file(s->mem, file->path, NULL);
	return k->text ? k->text : "";
}
