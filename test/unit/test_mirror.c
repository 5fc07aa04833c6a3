/* test_mirror.c: a copy of a rate table answers every search as the rows
 * themselves do. PORTICO_RATES=N measures a table of N rows instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "domain/brand.h"
#include "domain/mirror.h"
#include "domain/mirror_fill.h"
#include "domain/mirror_piece.h"
#include "domain/rate.h"
#include "domain/vcs.h"
#include "store.h"
#include "tools/db.h"
#include "tools/fmt.h"

/* A server takes ten times as long. */
enum { ROWS = 6000, QUERIES = 1500, QUERIES_PG = 300 };

static struct mem *m, *q_mem;
static struct db *db;
static struct vcs_rate *rows;
static size_t n_rows;
static struct mirror copy;
static struct vcs_name service_items[] = {
    {1, "Voice", "s", 60}, {2, "sms", "message", 1}, {3, "Émile", "s", 60},
    {4, "SMS", "message", 1}, /* the same when folded */
};
static struct vcs_names services = {ERR_OK, service_items, 4};

static uint64_t seed = 42;

static uint64_t next(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return (size_t)(next() % n);
}

static bool goes_on(void *ctx)
{
	(void)ctx;
	return true;
}

static const char *const places[] = {"Germany", "GERMANY Mobile", "Österreich",
    "Straße der Grüße", "Москва 'Центр'", "القاهرة", "100% _under_score",
    "a\\b \"c\" `d`", "ΑΘΗΝΑ <i>x</i>", "日本", "日本東京", "Ab", "x",
    "🐦🐦 bird", "tab\tand\nline", "", "4930 special", "United Kingdom-Mobile"};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static struct money amount(int64_t n)
{
	static const unsigned scales[] = {0, 2, 4, 9};
	unsigned scale = scales[below(4)];
	int64_t coef = n;

	for (unsigned i = 0; i < scale; i++)
		coef *= 10;
	return (struct money){coef, scale};
}

static struct vcs_rate make_rate(size_t i)
{
	static const char *const zones[] = {"Voda", "o2", "area", "Ünï"};
	struct vcs_rate r = {.id = (int64_t)(1000 + i),
	    .service = (int64_t)below(6), /* 0 and 5 have no name */
	    .currency = 27,
	    .effective_from = (int64_t)below(5) * 86400,
	    .effective_till = below(3) ? 0 : (int64_t)below(4) * 86400,
	    .interval = (int64_t)below(3) * 30,
	    .min_volume = (int64_t)below(4) - 1,
	    .price = amount((int64_t)below(50) - 5),
	    .setup_fee = amount((int64_t)below(2))};

	r.code =
	    mem_print(m, "%zu%0*zu", 1 + below(99), (int)below(4), below(30));
	if (below(50) == 0)
		r.code = below(2) ? "" : "A-β";
	r.name = mem_print(m, "%s%s%s %zu", places[below(PLACES)],
	    below(2) ? ", " : "-", zones[below(4)], below(200));
	if (below(20) == 0)
		r.name = places[below(PLACES)];
	if (below(10) == 0 && i)
		r.code = rows[i - 1].code;
	return r;
}

static void make_copy(int64_t generation, size_t piece)
{
	struct mem *work = mem_open(0);
	struct mirror_work w = {.db = db, .mem = work, .goes_on = goes_on};
	struct fill *f = fill_open(db, generation);
	size_t shown = 0;

	for (size_t at = 0; at < n_rows; at += piece) {
		assert_int_equal(fill_add(f, work, rows + at,
				     n_rows - at < piece ? n_rows - at : piece),
		    ERR_OK);
		mem_clear(work);
	}
	assert_int_equal(fill_finish(f, &w, &shown), ERR_OK);
	copy = (struct mirror){.db = db,
	    .generation = generation,
	    .rows = shown,
	    .numbers = fill_numbers(f),
	    .services = fill_services(f, m)};
	fill_close(f);
	mem_close(work);
}

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	q_mem = mem_open(0);
	db = db_open(getenv("PORTICO_RATES_STORE")
			 ? getenv("PORTICO_RATES_STORE")
			 : store_new(m));
	assert_non_null(db);
	assert_int_equal(db_migrate(db, SOURCE_DIR "/conf/schema"), ERR_OK);
	n_rows = ROWS;
	rows = mem_array(m, n_rows, sizeof(*rows));
	for (size_t i = 0; i < n_rows; i++)
		rows[i] = make_rate(i);
	make_copy(1, 777);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	db_close(db);
	mem_close(q_mem);
	mem_close(m);
	return 0;
}

