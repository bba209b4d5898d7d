/* SPDX-License-Identifier: MIT */
/*
 * A chip that was reset cannot be told from a fresh one: whatever a guest did before, from then on
 * both answer the same accesses alike, of any width, and do the same to the world.
 */
#include "fake_services.h"

#include "devices/acpi_pm.h"
#include "devices/debug_console.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/ns16550.h"
#include "devices/post_code.h"
#include "devices/pvpanic.h"

#include <stdlib.h>

#define ROUNDS 400
#define ACCESSES 60

/* One chip in a world of its own. */
struct chip {
	struct fake_services f;
	struct device *dev;
	void *part; /* the chip's own type */
	struct reporter reporter;
};

struct kind {
	enum bus_space space;
	uint64_t base, span; /* where accesses go */
	void (*create)(struct chip *c);
	/* Something that is no access of the guest's, by a random number; NULL: none. */
	void (*event)(struct chip *c, uint64_t random);
	/* What other devices' own reset would take back; NULL: nothing. */
	void (*quieten)(struct chip *c);
};

static void both(struct chip c[2], const struct kind *kind, struct fake_random *r)
{
	uint64_t addr = kind->base + fake_random_below(r, kind->span);
	unsigned size = (unsigned)fake_random_below(r, 9);
	uint64_t value = fake_random(r), what = fake_random_below(r, 5);
	for (unsigned i = 0; i < 2; i++) {
		if (what == 0 && kind->event)
			kind->event(&c[i], value);
		else if (what <= 2)
			bus_write(&c[i].f.bus, kind->space, addr, size, value);
	}
	if (what > 2)
		assert_int_equal(bus_read(&c[0].f.bus, kind->space, addr, size),
			bus_read(&c[1].f.bus, kind->space, addr, size));
}

static void disturb(struct chip *c, const struct kind *kind, struct fake_random *r)
{
	uint64_t addr = kind->base + fake_random_below(r, kind->span);
	unsigned size = (unsigned)fake_random_below(r, 9);
	if (kind->event && fake_random_below(r, 4) == 0) {
		kind->event(c, fake_random(r));
	} else if (fake_random_below(r, 3)) {
		bus_write(&c->f.bus, kind->space, addr, size, fake_random(r));
	} else {
		uint64_t value = bus_read(&c->f.bus, kind->space, addr, size);
		assert_int_equal(value & ~bit_mask(size * 8), 0);
	}
}

/* From a reset on, what the world saw of the chip starts anew. */
static void forget_the_past(struct fake_services *f)
{
	f->nr_sink = 0;
	f->nr_messages = 0;
	f->requests = 0;
	f->reports = 0;
	f->input_wanted = 0;
	memset(f->irq_rises, 0, sizeof(f->irq_rises));
	memset(f->messages, 0, sizeof(f->messages));
	memset(f->sink, 0, sizeof(f->sink));
	f->last_value = 0;
	f->last_request = MACHINE_POWER_OFF;
}

static void assert_same_world(const struct fake_services *a, const struct fake_services *b)
{
	assert_memory_equal(a->irq_level, b->irq_level, sizeof(a->irq_level));
	assert_memory_equal(a->irq_rises, b->irq_rises, sizeof(a->irq_rises));
	assert_int_equal(a->deadline_ns, b->deadline_ns);
	assert_int_equal(a->nr_sink, b->nr_sink);
	assert_memory_equal(a->sink, b->sink, sizeof(a->sink));
	assert_int_equal(a->nr_messages, b->nr_messages);
	assert_memory_equal(a->messages, b->messages, sizeof(a->messages));
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->last_request, b->last_request);
	assert_int_equal(a->last_value, b->last_value);
	assert_int_equal(a->reports, b->reports);
	assert_int_equal(a->input_wanted, b->input_wanted);
}

