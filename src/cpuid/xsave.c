/* SPDX-License-Identifier: MIT */
/*
 * Stage 7: leaf 0xD (SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and
 * XSAVE-Supported Features"). Which state components a guest may enable follows from its features;
 * their sizes and places are the host's, as the processor lays them out.
 */
#include "cpuid/stages.h"

#define LEAF_XSAVE 0xdu
#define LEGACY_AND_HEADER_BYTES 576u /* FXSAVE area and XSAVE header */
#define NR_COMPONENTS 63u
#define COMPONENT_X87_SSE UINT64_C(3)
#define FLAG_SUPERVISOR 1u /* ECX of a component: managed by IA32_XSS */
#define FLAG_ALIGNED 2u    /* … starts at a multiple of 64 bytes in a compacted area */

/* A component that a feature needs, with the place that Intel's processors give it. */
struct component {
	unsigned number;
	feature_id feature;
	bool supervisor;
	uint32_t size_bytes, offset; /* where the host's table does not say */
};

static const struct component components[] = {
	{ 2, FEATURE_ID_avx, false, 256, 576 },
	{ 3, FEATURE_ID_mpx, false, 64, 960 },
	{ 4, FEATURE_ID_mpx, false, 64, 1024 },
	{ 5, FEATURE_ID_avx512f, false, 64, 1088 },
	{ 6, FEATURE_ID_avx512f, false, 512, 1152 },
	{ 7, FEATURE_ID_avx512f, false, 1024, 1664 },
	{ 8, FEATURE_ID_intel_pt, true, 128, 0 },
	{ 9, FEATURE_ID_pku, false, 8, 2688 },
	{ 11, FEATURE_ID_cet_ss, true, 16, 0 },
	{ 12, FEATURE_ID_cet_ss, true, 24, 0 },
	{ 11, FEATURE_ID_cet_ibt, true, 16, 0 },
	{ 12, FEATURE_ID_cet_ibt, true, 24, 0 },
	{ 15, FEATURE_ID_arch_lbr, true, 808, 0 },
	{ 19, FEATURE_ID_apxf, false, 128, 960 },
	{ 17, FEATURE_ID_amx_tile, false, 64, 2752 },
	{ 18, FEATURE_ID_amx_tile, false, 8192, 2816 },
};

/* Components that the host's KVM offers in XCR0, or in IA32_XSS. */
static uint64_t host_mask(const struct host_facts *host, bool supervisor)
{
	const struct cpuid_table *t = &host->supported;
	unsigned sub = supervisor ? 1 : 0;
	enum cpuid_reg low = supervisor ? CPUID_ECX : CPUID_EAX;
	return cpuid_value(t, LEAF_XSAVE, sub, low) |
	       (uint64_t)cpuid_value(t, LEAF_XSAVE, sub, CPUID_EDX) << 32;
}

void cpu_xsave_lacking(const struct host_facts *host, struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	uint64_t user = host_mask(host, false);
	/* Without the leaf nothing is known against a feature: KVM shows no components where it
	 * shows no XSAVE, and then the features' requirement on it decides. */
	if (user == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(components); i++) {
		const struct component *c = &components[i];
		/* KVM saves supervisor components itself for guests that do not use XSAVES. */
		if (!c->supervisor && !(user >> c->number & 1))
			feature_set_add(ret_set, c->feature);
	}
}

struct area {
	uint64_t user, supervisor;
	uint32_t standard_bytes;
};

