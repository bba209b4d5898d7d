/* SPDX-License-Identifier: MIT */
#include "fake/hosts_everything.h"

#include "cpuid/msr.h"
#include "fake/hosts.h"

#include <stdio.h>
#include <string.h>

#define FOR_INTEL 1u
#define FOR_AMD 2u
#define FOR_ANY (FOR_INTEL | FOR_AMD)
#define NO_FEATURE UINT16_MAX
#define LEAF_XSAVE 0xdu
#define AMD_COPIES UINT32_C(0x0183f3ff) /* of leaf 1 EDX in leaf 0x80000001 EDX */
#define ALLOWED_1(bits) ((uint64_t)(bits) << 32)

/* What registers hold besides features. needs: the entry goes with that feature. */
static const struct numbers {
	uint32_t leaf;
	int subleaf; /* -1: does not matter */
	unsigned vendors;
	feature_id needs;
	uint32_t reg[4];
} numbers[] = {
	{ 0x1, -1, FOR_ANY, NO_FEATURE, { 0, 0x05200800, 0, 0 } },
	{ 0x2, -1, FOR_INTEL, NO_FEATURE, { 0x00feff01, 0xf0, 0, 0 } },
	{ 0x4, 0, FOR_INTEL, NO_FEATURE, { 0x7c004121, 0x02c0003f, 0x3f, 0 } },
	{ 0x4, 1, FOR_INTEL, NO_FEATURE, { 0x7c004122, 0x01c0003f, 0x3f, 0 } },
	{ 0x4, 2, FOR_INTEL, NO_FEATURE, { 0x7c004143, 0x03c0003f, 0x7ff, 0 } },
	{ 0x4, 3, FOR_INTEL, NO_FEATURE, { 0x7c0fc163, 0x0380003f, 0x1bfff, 4 } },
	{ 0x4, 4, FOR_INTEL, NO_FEATURE, { 0, 0, 0, 0 } },
	{ 0x6, -1, FOR_ANY, NO_FEATURE, { 0, 0, 0, 0 } },
	{ 0x7, 0, FOR_ANY, NO_FEATURE, { 2, 0, 0, 0 } },
	{ 0xa, -1, FOR_INTEL, NO_FEATURE, { 0x08300802, 0, 0, 0x603 } },
	{ 0xb, 0, FOR_ANY, NO_FEATURE, { 1, 2, 0x100, 5 } },
	{ 0xb, 1, FOR_ANY, NO_FEATURE, { 6, 64, 0x201, 5 } },
	{ 0xb, 2, FOR_ANY, NO_FEATURE, { 0, 0, 2, 5 } },
	{ LEAF_XSAVE, 0, FOR_ANY, FEATURE_ID_xsave, { 3, 576, 576, 0 } },
	{ LEAF_XSAVE, 1, FOR_ANY, FEATURE_ID_xsave, { 0, 576, 0, 0 } },
	{ LEAF_XSAVE, 2, FOR_ANY, FEATURE_ID_avx, { 256, 576, 0, 0 } },
	{ LEAF_XSAVE, 3, FOR_INTEL, FEATURE_ID_mpx, { 64, 960, 0, 0 } },
	{ LEAF_XSAVE, 4, FOR_INTEL, FEATURE_ID_mpx, { 64, 1024, 0, 0 } },
	{ LEAF_XSAVE, 5, FOR_INTEL, FEATURE_ID_avx512f, { 64, 1088, 0, 0 } },
	{ LEAF_XSAVE, 6, FOR_INTEL, FEATURE_ID_avx512f, { 512, 1152, 0, 0 } },
	{ LEAF_XSAVE, 7, FOR_INTEL, FEATURE_ID_avx512f, { 1024, 1664, 0, 0 } },
	{ LEAF_XSAVE, 5, FOR_AMD, FEATURE_ID_avx512f, { 64, 832, 0, 0 } },
	{ LEAF_XSAVE, 6, FOR_AMD, FEATURE_ID_avx512f, { 512, 896, 0, 0 } },
	{ LEAF_XSAVE, 7, FOR_AMD, FEATURE_ID_avx512f, { 1024, 1408, 0, 0 } },
	{ LEAF_XSAVE, 9, FOR_INTEL, FEATURE_ID_pku, { 8, 2688, 0, 0 } },
	{ LEAF_XSAVE, 9, FOR_AMD, FEATURE_ID_pku, { 8, 2432, 0, 0 } },
	{ LEAF_XSAVE, 11, FOR_ANY, FEATURE_ID_cet_ss, { 16, 0, 1, 0 } },
	{ LEAF_XSAVE, 12, FOR_ANY, FEATURE_ID_cet_ss, { 24, 0, 1, 0 } },
	{ LEAF_XSAVE, 15, FOR_INTEL, FEATURE_ID_arch_lbr, { 808, 0, 1, 0 } },
	{ LEAF_XSAVE, 17, FOR_INTEL, FEATURE_ID_amx_tile, { 64, 2752, 2, 0 } },
	{ LEAF_XSAVE, 18, FOR_INTEL, FEATURE_ID_amx_tile, { 8192, 2816, 6, 0 } },
	/* Where APX is, processors have it in the place of MPX; this one has both. */
	{ LEAF_XSAVE, 19, FOR_INTEL, FEATURE_ID_apxf, { 128, 11008, 0, 0 } },
	{ 0xf, 0, FOR_ANY, FEATURE_ID_cmt, { 0, 0xff, 0, 2 } },
	{ 0xf, 1, FOR_ANY, FEATURE_ID_cmt, { 0, 64, 0xff, 0 } },
	{ 0x12, 0, FOR_INTEL, FEATURE_ID_sgx, { 0, 0, 0, 0x241f } },
	{ 0x12, 1, FOR_INTEL, FEATURE_ID_sgx, { 0, 0, 0xe7, 0 } },
	{ 0x14, 0, FOR_INTEL, FEATURE_ID_intel_pt, { 1, 0x5f, 0x7, 0 } },
	{ 0x14, 1, FOR_INTEL, FEATURE_ID_intel_pt, { 0x02490002, 0x003f1fff, 0, 0 } },
	{ 0x15, -1, FOR_INTEL, NO_FEATURE, { 2, 160, 25000000, 0 } },
	{ 0x16, -1, FOR_INTEL, NO_FEATURE, { 2000, 3500, 100, 0 } },
	{ 0x1d, 0, FOR_INTEL, FEATURE_ID_amx_tile, { 1, 0, 0, 0 } },
	{ 0x1d, 1, FOR_INTEL, FEATURE_ID_amx_tile, { 0x04002000, 0x00080040, 0x10, 0 } },
	{ 0x1e, 0, FOR_INTEL, FEATURE_ID_amx_tile, { 1, 0x4010, 0, 0 } },
	{ 0x1e, 1, FOR_INTEL, FEATURE_ID_amx_tile, { 0, 0, 0, 0 } },
	{ 0x1f, 0, FOR_INTEL, NO_FEATURE, { 1, 2, 0x100, 5 } },
	{ 0x1f, 1, FOR_INTEL, NO_FEATURE, { 6, 64, 0x201, 5 } },
	{ 0x1f, 2, FOR_INTEL, NO_FEATURE, { 0, 0, 2, 5 } },
	{ 0x24, 0, FOR_INTEL, FEATURE_ID_avx10, { 1, 2, 0, 0 } },
	{ 0x24, 1, FOR_INTEL, FEATURE_ID_avx10, { 0, 0, 0, 0 } },
	{ 0x29, 0, FOR_INTEL, FEATURE_ID_apxf, { 0, 0, 0, 0 } },
	{ 0x40000000, -1, FOR_ANY, NO_FEATURE, { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d } },
	{ 0x80000005, -1, FOR_AMD, NO_FEATURE, { 0xff48ff40, 0xff48ff40, 0x20080140, 0x20080140 } },
	{ 0x80000006, -1, FOR_AMD, NO_FEATURE, { 0x5c002200, 0x6c004200, 0x04006140, 0x01009140 } },
	{ 0x80000006, -1, FOR_INTEL, NO_FEATURE, { 0, 0, 0x08007040, 0 } },
	{ 0x80000008, -1, FOR_ANY, NO_FEATURE, { 0x3934, 0, 0, 0 } },
	{ 0x8000000a, -1, FOR_AMD, FEATURE_ID_svm, { 1, 0x8000, 0, 0 } },
	{ 0x80000019, -1, FOR_AMD, NO_FEATURE, { 0xf048f040, 0xf0400000, 0, 0 } },
	{ 0x8000001a, -1, FOR_AMD, NO_FEATURE, { 6, 0, 0, 0 } },
	{ 0x8000001d, 0, FOR_AMD, FEATURE_ID_topoext, { 0x4121, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 1, FOR_AMD, FEATURE_ID_topoext, { 0x4122, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 2, FOR_AMD, FEATURE_ID_topoext, { 0x4143, 0x01c0003f, 0x7ff, 2 } },
	{ 0x8000001d, 3, FOR_AMD, FEATURE_ID_topoext, { 0x3c163, 0x03c0003f, 0x7fff, 1 } },
	{ 0x8000001d, 4, FOR_AMD, FEATURE_ID_topoext, { 0, 0, 0, 0 } },
	{ 0x8000001e, -1, FOR_AMD, FEATURE_ID_topoext, { 5, 0x102, 0x300, 0 } },
	{ 0x8000001f, -1, FOR_AMD, NO_FEATURE, { 0, 0x16f, 0x1fd, 1 } },
	{ 0x80000021, -1, FOR_AMD, NO_FEATURE, { 0, 0x15c, 0, 0 } },
	{ 0x80000022, -1, FOR_AMD, FEATURE_ID_perfmon_v2, { 0, 0x10106, 0, 0 } },
};

/* MSRs of which a host's KVM tells, in its order: the VMX capabilities first. Bits besides
 * features: controls that must be 1 (SDM vol. 3, appendix A.3 to A.5), and what a control's twin
 * allows. */
static const struct msr_value msr_numbers[] = {
	{ 0x480, UINT64_C(0x0018040000000001) }, /* revision 1, 1 KiB, write-back memory */
	{ 0x481, 0x16 | ALLOWED_1(0x16) },
	{ 0x482, 0x0401e172 | ALLOWED_1(0x0401e172) },
	{ 0x483, 0x00036dff | ALLOWED_1(0x00036dff) },
	{ 0x484, 0x000011ff | ALLOWED_1(0x000011ff) },
	{ 0x485, 0x00040005 }, /* timer rate 5, four CR3 targets */
	{ 0x486, 0x80000021 },
	{ 0x487, 0xffffffff },
	{ 0x488, 0x00002000 },
	{ 0x489, 0x03ffffff },
	{ 0x48a, 0x34 },
	{ 0x48b, 0 },
	{ 0x48c, 0 },
	{ 0x48d, 0x16 | ALLOWED_1(0x16) },
	{ 0x48e, 0x04006172 | ALLOWED_1(0x0401e172) },
	{ 0x48f, 0x00036dfb | ALLOWED_1(0x00036dff) },
	{ 0x490, 0x000011fb | ALLOWED_1(0x000011ff) },
	{ 0x491, 0 },
	{ 0x492, 0 },
	{ MSR_IA32_UCODE_REV, UINT64_C(0x100000000) },
	{ MSR_IA32_ARCH_CAPABILITIES, 0 },
	{ MSR_IA32_PERF_CAPABILITIES, 5 }, /* LBR format */
	{ MSR_IA32_CORE_CAPABILITIES, 0 },
};

static feature_id gate_of(uint32_t msr)
{
	if (msr >= MSR_IA32_VMX_BASIC && msr <= MSR_IA32_VMX_EXIT_CTLS2)
		return FEATURE_ID_vmx;
	switch (msr) {
	case MSR_IA32_ARCH_CAPABILITIES:
		return FEATURE_ID_arch_capabilities;
	case MSR_IA32_CORE_CAPABILITIES:
		return FEATURE_ID_core_capability;
	case MSR_IA32_PERF_CAPABILITIES:
		return FEATURE_ID_pdcm;
	default:
		return NO_FEATURE;
	}
}

static unsigned vendors_of(enum cpuid_vendor vendor)
{
	return vendor == CPUID_VENDOR_AMD ? FOR_AMD : FOR_INTEL;
}

static void put(struct host_facts *f, uint32_t leaf, int subleaf, const uint32_t reg[4])
{
	struct cpuid_entry *e =
		cpuid_put(&f->supported, leaf, subleaf < 0 ? 0 : (uint32_t)subleaf, subleaf >= 0);
	for (unsigned i = 0; e && i < 4; i++)
		e->reg[i] |= reg[i];
}

/* Leaf 0, and AMD's copy in leaf 0x80000000. */
static void set_vendor(struct host_facts *f, const char *vendor_id)
{
	uint32_t words[3];
	memcpy(words, vendor_id, sizeof(words));
	const uint32_t leaves[] = { 0, 0x80000000 };
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct cpuid_entry *e = cpuid_put(&f->supported, leaves[i], 0, false);
		bool named = i == 0 || cpuid_vendor(&f->supported) == CPUID_VENDOR_AMD;
		if (!e)
			continue;
		e->reg[CPUID_EBX] = named ? words[0] : 0;
		e->reg[CPUID_EDX] = named ? words[1] : 0;
		e->reg[CPUID_ECX] = named ? words[2] : 0;
	}
}

static void set_signature(struct host_facts *f, uint32_t eax)
{
	bool amd = cpuid_vendor(&f->supported) == CPUID_VENDOR_AMD;
	struct cpuid_entry *e = cpuid_find(&f->supported, 1, 0);
	if (e)
		e->reg[CPUID_EAX] = eax;
	e = cpuid_find(&f->supported, 0x80000001, 0);
	if (e)
		e->reg[CPUID_EAX] = amd ? eax : 0;
}

/* All features of set in the table. */
static void put_features(struct host_facts *f, const struct feature_set *set)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		uint32_t reg[4] = { 0 };
		reg[w->reg] = set->w[i];
		if (w->kind == FEATURE_WORD_CPUID && set->w[i])
			put(f, w->leaf, w->subleaf_matters ? (int)w->subleaf : -1, reg);
	}
}

