/* page_serve.h: inside page*.c: steps of serving a request. */
#ifndef PORTICO_PAGE_SERVE_H
#define PORTICO_PAGE_SERVE_H

#include "pages/page.h"

/* The cookie's name behind "__Host-" (over HTTPS, which browsers then hold to
 * Secure and to this host) or bare. */
const char *page_cookie_name(const struct call *c, const char *base);

/* Whether a row is the one of a request's path, whatever the method. */
bool page_is_path(const struct page *p, const struct req *r);

/* The path for a log line: without the secret of a letter's link. */
const char *page_logged_path(const struct call *c);

/* Whether the answer is to be a file (CSV, XLSX). */
bool page_is_file(const struct call *c);

/* Finds who is logged in. ERR_LOGIN: nobody. ERR_CODE, ERR_ENROL: somebody
 * whose log-in lacks something, in c->half. */
enum err page_find_session(struct call *c);

/* Begins a session and hands its token out, as a cookie or in the model; it is
 * the call's from then on. `kept` is what it keeps. The old one, if any, is the
 * caller's to end. */
enum err page_begin_session(struct call *c, enum session_kind kind,
    int64_t client, const char *login, struct json_object *kept);

/* The same for a browser's log-in that lacks something; it lasts for some
 * minutes. */
enum err page_begin_half(struct call *c, enum session_lack lack, int64_t client,
    const char *login, struct json_object *kept);

/* Goes on with a new token, and ends the old one; `others`: all others of the
 * customer's, too. Nothing is lacking then. */
enum err page_renew_session(struct call *c, bool others);

/* What page_flash() left for this page; NULL: nothing. Once. */
const char *page_take_flash(struct call *c);

/* What is another one for each session, and before the log-in for each browser:
 * a secret of theirs, or "" where there is no cookie yet. */
const char *page_asker(const struct call *c);

/* The token that the page's forms carry; makes the visitor's cookie where
 * nobody is logged in. */
const char *page_csrf(struct call *c);
/* ERR_CSRF: a cookie request without the right token. */
enum err page_check_csrf(struct call *c);

/* Fills c->ui for a template. */
void page_fill_ui(struct call *c, const char *tmpl);

/* Answers with the model, or with an error. */
void page_answer(struct call *c);
void page_answer_error(struct call *c, enum err e);

#endif
