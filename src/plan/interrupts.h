/* SPDX-License-Identifier: MIT */
/*
 * How interrupts reach the processors, said once for all tables that tell a guest of it: the MADT
 * (acpi/) and the MP table (mptable/). Pure functions of the plan.
 */
#ifndef NESTOR_PLAN_INTERRUPTS_H
#define NESTOR_PLAN_INTERRUPTS_H

#include "plan/machine_plan.h"

#define PLAN_MAX_ISA_INTERRUPTS 16

/* Polarity and trigger mode, which both tables encode alike (ACPI 6.5, table 5.26; MultiProcessor
 * Specification 1.4, table 4-10). */
#define PLAN_INTI_OF_BUS 0x0 /* ISA: edge-triggered, active high */
#define PLAN_INTI_LEVEL_HIGH 0xd

/* The largest APIC ID of 8 bits that is a processor; 255 is xAPIC's broadcast. */
#define PLAN_LAST_XAPIC_ID 254

/* Inputs of local APICs: the 8259's interrupt at the boot processor's, NMI at everybody's. */
#define PLAN_LINT_EXTINT 0
#define PLAN_LINT_NMI 1

/* What the low bits of a local APIC's version register say: of a processor, not an 82489DX. */
#define PLAN_LAPIC_VERSION 0x14

/* True where a vCPU's APIC ID is larger. */
bool plan_has_wide_ids(const struct machine_plan *plan);

struct plan_isa_interrupt {
	uint8_t irq;   /* the ISA bus's number */
	uint8_t pin;   /* of the I/O APIC, which is the GSI, too */
	uint16_t inti; /* PLAN_INTI_ */
};

/*
 * The ISA interrupts that arrive at the I/O APIC, by number: all but 2, where the second 8259 is
 * and no device; and 0 only where there is an 8254. Returns how many of ret there are.
 */
unsigned plan_isa_interrupts(
	const struct machine_plan *plan, struct plan_isa_interrupt ret[PLAN_MAX_ISA_INTERRUPTS]);

/*
 * The I/O APIC's ID: the lowest of 0 to 15 (its register has 4 bits) that is no vCPU's APIC ID, as
 * the MultiProcessor Specification wants unique IDs; 0 where all are taken. The tables and the I/O
 * APIC's own register have the same.
 */
uint8_t plan_ioapic_id(const struct machine_plan *plan);

/* Its version: 0x11 of KVM's own, 0x20 (with an EOI register) of devices/ioapic.c. */
uint8_t plan_ioapic_version(const struct machine_plan *plan);

#endif
