/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "nesting/depth.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct nesting_depth no_limit = { false, 0 };

static struct policy_number levels(uint64_t n)
{
	return (struct policy_number){ true, n, "vm.toml:7:13" };
}

/* The remainder of a VM; machine < 0: not limited. */
static unsigned remainder_of(uint64_t max_depth, int machine)
{
	struct err e = ERR_INIT;
	struct nesting_depth depth;
	const struct nesting_depth m = { machine >= 0, machine < 0 ? 0 : (unsigned)machine };
	const struct policy_number n = levels(max_depth);
	if (nesting_depth_of_vm(&n, &m, &depth, &e))
		fail_msg("%s", e.msg);
	assert_true(depth.limited);
	return depth.remainder;
}

static void depth_of_vm__neither_limit__has_none(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct nesting_depth depth = { true, 9 };
	assert_int_equal(
		nesting_depth_of_vm(&(struct policy_number){ 0 }, &no_limit, &depth, &e), 0);
	assert_false(depth.limited);
}

static void depth_of_vm__max_depth__one_less_remains(void **state)
{
	(void)state;
	assert_int_equal(remainder_of(1, -1), 0);
	assert_int_equal(remainder_of(3, -1), 2);
	assert_int_equal(remainder_of(UINT64_MAX, -1), UINT_MAX - 1);
}

static void depth_of_vm__limited_machine__the_smaller_counts(void **state)
{
	(void)state;
	assert_int_equal(remainder_of(3, 1), 0);
	assert_int_equal(remainder_of(1, 3), 0);
	assert_int_equal(remainder_of(5, 3), 2);
}

static void depth_of_vm__limited_machine_alone__one_less_remains(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct nesting_depth depth;
	const struct nesting_depth machine = { true, 4 };
	assert_int_equal(
		nesting_depth_of_vm(&(struct policy_number){ 0 }, &machine, &depth, &e), 0);
	assert_true(depth.limited);
	assert_int_equal(depth.remainder, 3);
}

static void depth_of_vm__max_depth_0__refused_with_both_keys(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct nesting_depth depth;
	const struct policy_number n = levels(0);
	assert_int_equal(nesting_depth_of_vm(&n, &no_limit, &depth, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, "vm.toml:7:13: nesting.max_depth = 0");
	assert_contains(e.msg, "nesting.expose_virtualization_extensions = true");
}

static void depth_of_vm__machine_at_0__refused_with_who_decided(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct nesting_depth depth;
	const struct policy_number n = levels(2);
	const struct nesting_depth machine = { true, 0 };
	assert_int_equal(nesting_depth_of_vm(&n, &machine, &depth, &e), -EPERM);
	assert_int_equal(e.kind, ERR_HOST);
	assert_contains(e.msg, "nesting.max_depth of a VM below this level");
	assert_contains(e.msg, "0x40000201");
	assert_contains(e.hint, "raise nesting.max_depth");
}

/* From level to level: what one shows is what the next reads. */
static void depth__chain_of_levels__ends_where_the_first_said(void **state)
{
	(void)state;
	static struct cpuid_table table;
	struct nesting_depth machine = no_limit, depth;
	unsigned levels_below = 0;
	struct err e = ERR_INIT;
	struct policy_number n = levels(3);
	while (nesting_depth_of_vm(&n, &machine, &depth, &e) == 0) {
		struct cpu_edit edit = { .table = &table, .rule = "NEST-10" };
		table = (struct cpuid_table){ .nr_entries = 0 };
		nesting_depth_show(&depth, &edit);
		const struct cpuid_entry *first = cpuid_get(&table, NESTOR_LEAF_SIGNATURE, 0);
		assert_non_null(first);
		assert_true(nestor_leaf_is_signed(first->reg));
		machine = (struct nesting_depth){ true,
			cpuid_value(&table, NESTOR_LEAF_DEPTH, 0, CPUID_EAX) };
		n = (struct policy_number){ 0 };
		levels_below++;
	}
	assert_int_equal(levels_below, 3);
	assert_int_equal(e.kind, ERR_HOST);
}

static void depth_show__limit__two_leaves_of_12_letters(void **state)
{
	(void)state;
	static struct cpuid_table table;
	struct cpu_trace trace = { .decisions = NULL };
	struct cpu_edit edit = { .table = &table, .trace = &trace, .rule = "NEST-10" };
	nesting_depth_show(&(struct nesting_depth){ true, 0 }, &edit);
	assert_int_equal(table.nr_entries, 2);
	const struct cpuid_entry *first = cpuid_get(&table, 0x40000200, 0);
	const struct cpuid_entry *second = cpuid_get(&table, 0x40000201, 0);
	assert_int_equal(first->reg[CPUID_EAX], 0x40000201);
	assert_memory_equal(&first->reg[CPUID_EBX], "NestorNestor", 12);
	assert_int_equal(second->reg[0] | second->reg[1] | second->reg[2] | second->reg[3], 0);
	const struct cpu_decision *d =
		cpu_trace_find(&trace, trace.nr_decisions, false, 0x40000201, 0, CPUID_EAX, 0);
	assert_non_null(d);
	assert_string_equal(d->rule, "NEST-10");
	cpu_trace_done(&trace);
}

static void depth_show__no_limit__nothing(void **state)
{
	(void)state;
	static struct cpuid_table table;
	struct cpu_edit edit = { .table = &table, .rule = "NEST-10" };
	nesting_depth_show(&no_limit, &edit);
	assert_int_equal(table.nr_entries, 0);
}

static void depth_show__full_table__says_so(void **state)
{
	(void)state;
	static struct cpuid_table table;
	struct cpu_edit edit = { .table = &table, .rule = "NEST-10" };
	for (uint32_t i = 0; i < CPUID_MAX_ENTRIES; i++)
		assert_non_null(cpuid_put(&table, i, 0, false));
	nesting_depth_show(&(struct nesting_depth){ true, 1 }, &edit);
	assert_true(edit.full);
}

static void nestor_leaf__other_hypervisors_and_none__are_not_signed(void **state)
{
	(void)state;
	uint32_t reg[4] = { 0x40000201 };
	assert_false(nestor_leaf_is_signed((const uint32_t[4]){ 0 }));
	(void)memcpy(&reg[1], "KVMKVMKVM\0\0\0", 12);
	assert_false(nestor_leaf_is_signed(reg));
	(void)memcpy(&reg[1], "NestorNestor", 12);
	assert_true(nestor_leaf_is_signed(reg));
	reg[0] = 0x40000200; /* without the next leaf */
	assert_false(nestor_leaf_is_signed(reg));
	reg[0] = 0x40000300;
	assert_false(nestor_leaf_is_signed(reg));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depth_of_vm__neither_limit__has_none),
		cmocka_unit_test(depth_of_vm__max_depth__one_less_remains),
		cmocka_unit_test(depth_of_vm__limited_machine__the_smaller_counts),
		cmocka_unit_test(depth_of_vm__limited_machine_alone__one_less_remains),
		cmocka_unit_test(depth_of_vm__max_depth_0__refused_with_both_keys),
		cmocka_unit_test(depth_of_vm__machine_at_0__refused_with_who_decided),
		cmocka_unit_test(depth__chain_of_levels__ends_where_the_first_said),
		cmocka_unit_test(depth_show__limit__two_leaves_of_12_letters),
		cmocka_unit_test(depth_show__no_limit__nothing),
		cmocka_unit_test(depth_show__full_table__says_so),
		cmocka_unit_test(nestor_leaf__other_hypervisors_and_none__are_not_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
