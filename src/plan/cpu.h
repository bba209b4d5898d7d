/* SPDX-License-Identifier: MIT */
/* The CPU part of a plan: the engine's decision with the nesting policy in it. Pure. */
#ifndef NESTOR_PLAN_CPU_H
#define NESTOR_PLAN_CPU_H

#include "config/vm_config.h"
#include "cpuid/host_facts.h"
#include "plan/machine_plan.h"

/*
 * Fills plan->cpu and plan->depth; plan->expose_extensions says whether the VM has the extensions,
 * and nesting_check has passed. policy has its topology. trace may be NULL. Errors as
 * plan_machine's.
 */
int plan_cpu(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct cpu_trace *trace, struct machine_plan *plan,
	struct err *e) MUST_CHECK;

#endif
