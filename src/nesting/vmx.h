/* SPDX-License-Identifier: MIT */
/*
 * The VMX capability MSRs, 0x480 to 0x493, as a whole: rules that hold for any processor (SDM vol.
 * 3, appendix A), and which of them a guest has at all. The engine makes their values bit by bit
 * (cpuid/feature_msrs.c); this looks at the result with other eyes. Pure.
 */
#ifndef NESTOR_NESTING_VMX_H
#define NESTOR_NESTING_VMX_H

#include "base/err.h"
#include "cpuid/cpuid.h"
#include "cpuid/msr.h"

/*
 * -EPROTO, with the MSR, the bits and the section of the SDM, for the first rule that the values
 * break: fixed bits, must-be-1 bits that may not be 1, "true" controls at odds with the basic ones,
 * capabilities of a control that cannot be set, a control without one that it needs. MSRs that are
 * not among the n are not judged, and 0x487 and 0x489 may be missing always, as KVM makes them of
 * CPUID. table: the CPUID that goes with them, for controls that need an instruction; NULL: not
 * judged.
 */
int vmx_caps_check(const struct cpuid_table *table, const struct msr_value *msrs, unsigned n,
	struct err *e) MUST_CHECK;

/*
 * -EPROTO, likewise, for the first MSR that allows a guest what `host` does not: a control that may
 * be 1, or 0, a capability bit, a number. What KVM refuses of KVM_SET_MSRS is among it.
 */
int vmx_caps_check_subset(const struct msr_value *msrs, unsigned n, const struct msr_value *host,
	unsigned nr_host, struct err *e) MUST_CHECK;

/*
 * Denies the guest the MSRs that a processor with its capabilities does not have (SDM vol. 3,
 * appendix A: "supported only on processors that …"), of those in p->set. KVM answers them all the
 * same, if not with what they said before.
 */
int vmx_deny_absent(struct msr_policy *p, struct err *e) MUST_CHECK;

#endif
