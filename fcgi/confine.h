/* confine.h: takes from this process what serving requests does not need, for
 * good: whoever gets code to run in a worker gets no further.
 *
 * - System calls (seccomp). Starting a program, tracing, mounting, loading
 *   code into the kernel and the like end the process (SIGSYS: the pool logs
 *   it). What a library may try and do without fails with EPERM: new
 *   processes, signals to others, sockets other than TCP, UDP and Unix.
 * - Files (Landlock). Read: share/, the configuration, certificates, what name
 *   look-ups, clocks and shared libraries are made of, /proc/self. Written:
 *   the folder of the store and the temporary ones. Nothing else is opened.
 * - Capabilities, also those of a later exec (no_new_privs), core dumps, and
 *   other processes' look into its memory (PR_SET_DUMPABLE).
 *
 * pool.confine: "auto" does what the kernel can, "require" does not serve with
 * less, "off" leaves all as it is. With AddressSanitizer, the calls that
 * LeakSanitizer makes at the end (a process of its own, ptrace) and its
 * symboliser's stay free.
 */
#ifndef PORTICO_CONFINE_H
#define PORTICO_CONFINE_H

#include <stdbool.h>

struct site;

/* Says in the log, once a pool, how far this kernel confines. False: less than
 * "require" asks for; there is no use in starting. */
bool confine_tell(struct site *site);

/* Confines this process, which has one thread yet, and what it starts. What it
 * has open stays open. False: it must not serve (logged). */
bool confine_self(struct site *site);

/* Whether a file whose successor Landlock would not let through has been
 * replaced since (/etc/resolv.conf and its like): time to end. */
bool confine_is_stale(void);

/* Of confine.c alone: the system calls. 0, or an errno. */
int confine_calls(void);

/* Whether the kernel filters system calls. */
bool confine_has_calls(void);

#endif
