/* rate.c: search and order of rates. */
#include "domain/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "domain/vcs.h"
#include "tools/fmt.h"

static const char *const names[RATE_SORTS] = {
    [RATE_BY_CODE] = "code",
    [RATE_BY_NAME] = "name",
    [RATE_BY_SERVICE] = "service",
    [RATE_BY_PRICE] = "price",
    [RATE_BY_INTERVAL] = "interval",
    [RATE_BY_MIN_VOLUME] = "min_volume",
    [RATE_BY_SETUP_FEE] = "setup_fee",
    [RATE_BY_FROM] = "effective_from",
    [RATE_BY_TILL] = "effective_till",
};

const char *rate_make_digits(struct mem *m, const char *number)
{
	struct buf b;

	buf_open(&b, m, 80);
	for (; *number; number++)
		if (*number >= '0' && *number <= '9')
			buf_add_char(&b, *number);
		else if (!strchr(" +-()/.", *number))
			return NULL;
	if (!strncmp(b.data, "00", 2))
		b.data += 2;
	return *b.data ? b.data : NULL;
}

struct rate_query *rate_make_query(struct mem *m, const char *q,
    int64_t service, const char *sort, const struct vcs_names *services)
{
	struct rate_query *query = mem_alloc(m, sizeof(*query));

	query->code = q ? rate_make_digits(m, q) : NULL;
	query->folded = q ? fmt_fold(m, q) : NULL;
	query->service = service;
	query->services = services;
	query->descending = sort[0] == '-';
	sort += query->descending;
	for (int i = 0; i < RATE_SORTS; i++)
		if (!strcmp(names[i], sort))
			query->sort = (enum rate_sort)i;
	return query;
}

size_t rate_filter(
    struct mem *m, const struct rate_query *q, struct vcs_rate *rows, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct vcs_rate *r = &rows[i];

		r->folded = fmt_fold(m, r->name);
		if (q->service && r->service != q->service)
			continue;
		if (q->folded && !strstr(r->folded, q->folded) &&
		    !(q->code && !strncmp(r->code, q->code, strlen(q->code))))
			continue;
		rows[kept++] = *r;
	}
	return kept;
}

/* --- Order ---------------------------------------------------------------- */

void rate_set_key(
    struct rate_item *item, enum rate_sort sort, const struct vcs_rate *r)
{
	switch (sort) {
	case RATE_BY_CODE:
		item->key.text = r->code;
		break;
	case RATE_BY_NAME:
	case RATE_BY_SERVICE:
		item->key.text = r->folded;
		break;
	case RATE_BY_PRICE:
		item->key.money = r->price;
		break;
	case RATE_BY_SETUP_FEE:
		item->key.money = r->setup_fee;
		break;
	case RATE_BY_INTERVAL:
		item->key.number = r->interval;
		break;
	case RATE_BY_MIN_VOLUME:
		item->key.number = r->min_volume;
		break;
	case RATE_BY_FROM:
		item->key.number = r->effective_from;
		break;
	case RATE_BY_TILL:
		item->key.number =
		    r->effective_till ? r->effective_till : INT64_MAX;
		break;
	}
}

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int rate_compare_keys(
    enum rate_sort sort, const struct rate_item *a, const struct rate_item *b)
{
	switch (sort) {
	case RATE_BY_CODE:
	case RATE_BY_NAME:
	case RATE_BY_SERVICE:
		return strcmp(a->key.text, b->key.text);
	case RATE_BY_PRICE:
	case RATE_BY_SETUP_FEE:
		return money_compare(a->key.money, b->key.money);
	default:
		return compare_int(a->key.number, b->key.number);
	}
}

struct order {
	enum rate_sort sort;
	int sign;
};

static int compare_items(const void *left, const void *right, void *ctx)
{
	const struct rate_item *a = left, *b = right;
	const struct order *o = ctx;
	int way = rate_compare_keys(o->sort, a, b) * o->sign;

	return way ? way : compare_int(a->tie, b->tie);
}

void rate_sort_items(
    struct rate_item *items, size_t n, enum rate_sort sort, bool descending)
{
	struct order o = {sort, descending ? -1 : 1};

	if (n)
		qsort_r(items, n, sizeof(*items), compare_items, &o);
}

static void fold_services(struct mem *m, const struct vcs_names *services,
    struct vcs_rate *rows, size_t rows_n)
{
	size_t n = services->err ? 0 : services->n;
	const char **folded = mem_array(m, n + 1, sizeof(*folded));

	for (size_t i = 0; i < n; i++)
		folded[i] = fmt_fold(m, services->items[i].name);
	for (size_t i = 0; i < rows_n; i++) {
		const struct vcs_name *s =
		    vcs_find_name(services, rows[i].service);

		rows[i].folded = s ? folded[s - services->items] : "";
	}
}

/* Equal ones in the order of codes and ids, so that pages do not overlap. */
void rate_sort_rows(
    struct mem *m, const struct rate_query *q, struct vcs_rate *rows, size_t n)
{
	struct rate_item *items = mem_array(m, n + 1, sizeof(*items));
	struct vcs_rate *old = mem_array(m, n + 1, sizeof(*old));

	if (!n) /* a customer without rates has no list */
		return;
	if (q->sort == RATE_BY_SERVICE)
		fold_services(m, q->services, rows, n);
	for (size_t i = 0; i < n; i++) {
		rate_set_key(&items[i], RATE_BY_CODE, &rows[i]);
		items[i].tie = rows[i].id;
		items[i].row = (uint32_t)i;
	}
	rate_sort_items(
	    items, n, RATE_BY_CODE, q->descending && q->sort == RATE_BY_CODE);
	for (size_t i = 0; i < n && q->sort != RATE_BY_CODE; i++) {
		rate_set_key(&items[i], q->sort, &rows[items[i].row]);
		items[i].tie = (int64_t)i;
	}
	if (q->sort != RATE_BY_CODE)
		rate_sort_items(items, n, q->sort, q->descending);
	memcpy(old, rows, n * sizeof(*old));
	for (size_t i = 0; i < n; i++)
		rows[i] = old[items[i].row];
}
