/* vcs_billing.c: transactions, invoices, and the files of invoices. */
#include "domain/vcs_billing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_trip.h"
#include "tools/http.h"
#include "tools/req.h"

/* --- Transactions --------------------------------------------------------- */

/* What was asked for: to check what comes, because VCS may not know the
 * arguments that say so. */
struct asked {
	enum vcs_flow flow;
	int64_t from, to;
	struct vcs_transactions *out;
};

static const char *const flow_types[] = {"payment", "charge"};

static bool is_asked_for(const struct vcs_ask *a, struct json_object *row,
    const struct vcs_transaction *x, struct money amount)
{
	const struct asked *q = a->out;
	const char *type = vcs_read_text(row, vcs_field(a, "type"));

	if (x->time && (x->time < q->from || x->time > q->to))
		return false;
	if (type)
		return !strcmp(type, flow_types[q->flow]);
	return (money_sign(amount) < 0) == (q->flow == VCS_CHARGES);
}

/* A row whose amount cannot be read would make every sum wrong, so it is no
 * answer at all. */
static enum err read_transactions(struct vcs_trip *t, struct vcs_ask *a)
{
	struct asked *q = a->out;
	struct vcs_transactions *list = q->out;
	size_t n = json_length(a->result);
	struct money amount;

	list->came = a->came;
	list->rows = mem_array(t->mem, n, sizeof(*list->rows));
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_at(a->result, i);
		struct vcs_transaction *x = &list->rows[list->n];

		if (!vcs_read_money(row, vcs_field(a, "amount"), &amount))
			return ERR_UPSTREAM;
		list->last = vcs_read_int(row, vcs_field(a, "id"));
		if (!list->first)
			list->first = list->last;
		*x = (struct vcs_transaction){
		    .id = list->last,
		    .time =
			vcs_read_time(row, vcs_field(a, "time"), vcs_zone(t)),
		    .currency = vcs_read_int(row, vcs_field(a, "currency")),
		    .amount =
			q->flow == VCS_CHARGES ? money_negate(amount) : amount,
		    .status = vcs_read_text(row, vcs_field(a, "status")),
		    .notes = vcs_read_text(row, vcs_field(a, "notes")),
		};
		list->n += is_asked_for(a, row, x, amount);
	}
	return ERR_OK;
}

static struct vcs_transactions *ask_transactions(struct vcs_trip *t,
    const struct asked *asked, size_t limit, size_t offset, bool backwards)
{
	struct vcs_transactions *list = mem_alloc(t->mem, sizeof(*list));
	struct asked *q = mem_alloc(t->mem, sizeof(*q));
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_TRANSACTIONS, read_transactions, q, &list->err);

	*q = *asked;
	q->out = list;
	a->backwards = backwards;
	list->cut = &a->cut;
	json_put_text(a->vars, "type", flow_types[q->flow]);
	json_put_text(a->vars, "from", vcs_make_time(t->mem, q->from));
	json_put_text(a->vars, "to", vcs_make_time(t->mem, q->to));
	json_put_int(a->vars, "limit", (int64_t)limit);
	json_put_int(a->vars, "offset", (int64_t)offset);
	return list;
}

struct vcs_transactions *vcs_ask_transactions(struct vcs_trip *t,
    enum vcs_flow flow, int64_t from, int64_t to, size_t limit, size_t offset)
{
	return ask_transactions(
	    t, &(struct asked){flow, from, to, NULL}, limit, offset, false);
}

struct vcs_transactions *vcs_read_ledger(
    struct vcs_trip *t, struct vcs_ledger *l)
{
	enum { PIECE = 1000, LEAST = 50 };
	struct vcs_transactions *piece;
	enum vcs_piece what;
	size_t ask;

	for (ask = PIECE;; ask /= 2) {
		piece = vcs_ask_transactions(
		    t, l->flow, l->from, l->to, ask, l->offset);
		vcs_go(t);
		if (!piece->err || !*piece->cut || ask <= LEAST)
			break;
	}
	if (piece->err)
		return piece;
	what = vcs_check_piece(
	    "transaction.list", &l->head, piece->first, piece->came, ask);
	if (what == VCS_PIECE_AGAIN)
		piece->err = ERR_UPSTREAM;
	if (what == VCS_PIECE_END)
		piece->came = piece->n = 0;
	l->offset += piece->came;
	return piece;
}

