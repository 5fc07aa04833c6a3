/* audit.c: what happened to the customer's account, the newest first. */
#include "domain/audit.h"

#include <string.h>

#include "pages/page_letter.h"
#include "pages/page_table.h"
#include "pages/routes.h"
#include "tools/db.h"

const struct param audit_params[] = {
    PARAM_FROM,
    PARAM_TO,
    PARAM_PAGE,
    PARAM_SIZE,
    {0},
};

static const struct column columns[] = {
    {"time", COLUMN_TIME, false},
    {"event", COLUMN_STATE, false},
    {"what", COLUMN_TEXT, false},
    {"old", COLUMN_TEXT, false},
    {"new", COLUMN_TEXT, false},
    {"device", COLUMN_TEXT, false},
    {"address", COLUMN_TEXT, false},
    {"times", COLUMN_COUNT, false},
    {0},
};

const struct page_theme audit_theme = {.name = "audit", .columns = columns};

const char audit_answer[] =
    "audit[time:time event what? item? old? new? amount:money? times:int "
    "since:time device? address?] page:page filters{from:date to:date}";

/* --- What it was about, in words ------------------------------------------ */

/* A value within a text: whatever way it is written, on a page it moves nothing
 * else (Unicode's isolates; of its own it has none, see audit_clean()). */
static const char *quote(struct call *c, const char *value)
{
	if (!*value)
		return page_text(c, "audit.nothing");
	return c->req->format == FORMAT_HTML
		   ? mem_print(c->mem, "\u2068%s\u2069", value)
		   : value;
}

static const char *tell_change(struct call *c, const struct audit_row *r)
{
	const struct fmt_arg args[] = {
	    {.text = page_text(c, mem_print(c->mem, "profile.%s", r->item))},
	    {.text = quote(c, r->old)}, {.text = quote(c, r->new)}};

	return page_text_args(c, "audit.change", args, 3);
}

static const char *tell_money(struct call *c, const struct audit_row *r)
{
	const char *amount = fmt_money(c->mem, c->fmt, r->amount, r->currency);

	return *r->item ? mem_print(c->mem, "%s \u00b7 %s", amount, r->item)
			: amount;
}

/* A word with a text, such as how somebody logged in. */
static const char *tell_how(struct call *c, const struct audit_row *r)
{
	return page_text(c, mem_print(c->mem, "audit.how.%s", r->item));
}

static const char *tell_once(struct call *c, const struct audit_row *r)
{
	if (!strcmp(r->event, audit_name(AUDIT_PROFILE_CHANGED)))
		return tell_change(c, r);
	if (r->currency)
		return tell_money(c, r);
	if (!strcmp(r->event, audit_name(AUDIT_LOGIN)))
		return tell_how(c, r);
	if (!strcmp(r->event, audit_name(AUDIT_SESSION_ENDED)))
		return page_name_device(c, r->item);
	return *r->item ? r->item : NULL;
}

static const char *tell(struct call *c, const struct audit_row *r)
{
	const char *once = tell_once(c, r), *times;
	const struct fmt_arg args[] = {{.number = (double)r->times},
	    {.text = fmt_time(
		 c->mem, c->fmt, r->since, c->zone, FMT_DATE_TIME)}};

	if (r->times < 2)
		return once;
	times = page_text_args(c, "audit.times", args, 2);
	return once ? mem_print(c->mem, "%s \u00b7 %s", once, times) : times;
}

/* --- Rows ----------------------------------------------------------------- */

static void put_text(struct json_object *o, const char *key, const char *text)
{
	json_put_text(o, key, *text ? text : NULL);
}

static void put_row(
    struct call *c, struct json_object *list, const struct audit_row *r)
{
	struct json_object *o = json_new(c->mem);

	json_put(list, NULL, o);
	put_time(c, o, "time", r->time);
	json_put_text(o, "event", r->event);
	json_put_text(o, "what", tell(c, r));
	put_text(o, "item", r->item);
	put_text(o, "old", r->old);
	put_text(o, "new", r->new);
	if (r->currency)
		put_money(c, o, "amount", r->amount, r->currency);
	else
		json_put(o, "amount", NULL);
	json_put_int(o, "times", r->times);
	put_time(c, o, "since", r->since);
	json_put_text(
	    o, "device", *r->agent ? page_name_device(c, r->agent) : NULL);
	put_text(o, "address", r->address);
}

static void put_filters(struct call *c, const struct period *p)
{
	struct json_object *filters = json_put_object(c->model, "filters");

	json_put_text(filters, "from", p->from);
	json_put_text(filters, "to", p->to);
}

static void fill_ui(struct call *c, struct json_object *list)
{
	bool empty = json_length(list) == 0;

	page_put_table(c, "audit", columns, list);
	json_put_flag(c->ui, "beyond", empty && req_number(c->req, "page") > 1);
	json_put_text(c->ui, "first_url", page_url(c, "page", NULL));
	json_put_int(c->ui, "days", c->brand->conf->limits.audit_days);
	json_put_int(c->ui, "most", c->brand->conf->limits.audit_rows);
}

enum err audit_load(struct call *c)
{
	struct json_object *list = json_put_list(c->model, "audit");
	int64_t size = req_number(c->req, "size");
	struct audit_span span = {
	    .skip = (req_number(c->req, "page") - 1) * size, .most = size + 1};
	struct audit_row *rows;
	struct period p;
	size_t n;
	enum err err = page_find_period(c, &p);

	if (err)
		return err;
	if (!c->db)
		return ERR_BUSY;
	span.start = p.start;
	span.end = p.end;
	err = audit_list(
	    c->brand, c->mem, c->session->client_id, &span, &rows, &n);
	if (err)
		return err;
	for (size_t i = 0; i < n && i < (size_t)size; i++)
		put_row(c, list, &rows[i]);
	put_filters(c, &p);
	page_put_pager(c, json_length(list), n > (size_t)size);
	if (c->req->format == FORMAT_HTML)
		fill_ui(c, list);
	return ERR_OK;
}

/* --- Files ---------------------------------------------------------------- */

/* In one piece, since it is bounded, and what is added meanwhile would move
 * the others. */
static enum err fetch(
    struct call *c, void *state, struct json_object *list, size_t *taken)
{
	const struct period *p = state;
	const struct audit_span span = {p->start, p->end, 0, DB_ROWS_MAX};
	struct audit_row *rows;
	size_t n;
	enum err err;

	if (*taken)
		return ERR_OK;
	err = audit_list(
	    c->brand, c->mem, c->session->client_id, &span, &rows, &n);
	for (size_t i = 0; i < n; i++)
		put_row(c, list, &rows[i]);
	*taken = n;
	return err;
}

enum err audit_export(struct call *c)
{
	struct period p;
	enum err err = page_find_period(c, &p);

	if (err)
		return err;
	if (!c->db)
		return ERR_BUSY;
	return page_export(c, "audit", columns, &p, fetch, &p);
}
