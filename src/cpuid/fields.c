/* SPDX-License-Identifier: MIT */
#include "cpuid/fields.h"

static const struct cpuid_field fields[] = {
#include "cpuid/fields.inc"
};

static const struct leaf {
	uint32_t leaf;
	int subleaf; /* -1: the leaf as a whole */
	bool has_subleaves;
	char title[64];
} leaves[] = {
#include "cpuid/leaves.inc"
};

const struct cpuid_field *cpuid_fields(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(fields);
	return fields;
}

/* The first row that is not before (leaf, subleaf). */
static size_t lower_bound(uint32_t leaf, int64_t subleaf)
{
	size_t low = 0, high = ARRAY_SIZE(fields);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct cpuid_field *f = &fields[middle];
		if (f->leaf < leaf || (f->leaf == leaf && f->subleaf < subleaf))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct cpuid_field *rows_of(uint32_t leaf, int64_t subleaf, size_t *ret_count)
{
	size_t first = lower_bound(leaf, subleaf);
	*ret_count = lower_bound(leaf, subleaf + 1) - first;
	return *ret_count ? &fields[first] : NULL;
}

const struct cpuid_field *cpuid_fields_of(uint32_t leaf, uint32_t subleaf, size_t *ret_count)
{
	const struct cpuid_field *own = rows_of(leaf, subleaf, ret_count);
	return own ? own : rows_of(leaf, -1, ret_count);
}

const struct cpuid_field *cpuid_field_find(
	uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, unsigned bit)
{
	size_t count;
	const struct cpuid_field *f = cpuid_fields_of(leaf, subleaf, &count);
	for (size_t i = 0; i < count; i++) {
		if (f[i].reg == reg && f[i].low <= bit && bit <= f[i].high)
			return &f[i];
	}
	return NULL;
}

/* The row of a leaf and subleaf (-1: as a whole), or NULL. There are some 70 rows. */
static const struct leaf *find_leaf(uint32_t leaf, int64_t subleaf)
{
	for (size_t i = 0; i < ARRAY_SIZE(leaves) && leaves[i].leaf <= leaf; i++) {
		if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
			return &leaves[i];
	}
	return NULL;
}

const char *cpuid_leaf_title(uint32_t leaf, uint32_t subleaf)
{
	const struct leaf *found = find_leaf(leaf, subleaf);
	if (!found)
		found = find_leaf(leaf, -1);
	return found ? found->title : NULL;
}

bool cpuid_leaf_has_subleaves(uint32_t leaf)
{
	const struct leaf *found = find_leaf(leaf, -1);
	return found && found->has_subleaves;
}

const char *cpuid_reg_name(enum cpuid_reg reg)
{
	static const char names[4][4] = { "eax", "ebx", "ecx", "edx" };
	return names[reg];
}
