/* vcs_payment.c: payments that a gateway has taken, in VCS. */
#include "domain/vcs_payment.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/session.h"
#include "domain/vcs_billing.h"
#include "domain/vcs_trip.h"

enum { DAY = 86400, MARGIN = 31 * DAY, MOST_ROWS = 200000 };

/* A trip for a customer whom no session stands for. */
static struct vcs_trip *open_trip(
    struct brand *b, struct mem *m, int64_t client, struct session *s)
{
	*s = (struct session){.client_id = client, .kept = json_new(m)};
	return vcs_trip(b, m, s);
}

/* VCS refused what it was only asked: that is its fault, not an answer. */
static enum err fault_of(enum err err)
{
	return err == ERR_RULE ? ERR_UPSTREAM : err;
}

static bool has_reference(
    const struct vcs_transactions *all, const char *reference)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->rows[i].notes && strstr(all->rows[i].notes, reference))
			return true;
	return false;
}

static enum err check_currency(
    struct vcs_trip *t, struct session *s, struct mem *m, struct vcs_credit *c)
{
	const char *code;

	vcs_mend_kept(t);
	code = vcs_kept_currency(s);
	if (!code || !json_find_int(s->kept, "currency_id", &c->currency_id))
		return ERR_UPSTREAM;
	if (!strcmp(code, c->currency))
		return ERR_OK;
	c->why = mem_print(m, "the customer's currency is %s now", code);
	return ERR_RULE;
}

/* A month more at each end: VCS may date a transaction in a zone of its own, or
 * by another clock, and ours may have been set between then and now. What lies
 * outside would be added again. */
enum err vcs_find_credit(struct brand *b, struct mem *m, struct vcs_credit *c)
{
	struct session s;
	struct vcs_trip *t = open_trip(b, m, c->client, &s);
	struct vcs_client *client = vcs_ask_client(t);
	int64_t now = (int64_t)time(NULL);
	struct vcs_transactions *all = vcs_read_transactions(t, VCS_PAYMENTS,
	    (c->since < now ? c->since : now) - MARGIN,
	    (c->since < now ? now : c->since) + MARGIN, MOST_ROWS);

	c->found = false;
	if (all->err || client->err)
		return fault_of(all->err ? all->err : client->err);
	c->found = has_reference(all, c->reference);
	if (c->found)
		return ERR_OK;
	if (!all->limited)
		return check_currency(t, &s, m, c);
	log_error("payment.lookup", "client %lld: too many transactions",
	    (long long)c->client);
	return ERR_UPSTREAM;
}

static enum err read_added(struct vcs_trip *t, struct vcs_ask *a)
{
	struct json_object *row =
	    json_length(a->result) == 1 ? json_at(a->result, 0) : a->result;

	(void)t;
	/* No id: not the answer that we know, so nobody knows. */
	return vcs_read_int(row, vcs_profile_field(a->method, "id"))
		   ? ERR_OK
		   : ERR_UPSTREAM;
}

static bool is_refusal(const struct vcs_ask *a)
{
	return a->err == ERR_RULE && a->call.code != VCS_NO_METHOD;
}

enum err vcs_add_credit(struct brand *b, struct mem *m, struct vcs_credit *c)
{
	struct session s;
	struct vcs_trip *t = open_trip(b, m, c->client, &s);
	enum err err = ERR_INTERNAL;
	struct vcs_ask *a;

	a = vcs_add_ask(t, VCS_TRANSACTION_ADD, read_added, NULL, &err);
	json_put_digits(a->vars, "amount", money_text(m, c->amount));
	json_put_int(a->vars, "currency_id", c->currency_id);
	json_put_text(a->vars, "notes", c->notes);
	vcs_run(t);
	if (err == ERR_RULE && !is_refusal(a))
		return ERR_UPSTREAM;
	c->why = a->trouble;
	return err;
}

const char *vcs_find_email(struct brand *b, struct mem *m, int64_t client)
{
	struct session s;
	struct vcs_trip *t = open_trip(b, m, client, &s);
	struct vcs_client *c = vcs_ask_client(t);

	vcs_go(t);
	return c->err || !c->details[VCS_EMAIL] || !*c->details[VCS_EMAIL]
		   ? NULL
		   : c->details[VCS_EMAIL];
}
