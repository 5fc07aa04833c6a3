/* vcs_trip.c: sends questions together, unwraps and checks the answers. */
#include "domain/vcs_trip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "tools/fmt.h"

struct vcs_ask *vcs_add_ask(struct vcs_trip *t, enum vcs_operation op,
    enum err (*read)(struct vcs_trip *, struct vcs_ask *), void *out,
    enum err *out_err)
{
	static struct vcs_ask spare;
	struct vcs_ask *a;

	if (t->n == VCS_ASKS_MAX) {
		log_error("vcs.asks", "more than %d questions in a trip",
		    VCS_ASKS_MAX);
		*out_err = ERR_INTERNAL;
		return &spare;
	}
	a = &t->asks[t->n++];
	*a = (struct vcs_ask){
	    .method = &t->brand->profile->methods[op],
	    .vars = json_new(t->mem),
	    .read = read,
	    .out = out,
	    .out_err = out_err,
	};
	return a;
}

/* What an operation must not be asked without, lest it answer for all. */
static bool lacks_owner(const struct vcs_trip *t, const struct vcs_ask *a)
{
	switch (a->method->owner) {
	case VCS_OWNER_CLIENT:
		return t->client == 0 && !t->quiet;
	case VCS_OWNER_ACCOUNT:
		return json_length(json_find(t->kept, "accounts")) == 0;
	case VCS_OWNER_RATE_TABLE:
		return !json_find(t->kept, "rate_table");
	default:
		return false;
	}
}

/* Its accounts decide what is asked for, and VCS has not said them yet: that is
 * not the same as having none. */
static bool lacks_accounts(const struct vcs_trip *t, const struct vcs_ask *a)
{
	return (a->needless || a->method->owner == VCS_OWNER_ACCOUNT) &&
	       !json_find(t->kept, "accounts");
}

static void add_vars(const struct vcs_trip *t, struct vcs_ask *a)
{
	static const char *const kept[] = {"rate_table", "accounts", "zone"};
	struct json_object *value;

	json_put_int(a->vars, "client", t->client);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		value = json_find(t->kept, kept[i]);
		if (value && !json_find(a->vars, kept[i]))
			json_put(a->vars, kept[i], value);
	}
}

/* "-c_dt" to "+c_dt", of each column of the order. */
static void turn_order(struct mem *m, struct json_object *params)
{
	struct json_object *order = json_find(params, "order"), *turned;

	if (!json_is(order, JSON_LIST))
		return;
	turned = json_put_list(params, "order");
	for (size_t i = 0; i < json_length(order); i++) {
		const char *column = json_plain(json_at(order, i));

		if (column)
			json_put_text(turned, NULL,
			    mem_print(m, "%c%s", *column == '-' ? '+' : '-',
				column + strspn(column, "+-")));
	}
}

static void make_call(const struct vcs_trip *t, struct vcs_ask *a)
{
	const struct conf *conf = t->brand->conf;
	struct json_object *params, *auth;

	add_vars(t, a);
	params = vcs_profile_params(a->method, a->vars);
	if (a->backwards)
		turn_order(t->mem, params);
	if (!a->method->management) {
		json_put_text(params, "AUTH", conf->core_api.auth_token);
	} else if (t->brand->vcs->sid[0]) {
		json_put_text(params, "SID", t->brand->vcs->sid);
	} else {
		auth = json_put_object(params, "auth");
		json_put_text(auth, "login", conf->management_api.login);
		json_put_text(auth, "password", conf->management_api.password);
	}
	a->call =
	    (struct rpc_call){.method = a->method->method, .params = params};
}

/* --- Answers -------------------------------------------------------------- */

static void fail(struct vcs_ask *a, enum err err, const char *trouble)
{
	a->err = err;
	a->trouble = trouble;
	a->result = NULL;
}

static bool is_success(struct json_object *code)
{
	int64_t n = 0;

	return json_is(code, JSON_FLAG) ? json_flag(code)
					: json_int(code, &n) && n == 1;
}

