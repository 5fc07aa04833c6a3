/* page_passkey.h: a customer's passkeys, on the pages that show them. */
#ifndef PORTICO_PAGE_PASSKEY_H
#define PORTICO_PAGE_PASSKEY_H

#include "domain/passkey.h"
#include "pages/page.h"

#define PAGE_PASSKEYS "/api/security/passkeys"

/* What page_put_passkey() puts, as the shape of an answer. */
#define PAGE_PASSKEY "id name created:time used:time?"

void page_put_passkey(
    struct call *c, struct json_object *o, const struct passkey *key);

/* All of them, to `list`; for templates with their addresses in ui.keys. */
enum err page_put_passkeys(struct call *c, struct json_object *list, size_t *n);

#endif
