/* SPDX-License-Identifier: MIT */
#include "chips.h"
#include "fake_uart.h"

#include "devices/acpi_pm.h"
#include "devices/debug_console.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/mc146818.h"
#include "devices/post_code.h"
#include "devices/pvpanic.h"

#include <stdlib.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static void create_ns16550(struct chip *c)
{
	struct ns16550_config cfg = { .port = 0x3f8,
		.irq = fake_irq(&c->f, 4),
		.output = fake_sink(&c->f),
		.input = fake_source(&c->f) };
	struct ns16550 *part = NULL;
	assert_int_equal(ns16550_create(&part, &cfg, NULL), 0);
	c->part = part;
	c->dev = ns16550_device(part);
}

static void feed_ns16550(struct chip *c, uint64_t random)
{
	uint8_t bytes[20] = { (uint8_t)random, (uint8_t)(random >> 8) };
	if (random & 0x10000)
		(void)fake_input_space(&c->f, c->part);
	size_t n = random >> 32 & 0xf;
	assert_in_range(fake_input(&c->f, c->part, bytes, n), 0, n);
}

/* Whoever has input finds that there is no room for it. */
static void refuse_ns16550(struct chip *c, uint64_t random)
{
	(void)random;
	assert_int_equal(fake_input_space(&c->f, c->part), 0);
}

static void create_i8042(struct chip *c)
{
	struct i8042_config cfg = { .data_port = 0x60,
		.command_port = 0x64,
		.fast_a20_port = 0x92,
		.machine = fake_machine(&c->f) };
	assert_int_equal(i8042_create(&c->dev, &cfg, NULL), 0);
}

/* Commands that reply, or that wait for the byte which may come next. */
static void i8042_event(struct chip *c, uint64_t random)
{
	static const uint8_t commands[] = { 0x20, 0x60, 0xaa, 0xd0, 0xd1, 0xd2, 0xd4 };
	unsigned command = commands[(random >> 8) % sizeof(commands)];
	if (command < 0x80)
		command += random >> 16 & 0x1f;
	if (random & 1)
		fake_outb(&c->f, 0x64, command);
	else
		fake_outb(&c->f, 0x60, random >> 24 & 0xff);
}

static void create_acpi_pm_of(struct chip *c, bool timer_32bit)
{
	struct acpi_pm_config cfg = { .event_port = 0x600,
		.control_port = 0x604,
		.timer_port = 0x608,
		.reset_port = 0xcf9,
		.s5_slp_typ = 5,
		.timer_32bit = timer_32bit,
		.sci = fake_irq(&c->f, 9),
		.clock = fake_clock(&c->f),
		.timers = fake_timers(&c->f),
		.machine = fake_machine(&c->f),
		.reporter = &c->reporter };
	c->reporter = fake_reporter(&c->f, REPORT_DEBUG);
	struct acpi_pm *part = NULL;
	assert_int_equal(acpi_pm_create(&part, &cfg, NULL), 0);
	c->part = part;
	c->dev = acpi_pm_device(part);
}

static void create_acpi_pm(struct chip *c)
{
	create_acpi_pm_of(c, false);
}

static void create_acpi_pm_32(struct chip *c)
{
	create_acpi_pm_of(c, true);
}

static void press_acpi_pm(struct chip *c, uint64_t random)
{
	if (random & 1)
		acpi_pm_press_power_button(c->part);
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
	struct ioapic *part = NULL;
	assert_int_equal(ioapic_create(&part, &cfg, NULL), 0);
	c->part = part;
	c->dev = ioapic_device(part);
}

