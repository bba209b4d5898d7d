/* SPDX-License-Identifier: MIT */
/*
 * Holds KVM to the engine's promise: a tiny built-in guest executes CPUID for every leaf and RDMSR
 * (and, where the policy rules writes, WRMSR) for every MSR that the policy speaks of, on every
 * vCPU, and the results are compared with what the plan says.
 */
#ifndef NESTOR_VERIFY_VERIFY_H
#define NESTOR_VERIFY_VERIFY_H

#include "base/report.h"
#include "kvm/kvm.h"
#include "plan/machine_plan.h"

/*
 * One register of one CPUID leaf, or one access to one MSR, that is not as promised. Values of MSRs
 * say nothing where the fault of the same side is set. A write that was promised to be ignored, and
 * did not fault, has the MSR's value before it (promised) and after it (seen).
 */
struct verify_difference {
	unsigned vcpu;
	bool is_msr, write;
	uint32_t leaf, subleaf; /* or the MSR */
	enum cpuid_reg reg;
	uint64_t promised, seen;
	bool promised_fault, seen_fault; /* MSRs: #GP */
	/* KVM says so itself (KVM_GET_CPUID2, KVM_SET_MSRS, KVM_GET_MSRS): it keeps another table
	 * than it took, as some KVMs without hardware virtualization do, or another value of the
	 * MSR, or has not the MSR with the CPUID that it keeps. */
	bool rewritten_by_kvm;
};

struct verify_result {
	unsigned nr_vcpus, nr_leaves, nr_msr_accesses; /* that were compared, over all vCPUs */
	unsigned nr_not_compared; /* MSRs read of which nothing is promised, over all vCPUs */
	struct verify_difference *differences; /* owned; verify_result_done. By vCPU */
	size_t nr_differences;
};

/*
 * Builds a VM of the plan's vCPUs on kvm, and nothing else of the plan's machine, and runs them one
 * after another on the calling thread. Errors are the host's; differences are no error. A guest
 * that does not come back is an error (-ETIMEDOUT): SIGRTMIN has a handler meanwhile, so no machine
 * may run in the process. reporter may be NULL.
 */
int verify_run(struct kvm *kvm, const struct machine_plan *plan, const struct reporter *reporter,
	struct verify_result *ret_result, struct err *e) MUST_CHECK;
/* Frees; accepts one all zero. */
void verify_result_done(struct verify_result *r);

#endif
