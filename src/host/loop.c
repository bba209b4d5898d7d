/* SPDX-License-Identifier: MIT */
#include "host/loop.h"

#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct loop_source {
	int fd;
	bool enabled;
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_timer {
	struct loop *loop;
	uint64_t deadline_ns; /* under loop->lock; 0: disarmed */
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop {
	struct loop_source sources[LOOP_MAX_SOURCES];
	unsigned nr_sources;
	pthread_mutex_t lock; /* timers' deadlines: armed by any thread, read by the loop's */
	struct loop_timer timers[LOOP_MAX_TIMERS]; /* fn NULL: free */
	void (*wake_fn)(void *ctx);
	void *wake_ctx;
	int wake_fd;
	atomic_bool stop;
};

uint64_t host_monotonic_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t host_wall_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int loop_create(struct loop **ret_loop, struct err *e)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return err_set(e, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(
		&loop->lock, /* attr */ NULL); /* cannot fail with default attributes */
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		int code = -errno;
		loop_destroy(loop);
		return err_set_errno(e, code, "eventfd for the event loop");
	}
	*ret_loop = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	(void)fd_close(loop->wake_fd);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop);
}

static struct loop_source *find_source(struct loop *loop, int fd)
{
	for (unsigned i = 0; i < loop->nr_sources; i++) {
		if (loop->sources[i].fd == fd)
			return &loop->sources[i];
	}
	return NULL;
}

int loop_add_reader(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e)
{
	if (find_source(loop, fd))
		return err_set(e, -EEXIST, "descriptor %d is in the event loop already", fd);
	if (loop->nr_sources == LOOP_MAX_SOURCES)
		return err_set(
			e, -E2BIG, "more than %u descriptors in the event loop", LOOP_MAX_SOURCES);
	loop->sources[loop->nr_sources++] =
		(struct loop_source){ .fd = fd, .enabled = true, .fn = fn, .ctx = ctx };
	return 0;
}

void loop_remove_reader(struct loop *loop, int fd)
{
	struct loop_source *s = find_source(loop, fd);
	if (s)
		*s = loop->sources[--loop->nr_sources];
}

void loop_enable_reader(struct loop *loop, int fd, bool enabled)
{
	struct loop_source *s = find_source(loop, fd);
	if (s)
		s->enabled = enabled;
}

int loop_add_timer(struct loop *loop, void (*fn)(void *ctx), void *ctx,
	struct loop_timer **ret_timer, struct err *e)
{
	for (unsigned i = 0; i < LOOP_MAX_TIMERS; i++) {
		struct loop_timer *t = &loop->timers[i];
		if (t->fn)
			continue;
		*t = (struct loop_timer){ .loop = loop, .fn = fn, .ctx = ctx };
		*ret_timer = t;
		return 0;
	}
	return err_set(e, -E2BIG, "more than %u timers in the event loop", LOOP_MAX_TIMERS);
}

void loop_remove_timer(struct loop_timer *timer)
{
	*timer = (struct loop_timer){ .loop = timer->loop };
}

void loop_timer_arm(struct loop_timer *timer, uint64_t deadline_ns)
{
	struct loop *loop = timer->loop;
	(void)pthread_mutex_lock(&loop->lock);
	uint64_t before = timer->deadline_ns;
	timer->deadline_ns = deadline_ns;
	(void)pthread_mutex_unlock(&loop->lock);
	/* A later deadline needs no wake-up: the loop finds out when the earlier one passes. */
	if (deadline_ns != 0 && (before == 0 || deadline_ns < before))
		loop_wake(loop);
}

int loop_add_waker(struct loop *loop, void (*fn)(void *ctx), void *ctx, struct err *e)
{
	if (loop->wake_fn)
		return err_set(e, -EEXIST, "the event loop has a waker already");
	loop->wake_fn = fn;
	loop->wake_ctx = ctx;
	return 0;
}

void loop_wake(struct loop *loop)
{
	const uint64_t one = 1;
	/* EAGAIN: 2^64 - 2 wake-ups are pending, one more changes nothing. */
	ssize_t done = write(loop->wake_fd, &one, sizeof(one));
	(void)done;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	loop_wake(loop);
}

/* Calls what is due; returns the next deadline, or 0. */
static uint64_t run_timers(struct loop *loop)
{
	uint64_t next = 0;
	for (unsigned i = 0; i < LOOP_MAX_TIMERS; i++) {
		struct loop_timer *t = &loop->timers[i];
		(void)pthread_mutex_lock(&loop->lock);
		bool due = t->deadline_ns != 0 && t->deadline_ns <= host_monotonic_ns();
		if (due)
			t->deadline_ns = 0;
		(void)pthread_mutex_unlock(&loop->lock);
		if (due && t->fn)
			t->fn(t->ctx);
		(void)pthread_mutex_lock(&loop->lock);
		if (t->deadline_ns != 0 && (next == 0 || t->deadline_ns < next))
			next = t->deadline_ns;
		(void)pthread_mutex_unlock(&loop->lock);
	}
	return next;
}

static void drain_wake(struct loop *loop)
{
	uint64_t count;
	if (read(loop->wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count) && loop->wake_fn)
		loop->wake_fn(loop->wake_ctx);
}

static int poll_once(struct loop *loop, uint64_t deadline_ns)
{
	struct pollfd fds[LOOP_MAX_SOURCES + 1];
	nfds_t n = 0;
	fds[n++] = (struct pollfd){ .fd = loop->wake_fd, .events = POLLIN };
	for (unsigned i = 0; i < loop->nr_sources; i++) {
		if (loop->sources[i].enabled)
			fds[n++] = (struct pollfd){ .fd = loop->sources[i].fd, .events = POLLIN };
	}
	struct timespec wait = { 0 };
	if (deadline_ns) {
		uint64_t now = host_monotonic_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		wait = (struct timespec){ (time_t)(left / 1000000000u),
			(long)(left % 1000000000u) };
	}
	int rc = ppoll(fds, n, deadline_ns ? &wait : NULL, /* sigmask */ NULL);
	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		drain_wake(loop);
	for (nfds_t i = 1; i < n; i++) {
		/* Looked up again: an earlier callback may have removed it. */
		struct loop_source *s = fds[i].revents ? find_source(loop, fds[i].fd) : NULL;
		if (s && s->enabled)
			s->fn(s->ctx);
	}
	return 0;
}

int loop_run(struct loop *loop, struct err *e)
{
	while (!atomic_load(&loop->stop)) {
		uint64_t deadline_ns = run_timers(loop);
		if (atomic_load(&loop->stop))
			break;
		int rc = poll_once(loop, deadline_ns);
		if (rc)
			return err_set_errno(e, rc, "ppoll in the event loop");
	}
	atomic_store(&loop->stop, false);
	return 0;
}