/* The Management API's envelope: code, session_id, messages, return. */
static void unwrap_management(struct vcs_trip *t, struct vcs_ask *a)
{
	const char *sid = json_find_text(a->result, "session_id");
	struct json_object *message =
	    json_at(json_find(a->result, "messages"), 0);

	if (!json_is(a->result, JSON_OBJECT)) {
		fail(a, ERR_UPSTREAM, "no Management envelope");
		return;
	}
	if (sid && strlen(sid) < VCS_SID_MAX)
		snprintf(t->brand->vcs->sid, VCS_SID_MAX, "%s", sid);
	if (is_success(json_find(a->result, "code")))
		a->result = json_find(a->result, "return");
	else
		fail(a, ERR_RULE,
		    message && json_find_text(message, "msg")
			? json_find_text(message, "msg")
			: "code is false");
}

/* `owner`: the column of the method's owner_field. */
static bool is_owned(const struct vcs_trip *t, const struct vcs_method *method,
    struct json_object *row, struct json_column *owner)
{
	struct json_object *accounts;
	int64_t id, own;

	if (!json_int(json_find_column(row, owner), &id))
		return false;
	switch (method->owner) {
	case VCS_OWNER_CLIENT:
		return id == t->client;
	case VCS_OWNER_RATE_TABLE:
		return json_find_int(t->kept, "rate_table", &own) && id == own;
	case VCS_OWNER_ACCOUNT:
		accounts = json_find(t->kept, "accounts");
		for (size_t i = 0; i < json_length(accounts); i++)
			if (json_int(json_at(accounts, i), &own) && id == own)
				return true;
		return false;
	default:
		return false;
	}
}

static void report_foreign(
    const struct vcs_trip *t, const struct vcs_ask *a, size_t rows)
{
	if (!t->quiet)
		log_error("vcs.foreign_row",
		    "%s: %zu rows that are not client %" PRId64
		    "'s were dropped",
		    a->method->operation, rows, t->client);
}

static void check_rows(const struct vcs_trip *t, struct vcs_ask *a)
{
	struct json_column owner = json_make_column(a->method->owner_field);
	size_t n = json_length(a->result), foreign = 0;
	struct json_object *own, *row;

	a->raw = n;
	if (!json_is(a->result, JSON_LIST)) {
		fail(a, ERR_UPSTREAM, "the answer is no list");
		return;
	}
	a->came = n;
	for (size_t i = 0; i < n; i++) {
		row = json_at(a->result, i);
		foreign +=
		    !json_is(row, JSON_OBJECT) ||
		    (a->method->owner && !is_owned(t, a->method, row, &owner));
	}
	if (!foreign)
		return;
	report_foreign(t, a, foreign);
	own = json_new_list(t->mem);
	for (size_t i = 0; i < n; i++) {
		row = json_at(a->result, i);
		if (json_is(row, JSON_OBJECT) &&
		    (!a->method->owner || is_owned(t, a->method, row, &owner)))
			json_put(own, NULL, row);
	}
	a->result = own;
}

/* An object; some methods wrap it into a list of one. null stays null: there
 * is no such object. */
static void check_object(const struct vcs_trip *t, struct vcs_ask *a)
{
	struct json_column owner = json_make_column(a->method->owner_field);

	if (json_length(a->result) == 1)
		a->result = json_at(a->result, 0);
	if (!a->result)
		return;
	if (!json_is(a->result, JSON_OBJECT)) {
		fail(a, ERR_UPSTREAM, "the answer is no object");
	} else if (a->method->owner &&
		   !is_owned(t, a->method, a->result, &owner)) {
		report_foreign(t, a, 1);
		fail(a, ERR_UPSTREAM, "the answer is somebody else's");
	}
}

