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
	const struct catalogue_source *source; /* while it is read, */
	struct diag *diag;		       /* as well */
	/* What it is laid over, or NULL; its English texts: itself, maybe. */
	const struct catalogue *base, *english;
	struct text *buckets[BUCKETS];
};

/* One file being read. */
struct reading {
	struct catalogue *into;
	const struct catalogue *english; /* to compare with, or NULL */
	const char *locale, *path;
	const char *bytes;
	enum rank rank;
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
	size_t bucket = bucket_of(key);
	const struct text *t = NULL;

	for (; c && !t; c = c->base)
		for (t = c->buckets[bucket]; t && strcmp(t->key, key);)
			t = t->next;
	return t;
}

/* Whether a text that is read now hides what is known: files are read in the
 * order of ranks, the first folder's first. */
static bool counts(const struct catalogue *c, const struct text *t)
{
	const struct text *known = catalogue_find(c, t->key);

	for (const struct text *own = c->buckets[bucket_of(t->key)]; own;
	     own = own->next)
		if (own == known)
			return false;
	return !known || t->rank <= known->rank;
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
	struct text t = {.own = true, .rank = r->rank};
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
	if (counts(c, &t))
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
static bool read_locale(struct catalogue *into, const struct catalogue *english,
    const char *locale, enum rank rank)
{
	const char *const *dir = into->source->dirs;
	bool any = false;

	for (; dir && *dir; dir++) {
		struct reading r = {into, english, locale,
		    mem_print(into->mem, "%s/%s.json", *dir, locale), "", rank};

		any = open_file(&r) || any;
	}
	return any;
}

static struct catalogue *catalogue_new(struct mem *m,
    const struct catalogue_source *source, const struct catalogue *base,
    struct diag *d)
{
	struct catalogue *c = mem_alloc(m, sizeof(*c));

	c->mem = m;
	c->source = source;
	c->base = base;
	c->diag = d;
	return c;
}

/* The English texts that were read, where there are none of the language. */
static void add_missing(
    struct catalogue *c, const struct catalogue *english, bool own)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct text *t = english->buckets[i]; t;
		     t = t->next) {
			struct text borrowed = *t;

			borrowed.own = own;
			if (counts(c, t))
				add_text(c, &borrowed);
		}
}

static bool is_english(const char *locale)
{
	return !strncmp(locale, "en", 2) && (!locale[2] || locale[2] == '-');
}

/* Reads what the source's folders have; false: nothing of the language. */
static struct catalogue *read_all(struct mem *m,
    const struct catalogue_source *source, const struct catalogue *base,
    struct diag *d, bool *any)
{
	struct catalogue *english =
	    catalogue_new(m, source, base ? base->english : NULL, d);
	const char *locale = source->locale;
	size_t len = strcspn(locale, "-");
	bool in_english = is_english(locale);
	struct catalogue *c = english;

	*any = read_locale(english, NULL, "en", RANK_ENGLISH) && in_english;
	if (!in_english || locale[len])
		c = catalogue_new(m, source, base, d);
	c->english = english->english = english;
	if (locale[len])
		*any = read_locale(c, english, locale, RANK_LOCALE) || *any;
	if (!in_english)
		*any = read_locale(c, english, mem_text_n(m, locale, len),
			   RANK_LANGUAGE) ||
		       *any;
	if (c != english)
		add_missing(c, english, in_english);
	return c;
}

struct catalogue *catalogue_open(
    struct mem *m, const struct catalogue_source *source, struct diag *d)
{
	const char *locale = source->locale;
	bool any;
	struct catalogue *c = read_all(m, source, NULL, d, &any);

	if (!any)
		diag_add(d, locale, "add a catalogue, or choose another locale",
		    "no folder has %.*s.json", (int)strcspn(locale, "-"),
		    locale);
	return c;
}

/* An English text of the new folders that has other arguments than the older
 * text of the language, which stays. */
static void check_older(const struct catalogue *c)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct text *t = c->english->buckets[i]; t;
		     t = t->next) {
			const struct text *older = catalogue_find(c, t->key);

			if (older->message.args != t->message.args)
				diag_add(c->diag,
				    mem_print(c->mem, "%s/en.json: %s",
					c->source->dirs[0], t->key),
				    "use the same {N}, or write the text of "
				    "that language too",
				    "the arguments differ from those of the "
				    "text of \"%s\"",
				    c->source->locale);
		}
}

struct catalogue *catalogue_open_over(struct mem *m,
    const struct catalogue_source *source, const struct catalogue *base,
    struct diag *d)
{
	bool any;
	struct catalogue *c = read_all(m, source, base, d, &any);

	check_older(c);
	for (size_t i = 0; i < BUCKETS; i++)
		if (c->buckets[i])
			return c;
	return NULL;
}
