/* SPDX-License-Identifier: MIT */
/* Stages 2 and 3: what this host lacks, and what goes with it. */
#include "cpuid/stages.h"

#include <errno.h>

/* Decided by the VM's shape or by its hypervisor leaves; no host lacks them. */
static const feature_id ours[] = { FEATURE_ID_ht, FEATURE_ID_cmp_legacy, FEATURE_ID_hypervisor };

static void note_missing(struct cpu_work *w, const struct feature_set *missing)
{
	for (feature_id id = feature_set_next(missing, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(missing, (feature_id)(id + 1))) {
		const struct policy_feature *asked = cpu_work_asking(w, id);
		const struct policy_text *model =
			cpu_work_text(w, offsetof(struct cpu_policy, model));
		const struct policy_text *needs_of = &cpu_work_policy(w)->needs_of;
		bool needed = !asked && cpu_is_required(w, id);
		const char *origin = asked    ? asked->origin
				     : needed ? needs_of->origin
				     : model  ? model->origin
					      : NULL;
		cpu_work_note(w, CPU_NOTE_MISSING, &id, NULL, origin, "%s%s%s",
			needed ? "which " : "", needed ? needs_of->text : "",
			needed ? " needs" : "");
		cpu_work_decide(w, id, false, "CPU-11", origin, NULL);
	}
}

static void check_tsc(struct cpu_work *w)
{
	const struct policy_number *want = cpu_work_number(w, offsetof(struct cpu_policy, tsc_khz));
	if (!want)
		return;
	uint64_t host = w->source->tsc_khz;
	w->r->tsc_khz = (unsigned)want->value;
	/* KVM takes what is within 250 parts per million of the host's as the same (KVM API,
	 * KVM_SET_TSC_KHZ). An unknown frequency is KVM's to judge, but for a cluster's: there the
	 * hosts differ. */
	uint64_t off = host > want->value ? host - want->value : want->value - host;
	bool same = host ? off * 4000 <= host : w->source == w->host;
	if (w->source->tsc_scaling || same)
		return;
	cpu_work_note(w, CPU_NOTE_MISSING, NULL, NULL, want->origin,
		"cpu.tsc_frequency: TSC scaling from %u kHz", w->host->tsc_khz);
	w->r->tsc_khz = 0;
}

int cpu_stage_missing(struct cpu_work *w)
{
	struct cpu_result *r = w->r;
	struct feature_set missing = r->wanted;
	feature_set_subtract(&missing, &w->can);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		feature_set_remove(&missing, ours[i]);
	/* Hints are no capability: KVM does not report them, and passes them on (KVM's CPUID bits,
	 * leaf 0x40000001 EDX). */
	struct feature_set hints;
	feature_set_of_attribute(FEATURE_HINT, &hints);
	feature_set_subtract(&missing, &hints);
	note_missing(w, &missing);
	check_tsc(w);
	r->features = r->wanted;
	feature_set_subtract(&r->features, &missing);
	int rc = cpu_close(w, &r->features, CPU_CLOSE_NOTE);
	cpu_note_needs(w);
	return rc;
}
