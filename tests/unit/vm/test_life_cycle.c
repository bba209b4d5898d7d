/* SPDX-License-Identifier: MIT */
/* The devices of a whole machine: their ids, and that another machine goes on from their state. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include "vm/internal.h"

#include <errno.h>

#define EXIT_0 OUT8(0xf4, "\0")

/* What a guest does to every chip that has state. */
static const struct fake_step use_all[] = {
	OUT8(0x3fa, "\x81"), /* serial0: FIFOs, trigger at 8 */
	OUT8(0x3fb, "\x1b"),
	OUT8(0x3fc, "\x0b"),
	OUT8(0x3f9, "\x02"), /* an interrupt: its line is high */
	OUT8(0x3ff, "\x5a"),
	OUT8(0x70, "\x40"), /* rtc */
	OUT8(0x71, "\xa5"),
	OUT8(0x70, "\x0b"),
	OUT8(0x71, "\x16"),
	OUT8(0x70, "\x40"),
	{ .kind = FAKE_OUT, .addr = 0x602, .size = 2, .data = "\x00\x01" }, /* acpi-pm */
	{ .kind = FAKE_OUT, .addr = 0x604, .size = 2, .data = "\x00\x04" },
	OUT8(0x64, "\x61"), /* i8042 */
	OUT8(0x60, "\x99"),
	OUT8(0x64, "\x21"),
	OUT8(0x92, "\x00"),
	OUT8(0x505, "\x02"), /* pvpanic */
	OUT8(0x80, "\x77"),  /* post-code */
	{ .kind = FAKE_MMIO_WRITE, .addr = 0xfec00000, .size = 4, .data = "\x19\0\0" },
	{ .kind = FAKE_MMIO_WRITE, .addr = 0xfec00010, .size = 4, .data = "\0\0\0\x03" },
	EXIT_0,
	{ 0 },
};

/* What a guest can read of that, which no time changes; the order matters. */
static const struct {
	enum bus_space space;
	uint64_t addr;
	unsigned size;
} looks[] = {
	{ BUS_PIO, 0x3fa, 1 },
	{ BUS_PIO, 0x3f9, 1 },
	{ BUS_PIO, 0x3fb, 1 },
	{ BUS_PIO, 0x3fc, 1 },
	{ BUS_PIO, 0x3ff, 1 },
	{ BUS_PIO, 0x71, 1 },
	{ BUS_PIO, 0x600, 4 },
	{ BUS_PIO, 0x604, 2 },
	{ BUS_PIO, 0x64, 1 },
	{ BUS_PIO, 0x60, 1 },
	{ BUS_PIO, 0x92, 1 },
	{ BUS_PIO, 0x80, 1 },
	{ BUS_MMIO, 0xfec00000, 4 },
	{ BUS_MMIO, 0xfec00010, 4 },
};

static void look(struct fixture *f, uint64_t ret[ARRAY_SIZE(looks)])
{
	for (unsigned i = 0; i < ARRAY_SIZE(looks); i++)
		ret[i] = bus_read(&f->machine->bus, looks[i].space, looks[i].addr, looks[i].size);
}

static void take_down(struct fixture *f)
{
	machine_destroy(f->machine);
	f->machine = NULL;
	f->fake->nr_slots = 0;
}

