/* fmt_zone.h: what a time zone's clock does around a moment.
 *
 * Inside of fmt: fmt.c answers it from ICU, fmt_time.c counts days with it.
 */
#ifndef PORTICO_FMT_ZONE_H
#define PORTICO_FMT_ZONE_H

#include <stdint.h>

/* The clock is `offset` seconds ahead of UTC from `from` until before `to`;
 * INT64_MIN and INT64_MAX: always. */
struct zone_span {
	int64_t from, to;
	int offset;
};

/* A zone that nobody knows is UTC. */
struct zone_span zone_find_span(const char *zone, int64_t when);

/* Cuts a moment to the years 1 to 9999, which is what a date can show. */
int64_t zone_limit(int64_t when);

#endif
