/* SPDX-License-Identifier: MIT */
/* An MSR access that the filter stopped: done by the policy, for whoever runs vCPUs. */
#ifndef NESTOR_KVM_MSR_EXIT_H
#define NESTOR_KVM_MSR_EXIT_H

#include "kvm/kvm.h"

/*
 * Answers an exit of KVM_EXIT_KIND_MSR, before the vCPU's next kvm_vcpu_run: gives the value, drops
 * the write, or makes it #GP. What the policy leaves to KVM was stopped only to be logged, and is
 * carried out with KVM_GET_MSRS or KVM_SET_MSRS (see cpuid/msr.h); what KVM refuses is #GP.
 * Returns what the policy said, for the log; x's *data and *error have what became of it.
 */
struct msr_outcome kvm_vcpu_answer_msr(
	struct kvm_vcpu *vcpu, const struct kvm_exit *x, const struct msr_policy *policy);

#endif
