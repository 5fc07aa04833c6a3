/* mirror_fill.c: packs rows into the pieces of a copy, and sorts them. */
#include "domain/mirror_fill.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "domain/mirror_piece.h"
#include "domain/vcs.h"
#include "tools/db.h"
#include "tools/fmt.h"

/* A kind whose pieces are written as they become full. */
struct stream {
	int kind;
	size_t each;
	struct mem *mem;
	struct buf buf;
	size_t n, number;
};

/* A gram of the segment, and the pieces that have it: a chain of links. */
struct gram {
	uint64_t gram; /* 0: free */
	uint32_t head, n;
};

struct link {
	uint32_t piece, next;
};

struct grams {
	struct mem *mem;
	struct gram *table;
	size_t room, used; /* room: a power of two */
	struct link *links;
	size_t links_room, links_n;
	size_t segment;
};

struct fill {
	struct db *db;
	int64_t generation;
	size_t numbers;
	struct stream rows, texts, services;
	struct grams grams;
	int64_t ids[MIRROR_SERVICES_MOST]; /* of services */
	size_t n_ids;
	char code[CODE_MOST + 1], name[TEXT_MOST + 1]; /* of the row before */
};

/* --- Streams -------------------------------------------------------------- */

static void open_stream(struct stream *s, int kind, size_t each)
{
	s->kind = kind;
	s->each = each;
	s->mem = mem_open(0);
	buf_open(&s->buf, s->mem, 8192);
}

static enum err end_piece(struct fill *f, struct stream *s)
{
	enum err err;

	if (!s->n)
		return ERR_OK;
	err = piece_write(f->db, f->generation, s->kind, s->number++,
	    s->buf.data, s->buf.len);
	s->n = 0;
	mem_clear(s->mem);
	buf_open(&s->buf, s->mem, 8192);
	return err;
}

static enum err end_row(struct fill *f, struct stream *s)
{
	return ++s->n == s->each ? end_piece(f, s) : ERR_OK;
}

/* --- Grams ---------------------------------------------------------------- */

static void open_grams(struct grams *g)
{
	if (!g->mem)
		g->mem = mem_open(0);
	mem_clear(g->mem);
	g->room = 4096;
	g->used = g->links_n = 0;
	g->table = mem_array(g->mem, g->room, sizeof(*g->table));
	g->links_room = 16384;
	g->links = mem_array(g->mem, g->links_room, sizeof(*g->links));
}

static struct gram *find_gram(struct grams *g, uint64_t gram)
{
	size_t i = (size_t)(gram * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	while (g->table[i & (g->room - 1)].gram != gram &&
	       g->table[i & (g->room - 1)].gram)
		i++;
	return &g->table[i & (g->room - 1)];
}

static void grow_table(struct grams *g)
{
	struct gram *old = g->table;
	size_t n = g->room;

	g->room *= 2;
	g->table = mem_array(g->mem, g->room, sizeof(*g->table));
	for (size_t i = 0; i < n; i++)
		if (old[i].gram)
			*find_gram(g, old[i].gram) = old[i];
}

static uint32_t add_link(struct grams *g, uint32_t piece, uint32_t next)
{
	if (g->links_n == g->links_room) {
		struct link *old = g->links;

		g->links_room *= 2;
		g->links = mem_array(g->mem, g->links_room, sizeof(*g->links));
		memcpy(g->links, old, g->links_n * sizeof(*old));
	}
	g->links[g->links_n] = (struct link){piece, next};
	return (uint32_t)g->links_n++;
}

/* `piece` counts within the segment, and never goes back. */
static void add_gram(struct grams *g, uint64_t gram, uint32_t piece)
{
	struct gram *entry;

	if (g->used * 2 >= g->room)
		grow_table(g);
	entry = find_gram(g, gram);
	if (!entry->gram) {
		g->used++;
		entry->gram = gram;
	} else if (g->links[entry->head].piece == piece) {
		return;
	}
	entry->head = add_link(g, piece, entry->head);
	entry->n++;
}

static void print_gram(
    const struct grams *g, const struct gram *entry, struct buf *b)
{
	uint32_t at = entry->head;

	piece_add_number(b, entry->gram, GRAM_LETTERS);
	piece_add_number(b, entry->n, 2);
	for (uint32_t i = 0; i < entry->n; i++) {
		piece_add_number(b, g->links[at].piece, 2);
		at = g->links[at].next;
	}
}

static enum err end_segment(struct fill *f)
{
	struct grams *g = &f->grams;
	struct buf *buckets = mem_array(g->mem, GRAM_BUCKETS, sizeof(*buckets));
	enum err err = ERR_OK;