/* A reading of many pieces. VCS may cap its pages without a word, so that a
 * short one need not be the last. `oldest`, which goes along with the first, is
 * the list's last row by itself: a page that ends with it is whole, and nearly
 * all lists need no second question. */
struct reading {
	struct vcs_trip *trip;
	struct asked asked;
	struct vcs_transactions *oldest;
	size_t room, offset, chunk, pieces;
};

static bool is_whole(
    const struct reading *r, const struct vcs_transactions *piece)
{
	return !r->oldest->err && r->oldest->came == 1 && r->oldest->last &&
	       r->oldest->last == piece->last;
}

static void append(struct reading *r, const struct vcs_transactions *piece)
{
	struct vcs_transactions *all = r->asked.out;
	struct vcs_transaction *rows;

	if (all->n + piece->n > r->room) {
		r->room = (all->n + piece->n) * 2;
		rows = mem_array(r->trip->mem, r->room, sizeof(*rows));
		if (all->n)
			memcpy(rows, all->rows, all->n * sizeof(*rows));
		all->rows = rows;
	}
	if (piece->n)
		memcpy(all->rows + all->n, piece->rows,
		    piece->n * sizeof(*piece->rows));
	all->n += piece->n;
}

/* Rows that came already: the end of the list, or a failure. */
static bool is_again(struct vcs_transactions *all,
    const struct vcs_transactions *piece, size_t asked)
{
	enum vcs_piece what = vcs_check_piece(
	    "transaction.list", &all->head, piece->first, piece->came, asked);

	if (what == VCS_PIECE_AGAIN)
		all->err = ERR_UPSTREAM;
	return what != VCS_PIECE_NEW;
}

/* Takes a piece over. False: the reading ends, or the rest of the wave is of
 * no use. */
static bool take_piece(struct reading *r, const struct vcs_transactions *piece,
    size_t asked, bool *more)
{
	enum { LEAST = 50 };
	struct vcs_transactions *all = r->asked.out;

	*more = true;
	if (piece->err && *piece->cut && asked > LEAST) {
		r->chunk = asked / 2;
		return false;
	}
	all->err = piece->err;
	*more = !piece->err && piece->came && !is_again(all, piece, asked);
	if (!*more)
		return false;
	append(r, piece);
	r->offset += piece->came;
	*more = !is_whole(r, piece);
	if (!*more)
		return false;
	if (piece->came >= asked)
		return true;
	/* What comes next in this wave has a gap before it. */
	r->chunk = piece->came > LEAST ? piece->came : LEAST;
	return false;
}

/* One wave of pieces at once. False: it was the last. */
static bool read_wave(struct reading *r)
{
	enum { WAVE = 4 };
	struct vcs_transactions *piece[WAVE];
	size_t asked = r->chunk, n = r->pieces;
	bool more;

	if (!r->oldest)
		r->oldest = ask_transactions(r->trip, &r->asked, 1, 0, true);
	for (size_t i = 0; i < n; i++)
		piece[i] = ask_transactions(
		    r->trip, &r->asked, asked, r->offset + i * asked, false);
	vcs_go(r->trip);
	r->pieces = 1;
	for (size_t i = 0; i < n; i++)
		if (!take_piece(r, piece[i], asked, &more))
			return more;
	r->pieces = WAVE;
	return true;
}

struct vcs_transactions *vcs_read_transactions(struct vcs_trip *t,
    enum vcs_flow flow, int64_t from, int64_t to, size_t most)
{
	enum { CHUNK = 1000, ROUNDS = 256 };
	struct vcs_transactions *all = mem_alloc(t->mem, sizeof(*all));
	struct reading r = {.trip = t,
	    .asked = {flow, from, to, all},
	    .chunk = CHUNK,
	    .pieces = 1};
	bool more = true;

	for (int i = 0; more && i < ROUNDS && r.offset <= most; i++)
		more = read_wave(&r);
	all->limited = more;
	if (all->n > most)
		all->n = most;
	return all;
}

/* --- Invoices ------------------------------------------------------------- */

/* The whole list, and the page of it that a question is about. */
struct invoice_page {
	struct vcs_invoices *all;
	size_t n, fresh; /* own rows; those that had not come before */
	size_t came;
	enum err err;
};

