/* pool.c: forking, replacing, reloading and stopping workers.
 *
 * All signals are blocked for good and fetched one at a time by sigtimedwait,
 * so nothing here runs in a signal handler and nothing races with one.
 *
 * A reload reads configuration and templates in this process, not in a child:
 * they are local files that root or the hosting team wrote, and workers have
 * to inherit the result.
 */
#include "pool.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/mem.h"
#include "confine.h"
#include "domain/brand.h"
#include "domain/stock.h"
#include "listen.h"
#include "mirror.h"
#include "reconcile.h"
#include "watch.h"
#include "worker.h"

enum {
	YOUNG_MS = 1000, /* who dies younger may be dying of its start */
	DELAY_FIRST_MS = 100,
	DELAY_MOST_MS = 5000,
	WATCH_EVERY_MS = 500,
	CHILDREN_MOST = 4096 /* with those that an old reload left behind */
};

/* Of the latter two, there is one each. */
enum role { SERVES, RECONCILES, MIRRORS };

struct child {
	pid_t pid;
	int64_t born; /* milliseconds */
	bool leaving; /* was told to end */
	enum role role;
	int place; /* among the workers of counters.h */
};

struct pool {
	const struct pool_options *options;
	struct listener listener;
	struct site *site;
	struct child children[CHILDREN_MOST];
	size_t n_children;
	size_t wanted;
	size_t young_deaths; /* in a row */
	int64_t next_fork;   /* not before; milliseconds */
	bool stopping, killed;
	int64_t deadline;      /* of a stop */
	uint64_t seen, served; /* --watch: the last two looks */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* The pool's own settings are those of the default brand. */
static const struct conf *settings(struct site *site)
{
	const struct brand *b = site_find(site, "default");

	return b ? b->conf : site->brands[0].conf;
}

static size_t count_serving(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_children; i++)
		n += !p->children[i].leaving && p->children[i].role == SERVES;
	return n;
}

/* Tells systemd (Type=notify), if it started us. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	if (!path || strlen(path) >= sizeof(at.sun_path))
		return;
	memcpy(at.sun_path, path, strlen(path));
	len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			  (const void *)&at, len) < 0)
		log_warn("pool.notify", "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* --- Workers ------------------------------------------------------------ */

static int be_child(struct pool *p, enum role role)
{
	switch (role) {
	case RECONCILES:
		return reconcile_run(p->site, p->options->reconcile, true);
	case MIRRORS:
		return mirror_run(p->site);
	default:
		return worker_run(p->site, settings(p->site), p->listener.fd);
	}
}

/* In the new process. */
static _Noreturn void become_child(
    struct pool *p, pid_t parent, enum role role, int place)
{
	int status = 0;

	counters_be_worker(place);
	/* Nobody would end us if the parent went without a word. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		status = be_child(p, role);
	site_close(p->site);
	close(p->listener.fd);
	free(p);
	exit(status);
}

static bool start_child(struct pool *p, enum role role)
{
	pid_t parent = getpid(), pid = -1;
	int place = role == SERVES ? counters_take_place() : -1;

	if (p->n_children < CHILDREN_MOST) {
		pid = fork();
		if (pid == 0)
			become_child(p, parent, role, place);
	} else {
		errno = EAGAIN;
	}
	if (pid < 0) {
		log_error("pool.fork", "%s", strerror(errno));
		counters_give_place(place);
		p->next_fork = now_ms() + DELAY_MOST_MS;
		return false;
	}
	p->children[p->n_children++] =
	    (struct child){pid, now_ms(), false, role, place};
	return true;
}

static bool has(const struct pool *p, enum role role)
{
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].role == role && !p->children[i].leaving)
			return true;
	return false;
}

/* Whether one of those is missing of whom there is one. */
static bool lacks(const struct pool *p, enum role role)
{
	return (role == RECONCILES ? p->options->reconcile > 0
				   : mirror_is_wanted(p->site)) &&
	       !has(p, role);
}

static void fill(struct pool *p)
{
	if (p->stopping || now_ms() < p->next_fork)
		return;
	for (size_t n = count_serving(p); n < p->wanted; n++)
		if (!start_child(p, SERVES))
			return;
	if (lacks(p, RECONCILES) && !start_child(p, RECONCILES))
		return;
	if (lacks(p, MIRRORS))
		start_child(p, MIRRORS);
}

/* A worker that crashes is replaced at once; those that die right after their
 * start, one after the other, with a growing delay. */
static void delay_next(struct pool *p, int64_t lived)
{
	int64_t delay = 0;

	p->young_deaths = lived < YOUNG_MS ? p->young_deaths + 1 : 0;
	if (p->young_deaths > 1) {
		delay = DELAY_FIRST_MS;
		for (size_t i = 2; i < p->young_deaths; i++)
			if ((delay *= 2) >= DELAY_MOST_MS)
				break;
	}
	if (delay > DELAY_MOST_MS)
		delay = DELAY_MOST_MS;
	p->next_fork = now_ms() + delay;
}

static void log_crash(pid_t pid, int status, int64_t lived)
{
	count(&counters_pool()->crashes, 1);
	if (WIFSIGNALED(status))
		log_error("pool.crashed",
		    "worker %ld: SIG%s after %" PRId64 " ms", (long)pid,
		    sigabbrev_np(WTERMSIG(status)), lived);
	else
		log_error("pool.crashed",
		    "worker %ld: exit status %d after %" PRId64 " ms",
		    (long)pid, WEXITSTATUS(status), lived);
}

static void bury(struct pool *p, pid_t pid, int status)
{
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	for (size_t i = 0; i < p->n_children; i++) {
		struct child *c = &p->children[i];
		int64_t lived = now_ms() - c->born;

		if (c->pid != pid)
			continue;
		counters_give_place(c->place);
		if (!good && !(p->killed && WIFSIGNALED(status)))
			log_crash(pid, status, lived);
		if (!good && !c->leaving)
			delay_next(p, lived);
		*c = p->children[--p->n_children];
		return;
	}
}

static void reap(struct pool *p)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(p, pid, status);
}

