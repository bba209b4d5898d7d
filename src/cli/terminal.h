/* SPDX-License-Identifier: MIT */
/*
 * The terminal on standard input, and the process that guards it.
 *
 * A VM on a terminal runs in a child process, and the process that the user started, the front,
 * waits for it, puts the terminal back whatever happened to the child (SIGKILL included), and ends
 * with the child's status. That is also how detaching works: the front ends, the child goes on. If
 * the front itself is killed, the child notices, puts the terminal back and stops.
 *
 * Without a terminal there is no front and nothing to put back.
 */
#ifndef NESTOR_CLI_TERMINAL_H
#define NESTOR_CLI_TERMINAL_H

#include "base/err.h"

#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool active; /* this process is the child of a front */
	bool raw;
	struct termios saved; /* as it was found */
	int front_fd;         /* readable (end of file) once the front is gone */
	int tell_fd;          /* to the front: 'd' to detach */
};

/*
 * Where standard input is a terminal, forks. In the child, and where there is no terminal, returns
 * 0 with *ret_terminal set. In the front, does not return before the child ended or detached:
 * returns 1 with *ret_status, with which the front has to end.
 */
int terminal_open(struct terminal *ret_terminal, int *ret_status, struct err *e) MUST_CHECK;

/* Raw mode, but for output processing. Does nothing without a terminal. */
int terminal_raw(struct terminal *t, struct err *e) MUST_CHECK;

/* As it was found. May be called at any time, more than once. */
void terminal_restore(struct terminal *t);

/*
 * Leaves the terminal: the front ends, standard descriptors become /dev/null, and this process
 * belongs to a session of its own. Afterwards t is inactive.
 */
int terminal_detach(struct terminal *t, struct err *e) MUST_CHECK;

/* Restores and closes; accepts an inactive one. */
void terminal_close(struct terminal *t);

#endif
