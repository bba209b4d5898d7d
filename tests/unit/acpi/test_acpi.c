/* SPDX-License-Identifier: MIT */
/*
 * Reads the tables back with a parser of its own, by the offsets of ACPI 6.5, as a guest would:
 * from the RSDP, and following addresses only inside the area.
 */
#include "acpi/acpi.h"
#include "plan/interrupts.h"
#include "plans.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* needs the above */
#include <cmocka.h>

struct fixture {
	struct machine_plan plan;
	uint8_t *buf;
	size_t used;
	struct gpa rsdp;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->buf = malloc(PLAN_ACPI_SIZE);
	assert_non_null(f->buf);
	(void)memset(f->buf, 0xa5, PLAN_ACPI_SIZE);
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

static void build(struct fixture *f, unsigned nr_vcpus, uint32_t first, uint32_t step)
{
	plan_fill(&f->plan, nr_vcpus, first, step);
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, &f->err), 0);
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

/* n bytes at a guest address, which must lie in what was built. */
static const uint8_t *at(const struct fixture *f, uint64_t address, size_t n)
{
	assert_true(address >= PLAN_ACPI_BASE);
	assert_true(address - PLAN_ACPI_BASE + n <= f->used);
	return f->buf + (address - PLAN_ACPI_BASE);
}

/* The table at an address, its header checked. */
static const uint8_t *table_at(const struct fixture *f, uint64_t address, const char *signature)
{
	const uint8_t *p = at(f, address, 36);
	assert_memory_equal(p, signature, 4);
	size_t n = (size_t)get(p + 4, 4);
	assert_true(n >= 36);
	assert_int_equal(sum(at(f, address, n), n), 0);
	assert_memory_equal(p + 10, "NESTOR", 6);
	assert_memory_equal(p + 16, "NESTORVM", 8);
	return p;
}

static const uint8_t *rsdp(const struct fixture *f)
{
	return at(f, f->rsdp.v, 36);
}

/* Table number i of the XSDT. */
static const uint8_t *table(const struct fixture *f, unsigned i, const char *signature)
{
	const uint8_t *xsdt = table_at(f, get(rsdp(f) + 24, 8), "XSDT");
	assert_true(36 + 8 * i < get(xsdt + 4, 4));
	return table_at(f, get(xsdt + 36 + 8 * i, 8), signature);
}

static const uint8_t *fadt(const struct fixture *f)
{
	return table(f, 0, "FACP");
}

static const uint8_t *dsdt(const struct fixture *f)
{
	return table_at(f, get(fadt(f) + 140, 8), "DSDT");
}

static bool contains(const uint8_t *t, const void *bytes, size_t n)
{
	return memmem(t + 36, (size_t)get(t + 4, 4) - 36, bytes, n) != NULL;
}

static bool contains_io(const uint8_t *t, uint16_t port, uint8_t count)
{
	uint8_t lo = (uint8_t)port, hi = (uint8_t)(port >> 8);
	const uint8_t d[] = { 0x47, 1, lo, hi, lo, hi, 1, count };
	return contains(t, d, sizeof(d));
}

static void acpi_build__rsdp__where_a_pc_has_it(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_int_equal(f->rsdp.v, PLAN_ACPI_BASE);
	assert_int_equal(f->rsdp.v % 16, 0);
	const uint8_t *p = rsdp(f);
	assert_memory_equal(p, "RSD PTR ", 8);
	assert_memory_equal(p + 9, "NESTOR", 6);
	assert_int_equal(p[15], 2);
	assert_int_equal(get(p + 20, 4), 36);
	assert_int_equal(sum(p, 20), 0);
	assert_int_equal(sum(p, 36), 0);
}

static void acpi_build__rsdt_and_xsdt__name_the_same_tables(void **state)
{
	struct fixture *f = *state;
	build(f, 2, 0, 1);
	const uint8_t *xsdt = table_at(f, get(rsdp(f) + 24, 8), "XSDT");
	const uint8_t *rsdt = table_at(f, get(rsdp(f) + 16, 4), "RSDT");
	assert_int_equal(get(xsdt + 4, 4), 36 + 3 * 8);
	assert_int_equal(get(rsdt + 4, 4), 36 + 3 * 4);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(xsdt + 36 + 8 * i, 8), get(rsdt + 36 + 4 * i, 4));
	(void)table(f, 0, "FACP");
	(void)table(f, 1, "APIC");
	(void)table(f, 2, "SSDT");
}

