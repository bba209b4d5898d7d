/* SPDX-License-Identifier: MIT */
#include "cpuid/cpuid.h"

#include <string.h>

const struct cpuid_entry *cpuid_get(
	const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *entry = &table->entries[i];
		if (entry->leaf == leaf && (!entry->subleaf_matters || entry->subleaf == subleaf))
			return entry;
	}
	return NULL;
}

struct cpuid_entry *cpuid_find(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	const struct cpuid_entry *entry = cpuid_get(table, leaf, subleaf);
	return entry ? &table->entries[entry - table->entries] : NULL;
}

uint32_t cpuid_value(
	const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	const struct cpuid_entry *entry = cpuid_get(table, leaf, subleaf);
	return entry ? entry->reg[reg] : 0;
}

struct cpuid_entry *cpuid_put(
	struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, bool subleaf_matters)
{
	struct cpuid_entry *entry = cpuid_find(table, leaf, subleaf);
	if (entry)
		return entry;
	if (table->nr_entries == CPUID_MAX_ENTRIES)
		return NULL;
	entry = &table->entries[table->nr_entries++];
	*entry = (struct cpuid_entry){
		.leaf = leaf, .subleaf = subleaf, .subleaf_matters = subleaf_matters
	};
	return entry;
}

void cpuid_remove_leaf(struct cpuid_table *table, uint32_t leaf)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < table->nr_entries; i++) {
		if (table->entries[i].leaf != leaf)
			table->entries[kept++] = table->entries[i];
	}
	table->nr_entries = kept;
}

enum cpuid_vendor cpuid_vendor(const struct cpuid_table *table)
{
	static const struct {
		char name[13];
		enum cpuid_vendor vendor;
	} names[] = {
		{ "GenuineIntel", CPUID_VENDOR_INTEL },
		{ "AuthenticAMD", CPUID_VENDOR_AMD },
		{ "HygonGenuine", CPUID_VENDOR_AMD },
	};
	const struct cpuid_entry *entry = cpuid_get(table, 0, 0);
	if (!entry)
		return CPUID_VENDOR_OTHER;
	/* The name is in EBX, EDX, ECX, in that order. */
	const uint32_t words[3] = { entry->reg[CPUID_EBX], entry->reg[CPUID_EDX],
		entry->reg[CPUID_ECX] };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (memcmp(names[i].name, words, sizeof(words)) == 0)
			return names[i].vendor;
	}
	return CPUID_VENDOR_OTHER;
}

const char *cpuid_vendor_id(const char *name)
{
	static const struct {
		const char *name, *id;
	} vendors[] = {
		{ "intel", "GenuineIntel" },
		{ "amd", "AuthenticAMD" },
		{ "hygon", "HygonGenuine" },
		{ "zhaoxin", "  Shanghai  " },
		{ "centaur", "CentaurHauls" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (strcmp(vendors[i].name, name) == 0)
			return vendors[i].id;
	}
	return name;
}

bool cpuid_has_vmx(const struct cpuid_table *table)
{
	return cpuid_value(table, 1, 0, CPUID_ECX) >> 5 & 1;
}

bool cpuid_has_svm(const struct cpuid_table *table)
{
	return cpuid_value(table, 0x80000001, 0, CPUID_ECX) >> 2 & 1;
}

unsigned cpuid_phys_bits(const struct cpuid_table *table)
{
	const uint32_t pae = 1u << 6, pse36 = 1u << 17;
	unsigned bits = cpuid_value(table, 0x80000008, 0, CPUID_EAX) & 0xff;
	if (bits)
		return bits;
	/* SDM vol. 3, "Enumeration of paging features by CPUID"; of PSE-36, section 4.3. */
	return cpuid_value(table, 1, 0, CPUID_EDX) & (pae | pse36) ? 36 : 32;
}
