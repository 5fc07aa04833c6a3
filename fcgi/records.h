/* records.h: a whole answer as FastCGI records, in one write.
 *
 * libfcgi writes 8 KB at a time, and wakes the web server for each; downloads,
 * which are made piece by piece, still go through it.
 */
#ifndef PORTICO_RECORDS_H
#define PORTICO_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Sends head and body to the web server and ends the request `id`. False: it
 * does not listen any more. */
bool records_answer(int fd, int id, const void *head, size_t head_len,
    const void *body, size_t body_len);

#endif
