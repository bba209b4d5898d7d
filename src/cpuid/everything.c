/* SPDX-License-Identifier: MIT */
#include "cpuid/everything.h"

#include "cpuid/msr.h"

#include <stdio.h>
#include <string.h>

#define FOR_INTEL 1u
#define FOR_AMD 2u
#define FOR_ANY (FOR_INTEL | FOR_AMD)
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
	{ 0x1, -1, FOR_ANY, HOST_NO_FEATURE, { 0, 0x05200800, 0, 0 } },
	{ 0x2, -1, FOR_INTEL, HOST_NO_FEATURE, { 0x00feff01, 0xf0, 0, 0 } },
	{ 0x4, 0, FOR_INTEL, HOST_NO_FEATURE, { 0x7c004121, 0x02c0003f, 0x3f, 0 } },
	{ 0x4, 1, FOR_INTEL, HOST_NO_FEATURE, { 0x7c004122, 0x01c0003f, 0x3f, 0 } },
	{ 0x4, 2, FOR_INTEL, HOST_NO_FEATURE, { 0x7c004143, 0x03c0003f, 0x7ff, 0 } },
	{ 0x4, 3, FOR_INTEL, HOST_NO_FEATURE, { 0x7c0fc163, 0x0380003f, 0x1bfff, 4 } },
	{ 0x4, 4, FOR_INTEL, HOST_NO_FEATURE, { 0, 0, 0, 0 } },
	{ 0x6, -1, FOR_ANY, HOST_NO_FEATURE, { 0, 0, 0, 0 } },
	{ 0x7, 0, FOR_ANY, HOST_NO_FEATURE, { 2, 0, 0, 0 } },
	{ 0xa, -1, FOR_INTEL, HOST_NO_FEATURE, { 0x08300802, 0, 0, 0x603 } },
	{ 0xb, 0, FOR_ANY, HOST_NO_FEATURE, { 1, 2, 0x100, 5 } },
	{ 0xb, 1, FOR_ANY, HOST_NO_FEATURE, { 6, 64, 0x201, 5 } },
	{ 0xb, 2, FOR_ANY, HOST_NO_FEATURE, { 0, 0, 2, 5 } },
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
	{ 0x15, -1, FOR_INTEL, HOST_NO_FEATURE, { 2, 160, 25000000, 0 } },
	{ 0x16, -1, FOR_INTEL, HOST_NO_FEATURE, { 2000, 3500, 100, 0 } },
	{ 0x1d, 0, FOR_INTEL, FEATURE_ID_amx_tile, { 1, 0, 0, 0 } },
	{ 0x1d, 1, FOR_INTEL, FEATURE_ID_amx_tile, { 0x04002000, 0x00080040, 0x10, 0 } },
	{ 0x1e, 0, FOR_INTEL, FEATURE_ID_amx_tile, { 1, 0x4010, 0, 0 } },
	{ 0x1e, 1, FOR_INTEL, FEATURE_ID_amx_tile, { 0, 0, 0, 0 } },
	{ 0x1f, 0, FOR_INTEL, HOST_NO_FEATURE, { 1, 2, 0x100, 5 } },
	{ 0x1f, 1, FOR_INTEL, HOST_NO_FEATURE, { 6, 64, 0x201, 5 } },
	{ 0x1f, 2, FOR_INTEL, HOST_NO_FEATURE, { 0, 0, 2, 5 } },
	{ 0x24, 0, FOR_INTEL, FEATURE_ID_avx10, { 1, 2, 0, 0 } },
	{ 0x24, 1, FOR_INTEL, FEATURE_ID_avx10, { 0, 0, 0, 0 } },
	{ 0x29, 0, FOR_INTEL, FEATURE_ID_apxf, { 0, 0, 0, 0 } },
	{ 0x40000000, -1, FOR_ANY, HOST_NO_FEATURE, { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d } },
	{ 0x80000005, -1, FOR_AMD, HOST_NO_FEATURE,
		{ 0xff48ff40, 0xff48ff40, 0x20080140, 0x20080140 } },
	{ 0x80000006, -1, FOR_AMD, HOST_NO_FEATURE,
		{ 0x5c002200, 0x6c004200, 0x04006140, 0x01009140 } },
	{ 0x80000006, -1, FOR_INTEL, HOST_NO_FEATURE, { 0, 0, 0x08007040, 0 } },
	{ 0x80000008, -1, FOR_ANY, HOST_NO_FEATURE, { 0x3934, 0, 0, 0 } },
	{ 0x8000000a, -1, FOR_AMD, FEATURE_ID_svm, { 1, 0x8000, 0, 0 } },
	{ 0x80000019, -1, FOR_AMD, HOST_NO_FEATURE, { 0xf048f040, 0xf0400000, 0, 0 } },
	{ 0x8000001a, -1, FOR_AMD, HOST_NO_FEATURE, { 6, 0, 0, 0 } },
	{ 0x8000001d, 0, FOR_AMD, FEATURE_ID_topoext, { 0x4121, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 1, FOR_AMD, FEATURE_ID_topoext, { 0x4122, 0x01c0003f, 0x3f, 0 } },
	{ 0x8000001d, 2, FOR_AMD, FEATURE_ID_topoext, { 0x4143, 0x01c0003f, 0x7ff, 2 } },
	{ 0x8000001d, 3, FOR_AMD, FEATURE_ID_topoext, { 0x3c163, 0x03c0003f, 0x7fff, 1 } },
	{ 0x8000001d, 4, FOR_AMD, FEATURE_ID_topoext, { 0, 0, 0, 0 } },
	{ 0x8000001e, -1, FOR_AMD, FEATURE_ID_topoext, { 5, 0x102, 0x300, 0 } },
	{ 0x8000001f, -1, FOR_AMD, HOST_NO_FEATURE, { 0, 0x16f, 0x1fd, 1 } },
	{ 0x80000021, -1, FOR_AMD, HOST_NO_FEATURE, { 0, 0x15c, 0, 0 } },
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

feature_id host_msr_gate(uint32_t msr)
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
		return HOST_NO_FEATURE;
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
void host_set_vendor(struct host_facts *f, const char *vendor_id)
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

void host_set_signature(struct host_facts *f, uint32_t eax)
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
void host_put_features(struct host_facts *f, const struct feature_set *set)
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

uint64_t host_msr_features(uint32_t msr, const struct feature_set *set, uint64_t value)
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
		feature_id gate = host_msr_gate(msr);
		if (gate != HOST_NO_FEATURE && !feature_set_has(set, gate))
			continue;
		if (amd && gate == FEATURE_ID_pdcm)
			continue;
		f->feature_msrs[f->nr_feature_msrs++] = (struct msr_value){ msr,
			host_msr_features(msr, set, msr_numbers[i].value) };
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

void host_fit(struct cpuid_table *t)
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
bool host_keeps_entry(const struct cpuid_entry *e, const struct feature_set *set)
{
	if (is_supervisor_component(e) && !feature_set_has(set, FEATURE_ID_xsaves))
		return false;
	if (e->leaf == LEAF_XSAVE && !feature_set_has(set, FEATURE_ID_xsave))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct numbers *n = &numbers[i];
		bool same = n->leaf == e->leaf && (n->subleaf < 0 || !e->subleaf_matters ||
							  (uint32_t)n->subleaf == e->subleaf);
		if (!same || n->needs == HOST_NO_FEATURE || feature_set_has(set, n->needs))
			continue;
		/* Both kinds of CET share the components. */
		if (n->needs == FEATURE_ID_cet_ss && feature_set_has(set, FEATURE_ID_cet_ibt))
			continue;
		return false;
	}
	return true;
}

