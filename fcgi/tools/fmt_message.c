/* fmt_message.c: reads and writes ICU messages with numbered arguments. */
#include "tools/fmt_message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { DEPTH_MAX = 6 };

enum kind { PART_TEXT, PART_ARG, PART_HASH, PART_PLURAL, PART_SELECT };

struct branch {
	struct branch *next;
	const char *selector; /* "one", "other", a word; "" for =N */
	double exactly;	      /* N of =N */
	const struct message_part *parts;
};

struct message_part {
	struct message_part *next;
	enum kind kind;
	const char *text; /* PART_TEXT */
	unsigned arg;
	bool ordinal;
	double offset;
	struct branch *branches;
};

struct scan {
	struct mem *mem;
	const char *start, *at;
	bool *is_text; /* per byte of the pattern: shown, not syntax */
	uint32_t args;
	unsigned depth;
	const char *why; /* the first mistake */
};

static struct message_part *parse_parts(struct scan *s, bool in_plural);

static void refuse(struct scan *s, const char *why)
{
	if (!s->why)
		s->why = why;
}

static void skip_space(struct scan *s)
{
	while (*s->at == ' ' || *s->at == '\t' || *s->at == '\n')
		s->at++;
}

static bool take(struct scan *s, char c)
{
	skip_space(s);
	if (*s->at != c)
		return false;
	s->at++;
	return true;
}

static const char *parse_word(struct scan *s)
{
	const char *from;

	skip_space(s);
	from = s->at;
	while (isalnum((unsigned char)*s->at) || *s->at == '_' || *s->at == '-')
		s->at++;
	return mem_text_n(s->mem, from, (size_t)(s->at - from));
}

static unsigned parse_number(struct scan *s, unsigned max)
{
	unsigned n = 0;
	const char *from;

	skip_space(s);
	from = s->at;
	for (; isdigit((unsigned char)*s->at) && n <= max; s->at++)
		n = n * 10 + (unsigned)(*s->at - '0');
	if (from == s->at || n > max) {
		refuse(s, from == s->at ? "a number is missing"
					: "a number is too large");
		return 0;
	}
	return n;
}

static void add_shown(struct scan *s, struct buf *text)
{
	s->is_text[s->at - s->start] = true;
	buf_add_char(text, *s->at++);
}

/* ICU's rule: an apostrophe quotes only in front of a character that is
 * syntax; '' is an apostrophe everywhere; any other is itself. */
static void parse_apostrophe(struct scan *s, bool in_plural, struct buf *text)
{
	char next = s->at[1];

	if (next == '\'') {
		s->at++;
		add_shown(s, text);
		return;
	}
	if (next != '{' && next != '}' && !(in_plural && next == '#')) {
		add_shown(s, text);
		return;
	}
	for (s->at++; *s->at; add_shown(s, text)) {
		if (*s->at != '\'')
			continue;
		s->at++;
		if (*s->at != '\'')
			return;
	}
}

static struct message_part *parse_text(struct scan *s, bool in_plural)
{
	struct message_part *part = mem_alloc(s->mem, sizeof(*part));
	struct buf text;

	buf_open(&text, s->mem, 64);
	while (*s->at && *s->at != '{' && *s->at != '}' &&
	       !(in_plural && *s->at == '#')) {
		if (*s->at == '\'')
			parse_apostrophe(s, in_plural, &text);
		else
			add_shown(s, &text);
	}
	part->kind = PART_TEXT;
	part->text = text.data;
	return part;
}

static struct branch *parse_branch(struct scan *s, bool plural)
{
	struct branch *b = mem_alloc(s->mem, sizeof(*b));

	if (plural && take(s, '=')) {
		b->selector = "";
		b->exactly = parse_number(s, 1000000);
	} else {
		b->selector = parse_word(s);
		if (!b->selector[0])
			refuse(s, "a plural or select needs WORD {text}");
	}
	if (!take(s, '{')) {
		refuse(s, "a branch of a plural or select needs {text}");
		return b;
	}
	b->parts = parse_parts(s, plural);
	if (!take(s, '}'))
		refuse(s, "a '{' is not closed");
	return b;
}

