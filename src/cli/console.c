/* SPDX-License-Identifier: MIT */
#include "cli/console.h"

#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define INPUT_CHUNK 256

static void on_signal(void *ctx)
{
	struct console *c = ctx;
	struct signalfd_siginfo info;
	if (read(c->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGINT && ++c->nr_interrupts >= 2)
		session_stop(c->session, "interrupted twice");
	else
		session_ask_to_stop(c->session, info.ssi_signo == SIGINT
							? "interrupted (again stops at once)"
						: info.ssi_signo == SIGHUP ? "hung up"
									   : "terminated");
}

/* What is typed is read while there is a machine to take it, and while the terminal is ours: in the
 * background it is another's. */
static void listen(struct console *c)
{
	bool ours = !c->terminal->active || c->terminal->ours;
	if (c->input_open)
		loop_enable_reader(c->loop, STDIN_FILENO, c->running && ours);
	if (!c->terminal->active || !ours || c->greeted)
		return;
	c->greeted = true;
	report(c->reporter, REPORT_INFO, "%s: Ctrl-] then x stops the VM, d detaches, ? helps",
		c->config->name);
}

static void on_front(void *ctx)
{
	struct console *c = ctx;
	if (terminal_hear(c->terminal) == TERMINAL_FRONT_GONE) {
		loop_remove_reader(c->loop, c->terminal->front_fd);
		session_stop(c->session, "the terminal's guard is gone");
	}
	listen(c);
}

static void close_input(struct console *c)
{
	if (c->input_open)
		loop_remove_reader(c->loop, STDIN_FILENO);
	c->input_open = false;
}

static void detach(struct console *c)
{
	struct err e = ERR_INIT;
	close_input(c);
	loop_remove_reader(c->loop, c->terminal->front_fd);
	if (terminal_detach(c->terminal, &e))
		report(c->reporter, REPORT_ERROR, "%s", e.msg);
}

static void act(struct console *c, enum escape_action action)
{
	switch (action) {
	case ESCAPE_DETACH:
		detach(c);
		break;
	case ESCAPE_POWER:
		report(c->reporter, REPORT_INFO, "pressing the power button");
		session_press_power_button(c->session);
		break;
	case ESCAPE_STOP:
		session_stop(c->session, "escape key");
		break;
	case ESCAPE_HELP:
		report(c->reporter, REPORT_INFO,
			"Ctrl-] then: d detach, p press the power button, x stop at once, ] send "
			"Ctrl-] to the guest, "
			"? this help");
		break;
	case ESCAPE_BYTE:
	case ESCAPE_NOTHING:
		break;
	}
}

static void on_input(void *ctx)
{
	struct console *c = ctx;
	uint8_t in[INPUT_CHUNK], out[INPUT_CHUNK];
	size_t space = session_serial_space(c->session, (unsigned)c->serial);
	if (space == 0) {
		/* console_input_wanted switches it on again; until then the bytes wait with their
		 * sender. */
		loop_enable_reader(c->loop, STDIN_FILENO, false);
		return;
	}
	ssize_t n = read(STDIN_FILENO, in, space < sizeof(in) ? space : sizeof(in));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0 && errno == EIO && c->terminal->active) {
		/* Of the background by now; the front says when it is ours again. */
		loop_enable_reader(c->loop, STDIN_FILENO, false);
		return;
	}
	if (n <= 0) {
		close_input(c);
		return;
	}
	size_t nr_out = 0;
	for (ssize_t i = 0; i < n; i++) {
		if (!c->terminal->active) {
			out[nr_out++] = in[i]; /* a pipe or file: every byte is the guest's */
			continue;
		}
		enum escape_action action = escape_feed(&c->escape, in[i], &out[nr_out]);
		if (action == ESCAPE_BYTE)
			nr_out++;
		else
			act(c, action);
		if (!c->input_open)
			break;
	}
	/* All of it fits: nothing else feeds this port, so its space has not shrunk since. */
	size_t taken = session_serial_input(c->session, (unsigned)c->serial, out, nr_out);
	(void)taken;
}

static void on_wanted(void *ctx)
{
	listen(ctx);
}

void console_input_wanted(void *ctx)
{
	struct console *c = ctx;
	loop_post(c->loop, &c->wanted);
}

void console_set_running(struct console *c, bool running)
{
	c->running = running;
	listen(c);
}

static bool is_ignored(int signal)
{
	struct sigaction action;
	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int take_signals(struct console *c, struct err *e)
{
	sigset_t signals;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	if (!is_ignored(SIGINT))
		(void)sigaddset(&signals, SIGINT);
	if (!is_ignored(SIGHUP))
		(void)sigaddset(&signals, SIGHUP);
	c->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signal_fd < 0)
		return err_set_errno(e, -errno, "signalfd");
	(void)pthread_sigmask(SIG_BLOCK, &signals, /* old */ NULL);
	return loop_add_reader(c->loop, c->signal_fd, on_signal, c, e);
}

int console_open(struct console *c, struct session *session, struct loop *loop,
	struct terminal *terminal, const struct vm_config *config, const struct reporter *reporter,
	struct err *e)
{
	*c = (struct console){ .session = session,
		.loop = loop,
		.terminal = terminal,
		.config = config,
		.reporter = reporter,
		.wanted = { .fn = on_wanted, .ctx = c },
		.serial = -1,
		.signal_fd = -1 };
	for (size_t i = 0; i < config->nr_serials; i++) {
		if (config->serials[i].mode == SERIAL_STDIO)
			c->serial = (int)i;
	}
	int rc = take_signals(c, e);
	if (rc == 0 && terminal->active)
		rc = loop_add_reader(loop, terminal->front_fd, on_front, c, e);
	if (rc == 0 && c->serial >= 0) {
		rc = loop_add_reader(loop, STDIN_FILENO, on_input, c, e);
		c->input_open = rc == 0;
	}
	if (rc == 0)
		rc = terminal_want(terminal, e);
	if (rc)
		console_close(c);
	else
		listen(c);
	return rc;
}

void console_close(struct console *c)
{
	close_input(c);
	loop_cancel(c->loop, &c->wanted);
	if (c->terminal->active)
		loop_remove_reader(c->loop, c->terminal->front_fd);
	if (c->signal_fd >= 0)
		loop_remove_reader(c->loop, c->signal_fd);
	c->signal_fd = fd_close(c->signal_fd);
}
