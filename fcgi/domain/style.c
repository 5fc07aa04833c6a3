/* style.c: colours that can be read: contrast as WCAG 2 has it. */
#include "domain/style.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct color {
	int part[3]; /* red, green, blue: 0 to 255 */
};

#define LEAST 4.5 /* contrast of text (WCAG 2, 1.4.3) */

/* Grounds of portico.css that text in the accent stands on. */
static const struct color black = {{0, 0, 0}}, white = {{255, 255, 255}};
static const struct color light[] = {
    {{255, 255, 255}}, {{246, 247, 251}}, {{240, 242, 248}}};
static const struct color dark[] = {
    {{15, 18, 24}}, {{23, 27, 36}}, {{29, 34, 45}}, {{34, 40, 53}}};
enum { N_LIGHT = 3, N_DARK = 4 };

static const struct color *const dark_surface = &dark[1];

/* "#0a7" or "#00aa77". */
static bool parse(const char *text, struct color *out)
{
	size_t len = text && text[0] == '#'
			 ? strspn(text + 1, "0123456789abcdefABCDEF")
			 : 0;

	if ((len != 3 && len != 6) || text[len + 1])
		return false;
	for (size_t i = 0; i < 3; i++) {
		char part[3] = {
		    text[1 + i * len / 3], text[len / 3 + i * len / 3]};

		out->part[i] = (int)strtol(part, NULL, 16);
	}
	return true;
}

static const char *print(struct mem *m, struct color c)
{
	return mem_print(m, "#%02x%02x%02x", (unsigned)c.part[0],
	    (unsigned)c.part[1], (unsigned)c.part[2]);
}

/* `percent` of one, the rest of the other. */
static struct color mix(struct color a, int percent, struct color b)
{
	struct color c;

	for (size_t i = 0; i < 3; i++)
		c.part[i] =
		    (a.part[i] * percent + b.part[i] * (100 - percent) + 50) /
		    100;
	return c;
}

