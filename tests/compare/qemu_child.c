/* SPDX-License-Identifier: MIT */
#include "qemu_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 120000
#define MAX_ANSWER_BYTES (8u << 20)

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void run_child(const struct qemu_paths *paths, int in, int out)
{
	char *const argv[] = { (char[]){ "qemu-system-x86_64" }, (char[]){ "-machine" },
		(char[]){ "none" }, (char[]){ "-S" }, (char[]){ "-nodefaults" },
		(char[]){ "-no-user-config" }, (char[]){ "-accel" }, (char[]){ "tcg" },
		(char[]){ "-display" }, (char[]){ "none" }, (char[]){ "-qmp" }, (char[]){ "stdio" },
		NULL };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (paths->libraries[0])
		(void)setenv("LD_LIBRARY_PATH", paths->libraries, 1);
	/* Modules of another QEMU would not fit. */
	if (paths->modules[0])
		(void)setenv("QEMU_MODULE_DIR", paths->modules, 1);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	(void)execv(paths->program, argv);
	(void)fprintf(stderr, "%s: %s\n", paths->program, strerror(errno));
	_exit(127);
}

/* A line that QEMU wrote, without its end; valid until the next. */
static char *read_line(struct qemu_child *q)
{
	for (;;) {
		char *end = memchr(q->buffer, '\n', q->filled);
		if (end) {
			*end = '\0';
			return q->buffer;
		}
		if (q->filled == q->capacity) {
			(void)fputs("QEMU's answer is too long\n", stderr);
			return NULL;
		}
		int64_t left = q->deadline_ms - now_ms();
		struct pollfd p = { .fd = q->out, .events = POLLIN };
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t n = ready > 0 ? read(q->out, q->buffer + q->filled, q->capacity - q->filled)
				      : -1;
		if (n <= 0) {
			(void)fputs(ready > 0 ? "QEMU ended\n" : "QEMU did not answer in time\n",
				stderr);
			return NULL;
		}
		q->filled += (size_t)n;
	}
}

static json_t *read_message(struct qemu_child *q)
{
	char *line = read_line(q);
	if (!line)
		return NULL;
	/* Some numbers of QEMU's have all 64 bits, more than an integer of jansson's. */
	json_t *message = json_loads(line, JSON_DECODE_INT_AS_REAL, NULL);
	size_t used = strlen(line) + 1;
	memmove(q->buffer, q->buffer + used, q->filled - used);
	q->filled -= used;
	if (!message)
		(void)fputs("QEMU answered what is not JSON\n", stderr);
	return message;
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

json_t *qemu_child_ask(struct qemu_child *q, const char *command, json_t *arguments, bool quiet)
{
	json_t *request =
		arguments ? json_pack("{s:s, s:o}", "execute", command, "arguments", arguments)
			  : json_pack("{s:s}", "execute", command);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	bool sent = text && write_all(q->in, text) && write_all(q->in, "\n");
	free(text);
	json_decref(request);
	json_t *result = NULL, *message = NULL;
	while (sent && !result && (message = read_message(q))) {
		json_t *error = json_object_get(message, "error");
		result = json_incref(json_object_get(message, "return"));
		if (error && !quiet)
			(void)fprintf(stderr, "QEMU: %s: %s\n", command,
				json_string_value(json_object_get(error, "desc")));
		sent = !error;
		json_decref(message); /* what is neither is an event */
	}
	return result;
}

static bool greet(struct qemu_child *q, char *ret_version, size_t size)
{
	double major = 0, minor = 0, micro = 0;
	json_t *greeting = read_message(q);
	bool ok =
		greeting && json_unpack(greeting, "{s:{s:{s:{s:F, s:F, s:F}}}}", "QMP", "version",
				    "qemu", "major", &major, "minor", &minor, "micro", &micro) == 0;
	json_decref(greeting);
	(void)snprintf(ret_version, size, "%.0f.%.0f.%.0f", major, minor, micro);
	json_t *done = ok ? qemu_child_ask(q, "qmp_capabilities", NULL, false) : NULL;
	json_decref(done);
	return done != NULL;
}

bool qemu_child_start(
	struct qemu_child *q, const struct qemu_paths *paths, char *ret_version, size_t size)
{
	int in[2], out[2];
	*q = (struct qemu_child){ .pid = -1, .in = -1, .out = -1 };
	q->capacity = MAX_ANSWER_BYTES;
	q->buffer = malloc(q->capacity);
	q->deadline_ms = now_ms() + DEADLINE_MS;
	(void)signal(SIGPIPE, SIG_IGN);
	if (!q->buffer || pipe2(in, O_CLOEXEC) < 0)
		return false;
	if (pipe2(out, O_CLOEXEC) < 0) {
		(void)close(in[0]);
		(void)close(in[1]);
		return false;
	}
	q->pid = fork();
	if (q->pid == 0)
		run_child(paths, in[0], out[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	q->in = in[1];
	q->out = out[0];
	return q->pid > 0 && greet(q, ret_version, size);
}

void qemu_child_stop(struct qemu_child *q)
{
	if (q->in >= 0)
		(void)close(q->in);
	if (q->out >= 0)
		(void)close(q->out);
	if (q->pid > 0) {
		(void)kill(q->pid, SIGKILL);
		while (waitpid(q->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	free(q->buffer);
	*q = (struct qemu_child){ .pid = -1, .in = -1, .out = -1 };
}
