/* records.c: FastCGI 1.0, sections 3.3 and 5.5: STDOUT and END_REQUEST. */
#include "records.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { VERSION = 1, END_REQUEST = 3, STDOUT = 6 };
enum { HEADER = 8, CONTENT_MAX = 65528, RECORDS_MAX = 16 };

/* What one call of the system takes. */
struct batch {
	int fd, id;
	unsigned char headers[RECORDS_MAX][HEADER];
	struct iovec parts[RECORDS_MAX * 2];
	size_t records, n;
};

static bool send_parts(struct batch *b)
{
	struct msghdr message = {.msg_iov = b->parts, .msg_iovlen = b->n};

	while (message.msg_iovlen) {
		ssize_t sent = sendmsg(b->fd, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		while (message.msg_iovlen &&
		       (size_t)sent >= message.msg_iov->iov_len) {
			sent -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen) {
			message.msg_iov->iov_base =
			    (char *)message.msg_iov->iov_base + sent;
			message.msg_iov->iov_len -= (size_t)sent;
		}
	}
	b->records = b->n = 0;
	return true;
}

static bool add_record(
    struct batch *b, unsigned char type, const void *data, size_t len)
{
	unsigned char *h;

	if (b->records == RECORDS_MAX && !send_parts(b))
		return false;
	h = b->headers[b->records++];
	memset(h, 0, HEADER);
	h[0] = VERSION;
	h[1] = type;
	h[2] = (unsigned char)(b->id >> 8);
	h[3] = (unsigned char)b->id;
	h[4] = (unsigned char)(len >> 8);
	h[5] = (unsigned char)len;
	b->parts[b->n++] = (struct iovec){h, HEADER};
	if (len)
		b->parts[b->n++] = (struct iovec){(void *)(size_t)data, len};
	return true;
}

/* An empty record would be the stream's end. */
static bool add_stream(struct batch *b, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		size_t piece = len < CONTENT_MAX ? len : CONTENT_MAX;

		if (!add_record(b, STDOUT, at, piece))
			return false;
		at += piece;
		len -= piece;
	}
	return true;
}

bool records_answer(int fd, int id, const void *head, size_t head_len,
    const void *body, size_t body_len)
{
	/* Status 0, protocol status "request complete". */
	static const unsigned char end[8] = {0};
	struct batch b;

	b.fd = fd;
	b.id = id;
	b.records = b.n = 0;
	return add_stream(&b, head, head_len) &&
	       add_stream(&b, body, body_len) &&
	       add_record(&b, STDOUT, "", 0) &&
	       add_record(&b, END_REQUEST, end, sizeof(end)) && send_parts(&b);
}
