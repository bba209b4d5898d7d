/* SPDX-License-Identifier: MIT */
/*
 * The event loop of a machine's main thread: descriptors, one-shot timers, and a wake-up that any
 * thread may call. poll(2), not epoll: standard input may be a regular file, which epoll refuses.
 * All functions but loop_wake, loop_stop and the timers' arm are for the loop's own thread.
 */
#ifndef NESTOR_HOST_LOOP_H
#define NESTOR_HOST_LOOP_H

#include "base/err.h"
#include "base/types.h"

#define LOOP_MAX_SOURCES 32
#define LOOP_MAX_TIMERS 8

struct loop;
struct loop_timer;

int loop_create(struct loop **ret_loop, struct err *e) MUST_CHECK;
void loop_destroy(struct loop *loop);

/* Calls fn(ctx) while fd is readable, or was hung up. fd is borrowed. */
int loop_add_reader(
	struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx, struct err *e) MUST_CHECK;
void loop_remove_reader(struct loop *loop, int fd);
/* Asks again after a source was switched off because its taker was full. */
void loop_enable_reader(struct loop *loop, int fd, bool enabled);

/* A timer that calls fn(ctx) on the loop's thread; owned by the loop. */
int loop_add_timer(struct loop *loop, void (*fn)(void *ctx), void *ctx,
	struct loop_timer **ret_timer, struct err *e) MUST_CHECK;
void loop_remove_timer(struct loop_timer *timer);
/* CLOCK_MONOTONIC nanoseconds; 0 disarms. Any thread. */
void loop_timer_arm(struct loop_timer *timer, uint64_t deadline_ns);

/* Calls fn(ctx) once on the loop's thread, soon, whenever loop_wake was called since. Any thread.
 */
int loop_add_waker(struct loop *loop, void (*fn)(void *ctx), void *ctx, struct err *e) MUST_CHECK;
void loop_wake(struct loop *loop);

/* Runs until loop_stop. Returns 0, or -errno where polling itself fails. */
int loop_run(struct loop *loop, struct err *e) MUST_CHECK;
/* Makes the loop_run under way, or else the next one, return. Any thread. */
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC and CLOCK_REALTIME, nanoseconds. */
uint64_t host_monotonic_ns(void);
uint64_t host_wall_ns(void);

#endif
