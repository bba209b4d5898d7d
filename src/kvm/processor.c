/* SPDX-License-Identifier: MIT */
/* The processor itself, by the CPUID instruction: where KVM's table is silent, and for people who
 * compare. Leaves by SDM vol. 2, CPUID, and APM vol. 3, appendix E. */
#include "kvm/internal.h"

#include "cpuid/nestor_leaf.h"

#include <cpuid.h>

#define MAX_LEAVES 0x100 /* of one range: hostile hypervisors below are bounded, too */
#define MAX_SUBLEAVES 64

/* How a leaf says where its subleaves end. */
enum subleaves {
	SUBLEAVES_MAX_IN_EAX,    /* EAX of subleaf 0 is the last */
	SUBLEAVES_CACHE,         /* until EAX 4:0 is 0 */
	SUBLEAVES_LEVELS,        /* until ECX 15:8 is 0 */
	SUBLEAVES_XSAVE,         /* 0, 1, and the components that these name */
	SUBLEAVES_BITMAP_IN_EAX, /* EAX of subleaf 0 has a bit for each */
	SUBLEAVES_SECTIONS,      /* from 2 on, until EAX 3:0 is 0 */
	SUBLEAVES_TWO,           /* 0 and 1 */
	SUBLEAVES_FOUR,          /* 0 to 3 */
};

static const struct {
	uint32_t leaf;
	enum subleaves how;
} with_subleaves[] = {
	{ 0x4, SUBLEAVES_CACHE },
	{ 0x7, SUBLEAVES_MAX_IN_EAX },
	{ 0xb, SUBLEAVES_LEVELS },
	{ 0xd, SUBLEAVES_XSAVE },
	{ 0xf, SUBLEAVES_TWO },
	{ 0x10, SUBLEAVES_FOUR },
	{ 0x12, SUBLEAVES_SECTIONS },
	{ 0x14, SUBLEAVES_MAX_IN_EAX },
	{ 0x17, SUBLEAVES_MAX_IN_EAX },
	{ 0x18, SUBLEAVES_MAX_IN_EAX },
	{ 0x1d, SUBLEAVES_MAX_IN_EAX },
	{ 0x1e, SUBLEAVES_MAX_IN_EAX },
	{ 0x1f, SUBLEAVES_LEVELS },
	{ 0x20, SUBLEAVES_MAX_IN_EAX },
	{ 0x23, SUBLEAVES_BITMAP_IN_EAX },
	{ 0x24, SUBLEAVES_MAX_IN_EAX },
	{ 0x8000001d, SUBLEAVES_CACHE },
	{ 0x80000020, SUBLEAVES_FOUR },
	{ 0x80000026, SUBLEAVES_LEVELS },
};

static void execute(uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	__cpuid_count(leaf, subleaf, reg[0], reg[1], reg[2], reg[3]);
}

/* Adds a subleaf; NULL where the table is full. */
static const struct cpuid_entry *add(
	struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, bool matters)
{
	struct cpuid_entry *e = cpuid_put(table, leaf, subleaf, matters);
	if (e)
		execute(leaf, subleaf, e->reg);
	return e;
}

/* The subleaves that the leaf has besides 0 and, for XSAVE and sections, 1: a bit each. */
static uint64_t listed_subleaves(enum subleaves how, const struct cpuid_entry *zero)
{
	uint32_t last = zero->reg[CPUID_EAX];
	switch (how) {
	case SUBLEAVES_MAX_IN_EAX:
		return bit_mask(last < MAX_SUBLEAVES ? last + 1 : MAX_SUBLEAVES);
	case SUBLEAVES_BITMAP_IN_EAX:
		return zero->reg[CPUID_EAX];
	case SUBLEAVES_XSAVE: {
		uint32_t one[4];
		execute(zero->leaf, 1, one);
		return 3 | zero->reg[CPUID_EAX] | (uint64_t)zero->reg[CPUID_EDX] << 32 |
		       one[CPUID_ECX] | (uint64_t)one[CPUID_EDX] << 32;
	}
	case SUBLEAVES_TWO:
		return 3;
	case SUBLEAVES_FOUR:
		return 0xf;
	case SUBLEAVES_CACHE:
	case SUBLEAVES_LEVELS:
	case SUBLEAVES_SECTIONS:
		return 0;
	}
	return 0;
}

/* Whether this subleaf is the end of a list that has one; the end is part of it. */
static bool ends_list(enum subleaves how, const struct cpuid_entry *e)
{
	switch (how) {
	case SUBLEAVES_CACHE:
		return (e->reg[CPUID_EAX] & 0x1f) == 0;
	case SUBLEAVES_LEVELS:
		return (e->reg[CPUID_ECX] & 0xff00) == 0;
	case SUBLEAVES_SECTIONS:
		return e->subleaf >= 2 && (e->reg[CPUID_EAX] & 0xf) == 0;
	case SUBLEAVES_MAX_IN_EAX:
	case SUBLEAVES_BITMAP_IN_EAX:
	case SUBLEAVES_XSAVE:
	case SUBLEAVES_TWO:
	case SUBLEAVES_FOUR:
		return true;
	}
	return true;
}

