/* SPDX-License-Identifier: MIT */
#include "kvm/settle.h"

#include "kvm/hyperv.h"

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
