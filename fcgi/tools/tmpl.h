/* tmpl.h: Mustache templates, compiled once, that cannot print unescaped text.
 *
 * The language is the public Mustache specification's: variables, sections,
 * inverted sections, comments, partials, parents and blocks (inheritance).
 * Partials and parents are put in place when compiling, so rendering walks one
 * flat program.
 *
 * A block is looked up where it is put: the outermost parent tag that hands it
 * over wins. Its lines lose the indentation that they have where they are
 * written and get that of the place where they are put. A template may be part
 * of itself only if blocks end it; 100 levels are refused as endless.
 *
 * Raw output has no spelling: {{{x}}}, {{&x}} and {{= =}} are refused. A small
 * HTML state machine follows the text and refuses a value where escaping
 * cannot make it safe: inside script, style or a comment, directly behind "<",
 * in a tag's or an attribute's name, in an unquoted attribute, in on* and
 * style attributes, in srcdoc and srcset, in a tag with http-equiv, in SVG's
 * animate and set, and in a URL attribute unless the key ends in "_url" (and
 * stands at its beginning, or behind text that settles scheme and host: "/x",
 * "?", "https:"). A section whose two ends are in different HTML states is
 * refused; one that holds whole attributes is fine:
 * <option value="{{id}}"{{#chosen}} selected{{/chosen}}>. A refusal names
 * file, line and reason, when compiling: never a broken page later.
 *
 * Text: {{t.KEY}} is the catalogue's message KEY in the set's language;
 * {{t.KEY name other.name}} passes the values of these names as {0} and {1}
 * (numbers as numbers, for plurals). A message without arguments becomes part
 * of the program's literal text when compiling; a key that the catalogue does
 * not have is refused, and so is a message that takes arguments and gets none.
 * `t.` has this meaning only in a set with a catalogue.
 *
 * Sections: false, null, a missing name, the empty list and the empty string
 * are false; everything else is true, the number 0 and {} too.
 *
 * Values: a string, or a number's own digits; true and false print their
 * names; null, lists and objects print nothing. All five characters
 * & < > " ' are escaped; other bytes are left as they are, so that invalid
 * UTF-8 is for the reader of the JSON to refuse. A value that opens a URL
 * attribute is printed only if it is a path ("/x", not "//x"), "?x", "#x", or
 * begins with https:, http: or mailto:, and has no control characters;
 * otherwise "#" is printed.
 */
#ifndef PORTICO_TMPL_H
#define PORTICO_TMPL_H

#include <stddef.h>

struct buf;
struct diag;
struct fmt;
struct json_object;
struct mem;
struct tmpl;
struct tmpl_set;

/* Compiles every NAME.mustache of `dirs` (NULL-terminated list of folders; a
 * file in an earlier folder hides its namesake in a later one, where
 * "default/NAME" still finds the last folder's) for the language of `fmt`
 * (NULL: no catalogue). A missing partial or parent is empty, as the
 * specification says, but in a set with a catalogue it is refused; a folder
 * that is not there is empty. Mistakes are added to `d`; the set holds what
 * compiled. Lives in `m`, and uses `fmt` as long. */
struct tmpl_set *tmpl_open(
    struct mem *m, const char *const *dirs, struct fmt *fmt, struct diag *d);

struct tmpl_source {
	const char *const *dirs;
	struct fmt *fmt;
	/* A set in the same language, of the last folders of `dirs`, from which
	 * is taken what is the same here; its catalogue may have other texts.
	 */
	const struct tmpl_set *base;
	/* A set of just these folders in another language, whose files need
	 * not be read again. */
	const struct tmpl_set *like;
};

/* The same, with the help of other sets; each may be NULL. They were made
 * without mistakes, and live as long. */
struct tmpl_set *tmpl_open_with(
    struct mem *m, const struct tmpl_source *source, struct diag *d);

/* How many templates were compiled for the set: not those taken over. */
size_t tmpl_count_made(const struct tmpl_set *set);

/* Compiles one file; its partials and parents lie beside it. NULL: refused,
 * with the reason in `d`. */
const struct tmpl *tmpl_open_file(
    struct mem *m, const char *path, struct diag *d);

/* NULL: the set has no such template. */
const struct tmpl *tmpl_find(const struct tmpl_set *set, const char *name);

/* Adds what the template makes of `model` (any JSON value) to `out`. Cannot
 * fail. */
void tmpl_render(
    const struct tmpl *t, struct json_object *model, struct buf *out);

#endif