/* A control's allowed settings hold in the MSR of old as well (0x481 to 0x484), which knows no
 * control that may be 0 against the default. */
static uint32_t twin_of(uint32_t msr)
{
	return msr >= 0x48d && msr <= 0x490 ? msr - 0x48d + 0x481 : 0;
}

static uint64_t msr_features(uint32_t msr, const struct feature_set *set, uint64_t value)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		bool twin = w->kind == FEATURE_WORD_MSR && twin_of(w->msr) == msr && w->shift == 32;
		if (w->kind != FEATURE_WORD_MSR || (w->msr != msr && !twin))
			continue;
		uint32_t bits = w->inverted ? ~set->w[i] & w->named : set->w[i];
		value &= ~((uint64_t)w->named << w->shift);
		value |= (uint64_t)bits << w->shift;
	}
	return value;
}

static void put_msrs(struct host_facts *f, const struct feature_set *set, bool amd)
{
	for (size_t i = 0; i < ARRAY_SIZE(msr_numbers); i++) {
		uint32_t msr = msr_numbers[i].index;
		feature_id gate = gate_of(msr);
		if (gate != NO_FEATURE && !feature_set_has(set, gate))
			continue;
		if (amd && gate == FEATURE_ID_pdcm)
			continue;
		f->feature_msrs[f->nr_feature_msrs++] =
			(struct msr_value){ msr, msr_features(msr, set, msr_numbers[i].value) };
	}
}

