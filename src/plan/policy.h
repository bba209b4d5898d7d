/* SPDX-License-Identifier: MIT */
/* From a VM's checked config to the CPU policy that the engine takes. Pure. */
#ifndef NESTOR_PLAN_POLICY_H
#define NESTOR_PLAN_POLICY_H

#include "config/config.h"
#include "cpuid/policy.h"

/* A policy with the arrays that it needs. Strings are borrowed from the config. */
struct vm_policy;

/*
 * base: the policy of the model file that cpu.model names, or NULL; cluster: what the hosts of
 * cpu.migration_cluster share, or NULL. config, base and cluster must outlive the policy.
 * host: only its threads_per_core is asked, for hw_thread_count_per_core = 0; NULL: 1 is taken.
 */
int vm_policy_create(struct vm_policy **ret_policy, const struct config *config,
	const struct vm_config *vm, const struct cpu_policy *base, const struct host_facts *cluster,
	const struct host_facts *host, struct err *e) MUST_CHECK;
const struct cpu_policy *vm_policy_get(const struct vm_policy *policy);
void vm_policy_destroy(struct vm_policy *policy);

#endif
