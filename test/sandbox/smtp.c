/* smtp.c: a sink for mail: takes all of it, keeps the last thousand. */
#include "gateways.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define KEPT	 1000
#define CLIENTS	 64
#define MAX_MAIL (8u << 20)
#define SECONDS	 60 /* that a client may be silent */

struct mail {
	struct buf from, to, data; /* to: a JSON array without its end */
	int64_t at;		   /* ms since 1970 */
};

struct client {
	int fd;
	char line[4096];
	size_t length;
	struct buf out;
	struct mail mail;
	enum { COMMAND, USER, PASSWORD, PLAIN, DATA } state;
	bool greeted, gone, hangs;
	int64_t heard;
};

static struct mail mails[KEPT];
static uint64_t total;
static struct client *clients[CLIENTS];
static int listener = -1;
static bool stopping;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void free_mail(struct mail *m)
{
	buf_free(&m->from);
	buf_free(&m->to);
	buf_free(&m->data);
	m->at = 0;
}

static void say(struct client *c, const char *text)
{
	buf_text(&c->out, text);
	buf_text(&c->out, "\r\n");
}

/* Tests make mail fail at its end; false: go on. */
static bool is_refused(struct client *c)
{
	struct fault f;

	if (fault_take(SMTP, "smtp", KIND(HANG), &f))
		c->hangs = true;
	else if (fault_take(SMTP, "smtp", KIND(CUT), &f))
		c->gone = true;
	else if (fault_take(SMTP, "smtp", KIND(ERROR), &f))
		say(c, "451 4.3.0 Simulated error");
	else
		return false;
	return true;
}

static void keep(struct client *c)
{
	struct fault f;
	struct mail *m;

	if (is_refused(c)) {
		free_mail(&c->mail);
		return;
	}
	pthread_mutex_lock(&lock);
	m = &mails[total++ % KEPT];
	free_mail(m);
	c->mail.at = clock_real();
	*m = c->mail;
	c->mail = (struct mail){0};
	pthread_mutex_unlock(&lock);
	c->gone = fault_take(SMTP, "smtp", KIND(LOST_REPLY), &f);
	if (!c->gone)
		say(c, "250 2.0.0 Kept");
}

/* <address> of a line such as MAIL FROM:<address> SIZE=1. */
static bool read_address(const char *line, struct buf *out)
{
	const char *from = strchr(line, '<'), *to;

	to = from ? strchr(from, '>') : NULL;
	if (to)
		buf_add(out, from + 1, (size_t)(to - from - 1));
	return to != NULL;
}

static void mail_from(struct client *c, const char *line)
{
	free_mail(&c->mail);
	buf_text(&c->mail.from, "");
	say(c, !c->greeted			   ? "503 5.5.1 EHLO first"
	       : read_address(line, &c->mail.from) ? "250 2.1.0 Ok"
						   : "501 5.1.7 Bad sender");
}

static void mail_to(struct client *c, const char *line)
{
	struct buf address = {0};

	if (!c->mail.from.text) {
		say(c, "503 5.5.1 MAIL first");
	} else if (!read_address(line, &address)) {
		say(c, "501 5.1.3 Bad recipient");
	} else {
		buf_text(&c->mail.to, c->mail.to.length ? "," : "[");
		buf_json(&c->mail.to, address.text);
		say(c, "250 2.1.5 Ok");
	}
	buf_free(&address);
}

static void authenticate(struct client *c, const char *line)
{
	if (strncasecmp(line, "AUTH PLAIN", 10) == 0) {
		c->state = line[10] ? COMMAND : PLAIN;
		say(c, line[10] ? "235 2.7.0 Welcome" : "334 ");
	} else if (strncasecmp(line, "AUTH LOGIN", 10) == 0) {
		c->state = line[10] ? PASSWORD : USER;
		say(c, line[10] ? "334 UGFzc3dvcmQ6" : "334 VXNlcm5hbWU6");
	} else {
		say(c, "504 5.5.4 Unknown mechanism");
	}
}

