/* SPDX-License-Identifier: MIT */
/*
 * Services for device tests: they record what the device does, and the test sets the time. Also a
 * bus with one device on it, and a seeded random number generator for the fuzz tests.
 */
#ifndef NESTOR_TESTS_UNIT_DEVICES_FAKE_SERVICES_H
#define NESTOR_TESTS_UNIT_DEVICES_FAKE_SERVICES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/bus.h"
#include "devices/services.h"

#include <string.h>

#define FAKE_GSIS 32
#define FAKE_SINK_BYTES 4096
#define FAKE_MESSAGES 256
#define FAKE_FUZZ_STEPS 100000

struct fake_message {
	uint64_t address;
	uint32_t data;
};

struct fake_services {
	bool irq_level[FAKE_GSIS];
	unsigned irq_rises[FAKE_GSIS];
	uint64_t monotonic_ns, wall_ns;
	uint64_t deadline_ns; /* of the one timer; 0: not armed */
	unsigned arms;
	void (*timer_fn)(void *ctx); /* NULL: there is no timer */
	void *timer_ctx;
	uint8_t sink[FAKE_SINK_BYTES]; /* the first bytes; nr_sink goes on counting */
	size_t nr_sink;
	const uint8_t *source;   /* what is still to be read, … */
	size_t nr_source, asked; /* … and for how many bytes it was asked last */
	unsigned input_wanted;
	struct fake_message messages[FAKE_MESSAGES];
	unsigned nr_messages;
	unsigned requests;
	enum machine_request last_request;
	uint32_t last_value;
	unsigned reports;
	char last_report[256];
	struct bus bus;
};

static inline void fake_irq_set(void *ctx, unsigned gsi, bool level)
{
	struct fake_services *f = ctx;

	assert_in_range(gsi, 0, FAKE_GSIS - 1);
	if (level && !f->irq_level[gsi])
		f->irq_rises[gsi]++;
	f->irq_level[gsi] = level;
}

static inline struct irq_line fake_irq(struct fake_services *f, unsigned gsi)
{
	return (struct irq_line){ fake_irq_set, f, gsi };
}

static inline uint64_t fake_monotonic(void *ctx)
{
	return ((struct fake_services *)ctx)->monotonic_ns;
}

static inline uint64_t fake_wall(void *ctx)
{
	return ((struct fake_services *)ctx)->wall_ns;
}

static inline struct clock_source fake_clock(struct fake_services *f)
{
	return (struct clock_source){ fake_monotonic, fake_wall, f };
}

static inline void fake_advance(struct fake_services *f, uint64_t ns)
{
	f->monotonic_ns += ns;
	f->wall_ns += ns;
}

static inline int fake_create_timer(
	void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx, struct timer **ret_timer, struct err *e)
{
	struct fake_services *f = ctx;

	(void)e;
	assert_null(f->timer_fn);
	f->timer_fn = fn;
	f->timer_ctx = fn_ctx;
	*ret_timer = (struct timer *)f;
	return 0;
}

static inline void fake_arm(struct timer *timer, uint64_t deadline_ns)
{
	struct fake_services *f = (struct fake_services *)timer;

	assert_non_null(f->timer_fn);
	f->deadline_ns = deadline_ns;
	f->arms++;
}

static inline void fake_destroy_timer(struct timer *timer)
{
	struct fake_services *f = (struct fake_services *)timer;

	if (f)
		f->timer_fn = NULL;
}

static inline struct timer_service fake_timers(struct fake_services *f)
{
	return (struct timer_service){ fake_create_timer, fake_arm, fake_destroy_timer, f };
}

/* Calls the timer's function, as the event loop does where the deadline has come; false: it has
 * not. */
static inline bool fake_run_timer(struct fake_services *f)
{
	if (f->deadline_ns == 0 || f->deadline_ns > f->monotonic_ns)
		return false;
	f->deadline_ns = 0;
	f->timer_fn(f->timer_ctx);
	return true;
}