static void ioapic_event(struct chip *c, uint64_t random)
{
	unsigned pin = (unsigned)(random >> 8) % IOAPIC_NR_PINS;
	switch (random % 4) {
	case 0: /* a vector that some entry may have */
		ioapic_eoi(c->part, (uint8_t)ioapic_entry(c->part, pin));
		break;
	case 1: /* writes of the data register are dwords at its index, seldom so by chance */
		bus_write(&c->f.bus, BUS_MMIO, 0xfec00000, 4,
			random & 0x3000 ? 0x10 + (random >> 50) % 48 : 0);
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

static void create_mc146818(struct chip *c)
{
	struct mc146818_config cfg = { .port = 0x70,
		.irq = fake_irq(&c->f, 8),
		.clock = fake_clock(&c->f),
		.timers = fake_timers(&c->f),
		.ram_below_4g_bytes = 64 * MIB };
	struct mc146818 *part = NULL;
	assert_int_equal(mc146818_create(&part, &cfg, NULL), 0);
	c->part = part;
	c->dev = mc146818_device(part);
}

/* A register that does something, or the host's wall clock is set. */
static void mc146818_event(struct chip *c, uint64_t random)
{
	static const uint8_t regs[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 11, 11, 11, 12,
		12, 0x32, 0x40 };
	uint8_t reg = regs[(random >> 8) % sizeof(regs)];
	uint8_t value = (uint8_t)(random >> 16);
	if (random % 64 == 0) {
		uint64_t by = (random >> 24) % 100000 * MS;
		c->f.wall_ns = random & 0x80 ? c->f.wall_ns + by : c->f.wall_ns - by;
		return;
	}
	if (reg == 10 && value & 3) /* mostly a clock that runs */
		value = 0x20 | (value & 0xf);
	if (reg == 11 && value & 3)
		value &= 0x7f;
	fake_outb(&c->f, 0x70, reg);
	if (random & 1)
		fake_outb(&c->f, 0x71, value);
	else
		(void)fake_inb(&c->f, 0x71);
}

static void create_pvpanic(struct chip *c)
{
	struct pvpanic_config cfg = {
		.port = 0x505, .machine = fake_machine(&c->f), .reporter = &c->reporter
	};
	c->reporter = fake_reporter(&c->f, REPORT_DEBUG);
	assert_int_equal(pvpanic_create(&c->dev, &cfg, NULL), 0);
}

static void create_post_code(struct chip *c)
{
	assert_int_equal(post_code_create(&c->dev, 0x80, NULL), 0);
}

static void create_debug_console(struct chip *c)
{
	struct debug_console_config cfg = { .port = 0xe9, .output = fake_sink(&c->f) };
	assert_int_equal(debug_console_create(&c->dev, &cfg, NULL), 0);
}

static void create_debug_exit(struct chip *c)
{
	struct debug_exit_config cfg = { .port = 0xf4, .machine = fake_machine(&c->f) };
	assert_int_equal(debug_exit_create(&c->dev, &cfg, NULL), 0);
}

const struct chip_kind chip_kinds[] = {
	{ "ns16550", create_ns16550, feed_ns16550, refuse_ns16550, NULL, false },
	{ "i8042", create_i8042, i8042_event, NULL, NULL, false },
	{ "acpi_pm", create_acpi_pm, press_acpi_pm, press_acpi_pm, NULL, false },
	{ "acpi_pm with 32 bits", create_acpi_pm_32, press_acpi_pm, press_acpi_pm, NULL, false },
	{ "ioapic", create_ioapic, ioapic_event, NULL, lower_pins, false },
	{ "mc146818", create_mc146818, mc146818_event, NULL, NULL, true },
	{ "pvpanic", create_pvpanic, NULL, NULL, NULL, false },
	{ "post_code", create_post_code, NULL, NULL, NULL, false },
	{ "debug_console", create_debug_console, NULL, NULL, NULL, false },
	{ "debug_exit", create_debug_exit, NULL, NULL, NULL, false },
};
const unsigned nr_chip_kinds = ARRAY_SIZE(chip_kinds);

struct chip *chip_new(const struct chip_kind *kind, uint64_t monotonic_ns, uint64_t wall_ns)
{
	struct chip *c = calloc(1, sizeof(*c));
	struct err e = ERR_INIT;
	assert_non_null(c);
	c->f.monotonic_ns = monotonic_ns;
	c->f.wall_ns = wall_ns;
	kind->create(c);
	fake_claim(&c->f, c->dev);
	assert_int_equal(device_list_add(&c->list, c->dev, "chip", &e), 0);
	return c;
}

void chip_free(struct chip *c)
{
	device_list_destroy(&c->list);
	bus_done(&c->f.bus);
	free(c);
}

/* Mostly less than a tenth of a second, at times hours. */
static void pass_time(struct chip *c, struct fake_random *r)
{
	static const uint64_t most[] = { 100 * MS, 100 * MS, 100 * MS, SECOND, 3 * SECOND,
		3 * SECOND, 700 * SECOND, 90000 * SECOND };
	fake_advance(&c->f, fake_random_below(r, most[fake_random_below(r, ARRAY_SIZE(most))]));
}

uint64_t chip_act(struct chip *c, const struct chip_kind *kind, struct fake_random *r)
{
	/* All numbers are drawn, whatever is done, so that like chips stay in step. */
	const struct device_region *region =
		&c->dev->regions[fake_random_below(r, c->dev->nr_regions)];
	uint64_t span = region->range.size < 0x48 ? region->range.size : 0x48;
	uint64_t addr = region->range.base + fake_random_below(r, span);
	unsigned size = (unsigned)fake_random_below(r, 9);
	uint64_t value = fake_random(r), what = fake_random_below(r, 8);
	uint64_t read;
	if (what == 0)
		pass_time(c, r);
	if (what != 1)
		(void)fake_run_timer(&c->f);
	switch (what) {
	case 0:
	case 1:
		return 0;
	case 2:
	case 3:
		if (kind->event)
			kind->event(c, value);
		return 0;
	case 4:
	case 5:
		bus_write(&c->f.bus, region->space, addr, size, value);
		return 0;
	default:
		read = bus_read(&c->f.bus, region->space, addr, size);
		assert_int_equal(read & ~bit_mask(size * 8), 0);
		return read;
	}
}

void chip_forget_the_past(struct chip *c)
{
	struct fake_services *f = &c->f;
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

static uint64_t ns_to_deadline(const struct fake_services *f)
{
	return f->deadline_ns ? f->deadline_ns - f->monotonic_ns : 0;
}

const char *chip_difference(const struct chip *chip_a, const struct chip *chip_b)
{
	const struct fake_services *a = &chip_a->f, *b = &chip_b->f;
	if (memcmp(a->irq_level, b->irq_level, sizeof(a->irq_level)) != 0)
		return "interrupt lines";
	if (memcmp(a->irq_rises, b->irq_rises, sizeof(a->irq_rises)) != 0)
		return "interrupts";
	if (!a->deadline_ns != !b->deadline_ns || ns_to_deadline(a) != ns_to_deadline(b))
		return "timers";
	if (a->nr_sink != b->nr_sink || memcmp(a->sink, b->sink, sizeof(a->sink)) != 0)
		return "output";
	if (a->nr_messages != b->nr_messages ||
		memcmp(a->messages, b->messages, sizeof(a->messages)) != 0)
		return "messages";
	if (a->requests != b->requests || a->last_request != b->last_request ||
		a->last_value != b->last_value)
		return "requests";
	if (a->reports != b->reports)
		return "reports";
	if (a->input_wanted != b->input_wanted)
		return "wishes for input";
	return NULL;
}