static void add_subleaves(struct cpuid_table *table, uint32_t leaf, enum subleaves how)
{
	const struct cpuid_entry *e = add(table, leaf, 0, true);
	uint64_t listed = e ? listed_subleaves(how, e) : 0;
	for (uint32_t i = 1; i < MAX_SUBLEAVES && listed >> i; i++) {
		if (listed >> i & 1)
			(void)add(table, leaf, i, true);
	}
	for (uint32_t i = 1; e && i < MAX_SUBLEAVES && !ends_list(how, e); i++)
		e = add(table, leaf, i, true);
}

static void add_leaf(struct cpuid_table *table, uint32_t leaf)
{
	for (size_t i = 0; i < ARRAY_SIZE(with_subleaves); i++) {
		if (with_subleaves[i].leaf == leaf) {
			add_subleaves(table, leaf, with_subleaves[i].how);
			return;
		}
	}
	(void)add(table, leaf, 0, false);
}

/* All leaves of a range, whose first says which is the last. */
static void add_range(struct cpuid_table *table, uint32_t first)
{
	uint32_t reg[4];
	execute(first, 0, reg);
	uint32_t last = reg[CPUID_EAX];
	if (last < first || last - first >= MAX_LEAVES)
		return;
	for (uint32_t leaf = first; leaf <= last; leaf++)
		add_leaf(table, leaf);
}

void kvm_processor_cpuid(struct cpuid_table *ret_table)
{
	ret_table->nr_entries = 0;
	add_range(ret_table, 0);
	/* In a VM: the hypervisor's own, at either of two places, and nestor's. Past the last basic
	 * leaf Intel repeats that one, which add_range takes for no range at all. */
	if (cpuid_value(ret_table, 1, 0, CPUID_ECX) >> 31) {
		add_range(ret_table, 0x40000000);
		add_range(ret_table, 0x40000100);
		add_range(ret_table, NESTOR_LEAF_SIGNATURE);
	}
	add_range(ret_table, 0x80000000);
	add_range(ret_table, 0xc0000000); /* Centaur and Zhaoxin */
}

/* SDM vol. 2, CPUID 0BH; APM vol. 3, Fn8000_001E. basic and extended are the last leaves. */
static unsigned threads_per_core(uint32_t basic, uint32_t extended)
{
	uint32_t reg[4];
	if (basic >= 0xb) {
		execute(0xb, 0, reg);
		if ((reg[CPUID_ECX] >> 8 & 0xff) == 1 && (reg[CPUID_EBX] & 0xffff) != 0)
			return reg[CPUID_EBX] & 0xffff;
	}
	if (extended >= 0x8000001e) {
		execute(0x80000001, 0, reg);
		if (reg[CPUID_ECX] >> 22 & 1) { /* TopologyExtensions */
			execute(0x8000001e, 0, reg);
			return (reg[CPUID_EBX] >> 8 & 0xff) + 1;
		}
	}
	return 0;
}

/* SDM vol. 2, CPUID 15H: crystal clock and ratio, where the processor says both. */
static unsigned tsc_khz(uint32_t basic)
{
	uint32_t reg[4];
	if (basic < 0x15)
		return 0;
	execute(0x15, 0, reg);
	if (reg[CPUID_EAX] == 0 || reg[CPUID_EBX] == 0)
		return 0;
	uint64_t hz = (uint64_t)reg[CPUID_ECX] * reg[CPUID_EBX] / reg[CPUID_EAX];
	return hz / 1000 <= UINT32_MAX ? (unsigned)(hz / 1000) : 0;
}

void kvm_processor_facts(struct host_facts *facts)
{
	/* Each CPUID costs microseconds where this host is a VM itself, and a VM's start may wait
	 * for these: hence so few. */
	uint32_t reg[4];
	execute(0, 0, reg);
	uint32_t basic = reg[CPUID_EAX];
	execute(0x80000000, 0, reg);
	uint32_t extended = reg[CPUID_EAX];
	if (extended < 0x80000000 || extended >= 0x80000000 + MAX_LEAVES)
		extended = 0; /* Intel's answer where there is none */
	for (uint32_t i = 0; i < 3 && extended >= 0x80000004; i++)
		execute(0x80000002 + i, 0, &facts->brand[4 * i]);
	facts->threads_per_core = threads_per_core(basic, extended);
	facts->tsc_khz = tsc_khz(basic);
	/* Whatever the hypervisor bit says, as the VM may be made to hide that. Past the last leaf
	 * there are zeros (AMD), or what the last basic leaf has (Intel): no signature. */
	execute(NESTOR_LEAF_SIGNATURE, 0, reg);
	facts->nesting_limited = nestor_leaf_is_signed(reg);
	if (facts->nesting_limited) {
		execute(NESTOR_LEAF_DEPTH, 0, reg);
		facts->nesting_depth = reg[CPUID_EAX];
	}
}
