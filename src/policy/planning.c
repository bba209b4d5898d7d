/* SPDX-License-Identifier: MIT */
#include "policy/planning.h"

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
	const struct kvm_calls *calls; /* for opening KVM, like … */
	const char *path;
	struct kvm *kvm;
	bool kvm_is_own;       /* nobody has asked for it yet */
	struct worker *worker; /* NULL: all is done by the caller */
	struct work opening, reading, computing;
	struct machine_plan *plan; /* until it is made */
	struct host_facts facts;
	/* Of opening KVM and of the worker's part of the facts; and of the caller's part and, in
	 * the end, of the plan. */
	int asking_rc, rc;
	struct err asking_error, error;
	/* Given to plan_compute. */
	struct policy_file *policy_file;
	const struct reporter *reporter;
	struct machine_plan **ret_plan;
	const struct cpu_policy **ret_policy;
};

static void planning_free(struct planning *planning)
{
	if (planning) {
		plan_destroy(planning->plan);
		if (planning->kvm_is_own)
			kvm_close(planning->kvm);
	}
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

static void open_kvm(void *ctx)
{
	struct planning *p = ctx;
	p->asking_rc = kvm_open(&p->kvm, p->calls, p->path, &p->asking_error);
}

static void read_cpuid(void *ctx)
{
	struct planning *p = ctx;
	if (p->asking_rc == 0)
		p->asking_rc = kvm_host_facts_cpuid(p->kvm, &p->facts, &p->asking_error);
}

/* What the plan was refused for may be wrong on every host, and more with it. */
static void explain(struct planning *p)
{
	struct findings found = { 0 };
	struct err why = ERR_INIT;
	if (p->rc != -ENOMEM && policy_file_faults(p->policy_file, &found, &why) == 0 &&
		found.n > 0) {
		findings_sort(&found);
		p->rc = findings_result(&found, &p->error);
	}
	findings_done(&found);
}

static void compute(void *ctx)
{
	struct planning *p = ctx;
	const struct vm_config *vm = policy_file_vm(p->policy_file);
	const struct cpu_policy *policy = NULL;
	if (p->asking_rc) {
		p->rc = p->asking_rc;
		p->error = p->asking_error;
	}
	if (p->rc == 0)
		p->rc = policy_file_for_host(p->policy_file, &p->facts, &policy, &p->error);
	if (p->rc == 0)
		p->rc = plan_machine(vm, policy, &p->facts, /* trace */ NULL, p->plan, &p->error);
	if (p->rc) {
		if (p->asking_rc == 0)
			explain(p);
		return;
	}
	report_notes(p->plan, vm->cpu.on_missing == ON_MISSING_DROP, p->reporter);
	*p->ret_plan = p->plan;
	p->plan = NULL;
	if (p->ret_policy)
		*p->ret_policy = policy;
}

static struct planning *planning_create(void)
{
	struct planning *p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	host_facts_clear(&p->facts);
	p->kvm = NULL;
	p->kvm_is_own = false;
	p->worker = NULL;
	p->opening = (struct work){ .run = open_kvm, .ctx = p };
	p->reading = (struct work){ .run = read_cpuid, .ctx = p };
	p->computing = (struct work){ .run = compute, .ctx = p };
	p->plan = NULL;
	p->rc = p->asking_rc = 0;
	p->error = p->asking_error = (struct err)ERR_INIT;
	return p;
}

int plan_begin(struct planning **ret_planning, const struct kvm_calls *calls, const char *path,
	struct worker *worker, struct err *e)
{
	struct planning *p = planning_create();
	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->calls = calls;
	p->path = path;
	p->kvm_is_own = true;
	p->worker = worker;
	worker_give(worker, &p->opening);
	worker_give(worker, &p->reading);
	*ret_planning = p;
	return 0;
}

int plan_kvm(struct planning *planning, struct kvm **ret_kvm, struct err *e)
{
	struct planning *p = planning;
	worker_await(p->worker, &p->opening);
	if (!p->kvm) {
		if (e)
			*e = p->asking_error;
		return p->asking_rc;
	}
	p->kvm_is_own = false;
	*ret_kvm = p->kvm;
	return 0;
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
	struct planning *planning = planning_create();
	if (!planning)
		return err_set(e, -ENOMEM, "out of memory");
	planning->kvm = kvm;
	give(planning, &planning->reading);
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
