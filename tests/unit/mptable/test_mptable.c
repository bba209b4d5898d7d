/* SPDX-License-Identifier: MIT */
/*
 * Finds and reads the table as a kernel does, by the offsets of the MultiProcessor Specification
 * 1.4: from the floating pointer, on a 16-byte border of the BIOS's last 64 KiB. What it says is
 * compared with the plan, and with what the MADT of the same plan says.
 */
#include "mptable/mptable.h"

#include "acpi/acpi.h"
#include "devices/ioapic.h"
#include "plan/interrupts.h"
#include "unit/acpi/plans.h"

#include "fake/cmocka.h"
#include <errno.h>
#include <stdlib.h>

#define FIRST_BIOS_ADDRESS 0xf0000

struct interrupt {
	unsigned type, inti, bus, irq, to, input;
};

struct read_table {
	unsigned nr_cpus, nr_boot_cpus, nr_disabled;
	uint8_t ids[PLAN_MAX_VCPUS], first_flags;
	uint32_t signature, features;
	unsigned nr_buses, bus;
	char bus_name[7];
	unsigned nr_ioapics, ioapic_id, ioapic_version, ioapic_flags;
	uint32_t ioapic_address, lapic_address;
	unsigned nr_io, nr_local;
	struct interrupt io[64], local[8];
	unsigned nr_entries, said_entries;
};

