/* mirror_piece.c: packing and unpacking pieces of a copy. */
#include "domain/mirror_piece.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "domain/vcs.h"
#include "tools/db.h"

/* --- Numbers -------------------------------------------------------------- */

void piece_add_number(struct buf *b, uint64_t n, int letters)
{
	while (letters-- > 0)
		buf_add_char(b, (char)('0' + (n >> (6 * letters) & 63)));
}

/* --- Rows ----------------------------------------------------------------- */

static void add_text(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '\t' || *text == '\n' || *text == '\\') {
			buf_add_char(b, '\\');
			buf_add_char(b, *text == '\t'	? 't'
					: *text == '\n' ? 'n'
							: '\\');
		} else {
			buf_add_char(b, *text);
		}
	buf_add_char(b, '\t');
}

void piece_add_row(struct buf *b, const struct vcs_rate *r)
{
	const char *price = money_text(b->mem, r->price);
	const char *fee = money_text(b->mem, r->setup_fee);

	add_text(b, r->code);
	add_text(b, r->name);
	buf_print(b,
	    "%s\t%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
	    "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n",
	    price, fee, r->id, r->service, r->currency, r->effective_from,
	    r->effective_till, r->interval, r->min_volume);
}

/* The text up to the next tab. */
static const char *read_text(struct mem *m, const char **line)
{
	const char *at = *line, *end = at + strcspn(at, "\t\n");
	char *out = mem_alloc(m, (size_t)(end - at) + 1), *to = out;

	for (; at < end; at++) {
		if (*at == '\\' && at + 1 < end) {
			at++;
			*to++ = *at == 't' ? '\t' : *at == 'n' ? '\n' : *at;
		} else {
			*to++ = *at;
		}
	}
	*line = *end == '\t' ? end + 1 : end;
	return out;
}

static bool read_money(struct mem *m, const char **line, struct money *out)
{
	return money_parse(read_text(m, line), out);
}

static int64_t read_int(const char **line)
{
	char *end;
	int64_t n = strtoll(*line, &end, 10);

	*line = *end == '\t' ? end + 1 : end;
	return n;
}

bool piece_read_row(struct mem *m, const char **line, struct vcs_rate *out)
{
	*out = (struct vcs_rate){0};
	out->code = read_text(m, line);
	out->name = read_text(m, line);
	if (!read_money(m, line, &out->price) ||
	    !read_money(m, line, &out->setup_fee))
		return false;
	out->id = read_int(line);
	out->service = read_int(line);
	out->currency = read_int(line);
	out->effective_from = read_int(line);
	out->effective_till = read_int(line);
	out->interval = read_int(line);
	out->min_volume = read_int(line);
	if (**line != '\n')
		return false;
	*line = (*line)[1] ? *line + 1 : NULL;
	return true;
}

const char *piece_find_line(const char *data, size_t n)
{
	for (; n; n--) {
		data = strchr(data, '\n');
		if (!data)
			return NULL;
		data++;
	}
	return *data ? data : NULL;
}

/* --- Texts ---------------------------------------------------------------- */

size_t piece_clean(char *out, size_t most, const char *text)
{
	size_t len = strnlen(text, most);

	if (text[len])
		while (len && (text[len] & 0xc0) == 0x80)
			len--;
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] == '\n' || text[i] == '\t' ? '\x01' : text[i];
	out[len] = '\0';
	return len;
}

