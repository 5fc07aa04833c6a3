/* openapi.h: the description of the JSON API (OpenAPI 3.1), made from the
 * routing table, the parameter tables and the shapes of the answers, so that it
 * cannot say anything else. It is the same for every brand, customer and
 * language.
 */
#ifndef PORTICO_OPENAPI_H
#define PORTICO_OPENAPI_H

#include "pages/page.h"

/* The caller's. */
struct json_object *openapi_make(struct mem *m);

/* Sends it, once made for all requests of the process. */
void openapi_send(struct call *c);

/* A row's path as OpenAPI has it: "/api/invoices/{id}". */
const char *openapi_path(struct mem *m, const struct page *page);

/* A row's answer: the status of success, and its shape; NULL: a file, whose
 * media types are *types ("a b c"). */
const struct shape *openapi_answer(
    struct mem *m, const struct page *page, int *status, const char **types);

struct openapi_error {
	enum err code;
	const char *about;
	const char *header; /* that the answer has; or NULL */
};

/* Ended by a row with ERR_OK. */
extern const struct openapi_error openapi_errors[];

/* Whether a row can answer an error, by its flags and parameters. */
bool openapi_can_answer(const struct page *p, enum err e);

#endif
