/* SPDX-License-Identifier: MIT */
/* What a profile needs of the processor, beside the model and what is asked for by name. */
#include "cpuid/stages.h"

void cpu_apply_needs(struct cpu_work *w)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	struct feature_set *set = &w->r->wanted;
	for (size_t i = 0; i < p->nr_needs; i++) {
		const struct policy_need *need = &p->needs[i];
		const struct feature *f = feature_by_id(need->feature);
		bool on = need->level != POLICY_HIDDEN;
		bool lacking = !feature_set_has(&w->can, need->feature);
		if (!f || (need->level == POLICY_WANTED && lacking) ||
			on == feature_set_has(set, need->feature))
			continue;
		if (on)
			feature_set_add(set, need->feature);
		else
			feature_set_remove(set, need->feature);
		cpu_work_decide(w, need->feature, on, "CPU-31", p->needs_of.origin, f->name);
	}
}

bool cpu_is_required(const struct cpu_work *w, feature_id id)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	for (size_t i = 0; i < p->nr_needs; i++) {
		if (p->needs[i].feature == id && p->needs[i].level == POLICY_REQUIRED)
			return true;
	}
	return false;
}

void cpu_note_needs(struct cpu_work *w)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	for (size_t i = 0; i < p->nr_needs; i++) {
		const struct policy_need *need = &p->needs[i];
		const struct policy_feature *asked = cpu_work_asking(w, need->feature);
		bool lacking = !feature_set_has(&w->can, need->feature);
		/* What this host lacks, though it was wanted to the end, has a note already. */
		if (need->level != POLICY_REQUIRED ||
			feature_set_has(&w->r->features, need->feature) ||
			(lacking && feature_set_has(&w->r->wanted, need->feature)))
			continue;
		cpu_work_note(w, CPU_NOTE_REMOVED, &need->feature, NULL,
			asked ? asked->origin : p->needs_of.origin, "though %s needs it",
			p->needs_of.text);
	}
}
