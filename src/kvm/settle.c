/* SPDX-License-Identifier: MIT */
#include "kvm/settle.h"

#include "kvm/hyperv.h"

#include <errno.h>
#include <stdlib.h>

/* Sets the MSRs that there are, and tells what was not kept of them. */
static int set_msrs(struct kvm_vcpu *vcpu, const struct kvm_promise *promise, struct kvm_settled *s,
	struct err *e)
{
	struct msr_value valid[MSR_POLICY_MAX_SET];
	struct kvm_msr_kept kept[MSR_POLICY_MAX_SET];
	unsigned n = cpu_kept_valid_msrs(promise->msrs, promise->cpuid, &s->cpuid, &s->kept, valid);
	int rc = n ? kvm_vcpu_set_msrs(vcpu, valid, n, kept, e) : 0;
	for (unsigned i = 0; rc == 0 && i < n; i++)
		cpu_kept_add_msr(
			&s->kept, &valid[i], kept[i].taken, kept[i].read ? &kept[i].value : NULL);
	return rc;
}

int kvm_vcpu_settle(struct kvm_vcpu *vcpu, const struct kvm_promise *promise,
	struct kvm_settled *ret_settled, struct err *e)
{
	struct kvm_settled *s = ret_settled;
	int rc = 0;
	/* 1 TSC frequency: KVM counts the TSC, its deadline and kvmclock in it from here on. */
	if (promise->tsc_khz)
		rc = kvm_vcpu_set_tsc_khz(vcpu, promise->tsc_khz, e);
	/* 2 Hyper-V's capabilities: KVM reads Hyper-V's leaves by them. */
	if (rc == 0 && promise->hyperv)
		rc = kvm_vcpu_enable_hyperv(vcpu, promise->hyperv, e);
	/* 3 CPUID: KVM judges MSRs and control registers by it … */
	if (rc == 0)
		rc = kvm_vcpu_set_cpuid(vcpu, promise->cpuid, e);
	/* 4 … that is, by what it kept of it, which need not be what it was given. */
	if (rc == 0)
		rc = kvm_vcpu_get_cpuid(vcpu, &s->cpuid, e);
	if (rc == 0)
		cpu_kept_cpuid(promise->cpuid, &s->cpuid, &s->kept);
	/* 5 MSRs, those that there are with that: feature MSRs decide what the guest may set later;
	 * and read back, as KVM may keep another value. */
	if (rc == 0)
		rc = set_msrs(vcpu, promise, s, e);
	return rc;
}

/* The feature MSRs that a policy gives a guest, where CPUID announces them; all of the host's. */
static void all_msrs(const struct host_facts *facts, struct msr_policy *p)
{
	for (unsigned i = 0; i < facts->nr_feature_msrs; i++) {
		const struct msr_value *msr = &facts->feature_msrs[i];
		if (cpu_msr_is_announced(msr->index, &facts->supported))
			p->set[p->nr_set++] = *msr;
	}
}

/* Room for what a trial needs. */
struct trial {
	struct msr_policy msrs;
	struct kvm_settled settled;
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

static void keep_facts(struct host_facts *facts, const struct kvm_settled *s)
{
	facts->kept_known = true;
	facts->unkept.nr_entries = facts->nr_unkept_msrs = 0;
	for (unsigned i = 0; i < s->kept.nr_items; i++) {
		const struct cpu_unkept *u = &s->kept.items[i];
		if (u->kind != CPU_UNKEPT_CPUID) {
			if (facts->nr_unkept_msrs < HOST_MAX_FEATURE_MSRS)
				facts->unkept_msrs[facts->nr_unkept_msrs++] =
					(struct msr_value){ u->leaf, u->kept };
			continue;
		}
		const struct cpuid_entry *had = cpuid_get(&facts->supported, u->leaf, u->subleaf);
		struct cpuid_entry *now = cpuid_find(&facts->unkept, u->leaf, u->subleaf);
		if (!now) {
			now = cpuid_put(&facts->unkept, u->leaf, u->subleaf,
				had ? had->subleaf_matters : u->subleaf != 0);
			for (unsigned reg = 0; now && had && reg < 4; reg++)
				now->reg[reg] = had->reg[reg];
		}
		if (now)
			now->reg[u->reg] = (uint32_t)u->kept;
	}
}

int kvm_host_kept(struct kvm *kvm, struct host_facts *facts, struct err *e)
{
	struct trial *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	const struct kvm_promise promise = { .cpuid = &facts->supported, .msrs = &t->msrs };
	all_msrs(facts, &t->msrs);
	int rc = kvm_vm_create(&t->vm, kvm, e);
	/* As machines have it: KVM judges features of the local APIC by where that is. */
	if (rc == 0)
		rc = kvm_vm_create_irqchip(t->vm, e);
	if (rc == 0)
		rc = kvm_vcpu_create(&t->vcpu, t->vm, 0, e);
	if (rc == 0)
		rc = kvm_vcpu_settle(t->vcpu, &promise, &t->settled, e);
	if (rc == 0)
		keep_facts(facts, &t->settled);
	kvm_vcpu_destroy(t->vcpu);
	kvm_vm_destroy(t->vm);
	free(t);
	return rc;
}
