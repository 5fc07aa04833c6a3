/* watch.c: a checksum of names, sizes and times of a site's files. */
#include "watch.h"

#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/conf.h"
#include "base/mem.h"
#include "domain/brand.h"

#define SECOND INT64_C(1000000000)

struct scan {
	uint64_t sum;
	int64_t since, until;
	bool late;
};

static int64_t in_ns(const struct timespec *t)
{
	return t->tv_sec * SECOND + t->tv_nsec;
}

/* Linux gives files their times from this one, or from a finer one that is some
 * milliseconds ahead. */
int64_t watch_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return in_ns(&now);
}

/* FNV-1a, 64 bits. */
static void add(struct scan *s, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len--)
		s->sum = (s->sum ^ *at++) * UINT64_C(0x100000001b3);
}

/* Any file or folder; one that is not there adds nothing. */
static void add_tree(struct scan *s, char *path)
{
	char *roots[] = {path, NULL};
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (tree && (e = fts_read(tree))) {
		const struct stat *st = e->fts_statp;

		if (e->fts_info != FTS_F && e->fts_info != FTS_D)
			continue;
		add(s, e->fts_path, e->fts_pathlen);
		add(s, &st->st_mtim, sizeof(st->st_mtim));
		add(s, &st->st_size, sizeof(st->st_size));
		s->late = s->late || (in_ns(&st->st_mtim) >= s->since &&
					 in_ns(&st->st_mtim) <= s->until);
	}
	if (tree)
		fts_close(tree);
}

uint64_t watch_scan(const struct site *site, int64_t since, bool *late)
{
	static const char *const folders[] = {
	    "templates", "static", "conf", "vcs", "brands"};
	enum { N = sizeof(folders) / sizeof(folders[0]) };
	struct mem *m = mem_open(0);
	struct scan s = {.sum = UINT64_C(0xcbf29ce484222325),
	    .since = since,
	    .until = watch_now() + SECOND};

	for (size_t i = 0; i < N; i++)
		add_tree(&s, mem_print(m, "%s/%s", site->share, folders[i]));
	for (size_t b = 0; b < site->n_brands; b++) {
		const char *path = site->brands[b].conf->path;
		const char *slash = strrchr(path, '/');
		const char *dir =
		    slash ? mem_text_n(m, path, (size_t)(slash - path)) : ".";

		add_tree(&s, mem_text(m, path));
		for (size_t i = 0; i < N; i++)
			add_tree(&s, mem_print(m, "%s/%s", dir, folders[i]));
	}
	mem_close(m);
	if (late)
		*late = s.late;
	return s.sum;
}
