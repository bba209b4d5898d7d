/* SPDX-License-Identifier: MIT */
#include "host/output.h"

#include "base/types.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct host_output {
	pthread_mutex_t lock; /* keeps the bytes of one call together */
	int fd, stop_fd, held_fd;
	uint8_t *kept; /* under lock: bytes that were to be written when held_fd was readable */
	size_t nr_kept;
	bool gone;      /* under lock: the reader is gone */
	bool stopped;   /* likewise: the machine stops */
	bool loss_told; /* likewise: a warning said that bytes are lost */
	bool terminal;
	atomic_bool hurried; /* what would have to wait for the terminal is dropped */
	const struct reporter *reporter;
	char name[24];
};

#define LOOK_MS 200 /* how often, whether the terminal is ours by now: nobody says so */

/* poll(2) promises this much room in a pipe that it calls writable. */
#define SURE_TO_FIT 512

int host_output_create(struct host_output **ret_out, int fd, int stop_fd, const char *name,
	const struct reporter *reporter, struct err *e)
{
	struct host_output *out = calloc(1, sizeof(*out));
	if (!out)
		return err_set(e, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&out->lock, /* attr */ NULL);
	out->fd = fd;
	out->stop_fd = stop_fd;
	out->held_fd = -1;
	out->gone = fd < 0;
	out->terminal = isatty(fd) == 1;
	out->reporter = reporter;
	(void)snprintf(out->name, sizeof(out->name), "%s", name);
	*ret_out = out;
	return 0;
}

void host_output_destroy(struct host_output *out)
{
	if (!out)
		return;
	(void)pthread_mutex_destroy(&out->lock);
	free(out->kept);
	free(out);
}

/* In the background of a terminal whose user wants no output from there (stty tostop). A program
 * that writes all the same is stopped by the kernel (SIGTTOU), and this one passes it by, so that
 * it has to ask. */
static bool is_background(const struct host_output *out)
{
	struct termios t;
	pid_t group = out->terminal ? tcgetpgrp(out->fd) : -1;
	return group > 0 && group != getpgrp() && tcgetattr(out->fd, &t) == 0 &&
	       (t.c_lflag & TOSTOP);
}

enum waited { WAITED_WRITABLE, WAITED_HURRIED, WAITED_HELD, WAITED_STOPPED };

/* Until fd takes bytes, the machine stops, whoever writes is wanted elsewhere, or there is hurry
 * while the terminal is not ours. */
static enum waited wait_writable(const struct host_output *out)
{
	for (;;) {
		bool background = is_background(out);
		if (background && atomic_load(&out->hurried))
			return WAITED_HURRIED;
		struct pollfd fds[3] = {
			{ .fd = background ? -1 : out->fd, .events = POLLOUT },
			{ .fd = out->stop_fd, .events = POLLIN },
			{ .fd = out->held_fd, .events = POLLIN },
		};
		int rc = poll(fds, ARRAY_SIZE(fds), background ? LOOK_MS : -1);
		if (rc < 0 && errno != EINTR)
			return WAITED_STOPPED;
		if (rc > 0 && fds[0].revents)
			return WAITED_WRITABLE;
		if (rc > 0 && fds[1].revents)
			return WAITED_STOPPED;
		if (rc > 0 && fds[2].revents)
			return WAITED_HELD;
	}
}

void host_output_hurry(struct host_output *out)
{
	if (out)
		atomic_store(&out->hurried, true);
}

void host_output_restart(struct host_output *out)
{
	if (!out)
		return;
	(void)pthread_mutex_lock(&out->lock);
	out->stopped = false;
	(void)pthread_mutex_unlock(&out->lock);
	atomic_store(&out->hurried, false);
}

/* Room may come back, as may memory; EFBIG is RLIMIT_FSIZE, or the file system's limit, until
 * someone empties the file. */
static bool may_pass(int code)
{
	return code == ENOSPC || code == EDQUOT || code == EFBIG || code == ENOMEM;
}

static void lose(struct host_output *out, int code)
{
	char why[128];
	if (!may_pass(code))
		out->gone = true;
	if (out->loss_told)
		return;
	out->loss_told = true;
	report(out->reporter, REPORT_WARN, "%s: what the guest writes is lost: %s%s", out->name,
		strerror_r(code, why, sizeof(why)),
		may_pass(code) ? " (what comes later is tried again)" : "");
}

/* As many of the bytes as can be written, which is all unless held_fd is readable; the others are
 * left to the caller, or lost. With the lock held. */
static size_t write_some(struct host_output *out, const uint8_t *bytes, size_t n)
{
	size_t at = 0;
	while (at < n && !out->gone && !out->stopped) {
		enum waited waited = wait_writable(out);
		if (waited == WAITED_HELD)
			return at;
		if (waited != WAITED_WRITABLE) {
			out->stopped = waited == WAITED_STOPPED;
			break;
		}
		ssize_t done =
			write(out->fd, bytes + at, n - at < SURE_TO_FIT ? n - at : SURE_TO_FIT);
		if (done > 0) {
			at += (size_t)done;
		} else if (done < 0 && errno != EINTR && errno != EAGAIN) {
			lose(out, errno);
			break;
		}
	}
	return n;
}

/* With the lock held; false where some are still kept. */
static bool write_kept(struct host_output *out)
{
	if (out->nr_kept == 0)
		return true;
	size_t done = write_some(out, out->kept, out->nr_kept);
	out->nr_kept -= done;
	memmove(out->kept, out->kept + done, out->nr_kept);
	return out->nr_kept == 0;
}

/* With the lock held. */
static void keep(struct host_output *out, const uint8_t *bytes, size_t n)
{
	if (n == 0)
		return;
	uint8_t *kept = realloc(out->kept, out->nr_kept + n);
	if (!kept) {
		lose(out, ENOMEM);
		return;
	}
	memcpy(kept + out->nr_kept, bytes, n);
	out->kept = kept;
	out->nr_kept += n;
}

void host_output_hold(struct host_output *out, int held_fd)
{
	if (out)
		out->held_fd = held_fd;
}

void host_output_flush(struct host_output *out)
{
	if (!out)
		return;
	(void)pthread_mutex_lock(&out->lock);
	(void)write_kept(out);
	(void)pthread_mutex_unlock(&out->lock);
}

void host_output_write(void *ctx, const uint8_t *bytes, size_t n)
{
	struct host_output *out = ctx;
	(void)pthread_mutex_lock(&out->lock);
	size_t done = write_kept(out) ? write_some(out, bytes, n) : 0;
	keep(out, bytes + done, n - done);
	(void)pthread_mutex_unlock(&out->lock);
}