/* The first `n` children; they finish their request and take no other. */
static void send_away(struct pool *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		p->children[i].leaving = true;
		counters_retire_place(p->children[i].place);
		kill(p->children[i].pid, SIGTERM);
	}
}

/* --- Configuration ------------------------------------------------------ */

/* What changed since loading began may have been read as it was before: it is
 * loaded again when it has settled. */
static void remember_files(struct pool *p, int64_t began)
{
	bool late;

	p->seen = p->served = watch_scan(p->site, began, &late);
	if (late)
		p->served = ~p->seen;
}

/* `began`: to load it, by watch_now(). */
static void apply(struct pool *p, struct site *site, int64_t began)
{
	static const char *const levels[] = {"debug", "info", "warn"};
	const struct conf *conf = settings(site);
	enum log_level level = LOG_DEBUG;

	while (level < LOG_ERROR && strcmp(conf->log.level, levels[level]))
		level++;
	log_open(conf->log.json, level);
	p->site = site;
	stock_warm(site->stock);
	/* Workers begin with what this process holds; an earlier site, and what
	 * compiling took, are to be neither's. */
	mem_trim();
	p->wanted = (size_t)(p->options->workers ? p->options->workers
						 : conf->pool.workers);
	counters_set_workers(p->wanted);
	if (p->options->watch)
		remember_files(p, began);
}

/* Brands with mistakes, each named. */
static void log_refused(const struct site *site)
{
	diag_log(&site->mistakes);
	for (size_t i = 0; i < site->n_refused; i++)
		log_error("pool.brand_refused",
		    "%s: see the mistakes above; the other brands are served",
		    site->refused[i]);
}

/* NULL: `d` says what is wrong, or the log does. */
static struct site *load(const char *named, struct diag *d)
{
	struct site *site = site_load(named, d);

	if (site && (d->n || !site->n_brands)) {
		site_close(site);
		site = NULL;
	}
	if (site && site_migrate(site) != ERR_OK) {
		diag_add(d, settings(site)->path,
		    "see the log above; mend store.uri or the store",
		    "the store cannot be brought to this version");
		site_close(site);
		site = NULL;
	}
	if (site)
		log_refused(site);
	return site;
}

/* All or nothing: whatever is wrong, the old workers serve on, untouched. New
 * workers start before old ones end, so that some always accept. A long
 * download may keep an old one for as long as it takes. */
static void reload(struct pool *p)
{
	struct mem *m = mem_open(0);
	struct site *old = p->site, *site;
	size_t n_old = p->n_children;
	int64_t began = now_ms(), files = watch_now();
	struct diag d;

	diag_open(&d, m);
	site = load(p->options->config, &d);
	if (!site) {
		diag_log(&d);
		count(&counters_pool()->reloads_refused, 1);
		log_error("pool.reload_refused",
		    "mistakes: %zu; the old configuration serves on", d.n);
		mem_close(m);
		return;
	}
	mem_close(m);
	site_keep_refused(site, old);
	apply(p, site, files);
	listen_bound(&p->listener, p->wanted);
	p->young_deaths = 0;
	p->next_fork = 0;
	for (size_t n = 0; n < p->wanted; n++)
		if (!start_child(p, SERVES))
			break;
	send_away(p, n_old);
	count(&counters_pool()->reloads, 1);
	log_info("pool.reloaded", "%zu workers, loaded in %" PRId64 " ms",
	    count_serving(p), now_ms() - began);
}

