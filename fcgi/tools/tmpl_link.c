/* tmpl_link.c: makes a page's program: puts partials, parents and blocks in
 * place and follows the HTML of the whole.
 */
#include "tools/tmpl_link.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/tmpl.h"
#include "tools/tmpl_html.h"
#include "tools/tmpl_parse.h"
#include "tools/tmpl_program.h"

enum {
	DEPTH_MAX = 100,	/* partials, parents and blocks in each other */
	STEPS_MAX = 200 * 1000, /* nodes of one page: a limit for 2^DEPTH_MAX */
	TEXT_MAX = 4 * 1024 * 1024
};

/* The blocks that a parent tag hands over; those further out win. */
struct env {
	const struct node *parent;
	const struct env *outer;
};

/* How lines are indented here: their first white space loses `strip`, then
 * gets `prefix` in front. */
struct place {
	struct piece prefix, strip;
};

struct link {
	struct tmpl_set *set;
	struct mem
	    *mem; /* gone when the page is made; what stays is set->mem's */
	struct html html;
	struct buf text;
	struct tmpl_op *ops;
	size_t n, room, flushed;
	size_t steps;
	struct tmpl_names parts, messages;
	int depth, sections;
	/* A block's content begins: in the middle of a line, so that its
	 * first line is not indented; or on a new one that it does not know
	 * of, so that it needs this prefix. */
	bool in_line;
	struct piece *need;
	bool refused, stopped;
};

static void link_nodes(struct link *l, const struct node *first,
    const struct env *env, const struct place *place);

/* --- Refusals ------------------------------------------------------------- */

/* A partial's mistake is found once for each page that it is part of. */
static bool is_known(const struct diag *d, const char *where, const char *what)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->items[i].where, where) &&
		    !strcmp(d->items[i].what, what))
			return true;
	return false;
}

static void refuse_at(
    struct link *l, const char *where, const char *remedy, const char *what)
{
	l->refused = true;
	if (!is_known(l->set->diag, where, what))
		diag_add(l->set->diag, where, remedy, "%s", what);
}

static void refuse(
    struct link *l, const struct node *n, const char *remedy, const char *what)
{
	const char *name = n->name ? n->name : "";

	refuse_at(l, node_where(l->mem, n), remedy,
	    mem_print(l->mem, "%s%s%s", what, name[0] ? ": " : "", name));
}

static void refuse_html(
    struct link *l, const struct node *n, const struct html_no *no)
{
	refuse(l, n, no->remedy, no->why);
}

/* Nothing sensible can follow. */
static void stop(
    struct link *l, const struct node *n, const char *remedy, const char *what)
{
	refuse(l, n, remedy, what);
	l->stopped = true;
}

/* --- The program ---------------------------------------------------------- */

/* Pages have most of their text and names in common. */
static struct tmpl_word *find_word(
    struct tmpl_set *set, const char *text, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	struct tmpl_word **head, *w;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;
	head = &set->words[h % TMPL_WORDS];
	for (w = *head; w; w = w->next)
		if (w->len == len && !memcmp(w->text, text, len))
			return w;
	w = mem_alloc(set->mem, sizeof(*w));
	w->text = mem_text_n(set->mem, text, len);
	w->len = len;
	w->next = *head;
	return *head = w;
}

static struct tmpl_op *add_op(struct link *l, enum tmpl_kind kind)
{
	struct tmpl_op *op;

	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct tmpl_op *ops = mem_array(l->mem, room, sizeof(*ops));

		if (l->n)
			memcpy(ops, l->ops, l->n * sizeof(*ops));
		l->ops = ops;
		l->room = room;
	}
	op = &l->ops[l->n++];
	op->kind = kind;
	return op;
}

/* The text since the last op becomes one. */
static void flush(struct link *l)
{
	struct tmpl_op *op;

	if (l->flushed == l->text.len)
		return;
	op = add_op(l, TMPL_TEXT);
	op->len = l->text.len - l->flushed;
	op->text = find_word(l->set, l->text.data + l->flushed, op->len)->text;
	l->flushed = l->text.len;
}

static bool is_same(const struct html *a, const struct html *b)
{
	return a->mode == b->mode && a->url == b->url && a->attrs == b->attrs &&
	       a->matched == b->matched && a->closing == b->closing &&
	       a->has_value == b->has_value && a->has_equiv == b->has_equiv &&
	       !memcmp(a->tag, b->tag, sizeof(a->tag)) &&
	       !memcmp(a->attr, b->attr, sizeof(a->attr)) &&
	       !memcmp(a->head, b->head, sizeof(a->head));
}