/* An empty object in place of an empty list is how some encoders write it. */
static struct json_object *mend_empty(
    struct vcs_trip *t, struct json_object *result)
{
	if (json_is(result, JSON_OBJECT) && json_count(result) == 0)
		return json_new_list(t->mem);
	if (json_is(json_find(result, "rows"), JSON_LIST))
		return json_find(result, "rows");
	return result;
}

static void take_answer(struct vcs_trip *t, struct vcs_ask *a)
{
	a->err = a->call.err;
	a->result = a->call.result;
	a->trouble = a->call.message;
	if (!a->err && a->method->management)
		unwrap_management(t, a);
	if (a->err)
		return;
	if (a->method->answer == VCS_ROWS) {
		a->result = mend_empty(t, a->result);
		check_rows(t, a);
	} else if (a->method->answer == VCS_OBJECT) {
		check_object(t, a);
	}
}

/* --- Posts ---------------------------------------------------------------- */

static struct rpc_post make_post(
    const struct vcs_trip *t, bool management, struct rpc_call *calls, size_t n)
{
	const struct conf *conf = t->brand->conf;
	const char *ca = conf->management_api.ca_file;
	const char *name = conf->management_api.server_name;
	struct rpc_post post = {
	    .url = conf->core_api.uri,
	    .timeout_ms = (long)conf->core_api.deadline_ms,
	    .max_bytes = (size_t)conf->limits.answer,
	    .calls = calls,
	    .n = n,
	};

	if (management) {
		post.url = conf->management_api.uri;
		post.timeout_ms = (long)conf->management_api.deadline_ms;
		post.ca_file = ca[0] ? ca : NULL;
		post.server_name = name[0] ? name : NULL;
	}
	return post;
}

static enum backend backend_of(bool management)
{
	return management ? BACKEND_MANAGEMENT : BACKEND_CORE;
}

static enum vcs_part part_of(const struct vcs_ask *a)
{
	return a->method->management ? VCS_PART_MANAGEMENT
	       : a->beside	     ? VCS_PART_REPORTS
				     : VCS_PART_CORE;
}

/* Posts that go together, and what of VCS each is for. */
struct vcs_sending {
	struct vcs_ask *asks[VCS_ASKS_MAX]; /* that are sent */
	size_t n_asks;
	struct rpc_call calls[VCS_ASKS_MAX];
	struct rpc_post posts[VCS_ASKS_MAX];
	enum vcs_part parts[VCS_ASKS_MAX];
	bool refused[VCS_ASKS_MAX]; /* by the part's breaker */
	bool hurried[VCS_ASKS_MAX]; /* less time than the settings say */
	size_t call_of[VCS_ASKS_MAX], post_of[VCS_ASKS_MAX]; /* of an ask */
	size_t n_calls, n_posts;
	struct rpc_flight *flight; /* NULL: nothing was sent */
	int64_t began;
	unsigned waits; /* parts that are asked, as counters have them */
	bool held;
};

static void count_ask(const struct vcs_trip *t, const struct vcs_ask *a)
{
	enum backend who = backend_of(a->method->management);

	count(
	    &t->brand->counters->backends[who].calls[count_end_of(a->err)], 1);
}

static void count_post(
    const struct vcs_trip *t, enum vcs_part part, const struct rpc_post *p)
{
	enum backend who = backend_of(part == VCS_PART_MANAGEMENT);

	count(&t->brand->counters->backends[who].requests, 1);
	count(&t->brand->counters->backends[who].us, (uint64_t)(p->ms * 1000));
}

/* --- Breakers ------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static struct breaker *breaker_of(const struct vcs_trip *t, enum vcs_part part)
{
	return &t->brand->counters->breakers[part];
}

/* A post without calls is not sent. What is sent once is no probe. */
static void ask_breakers(const struct vcs_trip *t, struct vcs_sending *s)
{
	s->began = now_ms();
	for (size_t i = 0; i < s->n_posts; i++) {
		struct rpc_post *p = &s->posts[i];

		s->refused[i] = !breaker_admit(
		    breaker_of(t, s->parts[i]), s->began, p->may_repeat);
		if (!s->refused[i]) {
			s->waits |= 1u << s->parts[i];
			continue;
		}
		for (size_t k = 0; k < p->n; k++) {
			p->calls[k].err = ERR_BUSY;
			p->calls[k].message = "breaker open";
		}
		p->n = 0;
	}
}

