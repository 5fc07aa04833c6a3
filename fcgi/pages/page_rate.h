/* page_rate.h: a rate as the model has it; shared by the list and the look-up.
 */
#ifndef PORTICO_PAGE_RATE_H
#define PORTICO_PAGE_RATE_H

#include "pages/page.h"

#define SHAPE_RATE                                                             \
	"code name? service{id:int name?} price:money effective_from:time? "   \
	"effective_till:time? interval:quantity min_volume:quantity "          \
	"setup_fee:money"

/* Owned by the caller. */
struct json_object *rates_make_row(
    struct call *c, const struct vcs_rate *r, const struct vcs_names *services);

#endif
