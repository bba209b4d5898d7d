/* SPDX-License-Identifier: MIT */
#include "plan/require.h"

#include "base/finding.h"
#include "base/text_buf.h"
#include "nesting/nesting.h"
#include "nesting/profile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LACKING "require" /* id of findings */

struct reasons {
	char text[900]; /* of lines, each after a newline */
	struct text_buf lines;
	unsigned nr, nr_shown;
	bool of_host;
	struct findings found;
};

static void add_reason(struct reasons *r, bool of_host, const struct fault *what, const char *fmt,
	...) PRINTF_LIKE(4, 5);

static void add_reason(
	struct reasons *r, bool of_host, const struct fault *what, const char *fmt, ...)
{
	char line[400], text[400];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)fault_line(line, sizeof(line), what, text);
	r->nr++;
	r->of_host |= of_host;
	/* Lines are left out from the first that does not fit on. */
	if (r->lines.nr_left_out == 0 && text_buf_add(&r->lines, "\n%s", line))
		r->nr_shown++;
	findings_add(&r->found, of_host ? FINDING_FORBIDS : FINDING_ERROR, what, text);
}

static bool is_needed(const struct cpu_policy *policy, feature_id id)
{
	for (size_t i = 0; i < policy->nr_needs; i++) {
		if (policy->needs[i].feature == id && policy->needs[i].level == POLICY_REQUIRED)
			return true;
	}
	return false;
}

static const char *why_needed(
	const struct nesting_profile *p, feature_id id, const char *extensions)
{
	bool vmx = strcmp(extensions, "vmx") == 0;
	const struct nesting_profile_row *row =
		p ? nesting_profile_row(p, vmx ? CPUID_VENDOR_INTEL : CPUID_VENDOR_AMD, id) : NULL;
	return row ? row->reason : "";
}

static void check_needs(struct reasons *r, const struct cpu_policy *policy,
	const struct nesting_profile *profile, const struct feature_set *can,
	const struct feature_set *has, const char *extensions)
{
	char label[FEATURE_PLACE_BYTES];
	const struct fault what = { LACKING, "nesting.profile", policy->needs_of.origin, NULL };
	for (size_t i = 0; i < policy->nr_needs; i++) {
		feature_id id = policy->needs[i].feature;
		if (policy->needs[i].level != POLICY_REQUIRED || feature_set_has(has, id))
			continue;
		bool lacking = !feature_set_has(can, id);
		add_reason(r, lacking, &what, "%s: %s, which %s (%s)", policy->needs_of.text,
			feature_label(label, id),
			lacking ? "this host lacks" : "the policy takes away",
			why_needed(profile, id, extensions));
	}
}

static void check_named(struct reasons *r, const struct cpu_policy *policy,
	const struct feature_set *can, const struct feature_set *has)
{
	for (size_t i = policy->nr_features - policy->nr_nesting_features; i < policy->nr_features;
		i++) {
		const struct policy_feature *asked = &policy->features[i];
		const struct feature *f = feature_find(asked->name);
		if (!asked->on || !f || feature_set_has(has, f->id) || is_needed(policy, f->id))
			continue;
		bool lacking = !feature_set_has(can, f->id);
		add_reason(r, lacking,
			&(struct fault){ LACKING, "nesting.features", asked->origin, NULL },
			"+%s, which %s", asked->name,
			lacking ? "this host lacks" : "needs what the guest does not have");
	}
}

static bool is_named(const struct cpu_policy *policy, feature_id id)
{
	for (size_t i = policy->nr_features - policy->nr_nesting_features; i < policy->nr_features;
		i++) {
		const struct feature *f = feature_find(policy->features[i].name);
		if (f && f->id == id)
			return true;
	}
	return false;
}

/* What the CPU model has of the extensions, and what cpu.features names of them. */
static void check_model(
	struct reasons *r, const struct cpu_policy *policy, const struct cpu_result *cpu)
{
	for (unsigned i = 0; i < cpu->nr_notes; i++) {
		const struct cpu_note *note = &cpu->notes[i];
		char text[CPU_NOTE_BYTES];
		if (note->kind == CPU_NOTE_MISSING && note->has_feature &&
			nesting_extensions_of(note->feature) && !is_needed(policy, note->feature) &&
			!is_named(policy, note->feature))
			add_reason(r, true, &(struct fault){ LACKING, NULL, note->origin, NULL },
				"%s", cpu_note_text(text, note));
	}
}

/* What it comes to, and the reasons, as values; whoever collects them. */
static void tell(const struct reasons *r, const char *head, const char *hint, struct err *e)
{
	if (!e || !e->findings)
		return;
	const struct fault what = { LACKING, "nesting.require", NULL, NULL };
	findings_add(e->findings, r->of_host ? FINDING_FORBIDS : FINDING_ERROR, &what, head);
	findings_merge(e->findings, &r->found);
	findings_fix(e->findings, "%s", hint);
}

int plan_require(const struct cpu_policy *policy, const struct nesting_profile *profile,
	const struct host_facts *host, const struct machine_plan *plan, struct err *e)
{
	struct reasons r = { .nr = 0 };
	struct feature_set can;
	const struct feature_set *has = &plan->cpu.features;
	r.lines = TEXT_BUF(r.text);
	cpu_features_of_host(host, /* emulated */ false, &can);
	check_needs(&r, policy, profile, &can, has, nesting_support(host).extensions);
	check_named(&r, policy, &can, has);
	check_model(&r, policy, &plan->cpu);
	if (policy->max_depth.given && plan->depth.remainder + 1 < policy->max_depth.value)
		add_reason(&r, true,
			&(struct fault){
				LACKING, "nesting.max_depth", policy->max_depth.origin, NULL },
			"this machine may have %u levels below, no more",
			plan->depth.remainder + 1);
	if (r.nr == 0)
		return 0;
	char more[40] = "";
	if (r.nr > r.nr_shown)
		(void)snprintf(more, sizeof(more), "\nand %u more", r.nr - r.nr_shown);
	static const char hint[] =
		"with nesting.require = false, cpu.on_missing decides what becomes of it";
	char head[400];
	(void)snprintf(head, sizeof(head),
		"nesting.require = true%s%s: the guest would not get all that [nesting] asks:",
		policy->require_origin ? " at " : "",
		policy->require_origin ? policy->require_origin : "");
	tell(&r, head, hint, e);
	findings_done(&r.found);
	int rc = err_set(e, -ENOTSUP, "%s%s%s", head, r.text, more);
	if (e && !r.of_host)
		e->kind = ERR_CONFIG;
	return err_hint(e, rc, hint);
}
