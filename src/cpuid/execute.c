/* SPDX-License-Identifier: MIT */
/*
 * CPUID as KVM executes it (the kernel's arch/x86/kvm/cpuid.c is the only full description; KVM
 * API, KVM_SET_CPUID2, says what the entries mean). Two parts: which entry answers, and which of
 * its bits follow the vCPU's registers.
 */
#include "cpuid/execute.h"

#include <string.h>

#define LEGACY_STATE_BYTES 512 /* x87 and SSE, of the XSAVE area … */
#define XSAVE_HEADER_BYTES 64  /* … and the header behind them (SDM vol. 1, XSAVE Area) */
#define LEGACY_STATE UINT64_C(3)

/* The first entry of a leaf, whatever its subleaf. */
static const struct cpuid_entry *find_leaf(const struct cpuid_table *table, uint32_t leaf)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		if (table->entries[i].leaf == leaf)
			return &table->entries[i];
	}
	return NULL;
}

/* Leaves past a range's end are zeros for AMD's vendor names, and the last basic leaf for others.
 */
static bool past_end_is_zero(const struct cpuid_entry *basic)
{
	static const char names[][13] = { "AuthenticAMD", "AMDisbetter!", "HygonGenuine" };
	const uint32_t words[3] = { basic->reg[CPUID_EBX], basic->reg[CPUID_EDX],
		basic->reg[CPUID_ECX] };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (memcmp(names[i], words, sizeof(words)) == 0)
			return true;
	}
	return false;
}

/* The leaf whose EAX says where the range of this leaf ends. */
static uint32_t range_start(uint32_t leaf)
{
	if (leaf >= 0x40000000 && leaf <= 0x4fffffff)
		return leaf & 0xffffff00; /* hypervisors: each 100h leaves are a range */
	if (leaf >= 0xc0000000)
		return 0xc0000000;
	return leaf & 0x80000000;
}

/* The leaf that answers for one that the table has not: itself, or the last basic leaf. */
static uint32_t substitute_leaf(const struct cpuid_table *table, uint32_t leaf)
{
	const struct cpuid_entry *basic = find_leaf(table, 0);
	if (!basic || past_end_is_zero(basic))
		return leaf;
	const struct cpuid_entry *range = find_leaf(table, range_start(leaf));
	return range && leaf <= range->reg[CPUID_EAX] ? leaf : basic->reg[CPUID_EAX];
}

/* Bytes of an XSAVE area with these components, by their own subleaves (SDM vol. 2, CPUID 0DH). */
static uint32_t xsave_bytes(const struct cpuid_table *table, uint64_t components, bool compacted)
{
	uint64_t end = LEGACY_STATE_BYTES + XSAVE_HEADER_BYTES;
	components &= ~LEGACY_STATE;
	for (uint32_t i = 2; i < 64; i++) {
		if (!(components >> i & 1))
			continue;
		const struct cpuid_entry *e = cpuid_get(table, 0xd, i);
		uint64_t size = e ? e->reg[CPUID_EAX] : 0;
		uint64_t offset = e ? e->reg[CPUID_EBX] : 0;
		if (compacted) /* ECX bit 1: aligned to 64 bytes */
			offset = e && e->reg[CPUID_ECX] & 2 ? align_up(end, 64) : end;
		if (offset + size > end)
			end = offset + size;
	}
	return (uint32_t)end;
}

static uint32_t with_bit(uint32_t reg, unsigned bit, bool value)
{
	return (reg & ~(UINT32_C(1) << bit)) | (uint32_t)value << bit;
}

/* KVM keeps Hyper-V guests from the invariant TSC until they ask (TLFS, Partition Privileges). */
static bool hides_invariant_tsc(const struct cpuid_table *table, const struct cpuid_vcpu_state *v)
{
	const struct cpuid_entry *interface = find_leaf(table, 0x40000001);
	const struct cpuid_entry *privileges = find_leaf(table, 0x40000003);
	return interface && interface->reg[CPUID_EAX] == 0x31237648 /* "Hv#1" */ && privileges &&
	       privileges->reg[CPUID_EAX] >> 15 & 1 && !v->hyperv_invariant_tsc;
}

/* The bits that KVM keeps in step with the vCPU's registers. */
static void apply_state(const struct cpuid_table *table, const struct cpuid_vcpu_state *v,
	uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	if (leaf == 1) {
		reg[CPUID_ECX] = with_bit(reg[CPUID_ECX], 27, v->cr4_osxsave);
		reg[CPUID_EDX] = with_bit(reg[CPUID_EDX], 9, v->apic_enabled);
		if (v->mwait_follows_misc_enable)
			reg[CPUID_ECX] = with_bit(reg[CPUID_ECX], 3, v->misc_enable_mwait);
	} else if (leaf == 7 && subleaf == 0) {
		reg[CPUID_ECX] = with_bit(reg[CPUID_ECX], 4, v->cr4_pke);
	} else if (leaf == 0xd && subleaf == 0) {
		reg[CPUID_EBX] = xsave_bytes(table, v->xcr0, /* compacted */ false);
	} else if (leaf == 0xd && subleaf == 1) {
		if (reg[CPUID_EAX] & 0xa) /* XSAVEC or XSAVES */
			reg[CPUID_EBX] = xsave_bytes(table, v->xcr0 | v->xss, /* compacted */ true);
	} else if (leaf == 0x80000007 && hides_invariant_tsc(table, v)) {
		reg[CPUID_EDX] = with_bit(reg[CPUID_EDX], 8, false);
	}
}

void cpuid_execute(const struct cpuid_table *table, const struct cpuid_vcpu_state *state,
	uint32_t leaf, uint32_t subleaf, uint32_t ret_reg[4])
{
	const struct cpuid_entry *entry = cpuid_get(table, leaf, subleaf);
	if (!entry) {
		leaf = substitute_leaf(table, leaf);
		entry = cpuid_get(table, leaf, subleaf);
	}
	memset(ret_reg, 0, 4 * sizeof(ret_reg[0]));
	if (entry) {
		memcpy(ret_reg, entry->reg, 4 * sizeof(ret_reg[0]));
		apply_state(table, state, leaf, entry->subleaf_matters ? subleaf : 0, ret_reg);
		if (leaf == 7 && subleaf == 0 && state->tsx_ctrl_cpuid_clear) /* HLE and RTM */
			ret_reg[CPUID_EBX] &= ~(UINT32_C(1) << 4 | UINT32_C(1) << 11);
		return;
	}
	/* Levels past the last: ECX 7:0 is what was asked for, and EDX the x2APIC ID, as subleaf 1
	 * has it (SDM vol. 2, CPUID 0BH and 1FH). */
	const struct cpuid_entry *level = NULL;
	if (leaf == 0xb || leaf == 0x1f)
		level = cpuid_get(table, leaf, 1);
	if (level) {
		ret_reg[CPUID_ECX] = subleaf & 0xff;
		ret_reg[CPUID_EDX] = level->reg[CPUID_EDX];
	}
}
