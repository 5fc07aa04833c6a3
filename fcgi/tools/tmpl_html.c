/* tmpl_html.c: where in its HTML a template's text stands. */
#include "tools/tmpl_html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef bool step(struct html *, char, struct html_no *);

static step in_tag, raw;

static bool refuse(struct html_no *no, const char *remedy, const char *why, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct html_no *no, const char *remedy, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	vsnprintf(no->why, sizeof(no->why), why, ap);
	va_end(ap);
	no->remedy = remedy;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* A name that is too long for its place is none that matters here. */
static void add_to_name(char *name, size_t room, char c)
{
	size_t len = strlen(name);

	if (len + 1 < room) {
		name[len] = lower(c);
		name[len + 1] = '\0';
	}
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static bool go(struct html *h, enum html_mode mode)
{
	h->mode = mode;
	return true;
}

/* --- Text and markup ------------------------------------------------------ */

static bool text(struct html *h, char c, struct html_no *no)
{
	(void)no;
	return go(h, c == '<' ? HTML_LESS : HTML_TEXT);
}

static bool tag_name(struct html *h, char c, struct html_no *no)
{
	if (is_space(c) || c == '/' || c == '>')
		return in_tag(h, c, no);
	add_to_name(h->tag, sizeof(h->tag), c);
	return true;
}

static bool less(struct html *h, char c, struct html_no *no)
{
	if (c == '/')
		return go(h, HTML_END_OPEN);
	if (c == '!') {
		h->matched = 0;
		return go(h, HTML_DECL);
	}
	if (c == '?')
		return go(h, HTML_BOGUS);
	if (!is_letter(c))
		return text(h, c, no);
	h->mode = HTML_TAG_NAME;
	return tag_name(h, c, no);
}

static bool bogus(struct html *h, char c, struct html_no *no)
{
	(void)no;
	return go(h, c == '>' ? HTML_TEXT : HTML_BOGUS);
}

static bool end_open(struct html *h, char c, struct html_no *no)
{
	if (!is_letter(c))
		return bogus(h, c, no);
	h->mode = HTML_TAG_NAME;
	h->closing = true;
	return tag_name(h, c, no);
}

/* `matched` in a comment: 1 "-", 2 "--", 3 "--!", 4 "<!--", 5 "<!---". */
static bool comment(struct html *h, char c, struct html_no *no)
{
	unsigned m = h->matched;

	(void)no;
	if (c == '>' && m >= 2) {
		h->matched = 0;
		return go(h, HTML_TEXT);
	}
	if (c == '-')
		h->matched = m == 0 || m == 3 ? 1 : m == 4 ? 5 : 2;
	else
		h->matched = c == '!' && m == 2 ? 3 : 0;
	return true;
}

static bool decl(struct html *h, char c, struct html_no *no)
{
	if (c != '-') {
		h->matched = 0;
		return bogus(h, c, no);
	}
	if (h->matched++ == 0)
		return true;
	h->matched = 4;
	return go(h, HTML_COMMENT);
}

/* Tag-like text in here is refused rather than understood: what it means
 * depends on more than the text (<svg><title>, <!-- in a script). */
static bool check_raw(const struct html *h, char c, struct html_no *no)
{
	if (h->mode == HTML_RCDATA && (is_letter(c) || c == '!'))
		return refuse(no, "write &lt; for a literal <",
		    "markup inside <%s>", h->tag);
	if (c == '!' && !strcmp(h->tag, "script"))
		return refuse(no, "move the script into a file of its own",
		    "<! inside <%s>", h->tag);
	return true;
}

static bool raw(struct html *h, char c, struct html_no *no)
{
	size_t at = h->matched;
	char want = at >= 2 ? h->tag[at - 2] : "</"[at];

	if (at == 1 && !check_raw(h, c, no))
		return false;
	if (want && lower(c) == want) {
		h->matched++;
		return true;
	}
	if (!want && (is_space(c) || c == '/' || c == '>')) {
		h->matched = 0;
		h->closing = true;
		return in_tag(h, c, no);
	}
	h->matched = c == '<';
	return true;
}

/* --- Tags ----------------------------------------------------------------- */

static bool tag_end(struct html *h)
{
	static const char *const raws[] = {"script", "style", "xmp", "iframe",
	    "noembed", "noframes", "plaintext", NULL};
	static const char *const rcdatas[] = {"title", "textarea", NULL};
	struct html next = {.mode = HTML_TEXT};

	if (!h->closing && is_one_of(h->tag, raws))
		next.mode = HTML_RAW;
	else if (!h->closing && is_one_of(h->tag, rcdatas))
		next.mode = HTML_RCDATA;
	if (next.mode != HTML_TEXT)
		memcpy(next.tag, h->tag, sizeof(next.tag));
	*h = next;
	return true;
}

static void attr_end(struct html *h)
{
	h->attr[0] = '\0';
	h->head[0] = '\0';
	h->url = HTML_URL_FIXED;
}

static bool attr_value(struct html *h)
{
	h->attrs++;
	return go(h, HTML_BEFORE_VALUE);
}

/* <meta http-equiv="refresh" content="0;url=..."> is an address. */
static bool check_equiv(struct html *h, struct html_no *no)
{
	if (strcmp(h->attr, "http-equiv"))
		return true;
	h->has_equiv = true;
	if (!h->has_value)
		return true;
	return refuse(
	    no, "send the header instead", "a value in a tag with %s", h->attr);
}

static bool attr_name(struct html *h, char c, struct html_no *no)
{
	if (!is_space(c) && !strchr("/>=", c)) {
		add_to_name(h->attr, sizeof(h->attr), c);
		return true;
	}
	if (!check_equiv(h, no))
		return false;
	if (is_space(c))
		return go(h, HTML_AFTER_NAME);
	return c == '=' ? attr_value(h) : in_tag(h, c, no);
}

static bool in_tag(struct html *h, char c, struct html_no *no)
{
	attr_end(h);
	if (c == '>')
		return tag_end(h);
	if (is_space(c) || c == '/')
		return go(h, HTML_IN_TAG);
	if (c == '=')
		return refuse(no, "write name=\"value\" in one piece",
		    "\"=\" without an attribute's name");
	h->mode = HTML_ATTR_NAME;
	return attr_name(h, c, no);
}

static bool after_name(struct html *h, char c, struct html_no *no)
{
	if (is_space(c))
		return true;
	return c == '=' ? attr_value(h) : in_tag(h, c, no);
}

static bool join(struct html *h, char c, struct html_no *no)
{
	if (c == '>' || (is_space(c) && h->mode == HTML_JOIN))
		return in_tag(h, c, no);
	if (c == '/' && h->mode == HTML_JOIN)
		return go(h, HTML_JOIN_SLASH);
	return refuse(no, "put a space between the tags and the text",
	    "a section touches a name in the tag <%s>", h->tag);
}

static bool is_url_attr(const char *name)
{
	static const char *const urls[] = {"href", "src", "action",
	    "formaction", "poster", "cite", "data", "ping", "manifest",
	    "background", "xlink:href", "longdesc", "usemap", "codebase",
	    "classid", "archive", "profile", "dynsrc", "lowsrc", "icon", NULL};

	return is_one_of(name, urls);
}

static bool before_value(struct html *h, char c, struct html_no *no)
{
	if (is_space(c))
		return true;
	if (c == '>')
		return in_tag(h, c, no);
	if (c != '"' && c != '\'')
		return go(h, HTML_UNQUOTED);
	if (is_url_attr(h->attr))
		h->url = HTML_URL_EMPTY;
	return go(h, c == '"' ? HTML_DOUBLE : HTML_SINGLE);
}

static bool unquoted(struct html *h, char c, struct html_no *no)
{
	return is_space(c) || c == '>' ? in_tag(h, c, no) : true;
}

/* What an address may begin with so that a value behind it cannot choose a
 * scheme or a host that the template's author did not. */
static enum html_url judge_head(const char *head, char c)
{
	static const char *const schemes[] = {
	    "https:", "http:", "mailto:", "tel:", NULL};

	if (c == '&' || c == '\\' || (unsigned char)c < 0x20)
		return HTML_URL_BAD;
	if (head[0] == '/' && head[1] == '\0')
		return HTML_URL_BEGUN;
	if (head[0] == '/')
		return c == '/' ? HTML_URL_BAD : HTML_URL_FIXED;
	if (c == ':')
		return is_one_of(head, schemes) ? HTML_URL_FIXED : HTML_URL_BAD;
	return c == '/' || c == '?' || c == '#' ? HTML_URL_FIXED
						: HTML_URL_BEGUN;
}

static bool quoted(struct html *h, char c, struct html_no *no)
{
	(void)no;
	if (c == (h->mode == HTML_DOUBLE ? '"' : '\'')) {
		attr_end(h);
		return go(h, HTML_IN_TAG);
	}
	if (h->url != HTML_URL_EMPTY && h->url != HTML_URL_BEGUN)
		return true;
	if (h->url == HTML_URL_EMPTY && is_space(c))
		return true;
	add_to_name(h->head, sizeof(h->head), c);
	h->url = judge_head(h->head, c);
	return true;
}

static step *const steps[HTML__MAX] = {
    [HTML_TEXT] = text,
    [HTML_LESS] = less,
    [HTML_END_OPEN] = end_open,
    [HTML_DECL] = decl,
    [HTML_BOGUS] = bogus,
    [HTML_COMMENT] = comment,
    [HTML_RAW] = raw,
    [HTML_RCDATA] = raw,
    [HTML_TAG_NAME] = tag_name,
    [HTML_IN_TAG] = in_tag,
    [HTML_JOIN] = join,
    [HTML_JOIN_SLASH] = join,
    [HTML_ATTR_NAME] = attr_name,
    [HTML_AFTER_NAME] = after_name,
    [HTML_BEFORE_VALUE] = before_value,
    [HTML_UNQUOTED] = unquoted,
    [HTML_SINGLE] = quoted,
    [HTML_DOUBLE] = quoted,
};

bool html_text(struct html *h, const char *s, size_t len, struct html_no *no)
{
	for (size_t i = 0; i < len; i++)
		if (!steps[h->mode](h, s[i], no))
			return false;
	return true;
}

/* --- Values and sections -------------------------------------------------- */

static bool check_attr(const struct html *h, struct html_no *no)
{
	static const char *const code[] = {
	    "srcdoc", "srcset", "imagesrcset", "style", NULL};
	static const char *const moving[] = {
	    "set", "animate", "animatetransform", "animatemotion", NULL};

	if (!strncmp(h->attr, "on", 2))
		return refuse(no, "use a data- attribute and a script file",
		    "a value in the event attribute %s", h->attr);
	if (is_one_of(h->attr, code))
		return refuse(no,
		    !strcmp(h->attr, "style") ? "use a class"
					      : "use src, or a data- attribute",
		    "a value in the attribute %s", h->attr);
	if (is_one_of(h->tag, moving))
		return refuse(no, "write the animation into a style sheet",
		    "a value in <%s>, which can set any attribute", h->tag);
	if (h->has_equiv)
		return refuse(no, "send the header instead",
		    "a value in a tag with %s", "http-equiv");
	return true;
}

static bool check_url(const struct html *h, bool url_key, struct html_no *no)
{
	if (!is_url_attr(h->attr))
		return true;
	if (!url_key)
		return refuse(no,
		    "let the model make the whole address, in a key that ends "
		    "in _url",
		    "a value in the URL attribute %s", h->attr);
	if (h->url == HTML_URL_BEGUN || h->url == HTML_URL_BAD)
		return refuse(no,
		    "let the key hold the whole address, or begin with a path "
		    "such as /x/",
		    "a value that could choose scheme or host of %s", h->attr);
	return true;
}

static bool refuse_place(const struct html *h, struct html_no *no)
{
	switch (h->mode) {
	case HTML_LESS:
	case HTML_END_OPEN:
		return refuse(no, "put a space behind it, or write &lt;",
		    "a value directly behind \"<\"");
	case HTML_RCDATA:
		return refuse(no, "finish the tag first",
		    "a value in the end tag of <%s>", h->tag);
	case HTML_RAW:
		return refuse(no,
		    "put it into a data- attribute and read it from there",
		    "a value inside <%s>", h->tag);
	case HTML_DECL:
	case HTML_BOGUS:
	case HTML_COMMENT:
		return refuse(no, "use {{! a comment }} or take it out",
		    "a value in an HTML comment or declaration");
	case HTML_TAG_NAME:
		return refuse(no, "write a section for each tag",
		    "a value in a tag's name");
	case HTML_BEFORE_VALUE:
	case HTML_UNQUOTED:
		return refuse(no, "put quotes around it",
		    "a value in the unquoted attribute %s", h->attr);
	default:
		return refuse(no, "put a section around the attribute",
		    "a value in an attribute's name, in <%s>", h->tag);
	}
}

bool html_value(struct html *h, bool url_key, bool *opens, struct html_no *no)
{
	no->why[0] = '\0';
	*opens = false;
	if (h->mode == HTML_TEXT || (h->mode == HTML_RCDATA && !h->matched))
		return true;
	if (h->mode != HTML_SINGLE && h->mode != HTML_DOUBLE)
		return refuse_place(h, no);
	if (!check_attr(h, no) || !check_url(h, url_key, no))
		return false;
	*opens = h->url == HTML_URL_EMPTY;
	h->url = HTML_URL_FIXED;
	h->has_value = true;
	return true;
}

/* A name or an unquoted value that a section touches ends there; HTML_JOIN
 * sees to it that nothing is added to it behind the section. */
static bool settle(struct html *h, struct html_no *no)
{
	if (h->mode == HTML_ATTR_NAME && !check_equiv(h, no))
		return false;
	if (h->mode == HTML_TAG_NAME || h->mode == HTML_ATTR_NAME ||
	    h->mode == HTML_UNQUOTED) {
		attr_end(h);
		h->mode = HTML_JOIN;
	} else if (h->mode == HTML_AFTER_NAME) {
		attr_end(h);
		h->mode = HTML_IN_TAG;
	}
	return true;
}

bool html_section(struct html *h, struct html_no *no)
{
	no->why[0] = '\0';
	if (h->mode == HTML_LESS || h->mode == HTML_END_OPEN)
		return refuse(no, "put the \"<\" into the section",
		    "a section directly behind \"<\"");
	return settle(h, no);
}

static const char *describe(const struct html *h)
{
	switch (h->mode) {
	case HTML_TEXT:
		return "in text";
	case HTML_COMMENT:
	case HTML_DECL:
	case HTML_BOGUS:
		return "in a comment or declaration";
	case HTML_RAW:
	case HTML_RCDATA:
		return "inside an element of plain text";
	case HTML_SINGLE:
	case HTML_DOUBLE:
		return "in an attribute's value";
	case HTML_BEFORE_VALUE:
		return "behind an attribute's \"=\"";
	case HTML_LESS:
	case HTML_END_OPEN:
		return "behind \"<\"";
	default:
		return "in a tag";
	}
}

static bool is_same(const struct html *a, const struct html *b)
{
	return a->mode == b->mode && a->matched == b->matched &&
	       a->closing == b->closing && !strcmp(a->tag, b->tag) &&
	       !strcmp(a->attr, b->attr);
}

bool html_join(struct html *h, const struct html *start, struct html_no *no)
{
	struct html first = *start;

	no->why[0] = '\0';
	if (!settle(h, no))
		return false;
	if (first.mode == HTML_JOIN && h->mode == HTML_IN_TAG)
		h->mode = HTML_JOIN;
	if (h->mode == HTML_JOIN && first.mode == HTML_IN_TAG)
		first.mode = HTML_JOIN;
	if (!is_same(h, &first))
		return refuse(no, "let it hold whole tags, attributes or texts",
		    "the section begins %s and ends %s", describe(start),
		    describe(h));
	/* Printed twice, a name at its end would touch one at its beginning:
	 * {{#l}}click="..." on{{/l}}. */
	if (h->mode == HTML_JOIN && start->mode == HTML_IN_TAG &&
	    h->attrs != start->attrs)
		return refuse(no, "begin the section with a space",
		    "a section in the tag <%s> begins and ends with a name",
		    h->tag);
	h->has_value |= start->has_value;
	h->has_equiv |= start->has_equiv;
	if (start->url > h->url)
		h->url = start->url;
	if (h->url > HTML_URL_EMPTY && strcmp(h->head, start->head))
		h->url = HTML_URL_BAD;
	return true;
}
