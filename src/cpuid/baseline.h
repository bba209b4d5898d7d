/* SPDX-License-Identifier: MIT */
/* What several hosts have in common, as facts (for a policy's cluster) and as a policy of its own.
 */
#ifndef NESTOR_CPUID_BASELINE_H
#define NESTOR_CPUID_BASELINE_H

#include "cpuid/engine.h"

#define CPU_BASELINE_SIGNATURES 64

/*
 * One host after another is added, so that thousands need no more memory than two. The result is
 * the facts of a host that every one of them could stand in for: features that all have, the
 * smallest sizes, the oldest signature. The order of the hosts does not matter.
 */
struct cpu_baseline {
	struct host_facts facts; /* valid once nr_hosts > 0 */
	unsigned nr_hosts;
	/* Leaf 1 EAX of the hosts, each once; more than fit are of no account: the policy's model
	 * is then chosen by the first. */
	uint32_t signatures[CPU_BASELINE_SIGNATURES];
	unsigned nr_signatures;
	/* The least of all hosts: their common facts do not have it where one has no leaf for it.
	 */
	unsigned phys_bits;
	/* Defects (FEATURE_DEFECT) that some host announces; a guest that moves there has them,
	 * though the others cannot announce them. */
	struct feature_set defects;
};

/* Leaves of a become what both tables have: the smaller of sizes, features of both; what names one
 * processor among others (APIC IDs) 0 where they differ. A leaf that only b has stays out. */
void cpuid_table_combine(struct cpuid_table *a, const struct cpuid_table *b);

/* -EINVAL where the vendor is not that of the hosts before; the baseline then is as before. */
int cpu_baseline_add(
	struct cpu_baseline *b, const struct host_facts *host, struct err *e) MUST_CHECK;

/*
 * A policy that runs on every host of the baseline and asks for all that they share: a named model
 * and the features that it lacks or has too many. virtualization: name SVM and VMX features too,
 * which a VM may only have with the knob on. The strings are static; features (room for
 * FEATURE_COUNT) is the caller's array, which the policy borrows.
 */
int cpu_baseline_policy(const struct cpu_baseline *b, bool virtualization,
	struct policy_feature *features, struct cpu_policy *ret_policy, struct err *e) MUST_CHECK;

#endif
