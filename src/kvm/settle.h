/* SPDX-License-Identifier: MIT */
/*
 * What makes a vCPU the processor that a policy promises, in KVM's one order: each step works on
 * what KVM kept of the step before. setup/ makes vCPUs that go this way, and who
 * asked for them judges what was not kept (cpuid/kept.h).
 */
#ifndef NESTOR_KVM_SETTLE_H
#define NESTOR_KVM_SETTLE_H

#include "cpuid/kept.h"
#include "kvm/kvm.h"

/* All borrowed. */
struct kvm_promise {
	unsigned tsc_khz;                 /* 0: the host's */
	const struct hyperv_caps *hyperv; /* NULL: nothing of Hyper-V's */
	const struct cpuid_table *cpuid;  /* of this vCPU */
	const struct msr_policy *msrs;
};

/* What came of it. Large: not for the stack. */
struct kvm_settled {
	struct cpuid_table cpuid; /* that KVM keeps */
	struct cpu_kept kept;     /* against the promise; not judged */
};

/* Before the vCPU's registers and its first run. Errors are of the calls, and of the TSC. */
int kvm_vcpu_settle(struct kvm_vcpu *vcpu, const struct kvm_promise *promise,
	struct kvm_settled *ret_settled, struct err *e) MUST_CHECK;

#endif
