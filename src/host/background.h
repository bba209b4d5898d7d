/* SPDX-License-Identifier: MIT */
/* A program in the background, for work that nobody waits for. */
#ifndef NESTOR_HOST_BACKGROUND_H
#define NESTOR_HOST_BACKGROUND_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs this program once more, with other arguments (argv ends with NULL): in a process group of
 * its own, which the terminal's keys do not reach, and with no descriptors but /dev/null for 0
 * to 2. It stays in the session, as another would make the scheduler weigh it as much as all of
 * this one (autogroup). It is a child, to be reaped with background_ended; if this process ends
 * first, it goes on. The program itself calls background_become, as posix_spawn(3) knows no
 * SCHED_IDLE.
 */
int background_start(char *const argv[], pid_t *ret_child, struct err *e) MUST_CHECK;

/*
 * For the rest of its life this process gets the CPU and the disk when nothing else wants them, and
 * goes first where memory is short. What of that cannot be is left.
 */
void background_become(void);

/* Reaps child if it has ended, without waiting. */
bool background_ended(pid_t child);

#endif
