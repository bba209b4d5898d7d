/* SPDX-License-Identifier: MIT */
#include "cli/console.h"

#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* As SIGTSTP does it by itself, which is nothing where there is no shell to continue this process;
 * returns when somebody has. */
static void stop_self(void)
{
	sigset_t stop;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)kill(getpid(), SIGTSTP);
	(void)pthread_sigmask(SIG_UNBLOCK, &stop, /* old */ NULL);
	(void)pthread_sigmask(SIG_BLOCK, &stop, /* old */ NULL);
}

/* The machine first: the guest is to find its clocks, and its watchdogs, as it left them. A process
 * that somebody stops by force (SIGSTOP) has no say in that. */
static void suspend(struct console *c)
{
	session_pause(c->session);
	stop_self();
	session_resume(c->session);
}

static void on_signal(void *ctx)
{
	struct console *c = ctx;
	struct signalfd_siginfo info;
	if (read(c->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP) {
		suspend(c);
		return;
	}
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

/* Of what was read, the guest's bytes; what is for us waits in c->actions. */
static size_t sort_out(struct console *c, const uint8_t *in, size_t n, uint8_t *ret_bytes)
{
	size_t nr = 0;
	for (size_t i = 0; i < n; i++) {
		if (!c->terminal->active) {
			ret_bytes[nr++] = in[i]; /* a pipe or file: every byte is the guest's */
			continue;
		}
		enum escape_action action = escape_feed(&c->escape, in[i], &ret_bytes[nr]);
		if (action == ESCAPE_BYTE)
			nr++;
		else
			c->actions[c->nr_actions++] = action;
		if (action == ESCAPE_DETACH)
			break; /* what follows is nobody's */
	}
	return nr;
}

/* A byte_source's: with the port's lock held. */
static size_t read_input(void *ctx, uint8_t *bytes, size_t n)
{
	struct console *c = ctx;
	uint8_t in[CONSOLE_CHUNK];
	ssize_t got = read(STDIN_FILENO, in, n < sizeof(in) ? n : sizeof(in));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got < 0 && errno == EIO && c->terminal->active)
		/* Of the background by now; the front says when it is ours again. */
		loop_enable_reader(c->loop, STDIN_FILENO, false);
	else if (got <= 0)
		close_input(c);
	return got > 0 ? sort_out(c, in, (size_t)got, bytes) : 0;
}

static void on_input(void *ctx)
{
	struct console *c = ctx;
	c->nr_actions = 0;
	/* Where there is no room, console_input's wanted switches it on again; until then the bytes
	 * wait with their sender. */
	if (!session_serial_ready(c->session, (unsigned)c->serial))
		loop_enable_reader(c->loop, STDIN_FILENO, false);
	for (size_t i = 0; i < c->nr_actions; i++)
		act(c, c->actions[i]);
}

static void on_wanted(void *ctx)
{
	listen(ctx);
}

static void want_input(void *ctx)
{
	struct console *c = ctx;
	loop_post(c->loop, &c->wanted);
}

struct byte_source console_input(struct console *c)
{
	return (struct byte_source){ .read = read_input, .wanted = want_input, .ctx = c };
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
	if (!is_ignored(SIGTSTP))
		(void)sigaddset(&signals, SIGTSTP);
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
