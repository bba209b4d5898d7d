/* SPDX-License-Identifier: MIT */
#include "formats/firecracker_guest.h"

#include "cpuid/engine.h"
#include "formats/input.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define MAX_VCPUS_SHIFT 5 /* MAX_SUPPORTED_VCPUS is 32 */
#define LEAF_CACHES 0x4u
#define LEAF_TOPOLOGY 0xbu
#define LEAF_TOPOLOGY_V2 0x1fu
#define LEAF_AMD_CACHES 0x8000001du
#define LEAF_AMD_IDS 0x8000001eu

uint32_t firecracker_own_bits(
	enum cpuid_vendor vendor, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	static const struct {
		enum cpuid_vendor vendor; /* OTHER: any */
		uint32_t leaf;
		int subleaf; /* -1: any */
		uint32_t reg[4];
	} own[] = {
		{ CPUID_VENDOR_OTHER, 0, -1, { 0, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 1, -1, { 0, 0xffffff00, 0x81008000, 0x10000000 } },
		{ CPUID_VENDOR_OTHER, LEAF_TOPOLOGY, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 0x80000002, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 0x80000003, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 0x80000004, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 0x80000005, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_OTHER, 0x80000006, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_INTEL, LEAF_CACHES, -1, { 0xffffc000, 0, 0, 0 } },
		{ CPUID_VENDOR_INTEL, 6, -1, { 0x2, 0, 0x8, 0 } },
		{ CPUID_VENDOR_INTEL, 7, 0, { 0, 0x2040, 0x20, 0 } },
		{ CPUID_VENDOR_INTEL, 0xa, -1, { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_INTEL, LEAF_TOPOLOGY_V2, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_AMD, 7, 0, { 0, 0, 0, 0x20000000 } },
		{ CPUID_VENDOR_AMD, 0x80000000, -1, { UINT32_MAX, 0, 0, 0 } },
		{ CPUID_VENDOR_AMD, 0x80000001, -1, { 0, 0, 0x400000, 0 } },
		{ CPUID_VENDOR_AMD, 0x80000008, -1, { 0, 0, 0xf0ff, 0 } },
		{ CPUID_VENDOR_AMD, LEAF_AMD_CACHES, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
		{ CPUID_VENDOR_AMD, LEAF_AMD_IDS, -1,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
	};
	uint32_t bits = 0;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if ((own[i].vendor == CPUID_VENDOR_OTHER || own[i].vendor == vendor) &&
			own[i].leaf == leaf &&
			(own[i].subleaf < 0 || (uint32_t)own[i].subleaf == subleaf))
			bits |= own[i].reg[reg];
	}
	return bits;
}

static void set_bits(struct cpuid_entry *e, enum cpuid_reg reg, uint32_t mask, uint32_t value)
{
	if (e)
		e->reg[reg] = (e->reg[reg] & ~mask) | (value & mask);
}

/* All that the table of own bits names, to what they become; of several entries each. */
static void set_leaf_1(struct cpuid_table *t, unsigned vcpus)
{
	struct cpuid_entry *e = cpuid_find(t, 1, 0);
	uint32_t package = 1;
	while (package < vcpus)
		package *= 2;
	set_bits(e, CPUID_EBX, 0xffffff00, 8 << 8 | package << 16);
	set_bits(e, CPUID_ECX, 0x81008000, 0x81000000);
	set_bits(e, CPUID_EDX, 0x10000000, vcpus > 1 ? UINT32_MAX : 0);
}

static int set_topology(struct cpuid_table *t, unsigned vcpus, bool v2)
{
	struct cpuid_entry *core = cpuid_put(t, LEAF_TOPOLOGY, 1, true);
	if (!core)
		return -E2BIG;
	bool has_v2 = cpuid_get(t, LEAF_TOPOLOGY_V2, 0) != NULL;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		struct cpuid_entry *e = &t->entries[i];
		if (e->leaf != LEAF_TOPOLOGY)
			continue;
		e->reg[CPUID_EAX] = e->subleaf == 1 ? MAX_VCPUS_SHIFT : 0;
		e->reg[CPUID_EBX] = e->subleaf == 0 ? 1 : e->subleaf == 1 ? vcpus : 0;
		e->reg[CPUID_ECX] = e->subleaf == 0   ? 1 << 8
				    : e->subleaf == 1 ? 2 << 8 | 1
						      : e->subleaf;
		e->reg[CPUID_EDX] = 0;
	}
	for (uint32_t i = 0; v2 && has_v2 && i < 2; i++) {
		const struct cpuid_entry *from = cpuid_get(t, LEAF_TOPOLOGY, i);
		uint32_t reg[4] = { 0 };
		if (from)
			(void)memcpy(reg, from->reg, sizeof(reg));
		struct cpuid_entry *to = cpuid_put(t, LEAF_TOPOLOGY_V2, i, true);
		if (!to)
			return -E2BIG;
		(void)memcpy(to->reg, reg, sizeof(reg));
	}
	return 0;
}

/* Who shares caches: levels 1 and 2 a core's threads, which are one here, 3 all. */
static void set_sharing(struct cpuid_table *t, uint32_t leaf, unsigned vcpus)
{
	for (unsigned i = 0; i < t->nr_entries; i++) {
		struct cpuid_entry *e = &t->entries[i];
		if (e->leaf != leaf || !(e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]))
			continue;
		uint32_t level = e->reg[CPUID_EAX] >> 5 & 7;
		if (level >= 1 && level <= 3)
			set_bits(e, CPUID_EAX, 0x03ffc000, (level == 3 ? vcpus - 1 : 0) << 14);
		if (leaf == LEAF_CACHES)
			set_bits(e, CPUID_EAX, 0xfc000000, (vcpus - 1) << 26);
	}
}

/* The processor's own brand string, where KVM does not pass it on. */
static void brand_of(const struct host_facts *host, char ret_brand[49])
{
	(void)memcpy(ret_brand, host->brand, 48);
	ret_brand[48] = '\0';
}

static void set_brand(struct cpuid_table *t, const char *brand)
{
	char bytes[48] = { 0 };
	(void)memcpy(bytes, brand, strnlen(brand, sizeof(bytes)));
	for (uint32_t i = 0; i < 3; i++) {
		struct cpuid_entry *e = cpuid_find(t, 0x80000002 + i, 0);
		if (e)
			(void)memcpy(e->reg, bytes + 16 * i, 16);
	}
}

/* "Intel(R) Xeon(R) Processor @ 3.00GHz", with the host's frequency. */
static void set_intel_brand(struct cpuid_table *t, const struct host_facts *host)
{
	char brand[49], made[64] = "Intel(R) Xeon(R) Processor";
	brand_of(host, brand);
	const char *unit = strstr(brand, "Hz"), *at = unit;
	while (at && at > brand && at[-1] != ' ')
		at--;
	if (unit && at > brand)
		(void)snprintf(made, sizeof(made), "Intel(R) Xeon(R) Processor @ %.*s",
			(int)(unit + 2 - at), at);
	set_brand(t, made);
}

static int normalize(struct cpuid_table *t, const struct host_facts *host, unsigned vcpus)
{
	enum cpuid_vendor vendor = cpuid_vendor(&host->supported);
	const struct cpuid_entry *id = cpuid_get(&host->supported, 0, 0);
	struct cpuid_entry *e = cpuid_find(t, 0, 0);
	for (unsigned reg = 1; id && e && reg < 4; reg++)
		e->reg[reg] = id->reg[reg];
	set_leaf_1(t, vcpus);
	int rc = set_topology(t, vcpus, vendor == CPUID_VENDOR_INTEL);
	if (rc)
		return rc;
	set_bits(cpuid_find(t, 0x80000006, 0), CPUID_EDX, 0x30000, 0);
	if (vendor == CPUID_VENDOR_INTEL) {
		set_sharing(t, LEAF_CACHES, vcpus);
		e = cpuid_find(t, 6, 0);
		set_bits(e, CPUID_EAX, 0x2, 0);
		set_bits(e, CPUID_ECX, 0x8, 0);
		e = cpuid_find(t, 7, 0);
		set_bits(e, CPUID_EBX, 0x2040, UINT32_MAX);
		set_bits(e, CPUID_ECX, 0x20, 0);
		e = cpuid_find(t, 0xa, 0);
		if (e)
			(void)memset(e->reg, 0, sizeof(e->reg));
		set_intel_brand(t, host);
		return 0;
	}
	set_bits(cpuid_find(t, 7, 0), CPUID_EDX, 0x20000000, 0);
	set_bits(cpuid_find(t, 0x80000000, 0), CPUID_EAX, UINT32_MAX, 0x8000001f);
	set_bits(cpuid_find(t, 0x80000001, 0), CPUID_ECX, 0x400000, UINT32_MAX);
	set_bits(cpuid_find(t, 0x80000008, 0), CPUID_ECX, 0xf0ff, 7 << 12 | (vcpus - 1));
	set_sharing(t, LEAF_AMD_CACHES, vcpus);
	e = cpuid_put(t, LEAF_AMD_IDS, 0, false);
	if (!e)
		return -E2BIG;
	set_bits(e, CPUID_EAX, UINT32_MAX, 0);
	set_bits(e, CPUID_EBX, 0xffff, 0);
	set_bits(e, CPUID_ECX, 0x7ff, 0);
	set_brand(t, "AMD EPYC");
	return 0;
}

struct guest {
	const struct host_facts *host;
	struct cpuid_table *table;
	struct msr_value *msrs;
	unsigned nr_msrs;
	struct err *e;
};

static int fail(struct guest *g)
{
	return err_set_config(g->e, -EINVAL, "not a CPU template of Firecracker's");
}

static bool take_number(json_t *object, const char *member, uint64_t *ret_value)
{
	json_t *v = json_object_get(object, member);
	const char *text = json_string_value(v);
	return text && input_number(text, json_string_length(v), UINT32_MAX, ret_value) == 0;
}

static int apply_leaf(struct guest *g, json_t *modifier)
{
	static const char *const names[] = { "eax", "ebx", "ecx", "edx" };
	uint64_t leaf = 0, subleaf = 0;
	if (!take_number(modifier, "leaf", &leaf) || !take_number(modifier, "subleaf", &subleaf))
		return fail(g);
	struct cpuid_entry *e = cpuid_find(g->table, (uint32_t)leaf, (uint32_t)subleaf);
	if (!e || e->subleaf != subleaf)
		return err_set(g->e, -ENOTSUP,
			"the template changes leaf %#" PRIx64 ".%#" PRIx64
			", which the host's KVM has not",
			leaf, subleaf);
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(modifier, "modifiers"), i, v)
	{
		const char *name = json_string_value(json_object_get(v, "register"));
		const char *bitmap = json_string_value(json_object_get(v, "bitmap"));
		uint64_t set = 0, clear = 0;
		unsigned reg = 0;
		while (name && reg < 4 && strcmp(names[reg], name) != 0)
			reg++;
		if (!name || reg == 4 || !bitmap || input_bitmap(bitmap, 32, &set, &clear))
			return fail(g);
		e->reg[reg] = (e->reg[reg] & ~(uint32_t)clear) | (uint32_t)set;
	}
	return 0;
}

