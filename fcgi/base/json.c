/* json.c: values: making them, adding, finding. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_value.h"
#include "base/log.h"
#include "base/mem.h"

enum { ROOM = 8 };

static const size_t small = offsetof(struct json_object, mem);

/* --- Building ------------------------------------------------------------- */

static inline struct json_object *make_text(
    struct mem *m, enum json_kind kind, const char *text, size_t len)
{
	struct json_object *o = mem_alloc(m, small + len + 1);
	char *copy = (char *)o + small;

	if (len > UINT32_MAX)
		abort();
	o->kind = (unsigned char)kind;
	o->n = (uint32_t)len;
	o->text = memcpy(copy, text, len);
	return o;
}

struct json_object *json_new_text(struct mem *m, const char *text, size_t len)
{
	return make_text(m, JSON_TEXT, text, len);
}

struct json_object *json_new_int(struct mem *m, int64_t n)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (n < 0)
		*--at = '-';
	return make_text(
	    m, JSON_NUMBER, at, (size_t)(digits + sizeof(digits) - at));
}

struct json_object *json_wrap(struct mem *m, enum json_kind kind,
    struct member *members, size_t n, uint64_t bits)
{
	struct json_object *o = mem_alloc(m, sizeof(*o));

	o->bits = bits;
	o->kind = (unsigned char)kind;
	o->members = members;
	o->n = o->room = (uint32_t)n;
	o->mem = m;
	return o;
}

/* Its first members lie behind it. */
static struct json_object *make_empty(struct mem *m, enum json_kind kind)
{
	struct json_object *o =
	    mem_alloc(m, sizeof(*o) + ROOM * sizeof(struct member));

	o->kind = (unsigned char)kind;
	o->members = (struct member *)(o + 1);
	o->room = ROOM;
	o->mem = m;
	return o;
}

struct json_object *json_new(struct mem *m)
{
	return make_empty(m, JSON_OBJECT);
}

struct json_object *json_new_list(struct mem *m)
{
	return make_empty(m, JSON_LIST);
}

struct mem *json_pool(const struct json_object *o)
{
	return o->mem;
}

/* --- Members -------------------------------------------------------------- */

struct json_key json_ready_key(const char *name)
{
	uint64_t head = 0;

	for (unsigned i = 0; name && i < sizeof(head) && name[i]; i++)
		head |= (uint64_t)(unsigned char)name[i] << 8 * i;
	return (struct json_key){name, head};
}

/* Only a key of eight bytes or more has no zero there: the head is not all. */
static inline bool is_long(struct json_key key)
{
	return key.head >> 56 != 0;
}

static inline bool is_key(const struct member *x, struct json_key key)
{
	const size_t head = sizeof(key.head);

	return x->key.head == key.head &&
	       (!is_long(key) || x->key.name == key.name ||
		   !strcmp(x->key.name + head, key.name + head));
}

/* FNV-1a. */
static uint32_t hash(const char *key)
{
	uint32_t h = 2166136261;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619;
	return h;
}

/* The slot of a key, or the free one where it belongs. */
static uint32_t *find_slot(const struct json_object *o, struct json_key key)
{
	uint32_t i = hash(key.name) & (o->slots - 1);

	while (o->index[i] && !is_key(&o->members[o->index[i] - 1], key))
		i = (i + 1) & (o->slots - 1);
	return &o->index[i];
}

/* Of two members with one key, the last is found. */
static void make_index(struct json_object *o)
{
	o->slots = 128;
	while (o->slots < o->n * 4)
		o->slots *= 2;
	o->index = mem_array(o->mem, o->slots, sizeof(*o->index));
	for (uint32_t i = 0; i < o->n; i++)
		*find_slot(o, o->members[i].key) = i + 1;
}

/* Where the head is not all, or the members are many. Apart: see find_place().
 */
static __attribute__((noinline)) size_t look_for(
    struct json_object *o, struct json_key key)
{
	if (o->n > JSON_FEW && !o->index)
		make_index(o);
	if (o->index)
		return (size_t)*find_slot(o, key) - 1;
	for (size_t i = o->n; i > 0; i--)
		if (is_key(&o->members[i - 1], key))
			return i - 1;
	return SIZE_MAX;
}

/* The place of a key; `o` is an object. SIZE_MAX: it has none. Nothing is
 * called for a short key, so that no registers are saved. */
static inline size_t find_place(struct json_object *o, struct json_key key)
{
	if (!(o->bits & json_bit(key.head)))
		return SIZE_MAX;
	if (is_long(key) || o->n > JSON_FEW || o->index)
		return look_for(o, key);
	for (size_t i = o->n; i > 0; i--)
		if (o->members[i - 1].key.head == key.head)
			return i - 1;
	return SIZE_MAX;
}

/* Where the program's own data begins and ends. The names are the linker's. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern const char __executable_start[], end[];

/* Nearly all keys are literals, and need no copy. */
static bool is_literal(const char *key)
{
	return (uintptr_t)key >= (uintptr_t)__executable_start &&
	       (uintptr_t)key < (uintptr_t)end;
}