static void greet(struct client *c, const char *line)
{
	c->greeted = true;
	if (strncasecmp(line, "EHLO", 4) != 0) {
		say(c, "250 sandbox");
		return;
	}
	say(c, "250-sandbox");
	say(c, "250-SIZE 8388608");
	say(c, "250-8BITMIME");
	say(c, "250-SMTPUTF8");
	say(c, "250 AUTH PLAIN LOGIN");
}

static void data(struct client *c)
{
	if (!c->mail.to.length) {
		say(c, "503 5.5.1 RCPT first");
		return;
	}
	c->state = DATA;
	say(c, "354 End with a dot");
}

static bool is(const char *line, const char *verb)
{
	return strncasecmp(line, verb, strlen(verb)) == 0;
}

static void command(struct client *c, const char *line)
{
	if (is(line, "EHLO") || is(line, "HELO")) {
		greet(c, line);
	} else if (is(line, "MAIL FROM:")) {
		mail_from(c, line);
	} else if (is(line, "RCPT TO:")) {
		mail_to(c, line);
	} else if (is(line, "DATA")) {
		data(c);
	} else if (is(line, "AUTH ")) {
		authenticate(c, line);
	} else if (is(line, "RSET")) {
		free_mail(&c->mail);
		say(c, "250 2.0.0 Ok");
	} else if (is(line, "NOOP")) {
		say(c, "250 2.0.0 Ok");
	} else if (is(line, "QUIT")) {
		say(c, "221 2.0.0 Bye");
		c->gone = true;
	} else {
		say(c, "502 5.5.2 Unknown command");
	}
}

static void take_line(struct client *c, const char *line)
{
	switch (c->state) {
	case DATA:
		if (strcmp(line, ".") == 0) {
			c->state = COMMAND;
			keep(c);
			break;
		}
		buf_text(&c->mail.data, line + (*line == '.'));
		buf_text(&c->mail.data, "\r\n");
		c->gone = c->mail.data.length > MAX_MAIL;
		break;
	case USER:
		c->state = PASSWORD;
		say(c, "334 UGFzc3dvcmQ6");
		break;
	case PASSWORD:
	case PLAIN:
		c->state = COMMAND;
		say(c, "235 2.7.0 Welcome");
		break;
	default:
		command(c, line);
	}
}

static void take_lines(struct client *c)
{
	char *end;

	while (
	    !c->gone && !c->hangs && (end = memchr(c->line, '\n', c->length))) {
		size_t length = (size_t)(end - c->line) + 1;

		*end = '\0';
		if (end > c->line && end[-1] == '\r')
			end[-1] = '\0';
		take_line(c, c->line);
		c->length -= length;
		memmove(c->line, c->line + length, c->length);
	}
	if (c->length == sizeof(c->line))
		c->gone = true;
}

/* Answers are short, and a client reads them. */
static void flush(struct client *c)
{
	if (c->out.length && send(c->fd, c->out.text, c->out.length,
				 MSG_NOSIGNAL) != (ssize_t)c->out.length)
		c->gone = true;
	buf_free(&c->out);
}

static void receive(struct client *c)
{
	ssize_t got =
	    recv(c->fd, c->line + c->length, sizeof(c->line) - c->length, 0);

	if (got <= 0) {
		c->gone = true;
		return;
	}
	c->heard = clock_real();
	c->length += (size_t)got;
	take_lines(c);
}

static void drop(size_t i)
{
	struct client *c = clients[i];

	close(c->fd);
	free_mail(&c->mail);
	buf_free(&c->out);
	free(c);
	clients[i] = NULL;
}

