/* watch.h: notices that a file of the configuration or a theme changed, for
 * `portico serve --watch`. By looking, not by inotify: folders that are links
 * into a source tree, and editors that write a new file and rename it, need no
 * care that way.
 */
#ifndef PORTICO_WATCH_H
#define PORTICO_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct site;

/* A number that changes when a file of the site is added, removed or
 * changed: its configurations, templates, theme files and static files. *late
 * (may be NULL): one was changed at `since` (watch_now()) or later; a time that
 * is still to come does not count. */
uint64_t watch_scan(const struct site *site, int64_t since, bool *late);
/* Nanoseconds since 1970, by the clock that files have their times from. */
int64_t watch_now(void);

#endif
