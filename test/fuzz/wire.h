/* wire.h: in a driver, in the place of http.c: what a call is answered comes
 * from the input, piece by piece, each ended by a NUL; no byte leaves. For one
 * file of a program.
 *
 * The driver says what to make of a piece: wire_answer().
 */
#ifndef PORTICO_FUZZ_WIRE_H
#define PORTICO_FUZZ_WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/http.h"

static const char *wire_at;
static size_t wire_left;

static void wire_open(const uint8_t *data, size_t size)
{
	wire_at = (const char *)data;
	wire_left = size;
}

/* In the pool; NULL: there is none left. */
static const char *wire_next(struct mem *m)
{
	const char *piece;
	size_t len;

	if (!wire_left)
		return NULL;
	len = strnlen(wire_at, wire_left);
	piece = mem_text_n(m, wire_at, len);
	len += len < wire_left;
	wire_at += len;
	wire_left -= len;
	return piece;
}

/* Fills in status and data; both are 200 and "" before. */
static void wire_answer(struct mem *m, struct http_call *c);

struct http *http_open(void)
{
	static char one;

	return (struct http *)&one;
}

void http_close(struct http *h)
{
	(void)h;
}

static void wire_run(struct mem *m, struct http_call *c)
{
	c->err = ERR_OK;
	c->status = 200;
	c->data = mem_text(m, "");
	c->content_type = "application/json";
	c->ms = 1;
	wire_answer(m, c);
	c->len = strlen(c->data);
	if (c->len > c->max_bytes)
		c->err = ERR_UPSTREAM;
	if (c->err || !c->sink)
		return;
	if (c->status != 200 || (c->accept && !c->accept(c->ctx, c)) ||
	    !c->sink(c->ctx, c->data, c->len))
		c->err = ERR_UPSTREAM;
	c->data = mem_text(m, "");
}

void http_run(struct http *h, struct mem *m, struct http_call *calls, size_t n)
{
	(void)h;
	for (size_t i = 0; i < n; i++)
		wire_run(m, &calls[i]);
}

void http_start(
    struct http *h, struct mem *m, struct http_call *calls, size_t n)
{
	http_run(h, m, calls, n);
}

void http_step(struct http *h)
{
	(void)h;
}

void http_wait(struct http *h, struct http_call *calls, size_t n)
{
	(void)h;
	(void)calls;
	(void)n;
}

void http_drop(struct http *h, struct http_call *calls, size_t n)
{
	http_wait(h, calls, n);
}

const char *http_find_header(
    const struct http_call *c, struct mem *m, const char *name)
{
	(void)c;
	(void)m;
	(void)name;
	return "attachment; filename=\"a.pdf\"";
}

void http_send_mail(struct mem *m, struct http_mail *mail)
{
	(void)m;
	mail->err = ERR_OK;
}

#endif
