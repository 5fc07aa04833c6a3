/* cli_vhost.c: `portico vhost`: the nginx site of a domain, filled in from
 * nginx/vhost.conf.in. "@NAME@" there is a value. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "domain/brand.h"

enum { NAME_MOST = 253, LABEL_MOST = 63 };

struct vhost {
	struct mem *mem;
	const char *domain, *brand, *folder, *share, *option;
	bool named; /* not the default brand */
};

/* In small letters; NULL: it is no host's name (RFC 1123, 2.1). What is one
 * needs no quoting in nginx's language. */
static const char *parse_domain(struct mem *m, const char *text)
{
	char *name = mem_text(m, text);
	size_t label = 0, len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		bool edge = !label || !name[i + 1] || name[i + 1] == '.';

		name[i] = (char)tolower(c);
		if (c == '.' ? !label || i + 1 == len
			     : c > 0x7f || !(isalnum(c) || (c == '-' && !edge)))
			return NULL;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MOST)
			return NULL;
	}
	return len && len <= NAME_MOST ? name : NULL;
}

/* The configuration's folder, also before there is one. */
static const char *find_folder(struct mem *m, const char *named)
{
	char whole[PATH_MAX];
	const char *path;
	struct diag d;

	diag_open(&d, m);
	path = conf_find(m, named, &d);
	if (!path || !realpath(path, whole))
		return "/etc/portico";
	return mem_text_n(m, whole, (size_t)(strrchr(whole, '/') - whole));
}

static void put_value(const struct vhost *v, const char *name, size_t len)
{
	const struct {
		const char *name, *value;
	} values[] = {
	    {"DOMAIN", v->domain},
	    {"BRAND", v->brand},
	    {"FOLDER", v->folder},
	    {"SHARE", v->share},
	    {"OPTION", v->option},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strlen(values[i].name) == len &&
		    !strncmp(values[i].name, name, len))
			fputs(values[i].value, stdout);
}

static void put_line(const struct vhost *v, const char *at, size_t len)
{
	const char *end = at + len, *mark;

	while (at < end) {
		if (*at != '@') {
			putchar(*at++);
			continue;
		}
		mark = at + 1;
		at = mark + strcspn(mark, "@\n");
		put_value(v, mark, (size_t)(at - mark));
		at++;
	}
}

static bool print(const struct vhost *v)
{
	const char *path =
	    mem_print(v->mem, "%s/nginx/vhost.conf.in", v->share);
	const char *text = conf_read_file(v->mem, path, NULL);

	if (!text) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	while (*text) {
		size_t len = strcspn(text, "\n");

		put_line(v, text, len + (text[len] == '\n'));
		text += len + (text[len] == '\n');
	}
	return fflush(stdout) == 0;
}

/* nginx would take these characters of a path for its own. */
static bool is_plain(const char *path)
{
	return !path[strcspn(path, " \t\n\"'\\$;{}#")];
}

static bool is_right(const struct vhost *v, const struct cli *c)
{
	if (!v->domain)
		fprintf(stderr,
		    "portico vhost: '%s' is no host name; letters, digits, '-' "
		    "and '.', others in their xn-- spelling\n",
		    c->args[0]);
	else if (v->named && !brand_is_name(v->brand))
		fprintf(stderr,
		    "portico vhost: '%s' is no brand's name; a-z, 0-9 and '-', "
		    "at most %d characters\n",
		    v->brand, BRAND_NAME);
	else if (!is_plain(v->folder) || !is_plain(v->share))
		fprintf(stderr,
		    "portico vhost: nginx cannot take the path %s\n",
		    is_plain(v->share) ? v->folder : v->share);
	else
		return true;
	return false;
}

int cli_vhost(const struct cli *c)
{
	struct mem *m = mem_open(0);
	struct vhost v = {.mem = m,
	    .domain = parse_domain(m, c->args[0]),
	    .brand = c->brand ? c->brand : "default",
	    .share = conf_find_share(m)};
	int status = 2;

	v.named = strcmp(v.brand, "default") != 0;
	v.option = v.named ? mem_print(m, "--brand %s ", v.brand) : "";
	v.folder = find_folder(m, c->config);
	if (v.named)
		v.folder = mem_print(m, "%s/brands/%s", v.folder, v.brand);
	if (is_right(&v, c)) {
		if (v.named && access(v.folder, X_OK) != 0)
			fprintf(stderr,
			    "portico vhost: %s: %s; the brand would answer "
			    "421 until it is there\n",
			    v.folder, strerror(errno));
		status = print(&v) ? 0 : 1;
	}
	mem_close(m);
	return status;
}
