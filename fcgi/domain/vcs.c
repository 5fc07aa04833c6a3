/* vcs.c: typed questions and answers over trips. */
#include "domain/vcs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "domain/vcs_trip.h"
#include "tools/fmt.h"

struct vcs *vcs_open(void)
{
	return calloc(1, sizeof(struct vcs));
}

void vcs_close(struct vcs *v)
{
	free(v);
}

struct vcs_trip *vcs_trip(
    struct brand *b, struct mem *m, struct session *session)
{
	struct vcs_trip *t = mem_alloc(m, sizeof(*t));

	t->brand = b;
	t->mem = m;
	if (session) {
		t->client = session->client_id;
		t->kept = session->kept;
	}
	return t;
}

struct vcs_trip *vcs_table_trip(
    struct brand *b, struct mem *m, int64_t rate_table)
{
	struct vcs_trip *t = vcs_trip(b, m, NULL);

	t->kept = json_new(m);
	json_put_int(t->kept, "rate_table", rate_table);
	return t;
}

void vcs_go(struct vcs_trip *t)
{
	vcs_run(t);
}

bool vcs_kept_changed(const struct vcs_trip *t)
{
	return t->changed;
}

/* --- What is kept --------------------------------------------------------- */

/* "" is kept for a currency that VCS's list lacks, so that it is not asked for
 * again and again. */
static const char *find_currency(struct json_object *kept)
{
	const char *code = json_find_text(kept, "currency");

	return code && *code ? code : NULL;
}

const char *vcs_kept_currency(struct session *s)
{
	return find_currency(s->kept);
}

const char *vcs_kept_zone(struct session *s)
{
	return json_find_text(s->kept, "zone");
}

const char *vcs_kept_locale(struct session *s)
{
	return json_find_text(s->kept, "locale");
}

int64_t vcs_kept_rate_table(struct session *s)
{
	int64_t id = 0;

	json_find_int(s->kept, "rate_table", &id);
	return id;
}

static void keep(struct vcs_trip *t, const char *key, struct json_object *value)
{
	struct json_object *old = json_find(t->kept, key);

	if (json_equal(old, value))
		return;
	json_put(t->kept, key, value);
	t->changed = true;
}

static struct json_object *new_id(struct vcs_trip *t, int64_t id)
{
	return id ? json_new_int(t->mem, id) : NULL;
}

static void keep_text(struct vcs_trip *t, const char *key, const char *text)
{
	keep(t, key,
	    text && *text ? json_new_text(t->mem, text, strlen(text)) : NULL);
}

static void keep_currency(struct vcs_trip *t, const struct vcs_names *names)
{
	const struct vcs_name *found = NULL;
	const char *name;
	int64_t id;

	if (json_find_int(t->kept, "currency_id", &id))
		found = vcs_find_name(names, id);
	name = found ? found->name : "";
	keep(t, "currency", json_new_text(t->mem, name, strlen(name)));
}

/* --- The customer --------------------------------------------------------- */

/* The code of another currency is not known yet. */
static void keep_currency_id(struct vcs_trip *t, int64_t id)
{
	int64_t known;

	if (!json_find_int(t->kept, "currency_id", &known) || known != id)
		keep(t, "currency", NULL);
	keep(t, "currency_id", new_id(t, id));
}

const char *const vcs_detail_names[VCS_DETAILS] = {
    [VCS_COMPANY] = "company",
    [VCS_EMAIL] = "email",
    [VCS_ADDRESS] = "address",
    [VCS_REGISTRATION_ID] = "registration_id",
    [VCS_TAX_ID] = "tax_id",
};

/* null is an empty one; only what the answer lacks is not known. */
static const char *read_detail(
    struct vcs_trip *t, struct vcs_ask *a, const char *name)
{
	const char *theirs = vcs_field(a, name), *text;

	if (!theirs || !json_has(a->result, theirs, NULL))
		return NULL;
	text = vcs_read_text(a->result, theirs);
	return text ? mem_text(t->mem, text) : "";
}

static enum err read_client(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_client *c = a->out;
	struct json_object *row = a->result;
	const char *status = vcs_read_text(row, vcs_field(a, "status"));
	const char *zone = vcs_read_text(row, vcs_field(a, "zone"));
	const char *name = vcs_read_text(row, vcs_field(a, "name"));

	c->id = t->client;
	c->name = name ? mem_text(t->mem, name) : "";
	c->active = row && status && !strcmp(status, "active");
	for (int i = 0; i < VCS_DETAILS; i++)
		c->details[i] = read_detail(t, a, vcs_detail_names[i]);
	if (!row)
		return ERR_OK;
	if (!status)
		return ERR_UPSTREAM;
	c->has_balance =
	    vcs_read_money(row, vcs_field(a, "balance"), &c->balance) &&
	    vcs_read_money(row, vcs_field(a, "credit"), &c->credit) &&
	    money_add(c->balance, c->credit, &c->available);
	c->has_threshold =
	    vcs_read_money(row, vcs_field(a, "low_balance"), &c->low_balance);
	keep(t, "rate_table",
	    new_id(t, vcs_read_int(row, vcs_field(a, "rate_table"))));
	keep_currency_id(t, vcs_read_int(row, vcs_field(a, "currency")));
	keep_text(t, "locale", vcs_read_text(row, vcs_field(a, "locale")));
	if (zone && fmt_zone_known(zone))
		keep_text(t, "zone", zone);
	return ERR_OK;
}

