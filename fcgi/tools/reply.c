/* reply.c: puts a response together and hands it on in one piece. */
#include "tools/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FILE_NAME_MAX = 200 };

#define LETTERS_DIGITS                                                         \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} known[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {302, "Found"},
	    {303, "See Other"},
	    {304, "Not Modified"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {409, "Conflict"},
	    {413, "Content Too Large"},
	    {415, "Unsupported Media Type"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].status == status)
			return known[i].reason;
	return "Unknown";
}

void reply_open(struct reply *r, struct mem *m, const struct reply_sink *sink)
{
	*r = (struct reply){.mem = m, .sink = sink};
	buf_open(&r->headers, m, 512);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *s)
{
	return *s && !s[strspn(s, LETTERS_DIGITS "!#$%&'*+-.^_`|~")];
}

/* False, and one line: a response went out already. */
static bool is_first(const struct reply *r, const char *what)
{
	if (!r->status)
		return true;
	log_error(
	    "reply.twice", "%s after a response of status %d", what, r->status);
	return false;
}

void reply_header(struct reply *r, const char *name, const char *value)
{
	if (!is_first(r, "a header"))
		return;
	if (!is_token(name) || has_control(value))
		log_error("reply.header", "%s: control characters", name);
	else
		buf_print(&r->headers, "%s: %s\r\n", name, value);
}

static bool has_header(const struct reply *r, const char *name)
{
	const char *line = r->headers.data;
	size_t len = strlen(name);

	while (*line) {
		if (!strncasecmp(line, name, len) && line[len] == ':')
			return true;
		line += strcspn(line, "\n") + 1;
	}
	return false;
}

/* RFC 6265, 4.1.1: cookie-octet. */
static bool is_cookie_value(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("\",;\\", *s))
			return false;
	return true;
}

