/* cli_check.c: `portico check`: what is right and what is wrong, one line
 * each, and how to mend it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "domain/brand.h"
#include "domain/gateway.h"
#include "domain/passkey.h"
#include "domain/vcs.h"
#include "domain/vcs_profile.h"
#include "pages/page_theme.h"
#include "tools/http.h"

static bool is_template(const struct diag_item *item)
{
	return strstr(item->where, ".mustache") != NULL;
}

static bool is_catalogue(const struct diag_item *item)
{
	return strstr(item->where, "/locale/") != NULL;
}

static bool is_theme(const struct diag_item *item)
{
	return strstr(item->where, "/theme.json") != NULL;
}

static bool is_profile(const struct diag_item *item)
{
	return strstr(item->where, "/vcs/") != NULL;
}

static bool is_static(const struct diag_item *item)
{
	return strstr(item->where, "/static/") != NULL;
}

static bool is_store(const struct diag_item *item)
{
	return !strncmp(item->what, "store.uri: ", 11);
}

static size_t count(
    const struct diag *d, bool (*is_it)(const struct diag_item *))
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += is_it(&d->items[i]);
	return n;
}

/* A mistake in a setting begins with its key: "coreApi.uri: ...". */
static bool is_group_wrong(const struct diag *d, const char *group, size_t len)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *what = d->items[i].what;

		if (!strncmp(what, group, len) &&
		    (what[len] == '.' || what[len] == ':'))
			return true;
	}
	return false;
}

/* Does not fail a check: who else has a log-in on this host is not known here.
 */
static void say_rights(const struct brand *b)
{
	const struct conf_list *files = &b->conf->secret_files;
	struct stat st;

	for (size_t i = 0; i < files->n; i++)
		if (!stat(files->items[i], &st) && st.st_mode & S_IROTH)
			printf("WARN    %s holds a secret, and every user of "
			       "this host can read it; chmod o-r, and give it "
			       "to the group of the portal (chgrp portico)\n",
			    files->items[i]);
}

/* Keys of a group stand together in the table of settings. */
static void say_settings(const struct brand *b, const struct diag *d)
{
	const char *last = "", *key;
	size_t last_len = 0;

	printf("settings of %s\n", b->conf->path);
	for (size_t i = 0; (key = conf_key(i)); i++) {
		size_t len = strcspn(key, ".");

		if (len == last_len && !strncmp(key, last, len))
			continue;
		last = key;
		last_len = len;
		printf("  %-6s%.*s\n",
		    is_group_wrong(d, key, len) ? "WRONG" : "OK", (int)len,
		    key);
	}
}

static void say(const char *what, const char *names, size_t mistakes)
{
	if (mistakes)
		printf("WRONG   %s%s; mistakes: %zu\n", what, names, mistakes);
	else
		printf("OK      %s%s\n", what, names);
}

static const char *list_locales(struct mem *m, const struct brand *b)
{
	struct buf names;

	buf_open(&names, m, 64);
	for (size_t i = 0; i < b->n_languages; i++)
		buf_print(
		    &names, "%s%s", i ? ", " : " (", b->languages[i].locale);
	buf_add_text(&names, b->n_languages ? ")" : "");
	return names.data;
}

static void say_profile(const struct brand *b, const struct diag *d)
{
	say("API profile ", b->profile ? b->profile->path : "",
	    count(d, is_profile) + !b->profile);
	for (size_t i = 0; b->profile && i < VCS__MAX; i++) {
		const struct vcs_method *method = &b->profile->methods[i];

		if (method->operation)
			printf("  %-20s %-11s %-28s %s\n", method->operation,
			    method->management ? "Management" : "Core",
			    method->method ? method->method : "-",
			    method->evidence ? method->evidence : "");
	}
}

static void say_gateways(const struct brand *b)
{
	const struct conf *c = b->conf;
	bool wanted = c->paypal.client_id[0] || c->authorizenet.api_login_id[0];
	const struct gateway *g;

	for (size_t i = 0; (g = gateway_at(b, i)); i++)
		printf("OK      payments by %s (%s)\n", g->name,
		    g->environment(b));
	if (wanted && !c->public_uri[0])
		printf("OFF     payments: set publicUri\n");
	else if (wanted && !c->paypal.webhook_id[0] && c->paypal.client_id[0])
		printf("        paypal.webhookId is not set: webhooks are "
		       "hints only\n");
}

