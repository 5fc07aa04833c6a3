/* qr.h: QR codes (ISO/IEC 18004), drawn as the path of an SVG image. */
#ifndef PORTICO_QR_H
#define PORTICO_QR_H

#include <stddef.h>

struct mem;

/* The dark squares of `text` as the "d" of an SVG path, in the pool; a square
 * is 1 x 1, and the margin of 4 that readers need is in it: the image is *size
 * x *size. NULL: the text is too long (2,000 bytes fit). */
char *qr_path(struct mem *m, const char *text, int *size);

#endif
