/* tmpl_html.h: follows the HTML of a template's literal text, to say where a
 * value may stand. Only tmpl.c uses it.
 *
 * It reads text as a browser's tokenizer does (WHATWG HTML, section 13.2.5),
 * without building a tree. A struct html is a plain value: copy it to remember
 * a place.
 */
#ifndef PORTICO_TMPL_HTML_H
#define PORTICO_TMPL_HTML_H

#include <stdbool.h>
#include <stddef.h>

enum html_mode {
	HTML_TEXT,
	HTML_LESS,     /* behind "<" */
	HTML_END_OPEN, /* behind "</" */
	HTML_DECL,     /* behind "<!" */
	HTML_BOGUS,    /* <!doctype ...> and <?...>, up to ">" */
	HTML_COMMENT,  /* <!-- ... --> */
	HTML_RAW,      /* script, style: text up to their end tag */
	HTML_RCDATA,   /* title, textarea: the same, but with &amp; */
	HTML_TAG_NAME,
	HTML_IN_TAG,	 /* where an attribute may begin */
	HTML_JOIN,	 /* behind a section in a tag: a name may have ended */
	HTML_JOIN_SLASH, /* the same, behind "/" */
	HTML_ATTR_NAME,
	HTML_AFTER_NAME,   /* behind an attribute's name and a space */
	HTML_BEFORE_VALUE, /* behind "=" */
	HTML_UNQUOTED,
	HTML_SINGLE,
	HTML_DOUBLE,
	HTML__MAX
};

/* What the text so far has settled of a URL attribute's scheme and host. */
enum html_url {
	HTML_URL_FIXED, /* all: a value can only add to the path */
	HTML_URL_EMPTY, /* nothing: the value is the beginning */
	HTML_URL_BEGUN, /* "/", "htt": not enough */
	HTML_URL_BAD	/* "//", "javascript:" */
};

struct html {
	enum html_mode mode;
	enum html_url url;
	unsigned attrs;	  /* attributes of this tag that have a value */
	unsigned matched; /* how far into an end tag, "--" or "-->" */
	bool closing;	  /* in an end tag */
	bool has_value;	  /* a value stands in this tag */
	bool has_equiv;	  /* this tag has an http-equiv */
	char tag[20], attr[20], head[12];
};

/* Where following a text led, from where. From HTML__MAX: nowhere yet. */
struct html_step {
	struct html from, to;
};

/* Why something may not stand where it stands. */
struct html_no {
	char why[128]; /* "": it may */
	const char *remedy;
};

/* Follows literal text. */
bool html_text(struct html *h, const char *s, size_t len, struct html_no *no);

/* A value. `url_key`: its key promises an address. *opens: it is the beginning
 * of an address, so that its scheme must be checked when it is printed. */
bool html_value(struct html *h, bool url_key, bool *opens, struct html_no *no);

/* The beginning of a section; remember *h behind this call. */
bool html_section(struct html *h, struct html_no *no);

/* The end of a section that began at `start`. As the section may not be
 * printed at all, both must be the same place. */
bool html_join(struct html *h, const struct html *start, struct html_no *no);

#endif
