/* SPDX-License-Identifier: MIT */
#include "cli/terminal_front.h"

#include "base/fd.h"
#include "base/types.h"
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not every shell says so (SIGCONT) when it moves a job that runs into the foreground: bash sends
 * it only to one that was stopped. */
#define LOOK_MS 200

struct front {
	pid_t child;
	int signal_fd, told_fd, child_fd;
	bool wanted; /* the child can take what is typed */
	bool lent;   /* the terminal is raw, and the child reads it */
	bool stops;  /* SIGTSTP was not ignored at the start */
	struct termios saved;
	bool ended;      /* the child; … */
	int wait_status; /* … how */
};

/* --- the terminal --- */

void terminal_make_raw(struct termios *t)
{
	tcflag_t output = t->c_oflag;
	cfmakeraw(t);
	t->c_oflag = output;
}

/* As terminal_make_raw leaves it, as far as that can be told. */
static bool is_raw(const struct termios *t)
{
	struct termios raw = *t;
	terminal_make_raw(&raw);
	return raw.c_iflag == t->c_iflag && raw.c_lflag == t->c_lflag && raw.c_cflag == t->c_cflag;
}

/* A terminal that is gone cannot be restored, nor need it be. TCSANOW: output is processed alike
 * before and after, and nobody may be there to read what is still on its way. */
void terminal_put_back(const struct termios *saved, bool force)
{
	struct termios now;
	if (force || (tcgetattr(STDIN_FILENO, &now) == 0 && is_raw(&now)))
		(void)tcsetattr(STDIN_FILENO, TCSANOW, saved);
}

/* Where it is not the terminal of this session there is no job control, and no background. */
static bool in_foreground(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);
	return group < 0 || group == getpgrp();
}

static void tell(const struct front *f, bool yours)
{
	struct terminal_message message;
	memset(&message, 0, sizeof(message)); /* its padding goes, too */
	message.yours = yours;
	message.saved = f->saved;
	/* A child that is gone, or does not read, ends as such. */
	ssize_t done = write(f->child_fd, &message, sizeof(message));
	(void)done;
}

static void lend(struct front *f)
{
	struct termios now;
	if (!f->wanted || f->lent || !in_foreground())
		return;
	if (tcgetattr(STDIN_FILENO, &now) == 0) {
		/* A shell may give back what it found when the job was stopped, which is ours. */
		if (!is_raw(&now))
			f->saved = now;
		now = f->saved;
		terminal_make_raw(&now);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &now);
	}
	f->lent = true;
	tell(f, true);
}

static void take_back(struct front *f)
{
	if (!f->lent)
		return;
	terminal_put_back(&f->saved, in_foreground());
	f->lent = false;
	tell(f, false);
}

/* --- stopping, and going on --- */

/* Stops this process as SIGTSTP does, which is nothing where there is no shell to continue it (an
 * orphaned process group); false then. */
static bool stop_self(void)
{
	sigset_t stop, pending;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)kill(getpid(), SIGTSTP);
	(void)pthread_sigmask(SIG_UNBLOCK, &stop, /* old */ NULL);
	(void)pthread_sigmask(SIG_BLOCK, &stop, /* old */ NULL);
	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

/* How long the VM's process may take to pause the guest and stop, which it does by itself. */
#define PAUSE_MS 2000
#define PAUSE_LOOK_MS 5

/* Until the child is stopped; it is asked, and after a while made to. */
static void stop_child(struct front *f)
{
	pid_t changed = 0;
	(void)kill(f->child, SIGTSTP);
	for (int ms = 0; changed == 0 && ms < PAUSE_MS; ms += PAUSE_LOOK_MS) {
		changed = waitpid(f->child, &f->wait_status, WNOHANG | WUNTRACED);
		if (changed == 0)
			(void)poll(NULL, 0, PAUSE_LOOK_MS);
	}
	if (changed == 0) {
		(void)kill(f->child, SIGSTOP);
		changed = waitpid(f->child, &f->wait_status, WUNTRACED);
	}
	f->ended = changed != f->child || !WIFSTOPPED(f->wait_status);
}

