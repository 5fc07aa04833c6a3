/* cli_brand.c: `portico brand new`: the skeleton of a brand, copied from
 * conf/brand/ beside the configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "domain/brand.h"

struct skeleton {
	struct mem *mem;
	const char *name;
	const char *from, *to; /* folders */
	struct stat like;      /* customer-params.json of the default brand */
	gid_t group;	       /* of the new files, and */
	bool group_reads;      /* whether it reads secrets */
};

static bool fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return false;
}

/* Whose the configuration is, so that the portal can read it when root made
 * it; others than root cannot give files away, and need not. */
static void give(const struct skeleton *s, int fd)
{
	if (geteuid() == 0 && fchown(fd, s->like.st_uid, s->group) != 0)
		perror(s->to);
}

/* Of the default brand's file, where it is the group that may read it. One that
 * all may read tells nothing of that: then the package's group, if there is
 * one. */
static gid_t find_group(const struct stat *like, bool *reads)
{
	const struct group *portal = getgrnam("portico");

	*reads = (like->st_mode & 0044) == 0040;
	if (*reads || geteuid() != 0 || !portal || like->st_uid != 0)
		return like->st_gid;
	*reads = true;
	return portal->gr_gid;
}

static bool add_folder(const struct skeleton *s, const char *path)
{
	int fd;

	if (mkdir(path, 0755) != 0)
		return fail(path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(path);
	give(s, fd);
	close(fd);
	return true;
}

static const char *put_name(const struct skeleton *s, const char *text)
{
	static const char mark[] = "@NAME@";
	struct buf b;
	const char *hit;

	buf_open(&b, s->mem, 4096);
	while ((hit = strstr(text, mark))) {
		buf_add(&b, text, (size_t)(hit - text));
		buf_add_text(&b, s->name);
		text = hit + sizeof(mark) - 1;
	}
	buf_add_text(&b, text);
	return b.data;
}

/* Secrets are for the portal alone. */
static mode_t mode_of(const struct skeleton *s, bool secret)
{
	if (!secret)
		return 0644;
	return s->group_reads ? 0640 : 0600;
}

static bool add_file(const struct skeleton *s, const char *name, bool secret)
{
	const char *from = mem_print(s->mem, "%s/%s", s->from, name);
	const char *to = mem_print(s->mem, "%s/%s", s->to, name);
	const char *text = conf_read_file(s->mem, from, NULL);
	FILE *out;
	int fd;

	if (!text)
		return fail(from);
	fd = open(
	    to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_of(s, secret));
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return fail(to);
	give(s, fd);
	fputs(put_name(s, text), out);
	if (fflush(out) != 0 || ferror(out)) {
		fail(to);
		fclose(out);
		return false;
	}
	fclose(out);
	return true;
}

static bool add_all(const struct skeleton *s, const char *brands)
{
	static const char *const folders[] = {"", "/templates",
	    "/templates/locale", "/static", "/static/image-resources"};

	if (access(brands, F_OK) != 0 && !add_folder(s, brands))
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!add_folder(
			s, mem_print(s->mem, "%s%s", s->to, folders[i])))
			return false;
	return add_file(s, "customer-params.json", true) &&
	       add_file(s, "templates/README.md", false) &&
	       add_file(s, "static/README.md", false);
}

static int add_brand(struct mem *m, const struct cli *c, const char *name)
{
	struct skeleton s = {.mem = m, .name = name};
	const char *path, *slash, *brands;
	struct diag d;

	diag_open(&d, m);
	path = conf_find(m, c->config, &d);
	cli_print_diag(&d);
	if (!path || stat(path, &s.like) != 0)
		return 1;
	s.group = find_group(&s.like, &s.group_reads);
	slash = strrchr(path, '/');
	brands = slash ? mem_print(m, "%.*s/brands", (int)(slash - path), path)
		       : "brands";
	s.from = mem_print(m, "%s/conf/brand", conf_find_share(m));
	s.to = mem_print(m, "%s/%s", brands, name);
	if (!add_all(&s, brands))
		return 1;
	printf("made %s\n"
	       "1. fill in %s/customer-params.json\n"
	       "2. portico check\n"
	       "3. portico vhost DOMAIN --brand %s, for nginx\n"
	       "4. systemctl reload portico nginx\n",
	    s.to, s.to, name);
	return 0;
}

int cli_brand(const struct cli *c)
{
	const char *name = c->args[1];
	struct mem *m;
	int status;

	if (strcmp(c->args[0], "new") != 0) {
		fprintf(stderr, "portico brand: write: brand new NAME\n");
		return 2;
	}
	if (!brand_is_name(name)) {
		fprintf(stderr,
		    "portico brand: a name is a-z, 0-9 and '-', at most %d "
		    "characters, and not \"default\"\n",
		    BRAND_NAME);
		return 2;
	}
	m = mem_open(0);
	status = add_brand(m, c, name);
	mem_close(m);
	return status;
}
