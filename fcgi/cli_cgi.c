/* cli_cgi.c: `portico cgi`: one request from the environment and standard
 * input, answered on standard output. For tests and for trying things out: it
 * loads everything anew each time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "confine.h"
#include "domain/brand.h"
#include "pages/page.h"

static size_t read_input(void *ctx, void *out, size_t room)
{
	ssize_t got;

	(void)ctx;
	do
		got = read(STDIN_FILENO, out, room);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}

static bool write_output(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	return fwrite(data, 1, len, stdout) == len;
}

/* CGI has no way to break an answer but to fail. */
static void fail(void *ctx)
{
	*(int *)ctx = 1;
}

static int serve(struct site *site)
{
	const struct conf *conf = site->brands[0].conf;
	int status = 0;
	const struct req_source source = {
	    (const char *const *)environ, read_input, NULL};
	const struct reply_sink sink = {
	    write_output, fail, &status, NULL, NULL, NULL};
	struct mem *m = mem_open((size_t)conf->limits.request_memory);

	log_open(conf->log.json, LOG_WARN);
	if (confine_self(site)) {
		site_connect(site);
		page_serve(site, m, &source, &sink);
		site_disconnect(site);
	} else {
		status = 1;
	}
	mem_close(m);
	if (fflush(stdout))
		status = 1;
	return status;
}

int cli_cgi(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct site *site;
	struct diag d;
	int status = 1;

	diag_open(&d, m);
	site = site_load(c->config, &d);
	cli_print_diag(&d);
	if (site && !d.n && site->n_brands && site_migrate(site) == ERR_OK)
		status = serve(site);
	if (status && d.n)
		printf("Status: 503 Service Unavailable\r\n"
		       "Content-Type: text/plain\r\n\r\n"
		       "The configuration is wrong; see the log.\n");
	if (site)
		site_close(site);
	mem_close(m);
	return status;
}
