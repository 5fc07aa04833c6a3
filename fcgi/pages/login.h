/* login.h: what the pages of the log-in share. */
#ifndef PORTICO_LOGIN_H
#define PORTICO_LOGIN_H

#include "pages/page.h"

/* Only a page of our own: anything else could lead the customer to a copy of
 * the portal on another host. */
const char *login_check_next(const char *next, const char *otherwise);

/* Where no log-in is named: ERR_THROTTLED, too many failures from there. */
enum err login_check_address(struct call *c);
/* A failure from there; `key` is of the catalogue's text for it. */
void login_count_failure(struct call *c, const char *key);

/* A whole log-in: a cookie, or for who sent JSON a token. `how`: as
 * page_audit_login() takes it. */
enum err login_begin(struct call *c, int64_t client, const char *login,
    struct json_object *kept, const char *how);

/* Counts what a log-in came to; returns it. */
enum err login_count(struct call *c, enum err err);

#endif