/* Two equal looks in a row: an editor or a copy may be in the middle of it. */
static void look_for_changes(struct pool *p)
{
	uint64_t sum = watch_scan(p->site, 0, NULL);
	bool settled = sum == p->seen;

	p->seen = sum;
	if (!settled || sum == p->served)
		return;
	p->served = sum;
	log_info("pool.changed", "a file changed");
	reload(p);
}

/* --- Signals ------------------------------------------------------------ */

static void begin_stop(struct pool *p, const char *why)
{
	int64_t grace = settings(p->site)->pool.grace;

	if (p->stopping)
		return;
	log_info("pool.stopping",
	    "SIG%s; %zu workers have %" PRId64 " s to finish", why,
	    p->n_children, grace);
	notify("STOPPING=1");
	p->stopping = true;
	p->deadline = now_ms() + grace * 1000;
	send_away(p, p->n_children);
}

static void kill_rest(struct pool *p)
{
	log_warn(
	    "pool.killed", "%zu workers did not finish in time", p->n_children);
	p->killed = true;
	p->deadline = INT64_MAX;
	for (size_t i = 0; i < p->n_children; i++)
		kill(p->children[i].pid, SIGKILL);
}

static void block_signals(sigset_t *all)
{
	static const int ours[] = {
	    SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2};

	sigemptyset(all);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		sigaddset(all, ours[i]);
		/* What the starter ignores would never arrive. */
		signal(ours[i], SIG_DFL);
	}
	sigprocmask(SIG_BLOCK, all, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Until a signal, or until something is due. 0: no signal. */
static int wait_signal(const struct pool *p, const sigset_t *all)
{
	int64_t now = now_ms(), due = INT64_MAX;
	struct timespec left;
	int signal;

	if (!p->stopping && (count_serving(p) < p->wanted ||
				lacks(p, RECONCILES) || lacks(p, MIRRORS)))
		due = p->next_fork;
	if (p->stopping)
		due = p->deadline;
	else if (p->options->watch && due > now + WATCH_EVERY_MS)
		due = now + WATCH_EVERY_MS;
	if (due == INT64_MAX)
		due = now + 3600 * INT64_C(1000);
	due = due > now ? due - now : 0;
	left = (struct timespec){due / 1000, due % 1000 * 1000000};
	signal = sigtimedwait(all, NULL, &left);
	return signal > 0 ? signal : 0;
}

static void supervise(struct pool *p, const sigset_t *all)
{
	while (!p->stopping || p->n_children) {
		int signal = wait_signal(p, all);

		if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT)
			begin_stop(p, sigabbrev_np(signal));
		else if (signal == SIGHUP && !p->stopping)
			reload(p);
		else if (!signal && p->options->watch && !p->stopping)
			look_for_changes(p);
		reap(p);
		if (p->stopping && now_ms() >= p->deadline)
			kill_rest(p);
		fill(p);
	}
}

/* --- Start -------------------------------------------------------------- */

static struct site *load_or_complain(const char *named)
{
	struct mem *m = mem_open(0);
	struct site *site;
	struct diag d;

	diag_open(&d, m);
	site = load(named, &d);
	for (size_t i = 0; i < d.n; i++)
		fprintf(stderr, "%s: %s%s%s\n", d.items[i].where,
		    d.items[i].what, d.items[i].remedy[0] ? "; " : "",
		    d.items[i].remedy);
	mem_close(m);
	return site;
}

static void serve(struct pool *p, const sigset_t *all, int64_t began)
{
	listen_bound(&p->listener, p->wanted);
	fill(p);
	log_info("pool.ready", "%zu workers on %s, loaded in %" PRId64 " ms",
	    p->n_children, p->listener.made ? p->listener.path : "systemd",
	    now_ms() - began);
	notify("READY=1");
	supervise(p, all);
	log_info("pool.stopped", "all workers have ended");
}

int pool_run(const struct pool_options *options)
{
	struct pool *p = calloc(1, sizeof(*p));
	int64_t began = now_ms(), files = watch_now();
	struct site *site = NULL;
	sigset_t all;
	int status = 1;

	block_signals(&all);
	if (p)
		site = load_or_complain(options->config);
	if (site) {
		p->options = options;
		apply(p, site, files);
		if (confine_tell(site) &&
		    listen_open(&p->listener, options->socket)) {
			serve(p, &all, began);
			listen_close(&p->listener);
			status = 0;
		}
		site_close(p->site);
	}
	free(p);
	return status;
}
