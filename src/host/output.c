/* SPDX-License-Identifier: MIT */
#include "host/output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct host_output {
	pthread_mutex_t lock; /* keeps the bytes of one call together */
	int fd, stop_fd;
	bool gone;       /* under lock: the reader is gone, or the machine stops */
	bool *loss_told; /* likewise */
	const struct reporter *reporter;
	char name[24];
};

/* poll(2) promises this much room in a pipe that it calls writable. */
#define SURE_TO_FIT 512

int host_output_create(struct host_output **ret_out, int fd, int stop_fd, const char *name,
	bool *loss_told, const struct reporter *reporter, struct err *e)
{
	struct host_output *out = calloc(1, sizeof(*out));
	if (!out)
		return err_set(e, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&out->lock, /* attr */ NULL);
	out->fd = fd;
	out->stop_fd = stop_fd;
	out->gone = fd < 0;
	out->loss_told = loss_told;
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
	free(out);
}

/* Waits until fd takes bytes; false where the machine stops meanwhile. */
static bool wait_writable(const struct host_output *out)
{
	struct pollfd fds[2] = {
		{ .fd = out->fd, .events = POLLOUT },
		{ .fd = out->stop_fd, .events = POLLIN },
	};
	for (;;) {
		int rc = poll(fds, 2, /* timeout: none */ -1);
		if (rc < 0 && errno != EINTR)
			return false;
		if (rc > 0 && fds[0].revents)
			return true;
		if (rc > 0 && fds[1].revents)
			return false;
	}
}

/* Room may come back; EFBIG is RLIMIT_FSIZE, or the file system's limit, until someone empties the
 * file. */
static bool may_pass(int code)
{
	return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

static void lose(struct host_output *out, int code)
{
	char why[128];
	if (!may_pass(code))
		out->gone = true;
	if (*out->loss_told)
		return;
	*out->loss_told = true;
	report(out->reporter, REPORT_WARN, "%s: what the guest writes is lost: %s%s", out->name,
		strerror_r(code, why, sizeof(why)),
		may_pass(code) ? " (what comes later is tried again)" : "");
}

void host_output_write(void *ctx, const uint8_t *bytes, size_t n)
{
	struct host_output *out = ctx;
	(void)pthread_mutex_lock(&out->lock);
	while (n > 0 && !out->gone) {
		if (!wait_writable(out)) {
			out->gone = true;
			break;
		}
		ssize_t done = write(out->fd, bytes, n < SURE_TO_FIT ? n : SURE_TO_FIT);
		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		} else if (done < 0 && errno != EINTR && errno != EAGAIN) {
			lose(out, errno);
			break;
		}
	}
	(void)pthread_mutex_unlock(&out->lock);
}
