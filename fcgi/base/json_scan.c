/* json_scan.c: text to values, in one walk. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_value.h"
#include "base/log.h"
#include "base/mem.h"

struct scan {
	struct mem *mem;
	const char *at, *end;
	const struct json_rules *rules;
	const char *what; /* that is wrong */
	bool early, full;
	size_t left; /* values that may still come */

	/* Members of the lists and objects that are open. */
	struct member *stack;
	size_t n, room;

	bool odd_keys; /* one was written with an escape */
};

/* `like`: the value before it in a list, whose keys are nearly always its own;
 * or NULL. */
static bool scan_value(struct scan *s, int depth,
    const struct json_object *like, struct json_object **out);

static bool stop(struct scan *s, const char *what)
{
	s->what = what;
	return false;
}

/* What is wrong at this byte; at the text's end nothing is, but for that. */
static bool stop_here(struct scan *s, const char *what)
{
	if (s->at < s->end)
		return stop(s, what);
	s->early = true;
	return stop(s, "the JSON ends too early");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static __attribute__((noinline)) void skip_some(struct scan *s)
{
	while (s->at < s->end && is_blank(*s->at))
		s->at++;
}

/* There is hardly ever one; and all are below what else may stand here. */
static inline void skip_blanks(struct scan *s)
{
	if (s->at < s->end && (unsigned char)*s->at <= ' ')
		skip_some(s);
}

/* --- Texts ---------------------------------------------------------------- */

/* The bytes of a character of several (RFC 3629), or 0: it is none. */
static size_t measure_utf8(const char *at, size_t left)
{
	static const struct {
		unsigned char mask, head;
		size_t len;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800},
	    {0xf8, 0xf0, 4, 0x10000}};
	const unsigned char *u = (const unsigned char *)at;

	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		uint32_t c = u[0] & ~(unsigned)forms[f].mask & 0xff;

		if ((u[0] & forms[f].mask) != forms[f].head)
			continue;
		if (left < forms[f].len)
			return 0;
		for (size_t i = 1; i < forms[f].len; i++) {
			if ((u[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (u[i] & 0x3f);
		}
		return c < forms[f].least || c > 0x10ffff ||
			       (c >= 0xd800 && c < 0xe000)
			   ? 0
			   : forms[f].len;
	}
	return 0;
}

/* Whether the end has cut a character of several bytes. */
static bool is_cut(const struct scan *s)
{
	size_t left = (size_t)(s->end - s->at);
	unsigned char head = (unsigned char)*s->at;
	size_t wanted = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;

	return head >= 0xc2 && head <= 0xf4 && left < wanted;
}

/* To the first byte of a text that needs a look: its end, an escape, or what
 * may not be there. */
static bool is_plain(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= ' ' &&
	       (unsigned char)c < 0x80;
}

/* Eight bytes at a time: the highest bit of each that is not plain, and maybe
 * of one behind such a one. */
static uint64_t find_odd(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t quotes = bytes ^ ones * '"', escapes = bytes ^ ones * '\\';

	return (bytes | (bytes - ones * ' ') | (quotes - ones) |
		   (escapes - ones)) &
	       high;
}

/* As a key's head has them; one instruction, where the first byte is the lowest
 * for the processor, too. */
static inline uint64_t load_eight(const char *at)
{
	return json_head_byte(at, 8, 0) | json_head_byte(at, 8, 1) |
	       json_head_byte(at, 8, 2) | json_head_byte(at, 8, 3) |
	       json_head_byte(at, 8, 4) | json_head_byte(at, 8, 5) |
	       json_head_byte(at, 8, 6) | json_head_byte(at, 8, 7);
}

static const char *find_special(const char *at, const char *end)
{
	enum { EIGHT = 8 };
	uint64_t odd;

	for (; end - at >= EIGHT; at += EIGHT) {
		odd = find_odd(load_eight(at));
		if (odd) /* the lowest is the first, and is certain */
			return at + __builtin_ctzll(odd) / 8;
	}
	while (at < end && is_plain(*at))
		at++;
	return at;
}

static bool scan_hex(struct scan *s, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef";

	*out = 0;
	for (int i = 0; i < 4; i++, s->at++) {
		const char *digit;

		if (s->at == s->end)
			return stop_here(s, "");
		digit = *s->at < '0' ? NULL : strchr(digits, *s->at | 0x20);
		if (!digit)
			return stop_here(s, "a bad escape in a text");
		*out = *out << 4 | (uint32_t)(digit - digits);
	}
	return true;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	buf_add(b, bytes, n);
}

/* Behind "\u". */
static bool scan_code(struct scan *s, struct buf *b)
{
	enum { UNKNOWN = 0xfffd };
	uint32_t c, low;

	if (!scan_hex(s, &c))
		return false;
	if (!c && s->rules->strict)
		return stop(s, "a NUL in a text");
	if (c >= 0xd800 && c < 0xdc00 && s->end - s->at >= 2 &&
	    s->at[0] == '\\' && s->at[1] == 'u') {
		const char *second = s->at;

		s->at += 2;
		if (!scan_hex(s, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		else
			s->at = second;
	}
	add_utf8(b, !c || (c >= 0xd800 && c < 0xe000) ? UNKNOWN : c);
	return true;
}

static bool scan_escape(struct scan *s, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *which;

	s->at++;
	if (s->at == s->end)
		return stop_here(s, "");
	if (*s->at == 'u') {
		s->at++;
		return scan_code(s, b);
	}
	which = memchr(from, *s->at, sizeof(from) - 1);
	if (!which)
		return stop_here(s, "a bad escape in a text");
	buf_add_char(b, to[which - from]);
	s->at++;
	return true;
}

/* The rest of a text that has more than plain ASCII. */
static bool scan_special(struct scan *s, struct buf *b)
{
	while (s->at < s->end && *s->at != '"') {
		const char *from = s->at;
		size_t len;

		if (*s->at == '\\') {
			if (!scan_escape(s, b))
				return false;
			continue;
		}
		if ((unsigned char)*s->at < ' ')
			return stop_here(s, "a control character in a text");
		if ((unsigned char)*s->at < 0x80) {
			s->at = find_special(s->at, s->end);
			buf_add(b, from, (size_t)(s->at - from));
			continue;
		}
		len = measure_utf8(s->at, (size_t)(s->end - s->at));
		if (!len) {
			s->early = is_cut(s);
			return stop(s, "a text that is no UTF-8");
		}
		buf_add(b, from, len);
		s->at += len;
	}
	return true;
}

/* At its first quote. The bytes are of the text itself, or in the pool. */
static bool scan_text(struct scan *s, const char **text, size_t *len)
{
	const char *from = ++s->at;
	struct buf b;

	s->at = find_special(from, s->end);
	*text = from;
	*len = (size_t)(s->at - from);
	if (s->at < s->end && *s->at != '"') {
		buf_open(&b, s->mem, *len + 32);
		buf_add(&b, from, *len);
		if (!scan_special(s, &b))
			return false;
		*text = b.data;
		*len = b.len;
	}
	if (s->at == s->end)
		return stop_here(s, "");
	s->at++;
	return true;
}

/* --- Numbers and words ---------------------------------------------------- */

static bool skip_digits(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from || stop_here(s, "a number without a digit");
}

static bool scan_number(struct scan *s, struct json_object **out)
{
	const char *from = s->at;

	s->at += *s->at == '-';
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!skip_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!skip_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		s->at++;
		s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
		if (!skip_digits(s))
			return false;
	}
	*out = json_new_text(s->mem, from, (size_t)(s->at - from));
	(*out)->kind = JSON_NUMBER;
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	for (; *word; word++, s->at++)
		if (s->at == s->end || *s->at != *word)
			return stop_here(s, "not a value");
	return true;
}

/* --- Lists and objects ---------------------------------------------------- */

static void push(struct scan *s, const struct member *x)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct member *more = mem_array(s->mem, room, sizeof(*more));

		if (s->n)
			memcpy(more, s->stack, s->n * sizeof(*more));
		s->stack = more;
		s->room = room;
	}
	s->stack[s->n++] = *x;
}

/* Names differ in their first eight bytes, nearly always. */
static bool has_doubles(const struct member *x, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (x[i].key.head == x[k].key.head &&
			    !strcmp(x[i].key.name, x[k].key.name))
				return true;
	return false;
}

static uint64_t find_bits(const struct member *x, size_t n)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= json_bit(x[i].key.head);
	return bits;
}

