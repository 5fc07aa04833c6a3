/* brand.c: loads the site: configuration, languages, templates, assets. */
#include "domain/brand.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/gateway.h"
#include "domain/session.h"
#include "domain/style.h"
#include "domain/vcs.h"
#include "domain/vcs_profile.h"
#include "tools/crypto.h"
#include "tools/db.h"
#include "tools/fmt.h"
#include "tools/http.h"

enum {
	FINGERPRINT = 6, /* bytes of a hash in an asset's URL */
	ASSET_HASH = 10	 /* where it begins there */
};

/* --- Assets --------------------------------------------------------------- */

static const struct {
	const char *key, *file;
} assets[] = {
    {"bootstrap_url", "bootstrap.min.css"},
    {"bootstrap_rtl_url", "bootstrap.rtl.min.css"},
    {"style_url", "portico.css"},
    {"custom_url", "client_portal_custom.css"},
    {"icon_url", "icon.svg"},
    {"passkey_url", "passkey.js"},
    {"logo_login_url", "image-resources/logo-login.png"},
    {"logo_panel_url", "image-resources/logo-panel.png"},
};

/* Where a brand's files may be, the first that has one wins: `folder` is on the
 * disk, `url` below /static/v-HASH/. */
struct shelf {
	const char *folder, *url;
};

static size_t list_shelves(
    const struct site *s, const struct brand *b, struct shelf out[3])
{
	const char *theme = b->conf->theme;
	size_t n = 0;

	if (b->folder)
		out[n++] = (struct shelf){
		    mem_print(s->mem, "%s/static", b->folder), "brand"};
	if (strcmp(theme, "default") != 0)
		out[n++] = (struct shelf){
		    mem_print(s->mem, "%s/static/%s", s->share, theme), theme};
	out[n++] = (struct shelf){
	    mem_print(s->mem, "%s/static/default", s->share), "default"};
	return n;
}

/* "/static/v-HASH/THEME/FILE": the address changes with the content, so that
 * browsers may keep it for ever. */
static void add_asset(struct site *s, struct brand *b, size_t i, struct diag *d)
{
	const char *name = assets[i].file, *path = NULL;
	const struct stock_file *file = NULL;
	struct shelf shelves[3];
	size_t n = list_shelves(s, b, shelves), at = 0;

	for (; at < n && !file; at += !file) {
		path = mem_print(s->mem, "%s/%s", shelves[at].folder, name);
		file = stock_find_file(s->stock, path);
	}
	if (!file)
		diag_add(d, path, "put the file there", "%s", strerror(errno));
	else if (!file->blank)
		json_put_text(b->assets, assets[i].key,
		    mem_print(s->mem, "/static/v-%s/%s/%s", file->digits,
			shelves[at].url, name));
}

/* The shipped stylesheets in one file (conf/package/sheets), if it is made of
 * just those that the brand has. */
static const struct stock_file *find_sheet(
    struct site *s, const struct brand *b, const char *key, const char *name)
{
	const char *first = json_find_text(b->assets, key);
	const char *second = json_find_text(b->assets, "style_url");
	const struct stock_file *file;
	const char *line;

	if (!first || !second || !strstr(first, "/default/") ||
	    !strstr(second, "/default/"))
		return NULL;
	file = stock_find_file(s->stock,
	    mem_print(s->mem, "%s/static/default/%s", s->share, name));
	line = mem_print(s->mem, "/* %.12s %.12s */", first + ASSET_HASH,
	    second + ASSET_HASH);
	return file && !strcmp(file->line, line) ? file : NULL;
}

/* The brand's colours and its own stylesheet; NULL: it has none that could be
 * the end of another. */
static const char *join_more(struct site *s, const struct brand *b)
{
	const char *url = json_find_text(b->assets, "custom_url");
	const char *own = NULL;
	struct shelf shelves[3];
	size_t n = list_shelves(s, b, shelves);

	for (size_t i = 0; i < n && url && !own; i++) {
		const struct stock_file *f = stock_find_file(
		    s->stock, mem_print(s->mem, "%s/client_portal_custom.css",
				  shelves[i].folder));

		if (f)
			own = stock_text(s->stock, f);
	}
	return own ? style_join(s->mem, b->style, own, url) : b->style;
}