static void acpi_build__area__untouched_after_the_tables(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	for (size_t i = f->used; i < PLAN_ACPI_SIZE; i++)
		assert_int_equal(f->buf[i], 0xa5);
}

static void fadt__header__revision_6_5(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_int_equal(get(fadt(f) + 4, 4), 276);
	assert_int_equal(fadt(f)[8], 6);
	assert_int_equal(fadt(f)[131], 5);
}

static void fadt__ports__are_the_plans(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	const uint8_t *p = fadt(f);
	assert_int_equal(get(p + 46, 2), PLAN_GSI_SCI);
	assert_int_equal(get(p + 56, 4), PLAN_PORT_PM1A_EVENT);
	assert_int_equal(get(p + 64, 4), PLAN_PORT_PM1A_CONTROL);
	assert_int_equal(get(p + 76, 4), PLAN_PORT_PM_TIMER);
	assert_int_equal(p[88], 4);
	assert_int_equal(p[89], 2);
	assert_int_equal(p[91], 4);
	assert_int_equal(p[108], 0x32);
}

static void assert_port(const uint8_t *gas, uint16_t port, unsigned bits, unsigned access)
{
	assert_int_equal(gas[0], 1);
	assert_int_equal(gas[1], bits);
	assert_int_equal(gas[2], 0);
	assert_int_equal(gas[3], access);
	assert_int_equal(get(gas + 4, 8), port);
}

static void fadt__extended_fields__agree_with_the_short_ones(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	const uint8_t *p = fadt(f);
	assert_int_equal(get(p + 36, 4), get(p + 132, 8));
	assert_int_equal(get(p + 40, 4), get(p + 140, 8));
	assert_port(p + 148, PLAN_PORT_PM1A_EVENT, 32, 2);
	assert_port(p + 172, PLAN_PORT_PM1A_CONTROL, 16, 2);
	assert_port(p + 208, PLAN_PORT_PM_TIMER, 32, 3);
}

static void fadt__reset_register__port_and_value(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_port(fadt(f) + 116, PLAN_PORT_RESET, 8, 1);
	assert_int_equal(fadt(f)[128], PLAN_RESET_VALUE);
}

static void fadt__flags__fixed_hardware_with_reset_and_32_bit_timer(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	/* WBINVD, PROC_C1, no fixed sleep button, no fixed RTC wake, TMR_VAL_EXT, RESET_REG_SUP */
	assert_int_equal(
		get(fadt(f) + 112, 4), 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 10);
}

static void fadt__boot_architecture__isa_devices_no_keyboard_no_vga(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_int_equal(get(fadt(f) + 109, 2), 1 << 0 | 1 << 2);
}

static void fadt__what_the_machine_lacks__is_zero(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	static const struct range zero[] = {
		{ 44, 2 },                /* interrupt model, profile */
		{ 48, 8 },                /* SMI */
		{ 60, 4 },                /* PM1b event */
		{ 68, 8 },                /* PM1b control, PM2 */
		{ 80, 8 },                /* GPE */
		{ 92, 4 },                /* GPE lengths, _CST */
		{ 160, 12 },              /* the same, extended */
		{ 184, 24 }, { 220, 56 }, /* … sleep registers, hypervisor identity */
	};
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		for (uint64_t b = 0; b < zero[i].size; b++)
			assert_int_equal(fadt(f)[zero[i].base + b], 0);
}

static void facs__signature_alignment_version(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	uint64_t address = get(fadt(f) + 132, 8);
	const uint8_t *p = at(f, address, 64);
	assert_int_equal(address % 64, 0);
	assert_memory_equal(p, "FACS", 4);
	assert_int_equal(get(p + 4, 4), 64);
	assert_int_equal(p[32], 2);
}

