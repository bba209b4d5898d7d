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
	struct kvm *kvm;
	struct worker *worker; /* NULL: all is done by the caller */
	struct work reading, computing;
	struct machine_plan *plan; /* until it is made */
	struct host_facts facts;
	/* Of the two halves of the facts, and in the end of the plan. */
	int reading_rc, rc;
	struct err reading_error, error;
	/* Given to plan_compute. */
	struct policy_file *policy_file;
	const struct reporter *reporter;
	struct machine_plan **ret_plan;
	const struct cpu_policy **ret_policy;
};

static void planning_free(struct planning *planning)
{
	if (planning)
		plan_destroy(planning->plan);
	free(planning);
}

static void give(struct planning *planning, struct work *work)
{
	if (planning->worker)
		worker_give(planning->worker, work);
	else
		work->run(work->ctx);
}

static void await(struct planning *planning, struct work *work)
{
	if (planning->worker)
		worker_await(planning->worker, work);
}

static void read_cpuid(void *ctx)
{
	struct planning *p = ctx;
	p->reading_rc = kvm_host_facts_cpuid(p->kvm, &p->facts, &p->reading_error);
}

static void compute(void *ctx)
{
	struct planning *p = ctx;
	const struct vm_config *vm = policy_file_vm(p->policy_file);
	const struct cpu_policy *policy = NULL;
	if (p->reading_rc) {
		p->rc = p->reading_rc;
		p->error = p->reading_error;
	}
	if (p->rc == 0)
		p->rc = policy_file_for_host(p->policy_file, &p->facts, &policy, &p->error);
	if (p->rc == 0)
		p->rc = plan_machine(vm, policy, &p->facts, /* trace */ NULL, p->plan, &p->error);
	if (p->rc)
		return;
	report_notes(p->plan, vm->cpu.on_missing == ON_MISSING_DROP, p->reporter);
	*p->ret_plan = p->plan;
	p->plan = NULL;
	if (p->ret_policy)
		*p->ret_policy = policy;
}

int plan_begin(struct planning **ret_planning, struct kvm *kvm, struct err *e)
{
	struct planning *p = malloc(sizeof(*p));
	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->kvm = kvm;
	p->worker = NULL;
	p->reading = (struct work){ .run = read_cpuid, .ctx = p, .done = true };
	p->computing = (struct work){ .run = compute, .ctx = p };
	p->plan = NULL;
	p->rc = p->reading_rc = 0;
	p->error = p->reading_error = (struct err)ERR_INIT;
	host_facts_clear(&p->facts);
	*ret_planning = p;
	return 0;
}

void plan_ask(struct planning *planning, struct worker *worker)
{
	planning->worker = worker;
	give(planning, &planning->reading);
}

void plan_abandon(struct planning *planning)
{
	if (planning)
		await(planning, &planning->reading);
	planning_free(planning);
}

void plan_compute(struct planning *planning, struct policy_file *policy_file,
	const struct reporter *reporter, struct machine_plan **ret_plan,
	const struct cpu_policy **ret_policy)
{
	struct planning *p = planning;
	p->policy_file = policy_file;
	p->reporter = reporter;
	p->ret_plan = ret_plan;
	p->ret_policy = ret_policy;
	p->plan = calloc(1, sizeof(*p->plan));
	p->rc = p->plan ? kvm_host_facts_others(p->kvm, &p->facts, &p->error)
			: err_set(&p->error, -ENOMEM, "out of memory");
	give(p, &p->computing);
}

int plan_finish(struct planning *planning, struct err *e)
{
	await(planning, &planning->computing);
	int rc = planning->rc;
	if (rc && e)
		*e = planning->error;
	planning_free(planning);
	return rc;
}

int plan_on_host(struct kvm *kvm, struct policy_file *policy_file, const struct reporter *reporter,
	struct machine_plan **ret_plan, const struct cpu_policy **ret_policy, struct err *e)
{
	struct planning *planning = NULL;
	int rc = plan_begin(&planning, kvm, e);
	if (rc)
		return rc;
	plan_ask(planning, /* worker */ NULL);
	plan_compute(planning, policy_file, reporter, ret_plan, ret_policy);
	return plan_finish(planning, e);
}

void plan_destroy(struct machine_plan *plan)
{
	if (!plan)
		return;
	machine_plan_done(plan);
	free(plan);
}
