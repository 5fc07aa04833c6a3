/* fmt_catalogue.h: the texts of one language, merged from its files.
 *
 * Inside of fmt: nothing but fmt*.c includes this.
 */
#ifndef PORTICO_FMT_CATALOGUE_H
#define PORTICO_FMT_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/fmt_message.h"

struct catalogue;
struct diag;
struct mem;

enum pseudo { PSEUDO_NONE, PSEUDO_ACCENTS, PSEUDO_RIGHT_TO_LEFT };

/* Where a text was found: an earlier one wins, whatever the folder. */
enum rank { RANK_LOCALE, RANK_LANGUAGE, RANK_ENGLISH };

struct text {
	struct text *next; /* of its hash bucket */
	const char *key;
	const char *pattern;
	struct message message;
	enum rank rank;
	bool own; /* of this language, not borrowed from English */
};

/* What to read, and how. */
struct catalogue_source {
	const char *locale;	 /* "de-AT"; of a pseudo-language, "en" */
	const char *const *dirs; /* NULL-terminated, first wins */
	enum pseudo pseudo;
	/* True: ICU reads the pattern too. */
	bool (*check)(const char *locale, const char *pattern);
};

/* Never NULL; what is wrong is added to `d`. Lives in the pool. */
struct catalogue *catalogue_open(
    struct mem *m, const struct catalogue_source *source, struct diag *d);

/* The same with further folders, those of `source`, laid over `base`, which
 * must be of the same locale and live as long. NULL: no text of theirs counts.
 */
struct catalogue *catalogue_open_over(struct mem *m,
    const struct catalogue_source *source, const struct catalogue *base,
    struct diag *d);

/* NULL: no such key. */
const struct text *catalogue_find(const struct catalogue *c, const char *key);

#endif
