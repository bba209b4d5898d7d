/* SPDX-License-Identifier: MIT */
#include "plan/cpu.h"

#include "nesting/evmcs.h"
#include "nesting/hyperv.h"
#include "nesting/nesting.h"
#include "nesting/profile.h"
#include "nesting/vmx.h"
#include "plan/require.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEEDS_OF(id, name) "nesting.profile = \"" name "\"",
static const char *const needs_of[] = { CONFIG_NESTING_PROFILES(NEEDS_OF) };

/* The policy as the engine takes it: the user's, with what [nesting] makes of it. */
struct merged {
	struct cpu_policy policy;
	struct policy_feature *features;
	struct policy_need *needs;
	struct policy_withdrawal withdrawals[NESTING_MAX_WITHDRAWALS + EVMCS_MAX_WITHDRAWALS];
	struct hyperv_leaves *hyperv;
};

static void merged_done(struct merged *m)
{
	free(m->features);
	free(m->needs);
	free(m->hyperv);
}

static const char *at(const char *origin)
{
	return origin ? origin : "the policy";
}

/* True where there is no fault so far, or faults are collected (err.h). */
static bool goes_on(int rc, const struct err *e)
{
	return rc == 0 || (rc == -EINVAL && e && e->findings);
}

/* Of two results, of which the first let it go on: a fault does not hide that memory is out. */
static int both(int rc, int more)
{
	return more == -ENOMEM || rc == 0 ? more : rc;
}

/* A feature of the policy that takes the extensions away which the knob exposes. */
static int check_knob(const struct cpu_policy *policy, struct err *e)
{
	int rc = 0;
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		size_t nesting_from = p->nr_features - p->nr_nesting_features;
		for (size_t i = 0; i < p->nr_features; i++) {
			const struct policy_feature *asked = &p->features[i];
			const struct feature *f = feature_find(asked->name);
			if (asked->on || !f || (f->id != FEATURE_ID_vmx && f->id != FEATURE_ID_svm))
				continue;
			const struct fault what = { "contradiction",
				i < nesting_from ? "cpu.features" : "nesting.features",
				at(asked->origin), NULL };
			rc = err_fault(e, -EINVAL, &what,
				"-%s contradicts "
				"nesting.expose_virtualization_extensions = true%s%s",
				asked->name, policy->knob_origin ? " at " : "",
				policy->knob_origin ? policy->knob_origin : "");
		}
	}
	return rc;
}

/* One config file serves both vendors: what belongs to the other extensions is no fault. */
static bool is_of_others(const struct feature *f, const char *extensions)
{
	const char *its = f ? nesting_extensions_of(f->id) : NULL;
	return its && strcmp(its, extensions) != 0;
}

/* Unknown names are the engine's to refuse. */
static int check_names(const struct config_texts *texts, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < texts->n; i++) {
		const struct feature *f = feature_find(texts->items[i].text + 1);
		if (f && !nesting_extensions_of(f->id))
			rc = err_fault(e, -EINVAL,
				&(struct fault){ "not-of-nesting", "nesting.features",
					at(texts->items[i].origin), NULL },
				"%s is no part of VMX or SVM; cpu.features takes it", f->name);
	}
	return rc;
}

/* The user's features, the knob, and nesting.features, in this order. */
static int merge_features(struct merged *m, const struct vm_config *config,
	const struct cpu_policy *policy, const char *extensions)
{
	const struct config_texts *texts = &config->nesting.features;
	m->features = calloc(policy->nr_features + 1 + texts->n, sizeof(*m->features));
	if (!m->features)
		return -ENOMEM;
	size_t n = 0;
	for (size_t i = 0; i < policy->nr_features; i++)
		m->features[n++] = policy->features[i];
	if (extensions)
		m->features[n++] = (struct policy_feature){ extensions, true, policy->knob_origin };
	size_t before = n;
	for (size_t i = 0; extensions && i < texts->n; i++) {
		const struct config_text *t = &texts->items[i];
		if (!is_of_others(feature_find(t->text + 1), extensions))
			m->features[n++] = (struct policy_feature){ t->text + 1, t->text[0] == '+',
				t->origin };
	}
	m->policy.features = m->features;
	m->policy.nr_features = n;
	m->policy.nr_nesting_features = n - before;
	return 0;
}