void reply_cookie(struct reply *r, const char *name, const char *value,
    bool secure, int64_t max_age)
{
	struct buf b;

	if (!is_token(name) || (value && !is_cookie_value(value))) {
		log_error("reply.cookie", "a cookie with a malformed value");
		return;
	}
	buf_open(&b, r->mem, 256);
	buf_print(&b, "%s=%s; Path=/; HttpOnly; SameSite=Lax", name,
	    value ? value : "");
	if (secure)
		buf_add_text(&b, "; Secure");
	if (!value)
		buf_add_text(&b, "; Max-Age=0"
				 "; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
	else if (max_age > 0)
		buf_print(&b, "; Max-Age=%" PRId64, max_age);
	reply_header(r, "Set-Cookie", b.data);
}

/* Status and headers, without the empty line that ends them. */
static void add_head(
    struct reply *r, struct buf *out, int status, const char *type)
{
	r->status = status;
	buf_print(out, "Status: %d %s\r\n", status, reason(status));
	if (has_control(type))
		log_error("reply.header", "Content-Type: control characters");
	else
		buf_print(out, "Content-Type: %s\r\n", type);
	if (!has_header(r, "Cache-Control"))
		buf_add_text(out, "Cache-Control: no-store\r\n");
	buf_add(out, r->headers.data, r->headers.len);
}

static bool note_end(struct reply *r, bool listens)
{
	if (!listens) {
		r->gone = true;
		log_info("reply.gone", "the client went away");
	}
	return listens;
}

static bool hand_on(struct reply *r, const void *data, size_t len)
{
	return !r->gone && note_end(r, r->sink->write(r->sink->ctx, data, len));
}

void reply_send(
    struct reply *r, int status, const char *type, const void *body, size_t len)
{
	struct buf out;

	if (!is_first(r, "a response"))
		return;
	buf_open(
	    &out, r->mem, r->headers.len + (r->sink->whole ? 0 : len) + 256);
	add_head(r, &out, status, type);
	/* A 304's would have to be that of the 200 (RFC 9110, 8.6). */
	if (status != 304)
		buf_print(&out, "Content-Length: %zu\r\n", len);
	buf_add_text(&out, "\r\n");
	r->bytes += len;
	if (r->sink->whole) {
		note_end(r,
		    r->sink->whole(r->sink->ctx, out.data, out.len, body, len));
		return;
	}
	buf_add(&out, body, len);
	hand_on(r, out.data, out.len);
}

/* A browser reads "//host" and "/\host" as another host. */
static bool is_own_path(const char *path)
{
	return path && path[0] == '/' && path[1] != '/' && path[1] != '\\' &&
	       !has_control(path);
}

/* What a URI may not hold (RFC 3986, 2), percent-encoded. */
static const char *make_location(struct mem *m, const char *path)
{
	struct buf b;

	buf_open(&b, m, strlen(path) + 64);
	for (; *path; path++) {
		if (*path <= ' ' || *path > '~' || strchr("\"<>\\^`{|}", *path))
			buf_print(&b, "%%%02X", (unsigned char)*path);
		else
			buf_add_char(&b, *path);
	}
	return b.data;
}

void reply_redirect(struct reply *r, int status, const char *path)
{
	if (!is_own_path(path)) {
		log_warn("reply.redirect", "not a path of our own: %s",
		    path ? path : "(none)");
		path = "/";
	}
	reply_header(r, "Location", make_location(r->mem, path));
	reply_send(
	    r, status == 302 ? 302 : 303, "text/plain; charset=utf-8", "", 0);
}

void reply_leave(struct reply *r, const char *url)
{
	if (has_control(url) || (strncmp(url, "https://", 8) != 0 &&
				    strncmp(url, "http://", 7) != 0)) {
		log_warn("reply.redirect", "not an address");
		url = "/";
	}
	reply_header(r, "Location", make_location(r->mem, url));
	reply_send(r, 303, "text/plain; charset=utf-8", "", 0);
}

/* Bytes of what a file name may not hold: separators, quotes, controls, and
 * what turns the direction of text, which can hide the real ending. */
static size_t bad_in_name(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;

	if (b[0] < 0x20 || b[0] == 0x7f || strchr("/\\\"'", *s))
		return 1;
	if (b[0] == 0xc2 && b[1] >= 0x80 && b[1] < 0xa0)
		return 2;
	if (b[0] == 0xe2 && b[1] == 0x80 && b[2] >= 0xaa && b[2] <= 0xae)
		return 3;
	if (b[0] == 0xe2 && b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9)
		return 3;
	return 0;
}

static const char *make_file_name(struct mem *m, const char *name)
{
	struct buf b;
	size_t n;

	buf_open(&b, m, strlen(name) + 1);
	for (; *name; name += n ? n : 1) {
		n = bad_in_name(name);
		/* No hidden files; and cut between characters. */
		if (n || (!b.len && *name == '.'))
			continue;
		if (b.len >= FILE_NAME_MAX && (*name & 0xc0) != 0x80)
			break;
		buf_add_char(&b, *name);
	}
	return b.len ? b.data : "download";
}

/* RFC 6266: for everybody in ASCII; and, where that loses something, in UTF-8
 * as RFC 8187 has it. */
static void add_disposition(struct reply *r, const char *file_name)
{
	const char *name = make_file_name(r->mem, file_name);
	bool ascii = true;
	struct buf b;

	buf_open(&b, r->mem, 256);
	buf_add_text(&b, "attachment; filename=\"");
	for (const char *s = name; *s; s++) {
		ascii = ascii && !(*s & 0x80);
		if (!(*s & 0x80))
			buf_add_char(&b, *s);
		else if (*s & 0x40)
			buf_add_char(&b, '_');
	}
	buf_add_char(&b, '"');
	if (!ascii)
		buf_add_text(&b, "; filename*=UTF-8''");
	for (const char *s = name; !ascii && *s; s++)
		if (strchr(LETTERS_DIGITS "!#$&+-.^_`|~", *s))
			buf_add_char(&b, *s);
		else
			buf_print(&b, "%%%02X", (unsigned char)*s);
	reply_header(r, "Content-Disposition", b.data);
}

void reply_begin(struct reply *r, const char *type, const char *file_name)
{
	struct buf out;

	if (!is_first(r, "a download"))
		return;
	if (file_name)
		add_disposition(r, file_name);
	buf_open(&out, r->mem, r->headers.len + 256);
	add_head(r, &out, 200, type);
	buf_add_text(&out, "\r\n");
	r->streaming = true;
	hand_on(r, out.data, out.len);
}

bool reply_is_wanted(const struct reply *r)
{
	return !r->gone && (!r->sink->alive || r->sink->alive(r->sink->ctx));
}

bool reply_write(struct reply *r, const void *data, size_t len)
{
	if (!r->streaming) {
		log_error("reply.write", "a piece outside a download");
		return false;
	}
	if (r->gone || !len)
		return !r->gone;
	r->bytes += len;
	return hand_on(r, data, len);
}

void reply_break(struct reply *r)
{
	if (!r->streaming) {
		log_error("reply.write", "a break outside a download");
		return;
	}
	r->streaming = false;
	r->gone = true;
	r->sink->spoil(r->sink->ctx);
}
