/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/host_facts.h"

static void cpuid_find__subleaf_matters__exact_one_only(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	cpuid_put(&t, 4, 1, true)->reg[CPUID_EAX] = 11;
	cpuid_put(&t, 4, 2, true)->reg[CPUID_EAX] = 12;
	assert_int_equal(cpuid_find(&t, 4, 2)->reg[CPUID_EAX], 12);
	assert_null(cpuid_find(&t, 4, 0));
	assert_null(cpuid_find(&t, 5, 1));
}

static void cpuid_find__subleaf_does_not_matter__fits_any(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	cpuid_put(&t, 1, 0, false)->reg[CPUID_EBX] = 7;
	assert_int_equal(cpuid_find(&t, 1, 99)->reg[CPUID_EBX], 7);
	assert_ptr_equal(cpuid_get(&t, 1, 5), cpuid_find(&t, 1, 0));
}

static void cpuid_value__absent_entry__is_zero(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	cpuid_put(&t, 1, 0, false)->reg[CPUID_EDX] = 7;
	assert_int_equal(cpuid_value(&t, 1, 0, CPUID_EDX), 7);
	assert_int_equal(cpuid_value(&t, 1, 0, CPUID_ECX), 0);
	assert_int_equal(cpuid_value(&t, 2, 0, CPUID_EDX), 0);
}

static void cpuid_put__entry_exists__returns_it(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	struct cpuid_entry *first = cpuid_put(&t, 4, 1, true);
	first->reg[CPUID_EAX] = 3;
	assert_ptr_equal(cpuid_put(&t, 4, 1, true), first);
	assert_int_equal(t.nr_entries, 1);
	assert_int_equal(first->reg[CPUID_EAX], 3);
}

static void cpuid_put__table_full__null_but_finds_what_is_there(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	for (uint32_t i = 0; i < CPUID_MAX_ENTRIES; i++)
		assert_non_null(cpuid_put(&t, 0x100 + i, 0, false));
	assert_null(cpuid_put(&t, 1, 0, false));
	assert_non_null(cpuid_put(&t, 0x100, 0, false));
	assert_int_equal(t.nr_entries, CPUID_MAX_ENTRIES);
}

static void cpuid_remove_leaf__several_subleaves__all_go_and_others_stay_in_order(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	cpuid_put(&t, 4, 0, true);
	cpuid_put(&t, 1, 0, false);
	cpuid_put(&t, 4, 1, true);
	cpuid_put(&t, 7, 0, true);
	cpuid_remove_leaf(&t, 4);
	cpuid_remove_leaf(&t, 99);
	assert_int_equal(t.nr_entries, 2);
	assert_int_equal(t.entries[0].leaf, 1);
	assert_int_equal(t.entries[1].leaf, 7);
}

static void cpuid_vendor__known_names__intel_and_amd(void **state)
{
	(void)state;
	struct host_facts f;
	host_intel(&f, true);
	assert_int_equal(cpuid_vendor(&f.supported), CPUID_VENDOR_INTEL);
	host_amd(&f, true);
	assert_int_equal(cpuid_vendor(&f.supported), CPUID_VENDOR_AMD);
}

static void cpuid_vendor__hygon__is_an_amd_design(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	struct cpuid_entry *e = cpuid_put(&t, 0, 0, false);
	memcpy(&e->reg[CPUID_EBX], "Hygo", 4);
	memcpy(&e->reg[CPUID_EDX], "nGen", 4);
	memcpy(&e->reg[CPUID_ECX], "uine", 4);
	assert_int_equal(cpuid_vendor(&t), CPUID_VENDOR_AMD);
}

static void cpuid_vendor__unknown_or_absent__other(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	assert_int_equal(cpuid_vendor(&t), CPUID_VENDOR_OTHER);
	cpuid_put(&t, 0, 0, false);
	assert_int_equal(cpuid_vendor(&t), CPUID_VENDOR_OTHER);
}

static void cpuid_has_vmx_and_svm__bits__are_those_of_the_manuals(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	assert_false(cpuid_has_vmx(&t));
	assert_false(cpuid_has_svm(&t));
	cpuid_put(&t, 1, 0, false)->reg[CPUID_ECX] = 0x20;
	assert_true(cpuid_has_vmx(&t));
	cpuid_put(&t, 0x80000001, 0, false)->reg[CPUID_ECX] = 0x4;
	assert_true(cpuid_has_svm(&t));
}

static void cpuid_phys_bits__leaf_present_or_not__its_width_or_36_or_32(void **state)
{
	(void)state;
	struct cpuid_table t = { 0 };
	assert_int_equal(cpuid_phys_bits(&t), 32);
	cpuid_put(&t, 1, 0, false)->reg[CPUID_EDX] = 1u << 6; /* PAE */
	assert_int_equal(cpuid_phys_bits(&t), 36);
	cpuid_put(&t, 1, 0, false)->reg[CPUID_EDX] = 1u << 17; /* PSE-36 */
	assert_int_equal(cpuid_phys_bits(&t), 36);
	cpuid_put(&t, 0x80000008, 0, false)->reg[CPUID_EAX] = 0x302e;
	assert_int_equal(cpuid_phys_bits(&t), 46);
}

/* Whatever was there: as facts that are all zero, as far as anybody looks. */
static void host_facts_clear__anything__a_host_that_can_do_nothing(void **state)
{
	static struct host_facts facts, none;
	uint64_t value;
	(void)state;
	memset(&facts, 0xa5, sizeof(facts));
	host_facts_clear(&facts);
	assert_int_equal(facts.supported.nr_entries, 0);
	assert_int_equal(facts.emulated.nr_entries, 0);
	assert_int_equal(facts.hyperv.nr_entries, 0);
	assert_int_equal(facts.unkept.nr_entries, 0);
	assert_int_equal(facts.nr_unkept_msrs, 0);
	assert_false(facts.kept_known);
	assert_false(host_feature_msr(&facts, 0xa5a5a5a5, &value));
	const size_t at = offsetof(struct host_facts, nr_unkept_msrs);
	assert_memory_equal(
		(const char *)&facts + at, (const char *)&none + at, sizeof(facts) - at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpuid_find__subleaf_matters__exact_one_only),
		cmocka_unit_test(cpuid_find__subleaf_does_not_matter__fits_any),
		cmocka_unit_test(cpuid_value__absent_entry__is_zero),
		cmocka_unit_test(cpuid_put__entry_exists__returns_it),
		cmocka_unit_test(cpuid_put__table_full__null_but_finds_what_is_there),
		cmocka_unit_test(
			cpuid_remove_leaf__several_subleaves__all_go_and_others_stay_in_order),
		cmocka_unit_test(cpuid_vendor__known_names__intel_and_amd),
		cmocka_unit_test(cpuid_vendor__hygon__is_an_amd_design),
		cmocka_unit_test(cpuid_vendor__unknown_or_absent__other),
		cmocka_unit_test(cpuid_has_vmx_and_svm__bits__are_those_of_the_manuals),
		cmocka_unit_test(cpuid_phys_bits__leaf_present_or_not__its_width_or_36_or_32),
		cmocka_unit_test(host_facts_clear__anything__a_host_that_can_do_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
