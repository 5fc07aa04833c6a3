/* fmt_plain.c: learns and follows the layout of a number formatter. */
#include "tools/fmt_plain.h"

#include <string.h>

#include "base/mem.h"

/* Of 64 bits, with room for rounding. */
static const int64_t longest = INT64_C(100000000000000000);

/* --- Writing -------------------------------------------------------------- */

/* Digits of the value from the right: first those behind the point. */
struct back {
	char text[256];
	size_t at;
};

static void put_back(struct back *b, const char *s)
{
	size_t len = strlen(s);

	b->at -= len;
	memcpy(b->text + b->at, s, len);
}

static void put_fraction(
    struct back *b, const struct plain *p, uint64_t *left, unsigned scale)
{
	unsigned shown = scale;

	for (; shown > p->least && *left % 10 == 0; shown--)
		*left /= 10;
	for (unsigned i = shown; i < p->least; i++)
		b->text[--b->at] = '0';
	for (unsigned i = 0; i < shown; i++, *left /= 10)
		b->text[--b->at] = (char)('0' + *left % 10);
	if (shown || p->least)
		put_back(b, p->point);
}

static void put_whole(struct back *b, const struct plain *p, uint64_t left)
{
	bool grouped = left >= 10000 || (left >= 1000 && p->four_grouped);

	for (unsigned i = 0; left || !i; i++, left /= 10) {
		if (grouped && i && i % 3 == 0)
			put_back(b, p->group);
		b->text[--b->at] = (char)('0' + left % 10);
	}
}

char *plain_write(struct mem *m, const struct plain *p, struct money a)
{
	struct back b = {.at = sizeof(b.text)};
	bool minus;
	uint64_t left;

	if (!p->known || a.coef >= longest || a.coef <= -longest)
		return NULL;
	a = money_round(a, p->most);
	/* What rounds to zero has no minus. */
	minus = a.coef < 0;
	left = minus ? (uint64_t)-a.coef : (uint64_t)a.coef;
	b.text[--b.at] = '\0';
	put_back(&b, p->after[minus]);
	put_fraction(&b, p, &left, a.scale);
	put_whole(&b, p, left);
	put_back(&b, p->before[minus]);
	return mem_text_n(m, b.text + b.at, sizeof(b.text) - 1 - b.at);
}

/* --- Learning ------------------------------------------------------------- */

static bool keep(char *out, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

static bool skip(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static size_t to_digit(const char *s)
{
	return strcspn(s, "0123456789");
}

/* "1234567" in groups of three, all with the same between them. */
static bool learn_groups(struct plain *p, const char *text)
{
	const char *at = text + to_digit(text);

	if (!keep(p->before[0], PLAIN_TEXT, text, (size_t)(at - text)) ||
	    !skip(&at, "1") ||
	    !keep(p->group, sizeof(p->group), at, to_digit(at)))
		return false;
	at += strlen(p->group);
	if (!skip(&at, "234") || !skip(&at, p->group) || !skip(&at, "567"))
		return false;
	p->point[0] = '\0';
	if (p->least) {
		if (!keep(p->point, sizeof(p->point), at, to_digit(at)))
			return false;
		at += strlen(p->point);
	}
	for (unsigned i = 0; i < p->least; i++)
		if (!skip(&at, "0"))
			return false;
	return keep(p->after[0], PLAIN_TEXT, at, strlen(at));
}

/* Where no digit needs to stand behind the point, one does. */
static bool learn_point(struct plain *p, const char *text)
{
	const char *at = text;

	if (p->least || !p->most)
		return true;
	if (!skip(&at, p->before[0]) || !skip(&at, "1") ||
	    !keep(p->point, sizeof(p->point), at, to_digit(at)))
		return false;
	return p->point[0] != '\0';
}

static bool learn_minus(struct plain *p, const char *text)
{
	const char *at = text + to_digit(text);

	if (!keep(p->before[1], PLAIN_TEXT, text, (size_t)(at - text)) ||
	    !skip(&at, "1"))
		return false;
	if (p->least && !skip(&at, p->point))
		return false;
	for (unsigned i = 0; i < p->least; i++)
		if (!skip(&at, "0"))
			return false;
	return keep(p->after[1], PLAIN_TEXT, at, strlen(at));
}

static bool is_same(struct mem *m, const struct plain *p, struct money a,
    plain_writer *write, void *ctx)
{
	const char *ours = plain_write(m, p, a);
	const char *theirs = write(ctx, m, money_text(m, a));

	return ours && theirs && !strcmp(ours, theirs);
}

/* Each length, both signs, halves that round up and down, nothing at all. */
static bool prove(
    struct mem *m, const struct plain *p, plain_writer *write, void *ctx)
{
	static const int64_t ends[] = {0, 1, 5, 15, 25, 50, 99, 995, 1000};
	enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

	for (int64_t big = 1; big < longest / 1000; big *= 7)
		for (size_t i = 0; i < ENDS; i++) {
			struct money a = {
			    big * 10 + ends[i], (unsigned)(big + ends[i]) % 7};

			if (!is_same(m, p, a, write, ctx) ||
			    !is_same(m, p, money_negate(a), write, ctx))
				return false;
		}
	for (size_t i = 0; i < ENDS; i++)
		if (!is_same(m, p, (struct money){ends[i], 3}, write, ctx) ||
		    !is_same(m, p, (struct money){-ends[i], 3}, write, ctx))
			return false;
	return true;
}

void plain_learn(struct plain *p, unsigned least, unsigned most,
    plain_writer *write, void *ctx)
{
	struct mem *m = mem_open(0);
	const char *groups = write(ctx, m, "1234567");
	const char *four = write(ctx, m, "1234");
	const char *point = write(ctx, m, "1.5"), *minus = write(ctx, m, "-1");

	*p = (struct plain){.least = least, .most = most};
	if (groups && four && point && minus && learn_groups(p, groups) &&
	    learn_point(p, point) && learn_minus(p, minus)) {
		p->four_grouped =
		    !p->group[0] || strstr(four, p->group) != NULL;
		p->known = true;
		p->known = prove(m, p, write, ctx);
	}
	mem_close(m);
}
