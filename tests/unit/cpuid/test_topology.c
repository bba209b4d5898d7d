/* SPDX-License-Identifier: MIT */
/* Properties over every topology of at most 255 vCPUs, on an Intel and an AMD host. */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/topology.h"

#include <errno.h>

#define MAX_VCPUS 255

typedef void (*topology_check)(const struct cpu_topology *t, const struct host_facts *host);

/* One die for all, several for a sample: every shape would take minutes. */
static void with_dies(unsigned sockets, unsigned cores, unsigned threads,
	const struct host_facts *host, topology_check check)
{
	struct cpu_topology t = cpu_topology_make(sockets, 1, cores, threads);
	check(&t, host);
	for (unsigned dies = 2; sockets <= 3 && threads <= 2; dies++) {
		if (sockets * dies * cores * threads > MAX_VCPUS)
			break;
		t = cpu_topology_make(sockets, dies, cores, threads);
		check(&t, host);
	}
}

static void for_each_topology(const struct host_facts *host, topology_check check)
{
	for (unsigned sockets = 1; sockets <= MAX_VCPUS; sockets++) {
		for (unsigned cores = 1; sockets * cores <= MAX_VCPUS; cores++) {
			for (unsigned threads = 1; sockets * cores * threads <= MAX_VCPUS;
				threads++)
				with_dies(sockets, cores, threads, host, check);
		}
	}
}

static unsigned count(const struct cpu_topology *t)
{
	return t->sockets * t->dies * t->cores * t->threads;
}

static void check_shifts(const struct cpu_topology *t, const struct host_facts *host)
{
	(void)host;
	unsigned core_bits = t->die_shift - t->core_shift;
	unsigned die_bits = t->package_shift - t->die_shift;
	assert_true(1u << die_bits >= t->dies);
	assert_true(die_bits == 0 || 1u << (die_bits - 1) < t->dies);
	assert_true(1u << t->core_shift >= t->threads && 1u << core_bits >= t->cores);
	/* The fewest bits that do. */
	assert_true(t->core_shift == 0 || 1u << (t->core_shift - 1) < t->threads);
	assert_true(core_bits == 0 || 1u << (core_bits - 1) < t->cores);
}

static void cpu_topology_make__any__fewest_bits_that_hold_each_level(void **state)
{
	(void)state;
	for_each_topology(NULL, check_shifts);
}

static void check_ids(const struct cpu_topology *t, const struct host_facts *host)
{
	(void)host;
	uint32_t last = 0;
	for (unsigned i = 0; i < count(t); i++) {
		struct cpu_place p = cpu_topology_place(t, i);
		assert_true(i == 0 ? p.apic_id == 0 : p.apic_id > last);
		last = p.apic_id;
		assert_true(p.socket < t->sockets && p.die < t->dies && p.core < t->cores &&
			    p.thread < t->threads);
		assert_int_equal(
			((p.socket * t->dies + p.die) * t->cores + p.core) * t->threads + p.thread,
			i);
		assert_int_equal(p.apic_id >> t->package_shift, p.socket);
		assert_int_equal((p.apic_id & bit_mask(t->package_shift)) >> t->die_shift, p.die);
		assert_int_equal((p.apic_id & bit_mask(t->die_shift)) >> t->core_shift, p.core);
		assert_int_equal(p.apic_id & bit_mask(t->core_shift), p.thread);
	}
}

static void cpu_topology_place__any__apic_ids_rise_and_hold_the_place(void **state)
{
	(void)state;
	for_each_topology(NULL, check_ids);
}

static uint32_t field(uint32_t reg, unsigned low, unsigned width)
{
	return reg >> low & (uint32_t)bit_mask(width);
}

