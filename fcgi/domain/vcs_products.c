/* vcs_products.c: what the customer has: accounts, subscriptions. */
#include "domain/vcs.h"

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/vcs_trip.h"

/* true, 1 and "1"; a profile that names no such field means that all are. */
static bool read_flag(struct json_object *row, const char *name)
{
	struct json_object *value = name ? json_find(row, name) : NULL;

	if (!name)
		return true;
	if (json_is(value, JSON_FLAG))
		return json_flag(value);
	return vcs_read_int(row, name) == 1;
}

static enum err read_account_list(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_accounts *accounts = a->out;
	const char *ips = vcs_field(a, "ips");

	accounts->n = json_length(a->result);
	accounts->items =
	    mem_array(t->mem, accounts->n, sizeof(*accounts->items));
	for (size_t i = 0; i < accounts->n; i++) {
		struct json_object *row = json_at(a->result, i);

		accounts->items[i] = (struct vcs_account){
		    .id = vcs_read_int(row, vcs_field(a, "id")),
		    .name = vcs_read_text(row, vcs_field(a, "name")),
		    .kind = vcs_read_text(row, vcs_field(a, "kind")),
		    .ani = vcs_read_text(row, vcs_field(a, "ani")),
		    .ips = ips ? json_find(row, ips) : NULL,
		    .enabled = read_flag(row, vcs_field(a, "enabled")),
		};
	}
	return ERR_OK;
}

struct vcs_accounts *vcs_ask_account_list(struct vcs_trip *t)
{
	struct vcs_accounts *accounts = mem_alloc(t->mem, sizeof(*accounts));

	vcs_add_ask(
	    t, VCS_ACCOUNTS, read_account_list, accounts, &accounts->err);
	return accounts;
}

static void read_subscription(const struct vcs_trip *t, const struct vcs_ask *a,
    struct json_object *row, struct vcs_subscription *s)
{
	const char *zone = vcs_zone(t), *limits = vcs_field(a, "limits");

	*s = (struct vcs_subscription){
	    .id = vcs_read_int(row, vcs_field(a, "id")),
	    .account = vcs_read_int(row, vcs_field(a, "account")),
	    .quantity = vcs_read_int(row, vcs_field(a, "quantity")),
	    .currency = vcs_read_int(row, vcs_field(a, "currency")),
	    .package = vcs_read_text(row, vcs_field(a, "package")),
	    .status = vcs_read_text(row, vcs_field(a, "status")),
	    .from = vcs_read_time(row, vcs_field(a, "from"), zone),
	    .to = vcs_read_time(row, vcs_field(a, "to"), zone),
	    .renews = vcs_read_time(row, vcs_field(a, "renews"), zone),
	    .limits = limits ? json_find(row, limits) : NULL,
	};
	s->has_fee = vcs_read_money(row, vcs_field(a, "fee"), &s->fee);
}

static enum err read_subscriptions(struct vcs_trip *t, struct vcs_ask *a)
{
	struct vcs_subscriptions *all = a->out;

	all->n = json_length(a->result);
	all->items = mem_array(t->mem, all->n, sizeof(*all->items));
	for (size_t i = 0; i < all->n; i++)
		read_subscription(t, a, json_at(a->result, i), &all->items[i]);
	return ERR_OK;
}

struct vcs_subscriptions *vcs_ask_subscriptions(struct vcs_trip *t)
{
	struct vcs_subscriptions *all = mem_alloc(t->mem, sizeof(*all));

	vcs_add_ask(t, VCS_SUBSCRIPTIONS, read_subscriptions, all, &all->err);
	return all;
}
