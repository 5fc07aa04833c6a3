/* page_letter.h: letters to the customer of a request, which go out when the
 * browser has its answer; and what is new about a log-in. */
#ifndef PORTICO_PAGE_LETTER_H
#define PORTICO_PAGE_LETTER_H

#include "pages/page.h"

/* Sends the catalogue's letter.KEY.subject and letter.KEY.text to the customer
 * in the page's language, unless the brand has no mail server. Both texts get:
 * {0} the brand, {1} the log-in, {2} the time, {3} the device, {4} the address.
 * Of a request, one letter is sent: the last. */
void page_send_letter(
    struct call *c, const char *key, int64_t client, const char *login);

/* "Firefox on Windows"; of a program that nobody knows, its own words. */
const char *page_name_device(struct call *c, const char *agent);

/* Call it once a log-in is through, with all its factors: writes to the
 * customer where the device is new. Knows a browser again by a cookie, a
 * program by its name and its network. */
void page_note_device(struct call *c);

#endif