static const struct nesting_profile *chosen_profile(const struct vm_config *config)
{
	return nesting_profile_find(config_nesting_profile_name(config->nesting.profile));
}

static int merge_profile(struct merged *m, const struct vm_config *config, const char *extensions)
{
	enum config_nesting_profile chosen = config->nesting.profile;
	const struct nesting_profile *p = chosen_profile(config);
	bool vmx = strcmp(extensions, "vmx") == 0;
	enum cpuid_vendor vendor = vmx ? CPUID_VENDOR_INTEL : CPUID_VENDOR_AMD;
	if (!p)
		return 0;
	m->needs = calloc(p->nr_rows + 1, sizeof(*m->needs));
	if (!m->needs)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_rows; i++) {
		const struct nesting_profile_row *row = &p->rows[i];
		if (row->vendor != CPUID_VENDOR_OTHER && row->vendor != vendor)
			continue;
		m->needs[m->policy.nr_needs++] = (struct policy_need){ row->feature,
			row->level == NESTING_REQUIRED ? POLICY_REQUIRED
			: row->level == NESTING_WANTED ? POLICY_WANTED
						       : POLICY_HIDDEN };
	}
	m->policy.needs = m->needs;
	m->policy.needs_of = (struct policy_text){ needs_of[chosen], m->policy.profile_origin };
	return 0;
}

static int merge(struct merged *m, const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, bool expose, struct err *e)
{
	const char *extensions = expose ? nesting_support(host).extensions : NULL;
	m->policy = *policy;
	m->policy.withdrawals = m->withdrawals;
	m->policy.nr_withdrawals = nesting_withdrawals(expose, policy->knob_origin, m->withdrawals);
	int rc = merge_features(m, config, policy, extensions);
	if (rc == 0 && extensions)
		rc = merge_profile(m, config, extensions);
	if (rc)
		return err_set(e, rc, "out of memory");
	if (expose) {
		rc = check_names(&config->nesting.features, e);
		int knob = check_knob(&m->policy, e);
		rc = rc ? rc : knob;
	} else {
		rc = nesting_check_leaves(policy, e);
	}
	if (goes_on(rc, e)) {
		int hyperv = hyperv_leaves_create(&m->hyperv, policy, host, expose, e);
		rc = both(rc, hyperv);
	}
	m->policy.hyperv = m->hyperv;
	if (rc == 0 && m->hyperv && m->hyperv->caps.evmcs)
		m->policy.nr_withdrawals += evmcs_withdrawals(
			m->hyperv->caps.evmcs_origin, m->withdrawals + m->policy.nr_withdrawals);
	return rc;
}

