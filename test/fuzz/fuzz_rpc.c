/* fuzz_rpc.c: any bytes as the answer to a post of one to four calls. The
 * first byte chooses how many, and whether the HTTP answer was whole. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "tools/rpc.h"
#include "tools/rpc_parse.h"

enum { MOST = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(struct mem *m, const struct rpc_call *c)
{
	if (c->err != ERR_OK && c->err != ERR_RULE && c->err != ERR_UPSTREAM)
		abort();
	if (c->err != ERR_OK && c->result)
		abort();
	if (c->err == ERR_OK && (c->code || c->message || c->data))
		abort();
	/* Nothing may be released that is still to be read. */
	if (c->result && !json_write(m, c->result, NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_call calls[MOST] = {0};
	struct rpc_post post = {.calls = calls};
	struct mem *m = mem_open(0);

	if (size) {
		char *text = mem_text_n(m, (const char *)data + 1, size - 1);

		post.n = 1 + data[0] % MOST;
		rpc_parse_answer(m, &post, text, size - 1, data[0] & 0x80);
		for (size_t i = 0; i < post.n; i++)
			check_call(m, &calls[i]);
	}
	mem_close(m);
	return 0;
}