static int apply_msr(struct guest *g, json_t *modifier)
{
	const char *bitmap = json_string_value(json_object_get(modifier, "bitmap"));
	uint64_t index = 0, set = 0, clear = 0, value = 0;
	if (!take_number(modifier, "addr", &index) || !bitmap ||
		input_bitmap(bitmap, 64, &set, &clear) || g->nr_msrs == FIRECRACKER_MAX_MSRS)
		return fail(g);
	(void)host_feature_msr(g->host, (uint32_t)index, &value);
	g->msrs[g->nr_msrs++] = (struct msr_value){ (uint32_t)index, (value & ~clear) | set };
	return 0;
}

int firecracker_guest(const char *text, size_t n, const struct host_facts *host, unsigned vcpus,
	struct cpuid_table *ret_table, struct msr_value *ret_msrs, unsigned *ret_nr_msrs,
	struct err *e)
{
	struct guest g = { .host = host, .table = ret_table, .msrs = ret_msrs, .e = e };
	json_error_t error;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error), *v;
	size_t i;
	int rc = root ? 0 : fail(&g);
	*ret_table = host->supported;
	json_array_foreach(json_object_get(root, "cpuid_modifiers"), i, v)
	{
		if (rc == 0)
			rc = apply_leaf(&g, v);
	}
	json_array_foreach(json_object_get(root, "msr_modifiers"), i, v)
	{
		if (rc == 0)
			rc = apply_msr(&g, v);
	}
	json_decref(root);
	if (rc == 0 && normalize(ret_table, host, vcpus))
		rc = err_set(
			e, -E2BIG, "the CPUID table has more than %d entries", CPUID_MAX_ENTRIES);
	*ret_nr_msrs = g.nr_msrs;
	return rc;
}
