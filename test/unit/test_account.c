/* test_account.c: rules for e-mail addresses and passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "domain/account.h"

static const char *text_of(struct mem *m, char c, size_t n)
{
	char *text = mem_alloc(m, n + 1);

	memset(text, c, n);
	return text;
}

static void test_email(void **state)
{
	static const char *const good[] = {"a@b.de", "a.b+c@mail.example.com",
	    "o'brien@b.de", "\xc3\xbc@b.de", "a@b\xc3\xbc.de", "1@2.3"};
	static const char *const bad[] = {"", "a", "@", "a@", "@b.de", "a@b",
	    "a@@b.de", "a@b@c.de", "a b@c.de", "a@b .de", "a@.de", "a@b.",
	    "a@b..de", "a@-b.de", "a@b.de-", "<a@b.de>", "a@b.de,c@d.de",
	    "a@b.de;c@d.de", "a@b.de\nBcc: x", "a@b.de\x7f", "a\"b@c.de",
	    "a:b@c.de", "A <a@b.de>"};
	struct mem *m = mem_open(0);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!account_is_email(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (account_is_email(bad[i]))
			fail_msg("%s was let in", bad[i]);
	assert_true(
	    account_is_email(mem_print(m, "%s@b.de", text_of(m, 'a', 64))));
	assert_false(
	    account_is_email(mem_print(m, "%s@b.de", text_of(m, 'a', 65))));
	assert_true(
	    account_is_email(mem_print(m, "a@%s.de", text_of(m, 'b', 249))));
	assert_false(
	    account_is_email(mem_print(m, "a@%s.de", text_of(m, 'b', 250))));
	mem_close(m);
}

static void expect(struct mem *m, const char *password, const char *key)
{
	static const char *const names[] = {"heron", NULL, "Blue Heron, Ltd."};
	const char *found =
	    account_password_fault(m, password, "the old password", names, 3);

	if ((!key && found) || (key && (!found || strcmp(key, found) != 0)))
		fail_msg("%s: %s", password, found ? found : "fine");
}

static void test_password_length(void **state)
{
	struct mem *m = mem_open(0);

	(void)state;
	expect(m, "", "password.too_short");
	expect(m, "kd72hs9al", "password.too_short");
	expect(m, "kd72hs9alx", NULL);
	/* Characters, not bytes. */
	expect(m, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9fk", "password.too_short");
	expect(m, "\xf0\x9f\x90\xa6 und 7 V\xc3\xb6gel", NULL);
	expect(m,
	    mem_print(m, "k %s",
		"0 a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 "
		"j 0 k 1 l 2 m 3 n 4 o 5 p 6 q 7 r 8 s "
		"9 t 0 u 1 v 2 w 3 x 4 y 5 z 6 aa 7 bb "
		"8 cc "),
	    NULL);
	expect(m, text_of(m, 'x', 129), "password.too_long");
	mem_close(m);
}

static void test_password_guessable(void **state)
{
	static const char *const bad[] = {"password123", "PASSWORD123",
	    "PassWord1234", "qwertyuiop", "1q2w3e4r5t", "passwort123",
	    "1234567890", "0123456789", "12345678901234567890", "9876543210",
	    "3210987654", "abcdefghij", "ABCDEFGHIJKL", "aaaaaaaaaa",
	    "          ", "abababababab", "abcabcabcabca", "passpasspass"};
	static const char *const good[] = {"correct horse battery",
	    "1234567892", "12345678 ij", "abcdefghijz", "aaaaaaaaab",
	    "abcdeabcde", "password123x", "  a      b "};
	struct mem *m = mem_open(0);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(m, bad[i], "password.common");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(m, good[i], NULL);
	mem_close(m);
}

static void test_password_names(void **state)
{
	static const char *const login[] = {"HeronTheFirst"};
	static const char *const empty[] = {NULL, ""};
	struct mem *m = mem_open(0);

	(void)state;
	expect(m, "the old password", "password.same");
	expect(m, "The old password", NULL);
	expect(m, "Blue Heron, Ltd.", "password.name");
	expect(m, "blue-heron ltd", "password.name");
	expect(m, "blueheronltd", "password.name");
	expect(m, "blueheronltd7", NULL);
	assert_string_equal(
	    account_password_fault(m, "heron-the-first", NULL, login, 1),
	    "password.name");
	assert_null(
	    account_password_fault(m, "heron-the-first", NULL, NULL, 0));
	assert_null(
	    account_password_fault(m, "heron-the-first", NULL, empty, 2));
	mem_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_email),
	    cmocka_unit_test(test_password_length),
	    cmocka_unit_test(test_password_guessable),
	    cmocka_unit_test(test_password_names),
	};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