static void say_passkeys(struct mem *m, const struct brand *b)
{
	if (passkey_is_set(m, b))
		printf("OK      passkeys\n");
	else
		printf(
		    "OFF     passkeys: set publicUri, to https and a name\n");
}

static void say_brand(struct mem *m, const struct brand *b,
    const struct diag *d, const char *store, bool templates_only)
{
	const char *locales = list_locales(m, b);

	if (!templates_only) {
		say_settings(b, d);
		say_rights(b);
		say_profile(b, d);
		say("static files", "", count(d, is_static));
		say("store", store ? mem_print(m, " (%s)", store) : "",
		    count(d, is_store));
		say_gateways(b);
		say_passkeys(m, b);
	}
	say("catalogues", locales, count(d, is_catalogue));
	say("templates", locales, count(d, is_template));
	say("theme ", b->n_themes ? b->themes[0].path : "", count(d, is_theme));
}

/* --- --vcs -------------------------------------------------------------- */

static void say_operation(void *ctx, const char *operation, const char *verdict,
    const char *detail, const char *remedy)
{
	(void)ctx;
	printf("  %-20s %s%s%s\n", operation, verdict,
	    detail && *detail ? ": " : "", detail ? detail : "");
	if (remedy && *remedy)
		printf("  %-20s -> %s\n", "", remedy);
	fflush(stdout);
}

static size_t ask_vcs(struct mem *m, struct site *site)
{
	size_t wrong = 0;

	/* No site_connect(): that opens the store, and would make its file if
	 * it is not there, owned by whoever runs the check. */
	for (size_t i = 0; i < site->n_brands; i++) {
		struct brand *b = &site->brands[i];

		printf("billing system %s\n", b->conf->core_api.uri);
		b->http = http_open();
		b->vcs = vcs_open();
		wrong += vcs_check(b, m, 0, say_operation, NULL);
	}
	site_disconnect(site);
	return wrong;
}

/* ------------------------------------------------------------------------ */

/* Leaves what --templates is about. */
static void keep_templates(struct diag *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (is_template(&d->items[i]) || is_catalogue(&d->items[i]) ||
		    is_theme(&d->items[i]))
			d->items[n++] = d->items[i];
	d->n = n;
}

/* One that is served, with what loading found of it. Its mistakes. */
static size_t check_brand(struct mem *m, struct site *site,
    const struct brand *b, struct diag *d, bool templates_only)
{
	const char *store = NULL;

	page_check_theme(site, b, d);
	if (templates_only)
		keep_templates(d);
	else
		store = brand_check_store(m, b, d);
	if (site->n_brands + site->n_refused > 1)
		printf("--- brand %s\n", b->name);
	say_brand(m, b, d, store, templates_only);
	fflush(stdout);
	cli_print_diag(d);
	return d->n;
}

static size_t check_refused(const struct site *site)
{
	for (size_t i = 0; i < site->n_refused; i++)
		printf("WRONG   brand %s: it would not be served\n",
		    site->refused[i]);
	fflush(stdout);
	cli_print_diag(&site->mistakes);
	return site->mistakes.n;
}

/* `d`: what loading found of the default brand. */
static size_t check_site(
    struct mem *m, struct site *site, const struct cli *c, struct diag *d)
{
	size_t wrong = check_brand(m, site, &site->brands[0], d, c->templates);

	for (size_t i = 1; i < site->n_brands; i++) {
		struct diag own;

		diag_open(&own, m);
		wrong +=
		    check_brand(m, site, &site->brands[i], &own, c->templates);
	}
	wrong += check_refused(site);
	if (!c->vcs)
		return wrong;
	if (wrong)
		fprintf(stderr, "--vcs: mend the above first\n");
	else
		wrong += ask_vcs(m, site);
	return wrong;
}

int cli_check(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct site *site;
	struct diag d;
	size_t wrong = 1;

	diag_open(&d, m);
	log_open(false, c->vcs ? LOG_ERROR : LOG_WARN);
	site = site_load(c->config, &d);
	if (site)
		wrong = check_site(m, site, c, &d);
	else
		cli_print_diag(&d);
	puts(wrong ? "There are mistakes." : "All is right.");
	if (site)
		site_close(site);
	mem_close(m);
	return wrong ? 1 : 0;
}
