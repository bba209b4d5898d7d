/* SPDX-License-Identifier: MIT */
/* nesting.require: what [nesting] asks and the guest does not get, as an error. Pure. */
#ifndef NESTOR_PLAN_REQUIRE_H
#define NESTOR_PLAN_REQUIRE_H

#include "cpuid/host_facts.h"
#include "nesting/profile.h"
#include "plan/machine_plan.h"

/*
 * policy: as the engine took it, with the needs of profile (NULL: none). -ENOTSUP with a line for
 * each thing that is not there, as many as an error holds: what the profile requires, what
 * nesting.features asks for, what of the CPU model's extensions the host lacks, a level. ERR_CONFIG
 * where all of it is the policy's own doing, ERR_HOST where the host lacks any.
 */
int plan_require(const struct cpu_policy *policy, const struct nesting_profile *profile,
	const struct host_facts *host, const struct machine_plan *plan, struct err *e) MUST_CHECK;

#endif