/* Pages have most nodes in common, and come to them in the same place. */
static bool follow(struct link *l, const struct node *n, struct html_no *no)
{
	struct html from = l->html;

	if (n->step && is_same(&n->step->from, &from)) {
		l->html = n->step->to;
		return true;
	}
	if (!html_text(&l->html, n->text.text, n->text.len, no))
		return false;
	if (n->step)
		*n->step = (struct html_step){from, l->html};
	return true;
}

static void put_text(struct link *l, const struct node *n, struct piece text)
{
	buf_add(&l->text, text.text, text.len);
	if (l->text.len > TEXT_MAX)
		stop(l, n, "do the partials multiply?",
		    "the whole page has too much text");
}

static void stop_at_html(
    struct link *l, const struct node *n, const struct html_no *no)
{
	refuse_html(l, n, no);
	l->stopped = true;
}

/* White space of an indentation, most of all. */
static void add_text(struct link *l, const struct node *n, struct piece text)
{
	struct html_no no;

	if (html_text(&l->html, text.text, text.len, &no))
		put_text(l, n, text);
	else
		stop_at_html(l, n, &no);
}

static void add_node_text(struct link *l, const struct node *n)
{
	struct html_no no;

	if (follow(l, n, &no))
		put_text(l, n, n->text);
	else
		stop_at_html(l, n, &no);
}

/* --- Names ---------------------------------------------------------------- */

static bool parse_name(struct mem *m, const char *text, struct tmpl_name *out)
{
	struct json_key *keys;
	size_t dots = 0;

	*out = (struct tmpl_name){0};
	if (!strcmp(text, "."))
		return true;
	for (const char *s = text; *s; s++)
		dots += *s == '.';
	keys = mem_array(m, dots + 1, sizeof(*keys));
	for (const char *s = text;; s++) {
		size_t len = strcspn(s, ".");

		if (!len)
			return false;
		keys[out->n++] = json_make_key(mem_text_n(m, s, len));
		s += len;
		if (!*s)
			break;
	}
	out->keys = keys;
	return true;
}

static bool take_name(struct link *l, const struct node *n, const char *text,
    struct tmpl_name *out)
{
	struct tmpl_word *w = find_word(l->set, text, strlen(text));
	struct tmpl_name *name;

	if (!w->name && !strchr(text, ' ')) {
		name = mem_alloc(l->set->mem, sizeof(*name));
		if (parse_name(l->set->mem, text, name))
			w->name = name;
	}
	if (w->name) {
		*out = *w->name;
		return true;
	}
	refuse(l, n, "write a, a.b or .",
	    strchr(text, ' ')
		? "arguments belong to messages only ({{t.key arg}})"
		: "a name has an empty part");
	return false;
}

static bool ends_in_url(const char *key)
{
	size_t len = strcspn(key, " ");

	return len > 4 && !strncmp(key + len - 4, "_url", 4);
}

static bool is_message(const struct link *l, const struct node *n)
{
	return l->set->fmt && !strncmp(n->name, "t.", 2);
}

/* --- Values and messages -------------------------------------------------- */

static void begin_line(struct link *l, const struct node *n)
{
	struct piece *need = l->need;

	l->need = NULL;
	l->in_line = false;
	if (need)
		add_text(l, n, *need);
}

static void add_plain_message(
    struct link *l, const struct node *n, const char *key, bool opens)
{
	const char *s = fmt_text(l->mem, l->set->fmt, key, NULL, 0);

	if (opens && !tmpl_url_is_safe(s, strlen(s)))
		refuse(l, n, "mend it in the catalogue",
		    "the message is no address");
	tmpl_escape(&l->text, s, strlen(s));
}

static void add_message_op(struct link *l, const struct node *n,
    const char *key, char *args, bool opens)
{
	struct tmpl_name *names;
	size_t n_args = 0, most = 1;
	struct tmpl_op *op;
	char *save = NULL;

	for (const char *s = args; *s; s++)
		most += *s == ' ';
	names = mem_array(l->set->mem, most, sizeof(*names));
	for (char *s = strtok_r(args, " ", &save); s;
	     s = strtok_r(NULL, " ", &save))
		if (!take_name(l, n, s, &names[n_args++]))
			return;
	flush(l);
	op = add_op(l, TMPL_MESSAGE);
	op->message = key;
	op->args = names;
	op->n_args = n_args;
	op->opens_url = opens;
}

