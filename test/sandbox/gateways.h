/* gateways.h: what the simulated PayPal, Authorize.Net and mail share. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "sandbox.h"

/* gateway.c */
void gateway_id(char *to, size_t length); /* capitals and digits, ended */
bool gateway_fault(struct exchange *, enum fault_kind, struct fault *);
/* A fault's text takes the place of a value. */
void gateway_twist(
    struct exchange *, enum fault_kind, char *value, size_t room);
void gateway_spoil(struct exchange *);	  /* the written answer */
int gateway_digits(const char *currency); /* PayPal's; -1: not taken */
/* "25" to "25.00"; false: more digits than that, or not a number. */
bool amount_parse(const char *, int digits, int64_t *nano);
void buf_amount(struct buf *, int64_t nano, int digits);
bool hook_set(enum api, const char *url); /* "": off */
void hook_get(enum api, char url[1024]);

/* requests.c: GET /requests. */
void requests_add(struct exchange *);
void requests_status(struct exchange *, unsigned status);
void requests_list(struct buf *, enum api);
void requests_clear(void);

/* pages.c: what the pages that a customer clicks through look like. */
void page_begin(struct exchange *, const char *title);
void page_end(struct exchange *);
void page_row(struct exchange *, const char *name, const char *value);
void page_go(struct exchange *, const char *url); /* 303 */
bool page_style(struct exchange *);		  /* true: it was asked for */

/* paypal.c */
void paypal_read(struct exchange *);
void paypal_serve(struct exchange *);
void paypal_expire(void); /* all tokens */
/* Answers an error; name follows from the status. */
void paypal_error(struct exchange *, unsigned status, const char *issue,
    const char *description);
void paypal_field_error(struct exchange *, unsigned status, const char *field,
    const char *value, const char *issue);
struct json_object *member_of(
    struct json_object *, const char *name, enum json_type);
const char *text_of(struct json_object *, const char *name); /* or NULL */

/* paypal_orders.c; what serves a path gets the id that stands in it. */
void paypal_order_create(struct exchange *, const char *);
void paypal_order_get(struct exchange *, const char *);
void paypal_order_capture(struct exchange *, const char *);
bool paypal_approve(sqlite3 *, const char *order); /* as the payer */
void paypal_order_json(
    struct exchange *, struct buf *, sqlite3 *, const char *id, bool full);

/* paypal_payments.c */
struct view {
	char amount[40], currency[16], payee[32], state[32];
	bool none, two;
};

void paypal_view(struct exchange *, struct view *, bool reads);
void buf_money(struct buf *, const char *currency, const char *value);
void paypal_capture_get(struct exchange *, const char *);
void paypal_refund_get(struct exchange *, const char *);
void paypal_refund_create(struct exchange *, const char *);
void paypal_captures_json(
    struct buf *, sqlite3 *, const char *order, const struct view *);
void paypal_refunds_json(struct buf *, sqlite3 *, const char *order);
bool paypal_capture_event(sqlite3 *, const char *id, const char *type);
/* NULL or the issue; kind is refund or reversal. */
const char *paypal_give_back(sqlite3 *, const char *capture, const char *kind,
    const char *amount, char id[20]);
const char *paypal_settle(sqlite3 *, const char *capture, const char *status);

/* paypal_events.c */
bool paypal_event(sqlite3 *, const char *type, const char *resource_type,
    const char *id, const char *resource);
void paypal_verify(struct exchange *, const char *);
void paypal_webhooks(struct exchange *, const char *);
void paypal_events(struct exchange *, const char *);
void paypal_cert(struct exchange *, const char *);
bool paypal_cert_path(const char *path);
/* The headers of a delivery of this body, as a JSON object. */
bool paypal_sign(struct buf *, const char *body, const char *webhook_id,
    const char *cert); /* NULL: the right one */

/* paypal_pages.c */
void paypal_page(struct exchange *, const char *);

/* anet.c */
void anet_read(struct exchange *);
void anet_serve(struct exchange *);
void anet_messages(struct exchange *, const char *code, const char *text);
void anet_details(struct exchange *, struct json_object *body);
void anet_unsettled(struct exchange *, struct json_object *body);
void anet_batches(struct exchange *, struct json_object *body);
void anet_batch(struct exchange *, struct json_object *body);
void anet_create(struct exchange *, struct json_object *body);
void anet_held(struct exchange *, struct json_object *body);
void anet_token(struct exchange *, struct json_object *body);

/* anet_schema.c: NULL, or writes what is wrong with the order. */
bool anet_check(const char *root, struct json_object *body, struct buf *wrong);

/* anet_money.c */
int64_t anet_pay(
    struct exchange *, sqlite3 *, const char *token, const char *result);
const char *anet_void(sqlite3 *, int64_t id);
const char *anet_refund(
    sqlite3 *, int64_t id, const char *amount, int64_t *refund);
const char *anet_review(sqlite3 *, int64_t id, bool approve);
const char *anet_chargeback(sqlite3 *, int64_t id, bool reversal);
int64_t anet_settle(sqlite3 *);

/* anet_events.c */
bool anet_event(sqlite3 *, const char *type, int64_t transaction);
void anet_sign(struct buf *, const char *body);

/* anet_pages.c */
void anet_page(struct exchange *);

/* webhook.c: deliveries, in threads of their own. */
bool hook_add(sqlite3 *, enum api, const char *event, const char *type,
    const char *resource, const char *body, const char *headers);
void hook_wake(void); /* after the commit */
bool hook_again(const char *event);
bool hook_start(void);
void hook_stop(void);
void hook_list(struct buf *);
void hook_clear(void);

/* control_money.c: the control paths of all this. */
bool money_serve(struct exchange *);

/* smtp.c */
bool smtp_start(void);
void smtp_stop(void);
void smtp_list(struct buf *);
void smtp_clear(void);

#endif
