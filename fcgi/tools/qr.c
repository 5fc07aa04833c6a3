/* qr.c: QR codes, by libqrencode. */
#include "tools/qr.h"

#include <qrencode.h>

#include "base/mem.h"

enum { MARGIN = 4 };

/* A row's runs of dark squares: fewer and larger than squares of one. */
static void add_row(struct buf *b, const unsigned char *row, int width, int y)
{
	int from;

	for (int x = 0; x < width; x++) {
		if (!(row[x] & 1))
			continue;
		for (from = x; x < width && row[x] & 1;)
			x++;
		buf_print(b, "M%d %dh%dv1h-%dz", from + MARGIN, y + MARGIN,
		    x - from, x - from);
	}
}

char *qr_path(struct mem *m, const char *text, int *size)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	struct buf b;

	if (!code)
		return NULL;
	buf_open(&b, m, 8192);
	for (int y = 0; y < code->width; y++)
		add_row(&b, code->data + y * code->width, code->width, y);
	*size = code->width + 2 * MARGIN;
	QRcode_free(code);
	return b.data;
}
