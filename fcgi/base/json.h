/* json.h: short words over json-c, for building models and reading answers.
 * json-c is the data language of the whole program; these helpers tie its
 * objects to a request's pool.
 */
#ifndef PORTICO_JSON_H
#define PORTICO_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diag;
struct mem;

/* Releases `o` with the pool; returns it. NULL is fine. */
struct json_object *json_own(struct mem *m, struct json_object *o);

/* A new object or list that lives as long as the pool. */
struct json_object *json_new(struct mem *m);

/* Reads bytes from somebody who is not trusted: strict, at most `depth` deep,
 * of one value and nothing behind it; a byte order mark in front is skipped.
 * NULL: it is none, holds a NUL, or names a member twice (which reader would
 * see which?). Lives as long as the pool. */
struct json_object *json_parse(
    struct mem *m, const char *text, size_t len, int depth);

/* Adding to an object (a list where `key` is NULL). json_put takes over one
 * reference of `value`. A key that is no literal of the program is copied. */
void json_put(
    struct json_object *o, const char *key, struct json_object *value);
void json_put_text(struct json_object *o, const char *key, const char *text);
void json_put_int(struct json_object *o, const char *key, int64_t n);
/* A number with just these digits. */
void json_put_digits(
    struct json_object *o, const char *key, const char *digits);
void json_put_flag(struct json_object *o, const char *key, bool flag);
/* A new object or list under `key`, to be filled. */
struct json_object *json_put_object(struct json_object *o, const char *key);
struct json_object *json_put_list(struct json_object *o, const char *key);

/* Reading. `o` may be NULL or of any type; a missing member reads as NULL. */
struct json_object *json_find(struct json_object *o, const char *key);
/* The text of a string or number (with the number's own digits); NULL for
 * anything else. Lives as long as `o`. */
const char *json_find_text(struct json_object *o, const char *key);
/* A whole number written as a number or as a string. False: neither. */
bool json_find_int(struct json_object *o, const char *key, int64_t *out);

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

/* Items of a list; 0 for anything else, of which json_at gives NULL. */
size_t json_length(struct json_object *list);
struct json_object *json_at(struct json_object *list, size_t i);

#endif
