/* SPDX-License-Identifier: MIT */
/* The Multiple APIC Description Table (ACPI 6.5, section 5.2.12). */
#include "acpi/acpi.h"
#include "acpi/tables.h"

#define MADT_REVISION 5
#define FLAG_PCAT_COMPAT 1u
#define PROCESSOR_ENABLED 1u

/* The largest APIC ID that a Local APIC entry holds; 255 is xAPIC's broadcast. */
#define LAST_XAPIC_ID 254

/* MPS INTI flags (table 5.26). */
#define INTI_BUS_DEFAULT 0x0 /* ISA: edge, active high */
#define INTI_LEVEL_ACTIVE_HIGH 0xd

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

uint8_t acpi_ioapic_id(const struct machine_plan *plan)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < plan->nr_vcpus; i++)
		if (plan->vcpus[i].apic_id < 16)
			taken |= 1u << plan->vcpus[i].apic_id;
	for (uint8_t id = 0; id < 16; id++)
		if ((taken & 1u << id) == 0)
			return id;
	return 0;
}

static uint8_t *append_entry(struct acpi_area *area, enum entry_type type, uint8_t n)
{
	uint8_t *p = acpi_area_append(area, n);
	if (p) {
		p[0] = (uint8_t)type;
		p[1] = n;
	}
	return p;
}

/* The UID is the vCPU's number in the plan, as in the SSDT's processor devices. */
static void append_vcpu(struct acpi_area *area, uint32_t uid, uint32_t apic_id)
{
	if (apic_id <= LAST_XAPIC_ID) {
		uint8_t *p = append_entry(area, ENTRY_LOCAL_APIC, LOCAL_APIC_BYTES);
		if (!p)
			return;
		p[2] = (uint8_t)uid;
		p[3] = (uint8_t)apic_id;
		acpi_put(p + 4, PROCESSOR_ENABLED, 4);
	} else {
		uint8_t *p = append_entry(area, ENTRY_LOCAL_X2APIC, LOCAL_X2APIC_BYTES);
		if (!p)
			return;
		acpi_put(p + 4, apic_id, 4);
		acpi_put(p + 8, PROCESSOR_ENABLED, 4);
		acpi_put(p + 12, uid, 4);
	}
}

static void append_override(struct acpi_area *area, uint8_t irq, uint32_t gsi, uint16_t inti)
{
	uint8_t *p = append_entry(area, ENTRY_SOURCE_OVERRIDE, SOURCE_OVERRIDE_BYTES);
	if (!p)
		return;
	p[2] = 0; /* bus: ISA */
	p[3] = irq;
	acpi_put(p + 4, gsi, 4);
	acpi_put(p + 8, inti, 2);
}

/* NMI comes in at LINT1 of every processor, as on any PC. */
static void append_nmi(struct acpi_area *area, bool x2apic)
{
	uint8_t *p = append_entry(area, ENTRY_LOCAL_APIC_NMI, LOCAL_APIC_NMI_BYTES);
	if (p) {
		p[2] = 0xff; /* all processors */
		acpi_put(p + 3, INTI_BUS_DEFAULT, 2);
		p[5] = 1;
	}
	p = x2apic ? append_entry(area, ENTRY_LOCAL_X2APIC_NMI, LOCAL_X2APIC_NMI_BYTES) : NULL;
	if (p) {
		acpi_put(p + 2, INTI_BUS_DEFAULT, 2);
		acpi_put(p + 4, UINT32_MAX, 4); /* all processors */
		p[8] = 1;
	}
}

uint64_t acpi_madt_build(struct acpi_area *area, const struct machine_plan *plan)
{
	bool x2apic = false;
	size_t offset = acpi_table_open(area, "APIC", MADT_REVISION);
	uint8_t *p = acpi_area_append(area, 8);
	if (!p)
		return 0;
	acpi_put(p, PLAN_LAPIC_BASE, 4);
	acpi_put(p + 4, plan->legacy_pic_pit ? FLAG_PCAT_COMPAT : 0, 4);

	for (uint32_t i = 0; i < plan->nr_vcpus; i++) {
		append_vcpu(area, i, plan->vcpus[i].apic_id);
		x2apic = x2apic || plan->vcpus[i].apic_id > LAST_XAPIC_ID;
	}
	p = append_entry(area, ENTRY_IO_APIC, IO_APIC_BYTES);
	if (p) {
		p[2] = acpi_ioapic_id(plan);
		acpi_put(p + 4, PLAN_IOAPIC_BASE, 4);
		acpi_put(p + 8, 0, 4); /* first GSI */
	}
	/* None for ISA interrupt 0: KVM wires GSI 0, the 8254, to pin 0, not to pin 2 as PC boards
	 * do. */
	append_override(area, PLAN_GSI_SCI, PLAN_GSI_SCI, INTI_LEVEL_ACTIVE_HIGH);
	append_nmi(area, x2apic);
	return acpi_table_close(area, offset);
}
