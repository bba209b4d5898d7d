/* SPDX-License-Identifier: MIT */
/*
 * The narrow handles through which a device acts: each is a function and its context, given by
 * value at creation by whoever builds the machine (vm/, or a test). All may be called from any
 * thread and with the device's own mutex held, but where it says otherwise; none calls back into
 * the device.
 *
 * Order of locks, for devices and for those who provide the services; whoever holds one takes only
 * those below it:
 *   1. the interrupt routes' (kvm/routes.c), as entries are read and handed to KVM in one step;
 *      so no device's is held when the I/O APIC says that routes changed
 *   2. a device's own; of another device never, but for
 *   3. the I/O APIC's, where a device sets its interrupt line
 *   4. the bus's (bus.h), where a device moves its claims
 *   5. the guest clock's (host/guest_clock.h), whose timers devices arm
 *   6. the event loop's (host/loop.h)
 * Functions that a service calls (a timer's, the loop's) are called without any of them.
 */
#ifndef NESTOR_DEVICES_SERVICES_H
#define NESTOR_DEVICES_SERVICES_H

#include "base/err.h"
#include "base/types.h"

/* An interrupt input pin (GSI) that the device drives; level-triggered use: set(…, true) … false.
 */
struct irq_line {
	void (*set)(void *ctx, unsigned gsi, bool level);
	void *ctx;
	unsigned gsi;
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
	line->set(line->ctx, line->gsi, level);
}

/*
 * The guest's time. monotonic_ns never goes back, and stands still while the VM is paused, unless
 * the VM's owner wants it to go on; devices measure by it whatever they measure. wall_ns is
 * nanoseconds since 1970 UTC: the host's, which goes on and may be set, also backwards.
 */
struct clock_source {
	uint64_t (*monotonic_ns)(void *ctx);
	uint64_t (*wall_ns)(void *ctx);
	void *ctx;
};

/* One one-shot timer; its provider's. */
struct timer;

/*
 * Makes timers of the guest's time. create: a timer, not armed, that calls fn(fn_ctx) on the event
 * loop's thread; -errno with e set where there can be no more. arm: the call comes at monotonic
 * time deadline_ns (of clock_source) or as soon after as it can, and not while that time stands
 * still; arming again replaces the deadline, and 0 disarms. A call already under way may still run
 * once after either. create and destroy are for the loop's thread, without a lock.
 */
struct timer_service {
	int (*create)(void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx, struct timer **ret_timer,
		struct err *e);
	void (*arm)(struct timer *timer, uint64_t deadline_ns);
	void (*destroy)(struct timer *timer); /* NULL-safe */
	void *ctx;
};

/*
 * Where a device's output bytes go. write() returns when they are taken; it may wait for a slow
 * reader, and gives up (dropping them) once the machine stops.
 */
struct byte_sink {
	void (*write)(void *ctx, const uint8_t *bytes, size_t n);
	void *ctx;
};

/*
 * Where a device's input bytes come from. The device reads when it is told that there are some, by
 * a function of its own, on the event loop's thread: read gives up to n of those that are there,
 * which may be none, and does not wait. A device that was told so and had no room calls wanted once
 * it has, so that it is told again; it may do so once too often.
 */
struct byte_source {
	size_t (*read)(void *ctx, uint8_t *bytes, size_t n); /* NULL: nothing ever comes */
	void (*wanted)(void *ctx);
	void *ctx;
};

/* Sends one message-signalled interrupt: address and data as SDM vol. 3, APIC chapter, has them. */
struct msi_sink {
	void (*send)(void *ctx, uint64_t address, uint32_t data);
	void *ctx;
};

/* What a guest may ask of the whole machine; the first request wins, and takes effect soon. */
enum machine_request {
	MACHINE_POWER_OFF,
	MACHINE_RESET,
	MACHINE_DEBUG_EXIT, /* value: the byte written */
	MACHINE_PANIC,      /* value: the pvpanic event bits */
};

struct machine_control {
	void (*request)(void *ctx, enum machine_request what, uint32_t value);
	void *ctx;
};

#endif
