/* floor.c: the floor of ./dev bench: a bare libfcgi + libcurl worker. For each
 * request it makes the same calls to the billing system as the portal's page,
 * in the same order (what the page asks at once, it asks at once) and over kept
 * connections, reads none of the answers, and answers the page's bytes. What
 * the portal costs more is the portal's own.
 */
#include <curl/curl.h>
#include <fcgiapp.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum {
	PAGES_MAX = 96,
	CALLS_MAX = 16,
	WORKERS_MAX = 64,
	BACKLOG = 1024,
	CONNECTIONS = 16
};

struct text {
	char *data;
	size_t len;
};

struct call {
	unsigned long stage; /* begins when all of the stage before ended */
	char *url;
	struct text body;
	CURL *easy;
	char *answer;
	size_t len, room;
};

struct page {
	const char *uri;
	struct text reply; /* head and body, as a worker writes them */
	struct call calls[CALLS_MAX];
	size_t n_calls;
};

struct floor {
	struct page pages[PAGES_MAX];
	size_t n_pages;
	CURLM *multi;
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *must(void *ptr)
{
	if (!ptr)
		die("memory");
	return ptr;
}

/* False: there is no such file. */
static bool read_file(const char *path, struct text *out)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (!f)
		return false;
	if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		die(path);
	rewind(f);
	out->len = (size_t)size;
	out->data = must(calloc(1, out->len + 1));
	if (fread(out->data, 1, out->len, f) != out->len)
		die(path);
	fclose(f);
	return true;
}

/* A call's file: "STAGE URL", a line's end, and the body. */
static bool read_call(const char *path, struct call *c)
{
	char *end;

	if (!read_file(path, &c->body))
		return false;
	c->stage = strtoul(c->body.data, &c->url, 10);
	end = strchr(c->url, '\n');
	if (*c->url != ' ' || !end)
		die(path);
	c->url++;
	*end++ = '\0';
	c->body.len -= (size_t)(end - c->body.data);
	c->body.data = end;
	return true;
}

/* URI=FOLDER (a URI may have a '='); the folder holds the file reply and the
 * calls 0, 1, ... in the order of their stages. */
static void add_page(struct floor *fl, char *arg)
{
	struct page *p = &fl->pages[fl->n_pages++];
	char *folder = strrchr(arg, '='), path[PATH_MAX];

	if (!folder)
		die(arg);
	*folder++ = '\0';
	p->uri = arg;
	snprintf(path, sizeof(path), "%s/reply", folder);
	if (!read_file(path, &p->reply))
		die(path);
	for (; p->n_calls < CALLS_MAX; p->n_calls++) {
		snprintf(path, sizeof(path), "%s/%zu", folder, p->n_calls);
		if (!read_call(path, &p->calls[p->n_calls]))
			break;
	}
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t len = size * n;

	if (c->len + len > c->room) {
		c->room = (c->len + len) * 2;
		c->answer = must(realloc(c->answer, c->room));
	}
	memcpy(c->answer + c->len, data, len);
	c->len += len;
	return len;
}

/* A handle that is ready to go, so that a request sets nothing. */
static CURL *open_handle(
    struct call *c, struct curl_slist *headers, const char *ca_file)
{
	CURL *e = must(curl_easy_init());

	curl_easy_setopt(e, CURLOPT_URL, c->url);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)c->body.len);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.data);
	return e;
}

static void open_handles(struct floor *fl, const char *ca_file)
{
	struct curl_slist *headers =
	    curl_slist_append(NULL, "Content-Type: application/json");

	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, "Expect:");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fl->multi = must(curl_multi_init());
	curl_multi_setopt(fl->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
	for (size_t i = 0; i < fl->n_pages; i++)
		for (size_t j = 0; j < fl->pages[i].n_calls; j++) {
			struct call *c = &fl->pages[i].calls[j];

			c->easy = open_handle(c, headers, ca_file);
		}
}

static bool collect(struct floor *fl)
{
	bool good = true;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(fl->multi, &left))) {
		CURL *e = msg->easy_handle;
		CURLcode result = msg->data.result;
		struct call *c;
		long status = 0;

		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(e, CURLINFO_PRIVATE, &c);
		good = good && result == CURLE_OK && status == 200 && c->len;
		curl_multi_remove_handle(fl->multi, e);
	}
	return good;
}

/* Makes the calls from `from` on that are of one stage; where the next begins.
 */
static size_t make_stage(
    struct floor *fl, struct page *p, size_t from, bool *good)
{
	int running = 0;
	size_t i = from;

	for (; i < p->n_calls && p->calls[i].stage == p->calls[from].stage;
	     i++) {
		p->calls[i].len = 0;
		curl_multi_add_handle(fl->multi, p->calls[i].easy);
		running++;
	}
	while (running) {
		curl_multi_perform(fl->multi, &running);
		*good = collect(fl) && *good;
		if (running)
			curl_multi_poll(fl->multi, NULL, 0, 1000, NULL);
	}
	return i;
}

static bool make_calls(struct floor *fl, struct page *p)
{
	bool good = true;

	for (size_t i = 0; i < p->n_calls;)
		i = make_stage(fl, p, i, &good);
	return good;
}

static struct page *find_page(struct floor *fl, const char *uri)
{
	for (size_t i = 0; uri && i < fl->n_pages; i++)
		if (!strcmp(fl->pages[i].uri, uri))
			return &fl->pages[i];
	return NULL;
}

static void serve(struct floor *fl, FCGX_Request *r)
{
	struct page *p = find_page(fl, FCGX_GetParam("REQUEST_URI", r->envp));

	if (!p)
		FCGX_PutS("Status: 404 Not Found\r\n\r\n", r->out);
	else if (!make_calls(fl, p))
		FCGX_PutS("Status: 502 Bad Gateway\r\n\r\n", r->out);
	else
		FCGX_PutStr(p->reply.data, (int)p->reply.len, r->out);
	/* As the portal does: else libfcgi waits until nginx has closed. */
	if (FCGX_GetChar(r->in) == EOF)
		FCGX_Detach(r);
	FCGX_Finish_r(r);
}

static _Noreturn void work(struct floor *fl, const char *ca_file, int listener)
{
	FCGX_Request request;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	open_handles(fl, ca_file);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, listener, 0) != 0)
		die("libfcgi");
	while (FCGX_Accept_r(&request) == 0)
		serve(fl, &request);
	exit(1);
}

int main(int argc, char **argv)
{
	static struct floor fl;
	long workers = argc > 4 ? strtol(argv[2], NULL, 10) : 0;
	int listener;

	if (workers < 1 || workers > WORKERS_MAX || argc - 4 > PAGES_MAX) {
		fprintf(stderr, "usage: bench-floor SOCKET WORKERS CA-FILE "
				"URI=FOLDER...\n");
		return 2;
	}
	for (int i = 4; i < argc; i++)
		add_page(&fl, argv[i]);
	listener = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listener < 0)
		die(argv[1]);
	for (long i = 0; i < workers; i++)
		if (fork() == 0)
			work(&fl, argv[3], listener);
	while (wait(NULL) > 0)
		fprintf(stderr, "bench-floor: a worker ended\n");
	return 1;
}
