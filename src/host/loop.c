/* SPDX-License-Identifier: MIT */
#include "host/loop.h"

#include "base/analyzer.h"
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
	struct loop_source *next;
	int fd;
	short events; /* POLLIN or POLLOUT */
	bool enabled;
	bool removed; /* freed once no callback is under way */
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	uint64_t deadline_ns; /* under loop->lock; 0: disarmed */
	bool removed;         /* likewise freed later */
	void (*fn)(void *ctx);
	void *ctx;
};

/* What is polled: [0] is the wake-up. The two arrays grow when a source is added. */
struct poll_set {
	struct pollfd *fds;
	struct loop_source **sources; /* [0] is NULL */
	size_t capacity;
};

struct loop {
	struct loop_source *sources;
	size_t nr_sources; /* those removed but not freed among them */
	struct poll_set polled;
	struct loop_timer *timers;
	bool calling;     /* callbacks are under way: nothing is freed */
	bool any_removed; /* since the last look */
	/* Timers' deadlines, and what is posted: by any thread, read by the loop's. */
	pthread_mutex_t lock;
	struct loop_call *posted, **posted_end;
	struct loop_call *due; /* taken from there, to be called now; under lock as well */
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

static int grow(struct poll_set *p, size_t wanted)
{
	size_t capacity = p->capacity ? p->capacity : 8;
	if (wanted <= p->capacity)
		return 0;
	while (capacity < wanted)
		capacity *= 2;
	struct pollfd *fds = reallocarray(p->fds, capacity, sizeof(*fds));
	if (fds)
		p->fds = fds;
	struct loop_source **sources =
		reallocarray(p->sources, capacity, sizeof(struct loop_source *));
	if (sources)
		p->sources = sources;
	if (!fds || !sources)
		return -ENOMEM;
	p->capacity = capacity;
	return 0;
}

int loop_create(struct loop **ret_loop, struct err *e)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return err_set(e, -ENOMEM, "out of memory");
	/* Cannot fail with default attributes. */
	(void)pthread_mutex_init(&loop->lock, /* attr */ NULL);
	loop->posted_end = &loop->posted;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = loop->wake_fd < 0 ? err_set_errno(e, -errno, "eventfd for the event loop") : 0;
	if (rc == 0 && grow(&loop->polled, 1))
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc)
		loop_destroy(loop);
	else
		*ret_loop = loop;
	return rc;
}

static void free_removed(struct loop *loop, bool all)
{
	for (struct loop_source **at = &loop->sources; *at;) {
		struct loop_source *s = *at;
		if (!s->removed && !all) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		loop->nr_sources--;
		free(s);
	}
	for (struct loop_timer **at = &loop->timers; *at;) {
		struct loop_timer *t = *at;
		if (!t->removed && !all) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t);
	}
	loop->any_removed = false;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	free_removed(loop, /* all */ true);
	free(loop->polled.fds);
	free(loop->polled.sources);
	(void)fd_close(loop->wake_fd);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop);
}