static bool is_hidden(const struct vcs_ask *a, struct json_object *row)
{
	const char *type = vcs_read_text(row, vcs_field(a, "type"));
	const char *state = vcs_read_text(row, vcs_field(a, "state"));

	if (vcs_field(a, "type") && (!type || strcmp(type, "outgoing") != 0))
		return true;
	return state &&
	       (!strcmp(state, "to_verify") || !strcmp(state, "to verify"));
}

/* A period is made of whole days of VCS's clock; the customer's may have
 * another day by then, but the invoice has not. */
static const char *read_day(struct mem *m, const char *text, const char *clock)
{
	if (!text || strlen(text) < 19 || strncmp(text + 11, clock, 8) != 0)
		return NULL;
	return mem_text_n(m, text, 10);
}

static bool read_invoice(const struct vcs_trip *t, const struct vcs_ask *a,
    struct json_object *row, struct vcs_invoice *v)
{
	const char *number = vcs_read_text(row, vcs_field(a, "number"));
	const char *zone = vcs_zone(t);

	*v = (struct vcs_invoice){
	    .id = vcs_read_int(row, vcs_field(a, "id")),
	    .currency = vcs_read_int(row, vcs_field(a, "currency")),
	    .number = number ? number : "",
	    .from = vcs_read_time(row, vcs_field(a, "from"), zone),
	    .to = vcs_read_time(row, vcs_field(a, "to"), zone),
	    .issued = vcs_read_time(row, vcs_field(a, "issued"), zone),
	    .due = vcs_read_time(row, vcs_field(a, "due"), zone),
	    .hidden = is_hidden(a, row),
	};
	v->from_day = read_day(
	    t->mem, vcs_read_text(row, vcs_field(a, "from")), "00:00:00");
	v->to_day = read_day(
	    t->mem, vcs_read_text(row, vcs_field(a, "to")), "23:59:59");
	/* Nothing paid yet may come as null. */
	if (vcs_read_text(row, vcs_field(a, "paid")) &&
	    !vcs_read_money(row, vcs_field(a, "paid"), &v->paid))
		return false;
	return v->id > 0 &&
	       vcs_read_money(row, vcs_field(a, "total"), &v->total);
}

static bool is_known(const struct vcs_invoices *all, int64_t id)
{
	for (size_t i = all->n; i > 0; i--)
		if (all->rows[i - 1].id == id)
			return true;
	return false;
}

static enum err read_invoices(struct vcs_trip *t, struct vcs_ask *a)
{
	struct invoice_page *page = a->out;
	struct vcs_invoices *all = page->all;
	size_t n = json_length(a->result);
	struct vcs_invoice *rows, v;

	page->came = a->came;
	page->n = n;
	if (!n)
		return ERR_OK;
	if (all->n + n > all->room) {
		all->room = (all->n + n) * 2;
		rows = mem_array(t->mem, all->room, sizeof(*rows));
		if (all->n)
			memcpy(rows, all->rows, all->n * sizeof(*rows));
		all->rows = rows;
	}
	for (size_t i = 0; i < n; i++) {
		if (!read_invoice(t, a, json_at(a->result, i), &v))
			return ERR_UPSTREAM;
		if (is_known(all, v.id))
			continue;
		all->rows[all->n++] = v;
		page->fresh++;
	}
	return ERR_OK;
}

/* Asks for `n` pages from `first` on. False: they held the end of the list,
 * which is an empty page, or one that has come before: lists may give their
 * last page for any number beyond it. */
static bool read_pages(struct vcs_trip *t, struct vcs_invoices *all,
    int64_t first, size_t n, size_t *taken)
{
	enum { MOST = 4 };
	struct invoice_page pages[MOST] = {0};
	struct vcs_ask *a;

	for (size_t i = 0; i < n && i < MOST; i++) {
		pages[i].all = all;
		a = vcs_add_ask(
		    t, VCS_INVOICES, read_invoices, &pages[i], &pages[i].err);
		json_put_int(a->vars, "page", first + (int64_t)i);
	}
	vcs_go(t);
	for (size_t i = 0; i < n && i < MOST; i++) {
		all->err = pages[i].err;
		*taken += pages[i].came;
		if (all->err || !pages[i].came ||
		    (pages[i].n && !pages[i].fresh))
			return false;
	}
	return true;
}

static bool has_invoice(const struct vcs_invoices *all, int64_t id)
{
	return id && is_known(all, id);
}

