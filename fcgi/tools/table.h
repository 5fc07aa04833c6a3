/* table.h: tables as files: CSV, streamed row by row; XLSX, built in a bounded
 * temporary file and sent when it is whole.
 *
 * No cell can become a formula in a spreadsheet: a text cell that begins with
 * = + - @ (blanks aside), a tab or a line end gets an apostrophe in front
 * (CSV), or is written as a string (XLSX). A number too long for a spreadsheet
 * to keep all its digits is a string there too. CSV is RFC 4180 with CRLF, a
 * comma, and a byte order mark, without which spreadsheets take UTF-8 for
 * something else. Numbers are written with a point and every digit; dates as
 * texts, as the caller made them.
 */
#ifndef PORTICO_TABLE_H
#define PORTICO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct mem;
struct table;

enum table_kind { TABLE_CSV, TABLE_XLSX };

enum { TABLE_ROWS_MAX = 1048576 }; /* of a sheet, with its header */

struct table_cell {
	const char *text; /* NULL: an empty cell */
	bool number;	  /* `text` is a decimal of ours, such as "-12.50" */
};

struct table_sink {
	bool (*write)(void *ctx, const void *data, size_t len);
	void *ctx;
};

/* Begins a table in the pool. `title` is the sheet's name (XLSX; cut and
 * cleaned as a sheet's name must be). `folder` is where the temporary file of
 * an XLSX goes; NULL: the system's. `max_bytes` bounds it; closing needs up to
 * twice as much beside it for a moment. NULL: no temporary file could be made
 * (logged). */
struct table *table_open(struct mem *m, enum table_kind kind, const char *title,
    const char *folder, size_t max_bytes, const struct table_sink *sink);

/* A line before the header: what the table is, the period, the time zone. */
void table_note(struct table *t, const char *text);

/* The header, then the rows. ERR_TOO_LARGE: over a sheet's rows or the
 * temporary file's bound (XLSX): the answer is to point to CSV. ERR_BUSY: the
 * disk is full. ERR_INTERNAL: the client is gone or the library failed; the
 * reason is logged where it is ours. */
enum err table_head(struct table *t, const struct table_cell *cells, size_t n);
enum err table_row(struct table *t, const struct table_cell *cells, size_t n);

/* Ends the table: CSV flushes, XLSX is sent to the sink. Closes it whatever
 * comes back. */
enum err table_close(struct table *t);

/* Gives it up: nothing more is written, the temporary file is removed. Also
 * done when the pool goes. */
void table_drop(struct table *t);

const char *table_type(enum table_kind kind); /* the Content-Type */

#endif
