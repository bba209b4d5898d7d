/* SPDX-License-Identifier: MIT */
#include "verify/watchdog.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The C library has no name for it before glibc 2.38. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000
#define REPEAT_MS 50

static void on_signal(int sig)
{
	(void)sig; /* its arrival is all that matters */
}

static uint64_t now_ns(void)
{
	struct timespec t = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int start_timer(struct watchdog *dog, struct err *e)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	const struct itimerspec when = {
		.it_value = { .tv_sec = dog->ms / 1000, .tv_nsec = dog->ms % 1000 * NS_PER_MS },
		.it_interval = { .tv_nsec = REPEAT_MS * NS_PER_MS },
	};
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &dog->timer) < 0)
		return err_set_errno(e, -errno, "timer_create for the guest's watchdog");
	if (timer_settime(dog->timer, /* flags */ 0, &when, /* old */ NULL) < 0) {
		int rc = err_set_errno(e, -errno, "timer_settime for the guest's watchdog");
		(void)timer_delete(dog->timer);
		return rc;
	}
	return 0;
}

static void restore_signal(const struct watchdog *dog)
{
	(void)pthread_sigmask(SIG_SETMASK, &dog->old_mask, /* old */ NULL);
	(void)sigaction(SIGRTMIN, &dog->old_action, /* old */ NULL);
}

int watchdog_start(struct watchdog *ret_dog, unsigned ms, struct err *e)
{
	struct watchdog *dog = ret_dog;
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t signals;
	*dog = (struct watchdog){ .ms = ms };
	(void)sigemptyset(&action.sa_mask);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGRTMIN);
	if (sigaction(SIGRTMIN, &action, &dog->old_action) < 0)
		return err_set_errno(e, -errno, "sigaction for the guest's watchdog");
	(void)pthread_sigmask(SIG_UNBLOCK, &signals, &dog->old_mask);
	dog->deadline_ns = now_ns() + (uint64_t)ms * NS_PER_MS;
	int rc = start_timer(dog, e);
	if (rc)
		restore_signal(dog);
	return rc;
}

void watchdog_stop(struct watchdog *dog)
{
	/* A signal that the timer sent is handled by the time that this call returns: the handler
	 * is still in place. */
	(void)timer_delete(dog->timer);
	restore_signal(dog);
}

bool watchdog_expired(const struct watchdog *dog)
{
	return now_ns() >= dog->deadline_ns;
}
