/* tmpl_parse.c: a template's text as a tree.
 *
 * Lines matter, because a tag that stands alone on its line takes the line
 * with it, and because a partial's or block's lines are indented where it is
 * put. So each line that prints something begins with a NODE_LINE, which holds
 * its white space.
 */
#include "tools/tmpl_parse.h"

#include <ctype.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "tools/tmpl_html.h"

enum { NEST_MAX = 64 };

struct parser {
	struct mem *mem;
	struct diag *diag;
	const char *path, *text;
	const char *at, *end;
	int line, nest;
	bool line_start;   /* nothing of this line has been added yet */
	const char *blank; /* its white space begins here */
	struct node *cur;
	bool refused;
};

struct tag {
	char kind; /* 0: a value */
	const char *name;
	const char *open, *close; /* behind "{{" and "}}" */
	int line;
};

char *node_where(struct mem *m, const struct node *n)
{
	return mem_print(m, "%s:%d", n->path, n->line);
}

static bool refuse(struct parser *p, int line, const char *remedy,
    const char *what, const char *name)
{
	char *where = mem_print(p->mem, "%s:%d", p->path, line);

	diag_add(p->diag, where, remedy, "%s%s", what, name);
	p->refused = true;
	return false;
}

/* --- Nodes and lines ------------------------------------------------------ */

static struct node *add_node(struct parser *p, enum node_kind kind)
{
	struct node *n = mem_alloc(p->mem, sizeof(*n));

	n->kind = kind;
	n->line = p->line;
	n->path = p->path;
	n->up = p->cur;
	/* Only blocks count inside a parent; other text is ignored. */
	if (p->cur->kind == NODE_PARENT && kind != NODE_BLOCK)
		return n;
	if (p->cur->last)
		p->cur->last->next = n;
	else
		p->cur->first = n;
	p->cur->last = n;
	return n;
}

static struct node *add_text(
    struct parser *p, enum node_kind kind, const char *from, const char *to)
{
	struct node *n = add_node(p, kind);

	n->text = (struct piece){from, (size_t)(to - from)};
	if (kind == NODE_TEXT) {
		n->step = mem_alloc(p->mem, sizeof(*n->step));
		n->step->from.mode = HTML__MAX;
	}
	return n;
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s;
}

/* Behind the end of the line if only white space is left of it, or NULL. */
static const char *line_end(const char *s, const char *end)
{
	s = skip_blanks(s, end);
	if (s == end)
		return s;
	if (*s == '\r' && s + 1 < end)
		s++;
	return *s == '\n' ? s + 1 : NULL;
}

/* The text up to `to`, where a tag or the file's end is. White space that
 * begins a line is left for the tag to judge. */
static void take_text(struct parser *p, const char *to)
{
	while (p->at < to) {
		const char *from = p->at;
		const char *nl = memchr(from, '\n', (size_t)(to - from));
		const char *next = nl ? nl + 1 : to;

		if (p->line_start && skip_blanks(from, to) == to) {
			p->blank = from;
			p->at = to;
			return;
		}
		if (p->line_start && line_end(from, to) != next) {
			from = skip_blanks(from, to);
			add_text(p, NODE_LINE, p->at, from);
		}
		add_text(p, NODE_TEXT, from, next);
		p->line_start = nl != NULL;
		p->line += nl != NULL;
		p->at = next;
	}
	p->blank = to;
}

/* The line that a tag begins prints something, so its white space does too. */
static struct node *keep_line(struct parser *p, const struct tag *t)
{
	if (!p->line_start)
		return NULL;
	p->line_start = false;
	return add_text(p, NODE_LINE, p->blank, t->open - 2);
}

/* A tag alone on its line: the line goes. */
static bool take_line(struct parser *p)
{
	const char *next = p->line_start ? line_end(p->at, p->end) : NULL;

	if (!next)
		return false;
	p->line += next > p->at && next[-1] == '\n';
	p->at = next;
	return true;
}

/* --- Tags ----------------------------------------------------------------- */

static void open_node(struct parser *p, struct node *n, const struct tag *t)
{
	n->name = t->name;
	n->line = t->line;
	p->cur = n;
	if (++p->nest > NEST_MAX)
		refuse(p, t->line, "split the template",
		    "sections and blocks are nested too deeply at ", t->name);
}

