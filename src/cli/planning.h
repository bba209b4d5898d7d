/* From this host's KVM and a config to a machine plan, for the subcommands that need one. */
#ifndef NESTOR_CLI_PLANNING_H
#define NESTOR_CLI_PLANNING_H

#include "kvm/kvm.h"
#include "plan/plan.h"

/* *ret_plan is the caller's to free(), and untouched on failure. Errors as plan_machine. */
int plan_on_host(struct kvm *kvm, const struct vm_config *vm, struct machine_plan **ret_plan,
	struct err *e) MUST_CHECK;

#endif