static void parse_branches(struct scan *s, struct message_part *part)
{
	struct branch **end = &part->branches;
	bool other = false;

	if (!take(s, ','))
		refuse(s, "plural and select need branches");
	skip_space(s);
	if (part->kind == PART_PLURAL && !strncmp(s->at, "offset:", 7)) {
		s->at += 7;
		part->offset = parse_number(s, 1000000);
	}
	skip_space(s);
	while (!s->why && *s->at && *s->at != '}') {
		*end = parse_branch(s, part->kind == PART_PLURAL);
		other = other || !strcmp((*end)->selector, "other");
		end = &(*end)->next;
		skip_space(s);
	}
	if (!other)
		refuse(s, "a plural or select needs a branch 'other'");
}

static void parse_style(struct scan *s, struct message_part *part)
{
	const char *type = parse_word(s);

	if (!strcmp(type, "plural") || !strcmp(type, "selectordinal")) {
		part->kind = PART_PLURAL;
		part->ordinal = type[0] == 's';
		parse_branches(s, part);
	} else if (!strcmp(type, "select")) {
		part->kind = PART_SELECT;
		parse_branches(s, part);
	} else if (strcmp(type, "number")) {
		refuse(s, "an argument is {N}, or of type number, plural, "
			  "selectordinal or select; money and dates come as "
			  "ready text");
	}
}

static struct message_part *parse_arg(struct scan *s)
{
	struct message_part *part = mem_alloc(s->mem, sizeof(*part));

	s->at++;
	part->kind = PART_ARG;
	skip_space(s);
	if (!isdigit((unsigned char)*s->at))
		refuse(s, "arguments are numbered: {0}");
	part->arg = parse_number(s, MESSAGE_ARGS_MAX - 1);
	s->args |= UINT32_C(1) << part->arg;
	if (!s->why && take(s, ','))
		parse_style(s, part);
	if (!take(s, '}'))
		refuse(s, "a '{' is not closed");
	return part;
}

static struct message_part *parse_hash(struct scan *s)
{
	struct message_part *part = mem_alloc(s->mem, sizeof(*part));

	s->at++;
	part->kind = PART_HASH;
	return part;
}

static struct message_part *parse_parts(struct scan *s, bool in_plural)
{
	struct message_part *first = NULL, **end = &first;

	if (++s->depth > DEPTH_MAX)
		refuse(s, "too many plurals inside each other");
	while (!s->why && *s->at && *s->at != '}') {
		if (*s->at == '{')
			*end = parse_arg(s);
		else if (in_plural && *s->at == '#')
			*end = parse_hash(s);
		else
			*end = parse_text(s, in_plural);
		end = &(*end)->next;
	}
	s->depth--;
	return first;
}

static struct message_part *scan_open(
    struct scan *s, struct mem *m, const char *pattern)
{
	struct message_part *parts;

	*s = (struct scan){.mem = m, .start = pattern, .at = pattern};
	s->is_text = mem_array(m, strlen(pattern) + 1, sizeof(*s->is_text));
	parts = parse_parts(s, false);
	if (*s->at)
		refuse(s, "a '}' without its '{'");
	return parts;
}

static const char *constant_of(const struct message_part *parts)
{
	if (!parts)
		return "";
	return parts->kind == PART_TEXT && !parts->next ? parts->text : NULL;
}

const char *message_parse(
    struct mem *m, const char *pattern, struct message *out)
{
	struct scan s;

	out->parts = scan_open(&s, m, pattern);
	out->args = s.args;
	out->constant = constant_of(out->parts);
	return s.why;
}

/* --- Writing. ----------------------------------------------------------- */

struct job {
	struct buf *out;
	const struct fmt_arg *args;
	size_t n;
	const struct message_words *words;
};

static void add_parts(
    const struct job *j, const struct message_part *p, double hash);

