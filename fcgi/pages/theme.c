/* theme.c: what a brand adds by theme.json alone: its colours as a stylesheet,
 * and static pages. */
#include "pages/routes.h"

#include <string.h>

#include "pages/page_theme.h"

const char theme_style_answer[] = "file text/css";

/* The id is the content's fingerprint. A page from before a reload asks for an
 * older one and gets what there is now, which is then not kept. */
enum err theme_style_load(struct call *c)
{
	const char *style = c->brand->style;
	const char *own = json_find_text(c->brand->assets, "colors_url");

	if (!style)
		return ERR_NOT_FOUND;
	if (own && !strcmp(own, c->req->path))
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
