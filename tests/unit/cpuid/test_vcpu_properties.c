/* SPDX-License-Identifier: MIT */
/* What holds of the tables of all vCPUs: their topology, and the trace that explains them. */
#include "properties.h"

#include "cpuid/fields.h"

#include <inttypes.h>
#include <stdlib.h>

#define CASES 2500
#define MAX_VCPUS 255

static unsigned nr_vcpus(const struct cpu_topology *t)
{
	return t->sockets * t->dies * t->cores * t->threads;
}

/* The trace, carried out: what it says that each bit is. */

#define MAX_REGISTERS 4096 /* a power of two */

struct replayed {
	struct replayed_register {
		bool used, is_msr;
		uint32_t leaf, subleaf;
		enum cpuid_reg reg;
		uint64_t value, decided;
	} registers[MAX_REGISTERS];
};

static struct replayed_register *find(
	struct replayed *r, bool is_msr, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	uint32_t hash = (leaf * 31 + subleaf * 7 + reg + is_msr) * UINT32_C(2654435761) >> 20;
	for (uint32_t i = 0; i < MAX_REGISTERS; i++) {
		struct replayed_register *at = &r->registers[(hash + i) % MAX_REGISTERS];
		if (at->used && at->is_msr == is_msr && at->leaf == leaf &&
			at->subleaf == subleaf && at->reg == reg)
			return at;
		if (!at->used) {
			at->is_msr = is_msr;
			at->leaf = leaf;
			at->subleaf = subleaf;
			at->reg = reg;
			return at;
		}
	}
	return NULL;
}

static bool is_rule(const char *id)
{
	size_t n = 0, nested = 0;
	const struct cpu_rule *rules = cpu_rules(&n);
	const struct nesting_rule *nesting = nesting_rules(&nested);
	for (size_t i = 0; id && i < n; i++) {
		if (strcmp(rules[i].id, id) == 0)
			return true;
	}
	for (size_t i = 0; id && i < nested; i++) {
		if (strcmp(nesting[i].id, id) == 0)
			return true;
	}
	return false;
}

static bool replay(struct property_case *c, struct replayed *r, size_t first)
{
	for (size_t i = first; i < c->trace.nr_decisions; i++) {
		const struct cpu_decision *d = &c->trace.decisions[i];
		if (!is_rule(d->rule))
			return property_fails(c, "leaf %#x is decided by %s, which is no rule",
				d->leaf, d->rule ? d->rule : "nothing");
		if (d->value & ~d->mask || d->mask == 0)
			return property_fails(
				c, "a decision of %s on bits that it does not own", d->rule);
		struct replayed_register *at = find(
			r, d->is_msr, d->leaf, d->is_msr ? 0 : d->subleaf, d->is_msr ? 0 : d->reg);
		if (!at)
			return property_fails(c, "too many registers for this test");
		at->used = true;
		at->value = (at->value & ~d->mask) | d->value;
		at->decided |= d->mask;
	}
	return true;
}

static bool explains_table(
	struct property_case *c, struct replayed *r, const struct cpuid_table *t, unsigned vcpu)
{
	for (unsigned i = 0; i < t->nr_entries * 4; i++) {
		const struct cpuid_entry *e = &t->entries[i / 4];
		enum cpuid_reg reg = (enum cpuid_reg)(i % 4);
		const struct replayed_register *at = find(r, false, e->leaf, e->subleaf, reg);
		uint64_t wrong = at ? at->value ^ e->reg[reg] : e->reg[reg];
		unsigned bit = wrong ? (unsigned)__builtin_ctzll(wrong) : 0;
		const struct cpu_decision *d = cpu_trace_find(&c->trace, c->trace.nr_decisions,
			false, e->leaf, e->subleaf, reg, wrong ? bit : i % 32);
		if (wrong)
			return property_fails(c,
				"vCPU %u: leaf %#x.%u %s bit %u is %u, but %s decided otherwise",
				vcpu, e->leaf, e->subleaf, cpuid_reg_name(reg), bit,
				e->reg[reg] >> bit & 1, d ? d->rule : "nothing");
		if (d ? (d->value ^ e->reg[reg]) >> i % 32 & 1 : e->reg[reg] >> i % 32 & 1)
			return property_fails(c,
				"vCPU %u: cpu_trace_find gives leaf %#x.%u %s bit %u to %s", vcpu,
				e->leaf, e->subleaf, cpuid_reg_name(reg), i % 32,
				d ? d->rule : "nothing");
	}
	return true;
}

/* Of the feature MSRs: what others hold at the start is firmware's, not a policy's. */
static bool explains_msrs(struct property_case *c, struct replayed *r)
{
	uint64_t value;
	for (unsigned i = 0; i < c->host.nr_feature_msrs; i++) {
		uint32_t msr = c->host.feature_msrs[i].index;
		if (!msr_policy_get(&c->result.msrs, msr, &value))
			continue;
		const struct replayed_register *at = find(r, true, msr, 0, 0);
		uint64_t said = at ? at->value : 0;
		if (said != value)
			return property_fails(c,
				"MSR %#x is %#" PRIx64 ", but was decided to be %#" PRIx64, msr,
				value, said);
	}
	return true;
}

