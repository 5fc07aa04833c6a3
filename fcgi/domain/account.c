/* account.c: rules for what customers choose. */
#include "domain/account.h"

#include <string.h>

#include "base/mem.h"
#include "tools/fmt.h"

/* --- E-mail --------------------------------------------------------------- */

static bool is_domain(const char *s)
{
	size_t len = strlen(s);

	return len >= 3 && strchr(s, '.') && !strstr(s, "..") && *s != '.' &&
	       *s != '-' && s[len - 1] != '.' && s[len - 1] != '-';
}

bool account_is_email(const char *text)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || at - text > 64 || strchr(at + 1, '@') ||
	    strlen(text) > ACCOUNT_EMAIL_MAX)
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f ||
		    strchr("<>()[]\\\",;:", *c))
			return false;
	return is_domain(at + 1);
}

/* --- Passwords ------------------------------------------------------------ */

/* Those of the most used ones that are long enough to pass otherwise. */
static const char *const common[] = {"password12", "password123",
    "password1234", "passwordpassword", "password!1", "passw0rd123",
    "qwertyuiop", "qwerty12345", "qwerty123456", "qwertyuiop123", "qwertzuiop",
    "qwer1234qwer", "asdfghjkl1", "asdfghjkl123", "asdfghjkl;", "zaq12wsxcde3",
    "zaq1zaq1zaq1", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qaz2wsx3e",
    "q1w2e3r4t5", "q1w2e3r4t5y6", "123qweasdzxc", "123456789a", "a123456789",
    "1234567890a", "1234567891", "12345678910", "123456789q", "0987654321a",
    "1029384756", "3141592653", "1234554321", "9876543210a", "iloveyou12",
    "iloveyou123", "ilovegod123", "letmein123", "letmein1234", "welcome123",
    "welcome1234", "administrator", "admin12345", "admin123456",
    "administrator1", "football123", "baseball123", "basketball", "superman123",
    "sunshine123", "princess123", "michael123", "liverpool1", "changeme123",
    "changeme12", "testtest12", "test123456", "mypassword", "mypassword1",
    "secret1234", "hallo12345", "passwort123", "passwort1234", "passwort12",
    "meinpasswort", "ichliebedich", "schalke1904", "abcd123456", "abc1234567",
    "aa12345678", "google1234", "samsung123", "starwars123", "whatsapp12",
    "computer123", "internet12", "jerasoft123"};

static size_t count_chars(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* "aaaaaaaaaa", "abcabcabcabc". */
static bool is_repeated(const char *s, size_t len)
{
	for (size_t unit = 1; unit <= 4 && unit * 2 <= len; unit++)
		if (!memcmp(s, s + unit, len - unit))
			return true;
	return false;
}

/* "abcdefghij", "9876543210", "1234567890". */
static bool is_row(const char *s, size_t len)
{
	int step = s[1] - s[0];

	if (step != 1 && step != -1)
		return false;
	for (size_t i = 1; i < len; i++) {
		int wrapped = step == 1 ? s[i - 1] == '9' && s[i] == '0'
					: s[i - 1] == '0' && s[i] == '9';

		if (s[i] - s[i - 1] != step && !wrapped)
			return false;
	}
	return true;
}

static bool is_common(const char *folded)
{
	size_t len = strlen(folded);

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (!strcmp(common[i], folded))
			return true;
	return len >= 2 && (is_repeated(folded, len) || is_row(folded, len));
}

/* Folded, and without what people put between words. */
static const char *squeeze(struct mem *m, const char *text)
{
	char *out = fmt_fold(m, text), *to = out;

	for (const char *c = out; *c; c++)
		if (!strchr(" .,_-", *c))
			*to++ = *c;
	*to = '\0';
	return out;
}

static bool is_name(struct mem *m, const char *password, const char *name)
{
	return name && *name && !strcmp(squeeze(m, password), squeeze(m, name));
}

const char *account_password_fault(struct mem *m, const char *password,
    const char *current, const char *const *names, size_t n)
{
	size_t chars = count_chars(password);

	if (chars < ACCOUNT_PASSWORD_MIN)
		return "password.too_short";
	if (chars > ACCOUNT_PASSWORD_MAX)
		return "password.too_long";
	if (current && !strcmp(password, current))
		return "password.same";
	for (size_t i = 0; i < n; i++)
		if (is_name(m, password, names[i]))
			return "password.name";
	if (is_common(fmt_fold(m, password)))
		return "password.common";
	return NULL;
}