static void one_round(const struct kind *kind, struct fake_random *r)
{
	struct chip *c = calloc(2, sizeof(*c));
	assert_non_null(c);
	kind->create(&c[0]);
	fake_claim(&c[0].f, c[0].dev);
	for (unsigned i = 0; i < ACCESSES; i++) {
		fake_advance(&c[0].f, fake_random_below(r, 100000000));
		disturb(&c[0], kind, r);
	}
	if (kind->quieten)
		kind->quieten(&c[0]);
	c[0].dev->ops->reset(c[0].dev);
	c[1].f.monotonic_ns = c[0].f.monotonic_ns;
	c[1].f.wall_ns = c[0].f.wall_ns;
	kind->create(&c[1]);
	fake_claim(&c[1].f, c[1].dev);
	forget_the_past(&c[0].f);
	forget_the_past(&c[1].f);
	for (unsigned i = 0; i < ACCESSES; i++) {
		uint64_t ns = fake_random_below(r, 100000000);
		fake_advance(&c[0].f, ns);
		fake_advance(&c[1].f, ns);
		both(c, kind, r);
		assert_same_world(&c[0].f, &c[1].f);
	}
	fake_destroy(&c[0].f, c[0].dev);
	fake_destroy(&c[1].f, c[1].dev);
	free(c);
}

static void reset_is_as_fresh(const struct kind *kind)
{
	struct fake_random r = { 0x7265736574000001ULL };
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(kind, &r);
}

static void create_ns16550(struct chip *c)
{
	struct ns16550_config cfg = { .port = 0x3f8,
		.irq = fake_irq(&c->f, 4),
		.output = fake_sink(&c->f),
		.input_wanted = fake_input_wanted(&c->f) };
	c->part = ns16550_create(&cfg, NULL);
	c->dev = ns16550_device(c->part);
}

static void feed_ns16550(struct chip *c, uint64_t random)
{
	uint8_t bytes[20] = { (uint8_t)random, (uint8_t)(random >> 8) };
	if (random & 0x10000)
		(void)ns16550_input_space(c->part);
	size_t n = random >> 32 & 0xf;
	assert_in_range(ns16550_input(c->part, bytes, n), 0, n);
}

static void ns16550__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_PIO, 0x3f8, 8, create_ns16550, feed_ns16550, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
}

static void create_i8042(struct chip *c)
{
	struct i8042_config cfg = { .data_port = 0x60,
		.command_port = 0x64,
		.fast_a20_port = 0x92,
		.machine = fake_machine(&c->f) };
	c->dev = i8042_create(&cfg, NULL);
}