size_t piece_shared(const char *before, const char *text)
{
	size_t n = 0;

	while (n < SHARED_MOST && text[n] && text[n] == before[n])
		n++;
	while (n && (text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* A window of three characters of 21 bits each. */
uint64_t piece_next_gram(const char **text, uint64_t *window)
{
	const unsigned char *at = (const unsigned char *)*text;
	uint64_t c = *at++;

	if (c >= 0xc0) {
		c &= c >= 0xf0 ? 0x07 : c >= 0xe0 ? 0x0f : 0x1f;
		while ((*at & 0xc0) == 0x80)
			c = c << 6 | (*at++ & 0x3f);
	}
	*text = (const char *)at;
	*window = (*window << 21 | (c & 0x1fffff)) & INT64_MAX;
	return *window >> 42 ? *window : 0;
}

uint64_t piece_code_gram(const char *code, size_t n)
{
	uint64_t gram = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)code[i];

		if (!c || c >= 0x80)
			return 0;
		gram = gram << 8 | c;
	}
	return gram | UINT64_C(1) << 63;
}

/* --- The store ------------------------------------------------------------ */

enum err piece_write(struct db *db, int64_t generation, int kind, size_t number,
    const char *data, size_t len)
{
	const struct db_value values[] = {db_int(generation), db_int(kind),
	    db_int((int64_t)number),
	    {.type = DB_TEXT, .data = data, .len = len}};

	return db_run(db,
	    "insert into rate_piece (generation, kind, number, data) "
	    "values ($1, $2, $3, $4)",
	    values, 4, NULL);
}

/* One page of a table needs little: few at first, then up to some 500 kB at a
 * time. */
enum { BATCH_FIRST = 2, BATCH_MOST = 256, BATCH_MOST_ORDERS = 32 };

static enum err read_batch(
    const struct piece_reader *r, int kind, size_t from, size_t to, bool *more)
{
	const struct db_value values[] = {db_int(r->generation), db_int(kind),
	    db_int((int64_t)from), db_int((int64_t)to)};
	struct db_rows rows;
	enum err err = db_query(r->db, r->mem,
	    "select number, data from rate_piece where generation = $1 "
	    "and kind = $2 and number >= $3 and number < $4 order by number",
	    values, 4, &rows);

	for (size_t i = 0; !err && *more && i < rows.rows; i++) {
		size_t number = (size_t)db_cell_int(&rows, i, 0);

		if (!r->holes && number != from + i)
			return ERR_NOT_FOUND;
		*more = r->take(r->ctx, number, db_cell_text(&rows, i, 1));
	}
	if (!err && *more && !r->holes && rows.rows < to - from)
		return ERR_NOT_FOUND;
	return err;
}

enum err piece_each(
    const struct piece_reader *r, int kind, size_t from, size_t to)
{
	size_t batch = kind == PIECE_GRAMS ? GRAM_SEGMENTS : BATCH_FIRST;
	size_t most = kind >= PIECE_ORDERS ? BATCH_MOST_ORDERS : BATCH_MOST;
	enum err err = ERR_OK;
	bool more = true;

	while (!err && more && from < to) {
		size_t end = to - from > batch ? from + batch : to;

		err = read_batch(r, kind, from, end, &more);
		mem_clear(r->mem);
		from = end;
		if (batch < most)
			batch *= 2;
	}
	return err;
}

/* Look-ups, not a list: PostgreSQL, until it has counted the table, reads all
 * pieces of the kind for one. */
#define ONE(n)                                                                 \
	"select number, data from rate_piece where generation = $1 "           \
	"and kind = $2 and number = $" n " "
#define OR_ONE(n) "union all " ONE(n)

enum err piece_some(const struct piece_reader *r, int kind,
    const size_t numbers[PIECE_SOME], size_t n)
{
	struct db_value values[2 + PIECE_SOME] = {
	    db_int(r->generation), db_int(kind)};
	struct db_rows rows;
	enum err err;

	for (size_t i = 0; i < PIECE_SOME; i++)
		values[2 + i] = db_int(i < n ? (int64_t)numbers[i] : -1);
	err = db_query(r->db, r->mem,
	    ONE("3") OR_ONE("4") OR_ONE("5") OR_ONE("6") OR_ONE("7") OR_ONE("8")
		OR_ONE("9") OR_ONE("10"),
	    values, 2 + PIECE_SOME, &rows);
	for (size_t i = 0; !err && i < rows.rows; i++)
		r->take(r->ctx, (size_t)db_cell_int(&rows, i, 0),
		    db_cell_text(&rows, i, 1));
	mem_clear(r->mem);
	return err;
}