/* Makes what was pushed since `from` a value. `like`: one that has all its
 * keys, or NULL. */
static bool close(struct scan *s, enum json_kind kind, size_t from,
    const struct json_object *like, struct json_object **out)
{
	size_t n = s->n - from;
	const struct member *pushed = n ? s->stack + from : NULL;
	struct member *own;

	s->n = from;
	if (kind == JSON_OBJECT && !like &&
	    (n > JSON_FEW || has_doubles(pushed, n))) {
		*out = json_new(s->mem);
		for (size_t i = 0; i < n; i++)
			if (!json_add(*out, pushed[i].key, pushed[i].value) &&
			    s->rules->strict)
				return stop(s, "a name that comes twice");
		return true;
	}
	own = n ? mem_array(s->mem, n, sizeof(*own)) : NULL;
	if (n)
		memcpy(own, pushed, n * sizeof(*own));
	*out = json_wrap(s->mem, kind, own, n,
	    like		  ? like->bits
	    : kind == JSON_OBJECT ? find_bits(own, n)
				  : 0);
	return true;
}

/* A name in the pool. Its length stands in front of it, for the next row. */
static const char *keep_name(struct mem *m, const char *text, size_t len)
{
	char *at = mem_alloc(m, sizeof(len) + len + 1);

	memcpy(at, &len, sizeof(len));
	return memcpy(at + sizeof(len), text, len);
}