static void dsdt__fixed_ports__are_the_plans(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_int_equal(dsdt(f)[8], 2);
	assert_true(contains_io(dsdt(f), PLAN_PORT_PM1A_EVENT, 4));
	assert_true(contains_io(dsdt(f), PLAN_PORT_PM1A_CONTROL, 2));
	assert_true(contains_io(dsdt(f), PLAN_PORT_PM_TIMER, 4));
	assert_true(contains_io(dsdt(f), PLAN_PORT_RESET, 1));
	assert_true(contains_io(dsdt(f), PLAN_PORT_RTC, 2));
	assert_true(contains_io(dsdt(f), PLAN_PORT_PVPANIC, 1));
	const uint8_t rtc_irq[] = { 0x22, (1 << PLAN_GSI_RTC) & 0xff, (1 << PLAN_GSI_RTC) >> 8 };
	assert_true(contains(dsdt(f), rtc_irq, sizeof(rtc_irq)));
	assert_true(contains(dsdt(f), "QEMU0001", 9));
}

static void dsdt__s5__has_the_plans_sleep_type(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, PLAN_SLP_TYP_S5, 0x0a,
		PLAN_SLP_TYP_S5, 0, 0 };
	assert_true(contains(dsdt(f), s5, sizeof(s5)));
}

/* By these a guest sees that there is nothing between awake and off; and a FACS that wakes nobody.
 */
static void sleep_states__s1_to_s4__nowhere(void **state)
{
	struct fixture *f = *state;
	static const char names[][5] = { "_S1_", "_S2_", "_S3_", "_S4_" };
	build(f, 2, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_false(contains(dsdt(f), names[i], 4));
		assert_false(contains(table(f, 2, "SSDT"), names[i], 4));
	}
	uint64_t flags = get(fadt(f) + 112, 4);
	assert_int_equal(flags & 1u << 7, 0);  /* RTC_S4 */
	assert_int_equal(flags & 1u << 21, 0); /* LOW_POWER_S0_IDLE_CAPABLE */
	const uint8_t *facs = at(f, get(fadt(f) + 132, 8), 64);
	assert_int_equal(get(facs + 12, 4), 0); /* waking vector */
	assert_int_equal(get(facs + 20, 4), 0); /* S4BIOS, 64-bit wake */
	assert_int_equal(get(facs + 24, 8), 0);
}

/* What a MADT says, by one pass over its entries. */
struct madt {
	unsigned nr_local, nr_local_x2, nr_ioapic, nr_override, nr_nmi, nr_nmi_x2;
	uint32_t apic_id[PLAN_MAX_VCPUS], uid[PLAN_MAX_VCPUS];
	unsigned nr; /* processors, in order */
	const uint8_t *ioapic, *override[2], *nmi, *nmi_x2;
};

static void madt_add_vcpu(struct madt *m, uint64_t uid, uint64_t apic_id, uint64_t flags)
{
	assert_true(m->nr < PLAN_MAX_VCPUS);
	assert_int_equal(flags, 1);
	m->uid[m->nr] = (uint32_t)uid;
	m->apic_id[m->nr++] = (uint32_t)apic_id;
}

static void madt_add(struct madt *m, const uint8_t *p)
{
	static const uint8_t bytes[] = { 8, 12, 10, 0, 6, 0, 0, 0, 0, 16, 12 };
	assert_true(p[0] < sizeof(bytes));
	assert_int_equal(p[1], bytes[p[0]]);
	switch (p[0]) {
	case 0:
		m->nr_local++;
		madt_add_vcpu(m, p[2], p[3], get(p + 4, 4));
		break;
	case 1:
		m->nr_ioapic++;
		m->ioapic = p;
		break;
	case 2:
		assert_true(m->nr_override < 2);
		m->override[m->nr_override++] = p;
		break;
	case 4:
		m->nr_nmi++;
		m->nmi = p;
		break;
	case 9:
		m->nr_local_x2++;
		madt_add_vcpu(m, get(p + 12, 4), get(p + 4, 4), get(p + 8, 4));
		break;
	case 10:
		m->nr_nmi_x2++;
		m->nmi_x2 = p;
		break;
	default:
		fail_msg("MADT entry of type %u", p[0]);
	}
}