static void welcome(void)
{
	struct timeval limit = {5, 0};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct fault f;
	struct client *c;
	size_t i = 0;

	while (i < CLIENTS && clients[i])
		i++;
	if (fd < 0 || i == CLIENTS ||
	    fault_take(SMTP, "smtp", KIND(REFUSE), &f)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->fd = fd;
	c->heard = clock_real();
	say(c, "220 sandbox ESMTP");
	clients[i] = c;
}

/* One round: waits a little, then serves whoever spoke. */
static void serve(void)
{
	struct pollfd fds[CLIENTS + 1] = {{listener, POLLIN, 0}};

	for (size_t i = 0; i < CLIENTS; i++) {
		fds[i + 1].fd = clients[i] ? clients[i]->fd : -1;
		fds[i + 1].events =
		    clients[i] && clients[i]->hangs ? POLLRDHUP : POLLIN;
	}
	if (poll(fds, CLIENTS + 1, 100) < 0)
		return;
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = clients[i];

		if (!c)
			continue;
		if (c->hangs)
			c->gone = fds[i + 1].revents != 0;
		else if (fds[i + 1].revents)
			receive(c);
		flush(c);
		if (c->gone || clock_real() - c->heard > SECONDS * 1000)
			drop(i);
	}
	if (fds[0].revents & POLLIN)
		welcome();
	for (size_t i = 0; i < CLIENTS; i++)
		if (clients[i])
			flush(clients[i]);
}

static void *run(void *unused)
{
	bool end = false;

	while (!end) {
		serve();
		pthread_mutex_lock(&lock);
		end = stopping;
		pthread_mutex_unlock(&lock);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		if (clients[i])
			drop(i);
	return unused;
}

bool smtp_start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int on = 1;

	at.sin_port = htons((uint16_t)(options.port + 5));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(listener, 64) == 0 &&
	    pthread_create(&thread, NULL, run, NULL) == 0)
		return true;
	fprintf(stderr, "sandbox: port %d: %s\n", options.port + 5,
	    strerror(errno));
	close(listener);
	return false;
}

void smtp_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	close(listener);
	smtp_clear();
}

/* A folded header is one value; of two of a name, both are given. */
static void write_headers(struct buf *out, const char *at)
{
	const char *comma = "";

	while (*at && *at != '\r') {
		size_t name = strcspn(at, ":\r\n");
		struct buf lower = {0}, value = {0};

		buf_add(&lower, at, name);
		for (size_t i = 0; i < name; i++)
			if (at[i] >= 'A' && at[i] <= 'Z')
				lower.text[i] = (char)(at[i] + 32);
		at += name;
		at += *at == ':';
		do {
			size_t length = strcspn(at, "\r");

			if (!value.length)
				for (; *at == ' '; length--)
					at++;
			buf_add(&value, at, length);
			at += length;
			at += *at ? 2 : 0;
		} while (*at == ' ' || *at == '\t');
		buf_text(out, comma);
		buf_json(out, lower.text);
		buf_text(out, ":");
		buf_json(out, value.text);
		comma = ",";
		buf_free(&lower);
		buf_free(&value);
	}
}

static void write_mail(struct buf *out, const struct mail *m)
{
	buf_text(out, "{\"from\":");
	buf_json(out, m->from.text);
	buf_format(out, ",\"to\":%s],\"at\":%lld,\"headers\":{", m->to.text,
	    (long long)m->at);
	write_headers(out, m->data.text ? m->data.text : "");
	buf_text(out, "},\"data\":");
	buf_json(out, m->data.text ? m->data.text : "");
	buf_text(out, "}");
}

void smtp_list(struct buf *out)
{
	pthread_mutex_lock(&lock);
	buf_text(out, "[");
	for (uint64_t i = total > KEPT ? total - KEPT : 0, n = 0; i < total;
	     i++) {
		buf_text(out, n++ ? "," : "");
		write_mail(out, &mails[i % KEPT]);
	}
	buf_text(out, "]");
	pthread_mutex_unlock(&lock);
}

void smtp_clear(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT; i++)
		free_mail(&mails[i]);
	total = 0;
	pthread_mutex_unlock(&lock);
}
