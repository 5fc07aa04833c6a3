/* main.c: the table of commands, and the command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli.h"
#include "pool.h"

enum option_flag {
	OPT_CONFIG = 1,
	OPT_SOCKET = 2,
	OPT_WORKERS = 4,
	OPT_WATCH = 8,
	OPT_VCS = 16,
	OPT_TEMPLATES = 32,
	OPT_JSON = 64,
	OPT_EVERY = 128,
	OPT_RECONCILE = 256,
	OPT_BRAND = 512
};

enum { ANY_NUMBER = 99 }; /* of arguments: the command looks itself */

static const struct command {
	const char *name;
	int (*run)(const struct cli *c);
	unsigned options;
	size_t n_args;
	const char *args;
	const char *about;
} commands[] = {
    {"serve", cli_serve,
	OPT_CONFIG | OPT_SOCKET | OPT_WORKERS | OPT_WATCH | OPT_RECONCILE, 0,
	"", "serve requests over FastCGI until told to stop"},
    {"check", cli_check, OPT_CONFIG | OPT_VCS | OPT_TEMPLATES, 0, "",
	"say what is right and what is wrong, and how to mend it"},
    {"render", cli_render, 0, 2, " TEMPLATE MODEL.json",
	"print what a template makes of a model (-: standard input)"},
    {"brand", cli_brand, OPT_CONFIG, 2, " new NAME",
	"write the skeleton of a brand beside the configuration"},
    {"payments", cli_payments, OPT_CONFIG | OPT_EVERY | OPT_JSON, ANY_NUMBER,
	" list | show ID | reconcile",
	"list payments, tell one's story, finish what is open"},
    {"store", cli_store, OPT_CONFIG | OPT_BRAND, 2, " copy FROM",
	"copy a store into the one that store.uri names"},
    {"vhost", cli_vhost, OPT_CONFIG | OPT_BRAND, 1, " DOMAIN",
	"print the nginx site of a domain"},
    {"routes", cli_routes, OPT_JSON, 0, "", "list all pages"},
    {"cgi", cli_cgi, OPT_CONFIG, 0, "",
	"serve one request as a plain CGI program"},
    {"version", cli_version, 0, 0, "", "print the version"},
};

static const struct {
	const char *name, *value;
	unsigned flag;
	const char *about;
} options[] = {
    {"config", "FILE", OPT_CONFIG,
	"customer-params.json, or its folder (PORTICO_CONFIG, "
	"/etc/portico)"},
    {"socket", "PATH", OPT_SOCKET,
	"where to listen (/run/portico/portico.sock), unless systemd "
	"hands over a socket"},
    {"workers", "N", OPT_WORKERS, "instead of pool.workers"},
    {"brand", "NAME", OPT_BRAND, "whose portal it is (default)"},
    {"watch", NULL, OPT_WATCH, "reload when a file changes"},
    {"vcs", NULL, OPT_VCS,
	"ask the billing system too, operation by operation; changes "
	"nothing there"},
    {"templates", NULL, OPT_TEMPLATES,
	"look at the theme only: templates, texts, theme.json"},
    {"json", NULL, OPT_JSON, "print JSON"},
    {"every", "SECONDS", OPT_EVERY,
	"reconcile: again and again, until told to stop"},
    {"reconcile", "SECONDS", OPT_RECONCILE,
	"finish payments in a process of its own, so many seconds apart"},
    {"help", NULL, ~0U, "print this"},
};

enum {
	N_COMMANDS = sizeof(commands) / sizeof(commands[0]),
	N_OPTIONS = sizeof(options) / sizeof(options[0])
};

static void print_commands(FILE *out)
{
	fprintf(out, "usage: portico COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s%s\n", commands[i].name, commands[i].about);
	fprintf(out, "\n`portico COMMAND --help` says more of each.\n");
}