static struct madt madt_parse(const struct fixture *f)
{
	struct madt m = { .nr = 0 };
	const uint8_t *t = table(f, 1, "APIC");
	uint64_t n = get(t + 4, 4);
	uint64_t i = 44;
	while (i < n) {
		assert_true(i + 2 <= n && i + t[i + 1] <= n);
		madt_add(&m, t + i);
		i += t[i + 1];
	}
	return m;
}

/* Every vCPU of the plan stands in the MADT in order, with its own number as UID. */
static void assert_vcpus(const struct fixture *f, const struct madt *m)
{
	assert_int_equal(m->nr, f->plan.nr_vcpus);
	for (unsigned i = 0; i < m->nr; i++) {
		assert_int_equal(m->uid[i], i);
		assert_int_equal(m->apic_id[i], f->plan.vcpus[i].apic_id);
	}
}

static void madt__header__local_apic_and_pcat(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_int_equal(get(table(f, 1, "APIC") + 36, 4), PLAN_LAPIC_BASE);
	assert_int_equal(get(table(f, 1, "APIC") + 40, 4), 1);
}

static void madt__no_pic__pcat_clear(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	f->plan.legacy_pic_pit = false;
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, &f->err), 0);
	assert_int_equal(get(table(f, 1, "APIC") + 40, 4), 0);
}

static void madt__1_2_16_255_vcpus__one_entry_each(void **state)
{
	struct fixture *f = *state;
	const unsigned counts[] = { 1, 2, 16, 255 };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		build(f, counts[i], 0, 1);
		struct madt m = madt_parse(f);
		assert_vcpus(f, &m);
		assert_int_equal(m.nr_local, counts[i]);
		assert_int_equal(m.nr_nmi, 1);
		assert_int_equal(m.nr_nmi_x2, 0);
	}
}

static void madt__ids_with_gaps__kept(void **state)
{
	struct fixture *f = *state;
	build(f, 12, 1, 5);
	struct madt m = madt_parse(f);
	assert_vcpus(f, &m);
	assert_int_equal(m.nr_local, 12);
}

static void madt__ids_from_255__x2apic_entries(void **state)
{
	struct fixture *f = *state;
	build(f, 4, 253, 1);
	struct madt m = madt_parse(f);
	assert_vcpus(f, &m);
	assert_int_equal(m.nr_local, 2);
	assert_int_equal(m.nr_local_x2, 2);
	assert_int_equal(m.nr_nmi_x2, 1);
	assert_int_equal(get(m.nmi_x2 + 4, 4), UINT32_MAX);
	assert_int_equal(m.nmi_x2[8], 1);
}

static void madt__nmi__lint1_of_all(void **state)
{
	struct fixture *f = *state;
	build(f, 2, 0, 1);
	struct madt m = madt_parse(f);
	assert_int_equal(m.nmi[2], 0xff);
	assert_int_equal(get(m.nmi + 3, 2), 0);
	assert_int_equal(m.nmi[5], 1);
}

static void madt__io_apic__at_the_plans_address(void **state)
{
	struct fixture *f = *state;
	build(f, 2, 0, 1);
	struct madt m = madt_parse(f);
	assert_int_equal(m.nr_ioapic, 1);
	assert_int_equal(m.ioapic[2], plan_ioapic_id(&f->plan));
	assert_int_equal(get(m.ioapic + 4, 4), PLAN_IOAPIC_BASE);
	assert_int_equal(get(m.ioapic + 8, 4), 0);
}

static void madt__overrides__sci_level_high_alone(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	struct madt m = madt_parse(f);
	assert_int_equal(m.nr_override, 1);
	const uint8_t sci[] = { 0, PLAN_GSI_SCI, PLAN_GSI_SCI, 0, 0, 0, 0x0d, 0 };
	assert_memory_equal(m.override[0] + 2, sci, sizeof(sci));
}

