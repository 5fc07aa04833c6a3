/* tmpl_link.h: a set of templates while it is compiled. Only tmpl.c and
 * tmpl_link.c use it.
 */
#ifndef PORTICO_TMPL_LINK_H
#define PORTICO_TMPL_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct diag;
struct fmt;
struct mem;
struct node;
struct tmpl;
struct tmpl_name;

struct tmpl_file {
	struct tmpl_file *next;
	const char *name;
	const struct node *root; /* NULL: missing or refused */
	bool missing;
};

/* Texts, each once. */
struct tmpl_names {
	const char **items; /* NULL-terminated */
	size_t n, room;
};

/* A piece of text, or a name, that many programs have. */
struct tmpl_word {
	struct tmpl_word *next; /* of its hash bucket */
	const char *text;
	size_t len;
	const struct tmpl_name *name; /* what it says, once it was asked for */
};

enum { TMPL_WORDS = 256 };

struct tmpl_set {
	struct mem *mem;
	const char *const *dirs;
	size_t n_dirs;
	struct fmt *fmt;
	const struct tmpl_set *base; /* of the last of these folders, or NULL */
	struct tmpl_names own;	     /* what the folders before them have */
	const struct tmpl_set *like; /* of these folders, or NULL */
	struct diag *diag;
	struct tmpl_file *files;   /* read so far */
	const struct tmpl **tmpls; /* by name */
	size_t n, room;
	size_t n_made; /* compiled here */
	struct tmpl_word *words[TMPL_WORDS];
};

void tmpl_names_add(struct mem *m, struct tmpl_names *names, const char *name);
bool tmpl_names_have(const struct tmpl_names *names, const char *name);

/* Reads a file when it is first asked for. Never NULL. */
const struct tmpl_file *tmpl_find_file(struct tmpl_set *set, const char *name);

/* A name without "default/", which means the shipped template. */
const char *tmpl_bare_name(const char *name);

/* NULL: refused. */
const struct tmpl *tmpl_link(struct tmpl_set *set, const struct tmpl_file *f);

#endif