static void compare(const struct rate_query *q, size_t skip, size_t limit)
{
	struct vcs_rate *all = mem_array(q_mem, n_rows, sizeof(*all)), *got;
	size_t n, wanted;

	memcpy(all, rows, n_rows * sizeof(*all));
	wanted = rate_filter(q_mem, q, all, n_rows);
	rate_sort_rows(q_mem, q, all, wanted);
	assert_int_equal(
	    mirror_search(&copy, q_mem, q, skip, limit, &got, &n), ERR_OK);
	wanted = wanted > skip ? wanted - skip : 0;
	if (n != (wanted < limit ? wanted : limit))
		print_message("q=%s code=%s service=%d sort=%d\n",
		    q->folded ? q->folded : "-", q->code ? q->code : "-",
		    (int)q->service, (int)q->sort);
	assert_int_equal(n, wanted < limit ? wanted : limit);
	for (size_t i = 0; i < n; i++) {
		const struct vcs_rate *a = &all[skip + i], *b = &got[i];

		if (a->id != b->id)
			print_message("q=%s code=%s service=%d sort=%d%s, "
				      "row %zu of %zu\n",
			    q->folded ? q->folded : "-",
			    q->code ? q->code : "-", (int)q->service,
			    (int)q->sort, q->descending ? " down" : "",
			    skip + i, skip + n);
		assert_int_equal(a->id, b->id);
		assert_string_equal(a->code, b->code);
		assert_string_equal(a->name, b->name);
		assert_int_equal(a->service, b->service);
		assert_int_equal(a->currency, b->currency);
		assert_int_equal(a->effective_from, b->effective_from);
		assert_int_equal(a->effective_till, b->effective_till);
		assert_int_equal(a->interval, b->interval);
		assert_int_equal(a->min_volume, b->min_volume);
		assert_string_equal(
		    money_text(q_mem, a->price), money_text(q_mem, b->price));
		assert_string_equal(money_text(q_mem, a->setup_fee),
		    money_text(q_mem, b->setup_fee));
	}
	mem_clear(q_mem);
}

static const char *const sorts[] = {"code", "name", "service", "price",
    "interval", "min_volume", "setup_fee", "effective_from", "effective_till"};

static const char *make_word(void)
{
	static const char *const words[] = {"%", "_", "'", "\"", "\\", "a\\b",
	    "OR 1=1", "*", "zzzz", "00", "0049", "+49 (30)", "4", "49", "4930",
	    "123456", "an", "ger", "mobile", "vo", "日本", "日", "本東", "🐦",
	    "🐦🐦 b", "STRASSE", "москва", "Κ", "<i>x", "under", " ", ", voda 1",
	    "area 19", "x", "special"};
	const char *name = rows[below(n_rows)].name;
	size_t from = below(strlen(name) + 1), len = 1 + below(9);

	if (below(2))
		return words[below(sizeof(words) / sizeof(words[0]))];
	while ((name[from] & 0xc0) == 0x80)
		from--;
	while (from + len < strlen(name) && (name[from + len] & 0xc0) == 0x80)
		len++;
	if (from + len > strlen(name) || strpbrk(name, "\t\n"))
		return "many";
	return mem_text_n(q_mem, name + from, len);
}

static void test_random(void **state)
{
	int queries = store_is_pg() ? QUERIES_PG : QUERIES;

	(void)state;
	for (int i = 0; i < queries; i++) {
		const char *sort = mem_print(
		    q_mem, "%s%s", below(2) ? "-" : "", sorts[below(9)]);
		struct rate_query *q =
		    rate_make_query(q_mem, below(4) ? make_word() : NULL,
			below(3) ? 0 : (int64_t)below(7), sort, &services);
		size_t skip = below(3)	 ? below(40)
			      : below(2) ? below(n_rows + 100)
					 : n_rows - below(30);

		compare(q, skip, 1 + below(101));
	}
}

/* Each order whole: every piece's edge. */
static void test_whole(void **state)
{
	(void)state;
	for (int i = 0; i < 18; i++) {
		struct rate_query *q = rate_make_query(q_mem,
		    i == 3 ? "a" : NULL, 0,
		    mem_print(q_mem, "%s%s", i % 2 ? "-" : "", sorts[i / 2]),
		    &services);

		compare(q, 0, n_rows + 1);
	}
}

/* The names of services are the customer's, and may be unknown. */
static void test_services_away(void **state)
{
	struct vcs_names none = {.err = ERR_LATE};

	(void)state;
	compare(rate_make_query(q_mem, NULL, 0, "service", &none), 0, 500);
	compare(rate_make_query(q_mem, "a", 2, "-service", &none), 10, 500);
}

