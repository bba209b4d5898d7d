/* The MSR policy of a VM as a value: what faults, and what is set before the guest starts. */
#ifndef NESTOR_CPUID_MSR_H
#define NESTOR_CPUID_MSR_H

#include "base/err.h"
#include "base/types.h"

#define MSR_POLICY_MAX_DENY 16 /* KVM_MSR_FILTER_MAX_RANGES */
#define MSR_POLICY_MAX_SET 16

#define MSR_IA32_FEATURE_CONTROL 0x3au
#define MSR_IA32_MISC_ENABLE 0x1a0u
#define MSR_IA32_MTRR_DEF_TYPE 0x2ffu

/* MSRs first to last, both included; any guest access faults with #GP. */
struct msr_range {
	uint32_t first, last;
};

struct msr_value {
	uint32_t index;
	uint64_t value;
};

struct msr_policy {
	struct msr_range deny[MSR_POLICY_MAX_DENY];
	unsigned nr_deny;
	struct msr_value set[MSR_POLICY_MAX_SET]; /* on every vCPU, in this order, after CPUID */
	unsigned nr_set;
};

int msr_policy_deny(struct msr_policy *p, uint32_t first, uint32_t last, struct err *e) MUST_CHECK;
int msr_policy_set(struct msr_policy *p, uint32_t index, uint64_t value, struct err *e) MUST_CHECK;

/* What firmware leaves behind on any PC: fast strings, and MTRRs on with default type write-back.
 */
int msr_policy_firmware(struct msr_policy *p, struct err *e) MUST_CHECK;

#endif