static void print_help(const struct command *c)
{
	char name[32];

	printf("usage: portico %s%s%s\n\n%s\n\n", c->name,
	    c->options ? " [OPTIONS]" : "", c->args, c->about);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!(c->options & options[i].flag) && options[i].flag != ~0U)
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", options[i].name,
		    options[i].value ? " " : "",
		    options[i].value ? options[i].value : "");
		printf("  %-19s%s\n", name, options[i].about);
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool put_number(
    int64_t *out, const char *name, const char *text, int64_t most)
{
	char *end;

	*out = strtol(text, &end, 10);
	if (*text && !*end && *out >= 1 && *out <= most)
		return true;
	fprintf(stderr, "portico: --%s is a number, 1 to %lld\n", name,
	    (long long)most);
	return false;
}

static bool put_option(struct cli *cli, unsigned flag, const char *value)
{
	switch (flag) {
	case OPT_CONFIG:
		cli->config = value;
		break;
	case OPT_SOCKET:
		cli->socket = value;
		break;
	case OPT_BRAND:
		cli->brand = value;
		break;
	case OPT_WORKERS:
		return put_number(&cli->workers, "workers", value, 512);
	case OPT_EVERY:
		return put_number(&cli->every, "every", value, 86400);
	case OPT_RECONCILE:
		return put_number(&cli->reconcile, "reconcile", value, 86400);
	case OPT_WATCH:
		cli->watch = true;
		break;
	case OPT_VCS:
		cli->vcs = true;
		break;
	case OPT_TEMPLATES:
		cli->templates = true;
		break;
	case OPT_JSON:
		cli->json = true;
		break;
	default:
		return false;
	}
	return true;
}

/* Exit status of `portico COMMAND ...`; `args` starts with the command. */
static int run(const struct command *c, int n_args, char **args)
{
	struct option known[N_OPTIONS + 1] = {0};
	struct cli cli = {0};
	size_t n = 0;
	int at;

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (c->options & options[i].flag || options[i].flag == ~0U)
			known[n++] = (struct option){
			    options[i].name, !!options[i].value, NULL, (int)i};
	while ((at = getopt_long(n_args, args, "", known, NULL)) >= 0) {
		if (at < N_OPTIONS && options[at].flag == ~0U) {
			print_help(c);
			return 0;
		}
		if (at >= N_OPTIONS ||
		    !put_option(&cli, options[at].flag, optarg))
			goto hint;
	}
	cli.args = args + optind;
	cli.n_args = (size_t)(n_args - optind);
	if (cli.n_args == c->n_args || c->n_args == ANY_NUMBER)
		return c->run(&cli);
	fprintf(stderr, "portico %s: %s\n", c->name,
	    cli.n_args > c->n_args ? "too many arguments"
				   : "arguments are missing");
hint:
	fprintf(stderr, "`portico %s --help` says how\n", c->name);
	return 2;
}

void cli_print_diag(const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_item *item = &d->items[i];

		fprintf(stderr, "%s: %s%s%s\n", item->where, item->what,
		    item->remedy[0] ? "; " : "", item->remedy);
	}
}

int cli_version(const struct cli *c)
{
	(void)c;
	printf("portico %s\n", PORTICO_VERSION);
	return 0;
}

int cli_serve(const struct cli *c)
{
	const struct pool_options o = {.config = c->config,
	    .socket = c->socket ? c->socket : "/run/portico/portico.sock",
	    .workers = c->workers,
	    .watch = c->watch,
	    .reconcile = c->reconcile};

	return pool_run(&o);
}

int main(int argc, char **argv)
{
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;

	/* Arguments of a CGI program may be the client's query (RFC 3875,
	 * 4.4), so such a start runs no other command. */
	if (getenv("GATEWAY_INTERFACE") && (!c || c->run != cli_cgi))
		return cli_cgi(&(struct cli){0});
	if (c)
		return run(c, argc - 1, argv + 1);
	if (argc < 2 || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "help")) {
		print_commands(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version"))
		return cli_version(NULL);
	fprintf(stderr, "portico: no such command: %s\n\n", argv[1]);
	print_commands(stderr);
	return 2;
}
