/* page_usage.h: what the pages of usage share: the period, the filters with
 * their options, an xDR as the model has it.
 */
#ifndef PORTICO_PAGE_USAGE_H
#define PORTICO_PAGE_USAGE_H

#include "pages/page_table.h"

/* For a row's list of parameters. */
#define PARAM_USAGE_ID(NAME, ABOUT)                                            \
	{                                                                      \
		.name = (NAME), .type = PARAM_NUMBER, .min = 1,                \
		.max = INT32_MAX, .about = (ABOUT)                             \
	}
#define PARAM_SERVICE PARAM_USAGE_ID("service", "A service's id.")
#define PARAM_ACCOUNT PARAM_USAGE_ID("account", "An account's id.")
#define PARAM_PACKAGE                                                          \
	PARAM_USAGE_ID("package",                                              \
	    "A package's id: the usage of the accounts that have it.")

struct usage {
	struct period period;
	struct vcs_filter filter;
	struct vcs_names *accounts, *services, *packages;
};

/* The period and the filters, from the parameters; asks for the names of their
 * options along with what else the trip holds. ERR_INPUT: as
 * page_find_period(). */
enum err page_begin_usage(struct call *c, struct usage *u);

/* Makes the trip. ERR_NOT_FOUND: an account, a service or a package that is
 * not there or not the customer's. */
enum err page_go_usage(struct call *c, const struct usage *u);

/* filters{} of the model: what applies, and the options; the same for the form
 * as ui.filters, with ui.has_filter{service,account,package} (theme.json may
 * name fewer under NAME.filters), ui.filtered and ui.clear_url. */
void page_put_usage_filters(
    struct call *c, const char *name, const struct usage *u);

#define PAGE_USAGE_FILTERS "service|account|package"

/* Whether theme.json names the key under NAME.LIST; all where it is silent. */
bool page_theme_has(
    struct call *c, const char *name, const char *list, const char *key);

/* The same as the shape of an answer; the page may add more. */
#define SHAPE_USAGE_FILTERS                                                    \
	"from:date to:date service:int? services[id:int name?] "               \
	"account:int? accounts[id:int name?] "                                 \
	"package:int? packages[id:int name?]"

/* {id, name}; the name of what is not known is null. */
void page_put_named(struct json_object *o, const char *key, int64_t id,
    const struct vcs_names *names);

#define SHAPE_XDR                                                              \
	"id:int time:time? account{id:int name?} source? destination? code? "  \
	"name? service{id:int name?} duration:quantity rate:money? "           \
	"cost:money?"

/* An xDR with time, account, service, duration, rate, cost. */
struct json_object *page_make_xdr(struct call *c, const struct vcs_xdr *x,
    const struct vcs_names *accounts, const struct vcs_names *services);

#endif
