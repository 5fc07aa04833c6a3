/* cli_payments.c: `portico payments`: the journal, for operators. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "domain/brand.h"
#include "domain/payment.h"
#include "reconcile.h"

enum { LISTED = 100 };

static struct till open_till(struct brand *b, struct mem *m)
{
	return (struct till){b, brand_store(b), m, (int64_t)time(NULL)};
}

static const char *make_time(struct mem *m, int64_t when)
{
	char text[32];
	time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
	return mem_text(m, text);
}

/* Gateways' words go to a terminal. */
static const char *clean(struct mem *m, const char *text)
{
	char *copy = mem_text(m, text ? text : "");

	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return copy;
}

static void print_payment(struct mem *m, const struct payment *p)
{
	printf("%s  %s  %-10s client %-8" PRId64 " %-13s %10s %s  %-15s%s%s\n",
	    p->id, make_time(m, p->created), p->brand, p->client, p->gateway,
	    money_text(m, p->amount), p->currency, payment_state_name(p->state),
	    p->why ? "  " : "", clean(m, p->why));
}

static int list(struct site *site, struct mem *m)
{
	struct payments all;
	int status = 0;

	for (size_t i = 0; i < site->n_brands; i++) {
		struct till t = open_till(&site->brands[i], m);

		if (!t.db || payment_list(&t, 0, LISTED, &all)) {
			status = 1;
			continue;
		}
		for (size_t j = 0; j < all.n; j++)
			print_payment(m, &all.rows[j]);
	}
	return status;
}

static void print_rows(struct mem *m, struct json_object *o, const char *key)
{
	struct json_object *rows = json_find(o, key);

	for (size_t i = 0; i < json_length(rows); i++) {
		const char *line = "";

		json_each (json_at(rows, i), name, value)
			line = mem_print(m, "%s  %s %s", line, name,
			    clean(m, json_text(value, NULL)));
		printf("  %-9s%s\n", key, line);
	}
}

static void print_story(struct mem *m, struct json_object *story)
{
	for (size_t i = 0; i < json_length(story); i++) {
		int64_t time = 0;

		json_find_int(json_at(story, i), "time", &time);
		printf("  %s  %s\n", make_time(m, time / 1000),
		    clean(m, json_find_text(json_at(story, i), "what")));
	}
}

static void print_all(struct mem *m, struct json_object *o)
{
	json_each (o, name, value)
		if (!json_is(value, JSON_LIST) && value)
			printf("%-12s%s\n", name, json_text(value, NULL));
	print_rows(m, o, "receipts");
	print_rows(m, o, "postings");
	print_story(m, json_find(o, "story"));
}

static int show(struct site *site, struct mem *m, const char *id, bool as_json)
{
	for (size_t i = 0; i < site->n_brands; i++) {
		struct till t = open_till(&site->brands[i], m);
		struct json_object *o = t.db ? payment_tell(&t, id) : NULL;

		if (!o)
			continue;
		if (as_json)
			puts(json_write_pretty(m, o));
		else
			print_all(m, o);
		return 0;
	}
	fprintf(stderr, "portico payments: there is no payment %s\n", id);
	return 1;
}

static int run(struct site *site, struct mem *m, const struct cli *c)
{
	int status;

	if (!strcmp(c->args[0], "reconcile"))
		return reconcile_run(site, c->every, false);
	site_connect(site);
	status = !strcmp(c->args[0], "list")
		     ? list(site, m)
		     : show(site, m, c->args[1], c->json);
	site_disconnect(site);
	return status;
}

static bool is_right(const struct cli *c)
{
	if (c->n_args == 1)
		return !strcmp(c->args[0], "list") ||
		       !strcmp(c->args[0], "reconcile");
	return c->n_args == 2 && !strcmp(c->args[0], "show");
}

/* Ended between two payments, not within one. */
static void block_signals(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int cli_payments(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct site *site;
	struct diag d;
	int status = 1;

	if (!is_right(c)) {
		fprintf(stderr, "usage: portico payments list | show ID | "
				"reconcile [--every SECONDS]\n");
		mem_close(m);
		return 2;
	}
	block_signals();
	diag_open(&d, m);
	site = site_load(c->config, &d);
	cli_print_diag(&d);
	if (site && !d.n && site_migrate(site) == ERR_OK) {
		cli_print_diag(&site->mistakes);
		status = run(site, m, c);
		if (site->n_refused)
			status = 1;
	}
	site_close(site);
	mem_close(m);
	return status;
}
