/* SPDX-License-Identifier: MIT */
/* Stage 6: the leaves that tell a guest of its hypervisor. */
#include "cpuid/stages.h"

#include <string.h>

#define LEAF_BASE UINT32_C(0x40000000)
#define LEAF_BEHIND UINT32_C(0x40000100) /* KVM's, where another interface comes first */

/* Hyper-V TLFS, "Feature and interface discovery". */
#define HYPERV_MAX_LEAF UINT32_C(0x40000005)
#define HYPERV_INTERFACE UINT32_C(0x31237648) /* "Hv#1" */
#define HYPERV_ACCESS_HYPERCALL (UINT32_C(1) << 5)
#define HYPERV_ACCESS_VP_INDEX (UINT32_C(1) << 6)
#define HYPERV_NO_SPINLOCK_RETRY UINT32_MAX /* never notify of long spins */

static void name_leaf(struct cpu_work *w, uint32_t leaf, uint32_t max, const char name[12])
{
	uint32_t reg[4] = { max };
	(void)memcpy(&reg[1], name, 12); /* EBX, ECX, EDX, in that order */
	cpu_edit_regs(&w->edit, leaf, 0, reg);
}

/* The leaves of Hyper-V's that come with the policy and are shown, or NULL. */
static const struct hyperv_leaves *given_leaves(const struct cpu_work *w)
{
	const struct hyperv_leaves *h = cpu_work_policy(w)->hyperv;
	return h && h->nr_bits > 0 ? h : NULL;
}

uint32_t cpu_kvm_leaf(const struct cpu_work *w)
{
	struct feature_set pv;
	switch (w->hypervisor) {
	case CPU_HYPERVISOR_KVM:
		return given_leaves(w) ? LEAF_BEHIND + 1 : LEAF_BASE + 1;
	case CPU_HYPERVISOR_HYPERV:
		feature_set_of_attribute(FEATURE_PV, &pv);
		feature_set_and(&pv, &w->r->features);
		return feature_set_is_empty(&pv) ? 0 : LEAF_BEHIND + 1;
	case CPU_HYPERVISOR_NONE:
		break;
	}
	return 0;
}

static void kvm_leaves(struct cpu_work *w)
{
	uint32_t leaf = cpu_kvm_leaf(w);
	if (leaf == 0)
		return;
	struct cpu_trace *trace = w->edit.trace;
	name_leaf(w, leaf - 1, leaf, "KVMKVMKVM\0\0");
	/* At their own leaf the features have their decisions already. */
	if (leaf == LEAF_BASE + 1)
		w->edit.trace = NULL;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		if (f->kind == FEATURE_WORD_CPUID && f->leaf == LEAF_BASE + 1)
			cpu_edit_bits(&w->edit, leaf, 0, f->reg, f->named, w->r->features.w[i]);
	}
	w->edit.trace = trace;
	/* An empty leaf that is announced is there all the same. */
	if (!cpuid_put(w->edit.table, leaf, 0, false))
		w->edit.full = true;
}

static void write_given(struct cpu_work *w, const struct hyperv_leaves *h)
{
	for (unsigned i = 0; i < h->nr_bits; i++) {
		const struct hyperv_bits *b = &h->bits[i];
		cpu_work_rule(w, b->rule, b->origin, b->detail);
		/* A leaf that is all zeros is there all the same. */
		if (!cpuid_put(w->edit.table, b->leaf, 0, false))
			w->edit.full = true;
		cpu_edit_bits(&w->edit, b->leaf, 0, b->reg, b->mask, b->value);
	}
}

static void note_given(struct cpu_work *w, const struct hyperv_leaves *h)
{
	for (unsigned i = 0; i < h->nr_notes; i++)
		cpu_work_note(w, h->notes[i].missing ? CPU_NOTE_MISSING : CPU_NOTE_DROPPED, NULL,
			NULL, h->notes[i].origin, "%s", h->notes[i].text);
	w->r->hyperv = h->caps;
}

/* For a policy without leaves of its own: the least by which guests know Hyper-V. */
static void hyperv_leaves(struct cpu_work *w)
{
	static const struct {
		uint32_t leaf, reg[4];
	} leaves[] = {
		{ LEAF_BASE + 1, { HYPERV_INTERFACE, 0, 0, 0 } },
		{ LEAF_BASE + 3, { HYPERV_ACCESS_HYPERCALL | HYPERV_ACCESS_VP_INDEX, 0, 0, 0 } },
		{ LEAF_BASE + 4, { 0, HYPERV_NO_SPINLOCK_RETRY, 0, 0 } },
		{ LEAF_BASE + 5, { 64, 64, 0, 0 } }, /* most virtual and logical processors */
	};
	name_leaf(w, LEAF_BASE, HYPERV_MAX_LEAF, "Microsoft Hv");
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		cpu_edit_regs(&w->edit, leaves[i].leaf, 0, leaves[i].reg);
}

void cpu_stage_hypervisor(struct cpu_work *w)
{
	struct feature_set *features = &w->r->features;
	const struct policy_feature *asked = cpu_work_asking(w, FEATURE_ID_hypervisor);
	bool hidden = w->hypervisor == CPU_HYPERVISOR_NONE || (asked && !asked->on);
	if (hidden)
		feature_set_remove(features, FEATURE_ID_hypervisor);
	else
		feature_set_add(features, FEATURE_ID_hypervisor);
	cpu_work_rule(w, "CPU-21", asked && !asked->on ? asked->origin : NULL, NULL);
	cpu_edit_bits(&w->edit, 1, 0, CPUID_ECX, UINT32_C(1) << (FEATURE_ID_hypervisor % 32),
		hidden ? 0 : UINT32_MAX);
	const struct hyperv_leaves *given = cpu_work_policy(w)->hyperv;
	if (!given && w->hypervisor == CPU_HYPERVISOR_HYPERV)
		hyperv_leaves(w);
	kvm_leaves(w);
	if (given) {
		write_given(w, given);
		note_given(w, given);
	}
	const struct policy_number *tsc = cpu_work_number(w, offsetof(struct cpu_policy, tsc_khz));
	if (!tsc)
		return;
	static const uint32_t zero[4];
	cpu_work_rule(w, "CPU-22", tsc->origin, NULL);
	if (cpuid_get(w->edit.table, 0x15, 0))
		cpu_edit_regs(&w->edit, 0x15, 0, zero);
	if (cpuid_get(w->edit.table, 0x16, 0))
		cpu_edit_regs(&w->edit, 0x16, 0, zero);
}
