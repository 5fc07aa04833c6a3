/* tmpl_render.c: walks a compiled template over a model. */
#include "tools/tmpl.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "tools/fmt.h"
#include "tools/tmpl_program.h"

/* What a section has put on top: an element of `list`, or one value. */
struct frame {
	struct json_object *value;
	struct json_object *list; /* NULL: printed once */
	size_t next;
};

struct run {
	const struct tmpl *tmpl;
	struct buf *out;
	size_t *near; /* of each op */
	size_t top;
	struct frame frames[TMPL_SECTIONS_MAX + 1];
};

/* From the innermost section outwards; `near`: where it was among its
 * neighbours, the last time. NULL: no section has it. */
static struct json_object *const *find_first(
    const struct run *r, struct json_key key, size_t *near)
{
	struct json_object *const *found = NULL;

	for (size_t i = r->top + 1; i > 0 && !found; i--)
		found = json_find_near(r->frames[i - 1].value, key, near);
	return found;
}

/* The first part of a name is looked for in all sections, the rest only below
 * what was found. */
static struct json_object *find_value(
    const struct run *r, const struct tmpl_name *name, size_t *near)
{
	struct json_object *const *found;
	struct json_object *v;

	if (name->n == 0)
		return r->frames[r->top].value;
	found = find_first(r, name->keys[0], near);
	if (!found)
		return NULL;
	v = *found;
	for (size_t k = 1; k < name->n && v; k++)
		v = json_find_key(v, name->keys[k]);
	return v;
}

static bool is_true(struct json_object *v)
{
	size_t len;

	switch (json_kind(v)) {
	case JSON_NULL:
		return false;
	case JSON_FLAG:
		return json_flag(v);
	case JSON_LIST:
		return json_length(v) > 0;
	case JSON_TEXT:
		json_text(v, &len);
		return len > 0;
	case JSON_NUMBER:
	case JSON_OBJECT:
		break;
	}
	return true;
}

/* What a value prints, unescaped. */
static const char *text_of(struct json_object *v, size_t *len)
{
	const char *s = json_text(v, len);

	if (s)
		return s;
	*len = 0;
	return "";
}

static const struct escape {
	const char *text;
	size_t len;
} escapes[256] = {
    ['&'] = {"&amp;", 5},
    ['<'] = {"&lt;", 4},
    ['>'] = {"&gt;", 4},
    ['"'] = {"&quot;", 6},
    ['\''] = {"&#39;", 5},
};

/* Whether one of eight bytes may be such a one: where a bit decides, two are
 * looked for at once. Now and then it is none, but none is missed. */
static inline bool may_need_escape(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t amp_or_single = (bytes | ones) ^ ones * '\'';
	uint64_t less_or_more = (bytes | ones << 1) ^ ones * '>';
	uint64_t quote = bytes ^ ones * '"';

	return (((amp_or_single - ones) & ~amp_or_single) |
		   ((less_or_more - ones) & ~less_or_more) |
		   ((quote - ones) & ~quote)) &
	       high;
}

/* The last eight bytes, or four twice, are looked at whether or not some of
 * them have been. */
static bool is_plain(const char *s, size_t len)
{
	uint64_t bytes;
	uint32_t halves[2];
	size_t i = 0;

	if (len >= sizeof(bytes)) {
		for (; len - i > sizeof(bytes); i += sizeof(bytes)) {
			memcpy(&bytes, s + i, sizeof(bytes));
			if (may_need_escape(bytes))
				return false;
		}
		memcpy(&bytes, s + len - sizeof(bytes), sizeof(bytes));
		return !may_need_escape(bytes);
	}
	if (len >= sizeof(halves[0])) {
		memcpy(&halves[0], s, sizeof(halves[0]));
		memcpy(
		    &halves[1], s + len - sizeof(halves[1]), sizeof(halves[1]));
		return !may_need_escape((uint64_t)halves[0] << 32 | halves[1]);
	}
	while (i < len && !escapes[(unsigned char)s[i]].len)
		i++;
	return i == len;
}

static void add_escaped(struct buf *out, const char *s, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		const struct escape *e = &escapes[(unsigned char)s[i]];

		if (!e->len)
			continue;
		buf_add(out, s + from, i - from);
		buf_add(out, e->text, e->len);
		from = i + 1;
	}
	buf_add(out, s + from, len - from);
}

