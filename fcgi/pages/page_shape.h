/* page_shape.h: the shape of a JSON answer, written in one line beside the page
 * that gives it, as JSON Schema and as text for people.
 *
 *     number:text? rate{code price:money}? future[code price:money] tags[]
 *
 * Members are separated by spaces. NAME alone is a text; NAME:TYPE is of
 * another type: text, int, flag, date, money, time, quantity, page, any, or one
 * of several words (paid|unpaid). NAME{...} is an object; NAME[...] a list of
 * objects, NAME[:TYPE] a list of that type, NAME[] a list of texts. A '?' at
 * the end: it may be null. A '~' in front: it may be missing.
 */
#ifndef PORTICO_PAGE_SHAPE_H
#define PORTICO_PAGE_SHAPE_H

#include <stdbool.h>

#include "base/json.h"
#include "base/mem.h"

enum shape_kind { SHAPE_TYPE, SHAPE_OBJECT, SHAPE_LIST };

struct shape {
	const char *name;
	enum shape_kind kind;
	const char *type;      /* of itself, or of a list's items; NULL: they
				* are objects of `members` */
	struct shape *members; /* the first */
	struct shape *next;
	bool nullable, optional;
};

/* The object that `text` describes. NULL: a mistake; *wrong is where. */
const struct shape *shape_parse(
    struct mem *m, const char *text, const char **wrong);

/* Its JSON Schema (2020-12), the caller's; money, time, quantity and page are
 * references to "#/components/schemas/". */
struct json_object *shape_make_schema(struct mem *m, const struct shape *s);

/* Those four, under their names. */
void shape_put_types(struct json_object *schemas);

/* Adds the shape as indented lines that look like JSON. */
void shape_print(const struct shape *s, struct buf *out);

#endif
