/* SPDX-License-Identifier: MIT */
/* Hyper-V's interface, as far as KVM leaves it to its user (KVM API, KVM_EXIT_HYPERV). */
#include "kvm/hyperv.h"

#include "kvm/internal.h"

#include <errno.h>

#define EVMCS_VERSION 1

/* Hypercalls (Hyper-V TLFS, appendix A) and their results (appendix B). */
#define CALL_CODE_MASK UINT64_C(0xffff)
#define CALL_POST_MESSAGE 0x5c
#define CALL_SIGNAL_EVENT 0x5d
#define STATUS_INVALID_HYPERCALL_CODE 2
#define STATUS_INVALID_CONNECTION_ID 18

static int enable(
	struct kvm_vcpu *vcpu, uint32_t number, const char *name, uint64_t argument, struct err *e)
{
	struct kvm_enable_cap cap = { .cap = number, .args = { argument } };
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_ENABLE_CAP, &cap);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_ENABLE_CAP, %s on vCPU %u", name, vcpu->id);
	return 0;
}

/* KVM says which versions it has: the lowest in bits 7:0, the highest in bits 15:8. */
static int enable_evmcs(struct kvm_vcpu *vcpu, struct err *e)
{
	uint16_t versions = 0;
	int rc = enable(vcpu, KVM_CAP_HYPERV_ENLIGHTENED_VMCS, "KVM_CAP_HYPERV_ENLIGHTENED_VMCS",
		(uintptr_t)&versions, e);
	if (rc == 0 && ((versions & 0xff) > EVMCS_VERSION || versions >> 8 < EVMCS_VERSION))
		rc = err_set(e, -ENOTSUP,
			"vCPU %u: this KVM's enlightened VMCS has versions %u to %u, not %d",
			vcpu->id, versions & 0xffu, versions >> 8, EVMCS_VERSION);
	return rc;
}

int kvm_vcpu_enable_hyperv(struct kvm_vcpu *vcpu, const struct hyperv_caps *caps, struct err *e)
{
	int rc = 0;
	if (caps->synic)
		rc = enable(vcpu, KVM_CAP_HYPERV_SYNIC2, "KVM_CAP_HYPERV_SYNIC2", 0, e);
	if (rc == 0 && caps->evmcs)
		rc = enable_evmcs(vcpu, e);
	if (rc == 0 && caps->enforce_cpuid)
		rc = enable(
			vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, "KVM_CAP_HYPERV_ENFORCE_CPUID", 1, e);
	return rc;
}

bool kvm_vcpu_answer_hyperv(const struct kvm_exit *x)
{
	uint64_t code = x->hyperv.input & CALL_CODE_MASK;
	switch (x->hyperv.type) {
	case KVM_HYPERV_SYNIC:
		return true;
	case KVM_HYPERV_HYPERCALL:
		*x->hyperv.result = code == CALL_POST_MESSAGE || code == CALL_SIGNAL_EVENT
					    ? STATUS_INVALID_CONNECTION_ID
					    : STATUS_INVALID_HYPERCALL_CODE;
		return true;
	case KVM_HYPERV_DEBUGGER:
		*x->hyperv.result = 0;
		return true;
	case KVM_HYPERV_UNKNOWN:
		break;
	}
	return false;
}
