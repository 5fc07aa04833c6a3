/* gateway.c: what the simulated gateways share: ids, amounts, spoiled answers,
 * and where their webhooks go. */
#include "gateways.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static char hooks[2][1024]; /* PAYPAL, ANET */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void gateway_id(char *to, size_t length)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	unsigned char bytes[64] = {0};

	if (getrandom(bytes, length, 0) != (ssize_t)length)
		abort();
	for (size_t i = 0; i < length; i++)
		to[i] = letters[bytes[i] % 32];
	to[length] = '\0';
}

bool gateway_fault(struct exchange *x, enum fault_kind kind, struct fault *f)
{
	return x->operation && fault_take(x->api, x->operation, KIND(kind), f);
}

void gateway_twist(
    struct exchange *x, enum fault_kind kind, char *value, size_t room)
{
	struct fault f;

	if (gateway_fault(x, kind, &f))
		snprintf(value, room, "%s", f.text);
}

static void set_reply(struct exchange *x, const char *text)
{
	x->reply.length = 0;
	buf_text(&x->reply, text);
}

/* Each member of this name twice: which of the two is right? */
static void double_members(
    struct exchange *x, const char *name, const char *value)
{
	struct buf b = {0};
	char *at = x->reply.text, *next;

	while ((next = strstr(at, name))) {
		buf_add(&b, at, (size_t)(next - at));
		buf_format(&b, "%s%s\",%s", name, value, name);
		at = next + strlen(name);
	}
	buf_text(&b, at);
	buf_free(&x->reply);
	x->reply = b;
}

static void nest(struct exchange *x)
{
	set_reply(x, "");
	for (int i = 0; i < 10000; i++)
		buf_text(&x->reply, "[");
	for (int i = 0; i < 10000; i++)
		buf_text(&x->reply, "]");
}

void gateway_spoil(struct exchange *x)
{
	struct fault f;

	if (x->reply.length && gateway_fault(x, DUPLICATE_MEMBER, &f)) {
		double_members(x, "\"status\":\"", f.text);
		double_members(x, "\"transactionStatus\":\"", f.text);
	}
	if (gateway_fault(x, NESTED, &f))
		nest(x);
	if (gateway_fault(x, EMPTY, &f)) {
		set_reply(x, "");
		x->status = 200;
	}
	if (gateway_fault(x, HTML, &f)) {
		set_reply(x, "<!doctype html><title>Sorry</title><h1>Sorry, we"
			     " will be back soon</h1>");
		x->type = "text/html";
		x->status = 200;
	}
}

int gateway_digits(const char *currency)
{
	static const char two[] =
	    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP"
	    " PLN SEK SGD THB USD";
	static const char none[] = "HUF JPY TWD";

	if (strlen(currency) != 3 || strchr(currency, ' '))
		return -1;
	return strstr(two, currency) ? 2 : strstr(none, currency) ? 0 : -1;
}

bool amount_parse(const char *text, int digits, int64_t *nano)
{
	const char *dot = strchr(text, '.');
	int64_t unit = digits ? NANO / 100 : NANO;

	if (dot && (!digits || !dot[1]))
		return false;
	return nano_parse(text, nano) && *nano % unit == 0;
}

void buf_amount(struct buf *b, int64_t nano, int digits)
{
	int64_t size = nano < 0 ? -nano : nano;

	buf_text(b, nano < 0 ? "-" : "");
	buf_int(b, size / NANO);
	if (digits)
		buf_format(b, ".%02d", (int)(size % NANO / (NANO / 100)));
}

/* A sandbox calls nobody but this machine. */
bool hook_set(enum api api, const char *url)
{
	bool good = !*url || strncmp(url, "http://127.0.0.1", 16) == 0 ||
		    strncmp(url, "http://localhost", 16) == 0;

	good =
	    good && strlen(url) < sizeof(hooks[0]) && !strpbrk(url, " \r\n\t@");
	if (good && *url)
		good = url[16] == ':' || url[16] == '/' || !url[16];
	if (!good)
		return false;
	pthread_mutex_lock(&lock);
	snprintf(hooks[api - PAYPAL], sizeof(hooks[0]), "%s", url);
	pthread_mutex_unlock(&lock);
	return true;
}

void hook_get(enum api api, char url[1024])
{
	pthread_mutex_lock(&lock);
	snprintf(url, 1024, "%s", hooks[api - PAYPAL]);
	pthread_mutex_unlock(&lock);
}
