/* SPDX-License-Identifier: MIT */
/* What the CPUID instruction gives a guest, by its table: the promise that `verify` holds KVM to.
 */
#ifndef NESTOR_CPUID_EXECUTE_H
#define NESTOR_CPUID_EXECUTE_H

#include "cpuid/cpuid.h"

/* What a vCPU's registers change in CPUID, as they are when it executes it. */
struct cpuid_vcpu_state {
	bool apic_enabled; /* IA32_APIC_BASE bit 11 */
	bool cr4_osxsave, cr4_pke;
	bool misc_enable_mwait; /* IA32_MISC_ENABLE bit 18 */
	/* KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT is disabled, which nestor does not do: leaf 1 ECX bit
	 * 3 (MONITOR) follows misc_enable_mwait. Else it stays as the table has it. */
	bool mwait_follows_misc_enable;
	bool tsx_ctrl_cpuid_clear; /* IA32_TSX_CTRL bit 1: hides HLE and RTM */
	bool hyperv_invariant_tsc; /* HV_X64_MSR_TSC_INVARIANT_CONTROL bit 0 */
	uint64_t xcr0, xss;
};

/*
 * CPUID with EAX = leaf, ECX = subleaf. Leaves past the maximum of their range, and subleaves that
 * do not exist, are answered as KVM does (KVM API, KVM_SET_CPUID2; SDM vol. 2, CPUID: Intel repeats
 * the highest basic leaf, AMD gives zeros).
 */
void cpuid_execute(const struct cpuid_table *table, const struct cpuid_vcpu_state *state,
	uint32_t leaf, uint32_t subleaf, uint32_t ret_reg[4]);

#endif
