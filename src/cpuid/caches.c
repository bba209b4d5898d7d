/* SPDX-License-Identifier: MIT */
/* Stage 7: what caches a guest sees; who shares them is the topology's (topology.c). */
#include "cpuid/stages.h"

#define LEAF_DESCRIPTORS 0x2u
#define LEAF_CACHES 0x4u
#define LEAF_AMD_L1 0x80000005u
#define LEAF_AMD_L2_L3 0x80000006u
#define LEAF_AMD_CACHES 0x8000001du

/* A made-up hierarchy that any guest finds plausible, the same on every host. */
struct cache {
	unsigned type, level; /* 1 data, 2 instructions, 3 both */
	unsigned size_kib, ways;
	bool inclusive;
};
static const struct cache emulated[] = {
	{ 1, 1, 32, 8, false },
	{ 2, 1, 32, 8, false },
	{ 3, 2, 1024, 8, true },
	{ 3, 3, 16384, 16, false },
};
#define LINE_BYTES 64u

/* SDM vol. 2, CPUID, leaf 4; AMD's leaf 0x8000001D has the same form (APM vol. 3, appendix E). */
static void emulate_list(struct cpu_work *w, uint32_t leaf)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(emulated); i++) {
		const struct cache *c = &emulated[i];
		uint32_t sets = c->size_kib * 1024 / (LINE_BYTES * c->ways);
		const uint32_t reg[4] = {
			c->type | c->level << 5 | 1u << 8, /* self-initialising */
			(LINE_BYTES - 1) | (c->ways - 1) << 22,
			sets - 1,
			c->inclusive ? 2 : 0,
		};
		cpu_edit_regs(&w->edit, leaf, i, reg);
	}
}

/* APM vol. 3, appendix E: associativity codes of Fn8000_0006. */
static uint32_t amd_ways(unsigned ways)
{
	return ways == 8 ? 6 : ways == 16 ? 8 : 0;
}

static void emulate_amd(struct cpu_work *w)
{
	const uint32_t line = LINE_BYTES | 1u << 8;      /* one line a tag */
	const uint32_t l1[4] = { 0xff40ff40, 0xff40ff40, /* 64 entries, fully associative */
		emulated[0].size_kib << 24 | emulated[0].ways << 16 | line,
		emulated[1].size_kib << 24 | emulated[1].ways << 16 | line };
	const uint32_t l2[4] = { 0, 0x42004200, /* 512 entries, 4 ways */
		emulated[2].size_kib << 16 | amd_ways(emulated[2].ways) << 12 | line,
		emulated[3].size_kib / 512 << 18 | amd_ways(emulated[3].ways) << 12 | line };
	cpu_edit_regs(&w->edit, LEAF_AMD_L1, 0, l1);
	cpu_edit_regs(&w->edit, LEAF_AMD_L2_L3, 0, l2);
	if (feature_set_has(&w->r->features, FEATURE_ID_topoext))
		emulate_list(w, LEAF_AMD_CACHES);
}

static void emulate_intel(struct cpu_work *w)
{
	const uint32_t look_in_leaf_4[4] = { 1, 0, 0, 0xff }; /* descriptor 0xFF */
	const uint32_t l2[4] = { 0, 0,
		emulated[2].size_kib << 16 | amd_ways(emulated[2].ways) << 12 | LINE_BYTES, 0 };
	cpu_edit_regs(&w->edit, LEAF_DESCRIPTORS, 0, look_in_leaf_4);
	emulate_list(w, LEAF_CACHES);
	cpu_edit_regs(&w->edit, LEAF_AMD_L2_L3, 0, l2);
}

/* For a named model, which starts without; a passed-through table has them. */
static void copy_leaf(struct cpu_work *w, uint32_t leaf)
{
	const struct cpuid_table *from = &w->source->supported;
	for (unsigned i = 0; i < from->nr_entries; i++) {
		if (from->entries[i].leaf == leaf)
			cpu_edit_regs(
				&w->edit, leaf, from->entries[i].subleaf, from->entries[i].reg);
	}
}

static void remove_leaf(struct cpu_work *w, uint32_t leaf)
{
	if (cpuid_get(w->edit.table, leaf, 0))
		cpu_edit_remove(&w->edit, leaf);
}

void cpu_stage_caches(struct cpu_work *w)
{
	static const uint32_t intel_leaves[] = { LEAF_DESCRIPTORS, LEAF_CACHES, LEAF_AMD_L2_L3 };
	static const uint32_t amd_leaves[] = { LEAF_AMD_L1, LEAF_AMD_L2_L3, LEAF_AMD_CACHES };
	bool amd = w->r->vendor == CPUID_VENDOR_AMD;
	const uint32_t *leaves = amd ? amd_leaves : intel_leaves;
	bool topoext = feature_set_has(&w->r->features, FEATURE_ID_topoext);
	cpu_work_rule(w, "CPU-25", NULL, NULL);
	if (w->r->cache == CPU_CACHE_HOST) {
		for (unsigned i = 0; !w->passthrough && i < 3; i++) {
			if (leaves[i] != LEAF_AMD_CACHES || topoext)
				copy_leaf(w, leaves[i]);
		}
		if (amd && !topoext)
			remove_leaf(w, LEAF_AMD_CACHES);
		return;
	}
	remove_leaf(w, LEAF_DESCRIPTORS);
	remove_leaf(w, LEAF_CACHES);
	remove_leaf(w, LEAF_AMD_L1);
	remove_leaf(w, LEAF_AMD_L2_L3);
	remove_leaf(w, LEAF_AMD_CACHES);
	if (w->r->cache == CPU_CACHE_EMULATE && amd)
		emulate_amd(w);
	else if (w->r->cache == CPU_CACHE_EMULATE)
		emulate_intel(w);
}