struct fixture {
	struct machine_plan plan;
	struct read_table t;
	uint8_t *buf;
	size_t used;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->buf = malloc(PLAN_MPTABLE_SIZE);
	assert_non_null(f->buf);
	(void)memset(f->buf, 0xa5, PLAN_MPTABLE_SIZE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	free(f->buf);
	free(f);
	return 0;
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned s = 0;
	for (size_t i = 0; i < n; i++)
		s += p[i];
	return s & 0xff;
}

static void read_processor(struct read_table *t, const uint8_t *p)
{
	if (t->nr_cpus == 0)
		t->first_flags = p[3];
	assert_true(t->nr_cpus < PLAN_MAX_VCPUS);
	assert_int_equal(p[2], 0x14);
	t->ids[t->nr_cpus++] = p[1];
	t->nr_disabled += (p[3] & 1) == 0;
	t->nr_boot_cpus += (p[3] & 2) != 0;
	t->signature = (uint32_t)get(p + 4, 4);
	t->features = (uint32_t)get(p + 8, 4);
	assert_int_equal(get(p + 12, 8), 0);
}

static void read_interrupt(struct interrupt *ret, const uint8_t *p)
{
	*ret = (struct interrupt){ p[1], (unsigned)get(p + 2, 2), p[4], p[5], p[6], p[7] };
}

/* Returns the bytes of the entry at p. */
static size_t read_entry(struct read_table *t, const uint8_t *p)
{
	switch (p[0]) {
	case 0:
		read_processor(t, p);
		return 20;
	case 1:
		t->nr_buses++;
		t->bus = p[1];
		(void)memcpy(t->bus_name, p + 2, 6);
		return 8;
	case 2:
		t->nr_ioapics++;
		t->ioapic_id = p[1];
		t->ioapic_version = p[2];
		t->ioapic_flags = p[3];
		t->ioapic_address = (uint32_t)get(p + 4, 4);
		return 8;
	case 3:
		assert_true(t->nr_io < ARRAY_SIZE(t->io));
		read_interrupt(&t->io[t->nr_io++], p);
		return 8;
	case 4:
		assert_true(t->nr_local < ARRAY_SIZE(t->local));
		read_interrupt(&t->local[t->nr_local++], p);
		return 8;
	default:
		fail_msg("an entry of type %u", p[0]);
		return 0;
	}
}

static void read_back(struct fixture *f)
{
	struct read_table *t = &f->t;
	const uint8_t *pointer = NULL;
	*t = (struct read_table){ 0 };
	for (size_t at = 0; at + 16 <= f->used && !pointer; at += 16)
		if (memcmp(f->buf + at, "_MP_", 4) == 0)
			pointer = f->buf + at;
	assert_non_null(pointer);
	assert_int_equal(pointer[8], 1);
	assert_int_equal(pointer[9], 4);
	assert_int_equal(sum(pointer, 16), 0);
	/* A configuration table, virtual wire mode, nothing else. */
	assert_int_equal(get(pointer + 11, 5), 0);

	uint64_t address = get(pointer + 4, 4);
	assert_true(address >= PLAN_MPTABLE_BASE);
	size_t at = (size_t)(address - PLAN_MPTABLE_BASE);
	assert_true(at + 44 <= f->used);
	const uint8_t *header = f->buf + at;
	assert_memory_equal(header, "PCMP", 4);
	size_t n = (size_t)get(header + 4, 2);
	assert_int_equal(at + n, f->used);
	assert_int_equal(header[6], 4);
	assert_int_equal(sum(header, n), 0);
	assert_memory_equal(header + 8, "NESTOR  NESTORVM    ", 20);
	assert_int_equal(get(header + 28, 6), 0); /* no OEM table */
	t->said_entries = (unsigned)get(header + 34, 2);
	t->lapic_address = (uint32_t)get(header + 36, 4);
	assert_int_equal(get(header + 40, 4), 0); /* no extended table */
	size_t used = 44;
	while (used < n) {
		used += read_entry(t, header + used);
		t->nr_entries++;
	}
	assert_int_equal(used, n);
}

static void build(struct fixture *f, unsigned nr_vcpus, uint32_t first, uint32_t step)
{
	plan_fill(&f->plan, nr_vcpus, first, step);
	assert_int_equal(mptable_build(&f->plan, f->buf, &f->used, &f->err), 0);
	read_back(f);
}

static void place__a_kernel_looks_there__and_nothing_of_its_own_is(void **state)
{
	(void)state;
	struct range mp = { PLAN_MPTABLE_BASE, PLAN_MPTABLE_SIZE };
	struct range bios = { FIRST_BIOS_ADDRESS, MIB - FIRST_BIOS_ADDRESS };
	struct range reserved = { PLAN_FIRMWARE_BASE, PLAN_FIRMWARE_SIZE };
	struct range acpi = { PLAN_ACPI_BASE, PLAN_ACPI_SIZE };
	assert_true(range_contains(bios, mp));
	assert_true(range_contains(reserved, mp));
	assert_true(range_contains(reserved, acpi));
	assert_false(range_overlaps(acpi, mp));
}

static void processors__any_number__as_in_the_plan(void **state)
{
	struct fixture *f = *state;
	static const unsigned numbers[] = { 1, 2, 3, 16, 17, 254 };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		build(f, numbers[i], 0, 1);
		assert_int_equal(f->t.nr_cpus, numbers[i]);
		for (unsigned cpu = 0; cpu < numbers[i]; cpu++)
			assert_int_equal(f->t.ids[cpu], cpu);
		assert_int_equal(f->t.nr_disabled, 0);
		assert_int_equal(f->t.nr_boot_cpus, 1);
		assert_int_equal(f->t.first_flags, 3);
		assert_int_equal(f->t.nr_entries, f->t.said_entries);
	}
}

static void processors__ids_beyond_8_bits__left_out(void **state)
{
	struct fixture *f = *state;
	build(f, PLAN_MAX_VCPUS, 0, 3);
	assert_int_equal(f->t.nr_cpus, 85); /* 0, 3 … 252 */
	assert_int_equal(f->t.ids[84], 252);
	build(f, 2, 0, 254);
	assert_int_equal(f->t.nr_cpus, 2);
	build(f, 2, 0, 255); /* xAPIC's broadcast */
	assert_int_equal(f->t.nr_cpus, 1);
	build(f, 3, 0, 256); /* would be 0 in 8 bits */
	assert_int_equal(f->t.nr_cpus, 1);
}

static void processors__signature_and_features__those_of_cpuid(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 2, 0, 1);
	struct cpuid_entry *leaf1 = cpuid_put(&f->plan.cpu.table, 1, 0, false);
	leaf1->reg[CPUID_EAX] = 0x00a20f12;
	leaf1->reg[CPUID_EDX] = 0x178bfbff;
	assert_int_equal(mptable_build(&f->plan, f->buf, &f->used, &f->err), 0);
	read_back(f);
	assert_int_equal(f->t.signature, 0x00a20f12);
	assert_int_equal(f->t.features, 0x178bfbff);
}