static void add_note(struct cpu_result *r, const char *origin, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static void add_note(struct cpu_result *r, const char *origin, const char *fmt, ...)
{
	if (r->nr_notes == CPU_MAX_NOTES) {
		r->nr_lost++;
		return;
	}
	struct cpu_note *note = &r->notes[r->nr_notes++];
	*note = (struct cpu_note){ .kind = CPU_NOTE_REMARK, .origin = origin };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

/* What of [nesting] has no effect here, or less than it says. */
static void note_nesting(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct machine_plan *plan)
{
	const struct config_texts *texts = &config->nesting.features;
	const char *extensions = nesting_support(host).extensions;
	for (size_t i = 0; i < texts->n; i++) {
		if (is_of_others(feature_find(texts->items[i].text + 1), extensions))
			add_note(&plan->cpu, texts->items[i].origin,
				"nesting.features: %s has no effect: the guest has %s",
				texts->items[i].text, extensions);
	}
	if (policy->max_depth.given && plan->depth.remainder + 1 < policy->max_depth.value)
		add_note(&plan->cpu, policy->max_depth.origin,
			"nesting.max_depth: %u levels at most, as this machine may have no more",
			plan->depth.remainder + 1);
}

/* The last look at the VMX MSRs. What the host's KVM breaks itself is no fault of the policy's. */
static int check_vmx(const struct cpu_policy *policy, const struct host_facts *host,
	const struct machine_plan *plan, struct err *e)
{
	const struct msr_policy *p = &plan->cpu.msrs;
	const struct cpuid_table *table = &plan->cpu.table;
	if (!cpuid_has_vmx(table))
		return 0;
	struct err why = ERR_INIT;
	int rc = vmx_caps_check(table, p->set, p->nr_set, &why);
	if (rc && vmx_caps_check(&host->supported, host->feature_msrs, host->nr_feature_msrs, NULL))
		rc = 0;
	if (rc == 0)
		rc = vmx_caps_check_subset(
			p->set, p->nr_set, host->feature_msrs, host->nr_feature_msrs, &why);
	if (rc == 0)
		return 0;
	for (const struct cpu_policy *layer = policy; layer; layer = layer->base) {
		for (size_t i = 0; i < layer->nr_msr_bits; i++) {
			const struct policy_msr_bits *bits = &layer->msr_bits[i];
			if (bits->index < MSR_IA32_VMX_BASIC ||
				bits->index > MSR_IA32_VMX_EXIT_CTLS2)
				continue;
			static const char hint[] =
				"cpu.features and nesting.features change a control in all MSRs";
			const struct fault what = { "vmx-capabilities", "msr.bits",
				at(bits->origin), hint };
			rc = err_fault(e, -EINVAL, &what, "%s", why.msg);
			return err_hint(e, rc, hint);
		}
	}
	(void)err_set(e, rc, "%s", why.msg);
	if (e)
		e->kind = ERR_BUG;
	return err_wrap(e, rc, "the guest's VMX capabilities contradict themselves");
}

/* What comes over the engine's result: nothing that a user writes can undo it. */
static int apply_nesting(const struct cpu_policy *policy, struct cpu_trace *trace,
	struct machine_plan *plan, struct err *e)
{
	bool expose = plan->expose_extensions;
	struct cpu_edit edit = {
		.table = &plan->cpu.table, .trace = trace, .origin = policy->knob_origin
	};
	int rc = nesting_apply_cpuid(expose, &edit, e);
	if (rc)
		return rc;
	edit.rule = "NEST-10";
	edit.origin = policy->max_depth.origin;
	nesting_depth_show(&plan->depth, &edit);
	if (edit.full)
		return err_set_config(e, -E2BIG,
			"the guest's CPUID table has more than %d entries; give fewer rules in "
			"cpu.leaves",
			CPUID_MAX_ENTRIES);
	return nesting_apply_msrs(expose, &plan->cpu.table, &plan->cpu.msrs, e);
}

static int check_exposed(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct machine_plan *plan, struct err *e)
{
	static const char *const words[] = { NULL, "svm", "vmx" }; /* enum config_extensions */
	const struct nesting_depth machine = { host->nesting_limited, host->nesting_depth };
	size_t chosen = (size_t)config->nesting.extensions;
	int rc = nesting_check_extensions(host, chosen < ARRAY_SIZE(words) ? words[chosen] : NULL,
		policy->extensions_origin, e);
	return rc ? rc : nesting_depth_of_vm(&policy->max_depth, &machine, &plan->depth, e);
}

int plan_cpu(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct cpu_trace *trace, struct machine_plan *plan,
	struct err *e)
{
	bool expose = plan->expose_extensions;
	struct merged m = { .hyperv = NULL };
	int rc = expose ? check_exposed(config, policy, host, plan, e) : 0;
	if (goes_on(rc, e)) {
		int more = merge(&m, config, policy, host, expose, e);
		rc = both(rc, more);
	}
	if (goes_on(rc, e)) {
		int more = cpu_compute(&m.policy, host, trace, &plan->cpu, e);
		rc = both(rc, more);
	}
	if (rc == 0)
		rc = apply_nesting(policy, trace, plan, e);
	if (rc == 0 && expose) {
		note_nesting(config, policy, host, plan);
		rc = check_vmx(policy, host, plan, e);
		if (rc == 0 && config->nesting.require)
			rc = plan_require(&m.policy, chosen_profile(config), host, plan, e);
	}
	merged_done(&m);
	return rc;
}
