/* SPDX-License-Identifier: MIT */
/* Stage 4: the table of leaves for a settled set of features; and, near the end, its highest
 * leaves. */
#include "cpuid/stages.h"

#include <string.h>

#define LEAF_HYPERVISOR UINT32_C(0x40000000)
#define LEAF_EXTENDED UINT32_C(0x80000000)
#define LEAF_CENTAUR UINT32_C(0xc0000000)
#define LEAF_AMD_IDS UINT32_C(0x8000001e)
#define LEAF_AMD_TOPOLOGY UINT32_C(0x80000026)

uint32_t cpu_named_bits(uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	int word = feature_word_of_cpuid(leaf, subleaf, reg);
	return word < 0 ? 0 : feature_word((unsigned)word)->named;
}

/* All but what other stages decide. */
static void copy_source(struct cpu_work *w)
{
	const struct cpuid_table *from = &w->source->supported;
	cpu_work_rule(w, w->emulated ? "CPU-02" : "CPU-01", NULL, NULL);
	for (unsigned i = 0; i < from->nr_entries; i++) {
		const struct cpuid_entry *entry = &from->entries[i];
		bool hypervisor = entry->leaf >= LEAF_HYPERVISOR && entry->leaf < LEAF_EXTENDED;
		if (hypervisor || entry->leaf == LEAF_ENCRYPTION ||
			entry->leaf == LEAF_AMD_TOPOLOGY)
			continue;
		if (!cpuid_put(w->edit.table, entry->leaf, entry->subleaf, entry->subleaf_matters))
			w->edit.full = true;
		for (unsigned r = 0; r < 4; r++)
			cpu_edit_bits(&w->edit, entry->leaf, entry->subleaf, (enum cpuid_reg)r,
				~cpu_named_bits(entry->leaf, entry->subleaf, (enum cpuid_reg)r),
				entry->reg[r]);
	}
}

static uint32_t field_mask(const struct cpuid_field *f)
{
	return (uint32_t)(bit_mask(f->high - f->low + 1u) << f->low);
}

/* A number that only means something with a feature: the source's with it, 0 without. */
static void take_field(struct cpu_work *w, const struct cpuid_field *f)
{
	bool has = feature_set_has(&w->r->features, f->requires);
	const struct cpuid_table *table = has ? &w->source->supported : w->edit.table;
	uint32_t mask = field_mask(f);
	/* An edit may move entries of the guest's table, never their number here: values that are
	 * there change, and with 0 none is added. */
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *entry = &table->entries[i];
		bool other = f->subleaf >= 0 && entry->subleaf_matters &&
			     entry->subleaf != (uint32_t)f->subleaf;
		/* A row for any subleaf is not for one that has rows of its own. */
		other |= f->subleaf < 0 && entry->leaf == f->leaf &&
			 cpuid_field_find(f->leaf, entry->subleaf, f->reg, f->low) != f;
		if (entry->leaf == f->leaf && !other && entry->reg[f->reg] & mask)
			cpu_edit_bits(&w->edit, f->leaf, entry->subleaf, f->reg, mask,
				has ? entry->reg[f->reg] : 0);
	}
}

static void take_fields(struct cpu_work *w)
{
	size_t n = 0;
	const struct cpuid_field *fields = cpuid_fields(&n);
	for (size_t i = 0; i < n; i++) {
		const struct cpuid_field *f = &fields[i];
		bool decided_here = f->kind == CPUID_FIELD_CAPACITY ||
				    f->kind == CPUID_FIELD_OTHER ||
				    f->kind == CPUID_FIELD_FREQUENCY;
		if (f->requires == CPUID_FIELD_ALWAYS || !decided_here ||
			(f->leaf >= LEAF_HYPERVISOR && f->leaf < LEAF_EXTENDED))
			continue;
		/* A passed-through table has the field already, where its feature stayed. */
		if (w->passthrough && feature_set_has(&w->r->features, f->requires))
			continue;
		cpu_work_rule(w, "CPU-16", NULL, feature_by_id(f->requires)->name);
		take_field(w, f);
	}
}

/* A named model has the AVX10 version that its features speak of, not a newer host's (AVX10
 * Architecture Specification, "Enumeration"): version 2 brought the VNNI instructions. */
static void limit_avx10_version(struct cpu_work *w)
{
	const uint32_t mask = 0xff;
	uint32_t version = cpuid_value(w->edit.table, 0x24, 0, CPUID_EBX) & mask;
	uint32_t most = feature_set_has(&w->r->features, FEATURE_ID_avx10_vnni_int) ? 2 : 1;
	if (w->passthrough || version <= most)
		return;
	cpu_work_rule(w, "CPU-16", NULL, "avx10");
	cpu_edit_bits(&w->edit, 0x24, 0, CPUID_EBX, mask, most);
}