/* What no KVM ever offers: it follows CR4, or is the user's to promise; and what a processor with
 * long mode cannot be (SDM vol. 3, appendix A.1). */
void host_remove_never_offered(struct feature_set *set)
{
	feature_set_remove(set, FEATURE_ID_ospke);
	feature_set_remove(set, FEATURE_ID_kvm_hint_dedicated);
	feature_set_remove(set, FEATURE_ID_vmx_basic_32bit_phys_addr);
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
	host_remove_never_offered(&set);
	host_set_vendor(ret, names[vendor]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct numbers *n = &numbers[i];
		if (n->vendors & vendors_of(vendor))
			put(ret, n->leaf, n->subleaf, n->reg);
	}
	host_put_features(ret, &set);
	if (cpuid_get(&ret->supported, 0xc0000001, 0))
		put(ret, 0xc0000000, -1, none);
	host_set_signature(ret, signatures[vendor]);
	host_fit(&ret->supported);
	put_msrs(ret, &set, amd);
}

void host_give_hyperv(struct host_facts *facts, bool evmcs)
{
	/* As Linux 6.12 has them on a host without SMT (KVM_GET_SUPPORTED_HV_CPUID). */
	const struct cpuid_entry leaves[] = {
		{ .leaf = 0x40000000, .reg = { 0x40000082, 0x756e694c, 0x564b2078, 0x7648204d } },
		{ .leaf = 0x40000001, .reg = { 0x31237648 } },
		{ .leaf = 0x40000002, .reg = { 14393, 10 << 16 } },
		{ .leaf = 0x40000003, .reg = { 0xaaff, 0x100830, 0, 0x84d12 } },
		{ .leaf = 0x40000004, .reg = { 0x40e2c | (evmcs ? 0x4000 : 0), UINT32_MAX } },
		{ .leaf = 0x40000005, .reg = { 1024, 64 } },
		{ .leaf = 0x4000000a, .reg = { 0xa0000 | (evmcs ? 0x101 : 0), 1 } },
	};
	(void)memcpy(facts->hyperv.entries, leaves, sizeof(leaves));
	facts->hyperv.nr_entries = ARRAY_SIZE(leaves);
	facts->hyperv_enforce_cpuid = true;
}
