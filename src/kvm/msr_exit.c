/* SPDX-License-Identifier: MIT */
#include "kvm/msr_exit.h"

struct msr_outcome kvm_vcpu_answer_msr(
	struct kvm_vcpu *vcpu, const struct kvm_exit *x, const struct msr_policy *policy)
{
	struct msr_outcome o = msr_policy_access(policy, x->msr.index, x->msr.write);
	bool fault = false;
	switch (o.action) {
	case MSR_KVM:
		if (!o.log)
			fault = true; /* never stopped by a filter that the policy made */
		else if (x->msr.write)
			fault = kvm_vcpu_set_msr(vcpu, x->msr.index, *x->msr.data, NULL) != 0;
		else
			fault = kvm_vcpu_get_msr(vcpu, x->msr.index, x->msr.data, NULL) != 0;
		break;
	case MSR_VALUE:
		*x->msr.data = o.value;
		break;
	case MSR_IGNORE:
		break;
	case MSR_DENY:
	case MSR_UNRULED: /* never given out */
		fault = true;
		break;
	}
	*x->msr.error = fault;
	return o;
}
