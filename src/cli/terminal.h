/* SPDX-License-Identifier: MIT */
/*
 * The terminal on standard input, and the process that guards it.
 *
 * A VM on a terminal runs in a child process, and the process that the user started, the front
 * (cli/terminal_front.h), waits for it, puts the terminal back whatever happened to the child
 * (SIGKILL included), and ends with the child's status. That is also how detaching works: the front
 * ends, the child goes on. If the front itself is killed, the child notices, puts the terminal back
 * and stops.
 *
 * The terminal is the VM's only while the shell has them in the foreground: the front lends it to
 * the child, raw, and takes it back when they are stopped. A VM that was started in the background
 * runs on without it, whatever it does there: neither process is ever stopped for touching it.
 *
 * Without a terminal there is no front and nothing to put back.
 */
#ifndef NESTOR_CLI_TERMINAL_H
#define NESTOR_CLI_TERMINAL_H

#include "base/err.h"

#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool active;          /* this process is the child of a front */
	bool ours;            /* raw, and what is typed is for the VM */
	struct termios saved; /* as it was found before it became ours */
	int front_fd;         /* from the front; at its end once the front is gone */
	int tell_fd;          /* to the front */
};

/*
 * From here on no thread of this process is stopped for reading from a terminal, writing to it or
 * changing it from the background (SIGTTIN, SIGTTOU): such calls fail, or succeed, and so SIGTERM
 * always finds somebody who takes it. To be called before there are threads.
 */
void terminal_never_stop(void);

/*
 * Where standard input is a terminal, forks. In the child, and where there is no terminal, returns
 * 0 with *ret_terminal set. In the front, does not return before the child ended or detached:
 * returns 1 with *ret_status, with which the front has to end.
 */
int terminal_open(struct terminal *ret_terminal, int *ret_status, struct err *e) MUST_CHECK;

/* Asks for the terminal: it is ours afterwards where nestor is in the foreground, and else becomes
 * so (terminal_hear) when it gets there. Does nothing without a terminal. */
int terminal_want(struct terminal *t, struct err *e) MUST_CHECK;

/* What the front says; to be called when front_fd is readable. */
enum terminal_news {
	TERMINAL_SAME,
	TERMINAL_OURS,       /* it is now */
	TERMINAL_NOT_OURS,   /* it was */
	TERMINAL_FRONT_GONE, /* and the terminal is put back */
};
enum terminal_news terminal_hear(struct terminal *t);

/*
 * Leaves the terminal: the front ends, standard descriptors become /dev/null, and this process
 * belongs to a session of its own. Afterwards t is inactive.
 */
int terminal_detach(struct terminal *t, struct err *e) MUST_CHECK;

/* Puts back and closes; accepts an inactive one. */
void terminal_close(struct terminal *t);

#endif