static void open_section(struct parser *p, const struct tag *t)
{
	if (!take_line(p))
		keep_line(p, t);
	open_node(
	    p, add_node(p, t->kind == '#' ? NODE_SECTION : NODE_INVERTED), t);
}

static void add_partial(struct parser *p, const struct tag *t)
{
	const char *blank = p->blank;
	bool own_line = take_line(p);
	struct node *n;

	if (!own_line)
		keep_line(p, t);
	n = add_node(p, NODE_PARTIAL);
	n->name = t->name;
	n->line = t->line;
	n->own_line = own_line;
	n->indent = (struct piece){blank, (size_t)(t->open - 2 - blank)};
}

static void open_parent(struct parser *p, const struct tag *t)
{
	const char *blank = p->blank;
	struct node *line_node = keep_line(p, t);
	struct node *n = add_node(p, NODE_PARENT);

	n->indent = (struct piece){blank, (size_t)(t->open - 2 - blank)};
	n->line_node = line_node;
	open_node(p, n, t);
}

/* The white space in front of the first line that has anything else. */
static struct piece first_indent(const struct parser *p)
{
	const char *s = p->at, *next, *from;

	while (s < p->end && (next = line_end(s, p->end)))
		s = next;
	from = s;
	return (struct piece){from, (size_t)(skip_blanks(s, p->end) - from)};
}

/* A block in a parent hands text over: what stands around it is ignored. */
static void open_argument(struct parser *p, const struct tag *t)
{
	struct node *n = add_node(p, NODE_BLOCK);

	p->line_start = true;
	n->own_line = take_line(p);
	p->line_start = n->own_line;
	if (n->own_line)
		n->indent = first_indent(p);
	open_node(p, n, t);
}

static void open_block(struct parser *p, const struct tag *t)
{
	struct piece blank = {p->blank, (size_t)(t->open - 2 - p->blank)};
	bool begins = p->line_start, own_line = take_line(p);
	struct node *n;

	if (!own_line)
		keep_line(p, t);
	n = add_node(p, NODE_BLOCK);
	n->own_line = own_line;
	if (own_line)
		n->indent = first_indent(p);
	else if (begins)
		n->indent = blank;
	n->text = blank;
	open_node(p, n, t);
}

static void close_parent(struct parser *p, struct node *n)
{
	struct node *line_node = n->line_node;

	p->line_start = line_node != NULL;
	if (!line_node || !take_line(p)) {
		p->line_start = false;
		return;
	}
	n->own_line = true;
	line_node->kind = NODE_TEXT;
	line_node->text.len = 0;
}

static void close_tag(struct parser *p, const struct tag *t)
{
	struct node *n = p->cur;

	if (n->kind == NODE_ROOT) {
		refuse(p, t->line, "take it out, or add the opening tag",
		    "nothing is open that could be closed: ", t->name);
		return;
	}
	if (strcmp(n->name, t->name)) {
		refuse(p, t->line,
		    mem_print(p->mem, "close {{%s}} of line %d first", n->name,
			n->line),
		    "the wrong section or block is closed: ", t->name);
		return;
	}
	if (n->kind == NODE_BLOCK && n->up->kind == NODE_PARENT)
		p->line_start = false;
	else if (n->kind != NODE_PARENT && !take_line(p))
		keep_line(p, t);
	/* An empty block's lines are indented as its tag is. */
	if (n->kind == NODE_BLOCK && n->own_line && !n->first && n->text.text)
		n->indent = n->text;
	p->cur = n->up;
	p->nest--;
	if (n->kind == NODE_PARENT)
		close_parent(p, n);
}

static void add_value(struct parser *p, const struct tag *t)
{
	struct node *n;

	keep_line(p, t);
	n = add_node(p, NODE_VALUE);
	n->name = t->name;
	n->line = t->line;
}

/* --- Reading tags --------------------------------------------------------- */

/* The content without the white space around it, and with single spaces in
 * it. */
static char *squeeze(struct mem *m, const char *s, size_t len)
{
	char *out = mem_text_n(m, s, len), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (!isspace((unsigned char)s[i]))
			*to++ = s[i];
		else if (to > out && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > out && to[-1] == ' ')
		to--;
	*to = '\0';
	return out;
}

