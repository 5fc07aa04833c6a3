/* transactions.c: payments and charges of a period, with their exact total.
 *
 * The total is over the whole period, so all of it is read, up to
 * limits.tableRows rows; of a longer list the newest are shown, without a
 * total, and the page says so. Files hold all rows however many there are.
 *
 * A charge is shown as what it costs: positive, and so is the total; a credit
 * is negative (VCS itself counts charges as negative).
 */
#include "pages/page_table.h"
#include "pages/routes.h"

#include <ctype.h>
#include <string.h>

#include "domain/vcs_billing.h"

const struct param transactions_params[] = {
    PARAM_FROM,
    PARAM_TO,
    PARAM_PAGE,
    PARAM_SIZE,
    {0},
};

static const struct column columns[] = {
    {"time", COLUMN_TIME, false},
    {"description", COLUMN_TEXT, false},
    {"reference", COLUMN_TEXT, false},
    {"status", COLUMN_STATE, false},
    {"amount", COLUMN_MONEY, false},
    {"id", COLUMN_TEXT, false},
    {0},
};

const struct page_theme payments_theme = {
    .name = "payments", .columns = columns};
const struct page_theme charges_theme = {.name = "charges", .columns = columns};

/* Of payments and of charges. */
#define ROWS                                                                   \
	"[id:int time:time? amount:money description? status? reference?] "    \
	"page:page filters{from:date to:date} total:money?"

const char payments_answer[] = "payments" ROWS;
const char charges_answer[] = "charges" ROWS;

/* Payments or charges: what differs. */
struct ledger {
	const char *name;
	enum vcs_flow flow;
	struct period period;
};

/* --- References ----------------------------------------------------------- */

/* The gateways' own ids stand in the notes, behind the gateway's name. */
static const struct {
	const char *gateway, *letters;
	size_t least, most;
} references[] = {
    {"PayPal", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 12, 20},
    {"Authorize.Net", "0123456789", 6, 20},
};

static const char *find_reference(struct mem *m, const char *notes)
{
	const char *at, *end;
	size_t len;

	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]);
	     i++) {
		at = notes ? strcasestr(notes, references[i].gateway) : NULL;
		if (!at)
			continue;
		at += strlen(references[i].gateway);
		at += strspn(at, " :#(");
		len = strspn(at, references[i].letters);
		end = at + len;
		if (len >= references[i].least && len <= references[i].most &&
		    !isalnum((unsigned char)*end))
			return mem_text_n(m, at, len);
	}
	return NULL;
}

/* --- Rows and sums -------------------------------------------------------- */

static void put_row(
    struct call *c, struct json_object *list, const struct vcs_transaction *x)
{
	struct json_object *o = json_new(c->mem);

	json_put(list, NULL, o);
	json_put_int(o, "id", x->id);
	put_time(c, o, "time", x->time);
	put_money(
	    c, o, "amount", x->amount, vcs_find_currency(c->trip, x->currency));
	json_put_text(o, "description", x->notes);
	json_put_text(o, "status", x->status);
	json_put_text(o, "reference", find_reference(c->mem, x->notes));
}

static bool is_pending(const struct vcs_transaction *x)
{
	return x->status && !strcmp(x->status, "pending");
}

/* What all rows come to. False: they are of several currencies, or the sum
 * does not fit; *pending is the part that is not settled. */
static bool add_up(const struct vcs_transactions *list, struct money *total,
    struct money *pending)
{
	*total = *pending = (struct money){0};
	for (size_t i = 0; i < list->n; i++) {
		const struct vcs_transaction *x = &list->rows[i];

		if (x->currency != list->rows[0].currency ||
		    !money_add(*total, x->amount, total))
			return false;
		if (is_pending(x) && !money_add(*pending, x->amount, pending))
			return false;
	}
	return true;
}