static unsigned min_u(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned in_package(const struct cpu_topology *t)
{
	return t->dies * t->cores * t->threads;
}

/* Leaf 0xB or 0x1F: the vCPU's own ID, and the shifts and counts of each level. */
static void check_extended(const struct cpu_topology *t, const struct cpu_place *p,
	const struct cpuid_table *table, uint32_t leaf)
{
	bool dies = leaf == 0x1f && t->dies > 1;
	uint32_t end = dies ? 3 : 2;
	assert_int_equal(cpuid_value(table, leaf, 0, CPUID_EAX), t->core_shift);
	assert_int_equal(cpuid_value(table, leaf, 0, CPUID_EBX), t->threads);
	assert_int_equal(cpuid_value(table, leaf, 0, CPUID_ECX), 0x100);
	assert_int_equal(
		cpuid_value(table, leaf, 1, CPUID_EAX), dies ? t->die_shift : t->package_shift);
	assert_int_equal(cpuid_value(table, leaf, 1, CPUID_EBX),
		dies ? t->threads * t->cores : in_package(t));
	assert_int_equal(cpuid_value(table, leaf, 1, CPUID_ECX), 0x201);
	if (dies) {
		assert_int_equal(cpuid_value(table, leaf, 2, CPUID_EAX), t->package_shift);
		assert_int_equal(cpuid_value(table, leaf, 2, CPUID_EBX), in_package(t));
		assert_int_equal(cpuid_value(table, leaf, 2, CPUID_ECX), 0x502);
	}
	assert_int_equal(cpuid_value(table, leaf, end, CPUID_EAX), 0);
	assert_int_equal(cpuid_value(table, leaf, end, CPUID_EBX), 0);
	assert_int_equal(cpuid_value(table, leaf, end, CPUID_ECX), end);
	for (uint32_t i = 0; i <= end; i++)
		assert_int_equal(cpuid_value(table, leaf, i, CPUID_EDX), p->apic_id);
}

static void check_leaf_1(
	const struct cpu_topology *t, const struct cpu_place *p, const struct cpuid_table *table)
{
	uint32_t ebx = cpuid_value(table, 1, 0, CPUID_EBX);
	bool several = in_package(t) > 1;
	assert_int_equal(field(ebx, 24, 8), p->apic_id & 0xff);
	assert_int_equal(field(ebx, 16, 8), several ? min_u(1u << t->package_shift, 255) : 1);
	assert_int_equal(field(ebx, 0, 16), 0x0800); /* CLFLUSH size: not ours to change */
	assert_int_equal(field(cpuid_value(table, 1, 0, CPUID_EDX), 28, 1), several);
}

static void check_caches(
	const struct cpu_topology *t, const struct cpuid_table *table, uint32_t leaf, bool intel)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t eax = cpuid_value(table, leaf, i, CPUID_EAX);
		bool shared = field(eax, 5, 3) == 3;
		uint32_t ids = 1u << (shared ? t->die_shift : t->core_shift);
		uint32_t threads = shared ? t->cores * t->threads : t->threads;
		assert_int_equal(field(eax, 14, 12), (intel ? ids : threads) - 1);
		assert_int_equal(field(eax, 26, 6),
			intel ? min_u((1u << (t->package_shift - t->core_shift)) - 1, 63) : 0);
	}
	assert_int_equal(cpuid_value(table, leaf, 4, CPUID_EAX), 0); /* the end of the list stays */
}

static void check_intel(const struct cpu_topology *t, const struct host_facts *host)
{
	struct err e = ERR_INIT;
	struct cpuid_table table;
	struct cpu_edit edit = { .table = &table };
	for (unsigned i = 0; i < count(t); i++) {
		struct cpu_place p = cpu_topology_place(t, i);
		table = host->supported;
		assert_int_equal(cpu_topology_apply(t, &p, &edit, &e), 0);
		check_leaf_1(t, &p, &table);
		check_caches(t, &table, 4, true);
		check_extended(t, &p, &table, 0xb);
		check_extended(t, &p, &table, 0x1f);
		assert_int_equal(cpuid_value(&table, 0x80000008, 0, CPUID_ECX), 0);
	}
}

static void cpu_topology_apply__intel__every_leaf_agrees(void **state)
{
	(void)state;
	struct host_facts host;
	host_intel(&host, true);
	for_each_topology(&host, check_intel);
}

