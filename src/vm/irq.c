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

void machine_update_routes(void *ctx)
{
	struct machine *m = ctx;
	struct kvm_msi_route routes[PLAN_NR_GSIS];
	struct err e = ERR_INIT;
	/* Two vCPUs may rewrite entries at once: whoever comes last must hand over what is there
	 * last. */
	(void)pthread_mutex_lock(&m->routes_lock);
	for (unsigned pin = 0; pin < PLAN_NR_GSIS; pin++) {
		uint64_t entry = ioapic_entry(m->ioapic, pin);
		struct ioapic_message message = ioapic_entry_message(entry);
		routes[pin] = (struct kvm_msi_route){
			/* A level-triggered one stays while it is masked: a guest may mask it
			 * between delivery and end of interrupt, and KVM exits for the latter by
			 * this route. */
			.valid = !(entry & IOAPIC_ENTRY_MASKED) || (entry & IOAPIC_ENTRY_LEVEL),
			.address = message.address,
			.data = message.data,
		};
	}
	if (kvm_vm_set_msi_routes(m->kvm_vm, routes, PLAN_NR_GSIS, &e))
		report(m->options.reporter, REPORT_WARN, "I/O APIC: %s", e.msg);
	(void)pthread_mutex_unlock(&m->routes_lock);
}
