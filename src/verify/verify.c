/* SPDX-License-Identifier: MIT */
#include "verify/verify.h"

#include "verify/internal.h"

#include <errno.h>
#include <stdlib.h>

/* Differences as they come. */
struct collector {
	struct verify_result *result;
	size_t capacity;
	unsigned vcpu;                     /* at hand */
	const struct kvm_settled *settled; /* that vCPU's */
};

static int add_difference(
	struct collector *c, const struct verify_difference *difference, struct err *e)
{
	struct verify_result *r = c->result;
	if (r->nr_differences == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 64;
		struct verify_difference *grown =
			realloc(r->differences, capacity * sizeof(*grown));
		if (!grown)
			return err_set(e, -ENOMEM, "out of memory");
		r->differences = grown;
		c->capacity = capacity;
	}
	r->differences[r->nr_differences++] = *difference;
	return 0;
}

static int compare_cpuid(struct collector *c, const struct verify_request *r, struct err *e)
{
	int rc = 0;
	c->result->nr_leaves++;
	for (unsigned reg = CPUID_EAX; rc == 0 && reg <= CPUID_EDX; reg++) {
		const struct verify_difference d = {
			.vcpu = c->vcpu,
			.leaf = r->index,
			.subleaf = r->subleaf,
			.reg = (enum cpuid_reg)reg,
			.promised = r->promised_reg[reg],
			.seen = r->seen_fault ? 0 : r->seen_reg[reg],
			.seen_fault = r->seen_fault,
			.rewritten_by_kvm = !r->seen_fault && r->seen_reg[reg] == r->kept_reg[reg],
		};
		if (d.seen_fault || d.seen != d.promised)
			rc = add_difference(c, &d, e);
	}
	return rc;
}

/* KVM says itself that it did not keep the MSR's value: it refused it, dropped the CPUID bit that
 * announces the MSR, or reads otherwise, and as the guest does. */
static bool is_kvms_own(const struct kvm_settled *settled, const struct verify_request *r)
{
	for (unsigned i = 0; i < settled->kept.nr_items; i++) {
		const struct cpu_unkept *u = &settled->kept.items[i];
		if (u->kind == CPU_UNKEPT_CPUID || u->leaf != r->index)
			continue;
		return r->seen_fault || u->kind == CPU_UNKEPT_NO_MSR ||
		       request_seen_value(r) == u->kept;
	}
	return false;
}

static int compare_msr(struct collector *c, const struct verify_request *r, struct err *e)
{
	if (!r->compared) {
		c->result->nr_not_compared++;
		return 0;
	}
	if (!r->after_write)
		c->result->nr_msr_accesses++;
	bool write = r->op == GUEST_WRMSR;
	bool value_counts = !write && !r->promised_fault && !r->seen_fault;
	struct verify_difference d = {
		.vcpu = c->vcpu,
		.is_msr = true,
		.write = write || r->after_write,
		.leaf = r->index,
		.promised_fault = r->promised_fault,
		.seen_fault = r->seen_fault,
	};
	if (!write && !r->seen_fault)
		d.seen = request_seen_value(r);
	d.rewritten_by_kvm = !write && is_kvms_own(c->settled, r);
	if (!write && !r->promised_fault) /* what is not promised is shown as it is */
		d.promised = (r->promised_value & r->mask) | (d.seen & ~r->mask);
	if (d.promised_fault == d.seen_fault && (!value_counts || d.promised == d.seen))
		return 0;
	return add_difference(c, &d, e);
}

static int compare_list(struct collector *c, const struct request_list *list, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < list->nr; i++) {
		const struct verify_request *r = &list->items[i];
		rc = r->op == GUEST_CPUID ? compare_cpuid(c, r, e) : compare_msr(c, r, e);
	}
	return rc;
}

#define MSR_IA32_TSX_CTRL 0x122u
#define MSR_HV_TSC_INVARIANT_CONTROL 0x40000118u

static bool set_bit(const struct msr_policy *msrs, uint32_t index, unsigned bit)
{
	uint64_t value;
	return msr_policy_get(msrs, index, &value) && value >> bit & 1;
}

/* The registers that the guest's CPUID depends on: as after reset, and as the policy sets MSRs. */
static struct cpuid_vcpu_state vcpu_state(const struct msr_policy *msrs)
{
	return (struct cpuid_vcpu_state){
		.apic_enabled = true,
		.misc_enable_mwait = set_bit(msrs, MSR_IA32_MISC_ENABLE, 18),
		.tsx_ctrl_cpuid_clear = set_bit(msrs, MSR_IA32_TSX_CTRL, 1),
		.hyperv_invariant_tsc = set_bit(msrs, MSR_HV_TSC_INVARIANT_CONTROL, 0),
		.xcr0 = 1,
	};
}

/* First all that is read, then the writes, which need what was read. */
static int verify_vcpu(struct verify_vm *vm, const struct machine_plan *plan, unsigned list_ms,
	struct collector *c, struct err *e)
{
	const struct setup_processor *processor = verify_vm_processor(vm, c->vcpu);
	const struct msr_policy *msrs = &plan->cpu.msrs;
	const struct cpuid_vcpu_state state = vcpu_state(msrs);
	struct request_list reads = { 0 }, writes = { 0 };
	c->settled = &processor->settled;
	int rc = request_list_cpuid(
		&reads, &processor->wanted, &processor->settled.cpuid, &state, e);
	if (rc == 0)
		rc = request_list_msr_reads(&reads, msrs, e);
	if (rc == 0)
		rc = verify_vm_answer(vm, c->vcpu, &reads, list_ms, e);
	if (rc == 0)
		rc = compare_list(c, &reads, e);
	if (rc == 0)
		rc = request_list_msr_writes(&writes, msrs, &reads, e);
	if (rc == 0)
		rc = verify_vm_answer(vm, c->vcpu, &writes, list_ms, e);
	if (rc == 0)
		rc = compare_list(c, &writes, e);
	request_list_done(&reads);
	request_list_done(&writes);
	return rc;
}

int verify_run_bounded(struct kvm *kvm, const struct machine_plan *plan,
	const struct reporter *reporter, unsigned list_ms, struct verify_result *ret_result,
	struct err *e)
{
	struct verify_vm *vm = NULL;
	struct collector c = { .result = ret_result };
	*ret_result = (struct verify_result){ 0 };
	int rc = verify_vm_create(&vm, kvm, plan, reporter, e);
	for (; rc == 0 && c.vcpu < plan->nr_vcpus; c.vcpu++) {
		rc = verify_vcpu(vm, plan, list_ms, &c, e);
		if (rc == 0) {
			ret_result->nr_vcpus++;
			report(reporter, REPORT_DEBUG, "vCPU %u: %zu differences so far", c.vcpu,
				ret_result->nr_differences);
		}
	}
	verify_vm_destroy(vm);
	if (rc)
		verify_result_done(ret_result);
	return rc;
}

int verify_run(struct kvm *kvm, const struct machine_plan *plan, const struct reporter *reporter,
	struct verify_result *ret_result, struct err *e)
{
	return verify_run_bounded(kvm, plan, reporter, VERIFY_LIST_MS, ret_result, e);
}

void verify_result_done(struct verify_result *r)
{
	free(r->differences);
	*r = (struct verify_result){ 0 };
}
