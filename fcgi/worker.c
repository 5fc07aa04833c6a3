/* worker.c: the request loop, and FastCGI as a request's source and sink. */
#include "worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/mem.h"
#include "confine.h"
#include "domain/brand.h"
#include "pages/page.h"
#include "records.h"

enum { MEMORY_CHECK_EVERY = 64, BIG_REQUEST = 1024 * 1024, GROWN_KB = 1024 };

struct worker {
	struct site *site;
	struct mem *mem;
	int listener, events, signals;
	FCGX_Request request;
	bool ended;    /* this request's body was read to its end */
	bool spoiled;  /* this request's answer was broken on purpose */
	bool finished; /* this request's answer went out whole */
	/* An answer in one piece, for its end. NULL: there is none. */
	const void *head, *body;
	size_t head_len, body_len;
	int64_t served, most;
	int64_t max_memory;
	int64_t highest; /* resident memory so far, in KiB */
};

/* --- A request's source and sink ---------------------------------------- */

static size_t read_body(void *ctx, void *out, size_t room)
{
	struct worker *w = ctx;
	int n = room > INT_MAX ? INT_MAX : (int)room;

	n = FCGX_GetStr(out, n, w->request.in);
	if (n <= 0)
		w->ended = true;
	return n > 0 ? (size_t)n : 0;
}

