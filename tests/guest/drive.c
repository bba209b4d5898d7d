/* SPDX-License-Identifier: MIT */
/*
 * Runs nestor on pipes or on a terminal of its own, step by step, waiting for what it prints and
 * never for time alone:
 *
 *	drive [--tty] [STEP...] -- PROGRAM [ARGUMENT...]
 *
 * expect:TEXT       waits until TEXT comes on standard output (or the terminal)
 * expect-err:TEXT   likewise on standard error (on a terminal it is the same)
 * send:TEXT         types TEXT; \n, \r, \4 (end of transmission) and \] (Ctrl-]) are a byte each
 * signal:NAME       INT, TERM, HUP or KILL to the program
 * signal-vm:NAME    likewise to the process of the VM, the program's child
 * full              waits until standard output, which nobody reads, takes no more
 * drain:FILE        reads standard output to its end, into FILE
 * status:N          waits for the program's end; 128 + signal where one killed it. On a terminal,
 *                   also waits until the terminal is as it was before the start
 * raw               the terminal is not as it was
 * gone              waits until the VM's process is no more
 * run:COMMAND       runs a command of the shell, which has to succeed
 * find-vm           remembers the VM's process, for later steps
 *
 * All within 40 s; exit status 0 where every step came true.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_S 40
#define POLL_MS 10 /* between looks at what cannot be waited for */
#define ESCAPE_KEY 0x1d
#define SMALL_PIPE 8192

struct stream {
	int fd;
	char *text; /* all that came and was not expected yet */
	size_t used;
};

struct drive {
	bool tty, ended;
	bool not_reading; /* standard output is left alone since the step full */
	int in, slave;    /* to the program; the terminal's other end */
	int full_fd;      /* a copy of the program's standard output */
	struct stream out, err;
	int word; /* from the session's leader: the program's pid, then its status */
	int hold; /* the leader stays until this is closed */
	pid_t leader, program, vm;
	struct termios before;
	struct timespec deadline;
};

static void die(struct drive *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

static void die(struct drive *d, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)fputs("drive: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n--- output not expected yet:\n%.*s\n--- errors:\n%.*s\n",
		(int)d->out.used, d->out.text ? d->out.text : "", (int)d->err.used,
		d->err.text ? d->err.text : "");
	if (d->vm > 0)
		(void)kill(d->vm, SIGKILL);
	if (d->program > 0 && !d->ended)
		(void)kill(d->program, SIGKILL);
	exit(1);
}

static int time_left_ms(struct drive *d)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t ms = (int64_t)(d->deadline.tv_sec - now.tv_sec) * 1000 +
		     (d->deadline.tv_nsec - now.tv_nsec) / 1000000;
	if (ms <= 0)
		die(d, "time is up");
	return (int)ms;
}

/* Adds what has come, waiting for at least a byte; false at the end. */
static bool read_more(struct drive *d, struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	if (s->fd < 0 || poll(&p, 1, time_left_ms(d)) <= 0)
		return s->fd >= 0;
	char *text = realloc(s->text, s->used + 4097);
	if (!text)
		die(d, "out of memory");
	s->text = text;
	ssize_t n = read(s->fd, s->text + s->used, 4096);
	if (n <= 0) /* a terminal whose programs are gone gives EIO */
		return false;
	s->used += (size_t)n;
	s->text[s->used] = '\0';
	return true;
}

static void expect(struct drive *d, struct stream *s, const char *text)
{
	const char *at;
	while (!s->text || !(at = memmem(s->text, s->used, text, strlen(text)))) {
		if (!read_more(d, s))
			die(d, "the program's output ended without \"%s\"", text);
	}
	size_t past = (size_t)(at - s->text) + strlen(text);
	s->used -= past;
	memmove(s->text, s->text + past, s->used);
}

static void send_text(struct drive *d, const char *text)
{
	for (; *text; text++) {
		char c = *text;
		if (c == '\\' && text[1]) {
			c = *++text;
			c = (char)(c == 'n'   ? '\n'
				   : c == 'r' ? '\r'
				   : c == ']' ? ESCAPE_KEY
				   : c == '4' ? 4
					      : c);
		}
		if (write(d->in, &c, 1) != 1)
			die(d, "cannot write to the program: %s", strerror(errno));
	}
}

static int signal_number(struct drive *d, const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = { { "INT", SIGINT }, { "TERM", SIGTERM }, { "HUP", SIGHUP },
		{ "KILL", SIGKILL } };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	}
	die(d, "unknown signal %s", name);
}