/* Leaf 0xD's masks and sizes for the components whose subleaves are there. */
static void fit_xsave(struct cpuid_table *t)
{
	uint64_t user = 3, supervisor = 0;
	uint32_t bytes = 576;
	struct cpuid_entry *main = cpuid_find(t, LEAF_XSAVE, 0);
	struct cpuid_entry *more = cpuid_find(t, LEAF_XSAVE, 1);
	if (!main || !more)
		return;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		const struct cpuid_entry *e = &t->entries[i];
		if (e->leaf != LEAF_XSAVE || e->subleaf < 2 || e->subleaf > 62)
			continue;
		if (e->reg[CPUID_ECX] & 1) {
			supervisor |= UINT64_C(1) << e->subleaf;
			continue;
		}
		user |= UINT64_C(1) << e->subleaf;
		if (e->reg[CPUID_EAX] + e->reg[CPUID_EBX] > bytes)
			bytes = e->reg[CPUID_EAX] + e->reg[CPUID_EBX];
	}
	main->reg[CPUID_EAX] = (uint32_t)user;
	main->reg[CPUID_EDX] = (uint32_t)(user >> 32);
	main->reg[CPUID_EBX] = main->reg[CPUID_ECX] = bytes;
	more->reg[CPUID_ECX] = (uint32_t)supervisor;
	more->reg[CPUID_EDX] = (uint32_t)(supervisor >> 32);
}