/* A word: the same text is the same pointer. */
static void add_key(struct link *l, const char *key)
{
	for (size_t i = 0; i < l->messages.n; i++)
		if (l->messages.items[i] == key)
			return;
	tmpl_names_add(l->mem, &l->messages, key);
}

static void add_message(struct link *l, const struct node *n, bool opens)
{
	const char *spelled = n->name + 2, *key;
	size_t len = strcspn(spelled, " ");
	char *args = spelled[len] ? mem_text(l->mem, spelled + len + 1) : NULL;

	key = find_word(l->set, spelled, len)->text;
	add_key(l, key);
	if (!fmt_pattern(l->set->fmt, key))
		refuse(l, n, "add it to the catalogue",
		    "the catalogue has no such message");
	else if (fmt_is_plain(l->set->fmt, key))
		add_plain_message(l, n, key, opens);
	else if (!args)
		refuse(l, n, "write {{t.key name}}",
		    "the message needs arguments");
	else
		add_message_op(l, n, key, args, opens);
}

static void link_value(struct link *l, const struct node *n)
{
	struct tmpl_name name;
	struct tmpl_op *op;
	struct html_no no;
	bool opens;

	begin_line(l, n);
	if (!html_value(&l->html, ends_in_url(n->name), &opens, &no)) {
		refuse_html(l, n, &no);
		return;
	}
	if (is_message(l, n)) {
		add_message(l, n, opens);
		return;
	}
	if (!take_name(l, n, n->name, &name))
		return;
	flush(l);
	op = add_op(l, TMPL_VALUE);
	op->name = name;
	op->opens_url = opens;
}

/* --- Sections ------------------------------------------------------------- */

static void link_content(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	struct html start = l->html;
	struct html_no no;

	l->sections++;
	link_nodes(l, n->first, env, place);
	l->sections--;
	if (!l->stopped && !html_join(&l->html, &start, &no)) {
		refuse_html(l, n, &no);
		l->stopped = true;
	}
	flush(l);
}

static void link_section(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	bool inverted = n->kind == NODE_INVERTED;
	struct tmpl_name name;
	struct html_no no;
	size_t at;

	if (!html_section(&l->html, &no)) {
		refuse_html(l, n, &no);
		l->stopped = true;
		return;
	}
	if (is_message(l, n)) {
		refuse(l, n, "print it with {{t.key}}",
		    "a message cannot be a section");
		return;
	}
	if (l->sections >= TMPL_SECTIONS_MAX) {
		stop(l, n, "split the page", "sections are nested too deeply");
		return;
	}
	if (!take_name(l, n, n->name, &name))
		return;
	flush(l);
	at = l->n;
	add_op(l, inverted ? TMPL_INVERTED : TMPL_SECTION)->name = name;
	link_content(l, n, env, place);
	if (!inverted)
		add_op(l, TMPL_END)->jump = at + 1;
	l->ops[at].jump = l->n;
}

/* --- Lines, partials, parents and blocks ---------------------------------- */

static struct piece cut(struct piece blank, struct piece strip)
{
	size_t n = 0;

	while (n < blank.len && n < strip.len && blank.text[n] == strip.text[n])
		n++;
	if (n) {
		blank.text += n;
		blank.len -= n;
	}
	return blank;
}

static void link_line(
    struct link *l, const struct node *n, const struct place *place)
{
	if (!l->in_line)
		add_text(l, n, place->prefix);
	l->in_line = false;
	l->need = NULL;
	add_text(l, n, cut(n->text, place->strip));
}

/* Where lines go that are put here with the indentation `indent`. */
static struct place indented(
    struct link *l, const struct place *place, struct piece indent)
{
	struct piece more = cut(indent, place->strip);
	struct piece old = place->prefix;
	char *prefix = mem_alloc(l->mem, old.len + more.len + 1);

	if (old.len)
		memcpy(prefix, old.text, old.len);
	if (more.len)
		memcpy(prefix + old.len, more.text, more.len);
	return (struct place){.prefix = {prefix, old.len + more.len}};
}

