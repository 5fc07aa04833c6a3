/* tmpl_program.h: a compiled template: what tmpl.c makes and tmpl_render.c
 * walks.
 */
#ifndef PORTICO_TMPL_PROGRAM_H
#define PORTICO_TMPL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct fmt;
struct json_key;

/* Sections within each other, in a whole page. */
enum { TMPL_SECTIONS_MAX = 64 };

/* A dotted name; without keys it is ".", the value itself. */
struct tmpl_name {
	const struct json_key *keys;
	size_t n;
};

enum tmpl_kind {
	TMPL_STOP,
	TMPL_TEXT,
	TMPL_VALUE,
	TMPL_MESSAGE,
	TMPL_SECTION, /* nothing to print: on behind its TMPL_END */
	TMPL_END,     /* the next of the list: back behind its TMPL_SECTION */
	TMPL_INVERTED /* something to print: on at `jump` */
};

/* Small, for there is one for each tag of each page in each language. */
struct tmpl_op {
	enum tmpl_kind kind;
	bool opens_url;
	size_t jump;
	union {
		struct {
			const char *text; /* TMPL_TEXT */
			size_t len;
		};
		struct tmpl_name name;
		struct {
			const char *message;
			const struct tmpl_name *args;
			size_t n_args;
		};
	};
};

struct tmpl {
	const char *name;
	const struct tmpl_op *ops;
	size_t n;
	struct fmt *fmt;
	/* What it is made of: names of templates, its own first, and keys of
	 * messages. Each once; NULL-terminated. */
	const char *const *parts, *const *messages;
};

/* Adds `s` with & < > " ' escaped. */
void tmpl_escape(struct buf *out, const char *s, size_t len);

/* May a value be the beginning of an address? See tmpl.h. */
bool tmpl_url_is_safe(const char *s, size_t len);

#endif
