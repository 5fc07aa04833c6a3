/* rpc.h: JSON-RPC 2.0 over HTTP: single calls, batches, and several posts at
 * once.
 *
 * Answers are not trusted: a size limit, a depth limit, a deadline; an answer
 * whose id is unknown, or that is neither result nor error, counts as no
 * answer. Numbers keep every digit.
 */
#ifndef PORTICO_RPC_H
#define PORTICO_RPC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

struct http;
struct json_object;
struct mem;

struct rpc_call {
	/* in */
	const char *method;
	struct json_object *params; /* owned by the caller */

	/* out */
	enum err err;		    /* ERR_OK: `result` is there (may be JSON
				     * null: NULL). ERR_RULE: the other side
				     * answered with an error object.
				     * ERR_UPSTREAM, ERR_LATE: as in http.h,
				     * or the answer is not JSON-RPC */
	struct json_object *result; /* released with the pool */
	int code;		    /* the error object's code, or 0 */
	const char *message; /* its message, or what went wrong; or NULL */
	const char *data;    /* its data as text, or NULL */
};

/* One HTTP request: one call as a bare object, several as a batch (an array).
 * A batch of one is sent bare. */
struct rpc_post {
	const char *url;
	const char *ca_file; /* see http.h */
	const char *server_name;
	const char *const *headers; /* further ones, or NULL */
	long timeout_ms;
	size_t max_bytes;
	bool may_repeat; /* only reads: see http.h. A post that changes
			  * something leaves it false, so that it is
			  * sent once */
	struct rpc_call *calls;
	size_t n;
	double ms; /* out: how long it took */
	bool dead; /* out: nothing of the other side's own came: refused,
		    * broken off, TLS, late, HTTP 5xx */
	bool cut;  /* out: HTTP 200 with JSON that ends too early,
		    * as VCS does with very big pages; or with more
		    * than is read (max_bytes, JSON_VALUES_MAX): ask
		    * for less */
};

/* Runs all posts at once; returns when each has ended. The request's id goes
 * along with each (X-Request-Id). Results and errors lie
 * in the calls. Logs nothing: the caller knows what a failure means. */
void rpc_run(struct http *h, struct mem *m, struct rpc_post *posts, size_t n);

/* The same in two steps, or given up in the middle: see http.h. The posts and
 * their calls stay where they are until the end. */
struct rpc_flight *rpc_start(
    struct http *h, struct mem *m, struct rpc_post *posts, size_t n);
void rpc_wait(struct rpc_flight *f);
void rpc_drop(struct rpc_flight *f);

#endif
