/* test_mem.c: the request pool and its growing text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	struct mem *m = mem_open(0);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < 300; size += 7) {
			unsigned char *p = mem_alloc(m, size);

			assert_int_equal(
			    (uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xaa, size);
		}
		mem_clear(m);
	}
	mem_close(m);
}

static void things_do_not_overlap(void **state)
{
	enum { N = 3000 };
	struct mem *m = mem_open(0);
	unsigned char *things[N];
	size_t sizes[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		/* Now and then one that is larger than a block. */
		sizes[i] = i % 97 ? 1 + i % 331 : 200000;
		things[i] = mem_alloc(m, sizes[i]);
		memset(things[i], (int)(i % 251), sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(things[i][j], i % 251);
	mem_close(m);
}

static void used_counts_since_clear(void **state)
{
	struct mem *m = mem_open(0);

	(void)state;
	assert_int_equal(mem_used(m), 0);
	mem_alloc(m, 100);
	assert_true(mem_used(m) >= 100);
	mem_alloc(m, 1000000);
	assert_true(mem_used(m) >= 1000100);
	mem_clear(m);
	assert_int_equal(mem_used(m), 0);
	mem_close(m);
}

static void clear_keeps_a_block(void **state)
{
	struct mem *m = mem_open(0);
	void *first = mem_alloc(m, 64), *second;

	(void)state;
	mem_clear(m);
	second = mem_alloc(m, 64);
	assert_ptr_equal(first, second);
	mem_close(m);
}

static char order[8];

static void note(void *what)
{
	strncat(order, what, 1);
}

static void owned_things_go_newest_first(void **state)
{
	char a[] = "a", b[] = "b", c[] = "c";
	struct mem *m = mem_open(0);

	(void)state;
	order[0] = '\0';
	mem_own(m, note, a);
	mem_own(m, note, b);
	assert_string_equal(order, "");
	mem_clear(m);
	assert_string_equal(order, "ba");
	mem_own(m, note, c);
	mem_close(m);
	assert_string_equal(order, "bac");
	mem_close(NULL);
}

static void texts_are_copies(void **state)
{
	struct mem *m = mem_open(0);
	char source[] = "heron", *long_text;

	(void)state;
	assert_string_equal(mem_text(m, source), "heron");
	assert_ptr_not_equal(mem_text(m, source), source);
	assert_string_equal(mem_text_n(m, source, 3), "her");
	assert_string_equal(mem_text_n(m, source, 0), "");
	assert_string_equal(mem_print(m, "%s-%d", source, 7), "heron-7");
	assert_string_equal(mem_join(m, source, ".", "x"), "heron.x");
	assert_string_equal(mem_join(m, "", source, ""), "heron");
	assert_string_equal(mem_join(m, "", "", ""), "");
	for (int len = 250; len < 262; len++) {
		long_text = mem_print(m, "%*d", len, 1);
		assert_int_equal(strlen(long_text), len);
		assert_int_equal(long_text[len - 1], '1');
	}
	mem_close(m);
}

static void a_buffer_grows(void **state)
{
	struct mem *m = mem_open(0);
	struct buf b;

	(void)state;
	for (size_t room = 0; room < 5; room++) {
		buf_open(&b, m, room);
		assert_string_equal(b.data, "");
		for (int i = 0; i < 5000; i++) {
			buf_add_char(&b, (char)('a' + i % 26));
			assert_int_equal(b.data[b.len], '\0');
		}
		assert_int_equal(b.len, 5000);
		for (int i = 0; i < 5000; i++)
			assert_int_equal(b.data[i], 'a' + i % 26);
	}
	buf_open(&b, m, 1);
	buf_add_text(&b, "x");
	buf_print(&b, "%d%s", 12, "y");
	buf_print(&b, "%*d", 1000, 3);
	buf_add(&b, "\0z", 2);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 1 + 3 + 1000 + 2);
	assert_memory_equal(b.data, "x12y", 4);
	assert_memory_equal(b.data + 1003, "3\0z", 4);
	mem_close(m);
}

/* --- What ends the process ------------------------------------------------ */

/* Runs `what` in a child, and says by which signal it ended (0: none). */
static int signal_of(void (*what)(struct mem *), size_t limit)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct rlimit none = {0, 0};
		struct mem *m;

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		close(STDERR_FILENO);
		m = mem_open(limit);
		what(m);
		mem_close(m);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void take_1000(struct mem *m)
{
	mem_alloc(m, 1000);
}

static void take_2000(struct mem *m)
{
	mem_alloc(m, 1000);
	mem_alloc(m, 1000);
}

static void take_2000_cleared(struct mem *m)
{
	mem_alloc(m, 1000);
	mem_clear(m);
	mem_alloc(m, 1000);
}

static void take_all(struct mem *m)
{
	mem_alloc(m, SIZE_MAX);
}

static void take_nearly_all(struct mem *m)
{
	mem_alloc(m, SIZE_MAX - 8);
}

static void take_array(struct mem *m)
{
	mem_array(m, SIZE_MAX / 4, 8);
}

static void take_wrapped_array(struct mem *m)
{
	mem_array(m, ((size_t)1 << 60) + 1, 16); /* wraps to 16 bytes */
}

static void fill_buffer(struct mem *m)
{
	struct buf b;

	buf_open(&b, m, 16);
	for (;;)
		buf_add_text(&b, "0123456789");
}

static void add_too_much(struct mem *m)
{
	volatile size_t len = SIZE_MAX - 4; /* nothing that gcc can warn of */
	struct buf b;

	buf_open(&b, m, 16);
	buf_add(&b, "", len);
}

static void a_limit_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_of(take_1000, 1500), 0);
	assert_int_equal(signal_of(take_2000, 1500), SIGABRT);
	assert_int_equal(signal_of(take_2000_cleared, 1500), 0);
	assert_int_equal(signal_of(take_1000, 999), SIGABRT);
	assert_int_equal(signal_of(take_2000, 0), 0);
	assert_int_equal(signal_of(fill_buffer, 100000), SIGABRT);
}

static void an_overflow_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_of(take_all, 0), SIGABRT);
	assert_int_equal(signal_of(take_all, 1000), SIGABRT);
	assert_int_equal(signal_of(take_nearly_all, 0), SIGABRT);
	assert_int_equal(signal_of(take_array, 0), SIGABRT);
	assert_int_equal(signal_of(take_wrapped_array, 0), SIGABRT);
	assert_int_equal(signal_of(add_too_much, 0), SIGABRT);
}

/* The block is kept for the next request, so that it may be looked at. */
static void clear_wipes_what_was_there(void **state)
{
	struct mem *m = mem_open(0);
	const char *secret;
	size_t left = 0;

	(void)state;
	secret = mem_text(m, "a customer's password");
	mem_clear(m);
	for (size_t i = 0; i < 21; i++)
		left += secret[i] != '\0';
	assert_int_equal(left, 0);
	mem_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_is_zeroed_and_aligned),
	    cmocka_unit_test(things_do_not_overlap),
	    cmocka_unit_test(used_counts_since_clear),
	    cmocka_unit_test(clear_keeps_a_block),
	    cmocka_unit_test(owned_things_go_newest_first),
	    cmocka_unit_test(texts_are_copies),
	    cmocka_unit_test(a_buffer_grows),
	    cmocka_unit_test(clear_wipes_what_was_there),
	    cmocka_unit_test(a_limit_ends_the_process),
	    cmocka_unit_test(an_overflow_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
