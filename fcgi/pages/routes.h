/* routes.h: the load functions that the routing table names. */
#ifndef PORTICO_ROUTES_H
#define PORTICO_ROUTES_H

#include "pages/page.h"

extern const struct param login_form_params[], login_params[];
enum err login_load(struct call *c);
enum err login_form(struct call *c);
enum err login_submit(struct call *c);
enum err logout_submit(struct call *c);

extern const struct param language_params[];
enum err language_submit(struct call *c);

enum err dashboard_load(struct call *c);

extern const struct param rates_params[];
enum err rates_load(struct call *c);
enum err rates_export(struct call *c);

extern const struct param lookup_params[];
enum err lookup_load(struct call *c);
enum err subscriptions_load(struct call *c);
enum err accounts_load(struct call *c);

extern const struct param transactions_params[];
enum err payments_load(struct call *c);
enum err payments_export(struct call *c);
enum err charges_load(struct call *c);
enum err charges_export(struct call *c);

extern const struct param invoices_params[];
enum err invoices_load(struct call *c);
enum err invoice_file_load(struct call *c);

extern const struct param usage_summary_params[], usage_detailed_params[];
enum err usage_summary_load(struct call *c);
enum err usage_summary_export(struct call *c);
enum err usage_detailed_load(struct call *c);
enum err usage_detailed_export(struct call *c);

extern const struct param voucher_params[];
enum err voucher_load(struct call *c);
enum err voucher_form(struct call *c);
enum err voucher_submit(struct call *c);

extern const struct param profile_params[];
enum err profile_load(struct call *c);
enum err profile_form(struct call *c);
enum err profile_submit(struct call *c);

extern const struct param password_params[];
enum err password_load(struct call *c);
enum err password_form(struct call *c);
enum err password_submit(struct call *c);

enum err health_load(struct call *c);
enum err openapi_load(struct call *c);

#endif
