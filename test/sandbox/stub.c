/* stub.c: not yet. */
#include "gateways.h"
void anet_read(struct exchange *x)
{
	x->api = ANET;
}
void anet_serve(struct exchange *x)
{
	x->status = 404;
}
bool smtp_start(void)
{
	return true;
}
void smtp_stop(void)
{
}
void smtp_list(struct buf *b)
{
	buf_text(b, "[]");
}
void smtp_clear(void)
{
}
