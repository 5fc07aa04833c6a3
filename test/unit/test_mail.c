/* test_mail.c: a letter as the Internet writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tools/mail.h"

static struct mem *m;

static int open_pool(void **state)
{
	(void)state;
	m = mem_open(0);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	mem_close(m);
	return 0;
}

static char *compose(const char *sender, const char *subject, const char *text)
{
	const struct mail mail = {.uri = "",
	    .from = "portal@example.net",
	    .to = "ap@heron.example",
	    .sender = sender,
	    .subject = subject,
	    .text = text,
	    .now = 1795521600};

	return mail_compose(m, &mail);
}

static void a_plain_letter(void **state)
{
	(void)state;
	assert_string_equal(compose("Portico", "Hello", "Line 1\nLine 2\n"),
	    "From: Portico\r\n <portal@example.net>\r\n"
	    "To: <ap@heron.example>\r\n"
	    "Subject: Hello\r\n"
	    "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "\r\n"
	    "TGluZSAxCkxpbmUgMgo=\r\n");
	assert_non_null(
	    strstr(compose(NULL, "x", ""), "From: <portal@example.net>\r\n"));
	assert_non_null(
	    strstr(compose("", "x", ""), "From: <portal@example.net>\r\n"));
}

static void other_letters_are_encoded_words(void **state)
{
	const char *mail = compose("Größe", "25,00\u00a0€", "ä");

	(void)state;
	assert_non_null(strstr(mail, "From: =?UTF-8?B?R3LDtsOfZQ==?=\r\n <"));
	assert_non_null(
	    strstr(mail, "Subject: =?UTF-8?B?MjUsMDDCoOKCrA==?=\r\n"));
	assert_non_null(strstr(mail, "\r\n\r\nw6Q=\r\n"));
	/* What looks like an encoded word is none. */
	assert_non_null(strstr(compose("x", "=?UTF-8?B?eA==?=", ""),
	    "Subject: =?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=\r\n"));
}

/* RFC 5322, 3.2.3: a name with a comma would be two senders. */
static void a_name_is_a_phrase(void **state)
{
	static const char *const names[] = {"Acme, Inc.", "a@b.example",
	    "Acme (Berlin)", "x; y", "a: b;", "\"Acme\"", "<b>", "[x]"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *mail = compose(names[i], "a, (b): c@d;", "");

		assert_non_null(strstr(mail, "From: =?UTF-8?B?"));
		assert_non_null(strstr(mail, "Subject: a, (b): c@d;\r\n"));
	}
}

static size_t count_headers(const char *mail)
{
	const char *end = strstr(mail, "\r\n\r\n");
	size_t n = 0;

	assert_non_null(end);
	for (const char *at = mail; at && at < end; at = strstr(at, "\r\n")) {
		at += at == mail ? 0 : 2;
		n += *at != ' ';
	}
	return n;
}

/* Nothing that is put in begins a header or ends them. */
static void headers_cannot_be_injected(void **state)
{
	static const char *const evil[] = {"x\r\nBcc: a@b.example",
	    "x\nBcc: a@b.example", "x\rBcc: a@b.example",
	    "x\r\n\r\nAnother text", "x\r\n Bcc: folded", "x\x7f\x1b[2J",
	    "x\u2028Bcc: a", "=?UTF-8?Q?x=0D=0ABcc:_a?="};

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++) {
		const char *mail = compose(evil[i], evil[i], evil[i]);

		assert_null(strstr(mail, "Bcc"));
		assert_null(strstr(mail, "Another"));
		assert_null(strchr(mail, '\x1b'));
		assert_int_equal(count_headers(mail), 8);
	}
}

/* No line is longer than 76 characters, and no character is cut in two. */
static void long_texts_are_folded(void **state)
{
	char subject[600] = "", text[3000];
	const char *mail, *at;
	size_t len;

	(void)state;
	for (int i = 0; i < 140; i++)
		strcat(subject, i % 3 ? "€" : "x");
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	mail = compose(subject, subject, text);
	for (at = mail; *at; at += len + 2) {
		len = strcspn(at, "\r");
		if (len > 76)
			fail_msg("%zu: %.*s", len, (int)len, at);
		assert_memory_equal(at + len, "\r\n", 2);
	}
	assert_int_equal(count_headers(mail), 8);
	/* Each encoded word is whole UTF-8: its bytes begin with no rest. */
	for (at = mail; (at = strstr(at, "?B?")); at += 3) {
		/* "4oKs" is the euro sign, "eOKC" an x and two of its bytes. */
		assert_true(
		    !strncmp(at + 3, "4oKs", 4) || !strncmp(at + 3, "eOKC", 4));
	}
	memset(subject, 'a', 59);
	subject[59] = '\0';
	assert_non_null(strstr(compose("x", subject, ""), subject));
	memset(subject, 'a', 200);
	subject[200] = '\0';
	assert_null(strstr(compose("x", subject, ""), subject));
}

/* An address that is none is not sent to, whatever the server is. */
static void addresses_are_checked(void **state)
{
	static const char *const bad[] = {"", "x", "@", "a@", "@b", "a@b@c",
	    "a@b.example\r\nRCPT TO:<x@y.example>", "a b@c.example",
	    "<a@b.example>", "a@b.example,c@d.example", "a@b.example>",
	    "\"a\"@b.example", "ä@b.example", "a@b.example\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mail mail = {.uri = "smtp://127.0.0.1:1",
		    .login = "",
		    .password = "",
		    .from = "portal@example.net",
		    .to = bad[i],
		    .subject = "x",
		    .text = "x"};

		assert_int_equal(mail_send(m, &mail), ERR_INPUT);
		mail.from = bad[i];
		mail.to = "a@b.example";
		assert_int_equal(mail_send(m, &mail), ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_letter),
	    cmocka_unit_test(other_letters_are_encoded_words),
	    cmocka_unit_test(a_name_is_a_phrase),
	    cmocka_unit_test(headers_cannot_be_injected),
	    cmocka_unit_test(long_texts_are_folded),
	    cmocka_unit_test(addresses_are_checked),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
