/* SPDX-License-Identifier: MIT */
/*
 * An event loop, of one thread: descriptors to read from or write to, one-shot timers, and calls
 * that any thread may post. poll(2), not epoll: standard input may be a regular file, which epoll
 * refuses. All functions are for the loop's own thread but loop_post, loop_stop and
 * loop_timer_arm. There may be as many of all of them as there is memory; what fails of that fails
 * where they are added, never while the loop runs.
 */
#ifndef NESTOR_HOST_LOOP_H
#define NESTOR_HOST_LOOP_H

#include "base/err.h"
#include "base/types.h"

struct loop;
struct loop_timer;

int loop_create(struct loop **ret_loop, struct err *e) MUST_CHECK;
void loop_destroy(struct loop *loop);

/*
 * Calls fn(ctx) while fd is readable, or writable; either way, too, when it was hung up or is in
 * error. fd is borrowed, and may have one reader and one writer.
 */
int loop_add_reader(
	struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e) MUST_CHECK;
int loop_add_writer(
	struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e) MUST_CHECK;
/* It is not called any more, not even for what the poll under way found. */
void loop_remove_reader(struct loop *loop, int fd);
void loop_remove_writer(struct loop *loop, int fd);
/* On again after a source was switched off because its taker was full; or off as long as there is
 * nothing to write. */
void loop_enable_reader(struct loop *loop, int fd, bool enabled);
void loop_enable_writer(struct loop *loop, int fd, bool enabled);

/* A timer that calls fn(ctx) on the loop's thread; owned by the loop. */
int loop_add_timer(struct loop *loop, void (*fn)(void *ctx), void *ctx,
	struct loop_timer **ret_timer, struct err *e) MUST_CHECK;
/* Nobody arms it any more. */
void loop_remove_timer(struct loop_timer *timer);
/* CLOCK_MONOTONIC nanoseconds; 0 disarms. Any thread. */
void loop_timer_arm(struct loop_timer *timer, uint64_t deadline_ns);

/*
 * What another thread wants done on the loop's. The caller's, with fn and ctx set and the rest 0;
 * it stays until it was called or cancelled. That way posting needs no memory and cannot fail.
 */
struct loop_call {
	void (*fn)(void *ctx);
	void *ctx;
	bool posted; /* the loop's, with next */
	struct loop_call *next;
};

/* Calls it once on the loop's thread, in the order of posting; if it waits already, that is enough.
 * It may post itself again. Any thread. */
void loop_post(struct loop *loop, struct loop_call *call);
/* If it waits, it is not called. Nobody posts it any more, or it may wait again. */
void loop_cancel(struct loop *loop, struct loop_call *call);

/* Whether nothing is left in it that was added or posted: all who used it are done with it. */
bool loop_is_empty(struct loop *loop);

/* Runs until loop_stop. Returns 0, or -errno where polling itself fails. */
int loop_run(struct loop *loop, struct err *e) MUST_CHECK;
/* Makes the loop_run under way, or else the next one, return. Any thread. */
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC and CLOCK_REALTIME, nanoseconds. */
uint64_t host_monotonic_ns(void);
uint64_t host_wall_ns(void);

#endif
