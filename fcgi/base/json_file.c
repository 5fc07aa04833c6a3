/* json_file.c: JSON that people write: reading it, and where in it something
 * stands. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

int json_count_lines(const char *text, const char *end)
{
	int line = 1;

	for (; text < end; text++)
		line += *text == '\n';
	return line;
}

const char *json_skip_text(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

static const char *skip_spaces(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* The name of a member of the object that begins at `at`; NULL: no such
 * member, or no object. */
static const char *find_member(const char *at, const char *part, size_t len)
{
	int depth = 0;

	if (*at != '{')
		return NULL;
	do {
		const char *name = at;

		if (*at != '"') {
			depth += *at == '{' || *at == '[';
			depth -= *at == '}' || *at == ']';
			at++;
			continue;
		}
		at = json_skip_text(at);
		if (depth == 1 && *skip_spaces(at) == ':' &&
		    (size_t)(at - name) == len + 2 &&
		    !strncmp(name + 1, part, len))
			return name;
	} while (*at && depth > 0);
	return NULL;
}

/* The value of the member whose name begins at `name`. */
static const char *find_value(const char *name)
{
	return skip_spaces(skip_spaces(json_skip_text(name)) + 1);
}

/* Item `n` of the list that begins at `at`; NULL: no such item, or no list. */
static const char *find_item(const char *at, unsigned long n)
{
	int depth = 0;

	if (*at != '[')
		return NULL;
	do {
		if (depth == 1 && *at == ',') {
			if (!n)
				return NULL;
			n--;
		}
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at = *at == '"' ? json_skip_text(at) : at + 1;
		if (depth == 1 && !n && *skip_spaces(at) != ']') {
			at = skip_spaces(at);
			return *at == ',' ? skip_spaces(at + 1) : at;
		}
	} while (*at && depth > 0);
	return NULL;
}

int json_find_line(const char *text, const char *path)
{
	const char *at = skip_spaces(text), *hit = at;
	char *end;

	while (at && *path) {
		size_t len;

		if (*path == '[') {
			at = find_item(at, strtoul(path + 1, &end, 10));
			hit = at ? at : hit;
			path = end + (*end == ']');
			continue;
		}
		path += *path == '.';
		len = strcspn(path, ".[");
		at = find_member(at, path, len);
		hit = at ? at : hit;
		at = at ? find_value(at) : NULL;
		path += len;
	}
	return json_count_lines(text, hit);
}

int json_find_member_line(const char *text, const char *name)
{
	const char *at = skip_spaces(text);
	const char *hit = find_member(at, name, strlen(name));

	return json_count_lines(text, hit ? hit : at);
}

struct json_object *json_read(
    struct mem *m, const char *path, const char *text, struct diag *d)
{
	const struct json_rules rules = {.depth = JSON_DEEP};
	struct json_object *o;
	struct json_stop stop;

	if (!json_scan(m, text, strlen(text), &rules, &o, &stop))
		diag_add(d,
		    mem_print(m, "%s:%d", path,
			json_count_lines(text, text + stop.at)),
		    "mend the JSON there, or just before", "%s", stop.what);
	else if (json_is(o, JSON_OBJECT))
		return o;
	else
		diag_add(d, path, "write { ... }", "must be a JSON object");
	return NULL;
}
