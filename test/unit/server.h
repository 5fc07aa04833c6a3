/* server.h: a small HTTP(S) server for tests: a thread per connection, answers
 * from a function of the test. Nothing waits for a time: a test waits for
 * what must happen, and GIVE_UP only keeps a broken one from hanging.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

enum { SERVER_CONNS = 32, GIVE_UP = 10 };

struct server;

struct request {
	size_t number;	      /* of all that the server got, from 1 */
	size_t on_connection; /* of this connection, from 1 */
	char *head;	      /* request line and headers */
	char *body;
	size_t body_len;
};

struct conn {
	struct server *server;
	int fd;
	pthread_t thread;
	gnutls_session_t tls; /* NULL: plain */
	size_t requests;
};

/* False: close the connection. */
typedef bool answer_fn(struct conn *c, const struct request *r);

struct server {
	int fd;
	char url[64];
	int port;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	answer_fn *answer;
	void *arg;			       /* for the answer function */
	gnutls_certificate_credentials_t cert; /* NULL: plain */
	const char *priority;
	bool resumes; /* TLS: keeps sessions */
	/* under the lock */
	bool stop;
	size_t n_conns, n_requests, n_resumed, n_sessions;
	gnutls_datum_t sessions[SERVER_CONNS][2]; /* their ids, themselves */
	struct conn conns[SERVER_CONNS];
};

static inline ssize_t conn_read(struct conn *c, char *to, size_t room)
{
	return c->tls ? gnutls_record_recv(c->tls, to, room)
		      : recv(c->fd, to, room, 0);
}

