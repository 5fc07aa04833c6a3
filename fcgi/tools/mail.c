/* mail.c: composes a letter and hands it to SMTP. */
#include "tools/mail.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tools/http.h"

enum { MAIL_MS = 10000, LINE = 57, WORD = 39 };

/* Base64 (RFC 4648, section 4); here too, because a tool includes no other. */
static void add_base64(struct buf *b, const char *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | (unsigned char)data[i];
		for (n += 8; n >= 6; n -= 6)
			buf_add_char(b, digits[bits >> (n - 6) & 63]);
	}
	if (n)
		buf_add_char(b, digits[bits << (6 - n) & 63]);
	for (; len % 3; len++)
		buf_add_char(b, '=');
}

/* What stands for itself; `not` has what does not where it stands. */
static bool is_plain(const char *text, const char * not )
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || strchr(not, *text))
			return false;
	return true;
}

/* At most `room` bytes, and no character cut in two. */
static size_t fit(const char *text, size_t room)
{
	size_t len = strlen(text);

	if (len <= room)
		return len;
	for (len = room; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* A text of a header: as it is, or as encoded words (RFC 2047). */
static void add_words(struct buf *b, const char *text, const char * not )
{
	if (is_plain(text, not ) && strlen(text) < 60) {
		buf_add_text(b, text);
		return;
	}
	for (size_t len; *text; text += len) {
		len = fit(text, WORD);
		buf_add_text(b, "=?UTF-8?B?");
		add_base64(b, text, len);
		buf_add_text(b, text[len] ? "?=\r\n " : "?=");
	}
}

static void add_date(struct buf *b, int64_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)now;
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_print(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_text(struct buf *b, const char *text)
{
	size_t left = strlen(text);

	for (size_t len; left; left -= len, text += len) {
		len = left < LINE ? left : LINE;
		add_base64(b, text, len);
		buf_add_text(b, "\r\n");
	}
}

char *mail_compose(struct mem *m, const struct mail *mail)
{
	struct buf b;

	buf_open(&b, m, 2048);
	buf_add_text(&b, "From: ");
	if (mail->sender && *mail->sender) {
		/* A phrase: a comma would part two senders (RFC 5322). */
		add_words(&b, mail->sender, "\"\\=?<>,;:()@[].");
		buf_add_text(&b, "\r\n ");
	}
	buf_print(&b, "<%s>\r\nTo: <%s>\r\nSubject: ", mail->from, mail->to);
	add_words(&b, mail->subject, "\"\\=?<>");
	buf_add_text(&b, "\r\n");
	add_date(&b, mail->now);
	buf_add_text(&b, "MIME-Version: 1.0\r\n"
			 "Content-Type: text/plain; charset=utf-8\r\n"
			 "Content-Transfer-Encoding: base64\r\n"
			 "Auto-Submitted: auto-generated\r\n\r\n");
	add_text(&b, mail->text);
	return b.data;
}

/* One bare address: what could end it, or begin another header, is refused. */
static bool is_address(const char *text)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || !at[1] || strchr(at + 1, '@') ||
	    strlen(text) > 254)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>,;:\"\\()", *text))
			return false;
	return true;
}

enum err mail_send(struct mem *m, const struct mail *mail)
{
	struct http_mail out = {.uri = mail->uri,
	    .login = mail->login,
	    .password = mail->password,
	    .from = mail->from,
	    .to = mail->to,
	    .timeout_ms = MAIL_MS};

	if (!mail->uri[0] || !is_address(mail->from) || !is_address(mail->to))
		return ERR_INPUT;
	out.message = mail_compose(m, mail);
	out.len = strlen(out.message);
	http_send_mail(m, &out);
	if (out.err)
		log_error("mail.failed", "%s", out.trouble);
	return out.err;
}
