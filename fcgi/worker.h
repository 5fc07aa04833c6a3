/* worker.h: one process of the pool: takes requests from the listening socket,
 * one after the other, and has each served by pages/.
 *
 * A worker ends only between requests. It ends with 0 when it was asked to
 * (SIGTERM), has served its share of requests, or holds too much memory; the
 * pool starts another.
 */
#ifndef PORTICO_WORKER_H
#define PORTICO_WORKER_H

struct conf;
struct site;

/* Serves until it is time to end; `conf` says when. `listener` does not block;
 * SIGTERM and its kin are blocked and stay so: they are read between requests,
 * so that no request is lost to one. Returns the exit status. */
int worker_run(struct site *site, const struct conf *conf, int listener);

#endif
