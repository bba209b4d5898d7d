/* SPDX-License-Identifier: MIT */
#include "vm/internal.h"

static void set_kernel_line(void *ctx, unsigned gsi, bool level)
{
	struct machine *m = ctx;
	/* Fails only for a GSI that is not wired, which the plan rules out. */
	(void)kvm_vm_irq_line(m->kvm_vm, gsi, level);
}

static void set_ioapic_pin(void *ctx, unsigned gsi, bool level)
{
	struct machine *m = ctx;
	ioapic_set_pin(m->ioapic, gsi, level);
}

struct irq_line machine_irq_line(struct machine *m, unsigned gsi)
{
	bool split = m->options.plan->split_irqchip;
	return (struct irq_line){
		.set = split ? set_ioapic_pin : set_kernel_line, .ctx = m, .gsi = gsi
	};
}

static void send_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct machine *m = ctx;
	/* A destination that no vCPU has is the guest's own fault; hardware drops it as well. */
	(void)kvm_vm_signal_msi(m->kvm_vm, address, data);
}

struct msi_sink machine_msi_sink(struct machine *m)
{
	return (struct msi_sink){ .send = send_msi, .ctx = m };
}

static bool read_pin(void *ctx, unsigned pin, struct kvm_message *ret_message)
{
	const struct machine *m = ctx;
	uint64_t entry = ioapic_entry(m->ioapic, pin);
	struct ioapic_message message = ioapic_entry_message(entry);
	*ret_message = (struct kvm_message){ message.address, message.data };
	/* A level-triggered one stays while it is masked: a guest may mask it between delivery and
	 * end of interrupt, and KVM exits for the latter by this route. */
	return !(entry & IOAPIC_ENTRY_MASKED) || (entry & IOAPIC_ENTRY_LEVEL);
}

void machine_update_routes(void *ctx)
{
	struct machine *m = ctx;
	struct err e = ERR_INIT;
	if (kvm_vm_update_pins(m->kvm_vm, PLAN_NR_GSIS, read_pin, m, &e))
		report(m->options.reporter, REPORT_WARN, "I/O APIC: %s", e.msg);
}
