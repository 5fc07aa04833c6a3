/* health.c: whether the portal and what it needs are up. */
#include "pages/routes.h"

#include <string.h>

enum {
	KEEP = 2
}; /* seconds that an answer is good for, so that nobody can
    * make the billing system answer pings all day */

static struct {
	int64_t asked;
	const struct brand *brand;
	const char *core, *management;
} last;

static const char *name_state(enum err err)
{
	return err ? "down" : "ok";
}

static void ask(struct call *c)
{
	bool has_management = c->brand->conf->management_api.login[0] != '\0';
	struct vcs_ping *core = vcs_ask_ping(c->trip, false), *management;

	management = has_management ? vcs_ask_ping(c->trip, true) : NULL;
	page_go(c);
	last.asked = c->now;
	last.brand = c->brand;
	last.core = name_state(core->err);
	last.management =
	    has_management ? name_state(management->err) : "not_set";
}

const char health_answer[] = "status:ok|degraded|down store:ok|down "
			     "vcs{core:ok|down management:ok|down|not_set}";

enum err health_load(struct call *c)
{
	bool has_store = c->db && brand_store_answers(c->brand, c->mem);
	const char *store = has_store ? "ok" : "down";
	const char *status = "ok";
	struct json_object *vcs;

	if (last.brand != c->brand || c->now - last.asked >= KEEP)
		ask(c);
	if (!strcmp(last.management, "down"))
		status = "degraded";
	if (!strcmp(last.core, "down") || !has_store)
		status = "down";
	json_put_text(c->model, "status", status);
	json_put_text(c->model, "store", store);
	vcs = json_put_object(c->model, "vcs");
	json_put_text(vcs, "core", last.core);
	json_put_text(vcs, "management", last.management);
	if (!strcmp(status, "down"))
		c->status = 503;
	return ERR_OK;
}
