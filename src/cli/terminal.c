/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include "base/analyzer.h"
#include "base/fd.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the front does to the terminal must work from the background too, so SIGTTOU is held back.
 */
static void put_back(const struct termios *saved)
{
	sigset_t ttou, before;
	(void)sigemptyset(&ttou);
	(void)sigaddset(&ttou, SIGTTOU);
	(void)pthread_sigmask(SIG_BLOCK, &ttou, &before);
	/* A terminal that is gone cannot be restored, nor need it be. */
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, saved);
	(void)pthread_sigmask(SIG_SETMASK, &before, /* old */ NULL);
}

static int status_of(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	(void)fprintf(stderr, "nestor: the VM's process was killed by signal %d\n",
		WTERMSIG(wait_status));
	return STATUS_SIGNAL + WTERMSIG(wait_status);
}

/* Passes signals on to the child until it ends or detaches; returns the exit status. */
static int front_main(pid_t child, int signal_fd, int told_fd, const struct termios *saved)
{
	struct pollfd fds[2] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = told_fd, .events = POLLIN },
	};
	for (;;) {
		if (poll(fds, 2, /* timeout: none */ -1) < 0 && errno != EINTR)
			break;
		char word;
		if ((fds[1].revents & POLLIN) && read(told_fd, &word, 1) == 1 && word == 'd') {
			put_back(saved);
			(void)fprintf(stderr,
				"\nnestor: detached; the VM runs on as process %d, without a "
				"console; "
				"`kill %d` asks it to power off\n",
				(int)child, (int)child);
			return STATUS_OK;
		}
		if (fds[1].revents & POLLHUP)
			fds[1].fd = -1;
		struct signalfd_siginfo info;
		if ((fds[0].revents & POLLIN) &&
			read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
			info.ssi_signo != SIGCHLD)
			(void)kill(child, (int)info.ssi_signo);
		int wait_status;
		if (waitpid(child, &wait_status, WNOHANG) == child) {
			put_back(saved);
			return status_of(wait_status);
		}
	}
	put_back(saved);
	return STATUS_HOST;
}

static int run_front(struct terminal *t, pid_t child, const sigset_t *signals, int told_fd,
	int *ret_status, struct err *e)
{
	FD_LOCAL signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	if (signal_fd < 0) {
		int code = -errno;
		(void)kill(child, SIGKILL);
		(void)waitpid(child, /* status */ NULL, 0);
		return err_set_errno(e, code, "signalfd for the terminal's guard");
	}
	*ret_status = front_main(child, signal_fd, told_fd, &t->saved);
	return 1;
}

int terminal_open(struct terminal *ret_terminal, int *ret_status, struct err *e)
{
	struct terminal t = { .front_fd = -1, .tell_fd = -1 };
	*ret_terminal = t;
	if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &t.saved) < 0)
		return 0;

	int front[2], tell[2];
	if (pipe2(front, O_CLOEXEC) < 0)
		return err_set_errno(e, -errno, "pipe for the terminal's guard");
	FD_LOCAL front_read = front[0];
	FD_LOCAL front_write = front[1];
	if (pipe2(tell, O_CLOEXEC) < 0)
		return err_set_errno(e, -errno, "pipe for the terminal's guard");
	FD_LOCAL tell_read = tell[0];
	FD_LOCAL tell_write = tell[1];

	sigset_t signals, before;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGCHLD);
	/* Before the fork: a signal that comes between must not kill the front and orphan the
	 * child. */
	(void)pthread_sigmask(SIG_BLOCK, &signals, &before);
	pid_t child = fork();
	if (child < 0) {
		int code = -errno;
		(void)pthread_sigmask(SIG_SETMASK, &before, /* old */ NULL);
		return err_set_errno(e, code, "fork for the terminal's guard");
	}
	if (child > 0) {
		tell_write = fd_close(tell_write); /* so that the child's end closes the pipe */
		return run_front(&t, child, &signals, tell_read, ret_status, e);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, /* old */ NULL);
	t.active = true;
	t.front_fd = fd_take(&front_read);
	t.tell_fd = fd_take(&tell_write);
	*ret_terminal = t;
	return 0;
}

int terminal_raw(struct terminal *t, struct err *e)
{
	if (!t->active)
		return 0;
	struct termios raw = t->saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* nestor's own messages end in a plain newline */
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return err_set_errno(e, -errno, "tcsetattr for raw mode on standard input");
	t->raw = true;
	return 0;
}

void terminal_restore(struct terminal *t)
{
	if (!t->raw)
		return;
	put_back(&t->saved);
	t->raw = false;
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
	t->raw = false; /* the front puts the terminal back */
	const char word = 'd';
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
	terminal_restore(t);
	t->front_fd = fd_close(t->front_fd);
	t->tell_fd = fd_close(t->tell_fd);
	t->active = false;
}
