/* The decision: config and host facts to a machine plan. Pure; see machine_plan.h. */
#ifndef NESTOR_PLAN_PLAN_H
#define NESTOR_PLAN_PLAN_H

#include "config/vm_config.h"
#include "cpuid/host_facts.h"
#include "plan/machine_plan.h"

/*
 * Errors: ERR_HOST where this host cannot do what the config asks (vCPUs, APIC IDs, physical
 * address width, the knob), naming the limit and the key.
 */
int plan_machine(const struct vm_config *config, const struct host_facts *host,
	struct machine_plan *ret_plan, struct err *e) MUST_CHECK;

/* The complete CPUID table of vCPU i. */
int plan_vcpu_cpuid(const struct machine_plan *plan, unsigned i, struct cpuid_table *ret_table,
	struct err *e) MUST_CHECK;

#endif
