/* cli.h: the commands of the program: one row each in main.c, one function
 * each in cli_NAME.c.
 */
#ifndef PORTICO_CLI_H
#define PORTICO_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diag;
struct json_object;
struct mem;

/* A command line, checked against its command's row. */
struct cli {
	const char *config, *socket, *brand;
	int64_t workers, every, reconcile;
	bool watch, vcs, templates, json;
	char **args; /* what is no option */
	size_t n_args;
};

/* The exit status: 0 done, 1 something is wrong, 2 the command line is. */
int cli_serve(const struct cli *c);
int cli_check(const struct cli *c);
int cli_render(const struct cli *c);
int cli_brand(const struct cli *c);
int cli_payments(const struct cli *c);
int cli_store(const struct cli *c);
int cli_vhost(const struct cli *c);
int cli_routes(const struct cli *c);
int cli_cgi(const struct cli *c);
int cli_version(const struct cli *c);

/* Each mistake as "WHERE: WHAT; REMEDY", one a line, on standard error. */
void cli_print_diag(const struct diag *d);

#endif