static struct loop_source *find_source(const struct loop *loop, int fd, short events)
{
	for (struct loop_source *s = loop->sources; s; s = s->next) {
		if (s->fd == fd && s->events == events && !s->removed)
			return s;
	}
	return NULL;
}

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* the loop's list owns it */
static int add_source(struct loop *loop, struct loop_source source, struct err *e)
{
	if (find_source(loop, source.fd, source.events))
		return err_set(e, -EEXIST, "descriptor %d is in the event loop already", source.fd);
	struct loop_source *s = calloc(1, sizeof(*s));
	if (!s || grow(&loop->polled, loop->nr_sources + 2)) {
		free(s);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*s = source;
	s->enabled = true;
	/* In the order of adding, which is that of the calls. */
	struct loop_source **end = &loop->sources;
	while (*end)
		end = &(*end)->next;
	*end = s;
	loop->nr_sources++;
	return 0;
}

static void remove_source(struct loop *loop, int fd, short events)
{
	struct loop_source *s = find_source(loop, fd, events);
	if (s)
		s->removed = loop->any_removed = true;
	if (!loop->calling)
		free_removed(loop, /* all */ false);
}

static void enable_source(struct loop *loop, int fd, short events, bool enabled)
{
	struct loop_source *s = find_source(loop, fd, events);
	if (s)
		s->enabled = enabled;
}

int loop_add_reader(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e)
{
	return add_source(
		loop, (struct loop_source){ .fd = fd, .events = POLLIN, .fn = fn, .ctx = ctx }, e);
}

int loop_add_writer(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e)
{
	return add_source(
		loop, (struct loop_source){ .fd = fd, .events = POLLOUT, .fn = fn, .ctx = ctx }, e);
}

ANALYZER_END;

void loop_remove_reader(struct loop *loop, int fd)
{
	remove_source(loop, fd, POLLIN);
}

void loop_remove_writer(struct loop *loop, int fd)
{
	remove_source(loop, fd, POLLOUT);
}

void loop_enable_reader(struct loop *loop, int fd, bool enabled)
{
	enable_source(loop, fd, POLLIN, enabled);
}

void loop_enable_writer(struct loop *loop, int fd, bool enabled)
{
	enable_source(loop, fd, POLLOUT, enabled);
}

int loop_add_timer(struct loop *loop, void (*fn)(void *ctx), void *ctx,
	struct loop_timer **ret_timer, struct err *e)
{
	struct loop_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	*t = (struct loop_timer){ .loop = loop, .fn = fn, .ctx = ctx };
	struct loop_timer **end = &loop->timers;
	while (*end)
		end = &(*end)->next;
	*end = t;
	*ret_timer = t;
	return 0;
}

void loop_remove_timer(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	timer->removed = loop->any_removed = true;
	if (!loop->calling)
		free_removed(loop, /* all */ false);
}

static void wake(struct loop *loop)
{
	const uint64_t one = 1;
	/* EAGAIN: 2^64 - 2 wake-ups are pending, one more changes nothing. */
	ssize_t done = write(loop->wake_fd, &one, sizeof(one));
	(void)done;
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
		wake(loop);
}

void loop_post(struct loop *loop, struct loop_call *call)
{
	(void)pthread_mutex_lock(&loop->lock);
	bool waits = call->posted;
	bool first = !loop->posted;
	if (!waits) {
		call->posted = true;
		call->next = NULL;
		*loop->posted_end = call;
		loop->posted_end = &call->next;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	if (!waits && first)
		wake(loop);
}

static void take_out(struct loop_call **list, const struct loop_call *call)
{
	while (*list && *list != call)
		list = &(*list)->next;
	if (*list)
		*list = call->next;
}

void loop_cancel(struct loop *loop, struct loop_call *call)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (call->posted) {
		take_out(&loop->due, call);
		take_out(&loop->posted, call);
		loop->posted_end = &loop->posted;
		while (*loop->posted_end)
			loop->posted_end = &(*loop->posted_end)->next;
		call->posted = false;
	}
	(void)pthread_mutex_unlock(&loop->lock);
}

bool loop_is_empty(struct loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
	bool posted = loop->posted || loop->due;
	(void)pthread_mutex_unlock(&loop->lock);
	return !posted && !loop->sources && !loop->timers;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	wake(loop);
}

static bool is_due(struct loop *loop, struct loop_timer *t)
{
	(void)pthread_mutex_lock(&loop->lock);
	bool due = !t->removed && t->deadline_ns != 0 && t->deadline_ns <= host_monotonic_ns();
	if (due)
		t->deadline_ns = 0;
	(void)pthread_mutex_unlock(&loop->lock);
	return due;
}

/* Calls what is due; returns the next deadline, or 0. */
static uint64_t run_timers(struct loop *loop)
{
	uint64_t next = 0;
	for (struct loop_timer *t = loop->timers; t; t = t->next) {
		if (is_due(loop, t))
			t->fn(t->ctx);
	}
	(void)pthread_mutex_lock(&loop->lock);
	for (const struct loop_timer *t = loop->timers; t; t = t->next) {
		if (!t->removed && t->deadline_ns != 0 && (next == 0 || t->deadline_ns < next))
			next = t->deadline_ns;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return next;
}

/* The next of what is due, which waits no longer; false after the last. */
static bool next_due(struct loop *loop, struct loop_call *copy)
{
	(void)pthread_mutex_lock(&loop->lock);
	struct loop_call *call = loop->due;
	if (call) {
		loop->due = call->next;
		call->posted = false;
		*copy = *call;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return call != NULL;
}

/* What is posted meanwhile is for the next round, so that no call that posts itself keeps it up. */
static void run_posted(struct loop *loop)
{
	struct loop_call call;
	(void)pthread_mutex_lock(&loop->lock);
	loop->due = loop->posted;
	loop->posted = NULL;
	loop->posted_end = &loop->posted;
	(void)pthread_mutex_unlock(&loop->lock);
	/* By a copy: its owner may free it as soon as it has run, or reuse it. */
	while (next_due(loop, &call))
		call.fn(call.ctx);
}

static void drain_wake(struct loop *loop)
{
	uint64_t count;
	ssize_t done = read(loop->wake_fd, &count, sizeof(count));
	(void)done;
	run_posted(loop);
}

static nfds_t fill(struct loop *loop)
{
	struct poll_set *p = &loop->polled;
	nfds_t n = 0;
	p->sources[n] = NULL;
	p->fds[n++] = (struct pollfd){ .fd = loop->wake_fd, .events = POLLIN };
	for (struct loop_source *s = loop->sources; s; s = s->next) {
		if (s->removed || !s->enabled)
			continue;
		p->sources[n] = s;
		p->fds[n++] = (struct pollfd){ .fd = s->fd, .events = s->events };
	}
	return n;
}

static int poll_once(struct loop *loop, uint64_t deadline_ns)
{
	struct poll_set *p = &loop->polled;
	nfds_t n = fill(loop);
	struct timespec wait = { 0 };
	if (deadline_ns) {
		uint64_t now = host_monotonic_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		wait = (struct timespec){ (time_t)(left / 1000000000u),
			(long)(left % 1000000000u) };
	}
	int rc = ppoll(p->fds, n, deadline_ns ? &wait : NULL, /* sigmask */ NULL);
	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	if (p->fds[0].revents)
		drain_wake(loop);
	for (nfds_t i = 1; i < n; i++) {
		/* An earlier callback may have removed it, switched it off, or added others: the
		 * arrays may have moved. */
		struct loop_source *s = p->fds[i].revents ? p->sources[i] : NULL;
		if (s && !s->removed && s->enabled)
			s->fn(s->ctx);
	}
	return 0;
}

static int run_round(struct loop *loop)
{
	int rc = 0;
	loop->calling = true;
	uint64_t deadline_ns = run_timers(loop);
	if (!atomic_load(&loop->stop))
		rc = poll_once(loop, deadline_ns);
	loop->calling = false;
	if (loop->any_removed)
		free_removed(loop, /* all */ false);
	return rc;
}

int loop_run(struct loop *loop, struct err *e)
{
	while (!atomic_load(&loop->stop)) {
		int rc = run_round(loop);
		if (rc)
			return err_set_errno(e, rc, "ppoll in the event loop");
	}
	atomic_store(&loop->stop, false);
	return 0;
}