static void bus_and_apics__are_the_plans(void **state)
{
	struct fixture *f = *state;
	build(f, 3, 0, 1);
	assert_int_equal(f->t.nr_buses, 1);
	assert_string_equal(f->t.bus_name, "ISA   ");
	assert_int_equal(f->t.nr_ioapics, 1);
	assert_int_equal(f->t.ioapic_id, 3);
	assert_int_equal(f->t.ioapic_flags, 1);
	assert_int_equal(f->t.ioapic_address, PLAN_IOAPIC_BASE);
	assert_int_equal(f->t.lapic_address, PLAN_LAPIC_BASE);
	assert_int_equal(f->t.ioapic_version, 0x11);
}

static void no_routes(void *ctx)
{
	(void)ctx;
}

static void ioapic__split_irqchip__has_the_id_and_version_of_its_registers(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 4, 0, 1);
	f->plan.split_irqchip = true;
	f->plan.legacy_pic_pit = false;
	assert_int_equal(mptable_build(&f->plan, f->buf, &f->used, &f->err), 0);
	read_back(f);
	struct ioapic_config config = { .base = gpa(PLAN_IOAPIC_BASE),
		.id = plan_ioapic_id(&f->plan),
		.routes_changed = no_routes };
	struct ioapic *chip = NULL;
	assert_int_equal(ioapic_create(&chip, &config, &f->err), 0);
	assert_non_null(chip);
	struct device *dev = ioapic_device(chip);
	dev->ops->write(dev, 0, 0, 4, 0);
	assert_int_equal(dev->ops->read(dev, 0, 0x10, 4) >> 24, f->t.ioapic_id);
	dev->ops->write(dev, 0, 0, 4, 1);
	assert_int_equal(dev->ops->read(dev, 0, 0x10, 4) & 0xff, f->t.ioapic_version);
	device_destroy(dev);
}

static const struct interrupt *io_of(const struct fixture *f, unsigned irq)
{
	const struct interrupt *found = NULL;
	for (unsigned i = 0; i < f->t.nr_io; i++) {
		if (f->t.io[i].irq != irq)
			continue;
		assert_null(found);
		found = &f->t.io[i];
	}
	return found;
}

static void interrupts__pic_and_pit__each_line_but_the_cascade(void **state)
{
	struct fixture *f = *state;
	build(f, 2, 0, 1);
	assert_int_equal(f->t.nr_io, 15);
	assert_null(io_of(f, 2));
	for (unsigned irq = 0; irq < 16; irq++) {
		const struct interrupt *found = io_of(f, irq);
		if (irq == 2)
			continue;
		assert_non_null(found);
		assert_int_equal(found->type, 0);
		assert_int_equal(found->bus, f->t.bus);
		assert_int_equal(found->to, f->t.ioapic_id);
		assert_int_equal(found->input, irq);
		/* The SCI is level-triggered, active high: both fields 2 bits, 1 and 3. */
		assert_int_equal(found->inti, irq == PLAN_GSI_SCI ? 0xd : 0);
	}
	assert_int_equal(f->t.nr_local, 2);
	assert_int_equal(f->t.local[0].type, 3); /* ExtINT, at the boot processor's LINT0 */
	assert_int_equal(f->t.local[0].to, 0);
	assert_int_equal(f->t.local[0].input, 0);
	assert_int_equal(f->t.local[1].type, 1); /* NMI, at LINT1 of all */
	assert_int_equal(f->t.local[1].to, 0xff);
	assert_int_equal(f->t.local[1].input, 1);
}

static void interrupts__split_irqchip__no_timer_and_no_8259(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 2, 0, 1);
	f->plan.split_irqchip = true;
	f->plan.legacy_pic_pit = false;
	assert_int_equal(mptable_build(&f->plan, f->buf, &f->used, &f->err), 0);
	read_back(f);
	assert_int_equal(f->t.nr_io, 14);
	assert_null(io_of(f, 0));
	assert_int_equal(f->t.nr_local, 1);
	assert_int_equal(f->t.local[0].type, 1);
}