static void add_sheet(
    struct site *s, struct brand *b, size_t i, const struct stock_file *file)
{
	static const char *const keys[] = {"sheet_url", "sheet_rtl_url"};
	static const char *const names[] = {"ltr", "rtl"};
	unsigned char hash[CRYPTO_SHA256];
	const char *url, *all;

	if (b->sheet_more) {
		b->sheets[i] = stock_text(s->stock, file);
		all = mem_print(s->mem, "%s%s", file->digits, b->sheet_more);
		crypto_sha256(all, strlen(all), hash);
		url = mem_print(s->mem, "/api/theme/%s-%s", names[i],
		    crypto_hex(s->mem, hash, FINGERPRINT));
	} else {
		url = mem_print(s->mem, "/static/v-%s/default/%s", file->digits,
		    strrchr(file->path, '/') + 1);
	}
	json_put_text(b->assets, keys[i], url);
}

/* One stylesheet, where it can be: a page is not shown before all are there. */
static void add_sheets(struct site *s, struct brand *b)
{
	const struct stock_file *ltr =
	    find_sheet(s, b, "bootstrap_url", "portal.css");
	const struct stock_file *rtl =
	    find_sheet(s, b, "bootstrap_rtl_url", "portal.rtl.css");
	bool has_more = b->style || json_find(b->assets, "custom_url");

	b->sheet_more = has_more ? join_more(s, b) : NULL;
	if (!ltr || !rtl || (has_more && !b->sheet_more))
		return;
	add_sheet(s, b, 0, ltr);
	add_sheet(s, b, 1, rtl);
}

static void load_assets(struct site *s, struct brand *b, struct diag *d)
{
	unsigned char hash[CRYPTO_SHA256];

	b->assets = json_new(s->mem);
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		add_asset(s, b, i, d);
	if (b->style) {
		crypto_sha256(b->style, strlen(b->style), hash);
		json_put_text(b->assets, "colors_url",
		    mem_print(s->mem, "/api/theme/%s",
			crypto_hex(s->mem, hash, FINGERPRINT)));
	}
	add_sheets(s, b);
}

/* --- Loading -------------------------------------------------------------- */

/* A brand's folders, the first wins; how many. The shipped texts lie beside the
 * shipped theme. */
static size_t list_folders(
    const struct site *s, const struct brand *b, struct stock_folder out[3])
{
	const char *theme = b->conf->theme;
	size_t n = 0;

	if (b->folder)
		out[n++].templates =
		    mem_print(s->mem, "%s/templates", b->folder);
	if (strcmp(theme, "default") != 0)
		out[n++].templates =
		    mem_print(s->mem, "%s/templates/%s", s->share, theme);
	for (size_t i = 0; i < n; i++)
		out[i].texts = mem_print(s->mem, "%s/locale", out[i].templates);
	out[n].templates = mem_print(s->mem, "%s/templates/default", s->share);
	out[n++].texts = mem_print(s->mem, "%s/templates/locale", s->share);
	return n;
}

static void add_theme(
    struct site *s, struct brand *b, const char *path, struct diag *d)
{
	struct theme_file *f = &b->themes[b->n_themes];

	f->path = path;
	f->text = conf_read_file(s->mem, path, NULL);
	if (!f->text) {
		diag_add(d, path, "put the file there, or make it readable",
		    "%s", strerror(errno));
		return;
	}
	f->root = json_read(s->mem, path, f->text, d);
	b->n_themes += f->root != NULL;
}

/* What is there, and the shipped one in any case. */
static void load_theme(struct site *s, struct brand *b, struct diag *d)
{
	struct stock_folder folders[3];
	size_t n = list_folders(s, b, folders);

	b->n_themes = 0;
	for (size_t i = 0; i < n; i++) {
		const char *path =
		    mem_print(s->mem, "%s/theme.json", folders[i].templates);

		if (i + 1 == n || access(path, F_OK) == 0)
			add_theme(s, b, path, d);
	}
	b->theme = json_new(s->mem);
	for (size_t i = b->n_themes; i > 0; i--) {
		json_each (b->themes[i - 1].root, key, value)
			json_put(b->theme, key, value);
	}
	b->style = style_make(s->mem, json_find(b->theme, "colors"));
}

static void load_language(
    struct site *s, struct brand *b, const char *locale, struct diag *d)
{
	struct stock_folder folders[3];
	size_t n = list_folders(s, b, folders);

