/* refill.c: refilling the balance. No gateway is set up in this release, and
 * one that is not set up does not exist: people are led to vouchers. */
#include "pages/routes.h"

const char refill_answer[] =
    "gateways[id name description] min:money max:money "
    "presets[:money] open:any";

static void put_setting(
    struct call *c, struct json_object *o, const char *key, const char *amount)
{
	struct money value = {0};

	money_parse(amount, &value);
	put_money(c, o, key, value, c->currency);
}

/* A list of money: what is put under a key, without the key. */
static void put_presets(struct call *c)
{
	const struct conf_list *presets = &c->brand->conf->refill.presets;
	struct json_object *list = json_put_list(c->model, "presets");

	for (size_t i = 0; i < presets->n; i++) {
		struct json_object *one = json_new(c->mem);

		put_setting(c, one, "amount", presets->items[i]);
		json_put(list, NULL, json_object_get(json_find(one, "amount")));
	}
}

enum err refill_load(struct call *c)
{
	enum err err = page_go(c);

	if (err)
		return err;
	json_put_list(c->model, "gateways");
	put_setting(c, c->model, "min", c->brand->conf->refill.min);
	put_setting(c, c->model, "max", c->brand->conf->refill.max);
	put_presets(c);
	json_put_list(c->model, "open");
	page_flash(c, page_text(c, "refill.none"));
	c->location = "/api/voucher";
	return ERR_OK;
}
