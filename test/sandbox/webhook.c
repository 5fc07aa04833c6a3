/* webhook.c: delivers the gateways' webhooks, in threads of its own.
 *
 * The queue is a table, so that a sandbox that was killed goes on with it. */
#include "gateways.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WORKERS	 2
#define ATTEMPTS 5
#define SECONDS	 5     /* that a listener may take */
#define CLAIM	 30000 /* ms, in which no other worker takes it */
#define LISTED	 2000

/* ms before each further attempt */
static const int64_t waits[ATTEMPTS] = {0, 200, 500, 1000, 2000};

static pthread_t workers[WORKERS];
static bool stopping;
static unsigned long wakes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

bool hook_add(sqlite3 *db, enum api api, const char *event, const char *type,
    const char *resource, const char *body, const char *headers)
{
	char url[1024];

	hook_get(api, url);
	return db_put(db,
	    "INSERT INTO deliveries (gateway, event, type, resource, created,"
	    " body, headers, url, attempts, status, due, done)"
	    " VALUES (?,?,?,?,?,?,?,?,0,NULL,?,?)",
	    "ssssisssii", api == PAYPAL ? "paypal" : "anet", event, type,
	    resource, clock_now(), body, headers, *url ? url : NULL,
	    clock_real(), (int64_t) !*url);
}

void hook_wake(void)
{
	pthread_mutex_lock(&lock);
	wakes++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* POST /deliveries: the same once more, to where hooks go now. */
bool hook_again(const char *event)
{
	sqlite3 *db = db_take();
	sqlite3_stmt *s = db_bind(
	    db, "SELECT gateway FROM deliveries WHERE event = ?", "s", event);
	char url[1024] = "";
	bool done = sqlite3_step(s) == SQLITE_ROW;

	if (done)
		hook_get(
		    strcmp(db_text(s, 0), "anet") == 0 ? ANET : PAYPAL, url);
	sqlite3_finalize(s);
	done = done && *url &&
	       db_put(db,
		   "UPDATE deliveries SET url = ?, due = ?, attempts = 0,"
		   " done = 0 WHERE event = ?",
		   "sis", url, clock_real(), event);
	db_give(db);
	if (done)
		hook_wake();
	return done;
}

struct delivery {
	int64_t id, attempts;
	struct buf body, headers, url;
};

/* Takes the next one that is due out of the others' sight. */
static bool claim(sqlite3 *db, struct delivery *d, int64_t *next)
{
	int64_t now = clock_real();
	sqlite3_stmt *s = db_bind(db,
	    "UPDATE deliveries SET due = ?2, attempts = attempts + 1"
	    " WHERE n = (SELECT n FROM deliveries WHERE done = 0 AND due <= ?1"
	    " ORDER BY n LIMIT 1)"
	    " RETURNING n, attempts, body, headers, url",
	    "ii", now, now + CLAIM);
	bool found = sqlite3_step(s) == SQLITE_ROW;

	if (found) {
		d->id = sqlite3_column_int64(s, 0);
		d->attempts = sqlite3_column_int64(s, 1);
		buf_text(&d->body, db_text(s, 2));
		buf_text(&d->headers, db_text(s, 3));
		buf_text(&d->url, db_text(s, 4));
		while (sqlite3_step(s) == SQLITE_ROW)
			;
	}
	sqlite3_finalize(s);
	*next = found ? 0
		      : db_int(db,
			    "SELECT coalesce(min(due), 0) FROM deliveries"
			    " WHERE done = 0",
			    0, 0);
	return found;
}

static int connect_to(const char *url)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct timeval limit = {SECONDS, 0};
	long port = url[16] == ':' ? strtol(url + 17, NULL, 10) : 80;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void write_request(struct buf *b, const struct delivery *d)
{
	const char *host = d->url.text + 7, *path = strchr(host, '/');
	struct json_object *headers = json_tokener_parse(d->headers.text);

	buf_format(b, "POST %s HTTP/1.1\r\nHost: %.*s\r\n", path ? path : "/",
	    path ? (int)(path - host) : (int)strlen(host), host);
	buf_format(b,
	    "Content-Type: application/json\r\nUser-Agent: sandbox\r\n"
	    "Connection: close\r\nContent-Length: %zu\r\n",
	    d->body.length);
	if (headers) {
		json_object_object_foreach (headers, name, value)
			buf_format(b, "%s: %s\r\n", name,
			    json_object_get_string(value));
	}
	buf_text(b, "\r\n");
	buf_add(b, d->body.text, d->body.length);
	json_object_put(headers);
}

/* The answer's status; 0: none came. */
static int64_t post(const struct delivery *d)
{
	struct buf b = {0};
	char answer[13] = "";
	size_t have = 0;
	ssize_t got = 0;
	int fd = connect_to(d->url.text);

	if (fd < 0)
		return 0;
	write_request(&b, d);
	for (size_t at = 0; at < b.length; at += (size_t)got) {
		got = send(fd, b.text + at, b.length - at, MSG_NOSIGNAL);
		if (got <= 0)
			break;
	}
	while (got > 0 && have < 12) {
		got = recv(fd, answer + have, 12 - have, 0);
		have += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	buf_free(&b);
	if (have < 12 || strncmp(answer, "HTTP/1.", 7) != 0)
		return 0;
	return strtol(answer + 9, NULL, 10);
}

static void deliver(sqlite3 *db, struct delivery *d)
{
	int64_t status = post(d);
	bool done = (status >= 200 && status < 300) || d->attempts >= ATTEMPTS;
	int64_t wait = done ? 0 : waits[d->attempts];

	db_put(db,
	    "UPDATE deliveries SET status = ?, due = ?, done = ?"
	    " WHERE n = ?",
	    "iiii", status, clock_real() + wait, (int64_t)done, d->id);
	buf_free(&d->body);
	buf_free(&d->headers);
	buf_free(&d->url);
}

/* Until something is due, or somebody calls. */
static void sleep_until(int64_t due, unsigned long seen)
{
	int64_t ms = due ? due - clock_real() : 3600000;
	struct timespec t;

	ms = ms < 1 ? 1 : ms;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	while (!stopping && wakes == seen)
		if (pthread_cond_timedwait(&changed, &lock, &t) != 0)
			break;
}

static void *work(void *unused)
{
	pthread_mutex_lock(&lock);
	while (!stopping) {
		struct delivery d = {0};
		unsigned long seen = wakes;
		sqlite3 *db;
		int64_t next;
		bool found;

		pthread_mutex_unlock(&lock);
		db = db_take();
		found = claim(db, &d, &next);
		if (found)
			deliver(db, &d);
		db_give(db);
		pthread_mutex_lock(&lock);
		if (!found)
			sleep_until(next, seen);
	}
	pthread_mutex_unlock(&lock);
	return unused;
}

bool hook_start(void)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i], NULL, work, NULL) != 0)
			abort();
	return true;
}

