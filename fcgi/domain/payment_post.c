/* payment_post.c: what was paid, added in VCS once: look, write down, add.
 *
 * The order of these is the whole safety: what was sent may arrive late, so a
 * look-up before the quiet time is over proves nothing; and what is not on the
 * disk before it is sent is not known to whoever comes after a crash.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/conf.h"
#include "base/crash.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "domain/payment_journal.h"
#include "domain/vcs_payment.h"
#include "tools/db.h"

enum { PATIENCE_MS = 2000 };

/* The machine's own clock since its start, which nobody can set: the wall
 * clock may jump. A boot has an id, so that one start's clock is not taken for
 * another's. */
static int64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Where the boot's id is hidden (ProcSubset=pid), the machine's does: a clock
 * that began anew since then has run for less than the time that passed. Copies
 * of a machine have another name, at least. */
static const char *boot_id(struct mem *m)
{
	char *id = conf_read_file(m, "/proc/sys/kernel/random/boot_id", NULL);
	struct utsname host;

	if (id)
		return mem_text_n(m, id, strcspn(id, "\n"));
	id = conf_read_file(m, "/etc/machine-id", NULL);
	if (!id || uname(&host) < 0)
		return "unknown";
	return mem_print(
	    m, "%.*s@%s", (int)strcspn(id, "\n"), id, host.nodename);
}

static void stamp(struct till *t, struct posting *x)
{
	x->sent_at = t->now;
	x->sent_boot = boot_id(t->mem);
	x->sent_ms = boot_ms();
}

/* When this boot first knew that it was sent; -1: it does not know yet. The
 * sender's own stamp is sent_boot and sent_ms; that of each other one who came
 * stands behind, as ",BOOT MS", so that none makes the others begin anew. */
static int64_t known_since(struct till *t, const struct posting *x)
{
	const char *id = boot_id(t->mem), *at = x->sent_boot;
	size_t len = strlen(id);
	int64_t since = -1;

	if (!at)
		return -1;
	if (!strncmp(at, id, len) && (!at[len] || at[len] == ','))
		since = x->sent_ms;
	while ((at = strchr(at, ',')))
		if (!strncmp(++at, id, len) && at[len] == ' ')
			since = strtoll(at + len, NULL, 10);
	return since <= boot_ms() ? since : -1;
}

/* Sent before this machine's last start, or by another machine: nobody can say
 * how long ago, so the whole time begins now. */
bool payment_is_quiet(struct till *t, struct posting *x)
{
	int64_t quiet_ms = t->brand->conf->payment.quiet_time * 1000;
	int64_t since = known_since(t, x);

	if (since >= 0)
		return boot_ms() - since >= quiet_ms;
	x->sent_boot = mem_print(t->mem, "%s,%s %" PRId64,
	    x->sent_boot ? x->sent_boot : "", boot_id(t->mem), boot_ms());
	payment_post_sent(t, x);
	return false;
}

/* What the customer sees in the payment history, and what is looked for. */
static const char *make_notes(
    struct till *t, const struct payment *p, const struct posting *x)
{
	const struct gateway *g = gateway_of(p);

	return mem_print(t->mem, "%s %s%s%s%s [%s]", g->name, x->money_id,
	    p->invoice ? ", invoice " : "", p->invoice ? p->invoice : "",
	    money_sign(x->amount) < 0 ? ", taken back" : "", x->reference);
}

static enum err refuse(
    struct till *t, const struct payment *p, struct posting *x, const char *why)
{
	enum err err = payment_post_done(t, x, POST_REVIEW);

	if (!err)
		payment_alarm(t, p,
		    mem_print(t->mem, "%s cannot be posted: %s", x->reference,
			why ? why : "refused"));
	return err;
}

static enum err settle(
    struct till *t, const struct payment *p, struct posting *x, const char *how)
{
	enum err err;

	crash_point("post.done.before");
	err = payment_post_done(t, x, POST_POSTED);
	crash_point("post.done.after");
	if (!err) {
		payment_tell_story(
		    t, p, mem_print(t->mem, "%s: %s", x->reference, how));
		log_info("payment.posted", "%s: %s, %s %s, client %" PRId64,
		    x->reference, how, money_text(t->mem, x->amount),
		    x->currency, p->client);
	}
	return err;
}

static enum err add(struct till *t, const struct payment *p, struct posting *x,
    struct vcs_credit *c)
{
	enum err err;

	stamp(t, x);
	x->tries++;
	crash_point("post.sent.before");
	err = payment_post_sent(t, x);
	if (err)
		return err;
	crash_point("post.sent.after");
	err = vcs_add_credit(t->brand, t->mem, c);
	crash_point("post.added.after");
	if (err == ERR_RULE)
		return refuse(t, p, x, c->why);
	if (!err)
		return settle(t, p, x, "added in VCS");
	if (err == ERR_BUSY) { /* never left: no quiet time */
		payment_post_unsent(t, x);
		return err;
	}
	payment_tell_story(t, p,
	    mem_print(t->mem, "%s: no answer from VCS (%s), try %" PRId64,
		x->reference, err_code(err), x->tries));
	return err;
}

static enum err post_one(
    struct till *t, const struct payment *p, struct posting *x, bool *left)
{
	struct vcs_credit c = {.client = p->client,
	    .amount = x->amount,
	    .currency = x->currency,
	    .notes = make_notes(t, p, x),
	    .reference = mem_print(t->mem, "[%s]", x->reference),
	    .since = x->created};
	enum err err;

	if (x->state == POST_SENT && !payment_is_quiet(t, x)) {
		*left = true;
		return ERR_OK;
	}
	err = vcs_find_credit(t->brand, t->mem, &c);
	if (err == ERR_RULE)
		return refuse(t, p, x, c.why);
	if (err)
		return err;
	if (c.found)
		return settle(t, p, x, "found in VCS");
	return add(t, p, x, &c);
}

static enum err post_all(struct till *t, const struct payment *p, bool *left)
{
	struct postings all;
	enum err err = payment_postings(t, p, &all);

	for (size_t i = 0; !err && i < all.n && !*left; i++)
		if (all.rows[i].state < POST_POSTED)
			err = post_one(t, p, &all.rows[i], left);
	return err;
}

enum err payment_post(struct till *t, const struct payment *p, bool *left)
{
	const char *lock =
	    mem_print(t->mem, "account:%s:%" PRId64, t->brand->name, p->client);
	enum err err = db_lock(t->db, lock, PATIENCE_MS);

	*left = false;
	if (err)
		return err;
	err = post_all(t, p, left);
	db_unlock(t->db, lock);
	return err;
}
