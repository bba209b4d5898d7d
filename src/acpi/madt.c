/* SPDX-License-Identifier: MIT */
/* The Multiple APIC Description Table (ACPI 6.5, section 5.2.12). */
#include "acpi/tables.h"
#include "plan/interrupts.h"

#define MADT_REVISION 5
#define FLAG_PCAT_COMPAT 1u
#define PROCESSOR_ENABLED 1u

enum entry_type {
	ENTRY_LOCAL_APIC = 0,
	ENTRY_IO_APIC = 1,
	ENTRY_SOURCE_OVERRIDE = 2,
	ENTRY_LOCAL_APIC_NMI = 4,
	ENTRY_LOCAL_X2APIC = 9,
	ENTRY_LOCAL_X2APIC_NMI = 10,
};

#define LOCAL_APIC_BYTES 8
#define IO_APIC_BYTES 12
#define SOURCE_OVERRIDE_BYTES 10
#define LOCAL_APIC_NMI_BYTES 6
#define LOCAL_X2APIC_BYTES 16
#define LOCAL_X2APIC_NMI_BYTES 12

static uint8_t *append_entry(struct byte_area *area, enum entry_type type, uint8_t n)
{
	uint8_t *p = byte_area_append(area, n);
	if (p) {
		p[0] = (uint8_t)type;
		p[1] = n;
	}
	return p;
}

/* The UID is the vCPU's number in the plan, as in the SSDT's processor devices. */
static void append_vcpu(struct byte_area *area, uint32_t uid, uint32_t apic_id)
{
	if (apic_id <= PLAN_LAST_XAPIC_ID) {
		uint8_t *p = append_entry(area, ENTRY_LOCAL_APIC, LOCAL_APIC_BYTES);
		if (!p)
			return;
		p[2] = (uint8_t)uid;
		p[3] = (uint8_t)apic_id;
		bytes_put(p + 4, PROCESSOR_ENABLED, 4);
	} else {
		uint8_t *p = append_entry(area, ENTRY_LOCAL_X2APIC, LOCAL_X2APIC_BYTES);
		if (!p)
			return;
		bytes_put(p + 4, apic_id, 4);
		bytes_put(p + 8, PROCESSOR_ENABLED, 4);
		bytes_put(p + 12, uid, 4);
	}
}

/* Where an ISA interrupt does not arrive as a guest would expect it to. */
static void append_override(struct byte_area *area, const struct plan_isa_interrupt *isa)
{
	if (isa->pin == isa->irq && isa->inti == PLAN_INTI_OF_BUS)
		return;
	uint8_t *p = append_entry(area, ENTRY_SOURCE_OVERRIDE, SOURCE_OVERRIDE_BYTES);
	if (!p)
		return;
	p[2] = 0; /* bus: ISA */
	p[3] = isa->irq;
	bytes_put(p + 4, isa->pin, 4);
	bytes_put(p + 8, isa->inti, 2);
}

/* At every processor, as on any PC. */
static void append_nmi(struct byte_area *area, bool x2apic)
{
	uint8_t *p = append_entry(area, ENTRY_LOCAL_APIC_NMI, LOCAL_APIC_NMI_BYTES);
	if (p) {
		p[2] = 0xff; /* all processors */
		bytes_put(p + 3, PLAN_INTI_OF_BUS, 2);
		p[5] = PLAN_LINT_NMI;
	}
	p = x2apic ? append_entry(area, ENTRY_LOCAL_X2APIC_NMI, LOCAL_X2APIC_NMI_BYTES) : NULL;
	if (p) {
		bytes_put(p + 2, PLAN_INTI_OF_BUS, 2);
		bytes_put(p + 4, UINT32_MAX, 4); /* all processors */
		p[8] = PLAN_LINT_NMI;
	}
}

uint64_t acpi_madt_build(struct byte_area *area, const struct machine_plan *plan)
{
	struct plan_isa_interrupt isa[PLAN_MAX_ISA_INTERRUPTS];
	unsigned nr_isa = plan_isa_interrupts(plan, isa);
	bool x2apic = false;
	size_t offset = acpi_table_open(area, "APIC", MADT_REVISION);
	uint8_t *p = byte_area_append(area, 8);
	if (!p)
		return 0;
	bytes_put(p, PLAN_LAPIC_BASE, 4);
	bytes_put(p + 4, plan->legacy_pic_pit ? FLAG_PCAT_COMPAT : 0, 4);

	for (uint32_t i = 0; i < plan->nr_vcpus; i++) {
		append_vcpu(area, i, plan->vcpus[i].apic_id);
		x2apic = x2apic || plan->vcpus[i].apic_id > PLAN_LAST_XAPIC_ID;
	}
	p = append_entry(area, ENTRY_IO_APIC, IO_APIC_BYTES);
	if (p) {
		p[2] = plan_ioapic_id(plan);
		bytes_put(p + 4, PLAN_IOAPIC_BASE, 4);
		bytes_put(p + 8, 0, 4); /* first GSI */
	}
	for (unsigned i = 0; i < nr_isa; i++)
		append_override(area, &isa[i]);
	append_nmi(area, x2apic);
	return acpi_table_close(area, offset);
}
