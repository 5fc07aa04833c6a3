/* req_check.c: decoded fields against declared parameters. */
#include <string.h>

#include "base/mem.h"
#include "tools/req.h"
#include "tools/req_parse.h"

/* Where a row gives no bound. */
enum { TEXT_MAX = 1000, FREE_MAX = 4096, DIGITS_MAX = 18 };
static const int64_t number_max = 999999999999999999;

/* Arrays in the pool grow by doubling: full at 0, 8, 16, 32... */
static void *grow(struct mem *m, void *items, size_t n, size_t size)
{
	void *more;

	if (n && (n < 8 || (n & (n - 1))))
		return items;
	more = mem_array(m, n ? n * 2 : 8, size);
	if (n)
		memcpy(more, items, n * size);
	return more;
}

static struct req_fault *find_fault(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->n_faults; i++)
		if (!strcmp(r->faults[i].name, name))
			return &r->faults[i];
	return NULL;
}

/* One fault a name: the first says best what to mend. */
static void add_fault(struct req *r, struct req_fault fault)
{
	if (find_fault(r, fault.name))
		return;
	r->faults = grow(r->mem, r->faults, r->n_faults, sizeof(fault));
	r->faults[r->n_faults++] = fault;
}

void req_add_fault(struct req *r, const char *name, const char *key)
{
	add_fault(r, (struct req_fault){.name = name, .key = key});
}

void req_add_fault_words(
    struct req *r, const char *name, const char *key, const char *words)
{
	add_fault(
	    r, (struct req_fault){.name = name, .key = key, .words = words});
}

static void add_fault_1(
    struct req *r, const struct param *p, const char *key, int64_t arg)
{
	add_fault(
	    r, (struct req_fault){
		   .name = p->name, .key = key, .args = {arg}, .n_args = 1});
}

static void add_value(
    struct req *r, const struct param *p, const char *text, int64_t number)
{
	r->values =
	    grow(r->mem, r->values, r->n_values, sizeof(struct req_value));
	r->values[r->n_values++] =
	    (struct req_value){.name = p->name, .text = text, .number = number};
}

/* Controls of ASCII and of C1, and the line ends of Unicode. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 ||
	       c == 0x2029;
}

/* Characters, not bytes; -1: not all may stand in such a text. */
static int64_t count_chars(const char *s, enum param_type type)
{
	bool any = type == PARAM_FREE, lines = type == PARAM_LINES;
	size_t len = strlen(s), n;
	int64_t count = 0;
	uint32_t c;

	for (; len; s += n, len -= n, count++) {
		n = req_parse_char(s, len, &c);
		if (!n || (!any && is_control(c) && !(lines && c == '\n')))
			return -1;
	}
	return count;
}

static void check_text(struct req *r, const struct param *p, const char *s)
{
	bool any = p->type == PARAM_FREE;
	int64_t max = p->max ? p->max : any ? FREE_MAX : TEXT_MAX;
	int64_t count = count_chars(s, p->type);

	if (count < 0)
		req_add_fault(r, p->name, "field.invalid");
	else if (count > max)
		add_fault_1(r, p, "field.too_long", max);
	else if (count < p->min)
		add_fault_1(r, p, "field.too_short", p->min);
	else
		add_value(r, p, s, 0);
}

/* At most DIGITS_MAX of them, so that the sum cannot overflow. */
static int64_t sum_digits(const char *s, size_t len)
{
	int64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n * 10 + (s[i] - '0');
	return n;
}

static void check_number(struct req *r, const struct param *p, const char *s)
{
	const char *digits = *s == '-' ? s + 1 : s;
	size_t len = strspn(digits, "0123456789");
	bool bounds = p->min || p->max;
	int64_t min = bounds ? p->min : 0;
	int64_t max = bounds ? p->max : number_max, n = 0;

	if (!len || digits[len]) {
		req_add_fault(r, p->name, "field.invalid");
		return;
	}
	if (len <= DIGITS_MAX)
		n = sum_digits(digits, len) * (*s == '-' ? -1 : 1);
	if (len > DIGITS_MAX || n < min || n > max)
		add_fault(r, (struct req_fault){.name = p->name,
				 .key = "field.range",
				 .args = {min, max},
				 .n_args = 2});
	else
		add_value(r, p, s, n);
}

static bool is_date(const char *s)
{
	static const unsigned char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t y, m, d, last;

	if (strlen(s) != 10 || strspn(s, "0123456789") != 4 || s[4] != '-' ||
	    strspn(s + 5, "0123456789") != 2 || s[7] != '-' ||
	    strspn(s + 8, "0123456789") != 2)
		return false;
	y = sum_digits(s, 4);
	m = sum_digits(s + 5, 2);
	d = sum_digits(s + 8, 2);
	if (y < 1970 || y > 2100 || m < 1 || m > 12)
		return false;
	last = days[m - 1];
	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		last = 29;
	return d >= 1 && d <= last;
}

