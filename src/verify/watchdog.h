/* SPDX-License-Identifier: MIT */
/*
 * Gets a thread out of KVM_RUN once its time is up. A timer signals the thread, again and again: a
 * signal that comes just before KVM_RUN is lost, the next one is not. Nothing is shared with
 * another thread.
 */
#ifndef NESTOR_VERIFY_WATCHDOG_H
#define NESTOR_VERIFY_WATCHDOG_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct watchdog {
	unsigned ms;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	timer_t timer;
	struct sigaction old_action;
	sigset_t old_mask;
};

/*
 * From now on, and until watchdog_stop, SIGRTMIN has an empty handler in the process and is let in
 * on this thread. KVM_RUN on it returns -EINTR after ms (1 and up) at the latest, and every 50 ms
 * from then on.
 */
int watchdog_start(struct watchdog *ret_dog, unsigned ms, struct err *e) MUST_CHECK;

/* Of a watchdog that was started; on the same thread. What SIGRTMIN did before, it does again. */
void watchdog_stop(struct watchdog *dog);

/* True once the time is up. */
bool watchdog_expired(const struct watchdog *dog);

#endif