static __attribute__((noinline)) void grow(struct json_object *o)
{
	uint32_t room = o->room ? o->room * 2 : ROOM;
	struct member *more = mem_array(o->mem, room, sizeof(*more));

	if (o->n)
		memcpy(more, o->members, o->n * sizeof(*more));
	o->members = more;
	o->room = room;
}

static inline void add(
    struct json_object *o, struct json_key key, struct json_object *value)
{
	struct member *x;

	if (o->n == o->room)
		grow(o);
	x = &o->members[o->n++];
	x->key = key;
	x->value = value;
}

static void index_last(struct json_object *o, struct json_key key)
{
	if (o->n * 2 > o->slots)
		make_index(o);
	else
		*find_slot(o, key) = o->n;
}

bool json_add(
    struct json_object *o, struct json_key key, struct json_object *value)
{
	size_t place = find_place(o, key);

	if (place != SIZE_MAX) {
		o->members[place].value = value;
		return false;
	}
	add(o, key, value);
	o->bits |= json_bit(key.head);
	if (o->index)
		index_last(o, key);
	return true;
}

static _Noreturn void die_of_kind(const char *key)
{
	log_error("json.kind", "a member of what is no object: %s",
	    key ? key : "(item)");
	abort();
}

/* All that json_put_value() may come to. */
static __attribute__((noinline)) void put_anyhow(
    struct json_object *o, struct json_key key, struct json_object *value)
{
	if (!json_is(o, key.name ? JSON_OBJECT : JSON_LIST))
		die_of_kind(key.name);
	if (key.name && !is_literal(key.name))
		key.name = mem_text(o->mem, key.name);
	if (key.name)
		json_add(o, key, value);
	else
		add(o, key, value);
}

/* Whether there is nothing to do but to write it behind the others: a literal
 * that an object does not have yet, or an item of a list. */
static inline bool is_simple(const struct json_object *o, struct json_key key)
{
	if (!o || o->n == o->room)
		return false;
	if (!key.name)
		return o->kind == JSON_LIST;
	return o->kind == JSON_OBJECT && !(o->bits & json_bit(key.head)) &&
	       !o->index && is_literal(key.name);
}

static inline void put_member(
    struct json_object *o, struct json_key key, struct json_object *value)
{
	struct member *x;

	if (!is_simple(o, key)) {
		put_anyhow(o, key, value);
		return;
	}
	x = &o->members[o->n++];
	x->key = key;
	x->value = value;
	o->bits |= json_bit(key.head); /* of a list, nobody looks at it */
}

void json_put_value(
    struct json_object *o, struct json_key key, struct json_object *value)
{
	put_member(o, key, value);
}

void json_put_text_value(
    struct json_object *o, struct json_key key, const char *text)
{
	put_member(o, key,
	    text ? make_text(o->mem, JSON_TEXT, text, strlen(text)) : NULL);
}

void json_put_int_value(struct json_object *o, struct json_key key, int64_t n)
{
	put_member(o, key, json_new_int(o->mem, n));
}

struct json_object *json_copy(struct mem *m, const struct json_object *o)
{
	size_t n = o->n, room = n + 1; /* who copies mostly adds */
	struct json_object *copy =
	    mem_alloc(m, sizeof(*copy) + room * sizeof(*copy->members));

	*copy = *o;
	copy->mem = m;
	copy->index = NULL;
	copy->slots = 0;
	copy->room = (uint32_t)room;
	copy->members = (struct member *)(copy + 1);
	if (n)
		memcpy(copy->members, o->members, n * sizeof(*o->members));
	return copy;
}

void json_put_digits(struct json_object *o, const char *key, const char *digits)
{
	json_put(
	    o, key, make_text(o->mem, JSON_NUMBER, digits, strlen(digits)));
}

static struct json_object flags[2] = {
    {.kind = JSON_FLAG, .n = 5, .text = "false"},
    {.kind = JSON_FLAG, .flag = true, .n = 4, .text = "true"}};

struct json_object *json_flag_value(bool flag)
{
	return &flags[flag];
}

void json_remove(struct json_object *o, const char *key)
{
	size_t place;

	if (!json_is(o, JSON_OBJECT))
		return;
	place = find_place(o, json_make_key(key));
	if (place == SIZE_MAX)
		return;
	o->n--;
	memmove(&o->members[place], &o->members[place + 1],
	    (o->n - place) * sizeof(*o->members));
	o->index = NULL;
}

/* --- Reading -------------------------------------------------------------- */

bool json_is_whole(const struct json_object *o)
{
	return json_is(o, JSON_NUMBER) && !strpbrk(o->text, ".eE");
}

const char *json_text(const struct json_object *o, size_t *len)
{
	if (!o || o->kind > JSON_TEXT)
		return NULL;
	if (len)
		*len = o->n;
	return o->text;
}

