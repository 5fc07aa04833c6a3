/* json_value.h: how a value lies in memory; for json*.c only. */
#ifndef PORTICO_JSON_VALUE_H
#define PORTICO_JSON_VALUE_H

#include "base/json.h"

/* Objects of more members get an index; looking through fewer is quicker. */
enum { JSON_FEW = 32 };

struct member {
	struct json_key key; /* of a list: none */
	struct json_object *value;
};

struct json_object {
	unsigned char kind; /* first: see json_kind() */
	bool flag;
	uint32_t n;    /* bytes, items or members */
	uint32_t room; /* of `members` */
	union {
		const char *text;	/* ends with a NUL */
		struct member *members; /* of objects and lists */
	};
	/* Only in objects and lists. */
	struct mem *mem;
	/* A bit of each key: most that are not there are known by that. */
	uint64_t bits;
	uint32_t *index; /* of an object of many members; NULL: not made */
	uint32_t slots;
};

/* The bit of a key in `bits`. */
static inline uint64_t json_bit(uint64_t head)
{
	return UINT64_C(1) << (head * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* A new list or object around members that are in the pool already; `bits` of
 * at least their keys. */
struct json_object *json_wrap(struct mem *m, enum json_kind kind,
    struct member *members, size_t n, uint64_t bits);

/* Adds a member whose key is in the pool. False: it took the place of one. */
bool json_add(
    struct json_object *o, struct json_key key, struct json_object *value);

#endif