/* Without a trace: each bit's decision was recorded when it was made. */
static void write_features(struct cpu_work *w)
{
	struct cpu_trace *trace = w->edit.trace;
	w->edit.trace = NULL;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		bool hypervisor = f->leaf >= LEAF_HYPERVISOR && f->leaf < LEAF_EXTENDED;
		if (f->kind == FEATURE_WORD_CPUID && !hypervisor)
			cpu_edit_bits(&w->edit, f->leaf, f->subleaf, f->reg, f->named,
				w->r->features.w[i]);
	}
	w->edit.trace = trace;
}

void cpu_stage_leaves(struct cpu_work *w)
{
	if (w->passthrough)
		copy_source(w);
	take_fields(w);
	limit_avx10_version(w);
	write_features(w);
	/* CLFLUSH line size in 8 bytes (SDM vol. 2, CPUID, leaf 1 EBX 15:8). */
	uint32_t line = cpuid_value(&w->source->supported, 1, 0, CPUID_EBX) & 0xff00;
	cpu_work_rule(w, "CPU-16", NULL, "clflush");
	cpu_edit_bits(&w->edit, 1, 0, CPUID_EBX, 0xff00, line ? line : 8 << 8);
	if (cpuid_get(&w->source->supported, LEAF_ENCRYPTION, 0)) {
		static const uint32_t zero[4];
		cpu_work_rule(w, "CPU-14", NULL, NULL);
		cpu_edit_regs(&w->edit, LEAF_ENCRYPTION, 0, zero);
	}
}

static uint32_t highest(const struct cpuid_table *table, uint32_t base, uint32_t end)
{
	uint32_t leaf = base;
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *e = &table->entries[i];
		bool has = e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3];
		if (has && e->leaf > leaf && e->leaf < end)
			leaf = e->leaf;
	}
	return leaf;
}

static uint32_t highest_subleaf(const struct cpuid_table *table, uint32_t leaf)
{
	uint32_t subleaf = 0;
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *e = &table->entries[i];
		bool has = e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3];
		if (e->leaf == leaf && has && e->subleaf > subleaf && e->subleaf < 32)
			subleaf = e->subleaf;
	}
	return subleaf;
}

static uint32_t max_basic(const struct cpu_work *w)
{
	uint32_t max = highest(w->edit.table, 0, LEAF_HYPERVISOR);
	uint32_t source = cpuid_value(&w->source->supported, 0, 0, CPUID_EAX);
	if (w->older_os)
		return max < 2 ? max : 2;
	if (w->passthrough && source > max && source < LEAF_HYPERVISOR)
		max = source;
	/* Leaf 0xB tells the topology; 0x1F alone can tell of dies. */
	if (max < 0xb && source >= 0xb)
		max = 0xb;
	if (max < 0x1f && w->r->topology.dies > 1 && w->r->vendor != CPUID_VENDOR_AMD)
		max = 0x1f;
	return max;
}

void cpu_stage_max_leaves(struct cpu_work *w)
{
	struct cpuid_table *table = w->edit.table;
	cpu_work_rule(w, w->older_os ? "CPU-08" : "CPU-27",
		w->older_os ? cpu_work_policy(w)->older_os_origin : NULL, NULL);
	uint32_t basic = max_basic(w);
	if (w->older_os) {
		for (unsigned i = table->nr_entries; i-- > 0;) {
			uint32_t leaf = table->entries[i].leaf;
			if (leaf > basic && leaf < LEAF_HYPERVISOR) {
				cpu_edit_remove(&w->edit, leaf);
				i = i < table->nr_entries ? i : table->nr_entries;
			}
		}
	}
	cpu_edit_bits(&w->edit, 0, 0, CPUID_EAX, UINT32_MAX, basic);
	if (basic >= 7)
		cpu_edit_bits(&w->edit, 7, 0, CPUID_EAX, UINT32_MAX, highest_subleaf(table, 7));
	uint32_t extended = highest(table, LEAF_EXTENDED, LEAF_CENTAUR);
	uint32_t source = cpuid_value(&w->source->supported, LEAF_EXTENDED, 0, CPUID_EAX);
	if (w->passthrough && source > extended && source < LEAF_AMD_TOPOLOGY)
		extended = source;
	/* Each vCPU's topology writes leaf 0x8000001E. */
	if (extended < LEAF_AMD_IDS && w->r->vendor == CPUID_VENDOR_AMD &&
		feature_set_has(&w->r->features, FEATURE_ID_topoext))
		extended = LEAF_AMD_IDS;
	cpu_edit_bits(&w->edit, LEAF_EXTENDED, 0, CPUID_EAX, UINT32_MAX, extended);
	uint32_t centaur = highest(table, LEAF_CENTAUR, UINT32_MAX);
	if (centaur > LEAF_CENTAUR)
		cpu_edit_bits(&w->edit, LEAF_CENTAUR, 0, CPUID_EAX, UINT32_MAX, centaur);
	else if (cpuid_get(table, LEAF_CENTAUR, 0))
		cpu_edit_remove(&w->edit, LEAF_CENTAUR);
	cpu_raw_apply(w);
}