static void fit_max_leaf(struct cpuid_table *t, uint32_t base)
{
	struct cpuid_entry *first = cpuid_find(t, base, 0);
	uint32_t max = base;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		uint32_t leaf = t->entries[i].leaf;
		if (leaf >> 28 == base >> 28 && leaf > max)
			max = leaf;
	}
	if (first)
		first->reg[CPUID_EAX] = max;
}

static void fit_table(struct cpuid_table *t)
{
	struct cpuid_entry *extended = cpuid_find(t, 0x80000001, 0);
	struct cpuid_entry *seven = cpuid_find(t, 7, 0);
	fit_xsave(t);
	fit_max_leaf(t, 0);
	fit_max_leaf(t, 0x80000000);
	if (cpuid_get(t, 0xc0000000, 0))
		fit_max_leaf(t, 0xc0000000);
	if (seven && seven->subleaf_matters)
		seven->reg[CPUID_EAX] = cpuid_get(t, 7, 2) ? 2 : cpuid_get(t, 7, 1) ? 1 : 0;
	if (extended) {
		uint32_t copies = cpuid_vendor(t) == CPUID_VENDOR_AMD
					  ? cpuid_value(t, 1, 0, CPUID_EDX) & AMD_COPIES
					  : 0;
		extended->reg[CPUID_EDX] = (extended->reg[CPUID_EDX] & ~AMD_COPIES) | copies;
	}
}

