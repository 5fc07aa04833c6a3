/* stop.c: waiting, for processes that serve nobody. */
#include "stop.h"

#include <signal.h>
#include <time.h>

bool stop_within(int64_t ms)
{
	const struct timespec wait = {.tv_sec = (time_t)(ms / 1000),
	    .tv_nsec = (long)(ms % 1000) * 1000000};
	sigset_t stop;
	int signal;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	signal = sigtimedwait(&stop, NULL, &wait);
	return signal == SIGTERM || signal == SIGINT;
}
