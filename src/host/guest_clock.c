/* SPDX-License-Identifier: MIT */
#include "host/guest_clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct guest_timer {
	struct guest_clock *clock;
	struct guest_timer *next;      /* of the clock's; the loop's thread */
	struct loop_timer *loop_timer; /* owned */
	uint64_t deadline_ns;          /* of the clock, under its lock; 0: disarmed */
	void (*fn)(void *ctx);
	void *ctx;
};

struct guest_clock {
	struct loop *loop; /* borrowed */
	pthread_mutex_t lock;
	bool stopped;
	uint64_t stopped_ns; /* what it says while stopped */
	uint64_t zero_ns; /* the host's monotonic time at which it said 0, had it never stopped */
	struct guest_timer *timers;
};

int guest_clock_create(struct guest_clock **ret_clock, struct loop *loop, struct err *e)
{
	struct guest_clock *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&c->lock, /* attr */ NULL);
	c->loop = loop;
	c->zero_ns = host_monotonic_ns();
	*ret_clock = c;
	return 0;
}

void guest_clock_destroy(struct guest_clock *c)
{
	if (!c)
		return;
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static uint64_t now_locked(const struct guest_clock *c)
{
	return c->stopped ? c->stopped_ns : host_monotonic_ns() - c->zero_ns;
}

uint64_t guest_clock_ns(struct guest_clock *c)
{
	(void)pthread_mutex_lock(&c->lock);
	uint64_t now = now_locked(c);
	(void)pthread_mutex_unlock(&c->lock);
	return now;
}

/* Tells the loop, with the clock's lock held. A deadline past the loop's end of time is never. */
static void arm_locked(struct guest_timer *t)
{
	const struct guest_clock *c = t->clock;
	bool never = t->deadline_ns > UINT64_MAX - c->zero_ns;
	bool armed = t->deadline_ns != 0 && !c->stopped && !never;
	loop_timer_arm(t->loop_timer, armed ? c->zero_ns + t->deadline_ns : 0);
}

static void arm_all_locked(struct guest_clock *c)
{
	for (struct guest_timer *t = c->timers; t; t = t->next)
		arm_locked(t);
}

static void stop_locked(struct guest_clock *c, uint64_t host_ns)
{
	if (!c->stopped)
		c->stopped_ns = host_ns - c->zero_ns;
	c->stopped = true;
	arm_all_locked(c);
}

void guest_clock_stop_at(struct guest_clock *c, uint64_t host_ns)
{
	(void)pthread_mutex_lock(&c->lock);
	stop_locked(c, host_ns);
	(void)pthread_mutex_unlock(&c->lock);
}

void guest_clock_stop(struct guest_clock *c)
{
	(void)pthread_mutex_lock(&c->lock);
	stop_locked(c, host_monotonic_ns()); /* later than all that was seen of it */
	(void)pthread_mutex_unlock(&c->lock);
}

void guest_clock_start_at(struct guest_clock *c, uint64_t host_ns)
{
	(void)pthread_mutex_lock(&c->lock);
	if (c->stopped) {
		c->zero_ns = host_ns - c->stopped_ns;
		c->stopped = false;
		arm_all_locked(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
}

void guest_clock_start(struct guest_clock *c)
{
	guest_clock_start_at(c, host_monotonic_ns());
}

/* The loop may have been on its way here while the timer was disarmed, put off, or the clock
 * stopped. */
static void on_loop_timer(void *ctx)
{
	struct guest_timer *t = ctx;
	struct guest_clock *c = t->clock;
	(void)pthread_mutex_lock(&c->lock);
	bool due = t->deadline_ns != 0 && !c->stopped && t->deadline_ns <= now_locked(c);
	if (due)
		t->deadline_ns = 0;
	else
		arm_locked(t);
	(void)pthread_mutex_unlock(&c->lock);
	if (due)
		t->fn(t->ctx);
}

int guest_timer_create(struct guest_timer **ret_timer, struct guest_clock *c, void (*fn)(void *ctx),
	void *ctx, struct err *e)
{
	struct guest_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	*t = (struct guest_timer){ .clock = c, .fn = fn, .ctx = ctx };
	int rc = loop_add_timer(c->loop, on_loop_timer, t, &t->loop_timer, e);
	if (rc) {
		free(t);
		return rc;
	}
	t->next = c->timers;
	c->timers = t;
	*ret_timer = t;
	return 0;
}

void guest_timer_destroy(struct guest_timer *t)
{
	if (!t)
		return;
	struct guest_timer **at = &t->clock->timers;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	loop_remove_timer(t->loop_timer);
	free(t);
}

void guest_timer_arm(struct guest_timer *t, uint64_t deadline_ns)
{
	(void)pthread_mutex_lock(&t->clock->lock);
	t->deadline_ns = deadline_ns;
	arm_locked(t);
	(void)pthread_mutex_unlock(&t->clock->lock);
}
