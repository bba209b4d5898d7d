/* SPDX-License-Identifier: MIT */
/* What a format cannot say: collected, a line each, and shown to the user; never silently dropped.
 */
#ifndef NESTOR_FORMATS_LOSSES_H
#define NESTOR_FORMATS_LOSSES_H

#include "base/err.h"

#include <stddef.h>

/* Zero-initialised by its owner; losses_done frees. */
struct losses {
	char **lines;
	size_t nr_lines, capacity;
	int error; /* 0 or -ENOMEM: a line could not be kept */
};

void losses_add(struct losses *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void losses_done(struct losses *l);

#endif
