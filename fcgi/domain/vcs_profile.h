/* vcs_profile.h: an API profile: which method of which API answers each of the
 * portal's questions, with which arguments and fields. Nearly every method
 * name in the public record is an inference, so the names live in
 * conf/vcs/NAME.json, each with its evidence, and a hosting team whose VCS
 * differs edits a line of JSON.
 */
#ifndef PORTICO_VCS_PROFILE_H
#define PORTICO_VCS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct diag;
struct json_object;
struct mem;

enum vcs_operation {
	VCS_CORE_PING,
	VCS_MANAGEMENT_PING,
	VCS_LOGIN,
	VCS_CLIENT_FIND,
	VCS_CLIENT,
	VCS_ACCOUNTS,
	VCS_SERVICES,
	VCS_CURRENCIES,
	VCS_RATES,
	VCS_RATE_OF_CODE,
	VCS_SUBSCRIPTIONS,
	VCS_XDRS,
	VCS_USAGE,
	VCS_TRANSACTIONS,
	VCS_INVOICES,
	VCS_INVOICE_FILE, /* a download, no RPC: see vcs_billing.c */
	VCS_CLIENT_UPDATE,
	VCS_PASSWORD_UPDATE,
	VCS_VOUCHER,
	VCS_TRANSACTION_ADD,
	VCS__MAX
};

enum vcs_answer { VCS_ANY, VCS_OBJECT, VCS_ROWS };
enum vcs_owner {
	VCS_OWNER_NONE,
	VCS_OWNER_CLIENT,
	VCS_OWNER_ACCOUNT,
	VCS_OWNER_RATE_TABLE
};

struct vcs_method {
	const char *operation; /* the portal's name: "rate.list" */
	bool management;       /* else Core */
	bool write;	       /* changes something: never sent twice */
	const char *method;    /* VCS's name: "rates.search"; NULL: the profile
				* has no such operation (usage.summary,
				* client.find only) */
	const char *evidence;  /* documented, observed, guess */
	struct json_object *params;
	enum vcs_answer answer;
	enum vcs_owner owner;
	const char *owner_field;
	struct json_object *fields;
	struct json_object *errors; /* our name of a refusal: VCS's words */
	struct json_object *fixed;  /* rows that stand in the profile itself,
				     * where VCS has no method for them */
};

struct vcs_profile {
	const char *path;
	struct vcs_method methods[VCS__MAX];
};

/* Reads a profile; what is wrong with it goes to `d`. NULL: unreadable. */
const struct vcs_profile *vcs_profile_load(
    struct mem *m, const char *path, struct diag *d);

/* VCS's name of one of our fields; NULL: the profile has none. */
const char *vcs_profile_field(
    const struct vcs_method *method, const char *field);

/* Our name of a refusal: the first under "errors" of which VCS's message has a
 * word, in any case of letters. NULL: none. */
const char *vcs_profile_error(
    const struct vcs_method *method, const char *message);

/* The arguments of a call: the profile's, with "$name" replaced by the value
 * of `vars`; an argument whose variable is not there is left out. */
struct json_object *vcs_profile_params(
    const struct vcs_method *method, struct json_object *vars);

#endif