/* The VM first, so that it is really paused; who continues the front continues it, too. */
static void suspend(struct front *f)
{
	take_back(f);
	stop_child(f);
	if (f->ended || stop_self())
		return;
	(void)kill(f->child, SIGCONT);
	lend(f);
}

/* Somebody stopped the VM's process alone: so that the shell gets its terminal back, the front
 * stops as well. */
static void follow(struct front *f)
{
	take_back(f);
	(void)stop_self();
}

/* The terminal may be anybody's by now, and in any state. */
static void go_on(struct front *f)
{
	(void)kill(f->child, SIGCONT);
	f->lent = false;
	if (f->wanted && !in_foreground())
		tell(f, false);
	lend(f);
}

/* --- */

static bool ends_by_default(unsigned signal)
{
	static const int others[] = { SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGURG,
		SIGPIPE };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (signal == (unsigned)others[i])
			return false;
	}
	return true;
}

static void on_signal(struct front *f)
{
	struct signalfd_siginfo info;
	if (read(f->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	/* What is typed at the terminal goes to both processes anyway. */
	bool typed = info.ssi_code == SI_KERNEL &&
		     (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT);
	if (info.ssi_signo == SIGTSTP && f->stops)
		suspend(f);
	else if (info.ssi_signo == SIGCONT)
		go_on(f);
	else if (ends_by_default(info.ssi_signo) && !typed) {
		(void)kill(f->child, (int)info.ssi_signo);
		/* It may be stopped, and then would not hear of it. */
		(void)kill(f->child, SIGCONT);
	}
}

static int status_of(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	(void)fprintf(stderr, "nestor: the VM's process was killed by signal %d\n",
		WTERMSIG(wait_status));
	return STATUS_SIGNAL + WTERMSIG(wait_status);
}

static int detached(const struct front *f)
{
	(void)fprintf(stderr,
		"\nnestor: detached; the VM runs on as process %d, without a console; "
		"`kill %d` asks it to power off\n",
		(int)f->child, (int)f->child);
	return STATUS_OK;
}

static void look_at_child(struct front *f)
{
	while (!f->ended && waitpid(f->child, &f->wait_status, WNOHANG | WUNTRACED) == f->child) {
		f->ended = !WIFSTOPPED(f->wait_status);
		if (!f->ended)
			follow(f);
	}
}

static int front_main(struct front *f)
{
	struct pollfd fds[2] = {
		{ .fd = f->signal_fd, .events = POLLIN },
		{ .fd = f->told_fd, .events = POLLIN },
	};
	for (;;) {
		char word = 0;
		if (poll(fds, 2, f->wanted && !f->lent ? LOOK_MS : -1) < 0 && errno != EINTR)
			return STATUS_HOST;
		bool told = (fds[1].revents & POLLIN) && read(f->told_fd, &word, 1) == 1;
		if (told && word == TERMINAL_WORD_DETACH) {
			take_back(f);
			return detached(f);
		}
		if (told && word == TERMINAL_WORD_WANT) {
			f->wanted = true;
			lend(f);
			if (!f->lent)
				tell(f, false);
		}
		if (fds[1].revents & POLLHUP)
			fds[1].fd = -1;
		if (fds[0].revents & POLLIN)
			on_signal(f);
		look_at_child(f);
		if (f->ended) {
			take_back(f);
			return status_of(f->wait_status);
		}
		lend(f);
	}
}

int terminal_front_run(pid_t child, const sigset_t *were_ignored, int told_fd, int child_fd,
	int *ret_status, struct err *e)
{
	sigset_t all;
	(void)sigfillset(&all);
	FD_LOCAL signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0) {
		int code = -errno;
		(void)kill(child, SIGKILL);
		(void)waitpid(child, /* status */ NULL, 0);
		return err_set_errno(e, code, "signalfd for the terminal's guard");
	}
	struct front front = { .child = child,
		.signal_fd = signal_fd,
		.told_fd = told_fd,
		.child_fd = child_fd,
		.stops = sigismember(were_ignored, SIGTSTP) != 1 };
	*ret_status = front_main(&front);
	take_back(&front);
	return 1;
}