static void check_amd(const struct cpu_topology *t, const struct host_facts *host)
{
	struct err e = ERR_INIT;
	struct cpuid_table table;
	struct cpu_edit edit = { .table = &table };
	for (unsigned i = 0; i < count(t); i++) {
		struct cpu_place p = cpu_topology_place(t, i);
		table = host->supported;
		assert_int_equal(cpu_topology_apply(t, &p, &edit, &e), 0);
		check_leaf_1(t, &p, &table);
		check_caches(t, &table, 0x8000001d, false);
		check_extended(t, &p, &table, 0xb);
		assert_null(cpuid_get(&table, 0x1f, 0));
		uint32_t legacy = cpuid_value(&table, 0x80000001, 0, CPUID_ECX);
		assert_int_equal(field(legacy, 1, 1), in_package(t) > 1);
		uint32_t ecx = cpuid_value(&table, 0x80000008, 0, CPUID_ECX);
		assert_int_equal(field(ecx, 0, 8), min_u(in_package(t) - 1, 255));
		assert_int_equal(field(ecx, 12, 4), t->package_shift);
		assert_int_equal(cpuid_value(&table, 0x8000001e, 0, CPUID_EAX), p.apic_id);
		uint32_t ebx = cpuid_value(&table, 0x8000001e, 0, CPUID_EBX);
		assert_int_equal(field(ebx, 0, 8), p.die * t->cores + p.core);
		assert_int_equal(field(ebx, 8, 8), t->threads - 1);
		uint32_t nodes = cpuid_value(&table, 0x8000001e, 0, CPUID_ECX);
		assert_int_equal(field(nodes, 0, 8), p.socket * t->dies + p.die);
		assert_int_equal(field(nodes, 8, 3), min_u(t->dies - 1, 7));
	}
}

static void cpu_topology_apply__amd__every_leaf_agrees(void **state)
{
	(void)state;
	struct host_facts host;
	host_amd(&host, true);
	for_each_topology(&host, check_amd);
}

static void cpu_topology_apply__table_ends_before_0xb__gets_no_extended_leaf(void **state)
{
	(void)state;
	struct cpuid_table table = { 0 };
	struct err e = ERR_INIT;
	struct cpu_topology t = cpu_topology_make(1, 1, 2, 2);
	struct cpu_place p = cpu_topology_place(&t, 3);
	cpuid_put(&table, 0, 0, false)->reg[CPUID_EAX] = 0xa;
	struct cpu_edit edit = { .table = &table };
	assert_int_equal(cpu_topology_apply(&t, &p, &edit, &e), 0);
	assert_int_equal(table.nr_entries, 1);
}

static void cpu_topology_apply__table_full__refused(void **state)
{
	(void)state;
	struct cpuid_table table = { 0 };
	struct err e = ERR_INIT;
	struct cpu_topology t = cpu_topology_make(1, 1, 1, 1);
	struct cpu_place p = cpu_topology_place(&t, 0);
	cpuid_put(&table, 0, 0, false)->reg[CPUID_EAX] = 0xb;
	while (table.nr_entries < CPUID_MAX_ENTRIES)
		cpuid_put(&table, 0x1000 + table.nr_entries, 0, false);
	struct cpu_edit edit = { .table = &table };
	assert_int_equal(cpu_topology_apply(&t, &p, &edit, &e), -E2BIG);
	assert_contains(e.msg, "more than 256 entries");
}

static void cpu_topology_apply__twice__is_idempotent(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct cpu_topology t = cpu_topology_make(3, 1, 5, 2);
	struct cpu_place p = cpu_topology_place(&t, 17);
	for (uint32_t seed = 1; seed <= 300; seed++) {
		struct host_facts host;
		struct cpuid_table once, twice;
		host_random(&host, seed);
		once = host.supported;
		struct cpu_edit edit = { .table = &once };
		assert_int_equal(cpu_topology_apply(&t, &p, &edit, &e), 0);
		twice = once;
		edit.table = &twice;
		assert_int_equal(cpu_topology_apply(&t, &p, &edit, &e), 0);
		assert_int_equal(once.nr_entries, twice.nr_entries);
		for (unsigned i = 0; i < once.nr_entries; i++)
			assert_memory_equal(once.entries[i].reg, twice.entries[i].reg,
				sizeof(once.entries[i].reg));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_topology_make__any__fewest_bits_that_hold_each_level),
		cmocka_unit_test(cpu_topology_place__any__apic_ids_rise_and_hold_the_place),
		cmocka_unit_test(cpu_topology_apply__intel__every_leaf_agrees),
		cmocka_unit_test(cpu_topology_apply__amd__every_leaf_agrees),
		cmocka_unit_test(cpu_topology_apply__table_ends_before_0xb__gets_no_extended_leaf),
		cmocka_unit_test(cpu_topology_apply__table_full__refused),
		cmocka_unit_test(cpu_topology_apply__twice__is_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
