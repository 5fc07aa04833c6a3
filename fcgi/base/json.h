/* json.h: JSON (RFC 8259) in a request's pool: building models, reading
 * answers, writing both. The data language of the whole program.
 *
 * NULL is JSON's null. A number keeps the digits that it came with: nothing
 * here makes a double of it but json_double(). A value belongs to its pool,
 * may stand in several lists and objects, and must not outlive the pool of
 * what it stands in, nor the other way round.
 *
 * Own code where libraries are to be had: none keeps its values in a pool, and
 * half of a page's time went into making and freeing them one by one.
 */
#ifndef PORTICO_JSON_H
#define PORTICO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf;
struct diag;
struct json_object;
struct mem;

enum json_kind {
	JSON_NULL,
	JSON_FLAG,
	JSON_NUMBER,
	JSON_TEXT,
	JSON_LIST,
	JSON_OBJECT
};

/* --- Keys ----------------------------------------------------------------- */

/* A key made ready. Its first eight bytes as a number, the first one the
 * lowest: most keys differ there. */
struct json_key {
	const char *name;
	uint64_t head;
};

struct json_key json_ready_key(const char *name);

static inline uint64_t json_head_byte(const char *key, size_t len, size_t i)
{
	return i < len ? (uint64_t)(unsigned char)key[i] << 8 * i : 0;
}

/* Of a literal, which nearly all keys are, the compiler makes it. */
static inline struct json_key json_make_key(const char *key)
{
	size_t n = key ? strlen(key) : 0;

	if (!__builtin_constant_p(n))
		return json_ready_key(key);
	return (struct json_key){
	    key, json_head_byte(key, n, 0) | json_head_byte(key, n, 1) |
		     json_head_byte(key, n, 2) | json_head_byte(key, n, 3) |
		     json_head_byte(key, n, 4) | json_head_byte(key, n, 5) |
		     json_head_byte(key, n, 6) | json_head_byte(key, n, 7)};
}

/* --- Building ------------------------------------------------------------- */

/* A new object or list. */
struct json_object *json_new(struct mem *m);
struct json_object *json_new_list(struct mem *m);
struct json_object *json_new_text(struct mem *m, const char *text, size_t len);
/* The pool of an object or list. */
struct mem *json_pool(const struct json_object *o);
struct json_object *json_new_int(struct mem *m, int64_t n);

/* Adding to an object (in the place of a member of that name), or to the end of
 * a list, where `key` is NULL. A key that is no literal of the program, and
 * every text, is copied; a NULL text is null. */
void json_put_value(
    struct json_object *o, struct json_key key, struct json_object *value);

static inline void json_put(
    struct json_object *o, const char *key, struct json_object *value)
{
	json_put_value(o, json_make_key(key), value);
}

void json_put_text_value(
    struct json_object *o, struct json_key key, const char *text);

static inline void json_put_text(
    struct json_object *o, const char *key, const char *text)
{
	json_put_text_value(o, json_make_key(key), text);
}

void json_put_int_value(struct json_object *o, struct json_key key, int64_t n);

static inline void json_put_int(
    struct json_object *o, const char *key, int64_t n)
{
	json_put_int_value(o, json_make_key(key), n);
}

/* A number with just these digits. */
void json_put_digits(
    struct json_object *o, const char *key, const char *digits);

struct json_object *json_flag_value(bool flag);

static inline void json_put_flag(
    struct json_object *o, const char *key, bool flag)
{
	json_put_value(o, json_make_key(key), json_flag_value(flag));
}

/* A new object or list under `key`, to be filled. */
static inline struct json_object *json_put_object(
    struct json_object *o, const char *key)
{
	struct json_object *value = json_new(json_pool(o));

	json_put_value(o, json_make_key(key), value);
	return value;
}

static inline struct json_object *json_put_list(
    struct json_object *o, const char *key)
{
	struct json_object *value = json_new_list(json_pool(o));

	json_put_value(o, json_make_key(key), value);
	return value;
}

/* A new object with the members of `o`; their values are shared. */
struct json_object *json_copy(struct mem *m, const struct json_object *o);

/* Takes a member out; no matter if there is none. */
void json_remove(struct json_object *o, const char *key);

/* --- Reading a value ------------------------------------------------------ */

static inline enum json_kind json_kind(const struct json_object *o)
{
	/* It is a value's first byte. */
	return o ? (enum json_kind) * (const unsigned char *)o : JSON_NULL;
}

static inline bool json_is(const struct json_object *o, enum json_kind kind)
{
	return json_kind(o) == kind;
}

/* A number without point and exponent. */
bool json_is_whole(const struct json_object *o);

/* The text of a text or number (its own digits), "true" or "false" of a flag;
 * NULL: it is something else. `len` may be NULL. */
const char *json_text(const struct json_object *o, size_t *len);

/* The same, but NULL of a flag. */
static inline const char *json_plain(const struct json_object *o)
{
	return json_is(o, JSON_FLAG) ? NULL : json_text(o, NULL);
}

/* Whether it is true: of anything but a flag, false. */
bool json_flag(const struct json_object *o);

