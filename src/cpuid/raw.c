/* SPDX-License-Identifier: MIT */
/* Stage 8: the policy's own leaf rules, for what has no name. */
#include "cpuid/stages.h"

#include <errno.h>
#include <inttypes.h>

/* The word of features that a register is: none where KVM's leaf is another hypervisor's. */
static int word_of(const struct cpu_work *w, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	bool hypervisor = leaf >= 0x40000000 && leaf < 0x80000000;
	if (hypervisor && leaf != cpu_kvm_leaf(w))
		return -1;
	return feature_word_of_cpuid(leaf, subleaf, reg);
}

/* Bits of a register that are a number or an identity rather than a capability of the host's. */
static bool is_field(
	const struct cpu_work *w, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, unsigned bit)
{
	int word = word_of(w, leaf, subleaf, reg);
	if (word >= 0 && feature_word((unsigned)word)->named >> bit & 1)
		return false;
	return cpuid_field_find(leaf, subleaf, reg, bit) != NULL ||
	       (leaf >= 0x40000000 && leaf < 0x80000000);
}

static uint32_t host_bits(
	const struct cpu_work *w, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	/* Memory encryption belongs to the host, whoever asks. */
	if (leaf == LEAF_ENCRYPTION)
		return 0;
	uint32_t bits = cpuid_value(&w->host->supported, leaf, subleaf, reg);
	int word = word_of(w, leaf, subleaf, reg);
	if (word >= 0)
		bits |= w->can.w[word];
	/* Of a cluster, only what all have. */
	if (w->source != w->host)
		bits &= cpuid_value(&w->source->supported, leaf, subleaf, reg) |
			(word >= 0 ? w->r->features.w[word] : 0);
	return bits;
}

/* Bits that a rule sets, that are capabilities, and that this host lacks. */
static uint32_t lacking(const struct cpu_work *w, const struct policy_leaf *rule, uint32_t subleaf)
{
	uint32_t bits = rule->set & ~host_bits(w, rule->leaf, subleaf, rule->reg);
	for (unsigned bit = 0; bit < 32; bit++) {
		if (bits >> bit & 1 && is_field(w, rule->leaf, subleaf, rule->reg, bit))
			bits &= ~(UINT32_C(1) << bit);
	}
	return bits;
}

static void note_lacking(
	struct cpu_work *w, const struct policy_leaf *rule, uint32_t subleaf, uint32_t bits)
{
	int word = word_of(w, rule->leaf, subleaf, rule->reg);
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(bits >> bit & 1))
			continue;
		feature_id id = word < 0 ? 0 : (feature_id)((unsigned)word * 32 + bit);
		bool named = word >= 0 && feature_by_id(id);
		cpu_work_note(w, CPU_NOTE_MISSING, named ? &id : NULL, NULL, rule->origin,
			"CPUID %#" PRIx32 ".%" PRIu32 " %s bit %u", rule->leaf, subleaf,
			cpuid_reg_name(rule->reg), bit);
	}
}

/* A named bit that a rule decides is a feature like any other from then on. */
static void follow(
	struct cpu_work *w, const struct policy_leaf *rule, uint32_t subleaf, uint32_t set)
{
	int word = word_of(w, rule->leaf, subleaf, rule->reg);
	if (word < 0)
		return;
	uint32_t named = feature_word((unsigned)word)->named;
	uint32_t *features = &w->r->features.w[word];
	*features = (*features & ~(rule->clear & named)) | (set & named);
}

static void apply_one(
	struct cpu_work *w, const struct policy_leaf *rule, uint32_t subleaf, bool notes)
{
	uint32_t bits = lacking(w, rule, subleaf);
	if (notes)
		note_lacking(w, rule, subleaf, bits);
	cpu_edit_bits(&w->edit, rule->leaf, subleaf, rule->reg, (rule->set & ~bits) | rule->clear,
		rule->set & ~bits);
	follow(w, rule, subleaf, rule->set & ~bits);
}

static void apply(struct cpu_work *w, const struct policy_leaf *rule, bool notes)
{
	cpu_work_rule(w, "CPU-26", rule->origin, NULL);
	if (!rule->any_subleaf || !cpuid_leaf_has_subleaves(rule->leaf)) {
		apply_one(w, rule, rule->any_subleaf ? 0 : rule->subleaf, notes);
		return;
	}
	/* Every subleaf that the guest has; an edit of a present entry adds none. */
	unsigned n = w->edit.table->nr_entries;
	for (unsigned i = 0; i < n; i++) {
		const struct cpuid_entry *entry = &w->edit.table->entries[i];
		if (entry->leaf == rule->leaf)
			apply_one(w, rule, entry->subleaf, notes);
	}
}

static void apply_all(struct cpu_work *w, bool notes)
{
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		for (size_t k = 0; k < p->nr_leaves; k++)
			apply(w, &p->leaves[k], notes);
	}
}

int cpu_check_raw(struct cpu_work *w)
{
	int rc = 0;
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		for (size_t k = 0; k < p->nr_leaves; k++) {
			for (size_t j = 0; j < k; j++) {
				const struct policy_leaf *a = &p->leaves[j], *b = &p->leaves[k];
				bool same = a->leaf == b->leaf && a->reg == b->reg &&
					    (a->any_subleaf || b->any_subleaf ||
						    a->subleaf == b->subleaf);
				uint32_t both = (a->set & b->clear) | (a->clear & b->set);
				if (same && both)
					rc = err_fault(w->e, -EINVAL,
						&(struct fault){ "contradiction", "cpu.leaves",
							b->origin ? b->origin : "the policy",
							NULL },
						"contradicts the rule at %s in bits %#" PRIx32
						" of leaf %#" PRIx32 " %s",
						a->origin ? a->origin : "the policy", both, b->leaf,
						cpuid_reg_name(b->reg));
			}
		}
	}
	return rc;
}

/* A rule that clears the CPUID bit that announces an MSR takes the MSR's features along. */
static void close_gates(struct cpu_work *w)
{
	feature_id gate;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		uint32_t gone = w->r->features.w[i];
		if (f->kind != FEATURE_WORD_MSR || !gone || !cpu_msr_gate(f->msr, &gate) ||
			feature_set_has(&w->r->features, gate))
			continue;
		cpu_work_decide_word(w, i, gone, 0, "CPU-13", NULL, feature_by_id(gate)->name);
		w->r->features.w[i] = 0;
	}
}

void cpu_stage_raw(struct cpu_work *w)
{
	apply_all(w, /* notes */ true);
	close_gates(w);
}

void cpu_raw_apply(struct cpu_work *w)
{
	apply_all(w, /* notes */ false);
}
