/* personal.c: a file with everything that the portal and VCS hold on the
 * customer, and the page that says what is in it. */
#include <inttypes.h>

#include "domain/throttle.h"
#include "pages/page_audit.h"
#include "pages/page_personal.h"
#include "pages/routes.h"

enum { HOUR = 3600 };

const char personal_answer[] = "file_url files_per_hour:int rows_most:int";

enum err personal_load(struct call *c)
{
	const struct conf *conf = c->brand->conf;

	json_put_text(c->model, "file_url", "/api/personal/data");
	json_put_int(
	    c->model, "files_per_hour", conf->limits.personal_per_hour);
	json_put_int(c->model, "rows_most", conf->limits.personal_rows);
	json_put_flag(c->ui, "limited", conf->limits.personal_per_hour > 0);
	return ERR_OK;
}

/* --- The file ------------------------------------------------------------- */

static const char *name_subject(struct call *c)
{
	return mem_print(c->mem, "%" PRId64, c->session->client_id);
}

/* Counted before the work, which a worker has for a while. */
static enum err count_file(struct call *c)
{
	int64_t limit = c->brand->conf->limits.personal_per_hour;
	enum err err = throttle_check(c->db, c->brand->name, "personal",
	    name_subject(c), limit, HOUR, c->now, &c->retry_after);

	if (err)
		return err;
	return throttle_count(c->db, c->brand->name, "personal",
	    name_subject(c), limit, HOUR, c->now);
}

static void take_back(struct call *c)
{
	if (c->brand->conf->limits.personal_per_hour)
		throttle_take_back(
		    c->db, c->brand->name, "personal", name_subject(c));
}

static void put_about(struct personal *p)
{
	struct call *c = p->call;
	struct json_object *o = json_new(c->mem);

	personal_put_time(c, o, "made", c->now);
	json_put_text(o, "text", page_text(c, "personal.file_text"));
	json_put_int(o, "rows_most", (int64_t)p->most);
	personal_put(p, "about", o);
}

static enum err write_file(struct personal *p, const struct personal_vcs *v)
{
	enum err err;

	put_about(p);
	err = personal_put_vcs(p, v);
	if (!err)
		err = personal_put_store(p);
	return err ? err : personal_close(p);
}

/* clang-format off: a line is a part of the file */
#define MONEY	    "{amount currency?}"
#define LIST	    "{rows["
#define END	    "] count:int complete:flag} "
#define TRANSACTION "id:int time? amount" MONEY " status? description?"

const char personal_file_answer[] =
    "about{made text rows_most:int} "
    "profile{id:int name? login currency? time_zone? locale? company? email? "
    "address? registration_id? tax_id?} "
    "balance{~live" MONEY " ~credit" MONEY " ~available" MONEY
    " ~low_balance" MONEY "} "
    "accounts[id:int name? kind? ani? ips:any enabled:flag] "
    "subscriptions[id:int account:int package? status? quantity:int from? to? "
    "renews? ~fee" MONEY " limits:any] "
    "invoices" LIST "id:int number? from? to? issued? due? total" MONEY
    " paid" MONEY " download_url" END "payments" LIST TRANSACTION END
    "charges" LIST TRANSACTION END "usage" LIST
    "id:int time? account? source? destination? code? name? "
    "service? volume:int unit ~rate ~cost currency?" END "sessions" LIST
    "kind login created? seen? expires? address? agent? "
    "lacks:int" END "sessions_ended" LIST "time?" END "devices" LIST "seen?" END
    "second_factors" LIST "state since?" END "passkeys" LIST
    "name login created? used?" END "recovery_codes" LIST "left:int" END
    "password_resets" LIST "login expires?" END "failed_tries" LIST
    "kind since? count:int delay:int until?" END "activity" LIST
    "time? since? event item? old? new? amount? currency? "
    "times:int address? agent?" END "failures" LIST
    "time? since? event times:int address? agent?" END "log_in_names" LIST
    "seen?" END "vouchers" LIST "state amount? time?" END
    "payment_attempts" LIST "id gateway environment amount currency state "
    "why? invoice? order_id? locale? mailed:flag created? updated?" END
    "payment_receipts" LIST "payment gateway environment money_id amount "
    "currency status created?" END "payment_postings" LIST
    "payment reference amount currency state created? "
    "sent? posted?" END "payment_story" LIST "payment time? what" END
    "complete:flag";
/* clang-format on */

enum err personal_file_load(struct call *c)
{
	struct personal p;
	struct personal_vcs v;
	enum err err;

	personal_ask(c, &v);
	err = page_go(c);
	if (err)
		return err;
	/* Nothing may be sent before the ids are right: once more, please. */
	if (vcs_kept_changed(c->trip) || !c->db)
		return ERR_BUSY;
	err = personal_check(c, &v);
	if (!err)
		err = page_take_export(c);
	if (!err)
		err = count_file(c);
	if (err)
		return err;
	log_info("personal.file", "client %s", name_subject(c));
	page_audit_mine(c, (struct audit_entry){.event = AUDIT_EXPORTED,
			       .item = personal_file_name(c)});
	personal_open(&p, c);
	err = write_file(&p, &v);
	if (err)
		take_back(c);
	if (!err || !p.sending)
		return err;
	log_warn(
	    "personal.broken", "client %s: %s", name_subject(c), err_code(err));
	reply_break(c->reply);
	return ERR_OK;
}