static double luminance(struct color c)
{
	static const double weight[] = {0.2126, 0.7152, 0.0722};
	double sum = 0, v;

	for (size_t i = 0; i < 3; i++) {
		v = c.part[i] / 255.0;
		sum +=
		    weight[i] *
		    (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
	}
	return sum;
}

static double contrast(struct color a, struct color b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

static bool is_readable(struct color c, const struct color *grounds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (contrast(c, grounds[i]) < LEAST)
			return false;
	return true;
}

/* As near to `c` as can be read on all grounds, on the way to `end`. */
static struct color mend(struct color c, int percent, struct color end,
    const struct color *grounds, size_t n)
{
	struct color found = mix(c, percent, end);

	while (percent > 0 && !is_readable(found, grounds, n))
		found = mix(c, --percent, end);
	return found;
}

/* One of black and white is always readable. */
static struct color text_on(struct color c)
{
	return contrast(white, c) >= LEAST ? white : black;
}

struct shades {
	struct color accent, text, soft;
};

static void add_shades(struct mem *m, struct buf *css, const struct shades *s)
{
	struct color on = text_on(s->accent);
	/* Away from the text on it. */
	struct color hover = mix(s->accent, 86, on.part[0] ? black : white);

	buf_print(css,
	    "\t--portico-accent: %s;\n"
	    "\t--portico-on-accent: %s;\n"
	    "\t--portico-accent-hover: %s;\n"
	    "\t--portico-accent-text: %s;\n"
	    "\t--portico-accent-soft: %s;\n",
	    print(m, s->accent), print(m, on), print(m, hover),
	    print(m, s->text), print(m, s->soft));
}

static struct shades make_light(struct color accent)
{
	struct shades s = {.accent = accent, .soft = mix(accent, 9, white)};
	struct color grounds[N_LIGHT + 1];

	memcpy(grounds, light, sizeof(light));
	grounds[N_LIGHT] = s.soft;
	s.text = mend(accent, 92, black, grounds, N_LIGHT + 1);
	return s;
}

/* `own`: a colour that was chosen for the dark, not made of the light one: it
 * is bright, and less of it is enough. */
static struct shades make_dark(struct color accent, bool own)
{
	struct shades s = {.accent = accent,
	    .soft = mix(accent, own ? 16 : 26, *dark_surface)};
	struct color grounds[N_DARK + 1];

	memcpy(grounds, dark, sizeof(dark));
	grounds[N_DARK] = s.soft;
	s.text = mend(accent, own ? 100 : 45, white, grounds, N_DARK + 1);
	return s;
}

const char *style_make(struct mem *m, struct json_object *colors)
{
	struct color accent, on_dark;
	bool has_dark = parse(json_find_text(colors, "accent_dark"), &on_dark);
	struct shades shades;
	struct buf css;

	if (!parse(json_find_text(colors, "accent"), &accent))
		return NULL;
	buf_open(&css, m, 1024);
	buf_add_text(&css, "/* Made of theme.json. */\n:root {\n");
	shades = make_light(accent);
	add_shades(m, &css, &shades);
	buf_add_text(
	    &css, "}\n@media (prefers-color-scheme: dark) {\n:root {\n");
	shades = make_dark(has_dark ? on_dark : accent, has_dark);
	add_shades(m, &css, &shades);
	buf_add_text(&css, "}\n}\n");
	return css.data;
}

/* --- Joining -------------------------------------------------------------- */

/* Whether an address is the same wherever it stands: "/x", "#x", "data:x". */
static bool is_absolute(const char *s)
{
	return strchr("/#", *s) || s[strcspn(s, ":/)\"'?#")] == ':';
}

/* Copies up to and with "url(", its blanks and its quote; where that ends.
 * NULL: there is none. */
static const char *skip_to_url(struct buf *out, const char *s)
{
	const char *at = strcasestr(s, "url(");

	if (!at)
		return NULL;
	at += 4;
	at += strspn(at, " \t\r\n\f");
	at += *at == '"' || *at == '\'';
	buf_add(out, s, (size_t)(at - s));
	return at;
}

const char *style_join(
    struct mem *m, const char *colors, const char *own, const char *url)
{
	static const char *const first[] = {
	    "@import", "@charset", "@namespace", "@layer"};
	size_t folder = (size_t)(strrchr(url, '/') + 1 - url);
	struct buf css;
	const char *at;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (strcasestr(own, first[i]))
			return NULL;
	buf_open(&css, m, 1024);
	buf_add_text(&css, colors ? colors : "");
	while ((at = skip_to_url(&css, own))) {
		own = at;
		if (!is_absolute(own))
			buf_add(&css, url, folder);
	}
	buf_add_text(&css, own);
	return css.data;
}

/* --- Checks --------------------------------------------------------------- */

static struct style_fault check_contrast(
    struct mem *m, const char *key, struct color c)
{
	bool is_dark = !strcmp(key, "accent_dark");
	struct color ground = is_dark ? *dark_surface : white;
	struct color better = mend(c, 100, is_dark ? white : black, &ground, 1);
	int tenths = (int)(contrast(c, ground) * 10);

	if (contrast(c, ground) >= LEAST)
		return (struct style_fault){0};
	return (struct style_fault){key,
	    mem_print(m,
		"%s cannot be read on a %s ground: its contrast is %d.%d:1, "
		"4.5:1 is needed",
		print(m, c), is_dark ? "dark" : "white", tenths / 10,
		tenths % 10),
	    mem_print(m, "make it %s: %s can be read",
		is_dark ? "lighter" : "darker", print(m, better))};
}

static struct style_fault check_color(
    struct mem *m, const char *key, struct json_object *value)
{
	struct color c;

	if (strcmp(key, "accent") != 0 && strcmp(key, "accent_dark") != 0)
		return (struct style_fault){
		    key, "is not known", "choose of: accent, accent_dark"};
	if (!json_is(value, JSON_TEXT) || !parse(json_text(value, NULL), &c))
		return (struct style_fault){key, "is no colour",
		    "write it as \"#rrggbb\", such as \"#0b7a75\""};
	return check_contrast(m, key, c);
}

size_t style_check(
    struct mem *m, struct json_object *colors, struct style_fault **out)
{
	size_t n = 0;

	*out = mem_array(m, (size_t)json_count(colors) + 1, sizeof(**out));
	json_each (colors, key, value) {
		(*out)[n] = check_color(m, key, value);
		n += (*out)[n].key != NULL;
	}
	if (!json_find(colors, "accent"))
		(*out)[n++] = (struct style_fault){
		    "accent", "is missing", "write it, such as \"#0b7a75\""};
	return n;
}