static bool is_explained(struct property_case *c)
{
	static struct replayed shared, own;
	struct cpuid_table t;
	memset(&shared, 0, sizeof(shared));
	property_compute(c);
	if (c->rc)
		return true;
	size_t first = c->trace.nr_decisions;
	if (!replay(c, &shared, 0) || !explains_msrs(c, &shared))
		return false;
	/* The first vCPU, the last, and one between. */
	unsigned n = nr_vcpus(&c->result.topology);
	const unsigned vcpus[] = { 0, n - 1, c->seed % n };
	for (size_t i = 0; i < ARRAY_SIZE(vcpus) && (i == 0 || n > 1); i++) {
		c->trace.nr_decisions = first;
		own = shared;
		if (cpu_result_vcpu(&c->result, vcpus[i], &c->trace, &t, &c->e))
			return property_fails(c, "no table: %s", c->e.msg);
		if (!replay(c, &own, first) || !explains_table(c, &own, &t, vcpus[i]))
			return false;
	}
	return true;
}

static void cpu_compute__trace__explains_every_bit_of_every_vcpu(void **state)
{
	(void)state;
	property_run(is_explained, RANDOM_ALL, CASES);
}

/* Topology, read back as an operating system reads it. */

struct seen {
	uint32_t apic_id;
	/* By leaf 0xB, leaf 0x1F, AMD's leaves, leaf 1; UINT32_MAX: the leaf is not there. */
	uint32_t core_b, package_b, die_1f, package_1f, package_amd, node, package_1;
};

static bool fails_at(
	struct property_case *c, unsigned vcpu, const char *what, uint32_t is, uint32_t wanted)
{
	return property_fails(c, "vCPU %u: %s is %#x, not %#x", vcpu, what, is, wanted);
}

/* SDM vol. 3, "Hierarchical Mapping of Shared Resources": shifts by level type. */
static bool read_extended(struct property_case *c, const struct cpuid_table *t, unsigned vcpu,
	uint32_t leaf, struct seen *s)
{
	uint32_t shifts[8] = { 0 }, last = 0;
	if (cpuid_value(t, 0, 0, CPUID_EAX) < leaf)
		return true;
	for (uint32_t i = 0; i < 8; i++) {
		const struct cpuid_entry *e = cpuid_get(t, leaf, i);
		uint32_t type = e ? e->reg[CPUID_ECX] >> 8 & 0xff : 0;
		if (e && e->reg[CPUID_EDX] != s->apic_id)
			return fails_at(c, vcpu, "the x2APIC ID", e->reg[CPUID_EDX], s->apic_id);
		if (type == 0)
			break;
		if (type >= 8 || e->reg[CPUID_EAX] < last || (e->reg[CPUID_ECX] & 0xff) != i)
			return fails_at(c, vcpu, "a level", e->reg[CPUID_EAX], last);
		shifts[type] = last = e->reg[CPUID_EAX];
	}
	if (leaf == 0xb) {
		s->core_b = s->apic_id >> shifts[1];
		s->package_b = s->apic_id >> last;
	} else {
		s->die_1f = shifts[5] ? s->apic_id >> shifts[2] : s->apic_id >> last;
		s->package_1f = s->apic_id >> last;
	}
	return true;
}

static bool read_amd(
	struct property_case *c, const struct cpuid_table *t, unsigned vcpu, struct seen *s)
{
	const struct cpu_topology *shape = &c->result.topology;
	uint32_t sizes = cpuid_value(t, 0x80000008, 0, CPUID_ECX);
	const struct cpuid_entry *e = cpuid_get(t, 0x8000001e, 0);
	unsigned in_package = shape->dies * shape->cores * shape->threads;
	if ((sizes & 0xff) + 1 != in_package)
		return fails_at(c, vcpu, "threads of a package", (sizes & 0xff) + 1, in_package);
	s->package_amd = s->apic_id >> (sizes >> 12 & 0xf);
	if (!e)
		return true;
	if (e->reg[CPUID_EAX] != s->apic_id)
		return fails_at(c, vcpu, "the extended APIC ID", e->reg[CPUID_EAX], s->apic_id);
	if ((e->reg[CPUID_EBX] >> 8 & 0xff) + 1 != shape->threads)
		return fails_at(c, vcpu, "threads of a core", e->reg[CPUID_EBX] >> 8 & 0xff,
			shape->threads - 1);
	s->node = e->reg[CPUID_ECX] & 0xff;
	return true;
}