static size_t length_of(const struct json_key *kept)
{
	size_t len;

	memcpy(&len, kept->name - sizeof(len), sizeof(len));
	return len;
}

/* Takes a key that stands here as `known` does, letter by letter; of most, a
 * number holds all. */
static bool take_known(struct scan *s, const struct json_key *known)
{
	size_t len = length_of(known), left = (size_t)(s->end - s->at);
	uint64_t head;

	if (s->odd_keys || left <= sizeof(head) || left < len + 2 ||
	    s->at[len + 1] != '"')
		return false;
	head = load_eight(s->at + 1) ^ known->head;
	if (len < sizeof(head) ? len && head << (64 - 8 * len) : head != 0)
		return false;
	if (len > sizeof(head) &&
	    memcmp(s->at + 1 + sizeof(head), known->name + sizeof(head),
		len - sizeof(head)) != 0)
		return false;
	s->at += len + 2;
	return true;
}

/* `known`: the key that is likely here, or NULL; *is_known stays true if it
 * is. */
static bool scan_key(struct scan *s, struct json_key *key,
    const struct json_key *known, bool *is_known)
{
	const char *text, *from;
	size_t len;

	skip_blanks(s);
	if (s->at == s->end || *s->at != '"')
		return stop_here(s, "a name in quotes is wanted");
	if (known && take_known(s, known)) {
		*key = *known;
	} else {
		from = s->at;
		if (!scan_text(s, &text, &len))
			return false;
		s->odd_keys = s->odd_keys || len + 2 != (size_t)(s->at - from);
		*key = json_ready_key(keep_name(s->mem, text, len));
		*is_known = false;
	}
	skip_blanks(s);
	if (s->at == s->end || *s->at != ':')
		return stop_here(s, "a colon is wanted");
	s->at++;
	return true;
}