/* --- Lists of names ------------------------------------------------------- */

static enum err read_names(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_names *names = a->out;
	const char *name_field = vcs_field(a, "name");

	if (!name_field)
		name_field = vcs_field(a, "code");
	names->n = json_length(a->result);
	names->items = mem_array(t->mem, names->n, sizeof(*names->items));
	for (size_t i = 0; i < names->n; i++) {
		struct json_object *row = json_at(a->result, i);
		const char *name = vcs_read_text(row, name_field);
		const char *unit = vcs_read_text(row, vcs_field(a, "unit"));

		names->items[i] = (struct vcs_name){
		    .id = vcs_read_int(row, vcs_field(a, "id")),
		    .name = name ? name : "",
		    .unit = unit ? unit : "s",
		    .rate_unit = vcs_read_int(row, vcs_field(a, "rate_unit")),
		};
		if (names->items[i].rate_unit <= 0)
			names->items[i].rate_unit =
			    strcmp(names->items[i].unit, "s") ? 1 : 60;
	}
	return ERR_OK;
}

/* Beside the ids, each one's package: which xDRs are a package's. */
static enum err read_accounts(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_names *names = a->out;
	struct json_object *ids = json_new_list(t->mem);
	struct json_object *packages = json_new_list(t->mem);

	read_names(t, a);
	for (size_t i = 0; i < names->n; i++) {
		json_put_int(ids, NULL, names->items[i].id);
		json_put_int(packages, NULL,
		    vcs_read_int(
			json_at(a->result, i), vcs_field(a, "package")));
	}
	keep(t, "accounts", ids);
	keep(t, "account_packages", packages);
	return ERR_OK;
}

static struct vcs_names *ask_names(struct vcs_trip *t, enum vcs_operation op,
    enum err (*read)(struct vcs_trip *, struct vcs_ask *))
{
	struct vcs_names *names = mem_alloc(t->mem, sizeof(*names));

	vcs_add_ask(t, op, read, names, &names->err);
	return names;
}

struct vcs_names *vcs_ask_accounts(struct vcs_trip *t)
{
	return ask_names(t, VCS_ACCOUNTS, read_accounts);
}

struct vcs_names *vcs_ask_services(struct vcs_trip *t)
{
	return ask_names(t, VCS_SERVICES, read_names);
}

static enum err read_currencies(struct vcs_trip *t, struct vcs_ask *a)
{
	read_names(t, a);
	keep_currency(t, a->out);
	return ERR_OK;
}

/* The currency's code could not be had at the log-in: here it is once more. */
struct vcs_client *vcs_ask_client(struct vcs_trip *t)
{
	struct vcs_client *c = mem_alloc(t->mem, sizeof(*c));

	vcs_add_ask(t, VCS_CLIENT, read_client, c, &c->err);
	if (t->client && json_find(t->kept, "currency_id") &&
	    !json_find(t->kept, "currency"))
		ask_names(t, VCS_CURRENCIES, read_currencies);
	return c;
}

const struct vcs_name *vcs_find_name(const struct vcs_names *names, int64_t id)
{
	for (size_t i = 0; !names->err && i < names->n; i++)
		if (names->items[i].id == id)
			return &names->items[i];
	return NULL;
}

const char *vcs_find_currency(struct vcs_trip *t, int64_t id)
{
	const struct vcs_name *found;
	int64_t own;

	if (!id || (json_find_int(t->kept, "currency_id", &own) && own == id))
		return find_currency(t->kept);
	if (!t->currencies) {
		t->currencies = ask_names(t, VCS_CURRENCIES, read_names);
		vcs_run(t);
	}
	found = vcs_find_name(t->currencies, id);
	return found ? found->name : NULL;
}

/* --- Rates ---------------------------------------------------------------- */

struct rates_fields {
	struct json_column id, code, name, service, price, currency;
	struct json_column from, till, interval, min_volume, setup_fee;
};

static bool read_rate(
    struct rates_fields *f, struct json_object *row, struct vcs_rate *rate)
{
	const char *code = vcs_text_in(row, &f->code);
	const char *name = vcs_text_in(row, &f->name);

