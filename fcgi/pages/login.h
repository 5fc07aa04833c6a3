/* login.h: what the pages of the log-in share. */
#ifndef PORTICO_LOGIN_H
#define PORTICO_LOGIN_H

/* Only a page of our own: anything else could lead the customer to a copy of
 * the portal on another host. */
const char *login_check_next(const char *next, const char *otherwise);

#endif
