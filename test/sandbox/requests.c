/* requests.c: the last requests to each gateway, whole, for contract tests. */
#include "sandbox.h"
#include "gateways.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 2000

struct entry {
	uint64_t number;
	char *json; /* all but the status, which comes later */
	unsigned status;
};

static struct entry logs[2][KEPT]; /* PAYPAL, ANET */
static uint64_t totals[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[] = {"Authorization", "Content-Type", "Accept",
    "PayPal-Request-Id", "Prefer", "User-Agent", NULL};

static void write_headers(struct exchange *x, struct buf *b)
{
	const char *comma = "";

	buf_text(b, ",\"headers\":{");
	for (size_t i = 0; names[i]; i++) {
		const char *value = http_header(x, names[i]);

		if (!value)
			continue;
		buf_text(b, comma);
		buf_json(b, names[i]);
		buf_text(b, ":");
		buf_json(b, value);
		comma = ",";
	}
	buf_text(b, "},\"body\":");
	buf_json(b, x->body.text ? x->body.text : "");
}

void requests_add(struct exchange *x)
{
	size_t log = x->api - PAYPAL;
	struct buf b = {0};
	struct entry *e;

	buf_format(&b, "\"at\":%.3f,\"method\":", clock_ms());
	buf_json(&b, x->method);
	buf_text(&b, ",\"path\":");
	buf_json(&b, x->path);
	buf_text(&b, ",\"query\":");
	http_arguments(x, &b);
	buf_text(&b, ",\"operation\":");
	buf_json(&b, x->operation);
	write_headers(x, &b);
	pthread_mutex_lock(&lock);
	e = &logs[log][totals[log] % KEPT];
	free(e->json);
	*e = (struct entry){++totals[log], b.text, 0};
	x->logged = e->number;
	pthread_mutex_unlock(&lock);
}

void requests_status(struct exchange *x, unsigned status)
{
	struct entry *e;

	if (!x->logged)
		return;
	pthread_mutex_lock(&lock);
	e = &logs[x->api - PAYPAL][(x->logged - 1) % KEPT];
	if (e->number == x->logged)
		e->status = status;
	pthread_mutex_unlock(&lock);
}

void requests_list(struct buf *out, enum api api)
{
	size_t log = api - PAYPAL;

	pthread_mutex_lock(&lock);
	buf_text(out, "[");
	for (uint64_t i = totals[log] > KEPT ? totals[log] - KEPT : 0, n = 0;
	     i < totals[log]; i++) {
		const struct entry *e = &logs[log][i % KEPT];

		if (!e->json)
			continue;
		buf_text(out, n++ ? ",{" : "{");
		buf_text(out, e->json);
		buf_text(out, ",\"status\":");
		if (e->status)
			buf_int(out, e->status);
		else
			buf_text(out, "null");
		buf_text(out, "}");
	}
	buf_text(out, "]");
	pthread_mutex_unlock(&lock);
}

/* The numbers go on, so that a request under way finds itself gone. */
void requests_clear(void)
{
	pthread_mutex_lock(&lock);
	for (size_t log = 0; log < 2; log++)
		for (size_t i = 0; i < KEPT; i++) {
			free(logs[log][i].json);
			logs[log][i] = (struct entry){0};
		}
	pthread_mutex_unlock(&lock);
}
