/* tmpl_render.c: walks a compiled template over a model. */
#include "tools/tmpl.h"

#include <json-c/json.h>
#include <string.h>
#include <strings.h>

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
	size_t top;
	struct frame frames[TMPL_SECTIONS_MAX + 1];
};

static bool find_key(struct json_object *in, const struct tmpl_key *key,
    struct json_object **out)
{
	struct lh_entry *e;

	if (!json_object_is_type(in, json_type_object))
		return false;
	e = lh_table_lookup_entry_w_hash(
	    json_object_get_object(in), key->name, key->hash);
	if (!e)
		return false;
	*out = (struct json_object *)lh_entry_v(e);
	return true;
}

/* The first part of a name is looked for from the innermost section outwards,
 * the rest only below what was found. */
static struct json_object *find_value(
    const struct run *r, const struct tmpl_name *name)
{
	struct json_object *v = NULL;
	size_t i = r->top + 1;

	if (name->n == 0)
		return r->frames[r->top].value;
	while (i > 0 && !find_key(r->frames[i - 1].value, &name->keys[0], &v))
		i--;
	for (size_t k = 1; i > 0 && k < name->n; k++)
		if (!find_key(v, &name->keys[k], &v))
			return NULL;
	return v;
}

static bool is_true(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		return false;
	case json_type_boolean:
		return json_object_get_boolean(v);
	case json_type_array:
		return json_object_array_length(v) > 0;
	case json_type_string:
		return json_object_get_string_len(v) > 0;
	default:
		return true;
	}
}

/* What a value prints, unescaped. */
static const char *text_of(struct json_object *v, size_t *len)
{
	const char *s = "";

	switch (json_object_get_type(v)) {
	case json_type_string:
		*len = (size_t)json_object_get_string_len(v);
		return json_object_get_string(v);
	case json_type_boolean:
	case json_type_int:
	case json_type_double:
		s = json_object_get_string(v);
		break;
	default:
		break;
	}
	*len = strlen(s);
	return s;
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

void tmpl_escape(struct buf *out, const char *s, size_t len)
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

/* Browsers drop tabs and line ends inside an address, and read "\" as "/". */
bool tmpl_url_is_safe(const char *s, size_t len)
{
	static const char *const schemes[] = {"https:", "http:", "mailto:"};

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
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

/* json-c would make a buffer for the digits, and keep it with the number. */
static void print_integer(struct buf *out, struct json_object *v)
{
	int64_t n = json_object_get_int64(v);
	uint64_t left = n < 0 ? -(uint64_t)n : json_object_get_uint64(v);
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		text[--at] = '-';
	buf_add(out, text + at, sizeof(text) - at);
}

static void print_value(struct run *r, const struct tmpl_op *op)
{
	struct json_object *v = find_value(r, &op->name);
	const char *s;
	size_t len;

	if (json_object_is_type(v, json_type_int) && !op->opens_url) {
		print_integer(r->out, v);
		return;
	}
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
		struct json_object *v = find_value(r, &op->args[i]);
		size_t len;

		if (json_object_is_type(v, json_type_int) ||
		    json_object_is_type(v, json_type_double))
			args[i].number = json_object_get_double(v);
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
	if (!json_object_is_type(v, json_type_array))
		return;
	f->list = v;
	f->value = json_object_array_get_idx(v, 0);
	f->next = 1;
}

/* The list's next element, or false and the section is left. */
static bool advance(struct run *r)
{
	struct frame *f = &r->frames[r->top];

	if (f->list && f->next < json_object_array_length(f->list)) {
		f->value = json_object_array_get_idx(f->list, f->next++);
		return true;
	}
	r->top--;
	return false;
}

/* A section, its end or an inverted section: the op to go on with. */
static size_t next_op(struct run *r, size_t at)
{
	const struct tmpl_op *op = &r->tmpl->ops[at];
	struct json_object *v;

	if (op->kind == TMPL_END)
		return advance(r) ? op->jump : at + 1;
	v = find_value(r, &op->name);
	if (is_true(v) == (op->kind == TMPL_INVERTED))
		return op->jump;
	if (op->kind == TMPL_SECTION)
		push(r, v);
	return at + 1;
}

void tmpl_render(
    const struct tmpl *t, struct json_object *model, struct buf *out)
{
	struct run r = {.tmpl = t, .out = out};
	size_t at = 0;

	r.frames[0].value = model;
	for (;;) {
		const struct tmpl_op *op = &t->ops[at];

		switch (op->kind) {
		case TMPL_STOP:
			return;
		case TMPL_TEXT:
			buf_add(out, t->text + op->at, op->len);
			at++;
			break;
		case TMPL_VALUE:
			print_value(&r, op);
			at++;
			break;
		case TMPL_MESSAGE:
			print_message(&r, op);
			at++;
			break;
		default:
			at = next_op(&r, at);
		}
	}
}
