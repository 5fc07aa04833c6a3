/* files.c: the download end: a form in, a file out, or X-VCS-Status. */
#include "sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which numbers stand in X-VCS-Status is not on record. */
enum { NOT_FOUND = 1, SIMULATED = 2, DENIED = 101 };

static const char get_file[] = "/admin/invoices/getFile";

bool files_path(const char *path)
{
	return strncmp(path, "/admin/", 7) == 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static void decode(char *to, size_t room, const char *from, size_t length)
{
	size_t at = 0;

	for (size_t i = 0; i < length && at + 1 < room; i++) {
		char c = from[i] == '+' ? ' ' : from[i];

		if (c == '%' && i + 2 < length && hex(from[i + 1]) >= 0 &&
		    hex(from[i + 2]) >= 0) {
			c = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
			i += 2;
		}
		to[at++] = c;
	}
	to[at] = '\0';
}

bool form_find(struct exchange *x, const char *name, char *value, size_t room)
{
	const char *at = x->body.text ? x->body.text : "";
	const char *given = http_query(x, name);
	char key[64];

	if (given) {
		snprintf(value, room, "%s", given);
		return true;
	}
	while (*at) {
		size_t length = strcspn(at, "&"), left;

		left = strcspn(at, "=&");
		decode(key, sizeof(key), at, left);
		if (strcmp(key, name) == 0 && left < length) {
			decode(value, room, at + left + 1, length - left - 1);
			return true;
		}
		at += length + (at[length] == '&');
	}
	return false;
}

void files_read(struct exchange *x)
{
	x->api = MANAGEMENT;
	if (strcmp(x->path, get_file) == 0)
		http_operation(x, "invoices.getFile", NULL);
}

static bool may_enter(struct exchange *x)
{
	char one[128], two[128];

	if (form_find(x, "SID", one, sizeof(one)))
		return session_find(one);
	return form_find(x, "auth[login]", one, sizeof(one)) &&
	       form_find(x, "auth[password]", two, sizeof(two)) &&
	       login_check(one, two);
}

static void add_object(struct buf *b, size_t *at, const char *text)
{
	*at = b->length;
	buf_text(b, text);
}

/* The smallest right PDF: a page with two lines, and exact offsets. */
static void write_pdf(struct buf *b, const char *title, const char *line)
{
	size_t at[5];
	struct buf page = {0};

	buf_format(&page,
	    "BT /F1 24 Tf 72 740 Td (%s) Tj 0 -40 Td /F1 14 Tf (%s) Tj"
	    " ET\n",
	    title, line);
	buf_text(b, "%PDF-1.4\n");
	add_object(
	    b, &at[0], "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
	add_object(b, &at[1],
	    "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n");
	add_object(b, &at[2],
	    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]"
	    "/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>\nendobj\n");
	add_object(b, &at[3], "4 0 obj\n");
	buf_format(b, "<</Length %zu>>\nstream\n%sendstream\nendobj\n",
	    page.length, page.text);
	add_object(b, &at[4],
	    "5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\n"
	    "endobj\n");
	buf_free(&page);
	page.length = b->length;
	buf_text(b, "xref\n0 6\n0000000000 65535 f \n");
	for (int i = 0; i < 5; i++)
		buf_format(b, "%010zu 00000 n \n", at[i]);
	buf_format(b,
	    "trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
	    page.length);
}

static bool send_invoice(struct exchange *x, int64_t id)
{
	sqlite3 *db = db_take();
	sqlite3_stmt *s = db_prepare(db,
	    "SELECT i.no, i.total, c.name FROM invoices i JOIN currencies"
	    " c ON c.id = i.currencies_id WHERE i.id = ?");
	struct buf line = {0};
	struct fault fault;
	bool found;

	sqlite3_bind_int64(s, 1, id);
	found = sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		const char *no = (const char *)sqlite3_column_text(s, 0);

		buf_text(&line, "Total ");
		buf_nano(&line, sqlite3_column_int64(s, 1));
		buf_format(&line, " %s", sqlite3_column_text(s, 2));
		write_pdf(&x->reply, no, line.text);
		if (!markup_take(MANAGEMENT, "invoices.getFile", &fault))
			*fault.text = '\0';
		snprintf(
		    x->name, sizeof(x->name), "%.50s%s.pdf", fault.text, no);
		x->type = "application/pdf";
	}
	buf_free(&line);
	sqlite3_finalize(s);
	db_give(db);
	return found;
}

void files_serve(struct exchange *x)
{
	struct fault fault;
	char text[64];

	x->type = "text/html";
	if (strcmp(x->path, get_file) != 0) {
		x->status = 404;
		return;
	}
	if (strcmp(x->method, "POST") != 0 && strcmp(x->method, "GET") != 0) {
		x->status = 405;
		return;
	}
	if (fault_take(MANAGEMENT, "invoices.getFile", PART_FAULTS, &fault)) {
		x->vcs_status = SIMULATED;
		return;
	}
	if (!form_find(x, "__api", text, sizeof(text)) ||
	    strcmp(text, "1") != 0 || !may_enter(x))
		x->vcs_status = DENIED;
	else if (!form_find(x, "id", text, sizeof(text)) ||
		 !send_invoice(x, strtoll(text, NULL, 10)))
		x->vcs_status = NOT_FOUND;
}
