/* SPDX-License-Identifier: MIT */
/* What nest's commands look at: the machine, its processor and its KVM, read once. */
#ifndef NESTOR_POLICY_NEST_FACTS_H
#define NESTOR_POLICY_NEST_FACTS_H

#include "base/machine.h"
#include "cpuid/msr.h"

#define NEST_MAX_MSRS 32

struct nest_facts {
	struct machine_facts machine;
	struct cpuid_table processor; /* by the CPUID instruction */
	/* Of the processor: IA32_FEATURE_CONTROL and the VMX capabilities, or EFER and VM_CR. */
	struct msr_value msrs[NEST_MAX_MSRS];
	unsigned nr_msrs;
	struct err msr_error; /* why there is none: msg is not empty */
	bool has_kvm;
	struct host_facts kvm; /* where has_kvm */
	struct err kvm_error;  /* where not */
};

/* Nothing that is missing here is an error; only -ENOMEM is. nest_facts_destroy is NULL-safe. */
int nest_facts_create(struct nest_facts **ret_facts, struct err *e) MUST_CHECK;
void nest_facts_destroy(struct nest_facts *facts);

#endif
