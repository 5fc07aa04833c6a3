/* page_login.h: what pages without a log-in share. */
#ifndef PORTICO_PAGE_LOGIN_H
#define PORTICO_PAGE_LOGIN_H

#include <stdbool.h>

struct brand;

/* Whether customers of the brand can have a new password by mail: it has a mail
 * server, an address of its own for the link, and a VCS that finds log-ins. */
bool page_can_reset(const struct brand *b);

#endif
