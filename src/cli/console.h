/* SPDX-License-Identifier: MIT */
/*
 * The console of a VM that runs in the foreground: standard input to one serial port, with the
 * escape key where it is a terminal, and the signals that stop the VM or pause it. On the loop's
 * thread.
 */
#ifndef NESTOR_CLI_CONSOLE_H
#define NESTOR_CLI_CONSOLE_H

#include "cli/terminal.h"
#include "config/vm_config.h"
#include "host/escape.h"
#include "host/loop.h"
#include "vm/session.h"

/* At most so many bytes are read at once. */
#define CONSOLE_CHUNK 256

struct console {
	struct session *session;
	struct loop *loop;
	struct terminal *terminal;
	const struct reporter *reporter;
	const struct vm_config *config;
	bool running; /* a machine does; it does not between two */
	int serial;   /* which serial port has standard input, or -1 */
	bool input_open;
	bool greeted; /* the escape key was told of */
	struct escape escape;
	/* Asked for by the escape key in what was just read: done once the guest has the rest. */
	enum escape_action actions[CONSOLE_CHUNK];
	size_t nr_actions;
	int signal_fd;
	struct loop_call wanted; /* more input, by the guest */
	unsigned nr_interrupts;
};

/*
 * Blocks SIGTERM, and SIGINT, SIGHUP and SIGTSTP where they are not ignored (nohup(1), a shell's
 * background without job control), in this and all later threads, and takes them by the loop. Asks
 * for the terminal; what is typed is taken while it is ours.
 */
int console_open(struct console *c, struct session *session, struct loop *loop,
	struct terminal *terminal, const struct vm_config *config, const struct reporter *reporter,
	struct err *e) MUST_CHECK;
void console_close(struct console *c);

/* For struct session_client. */
void console_set_running(struct console *c, bool running);
/* What the serial port on standard input reads; the console may still have to be opened. */
struct byte_source console_input(struct console *c);

#endif
