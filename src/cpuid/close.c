/* SPDX-License-Identifier: MIT */
/* Stage 3: requirements between features; a feature that goes takes its dependants along. */
#include "cpuid/stages.h"

#include <errno.h>

struct closing {
	struct cpu_work *w;
	enum cpu_close_mode mode;
	int rc;
};

/* Models name VMX controls for guests that are given vmx; that most are not is no news. */
static bool is_idle_control(feature_id id)
{
	const struct feature *f = feature_by_id(id);
	return f && f->attributes & FEATURE_VMX_CONTROL;
}

static void dropped(struct closing *c, feature_id id, feature_id because, const char *rule)
{
	struct cpu_work *w = c->w;
	char name[FEATURE_PLACE_BYTES], needs[FEATURE_PLACE_BYTES];
	const struct policy_feature *asked = cpu_work_asking(w, id);
	const struct feature *needed = feature_by_id(because);
	cpu_work_decide(w, id, false, rule, NULL, needed ? needed->name : NULL);
	bool fails = c->mode == CPU_CLOSE_SILENT ||
		     (c->mode == CPU_CLOSE_STRICT && w->on_missing == CPU_MISSING_ERROR);
	if (asked && asked->on && fails)
		c->rc = err_fault(w->e, -EINVAL,
			&(struct fault){ "unmet", cpu_asked_key(w, asked),
				asked->origin ? asked->origin : "the policy", NULL },
			"+%s needs %s, which this policy does not give the guest",
			feature_label(name, id), feature_label(needs, because));
	else if (c->mode != CPU_CLOSE_SILENT && !is_idle_control(id))
		cpu_work_note(
			w, CPU_NOTE_DROPPED, &id, &because, asked ? asked->origin : NULL, "%s", "");
}

static void on_dropped(void *ctx, const struct feature_requirement *r)
{
	dropped(ctx, r->feature, r->required, "CPU-12");
}

static bool close_gates(struct closing *c, struct feature_set *set)
{
	bool any = false;
	feature_id gate;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		if (f->kind != FEATURE_WORD_MSR || set->w[i] == 0 || !cpu_msr_gate(f->msr, &gate) ||
			feature_set_has(set, gate))
			continue;
		for (unsigned bit = 0; bit < 32; bit++) {
			if (set->w[i] >> bit & 1)
				dropped(c, (feature_id)(i * 32 + bit), gate, "CPU-13");
		}
		set->w[i] = 0;
		any = true;
	}
	return any;
}

int cpu_close(struct cpu_work *w, struct feature_set *set, enum cpu_close_mode mode)
{
	struct closing c = { .w = w, .mode = mode };
	do {
		feature_set_close(set, on_dropped, &c);
	} while (close_gates(&c, set));
	return c.rc;
}