/* The key at a place of an object without index, or NULL. */
static const struct json_key *key_at(const struct json_object *o, size_t i)
{
	return o && i < o->n && o->n <= JSON_FEW ? &o->members[i].key : NULL;
}

/* Behind a member: *last, it was the last. */
static bool scan_comma(struct scan *s, char end, bool *last)
{
	skip_blanks(s);
	*last = s->at < s->end && *s->at == end;
	if (!*last && (s->at == s->end || *s->at != ','))
		return stop_here(s, "a comma or the end is wanted");
	s->at++;
	return true;
}

/* At its first bracket. */
static bool scan_members(struct scan *s, int depth, enum json_kind kind,
    const struct json_object *like, struct json_object **out)
{
	char end = kind == JSON_OBJECT ? '}' : ']';
	const struct json_object *before = NULL;
	size_t from = s->n;
	bool known = true, last;

	if (!json_is(like, JSON_OBJECT))
		like = NULL;
	s->at++;
	skip_blanks(s);
	last = s->at < s->end && *s->at == end;
	if (last)
		s->at++;
	while (!last) {
		struct member x = {0};

		if (kind == JSON_OBJECT &&
		    !scan_key(s, &x.key, key_at(like, s->n - from), &known))
			return false;
		if (!scan_value(s, depth + 1, before, &x.value))
			return false;
		push(s, &x);
		before = kind == JSON_LIST ? x.value : NULL;
		if (!scan_comma(s, end, &last))
			return false;
	}
	return close(s, kind, from, known ? like : NULL, out);
}

static bool scan_value(struct scan *s, int depth,
    const struct json_object *like, struct json_object **out)
{
	const char *text;
	size_t len;

	skip_blanks(s);
	if (s->at == s->end)
		return stop_here(s, "");
	if (depth >= s->rules->depth)
		return stop(s, "values too deep within each other");
	if (!s->left--) {
		s->full = true;
		return stop(s, "more values than are read");
	}
	switch (*s->at) {
	case '{':
		return scan_members(s, depth, JSON_OBJECT, like, out);
	case '[':
		return scan_members(s, depth, JSON_LIST, NULL, out);
	case '"':
		if (!scan_text(s, &text, &len))
			return false;
		*out = json_new_text(s->mem, text, len);
		return true;
	case 't':
	case 'f':
		*out = json_flag_value(*s->at == 't');
		return scan_word(s, *s->at == 't' ? "true" : "false");
	case 'n':
		*out = NULL;
		return scan_word(s, "null");
	default:
		if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
			return scan_number(s, out);
		return stop_here(s, "not a value");
	}
}

bool json_scan(struct mem *m, const char *text, size_t len,
    const struct json_rules *rules, struct json_object **out,
    struct json_stop *where)
{
	struct scan s = {.mem = m,
	    .at = text,
	    .end = text + len,
	    .rules = rules,
	    .left = JSON_VALUES_MAX};
	bool good = scan_value(&s, 0, NULL, out);

	if (good) {
		skip_blanks(&s);
		if (s.at < s.end)
			good = stop(&s, "something behind the value");
	}
	*where =
	    (struct json_stop){s.what, (size_t)(s.at - text), s.early, s.full};
	if (!good)
		*out = NULL;
	return good;
}

struct json_object *json_parse(
    struct mem *m, const char *text, size_t len, int depth)
{
	const struct json_rules rules = {depth, .strict = true};
	struct json_object *o;
	struct json_stop where;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	json_scan(m, text, len, &rules, &o, &where);
	return o;
}

struct json_object *json_constant(struct mem *m, const char *text)
{
	const struct json_rules rules = {32, .strict = true};
	struct json_object *o;
	struct json_stop where;

	if (json_scan(m, text, strlen(text), &rules, &o, &where))
		return o;
	log_error("json.constant", "%s: %s", where.what, text + where.at);
	abort();
}
