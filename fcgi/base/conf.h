/* conf.h: the configuration: customer-params.json laid over
 * customer-params.default.json, checked whole before anything starts.
 *
 * One row a setting in conf.c gives its key, type, bounds and place in struct
 * conf; reading, checking and documenting are loops over the rows.
 * conf/customer-params.json.sample explains every key for people.
 *
 * A line may end in a "// comment". Any value may be {"file": "/path"}: the
 * file's text without its last line end; a path below /run/credentials is
 * looked up in the unit's own folder of credentials (systemd), if it has one.
 * The vendor's example values
 * ("example", "login", "password") in names and secrets count as not set.
 */
#ifndef PORTICO_CONF_H
#define PORTICO_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diag;
struct mem;

struct conf_list {
	const char **items; /* NULL-terminated */
	size_t n;
};

/* Texts that are not set are "". Times are in seconds unless the key says
 * milliseconds (deadlineMs). */
struct conf {
	const char *path;	       /* of customer-params.json */
	struct conf_list secret_files; /* files that hold one, each once */

	struct {
		const char *uri, *auth_token, *profile;
		int64_t deadline_ms;
	} core_api;
	struct {
		const char *uri, *login, *password, *ca_file, *server_name;
		int64_t deadline_ms;
	} management_api;
	struct {
		const char *hook_secret;
	} vcs;
	const char *billing_uri;
	const char *public_uri;
	struct {
		const char *client_id, *client_secret, *environment, *uri;
		const char *web_uri, *webhook_id, *merchant_id;
		const char *verification, *cert_ca_file;
		struct conf_list cert_hosts;
	} paypal;
	struct {
		const char *api_login_id, *api_transaction_key;
		const char *api_signature_key, *environment, *uri, *hosted_uri;
	} authorizenet;
	struct {
		const char *min, *max; /* decimals */
		struct conf_list presets, gateways;
	} refill;
	struct {
		int64_t quiet_time;
		int64_t deadline_ms; /* of a gateway's answer */
	} payment;
	struct {
		const char *uri;
	} store;
	struct {
		int64_t idle, lifetime, bearer_lifetime;
		bool require_factor;
		const char *factor_key; /* "": the store's own secret */
	} session;
	const char *locale;
	struct conf_list locales;
	const char *time_zone;
	const char *theme;
	const char *title; /* the portal's name, in titles and logos */
	struct {
		const char *uri, *login, *password, *from, *operator;
	} smtp;
	struct {
		int64_t workers, max_requests;
		int64_t max_memory;  /* bytes */
		int64_t grace;	     /* for requests to end, at a stop */
		const char *confine; /* auto, off or require */
	} pool;
	struct {
		int64_t body, request_memory, answer; /* bytes */
		int64_t worker_share; /* percent; 100: no limit */
		int64_t login_per_name, login_per_address, login_window;
		int64_t login_per_network;
		int64_t voucher_per_hour, reset_per_hour;
		int64_t reset_per_address;
		int64_t personal_per_hour, personal_rows;
		int64_t table_rows;
		int64_t summary_rows; /* xDRs that a summary adds up itself */
		int64_t export_file;  /* bytes of an XLSX being built */
		int64_t exports;      /* at once; 0: a quarter of the pool */
		int64_t export_time;  /* seconds */
		int64_t audit_rows, audit_days; /* that a customer sees */
	} limits;
	struct { /* the mirror of rate tables: domain/mirror.h */
		int64_t refresh; /* 0: none */
		int64_t least, table_rows, rows;
		int64_t forget;
	} rates;
	struct {
		const char *level;
		bool json;
	} log;
};

/* Reads and checks `path` over SHARE/conf/customer-params.default.json. What
 * is wrong goes to `d`, each with file, line, key and remedy; a value that is
 * wrong keeps its default. NULL: a file cannot be read or is no JSON object. */
const struct conf *conf_load(
    struct mem *m, const char *share, const char *path, struct diag *d);

/* The file that --config, $PORTICO_CONFIG or /etc/portico names, in this
 * order; a folder stands for its customer-params.json. `named`: what --config
 * said, or NULL. NULL: none is there (reason in `d`). */
const char *conf_find(struct mem *m, const char *named, struct diag *d);

/* The folder of templates, static files and conf: $PORTICO_SHARE, or share/
 * beside the program (a build folder), or the installed one. */
const char *conf_find_share(struct mem *m);

/* All keys with their types, for the test that compares them with the sample.
 * NULL ends the list. */
const char *conf_key(size_t i);

/* The bytes of a file, NUL-terminated, in the pool; NULL: errno says why.
 * Files over 16 MiB are refused (EFBIG). */
char *conf_read_file(struct mem *m, const char *path, size_t *len);

#endif