void tmpl_escape(struct buf *out, const char *s, size_t len)
{
	if (is_plain(s, len))
		buf_add(out, s, len);
	else
		add_escaped(out, s, len);
}

/* Whether one of eight bytes may be a control character: as above. */
static bool may_have_control(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t del = bytes ^ ones * 0x7f;

	return (((bytes - ones * 0x20) & ~bytes) | ((del - ones) & ~del)) &
	       high;
}

/* Browsers drop tabs and line ends inside an address, and read "\" as "/". */
static bool has_control(const char *s, size_t len)
{
	uint64_t bytes;
	size_t i = 0;

	for (; len - i >= sizeof(bytes); i += sizeof(bytes)) {
		memcpy(&bytes, s + i, sizeof(bytes));
		if (may_have_control(bytes))
			break;
	}
	for (; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return true;
	return false;
}

bool tmpl_url_is_safe(const char *s, size_t len)
{
	static const char *const schemes[] = {"https:", "http:", "mailto:"};

	if (has_control(s, len))
		return false;
	if (len && (s[0] == '?' || s[0] == '#'))
		return true;
	if (len && s[0] == '/')
		return len == 1 || (s[1] != '/' && s[1] != '\\');
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (len >= strlen(schemes[i]) &&
		    !strncasecmp(s, schemes[i], strlen(schemes[i])))
			return true;
	return false;
}

static void print_value(struct run *r, const struct tmpl_op *op)
{
	struct json_object *v =
	    find_value(r, &op->name, &r->near[op - r->tmpl->ops]);
	const char *s;
	size_t len;

	s = text_of(v, &len);
	if (op->opens_url && !tmpl_url_is_safe(s, len))
		buf_add(r->out, "#", 1);
	else
		tmpl_escape(r->out, s, len);
}

static void print_message(struct run *r, const struct tmpl_op *op)
{
	struct mem *m = r->out->mem;
	struct fmt_arg *args = mem_array(m, op->n_args, sizeof(*args));
	const char *s;

	for (size_t i = 0; i < op->n_args; i++) {
		size_t len, near = 0;
		struct json_object *v = find_value(r, &op->args[i], &near);

		if (json_is(v, JSON_NUMBER))
			args[i].number = json_double(v);
		else
			args[i].text = text_of(v, &len);
	}
	s = fmt_text(m, r->tmpl->fmt, op->message, args, op->n_args);
	if (op->opens_url && !tmpl_url_is_safe(s, strlen(s)))
		s = "#";
	tmpl_escape(r->out, s, strlen(s));
}

static void push(struct run *r, struct json_object *v)
{
	struct frame *f = &r->frames[++r->top];

	*f = (struct frame){.value = v};
	if (!json_is(v, JSON_LIST))
		return;
	f->list = v;
	f->value = json_at(v, 0);
	f->next = 1;
}

/* The list's next element, or false and the section is left. */
static bool advance(struct run *r)
{
	struct frame *f = &r->frames[r->top];

	if (f->list && f->next < json_length(f->list)) {
		f->value = json_at(f->list, f->next++);
		return true;
	}
	r->top--;
	return false;
}

/* A section, its end or an inverted section: the op to go on with. */
static const struct tmpl_op *next_op(struct run *r, const struct tmpl_op *op)
{
	const struct tmpl_op *all = r->tmpl->ops;
	struct json_object *v;

	if (op->kind == TMPL_END)
		return advance(r) ? &all[op->jump] : op + 1;
	v = find_value(r, &op->name, &r->near[op - all]);
	if (is_true(v) == (op->kind == TMPL_INVERTED))
		return &all[op->jump];
	if (op->kind == TMPL_SECTION)
		push(r, v);
	return op + 1;
}

void tmpl_render(
    const struct tmpl *t, struct json_object *model, struct buf *out)
{
	const struct tmpl_op *op = t->ops;
	struct run r;

	/* Not the frames: they are many. */
	r.tmpl = t;
	r.out = out;
	r.top = 0;
	r.frames[0] = (struct frame){.value = model};
	r.near = mem_array(out->mem, t->n, sizeof(*r.near));
	while (op->kind != TMPL_STOP)
		switch (op->kind) {
		case TMPL_TEXT:
			buf_add(out, op->text, op->len);
			op++;
			break;
		case TMPL_VALUE:
			print_value(&r, op);
			op++;
			break;
		case TMPL_MESSAGE:
			print_message(&r, op);
			op++;
			break;
		default:
			op = next_op(&r, op);
		}
}
