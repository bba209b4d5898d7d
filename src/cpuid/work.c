/* SPDX-License-Identifier: MIT */
/* What the stages work with: the layers of a policy, and what is said of a decision. */
#include "cpuid/stages.h"

#include <stdarg.h>
#include <stdio.h>

const struct policy_text *cpu_work_text(const struct cpu_work *w, size_t offset)
{
	return cpu_policy_text(cpu_work_policy(w), offset);
}

const struct policy_number *cpu_work_number(const struct cpu_work *w, size_t offset)
{
	return cpu_policy_number(cpu_work_policy(w), offset);
}

void cpu_work_rule(struct cpu_work *w, const char *rule, const char *origin, const char *detail)
{
	w->edit.rule = rule;
	w->edit.origin = origin;
	w->edit.detail = detail;
}

void cpu_work_decide_word(struct cpu_work *w, unsigned word, uint32_t mask, uint32_t value,
	const char *rule, const char *origin, const char *detail)
{
	const struct feature_word *f = feature_word(word);
	bool is_msr = f->kind == FEATURE_WORD_MSR;
	/* The trace speaks of bits, not of features: an inverted word is turned back. */
	uint64_t bits = (f->inverted ? ~value : value) & mask;
	if (!w->edit.trace)
		return;
	const struct cpu_decision d = {
		.is_msr = is_msr,
		.leaf = is_msr ? f->msr : f->leaf,
		.subleaf = is_msr ? 0 : f->subleaf,
		.reg = f->reg,
		.mask = (uint64_t)mask << (is_msr ? f->shift : 0),
		.value = bits << (is_msr ? f->shift : 0),
		.rule = rule,
		.origin = origin,
		.detail = detail,
	};
	cpu_trace_add(w->edit.trace, &d);
}

void cpu_work_decide(struct cpu_work *w, feature_id id, bool on, const char *rule,
	const char *origin, const char *detail)
{
	uint32_t bit = UINT32_C(1) << (id % 32);
	cpu_work_decide_word(w, id / 32u, bit, on ? bit : 0, rule, origin, detail);
}

void cpu_work_note(struct cpu_work *w, enum cpu_note_kind kind, const feature_id *feature,
	const feature_id *because, const char *origin, const char *fmt, ...)
{
	struct cpu_result *r = w->r;
	if (kind == CPU_NOTE_MISSING)
		r->nr_missing++;
	if (r->nr_notes == CPU_MAX_NOTES) {
		r->nr_lost++;
		return;
	}
	struct cpu_note *note = &r->notes[r->nr_notes++];
	*note = (struct cpu_note){ .kind = kind, .origin = origin };
	if (feature) {
		note->has_feature = true;
		note->feature = *feature;
	}
	if (because) {
		note->has_because = true;
		note->because = *because;
	}
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

const struct policy_feature *cpu_work_asking(const struct cpu_work *w, feature_id id)
{
	for (unsigned i = w->nr_layers; i-- > 0;) {
		const struct cpu_policy *p = w->layers[i];
		for (size_t k = 0; k < p->nr_features; k++) {
			const struct feature *f = feature_find(p->features[k].name);
			if (f && f->id == id)
				return &p->features[k];
		}
	}
	return NULL;
}

const char *cpu_asked_key(const struct cpu_work *w, const struct policy_feature *asked)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	for (size_t i = 0; i < p->nr_nesting_features && i < p->nr_features; i++) {
		if (&p->features[p->nr_features - 1 - i] == asked)
			return "nesting.features";
	}
	return "cpu.features";
}