static bool write_answer(void *ctx, const void *data, size_t len)
{
	struct worker *w = ctx;
	const char *at = data;

	while (len && !w->spoiled) {
		int n = len > INT_MAX ? INT_MAX : (int)len;

		if (FCGX_PutStr(at, n, w->request.out) != n)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return !len;
}

/* It waits for the request's end: who has the answer may count on all that the
 * request did, figures and places of workers too. */
static bool write_whole(void *ctx, const void *head, size_t head_len,
    const void *body, size_t body_len)
{
	struct worker *w = ctx;

	w->head = head;
	w->head_len = head_len;
	w->body = body;
	w->body_len = body_len;
	return true;
}

static void send_whole(struct worker *w)
{
	/* libfcgi has nothing to add at the end. */
	w->request.out->wasFCloseCalled = 1;
	if (!records_answer(w->request.ipcFd, w->request.requestId, w->head,
		w->head_len, w->body, w->body_len))
		log_info("reply.gone", "the client went away");
	w->head = NULL;
}

/* Without waiting for a body that nobody wanted: one that was announced must
 * have been read; after the headers of a request without one, its end follows
 * in the same packet. */
static bool is_all_read(struct worker *w)
{
	const char *len = FCGX_GetParam("CONTENT_LENGTH", w->request.envp);

	if (!w->ended && len && *len && strcmp(len, "0") != 0)
		return false;
	return FCGX_GetChar(w->request.in) == EOF;
}

/* The web server takes a connection that merely closes for a whole answer, so
 * a record that no version of the protocol knows has to say otherwise. */
static void spoil_answer(void *ctx)
{
	static const unsigned char nonsense[8] = {0xff};
	struct worker *w = ctx;
	int fd = w->request.ipcFd;

	if (w->spoiled)
		return;
	w->spoiled = true;
	FCGX_FFlush(w->request.out);
	if (send(fd, nonsense, sizeof(nonsense), MSG_NOSIGNAL) < 0)
		log_debug("worker.spoil", "%s", strerror(errno));
	shutdown(fd, SHUT_WR); /* nothing that libfcgi adds gets through */
}

/* The web server closes its side when the client has left. */
static bool is_alive(void *ctx)
{
	struct worker *w = ctx;
	char c;
	ssize_t n = recv(w->request.ipcFd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* --- When to end -------------------------------------------------------- */

/* Resident memory that is not files of the system's. Pages still shared with
 * the parent count as well, so this is never too low. */
static int64_t resident_bytes(void)
{
	long long sizes[3] = {0}; /* pages: all, resident, of files */
	char text[128], *at = text;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	for (size_t i = 0; i < 3; i++)
		sizes[i] = strtoll(at, &at, 10);
	return (sizes[1] - sizes[2]) * sysconf(_SC_PAGESIZE);
}

/* Spread by pid, so that workers of one age do not all end at once. */
static int64_t spread(int64_t most)
{
	return most + most * (getpid() % 21 - 10) / 100;
}

/* More than it ever was, by a good deal: a trust store was read, say, for a
 * gateway. Memory that is mapped and not touched does not count. */
static bool has_grown(struct worker *w)
{
	struct rusage now;

	if (getrusage(RUSAGE_SELF, &now) != 0 ||
	    now.ru_maxrss < w->highest + GROWN_KB)
		return false;
	w->highest = now.ru_maxrss;
	return true;
}

/* `used`: what the request took from its pool; a big one is worth a look at
 * once. */
static bool is_retired(struct worker *w, size_t used)
{
	int64_t bytes;

	if (w->most && w->served >= w->most) {
		log_info(
		    "worker.retired", "after %" PRId64 " requests", w->served);
		return true;
	}
	if (confine_is_stale())
		return true;
	if (w->served % MEMORY_CHECK_EVERY && used < BIG_REQUEST &&
	    !has_grown(w))
		return false;
	/* What a big one took goes back to the system. */
	if (used >= BIG_REQUEST)
		mem_trim();
	bytes = resident_bytes();
	if (bytes <= w->max_memory)
		return false;
	log_info("worker.retired",
	    "it holds %" PRId64 " bytes, more than pool.maxMemory", bytes);
	return true;
}

/* --- The loop ----------------------------------------------------------- */

static void finish(void *ctx)
{
	struct worker *w = ctx;

	if (w->finished)
		return;
	w->finished = true;
	counters_give_share();
	if (w->head)
		send_whole(w);
	/* No farewell then: libfcgi would wait until the web server has closed
	 * its side, for fear of closing on unread bytes. */
	if (is_all_read(w))
		FCGX_Detach(&w->request);
	/* A connection that is kept would tie this worker to it. */
	w->request.keepConnection = 0;
	FCGX_Finish_r(&w->request);
}

/* False: it is time to end. */
static bool serve_one(struct worker *w)
{
	const struct req_source source = {
	    (const char *const *)w->request.envp, read_body, w};
	const struct reply_sink sink = {
	    write_answer, spoil_answer, w, is_alive, finish, write_whole};
	size_t used;

	w->ended = w->spoiled = w->finished = false;
	w->head = NULL;
	counters_set_busy(true);
	page_serve(w->site, w->mem, &source, &sink);
	finish(w);
	counters_set_busy(false);
	log_request(NULL, NULL);
	used = mem_used(w->mem);
	mem_clear(w->mem);
	w->served++;
	return !is_retired(w, used);
}

/* Waits for a request or a signal. A worker that was woken for a request owes
 * the accept even if it is to end: nobody else was woken for it. */
static bool wait_next(struct worker *w, bool *stop)
{
	struct epoll_event got[2];
	bool request = false;
	int n = epoll_wait(w->events, got, 2, -1);

	if (n < 0 && errno != EINTR) {
		log_error("worker.wait", "%s", strerror(errno));
		*stop = true;
	}
	for (int i = 0; i < n; i++) {
		if (got[i].data.fd == w->signals)
			*stop = true;
		else
			request = true;
	}
	return request;
}

static int loop(struct worker *w)
{
	bool stop = false;

	while (!stop) {
		int e;

		if (!wait_next(w, &stop))
			continue;
		e = FCGX_Accept_r(&w->request);
		if (e == 0) {
			if (!serve_one(w))
				break;
		} else if (e != -EAGAIN && e != -ECONNABORTED) {
			log_error("worker.accept", "%s",
			    e > -4096 ? strerror(-e) : "libfcgi");
			return 1;
		}
	}
	return 0;
}

static bool watch(struct worker *w, int fd, uint32_t how)
{
	struct epoll_event event = {.events = how, .data.fd = fd};

	return fd >= 0 && epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_events(struct worker *w)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	w->events = epoll_create1(EPOLL_CLOEXEC);
	w->signals = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
	/* EXCLUSIVE: one connection wakes one worker, not all of them. */
	if (w->events >= 0 && watch(w, w->signals, EPOLLIN) &&
	    watch(w, w->listener, EPOLLIN | EPOLLEXCLUSIVE))
		return true;
	log_error("worker.start", "epoll: %s", strerror(errno));
	return false;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

int worker_run(struct site *site, const struct conf *conf, int listener)
{
	struct worker w = {.site = site,
	    .listener = listener,
	    .events = -1,
	    .signals = -1,
	    .request.ipcFd = -1,
	    .most = spread(conf->pool.max_requests),
	    .max_memory = conf->pool.max_memory};
	int status = 1;

	mem_be_lean();
	/* Too large from the start: then not one request each. */
	if (resident_bytes() > w.max_memory)
		w.highest = INT64_MAX - GROWN_KB;
	w.mem = mem_open((size_t)conf->limits.request_memory);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&w.request, listener, 0) != 0)
		log_error("worker.start", "libfcgi refuses to start");
	else if (open_events(&w) && confine_self(site))
		status = loop(&w);
	FCGX_Free(&w.request, 1);
	close_fd(w.events);
	close_fd(w.signals);
	site_disconnect(site);
	mem_close(w.mem);
	return status;
}
