/* SPDX-License-Identifier: MIT */
#include "plan/interrupts.h"

#define IRQ_TIMER 0
#define IRQ_CASCADE 2

unsigned plan_isa_interrupts(
	const struct machine_plan *plan, struct plan_isa_interrupt ret[PLAN_MAX_ISA_INTERRUPTS])
{
	unsigned n = 0;
	for (uint8_t irq = 0; irq < PLAN_MAX_ISA_INTERRUPTS; irq++) {
		if (irq == IRQ_CASCADE || (irq == IRQ_TIMER && !plan->legacy_pic_pit))
			continue;
		/* The timer, too, is at the pin of its own number: KVM wires the 8254 to pin 0, not
		 * to pin 2 as PC boards do. */
		ret[n++] = (struct plan_isa_interrupt){ .irq = irq,
			.pin = irq,
			.inti = irq == PLAN_GSI_SCI ? PLAN_INTI_LEVEL_HIGH : PLAN_INTI_OF_BUS };
	}
	return n;
}

bool plan_has_wide_ids(const struct machine_plan *plan)
{
	for (unsigned i = 0; i < plan->nr_vcpus; i++) {
		if (plan->vcpus[i].apic_id > PLAN_LAST_XAPIC_ID)
			return true;
	}
	return false;
}

uint8_t plan_ioapic_id(const struct machine_plan *plan)
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

uint8_t plan_ioapic_version(const struct machine_plan *plan)
{
	return plan->split_irqchip ? 0x20 : 0x11;
}
