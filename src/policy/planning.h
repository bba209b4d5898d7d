/* SPDX-License-Identifier: MIT */
/* From this host's KVM and a VM's policy file to a machine plan, for the subcommands that need one.
 */
#ifndef NESTOR_POLICY_PLANNING_H
#define NESTOR_POLICY_PLANNING_H

#include "base/report.h"
#include "base/worker.h"
#include "kvm/kvm.h"
#include "plan/plan.h"
#include "policy/policy_file.h"

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
 * The same in steps, by a worker while the caller does what needs no plan. plan_begin: the worker
 * opens KVM and lets it say what it can do. plan_kvm: waits until it is open; *ret_kvm is the
 * caller's then (kvm_close), for longer than the planning. plan_compute, after that: it is decided;
 * after what the worker was given before, and before what it is given next, which finds *ret_plan
 * there or, if it was refused, still NULL. plan_finish: waits for that, and tells. plan_finish or
 * plan_abandon must follow plan_begin.
 */
struct planning;
int plan_begin(struct planning **ret_planning, const struct kvm_calls *calls, const char *path,
	struct worker *worker, struct err *e) MUST_CHECK;
int plan_kvm(struct planning *planning, struct kvm **ret_kvm, struct err *e) MUST_CHECK;
void plan_compute(struct planning *planning, struct policy_file *policy_file,
	const struct reporter *reporter, struct machine_plan **ret_plan,
	const struct cpu_policy **ret_policy);
int plan_finish(struct planning *planning, struct err *e) MUST_CHECK;
/* NULL-safe. */
void plan_abandon(struct planning *planning);

/* NULL-safe. */
void plan_destroy(struct machine_plan *plan);

#endif
