/* http.c: libmicrohttpd: the listeners, and requests that must wait.
 *
 * A request that waits (latency, hang, late) is suspended, so that it holds
 * no thread; a keeper thread lets it go on. */
#include "sandbox.h"
#include "gateways.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODY (16u << 20)
#define THREADS	 8u

struct room {
	int port; /* from the base */
	bool tls;
	void (*read)(struct exchange *);
	void (*serve)(struct exchange *);
};

enum state { READING, WAITING, SERVED, SENDING };

struct request {
	struct exchange x; /* first: a room sees only this */
	enum state state;
	struct MHD_Connection *connection;
	const struct room *room;
	double until; /* ms; < 0: until released */
	bool parked, gone;
	struct request *next, **at;
};

static void management_or_file_read(struct exchange *x)
{
	if (files_path(x->path))
		files_read(x);
	else if (paypal_cert_path(x->path))
		paypal_read(x);
	else
		management_read(x);
}

static void management_or_file_serve(struct exchange *x)
{
	if (files_path(x->path))
		files_serve(x);
	else if (paypal_cert_path(x->path))
		paypal_serve(x);
	else
		management_serve(x);
}

static const struct room rooms[] = {
    {0, false, core_read, core_serve},
    {1, true, management_or_file_read, management_or_file_serve},
    {2, false, paypal_read, paypal_serve},
    {3, false, anet_read, anet_serve},
    {4, false, NULL, control_serve},
};

#define ROOMS (sizeof(rooms) / sizeof(rooms[0]))

static struct MHD_Daemon *daemons[ROOMS];
static struct request *parked;
static bool stopping;
static pthread_t keeper;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Under the lock. */
static void unpark(struct request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->parked = false;
	MHD_resume_connection(r->connection);
}