static void i8042__reset_after_random_use__as_fresh(void **state)
{
	struct kind kind = { BUS_PIO, 0x60, 5, create_i8042, NULL, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
	kind.base = 0x90;
	reset_is_as_fresh(&kind);
}

static void i8042__reset__every_ram_byte_and_a20_as_fresh(void **state)
{
	struct chip *c = calloc(1, sizeof(*c));
	(void)state;
	assert_non_null(c);
	create_i8042(c);
	fake_claim(&c->f, c->dev);
	for (unsigned i = 0; i < 32; i++) {
		fake_outb(&c->f, 0x64, 0x60 + i);
		fake_outb(&c->f, 0x60, 0xff);
	}
	fake_outb(&c->f, 0x92, 0); /* A20 off */
	c->dev->ops->reset(c->dev);
	for (unsigned i = 0; i < 32; i++) {
		fake_outb(&c->f, 0x64, 0x20 + i);
		assert_int_equal(fake_inb(&c->f, 0x60), i == 0 ? 0x64 : 0);
	}
	assert_int_equal(fake_inb(&c->f, 0x92), 2);
	fake_destroy(&c->f, c->dev);
	free(c);
}

static void create_acpi_pm(struct chip *c)
{
	struct acpi_pm_config cfg = { .event_port = 0x600,
		.control_port = 0x604,
		.timer_port = 0x608,
		.reset_port = 0xcf9,
		.s5_slp_typ = 5,
		.sci = fake_irq(&c->f, 9),
		.clock = fake_clock(&c->f),
		.timers = fake_timers(&c->f),
		.machine = fake_machine(&c->f) };
	c->part = acpi_pm_create(&cfg, NULL);
	c->dev = acpi_pm_device(c->part);
}

static void acpi_pm_event(struct chip *c, uint64_t random)
{
	if (fake_run_timer(&c->f))
		return;
	if (random & 1)
		acpi_pm_press_power_button(c->part);
	else /* long enough for the timer's top bit to change */
		fake_advance(&c->f, random % 8 * UINT64_C(1000000000));
}

static void acpi_pm__reset_after_random_use__as_fresh(void **state)
{
	struct kind kind = { BUS_PIO, 0x600, 12, create_acpi_pm, acpi_pm_event, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
	kind.base = 0xcf8;
	kind.span = 4;
	reset_is_as_fresh(&kind);
}

static void no_routes(void *ctx)
{
	(void)ctx;
}

static void create_ioapic(struct chip *c)
{
	struct ioapic_config cfg = {
		.base = { 0xfec00000 }, .id = 3, .msi = fake_msi(&c->f), .routes_changed = no_routes
	};
	c->part = ioapic_create(&cfg, NULL);
	c->dev = ioapic_device(c->part);
}

static void ioapic_event(struct chip *c, uint64_t random)
{
	unsigned pin = (unsigned)(random >> 8) % IOAPIC_NR_PINS;
	switch (random % 4) {
	case 0: /* a vector that some entry may have */
		ioapic_eoi(c->part, (uint8_t)ioapic_entry(c->part, pin));
		break;
	case 1: /* writes of the data register are dwords at its index, seldom so by chance */
		bus_write(&c->f.bus, BUS_MMIO, 0xfec00000, 4, 0x10 + random % 48);
		bus_write(&c->f.bus, BUS_MMIO, 0xfec00010, 4, random >> 16);
		break;
	default:
		ioapic_set_pin(c->part, pin, random & 0x80);
		break;
	}
}

static void lower_pins(struct chip *c)
{
	for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++)
		ioapic_set_pin(c->part, pin, false);
}

static void ioapic__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_MMIO, 0xfec00000, 0x48, create_ioapic, ioapic_event,
		lower_pins };
	(void)state;
	reset_is_as_fresh(&kind);
}

static void create_pvpanic(struct chip *c)
{
	struct pvpanic_config cfg = {
		.port = 0x505, .machine = fake_machine(&c->f), .reporter = &c->reporter
	};
	c->reporter = fake_reporter(&c->f, REPORT_DEBUG);
	c->dev = pvpanic_create(&cfg, NULL);
}

static void pvpanic__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_PIO, 0x505, 1, create_pvpanic, NULL, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
}

static void create_post_code(struct chip *c)
{
	c->dev = post_code_create(0x80, NULL);
}

static void post_code__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_PIO, 0x80, 1, create_post_code, NULL, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
}

static void create_debug_console(struct chip *c)
{
	struct debug_console_config cfg = { .port = 0xe9, .output = fake_sink(&c->f) };
	c->dev = debug_console_create(&cfg, NULL);
}

static void debug_console__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_PIO, 0xe9, 1, create_debug_console, NULL, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
}

static void create_debug_exit(struct chip *c)
{
	struct debug_exit_config cfg = { .port = 0xf4, .machine = fake_machine(&c->f) };
	c->dev = debug_exit_create(&cfg, NULL);
}

static void debug_exit__reset_after_random_use__as_fresh(void **state)
{
	const struct kind kind = { BUS_PIO, 0xf4, 1, create_debug_exit, NULL, NULL };
	(void)state;
	reset_is_as_fresh(&kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ns16550__reset_after_random_use__as_fresh),
		cmocka_unit_test(i8042__reset_after_random_use__as_fresh),
		cmocka_unit_test(i8042__reset__every_ram_byte_and_a20_as_fresh),
		cmocka_unit_test(acpi_pm__reset_after_random_use__as_fresh),
		cmocka_unit_test(ioapic__reset_after_random_use__as_fresh),
		cmocka_unit_test(pvpanic__reset_after_random_use__as_fresh),
		cmocka_unit_test(post_code__reset_after_random_use__as_fresh),
		cmocka_unit_test(debug_console__reset_after_random_use__as_fresh),
		cmocka_unit_test(debug_exit__reset_after_random_use__as_fresh),
	};
	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
