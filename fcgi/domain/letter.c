/* letter.c: letters in a brand's name. */
#include "domain/letter.h"

#include "domain/brand.h"
#include "tools/mail.h"

bool letter_is_set(const struct brand *b)
{
	return b->conf->smtp.uri[0] && b->conf->smtp.from[0];
}

enum err letter_send(struct brand *b, struct mem *m, int64_t now,
    const char *to, const char *subject, const char *text)
{
	const struct conf *c = b->conf;
	const struct mail mail = {.uri = c->smtp.uri,
	    .login = c->smtp.login,
	    .password = c->smtp.password,
	    .from = c->smtp.from,
	    .to = to,
	    .sender = c->title,
	    .subject = subject,
	    .text = text,
	    .now = now};

	return mail_send(m, &mail);
}
