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

int plan_on_host(struct kvm *kvm, struct policy_file *policy_file, const struct reporter *reporter,
	struct machine_plan **ret_plan, const struct cpu_policy **ret_policy, struct err *e)
{
	const struct vm_config *vm = policy_file_vm(policy_file);
	const struct cpu_policy *policy = NULL;
	struct host_facts *facts = malloc(sizeof(*facts));
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	int rc = facts && plan ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = kvm_host_facts(kvm, facts, e);
	if (rc == 0)
		rc = policy_file_for_host(policy_file, facts, &policy, e);
	if (rc == 0)
		rc = plan_machine(vm, policy, facts, /* trace */ NULL, plan, e);
	free(facts);
	if (rc) {
		plan_destroy(plan);
		return rc;
	}
	report_notes(plan, vm->cpu.on_missing == ON_MISSING_DROP, reporter);
	*ret_plan = plan;
	if (ret_policy)
		*ret_policy = policy;
	return 0;
}

void plan_destroy(struct machine_plan *plan)
{
	if (!plan)
		return;
	machine_plan_done(plan);
	free(plan);
}
