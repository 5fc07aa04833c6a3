/* theme.c: what a brand adds by theme.json alone: its colours as a stylesheet,
 * and static pages. */
#include "pages/routes.h"

#include <string.h>

#include "pages/page_theme.h"

const char theme_style_answer[] = "file text/css";

/* Whether the page's address is that of an asset: as it is now. */
static bool is_asset(const struct call *c, const char *key)
{
	const char *url = json_find_text(c->brand->assets, key);

	return url && !strcmp(url, c->req->path);
}

/* All of it: what ships, and what the brand adds. */
static const char *find_sheet(const struct call *c)
{
	const struct brand *b = c->brand;
	const char *sheet = !strncmp(c->id, "ltr-", 4)	 ? b->sheets[0]
			    : !strncmp(c->id, "rtl-", 4) ? b->sheets[1]
							 : NULL;

	return sheet ? mem_print(c->mem, "%s\n%s", sheet, b->sheet_more)
		     : b->style;
}

/* The id is the content's fingerprint. A page from before a reload asks for an
 * older one and gets what there is now, which is then not kept. */
enum err theme_style_load(struct call *c)
{
	const char *style = find_sheet(c);

	if (!style)
		return ERR_NOT_FOUND;
	if (is_asset(c, "colors_url") || is_asset(c, "sheet_url") ||
	    is_asset(c, "sheet_rtl_url"))
		reply_header(c->reply, "Cache-Control",
		    "public, max-age=31536000, immutable");
	reply_send(
	    c->reply, 200, "text/css; charset=utf-8", style, strlen(style));
	return ERR_OK;
}

const char theme_page_answer[] = "page";

enum err theme_page_load(struct call *c)
{
	if (!page_theme_lists(c->brand, c->id))
		return ERR_NOT_FOUND;
	c->tmpl = c->id;
	json_put_text(c->model, "page", c->id);
	return ERR_OK;
}
