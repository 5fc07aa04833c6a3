/* calls.c: the log of calls, from which a test sees what was asked and when. */
#include "sandbox.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define KEPT	   5000
#define OPERATIONS 64

struct entry {
	char operation[48];
	enum api api;
	uint64_t request;
	double started, ended;
	int64_t client;
};

static struct entry entries[KEPT];
static size_t total;
static uint64_t requests;
static struct {
	char operation[48];
	uint64_t count;
} counts[OPERATIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

uint64_t calls_request(void)
{
	uint64_t number;

	pthread_mutex_lock(&lock);
	number = ++requests;
	pthread_mutex_unlock(&lock);
	return number;
}

static void count(const char *operation)
{
	size_t i = 0;

	while (i + 1 < OPERATIONS && *counts[i].operation &&
	       strcmp(counts[i].operation, operation) != 0)
		i++;
	if (!*counts[i].operation)
		snprintf(counts[i].operation, sizeof(counts[i].operation), "%s",
		    operation);
	counts[i].count++;
}

void calls_add(enum api api, const char *operation, uint64_t request,
    double started, int64_t client)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = &entries[total++ % KEPT];
	snprintf(e->operation, sizeof(e->operation), "%.40s", operation);
	count(e->operation);
	e->api = api;
	e->request = request;
	e->started = started;
	e->ended = clock_ms();
	e->client = client;
	pthread_mutex_unlock(&lock);
}

static void write_entry(struct buf *out, const struct entry *e)
{
	buf_text(out, "{\"operation\":");
	buf_json(out, e->operation);
	buf_format(out,
	    ",\"api\":\"%s\",\"http\":%llu,\"started\":%.3f,"
	    "\"ended\":%.3f,\"client\":",
	    e->api == CORE     ? "core"
	    : e->api == PAYPAL ? "paypal"
			       : "management",
	    (unsigned long long)e->request, e->started, e->ended);
	if (e->client)
		buf_int(out, e->client);
	else
		buf_text(out, "null");
	buf_text(out, "}");
}

void calls_list(struct buf *out)
{
	pthread_mutex_lock(&lock);
	buf_text(out, "{\"calls\":[");
	for (size_t i = total > KEPT ? total - KEPT : 0, n = 0; i < total;
	     i++) {
		if (n++)
			buf_text(out, ",");
		write_entry(out, &entries[i % KEPT]);
	}
	buf_text(out, "],\"counts\":{");
	for (size_t i = 0; i < OPERATIONS && *counts[i].operation; i++) {
		buf_text(out, i ? "," : "");
		buf_json(out, counts[i].operation);
		buf_format(out, ":%llu", (unsigned long long)counts[i].count);
	}
	buf_format(
	    out, "},\"http_requests\":%llu}", (unsigned long long)requests);
	pthread_mutex_unlock(&lock);
}

void calls_clear(void)
{
	pthread_mutex_lock(&lock);
	total = 0;
	requests = 0;
	memset(counts, 0, sizeof(counts));
	pthread_mutex_unlock(&lock);
}
