/* fuzz_conf.c: any text as customer-params.json. What no mistake is found in
 * must be a configuration that the rest of the program may rely on: every text
 * is there, without control characters; numbers are within bounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "domain/gateway.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
	unlink(path);
}

static void put(const uint8_t *text, size_t len)
{
	FILE *f;

	if (!path[0]) {
		strcpy(path, "/tmp/fuzz_conf.XXXXXX");
		close(mkstemp(path));
		atexit(remove_file);
		log_open(false, LOG_ERROR + 1);
	}
	f = fopen(path, "w");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

static void check_text(const char *text, bool needed)
{
	must(text && (*text || !needed));
	for (; *text; text++)
		must((unsigned char)*text >= ' ');
}

/* What becomes a part of headers and of nginx's files. */
static void check_uri(struct mem *m, const char *uri)
{
	check_text(uri, false);
	if (!*uri)
		return;
	must(!strncmp(uri, "http://", 7) || !strncmp(uri, "https://", 8));
	must(!strpbrk(uri, " \"<>\\^`{|}"));
	gateway_origin(m, uri);
}

static void check_list(const struct conf_list *list)
{
	must(list->items != NULL);
	for (size_t i = 0; i < list->n; i++)
		must(list->items[i] && list->items[i][0]);
	must(!list->items[list->n]);
}

static void check_conf(struct mem *m, const struct conf *c)
{
	struct money min, max;

	check_uri(m, c->core_api.uri);
	check_uri(m, c->management_api.uri);
	check_uri(m, c->billing_uri);
	check_uri(m, c->public_uri);
	check_uri(m, c->paypal.uri);
	check_uri(m, c->paypal.web_uri);
	check_uri(m, c->authorizenet.uri);
	check_uri(m, c->authorizenet.hosted_uri);
	check_text(c->core_api.auth_token, true);
	check_text(c->core_api.profile, true);
	check_text(c->store.uri, true);
	check_text(c->time_zone, true);
	check_text(c->title, true);
	check_text(c->locale, true);
	must(c->theme[0] != '.' && !strchr(c->theme, '/'));
	check_list(&c->locales);
	check_list(&c->refill.presets);
	check_list(&c->refill.gateways);
	check_list(&c->paypal.cert_hosts);
	must(money_parse(c->refill.min, &min) &&
	     money_parse(c->refill.max, &max) && money_compare(min, max) <= 0);
	must(c->pool.workers >= 1 && c->pool.workers <= 512);
	must(c->limits.body >= 1024 && c->limits.body <= 16 << 20);
	must(c->session.idle >= 60 && c->session.lifetime >= 60);
	must(!c->vcs.hook_secret[0] || strlen(c->vcs.hook_secret) >= 16);
	must(!strcmp(c->paypal.environment, "sandbox") ||
	     !strcmp(c->paypal.environment, "live"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stat before;
	const struct conf *c;
	struct mem *m;
	struct diag d;

	if (size > 16384)
		return 0;
	put(data, size);
	/* Only /dev/null, lest a reference be read that never ends. */
	for (size_t i = 0; i + 5 < size; i++)
		if (!memcmp(data + i, "/dev/", 5) ||
		    !memcmp(data + i, "/proc", 5))
			return 0;
	m = mem_open(0);
	diag_open(&d, m);
	c = conf_load(m, SOURCE_DIR, path, &d);
	must(c || d.n);
	if (c && !d.n)
		check_conf(m, c);
	for (size_t i = 0; i < d.n; i++)
		must(d.items[i].where && d.items[i].what && d.items[i].remedy);
	must(!stat(path, &before));
	mem_close(m);
	return 0;
}