static bool is_supervisor_component(const struct cpuid_entry *e)
{
	return e->leaf == LEAF_XSAVE && e->subleaf >= 2 && e->reg[CPUID_ECX] & 1;
}

/* False where an entry tells of a feature that is not in set. */
static bool keeps_entry(const struct cpuid_entry *e, const struct feature_set *set)
{
	if (is_supervisor_component(e) && !feature_set_has(set, FEATURE_ID_xsaves))
		return false;
	if (e->leaf == LEAF_XSAVE && !feature_set_has(set, FEATURE_ID_xsave))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct numbers *n = &numbers[i];
		bool same = n->leaf == e->leaf && (n->subleaf < 0 || !e->subleaf_matters ||
							  (uint32_t)n->subleaf == e->subleaf);
		if (!same || n->needs == NO_FEATURE || feature_set_has(set, n->needs))
			continue;
		/* Both kinds of CET share the components. */
		if (n->needs == FEATURE_ID_cet_ss && feature_set_has(set, FEATURE_ID_cet_ibt))
			continue;
		return false;
	}
	return true;
}

void host_features(const struct host_facts *host, struct feature_set *ret)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		uint64_t msr = 0;
		uint32_t value = 0;
		bool known = true;
		if (w->kind == FEATURE_WORD_CPUID)
			value = cpuid_value(&host->supported, w->leaf, w->subleaf, w->reg);
		else
			known = host_feature_msr(host, w->msr, &msr);
		if (w->kind == FEATURE_WORD_MSR)
			value = (uint32_t)(msr >> w->shift) ^ (w->inverted ? UINT32_MAX : 0);
		ret->w[i] = known ? value & w->named : 0;
	}
	if (host->tsc_deadline_timer)
		feature_set_add(ret, FEATURE_ID_tsc_deadline);
}

