/* fuzz_theme.c: any text as a brand's theme.json. What is wrong is said with a
 * place and a remedy; whatever it says, the stylesheet of its colours is made
 * of nothing but colours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/style.h"
#include "pages/page_theme.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Without their hexadecimal digits, two stylesheets are the same. */
static const char *cut_colors(struct mem *m, const char *style)
{
	struct buf b;

	buf_open(&b, m, 1024);
	while (*style) {
		size_t len = *style == '#'
				 ? strspn(style + 1, "0123456789abcdefABCDEF")
				 : 0;

		buf_add(&b, style, 1);
		style += 1 + (len == 6 || len == 3 ? len : 0);
	}
	return b.data;
}

/* No word of the theme gets into the stylesheet. */
static void check_style(struct mem *m, const char *style)
{
	must(!strpbrk(style, "<>\\"));
	must(!strstr(cut_colors(m, style), "url("));
	for (const char *s = style; *s; s++)
		must((*s >= ' ' && *s < 0x7f) || *s == '\n' || *s == '\t');
}

static void check_diag(const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		must(d->items[i].where && d->items[i].what &&
		     d->items[i].remedy);
}

static void try_theme(struct mem *m, const char *text)
{
	struct site site = {.share = SOURCE_DIR};
	struct conf conf = {.theme = "default"};
	struct brand brand = {.name = "default", .conf = &conf};
	struct style_fault *faults;
	struct json_object *colors;
	const char *style;
	struct diag d;

	diag_open(&d, m);
	brand.theme = json_read(m, "theme.json", text, &d);
	must(brand.theme || d.n);
	if (brand.theme) {
		brand.themes[0] =
		    (struct theme_file){"theme.json", text, brand.theme};
		brand.n_themes = 1;
		page_check_theme(&site, &brand, &d);
		colors = json_find(brand.theme, "colors");
		style = style_make(m, colors);
		if (style)
			check_style(m, style);
		/* What is found right gives a stylesheet. */
		if (json_is(colors, JSON_OBJECT) &&
		    !style_check(m, colors, &faults))
			must(style != NULL);
	}
	check_diag(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m;

	if (size > 16384)
		return 0;
	m = mem_open(0);
	try_theme(m, mem_text_n(m, (const char *)data, size));
	mem_close(m);
	return 0;
}
