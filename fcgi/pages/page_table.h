/* page_table.h: pages that are tables: periods, columns, files.
 *
 * A page fills its model with a list of rows; which columns people see, and in
 * which order, theme.json says (NAME.columns); labels are the catalogue's
 * NAME.column.KEY. The same columns make the file (.csv, .xlsx), unless the
 * theme has others for it (NAME.files). On a phone a row is its lead and its
 * value (NAME.brief), and the others in small.
 */
#ifndef PORTICO_PAGE_TABLE_H
#define PORTICO_PAGE_TABLE_H

#include "pages/page.h"
#include "tools/table.h"

/* What stands at a row's key, and so how a cell shows it. */
enum column_kind {
	COLUMN_TEXT,
	COLUMN_CODE,	 /* digits that are no number: a dialling code */
	COLUMN_NAMED,	 /* {id, name} */
	COLUMN_MONEY,	 /* money */
	COLUMN_QUANTITY, /* quantity */
	COLUMN_COUNT,	 /* a whole number */
	COLUMN_TIME,	 /* time, with its hour */
	COLUMN_DAY,	 /* time, shown as a day */
	COLUMN_STATE	 /* a word; shown by the catalogue's NAME.state.WORD */
};

struct column {
	const char *key;
	enum column_kind kind;
	bool sorts; /* its header is a link that sorts */
};

/* ui.columns[{key,label,numeric,sort_url,sorts,sorted,is_sorted,descending}]
 * and ui.rows[{id,cells[{text,label,class,numeric,code,muted,lead,value,
 * state}]}] for a list of the model; `class` says the flags behind it in the
 * stylesheet's words. `columns` ends with a row without a key; those that
 * theme.json does not name are left out. Also ui.csv_url and ui.xlsx_url, if
 * the page has files. */
void page_put_table(struct call *c, const char *name,
    const struct column *columns, struct json_object *list);

/* page{number,size,more} and ui.pager of a page of `n` rows. */
void page_put_pager(struct call *c, size_t n, bool more);

/* Parameters that tables share, for a row's list of parameters. */
#define PARAM_FROM                                                             \
	{                                                                      \
		.name = "from", .type = PARAM_DATE,                            \
		.about = "The first day, YYYY-MM-DD, in the customer's zone."  \
	}
#define PARAM_TO                                                               \
	{                                                                      \
		.name = "to", .type = PARAM_DATE,                              \
		.about = "The last day, YYYY-MM-DD, in the customer's zone."   \
	}
#define PARAM_PAGE                                                             \
	{                                                                      \
		.name = "page", .type = PARAM_NUMBER, .min = 1,                \
		.max = 1000000, .standard = "1",                               \
		.about = "The number of the page, from 1."                     \
	}
#define PARAM_SIZE                                                             \
	{                                                                      \
		.name = "size", .type = PARAM_NUMBER, .min = 10, .max = 100,   \
		.standard = "25", .about = "Rows a page."                      \
	}

enum { PERIOD_STANDARD = 30, PERIOD_MOST = 366 }; /* days */

struct period {
	const char *from, *to; /* days, both included */
	int64_t start, end;    /* their first and last second */
	int days;
};

/* The period of `from` and `to`, the last 30 days by default. The wrong way
 * round, or over PERIOD_MOST days: the fault is added; a page to look at goes
 * on with the default (and status 400), otherwise ERR_INPUT. Also puts
 * ui.period{from,to,from_text,to_text} and ui.presets[{key,label,page_url,
 * active}] (last 7 and 30 days, this and last month). */
enum err page_find_period(struct call *c, struct period *p);

/* Rows of a file from the `taken`-th on: puts them into `list` as the model
 * has them and adds to *taken what VCS sent; adding nothing is the end.
 * c->mem and c->trip are this piece's own. `state` is the page's. */
typedef enum err (*page_fetch)(
    struct call *c, void *state, struct json_object *list, size_t *taken);

/* Streams a file of all rows, in constant memory: the first piece is read
 * before anything is sent, so that an error there is a proper answer; one in
 * the middle breaks the transfer. `period` NULL: not a matter of time.
 * c->notice is a line above the header. */
enum err page_export(struct call *c, const char *name,
    const struct column *columns, const struct period *period, page_fetch fetch,
    void *state);

/* The same of rows that never were a model, for those that come by the million:
 * fetch() gets a piece, of *n rows, and adds to *taken as above; it has to find
 * out itself if rows come again. cell() is what stands in a row's column, of
 * `columns`; only the numbers of the page's own currency, and seconds, are
 * numbers. What it needs memory for stays as long as the piece. */
struct page_rows {
	enum err (*fetch)(
	    struct call *c, void *state, size_t *n, size_t *taken);
	struct table_cell (*cell)(
	    struct call *c, void *state, size_t row, size_t column);
	void *state;
};

enum err page_export_rows(struct call *c, const char *name,
    const struct column *columns, const struct period *period,
    const struct page_rows *rows);

/* For a big file, before anything is sent: ERR_BUSY, with its words, where the
 * pool makes as many as it may (limits.exports). page_export() asks itself. */
enum err page_take_export(struct call *c);

/* What spreadsheets read as a time: "2026-11-01 10:00:00". NULL: NULL. */
const char *page_sheet_time(struct mem *m, const char *iso);

#endif
