/* cli_store.c: `portico store copy`: from SQLite to PostgreSQL, or back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "domain/brand.h"
#include "tools/db.h"

static void tell(const char *table, int64_t rows)
{
	printf("%-20s %" PRId64 "\n", table, rows);
}

/* Never quotes a URI: it may hold a password. */
static int fail(const char *what, const char *why)
{
	fprintf(stderr, "portico store: %s: %s\n", what, why);
	return 1;
}

static enum err copy(struct mem *m, const struct site *site, struct db *from,
    struct db *to, const char **why)
{
	enum err err = ERR_BUSY;

	*why = NULL;
	if (from && to)
		err =
		    db_migrate(to, mem_print(m, "%s/conf/schema", site->share));
	return err ? err : db_copy(from, to, m, tell, why);
}

static int copy_from(struct mem *m, const struct site *site,
    const struct brand *b, const char *uri)
{
	const char *found, *why = db_check(m, uri, &found);
	struct db *from, *to;
	enum err err;

	if (why || !found)
		return fail("FROM", why ? why : "there is no store");
	printf("from %s\n", found);
	why = db_check(m, b->conf->store.uri, &found);
	if (why)
		return fail("store.uri", why);
	if (!strcmp(uri, b->conf->store.uri))
		return fail("FROM", "store.uri names the same store");
	from = db_open(uri);
	to = db_open(b->conf->store.uri);
	err = copy(m, site, from, to, &why);
	db_close(from);
	db_close(to);
	if (err)
		return fail("nothing was copied", why ? why : err_code(err));
	printf("All of it was copied.\n");
	return 0;
}

int cli_store(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct site *site;
	const struct brand *b;
	struct diag d;
	int status = 1;

	if (strcmp(c->args[0], "copy") != 0) {
		fprintf(stderr, "portico store: write: portico store copy "
				"FROM\n");
		mem_close(m);
		return 2;
	}
	diag_open(&d, m);
	log_open(false, LOG_WARN);
	site = site_load(c->config, &d);
	b = site && !d.n ? site_find(site, c->brand ? c->brand : "default")
			 : NULL;
	if (!site || d.n)
		cli_print_diag(&d);
	else if (!b)
		status = fail("--brand", "there is no such brand");
	else
		status = copy_from(m, site, b, c->args[1]);
	if (site)
		site_close(site);
	mem_close(m);
	return status;
}
