/* style.h: colours of theme.json as a stylesheet.
 *
 *	"colors": {"accent": "#0b7a75", "accent_dark": "#4fd1c5"}
 *
 * The accent is behind buttons and in links; "accent_dark" is the one on a dark
 * ground. Where it is left out, and for links, the accent is made as much
 *darker or lighter as can be read (WCAG 2: 4.5:1). Text on buttons is black or
 *white, whichever can be read.
 */
#ifndef PORTICO_STYLE_H
#define PORTICO_STYLE_H

#include <stddef.h>

struct json_object;
struct mem;

/* The stylesheet, in the pool; NULL: `colors` names no accent. */
const char *style_make(struct mem *m, struct json_object *colors);

/* One stylesheet of the colours (NULL: none) and a brand's own text, whose
 * relative addresses are from `url`. NULL: the text has rules that must stand
 * first (@import and the like). */
const char *style_join(
    struct mem *m, const char *colors, const char *own, const char *url);

struct style_fault {
	const char *key; /* "accent" */
	const char *what, *remedy;
};

/* What is wrong with `colors`; how many. A list in the pool. */
size_t style_check(
    struct mem *m, struct json_object *colors, struct style_fault **out);

#endif
