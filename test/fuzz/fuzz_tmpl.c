/* fuzz_tmpl.c: any text as a template. What compiles must print every value
 * escaped, and only where a value may stand, however often sections are
 * printed.
 *
 * Input: the page, then the partials "a" and "b", each ended by a NUL.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/tmpl.h"
#include "tools/tmpl_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Values carry this byte, which no template here has. */
enum { MARK = 1 };

#define VALUE "\"\\u0001<\\u0001>\\u0001\\\"\\u0001'\\u0001&\\u0001 on\""

static const char *const models[] = {
    "{}",
    "{\"a\":" VALUE ",\"x\":" VALUE ",\"o\":{\"x\":" VALUE "},\"y\":true,"
    "\"x_url\":\"/\\u0001z\"}",
    "{\"a\":[" VALUE "," VALUE "," VALUE "],\"x\":" VALUE
    ",\"y\":[1,2],\"l\":[{\"x\":" VALUE "},{\"y\":false}],"
    "\"x_url\":\"https:\"}",
    VALUE,
};

static char dir[64];

static void remove_dir(void)
{
	static const char *const names[] = {"page", "a", "b"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s.mustache", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void put(const char *name, const uint8_t *text, size_t len)
{
	char path[128];
	FILE *f;

	if (!dir[0]) {
		strcpy(dir, "/tmp/fuzz_tmpl.XXXXXX");
		if (!mkdtemp(dir))
			abort();
		atexit(remove_dir);
	}
	snprintf(path, sizeof(path), "%s/%s.mustache", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

static void check_mark(const struct html *h, const char *next)
{
	struct html here = *h;
	struct html_no no;
	bool opens;

	if (*next && strchr("<>\"'", *next))
		abort();
	if (*next == '&' && strncmp(next, "&amp;", 5) &&
	    strncmp(next, "&lt;", 4) && strncmp(next, "&gt;", 4) &&
	    strncmp(next, "&quot;", 6) && strncmp(next, "&#39;", 5))
		abort();
	/* Whether an address was begun is judged at its first value. */
	here.url = HTML_URL_FIXED;
	if (!html_value(&here, true, &opens, &no)) {
		fprintf(stderr, "%s\n", no.why);
		abort();
	}
}

static void check_page(const struct buf *page)
{
	struct html h = {0};
	struct html_no no;

	for (size_t i = 0; i < page->len; i++) {
		if (page->data[i] == MARK)
			check_mark(&h, page->data + i + 1);
		if (!html_text(&h, page->data + i, 1, &no)) {
			fprintf(stderr, "%s\n", no.why);
			abort();
		}
	}
}

static void run(struct mem *m)
{
	char path[128];
	const struct tmpl *t;
	struct diag d;

	diag_open(&d, m);
	snprintf(path, sizeof(path), "%s/page.mustache", dir);
	t = tmpl_open_file(m, path, &d);
	if (!t != (d.n > 0))
		abort();
	for (size_t i = 0; t && i < sizeof(models) / sizeof(*models); i++) {
		struct json_object *model = json_constant(m, models[i]);
		struct buf page;

		buf_open(&page, m, 0);
		tmpl_render(t, model, &page);
		check_page(&page);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"page", "a", "b"};
	struct mem *m;

	/* Lists in lists in lists print more than a run may take. */
	if (size > 2000 || memchr(data, MARK, size))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		size_t len = strnlen((const char *)data, size);

		put(names[i], data, len);
		data += len;
		size -= len;
		if (size) {
			data++;
			size--;
		}
	}
	m = mem_open(0);
	run(m);
	mem_close(m);
	return 0;
}