static bool is_choice(const char *choices, const char *s)
{
	size_t len = strlen(s);

	for (const char *c = choices; c; c = strchr(c, '|')) {
		c += *c == '|';
		if (strcspn(c, "|") == len && !strncmp(c, s, len))
			return true;
	}
	return false;
}

static void check_value(struct req *r, const struct param *p, const char *s)
{
	const char *key = NULL;

	switch (p->type) {
	case PARAM_TEXT:
	case PARAM_SECRET:
	case PARAM_FREE:
	case PARAM_LINES:
		check_text(r, p, s);
		return;
	case PARAM_NUMBER:
		check_number(r, p, s);
		return;
	case PARAM_DATE:
		key = is_date(s) ? NULL : "field.date";
		break;
	case PARAM_CHOICE:
		key = is_choice(p->choices, s) ? NULL : "field.choice";
		break;
	case PARAM_SORT:
		key = is_choice(p->choices, s + (*s == '-')) ? NULL
							     : "field.choice";
		break;
	}
	if (key)
		req_add_fault(r, p->name, key);
	else
		add_value(r, p, s, 0);
}

static const char *trim(struct mem *m, const char *s, const char *white)
{
	size_t len;

	s += strspn(s, white);
	len = strlen(s);
	if (!len || !strchr(white, s[len - 1]))
		return s;
	while (len && strchr(white, s[len - 1]))
		len--;
	return mem_text_n(m, s, len);
}

/* Browsers end the lines of a text area with CR LF. */
static const char *mend_lines(struct mem *m, const char *s)
{
	char *out = mem_text(m, s), *to = out;

	for (; *s; s++)
		if (*s != '\r')
			*to++ = *s;
		else if (s[1] != '\n')
			*to++ = '\n';
	*to = '\0';
	return trim(m, out, " \t\n");
}

static void check_param(struct req *r, const struct param *p)
{
	struct req_field *f = req_find_field(r, p->name);
	const char *s = f ? f->value : NULL;

	if (f)
		f->is_secret = p->type == PARAM_SECRET;
	if (find_fault(r, p->name))
		return;
	if (f && !f->value && !f->is_null) {
		req_add_fault(r, p->name, "field.invalid");
		return;
	}
	if (s && p->type == PARAM_TEXT)
		s = trim(r->mem, s, " \t");
	else if (s && p->type == PARAM_LINES)
		s = mend_lines(r->mem, s);
	if (s && *s)
		check_value(r, p, s);
	else if (p->required)
		req_add_fault(r, p->name, "field.required");
	else if (p->standard && p->type == PARAM_NUMBER)
		check_number(r, p, p->standard);
	else if (p->standard)
		add_value(r, p, p->standard, 0);
}

static bool is_declared(const struct param *params, const char *name)
{
	for (const struct param *p = params; p && p->name; p++)
		if (!strcmp(p->name, name))
			return true;
	return false;
}

static void check_names(struct req *r, const struct param *params)
{
	for (size_t i = 0; i < r->n_fields; i++) {
		const struct req_field *f = &r->fields[i];

		if (!is_declared(params, f->name) &&
		    (r->method != METHOD_POST || strcmp(f->name, "csrf") != 0))
			req_add_fault(r, f->name, "field.unknown");
		else if (req_find_field(r, f->name) != f)
			req_add_fault(r, f->name, "field.repeated");
	}
}

static const struct req_value *find_value(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->n_values; i++)
		if (!strcmp(r->values[i].name, name))
			return &r->values[i];
	return NULL;
}

/* Instead of what was wrong: a page may show itself with what is wrong. */
static void add_standards(struct req *r, const struct param *p)
{
	for (; p && p->name; p++)
		if (p->standard && !find_value(r, p->name) &&
		    p->type == PARAM_NUMBER)
			check_number(r, p, p->standard);
		else if (p->standard && !find_value(r, p->name))
			add_value(r, p, p->standard, 0);
}

enum err req_check(struct req *r, const struct param *params, bool lax)
{
	static const struct param csrf = {.name = "csrf", .type = PARAM_FREE};

	if (!lax)
		check_names(r, params);
	for (const struct param *p = params; p && p->name; p++)
		check_param(r, p);
	if (r->method == METHOD_POST && !is_declared(params, csrf.name))
		check_param(r, &csrf);
	if (!r->n_faults)
		return ERR_OK;
	add_standards(r, params);
	log_info("req.fields", "%zu refused, the first: %s", r->n_faults,
	    r->faults[0].key);
	return ERR_INPUT;
}

const char *req_text(const struct req *r, const char *name)
{
	const struct req_value *v = find_value(r, name);

	return v ? v->text : NULL;
}

int64_t req_number(const struct req *r, const char *name)
{
	const struct req_value *v = find_value(r, name);

	return v ? v->number : 0;
}

const char *req_raw(const struct req *r, const char *name)
{
	const struct req_field *f = req_find_field(r, name);

	return f && !f->is_secret ? f->value : NULL;
}
