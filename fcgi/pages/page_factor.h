/* page_factor.h: trying a second factor, for pages that need one. */
#ifndef PORTICO_PAGE_FACTOR_H
#define PORTICO_PAGE_FACTOR_H

#include "domain/factor.h"
#include "pages/page.h"

struct factor_of page_factor_of(const struct call *c, int64_t client);

/* Tries a code of the app or a recovery code; tries are counted per customer,
 * whatever they are for. ERR_RULE: wrong, with a fault of the field "code".
 * ERR_THROTTLED. */
enum err page_try_code(struct call *c, int64_t client, const char *code);

/* The same of the app's first code: see factor_confirm(). */
enum err page_try_first(
    struct call *c, const char *code, const char *codes[FACTOR_CODES]);

/* The same of the session's password, field "current". */
enum err page_try_password(struct call *c, const char *password);

#endif