/* The state of a machine that was used, and what is read of it after that. */
static struct state_writer save_used(struct fixture *f, uint64_t ret[ARRAY_SIZE(looks)])
{
	struct state_writer w = { 0 };
	assert_int_equal(fixture_run(f, use_all), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	device_list_quiesce(&f->machine->devices);
	device_list_save(&f->machine->devices, &w);
	assert_int_equal(state_written(&w, &f->e), 0);
	device_list_resume(&f->machine->devices);
	look(f, ret);
	return w;
}

static void assert_goes_on(struct fixture *f)
{
	uint64_t saved[ARRAY_SIZE(looks)], fresh[ARRAY_SIZE(looks)], loaded[ARRAY_SIZE(looks)];
	struct state_writer w = save_used(f, saved);
	unsigned differences = 0;
	take_down(f);
	assert_int_equal(fixture_create(f), 0);
	look(f, fresh);
	for (unsigned i = 0; i < ARRAY_SIZE(looks); i++)
		differences += fresh[i] != saved[i];
	assert_true(differences >= 10); /* or there would be nothing to see */
	f->fake->nr_irqs = 0;
	device_list_quiesce(&f->machine->devices);
	assert_int_equal(
		device_list_load(&f->machine->devices, state_reader(w.bytes, w.used), &f->e), 0);
	device_list_resume(&f->machine->devices);
	if (!f->machine->ioapic) {
		assert_true(f->fake->nr_irqs > 0);
		assert_int_equal(f->fake->irqs[0].gsi, 4);
		assert_true(f->fake->irqs[0].level);
	}
	look(f, loaded);
	for (unsigned i = 0; i < ARRAY_SIZE(looks); i++)
		assert_int_equal(loaded[i], saved[i]);
	state_writer_done(&w);
}

static void devices__saved_and_loaded_in_another_machine__it_goes_on(void **state)
{
	assert_goes_on(*state);
}

static void devices__split_irqchip_saved_and_loaded__it_goes_on(void **state)
{
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_goes_on(f);
}

static void devices__state_of_a_machine_with_other_devices__refused_and_named(void **state)
{
	struct fixture *f = *state;
	uint64_t ignored[ARRAY_SIZE(looks)], before, after;
	struct state_writer w = save_used(f, ignored);
	take_down(f);
	f->config.nr_serials = 2;
	assert_int_equal(fixture_create(f), 0);
	device_list_quiesce(&f->machine->devices);
	before = bus_read(&f->machine->bus, BUS_PIO, 0x3ff, 1);
	assert_int_equal(
		device_list_load(&f->machine->devices, state_reader(w.bytes, w.used), &f->e),
		-EBADMSG);
	assert_contains(f->e.msg, "serial1 (16550A)");
	after = bus_read(&f->machine->bus, BUS_PIO, 0x3ff, 1);
	assert_int_equal(before, after);
	take_down(f);

	f->config.nr_serials = 0;
	assert_int_equal(fixture_create(f), 0);
	device_list_quiesce(&f->machine->devices);
	assert_int_equal(
		device_list_load(&f->machine->devices, state_reader(w.bytes, w.used), &f->e),
		-EBADMSG);
	assert_contains(f->e.msg, "serial0 (16550A), a device that this machine does not have");
	state_writer_done(&w);
}

/* State files and control name devices by these. */
static void devices__ids__are_these(void **state)
{
	static const char *const want[] = { "ioapic0", "serial0", "serial1", "rtc", "acpi-pm",
		"i8042", "pvpanic", "post-code", "debug-exit", "debug-console" };
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	f->config.nr_serials = 2;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->machine->devices.nr_devices, ARRAY_SIZE(want));
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(f->machine->devices.devices[i]->id, want[i]);
}

/* What the plan has looked for overlaps in is what the chips claim: all of it, and no more. */
static void devices__regions__are_the_plans(void **state)
{
	struct fixture *f = *state;
	for (int split = 0; split <= 1; split++) {
		f->config.machine.irqchip = split ? IRQCHIP_SPLIT : IRQCHIP_KERNEL;
		f->config.nr_serials = 2;
		assert_int_equal(fixture_create(f), 0);
		const struct machine_plan *plan = f->machine->options.plan;
		const struct device_list *list = &f->machine->devices;
		unsigned made = 0;
		for (unsigned i = 0; i < plan->nr_devices; i++) {
			const struct plan_device *planned = &plan->devices[i];
			if (planned->of_kvm)
				continue;
			assert_true(made < list->nr_devices);
			const struct device *dev = list->devices[made++];
			assert_int_equal(dev->nr_regions, planned->nr_regions);
			for (unsigned k = 0; k < dev->nr_regions; k++) {
				const struct range has = dev->regions[k].range;
				const struct plan_region *said = &planned->regions[k];
				assert_int_equal(
					dev->regions[k].space == BUS_PIO, said->space == PLAN_PIO);
				assert_int_equal(has.base, said->range.base);
				assert_int_equal(has.size, said->range.size);
			}
		}
		assert_int_equal(made, list->nr_devices);
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(devices__saved_and_loaded_in_another_machine__it_goes_on),
		FIXTURE_TEST(devices__split_irqchip_saved_and_loaded__it_goes_on),
		FIXTURE_TEST(devices__state_of_a_machine_with_other_devices__refused_and_named),
		FIXTURE_TEST(devices__ids__are_these),
		FIXTURE_TEST(devices__regions__are_the_plans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
