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

/* The same of an answer to passkey_ask_code(), field "credential". */
enum err page_try_passkey(
    struct call *c, int64_t client, const char *credential);

/* For what a stolen session must not do: the session's password in the
 * parameter "current", or a code in "code". ERR_RULE: neither is right, with a
 * fault. */
enum err page_check_proof(struct call *c);

/* A factor is gone: where it was the last, and the brand asks for one, all
 * sessions lack it from now on. */
enum err page_miss_factor(struct call *c);

/* Recovery codes, once. */
void page_put_codes(
    struct call *c, const char *const codes[FACTOR_CODES], size_t n);

#endif
