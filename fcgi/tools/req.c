/* req.c: the environment of a request: path, format, query, cookies. */
#include "tools/req.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/req_parse.h"

enum { PATH_LEN_MAX = 2048, COOKIE_LEN_MAX = 4096 };

#define LETTERS_DIGITS                                                         \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const char xlsx_type[] =
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

static bool span_ends(struct req_span a, const char *word)
{
	size_t len = strlen(word);

	return a.len > len && !strncasecmp(a.s + a.len - len, word, len);
}

const char *req_env(const struct req *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *e = r->env; e && *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			return *e + len + 1;
	return NULL;
}

static bool env_is(const struct req *r, const char *name, const char *word)
{
	const char *value = req_env(r, name);

	return value && !strcmp(value, word);
}

/* Unique among the workers of a host; no secret. */
static const char *make_id(struct mem *m)
{
	static unsigned count;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return mem_print(m, "%08llx%08lx%08lx%08x",
	    (unsigned long long)now.tv_sec & 0xffffffff,
	    (unsigned long)now.tv_nsec, (unsigned long)getpid(), ++count);
}

static const char *find_id(const struct req *r)
{
	const char *id = req_env(r, "REQUEST_ID");
	size_t len = id ? strlen(id) : 0;

	if (len < 8 || len > 64 || strspn(id, LETTERS_DIGITS "-") != len)
		return make_id(r->mem);
	return id;
}

/* RFC 6750: the token's characters; another scheme is none. */
static const char *find_bearer(const struct req *r)
{
	const char *value = req_env(r, "HTTP_AUTHORIZATION");
	struct req_span token;

	if (!value || strncasecmp(value, "Bearer ", 7))
		return NULL;
	token = req_trim(value + 7, strlen(value + 7));
	if (!token.len || strspn(token.s, LETTERS_DIGITS "-._~+/=") < token.len)
		return NULL;
	return mem_text_n(r->mem, token.s, token.len);
}

static enum err parse_method(struct req *r)
{
	r->method = METHOD_GET;
	if (env_is(r, "REQUEST_METHOD", "GET") ||
	    env_is(r, "REQUEST_METHOD", "HEAD"))
		return ERR_OK;
	if (env_is(r, "REQUEST_METHOD", "POST")) {
		r->method = METHOD_POST;
		return ERR_OK;
	}
	log_info("req.method", "neither GET, HEAD nor POST");
	return ERR_METHOD;
}

/* "http://host/path" to "/path" (RFC 9112, 3.2.2). */
static const char *skip_host(const char *uri)
{
	if (!strncasecmp(uri, "http://", 7))
		uri += 7;
	else if (!strncasecmp(uri, "https://", 8))
		uri += 8;
	else
		return uri;
	uri += strcspn(uri, "/?");
	return uri;
}

/* Nothing that two readers of the path could take for two places. */
static bool is_plain_path(const char *path)
{
	if (*path != '/' || !req_is_text(path, false) || strchr(path, '\\') ||
	    strstr(path, "//"))
		return false;
	/* C1, which UTF-8 writes as C2 80 to C2 9F. */
	for (const char *s = path; (s = strchr(s, '\xc2')); s++)
		if ((unsigned char)s[1] < 0xa0)
			return false;
	for (const char *s = path; s; s = strchr(s + 1, '/')) {
		size_t len = strcspn(s + 1, "/");

		if ((len == 1 && s[1] == '.') ||
		    (len == 2 && s[1] == '.' && s[2] == '.'))
			return false;
	}
	return true;
}

/* Takes ".json" and its like off the last part of the path. */
static void cut_suffix(struct req *r, char *path)
{
	static const struct {
		const char *text;
		enum format format;
	} suffixes[] = {{".json", FORMAT_JSON}, {".csv", FORMAT_CSV},
	    {".xlsx", FORMAT_XLSX}};
	char *last = strrchr(path, '/') + 1, *dot = strrchr(last, '.');

	for (size_t i = 0; dot && i < 3; i++) {
		if (dot == last || strcmp(dot, suffixes[i].text) != 0)
			continue;
		*dot = '\0';
		r->format = suffixes[i].format;
		r->suffixed = true;
		return;
	}
}

/* The path as the client sent it: the web server's own decoding would hide
 * what it folded. */
static enum err parse_path(struct req *r, const char *uri)
{
	size_t len = strcspn(uri, "?");
	char *path = NULL;

	if (len <= PATH_LEN_MAX)
		path = req_parse_escapes(r->mem, uri, len, false);
	if (!path || !is_plain_path(path)) {
		log_info("req.path", "a malformed path");
		return ERR_INPUT;
	}
	cut_suffix(r, path);
	r->path = path;
	return ERR_OK;
}

