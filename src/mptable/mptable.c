/* SPDX-License-Identifier: MIT */
#include "mptable/mptable.h"

#include "base/byte_area.h"
#include "plan/interrupts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SPEC_REVISION 4 /* 1.4 */

#define POINTER_BYTES 16
#define HEADER_BYTES 44

/* Base entries (section 4.3). */
enum entry_type {
	ENTRY_PROCESSOR = 0,
	ENTRY_BUS = 1,
	ENTRY_IO_APIC = 2,
	ENTRY_IO_INTERRUPT = 3,
	ENTRY_LOCAL_INTERRUPT = 4,
};

#define PROCESSOR_BYTES 20
#define OTHER_ENTRY_BYTES 8

#define PROCESSOR_ENABLED 0x1
#define PROCESSOR_BOOT 0x2
#define IO_APIC_ENABLED 0x1

enum interrupt_type { INTERRUPT_INT = 0, INTERRUPT_NMI = 1, INTERRUPT_EXTINT = 3 };

#define BUS_ISA 0
#define ALL_LOCAL_APICS 0xff

struct table {
	struct byte_area area;
	unsigned nr_entries;
};

static uint8_t *append_entry(struct table *t, enum entry_type type, size_t n)
{
	uint8_t *p = byte_area_append(&t->area, n);
	if (p) {
		p[0] = (uint8_t)type;
		t->nr_entries++;
	}
	return p;
}

/* Signature and features as CPUID leaf 1 has them, which all vCPUs share. */
static void append_processors(struct table *t, const struct machine_plan *plan)
{
	uint32_t signature = cpuid_value(&plan->cpu.table, 1, 0, CPUID_EAX);
	uint32_t features = cpuid_value(&plan->cpu.table, 1, 0, CPUID_EDX);
	for (unsigned i = 0; i < plan->nr_vcpus; i++) {
		if (plan->vcpus[i].apic_id > PLAN_LAST_XAPIC_ID)
			continue;
		uint8_t *p = append_entry(t, ENTRY_PROCESSOR, PROCESSOR_BYTES);
		if (!p)
			return;
		p[1] = (uint8_t)plan->vcpus[i].apic_id;
		p[2] = PLAN_LAPIC_VERSION;
		p[3] = PROCESSOR_ENABLED | (i == 0 ? PROCESSOR_BOOT : 0);
		bytes_put(p + 4, signature, 4);
		bytes_put(p + 8, features, 4);
	}
}

static void append_bus_and_io_apic(struct table *t, const struct machine_plan *plan)
{
	uint8_t *p = append_entry(t, ENTRY_BUS, OTHER_ENTRY_BYTES);
	if (p) {
		p[1] = BUS_ISA;
		(void)memcpy(p + 2, "ISA   ", 6);
	}
	p = append_entry(t, ENTRY_IO_APIC, OTHER_ENTRY_BYTES);
	if (p) {
		p[1] = plan_ioapic_id(plan);
		p[2] = plan_ioapic_version(plan);
		p[3] = IO_APIC_ENABLED;
		bytes_put(p + 4, PLAN_IOAPIC_BASE, 4);
	}
}

/* to: the ID of an I/O APIC or a local APIC, and the number of its input. */
static void append_interrupt(struct table *t, enum entry_type where, enum interrupt_type type,
	uint16_t inti, uint8_t irq, uint8_t to, uint8_t input)
{
	uint8_t *p = append_entry(t, where, OTHER_ENTRY_BYTES);
	if (!p)
		return;
	p[1] = (uint8_t)type;
	bytes_put(p + 2, inti, 2);
	p[4] = BUS_ISA;
	p[5] = irq;
	p[6] = to;
	p[7] = input;
}

static void append_interrupts(struct table *t, const struct machine_plan *plan)
{
	struct plan_isa_interrupt isa[PLAN_MAX_ISA_INTERRUPTS];
	unsigned nr_isa = plan_isa_interrupts(plan, isa);
	for (unsigned i = 0; i < nr_isa; i++)
		append_interrupt(t, ENTRY_IO_INTERRUPT, INTERRUPT_INT, isa[i].inti, isa[i].irq,
			plan_ioapic_id(plan), isa[i].pin);
	if (plan->legacy_pic_pit)
		append_interrupt(t, ENTRY_LOCAL_INTERRUPT, INTERRUPT_EXTINT, PLAN_INTI_OF_BUS, 0,
			(uint8_t)plan->vcpus[0].apic_id, PLAN_LINT_EXTINT);
	append_interrupt(t, ENTRY_LOCAL_INTERRUPT, INTERRUPT_NMI, PLAN_INTI_OF_BUS, 0,
		ALL_LOCAL_APICS, PLAN_LINT_NMI);
}

/* Section 4.1. */
static void fill_pointer(uint8_t *p, uint64_t header)
{
	(void)memcpy(p, "_MP_", 4);
	bytes_put(p + 4, header, 4);
	p[8] = POINTER_BYTES / 16;
	p[9] = SPEC_REVISION;
	bytes_checksum(p, POINTER_BYTES, 10);
}

/* Section 4.2. */
static void fill_header(uint8_t *p, size_t table_bytes, unsigned nr_entries)
{
	(void)memcpy(p, "PCMP", 4);
	bytes_put(p + 4, table_bytes, 2);
	p[6] = SPEC_REVISION;
	(void)memcpy(p + 8, "NESTOR  ", 8);
	(void)memcpy(p + 16, "NESTORVM    ", 12);
	bytes_put(p + 34, nr_entries, 2);
	bytes_put(p + 36, PLAN_LAPIC_BASE, 4);
	bytes_checksum(p, table_bytes, 7);
}

int mptable_build(const struct machine_plan *plan, uint8_t *buf, size_t *ret_used, struct err *e)
{
	struct table t = {
		.area = { .bytes = buf, .size = PLAN_MPTABLE_SIZE, .base = PLAN_MPTABLE_BASE }
	};
	int rc = 0;
	if (plan->nr_vcpus < 1 || plan->nr_vcpus > PLAN_MAX_VCPUS)
		rc = err_set(e, -EINVAL, "MP table: the plan has %u vCPUs, not 1 to %d",
			plan->nr_vcpus, PLAN_MAX_VCPUS);
	if (rc == 0) {
		uint8_t *pointer = byte_area_append(&t.area, POINTER_BYTES);
		uint8_t *header = byte_area_append(&t.area, HEADER_BYTES);
		append_processors(&t, plan);
		append_bus_and_io_apic(&t, plan);
		append_interrupts(&t, plan);
		if (t.area.full) {
			rc = err_set(e, -ENOSPC,
				"the MP table does not fit into %#" PRIx64 " bytes",
				PLAN_MPTABLE_SIZE);
		} else {
			fill_pointer(pointer, t.area.base + POINTER_BYTES);
			fill_header(header, t.area.used - POINTER_BYTES, t.nr_entries);
			*ret_used = t.area.used;
		}
	}
	if (rc < 0 && e)
		e->kind = ERR_BUG;
	return rc;
}