static int compare_invoices(const void *a, const void *b)
{
	const struct vcs_invoice *x = a, *y = b;

	if (x->issued != y->issued)
		return x->issued < y->issued ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

/* `id` 0: all of them. */
static struct vcs_invoices *read_list(
    struct vcs_trip *t, size_t most, int64_t id)
{
	struct vcs_invoices *all = mem_alloc(t->mem, sizeof(*all));
	size_t taken = 0, kept = 0, pages = 2;
	int64_t next = 1;
	bool more = true;

	while (more && taken <= most && !has_invoice(all, id)) {
		more = read_pages(t, all, next, pages, &taken);
		next += (int64_t)pages;
		pages = 4;
	}
	all->limited = more && !all->err;
	for (size_t i = 0; i < all->n; i++)
		if (!all->rows[i].hidden)
			all->rows[kept++] = all->rows[i];
	all->n = kept;
	if (all->n)
		qsort(all->rows, all->n, sizeof(*all->rows), compare_invoices);
	return all;
}

struct vcs_invoices *vcs_read_invoices(struct vcs_trip *t, size_t most)
{
	return read_list(t, most, 0);
}

const struct vcs_invoice *vcs_find_invoice(
    struct vcs_trip *t, const char *id, size_t most, enum err *err)
{
	int64_t wanted = strtoll(id, NULL, 10);
	struct vcs_invoices *all;

	*err = ERR_OK;
	/* One spelling an id; what is no number is nobody's. */
	if (wanted <= 0 || strcmp(mem_print(t->mem, "%" PRId64, wanted), id))
		return NULL;
	all = read_list(t, most, wanted);
	for (size_t i = 0; i < all->n; i++)
		if (all->rows[i].id == wanted)
			return &all->rows[i];
	/* A refusal of the list is VCS's fault towards the customer. */
	*err = all->err == ERR_RULE ? ERR_UPSTREAM : all->err;
	return NULL;
}

/* --- Files ---------------------------------------------------------------- */

struct transfer {
	struct mem *mem;
	struct vcs_file *file;
	const char *type, *name;
	const char *trouble; /* why it was not accepted */
};

/* "invoices.getFile" lies at /admin/invoices/getFile. */
static const char *make_url(struct vcs_trip *t, const struct vcs_method *method)
{
	const char *base = t->brand->conf->billing_uri;
	size_t len = strlen(base);
	char *path = mem_text(t->mem, method->method);

	while (len && base[len - 1] == '/')
		len--;
	for (char *at = path; *at; at++)
		if (*at == '.')
			*at = '/';
	return mem_print(t->mem, "%.*s/admin/%s", (int)len, base, path);
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	buf_add_text(b, b->len ? "&" : "");
	buf_add_text(b, req_encode(b->mem, name));
	buf_add_char(b, '=');
	buf_add_text(b, req_encode(b->mem, value ? value : ""));
}

static void make_body(struct vcs_trip *t, const struct vcs_method *method,
    int64_t invoice, struct buf *b)
{
	const struct conf *conf = t->brand->conf;
	struct json_object *vars = json_new(t->mem), *params;

	buf_open(b, t->mem, 256);
	add_pair(b, "__api", "1");
	if (t->brand->vcs->sid[0]) {
		add_pair(b, "SID", t->brand->vcs->sid);
	} else {
		add_pair(b, "auth[login]", conf->management_api.login);
		add_pair(b, "auth[password]", conf->management_api.password);
	}
	json_put_int(vars, "invoice", invoice);
	params = vcs_profile_params(method, vars);
	json_each (params, key, value)
		add_pair(b, key, json_text(value, NULL));
}

/* The name between the quotes of a Content-Disposition; NULL: none. */
static const char *find_name(struct mem *m, const char *header)
{
	const char *at = header ? strcasestr(header, "filename=") : NULL;

	if (!at)
		return NULL;
	at += strlen("filename=");
	at += *at == '"';
	return mem_text_n(m, at, strcspn(at, "\";"));
}

static bool accept_file(void *ctx, const struct http_call *c)
{
	static const char *const pages[] = {
	    "text/html", "application/xhtml+xml", "application/json"};
	struct transfer *x = ctx;

	if (c->header)
		x->trouble =
		    mem_print(x->mem, "X-VCS-Status: %.40s", c->header);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (c->content_type &&
		    !strncasecmp(c->content_type, pages[i], strlen(pages[i])))
			x->trouble = "a page came, not a file";
	x->type = c->content_type;
	x->name = find_name(
	    x->mem, http_find_header(c, x->mem, "Content-Disposition"));
	return !x->trouble;
}

/* A page of words under a PDF's type, as a script that failed sends it. */
static bool is_page(const struct transfer *x, const char *data, size_t len)
{
	if (!x->type || strncasecmp(x->type, "application/pdf", 15) != 0)
		return false;
	while (len && strchr(" \t\r\n", *data)) {
		data++;
		len--;
	}
	return len && *data == '<';
}

static bool write_file(void *ctx, const void *data, size_t len)
{
	struct transfer *x = ctx;
	struct vcs_file *file = x->file;

	if (!file->begun && is_page(x, data, len)) {
		x->trouble = "a page came, not a file";
		return false;
	}
	if (!file->begun) {
		file->begun = true;
		file->begin(file->ctx, x->type, x->name);
	}
	return file->write(file->ctx, data, len);
}

/* Why there is no file, or NULL. */
static const char *find_trouble(struct transfer *x, const struct http_call *c)
{
	if (x->trouble)
		return x->trouble;
	/* Of an answer without a body nobody was asked to accept. */
	if (c->header)
		return mem_print(x->mem, "X-VCS-Status: %.40s", c->header);
	if (c->status && c->status != 200)
		return mem_print(x->mem, "HTTP status %ld", c->status);
	if (c->err)
		return c->trouble ? c->trouble : err_code(c->err);
	return c->len ? NULL : "an empty file";
}

static enum err fetch(struct vcs_trip *t, const struct vcs_method *method,
    int64_t invoice, struct transfer *x, struct http_call *c)
{
	static const char *const headers[] = {
	    "Content-Type: application/x-www-form-urlencoded", NULL};
	const struct conf *conf = t->brand->conf;
	struct counters *n = t->brand->counters;
	struct vcs_wait wait;
	struct buf body;
	enum err err;

	x->trouble = "breaker open";
	*c = (struct http_call){.err = ERR_BUSY};
	if (!vcs_wait_begin(t, VCS_PART_FILES, &wait))
		return ERR_BUSY;
	make_body(t, method, invoice, &body);
	x->trouble = NULL;
	*c = (struct http_call){
	    .url = make_url(t, method),
	    .body = body.data,
	    .body_len = body.len,
	    .headers = headers,
	    .traced = true,
	    .ca_file = conf->management_api.ca_file,
	    .server_name = conf->management_api.server_name,
	    .timeout_ms = (long)conf->management_api.deadline_ms,
	    .max_bytes = SIZE_MAX,
	    .may_repeat = true,
	    .want_header = "X-VCS-Status",
	    .accept = accept_file,
	    .sink = write_file,
	    .ctx = x,
	};
	if (!c->ca_file[0])
		c->ca_file = NULL;
	if (!c->server_name[0])
		c->server_name = NULL;
	http_run(t->brand->http, t->mem, c, 1);
	/* Whatever began to come was an answer. */
	vcs_wait_end(t, &wait, (c->err && !c->status) || c->status >= 500);
	x->trouble = find_trouble(x, c);
	err = !x->trouble	   ? ERR_OK
	      : c->err == ERR_LATE ? ERR_LATE
				   : ERR_UPSTREAM;
	count(&n->backends[BACKEND_FILES].calls[count_end_of(err)], 1);
	count(&n->backends[BACKEND_FILES].requests, 1);
	count(&n->backends[BACKEND_FILES].us, (uint64_t)(c->ms * 1000));
	return err;
}

enum err vcs_get_invoice_file(
    struct vcs_trip *t, int64_t invoice, struct vcs_file *file)
{
	const struct vcs_method *method =
	    &t->brand->profile->methods[VCS_INVOICE_FILE];
	struct transfer x = {.mem = t->mem, .file = file};
	bool with_sid = t->brand->vcs->sid[0] != '\0';
	struct http_call c;
	enum err err;

	file->begun = false;
	err = fetch(t, method, invoice, &x, &c);
	/* An expired SID looks like any other refusal: once more with log-in
	 * and password. */
	if (err && !file->begun && with_sid && c.status) {
		t->brand->vcs->sid[0] = '\0';
		err = fetch(t, method, invoice, &x, &c);
	}
	/* The client's going away is no failure of VCS's. */
	if (err && err != ERR_BUSY && !(file->begun && c.stopped))
		log_warn("vcs.failed", "%s (%s): %s: %s", method->operation,
		    method->method, err_code(err), x.trouble);
	return err;
}
