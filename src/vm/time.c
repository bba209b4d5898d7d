/* SPDX-License-Identifier: MIT */
/* The time services of devices: the machine's own clock, and timers of it. */
#include "vm/internal.h"

#include "host/guest_clock.h"

static uint64_t monotonic_ns(void *ctx)
{
	const struct machine *m = ctx;
	return guest_clock_ns(m->clock);
}

static uint64_t wall_ns(void *ctx)
{
	(void)ctx;
	return host_wall_ns();
}

struct clock_source machine_clock(struct machine *m)
{
	return (struct clock_source){ .monotonic_ns = monotonic_ns, .wall_ns = wall_ns, .ctx = m };
}

/* Of devices, a guest timer is just a timer. */
static struct guest_timer *guest_timer(struct timer *timer)
{
	return (struct guest_timer *)timer;
}

static int create_timer(
	void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx, struct timer **ret_timer, struct err *e)
{
	const struct machine *m = ctx;
	struct guest_timer *timer = NULL;
	int rc = guest_timer_create(&timer, m->clock, fn, fn_ctx, e);
	*ret_timer = (struct timer *)timer;
	return rc;
}

static void arm_timer(struct timer *timer, uint64_t deadline_ns)
{
	guest_timer_arm(guest_timer(timer), deadline_ns);
}

static void destroy_timer(struct timer *timer)
{
	guest_timer_destroy(guest_timer(timer));
}

struct timer_service machine_timers(struct machine *m)
{
	return (struct timer_service){
		.create = create_timer, .arm = arm_timer, .destroy = destroy_timer, .ctx = m
	};
}
