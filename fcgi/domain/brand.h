/* brand.h: a brand: everything that a carrier's portal is made of, and the
 * site: all brands of one pool.
 *
 * The brand "default" is customer-params.json itself. Each folder of brands/
 * beside it is one more, of the folder's name: its own customer-params.json
 * (laid over the shipped defaults, not over the default brand's: no brand has
 * another one's billing system), and what it likes to have otherwise:
 *
 *	brands/acme/customer-params.json
 *	brands/acme/templates/NAME.mustache, theme.json, locale/LANG.json
 *	brands/acme/static/image-resources/logo-login.png, ...
 *
 * The default brand has its templates/ and static/ beside brands/.
 *
 * Each of these files hides its namesake of the theme, and that one its
 * namesake of templates/default or static/default; of theme.json and
 *catalogues, each member. "default/NAME" in a template is the shipped one.
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
#include "domain/stock.h"

struct counters;
struct db;
struct gateway_kept;
struct http;
struct json_object;
struct mem;
struct vcs;
struct vcs_profile;

enum { BRAND_NAME = 32 };

/* Whether a folder's name can be a brand's. */
bool brand_is_name(const char *name);

/* A theme.json. */
struct theme_file {
	const char *path, *text;
	struct json_object *root;
};

struct brand {
	const char *name;
	const char *folder; /* its own files; NULL: it has none */
	/* Whose copies of rate tables are its own: of this name, and of the VCS
	 * that it has now. */
	const char *rates_name;
	const struct conf *conf;
	struct language *languages; /* the first is the brand's own */
	size_t n_languages;
	/* Menu, columns, filters: what the first theme.json that has a member
	 * says of it, of the brand's, the theme's and the shipped one. */
	struct json_object *theme;
	struct theme_file themes[3];
	size_t n_themes;
	const char *style; /* of its colours (style.h), or NULL */
	/* Its whole stylesheet where that is more than the shipped one: what
	 * ships, left to right and right to left, and what it adds. NULL: the
	 * shipped one does, or it has links to several (assets). */
	const char *sheets[2], *sheet_more;
	struct counters *counters;
	struct json_object *assets; /* fingerprinted URLs, for templates */
	const struct vcs_profile *profile;

	struct site *home; /* whose memory it lies in: an earlier site's, if
			    * it was kept (site_keep_refused) */

	/* Of this process, opened by brand_connect(). */
	struct db *db;
	struct http *http;
	struct vcs *vcs;
	struct gateway_kept *gateways;
	char secret[65]; /* hex; keys CSRF tokens */
};

struct site {
	struct mem *mem;
	struct stock *stock;
	const char *share;
	struct brand *brands; /* the first is "default" */
	size_t n_brands, room;
	/* Names of brands with mistakes, which it lacks. */
	const char **refused;
	size_t n_refused;
	struct diag mistakes;  /* theirs */
	struct site *previous; /* whose brands stand in for refused ones */
	/* The shipped look, for who asks for a brand that there is not. */
	struct brand nobody;
};

/* Loads and checks all brands. What is wrong with the default one goes to `d`
 * (`d->n` > 0: do not serve); another one that has a mistake is left out, and
 * named. `named`: what --config said, or NULL. NULL: there is nothing to load.
 * Close with site_close(). */
struct site *site_load(const char *named, struct diag *d);
void site_close(struct site *s); /* NULL is fine */

/* A brand that was refused serves on as `old` has it. `old` is the site's from
 * then on: it is closed when nothing of it is needed any more. */
void site_keep_refused(struct site *s, struct site *old);

/* Brings the stores of all brands to this version's schema; before forking. A
 * brand whose store cannot be is refused; an error: the default one's. */
enum err site_migrate(struct site *s);

/* Opens this process's handles; after forking. Of one brand: when it is first
 * asked for, so that a worker holds no more than it needs. */
void brand_connect(struct brand *b);
void site_connect(struct site *s);
void site_disconnect(struct site *s);

/* The brand's store and secret. A store that was away is tried again: NULL
 * if it still is. */
struct db *brand_store(struct brand *b);

/* What would keep the brand's store from being opened, without making it. What
 * store it is (in the pool), or NULL: none was made yet. */
const char *brand_check_store(
    struct mem *m, const struct brand *b, struct diag *d);

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
