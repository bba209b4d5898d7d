/* SPDX-License-Identifier: MIT */
/* From this host's KVM and a VM's policy file to a machine plan, for the subcommands that need one.
 */
#ifndef NESTOR_CLI_PLANNING_H
#define NESTOR_CLI_PLANNING_H

#include "base/report.h"
#include "cli/policy_file.h"
#include "kvm/kvm.h"
#include "plan/plan.h"

/*
 * *ret_plan is the caller's (plan_destroy), and untouched on failure. Errors as plan_machine. What
 * the guest does not get, or gets otherwise than asked for, is reported: as a warning, or as
 * debugging where cpu.on_missing is "drop". reporter may be NULL. *ret_policy is the
 * policy that it is made from, lent by the file. ret_policy may be NULL.
 */
int plan_on_host(struct kvm *kvm, struct policy_file *policy_file, const struct reporter *reporter,
	struct machine_plan **ret_plan, const struct cpu_policy **ret_policy,
	struct err *e) MUST_CHECK;

/*
 * The same in two halves, so that the caller can do in between what needs no plan: KVM says what it
 * can do meanwhile, on another thread. plan_finish must follow plan_begin, or plan_abandon.
 */
struct planning;
int plan_begin(struct planning **ret_planning, struct kvm *kvm, struct err *e) MUST_CHECK;
int plan_finish(struct planning *planning, struct policy_file *policy_file,
	const struct reporter *reporter, struct machine_plan **ret_plan,
	const struct cpu_policy **ret_policy, struct err *e) MUST_CHECK;
/* NULL-safe. */
void plan_abandon(struct planning *planning);

/* NULL-safe. */
void plan_destroy(struct machine_plan *plan);

#endif
