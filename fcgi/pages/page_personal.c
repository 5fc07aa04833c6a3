/* page_personal.c: writing the file of personal data, and the store's part. */
#include "pages/page_personal.h"

#include <string.h>

enum { HELD = 65536 }; /* bytes that wait for more */

/* --- Writing -------------------------------------------------------------- */

/* "personal-data-heron-2026-11-24.json"; what is no plain letter of a log-in
 * becomes '_'. */
const char *personal_file_name(struct call *c)
{
	char *login = mem_text(c->mem, c->session->login);

	for (char *s = login; *s; s++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			    "yz0123456789._-",
			*s))
			*s = '_';
	return mem_print(c->mem, "personal-data-%s-%s.json", login,
	    fmt_iso_day(c->mem, c->now, c->zone));
}

void personal_open(struct personal *p, struct call *c)
{
	*p = (struct personal){.call = c,
	    .most = (size_t)c->brand->conf->limits.personal_rows,
	    .complete = true};
	buf_open(&p->out, c->mem, HELD * 2);
}

static enum err flush(struct personal *p)
{
	struct call *c = p->call;
	size_t len = p->out.len;

	if (!p->sending) {
		p->sending = true;
		reply_begin(c->reply, "application/json; charset=utf-8",
		    personal_file_name(c));
	}
	p->out.len = 0;
	return reply_write(c->reply, p->out.data, len) ? ERR_OK : ERR_INTERNAL;
}

static void add_key(struct personal *p, const char *key)
{
	buf_print(&p->out, "%s\"%s\":", p->members++ ? ",\n" : "{\n", key);
}

void personal_put(
    struct personal *p, const char *key, struct json_object *value)
{
	add_key(p, key);
	json_add_to(&p->out, value);
}

enum err personal_close(struct personal *p)
{
	add_key(p, "complete");
	buf_add_text(&p->out, p->complete ? "true" : "false");
	buf_add_text(&p->out, "\n}\n");
	return flush(p);
}

void personal_put_money(struct call *c, struct json_object *o, const char *key,
    struct money amount, const char *currency)
{
	struct json_object *money = json_put_object(o, key);

	json_put_text(money, "amount", money_text(c->mem, amount));
	json_put_text(money, "currency", currency);
}

void personal_put_time(
    struct call *c, struct json_object *o, const char *key, int64_t when)
{
	json_put_text(
	    o, key, when ? fmt_iso_time(c->mem, when, c->zone) : NULL);
}

/* --- Lists ---------------------------------------------------------------- */

struct list {
	struct personal *personal;
	page_fetch fetch;
	void *state;
	size_t taken, rows, empty;
};

/* Adds the rows that still fit. */
static void add_rows(struct list *l, struct json_object *rows)
{
	struct personal *p = l->personal;
	struct buf *out = &p->out;

	for (size_t i = 0; i < json_length(rows); i++) {
		if (l->rows == p->most) {
			p->cut = true;
			return;
		}
		buf_add_text(out, l->rows++ ? ",\n" : "\n");
		json_add_to(out, json_at(rows, i));
	}
}

static enum err add_piece(struct list *l)
{
	enum { EMPTY_MOST = 1000 };
	struct call piece = *l->personal->call;
	struct json_object *rows;
	enum err err;

	piece.mem = mem_open((size_t)piece.brand->conf->limits.request_memory);
	piece.trip = vcs_trip(piece.brand, piece.mem, piece.session);
	rows = json_new_list(piece.mem);
	err = l->fetch(&piece, l->state, rows, &l->taken);
	/* A VCS that knows no offsets would send nothing of use for ever. */
	l->empty = json_length(rows) ? 0 : l->empty + 1;
	if (!err && l->empty > EMPTY_MOST)
		err = ERR_UPSTREAM;
	if (!err)
		add_rows(l, rows);
	mem_close(piece.mem);
	return !err && l->personal->out.len > HELD ? flush(l->personal) : err;
}

enum err personal_put_list(
    struct personal *p, const char *key, page_fetch fetch, void *state)
{
	struct list l = {.personal = p, .fetch = fetch, .state = state};
	size_t before;
	enum err err;

	p->cut = false;
	add_key(p, key);
	buf_add_text(&p->out, "{\"rows\":[");
	do {
		before = l.taken;
		err = reply_is_wanted(p->call->reply) ? add_piece(&l)
						      : ERR_INTERNAL;
	} while (!err && !p->cut && l.taken > before);
	p->complete = p->complete && !p->cut;
	buf_print(&p->out, "],\"count\":%zu,\"complete\":%s}", l.rows,
	    p->cut ? "false" : "true");
	return err;
}

/* --- The store ------------------------------------------------------------ */

static void put_cell(struct call *c, struct json_object *o,
    const struct personal_column *column, const struct db_rows *rows, size_t r,
    size_t i)
{
	const char *text = db_cell_text(rows, r, i);
	int64_t number = db_cell_int(rows, r, i);

	switch (column->kind) {
	case PERSONAL_TEXT:
		json_put_text(o, column->key, text);
		break;
	case PERSONAL_COUNT:
		json_put_int(o, column->key, number);
		break;
	case PERSONAL_FLAG:
		json_put_flag(o, column->key, number != 0);
		break;
	case PERSONAL_TIME:
		personal_put_time(c, o, column->key, number);
		break;
	case PERSONAL_TIME_MS:
		personal_put_time(c, o, column->key, number / 1000);
		break;
	case PERSONAL_TIME_US:
		personal_put_time(c, o, column->key, number / 1000000);
		break;
	}
}

static enum err fetch_part(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	enum { PIECE = 1000 };
	const struct personal_part *part = state;
	const struct personal_of of = {
	    c->brand->name, c->session->login, c->session->client_id};
	struct db_rows rows;
	enum err err =
	    personal_read(c->db, c->mem, part, &of, PIECE, *taken, &rows);

	for (size_t r = 0; !err && r < rows.rows; r++) {
		struct json_object *o = json_new(c->mem);

		json_put(list, NULL, o);
		for (size_t i = 0; part->columns[i].key; i++)
			put_cell(c, o, &part->columns[i], &rows, r, i);
	}
	if (!err)
		*taken += rows.rows;
	return err;
}

enum err personal_put_store(struct personal *p)
{
	enum err err = ERR_OK;

	for (const struct personal_part *part = personal_parts;
	     !err && part->name; part++)
		err = personal_put_list(
		    p, part->name, fetch_part, (void *)(uintptr_t)part);
	return err;
}