static void add_arg(const struct job *j, unsigned i)
{
	if (i >= j->n)
		buf_print(j->out, "{%u}", i);
	else if (j->args[i].text)
		buf_add_text(j->out, j->args[i].text);
	else
		j->words->add_number(j->words->ctx, j->out, j->args[i].number);
}

static double arg_number(const struct job *j, unsigned i)
{
	if (i >= j->n)
		return 0;
	if (j->args[i].text)
		return strtod(j->args[i].text, NULL);
	return j->args[i].number;
}

static const struct branch *find_branch(
    const struct branch *b, const char *selector)
{
	while (b && strcmp(b->selector, selector))
		b = b->next;
	return b;
}

static const struct branch *find_exact(const struct branch *b, double n)
{
	/* The two spelled as a range: N came from an int, so it is exact. */
	while (b && (b->selector[0] || n < b->exactly || n > b->exactly))
		b = b->next;
	return b;
}

static void add_plural(const struct job *j, const struct message_part *p)
{
	double n = arg_number(j, p->arg), left = n - p->offset;
	const struct branch *b = find_exact(p->branches, n);

	if (!b)
		b = find_branch(p->branches,
		    j->words->plural(j->words->ctx, left, p->ordinal));
	if (!b)
		b = find_branch(p->branches, "other");
	add_parts(j, b->parts, left);
}

static void add_select(const struct job *j, const struct message_part *p)
{
	const char *word = p->arg < j->n ? j->args[p->arg].text : NULL;
	const struct branch *b = find_branch(p->branches, word ? word : "");

	if (!b)
		b = find_branch(p->branches, "other");
	add_parts(j, b->parts, 0);
}

static void add_parts(
    const struct job *j, const struct message_part *p, double hash)
{
	for (; p; p = p->next) {
		if (p->kind == PART_TEXT)
			buf_add_text(j->out, p->text);
		else if (p->kind == PART_ARG)
			add_arg(j, p->arg);
		else if (p->kind == PART_HASH)
			j->words->add_number(j->words->ctx, j->out, hash);
		else if (p->kind == PART_PLURAL)
			add_plural(j, p);
		else
			add_select(j, p);
	}
}

void message_add(struct buf *out, const struct message *msg,
    const struct fmt_arg *args, size_t n, const struct message_words *words)
{
	struct job j = {out, args, n, words};

	add_parts(&j, msg->parts, 0);
}

/* --- The pseudo-languages. ---------------------------------------------- */

static const char *const accented[26 * 2] = {
    "Å", "Ɓ", "Ç", "Ð", "É", "Ƒ", "Ĝ", "Ĥ", "Î", "Ĵ", "Ķ", "Ļ", "Ṁ", /* */
    "Ñ", "Ö", "Þ", "Ǫ", "Ŕ", "Š", "Ţ", "Û", "Ṽ", "Ŵ", "Ẋ", "Ý", "Ž", /* */
    "å", "ƀ", "ç", "ð", "é", "ƒ", "ĝ", "ĥ", "î", "ĵ", "ķ", "ļ", "ɱ", /* */
    "ñ", "ö", "þ", "ǫ", "ŕ", "š", "ţ", "û", "ṽ", "ŵ", "ẋ", "ý", "ž"  /* */
};

static void add_accented(struct buf *out, char c)
{
	if (c >= 'A' && c <= 'Z')
		buf_add_text(out, accented[c - 'A']);
	else if (c >= 'a' && c <= 'z')
		buf_add_text(out, accented[26 + c - 'a']);
	else
		buf_add_char(out, c);
}

char *message_make_pseudo(
    struct mem *m, const char *pattern, bool right_to_left)
{
	struct scan s;
	struct buf out;

	scan_open(&s, m, pattern);
	buf_open(&out, m, strlen(pattern) * 3 + 16);
	buf_add_text(&out, right_to_left ? "\u202b⟦" : "⟦");
	for (size_t i = 0; pattern[i]; i++) {
		if (s.is_text[i])
			add_accented(&out, pattern[i]);
		else
			buf_add_char(&out, pattern[i]);
	}
	buf_add_text(&out, right_to_left ? "⟧\u202c" : "⟧");
	return out.data;
}
