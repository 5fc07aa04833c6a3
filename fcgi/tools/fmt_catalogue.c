/* fmt_catalogue.c: reads LOCALE.json files and lays them over each other. */
#include "tools/fmt_catalogue.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { BUCKETS = 2048, FILE_MAX = 4 * 1024 * 1024 };

struct catalogue {
	struct mem *mem;
	const struct catalogue_source *source;
	struct diag *diag;
	struct text *buckets[BUCKETS];
};

/* One file being read. */
struct reading {
	struct catalogue *into;
	const struct catalogue *english; /* to compare with, or NULL */
	const char *locale, *path;
	const char *bytes;
};

static size_t bucket_of(const char *key)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h % BUCKETS;
}

const struct text *catalogue_find(const struct catalogue *c, const char *key)
{
	const struct text *t = c->buckets[bucket_of(key)];

	while (t && strcmp(t->key, key))
		t = t->next;
	return t;
}

static void add_text(struct catalogue *c, const struct text *text)
{
	struct text *copy = mem_alloc(c->mem, sizeof(*copy));
	struct text **head = &c->buckets[bucket_of(text->key)];

	*copy = *text;
	copy->next = *head;
	*head = copy;
}

static void complain(const struct reading *r, const char *key,
    const char *remedy, const char *what)
{
	diag_add(r->into->diag,
	    mem_print(r->into->mem, "%s:%d: %s", r->path,
		json_find_member_line(r->bytes, key), key),
	    remedy, "%s", what);
}

static const char *parse_pattern(
    const struct reading *r, const char *pattern, struct message *out)
{
	const struct catalogue *c = r->into;
	const char *why = message_parse(c->mem, pattern, out);

	if (!why && out->args && !c->source->check(r->locale, pattern))
		why = "ICU cannot read it";
	return why;
}

static void check_args(const struct reading *r, const struct text *t)
{
	const struct text *english =
	    r->english ? catalogue_find(r->english, t->key) : NULL;

	if (english && english->message.args != t->message.args)
		complain(r, t->key, "use the same {N} in both",
		    "the arguments differ from the English text's");
}

static void read_text(
    const struct reading *r, const char *key, struct json_object *value)
{
	struct catalogue *c = r->into;
	struct text t = {.own = true};
	const char *why;

	if (!json_is(value, JSON_TEXT)) {
		complain(r, key, "write \"KEY\": \"text\"", "not a text");
		return;
	}
	t.key = mem_text(c->mem, key);
	t.pattern = mem_text(c->mem, json_text(value, NULL));
	why = parse_pattern(r, t.pattern, &t.message);
	if (!why && c->source->pseudo) {
		t.pattern = message_make_pseudo(c->mem, t.pattern,
		    c->source->pseudo == PSEUDO_RIGHT_TO_LEFT);
		why = parse_pattern(r, t.pattern, &t.message);
	}
	if (why) {
		complain(r, key, "mend the message", why);
		return;
	}
	check_args(r, &t);
	if (!catalogue_find(c, key))
		add_text(c, &t);
}

static void read_bytes(const struct reading *r, FILE *file, struct buf *out)
{
	char chunk[16 * 1024];
	size_t n;

	do {
		n = fread(chunk, 1, sizeof(chunk), file);
		buf_add(out, chunk, n);
	} while (n && out->len <= FILE_MAX);
	if (!ferror(file) && out->len <= FILE_MAX)
		return;
	diag_add(r->into->diag, r->path, "put a catalogue there", "%s",
	    ferror(file) ? "cannot be read" : "too large");
	out->len = 0;
}

static struct json_object *parse_json(
    const struct reading *r, struct mem *scratch, const char *bytes, size_t len)
{
	const struct json_rules rules = {.depth = JSON_DEEP};
	struct json_object *root;
	struct json_stop stop;
	struct mem *m = r->into->mem;

	if (!json_scan(scratch, bytes, len, &rules, &root, &stop))
		diag_add(r->into->diag,
		    mem_print(m, "%s:%d", r->path,
			json_count_lines(bytes, bytes + stop.at)),
		    "mend the JSON", "%s", stop.what);
	else if (!json_is(root, JSON_OBJECT))
		diag_add(r->into->diag, r->path, "write {\"KEY\": \"text\"}",
		    "not a JSON object");
	return root;
}

static void read_file(struct reading *r, FILE *file)
{
	struct mem *scratch = mem_open(0);
	struct json_object *root = NULL;
	struct buf bytes;

	buf_open(&bytes, scratch, 64 * 1024);
	read_bytes(r, file, &bytes);
	r->bytes = bytes.data;
	if (bytes.len)
		root = parse_json(r, scratch, bytes.data, bytes.len);
	if (json_is(root, JSON_OBJECT)) {
		json_each (root, key, value)
			read_text(r, key, value);
	}
	mem_close(scratch);
}

/* False: there is no such file. */
static bool open_file(struct reading *r)
{
	FILE *file = fopen(r->path, "rb");

	if (file) {
		read_file(r, file);
		fclose(file);
		return true;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return false;
	diag_add(r->into->diag, r->path, "make it readable",
	    "cannot be read: %s", strerror(errno));
	return true;
}

/* Every folder's file of a locale; false: there is none. */
static bool read_locale(
    struct catalogue *into, const struct catalogue *english, const char *locale)
{
	const char *const *dir = into->source->dirs;
	bool any = false;

	for (; dir && *dir; dir++) {
		struct reading r = {into, english, locale,
		    mem_print(into->mem, "%s/%s.json", *dir, locale), ""};

		any = open_file(&r) || any;
	}
	return any;
}

static struct catalogue *catalogue_new(
    struct mem *m, const struct catalogue_source *source, struct diag *d)
{
	struct catalogue *c = mem_alloc(m, sizeof(*c));

	c->mem = m;
	c->source = source;
	c->diag = d;
	return c;
}

static void add_missing(
    struct catalogue *c, const struct catalogue *english, bool own)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct text *t = english->buckets[i]; t;
		     t = t->next) {
			struct text borrowed = *t;

			borrowed.own = own;
			if (!catalogue_find(c, t->key))
				add_text(c, &borrowed);
		}
}

struct catalogue *catalogue_open(
    struct mem *m, const struct catalogue_source *source, struct diag *d)
{
	struct catalogue *english = catalogue_new(m, source, d), *c;
	const char *locale = source->locale;
	size_t len = strcspn(locale, "-");
	const char *language = mem_text_n(m, locale, len);
	bool is_english = !strcmp(language, "en"), any;

	any = read_locale(english, NULL, "en") && is_english;
	c = is_english && !locale[len] ? english : catalogue_new(m, source, d);
	if (locale[len])
		any = read_locale(c, english, locale) || any;
	if (!is_english)
		any = read_locale(c, english, language) || any;
	if (!any)
		diag_add(d, locale, "add a catalogue, or choose another locale",
		    "no folder has %s.json", language);
	if (c != english)
		add_missing(c, english, is_english);
	return c;
}
