/* stock.h: what the brands of a site have in common: languages with their
 * templates, fingerprints and texts of files. Each is made once, however
 * many brands have it; a brand that changes a text or a template gets what
 * depends on it made anew, and the rest from the stock.
 *
 * What has a mistake is made anew for each who asks, so that each brand is told
 * of it, and refused.
 */
#ifndef PORTICO_STOCK_H
#define PORTICO_STOCK_H

#include <stdbool.h>
#include <stddef.h>

struct diag;
struct fmt;
struct mem;
struct stock;
struct tmpl_set;

/* Lives in `m`, and has what it makes there. */
struct stock *stock_open(struct mem *m);
/* Closes its languages. */
void stock_close(struct stock *s);
/* Makes ready what workers are to share, before they are forked. */
void stock_warm(struct stock *s);

/* Where templates and texts are: of a brand, a theme, or what ships. */
struct stock_folder {
	const char *templates, *texts;
};

struct language {
	const char *locale;
	const char *name; /* in itself */
	struct fmt *fmt;
	const struct tmpl_set *templates;
};

/* The language made of `n` folders, of which the first that has a file, or a
 * text, wins. Never NULL; mistakes go to `d`. */
const struct language *stock_find_language(struct stock *s, const char *locale,
    const struct stock_folder *folders, size_t n, struct diag *d);

struct stock_file {
	const char *path;
	const char *digits; /* hexadecimal; they change with the content */
	const char *line;   /* the first one, or how it begins */
	bool blank;	    /* nothing but white space and CSS comments */
};

/* NULL: it cannot be read, and errno says why. */
const struct stock_file *stock_find_file(struct stock *s, const char *path);

/* The text of such a file, which is kept. */
const char *stock_text(struct stock *s, const struct stock_file *file);

/* How many templates were compiled, in all languages. */
size_t stock_count_made(const struct stock *s);

#endif
