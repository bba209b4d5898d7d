/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include "base/analyzer.h"
#include "base/fd.h"
#include "cli/terminal_front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

void terminal_never_stop(void)
{
	sigset_t stops;
	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGTTIN);
	(void)sigaddset(&stops, SIGTTOU);
	(void)pthread_sigmask(SIG_BLOCK, &stops, /* old */ NULL);
}

static void find_ignored(sigset_t *ret_ignored)
{
	(void)sigemptyset(ret_ignored);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			(void)sigaddset(ret_ignored, i);
	}
}

int terminal_open(struct terminal *ret_terminal, int *ret_status, struct err *e)
{
	struct terminal t = { .front_fd = -1, .tell_fd = -1 };
	*ret_terminal = t;
	if (isatty(STDIN_FILENO) != 1)
		return 0;

	int front[2], tell[2];
	/* Not blocking: the front never waits for a child that does not read. */
	if (pipe2(front, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set_errno(e, -errno, "pipe for the terminal's guard");
	FD_LOCAL front_read = front[0];
	FD_LOCAL front_write = front[1];
	if (pipe2(tell, O_CLOEXEC) < 0)
		return err_set_errno(e, -errno, "pipe for the terminal's guard");
	FD_LOCAL tell_read = tell[0];
	FD_LOCAL tell_write = tell[1];

	sigset_t all, before, were_ignored;
	find_ignored(&were_ignored);
	(void)sigfillset(&all);
	/* Before the fork: a signal that comes between must not kill the front and orphan the
	 * child. */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t child = fork();
	if (child < 0) {
		int code = -errno;
		(void)pthread_sigmask(SIG_SETMASK, &before, /* old */ NULL);
		return err_set_errno(e, code, "fork for the terminal's guard");
	}
	if (child > 0) {
		tell_write = fd_close(tell_write); /* so that the child's end closes the pipe */
		return terminal_front_run(
			child, &were_ignored, tell_read, front_write, ret_status, e);
	}
	/* To stop for the shell is the front's, which then has this process pause the VM. */
	(void)sigaddset(&before, SIGTSTP);
	(void)pthread_sigmask(SIG_SETMASK, &before, /* old */ NULL);
	t.active = true;
	t.front_fd = fd_take(&front_read);
	t.tell_fd = fd_take(&tell_write);
	*ret_terminal = t;
	return 0;
}

/* The front answers at once, if it is not just stopped; then the answer comes by the loop. */
#define ANSWER_MS 1000

int terminal_want(struct terminal *t, struct err *e)
{
	if (!t->active)
		return 0;
	const char word = TERMINAL_WORD_WANT;
	struct pollfd answer = { .fd = t->front_fd, .events = POLLIN };
	int rc = fd_write_all(t->tell_fd, &word, 1);
	if (rc)
		return err_set_errno(e, rc, "asking the terminal's guard for the terminal");
	if (poll(&answer, 1, ANSWER_MS) > 0)
		(void)terminal_hear(t);
	return 0;
}

/* Where somebody else has the terminal by now, what they made of it stays. */
static void restore(struct terminal *t)
{
	if (t->ours)
		terminal_put_back(&t->saved, /* force */ false);
	t->ours = false;
}

enum terminal_news terminal_hear(struct terminal *t)
{
	struct terminal_message message;
	bool before = t->ours;
	ssize_t n;
	while ((n = read(t->front_fd, &message, sizeof(message))) == (ssize_t)sizeof(message)) {
		t->ours = message.yours;
		t->saved = message.saved;
	}
	if (n == 0) {
		restore(t);
		return TERMINAL_FRONT_GONE;
	}
	return t->ours == before ? TERMINAL_SAME : t->ours ? TERMINAL_OURS : TERMINAL_NOT_OURS;
}

ANALYZER_MISTAKEN("-Wanalyzer-fd-leak"); /* the standard ones stay open on purpose */
int terminal_detach(struct terminal *t, struct err *e)
{
	FD_LOCAL null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_set_errno(e, -errno, "cannot open /dev/null to detach");
	(void)setsid(); /* fails only for a group leader, which the child of a front is not */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (dup2(null, fd) < 0)
			return err_set_errno(e, -errno, "dup2 of /dev/null to detach");
	}
	t->ours = false; /* the front puts it back */
	const char word = TERMINAL_WORD_DETACH;
	int rc = fd_write_all(t->tell_fd, &word, 1);
	if (rc)
		return err_set_errno(e, rc, "telling the terminal's guard to detach");
	terminal_close(t);
	return 0;
}
ANALYZER_END;

void terminal_close(struct terminal *t)
{
	if (!t->active)
		return;
	restore(t);
	t->front_fd = fd_close(t->front_fd);
	t->tell_fd = fd_close(t->tell_fd);
	t->active = false;
}
