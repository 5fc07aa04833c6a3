/* brand.h: a brand: everything that a carrier's portal is made of, and the
 * site: all brands of one pool.
 *
 * A site is loaded once, by the parent, before the workers are forked; they
 * share it by copy-on-write. Handles (store, connections) are opened by each
 * worker for itself. All that a request needs is looked up through its brand.
 */
#ifndef PORTICO_BRAND_H
#define PORTICO_BRAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/log.h"

struct db;
struct fmt;
struct gateway_kept;
struct http;
struct json_object;
struct mem;
struct tmpl_set;
struct vcs;
struct vcs_profile;

struct language {
	const char *locale;
	const char *name; /* in itself */
	struct fmt *fmt;
	const struct tmpl_set *templates;
};

struct brand {
	const char *name;
	const struct conf *conf;
	struct language *languages; /* the first is the brand's own */
	size_t n_languages;
	struct json_object *theme;  /* theme.json: menu, columns, filters */
	const char *theme_path;	    /* where it is */
	struct json_object *assets; /* fingerprinted URLs, for templates */
	const struct vcs_profile *profile;

	/* Of this process, opened by site_connect(). */
	struct db *db;
	struct http *http;
	struct vcs *vcs;
	struct gateway_kept *gateways;
	char secret[65]; /* hex; keys CSRF tokens */
};

struct site {
	struct mem *mem;
	const char *share;
	struct brand *brands;
	size_t n_brands;
};

/* Loads and checks all brands. What is wrong goes to `d` (`d->n` > 0: do not
 * serve). `named`: what --config said, or NULL. NULL: there is nothing to
 * load. Close with site_close(). */
struct site *site_load(const char *named, struct diag *d);
void site_close(struct site *s);

/* Brings the stores of all brands to this version's schema; before forking. */
enum err site_migrate(struct site *s);

/* Opens this process's handles; after forking. */
void site_connect(struct site *s);
void site_disconnect(struct site *s);

/* The brand's store and secret. A store that was away is tried again: NULL
 * if it still is. */
struct db *brand_store(struct brand *b);

/* NULL: unknown; never somebody else's brand. */
struct brand *site_find(struct site *s, const char *name);

/* The language of a locale ("de-AT" finds "de"); NULL: the brand lacks it. */
struct language *brand_find_language(struct brand *b, const char *locale);

/* A page's address as the world sees it: publicUri and its path. */
char *brand_make_url(struct mem *m, const struct brand *b, const char *path);

/* The best language of the brand for an Accept-Language header (RFC 9110,
 * 12.5.4); the brand's own where none fits or nothing was sent. */
struct language *brand_choose_language(struct brand *b, const char *accept);

#endif
