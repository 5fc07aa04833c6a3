/* json_value.h: how a value lies in memory; for json*.c only. */
#ifndef PORTICO_JSON_VALUE_H
#define PORTICO_JSON_VALUE_H

#include "base/json.h"

/* Objects of more members get an index; looking through fewer is quicker. */
enum { JSON_FEW = 32 };

struct member {
	uint64_t head; /* json_head() of the key; 0 in a list */
	const char *key;
	struct json_object *value;
};

struct json_object {
	unsigned char kind;
	bool flag;
	uint32_t n;    /* bytes, items or members */
	uint32_t room; /* of `members` */
	union {
		const char *text;	/* ends with a NUL */
		struct member *members; /* of objects and lists */
	};
	/* Only in objects and lists. */
	struct mem *mem;
	uint32_t *index; /* of an object of many members; NULL: not made */
	uint32_t slots;
};

/* The first eight bytes of a key: most differ there. */
uint64_t json_head(const char *key, size_t len);

/* A new list or object around members that are in the pool already. */
struct json_object *json_wrap(
    struct mem *m, enum json_kind kind, struct member *members, size_t n);

/* True or false: one of each serves all. */
struct json_object *json_flag_value(bool flag);

/* Adds a member whose key is in the pool. False: it took the place of one. */
bool json_add(struct json_object *o, const struct member *x);

/* The place of a key; `o` is an object. SIZE_MAX: it has none. */
size_t json_place(
    struct json_object *o, uint64_t head, const char *key, size_t len);

#endif
