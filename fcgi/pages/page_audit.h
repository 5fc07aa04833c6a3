/* page_audit.h: entries of the audit trail, for pages. What cannot be written
 * is logged, and the page goes on. */
#ifndef PORTICO_PAGE_AUDIT_H
#define PORTICO_PAGE_AUDIT_H

#include "domain/audit.h"
#include "pages/page.h"

/* Where this request came from; in the pool. */
struct audit_by page_audit_by(struct call *c);

/* Adds an entry of this request's: `e->by` is filled in. */
void page_audit(struct call *c, int64_t client, struct audit_entry e);

/* The same for the session's customer. */
void page_audit_mine(struct call *c, struct audit_entry e);

/* A log-in is through, with all its factors: `how` is "password", "code" (with
 * both) or another of the texts audit.how.HOW. Call it once for each. */
void page_audit_login(struct call *c, const char *how);

/* A guess of a customer's that was wrong, or not enough: counted. */
void page_audit_failure(struct call *c, int64_t client, enum audit_event event);

#endif
