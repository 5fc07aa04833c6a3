/* page_passkey.c: a customer's passkeys in a model. */
#include "pages/page_passkey.h"

#include "pages/page_factor.h"

void page_put_passkey(
    struct call *c, struct json_object *o, const struct passkey *key)
{
	json_put_text(o, "id", key->id);
	json_put_text(o, "name", key->name);
	put_time(c, o, "created", key->created);
	put_time(c, o, "used", key->used);
}

static void show_key(
    struct call *c, struct json_object *list, const struct passkey *key)
{
	struct json_object *o = json_new(c->mem);

	page_put_passkey(c, o, key);
	json_put_text(
	    o, "key_url", mem_print(c->mem, PAGE_PASSKEYS "/%s", key->id));
	json_put(list, NULL, o);
}

enum err page_put_passkeys(struct call *c, struct json_object *list, size_t *n)
{
	const struct factor_of of = page_factor_of(c, c->session->client_id);
	struct json_object *shown = json_put_list(c->ui, "keys"), *o;
	struct passkey *keys;
	enum err err = passkey_list(&of, &keys, n);

	for (size_t i = 0; i < *n; i++) {
		o = json_new(c->mem);
		page_put_passkey(c, o, &keys[i]);
		json_put(list, NULL, o);
		show_key(c, shown, &keys[i]);
	}
	json_put_flag(c->ui, "none", *n == 0);
	json_put_flag(c->ui, "full", *n >= PASSKEY_MOST);
	return err;
}