/* --- Shares --------------------------------------------------------------- */

/* A request beyond its brand's share holds its worker for no longer than it
 * takes to see that the brand is slow. What writes has its time all the same:
 * nobody would know whether it was done. */
static void hurry(struct vcs_sending *s)
{
	bool must = counters_must_hurry();

	for (size_t i = 0; i < s->n_posts; i++) {
		struct rpc_post *p = &s->posts[i];

		s->hurried[i] =
		    must && p->may_repeat && p->timeout_ms > COUNTERS_SLOW_MS;
		if (s->hurried[i])
			p->timeout_ms = COUNTERS_SLOW_MS;
	}
}

/* VCS may yet have answered in the time that it has. */
static void excuse_late(struct rpc_post *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->calls[i].err == ERR_LATE) {
			p->calls[i].err = ERR_BUSY;
			p->calls[i].message = "beyond the brand's share";
		}
}

static void tell_breaker(const struct vcs_trip *t, enum vcs_part part,
    int64_t began, int64_t ended, bool dead, bool crowded)
{
	static const char *const names[VCS_PARTS] = {"Core API",
	    "Management API", "reports of the Core API", "invoice files"};
	struct breaker *b = breaker_of(t, part);
	enum breaker_event event =
	    dead ? breaker_fail(b, began, ended, crowded) : breaker_succeed(b);

	if (event == BREAKER_OPENED)
		log_error("vcs.breaker_open",
		    "%s: workers wait for it in vain; it is not asked until it "
		    "answers a probe",
		    names[part]);
	else if (event == BREAKER_CLOSED_AGAIN)
		log_warn(
		    "vcs.breaker_closed", "%s: it answers again", names[part]);
}

static void look_for_crowds(const struct vcs_trip *t, bool seen[VCS_PARTS])
{
	size_t crowd = breaker_crowd(counters_workers());

	for (int i = 0; i < VCS_PARTS; i++)
		seen[i] = seen[i] || counters_count_waiting(t->brand->counters,
					 (enum vcs_part)i) >= crowd;
}

/* The crowd is looked for before and after: those who came together leave
 * together, so that the last one would seem alone. */
static void wait_for_posts(struct vcs_trip *t, struct vcs_sending *s)
{
	bool crowds[VCS_PARTS] = {false};

	if (!s->flight)
		return;
	/* Half its time is gone, and VCS had none of it: a slow reader kept
	 * this worker. What goes wrong now is not VCS's fault. */
	s->held = (now_ms() - s->began) * 2 > s->posts[0].timeout_ms;
	counters_set_waiting(s->waits);
	look_for_crowds(t, crowds);
	rpc_wait(s->flight);
	look_for_crowds(t, crowds);
	counters_set_waiting(0);
	for (size_t i = 0; i < s->n_posts; i++) {
		enum vcs_part part = s->parts[i];

		if (s->refused[i])
			continue;
		count_post(t, part, &s->posts[i]);
		if (s->hurried[i])
			excuse_late(&s->posts[i]);
		if (!s->held || !s->posts[i].dead)
			tell_breaker(t, part, s->began,
			    s->began + (int64_t)s->posts[i].ms,
			    s->posts[i].dead, crowds[part] && !s->hurried[i]);
	}
}

bool vcs_wait_begin(
    const struct vcs_trip *t, enum vcs_part part, struct vcs_wait *w)
{
	bool crowds[VCS_PARTS] = {false};

	*w = (struct vcs_wait){.part = part, .began = now_ms()};
	if (!breaker_admit(breaker_of(t, part), w->began, true))
		return false;
	counters_set_waiting(1u << part);
	look_for_crowds(t, crowds);
	w->crowded = crowds[part];
	return true;
}

