/* SPDX-License-Identifier: MIT */
/*
 * A machine's own time: nanoseconds since it was made, which can stand still while the machine is
 * paused, and one-shot timers of that time, which do not expire while it stands still. A machine
 * whose clock went on finds what was due in the pause all due at once; one whose clock stood still
 * does not notice, but for the wall clock.
 *
 * Reading the time and arming a timer are for any thread, with a device's lock held (the order of
 * locks is in devices/services.h); all else is for the loop's thread.
 */
#ifndef NESTOR_HOST_GUEST_CLOCK_H
#define NESTOR_HOST_GUEST_CLOCK_H

#include "base/err.h"
#include "host/loop.h"

struct guest_clock;
struct guest_timer;

/* Begins to run, at 0. The loop, which calls the timers, must outlive it. */
int guest_clock_create(struct guest_clock **ret_clock, struct loop *loop, struct err *e) MUST_CHECK;
/* Its timers must be gone. NULL-safe. */
void guest_clock_destroy(struct guest_clock *clock);

uint64_t guest_clock_ns(struct guest_clock *clock);

/* Each does nothing where the clock stands still already, or runs. */
void guest_clock_stop(struct guest_clock *clock);
void guest_clock_start(struct guest_clock *clock);
/* The same, as of a time just past by host_monotonic_ns(), as other clocks do; nobody has looked at
 * this one since. */
void guest_clock_stop_at(struct guest_clock *clock, uint64_t host_ns);
void guest_clock_start_at(struct guest_clock *clock, uint64_t host_ns);

/* A timer that calls fn(ctx) on the loop's thread, without a lock; not armed. */
int guest_timer_create(struct guest_timer **ret_timer, struct guest_clock *clock,
	void (*fn)(void *ctx), void *ctx, struct err *e) MUST_CHECK;
/* NULL-safe. */
void guest_timer_destroy(struct guest_timer *timer);
/* At that time of the clock, once; 0 disarms. A call under way may still come. */
void guest_timer_arm(struct guest_timer *timer, uint64_t deadline_ns);

#endif
