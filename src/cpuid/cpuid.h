/* SPDX-License-Identifier: MIT */
/*
 * CPUID tables as values, and what each vCPU of a VM sees. Pure: the host's capability is an input,
 * no CPUID instruction is run, no ioctl made, so any host is computed on any machine.
 */
#ifndef NESTOR_CPUID_CPUID_H
#define NESTOR_CPUID_CPUID_H

#include "base/err.h"
#include "base/types.h"

#define CPUID_MAX_ENTRIES 256

enum cpuid_reg { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

struct cpuid_entry {
	uint32_t leaf, subleaf;
	bool subleaf_matters; /* false: the answer is the same for any ECX */
	uint32_t reg[4];      /* by enum cpuid_reg */
};

struct cpuid_table {
	struct cpuid_entry entries[CPUID_MAX_ENTRIES];
	unsigned nr_entries;
};

enum cpuid_vendor { CPUID_VENDOR_OTHER, CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };

/* The entry for (leaf, subleaf), or NULL. An entry whose subleaf does not matter fits any. */
struct cpuid_entry *cpuid_find(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf);
const struct cpuid_entry *cpuid_get(
	const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf);

/* One register of an entry; 0 where the table has no such entry. */
uint32_t cpuid_value(
	const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg);

/* Adds an all-zero entry, or returns the one that is there; NULL where the table is full. */
struct cpuid_entry *cpuid_put(
	struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, bool subleaf_matters);

/* Removes all entries of a leaf. */
void cpuid_remove_leaf(struct cpuid_table *table, uint32_t leaf);

/* From leaf 0; Hygon, which is an AMD design with SVM, counts as AMD. */
enum cpuid_vendor cpuid_vendor(const struct cpuid_table *table);

/* "GenuineIntel" for "intel", and so on (amd, hygon, zhaoxin, centaur); anything else as it is. */
const char *cpuid_vendor_id(const char *name);

bool cpuid_has_vmx(const struct cpuid_table *table); /* leaf 1 ECX bit 5 */
bool cpuid_has_svm(const struct cpuid_table *table); /* leaf 0x80000001 ECX bit 2 */

/* Physical address width, bits (leaf 0x80000008 EAX 7:0); 36 where the leaf is absent. */
unsigned cpuid_phys_bits(const struct cpuid_table *table);

#endif