/* Who shares each cache, counted by leaf 4 or 0x8000001D: of 1 and 2 a core, of 3 a die. */
static bool caches_fit(
	struct property_case *c, const struct cpuid_table *t, unsigned vcpu, uint32_t leaf)
{
	const struct cpu_topology *shape = &c->result.topology;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		const struct cpuid_entry *e = &t->entries[i];
		uint32_t eax = e->reg[CPUID_EAX], sharing = (eax >> 14 & 0xfff) + 1;
		if (e->leaf != leaf || (eax & 0x1f) == 0)
			continue;
		unsigned who = (eax >> 5 & 7) >= 3 ? shape->cores * shape->threads : shape->threads;
		/* Intel's number is rounded up to a power of two of IDs. */
		if (leaf == 4 ? sharing < who || (sharing & (sharing - 1)) : sharing != who)
			return fails_at(c, vcpu, "who shares a cache", sharing, who);
		unsigned cores = shape->dies * shape->cores;
		if (leaf == 4 && (eax >> 26) + 1 < (cores > 64 ? 64 : cores))
			return fails_at(c, vcpu, "cores of a package", (eax >> 26) + 1, cores);
	}
	return true;
}

static bool read_vcpu(
	struct property_case *c, const struct cpuid_table *t, unsigned vcpu, struct seen *s)
{
	const struct cpu_topology *shape = &c->result.topology;
	unsigned in_package = shape->dies * shape->cores * shape->threads;
	uint32_t one = cpuid_value(t, 1, 0, CPUID_EBX), ids = one >> 16 & 0xff, shift = 0;
	memset(s, 0xff, sizeof(*s));
	s->apic_id = cpu_topology_place(shape, vcpu).apic_id;
	if (one >> 24 != (s->apic_id & 0xff))
		return fails_at(c, vcpu, "the APIC ID of leaf 1", one >> 24, s->apic_id);
	if ((cpuid_value(t, 1, 0, CPUID_EDX) >> 28 & 1) != (in_package > 1))
		return fails_at(c, vcpu, "HTT", in_package <= 1, in_package > 1);
	if (ids < in_package)
		return fails_at(c, vcpu, "IDs of a package in leaf 1", ids, in_package);
	while (UINT32_C(1) << shift < ids)
		shift++;
	/* Eight bits cannot tell of wider packages; x2APIC's leaves can. */
	if (shape->package_shift <= 8)
		s->package_1 = s->apic_id >> shift;
	if (!read_extended(c, t, vcpu, 0xb, s) || !read_extended(c, t, vcpu, 0x1f, s))
		return false;
	if (c->result.vendor == CPUID_VENDOR_AMD && !read_amd(c, t, vcpu, s))
		return false;
	return caches_fit(c, t, vcpu, 4) && caches_fit(c, t, vcpu, 0x8000001d);
}

/* Two vCPUs have one ID of a kind exactly where they share what it stands for. */
static bool divides(struct property_case *c, const char *what, uint32_t a, uint32_t b, bool shared)
{
	if (a == UINT32_MAX || b == UINT32_MAX || (a == b) == shared)
		return true;
	return property_fails(c, "%s: IDs %#x and %#x of two vCPUs that %s one", what, a, b,
		shared ? "share" : "do not share");
}

static bool pairs_fit(struct property_case *c, const struct seen *seen, unsigned i, unsigned k)
{
	const struct cpu_topology *t = &c->result.topology;
	const struct seen *a = &seen[i], *b = &seen[k];
	unsigned core = t->threads, die = core * t->cores, package = die * t->dies;
	if (a->apic_id == b->apic_id)
		return property_fails(c, "vCPUs %u and %u have the APIC ID %u", i, k, a->apic_id);
	return divides(c, "core by leaf 0xb", a->core_b, b->core_b, i / core == k / core) &&
	       divides(c, "package by leaf 0xb", a->package_b, b->package_b,
		       i / package == k / package) &&
	       divides(c, "die by leaf 0x1f", a->die_1f, b->die_1f, i / die == k / die) &&
	       divides(c, "package by leaf 0x1f", a->package_1f, b->package_1f,
		       i / package == k / package) &&
	       divides(c, "package by leaf 0x80000008", a->package_amd, b->package_amd,
		       i / package == k / package) &&
	       divides(c, "node", a->node, b->node, i / die == k / die) &&
	       divides(c, "package by leaf 1", a->package_1, b->package_1,
		       i / package == k / package);
}

static bool topology_fits(struct property_case *c)
{
	static struct seen seen[MAX_VCPUS];
	struct cpuid_table t;
	property_compute(c);
	if (c->rc)
		return true;
	unsigned n = nr_vcpus(&c->result.topology);
	for (unsigned i = 0; i < n; i++) {
		if (cpu_result_vcpu(&c->result, i, NULL, &t, &c->e))
			return property_fails(c, "no table: %s", c->e.msg);
		if (!read_vcpu(c, &t, i, &seen[i]))
			return false;
		for (unsigned k = 0; k < i; k++) {
			if (!pairs_fit(c, seen, i, k))
				return false;
		}
	}
	return true;
}

static void cpu_result_vcpu__any_topology__all_leaves_tell_the_same(void **state)
{
	(void)state;
	property_run(topology_fits, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_compute__trace__explains_every_bit_of_every_vcpu),
		cmocka_unit_test(cpu_result_vcpu__any_topology__all_leaves_tell_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
