/* SPDX-License-Identifier: MIT */
/*
 * The front: the process that the user started, between the shell and the VM's process. It has the
 * terminal's settings in hand, passes signals on, and stops and goes on together with the VM, as
 * the shell says (job control).
 */
#ifndef NESTOR_CLI_TERMINAL_FRONT_H
#define NESTOR_CLI_TERMINAL_FRONT_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* From the child: */
#define TERMINAL_WORD_WANT 'w'   /* it can take what is typed */
#define TERMINAL_WORD_DETACH 'd' /* it goes on alone */

/* To the child, in one piece: whether the terminal is its own now, and what it was like before. */
struct terminal_message {
	bool yours;
	struct termios saved;
};

/* *t as it is while a VM has the terminal: raw, but for output processing, so that nestor's own
 * messages end in a plain newline. */
void terminal_make_raw(struct termios *t);

/* Puts back what is raw; what somebody else has set by now stays where force is false. Works from
 * the background. */
void terminal_put_back(const struct termios *saved, bool force);

/*
 * Runs the front until the child ends or detaches; the exit status. All signals are blocked.
 * were_ignored: those that were ignored when the program started. told_fd and child_fd: from and to
 * the child.
 */
int terminal_front_run(pid_t child, const sigset_t *were_ignored, int told_fd, int child_fd,
	int *ret_status, struct err *e) MUST_CHECK;

#endif