	for (size_t i = 0; i < GRAM_BUCKETS; i++)
		buf_open(&buckets[i], g->mem, 0);
	for (size_t i = 0; i < g->room; i++)
		if (g->table[i].gram)
			print_gram(g, &g->table[i],
			    &buckets[piece_bucket(g->table[i].gram)]);
	for (size_t i = 0; !err && i < GRAM_BUCKETS; i++)
		if (buckets[i].len)
			err = piece_write(f->db, f->generation, PIECE_GRAMS,
			    i * GRAM_SEGMENTS + g->segment, buckets[i].data,
			    buckets[i].len);
	g->segment++;
	open_grams(g);
	return err;
}

/* What of the name is new since the row before, and three characters more. */
static void add_grams(struct fill *f, const char *name, size_t shared)
{
	enum { BACK = 12 }; /* three characters' bytes, and one's more */
	uint32_t piece = (uint32_t)(f->texts.number % GRAM_PIECES);
	const char *at = name + (shared > BACK ? shared - BACK : 0);
	uint64_t window = 0, gram;

	while ((*at & 0xc0) == 0x80)
		at++;
	while (*at)
		if ((gram = piece_next_gram(&at, &window)))
			add_gram(&f->grams, gram, piece);
}

static void add_code_grams(struct fill *f, const char *code)
{
	uint32_t piece = (uint32_t)(f->texts.number % GRAM_PIECES);
	uint64_t gram;

	for (size_t n = 1; n <= 3 && (gram = piece_code_gram(code, n)); n++)
		add_gram(&f->grams, gram, piece);
}

/* --- Rows ----------------------------------------------------------------- */

struct fill *fill_open(struct db *db, int64_t generation)
{
	struct fill *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->db = db;
	f->generation = generation;
	open_stream(&f->rows, PIECE_ROWS, ROWS_EACH);
	open_stream(&f->texts, PIECE_TEXTS, TEXTS_EACH);
	open_stream(&f->services, PIECE_SERVICES, SERVICES_EACH);
	open_grams(&f->grams);
	return f;
}

void fill_close(struct fill *f)
{
	mem_close(f->rows.mem);
	mem_close(f->texts.mem);
	mem_close(f->services.mem);
	mem_close(f->grams.mem);
	free(f);
}

size_t fill_numbers(const struct fill *f)
{
	return f->numbers;
}

static enum err add_service(struct fill *f, int64_t id)
{
	size_t i = 0;

	while (i < f->n_ids && f->ids[i] != id)
		i++;
	if (i == MIRROR_SERVICES_MOST)
		return ERR_RULE;
	if (i == f->n_ids)
		f->ids[f->n_ids++] = id;
	piece_add_number(&f->services.buf, i, SERVICE_LETTERS);
	return end_row(f, &f->services);
}

static enum err add_texts(
    struct fill *f, struct mem *m, const struct vcs_rate *r)
{
	char code[CODE_MOST + 1], name[TEXT_MOST + 1];
	struct buf *b = &f->texts.buf;
	size_t code_len = piece_clean(code, CODE_MOST, r->code);
	size_t len = piece_clean(name, TEXT_MOST, fmt_fold(m, r->name));
	size_t code_shared, shared;
	enum err err;

