/* watch.c: a checksum of names, sizes and times of a site's files. */
#include "watch.h"

#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/mem.h"
#include "domain/brand.h"

/* FNV-1a, 64 bits. */
static uint64_t add(uint64_t sum, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len--)
		sum = (sum ^ *at++) * UINT64_C(0x100000001b3);
	return sum;
}

/* Any file or folder; one that is not there adds nothing. */
static uint64_t add_tree(uint64_t sum, char *path)
{
	char *roots[] = {path, NULL};
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (tree && (e = fts_read(tree))) {
		const struct stat *st = e->fts_statp;

		if (e->fts_info != FTS_F && e->fts_info != FTS_D)
			continue;
		sum = add(sum, e->fts_path, e->fts_pathlen);
		sum = add(sum, &st->st_mtim, sizeof(st->st_mtim));
		sum = add(sum, &st->st_size, sizeof(st->st_size));
	}
	if (tree)
		fts_close(tree);
	return sum;
}

uint64_t watch_scan(const struct site *site)
{
	static const char *const folders[] = {
	    "templates", "static", "conf", "vcs", "brands"};
	enum { N = sizeof(folders) / sizeof(folders[0]) };
	struct mem *m = mem_open(0);
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < N; i++)
		sum = add_tree(
		    sum, mem_print(m, "%s/%s", site->share, folders[i]));
	for (size_t b = 0; b < site->n_brands; b++) {
		const char *path = site->brands[b].conf->path;
		const char *slash = strrchr(path, '/');
		const char *dir =
		    slash ? mem_text_n(m, path, (size_t)(slash - path)) : ".";

		sum = add_tree(sum, mem_text(m, path));
		for (size_t i = 0; i < N; i++)
			sum = add_tree(
			    sum, mem_print(m, "%s/%s", dir, folders[i]));
	}
	mem_close(m);
	return sum;
}
