/* account.h: rules for what customers choose: e-mail addresses, passwords. */
#ifndef PORTICO_ACCOUNT_H
#define PORTICO_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

struct mem;

enum {
	ACCOUNT_EMAIL_MAX = 254, /* RFC 5321, 4.5.3.1.3, without "<" ">" */
	ACCOUNT_PASSWORD_MIN = 10,
	ACCOUNT_PASSWORD_MAX = 128
};

/* Whether this looks like one address: something, one '@', a domain with a dot
 * in it. Only a mail that arrives proves more. */
bool account_is_email(const char *text);

/* What is wrong with a password, as the key of a text; NULL: nothing. Length
 * and guessability count, not kinds of characters (NIST SP 800-63B). `names`:
 * what the customer is called; each may be NULL. */
const char *account_password_fault(struct mem *m, const char *password,
    const char *current, const char *const *names, size_t n);

#endif
