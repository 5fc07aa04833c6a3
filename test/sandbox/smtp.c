/* smtp.c: not yet. */
#include "gateways.h"

bool smtp_start(void)
{
	return true;
}

void smtp_stop(void)
{
}

void smtp_list(struct buf *out)
{
	buf_text(out, "[]");
}

void smtp_clear(void)
{
}
