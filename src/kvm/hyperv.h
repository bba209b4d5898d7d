/* SPDX-License-Identifier: MIT */
/* Hyper-V's interface of a vCPU: what KVM must be asked for, and what it leaves to be answered. */
#ifndef NESTOR_KVM_HYPERV_H
#define NESTOR_KVM_HYPERV_H

#include "cpuid/hyperv.h"
#include "kvm/kvm.h"

/*
 * Enables on a vCPU what Hyper-V's leaves need, before its CPUID and MSRs: KVM judges them by it
 * (KVM API, KVM_CAP_HYPERV_SYNIC2, _ENLIGHTENED_VMCS, _ENFORCE_CPUID). The local APIC is KVM's.
 * -ENOTSUP where KVM has not version 1 of the enlightened VMCS.
 */
int kvm_vcpu_enable_hyperv(
	struct kvm_vcpu *vcpu, const struct hyperv_caps *caps, struct err *e) MUST_CHECK;

/*
 * Answers an exit of KVM_EXIT_KIND_HYPERV, before the vCPU's next kvm_vcpu_run. The SynIC's pages
 * are KVM's; there is no VMBus, so that no message or event has somewhere to go (Hyper-V TLFS,
 * HvCallPostMessage and HvCallSignalEvent: HV_STATUS_INVALID_CONNECTION_ID); other hypercalls are
 * not known; a debugger never has anything to say. False: an exit that nestor does not know.
 */
bool kvm_vcpu_answer_hyperv(const struct kvm_exit *x);

#endif
