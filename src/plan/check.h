/* SPDX-License-Identifier: MIT */
/* What is wrong with a VM's config on every host, found without one. Pure. */
#ifndef NESTOR_PLAN_CHECK_H
#define NESTOR_PLAN_CHECK_H

#include "base/finding.h"
#include "config/config.h"
#include "cpuid/policy.h"

/*
 * Adds to found all that a plan would be refused for wherever it is made: unknown names, with the
 * nearest; what contradicts itself, or needs what the config takes away; devices at each other's
 * ports, or at KVM's. It plans for made-up hosts, one of each vendor, that have all that there is,
 * and takes what none of those that could run it would do.
 *
 * vm: of config, checked (config_finish), or with what that found already in found; base and
 * cluster as in plan/policy.h. 0 also where there are faults; -ENOMEM.
 */
int plan_check(const struct config *config, const struct vm_config *vm,
	const struct cpu_policy *base, const struct host_facts *cluster, struct findings *found,
	struct err *e) MUST_CHECK;

#endif
