/* SPDX-License-Identifier: MIT */
#include "policy/host_fit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int host_fit_create(struct host_fit **ret_fit, struct err *e)
{
	*ret_fit = calloc(1, sizeof(**ret_fit));
	return *ret_fit ? 0 : err_set(e, -ENOMEM, "out of memory");
}

void host_fit_destroy(struct host_fit *fit)
{
	if (fit)
		machine_plan_done(&fit->plan);
	free(fit);
}

static void begin(struct host_fit *fit)
{
	fit->runs = fit->is_of_kept = false;
	fit->why = (struct err)ERR_INIT;
	fit->nr_missing = 0;
	machine_plan_done(&fit->plan);
	memset(&fit->plan, 0, sizeof(fit->plan));
	fit->kept.nr_items = 0;
}

/* As `run` would, by what that host's KVM keeps (vm/cpuid_check.c). False: it would refuse. */
static bool runs_with_kept(
	struct host_fit *fit, const struct host_facts *host, const struct cpu_policy *policy)
{
	const struct cpu_result *r = &fit->plan.cpu;
	if (!host->kept_known || plan_vcpu_cpuid(&fit->plan, 0, &fit->set, &fit->why))
		return true;
	cpu_kept_predict(host, &fit->set, &r->msrs, &fit->kept_table, &fit->kept);
	cpu_kept_judge(&fit->kept, policy);
	fit->is_of_kept =
		cpu_kept_decide(&fit->kept, r->on_missing, "KVM", &fit->why) == CPU_KEPT_REFUSE;
	return !fit->is_of_kept;
}

int host_fit_vm(struct host_fit *fit, struct policy_file *file, const struct host_facts *host,
	struct err *e)
{
	const struct cpu_policy *policy = NULL;
	begin(fit);
	int rc = policy_file_for_host(file, host, &policy, e);
	if (rc)
		return rc;
	rc = plan_machine(
		policy_file_vm(file), policy, host, /* trace */ NULL, &fit->plan, &fit->why);
	if (rc && (fit->why.kind != ERR_HOST || rc == -ENOMEM)) {
		if (e)
			*e = fit->why;
		return rc;
	}
	fit->nr_missing = fit->plan.cpu.nr_missing;
	fit->runs = rc == 0 && runs_with_kept(fit, host, policy);
	return 0;
}

/* By the plan, so that what is said of the model is what is said of a VM that names it. */
static int plan_model(
	struct host_fit *fit, const struct cpu_model *model, const struct host_facts *host)
{
	char text[128];
	struct policy_file *file = NULL;
	const struct cpu_policy *policy = NULL;
	(void)snprintf(
		text, sizeof(text), "[cpu]\nmodel = \"%s\"\non_missing = \"drop\"\n", model->name);
	const struct config_source source = {
		.name = model->name, .text = text, .n = strlen(text)
	};
	int rc = policy_file_load(&file, &source, POLICY_FILE_ASK, &fit->why);
	if (rc == 0)
		rc = policy_file_for_host(file, host, &policy, &fit->why);
	if (rc == 0)
		rc = plan_machine(policy_file_vm(file), policy, host, /* trace */ NULL, &fit->plan,
			&fit->why);
	/* The file lends them, and goes. */
	for (unsigned i = 0; i < fit->plan.cpu.nr_notes; i++)
		fit->plan.cpu.notes[i].origin = NULL;
	policy_file_destroy(file);
	return rc;
}

void host_fit_model(
	struct host_fit *fit, const struct cpu_model *model, const struct host_facts *host)
{
	begin(fit);
	int rc = plan_model(fit, model, host);
	fit->nr_missing = rc ? 0 : fit->plan.cpu.nr_missing;
	fit->runs = rc == 0 && fit->nr_missing == 0;
}

/* What the host lacks, or what went with that. */
static bool is_loss(const struct cpu_note *note)
{
	switch (note->kind) {
	case CPU_NOTE_MISSING:
	case CPU_NOTE_DROPPED:
		return true;
	case CPU_NOTE_REMARK:
	case CPU_NOTE_REMOVED:
		break;
	}
	return false;
}

static void take_note(const struct cpu_note *note, struct host_loss *ret)
{
	char label[FEATURE_PLACE_BYTES];
	*ret = (struct host_loss){ .origin = note->origin };
	(void)snprintf(ret->what, sizeof(ret->what), "%s",
		note->has_feature ? feature_label(label, note->feature) : note->text);
	if (note->has_feature)
		(void)feature_place(ret->place, note->feature);
}

/* Of nothing but bits that KVM would not keep, and false where there are none. An MSR that goes
 * with its CPUID bit is no news. */
static bool take_unkept(const struct cpu_unkept *u, struct host_loss *ret)
{
	struct cpu_unkept lost = *u;
	lost.asked = u->kind == CPU_UNKEPT_NO_MSR ? 0 : u->set & ~u->kept;
	if (!lost.asked)
		return false;
	*ret = (struct host_loss){ .origin = lost.origin };
	(void)cpu_unkept_text(ret->what, &lost);
	return true;
}

bool host_fit_next_loss(const struct host_fit *fit, unsigned *at, struct host_loss *ret_loss)
{
	const struct cpu_result *r = &fit->plan.cpu;
	for (; *at < r->nr_notes; ++*at) {
		if (!is_loss(&r->notes[*at]))
			continue;
		take_note(&r->notes[(*at)++], ret_loss);
		return true;
	}
	while (*at - r->nr_notes < fit->kept.nr_items) {
		if (take_unkept(&fit->kept.items[(*at)++ - r->nr_notes], ret_loss))
			return true;
	}
	return false;
}

unsigned host_fit_count_losses(const struct host_fit *fit)
{
	unsigned n = 0, at = 0;
	struct host_loss loss;
	while (host_fit_next_loss(fit, &at, &loss))
		n++;
	return n;
}

void host_fit_missing(const struct host_fit *fit, struct feature_set *ret_missing)
{
	const struct cpu_result *r = &fit->plan.cpu;
	*ret_missing = (struct feature_set){ 0 };
	if (fit->runs || fit->nr_missing == 0)
		return;
	for (unsigned i = 0; i < r->nr_notes; i++) {
		if (r->notes[i].kind == CPU_NOTE_MISSING && r->notes[i].has_feature)
			feature_set_add(ret_missing, r->notes[i].feature);
	}
}