/* The VM's process: on a terminal the program's child, else the program itself. */
static void find_vm(struct drive *d)
{
	if (d->vm > 0)
		return;
	char path[64];
	(void)snprintf(
		path, sizeof(path), "/proc/%d/task/%d/children", (int)d->program, (int)d->program);
	FILE *f = d->tty ? fopen(path, "re") : NULL;
	int pid = 0;
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		(void)fclose(f);
	d->vm = d->tty ? pid : d->program;
	if (d->vm <= 0)
		die(d, "there is no process of a VM");
}

static void pause_a_little(struct drive *d)
{
	(void)time_left_ms(d);
	(void)poll(NULL, 0, POLL_MS);
}

static void wait_full(struct drive *d)
{
	struct pollfd p = { .fd = d->full_fd, .events = POLLOUT };
	d->not_reading = true;
	while (poll(&p, 1, 0) > 0)
		pause_a_little(d);
}

static void drain(struct drive *d, const char *path)
{
	(void)close(d->full_fd); /* else the end would never come */
	d->full_fd = -1;
	d->not_reading = false;
	FILE *f = fopen(path, "we");
	if (!f)
		die(d, "cannot write %s", path);
	do {
		(void)fwrite(d->out.text, 1, d->out.used, f);
		d->out.used = 0;
	} while (read_more(d, &d->out));
	(void)fclose(f);
}

static bool terminal_restored(struct drive *d)
{
	struct termios now;
	memset(&now, 0, sizeof(now));
	return tcgetattr(d->slave, &now) == 0 && now.c_iflag == d->before.c_iflag &&
	       now.c_oflag == d->before.c_oflag && now.c_cflag == d->before.c_cflag &&
	       now.c_lflag == d->before.c_lflag &&
	       memcmp(now.c_cc, d->before.c_cc, sizeof(now.c_cc)) == 0;
}

static void expect_status(struct drive *d, const char *text)
{
	int status = -1;
	struct pollfd p = { .fd = d->word, .events = POLLIN };
	/* What it prints meanwhile must not make it wait, unless that is the test. */
	while (poll(&p, 1, 0) == 0) {
		struct pollfd all[3] = { p, { .fd = d->out.fd, .events = POLLIN },
			{ .fd = d->err.fd, .events = POLLIN } };
		if (d->not_reading)
			all[1].fd = -1;
		if (poll(all, 3, time_left_ms(d)) <= 0)
			continue;
		if (all[1].revents && !read_more(d, &d->out))
			d->out.fd = -1;
		if (all[2].revents && !read_more(d, &d->err))
			d->err.fd = -1;
	}
	if (read(d->word, &status, sizeof(status)) != (ssize_t)sizeof(status))
		die(d, "the session's leader is gone");
	d->ended = true;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	char got[16];
	(void)snprintf(got, sizeof(got), "%d", code);
	if (strcmp(got, text) != 0)
		die(d, "the program's exit status is %s, expected %s", got, text);
	while (d->tty && !terminal_restored(d))
		pause_a_little(d);
}

/* A zombie counts as gone: whoever adopted it may be slow. */
static bool process_is_gone(pid_t pid)
{
	char path[64], state = 'Z';
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return true;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 'Z';
	(void)fclose(f);
	return state == 'Z' || state == 'X';
}

static const char *after(const char *step, const char *name)
{
	size_t n = strlen(name);
	return strncmp(step, name, n) == 0 && step[n] == ':' ? step + n + 1 : NULL;
}

static void do_step(struct drive *d, const char *step)
{
	const char *arg;
	if ((arg = after(step, "expect")))
		expect(d, &d->out, arg);
	else if ((arg = after(step, "expect-err")))
		expect(d, d->tty ? &d->out : &d->err, arg);
	else if ((arg = after(step, "send")))
		send_text(d, arg);
	else if ((arg = after(step, "signal"))) {
		if (d->tty)
			find_vm(d); /* as long as its parent lives */
		(void)kill(d->program, signal_number(d, arg));
	} else if ((arg = after(step, "signal-vm"))) {
		find_vm(d);
		(void)kill(d->vm, signal_number(d, arg));
	} else if ((arg = after(step, "drain")))
		drain(d, arg);
	else if ((arg = after(step, "status")))
		expect_status(d, arg);
	else if ((arg = after(step, "run"))) {
		if (system(arg) != 0)
			die(d, "this failed: %s", arg);
	} else if (strcmp(step, "full") == 0)
		wait_full(d);
	else if (strcmp(step, "find-vm") == 0)
		find_vm(d);
	else if (strcmp(step, "raw") == 0) {
		if (terminal_restored(d))
			die(d, "the terminal is not raw");
	} else if (strcmp(step, "gone") == 0) {
		find_vm(d);
		while (!process_is_gone(d->vm))
			pause_a_little(d);
	} else
		die(d, "unknown step %s", step);
}

