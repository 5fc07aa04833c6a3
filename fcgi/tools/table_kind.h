/* table_kind.h: what a kind of table implements; for table.c, the kinds and
 * their test only. */
#ifndef PORTICO_TABLE_KIND_H
#define PORTICO_TABLE_KIND_H

#include "tools/table.h"

enum table_line { TABLE_NOTE, TABLE_HEAD, TABLE_ROW };

struct table_driver {
	const char *type;

	/* The kind's own struct, which begins with a struct table; table.c
	 * fills that. NULL: logged. */
	struct table *(*open)(struct mem *m, const char *title,
	    const char *folder, size_t max_bytes);
	enum err (*line)(struct table *t, enum table_line line,
	    const struct table_cell *cells, size_t n);
	/* Sends what is left. `drop` is called after it. */
	enum err (*close)(struct table *t);
	void (*drop)(struct table *t);
};

struct table {
	const struct table_driver *driver;
	struct mem *mem;
	struct table_sink sink;
	enum err err; /* the first one; nothing is done after it */
	bool ended;
	uint32_t max_rows; /* TABLE_ROWS_MAX, unless a test wants less */
};

/* A character as it may stand in a file: a byte that is no UTF-8 becomes
 * U+FFFD, and what XML forbids has no bytes (len 0). */
struct table_char {
	const char *bytes;
	size_t len;
	uint32_t code;
};

/* The character at `s`, which is not its end; returns the bytes taken. */
size_t table_char(const char *s, struct table_char *out);

/* An optional '-', digits, and optionally a point and digits. */
bool table_is_decimal(const char *text);

/* Hands over to the sink. False, and t->err set: the client is gone. */
bool table_send(struct table *t, const void *data, size_t len);

extern const struct table_driver table_xlsx;

#endif