/* A row that came twice is shown once. */
static void test_doubles(void **state)
{
	struct mirror kept = copy;
	struct vcs_rate *got;
	size_t n, old = n_rows;
	struct rate_query *q;

	(void)state;
	n_rows = 600;
	for (size_t i = 500; i < 600; i++)
		rows[i] = rows[i - 500];
	make_copy(2, 250);
	assert_int_equal(copy.numbers, 600);
	assert_int_equal(copy.rows, 500);
	for (int i = 0; i < 9; i++) {
		q = rate_make_query(q_mem, NULL, 0, sorts[i], &services);
		assert_int_equal(
		    mirror_search(&copy, q_mem, q, 0, 1000, &got, &n), ERR_OK);
		assert_int_equal(n, 500);
	}
	n_rows = old;
	copy = kept;
}

/* A piece that is not there: no half of a table, but none. */
static void test_gone(void **state)
{
	static const char *const how[] = {
	    "delete from rate_piece where generation = 1 and kind = 1 and "
	    "number = 3",
	    "delete from rate_piece where generation = 1 and kind = 10 and "
	    "number = 1",
	    "delete from rate_piece where generation = 1"};
	struct vcs_rate *got;
	size_t n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rate_query *q = rate_make_query(
		    q_mem, i == 0 ? "a" : NULL, 0, "price", &services);

		assert_int_equal(db_run(db, how[i], NULL, 0, NULL), ERR_OK);
		assert_int_equal(mirror_search(&copy, q_mem, q,
				     i == 1 ? 5000 : 0, 50, &got, &n),
		    ERR_NOT_FOUND);
		assert_int_equal(n, 0);
	}
}

/* Whatever letters the store has lost or changed: an end, and no row of
 * nobody's. Some whole copy is there again for each try. */
static void test_damaged(void **state)
{
	enum { TRIES = 400, KIND_MOST = PIECE_ORDERS + 18 };
	struct mirror kept = copy;
	size_t old = n_rows;

	(void)state;
	n_rows = 1500;
	for (int i = 0; i < TRIES; i++) {
		const char *sort = mem_print(
		    q_mem, "%s%s", below(2) ? "-" : "", sorts[below(9)]);
		struct vcs_rate *got;
		size_t n;

		if (i % 20 == 0)
			make_copy(100 + i, 500);
		assert_int_equal(
		    db_run(db,
			mem_print(q_mem,
			    "update rate_piece set data = "
			    "substr(data, 1, %zu) || '%s' || substr(data, %zu) "
			    "where generation = %d and kind = %zu",
			    below(60),
			    below(3)   ? ""
			    : below(2) ? "!"
				       : "~\t",
			    1 + below(90), 100 + i / 20 * 20,
			    below(3) ? below(5) : below(KIND_MOST)),
			NULL, 0, NULL),
		    ERR_OK);
		mirror_search(&copy, q_mem,
		    rate_make_query(q_mem, below(2) ? make_word() : NULL,
			below(3) ? 0 : (int64_t)below(7), sort, &services),
		    below(200), 100, &got, &n);
		assert_true(n <= 100);
		mem_clear(q_mem);
	}
	n_rows = old;
	copy = kept;
}

/* --- Figures -------------------------------------------------------------- */

static double now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of the server's process; 0 with SQLite. */
static double server_ms(void)
{
	struct db_rows pid;
	char text[64] = "";
	FILE *f;

	if (!store_is_pg() ||
	    db_query(db, m, "select pg_backend_pid()", NULL, 0, &pid))
		return 0;
	f = fopen(
	    mem_print(m, "/proc/%d/schedstat", (int)db_cell_int(&pid, 0, 0)),
	    "r");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return strtod(text, NULL) / 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *what, const char *q, int64_t service,
    const char *sort, size_t skip)
{
	enum { TURNS = 21 };
	double ms[TURNS], cpu[TURNS];
	struct vcs_rate *got;
	size_t n = 0;
	double server = server_ms();

	for (int i = 0; i < TURNS; i++) {
		double began = now_ms(CLOCK_MONOTONIC);
		double cpu_began = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		struct rate_query *query =
		    rate_make_query(q_mem, q, service, sort, &services);

		if (mirror_search(&copy, q_mem, query, skip, 26, &got, &n))
			abort();
		ms[i] = now_ms(CLOCK_MONOTONIC) - began;
		cpu[i] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
		mem_clear(q_mem);
	}
	qsort(ms, TURNS, sizeof(*ms), compare_doubles);
	qsort(cpu, TURNS, sizeof(*cpu), compare_doubles);
	printf("%-44s %6.2f %6.2f  %6.2f %6.2f  %6.2f  %zu\n", what,
	    ms[TURNS / 2], ms[TURNS - 1], cpu[TURNS / 2], cpu[TURNS - 1],
	    (server_ms() - server) / TURNS, n);
}