/* The session's leader, as a shell would be: the program in the foreground in its own group. */
static void leader_main(struct drive *d, int std[3], int word, int hold, char **argv)
{
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives the test */
	if (d->tty && ioctl(d->slave, TIOCSCTTY, 0) < 0)
		_exit(125);
	(void)signal(SIGTTOU, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	pid_t program = fork();
	if (program == 0) {
		(void)setpgid(0, 0);
		if (d->tty)
			(void)tcsetpgrp(d->slave, getpid());
		for (int i = 0; i < 3; i++)
			(void)dup2(std[i], i);
		(void)signal(SIGTTOU, SIG_DFL);
		(void)signal(SIGHUP, SIG_DFL);
		(void)alarm(TIME_LIMIT_S + 30);
		(void)execv(argv[0], argv);
		_exit(126);
	}
	for (int i = 0; i < 3; i++)
		(void)close(std[i]);
	int status = 0;
	char c;
	/* A word that cannot be written is missed by its reader. */
	ssize_t done = write(word, &program, sizeof(program));
	(void)waitpid(program, &status, 0);
	done = write(word, &status, sizeof(status));
	done = read(hold, &c, 1);
	_exit(done < 0);
}

static void make_pipe(struct drive *d, int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		die(d, "pipe: %s", strerror(errno));
}

static void start(struct drive *d, char **argv)
{
	int in[2], out[2], err[2], word[2], hold[2], std[3];
	make_pipe(d, word);
	make_pipe(d, hold);
	d->full_fd = d->slave = -1;
	if (d->tty) {
		int master;
		if (openpty(&master, &d->slave, NULL, NULL, NULL) < 0 ||
			tcgetattr(d->slave, &d->before) < 0)
			die(d, "openpty: %s", strerror(errno));
		(void)fcntl(master, F_SETFD, FD_CLOEXEC);
		(void)fcntl(d->slave, F_SETFD, FD_CLOEXEC);
		d->in = d->out.fd = master;
		d->err.fd = -1;
		for (int i = 0; i < 3; i++)
			std[i] = dup(d->slave);
	} else {
		make_pipe(d, in);
		make_pipe(d, out);
		make_pipe(d, err);
		(void)fcntl(out[1], F_SETPIPE_SZ, SMALL_PIPE); /* soon full */
		std[0] = in[0];
		std[1] = out[1];
		std[2] = err[1];
		d->in = in[1];
		d->out.fd = out[0];
		d->err.fd = err[0];
		d->full_fd = fcntl(out[1], F_DUPFD_CLOEXEC, 3);
	}
	d->leader = fork();
	if (d->leader == 0) {
		(void)close(hold[1]); /* so that the ends of both are seen */
		(void)close(d->full_fd);
		leader_main(d, std, word[1], hold[0], argv);
	}
	for (int i = 0; i < 3; i++)
		(void)close(std[i]);
	(void)close(word[1]);
	(void)close(hold[0]);
	d->word = word[0];
	d->hold = hold[1];
	if (read(d->word, &d->program, sizeof(d->program)) != (ssize_t)sizeof(d->program))
		die(d, "cannot start %s", argv[0]);
}

int main(int argc, char **argv)
{
	struct drive d = { .tty = argc > 1 && strcmp(argv[1], "--tty") == 0 };
	int first = d.tty ? 2 : 1, last = first;
	(void)clock_gettime(CLOCK_MONOTONIC, &d.deadline);
	d.deadline.tv_sec += TIME_LIMIT_S;
	(void)signal(SIGPIPE, SIG_IGN);
	while (last < argc && strcmp(argv[last], "--") != 0)
		last++;
	if (last + 1 >= argc) {
		(void)fputs("Usage: drive [--tty] [STEP...] -- PROGRAM [ARGUMENT...]\n", stderr);
		return 2;
	}
	start(&d, argv + last + 1);
	for (int i = first; i < last; i++)
		do_step(&d, argv[i]);
	if (!d.ended)
		die(&d, "no step waited for the program's end");
	(void)close(d.hold);
	(void)waitpid(d.leader, NULL, 0);
	free(d.out.text);
	free(d.err.text);
	return 0;
}