void hook_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
}

static void write_delivery(struct buf *out, sqlite3_stmt *s)
{
	static const char *const names[] = {
	    "gateway", "event", "type", "resource", "url", "body"};

	buf_text(out, "{");
	for (int i = 0; i < 6; i++) {
		buf_format(out, "\"%s\":", names[i]);
		buf_json(out, (const char *)sqlite3_column_text(s, i));
		buf_text(out, ",");
	}
	buf_format(out,
	    "\"headers\":%s,\"attempts\":%lld,\"status\":", db_text(s, 6),
	    (long long)sqlite3_column_int64(s, 7));
	if (sqlite3_column_type(s, 8) == SQLITE_NULL)
		buf_text(out, "null");
	else
		buf_int(out, sqlite3_column_int64(s, 8));
	buf_format(
	    out, ",\"done\":%s}", sqlite3_column_int(s, 9) ? "true" : "false");
}

void hook_list(struct buf *out)
{
	sqlite3 *db = db_take();
	sqlite3_stmt *s = db_bind(db,
	    "SELECT gateway, event, type, resource, url, body, headers,"
	    " attempts, status, done FROM (SELECT * FROM deliveries ORDER BY n"
	    " DESC LIMIT ?) ORDER BY n",
	    "i", (int64_t)LISTED);

	buf_text(out, "[");
	for (size_t n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
		buf_text(out, n ? "," : "");
		write_delivery(out, s);
	}
	buf_text(out, "]");
	sqlite3_finalize(s);
	db_give(db);
}

void hook_clear(void)
{
	sqlite3 *db = db_take();

	db_run(db, "DELETE FROM deliveries");
	db_give(db);
}
