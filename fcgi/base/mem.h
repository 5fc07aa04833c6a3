/* mem.h: the request pool. All memory of one request comes from one pool and
 * goes back in one call, so that a page frees nothing.
 *
 * Nothing here returns NULL: when the system has no memory left, or a pool
 * grows past its limit, one line is logged and the process ends; its
 * supervisor starts another. That costs one request and saves every caller an
 * error path that nobody can test.
 */
#ifndef PORTICO_MEM_H
#define PORTICO_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct mem;

/* A new pool that may hold up to `limit` bytes; 0: no limit. */
struct mem *mem_open(size_t limit);

/* Runs what mem_own() registered, newest first, and gives all memory back. */
void mem_close(struct mem *m);

/* The same, but keeps some blocks for the next request. */
void mem_clear(struct mem *m);

/* A pool begins with what is left of the block that is being filled: thousands
 * of pieces are taken from it for a page, where they are wanted. */
struct mem_rest {
	unsigned char *at;
	size_t left;
};

enum { MEM_ALIGN = _Alignof(max_align_t) };

/* From the next block. */
void *mem_alloc_new(struct mem *m, size_t size);

/* Zeroed memory, aligned for any type. */
static inline void *mem_alloc(struct mem *m, size_t size)
{
	struct mem_rest *rest = (struct mem_rest *)m;
	size_t whole = (size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
	void *p = rest->at;

	/* By the first, the second has not overflown. */
	if (size > rest->left || whole > rest->left)
		return mem_alloc_new(m, size);
	rest->at += whole;
	rest->left -= whole;
	return p;
}

/* Zeroed memory for `n` things of `size` bytes; dies when n * size overflows.
 */
void *mem_array(struct mem *m, size_t n, size_t size);

char *mem_text(struct mem *m, const char *s);
char *mem_text_n(struct mem *m, const char *s, size_t len);
/* Three texts, one behind the other: what mem_print() would make of "%s%s%s",
 * at a tenth of its cost. */
char *mem_join(struct mem *m, const char *a, const char *b, const char *c);
char *mem_print(struct mem *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *mem_vprint(struct mem *m, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* `release(ptr)` is called when the pool is cleared or closed. */
void mem_own(struct mem *m, void (*release)(void *), void *ptr);

/* Bytes handed out since the pool was opened or cleared. */
size_t mem_used(const struct mem *m);

/* Of the whole process: gives what is free back to the system, now; and, from
 * now on, what a large request took as soon as it ends. */
void mem_trim(void);
void mem_be_lean(void);

/* A text that grows. `data` always ends with a NUL that `len` does not count;
 * it moves when it grows, and belongs to the pool. */
struct buf {
	struct mem *mem;
	char *data;
	size_t len;
	size_t room;
};

void buf_open(struct buf *b, struct mem *m, size_t room);
/* Makes room for `len` more bytes and the NUL. */
void buf_grow(struct buf *b, size_t len);

/* Room for `len` more bytes behind the text; who fills it counts them in `len`
 * and writes the NUL. */
static inline char *buf_make_room(struct buf *b, size_t len)
{
	if (len >= b->room - b->len)
		buf_grow(b, len);
	return b->data + b->len;
}

static inline void buf_add(struct buf *b, const void *data, size_t len)
{
	char *at = buf_make_room(b, len);

	if (len)
		memcpy(at, data, len);
	at[len] = '\0';
	b->len += len;
}

static inline void buf_add_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_print(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
