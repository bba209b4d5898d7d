#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/guest.h"

#include <string.h>

#define LEAF_1_ECX_HYPERVISOR (UINT32_C(1) << 31)
#define LEAF_1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define LEAF_1_ECX_TSC_DEADLINE (UINT32_C(1) << 24)

static uint32_t leaf_1_ecx(const struct host_facts *f)
{
	struct cpuid_table t;
	cpuid_guest_base(f, &t);
	return cpuid_value(&t, 1, 0, CPUID_ECX);
}

static void cpuid_guest_base__any_host__shows_a_hypervisor(void **state)
{
	(void)state;
	struct host_facts f;
	host_intel(&f, false);
	assert_true(leaf_1_ecx(&f) & LEAF_1_ECX_HYPERVISOR);
	host_amd(&f, true);
	assert_true(leaf_1_ecx(&f) & LEAF_1_ECX_HYPERVISOR);
}

static void cpuid_guest_base__host_uses_xsave__osxsave_is_clear_at_reset(void **state)
{
	(void)state;
	struct host_facts f;
	host_intel(&f, false);
	assert_true(cpuid_value(&f.supported, 1, 0, CPUID_ECX) & LEAF_1_ECX_OSXSAVE);
	assert_false(leaf_1_ecx(&f) & LEAF_1_ECX_OSXSAVE);
}

static void cpuid_guest_base__tsc_deadline__follows_the_capability(void **state)
{
	(void)state;
	struct host_facts f;
	host_intel(&f, false);
	assert_true(leaf_1_ecx(&f) & LEAF_1_ECX_TSC_DEADLINE);
	f.tsc_deadline_timer = false;
	assert_false(leaf_1_ecx(&f) & LEAF_1_ECX_TSC_DEADLINE);
}

static void cpuid_guest_base__memory_encryption__is_withdrawn(void **state)
{
	(void)state;
	struct host_facts f;
	struct cpuid_table t;
	host_amd(&f, true);
	assert_true(cpuid_value(&f.supported, 0x8000001f, 0, CPUID_EAX) != 0);
	cpuid_guest_base(&f, &t);
	for (int reg = CPUID_EAX; reg <= CPUID_EDX; reg++)
		assert_int_equal(cpuid_value(&t, 0x8000001f, 0, (enum cpuid_reg)reg), 0);
}

static void cpuid_guest_base__kvm_gives_no_brand__the_processors_own_is_shown(void **state)
{
	(void)state;
	static const char name[48] = "A processor with a name";
	struct host_facts f;
	struct cpuid_table t;
	host_intel(&f, false);
	for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
		struct cpuid_entry *e = cpuid_put(&f.supported, leaf, 0, false);
		assert_non_null(e);
		memset(e->reg, 0, sizeof(e->reg));
	}
	memcpy(f.brand, name, sizeof(f.brand));
	cpuid_guest_base(&f, &t);
	for (uint32_t i = 0; i < 3; i++)
		assert_memory_equal(cpuid_get(&t, 0x80000002 + i, 0)->reg, name + 16 * i, 16);
}

static void cpuid_guest_base__kvm_gives_a_brand__is_kept(void **state)
{
	(void)state;
	struct host_facts f;
	struct cpuid_table t;
	host_intel(&f, false);
	struct cpuid_entry *e = cpuid_put(&f.supported, 0x80000002, 0, false);
	assert_non_null(e);
	e->reg[CPUID_EAX] = 0x31313131;
	memset(f.brand, 'x', sizeof(f.brand));
	cpuid_guest_base(&f, &t);
	assert_int_equal(cpuid_value(&t, 0x80000002, 0, CPUID_EAX), 0x31313131);
}

static void cpuid_guest_base__everything_else__is_as_kvm_supports_it(void **state)
{
	(void)state;
	struct host_facts f;
	struct cpuid_table t;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		host_random(&f, seed);
		cpuid_guest_base(&f, &t);
		assert_int_equal(t.nr_entries, f.supported.nr_entries);
		for (unsigned i = 0; i < t.nr_entries; i++) {
			const struct cpuid_entry *to = &t.entries[i],
						 *from = &f.supported.entries[i];
			assert_int_equal(to->leaf, from->leaf);
			assert_int_equal(to->subleaf, from->subleaf);
			if (to->leaf != 1 && to->leaf != 0x8000001f)
				assert_memory_equal(to->reg, from->reg, sizeof(to->reg));
		}
	}
}

static void cpuid_guest_base__host_without_leaf_1__adds_none(void **state)
{
	(void)state;
	struct host_facts f = { .tsc_deadline_timer = true };
	struct cpuid_table t;
	cpuid_guest_base(&f, &t);
	assert_int_equal(t.nr_entries, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpuid_guest_base__any_host__shows_a_hypervisor),
		cmocka_unit_test(cpuid_guest_base__host_uses_xsave__osxsave_is_clear_at_reset),
		cmocka_unit_test(cpuid_guest_base__tsc_deadline__follows_the_capability),
		cmocka_unit_test(cpuid_guest_base__memory_encryption__is_withdrawn),
		cmocka_unit_test(cpuid_guest_base__kvm_gives_no_brand__the_processors_own_is_shown),
		cmocka_unit_test(cpuid_guest_base__kvm_gives_a_brand__is_kept),
		cmocka_unit_test(cpuid_guest_base__everything_else__is_as_kvm_supports_it),
		cmocka_unit_test(cpuid_guest_base__host_without_leaf_1__adds_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
