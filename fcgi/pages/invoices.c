/* invoices.c: the customer's invoices, what is owed, and their files.
 *
 * States are the portal's: paid, unpaid (not due yet), overdue (due before
 * today, by the customer's calendar). What is owed is what is not paid of the
 * unpaid and the overdue ones.
 */
#include "pages/page_audit.h"
#include "pages/page_table.h"
#include "pages/routes.h"

#include <inttypes.h>
#include <string.h>

#include "domain/gateway.h"
#include "domain/vcs_billing.h"

const struct param invoices_params[] = {
    {.name = "state",
	.type = PARAM_CHOICE,
	.choices = "all|unpaid|paid|overdue",
	.standard = "all",
	.about = "Only the invoices of this state; unpaid ones are not due "
		 "yet."},
    PARAM_PAGE,
    PARAM_SIZE,
    {0},
};

static const struct column columns[] = {
    {"number", COLUMN_CODE, false},
    {"from", COLUMN_DAY, false},
    {"to", COLUMN_DAY, false},
    {"issued", COLUMN_DAY, false},
    {"due", COLUMN_DAY, false},
    {"state", COLUMN_STATE, false},
    {"total", COLUMN_MONEY, false},
    {"paid", COLUMN_MONEY, false},
    {0},
};

const struct page_theme invoices_theme = {
    .name = "invoices", .columns = columns};

enum state { STATE_UNPAID, STATE_PAID, STATE_OVERDUE, STATES };

static const char *const state_words[STATES] = {"unpaid", "paid", "overdue"};

struct invoice {
	const struct vcs_invoice *v;
	enum state state;
	struct money open; /* what is left to pay */
};

struct view {
	const struct vcs_invoices *list;
	struct invoice *rows; /* of all states */
	size_t counts[STATES];
	bool has_owed; /* all in one currency */
	struct money owed, overdue;
	const char *currency;
};

/* --- States and sums ------------------------------------------------------ */

static bool read_state(
    struct call *c, const struct vcs_invoice *v, struct invoice *out)
{
	const char *today = fmt_iso_day(c->mem, c->now, c->zone);

	out->v = v;
	if (!money_sub(v->total, v->paid, &out->open))
		return false;
	if (money_sign(out->open) <= 0)
		out->state = STATE_PAID;
	else if (v->due &&
		 strcmp(fmt_iso_day(c->mem, v->due, c->zone), today) < 0)
		out->state = STATE_OVERDUE;
	else
		out->state = STATE_UNPAID;
	return true;
}

static bool add_owed(struct view *w, const struct invoice *i)
{
	return money_add(w->owed, i->open, &w->owed) &&
	       (i->state != STATE_OVERDUE ||
		   money_add(w->overdue, i->open, &w->overdue));
}

/* False: a sum does not fit. */
static bool add_up(struct call *c, struct view *w)
{
	const struct vcs_invoices *list = w->list;
	const struct invoice *first = NULL;

	w->has_owed = !list->limited;
	w->currency = c->currency;
	for (size_t i = 0; i < list->n; i++) {
		struct invoice *r = &w->rows[i];

		if (!read_state(c, &list->rows[i], r))
			return false;
		w->counts[r->state]++;
		if (r->state == STATE_PAID)
			continue;
		first = first ? first : r;
		if (r->v->currency != first->v->currency)
			w->has_owed = false;
		else if (!add_owed(w, r))
			return false;
	}
	if (first)
		w->currency = vcs_find_currency(c->trip, first->v->currency);
	return true;
}

/* --- The answer ----------------------------------------------------------- */

/* For people a day of the period is the invoice's own, as its file has it. */
static void put_period_day(struct call *c, struct json_object *o,
    const char *key, int64_t when, const char *day)
{
	int64_t start;

	if (c->req->format == FORMAT_HTML && day &&
	    fmt_day_start(day, 0, c->zone, &start))
		when = start + 43200;
	put_time(c, o, key, when);
}

static void put_invoice(
    struct call *c, struct json_object *list, const struct invoice *r)
{
	const struct vcs_invoice *v = r->v;
	const char *currency = vcs_find_currency(c->trip, v->currency);
	struct json_object *o = json_new(c->mem);