	*rate = (struct vcs_rate){
	    .id = vcs_int_in(row, &f->id),
	    .code = code ? code : "",
	    .name = name ? name : "",
	    .service = vcs_int_in(row, &f->service),
	    .currency = vcs_int_in(row, &f->currency),
	    .effective_from = vcs_time_in(row, &f->from, "UTC"),
	    .effective_till = vcs_time_in(row, &f->till, "UTC"),
	    .interval = vcs_int_in(row, &f->interval),
	    .min_volume = vcs_int_in(row, &f->min_volume),
	};
	vcs_money_in(row, &f->setup_fee, &rate->setup_fee);
	return vcs_money_in(row, &f->price, &rate->price);
}

static enum err read_rates(struct vcs_trip *t, struct vcs_ask *a)
{
	struct rates_fields f = {vcs_column(a, "id"), vcs_column(a, "code"),
	    vcs_column(a, "name"), vcs_column(a, "service"),
	    vcs_column(a, "price"), vcs_column(a, "currency"),
	    vcs_column(a, "effective_from"), vcs_column(a, "effective_till"),
	    vcs_column(a, "interval"), vcs_column(a, "min_volume"),
	    vcs_column(a, "setup_fee")};
	struct vcs_rates *rates = a->out;
	size_t n = json_length(a->result);

	rates->n = 0;
	rates->rows = mem_array(t->mem, n, sizeof(*rates->rows));
	for (size_t i = 0; i < n; i++)
		rates->n += read_rate(
		    &f, json_at(a->result, i), &rates->rows[rates->n]);
	/* Foreign rows, too: offsets count them, and they are no end. */
	rates->raw = a->came > n ? a->came : n;
	/* Rows, but none with a price that can be read: not what we know. */
	return rates->raw && !rates->n ? ERR_UPSTREAM : ERR_OK;
}

static struct vcs_rates *ask_rates(struct vcs_trip *t, const char *order,
    size_t limit, size_t offset, bool beside)
{
	struct vcs_rates *rates = mem_alloc(t->mem, sizeof(*rates));
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_RATES, read_rates, rates, &rates->err);

	a->beside = beside;
	json_put_text(a->vars, "order", order);
	json_put_int(a->vars, "limit", (int64_t)limit);
	json_put_int(a->vars, "offset", (int64_t)offset);
	rates->cut = &a->cut;
	return rates;
}

struct vcs_rates *vcs_ask_rates(
    struct vcs_trip *t, const char *order, size_t limit, size_t offset)
{
	return ask_rates(t, order, limit, offset, false);
}

struct vcs_rates *vcs_ask_rate_piece(
    struct vcs_trip *t, size_t limit, size_t offset)
{
	return ask_rates(t, "+code", limit, offset, true);
}

enum vcs_piece vcs_check_piece(const char *operation, struct vcs_head *head,
    int64_t id, size_t came, size_t asked)
{
	if (!head->id)
		*head = (struct vcs_head){id, came < asked};
	else if (id == head->id && head->is_short)
		return VCS_PIECE_END;
	else if (id == head->id) {
		log_error("vcs.offset",
		    "%s: the first rows again; see params.offset of the "
		    "profile",
		    operation);
		return VCS_PIECE_AGAIN;
	}
	return VCS_PIECE_NEW;
}

/* Rows that came already: the end of the table, or a failure. */
static bool is_again(
    struct vcs_rates *all, const struct vcs_rates *page, size_t asked)
{
	enum vcs_piece piece = vcs_check_piece("rate.list", &all->head,
	    page->n ? page->rows[0].id : 0, page->raw, asked);

	if (piece == VCS_PIECE_AGAIN)
		all->err = ERR_UPSTREAM;
	return piece != VCS_PIECE_NEW;
}

struct vcs_rates *vcs_ask_rate_of_code(struct vcs_trip *t, const char *code)
{
	struct vcs_rates *rates = mem_alloc(t->mem, sizeof(*rates));
	struct vcs_ask *a =
	    vcs_add_ask(t, VCS_RATE_OF_CODE, read_rates, rates, &rates->err);

	json_put_text(a->vars, "code", code);
	return rates;
}

static void append_rates(struct mem *m, struct vcs_rates *all, size_t *room,
    const struct vcs_rates *page)
{
	if (all->n + page->n > *room) {
		struct vcs_rate *rows;

		*room = (all->n + page->n) * 2;
		rows = mem_array(m, *room, sizeof(*rows));
		if (all->n)
			memcpy(rows, all->rows, all->n * sizeof(*rows));
		all->rows = rows;
	}
	if (page->n)
		memcpy(all->rows + all->n, page->rows,
		    page->n * sizeof(*page->rows));
	all->n += page->n;
}

/* One wave of up to WAVE pages at once. Returns rows taken from VCS, 0 at the
 * end of the table; *chunk shrinks when VCS cuts or caps its pages. */
