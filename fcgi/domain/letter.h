/* letter.h: letters in a brand's name. */
#ifndef PORTICO_LETTER_H
#define PORTICO_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

struct brand;
struct mem;

/* Whether the brand has a mail server and an address to send from. */
bool letter_is_set(const struct brand *b);

/* As mail_send(), from the brand's address in the brand's name. */
enum err letter_send(struct brand *b, struct mem *m, int64_t now,
    const char *to, const char *subject, const char *text);

#endif