/* A whole number written as a number or as a text. False: neither. */
bool json_int(const struct json_object *o, int64_t *out);

/* For choosing plural forms; 0 of what is no number. Never for money. */
double json_double(const struct json_object *o);

/* The whole part of a number, such as 12 of 12.5 and 1000 of 1e3, or the bound
 * of int64_t that it is beyond; 0 of what is no number. */
int64_t json_trunc(const struct json_object *o);

/* The same, whatever the order of members; numbers by their digits. */
bool json_equal(const struct json_object *a, const struct json_object *b);

/* Items of a list; 0 for anything else, of which json_at gives NULL. */
size_t json_length(const struct json_object *list);
struct json_object *json_at(const struct json_object *list, size_t i);

/* --- Members -------------------------------------------------------------- */

/* `o` may be NULL or of any kind; a missing member reads as NULL. */
struct json_object *json_find_key(struct json_object *o, struct json_key key);

static inline struct json_object *json_find(
    struct json_object *o, const char *key)
{
	return json_find_key(o, json_make_key(key));
}

/* Tells a missing member from one that is null. `out` may be NULL. */
bool json_has(struct json_object *o, const char *key, struct json_object **out);
bool json_has_key(struct json_object *o, const struct json_key *key,
    struct json_object **out);

/* Where a member's value stands, until `o` changes; NULL: there is none. It is
 * looked for at *near first, which then is where it was. */
struct json_object *const *json_find_near(
    struct json_object *o, struct json_key key, size_t *near);

/* What a flag is, is no text. */
static inline const char *json_find_text(struct json_object *o, const char *key)
{
	return json_plain(json_find(o, key));
}

static inline bool json_find_int(
    struct json_object *o, const char *key, int64_t *out)
{
	return json_int(json_find(o, key), out);
}

/* A key that is looked for in rows that are alike, and where it was in the
 * last of them. */
struct json_column {
	struct json_key key;
	size_t place;
};

/* Of a NULL key: a column that no row has. */
struct json_column json_make_column(const char *key);
struct json_object *json_find_column(
    struct json_object *o, struct json_column *column);

/* The members in their order: i from 0; false: there is none. */
size_t json_count(const struct json_object *o);
bool json_member(const struct json_object *o, size_t i, const char **key,
    struct json_object **value);

/* NOLINTBEGIN(bugprone-macro-parentheses): they are names */
/* for each member; what is put into `o` meanwhile may be seen or not. */
#define json_each(o, key, value)                                               \
	const char *key = NULL;                                                \
	struct json_object *value = NULL;                                      \
	for (size_t key##_i = 0; json_member(o, key##_i, &key, &value);        \
	     key##_i++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* --- Text ----------------------------------------------------------------- */

/* Where reading stopped, and why; `what` NULL: it did not. */
struct json_stop {
	const char *what; /* a constant text */
	size_t at;	  /* a byte of the text */
	bool early;	  /* only the text's end is missing */
	bool full;	  /* more values than are read */
};

/* More are refused: a megabyte of "1," would be a hundred of memory. */
enum { JSON_VALUES_MAX = 250000 };
/* Deep enough for files, and for what the program itself has written. */
enum { JSON_DEEP = 32 };

/* How values are read. Texts must be UTF-8 (no overlong forms, no surrogates);
 * half a surrogate pair as an escape becomes U+FFFD. */
struct json_rules {
	int depth; /* values within values, the outermost counted */
	/* Refuses a NUL (else U+FFFD), and a name that comes twice in an
	 * object (else the last value counts): which would another reader
	 * see? */
	bool strict;
};

/* Reads one value, with blanks around it and nothing else. False: *stop tells.
 */
bool json_scan(struct mem *m, const char *text, size_t len,
    const struct json_rules *rules, struct json_object **out,
    struct json_stop *stop);

/* Reads bytes from somebody who is not trusted: strict; a byte order mark in
 * front is skipped. NULL: it is not JSON by these rules, or null. */
struct json_object *json_parse(
    struct mem *m, const char *text, size_t len, int depth);

/* The text of a constant of the program; dies of a mistake in it. */
struct json_object *json_constant(struct mem *m, const char *text);

/* Adds it to a text, in one line. */
void json_add_to(struct buf *b, const struct json_object *o);

/* In one line, or for people to read. `len` may be NULL. */
const char *json_write(struct mem *m, const struct json_object *o, size_t *len);
const char *json_write_pretty(struct mem *m, const struct json_object *o);

/* --- JSON that people write ----------------------------------------------- */

/* The object that a file's text is. What is wrong goes to `d`, with the line;
 * then NULL. */
struct json_object *json_read(
    struct mem *m, const char *path, const char *text, struct diag *d);

/* The line of a member such as "menu[0].items[1].path", or of the nearest one
 * around it. */
int json_find_line(const char *text, const char *path);
/* The line of a member of the outermost object, whatever its name holds. */
int json_find_member_line(const char *text, const char *name);

int json_count_lines(const char *text, const char *end);
/* Behind the text in quotes that begins at `s`. */
const char *json_skip_text(const char *s);

#endif
