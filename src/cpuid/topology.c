/* SPDX-License-Identifier: MIT */
#include "cpuid/topology.h"

#include <errno.h>

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;
	while ((1u << bits) < n)
		bits++;
	return bits;
}

struct cpu_topology cpu_topology_make(
	unsigned sockets, unsigned dies, unsigned cores, unsigned threads)
{
	struct cpu_topology t = {
		.sockets = sockets, .dies = dies, .cores = cores, .threads = threads
	};
	t.core_shift = bits_for(threads);
	t.die_shift = t.core_shift + bits_for(cores);
	t.package_shift = t.die_shift + bits_for(dies);
	return t;
}

struct cpu_place cpu_topology_place(const struct cpu_topology *t, unsigned i)
{
	struct cpu_place p;
	p.thread = i % t->threads;
	p.core = i / t->threads % t->cores;
	p.die = i / t->threads / t->cores % t->dies;
	p.socket = i / t->threads / t->cores / t->dies;
	p.apic_id = (p.socket << t->package_shift) | (p.die << t->die_shift) |
		    (p.core << t->core_shift) | p.thread;
	return p;
}

static unsigned threads_in_package(const struct cpu_topology *t)
{
	return t->dies * t->cores * t->threads;
}

/* A field of width bits at low; a value that does not fit becomes the largest. */
static void set_field(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg,
	unsigned low, unsigned width, uint32_t value)
{
	uint32_t mask = (uint32_t)bit_mask(width);
	cpu_edit_bits(edit, leaf, subleaf, reg, mask << low, (value > mask ? mask : value) << low);
}

/* Leaf 1: initial APIC ID, addressable IDs per package, HTT (SDM vol. 2, CPUID, leaf 01H). */
static void apply_leaf_1(
	const struct cpu_topology *t, const struct cpu_place *p, struct cpu_edit *edit)
{
	if (!cpuid_get(edit->table, 1, 0))
		return;
	bool several = threads_in_package(t) > 1;
	set_field(edit, 1, 0, CPUID_EBX, 24, 8, p->apic_id & 0xff);
	set_field(edit, 1, 0, CPUID_EBX, 16, 8, several ? 1u << t->package_shift : 1);
	set_field(edit, 1, 0, CPUID_EDX, 28, 1, several);
}

/* Leaves 4 and 0x8000001D: who shares each cache. Levels 1 and 2 are a core's, 3 and up a die's. */
static void apply_caches(const struct cpu_topology *t, struct cpu_edit *edit, uint32_t leaf)
{
	for (unsigned i = 0; i < edit->table->nr_entries; i++) {
		const struct cpuid_entry *e = &edit->table->entries[i];
		uint32_t eax = e->reg[CPUID_EAX], subleaf = e->subleaf;
		if (e->leaf != leaf || (eax & 0x1f) == 0)
			continue;
		bool shared = (eax >> 5 & 7) >= 3;
		/* Intel counts addressable IDs (a power of two), AMD the threads themselves. */
		uint32_t sharing = shared ? 1u << t->die_shift : 1u << t->core_shift;
		if (leaf == 0x8000001d)
			sharing = shared ? t->cores * t->threads : t->threads;
		set_field(edit, leaf, subleaf, CPUID_EAX, 14, 12, sharing - 1);
		if (leaf == 4)
			set_field(edit, leaf, subleaf, CPUID_EAX, 26, 6,
				(1u << (t->package_shift - t->core_shift)) - 1);
	}
}

enum level_type { LEVEL_END, LEVEL_SMT, LEVEL_CORE, LEVEL_DIE = 5 };

/* Leaves 0xB and 0x1F: x2APIC ID and the shifts (SDM vol. 2, CPUID, leaves 0BH and 1FH). Leaf 0xB
 * knows no dies: there a core level spans the package. */
static void apply_extended(const struct cpu_topology *t, const struct cpu_place *p,
	struct cpu_edit *edit, uint32_t leaf)
{
	bool dies = leaf == 0x1f && t->dies > 1;
	const struct {
		uint32_t shift, count, type;
	} levels[] = {
		{ t->core_shift, t->threads, LEVEL_SMT },
		{ dies ? t->die_shift : t->package_shift,
			dies ? t->threads * t->cores : threads_in_package(t), LEVEL_CORE },
		{ dies ? t->package_shift : 0, dies ? threads_in_package(t) : 0,
			dies ? LEVEL_DIE : LEVEL_END },
		{ 0, 0, LEVEL_END },
	};
	uint32_t n = dies ? 4 : 3;
	if (cpuid_get(edit->table, leaf, 0))
		cpu_edit_remove(edit, leaf);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t reg[4] = { levels[i].shift, levels[i].count, i | levels[i].type << 8,
			p->apic_id };
		if (!cpuid_put(edit->table, leaf, i, true))
			edit->full = true;
		cpu_edit_regs(edit, leaf, i, reg);
	}
}

/* APM vol. 3, appendix E: Fn8000_0001 ECX, Fn8000_0008 ECX, Fn8000_001E. */
static void apply_amd(
	const struct cpu_topology *t, const struct cpu_place *p, struct cpu_edit *edit)
{
	bool topoext = cpuid_value(edit->table, 0x80000001, 0, CPUID_ECX) >> 22 & 1;
	if (cpuid_get(edit->table, 0x80000001, 0)) /* CmpLegacy */
		set_field(edit, 0x80000001, 0, CPUID_ECX, 1, 1, threads_in_package(t) > 1);
	if (cpuid_get(edit->table, 0x80000008, 0)) {
		set_field(edit, 0x80000008, 0, CPUID_ECX, 0, 8, threads_in_package(t) - 1);
		set_field(edit, 0x80000008, 0, CPUID_ECX, 12, 4, t->package_shift);
	}
	if (topoext || cpuid_get(edit->table, 0x8000001e, 0)) {
		uint32_t node = p->socket * t->dies + p->die;
		const uint32_t reg[4] = {
			p->apic_id,
			(t->threads - 1) << 8 | ((p->die * t->cores + p->core) & 0xff),
			(node & 0xff) | (t->dies > 8 ? 7u : t->dies - 1) << 8,
			0,
		};
		cpu_edit_regs(edit, 0x8000001e, 0, reg);
	}
}

int cpu_topology_apply(const struct cpu_topology *t, const struct cpu_place *place,
	struct cpu_edit *edit, struct err *e)
{
	uint32_t max_leaf = cpuid_value(edit->table, 0, 0, CPUID_EAX);
	apply_leaf_1(t, place, edit);
	apply_caches(t, edit, 4);
	apply_caches(t, edit, 0x8000001d);
	if (cpuid_vendor(edit->table) == CPUID_VENDOR_AMD)
		apply_amd(t, place, edit);
	else if (cpuid_get(edit->table, 0x80000001, 0)) /* CmpLegacy is AMD's */
		set_field(edit, 0x80000001, 0, CPUID_ECX, 1, 1, 0);
	if (max_leaf >= 0xb)
		apply_extended(t, place, edit, 0xb);
	if (max_leaf >= 0x1f)
		apply_extended(t, place, edit, 0x1f);
	if (edit->full)
		return err_set(e, -E2BIG, "the CPUID table of a vCPU has more than %d entries",
			CPUID_MAX_ENTRIES);
	return 0;
}