static void make_large(size_t n)
{
	n_rows = n;
	rows = mem_array(m, n, sizeof(*rows));
	for (size_t i = 0; i < n; i++) {
		size_t at = i * 200 / n;

		rows[i] = make_rate(i ? i : 1);
		rows[i].id = (int64_t)i;
		rows[i].price = (struct money){(int64_t)below(1000000), 6};
		rows[i].code = mem_print(m, "%zu%06zu", 100 + at, i);
		rows[i].name = mem_print(m, "%s %zu-%s, area %06zu",
		    places[at % 4], at, at % 3 ? "Mobile" : "Fixed", i);
		if (i == n / 3)
			rows[i].name = "Somewhere unique";
	}
}

static void print_size(size_t n)
{
	struct db_rows size;

	if (db_query(db, m,
		"select kind, count(*), sum(length(data)) from rate_piece "
		"where generation = 9 group by kind order by kind",
		NULL, 0, &size))
		abort();
	for (size_t i = 0; i < size.rows; i++)
		printf("kind %2d: %5d pieces, %5.1f MB a 100,000 rows\n",
		    (int)db_cell_int(&size, i, 0),
		    (int)db_cell_int(&size, i, 1),
		    (double)db_cell_int(&size, i, 2) / (double)n / 10);
}

static int measure_all(size_t n)
{
	struct rusage usage;
	double began;

	open_all(NULL);
	make_large(n);
	getrusage(RUSAGE_SELF, &usage);
	printf("resident before: %ld MB\n", usage.ru_maxrss / 1024);
	began = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	make_copy(9, 2500);
	getrusage(RUSAGE_SELF, &usage);
	printf("%zu rows packed and sorted in %.1f s of CPU; resident %ld MB\n",
	    copy.rows, (now_ms(CLOCK_PROCESS_CPUTIME_ID) - began) / 1e3,
	    usage.ru_maxrss / 1024);
	print_size(n);
	printf("%-44s %6s %6s  %6s %6s\n", "milliseconds", "p50", "max", "CPU",
	    "max");
	measure("by code, page 1", NULL, 0, "code", 0);
	measure("by price, page 1", NULL, 0, "price", 0);
	measure("by price descending, last page", NULL, 0, "-price", n - 25);
	measure("by name, page 10,000", NULL, 0, "name", n / 2);
	measure("by service, page 1", NULL, 0, "service", 0);
	measure(
	    "by service descending, last page", NULL, 0, "-service", n - 25);
	measure("service 2, by code", NULL, 2, "code", 0);
	measure("service 2, by price, deep", NULL, 2, "price", n / 8);
	measure("q rare: one row, by price", "unique", 0, "price", 0);
	measure("q nothing", "zzzzzz", 0, "price", 0);
	measure("q 'mobile' (2 of 3), by price", "mobile", 0, "price", 0);
	measure("q 'mobile', by price, deep", "mobile", 0, "-price", n / 2);
	measure("q 'area' (all), by name, deep", "area", 0, "name", n - 30);
	measure("q 'germany 1' (some), by price", "germany 1", 0, "price", 0);
	measure("q 'area 0012' (few, spread), by price", "area 0012", 0,
	    "price", 0);
	measure("q 'a', by price", "a", 0, "price", 0);
	measure("q 'a', by price, deep", "a", 0, "price", n / 2);
	measure("q '1' (code), by price, deep", "1", 0, "-price", n / 3);
	measure("q '150' (code), by price", "150", 0, "price", 0);
	measure("q '150000001' (code), by price", "150000001", 0, "price", 0);
	measure("q 'mobile', service 2, by service, deep", "mobile", 2,
	    "service", n / 10);
	measure("q 'e', by service, deep", "e", 0, "-service", n / 2);
	close_all(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_services_away),
	    cmocka_unit_test(test_doubles),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_gone),
	};

	if (getenv("PORTICO_RATES"))
		return measure_all(
		    (size_t)strtoul(getenv("PORTICO_RATES"), NULL, 10));
	return cmocka_run_group_tests(tests, open_all, close_all);
}