static size_t read_wave(struct vcs_trip *t, struct vcs_rates *all, size_t *room,
    size_t offset, size_t *chunk, size_t pages)
{
	enum { WAVE = 4, LEAST = 50 };
	struct vcs_rates *page[WAVE];
	size_t taken = 0, asked = *chunk;

	pages = pages > WAVE ? WAVE : pages;
	for (size_t i = 0; i < pages; i++)
		page[i] = vcs_ask_rates(t, "+code", asked, offset + i * asked);
	vcs_run(t);
	for (size_t i = 0; i < pages; i++) {
		if (page[i]->err && *page[i]->cut && *chunk > LEAST) {
			*chunk /= 2;
			return taken ? taken : SIZE_MAX;
		}
		all->err = page[i]->err;
		if (page[i]->err || !page[i]->raw)
			break;
		if (is_again(all, page[i], asked))
			break;
		append_rates(t->mem, all, room, page[i]);
		taken += page[i]->raw;
		if (page[i]->raw < asked) {
			/* What comes next in this wave has a gap before it. */
			*chunk = page[i]->raw > LEAST ? page[i]->raw : LEAST;
			break;
		}
	}
	return taken;
}

struct vcs_rates *vcs_read_rates(struct vcs_trip *t, size_t most)
{
	enum { CHUNK = 2500, ROUNDS = 64 };
	struct vcs_rates *all = mem_alloc(t->mem, sizeof(*all));
	size_t room = 0, offset = 0, chunk = CHUNK, pages = 1, taken;
	bool end = false;

	for (int round = 0; round < ROUNDS && offset <= most; round++) {
		taken = read_wave(t, all, &room, offset, &chunk, pages);
		end = !taken;
		if (all->err || end)
			break;
		if (taken != SIZE_MAX)
			offset += taken;
		pages = taken == chunk * pages ? 4 : 1;
	}
	all->limited = !all->err && !end;
	if (all->n > most)
		all->n = most;
	return all;
}

/* --- Pings and log-in ----------------------------------------------------- */

static enum err read_nothing(struct vcs_trip *t, struct vcs_ask *a)
{
	(void)t;
	(void)a;
	return ERR_OK;
}

struct vcs_ping *vcs_ask_ping(struct vcs_trip *t, bool management)
{
	struct vcs_ping *ping = mem_alloc(t->mem, sizeof(*ping));

	vcs_add_ask(t, management ? VCS_MANAGEMENT_PING : VCS_CORE_PING,
	    read_nothing, ping, &ping->err);
	return ping;
}

static enum err read_login(struct vcs_trip *t, struct vcs_ask *a)
{
	(void)t;
	*(int64_t *)a->out = vcs_read_int(a->result, vcs_field(a, "id"));
	return ERR_OK;
}

enum err vcs_find_login(struct brand *b, struct mem *m, const char *login,
    const char *password, int64_t *client)
{
	struct vcs_trip *t = vcs_trip(b, m, NULL);
	enum err err = ERR_OK;
	struct vcs_ask *a = vcs_add_ask(t, VCS_LOGIN, read_login, client, &err);

	t->quiet = true;
	*client = 0;
	json_put_text(a->vars, "login", login);
	json_put_text(a->vars, "password", password);
	vcs_run(t);
	if (err == ERR_RULE)
		return ERR_OK;
	if (err)
		log_warn("vcs.failed", "client.login: %s: %s", err_code(err),
		    a->trouble ? a->trouble : "unexpected answer");
	return err;
}

enum err vcs_enter(
    struct brand *b, struct mem *m, int64_t client, struct json_object **kept)
{
	struct vcs_trip *t = vcs_trip(b, m, NULL);
	struct vcs_client *c;

	t->client = client;
	t->quiet = client == 0;
	t->kept = json_new(m);
	c = vcs_ask_client(t);
	vcs_ask_accounts(t);
	ask_names(t, VCS_CURRENCIES, read_currencies);
	vcs_run(t);
	if (client == 0)
		return ERR_LOGIN;
	if (c->err)
		return c->err == ERR_RULE ? ERR_UPSTREAM : c->err;
	if (!c->active)
		return ERR_LOGIN;
	*kept = t->kept;
	return ERR_OK;
}

/* A wrong password costs the same calls as a right one: the customer's row is
 * asked for even if there is none (client 0). */
enum err vcs_login(struct brand *b, struct mem *m, const char *login,
    const char *password, int64_t *client, struct json_object **kept)
{
	enum err err = vcs_find_login(b, m, login, password, client);

	return err ? err : vcs_enter(b, m, *client, kept);
}

void vcs_mend_kept(struct vcs_trip *t)
{
	if (json_find(t->kept, "currency"))
		return;
	ask_names(t, VCS_CURRENCIES, read_currencies);
	vcs_run(t);
}