void host_with_features(
	const struct host_facts *base, const struct feature_set *set, struct host_facts *ret)
{
	struct feature_set kept;
	*ret = *base;
	host_features(base, &kept);
	feature_set_and(&kept, set);
	struct cpuid_table *t = &ret->supported;
	t->nr_entries = 0;
	for (unsigned i = 0; i < base->supported.nr_entries; i++) {
		struct cpuid_entry e = base->supported.entries[i];
		uint32_t any = 0;
		bool named = false;
		for (unsigned r = 0; r < 4; r++) {
			int word = feature_word_of_cpuid(e.leaf, e.subleaf, (enum cpuid_reg)r);
			if (word >= 0) {
				named = true;
				e.reg[r] &= ~feature_word((unsigned)word)->named | kept.w[word];
			}
			any |= e.reg[r];
		}
		/* A subleaf of nothing but features goes with the last of them. */
		bool empty = named && any == 0 && e.subleaf_matters && e.subleaf > 0 &&
			     e.leaf != LEAF_XSAVE;
		if (keeps_entry(&e, &kept) && !empty)
			t->entries[t->nr_entries++] = e;
	}
	fit_table(t);
	ret->tsc_deadline_timer =
		base->tsc_deadline_timer && feature_set_has(set, FEATURE_ID_tsc_deadline);
	ret->nested_state = base->nested_state && (feature_set_has(&kept, FEATURE_ID_vmx) ||
							  feature_set_has(&kept, FEATURE_ID_svm));
	ret->nr_feature_msrs = 0;
	for (unsigned i = 0; i < base->nr_feature_msrs; i++) {
		struct msr_value m = base->feature_msrs[i];
		feature_id gate = gate_of(m.index);
		if (gate != NO_FEATURE && !feature_set_has(&kept, gate))
			continue;
		m.value = msr_features(m.index, &kept, m.value);
		ret->feature_msrs[ret->nr_feature_msrs++] = m;
	}
}

/* What no KVM ever offers: it follows CR4, or is the user's to promise. */
static void remove_never_offered(struct feature_set *set)
{
	feature_set_remove(set, FEATURE_ID_ospke);
	feature_set_remove(set, FEATURE_ID_kvm_hint_dedicated);
}

void host_everything(enum cpuid_vendor vendor, struct host_facts *ret)
{
	static const char *const names[] = {
		[CPUID_VENDOR_OTHER] = "  Shanghai  ",
		[CPUID_VENDOR_INTEL] = "GenuineIntel",
		[CPUID_VENDOR_AMD] = "AuthenticAMD",
	};
	static const uint32_t signatures[] = {
		[CPUID_VENDOR_OTHER] = 0x000307b1,
		[CPUID_VENDOR_INTEL] = 0x000c06f2,
		[CPUID_VENDOR_AMD] = 0x00b00f21,
	};
	bool amd = vendor == CPUID_VENDOR_AMD;
	struct feature_set set, foreign;
	const uint32_t none[4] = { 0 };
	*ret = (struct host_facts){
		.threads_per_core = 2,
		.max_vcpus = 4096,
		.max_vcpu_id = 4096,
		.nr_memslots = 32764,
		.tsc_khz = 2000000,
		.tsc_scaling = true,
		.tsc_deadline_timer = true,
		.split_irqchip = true,
		.nested_state = true,
		.user_space_msr = true,
	};
	(void)snprintf((char *)ret->brand, sizeof(ret->brand), "Everything processor");
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		set.w[i] = feature_word(i)->named;
	feature_set_foreign(vendor, &foreign);
	feature_set_subtract(&set, &foreign);
	remove_never_offered(&set);
	set_vendor(ret, names[vendor]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct numbers *n = &numbers[i];
		if (n->vendors & vendors_of(vendor))
			put(ret, n->leaf, n->subleaf, n->reg);
	}
	put_features(ret, &set);
	if (cpuid_get(&ret->supported, 0xc0000001, 0))
		put(ret, 0xc0000000, -1, none);
	set_signature(ret, signatures[vendor]);
	fit_table(&ret->supported);
	put_msrs(ret, &set, amd);
}

