/* tmpl_parse.h: one template file's text as a tree of its tags and lines. Only
 * tmpl.c uses it.
 */
#ifndef PORTICO_TMPL_PARSE_H
#define PORTICO_TMPL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

struct diag;
struct mem;

enum node_kind {
	NODE_ROOT,
	NODE_TEXT,
	NODE_LINE, /* a line begins here; `text` is its white space */
	NODE_VALUE,
	NODE_SECTION,
	NODE_INVERTED,
	NODE_PARTIAL,
	NODE_PARENT, /* its children are the blocks that it hands over */
	NODE_BLOCK
};

/* A piece of the file's text; not ended by a NUL. */
struct piece {
	const char *text;
	size_t len;
};

struct html_step;

struct node {
	enum node_kind kind;
	int line;
	const char *path; /* the file it is in */
	const char *name;
	struct piece text;
	/* A partial or parent: the white space in front of it. A block: what
	 * its lines are indented by. */
	struct piece indent;
	bool own_line;		/* its tag stands alone on its line or lines */
	struct node *line_node; /* a parent's: the line that it begins */
	struct node *up, *first, *last, *next;
	/* A text's: what following its HTML came to, last time. */
	struct html_step *step;
};

/* "PATH:LINE" in the pool. */
char *node_where(struct mem *m, const struct node *n);

/* `text` stays in use and ends with a NUL. NULL: refused, with the reason in
 * `d`. */
struct node *tmpl_parse(struct mem *m, const char *path, const char *text,
    size_t len, struct diag *d);

#endif
