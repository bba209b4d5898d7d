#include "cpuid/topology.h"

#include <errno.h>

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;
	while ((1u << bits) < n)
		bits++;
	return bits;
}

struct cpu_topology cpu_topology_make(unsigned sockets, unsigned cores, unsigned threads)
{
	struct cpu_topology t = { .sockets = sockets, .cores = cores, .threads = threads };
	t.core_shift = bits_for(threads);
	t.package_shift = t.core_shift + bits_for(cores);
	return t;
}

struct cpu_place cpu_topology_place(const struct cpu_topology *t, unsigned i)
{
	struct cpu_place p;
	p.thread = i % t->threads;
	p.core = i / t->threads % t->cores;
	p.socket = i / t->threads / t->cores;
	p.apic_id = (p.socket << t->package_shift) | (p.core << t->core_shift) | p.thread;
	return p;
}

static uint32_t set_field(uint32_t reg, unsigned low, unsigned width, uint32_t value)
{
	uint32_t mask = (uint32_t)bit_mask(width);
	return (reg & ~(mask << low)) | (value > mask ? mask : value) << low;
}

/* Leaf 1: initial APIC ID, addressable IDs per package, HTT (SDM vol. 2, CPUID, leaf 01H). */
static void apply_leaf_1(
	const struct cpu_topology *t, const struct cpu_place *p, struct cpuid_table *table)
{
	struct cpuid_entry *e = cpuid_find(table, 1, 0);
	if (!e)
		return;
	uint32_t *ebx = &e->reg[CPUID_EBX];
	bool several = t->cores * t->threads > 1;
	*ebx = set_field(*ebx, 24, 8, p->apic_id & 0xff);
	*ebx = set_field(*ebx, 16, 8, several ? 1u << t->package_shift : 1);
	e->reg[CPUID_EDX] = set_field(e->reg[CPUID_EDX], 28, 1, several);
}

/* Leaves 4 and 0x8000001D: who shares each cache. Levels 1 and 2 are a core's, 3 and up a socket's.
 */
static void apply_caches(const struct cpu_topology *t, struct cpuid_table *table, uint32_t leaf)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		struct cpuid_entry *e = &table->entries[i];
		if (e->leaf != leaf || (e->reg[CPUID_EAX] & 0x1f) == 0)
			continue;
		uint32_t *eax = &e->reg[CPUID_EAX];
		unsigned level = *eax >> 5 & 7;
		unsigned threads_in_package = t->cores * t->threads;
		/* Intel counts addressable IDs (a power of two), AMD the threads themselves. */
		uint32_t sharing = level >= 3 ? 1u << t->package_shift : 1u << t->core_shift;
		if (leaf == 0x8000001d)
			sharing = level >= 3 ? threads_in_package : t->threads;
		*eax = set_field(*eax, 14, 12, sharing - 1);
		if (leaf == 4)
			*eax = set_field(
				*eax, 26, 6, (1u << (t->package_shift - t->core_shift)) - 1);
	}
}

/* Leaves 0xB and 0x1F: x2APIC ID and the shifts (SDM vol. 2, CPUID, leaves 0BH and 1FH). */
static int apply_extended(const struct cpu_topology *t, const struct cpu_place *p,
	struct cpuid_table *table, uint32_t leaf, struct err *e)
{
	const struct {
		uint32_t shift, count, type;
	} levels[3] = {
		{ t->core_shift, t->threads, 1 },
		{ t->package_shift, t->threads * t->cores, 2 },
		{ 0, 0, 0 },
	};
	cpuid_remove_leaf(table, leaf);
	for (uint32_t i = 0; i < ARRAY_SIZE(levels); i++) {
		struct cpuid_entry *entry = cpuid_put(table, leaf, i, true);
		if (!entry)
			return err_set(e, -E2BIG, "CPUID table is full at leaf %#x", leaf);
		entry->reg[CPUID_EAX] = levels[i].shift;
		entry->reg[CPUID_EBX] = levels[i].count;
		entry->reg[CPUID_ECX] = i | levels[i].type << 8;
		entry->reg[CPUID_EDX] = p->apic_id;
	}
	return 0;
}

/* APM vol. 3, appendix E: Fn8000_0001 ECX, Fn8000_0008 ECX, Fn8000_001E. */
static void apply_amd(
	const struct cpu_topology *t, const struct cpu_place *p, struct cpuid_table *table)
{
	struct cpuid_entry *e = cpuid_find(table, 0x80000001, 0);
	unsigned threads_in_package = t->cores * t->threads;
	if (e) /* CmpLegacy */
		e->reg[CPUID_ECX] = set_field(e->reg[CPUID_ECX], 1, 1, threads_in_package > 1);
	e = cpuid_find(table, 0x80000008, 0);
	if (e) {
		uint32_t *ecx = &e->reg[CPUID_ECX];
		*ecx = set_field(*ecx, 0, 8, threads_in_package - 1);
		*ecx = set_field(*ecx, 12, 4, t->package_shift);
	}
	e = cpuid_find(table, 0x8000001e, 0);
	if (e) {
		e->reg[CPUID_EAX] = p->apic_id;
		e->reg[CPUID_EBX] = (t->threads - 1) << 8 | (p->core & 0xff);
		e->reg[CPUID_ECX] = p->socket & 0xff; /* one node a socket */
		e->reg[CPUID_EDX] = 0;
	}
}

int cpu_topology_apply(const struct cpu_topology *t, const struct cpu_place *place,
	struct cpuid_table *table, struct err *e)
{
	uint32_t max_leaf = cpuid_value(table, 0, 0, CPUID_EAX);
	apply_leaf_1(t, place, table);
	apply_caches(t, table, 4);
	apply_caches(t, table, 0x8000001d);
	if (cpuid_vendor(table) == CPUID_VENDOR_AMD)
		apply_amd(t, place, table);
	int rc = 0;
	if (max_leaf >= 0xb)
		rc = apply_extended(t, place, table, 0xb, e);
	if (rc == 0 && max_leaf >= 0x1f)
		rc = apply_extended(t, place, table, 0x1f, e);
	return rc;
}
