/* stop.h: waiting, for processes that serve nobody. */
#ifndef PORTICO_STOP_H
#define PORTICO_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Waits so long, or until SIGTERM or SIGINT, which must be blocked: true, it is
 * told to end. */
bool stop_within(int64_t ms);

#endif
