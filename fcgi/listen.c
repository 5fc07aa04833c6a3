/* listen.c: taking over or making the listening socket. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* Until listen_bound() says better. */
enum {
	SYSTEMD_FD = 3,
	BACKLOG = 128,
	QUEUE_PER_WORKER = 16,
	QUEUE_LEAST = 128
};

static bool complain(const char *path, const char *what, const char *remedy)
{
	fprintf(stderr, "%s: %s; %s\n", path, what, remedy);
	return false;
}

/* --- systemd's ---------------------------------------------------------- */

/* How many sockets systemd hands to this very process. */
static long count_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	return pid && n && strtol(pid, NULL, 10) == getpid()
		   ? strtol(n, NULL, 10)
		   : 0;
}

static bool take_over(struct listener *l, long n)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n != 1)
		return complain("LISTEN_FDS",
		    "systemd hands over several "
		    "sockets",
		    "give the unit one ListenStream");
	if (getsockopt(SYSTEMD_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) ||
	    !listens)
		return complain("LISTEN_FDS", "is no listening socket",
		    "use ListenStream in the socket unit");
	fcntl(SYSTEMD_FD, F_SETFD, FD_CLOEXEC);
	fcntl(SYSTEMD_FD, F_SETFL, O_RDWR | O_NONBLOCK);
	l->fd = SYSTEMD_FD;
	return true;
}

/* --- Our own ------------------------------------------------------------ */

/* A socket file on which nobody listens any more. */
static bool is_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, refused;

	if (lstat(at->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	refused = connect(fd, (const void *)at, sizeof(*at)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/* The web server's group may connect, the world may not: not even between
 * making the file and setting its mode. */
static bool bind_private(int fd, const struct sockaddr_un *at)
{
	mode_t before = umask(0117);
	int e = bind(fd, (const void *)at, sizeof(*at));

	if (e && errno == EADDRINUSE && is_stale(at)) {
		unlink(at->sun_path);
		e = bind(fd, (const void *)at, sizeof(*at));
	}
	umask(before);
	return e == 0;
}

static bool make(struct listener *l, const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;

	if (strlen(path) >= sizeof(at.sun_path))
		return complain(path, "the path is too long for a socket",
		    "choose a shorter one with --socket PATH");
	memcpy(at.sun_path, path, strlen(path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || !bind_private(l->fd, &at))
		return complain(path, strerror(errno),
		    errno == EADDRINUSE
			? "another portico listens there, or it is "
			  "no socket"
			: "make its folder, or choose another "
			  "path with --socket PATH");
	l->made = lstat(path, &st) == 0;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (listen(l->fd, BACKLOG))
		return complain(path, strerror(errno), "choose another path");
	return true;
}

bool listen_open(struct listener *l, const char *path)
{
	long given = count_given();

	*l = (struct listener){.fd = -1, .path = path};
	if (given > 0 ? take_over(l, given) : make(l, path))
		return true;
	listen_close(l);
	return false;
}

void listen_bound(const struct listener *l, size_t workers)
{
	int most = (int)workers * QUEUE_PER_WORKER;

	if (listen(l->fd, most < QUEUE_LEAST ? QUEUE_LEAST : most))
		log_error("pool.queue", "%s", strerror(errno));
}

void listen_close(struct listener *l)
{
	struct stat st;

	if (l->made && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->made = false;
}
