/* mem.c: the request pool: a list of blocks, filled from the front. */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* KEPT blocks are what most pages need: given back and taken again for each
 * request, they make the heap tidy itself up every time. */
enum { BLOCK = 64 * 1024, KEPT = 6, FREE_MOST = 512 * 1024 };

struct block {
	struct block *next;
	size_t size;
	size_t used; /* of the one being filled: see mem_alloc() */
	_Alignas(max_align_t) unsigned char data[];
};

struct owned {
	struct owned *next;
	void (*release)(void *);
	void *ptr;
};

/* What a block has beyond `used` is zero, always: a new one comes so, a kept
 * one was wiped. Nothing is written to memory that was not handed out. */
struct mem {
	/* As far as the limit allows; first, for mem_alloc(). */
	struct mem_rest rest;

	struct block *blocks; /* the one being filled first */
	struct block *spare;  /* all of size BLOCK */
	struct owned *owned;
	size_t limit, full; /* bytes of the blocks behind the first */
};

static _Noreturn void die(const char *why, size_t size)
{
	log_error("mem.out", "%s (asked for %zu bytes)", why, size);
	abort();
}

static size_t used_of_first(const struct mem *m)
{
	return m->blocks ? (size_t)(m->rest.at - m->blocks->data) : 0;
}

size_t mem_used(const struct mem *m)
{
	return m->full + used_of_first(m);
}

/* Notes how far the first block is filled. */
static void leave_block(struct mem *m)
{
	m->full = mem_used(m);
	if (m->blocks)
		m->blocks->used = used_of_first(m);
}

static void add_block(struct mem *m, size_t size)
{
	size_t room = size > BLOCK ? size : BLOCK;
	struct block *b = room == BLOCK ? m->spare : NULL;

	if (b)
		m->spare = b->next;
	else
		b = calloc(1, sizeof(*b) + room);
	if (!b)
		die("no memory left", size);
	leave_block(m);
	b->size = room;
	b->next = m->blocks;
	m->blocks = b;
	m->rest.at = b->data;
	m->rest.left = room < m->limit - m->full ? room : m->limit - m->full;
}

struct mem *mem_open(size_t limit)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m)
		die("no memory left", sizeof(*m));
	m->limit = limit ? limit : SIZE_MAX / 2;
	return m;
}

static void release_owned(struct mem *m)
{
	while (m->owned) {
		struct owned *o = m->owned;

		m->owned = o->next;
		o->release(o->ptr);
	}
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		explicit_bzero(b->data, b->used);
		free(b);
		b = next;
	}
}

void mem_clear(struct mem *m)
{
	size_t kept = 0;

	release_owned(m);
	leave_block(m);
	for (struct block *b = m->spare; b; b = b->next)
		kept++;
	while (m->blocks) {
		struct block *b = m->blocks;

		m->blocks = b->next;
		/* Passwords and sessions do not outlive their request. */
		explicit_bzero(b->data, b->used);
		if (b->size > BLOCK || kept == KEPT) {
			free(b);
			continue;
		}
		b->next = m->spare;
		m->spare = b;
		kept++;
	}
	m->rest.at = NULL;
	m->rest.left = m->full = 0;
}

void mem_close(struct mem *m)
{
	if (!m)
		return;
	release_owned(m);
	leave_block(m);
	free_blocks(m->blocks);
	free_blocks(m->spare);
	free(m);
}

void *mem_alloc_new(struct mem *m, size_t size)
{
	if (size > SIZE_MAX - MEM_ALIGN)
		die("size overflows", size);
	size = (size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
	if (size > m->limit - mem_used(m))
		die("request over its memory limit", size);
	add_block(m, size);
	return mem_alloc(m, size);
}

void *mem_array(struct mem *m, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		die("size overflows", n);
	return mem_alloc(m, n * size);
}

char *mem_text_n(struct mem *m, const char *s, size_t len)
{
	char *copy = mem_alloc(m, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *mem_text(struct mem *m, const char *s)
{
	return mem_text_n(m, s, strlen(s));
}

char *mem_join(struct mem *m, const char *a, const char *b, const char *c)
{
	size_t n_a = strlen(a), n_b = strlen(b), n_c = strlen(c);
	char *text = mem_alloc(m, n_a + n_b + n_c + 1);

	memcpy(text, a, n_a + 1);
	memcpy(text + n_a, b, n_b + 1);
	memcpy(text + n_a + n_b, c, n_c + 1);
	return text;
}

char *mem_vprint(struct mem *m, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	char *out;
	int len;

	va_copy(again, ap);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	if (len < 0)
		die("format", 0);
	if ((size_t)len < sizeof(small)) {
		out = mem_text_n(m, small, (size_t)len);
	} else {
		out = mem_alloc(m, (size_t)len + 1);
		vsnprintf(out, (size_t)len + 1, fmt, again);
	}
	va_end(again);
	return out;
}

char *mem_print(struct mem *m, const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	out = mem_vprint(m, fmt, ap);
	va_end(ap);
	return out;
}

void mem_own(struct mem *m, void (*release)(void *), void *ptr)
{
	struct owned *o = mem_alloc(m, sizeof(*o));

	o->release = release;
	o->ptr = ptr;
	o->next = m->owned;
	m->owned = o;
}

void mem_trim(void)
{
	malloc_trim(0);
}

/* Left alone, glibc raises both limits for good after one big download. A block
 * beyond those that are kept is no part of the heap, where a smaller one behind
 * it would hold it back. */
void mem_be_lean(void)
{
	mallopt(M_TRIM_THRESHOLD, FREE_MOST);
	mallopt(M_MMAP_THRESHOLD, BLOCK);
}

void buf_open(struct buf *b, struct mem *m, size_t room)
{
	b->mem = m;
	b->room = room ? room : 256;
	b->len = 0;
	b->data = mem_alloc(m, b->room);
}

/* At the end of what is handed out, a piece grows where it is. */
static bool extend(struct mem *m, const char *data, size_t from, size_t to)
{
	size_t more = to - from;

	if (from % MEM_ALIGN || to % MEM_ALIGN || more > m->rest.left ||
	    (const unsigned char *)data + from != m->rest.at)
		return false;
	m->rest.at += more;
	m->rest.left -= more;
	return true;
}

void buf_grow(struct buf *b, size_t len)
{
	size_t need, room = b->room;
	char *data;

	if (len > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		die("size overflows", len);
	need = b->len + len + 1;
	while (room < need)
		room *= 2;
	if (extend(b->mem, b->data, b->room, room)) {
		b->room = room;
		return;
	}
	data = mem_alloc(b->mem, room);
	memcpy(data, b->data, b->len);
	b->data = data;
	b->room = room;
}

void buf_print(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (len < 0)
		die("format", 0);
	if ((size_t)len < sizeof(small)) {
		buf_add(b, small, (size_t)len);
	} else {
		char *big = mem_vprint(b->mem, fmt, again);

		buf_add(b, big, (size_t)len);
	}
	va_end(again);
}