	json_put(list, NULL, o);
	json_put_int(o, "id", v->id);
	json_put_text(o, "number", v->number);
	put_period_day(c, o, "from", v->from, v->from_day);
	put_period_day(c, o, "to", v->to, v->to_day);
	put_time(c, o, "issued", v->issued);
	put_time(c, o, "due", v->due);
	put_money(c, o, "total", v->total, currency);
	put_money(c, o, "paid", v->paid, currency);
	json_put_text(o, "state", state_words[r->state]);
	json_put_text(o, "download_url",
	    mem_print(c->mem, "/api/invoices/%" PRId64 "/download", v->id));
}

static void put_counts(struct call *c, const struct view *w)
{
	struct json_object *counts = json_put_object(c->model, "counts");

	json_put_int(counts, "all", (int64_t)w->list->n);
	for (int i = 0; i < STATES; i++)
		json_put_int(counts, state_words[i], (int64_t)w->counts[i]);
	if (w->has_owed)
		put_money(c, c->model, "owed", w->owed, w->currency);
	else
		json_put(c->model, "owed", NULL);
}

static void put_tab(
    struct call *c, struct json_object *tabs, const char *word, size_t count)
{
	struct json_object *o = json_new(c->mem);
	const char *key = mem_print(c->mem, "invoices.tab.%s", word);

	json_put(tabs, NULL, o);
	json_put_text(o, "label", page_text(c, key));
	json_put_int(o, "count", (int64_t)count);
	json_put_text(o, "page_url", page_url(c, "state", word));
	json_put_flag(o, "active", !strcmp(word, req_text(c->req, "state")));
}

/* The rows of page_put_table() with the links to pay and to the file. */
static void put_links(struct call *c, struct json_object *list)
{
	struct json_object *rows = json_find(c->ui, "rows"), *row;
	bool payable = gateway_at(c->brand, 0) != NULL;

	for (size_t i = 0; i < json_length(rows); i++) {
		row = json_at(list, i);
		json_put_text(json_at(rows, i), "download_url",
		    json_find_text(row, "download_url"));
		json_put_text(
		    json_at(rows, i), "number", json_find_text(row, "number"));
		if (payable && strcmp(json_find_text(row, "state"), "paid"))
			json_put_text(json_at(rows, i), "pay_url",
			    mem_print(c->mem, "/api/refill?invoice=%s",
				json_find_text(row, "id")));
	}
}

static void fill_ui(
    struct call *c, const struct view *w, struct json_object *list)
{
	struct json_object *tabs = json_put_list(c->ui, "tabs");
	bool filtered = strcmp(req_text(c->req, "state"), "all") != 0;
	bool empty = json_length(list) == 0;
	size_t open = w->counts[STATE_UNPAID] + w->counts[STATE_OVERDUE];

	put_tab(c, tabs, "all", w->list->n);
	put_tab(c, tabs, "unpaid", w->counts[STATE_UNPAID]);
	put_tab(c, tabs, "overdue", w->counts[STATE_OVERDUE]);
	put_tab(c, tabs, "paid", w->counts[STATE_PAID]);
	page_put_table(c, "invoices", columns, list);
	put_links(c, list);
	json_put_flag(c->ui, "empty", empty);
	json_put_flag(c->ui, "beyond", empty && req_number(c->req, "page") > 1);
	json_put_flag(c->ui, "filtered", filtered);
	json_put_text(c->ui, "first_url", page_url(c, "page", NULL));
	json_put_text(c->ui, "clear_url", c->req->path);
	json_put_int(c->ui, "open", (int64_t)open);
	json_put_flag(c->ui, "has_open", open > 0);
	if (w->has_owed && w->counts[STATE_OVERDUE])
		put_money(c, c->ui, "overdue", w->overdue, w->currency);
	json_put_flag(c->ui, "limited", w->list->limited);
	json_put_int(c->ui, "limited_rows", c->brand->conf->limits.table_rows);
}