static void ioapic_id__free_id__is_no_vcpus(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	assert_int_equal(plan_ioapic_id(&f->plan), 1);
	plan_fill(&f->plan, 15, 0, 1);
	assert_int_equal(plan_ioapic_id(&f->plan), 15);
	plan_fill(&f->plan, 200, 0, 2);
	assert_int_equal(plan_ioapic_id(&f->plan), 1);
	plan_fill(&f->plan, 3, 5, 1);
	assert_int_equal(plan_ioapic_id(&f->plan), 0);
}

static void ioapic_id__all_taken__zero(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 16, 0, 1);
	assert_int_equal(plan_ioapic_id(&f->plan), 0);
}

static const uint8_t *ssdt(const struct fixture *f)
{
	return table(f, 2, "SSDT");
}

static void ssdt__processors__uid_as_in_the_madt(void **state)
{
	struct fixture *f = *state;
	build(f, 3, 0, 4);
	const uint8_t last[] = "\x5b\x82\x1b"
			       "C002\x08_HID\x0d"
			       "ACPI0007\0\x08_UID\x0a\x02";
	assert_true(contains(ssdt(f), last, sizeof(last) - 1));
	assert_true(contains(ssdt(f), "C000", 4));
	assert_false(contains(ssdt(f), "C003", 4));
}

static void ssdt__serials__port_and_interrupt(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	const uint8_t com2[] = { 0x47, 1, 0xf8, 2, 0xf8, 2, 1, 8, 0x22, 1 << 3, 0, 0x79, 0 };
	assert_true(contains_io(ssdt(f), 0x3f8, 8));
	assert_true(contains(ssdt(f), com2, sizeof(com2)));
	assert_true(contains(ssdt(f), "COM2", 4));
	assert_false(contains(ssdt(f), "COM3", 4));
}

static void ssdt__pic_and_pit__described(void **state)
{
	struct fixture *f = *state;
	build(f, 1, 0, 1);
	assert_true(contains_io(ssdt(f), 0x20, 2));
	assert_true(contains_io(ssdt(f), 0xa0, 2));
	assert_true(contains_io(ssdt(f), 0x40, 4));
}

static void ssdt__debug_ports__reserved(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	for (unsigned i = 0; i < f->plan.nr_devices; i++) {
		if (f->plan.devices[i].kind == PLAN_DEBUG_EXIT)
			f->plan.devices[i].regions[0].range.base = 0x501;
	}
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, &f->err), 0);
	assert_true(contains_io(ssdt(f), 0x501, 1));
	assert_true(contains_io(ssdt(f), 0xe9, 1));
}

static void ssdt__bare_machine__only_processors(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	f->plan.nr_serials = 0;
	f->plan.legacy_pic_pit = false;
	f->plan.nr_devices = 0;
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, &f->err), 0);
	assert_true(contains(ssdt(f), "C000", 4));
	assert_false(contains(ssdt(f), "_CRS", 4));
}

static void assert_refused(struct fixture *f, int code, const char *text)
{
	f->err.msg[0] = '\0';
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, &f->err), code);
	assert_int_equal(f->err.kind, ERR_BUG);
	assert_string_equal(f->err.msg, text);
	assert_int_equal(acpi_build(&f->plan, f->buf, &f->used, &f->rsdp, NULL), code);
}

static void acpi_build__vcpu_count__refused(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 0, 0, 1);
	assert_refused(f, -EINVAL, "ACPI tables: the plan has 0 vCPUs, not 1 to 255");
	f->plan.nr_vcpus = 256;
	assert_refused(f, -EINVAL, "ACPI tables: the plan has 256 vCPUs, not 1 to 255");
}

static void acpi_build__apic_id_twice__refused(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 3, 0, 1);
	f->plan.vcpus[2].apic_id = 0;
	assert_refused(f, -EINVAL, "ACPI tables: vCPUs 0 and 2 share the APIC ID 0");
}

static void acpi_build__serials__refused(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	f->plan.serials[1].gsi = 16;
	assert_refused(
		f, -EINVAL, "ACPI tables: serial port 1 has GSI 16, which is not an ISA interrupt");
	f->plan.nr_serials = 5;
	assert_refused(f, -EINVAL, "ACPI tables: the plan has 5 serial ports, not 0 to 4");
}

