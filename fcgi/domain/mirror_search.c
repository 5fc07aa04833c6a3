/* mirror_search.c: searches a copy of a rate table.
 *
 * Words become a set of numbers, a bit each; the order of the column is then
 * gone through until the page is full. Nothing here grows with what is found,
 * and the longest way is to read all of TEXTS and one order.
 */
#include "domain/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/mirror_piece.h"
#include "domain/rate.h"
#include "domain/vcs.h"
#include "tools/fmt.h"

struct search {
	const struct mirror *copy;
	const struct rate_query *q;
	struct mem *mem, *piece; /* the caller's; of a batch of pieces */
	unsigned char *bits;	 /* of numbers; NULL: all */
	size_t left;		 /* of them, that were not come by yet */
	/* The page: numbers that are still to be skipped, and those found. */
	size_t skip, limit;
	uint32_t *page;
	size_t n;
};

static bool has_bit(const unsigned char *bits, size_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static void set_bit(unsigned char *bits, size_t i)
{
	bits[i / 8] |= (unsigned char)(1u << (i % 8));
}

static struct piece_reader read_with(
    struct search *s, bool (*take)(void *, size_t, const char *), void *ctx)
{
	return (struct piece_reader){.db = s->copy->db,
	    .mem = s->piece,
	    .generation = s->copy->generation,
	    .take = take,
	    .ctx = ctx};
}

static size_t pieces_of(size_t n, size_t each)
{
	return (n + each - 1) / each;
}

/* --- Which pieces may hold the words -------------------------------------- */

struct gram_search {
	uint64_t gram;
	unsigned char *pieces;
	size_t n; /* bits of `pieces` */
};

static bool take_bucket(void *ctx, size_t number, const char *data)
{
	struct gram_search *g = ctx;
	size_t first = number % GRAM_SEGMENTS * GRAM_PIECES;
	size_t left = strlen(data);

	while (left >= GRAM_LETTERS + 2) {
		uint64_t gram = piece_read_number(data, GRAM_LETTERS);
		size_t n = piece_read_number(data + GRAM_LETTERS, 2);

		data += GRAM_LETTERS + 2;
		left -= GRAM_LETTERS + 2;
		if (2 * n > left)
			break;
		for (size_t i = 0; gram == g->gram && i < n; i++) {
			size_t at = first + piece_read_number(data + 2 * i, 2);

			if (at < g->n)
				set_bit(g->pieces, at);
		}
		data += 2 * n;
		left -= 2 * n;
	}
	return true;
}

static enum err find_gram(struct search *s, struct gram_search g)
{
	struct piece_reader r = read_with(s, take_bucket, &g);
	size_t bucket = piece_bucket(g.gram) * (size_t)GRAM_SEGMENTS;

	r.holes = true;
	return piece_each(&r, PIECE_GRAMS, bucket, bucket + GRAM_SEGMENTS);
}

/* Pieces that have some of the name's trigrams: enough to leave few, where
 * there are few. */
static enum err find_name_pieces(
    struct search *s, unsigned char *pieces, size_t n)
{
	enum { MOST = 6 };
	size_t bytes = n / 8 + 1, used = 0;
	const char *at = s->q->folded;
	unsigned char *of_gram = mem_alloc(s->mem, bytes);
	uint64_t window = 0, gram;
	enum err err = ERR_OK;

	memset(pieces, 0xff, bytes);
	while (!err && *at && used < MOST) {
		gram = piece_next_gram(&at, &window);
		if (!gram)
			continue;
		memset(of_gram, 0, bytes);
		err = find_gram(s, (struct gram_search){gram, of_gram, n});
		for (size_t i = 0; i < bytes; i++)
			pieces[i] &= of_gram[i];
		used++;
	}
	return err;
}

static enum err find_pieces(struct search *s, unsigned char *pieces, size_t n)
{
	enum err err = find_name_pieces(s, pieces, n);
	size_t len = s->q->code ? strlen(s->q->code) : 0;

	if (err || !len)
		return err;
	return find_gram(
	    s, (struct gram_search){
		   piece_code_gram(s->q->code, len > 3 ? 3 : len), pieces, n});
}

/* --- Words ---------------------------------------------------------------- */

struct texts {
	struct search *search;
	const unsigned char *pieces; /* others are come by, too */
	const char *word, *code;
	size_t word_len, code_len;
	char *name_of, *code_of; /* of the row that is being read */
};

/* memmem() is made for longer ones. */
static const char *find_short(
    const char *from, const char *end, const char *word, size_t len)
{
	for (; from + len <= end; from++)
		if (*from == *word && !memcmp(from, word, len))
			return from;
	return NULL;
}

/* Whether the name that grew behind its first `shared` bytes has the word.
 * *at: where it was in the row before, or NULL. */
static bool has_word(
    const struct texts *t, size_t shared, size_t len, const char **at)
{
	enum { SHORT = 48 };
	const char *from = t->name_of, *end = from + len;

	if (*at && (size_t)(*at - from) + t->word_len <= shared)
		return true;
	if (shared >= t->word_len)
		from += shared - t->word_len + 1;
	*at = end - from <= SHORT
		  ? find_short(from, end, t->word, t->word_len)
		  : memmem(from, (size_t)(end - from), t->word, t->word_len);
	return *at != NULL;
}

/* Reads up to `end`, which the text has unless the copy is damaged. */
static const char *take_suffix(
    char *whole, size_t shared, const char *from, char end, size_t *len)
{
	char *to = whole + shared, *last = whole + TEXT_MOST;

	while (*from && *from != end && to < last)
		*to++ = *from++;
	*len = (size_t)(to - whole);
	return *from == end ? from + 1 : "";
}

static bool take_texts(void *ctx, size_t number, const char *data)
{
	struct texts *t = ctx;
	size_t row = number * TEXTS_EACH, code_len, len;
	const char *at = NULL;

	if (!has_bit(t->pieces, number))
		return true;
	for (; *data && data[1]; row++) {
		size_t code_shared = piece_read_number(data, 1);
		size_t shared = piece_read_number(data + 1, 1);

		data = take_suffix(
		    t->code_of, code_shared, data + 2, '\t', &code_len);
		data = take_suffix(t->name_of, shared, data, '\n', &len);
		if (row < t->search->copy->numbers &&
		    (has_word(t, shared, len, &at) ||
			(t->code_len && t->code_len <= code_len &&
			    *t->code_of == *t->code &&
			    !memcmp(t->code_of, t->code, t->code_len)))) {
			set_bit(t->search->bits, row);
			t->search->left++;
		}
	}
	return true;
}

/* Behind the run of pieces that may hold the words, which begins with one. A
 * question costs more than a few that do not. */
static size_t end_of_run(const unsigned char *pieces, size_t from, size_t n)
{
	enum { GAP = 6 };
	size_t end = from + 1;

	for (size_t i = end; i < n && i - end <= GAP; i++)
		if (has_bit(pieces, i))
			end = i + 1;
	return end;
}

static enum err read_texts(
    struct search *s, const unsigned char *pieces, size_t n)
{
	struct texts t = {s, pieces, s->q->folded, s->q->code,
	    strlen(s->q->folded), s->q->code ? strlen(s->q->code) : 0,
	    mem_alloc(s->mem, TEXT_MOST + SHARED_MOST + 1),
	    mem_alloc(s->mem, TEXT_MOST + SHARED_MOST + 1)};
	struct piece_reader r = read_with(s, take_texts, &t);
	enum err err = ERR_OK;

	for (size_t from = 0, to; !err && from < n; from = to) {
		to = from + 1;
		if (has_bit(pieces, from)) {
			to = end_of_run(pieces, from, n);
			err = piece_each(&r, PIECE_TEXTS, from, to);
		}
	}
	return err;
}

static enum err find_words(struct search *s)
{
	size_t n = pieces_of(s->copy->numbers, TEXTS_EACH);
	unsigned char *pieces = mem_alloc(s->mem, n / 8 + 1);
	enum err err = find_pieces(s, pieces, n);

	s->bits = mem_alloc(s->mem, s->copy->numbers / 8 + 1);
	return err ? err : read_texts(s, pieces, n);
}

/* --- Services ------------------------------------------------------------- */

/* Where the copy's services go: wanted or not; or into which bucket. */
struct services {
	struct search *search;
	struct json_object *ids;
	int64_t wanted; /* place; -1: the copy has no such service */
	uint16_t *of;	/* place of each number; NULL: not kept */
};

static bool take_services(void *ctx, size_t number, const char *data)
{
	struct services *v = ctx;
	struct search *s = v->search;
	size_t row = number * SERVICES_EACH;
	size_t n = strlen(data) / SERVICE_LETTERS;

	for (; n && row < s->copy->numbers;
	     n--, data += SERVICE_LETTERS, row++) {
		int64_t place =
		    (int64_t)piece_read_number(data, SERVICE_LETTERS);

		if (v->of) {
			v->of[row] = (uint16_t)place;
		} else if (place != v->wanted && has_bit(s->bits, row)) {
			s->bits[row / 8] &= (unsigned char)~(1u << (row % 8));
			s->left--;
		}
	}
	return true;
}

static enum err read_services(struct search *s, struct services *v)
{
	struct piece_reader r = read_with(s, take_services, v);

	return piece_each(
	    &r, PIECE_SERVICES, 0, pieces_of(s->copy->numbers, SERVICES_EACH));
}

static struct json_object *read_ids(struct search *s)
{
	return json_parse(
	    s->mem, s->copy->services, strlen(s->copy->services), 2);
}

static enum err filter_service(struct search *s)
{
	struct services v = {.search = s, .ids = read_ids(s), .wanted = -1};
	size_t bytes = s->copy->numbers / 8 + 1;
	int64_t id;

	for (size_t i = 0; i < json_length(v.ids); i++)
		if (json_int(json_at(v.ids, i), &id) && id == s->q->service)
			v.wanted = (int64_t)i;
	if (!s->bits) {
		s->bits = mem_alloc(s->mem, bytes);
		memset(s->bits, 0xff, bytes);
		s->left = s->copy->numbers;
	}
	return read_services(s, &v);
}

/* --- The page ------------------------------------------------------------- */

/* False: the page is full, or nothing is left to be found. */
static bool take_number(struct search *s, uint32_t row)
{
	if (row >= s->copy->numbers || (s->bits && !has_bit(s->bits, row)))
		return true;
	s->left--;
	if (s->skip) {
		s->skip--;
		return s->left > 0;
	}
	s->page[s->n++] = row;
	return s->n < s->limit && s->left > 0;
}

static bool take_order(void *ctx, size_t number, const char *data)
{
	(void)number;
	for (size_t n = strlen(data) / ORDER_LETTERS; n;
	     n--, data += ORDER_LETTERS)
		if (!take_number(
			ctx, (uint32_t)piece_read_number(data, ORDER_LETTERS)))
			return false;
	return true;
}

static enum err walk_order(struct search *s)
{
	struct piece_reader r = read_with(s, take_order, s);
	size_t from = 0;

	/* Without a search, each piece is as long as the next one. */
	if (!s->bits) {
		from = s->skip / ORDERS_EACH;
		s->skip %= ORDERS_EACH;
		s->left = s->copy->rows;
	}
	return piece_each(&r,
	    PIECE_ORDERS + 2 * (int)s->q->sort + s->q->descending, from,
	    pieces_of(s->copy->rows, ORDERS_EACH));
}

/* --- By service ----------------------------------------------------------- */

/* Numbers in the order of codes, each behind the one before of its bucket:
 * places from 1, 0 is none. */
struct bucket {
	uint32_t first, last;
};

struct buckets {
	struct search *search;
	const uint16_t *service; /* of a number */
	unsigned *of;		 /* a service */
	struct bucket *all;
	uint32_t *next; /* of a number */
};

static bool take_bucketed(void *ctx, size_t number, const char *data)
{
	struct buckets *b = ctx;
	struct search *s = b->search;

	(void)number;
	for (size_t n = strlen(data) / ORDER_LETTERS; n;
	     n--, data += ORDER_LETTERS) {
		uint32_t row = (uint32_t)piece_read_number(data, ORDER_LETTERS);
		struct bucket *to;

		if (row >= s->copy->numbers ||
		    (s->bits && !has_bit(s->bits, row)))
			continue;
		to = &b->all[b->of[b->service[row]]];
		if (to->last)
			b->next[to->last - 1] = row + 1;
		else
			to->first = row + 1;
		to->last = row + 1;
	}
	return true;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The bucket of each of the copy's services, in the order of names; services of
 * one name share one. Returns how many there are. */
static size_t make_buckets(
    struct search *s, struct json_object *ids, unsigned *bucket)
{
	size_t n = json_length(ids), kinds = 0;
	const char **names = mem_array(s->mem, n + 1, sizeof(*names));
	const char **sorted = mem_array(s->mem, n + 1, sizeof(*sorted));

	for (size_t i = 0; i < n; i++) {
		const struct vcs_name *name;
		int64_t id = 0;

		json_int(json_at(ids, i), &id);
		name = vcs_find_name(s->q->services, id);
		names[i] = sorted[i] = name ? fmt_fold(s->mem, name->name) : "";
	}
	if (n)
		qsort(sorted, n, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < n; i++) {
		bool is_new = i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0;

		for (size_t k = 0; is_new && k < n; k++)
			if (!strcmp(names[k], sorted[i]))
				bucket[k] = (unsigned)kinds;
		kinds += is_new;
	}
	if (s->q->descending)
		for (size_t k = 0; k < n; k++)
			bucket[k] = (unsigned)kinds - 1 - bucket[k];
	return kinds;
}

static enum err fill_buckets(struct search *s, struct buckets *b, size_t kinds)
{
	struct piece_reader r = read_with(s, take_bucketed, b);
	enum err err = piece_each(
	    &r, PIECE_ORDERS, 0, pieces_of(s->copy->rows, ORDERS_EACH));

	for (size_t i = 0; !err && i < kinds; i++)
		for (uint32_t at = b->all[i].first; at && s->n < s->limit;
		     at = b->next[at - 1])
			if (s->skip)
				s->skip--;
			else
				s->page[s->n++] = at - 1;
	return err;
}

static enum err walk_services(struct search *s)
{
	struct services v = {.search = s, .ids = read_ids(s)};
	size_t n = json_length(v.ids);
	struct buckets b = {.search = s};
	enum err err;

	/* Any place that two letters can say. */
	b.of = mem_array(s->mem, MIRROR_SERVICES_MOST, sizeof(*b.of));
	b.all = mem_array(s->mem, n + 1, sizeof(*b.all));
	b.next = mem_array(s->mem, s->copy->numbers + 1, sizeof(*b.next));
	v.of = mem_array(s->mem, s->copy->numbers + 1, sizeof(*v.of));
	b.service = v.of;
	err = read_services(s, &v);
	return err ? err : fill_buckets(s, &b, make_buckets(s, v.ids, b.of));
}

/* --- The rows ------------------------------------------------------------- */

/* Rows of the page, by the pieces that they lie in. */
struct rows {
	struct search *search;
	struct vcs_rate *out;
	size_t from, to; /* of the page: those that are looked for now */
	size_t found;
};

static bool take_rows(void *ctx, size_t number, const char *data)
{
	struct rows *r = ctx;

	for (size_t i = r->from; i < r->to; i++) {
		uint32_t row = r->search->page[i];
		const char *line;

		if (row / ROWS_EACH != number)
			continue;
		line = piece_find_line(data, row % ROWS_EACH);
		r->found +=
		    line && piece_read_row(r->search->mem, &line, &r->out[i]);
	}
	return true;
}

/* Fills `pieces` with those of the rows from `at` on. Returns where the rows of
 * further ones begin. */
static size_t choose_pieces(
    const struct search *s, size_t at, size_t pieces[PIECE_SOME], size_t *n)
{
	for (*n = 0; at < s->n; at++) {
		size_t piece = s->page[at] / ROWS_EACH, i = 0;

		while (i < *n && pieces[i] != piece)
			i++;
		if (i == PIECE_SOME)
			break;
		pieces[i] = piece;
		*n += i == *n;
	}
	return at;
}

static enum err read_rows(struct search *s, struct vcs_rate *out)
{
	struct rows rows = {.search = s, .out = out};
	struct piece_reader r = read_with(s, take_rows, &rows);
	enum err err = ERR_OK;

	while (!err && rows.to < s->n) {
		size_t pieces[PIECE_SOME], n;

		rows.from = rows.to;
		rows.to = choose_pieces(s, rows.from, pieces, &n);
		err = piece_some(&r, PIECE_ROWS, pieces, n);
	}
	return err || rows.found == s->n ? err : ERR_NOT_FOUND;
}

static enum err find_numbers(struct search *s)
{
	enum err err = s->q->folded ? find_words(s) : ERR_OK;

	if (!err && s->q->service)
		err = filter_service(s);
	if (err || (s->bits && !s->left))
		return err;
	return s->q->sort == RATE_BY_SERVICE ? walk_services(s) : walk_order(s);
}

enum err mirror_search(const struct mirror *mirror, struct mem *m,
    const struct rate_query *q, size_t skip, size_t limit,
    struct vcs_rate **rows, size_t *n)
{
	struct search s = {.copy = mirror,
	    .q = q,
	    .mem = m,
	    .piece = mem_open(0),
	    .skip = skip,
	    .limit = limit,
	    .page = mem_array(m, limit, sizeof(*s.page))};
	enum err err = limit ? find_numbers(&s) : ERR_OK;

	*rows = mem_array(m, s.n + 1, sizeof(**rows));
	if (!err)
		err = read_rows(&s, *rows);
	*n = err ? 0 : s.n;
	mem_close(s.piece);
	return err;
}
