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

/* Frees what the plan owns; accepts one that is all zero. */
void machine_plan_done(struct machine_plan *plan);

/* The complete CPUID table of vCPU i; trace may be NULL. */
int plan_vcpu_cpuid_traced(const struct machine_plan *plan, unsigned i, struct cpu_trace *trace,
	struct cpuid_table *ret_table, struct err *e) MUST_CHECK;
int plan_vcpu_cpuid(const struct machine_plan *plan, unsigned i, struct cpuid_table *ret_table,
	struct err *e) MUST_CHECK;

#endif