/* RFC 9110, 12.4.2, in thousandths; -1: malformed. */
static int parse_quality(struct req_span q)
{
	int n = 0, unit = 1000;

	if (!q.len || q.len > 5 || (q.len > 1 && q.s[1] != '.'))
		return -1;
	for (size_t i = 0; i < q.len; i++) {
		if (i == 1)
			continue;
		if (q.s[i] < '0' || q.s[i] > '9')
			return -1;
		n += (q.s[i] - '0') * unit;
		unit /= 10;
	}
	return n <= 1000 ? n : -1;
}

static int accept_quality(const char *params)
{
	struct req_span p;
	int q = 1000;

	while (req_next_piece(&params, ';', &p))
		if (p.len > 2 && !strncasecmp(p.s, "q=", 2))
			q = parse_quality(
			    (struct req_span){p.s + 2, p.len - 2});
	return q;
}

static bool media_format(struct req_span type, enum format *out)
{
	if (req_span_is(type, "application/json") || span_ends(type, "+json"))
		*out = FORMAT_JSON;
	else if (req_span_is(type, "text/html") ||
		 req_span_is(type, "application/xhtml+xml"))
		*out = FORMAT_HTML;
	else if (req_span_is(type, "text/csv"))
		*out = FORMAT_CSV;
	else if (req_span_is(type, xlsx_type))
		*out = FORMAT_XLSX;
	else
		return false;
	return true;
}

/* The best of the types that are named; the first of equals. A wildcard says
 * nothing. */
static bool parse_accept(const struct req *r, enum format *out)
{
	const char *list = req_env(r, "HTTP_ACCEPT");
	struct req_span item;
	int best = 0;

	while (req_next_piece(&list, ',', &item)) {
		const char *params = mem_text_n(r->mem, item.s, item.len);
		struct req_span type;
		enum format format;
		int q;

		req_next_piece(&params, ';', &type);
		q = accept_quality(params);
		if (q > best && media_format(type, &format)) {
			best = q;
			*out = format;
		}
	}
	return best > 0;
}

static void find_format(struct req *r)
{
	enum format accepted = FORMAT_JSON;
	bool named = parse_accept(r, &accepted);

	if (!named && !r->suffixed && !env_is(r, "PORTICO_FORMAT", "json"))
		accepted = FORMAT_HTML;
	if (!r->suffixed)
		r->format = accepted;
	/* A browser that follows a link to a file names HTML. */
	r->words = r->format;
	if (r->format == FORMAT_CSV || r->format == FORMAT_XLSX)
		r->words = accepted == FORMAT_HTML ? FORMAT_HTML : FORMAT_JSON;
}

/* What the environment says beside the target. */
static void read_env(struct req *r)
{
	const char *brand = req_env(r, "PORTICO_BRAND");
	const char *address = req_env(r, "REMOTE_ADDR");

	r->id = find_id(r);
	r->brand = brand ? brand : "default";
	r->address = address ? address : "";
	r->https = env_is(r, "HTTPS", "on");
	r->bearer = find_bearer(r);
}

enum err req_open(struct req *r, struct mem *m, const struct req_source *s)
{
	const char *uri, *query, *mark;
	enum err e, path_err, query_err;

	*r = (struct req){.mem = m, .env = s->env, .path = "/"};
	read_env(r);
	uri = req_env(r, "REQUEST_URI");
	uri = skip_host(uri ? uri : "");
	mark = strchr(uri, '?');
	query = req_env(r, "QUERY_STRING");
	if (!query)
		query = mark ? mark + 1 : "";
	/* All of them, so that an answer to the first knows the others. */
	e = parse_method(r);
	path_err = parse_path(r, uri);
	find_format(r);
	query_err = req_parse_pairs(r, query, strlen(query));
	if (!e)
		e = path_err;
	return e ? e : query_err;
}

/* RFC 6265, 4.1.1: cookie-octet. */
static bool is_cookie_value(struct req_span v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.s[i] <= ' ' || v.s[i] > '~' || strchr("\",;\\", v.s[i]))
			return false;
	return v.len <= COOKIE_LEN_MAX;
}

const char *req_cookie(const struct req *r, const char *name)
{
	const char *list = req_env(r, "HTTP_COOKIE");
	size_t name_len = strlen(name);
	struct req_span pair, v;

	while (req_next_piece(&list, ';', &pair)) {
		if (pair.len <= name_len || pair.s[name_len] != '=' ||
		    strncmp(pair.s, name, name_len) != 0)
			continue;
		v = (struct req_span){
		    pair.s + name_len + 1, pair.len - name_len - 1};
		if (v.len > 1 && v.s[0] == '"' && v.s[v.len - 1] == '"')
			v = (struct req_span){v.s + 1, v.len - 2};
		if (!is_cookie_value(v))
			return NULL;
		return mem_text_n(r->mem, v.s, v.len);
	}
	return NULL;
}

char *req_encode(struct mem *m, const char *text)
{
	struct buf out;

	buf_open(&out, m, strlen(text) * 3 + 1);
	for (; *text; text++) {
		if (strchr(LETTERS_DIGITS "-._~", *text))
			buf_add_char(&out, *text);
		else
			buf_print(&out, "%%%02X", (unsigned char)*text);
	}
	return out.data;
}
