/* page_cell.h: inside page_table.c and page_export.c: columns and cells. */
#ifndef PORTICO_PAGE_CELL_H
#define PORTICO_PAGE_CELL_H

#include "pages/page_table.h"

const struct column **page_choose_columns(
    struct call *c, const char *name, const struct column *columns, size_t *n);
const char *page_column_label(
    struct call *c, const char *name, const struct column *column);
/* As people read it; NULL: missing. */
const char *page_cell_text(struct call *c, const char *name,
    const struct column *column, struct json_object *row);

#endif
