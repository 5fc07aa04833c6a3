/* faults.c: what a test asked to go wrong. */
#include "sandbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_FAULTS 64

static const char *const kinds_text[FAULT_KINDS] = {
    [LATENCY] = "latency",
    [ERROR] = "error",
    [TRUNCATE] = "truncate",
    [HANG] = "hang",
    [REFUSE] = "refuse",
    [EXPIRE] = "expire",
    [WRONG_TYPE] = "wrong_type",
    [OVERSIZE] = "oversize",
    [FOREIGN_ROWS] = "foreign_rows",
    [LATE] = "late",
    [LOST_REPLY] = "lost_reply",
    [CUT] = "cut",
    [MARKUP] = "markup",
    [MARKUP_ALL] = "markup_all",
    /* PayPal: 422 with this issue; Authorize.Net: an error of this code.
     * Nothing is done. */
    [ISSUE] = "issue",
    [STATUS] = "status",	     /* this status, nothing done */
    [STATUS_AFTER] = "status_after", /* this status, though it is done */
    /* What writes makes it so for good, what reads only shows it. */
    [STATE] = "state",
    [AMOUNT] = "amount",
    [CURRENCY] = "currency",
    [PAYEE] = "payee",
    [LINK] = "link", /* the href of payer-action; "": no such link */
    /* Done, and the answer spoiled. */
    [HTML] = "html",
    [EMPTY] = "empty",
    [NO_CAPTURES] = "no_captures",
    [TWO_CAPTURES] = "two_captures",
    [DUPLICATE_MEMBER] = "duplicate_member",
    [NESTED] = "nested",
    [BOM] = "bom", /* "none", or "space" for white space behind it */
    [RESPONSE_CODE] = "response_code",
    [TEST_REQUEST] = "test_request",
    [WRONG_ID] = "wrong_id",
};

static const char *const apis[] = {
    "core", "management", "paypal", "anet", "smtp"};

static const double defaults[FAULT_KINDS] = {[LATENCY] = 1000,
    [OVERSIZE] = 10,
    [LATE] = 30,
    [STATUS] = 503,
    [STATUS_AFTER] = 500,
    [RESPONSE_CODE] = 2};

static struct fault faults[MAX_FAULTS];
static size_t count;
static atomic_size_t any; /* read without the lock on the quick path */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_for(const struct fault *f, enum api api, const char *operation)
{
	return strcmp(f->operation, "*") == 0 ||
	       strcmp(f->operation, operation) == 0 ||
	       strcmp(f->operation, apis[api]) == 0;
}

static void drop(size_t at)
{
	memmove(
	    &faults[at], &faults[at + 1], (count - at - 1) * sizeof(faults[0]));
	any = --count;
}

bool fault_take(
    enum api api, const char *operation, uint64_t kinds, struct fault *taken)
{
	bool found = false;

	if (!any)
		return false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count && !found; i++) {
		if (!(kinds & KIND(faults[i].kind)) ||
		    !is_for(&faults[i], api, operation))
			continue;
		if (faults[i].after > 0) {
			faults[i].after--;
			continue;
		}
		*taken = faults[i];
		found = true;
		if (faults[i].times > 0 && --faults[i].times == 0)
			drop(i);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* Some take a text, the others a number. */
static const char *const texts[FAULT_KINDS] = {
    [ERROR] = "Simulated error",
    [MARKUP] = "<img src=x onerror=alert(1)>\"'&{{x}}",
    [MARKUP_ALL] = "<img src=x onerror=alert(1)>\"'&{{x}}",
    [ISSUE] = "INSTRUMENT_DECLINED",
    [STATE] = "PENDING",
    [AMOUNT] = "1.00",
    [CURRENCY] = "GBP",
    [PAYEE] = "EVERYMERCHANT",
    [LINK] = "https://www.paypal.com.evil.example/checkoutnow",
    [DUPLICATE_MEMBER] = "COMPLETED",
    [BOM] = "none",
};

static const char *read_value(struct json_object *in, struct fault *f)
{
	struct json_object *value;

	f->value = defaults[f->kind];
	if (texts[f->kind])
		snprintf(f->text, sizeof(f->text), "%s", texts[f->kind]);
	if (!json_object_object_get_ex(in, "value", &value) || !value)
		return NULL;
	if (texts[f->kind]) {
		snprintf(f->text, sizeof(f->text), "%s",
		    json_object_get_string(value));
		return NULL;
	}
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return "value: a number is needed";
	f->value = json_object_get_double(value);
	if (f->value < 0 || f->value > 1e6)
		return "value: out of range";
	return NULL;
}

static const char *read_counts(struct json_object *in, struct fault *f)
{
	struct json_object *times, *after;

	f->times = -1;
	if (json_object_object_get_ex(in, "times", &times) && times) {
		f->times = json_object_get_int(times);
		if (f->times < 1)
			return "times: 1 or more";
	}
	if (json_object_object_get_ex(in, "after", &after) && after) {
		f->after = json_object_get_int(after);
		if (f->after < 0)
			return "after: 0 or more";
	}
	return NULL;
}

static const char *read_fault(struct json_object *in, struct fault *f)
{
	struct json_object *operation, *kind, *reason;
	const char *wrong;

	if (!json_object_object_get_ex(in, "operation", &operation) ||
	    !json_object_object_get_ex(in, "fault", &kind))
		return "operation and fault are needed";
	snprintf(f->operation, sizeof(f->operation), "%s",
	    json_object_get_string(operation));
	if (json_object_object_get_ex(in, "reason", &reason))
		snprintf(f->reason, sizeof(f->reason), "%s",
		    json_object_get_string(reason));
	f->kind = FAULT_KINDS;
	for (unsigned i = 0; i < FAULT_KINDS; i++)
		if (strcmp(kinds_text[i], json_object_get_string(kind)) == 0)
			f->kind = (enum fault_kind)i;
	if (f->kind == FAULT_KINDS)
		return "fault: no such kind";
	wrong = read_counts(in, f);
	return wrong ? wrong : read_value(in, f);
}

const char *fault_add(struct json_object *in)
{
	struct fault f = {0};
	const char *wrong;

	if (!json_object_is_type(in, json_type_object))
		return "a JSON object is needed";
	wrong = read_fault(in, &f);
	if (wrong)
		return wrong;
	pthread_mutex_lock(&lock);
	if (count == MAX_FAULTS) {
		wrong = "too many faults";
	} else {
		faults[count++] = f;
		any = count;
	}
	pthread_mutex_unlock(&lock);
	return wrong;
}

void fault_clear(void)
{
	pthread_mutex_lock(&lock);
	any = count = 0;
	pthread_mutex_unlock(&lock);
	http_release();
}

void fault_list(struct buf *out)
{
	pthread_mutex_lock(&lock);
	buf_text(out, "[");
	for (size_t i = 0; i < count; i++) {
		const struct fault *f = &faults[i];

		buf_text(out, i ? ",{\"operation\":" : "{\"operation\":");
		buf_json(out, f->operation);
		buf_format(
		    out, ",\"fault\":\"%s\",\"value\":", kinds_text[f->kind]);
		if (texts[f->kind])
			buf_json(out, f->text);
		else
			buf_format(out, "%g", f->value);
		buf_format(out, ",\"after\":%ld,\"times\":", f->after);
		if (f->times < 0)
			buf_text(out, "null");
		else
			buf_int(out, f->times);
		buf_text(out, "}");
	}
	buf_text(out, "]");
	pthread_mutex_unlock(&lock);
}