static void acpi_build__serial_past_the_last_port__refused(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	f->plan.serials[0].port = 0xfffc;
	assert_refused(f, -EINVAL, "ACPI tables: SSDT: AML cannot encode 'a resource template'");
}

static void acpi_build_at__bad_place__refused(void **state)
{
	struct fixture *f = *state;
	const struct range places[] = {
		{ PLAN_ACPI_BASE + 16, 0x1000 },
		{ 4 * GIB - 0x1000, 0x1001 },
		{ 4 * GIB, 0x1000 },
		{ PLAN_ACPI_BASE, 0 },
	};
	plan_fill(&f->plan, 1, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(
			acpi_build_at(&f->plan, places[i], f->buf, &f->used, &f->rsdp, &f->err),
			-EINVAL);
}

/* Every smaller area, in memory of exactly its size, so that ASan finds a byte too far. */
static void acpi_build_at__every_smaller_area__refused(void **state)
{
	struct fixture *f = *state;
	build(f, 5, 0, 1);
	size_t whole = f->used;
	for (size_t n = 1; n < whole; n++) {
		struct range area = { PLAN_ACPI_BASE, n };
		uint8_t *exact = malloc(n);
		assert_non_null(exact);
		f->used = 12345;
		assert_int_equal(
			acpi_build_at(&f->plan, area, exact, &f->used, &f->rsdp, &f->err), -ENOSPC);
		assert_int_equal(f->err.kind, ERR_BUG);
		assert_int_equal(f->used, 12345);
		free(exact);
	}
	assert_int_equal(acpi_build_at(&f->plan, (struct range){ PLAN_ACPI_BASE, whole }, f->buf,
				 &f->used, &f->rsdp, &f->err),
		0);
}

static void acpi_build_at__too_small__says_how_small(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 1, 0, 1);
	assert_int_equal(acpi_build_at(&f->plan, (struct range){ PLAN_ACPI_BASE, 0x100 }, f->buf,
				 &f->used, &f->rsdp, &f->err),
		-ENOSPC);
	assert_string_equal(f->err.msg, "the ACPI tables do not fit into 0x100 bytes");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(acpi_build__rsdp__where_a_pc_has_it),
		T(acpi_build__rsdt_and_xsdt__name_the_same_tables),
		T(acpi_build__area__untouched_after_the_tables),
		T(fadt__header__revision_6_5),
		T(fadt__ports__are_the_plans),
		T(fadt__extended_fields__agree_with_the_short_ones),
		T(fadt__reset_register__port_and_value),
		T(fadt__flags__fixed_hardware_with_reset_and_32_bit_timer),
		T(fadt__boot_architecture__isa_devices_no_keyboard_no_vga),
		T(fadt__what_the_machine_lacks__is_zero),
		T(facs__signature_alignment_version),
		T(dsdt__fixed_ports__are_the_plans),
		T(dsdt__s5__has_the_plans_sleep_type),
		T(sleep_states__s1_to_s4__nowhere),
		T(madt__header__local_apic_and_pcat),
		T(madt__no_pic__pcat_clear),
		T(madt__1_2_16_255_vcpus__one_entry_each),
		T(madt__ids_with_gaps__kept),
		T(madt__ids_from_255__x2apic_entries),
		T(madt__nmi__lint1_of_all),
		T(madt__io_apic__at_the_plans_address),
		T(madt__overrides__sci_level_high_alone),
		T(ioapic_id__free_id__is_no_vcpus),
		T(ioapic_id__all_taken__zero),
		T(ssdt__processors__uid_as_in_the_madt),
		T(ssdt__serials__port_and_interrupt),
		T(ssdt__pic_and_pit__described),
		T(ssdt__debug_ports__reserved),
		T(ssdt__bare_machine__only_processors),
		T(acpi_build__vcpu_count__refused),
		T(acpi_build__apic_id_twice__refused),
		T(acpi_build__serials__refused),
		T(acpi_build__serial_past_the_last_port__refused),
		T(acpi_build_at__bad_place__refused),
		T(acpi_build_at__every_smaller_area__refused),
		T(acpi_build_at__too_small__says_how_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