static void interrupts__serial_ports__have_their_lines(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	for (unsigned i = 0; i < f->plan.nr_serials; i++)
		assert_int_equal(io_of(f, f->plan.serials[i].gsi)->input, f->plan.serials[i].gsi);
	assert_int_equal(io_of(f, PLAN_GSI_RTC)->input, PLAN_GSI_RTC);
}

/* The MADT's entries, of the same plan (ACPI 6.5, section 5.2.12). */
static void compare_with_madt(struct fixture *f)
{
	uint8_t *area = calloc(1, PLAN_ACPI_SIZE);
	size_t used = 0, madt = 0;
	struct gpa rsdp;
	unsigned nr_cpus = 0, nr_overrides = 0, nr_unlike_bus = 0;
	assert_non_null(area);
	assert_int_equal(acpi_build(&f->plan, area, &used, &rsdp, &f->err), 0);
	while (madt + 44 < used && memcmp(area + madt, "APIC", 4) != 0)
		madt++;
	const uint8_t *m = area + madt;
	assert_int_equal(get(m + 36, 4), f->t.lapic_address);
	for (size_t at = 44; at < get(m + 4, 4); at += m[at + 1]) {
		const uint8_t *p = m + at;
		if (p[0] == 0) {
			assert_int_equal(p[3], f->t.ids[nr_cpus++]);
		} else if (p[0] == 1) {
			assert_int_equal(p[2], f->t.ioapic_id);
			assert_int_equal(get(p + 4, 4), f->t.ioapic_address);
		} else if (p[0] == 2) {
			const struct interrupt *io = io_of(f, p[3]);
			assert_non_null(io);
			assert_int_equal(io->input, get(p + 4, 4));
			assert_int_equal(io->inti, get(p + 8, 2));
			nr_overrides++;
		}
	}
	assert_int_equal(nr_cpus, f->t.nr_cpus);
	for (unsigned i = 0; i < f->t.nr_io; i++)
		nr_unlike_bus += f->t.io[i].input != f->t.io[i].irq || f->t.io[i].inti != 0;
	assert_int_equal(nr_overrides, nr_unlike_bus);
	free(area);
}

static void madt__same_plan__says_the_same(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	compare_with_madt(f);
	build(f, 12, 0, 2);
	compare_with_madt(f);
	build(f, 254, 0, 1);
	compare_with_madt(f);
	build(f, PLAN_MAX_VCPUS, 0, 3);
	compare_with_madt(f);
}

static void area__behind_the_table__untouched(void **state)
{
	struct fixture *f = *state;
	build(f, PLAN_MAX_VCPUS, 0, 1);
	assert_true(f->used < PLAN_MPTABLE_SIZE);
	for (size_t i = f->used; i < PLAN_MPTABLE_SIZE; i++)
		assert_int_equal(f->buf[i], 0xa5);
}

static void build__impossible_plan__a_bug(void **state)
{
	struct fixture *f = *state;
	static const unsigned numbers[] = { 0, PLAN_MAX_VCPUS + 1 };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		f->plan.nr_vcpus = numbers[i];
		assert_int_equal(mptable_build(&f->plan, f->buf, &f->used, &f->err), -EINVAL);
		assert_int_equal(f->err.kind, ERR_BUG);
		assert_contains(f->err.msg, "1 to 255");
		assert_int_equal(f->buf[0], 0xa5);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(place__a_kernel_looks_there__and_nothing_of_its_own_is),
		T(processors__any_number__as_in_the_plan),
		T(processors__ids_beyond_8_bits__left_out),
		T(processors__signature_and_features__those_of_cpuid),
		T(bus_and_apics__are_the_plans),
		T(ioapic__split_irqchip__has_the_id_and_version_of_its_registers),
		T(interrupts__pic_and_pit__each_line_but_the_cascade),
		T(interrupts__split_irqchip__no_timer_and_no_8259),
		T(interrupts__serial_ports__have_their_lines),
		T(madt__same_plan__says_the_same),
		T(area__behind_the_table__untouched),
		T(build__impossible_plan__a_bug),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
