/* brand.c: loads the site: configuration, languages, templates, assets. */
#include "domain/brand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/session.h"
#include "domain/gateway.h"
#include "domain/vcs.h"
#include "domain/vcs_profile.h"
#include "tools/crypto.h"
#include "tools/db.h"
#include "tools/fmt.h"
#include "tools/http.h"
#include "tools/tmpl.h"

enum { FINGERPRINT = 6 }; /* bytes of a hash in an asset's URL */

/* --- Assets --------------------------------------------------------------- */

static const struct {
	const char *key, *file;
} assets[] = {
    {"bootstrap_url", "bootstrap.min.css"},
    {"bootstrap_rtl_url", "bootstrap.rtl.min.css"},
    {"style_url", "portico.css"},
    {"custom_url", "client_portal_custom.css"},
    {"icon_url", "icon.svg"},
    {"logo_login_url", "image-resources/logo-login.png"},
    {"logo_panel_url", "image-resources/logo-panel.png"},
};

/* "/static/v-HASH/THEME/FILE": the address changes with the content, so that
 * browsers may keep it for ever. */
static void add_asset(struct site *s, struct brand *b, const char *theme,
    size_t i, struct diag *d)
{
	unsigned char hash[CRYPTO_SHA256];
	char *path = mem_print(
	    s->mem, "%s/static/%s/%s", s->share, theme, assets[i].file);
	struct mem *work = mem_open(0);
	size_t len;
	char *data = conf_read_file(work, path, &len);

	if (data) {
		crypto_sha256(data, len, hash);
		json_put_text(b->assets, assets[i].key,
		    mem_print(s->mem, "/static/v-%s/%s/%s",
			crypto_hex(work, hash, FINGERPRINT), theme,
			assets[i].file));
	} else if (!strcmp(theme, "default")) {
		diag_add(d, path, "put the file there", "%s", strerror(errno));
	} else {
		add_asset(s, b, "default", i, d);
	}
	mem_close(work);
}

/* --- Loading -------------------------------------------------------------- */

static void load_theme(struct site *s, struct brand *b, struct diag *d)
{
	enum json_tokener_error error = json_tokener_success;
	const char *path = mem_print(
	    s->mem, "%s/templates/%s/theme.json", s->share, b->conf->theme);
	char *text;

	if (access(path, R_OK) != 0)
		path = mem_print(
		    s->mem, "%s/templates/default/theme.json", s->share);
	b->theme_path = path;
	text = conf_read_file(s->mem, path, NULL);
	if (text)
		b->theme =
		    json_own(s->mem, json_tokener_parse_verbose(text, &error));
	if (!text)
		diag_add(d, path, "put the file there", "%s", strerror(errno));
	else if (!json_object_is_type(b->theme, json_type_object))
		diag_add(d, path, "mend the JSON", "%s",
		    error ? json_tokener_error_desc(error)
			  : "must be an object");
}

static void load_language(
    struct site *s, struct brand *b, const char *locale, struct diag *d)
{
	const char *texts[] = {mem_print(s->mem, "%s/templates/%s/locale",
				   s->share, b->conf->theme),
	    mem_print(s->mem, "%s/templates/locale", s->share), NULL};
	const char *folders[] = {
	    mem_print(s->mem, "%s/templates/%s", s->share, b->conf->theme),
	    mem_print(s->mem, "%s/templates/default", s->share), NULL};
	struct language *l = &b->languages[b->n_languages++];

	if (!strcmp(b->conf->theme, "default"))
		folders[1] = NULL;
	l->locale = locale;
	l->fmt = fmt_open(locale, texts, d);
	l->name = fmt_language_name(s->mem, l->fmt);
	l->templates = tmpl_open(s->mem, folders, l->fmt, d);
}

static void load_languages(struct site *s, struct brand *b, struct diag *d)
{
	const struct conf *c = b->conf;

	b->languages =
	    mem_array(s->mem, c->locales.n + 1, sizeof(*b->languages));
	load_language(s, b, c->locale, d);
	for (size_t i = 0; i < c->locales.n; i++)
		if (!brand_find_language(b, c->locales.items[i]) ||
		    strchr(c->locales.items[i], '-'))
			if (strcmp(c->locales.items[i], c->locale) != 0)
				load_language(s, b, c->locales.items[i], d);
}

static void load_profile(struct site *s, struct brand *b, struct diag *d)
{
	const char *name = b->conf->core_api.profile;

	b->profile = vcs_profile_load(s->mem,
	    strchr(name, '/')
		? name
		: mem_print(s->mem, "%s/conf/vcs/%s.json", s->share, name),
	    d);
}