	if (!f->texts.n)
		f->code[0] = f->name[0] = '\0';
	code_shared = piece_shared(f->code, code);
	shared = piece_shared(f->name, name);
	piece_add_number(b, code_shared, 1);
	piece_add_number(b, shared, 1);
	buf_add_text(b, code + code_shared);
	buf_add_char(b, '\t');
	buf_add_text(b, name + shared);
	buf_add_char(b, '\n');
	add_grams(f, name, shared);
	if (!f->texts.n || code_shared < 3)
		add_code_grams(f, code);
	memcpy(f->code, code, code_len + 1);
	memcpy(f->name, name, len + 1);
	err = end_row(f, &f->texts);
	if (!err && !f->texts.n && f->texts.number % GRAM_PIECES == 0)
		err = end_segment(f);
	return err;
}

static enum err add_row(struct fill *f, struct mem *m, const struct vcs_rate *r)
{
	enum err err;

	if (f->numbers == MIRROR_NUMBERS_MOST)
		return ERR_RULE;
	f->numbers++;
	piece_add_row(&f->rows.buf, r);
	err = end_row(f, &f->rows);
	if (!err)
		err = add_service(f, r->service);
	return err ? err : add_texts(f, m, r);
}

enum err fill_add(
    struct fill *f, struct mem *m, const struct vcs_rate *rows, size_t n)
{
	enum err err = db_begin(f->db);

	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++)
		err = add_row(f, m, &rows[i]);
	if (!err)
		return db_commit(f->db);
	db_rollback(f->db);
	return err;
}

static enum err end_streams(struct fill *f)
{
	enum err err = db_begin(f->db);

	if (err)
		return err;
	err = end_piece(f, &f->rows);
	if (!err)
		err = end_piece(f, &f->services);
	if (!err)
		err = end_piece(f, &f->texts);
	if (!err)
		err = end_segment(f);
	if (!err)
		return db_commit(f->db);
	db_rollback(f->db);
	return err;
}

const char *fill_services(const struct fill *f, struct mem *m)
{
	struct buf b;

	buf_open(&b, m, 64);
	for (size_t i = 0; i < f->n_ids; i++)
		buf_print(&b, "%s%" PRId64, i ? "," : "[", f->ids[i]);
	buf_add_text(&b, f->n_ids ? "]" : "[]");
	return b.data;
}

/* --- Orders --------------------------------------------------------------- */

struct sorting {
	struct fill *fill;
	const struct mirror_work *work;
	struct mem *mem, *texts;
	enum rate_sort sort;
	uint32_t *rank; /* of each number, in the order of codes; NONE: a double
			 */
	struct rate_item *items;
	size_t n;
};

#define NONE UINT32_MAX

/* Keys of a piece's rows. */
static bool take_keys(void *ctx, size_t number, const char *data)
{
	struct sorting *s = ctx;
	struct vcs_rate r;
	uint32_t row = (uint32_t)(number * ROWS_EACH);

	for (const char *line = data; line; row++) {
		struct rate_item *item = &s->items[s->n];

		if (row >= s->fill->numbers ||
		    !piece_read_row(s->mem, &line, &r))
			return false;
		if (s->sort != RATE_BY_CODE && s->rank[row] == NONE)
			continue;
		if (s->sort == RATE_BY_CODE)
			r.code = mem_text(s->texts, r.code);
		if (s->sort == RATE_BY_NAME)
			r.folded = mem_text(s->texts, fmt_fold(s->mem, r.name));
		rate_set_key(item, s->sort, &r);
		item->tie = s->sort == RATE_BY_CODE ? r.id : s->rank[row];
		item->row = row;
		s->n++;
	}
	return s->work->goes_on(s->work->ctx);
}

static enum err read_keys(struct sorting *s)
{
	const struct fill *f = s->fill;
	const struct piece_reader reader = {.db = f->db,
	    .mem = s->mem,
	    .generation = f->generation,
	    .take = take_keys,
	    .ctx = s};
	enum err err;

