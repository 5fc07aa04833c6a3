/* must.h: what a driver holds for certain: else it ends as by a crash, and
 * says which of them it was. */
#ifndef PORTICO_FUZZ_MUST_H
#define PORTICO_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(holds)                                                            \
	do {                                                                   \
		if (!(holds)) {                                                \
			fprintf(stderr, "%s:%d: must: %s\n", __FILE__,         \
			    __LINE__, #holds);                                 \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
