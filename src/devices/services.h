/* SPDX-License-Identifier: MIT */
/*
 * The narrow handles through which a device acts: each is a function and its context, given by
 * value at creation by whoever builds the machine (vm/, or a test). All may be called from any
 * thread and with the device's own mutex held; none calls back into the device.
 */
#ifndef NESTOR_DEVICES_SERVICES_H
#define NESTOR_DEVICES_SERVICES_H

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

/* Time. monotonic_ns never goes back; wall_ns is nanoseconds since 1970 UTC. */
struct clock_source {
	uint64_t (*monotonic_ns)(void *ctx);
	uint64_t (*wall_ns)(void *ctx);
	void *ctx;
};

/*
 * One one-shot timer. arm() makes the event loop call the function that was registered with the
 * timer, on its own thread, at monotonic time deadline_ns or as soon after as it can; arming again
 * replaces the deadline, and 0 disarms. A call already under way may still run once after either.
 */
struct timer_handle {
	void (*arm)(void *ctx, uint64_t deadline_ns);
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
 * Told when a device that had no room for input has room again, so that the event loop goes back
 * to reading the source. May come once too often; never calls back into the device.
 */
struct input_wanted {
	void (*notify)(void *ctx);
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
