/* routes.h: the load functions that the routing table names. */
#ifndef PORTICO_ROUTES_H
#define PORTICO_ROUTES_H

#include "pages/page.h"
#include "pages/page_theme.h"

extern const struct param login_form_params[], login_params[];
enum err login_load(struct call *c);
enum err login_form(struct call *c);
extern const char login_answer[];
enum err login_submit(struct call *c);
enum err logout_submit(struct call *c);

extern const struct param login_code_params[];
enum err login_code_load(struct call *c);
enum err login_code_form(struct call *c);
enum err login_code_submit(struct call *c);

extern const struct param login_passkey_params[];
extern const char passkey_options_answer[];
enum err login_passkey_load(struct call *c);
enum err login_passkey_submit(struct call *c);
enum err login_code_passkey_load(struct call *c);
enum err login_code_passkey_submit(struct call *c);

/* Of what page_check_proof() reads. */
extern const struct param page_proof_params[];
extern const struct param passkey_add_params[];
extern const struct param passkey_name_params[];
extern const char passkeys_answer[], passkey_begun_answer[];
extern const char passkey_added_answer[], passkey_answer[];
enum err passkeys_load(struct call *c);
enum err passkeys_form(struct call *c);
enum err passkey_begin(struct call *c);
enum err passkey_add_submit(struct call *c);
enum err passkey_load(struct call *c);
enum err passkey_form(struct call *c);
enum err passkey_rename_submit(struct call *c);
enum err passkey_remove_submit(struct call *c);

extern const struct param totp_confirm_params[];
extern const char totp_answer[], totp_confirmed_answer[];
enum err totp_load(struct call *c);
enum err totp_form(struct call *c);
enum err totp_begin(struct call *c);
enum err totp_confirm(struct call *c);
enum err totp_remove(struct call *c);

extern const struct param reset_form_params[], reset_params[];
extern const struct param reset_token_params[];
extern const char reset_answer[], reset_token_answer[], reset_done_answer[];
enum err reset_load(struct call *c);
enum err reset_form(struct call *c);
enum err reset_submit(struct call *c);
enum err reset_token_load(struct call *c);
enum err reset_token_form(struct call *c);
enum err reset_token_submit(struct call *c);

extern const struct param language_params[];
enum err language_submit(struct call *c);

extern const char theme_style_answer[], theme_page_answer[];
enum err theme_style_load(struct call *c);
enum err theme_page_load(struct call *c);

extern const char dashboard_answer[];
enum err dashboard_load(struct call *c);

extern const struct param rates_params[];
extern const char rates_answer[];
extern const struct page_theme rates_theme;
enum err rates_load(struct call *c);
enum err rates_export(struct call *c);

extern const struct param lookup_params[];
extern const char lookup_answer[];
enum err lookup_load(struct call *c);
extern const char subscriptions_answer[];
enum err subscriptions_load(struct call *c);
extern const char accounts_answer[];
enum err accounts_load(struct call *c);

extern const struct param transactions_params[];
extern const char payments_answer[];
extern const struct page_theme payments_theme;
enum err payments_load(struct call *c);
enum err payments_export(struct call *c);
extern const char charges_answer[];
extern const struct page_theme charges_theme;
enum err charges_load(struct call *c);
enum err charges_export(struct call *c);

extern const struct param invoices_params[];
extern const char invoices_answer[];
extern const struct page_theme invoices_theme;
enum err invoices_load(struct call *c);
extern const char invoice_file_answer[];
enum err invoice_file_load(struct call *c);

extern const struct param usage_summary_params[], usage_detailed_params[];
extern const char usage_summary_answer[];
extern const struct page_theme usage_summary_theme;
enum err usage_summary_load(struct call *c);
enum err usage_summary_export(struct call *c);
extern const char usage_detailed_answer[];
extern const struct page_theme usage_detailed_theme;
enum err usage_detailed_load(struct call *c);
enum err usage_detailed_export(struct call *c);

extern const struct param voucher_params[];
extern const char voucher_form_answer[];
enum err voucher_load(struct call *c);
enum err voucher_form(struct call *c);
extern const char voucher_answer[];
enum err voucher_submit(struct call *c);

extern const struct param profile_params[];
extern const char profile_answer[];
extern const struct page_theme profile_theme;
enum err profile_load(struct call *c);
enum err profile_form(struct call *c);
extern const char profile_saved_answer[];
enum err profile_submit(struct call *c);

extern const struct param password_params[];
extern const char password_form_answer[];
enum err password_load(struct call *c);
enum err password_form(struct call *c);
extern const char password_answer[];
enum err password_submit(struct call *c);

extern const struct param security_end_params[];
extern const char security_answer[], security_ended_answer[];
enum err security_load(struct call *c);
enum err security_end(struct call *c);

extern const struct param audit_params[];
extern const char audit_answer[];
extern const struct page_theme audit_theme;
enum err audit_load(struct call *c);
enum err audit_export(struct call *c);

extern const char personal_answer[], personal_file_answer[];
enum err personal_load(struct call *c);
enum err personal_file_load(struct call *c);

extern const char vcs_hook_answer[];
enum err vcs_hook_submit(struct call *c);

extern const char health_answer[];
extern const struct param refill_params[], refill_form_params[];
extern const struct param invoice_pay_params[];
extern const char refill_answer[], payment_begun_answer[];
enum err refill_load(struct call *c);
enum err refill_form(struct call *c);
enum err refill_submit(struct call *c);
enum err invoice_pay_form(struct call *c);
enum err invoice_pay_submit(struct call *c);

extern const struct param payment_params[], payment_return_params[];
extern const char payment_answer[], payment_returned_answer[];
enum err payment_status_load(struct call *c);
enum err payment_return_load(struct call *c);
enum err payment_cancel_load(struct call *c);

extern const char metrics_answer[];
enum err metrics_load(struct call *c);

extern const char hook_answer[];
enum err hook_submit(struct call *c);

enum err health_load(struct call *c);
extern const char openapi_shape[];
enum err openapi_load(struct call *c);
enum err docs_load(struct call *c);

#endif