	b->languages[b->n_languages++] =
	    *stock_find_language(s->stock, locale, folders, n, d);
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

/* The number of a table says nothing without whose it is: the same one of the
 * VCS before (a test, another that had the name) is somebody else's. */
static const char *name_rates(struct mem *m, const struct brand *b)
{
	const char *uri = b->conf->core_api.uri;
	char hex[CRYPTO_SHA256_HEX];

	crypto_sha256_hex(uri, strlen(uri), hex);
	return mem_print(m, "%s %.12s", b->name, hex);
}

static void load_brand(
    struct site *s, struct brand *b, const char *path, struct diag *d)
{
	b->counters = counters_find(b->name);
	b->conf = conf_load(s->mem, s->share, path, d);
	if (!b->conf)
		return;
	b->rates_name = name_rates(s->mem, b);
	if (!fmt_zone_known(b->conf->time_zone))
		diag_add(d, path, "write a name such as Europe/Berlin",
		    "timeZone: %s is not known", b->conf->time_zone);
	load_theme(s, b, d);
	load_profile(s, b, d);
	load_languages(s, b, d);
	load_assets(s, b, d);
}

bool brand_is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len && len <= BRAND_NAME && !name[len] && name[0] != '-' &&
	       strcmp(name, "default") != 0;
}

static void load_named(struct site *s, const char *folder, const char *name)
{
	struct brand *b = &s->brands[s->n_brands];
	const char *path;
	struct diag d;

	/* Two brands may have the same mistake, in a theme of both. */
	diag_open(&d, s->mem);
	*b = (struct brand){.home = s,
	    .name = mem_text(s->mem, name),
	    .folder = mem_print(s->mem, "%s/%s", folder, name)};
	path = mem_print(s->mem, "%s/customer-params.json", b->folder);
	if (!brand_is_name(name))
		diag_add(&d, b->folder,
		    "rename it: a-z, 0-9 and '-', at most 32 characters",
		    "is no name of a brand");
	else
		load_brand(s, b, path, &d);
	if (b->conf && !d.n)
		s->n_brands++;
	else
		s->refused[s->n_refused++] = b->name;
	diag_add_all(&s->mistakes, &d);
}

/* Languages are the default brand's, words and looks the shipped ones; it has
 * no name, no store, and nobody's billing system. */
static void load_nobody(struct site *s, struct diag *d)
{
	const struct brand *first = &s->brands[0];
	struct conf *conf = mem_alloc(s->mem, sizeof(*conf));
	struct brand *b = &s->nobody;
	bool same = !strcmp(first->conf->theme, "default") && !first->folder;

	*conf = *first->conf;
	conf->title = "";
	conf->theme = "default";
	*b = *first;
	b->name = "";
	b->folder = NULL;
	b->counters = counters_find(b->name);
	b->conf = conf;
	if (same)
		return;
	b->n_languages = 0;
	load_theme(s, b, d);
	load_languages(s, b, d);
	load_assets(s, b, d);
}

/* The default brand's own files stand beside its settings, where there are any
 * but the shipped ones. */
static const char *find_own_folder(
    struct mem *m, const char *path, const char *share)
{
	static const char *const own[] = {"static", "templates"};
	const char *slash = strrchr(path, '/');
	const char *folder =
	    slash ? mem_text_n(m, path, (size_t)(slash - path)) : ".";

	if (!strcmp(folder, share))
		return NULL;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (access(mem_print(m, "%s/%s", folder, own[i]), X_OK) == 0)
			return folder;
	return NULL;
}

/* Folders of brands/; one that begins with a dot is not looked at. */
static int is_brand(const struct dirent *e)
{
	return e->d_name[0] != '.' &&
	       (e->d_type == DT_DIR || e->d_type == DT_LNK ||
		   e->d_type == DT_UNKNOWN);
}

static void load_brands(struct site *s, const char *path, struct diag *d)
{
	const char *slash = strrchr(path, '/');
	const char *folder =
	    slash ? mem_print(s->mem, "%.*s/brands", (int)(slash - path), path)
		  : "brands";
	struct dirent **found = NULL;
	int n = scandir(folder, &found, is_brand, alphasort);

	if (n < 0 && errno != ENOENT)
		diag_add(d, folder, "make it readable", "%s", strerror(errno));
	n = n < 0 ? 0 : n;
	s->room = (size_t)n + 1;
	s->brands = mem_array(s->mem, s->room, sizeof(*s->brands));
	s->refused = mem_array(s->mem, s->room, sizeof(*s->refused));
	s->brands[0] = (struct brand){.home = s,
	    .name = "default",
	    .folder = find_own_folder(s->mem, path, s->share)};
	load_brand(s, &s->brands[0], path, d);
	s->n_brands = 1;
	if (s->brands[0].conf)
		load_nobody(s, d);
	for (int i = 0; i < n; i++) {
		load_named(s, folder, found[i]->d_name);
		free(found[i]);
	}
	free(found);
}