void vcs_wait_end(const struct vcs_trip *t, const struct vcs_wait *w, bool dead)
{
	bool crowds[VCS_PARTS] = {false};

	look_for_crowds(t, crowds);
	counters_set_waiting(0);
	tell_breaker(t, w->part, w->began, now_ms(), dead,
	    w->crowded || crowds[w->part]);
}

/* --- Sending -------------------------------------------------------------- */

/* Quick Core calls: one batch. */
static void add_batch(const struct vcs_trip *t, struct vcs_sending *s)
{
	bool writes = false;

	for (size_t i = 0; i < s->n_asks; i++) {
		struct vcs_ask *a = s->asks[i];

		if (part_of(a) != VCS_PART_CORE)
			continue;
		s->call_of[i] = s->n_calls;
		s->post_of[i] = 0;
		s->calls[s->n_calls++] = a->call;
		writes = writes || a->method->write;
	}
	if (!s->n_calls)
		return;
	s->parts[0] = VCS_PART_CORE;
	s->posts[0] = make_post(t, false, s->calls, s->n_calls);
	s->posts[s->n_posts++].may_repeat = !writes;
}

static void add_single(const struct vcs_trip *t, struct vcs_sending *s,
    size_t i, const struct vcs_ask *a)
{
	struct rpc_post *p = &s->posts[s->n_posts];

	s->call_of[i] = s->n_calls;
	s->post_of[i] = s->n_posts;
	s->calls[s->n_calls] = a->call;
	s->parts[s->n_posts++] = part_of(a);
	*p = make_post(t, a->method->management, &s->calls[s->n_calls++], 1);
	p->may_repeat = !a->method->write;
}

/* Sends what `s` asks. */
static void start(struct vcs_trip *t, struct vcs_sending *s)
{
	add_batch(t, s);
	for (size_t i = 0; i < s->n_asks; i++)
		if (part_of(s->asks[i]) != VCS_PART_CORE)
			add_single(t, s, i, s->asks[i]);
	if (!s->n_posts)
		return;
	ask_breakers(t, s);
	hurry(s);
	s->flight = rpc_start(t->brand->http, t->mem, s->posts, s->n_posts);
}

static void collect(struct vcs_trip *t, struct vcs_sending *s)
{
	wait_for_posts(t, s);
	for (size_t i = 0; i < s->n_asks; i++) {
		struct vcs_ask *a = s->asks[i];

		a->call = s->calls[s->call_of[i]];
		a->cut = s->posts[s->post_of[i]].cut;
		a->held = s->held;
		take_answer(t, a);
		if (!s->refused[s->post_of[i]])
			count_ask(t, a);
	}
}

/* What an expired SID answers is not documented; so a Management call that
 * fails with a kept SID is asked once more with log-in and password. */
static void send_again_with_login(
    struct vcs_trip *t, const struct vcs_sending *s)
{
	struct vcs_sending *again = NULL;

	for (size_t i = 0; i < s->n_asks; i++) {
		struct vcs_ask *a = s->asks[i];

		if (!a->method->management || a->err != ERR_RULE ||
		    !json_find(a->call.params, "SID"))
			continue;
		if (!again)
			again = mem_alloc(t->mem, sizeof(*again));
		t->brand->vcs->sid[0] = '\0';
		make_call(t, a);
		again->asks[again->n_asks++] = a;
	}
	if (!again)
		return;
	start(t, again);
	collect(t, again);
}

static void finish(struct vcs_trip *t, struct vcs_ask *a)
{
	if (!a->err)
		a->err = a->read(t, a);
	/* The breaker's opening was logged, once. */
	if (a->err && a->err != ERR_BUSY && !t->quiet && !a->backwards &&
	    a->method->method)
		log_warn("vcs.failed", "%s (%s): %s: %s", a->method->operation,
		    a->method->method, err_code(a->err),
		    a->trouble ? a->trouble : "unexpected answer");
	*a->out_err = a->err;
}

