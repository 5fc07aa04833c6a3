/* crash.h: where tests of payments end the process: just before or after a step
 * that must survive it. Nothing of it is in a program that is built without
 * -DCRASH_POINTS=ON.
 */
#ifndef PORTICO_CRASH_H
#define PORTICO_CRASH_H

#ifdef PORTICO_CRASH_POINTS
/* Ends the process by SIGKILL where the file that $PORTICO_CRASH_AT names holds
 * this word; the file is removed before, so that it happens once. */
void crash_point(const char *word);
#else
#define crash_point(word) ((void)(word))
#endif

#endif