static void put_total(struct call *c, const struct vcs_transactions *list)
{
	const char *currency = c->currency;
	struct money total, pending;

	if (list->limited || !add_up(list, &total, &pending)) {
		json_put(c->model, "total", NULL);
		return;
	}
	if (list->n)
		currency = vcs_find_currency(c->trip, list->rows[0].currency);
	put_money(c, c->model, "total", total, currency);
	if (!money_is_zero(pending))
		put_money(c, c->ui, "pending", pending, currency);
}

/* --- The page ------------------------------------------------------------- */

static void put_filters(struct call *c, const struct period *p)
{
	struct json_object *filters = json_put_object(c->model, "filters");

	json_put_text(filters, "from", p->from);
	json_put_text(filters, "to", p->to);
}

static void put_rows(
    struct call *c, const struct ledger *l, const struct vcs_transactions *all)
{
	struct json_object *list = json_put_list(c->model, l->name);
	size_t size = (size_t)req_number(c->req, "size");
	size_t skip = ((size_t)req_number(c->req, "page") - 1) * size;
	size_t end = skip + size < all->n ? skip + size : all->n;

	for (size_t i = skip; i < end; i++)
		put_row(c, list, &all->rows[i]);
	page_put_pager(c, json_length(list), end < all->n);
	if (all->limited)
		json_put_int(json_find(c->model, "page"), "searched",
		    c->brand->conf->limits.table_rows);
	if (c->req->format != FORMAT_HTML)
		return;
	page_put_table(c, l->name, columns, list);
	json_put_flag(c->ui, "empty", json_length(list) == 0);
	json_put_flag(c->ui, "beyond", skip && json_length(list) == 0);
	json_put_text(c->ui, "first_url", page_url(c, "page", NULL));
	json_put_int(c->ui, "count", (int64_t)all->n);
	json_put_flag(c->ui, "limited", all->limited);
	json_put_int(c->ui, "limited_rows", c->brand->conf->limits.table_rows);
}

static enum err load(struct call *c, struct ledger *l)
{
	struct vcs_transactions *all;
	enum err err = page_find_period(c, &l->period);

	if (err)
		return err;
	all = vcs_read_transactions(c->trip, l->flow, l->period.start,
	    l->period.end, (size_t)c->brand->conf->limits.table_rows);
	err = page_go(c);
	if (err)
		return err;
	put_filters(c, &l->period);
	if (!page_section(c, l->name, all->err))
		return page_end(c);
	json_put_text(c->ui, "self_url", c->req->path);
	json_put_flag(c->ui, "shown", true);
	put_total(c, all);
	put_rows(c, l, all);
	return ERR_OK;
}

enum err payments_load(struct call *c)
{
	struct ledger l = {"payments", VCS_PAYMENTS, {0}};

	return load(c, &l);
}

enum err charges_load(struct call *c)
{
	struct ledger l = {"charges", VCS_CHARGES, {0}};

	return load(c, &l);
}

/* --- Files ---------------------------------------------------------------- */

static enum err fetch_rows(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	struct vcs_ledger *l = state;
	struct vcs_transactions *piece = vcs_read_ledger(c->trip, l);

	/* A refusal of VCS's is its fault towards the customer. */
	if (piece->err)
		return piece->err == ERR_RULE ? ERR_UPSTREAM : piece->err;
	for (size_t i = 0; i < piece->n; i++)
		put_row(c, list, &piece->rows[i]);
	*taken += piece->came;
	return ERR_OK;
}

static enum err export_rows(struct call *c, struct ledger *l)
{
	enum err err = page_find_period(c, &l->period);
	struct vcs_ledger rows = {
	    .flow = l->flow, .from = l->period.start, .to = l->period.end};

	if (err)
		return err;
	return page_export(c, l->name, columns, &l->period, fetch_rows, &rows);
}

enum err payments_export(struct call *c)
{
	struct ledger l = {"payments", VCS_PAYMENTS, {0}};

	return export_rows(c, &l);
}

enum err charges_export(struct call *c)
{
	struct ledger l = {"charges", VCS_CHARGES, {0}};

	return export_rows(c, &l);
}
