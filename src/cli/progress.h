/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error, where that is a terminal; nothing elsewhere. */
#ifndef NESTOR_CLI_PROGRESS_H
#define NESTOR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool wanted, shown;
	size_t done, total;
	uint64_t next_ns; /* when it is drawn again (CLOCK_MONOTONIC) */
};

void progress_start(struct progress *p, size_t total);

/* One more is done. Draws at most ten times a second, and not at all in the first half second. */
void progress_step(struct progress *p);

/* Takes the bar away: before something else is printed on the terminal, and at the end. */
void progress_clear(struct progress *p);

#endif