void host_of_model(const struct cpu_model *m, struct host_facts *ret)
{
	/* KVM emulates these, or they are its own. */
	static const feature_id any_kvm[] = { FEATURE_ID_x2apic, FEATURE_ID_tsc_deadline,
		FEATURE_ID_tsc_adjust, FEATURE_ID_hypervisor, FEATURE_ID_apic };
	struct host_facts base;
	struct feature_set set = m->features, pv;
	enum cpuid_vendor vendor = m->vendor_id[0] ? m->vendor : CPUID_VENDOR_INTEL;
	host_everything(vendor, &base);
	for (size_t i = 0; i < ARRAY_SIZE(any_kvm); i++)
		feature_set_add(&set, any_kvm[i]);
	feature_set_of_attribute(FEATURE_PV, &pv);
	feature_set_or(&set, &pv);
	remove_never_offered(&set);
	/* Models of no vendor may have features of either. */
	put_features(&base, &set);
	host_with_features(&base, &set, ret);
	if (m->vendor_id[0])
		set_vendor(ret, m->vendor_id);
	if (m->has_signature && m->nr_numbers)
		set_signature(ret, cpu_signature_pack(m->family, m->numbers[0], m->stepping_low));
}

/* Requirements between features, and the CPUID bits that announce MSRs. */
static void close_set(struct feature_set *set)
{
	feature_set_close(set, NULL, NULL);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		feature_id gate = w->kind == FEATURE_WORD_MSR ? gate_of(w->msr) : NO_FEATURE;
		if (gate != NO_FEATURE && !feature_set_has(set, gate))
			set->w[i] = 0;
	}
}

void host_random_subset(const struct host_facts *base, uint32_t seed, struct host_facts *ret)
{
	static const uint32_t widths[] = { 36, 39, 40, 42, 46, 48, 52 };
	uint32_t state = seed * UINT32_C(2654435761) + 1;
	struct feature_set set;
	if (state == 0)
		state = 1;
	host_features(base, &set);
	/* Of 256: how many of the features go. */
	uint32_t share = host_random_next(&state) % 4;
	share = share == 0 ? 2 : share == 1 ? 16 : share == 2 ? 64 : 160;
	for (feature_id id = feature_set_next(&set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&set, (feature_id)(id + 1))) {
		if ((host_random_next(&state) >> 8 & 0xff) < share)
			feature_set_remove(&set, id);
	}
	close_set(&set);
	host_with_features(base, &set, ret);
	struct cpuid_entry *e = cpuid_find(&ret->supported, 0x80000008, 0);
	uint32_t bits = widths[host_random_next(&state) % ARRAY_SIZE(widths)];
	if (e && bits < (e->reg[CPUID_EAX] & 0xff))
		e->reg[CPUID_EAX] = (e->reg[CPUID_EAX] & ~UINT32_C(0xff)) | bits;
	ret->tsc_scaling &= host_random_next(&state) >> 16 & 1;
	ret->threads_per_core = host_random_next(&state) >> 16 & 1 ? base->threads_per_core : 1;
}
