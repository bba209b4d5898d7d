/* SPDX-License-Identifier: MIT */
/*
 * The order, whose reasons are KVM's and are given at each step. Steps 3, 4 and 9 need the plan, or
 * what can be foreseen of it: so steps 2 to 9 are gone through once with what is known at first,
 * and, where that was not the plan, once more with it. What is done is not done again, and what may
 * not come before a step that waits, waits as well.
 *
 * Not here, as it is no KVM call of the VM's making: what becomes of CPUID and MSRs that KVM does
 * not keep (vm/cpuid_check.c; verify's guest finds them), and 12, the registers, which come from
 * what is loaded, after step 10 and before the vCPU's first run.
 */
#include "setup/internal.h"

#include "plan/interrupts.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>

/* What is known while the steps are gone through. */
struct known {
	const struct machine_plan *plan; /* NULL: not yet */
	const struct msr_filter *filter; /* NULL: likewise */
	bool short_ids;                  /* surely */
};

static int step_1_vm(struct setup *s, struct err *e)
{
	return kvm_vm_create(&s->vm, s->options.kvm, e);
}

/*
 * TSS and identity map pages: before the first vCPU (KVM API, KVM_SET_IDENTITY_MAP_ADDR), and
 * before the irqchip, as the first may be a memory slot. Always: a host of Intel's that cannot run
 * real mode in a guest needs them, whatever processor the guest is shown; on any other, AMD's among
 * them, KVM takes the addresses and makes nothing of them (KVM API, KVM_SET_TSS_ADDR).
 */
static int step_2_intel_pages(struct setup *s, struct err *e)
{
	return kvm_vm_set_intel_pages(s->vm, gpa(PLAN_TSS_BASE), gpa(PLAN_IDENTITY_MAP_BASE), e);
}

/*
 * 32-bit APIC IDs: before any vCPU, as the state of local APICs, routes and messages are in
 * another form from then on (KVM API, KVM_CAP_X2APIC_API). Only where a vCPU needs them, whichever
 * it is, since they also change what ID 255 means.
 */
static int step_3_wide_ids(struct setup *s, const struct known *known, struct err *e)
{
	if (s->wide_ids || !known->plan || !plan_has_wide_ids(known->plan))
		return 0;
	int rc = kvm_vm_enable_x2apic_ids(s->vm, e);
	s->wide_ids = rc == 0;
	return rc;
}

/*
 * MSR filter, and exits for what it stops: before any guest code can run. Before the memory slots
 * and the irqchip, as it waits for an SRCU grace period, and does not take milliseconds for that
 * only where it is the VM's first. One that was not foreseen is behind the memory slots, and one
 * that was foreseen wrongly is replaced: by then that costs what it costs.
 */
static int step_4_filter(struct setup *s, const struct known *known, struct err *e)
{
	if (!known->filter || (s->filter && msr_filter_same(s->filter, known->filter)))
		return 0;
	int rc = kvm_vm_set_msr_filter(s->vm, known->filter, e);
	if (rc == 0)
		s->filter = known->filter;
	return rc;
}

/*
 * Memory slots before the irqchip: KVM makes slots visible by an SRCU grace period, which waits for
 * the one that creating the irqchip and its timer starts, some milliseconds long.
 */
static int step_5_memory(struct setup *s, struct err *e)
{
	const struct guest_memory *mem = s->options.ram;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < mem->nr_regions; i++)
		rc = kvm_vm_set_memslot(s->vm, i, mem->regions[i].base, mem->regions[i].size_bytes,
			mem->regions[i].hva, e);
	return rc;
}

/* The slot of system management mode, for the same reason. */
static int step_6_smram(struct setup *s, struct err *e)
{
	return setup_add_smram(s, e);
}

/* The irqchip: before the first vCPU, which gets its local APIC at birth; after the filter. */
static int step_7_irqchip(struct setup *s, struct err *e)
{
	if (s->has_irqchip || !s->filter)
		return 0;
	int rc = s->options.split_irqchip ? kvm_vm_create_split_irqchip(s->vm, PLAN_NR_GSIS, e)
					  : kvm_vm_create_irqchip(s->vm, e);
	s->has_irqchip = rc == 0;
	return rc;
}

/*
 * The boot vCPU, by its APIC ID the one that KVM lets run without INIT and SIPI: here, as it need
 * not wait for the plan. Its local APIC's pins are as firmware leaves them; CPUID decides that
 * APIC's version and its timer's modes, and nothing here.
 */
static int step_8_boot_vcpu(struct setup *s, const struct known *known, struct err *e)
{
	bool ids_known = known->plan || known->short_ids;
	if (s->vcpus[0] || !s->has_irqchip || !ids_known)
		return 0;
	int rc = kvm_vcpu_create(&s->vcpus[0], s->vm, PLAN_BOOT_APIC_ID, e);
	return rc ? rc : kvm_vcpu_set_lint(s->vcpus[0], e);
}