/* Suspends until a time; the lock keeps the keeper from resuming before. */
static bool park(struct request *r, double until)
{
	bool done;

	pthread_mutex_lock(&lock);
	done = !stopping;
	if (done) {
		r->until = until;
		r->parked = true;
		r->next = parked;
		r->at = &parked;
		if (parked)
			parked->at = &r->next;
		parked = r;
		MHD_suspend_connection(r->connection);
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
	return done;
}

static bool is_fault(const struct request *r, enum fault_kind kind)
{
	return r->x.faulty && r->x.fault.kind == kind;
}

static bool is_late_write(const struct request *r)
{
	return is_fault(r, LATE) && r->x.writes;
}

static bool has_gone(struct request *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd fd = {.events = POLLRDHUP};

	if (!info)
		return true;
	fd.fd = info->connect_fd;
	return poll(&fd, 1, 0) > 0 &&
	       fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

static void wait_a_little(double least)
{
	struct timespec t;
	double ms = least < 0 || least > 20 ? 20 : least;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += (long)(ms * 1e6) + 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&changed, &lock, &t);
}

static void log_calls(struct exchange *x)
{
	for (size_t i = 0; i < x->operation_count; i++)
		calls_add(x->api, x->operations[i].name, x->number, x->started,
		    x->operations[i].client);
	x->operation_count = 0;
}

/* Late: what was asked is done now, whether or not anybody still listens.
 * Under the lock, but for the doing. */
static void serve_late(struct request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->parked = false;
	pthread_mutex_unlock(&lock);
	r->room->serve(&r->x);
	log_calls(&r->x);
	pthread_mutex_lock(&lock);
	r->state = SERVED;
	MHD_resume_connection(r->connection);
}

static struct request *find_late(double now)
{
	struct request *r = parked;

	while (r && (!is_late_write(r) || r->until > now))
		r = r->next;
	return r;
}

static void *keep(void *unused)
{
	pthread_mutex_lock(&lock);
	while (!stopping) {
		double now = clock_ms(), least = -1;
		struct request *next;

		while ((next = find_late(now)))
			serve_late(next);
		for (struct request *r = parked; r; r = next) {
			next = r->next;
			r->gone = has_gone(r);
			if ((r->gone && !is_late_write(r)) ||
			    (r->until >= 0 && r->until <= now))
				unpark(r);
			else if (r->until >= 0 &&
				 (least < 0 || r->until - now < least))
				least = r->until - now;
		}
		if (!parked && !stopping)
			pthread_cond_wait(&changed, &lock);
		else if (!stopping)
			wait_a_little(least);
	}
	pthread_mutex_unlock(&lock);
	return unused;
}

void http_release(void)
{
	struct request *next;

	pthread_mutex_lock(&lock);
	for (struct request *r = parked; r; r = next) {
		next = r->next;
		r->gone = has_gone(r);
		if (is_late_write(r) && !stopping)
			r->until = 0;
		else
			unpark(r);
	}
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static int64_t find_client(struct json_object *params)
{
	static const char *const names[] = {
	    "clients_id", "id_clients", "id", "accounts_id"};
	struct json_object *value;

	for (size_t i = 0; i < 4; i++) {
		if (!params ||
		    !json_object_object_get_ex(params, names[i], &value))
			continue;
		if (json_object_is_type(value, json_type_array))
			value = json_object_array_get_idx(value, 0);
		if (i == 3) /* the made accounts, by their fixed ids */
			switch (json_object_get_int64(value)) {
			case 2001:
			case 2002:
				return HERON;
			case 2003:
			case 2004:
				return OSPREY;
			case 2005:
				return KESTREL;
			default:
				return WHALE;
			}
		return json_object_get_int64(value);
	}
	return 0;
}

void http_operation(
    struct exchange *x, const char *name, struct json_object *params)
{
	const struct method *m = method_find(x->api, name);

	x->writes |=
	    m ? m->writes : x->api >= PAYPAL && strcmp(x->method, "POST") == 0;
	if (!x->faulty)
		x->faulty = fault_take(x->api, name, WHOLE_FAULTS, &x->fault);
	if (x->operation_count < MAX_OPERATIONS) {
		struct operation *o = &x->operations[x->operation_count++];

		snprintf(o->name, sizeof(o->name), "%.40s", name);
		o->client = find_client(params);
	}
}

const char *http_query(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(
	    x->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(
	    x->connection, MHD_HEADER_KIND, name);
}

void http_answer_header(
    struct exchange *x, const char *name, const char *format, ...)
{
	char *value = NULL;
	va_list args;

	va_start(args, format);
	if (x->header_count == 8 || vasprintf(&value, format, args) < 0)
		abort();
	va_end(args);
	x->headers[x->header_count].name = name;
	x->headers[x->header_count++].value = value;
}

static enum MHD_Result add_argument(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct buf *b = cls;

	(void)kind;
	buf_text(b, b->text[b->length - 1] == '{' ? "" : ",");
	buf_json(b, name);
	buf_text(b, ":");
	buf_json(b, value);
	return MHD_YES;
}

void http_arguments(struct exchange *x, struct buf *out)
{
	buf_text(out, "{");
	MHD_get_connection_values(
	    x->connection, MHD_GET_ARGUMENT_KIND, add_argument, out);
	buf_text(out, "}");
}

static void spoil(struct request *r)
{
	struct buf *b = &r->x.reply;
	size_t more;

	if (is_fault(r, TRUNCATE))
		b->length /= 2;
	if (!is_fault(r, OVERSIZE))
		return;
	/* White space keeps it right but for its size. */
	more = (size_t)(r->x.fault.value * 1048576);
	while (b->length < more)
		buf_add(b,
		    "                                                    ", 50);
}

/* Half of a body, then the end of the connection. */
static ssize_t read_half(void *cls, uint64_t at, char *to, size_t room)
{
	const struct buf *b = cls;
	size_t left = b->length / 2 > at ? b->length / 2 - (size_t)at : 0;

	if (!left)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	room = room < left ? room : left;
	memcpy(to, b->text + at, room);
	return (ssize_t)room;
}

static void free_half(void *cls)
{
	buf_free(cls);
	free(cls);
}

static struct MHD_Response *make_response(struct request *r)
{
	struct buf *b;

	if (!is_fault(r, CUT))
		return MHD_create_response_from_buffer(
		    r->x.reply.length, r->x.reply.text, MHD_RESPMEM_MUST_FREE);
	b = malloc(sizeof(*b));
	if (!b)
		abort();
	*b = r->x.reply;
	return MHD_create_response_from_callback(
	    b->length, 4096, read_half, b, free_half);
}

static enum MHD_Result send_reply(struct request *r)
{
	struct exchange *x = &r->x;
	struct MHD_Response *response;
	enum MHD_Result done;
	char text[128];

	log_calls(x);
	if (is_fault(r, LOST_REPLY) || is_fault(r, REFUSE))
		return MHD_NO;
	requests_status(x, x->status ? x->status : 200);
	spoil(r);
	if (!x->reply.text)
		buf_text(&x->reply, "");
	response = make_response(r);
	x->reply = (struct buf){0};
	MHD_add_response_header(response, "Content-Type", x->type);
	if (*x->name) {
		snprintf(
		    text, sizeof(text), "attachment; filename=\"%s\"", x->name);
		MHD_add_response_header(response, "Content-Disposition", text);
	}
	for (size_t i = 0; i < x->header_count; i++)
		MHD_add_response_header(
		    response, x->headers[i].name, x->headers[i].value);
	if (x->vcs_status) {
		snprintf(text, sizeof(text), "%d", x->vcs_status);
		MHD_add_response_header(response, "X-VCS-Status", text);
	}
	done = MHD_queue_response(
	    r->connection, x->status ? x->status : 200, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result serve(struct request *r, const struct room *room)
{
	if (r->gone || (is_fault(r, REFUSE) || stopping)) {
		log_calls(&r->x);
		return MHD_NO;
	}
	if (is_fault(r, EXPIRE) && r->x.api == PAYPAL)
		paypal_expire();
	else if (is_fault(r, EXPIRE) && r->x.api != ANET)
		session_expire();
	room->serve(&r->x);
	r->state = SERVED;
	return send_reply(r);
}

/* The whole body is here. */
static enum MHD_Result begin(struct request *r, const struct room *room)
{
	r->state = WAITING;
	r->x.started = clock_ms();
	if (room->read) {
		if (room->port < 2)
			r->x.number = calls_request();
		room->read(&r->x);
	}
	if (is_fault(r, LATENCY))
		return park(r, r->x.started + r->x.fault.value) ? MHD_YES
								: MHD_NO;
	if (is_fault(r, LATE))
		return park(r, r->x.started + r->x.fault.value * 1000) ? MHD_YES
								       : MHD_NO;
	if (is_fault(r, HANG))
		return park(r, -1) ? MHD_YES : MHD_NO;
	return serve(r, room);
}

static struct request *make_request(
    struct MHD_Connection *connection, const char *path, const char *method)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->connection = connection;
	r->x.connection = connection;
	r->x.path = path;
	r->x.method = method;
	r->x.type = "application/json";
	return r;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state)
{
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = make_request(connection, path, method);
		r->room = cls;
		*state = r;
		return MHD_YES;
	}
	r->x.path = path;
	r->x.method = method;
	if (*upload_size) {
		if (r->x.body.length + *upload_size > MAX_BODY)
			return MHD_NO;
		buf_add(&r->x.body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	switch (r->state) {
	case READING:
		return begin(r, cls);
	case WAITING:
		return serve(r, cls);
	default:
		if (!r->gone && !stopping)
			return send_reply(r);
		log_calls(&r->x);
		return MHD_NO;
	}
}

static void complete(void *cls, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	(void)cls;
	(void)connection;
	(void)code;
	if (!r)
		return;
	json_object_put(r->x.request);
	buf_free(&r->x.body);
	buf_free(&r->x.reply);
	for (size_t i = 0; i < r->x.header_count; i++)
		free(r->x.headers[i].value);
	free(r);
	*state = NULL;
}

/* Not on the log: a client that goes away is an everyday thing here. */
static void quiet(void *cls, const char *format, va_list args)
{
	(void)cls;
	(void)format;
	(void)args;
}

static struct MHD_Daemon *listen_at(const struct room *room)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, tls_key},
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, tls_certificate},
	    {MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	int port = options.port + room->port;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)port);
	return MHD_start_daemon(flags | (room->tls ? MHD_USE_TLS : 0), 0, NULL,
	    NULL, handle, (void *)(uintptr_t)room, MHD_OPTION_EXTERNAL_LOGGER,
	    quiet, NULL, MHD_OPTION_SOCK_ADDR, &address,
	    MHD_OPTION_NOTIFY_COMPLETED, complete, NULL,
	    MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_CONNECTION_LIMIT,
	    4096u, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_ARRAY,
	    room->tls ? tls : none, MHD_OPTION_END);
}

bool http_start(void)
{
	if (pthread_create(&keeper, NULL, keep, NULL) != 0)
		return false;
	for (size_t i = 0; i < ROOMS; i++) {
		daemons[i] = listen_at(&rooms[i]);
		if (daemons[i])
			continue;
		fprintf(stderr, "sandbox: port %d: %s\n",
		    options.port + rooms[i].port, strerror(errno));
		http_stop();
		return false;
	}
	return true;
}

void http_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(keeper, NULL);
	http_release();
	for (size_t i = 0; i < ROOMS; i++)
		if (daemons[i])
			MHD_stop_daemon(daemons[i]);
}