static void load_brand(
    struct site *s, struct brand *b, const char *path, struct diag *d)
{
	b->name = "default";
	b->conf = conf_load(s->mem, s->share, path, d);
	if (!b->conf)
		return;
	if (!fmt_zone_known(b->conf->time_zone))
		diag_add(d, path, "write a name such as Europe/Berlin",
		    "timeZone: %s is not known", b->conf->time_zone);
	load_theme(s, b, d);
	load_profile(s, b, d);
	load_languages(s, b, d);
	b->assets = json_new(s->mem);
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		add_asset(s, b, b->conf->theme, i, d);
}

struct site *site_load(const char *named, struct diag *d)
{
	struct mem *m = mem_open(0);
	struct site *s = mem_alloc(m, sizeof(*s));
	const char *path = conf_find(m, named, d);

	s->mem = m;
	s->share = mem_text(m, conf_find_share(m));
	if (!path) {
		mem_close(m);
		return NULL;
	}
	s->n_brands = 1;
	s->brands = mem_array(m, s->n_brands, sizeof(*s->brands));
	load_brand(s, &s->brands[0], path, d);
	if (!s->brands[0].conf) {
		mem_close(m);
		return NULL;
	}
	return s;
}

void site_close(struct site *s)
{
	for (size_t i = 0; i < s->n_brands; i++)
		for (size_t j = 0; j < s->brands[i].n_languages; j++)
			fmt_close(s->brands[i].languages[j].fmt);
	mem_close(s->mem);
}

/* --- Handles -------------------------------------------------------------- */

enum err site_migrate(struct site *s)
{
	char *folder = mem_print(s->mem, "%s/conf/schema", s->share);
	enum err err = ERR_OK;

	for (size_t i = 0; i < s->n_brands && !err; i++) {
		struct db *db = db_open(s->brands[i].conf->store.uri);

		err = db ? db_migrate(db, folder) : ERR_BUSY;
		if (db)
			db_close(db);
	}
	return err;
}

void site_connect(struct site *s)
{
	for (size_t i = 0; i < s->n_brands; i++) {
		struct brand *b = &s->brands[i];

		b->http = http_open();
		b->vcs = vcs_open();
		b->gateways = gateway_open();
		brand_store(b);
	}
}

void site_disconnect(struct site *s)
{
	for (size_t i = 0; i < s->n_brands; i++) {
		struct brand *b = &s->brands[i];

		if (b->db)
			db_close(b->db);
		http_close(b->http);
		vcs_close(b->vcs);
		gateway_close(b->gateways);
		b->db = NULL;
		b->http = NULL;
		b->vcs = NULL;
		b->gateways = NULL;
	}
}

struct db *brand_store(struct brand *b)
{
	struct mem *m;

	if (!b->db)
		b->db = db_open(b->conf->store.uri);
	if (b->db && !b->secret[0]) {
		m = mem_open(0);
		if (session_secret(b->db, m, "csrf", b->secret))
			b->secret[0] = '\0';
		mem_close(m);
	}
	return b->db && b->secret[0] ? b->db : NULL;
}

char *brand_make_url(struct mem *m, const struct brand *b, const char *path)
{
	const char *base = b->conf->public_uri;
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	return mem_print(m, "%.*s%s", (int)len, base, path);
}

/* --- Looking up ----------------------------------------------------------- */

struct brand *site_find(struct site *s, const char *name)
{
	for (size_t i = 0; i < s->n_brands; i++)
		if (!strcmp(s->brands[i].name, name))
			return &s->brands[i];
	return NULL;
}

struct language *brand_find_language(struct brand *b, const char *locale)
{
	size_t len;

	if (!locale)
		return NULL;
	for (size_t i = 0; i < b->n_languages; i++)
		if (!strcasecmp(b->languages[i].locale, locale))
			return &b->languages[i];
	len = strcspn(locale, "-_");
	for (size_t i = 0; i < b->n_languages; i++)
		if (!strncasecmp(b->languages[i].locale, locale, len) &&
		    !b->languages[i].locale[len])
			return &b->languages[i];
	return NULL;
}

/* What stands behind a language: " ; q=0.5"; nothing is 1. */
static double parse_weight(const char *s)
{
	double q;

	s += strspn(s, " \t");
	if (*s != ';')
		return 1;
	s++;
	s += strspn(s, " \t");
	if (strncasecmp(s, "q=", 2) != 0 || !strchr("01", s[2]))
		return 0;
	q = strtod(s + 2, NULL);
	return q <= 1 ? q : 0;
}

struct language *brand_choose_language(struct brand *b, const char *accept)
{
	struct language *best = &b->languages[0], *found;
	double best_q = 0, q;
	char tag[36];

	while (accept && *accept) {
		const char *end = accept + strcspn(accept, ",");
		size_t len;

		accept += strspn(accept, " \t");
		len = strcspn(accept, ",; \t");
		q = parse_weight(accept + len);
		if (len < sizeof(tag)) {
			memcpy(tag, accept, len);
			tag[len] = '\0';
			found = brand_find_language(b, tag);
			if (found && q > best_q) {
				best = found;
				best_q = q;
			}
		}
		accept = *end ? end + 1 : end;
	}
	return best;
}
