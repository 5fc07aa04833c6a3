/* routes.c: the routing table: every page of the portal, a row each. */
#include "pages/routes.h"

static const struct param none[] = {{0}};

const struct page pages[] = {
    {METHOD_GET, "/api/login", "login", login_form_params, PAGE_PUBLIC,
	login_load, "The log-in form.", NULL},
    {METHOD_POST, "/api/login", "login", login_params,
	PAGE_PUBLIC | PAGE_TOKEN_LOGIN | PAGE_NO_CLIENT, login_submit,
	"Logs in. A JSON body answers a bearer token, a form sets a cookie.",
	login_form},
    {METHOD_POST, "/api/logout", NULL, none, PAGE_NO_CLIENT, logout_submit,
	"Ends the session.", NULL},
    {METHOD_POST, "/api/language", NULL, language_params,
	PAGE_PUBLIC | PAGE_NO_CLIENT, language_submit,
	"Chooses the language of pages and texts.", NULL},
    {METHOD_GET, "/api/dashboard", "dashboard", none, 0, dashboard_load,
	"Live balance, the last 30 days of usage, the latest calls.", NULL},
    {METHOD_GET, "/api/rates", "rates", rates_params, 0, rates_load,
	"The customer's rates, searched, sorted and paged.", NULL},
    {METHOD_GET, "/api/rates/lookup", "lookup", lookup_params, 0, lookup_load,
	"The rate that a dialled number would be billed at."},
    {METHOD_GET, "/api/subscriptions", "subscriptions", none, 0,
	subscriptions_load, "The customer's packages, renewals, limits left."},
    {METHOD_GET, "/api/accounts", "accounts", none, 0, accounts_load,
	"The customer's accounts and what they are identified by."},
    {METHOD_GET, "/api/health", NULL, none, PAGE_PUBLIC | PAGE_JSON_ONLY,
	health_load, "Whether the portal and what it needs are up.", NULL},
    {METHOD_GET, "/api/openapi.json", NULL, none, PAGE_PUBLIC | PAGE_JSON_ONLY,
	openapi_load, "This description, made from the routing table.", NULL},
    {0},
};