struct site *site_load(const char *named, struct diag *d)
{
	struct mem *m = mem_open(0);
	struct site *s = mem_alloc(m, sizeof(*s));
	const char *path = conf_find(m, named, d);

	s->mem = m;
	s->stock = stock_open(m);
	s->share = mem_text(m, conf_find_share(m));
	diag_open(&s->mistakes, m);
	if (path)
		load_brands(s, path, d);
	if (path && s->brands[0].conf)
		return s;
	site_close(s);
	return NULL;
}

static bool is_home(const struct site *s, const struct site *home)
{
	for (size_t i = 0; i < s->n_brands; i++)
		if (s->brands[i].home == home)
			return true;
	return false;
}

void site_keep_refused(struct site *s, struct site *old)
{
	struct site **at = &s->previous;
	struct brand *b;

	for (size_t i = 0; i < s->n_refused; i++) {
		b = site_find(old, s->refused[i]);
		if (b)
			s->brands[s->n_brands++] = *b;
	}
	s->previous = old;
	while (*at) {
		struct site *home = *at;

		if (is_home(s, home)) {
			at = &home->previous;
			continue;
		}
		*at = home->previous;
		home->previous = NULL;
		site_close(home);
	}
}

void site_close(struct site *s)
{
	if (!s)
		return;
	site_close(s->previous);
	stock_close(s->stock);
	mem_close(s->mem);
}

/* --- Handles -------------------------------------------------------------- */

static enum err migrate(struct site *s, const struct brand *b)
{
	struct db *db = db_open(b->conf->store.uri);
	enum err err = ERR_BUSY;

	if (db)
		err = db_migrate(
		    db, mem_print(s->mem, "%s/conf/schema", s->share));
	db_close(db);
	return err;
}

static void refuse(struct site *s, size_t i)
{
	struct brand *b = &s->brands[i];

	diag_add(&s->mistakes, b->conf->path,
	    "see the log; mend store.uri or the store",
	    "the store cannot be brought to this version");
	s->refused[s->n_refused++] = b->name;
	s->n_brands--;
	memmove(b, b + 1, (s->n_brands - i) * sizeof(*b));
}

enum err site_migrate(struct site *s)
{
	enum err err = migrate(s, &s->brands[0]);

	for (size_t i = s->n_brands; !err && --i > 0;) {
		log_request(NULL, s->brands[i].name);
		if (migrate(s, &s->brands[i]))
			refuse(s, i);
		log_request(NULL, NULL);
	}
	return err;
}

void brand_connect(struct brand *b)
{
	if (!b->http)
		b->http = http_open();
	if (!b->vcs)
		b->vcs = vcs_open();
	if (!b->gateways)
		b->gateways = gateway_open();
	brand_store(b);
}

void site_connect(struct site *s)
{
	for (size_t i = 0; i < s->n_brands; i++)
		brand_connect(&s->brands[i]);
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

/* Of its own in a store that brands share; the default one's has its name from
 * before there were brands. */
static const char *name_secret(struct mem *m, const struct brand *b)
{
	return strcmp(b->name, "default") != 0
		   ? mem_print(m, "csrf:%s", b->name)
		   : "csrf";
}

struct db *brand_store(struct brand *b)
{
	struct mem *m;

	if (b->db && !db_is_current(b->db)) {
		db_close(b->db);
		b->db = NULL;
		b->secret[0] = '\0';
	}
	if (!b->db)
		b->db = db_share(b->conf->store.uri);
	if (b->db && !b->secret[0]) {
		m = mem_open(0);
		if (session_secret(b->db, m, name_secret(m, b), b->secret))
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

const char *brand_check_store(
    struct mem *m, const struct brand *b, struct diag *d)
{
	const char *found, *why = db_check(m, b->conf->store.uri, &found);

	if (why)
		diag_add(d, b->conf->path,
		    "mend store.uri, or the store and its rights",
		    "store.uri: %s", why);
	return found;
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