static void link_file(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	struct place inner = {0};
	const struct tmpl_file *f;

	if (strchr(tmpl_bare_name(n->name), '/') || n->name[0] == '.') {
		refuse(l, n,
		    "name a template of the same folder, or default/NAME for "
		    "the shipped one",
		    "a template's name is no path");
		return;
	}
	f = tmpl_find_file(l->set, n->name);
	tmpl_names_add(l->mem, &l->parts, n->name);
	if (f->missing && l->set->fmt)
		refuse(l, n, "create it, or correct the name",
		    "there is no such template");
	if (!f->missing && !f->root)
		l->refused = true;
	if (!f->root)
		return;
	if (n->own_line)
		inner = indented(l, place, n->indent);
	link_nodes(l, f->root->first, env, &inner);
}

/* What is handed over for a block by the outermost parent tag that does;
 * *from: the blocks that its own text can see. */
static const struct node *find_override(
    const struct env *env, const char *name, const struct env **from)
{
	const struct node *n;

	if (!env)
		return NULL;
	n = find_override(env->outer, name, from);
	if (n)
		return n;
	for (n = env->parent->first; n; n = n->next) {
		if (!strcmp(n->name, name)) {
			*from = env->outer;
			return n;
		}
	}
	return NULL;
}

static void link_block(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	const struct env *from = NULL;
	const struct node *other = find_override(env, n->name, &from);
	struct place inner;

	if (!other) {
		link_nodes(l, n->first, env, place);
		return;
	}
	inner = indented(l, place, n->indent);
	inner.strip = other->indent;
	if (n->own_line)
		l->need = &inner.prefix;
	else
		l->in_line = true;
	link_nodes(l, other->first, from, &inner);
	l->in_line = false;
	l->need = NULL;
}

static void link_placed(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	struct env inner = {.parent = n, .outer = env};

	if (l->depth >= DEPTH_MAX) {
		stop(l, n, "a template may not be part of itself",
		    "partials, parents or blocks without end");
		return;
	}
	l->depth++;
	if (n->kind == NODE_BLOCK)
		link_block(l, n, env, place);
	else
		link_file(l, n, n->kind == NODE_PARENT ? &inner : env, place);
	l->depth--;
}

static void link_node(struct link *l, const struct node *n,
    const struct env *env, const struct place *place)
{
	switch (n->kind) {
	case NODE_LINE:
		link_line(l, n, place);
		break;
	case NODE_TEXT:
		if (!n->text.len)
			break;
		begin_line(l, n);
		add_node_text(l, n);
		break;
	case NODE_VALUE:
		link_value(l, n);
		break;
	case NODE_SECTION:
	case NODE_INVERTED:
		link_section(l, n, env, place);
		break;
	default:
		link_placed(l, n, env, place);
	}
}

static void link_nodes(struct link *l, const struct node *first,
    const struct env *env, const struct place *place)
{
	for (const struct node *n = first; n && !l->stopped; n = n->next) {
		if (++l->steps > STEPS_MAX)
			stop(l, n, "do the partials multiply?",
			    "the whole page has too many parts");
		else
			link_node(l, n, env, place);
	}
}

/* In the pool, and no larger than it is. */
static const char *const *keep_names(
    struct mem *m, const struct tmpl_names *names)
{
	const char **items = mem_array(m, names->n + 1, sizeof(*items));

	for (size_t i = 0; i < names->n; i++)
		items[i] = names->items[i];
	return items;
}

static const struct tmpl *keep(
    const struct link *l, struct mem *m, const struct tmpl_file *f)
{
	struct tmpl_op *ops = mem_array(m, l->n, sizeof(*ops));
	struct tmpl *t = mem_alloc(m, sizeof(*t));

	memcpy(ops, l->ops, l->n * sizeof(*ops));
	*t = (struct tmpl){.name = f->name,
	    .ops = ops,
	    .n = l->n,
	    .fmt = l->set->fmt,
	    .parts = keep_names(m, &l->parts),
	    .messages = keep_names(m, &l->messages)};
	return t;
}

const struct tmpl *tmpl_link(struct tmpl_set *set, const struct tmpl_file *f)
{
	struct link l = {.set = set, .mem = mem_open(0)};
	const struct tmpl *t = NULL;
	struct place place = {0};

	buf_open(&l.text, l.mem, 4096);
	tmpl_names_add(l.mem, &l.parts, f->name);
	link_nodes(&l, f->root->first, NULL, &place);
	flush(&l);
	add_op(&l, TMPL_STOP);
	if (!l.refused)
		t = keep(&l, set->mem, f);
	mem_close(l.mem);
	return t;
}