bool json_flag(const struct json_object *o)
{
	return o && o->flag;
}

/* As many digits never overflow. */
enum { SHORT_INT = 18 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static __attribute__((noinline)) bool long_int(const char *text, int64_t *out)
{
	char *rest;
	long long n;

	if (!is_digit(text[*text == '-']))
		return false;
	errno = 0;
	n = strtoll(text, &rest, 10);
	if (errno || *rest)
		return false;
	*out = n;
	return true;
}

bool json_int(const struct json_object *o, int64_t *out)
{
	const char *from, *behind;
	int64_t n = 0;

	if (!json_is(o, JSON_NUMBER) && !json_is(o, JSON_TEXT))
		return false;
	behind = o->text + o->n;
	from = o->text + (*o->text == '-');
	if (behind - from > SHORT_INT)
		return long_int(o->text, out);
	if (from == behind)
		return false;
	for (const char *at = from; at < behind; at++) {
		if (!is_digit(*at))
			return false;
		n = n * 10 + (*at - '0');
	}
	*out = from == o->text ? n : -n;
	return true;
}

double json_double(const struct json_object *o)
{
	return json_is(o, JSON_NUMBER) ? strtod(o->text, NULL) : 0;
}

int64_t json_trunc(const struct json_object *o)
{
	static const double beyond = 9223372036854775808.0; /* 2^63 */
	double d = json_double(o);

	if (d >= beyond)
		return INT64_MAX;
	return d < -beyond ? INT64_MIN : (int64_t)d;
}

size_t json_length(const struct json_object *list)
{
	return json_is(list, JSON_LIST) ? list->n : 0;
}

struct json_object *json_at(const struct json_object *list, size_t i)
{
	return i < json_length(list) ? list->members[i].value : NULL;
}

size_t json_count(const struct json_object *o)
{
	return json_is(o, JSON_OBJECT) ? o->n : 0;
}

bool json_member(const struct json_object *o, size_t i, const char **key,
    struct json_object **value)
{
	if (i >= json_count(o))
		return false;
	*key = o->members[i].key.name;
	*value = o->members[i].value;
	return true;
}

bool json_has_key(
    struct json_object *o, const struct json_key *key, struct json_object **out)
{
	size_t place;

	if (!json_is(o, JSON_OBJECT))
		return false;
	place = find_place(o, *key);
	if (place == SIZE_MAX)
		return false;
	if (out)
		*out = o->members[place].value;
	return true;
}

bool json_has(struct json_object *o, const char *key, struct json_object **out)
{
	struct json_key ready = json_make_key(key);

	return json_has_key(o, &ready, out);
}

struct json_object *json_find_key(struct json_object *o, struct json_key key)
{
	size_t place = json_is(o, JSON_OBJECT) ? find_place(o, key) : SIZE_MAX;

	return place == SIZE_MAX ? NULL : o->members[place].value;
}

struct json_column json_make_column(const char *key)
{
	return (struct json_column){json_make_key(key), 0};
}

/* Where it is not at once clear that it is at *near. */
static __attribute__((noinline)) struct json_object *const *look_near(
    struct json_object *o, struct json_key key, size_t *near)
{
	size_t place = *near;

	if (place >= o->n || !is_key(&o->members[place], key))
		place = find_place(o, key);
	if (place == SIZE_MAX)
		return NULL;
	*near = place;
	return &o->members[place].value;
}

struct json_object *const *json_find_near(
    struct json_object *o, struct json_key key, size_t *near)
{
	const struct member *x;

	if (!json_is(o, JSON_OBJECT))
		return NULL;
	if (*near >= o->n)
		return look_near(o, key, near);
	x = &o->members[*near];
	if (x->key.head != key.head ||
	    (is_long(key) && x->key.name != key.name))
		return look_near(o, key, near);
	return &x->value;
}

struct json_object *json_find_column(
    struct json_object *o, struct json_column *column)
{
	struct json_object *const *found =
	    column->key.name ? json_find_near(o, column->key, &column->place)
			     : NULL;

	return found ? *found : NULL;
}

static bool equal_members(
    const struct json_object *a, const struct json_object *b)
{
	json_each (a, key, value) {
		struct json_object *other = NULL;

		/* Finding may make an index, which changes nothing seen. */
		if (!json_has(
			(struct json_object *)(uintptr_t)b, key, &other) ||
		    !json_equal(value, other))
			return false;
	}
	return true;
}

bool json_equal(const struct json_object *a, const struct json_object *b)
{
	if (json_kind(a) != json_kind(b))
		return false;
	if (!a || a == b)
		return true;
	if (a->n != b->n)
		return false;
	if (a->kind == JSON_OBJECT)
		return equal_members(a, b);
	if (a->kind != JSON_LIST)
		return !memcmp(a->text, b->text, a->n);
	for (size_t i = 0; i < a->n; i++)
		if (!json_equal(a->members[i].value, b->members[i].value))
			return false;
	return true;
}
