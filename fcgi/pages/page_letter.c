/* page_letter.c: letters about the customer's account. */
#include "pages/page_letter.h"

#include <string.h>

#include "domain/device.h"
#include "domain/letter.h"
#include "domain/throttle.h"
#include "domain/vcs_payment.h"
#include "pages/page_audit.h"
#include "pages/page_serve.h"
#include "tools/crypto.h"

enum { HOUR = 3600, DEVICE_LETTERS = 5, COOKIE_BYTES = 24, AGENT_SHOWN = 60 };

struct letter {
	int64_t client;
	const char *subject, *text;
};

static void send(struct call *c)
{
	const struct letter *l = c->after_ctx;
	const char *to = vcs_find_email(c->brand, c->mem, l->client);

	if (to)
		letter_send(c->brand, c->mem, c->now, to, l->subject, l->text);
}

void page_send_letter(
    struct call *c, const char *key, int64_t client, const char *login)
{
	struct letter *l = mem_alloc(c->mem, sizeof(*l));
	const struct fmt_arg args[] = {{.text = c->brand->conf->title},
	    {.text = login},
	    {.text = fmt_time(c->mem, c->fmt, c->now, c->zone, FMT_DATE_TIME)},
	    {.text = page_name_device(c, req_env(c->req, "HTTP_USER_AGENT"))},
	    {.text = c->req->address}};

	if (!letter_is_set(c->brand))
		return;
	l->client = client;
	l->subject = page_text_args(
	    c, mem_print(c->mem, "letter.%s.subject", key), args, 5);
	l->text = page_text_args(
	    c, mem_print(c->mem, "letter.%s.text", key), args, 5);
	c->after = send;
	c->after_ctx = l;
}

/* What a stranger's program calls itself goes into letters and pages: no more
 * than a name, and nothing that a mail program makes a link of. */
static const char *clean_agent(struct mem *m, const char *agent)
{
	char *text = mem_text(m, agent);

	text[strcspn(text, " (;")] = '\0';
	if (strlen(text) > AGENT_SHOWN)
		text[AGENT_SHOWN] = '\0';
	for (char *t = text; *t; t++)
		if (*t < ' ' || *t > '~' || *t == ':' || *t == '@')
			*t = '?';
	return text;
}

const char *page_name_device(struct call *c, const char *agent)
{
	const char *program, *system;
	struct fmt_arg args[2] = {{0}};

	agent = agent ? agent : "";
	device_read_agent(agent, &program, &system);
	if (!program && !system) {
		agent = clean_agent(c->mem, agent);
		return *agent ? agent : page_text(c, "security.device_unknown");
	}
	if (!program || !system)
		return program ? program : system;
	args[0].text = program;
	args[1].text = system;
	return page_text_args(c, "security.device_on", args, 2);
}

/* The cookie outlives sessions: it lets nobody in, it only tells browsers
 * apart. */
static const char *find_browser(struct call *c)
{
	const char *name = page_cookie_name(c, "portico-device");
	const char *device = req_cookie(c->req, name);

	if (!device || strlen(device) < 20 || strlen(device) > 64)
		device = crypto_token(c->mem, COOKIE_BYTES);
	reply_cookie(c->reply, name, device, c->req->https,
	    (int64_t)DEVICE_KEEP * 86400);
	return mem_print(c->mem, "browser:%s", device);
}

static const char *find_program(struct call *c)
{
	const char *agent = req_env(c->req, "HTTP_USER_AGENT");

	return mem_print(c->mem, "program:%s:%s",
	    throttle_network(c->mem, c->req->address), agent ? agent : "");
}

/* A program in a cloud has another network each time: its customer does not
 * drown in letters. */
static bool may_write(struct call *c)
{
	const char *subject =
	    mem_print(c->mem, "%lld", (long long)c->session->client_id);

	return !throttle_check(c->db, c->brand->name, "device", subject,
		   DEVICE_LETTERS, HOUR, c->now, NULL) &&
	       !throttle_count(c->db, c->brand->name, "device", subject,
		   DEVICE_LETTERS, HOUR, c->now);
}

void page_note_device(struct call *c)
{
	const struct session *s = c->session;
	const char *device =
	    s->kind == SESSION_COOKIE ? find_browser(c) : find_program(c);
	enum device_news news;

	if (device_note(c->db, c->mem, c->brand->name, s->client_id, device,
		c->now, &news) ||
	    news != DEVICE_NEW)
		return;
	log_info("login.new_device", "client %lld", (long long)s->client_id);
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_NEW_DEVICE});
	if (may_write(c))
		page_send_letter(c, "new_device", s->client_id, s->login);
}