static inline void conn_send(struct conn *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n = c->tls ? gnutls_record_send(c->tls, data, len)
				   : send(c->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static inline void conn_text(struct conn *c, const char *text)
{
	conn_send(c, text, strlen(text));
}

/* A whole answer with its length. */
static inline void conn_answer(
    struct conn *c, int status, const char *type, const char *body)
{
	char head[256];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
	    status, type, strlen(body));
	conn_text(c, head);
	conn_text(c, body);
}

/* Waits until the server has got `n` requests, or is closed: then false. */
static inline bool server_wait(struct server *s, size_t n)
{
	struct timespec until;
	int e = 0;
	bool come;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GIVE_UP;
	pthread_mutex_lock(&s->lock);
	while (s->n_requests < n && !s->stop && !e)
		e = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	come = s->n_requests >= n;
	pthread_mutex_unlock(&s->lock);
	return come;
}

static inline size_t server_requests(struct server *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline size_t server_conns(struct server *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_conns;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline size_t server_resumed(struct server *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_resumed;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline size_t body_length(const char *head)
{
	const char *at = strcasestr(head, "\r\nContent-Length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one request into *r; false: the connection has ended. */
static inline bool conn_request(struct conn *c, struct request *r)
{
	size_t len = 0, room = 4096;
	char *data = calloc(1, room + 1), *end = NULL;

	while (!(end = strstr(data, "\r\n\r\n")) ||
	       (size_t)(data + len - (end + 4)) < body_length(data)) {
		ssize_t n;

		if (len == room) {
			data = realloc(data, 2 * room + 1);
			memset(data + room, 0, room + 1);
			room *= 2;
		}
		n = conn_read(c, data + len, room - len);
		if (n <= 0) {
			free(data);
			return false;
		}
		len += (size_t)n;
	}
	end[2] = '\0';
	r->head = data;
	r->body = end + 4;
	r->body_len = len - (size_t)(end + 4 - data);
	return true;
}

static inline gnutls_datum_t copy_datum(gnutls_datum_t from)
{
	gnutls_datum_t to = {gnutls_malloc(from.size), from.size};

	memcpy(to.data, from.data, from.size);
	return to;
}

static inline int server_keep_session(
    void *arg, gnutls_datum_t id, gnutls_datum_t session)
{
	struct server *s = arg;

	pthread_mutex_lock(&s->lock);
	if (s->n_sessions < SERVER_CONNS) {
		s->sessions[s->n_sessions][0] = copy_datum(id);
		s->sessions[s->n_sessions++][1] = copy_datum(session);
	}
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static inline gnutls_datum_t server_find_session(void *arg, gnutls_datum_t id)
{
	struct server *s = arg;
	gnutls_datum_t found = {NULL, 0};

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n_sessions && !found.data; i++)
		if (s->sessions[i][0].size == id.size &&
		    !memcmp(s->sessions[i][0].data, id.data, id.size))
			found = copy_datum(s->sessions[i][1]);
	pthread_mutex_unlock(&s->lock);
	return found;
}

static inline void server_forget_sessions(struct server *s)
{
	for (size_t i = 0; i < s->n_sessions; i++) {
		gnutls_free(s->sessions[i][0].data);
		gnutls_free(s->sessions[i][1].data);
	}
}

static inline void conn_tls(struct conn *c)
{
	struct server *s = c->server;

	if (!s->cert)
		return;
	gnutls_init(&c->tls, GNUTLS_SERVER);
	gnutls_priority_set_direct(c->tls, s->priority, NULL);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, s->cert);
	gnutls_transport_set_int(c->tls, c->fd);
	if (!s->resumes)
		return;
	gnutls_db_set_store_function(c->tls, server_keep_session);
	gnutls_db_set_retrieve_function(c->tls, server_find_session);
	gnutls_db_set_ptr(c->tls, s);
}

static inline bool conn_shake_hands(struct conn *c)
{
	struct server *s = c->server;

	if (!c->tls)
		return true;
	if (gnutls_handshake(c->tls) != 0)
		return false;
	pthread_mutex_lock(&s->lock);
	s->n_resumed += gnutls_session_is_resumed(c->tls) != 0;
	pthread_mutex_unlock(&s->lock);
	return true;
}

static inline void *conn_main(void *arg)
{
	struct conn *c = arg;
	struct server *s = c->server;
	struct request r;
	bool keep;

	conn_tls(c);
	keep = conn_shake_hands(c);
	while (keep && conn_request(c, &r)) {
		r.on_connection = ++c->requests;
		pthread_mutex_lock(&s->lock);
		r.number = ++s->n_requests;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		keep = s->answer(c, &r);
		free(r.head);
	}
	if (c->tls)
		gnutls_deinit(c->tls);
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static inline void *server_main(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct conn *c;

		pthread_mutex_lock(&s->lock);
		if (s->stop || s->n_conns == SERVER_CONNS) {
			pthread_mutex_unlock(&s->lock);
			close(fd);
			continue;
		}
		c = &s->conns[s->n_conns++];
		c->server = s;
		c->fd = fd;
		pthread_create(&c->thread, NULL, conn_main, c);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static inline int listen_on(struct server *s, bool v6)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
	struct sockaddr *a =
	    v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t len = v6 ? sizeof(a6) : sizeof(a4);

	a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a6.sin6_addr = in6addr_loopback;
	s->fd = socket(a->sa_family, SOCK_STREAM, 0);
	if (s->fd < 0 || bind(s->fd, a, len) || listen(s->fd, SERVER_CONNS))
		return -1;
	getsockname(s->fd, a, &len);
	s->port = ntohs(v6 ? a6.sin6_port : a4.sin_port);
	snprintf(s->url, sizeof(s->url), "%s://%s:%d/",
	    s->cert ? "https" : "http", v6 ? "[::1]" : "127.0.0.1", s->port);
	return 0;
}

/* `s` is zeroed but for cert, priority and arg. -1: no such address here. */
static inline int server_open(struct server *s, answer_fn *answer, bool v6)
{
	s->answer = answer;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (listen_on(s, v6) < 0) {
		if (s->fd >= 0)
			close(s->fd);
		return -1;
	}
	pthread_create(&s->thread, NULL, server_main, s);
	return 0;
}

static inline void server_close(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (size_t i = 0; i < s->n_conns; i++) {
		shutdown(s->conns[i].fd, SHUT_RDWR);
		pthread_join(s->conns[i].thread, NULL);
		close(s->conns[i].fd);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

#endif
