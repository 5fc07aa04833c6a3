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

struct tmpl_file {
	struct tmpl_file *next;
	const char *name;
	const struct node *root; /* NULL: missing or refused */
	bool missing;
};

struct tmpl_set {
	struct mem *mem;
	const char *const *dirs;
	struct fmt *fmt;
	struct diag *diag;
	struct tmpl_file *files;   /* read so far */
	const struct tmpl **tmpls; /* by name */
	size_t n, room;
};

/* Reads a file when it is first asked for. Never NULL. */
const struct tmpl_file *tmpl_find_file(struct tmpl_set *set, const char *name);

/* A name without "default/", which means the shipped template. */
const char *tmpl_bare_name(const char *name);

/* NULL: refused. */
const struct tmpl *tmpl_link(struct tmpl_set *set, const struct tmpl_file *f);

#endif