void vcs_start(struct vcs_trip *t)
{
	struct vcs_sending *s = mem_alloc(t->mem, sizeof(*s));

	for (size_t i = 0; i < t->n; i++) {
		struct vcs_ask *a = &t->asks[i];

		if (a->method->fixed) {
			a->result = a->method->fixed;
		} else if (!a->method->method) {
			fail(a, ERR_RULE, "not in the profile");
			a->call.code = VCS_NO_METHOD;
		} else if (lacks_accounts(t, a)) {
			fail(a, ERR_UPSTREAM, "the accounts are not known");
		} else if (a->needless || lacks_owner(t, a)) {
			a->result = json_new_list(t->mem);
		} else {
			make_call(t, a);
			s->asks[s->n_asks++] = a;
		}
	}
	start(t, s);
	t->sending = s;
}

void vcs_wait(struct vcs_trip *t)
{
	collect(t, t->sending);
	send_again_with_login(t, t->sending);
	for (size_t i = 0; i < t->n; i++)
		finish(t, &t->asks[i]);
	t->n = 0;
	t->sending = NULL;
}

void vcs_drop(struct vcs_trip *t)
{
	if (t->sending && t->sending->flight)
		rpc_drop(t->sending->flight);
	t->sending = NULL;
}

void vcs_run(struct vcs_trip *t)
{
	vcs_start(t);
	vcs_wait(t);
}

/* --- Fields --------------------------------------------------------------- */

const char *vcs_field(const struct vcs_ask *a, const char *name)
{
	return vcs_profile_field(a->method, name);
}

const char *vcs_zone(const struct vcs_trip *t)
{
	const char *zone = json_find_text(t->kept, "zone");

	return zone ? zone : t->brand->conf->time_zone;
}

static struct json_object *find_field(struct json_object *row, const char *name)
{
	return name ? json_find(row, name) : NULL;
}

static bool money_of(struct json_object *value, struct money *out)
{
	const char *text = json_plain(value);

	return text && money_parse(text, out);
}

/* Whole numbers come as 60, "60" and, from some encoders, 60.0. */
static int64_t int_of(struct json_object *value)
{
	int64_t n;

	return json_int(value, &n) ? n : json_trunc(value);
}

static int64_t time_of(struct json_object *value, const char *zone)
{
	const char *text = json_plain(value);
	int64_t when;

	return text && fmt_parse_time(text, zone, &when) ? when : 0;
}

bool vcs_read_money(
    struct json_object *row, const char *name, struct money *out)
{
	return money_of(find_field(row, name), out);
}

const char *vcs_read_text(struct json_object *row, const char *name)
{
	return json_plain(find_field(row, name));
}

int64_t vcs_read_int(struct json_object *row, const char *name)
{
	return int_of(find_field(row, name));
}

int64_t vcs_read_time(
    struct json_object *row, const char *name, const char *zone)
{
	return time_of(find_field(row, name), zone);
}

struct json_column vcs_column(const struct vcs_ask *a, const char *name)
{
	return json_make_column(vcs_field(a, name));
}

bool vcs_money_in(
    struct json_object *row, struct json_column *column, struct money *out)
{
	return money_of(json_find_column(row, column), out);
}

const char *vcs_text_in(struct json_object *row, struct json_column *column)
{
	return json_plain(json_find_column(row, column));
}

int64_t vcs_int_in(struct json_object *row, struct json_column *column)
{
	return int_of(json_find_column(row, column));
}

int64_t vcs_time_in(
    struct json_object *row, struct json_column *column, const char *zone)
{
	return time_of(json_find_column(row, column), zone);
}

char *vcs_make_time(struct mem *m, int64_t when)
{
	char text[40];
	time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S+0000", &tm);
	return mem_text(m, text);
}