/* The ID of KVM's I/O APIC, which the tables say: before any guest code can read it. */
static int step_9_ioapic_id(struct setup *s, const struct known *known, struct err *e)
{
	if (!known->plan || s->options.split_irqchip)
		return 0;
	return kvm_vm_set_ioapic_id(s->vm, plan_ioapic_id(known->plan), e);
}

/* Once: neither waits for a plan. */
static int add_memory(struct setup *s, struct err *e)
{
	if (s->has_memory)
		return 0;
	int rc = step_5_memory(s, e);
	if (rc == 0)
		rc = step_6_smram(s, e);
	s->has_memory = rc == 0;
	return rc;
}

static int go_on(struct setup *s, const struct known *known, struct err *e)
{
	int rc = step_3_wide_ids(s, known, e);
	if (rc == 0)
		rc = step_4_filter(s, known, e);
	if (rc == 0)
		rc = add_memory(s, e);
	if (rc == 0)
		rc = step_7_irqchip(s, e);
	if (rc == 0)
		rc = step_8_boot_vcpu(s, known, e);
	if (rc == 0)
		rc = step_9_ioapic_id(s, known, e);
	return rc;
}

static int go_on_with_plan(struct setup *s, const struct machine_plan *plan, struct err *e)
{
	const struct known known = { .plan = plan, .filter = &plan->filter };
	return go_on(s, &known, e);
}

static int go_on_without_plan(struct setup *s, struct err *e)
{
	const struct known known = { .filter = s->options.filter,
		.short_ids = s->options.short_ids };
	return go_on(s, &known, e);
}

int setup_create(struct setup **ret_setup, const struct setup_options *options, struct err *e)
{
	struct setup *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->options = *options;
	int rc = step_1_vm(s, e);
	if (rc == 0)
		rc = step_2_intel_pages(s, e);
	if (rc == 0)
		rc = options->plan ? go_on_with_plan(s, options->plan, e)
				   : go_on_without_plan(s, e);
	if (rc) {
		setup_destroy(s);
		return rc;
	}
	*ret_setup = s;
	return 0;
}

int setup_complete(struct setup *s, const struct machine_plan *plan, struct err *e)
{
	return s->options.plan ? 0 : go_on_with_plan(s, plan, e);
}

/*
 * A vCPU: the boot vCPU is there already. Then the processor, by kvm/settle.c's own numbers (TSC,
 * Hyper-V, CPUID, MSRs), and at last where it enters system management mode: an MSR, after those of
 * the processor. No registers: the boot vCPU gets them once the guest is loaded, and the others
 * wait for INIT and SIPI, unless somebody lets them run at once (verify/).
 */
static int step_10_vcpu(struct setup *s, const struct machine_plan *plan, unsigned i,
	struct setup_processor *p, struct err *e)
{
	const struct kvm_promise promise = { .tsc_khz = plan->tsc_khz,
		.hyperv = &plan->cpu.hyperv,
		.cpuid = &p->wanted,
		.msrs = &plan->cpu.msrs };
	int rc = s->vcpus[i] ? 0 : kvm_vcpu_create(&s->vcpus[i], s->vm, plan->vcpus[i].apic_id, e);
	if (rc == 0)
		rc = plan_vcpu_cpuid(plan, i, &p->wanted, e);
	if (rc == 0)
		rc = kvm_vcpu_settle(s->vcpus[i], &promise, &p->settled, e);
	return rc ? rc : setup_prepare_smm(s, i, e);
}

int setup_vcpu(struct setup *s, const struct machine_plan *plan, unsigned i,
	struct setup_processor *ret_processor, struct err *e)
{
	return step_10_vcpu(s, plan, i, ret_processor, e);
}

/*
 * The 8254, which needs the irqchip's 8259s, and which no vCPU needs before the guest runs. KVM
 * starts a thread for it and waits for that: so it is a step that another thread can do.
 */
static int step_11_pit(struct setup *s, struct err *e)
{
	int rc = s->options.split_irqchip ? 0 : kvm_vm_create_pit(s->vm, e);
	s->has_pit = rc == 0;
	return rc;
}

int setup_pit(struct setup *s, struct err *e)
{
	return step_11_pit(s, e);
}

bool setup_has_pit(const struct setup *s)
{
	return s->has_pit;
}

bool setup_has_irqchip(const struct setup *s)
{
	return s->has_irqchip;
}

struct kvm_vm *setup_vm(const struct setup *s)
{
	return s->vm;
}

struct kvm_vcpu *setup_kvm_vcpu(const struct setup *s, unsigned i)
{
	return s->vcpus[i];
}

/* vCPUs before their VM, and its memory once it is gone. */
void setup_destroy(struct setup *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < PLAN_MAX_VCPUS; i++)
		kvm_vcpu_destroy(s->vcpus[i]);
	kvm_vm_destroy(s->vm);
	ram_destroy(s->smram);
	free(s);
}
