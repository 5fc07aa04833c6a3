/* vcs_account.h: what a customer changes in VCS: details, password, vouchers.
 *
 * Each is sent once and never again by itself. ERR_RULE: VCS refused it, so
 * nothing was changed. ERR_UPSTREAM, ERR_LATE: it was sent, and nobody knows
 * what came of it. ERR_BUSY: it was not sent.
 */
#ifndef PORTICO_VCS_ACCOUNT_H
#define PORTICO_VCS_ACCOUNT_H

#include <stdbool.h>

#include "base/log.h"
#include "base/money.h"
#include "domain/session.h"
#include "domain/vcs.h"

struct mem;

/* Whether the brand's VCS can tell whose log-in a name is. */
bool vcs_can_find_client(const struct brand *b);

/* Whose log-in this is, however it is spelled; 0: nobody's, no active
 * customer's, or several customers'. */
enum err vcs_find_client(
    struct brand *b, struct mem *m, const char *login, int64_t *client);

/* A customer for whom nobody is logged in. `s` stands in for his session from
 * then on: with his locale and zone, for the functions below. */
struct vcs_client *vcs_read_client(struct brand *b, struct mem *m,
    int64_t client, const char *login, struct session *s);

/* Changes the details that are not NULL. */
enum err vcs_update_client(struct brand *b, struct mem *m, struct session *s,
    const char *const details[VCS_DETAILS]);

/* Whether this is the password of the session's log-in, which has to be the
 * session's customer's. ERR_LOGIN: it is not. */
enum err vcs_check_password(
    struct brand *b, struct mem *m, struct session *s, const char *password);

enum err vcs_update_password(
    struct brand *b, struct mem *m, struct session *s, const char *password);

struct vcs_voucher {
	enum err err;
	const char *refusal; /* with ERR_RULE: "used", "expired", ... as under
			      * "errors" in the API profile */
	bool has_amount;
	struct money amount;
};

/* Adds the voucher's amount to the balance. A refusal that the API profile has
 * no name for is ERR_UPSTREAM. */
struct vcs_voucher vcs_redeem(
    struct brand *b, struct mem *m, struct session *s, const char *code);

#endif
