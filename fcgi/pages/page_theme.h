/* page_theme.h: looks at theme.json, for `portico check`: names of columns,
 * filters, groupings, fields, icons, paths and texts that nobody knows. The
 * pages themselves pass over what they do not know.
 */
#ifndef PORTICO_PAGE_THEME_H
#define PORTICO_PAGE_THEME_H

#include "pages/page_table.h"

/* What theme.json may say of a page; words are separated by '|'. */
struct page_theme {
	const char *name;	      /* "rates" */
	const struct column *columns; /* NULL: it is no table */
	const char *filters, *groupings;
	const char *const *fields; /* of a form */
	size_t n_fields;
};

/* Whether theme.json lists a static page, and its template is there. */
bool page_theme_lists(const struct brand *b, const char *name);

/* What is wrong goes to `d`. */
void page_check_theme(
    const struct site *s, const struct brand *b, struct diag *d);

#endif
