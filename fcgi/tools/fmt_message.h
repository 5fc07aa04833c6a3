/* fmt_message.h: one message of a catalogue in ICU's syntax, compiled.
 *
 * The part of the syntax that catalogues use: {0}, {0,number}, plural and
 * selectordinal (with offset: and =N), select, # and apostrophe quoting. The
 * C binding of ICU takes arguments as C varargs, whose types must be known
 * when compiling C; hence this small reader of our own. It needs no ICU: the
 * language's rules come in as struct message_words.
 *
 * Inside of fmt: nothing but fmt*.c includes this.
 */
#ifndef PORTICO_FMT_MESSAGE_H
#define PORTICO_FMT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fmt.h"

struct buf;
struct mem;

enum { MESSAGE_ARGS_MAX = 10 };

struct message {
	const struct message_part *parts;
	uint32_t args;	      /* bit N: {N} is used */
	const char *constant; /* all that it ever says; NULL: it depends */
};

struct message_words {
	void *ctx;
	void (*add_number)(void *ctx, struct buf *out, double n);
	/* The plural category: "one", "few", ... "other". */
	const char *(*plural)(void *ctx, double n, bool ordinal);
};

/* Compiles into the pool. NULL: fine; else why the pattern is refused. */
const char *message_parse(
    struct mem *m, const char *pattern, struct message *out);

/* Adds the message with its arguments; an argument that is not there is shown
 * as {N}. */
void message_add(struct buf *out, const struct message *msg,
    const struct fmt_arg *args, size_t n, const struct message_words *words);

/* The pattern with accents on every letter of its text, in brackets, and
 * marked as right to left text if asked. It must have been accepted by
 * message_parse(). */
char *message_make_pseudo(
    struct mem *m, const char *pattern, bool right_to_left);

#endif