static inline void fake_sink_write(void *ctx, const uint8_t *bytes, size_t n)
{
	struct fake_services *f = ctx;

	for (size_t i = 0; i < n; i++, f->nr_sink++) {
		if (f->nr_sink < FAKE_SINK_BYTES)
			f->sink[f->nr_sink] = bytes[i];
	}
}

static inline struct byte_sink fake_sink(struct fake_services *f)
{
	return (struct byte_sink){ fake_sink_write, f };
}

static inline void fake_notify(void *ctx)
{
	((struct fake_services *)ctx)->input_wanted++;
}

static inline size_t fake_read(void *ctx, uint8_t *bytes, size_t n)
{
	struct fake_services *f = ctx;
	size_t given = n < f->nr_source ? n : f->nr_source;

	f->asked = n;
	if (given == 0)
		return 0;
	memcpy(bytes, f->source, given);
	f->source += given;
	f->nr_source -= given;
	return given;
}

static inline struct byte_source fake_source(struct fake_services *f)
{
	return (struct byte_source){ fake_read, fake_notify, f };
}

static inline void fake_send(void *ctx, uint64_t address, uint32_t data)
{
	struct fake_services *f = ctx;

	f->messages[f->nr_messages % FAKE_MESSAGES] = (struct fake_message){ address, data };
	f->nr_messages++;
}

static inline struct msi_sink fake_msi(struct fake_services *f)
{
	return (struct msi_sink){ fake_send, f };
}

static inline void fake_request(void *ctx, enum machine_request what, uint32_t value)
{
	struct fake_services *f = ctx;

	f->requests++;
	f->last_request = what;
	f->last_value = value;
}

static inline struct machine_control fake_machine(struct fake_services *f)
{
	return (struct machine_control){ fake_request, f };
}

static inline void fake_report(void *ctx, enum report_level level, const char *text)
{
	struct fake_services *f = ctx;

	(void)level;
	f->reports++;
	strncpy(f->last_report, text, sizeof(f->last_report) - 1);
}

static inline struct reporter fake_reporter(struct fake_services *f, enum report_level least)
{
	return (struct reporter){ fake_report, f, least };
}

static inline void fake_claim(struct fake_services *f, struct device *dev)
{
	struct err e = ERR_INIT;

	assert_non_null(dev);
	if (!atomic_load(&f->bus.map))
		bus_init(&f->bus, /* reporter */ NULL);
	assert_int_equal(bus_claim(&f->bus, dev, &e), 0);
}

/* The device, and the bus that it is on. */
static inline void fake_destroy(struct fake_services *f, struct device *dev)
{
	device_destroy(dev);
	bus_done(&f->bus);
}

static inline uint8_t fake_inb(struct fake_services *f, uint64_t port)
{
	return (uint8_t)bus_read(&f->bus, BUS_PIO, port, 1);
}

static inline void fake_outb(struct fake_services *f, uint64_t port, unsigned value)
{
	bus_write(&f->bus, BUS_PIO, port, 1, value);
}

struct fake_random {
	uint64_t state; /* not 0 */
};

static inline uint64_t fake_random(struct fake_random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 to n - 1. */
static inline uint64_t fake_random_below(struct fake_random *r, uint64_t n)
{
	return (fake_random(r) >> 16) % n;
}

/* One random access somewhere in [base - 4, base + span + 4). */
static inline void fake_random_access(struct fake_services *f, struct fake_random *r,
	enum bus_space space, uint64_t base, uint64_t span)
{
	unsigned size = 1u << fake_random_below(r, space == BUS_PIO ? 3 : 4);
	uint64_t addr = base - 4 + fake_random_below(r, span + 8);

	if (fake_random_below(r, 2)) {
		bus_write(&f->bus, space, addr, size, fake_random(r));
	} else {
		uint64_t value = bus_read(&f->bus, space, addr, size);

		assert_int_equal(value & ~bit_mask(size * 8), 0);
	}
}

#endif
