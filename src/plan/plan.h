/* SPDX-License-Identifier: MIT */
/* The decision: config, policy and host facts to a machine plan. Pure; see machine_plan.h. */
#ifndef NESTOR_PLAN_PLAN_H
#define NESTOR_PLAN_PLAN_H

#include "config/vm_config.h"
#include "cpuid/host_facts.h"
#include "plan/machine_plan.h"

/*
 * policy: what the VM's config says of its CPU (plan/policy.h); NULL: all that the host gives.
 * trace: NULL, or gets who decided which bit, nesting rules included.
 * Errors: ERR_CONFIG where config or policy contradict themselves, ERR_HOST where this host cannot
 * do what they ask (features, vCPUs, APIC IDs, physical address width, the knob), naming the limit
 * and the key. *ret_plan is then the caller's to machine_plan_done() all the same: where features
 * are missing, plan->cpu has the notes that name all of them.
 */
int plan_machine(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct cpu_trace *trace, struct machine_plan *ret_plan,
	struct err *e) MUST_CHECK;

/*
 * What of a plan the config alone tells, for what is made while the host's facts are still read.
 * Where RAM is: returns how many of ret_ram, PLAN_MAX_RAM, there are.
 */
unsigned plan_ram_layout(const struct vm_config *config, struct plan_ram *ret_ram);
/*
 * The MSR filter, where the config says no more of MSRs than that the extensions are hidden: the
 * nesting rules'; the caller owns *ret_filter (msr_filter_done). Else *ret_foreseen is false, and
 * the filter empty. The plan has the last word: a model file may have rules, too.
 */
int plan_foresee_filter(const struct vm_config *config, struct msr_filter *ret_filter,
	bool *ret_foreseen, struct err *e) MUST_CHECK;
/* True where no vCPU will have an APIC ID of 255 or more. */
bool plan_foresee_short_ids(const struct vm_config *config);

/* Frees what the plan owns; accepts one that is all zero. */
void machine_plan_done(struct machine_plan *plan);

/* The complete CPUID table of vCPU i; trace may be NULL. */
int plan_vcpu_cpuid_traced(const struct machine_plan *plan, unsigned i, struct cpu_trace *trace,
	struct cpuid_table *ret_table, struct err *e) MUST_CHECK;
int plan_vcpu_cpuid(const struct machine_plan *plan, unsigned i, struct cpuid_table *ret_table,
	struct err *e) MUST_CHECK;

#endif