static void put_page(struct call *c, const struct view *w)
{
	struct json_object *list = json_put_list(c->model, "invoices");
	const char *wanted = req_text(c->req, "state");
	bool all = !strcmp(wanted, "all"), more = false;
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;

	for (size_t i = 0; i < w->list->n && !more; i++) {
		if (!all && strcmp(state_words[w->rows[i].state], wanted) != 0)
			continue;
		if (skip)
			skip--;
		else if (json_length(list) == size)
			more = true;
		else
			put_invoice(c, list, &w->rows[i]);
	}
	page_put_pager(c, json_length(list), more);
	json_put_text(json_put_object(c->model, "filters"), "state", wanted);
	put_counts(c, w);
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, w, list);
}

const char invoices_answer[] =
    "invoices[id:int number from:time? to:time? issued:time? due:time? "
    "total:money paid:money state:unpaid|paid|overdue download_url] page:page "
    "filters{state:all|unpaid|paid|overdue} owed:money? "
    "counts{all:int unpaid:int paid:int overdue:int}";

enum err invoices_load(struct call *c)
{
	struct view w = {0};
	enum err err;

	w.list = vcs_read_invoices(
	    c->trip, (size_t)c->brand->conf->limits.table_rows);
	err = page_go(c);
	if (err)
		return err;
	w.rows = mem_array(c->mem, w.list->n, sizeof(*w.rows));
	err = w.list->err;
	if (!err && !add_up(c, &w))
		err = ERR_UPSTREAM;
	if (!page_section(c, "invoices", err))
		return page_end(c);
	put_page(c, &w);
	return ERR_OK;
}

/* --- The file of an invoice ----------------------------------------------- */

static const struct {
	const char *type, *suffix;
} types[] = {
    {"application/pdf", ".pdf"},
    {"application/vnd.ms-excel", ".xls"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xlsx"},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

static bool is_type(const char *text, const char *type)
{
	size_t len = strlen(type);

	return text && !strncasecmp(text, type, len) &&
	       (text[len] == '\0' || strchr("; \t", text[len]));
}

/* The suffix of a type that says nothing: of VCS's name, if it is one of
 * ours. */
static const char *find_suffix(const char *name)
{
	const char *dot = name ? strrchr(name, '.') : NULL;

	for (int i = 0; dot && i < TYPES; i++)
		if (!strcasecmp(dot, types[i].suffix))
			return types[i].suffix;
	return "";
}

/* The number as it stands on the page, as the name of a file. */
static const char *make_name(
    struct call *c, const struct vcs_invoice *v, const char *suffix)
{
	char *number = mem_text(c->mem, v->number);

	for (char *at = number; *at; at++)
		if (*at == '/' || *at == '\\')
			*at = '-';
	return *number ? mem_print(c->mem, "%s%s", number, suffix)
		       : mem_print(c->mem, "%" PRId64 "%s", v->id, suffix);
}

struct download {
	struct call *call;
	const struct vcs_invoice *invoice;
	const char *name;
};

static int find_type(const char *text)
{
	for (int i = 0; i < TYPES; i++)
		if (is_type(text, types[i].type))
			return i;
	return -1;
}

static void begin_file(void *ctx, const char *type, const char *name)
{
	struct download *d = ctx;
	int known = find_type(type);

	d->name = make_name(d->call, d->invoice,
	    known < 0 ? find_suffix(name) : types[known].suffix);
	reply_begin(d->call->reply,
	    known < 0 ? "application/octet-stream" : types[known].type,
	    d->name);
}

static bool write_file(void *ctx, const void *data, size_t len)
{
	struct download *d = ctx;

	return reply_write(d->call->reply, data, len);
}

const char invoice_file_answer[] =
    "file application/pdf application/vnd.ms-excel "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
    "application/octet-stream";

enum err invoice_file_load(struct call *c)
{
	size_t most = (size_t)c->brand->conf->limits.table_rows;
	struct download d = {.call = c};
	struct vcs_file file = {begin_file, write_file, &d, false};
	enum err err, access;

	d.invoice = vcs_find_invoice(c->trip, c->id, most, &err);
	access = page_go(c);
	if (access)
		return access;
	if (!d.invoice)
		return err ? err : ERR_NOT_FOUND;
	err = vcs_get_invoice_file(c->trip, d.invoice->id, &file);
	if (file.begun)
		page_audit_mine(
		    c, (struct audit_entry){
			   .event = AUDIT_INVOICE_DOWNLOADED, .item = d.name});
	if (err && file.begun) {
		reply_break(c->reply);
		return ERR_OK;
	}
	return err;
}