static bool check_kind(struct parser *p, struct tag *t, const char *from)
{
	static const char raw[] =
	    "write {{name}}: values are always escaped; HTML belongs into the "
	    "template";

	if (*from == '{')
		return refuse(p, t->line, raw, "raw output: {{{", "");
	if (*from == '&')
		return refuse(p, t->line, raw, "raw output: {{&", "");
	if (*from == '=')
		return refuse(p, t->line, "tags are always {{ and }}",
		    "changed delimiters: {{=", "");
	t->kind = *from && strchr("#^/><$!", *from) ? *from : '\0';
	return true;
}

static bool check_name(struct parser *p, const struct tag *t)
{
	const char *name = t->name;
	bool own_kind = isalnum((unsigned char)*name) || *name == '_' ||
			*name == '.' || (unsigned char)*name >= 0x80;

	if (!*name)
		return refuse(p, t->line, "write a name into it",
		    "a tag without a name", "");
	if (!own_kind)
		return refuse(p, t->line,
		    "known are {{x}} {{#x}} {{^x}} {{/x}} {{>x}} {{<x}} {{$x}} "
		    "{{!x}}",
		    "an unknown tag: ", name);
	if (strpbrk(name, "{}"))
		return refuse(
		    p, t->line, "is a }} missing?", "a brace in a tag: ", name);
	if (t->kind && strchr(name, ' '))
		return refuse(p, t->line, "one name without spaces",
		    "more than one name in a tag: ", name);
	if (p->cur->kind == NODE_PARENT && t->kind != '$' && t->kind != '/')
		return refuse(p, t->line,
		    "put it into a block, or in front of the parent",
		    "only blocks may stand directly in a parent: ", name);
	return true;
}

static void add_tag(struct parser *p, const struct tag *t)
{
	switch (t->kind) {
	case '!':
		if (!take_line(p))
			keep_line(p, t);
		return;
	case '#':
	case '^':
		open_section(p, t);
		return;
	case '>':
		add_partial(p, t);
		return;
	case '<':
		open_parent(p, t);
		return;
	case '$':
		if (p->cur->kind == NODE_PARENT)
			open_argument(p, t);
		else
			open_block(p, t);
		return;
	case '/':
		close_tag(p, t);
		return;
	default:
		add_value(p, t);
	}
}

static const char *find_pair(const char *s, const char *end, const char *pair)
{
	return memmem(s, (size_t)(end - s), pair, 2);
}

/* p->at stands behind "{{". */
static void take_tag(struct parser *p)
{
	struct tag t = {.open = p->at, .line = p->line};
	const char *from = p->at;
	const char *end = find_pair(p->at, p->end, "}}");

	while (isspace((unsigned char)*from))
		from++;
	if (!check_kind(p, &t, from))
		return;
	if (!end) {
		refuse(p, t.line, "add the }}", "a tag without an end", "");
		return;
	}
	if (t.kind)
		from++;
	t.close = end + 2;
	if (t.kind != '!') {
		t.name = squeeze(p->mem, from, (size_t)(end - from));
		if (!check_name(p, &t))
			return;
	}
	for (const char *s = t.open; s < end; s++)
		p->line += *s == '\n';
	p->at = t.close;
	add_tag(p, &t);
}

struct node *tmpl_parse(struct mem *m, const char *path, const char *text,
    size_t len, struct diag *d)
{
	struct node *root = mem_alloc(m, sizeof(*root));
	struct parser p = {.mem = m,
	    .diag = d,
	    .path = path,
	    .text = text,
	    .at = text,
	    .end = text + len,
	    .line = 1,
	    .line_start = true,
	    .blank = text,
	    .cur = root};

	root->path = path;
	root->line = 1;
	while (p.at < p.end && !p.refused) {
		const char *tag = find_pair(p.at, p.end, "{{");

		take_text(&p, tag ? tag : p.end);
		if (!tag)
			break;
		p.at = tag + 2;
		take_tag(&p);
		p.blank = p.at;
	}
	if (!p.refused && p.line_start && p.blank < p.end)
		add_text(&p, NODE_LINE, p.blank, p.end);
	if (!p.refused && p.cur != root)
		refuse(&p, p.cur->line,
		    mem_print(m, "add {{/%s}}", p.cur->name),
		    "a section, block or parent is not closed: ", p.cur->name);
	return p.refused ? NULL : root;
}
