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

static struct json_object *make_text(
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

struct json_object *json_wrap(
    struct mem *m, enum json_kind kind, struct member *members, size_t n)
{
	struct json_object *o = mem_alloc(m, sizeof(*o));

	o->kind = (unsigned char)kind;
	o->members = members;
	o->n = o->room = (uint32_t)n;
	o->mem = m;
	return o;
}

struct json_object *json_new(struct mem *m)
{
	return json_wrap(m, JSON_OBJECT, NULL, 0);
}

struct json_object *json_new_list(struct mem *m)
{
	return json_wrap(m, JSON_LIST, NULL, 0);
}

struct mem *json_pool(const struct json_object *o)
{
	return o->mem;
}

/* --- Members -------------------------------------------------------------- */

uint64_t json_head(const char *key, size_t len)
{
	uint64_t head = 0;

	memcpy(&head, key, len < sizeof(head) ? len : sizeof(head));
	return head;
}

struct json_key json_make_key(const char *name)
{
	return (struct json_key){name, json_head(name, strlen(name))};
}

static bool is_key(
    const struct member *x, uint64_t head, const char *key, size_t len)
{
	return x->head == head &&
	       (len < sizeof(head) ||
		   !strcmp(x->key + sizeof(head), key + sizeof(head)));
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
static uint32_t *find_slot(
    struct json_object *o, uint64_t head, const char *key, size_t len)
{
	uint32_t i = hash(key) & (o->slots - 1);

	while (o->index[i] &&
	       !is_key(&o->members[o->index[i] - 1], head, key, len))
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
	for (uint32_t i = 0; i < o->n; i++) {
		const struct member *x = &o->members[i];

		*find_slot(o, x->head, x->key, strlen(x->key)) = i + 1;
	}
}

size_t json_place(
    struct json_object *o, uint64_t head, const char *key, size_t len)
{
	if (o->n > JSON_FEW && !o->index)
		make_index(o);
	if (o->index)
		return (size_t)*find_slot(o, head, key, len) - 1;
	for (size_t i = o->n; i > 0; i--)
		if (is_key(&o->members[i - 1], head, key, len))
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

static struct member *add(struct json_object *o)
{
	if (o->n == o->room) {
		uint32_t room = o->room ? o->room * 2 : ROOM;
		struct member *more = mem_array(o->mem, room, sizeof(*more));

		if (o->n)
			memcpy(more, o->members, o->n * sizeof(*more));
		o->members = more;
		o->room = room;
	}
	return &o->members[o->n++];
}

bool json_add(struct json_object *o, const struct member *x)
{
	size_t len = strlen(x->key);
	size_t place = json_place(o, x->head, x->key, len);

	if (place != SIZE_MAX) {
		o->members[place].value = x->value;
		return false;
	}
	*add(o) = *x;
	if (o->index && o->n * 2 > o->slots)
		make_index(o);
	else if (o->index)
		*find_slot(o, x->head, x->key, len) = o->n;
	return true;
}

static void put_member(
    struct json_object *o, const char *key, struct json_object *value)
{
	size_t len = strlen(key);
	struct member x = {json_head(key, len), key, value};

	if (!is_literal(key))
		x.key = mem_text_n(o->mem, key, len);
	json_add(o, &x);
}

void json_put(struct json_object *o, const char *key, struct json_object *value)
{
	if (!json_is(o, key ? JSON_OBJECT : JSON_LIST)) {
		log_error("json.kind", "a member of what is no object: %s",
		    key ? key : "(item)");
		abort();
	}
	if (key)
		put_member(o, key, value);
	else
		*add(o) = (struct member){.value = value};
}

void json_put_text(struct json_object *o, const char *key, const char *text)
{
	json_put(o, key,
	    text ? make_text(o->mem, JSON_TEXT, text, strlen(text)) : NULL);
}

void json_put_int(struct json_object *o, const char *key, int64_t n)
{
	json_put(o, key, json_new_int(o->mem, n));
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

void json_put_flag(struct json_object *o, const char *key, bool flag)
{
	json_put(o, key, &flags[flag]);
}

struct json_object *json_put_object(struct json_object *o, const char *key)
{
	struct json_object *value = json_new(o->mem);

	json_put(o, key, value);
	return value;
}

struct json_object *json_put_list(struct json_object *o, const char *key)
{
	struct json_object *value = json_new_list(o->mem);

	json_put(o, key, value);
	return value;
}

void json_remove(struct json_object *o, const char *key)
{
	size_t len = strlen(key), place;

	if (!json_is(o, JSON_OBJECT))
		return;
	place = json_place(o, json_head(key, len), key, len);
	if (place == SIZE_MAX)
		return;
	o->n--;
	memmove(&o->members[place], &o->members[place + 1],
	    (o->n - place) * sizeof(*o->members));
	o->index = NULL;
}

/* --- Reading -------------------------------------------------------------- */

enum json_kind json_kind(const struct json_object *o)
{
	return o ? (enum json_kind)o->kind : JSON_NULL;
}

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

/* Nearly all: digits that cannot be too many. */
static bool read_few_digits(const struct json_object *o, int64_t *out)
{
	enum { FEW = 18 };
	int64_t n = 0;

	if (!o->n || o->n > FEW)
		return false;
	for (uint32_t i = 0; i < o->n; i++) {
		if (o->text[i] < '0' || o->text[i] > '9')
			return false;
		n = n * 10 + (o->text[i] - '0');
	}
	*out = n;
	return true;
}

bool json_int(const struct json_object *o, int64_t *out)
{
	char *rest;
	long long n;

	if (!json_is(o, JSON_NUMBER) && !json_is(o, JSON_TEXT))
		return false;
	if (read_few_digits(o, out))
		return true;
	if (!*o->text || !strchr("-0123456789", *o->text))
		return false;
	errno = 0;
	n = strtoll(o->text, &rest, 10);
	if (errno || *rest)
		return false;
	*out = n;
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
	*key = o->members[i].key;
	*value = o->members[i].value;
	return true;
}

static bool has(struct json_object *o, uint64_t head, const char *key,
    size_t len, struct json_object **out)
{
	size_t place;

	if (!json_is(o, JSON_OBJECT))
		return false;
	place = json_place(o, head, key, len);
	if (place == SIZE_MAX)
		return false;
	if (out)
		*out = o->members[place].value;
	return true;
}

bool json_has_key(
    struct json_object *o, const struct json_key *key, struct json_object **out)
{
	/* A shorter name has zeroes at its head's end. */
	const char *tail = (const char *)&key->head + sizeof(key->head) - 1;

	return has(o, key->head, key->name, *tail ? sizeof(key->head) : 0, out);
}

bool json_has(struct json_object *o, const char *key, struct json_object **out)
{
	size_t len = strlen(key);

	return has(o, json_head(key, len), key, len, out);
}

struct json_object *json_find(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	json_has(o, key, &value);
	return value;
}

const char *json_find_text(struct json_object *o, const char *key)
{
	struct json_object *value = json_find(o, key);

	return json_is(value, JSON_FLAG) ? NULL : json_text(value, NULL);
}

bool json_find_int(struct json_object *o, const char *key, int64_t *out)
{
	return json_int(json_find(o, key), out);
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
