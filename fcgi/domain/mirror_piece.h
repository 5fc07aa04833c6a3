/* mirror_piece.h: inside mirror*.c: how a copy lies in the store.
 *
 * Rows are numbered as they came. What belongs to a number is packed into
 * pieces of many rows, in plain text (db.h knows no bytes); numbers are written
 * with 64 letters from '0' on.
 *
 *	ROWS	  the rows themselves, one a line
 *	TEXTS	  code and folded name of each row, without what they share with
 *		  the row before: all that a search by words reads
 *	SERVICES  of each row, its place in the copy's list of services
 *	GRAMS	  which pieces of TEXTS have a trigram, or codes that begin with
 *		  these one to three characters
 *	ORDERS	  numbers in the order of a column; one kind each way
 *
 * So whatever is searched for, in whatever order, on whatever page, little is
 * read, and both databases do with the same statements. With an index of the
 * store's own (SQLite's FTS5, trigrams) a frequent word in 200,000 rows took 29
 * to 520 ms of processor time, since all that it finds must be sorted; here, in
 * 500,000 rows, 6 to 18. Nor is anything written out of order, as the indexes
 * of nine columns would be.
 */
#ifndef PORTICO_MIRROR_PIECE_H
#define PORTICO_MIRROR_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/mem.h"
#include "domain/rate.h"

struct db;
struct vcs_rate;

enum {
	PIECE_ROWS,
	PIECE_TEXTS,
	PIECE_SERVICES,
	PIECE_GRAMS,
	PIECE_ORDERS /* + 2 * sort + descending */
};

enum {
	ROWS_EACH = 64, /* rows a piece */
	TEXTS_EACH = 512,
	SERVICES_EACH = 8192,
	ORDERS_EACH = 4096,
	GRAM_PIECES = 256,   /* pieces of TEXTS a segment of GRAMS */
	GRAM_BUCKETS = 256,  /* each a piece, of each segment */
	GRAM_SEGMENTS = 1024 /* at most */
};
enum {
	ORDER_LETTERS = 4, /* of a number */
	SERVICE_LETTERS = 2,
	GRAM_LETTERS = 11,
	MIRROR_NUMBERS_MOST = 1 << 24,
	MIRROR_SERVICES_MOST = 1 << 12
};
enum { TEXT_MOST = 4000, CODE_MOST = 200, SHARED_MOST = 63 };

void piece_add_number(struct buf *b, uint64_t n, int letters);
/* Any letters make a number, of no more than 6 bits each: a store may be
 * damaged. */
static inline uint64_t piece_read_number(const char *at, int letters)
{
	uint64_t n = 0;

	while (letters-- > 0)
		n = n << 6 | (((unsigned char)*at++ - '0') & 63u);
	return n;
}

/* A row as a line, and back: texts of `out` are in the pool. `line` moves on;
 * NULL: no more. False: not a row. */
void piece_add_row(struct buf *b, const struct vcs_rate *r);
bool piece_read_row(struct mem *m, const char **line, struct vcs_rate *out);
/* The n-th line of a piece. NULL: there is none. */
const char *piece_find_line(const char *data, size_t n);

/* Copies a text for TEXTS: cut, and what would end a line made something that
 * nobody can search for. Returns its length. */
size_t piece_clean(char *out, size_t most, const char *text);

/* How much of `text` stands at the beginning of `before`, in whole
 * characters. */
size_t piece_shared(const char *before, const char *text);

/* The trigram that ends with the character at `text`, which moves on; 0: fewer
 * than three characters so far (`window` is 0 at the beginning). */
uint64_t piece_next_gram(const char **text, uint64_t *window);

/* The gram of the first `n` characters of a code; 0: they are none. */
uint64_t piece_code_gram(const char *code, size_t n);

static inline unsigned piece_bucket(uint64_t gram)
{
	return (unsigned)((gram * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

enum err piece_write(struct db *db, int64_t generation, int kind, size_t number,
    const char *data, size_t len);

/* Hands pieces [from, to) of a kind over, some at a time; `m` is cleared in
 * between. `take` ends it with false. ERR_NOT_FOUND: one is missing: the copy
 * is no more. `holes`: pieces that are missing are left out. */
struct piece_reader {
	struct db *db;
	struct mem *mem;
	int64_t generation;
	bool holes;
	bool (*take)(void *ctx, size_t number, const char *data);
	void *ctx;
};
enum err piece_each(
    const struct piece_reader *r, int kind, size_t from, size_t to);

/* Hands over those of the n pieces that there are, each once, in any order. */
enum { PIECE_SOME = 8 };
enum err piece_some(const struct piece_reader *r, int kind,
    const size_t numbers[PIECE_SOME], size_t n);

#endif