/* One component of the guest's: subleaf number is its own. */
static void add_component(struct cpu_work *w, const struct component *c, struct area *area)
{
	const struct cpuid_entry *from = cpuid_get(&w->source->supported, LEAF_XSAVE, c->number);
	uint32_t reg[4] = { c->size_bytes, c->offset, c->supervisor ? FLAG_SUPERVISOR : 0, 0 };
	uint64_t bit = UINT64_C(1) << c->number;
	if ((area->user | area->supervisor) & bit)
		return;
	if (c->number >= 17 && !c->supervisor)
		reg[CPUID_ECX] |= FLAG_ALIGNED;
	for (unsigned r = 0; from && from->subleaf_matters && r < 4; r++)
		reg[r] = from->reg[r];
	cpu_edit_regs(&w->edit, LEAF_XSAVE, c->number, reg);
	if (c->supervisor) {
		area->supervisor |= bit;
		return;
	}
	area->user |= bit;
	if (reg[CPUID_EBX] + reg[CPUID_EAX] > area->standard_bytes)
		area->standard_bytes = reg[CPUID_EBX] + reg[CPUID_EAX];
}

static void add_components(struct cpu_work *w, struct area *area)
{
	bool xsaves = feature_set_has(&w->r->features, FEATURE_ID_xsaves);
	uint64_t user = host_mask(w->source, false), supervisor = host_mask(w->source, true);
	for (size_t i = 0; i < ARRAY_SIZE(components); i++) {
		const struct component *c = &components[i];
		if (!feature_set_has(&w->r->features, c->feature))
			continue;
		if (c->supervisor && !(xsaves && supervisor >> c->number & 1))
			continue;
		if (!c->supervisor && user != 0 && !(user >> c->number & 1))
			continue;
		add_component(w, c, area);
	}
}

/* What the source's leaf had; but for the features in it, which are decided. */
static void clear_leaf(struct cpu_work *w)
{
	for (unsigned i = 0; i < w->edit.table->nr_entries; i++) {
		const struct cpuid_entry *entry = &w->edit.table->entries[i];
		for (unsigned r = 0; entry->leaf == LEAF_XSAVE && r < 4; r++)
			cpu_edit_bits(&w->edit, LEAF_XSAVE, entry->subleaf, (enum cpuid_reg)r,
				~cpu_named_bits(LEAF_XSAVE, entry->subleaf, (enum cpuid_reg)r), 0);
	}
	cpuid_remove_leaf(w->edit.table, LEAF_XSAVE);
}

void cpu_stage_xsave(struct cpu_work *w)
{
	struct area area = { COMPONENT_X87_SSE, 0, LEGACY_AND_HEADER_BYTES };
	const struct feature_set *features = &w->r->features;
	uint32_t instructions = cpuid_value(w->edit.table, LEAF_XSAVE, 1, CPUID_EAX);
	cpu_work_rule(w, "CPU-24", NULL, NULL);
	clear_leaf(w);
	if (!feature_set_has(features, FEATURE_ID_xsave) || w->older_os)
		return;
	add_components(w, &area);
	const uint32_t sub0[4] = {
		(uint32_t)area.user,
		LEGACY_AND_HEADER_BYTES, /* by XCR0 at run time, which is 1 at reset */
		area.standard_bytes,
		(uint32_t)(area.user >> 32),
	};
	bool compacts = feature_set_has(features, FEATURE_ID_xsaves) ||
			feature_set_has(features, FEATURE_ID_xsavec);
	const uint32_t sub1[4] = {
		instructions,
		compacts ? LEGACY_AND_HEADER_BYTES : 0, /* by XCR0 | IA32_XSS at run time */
		(uint32_t)area.supervisor,
		(uint32_t)(area.supervisor >> 32),
	};
	cpu_edit_regs(&w->edit, LEAF_XSAVE, 0, sub0);
	struct cpu_trace *trace = w->edit.trace;
	uint32_t named = cpu_named_bits(LEAF_XSAVE, 1, CPUID_EAX);
	cpu_edit_bits(&w->edit, LEAF_XSAVE, 1, CPUID_EAX, ~named, instructions);
	/* The features among them have their decisions already. */
	w->edit.trace = NULL;
	cpu_edit_bits(&w->edit, LEAF_XSAVE, 1, CPUID_EAX, named, instructions);
	w->edit.trace = trace;
	for (unsigned r = 1; r < 4; r++)
		cpu_edit_bits(&w->edit, LEAF_XSAVE, 1, (enum cpuid_reg)r, UINT32_MAX, sub1[r]);
}
