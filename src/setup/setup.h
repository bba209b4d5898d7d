/* SPDX-License-Identifier: MIT */
/*
 * A VM and its vCPUs as KVM is asked for them, in the one order that KVM allows and that costs
 * least. Whoever has vCPUs goes this way: the machine (vm/), the guest that holds KVM to a plan
 * (verify/), and who only asks what KVM keeps. setup.c numbers the steps and gives the reasons.
 */
#ifndef NESTOR_SETUP_SETUP_H
#define NESTOR_SETUP_SETUP_H

#include "base/report.h"
#include "kvm/kvm.h"
#include "kvm/settle.h"
#include "memory/guest.h"
#include "plan/machine_plan.h"

/* Owns the VM, its vCPUs and the RAM of system management mode. */
struct setup;

/* All borrowed, and to outlive the setup. */
struct setup_options {
	struct kvm *kvm;
	const struct guest_memory *ram; /* a slot for each region */
	bool split_irqchip;
	const struct reporter *reporter;
	/* The plan; NULL where it is still being made, and setup_complete brings it … */
	const struct machine_plan *plan;
	/* … then, what can be foreseen of it: its MSR filter (NULL: cannot be; the plan's own
	 * replaces it if it is another), and that no vCPU will have an APIC ID of 255 or more. */
	const struct msr_filter *filter;
	bool short_ids;
};

/*
 * Makes a VM, and does of steps 1 to 9 what can be done by what is known: all with a plan, and
 * without one what need not wait for it. Errors name the ioctl.
 */
int setup_create(
	struct setup **ret_setup, const struct setup_options *options, struct err *e) MUST_CHECK;
/* Does what waited for the plan; nothing is left where setup_create had it. */
int setup_complete(struct setup *s, const struct machine_plan *plan, struct err *e) MUST_CHECK;

/* What a vCPU's CPUID was to be, and what KVM made of that and its MSRs. Large: not for the stack.
 */
struct setup_processor {
	struct cpuid_table wanted;
	struct kvm_settled settled; /* not judged: that is the caller's to do */
};
/* Step 10, vCPU i of a complete setup: in the plan's order, each once. */
int setup_vcpu(struct setup *s, const struct machine_plan *plan, unsigned i,
	struct setup_processor *ret_processor, struct err *e) MUST_CHECK;

/*
 * Step 11. The 8254, once; nothing for a split irqchip, which has none. The irqchip has to be
 * there: then another thread may be at setup_complete and setup_vcpu meanwhile.
 */
int setup_pit(struct setup *s, struct err *e) MUST_CHECK;
bool setup_has_irqchip(const struct setup *s);
bool setup_has_pit(const struct setup *s); /* or needs none, and setup_pit was called */

/* Borrowed, until setup_destroy. The vCPU is NULL until it was made. */
struct kvm_vm *setup_vm(const struct setup *s);
struct kvm_vcpu *setup_kvm_vcpu(const struct setup *s, unsigned i);

/* In reverse. NULL-safe. */
void setup_destroy(struct setup *s);

/*
 * Tries on a vCPU of a scratch VM what KVM keeps of all that it says it supports, and adds it to
 * facts (kept_known and what follows), which kvm_host_facts filled. Takes some milliseconds: not
 * for launching a VM. On failure facts stay as they were.
 */
int setup_host_kept(struct kvm *kvm, struct host_facts *facts, struct err *e) MUST_CHECK;

#endif
