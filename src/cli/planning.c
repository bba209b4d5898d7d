/* SPDX-License-Identifier: MIT */
#include "cli/planning.h"

#include <errno.h>
#include <stdlib.h>

static void report_notes(
	const struct machine_plan *plan, bool drop, const struct reporter *reporter)
{
	const struct cpu_result *cpu = &plan->cpu;
	char text[CPU_NOTE_BYTES];
	for (unsigned i = 0; i < cpu->nr_notes; i++) {
		const struct cpu_note *note = &cpu->notes[i];
		report(reporter, drop ? REPORT_DEBUG : REPORT_WARN, "%s%s%s",
			note->origin ? note->origin : "", note->origin ? ": " : "",
			cpu_note_text(text, note));
	}
	if (cpu->nr_lost)
		report(reporter, drop ? REPORT_DEBUG : REPORT_WARN, "and %u more", cpu->nr_lost);
}

struct planning {
	struct machine_plan *plan;
	struct kvm_facts_reading *reading;
	struct host_facts facts;
};

static void planning_free(struct planning *planning)
{
	if (planning)
		plan_destroy(planning->plan);
	free(planning);
}

/* The plan, too, is allocated here: from a heap so fresh, it need not be cleared, and its room for
 * notes stays untouched where there are none. */
int plan_begin(struct planning **ret_planning, struct kvm *kvm, struct err *e)
{
	struct planning *planning = malloc(sizeof(*planning));
	if (planning)
		planning->plan = calloc(1, sizeof(*planning->plan));
	int rc = planning && planning->plan
			 ? kvm_host_facts_begin(&planning->reading, kvm, &planning->facts, e)
			 : err_set(e, -ENOMEM, "out of memory");
	if (rc) {
		planning_free(planning);
		return rc;
	}
	*ret_planning = planning;
	return 0;
}

void plan_abandon(struct planning *planning)
{
	int rc = planning ? kvm_host_facts_end(planning->reading, NULL) : 0;
	(void)rc; /* nobody wants the facts */
	planning_free(planning);
}

int plan_finish(struct planning *planning, struct policy_file *policy_file,
	const struct reporter *reporter, struct machine_plan **ret_plan,
	const struct cpu_policy **ret_policy, struct err *e)
{
	const struct vm_config *vm = policy_file_vm(policy_file);
	const struct cpu_policy *policy = NULL;
	int rc = kvm_host_facts_end(planning->reading, e);
	if (rc == 0)
		rc = policy_file_for_host(policy_file, &planning->facts, &policy, e);
	if (rc == 0)
		rc = plan_machine(
			vm, policy, &planning->facts, /* trace */ NULL, planning->plan, e);
	if (rc == 0) {
		*ret_plan = planning->plan;
		planning->plan = NULL;
		report_notes(*ret_plan, vm->cpu.on_missing == ON_MISSING_DROP, reporter);
		if (ret_policy)
			*ret_policy = policy;
	}
	planning_free(planning);
	return rc;
}

int plan_on_host(struct kvm *kvm, struct policy_file *policy_file, const struct reporter *reporter,
	struct machine_plan **ret_plan, const struct cpu_policy **ret_policy, struct err *e)
{
	struct planning *planning = NULL;
	int rc = plan_begin(&planning, kvm, e);
	return rc ? rc : plan_finish(planning, policy_file, reporter, ret_plan, ret_policy, e);
}

void plan_destroy(struct machine_plan *plan)
{
	if (!plan)
		return;
	machine_plan_done(plan);
	free(plan);
}
