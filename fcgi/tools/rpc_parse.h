/* rpc_parse.h: the part of rpc.c that reads untrusted bytes, for its tests.
 */
#ifndef PORTICO_RPC_PARSE_H
#define PORTICO_RPC_PARSE_H

#include <stdbool.h>
#include <stddef.h>

struct mem;
struct rpc_post;

/* The text to send. Calls have the ids 1 to n. */
char *rpc_make_request(struct mem *m, const struct rpc_post *p, size_t *len);

/* Spreads an answer over the post's calls and sets `cut`. `text` ends with a
 * NUL that `len` does not count. `whole`: the HTTP answer ended as it should
 * have. */
void rpc_parse_answer(struct mem *m, struct rpc_post *p, const char *text,
    size_t len, bool whole);

#endif
