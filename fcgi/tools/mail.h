/* mail.h: a letter in plain text, as the Internet writes it (RFC 5322), and its
 * way out. */
#ifndef PORTICO_MAIL_H
#define PORTICO_MAIL_H

#include <stdint.h>

#include "base/log.h"

struct mem;

struct mail {
	const char *uri, *login, *password; /* of the server: smtp.* */
	const char *from, *to;		    /* bare addresses */
	const char *sender;		    /* a name beside `from`, or NULL */
	const char *subject, *text;	    /* UTF-8; lines end in '\n' */
	int64_t now;
};

/* Sends it, and logs what went wrong (mail.failed), without the text.
 * ERR_INPUT: an address that is none, or a server that is not set. */
enum err mail_send(struct mem *m, const struct mail *mail);

/* The letter itself, for mail_send() and its tests. In the pool. */
char *mail_compose(struct mem *m, const struct mail *mail);

#endif
