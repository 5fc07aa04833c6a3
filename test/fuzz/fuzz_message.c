/* fuzz_message.c: any text as a message of a catalogue. What compiles must
 * print with arguments of both kinds, with none, and as a pseudo language. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/fmt_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_number(void *ctx, struct buf *out, double n)
{
	(void)ctx;
	buf_print(out, "%.0f", n);
}

static const char *plural(void *ctx, double n, bool ordinal)
{
	(void)ctx;
	if (ordinal)
		return "few";
	return n > 1 ? "other" : "one";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct message_words words = {NULL, add_number, plural};
	struct mem *m = mem_open(0);
	const char *pattern = mem_text_n(m, (const char *)data, size);
	struct fmt_arg args[MESSAGE_ARGS_MAX] = {0};
	struct message message = {0};
	struct buf out;

	if (!message_parse(m, pattern, &message)) {
		if (message.args >> MESSAGE_ARGS_MAX)
			abort();
		buf_open(&out, m, 0);
		message_add(&out, &message, args, 0, &words);
		message_add(&out, &message, args, MESSAGE_ARGS_MAX, &words);
		if (strlen(out.data) != out.len ||
		    !message_make_pseudo(m, pattern, true))
			abort();
	}
	mem_close(m);
	return 0;
}