	s->n = 0;
	mem_clear(s->texts);
	err = piece_each(
	    &reader, PIECE_ROWS, 0, (f->numbers + ROWS_EACH - 1) / ROWS_EACH);
	if (!err && !s->work->goes_on(s->work->ctx))
		err = ERR_LATE;
	rate_sort_items(s->items, s->n, s->sort, false);
	return err;
}

/* The same row twice: the table moved while it was read. */
static void drop_doubles(struct sorting *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->fill->numbers; i++)
		s->rank[i] = NONE;
	for (size_t i = 0; i < s->n; i++) {
		struct rate_item *item = &s->items[i];

		if (kept && item->tie == s->items[kept - 1].tie &&
		    !rate_compare_keys(s->sort, item, &s->items[kept - 1]))
			continue;
		s->items[kept] = *item;
		s->rank[item->row] = (uint32_t)kept++;
	}
	s->n = kept;
}

static enum err write_piece(
    struct sorting *s, bool descending, size_t number, const uint32_t *rows)
{
	size_t from = number * ORDERS_EACH;
	size_t to = from + ORDERS_EACH < s->n ? from + ORDERS_EACH : s->n;
	struct buf b;

	buf_open(&b, s->mem, ORDERS_EACH * ORDER_LETTERS + 1);
	for (size_t i = from; i < to; i++)
		piece_add_number(&b, rows[i], ORDER_LETTERS);
	return piece_write(s->fill->db, s->fill->generation,
	    PIECE_ORDERS + 2 * (int)s->sort + descending, number, b.data,
	    b.len);
}

/* A few pieces a transaction. */
static enum err write_order(
    struct sorting *s, bool descending, const uint32_t *rows)
{
	enum { EACH = 16 };
	size_t n = (s->n + ORDERS_EACH - 1) / ORDERS_EACH;
	enum err err = ERR_OK;

	for (size_t at = 0; !err && at < n; at += EACH) {
		err = db_begin(s->fill->db);
		for (size_t i = at; !err && i < n && i < at + EACH; i++)
			err = write_piece(s, descending, i, rows);
		if (!err)
			err = db_commit(s->fill->db);
		else
			db_rollback(s->fill->db);
		mem_clear(s->mem);
	}
	return err;
}

/* Backwards, but equal ones in their order. */
static void turn_round(const struct sorting *s, uint32_t *rows)
{
	size_t end = s->n, at = 0;

	while (end) {
		size_t from = end - 1;

		while (from && !rate_compare_keys(s->sort, &s->items[from - 1],
				   &s->items[end - 1]))
			from--;
		for (size_t i = from; i < end; i++)
			rows[at++] = s->items[i].row;
		end = from;
	}
}

static enum err make_order(struct sorting *s, uint32_t *rows)
{
	enum err err = read_keys(s);

	if (err)
		return err;
	if (s->sort == RATE_BY_CODE)
		drop_doubles(s);
	for (size_t i = 0; i < s->n; i++)
		rows[i] = s->items[i].row;
	err = write_order(s, false, rows);
	turn_round(s, rows);
	return err ? err : write_order(s, true, rows);
}

/* The order of codes first: it is the others' tie. That of services is made
 * when it is asked for, since their names are the customer's. */
enum err fill_finish(struct fill *f, const struct mirror_work *w, size_t *rows)
{
	struct mem *all = mem_open(0);
	struct sorting s = {.fill = f,
	    .work = w,
	    .mem = w->mem,
	    .texts = mem_open(0),
	    .rank = mem_array(all, f->numbers + 1, sizeof(*s.rank)),
	    .items = mem_array(all, f->numbers + 1, sizeof(*s.items))};
	uint32_t *order = mem_array(all, f->numbers + 1, sizeof(*order));
	enum err err = end_streams(f);

	for (int i = 0; !err && i < RATE_SORTS; i++) {
		s.sort = (enum rate_sort)i;
		if (s.sort != RATE_BY_SERVICE)
			err = make_order(&s, order);
	}
	*rows = s.n;
	mem_close(s.texts);
	mem_close(all);
	return err;
}
