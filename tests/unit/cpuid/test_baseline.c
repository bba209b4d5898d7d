/* SPDX-License-Identifier: MIT */
/* Baselines by example: what of two hosts that differ in one number is left. */
#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "cpuid/baseline.h"

#include <stdlib.h>

#define BOTH(low, high) ((uint64_t)(high) << 32 | (low))

struct fixture {
	struct host_facts a, b;
	struct cpu_baseline sum;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	host_everything(CPUID_VENDOR_INTEL, &f->a);
	f->b = f->a;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void set_msr(struct host_facts *host, uint32_t index, uint64_t value)
{
	for (unsigned i = 0; i < host->nr_feature_msrs; i++) {
		if (host->feature_msrs[i].index == index) {
			host->feature_msrs[i].value = value;
			return;
		}
	}
	fail_msg("no MSR %#x", index);
}

static const struct host_facts *add_both(struct fixture *f)
{
	f->sum = (struct cpu_baseline){ 0 };
	assert_int_equal(cpu_baseline_add(&f->sum, &f->a, &f->e), 0);
	assert_int_equal(cpu_baseline_add(&f->sum, &f->b, &f->e), 0);
	return &f->sum.facts;
}

static uint64_t combined(struct fixture *f, uint32_t index, uint64_t a, uint64_t b)
{
	uint64_t value = 0;
	set_msr(&f->a, index, a);
	set_msr(&f->b, index, b);
	assert_true(host_feature_msr(add_both(f), index, &value));
	return value;
}

static void baseline__pairs_of_controls__must_be_1_of_any_and_may_be_1_of_all(void **state)
{
	static const uint32_t pairs[] = { 0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f,
		0x490 };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_int_equal(combined(*state, pairs[i], BOTH(0x80000001, 0xc000000f),
					 BOTH(0x80000004, 0xa000003c)),
			BOTH(0x80000005, 0x8000000c));
}

static void baseline__fixed_bits_of_cr0_and_cr4__fixed_to_1_on_any_and_free_on_all(void **state)
{
	assert_int_equal(combined(*state, 0x486, 0x80000021, 0x10000021), 0x90000021);
	assert_int_equal(combined(*state, 0x488, 0x2000, 0x42000), 0x42000);
	assert_int_equal(combined(*state, 0x487, 0xffffffff, 0x8000003f), 0x8000003f);
	assert_int_equal(combined(*state, 0x489, 0x7727ff, 0x1007ff), 0x1007ff);
}

static void baseline__capabilities__of_all(void **state)
{
	assert_int_equal(combined(*state, 0x48c, UINT64_C(0xf0106334141), 0x6504141), 0x6104141);
	assert_int_equal(combined(*state, 0x10a, 0x1f, 0x2b), 0x0b);
}

static void baseline__msr_that_one_host_lacks__is_gone(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 0;
	f->b.nr_feature_msrs--;
	uint32_t last = f->a.feature_msrs[f->b.nr_feature_msrs].index;
	assert_false(host_feature_msr(add_both(f), last, &value));
	assert_int_equal(f->sum.facts.nr_feature_msrs, f->b.nr_feature_msrs);
}

static void depth_is(struct fixture *f, bool limited, unsigned depth)
{
	const struct host_facts *facts = add_both(f);
	assert_int_equal(facts->nesting_limited, limited);
	if (limited)
		assert_int_equal(facts->nesting_depth, depth);
}

static void set_depth(struct host_facts *host, bool limited, unsigned depth)
{
	host->nesting_limited = limited;
	host->nesting_depth = depth;
}

static void baseline__depths__the_smaller_whichever_comes_first(void **state)
{
	struct fixture *f = *state;
	set_depth(&f->a, true, 3);
	set_depth(&f->b, true, 2);
	depth_is(f, true, 2);
	set_depth(&f->b, true, 4);
	depth_is(f, true, 3);
	set_depth(&f->b, true, 0);
	depth_is(f, true, 0);
}

static void baseline__one_depth_without_limit__the_other(void **state)
{
	struct fixture *f = *state;
	set_depth(&f->a, true, 3);
	set_depth(&f->b, false, 0);
	depth_is(f, true, 3);
	set_depth(&f->a, false, 0);
	set_depth(&f->b, true, 3);
	depth_is(f, true, 3);
	set_depth(&f->b, false, 0);
	depth_is(f, false, 0);
}

static void baseline__brands__kept_where_equal_and_none_where_they_differ(void **state)
{
	static const uint32_t none[12];
	struct fixture *f = *state;
	for (unsigned i = 0; i < 12; i++)
		f->a.brand[i] = f->b.brand[i] = 0x20202020 + i;
	assert_memory_equal(add_both(f)->brand, f->a.brand, sizeof(none));
	for (unsigned i = 0; i < 12; i++) {
		f->b.brand[i] ^= UINT32_C(1) << 31;
		assert_memory_equal(add_both(f)->brand, none, sizeof(none));
		f->b.brand[i] = f->a.brand[i];
	}
}

static void baseline__numbers_of_kvm__the_least_of_each(void **state)
{
	struct fixture *f = *state;
	f->a.max_vcpus = f->b.max_vcpu_id = f->a.nr_memslots = 7;
	f->b.max_vcpus = f->a.max_vcpu_id = f->b.nr_memslots = 9;
	const struct host_facts *facts = add_both(f);
	assert_int_equal(facts->max_vcpus, 7);
	assert_int_equal(facts->max_vcpu_id, 7);
	assert_int_equal(facts->nr_memslots, 7);
}

static void baseline__clocks_and_threads_that_differ__not_known(void **state)
{
	struct fixture *f = *state;
	f->a.tsc_khz = f->b.tsc_khz = 2000000;
	f->a.threads_per_core = f->b.threads_per_core = 2;
	assert_int_equal(add_both(f)->tsc_khz, 2000000);
	assert_int_equal(f->sum.facts.threads_per_core, 2);
	f->b.tsc_khz++;
	f->b.threads_per_core--;
	assert_int_equal(add_both(f)->tsc_khz, 0);
	assert_int_equal(f->sum.facts.threads_per_core, 0);
}

static void baseline__capabilities_of_kvm__those_of_both(void **state)
{
	static const size_t flags[] = { offsetof(struct host_facts, tsc_scaling),
		offsetof(struct host_facts, tsc_deadline_timer),
		offsetof(struct host_facts, split_irqchip),
		offsetof(struct host_facts, nested_state),
		offsetof(struct host_facts, user_space_msr),
		offsetof(struct host_facts, hyperv_enforce_cpuid) };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		bool *a = (bool *)((char *)&f->a + flags[i]),
		     *b = (bool *)((char *)&f->b + flags[i]);
		const bool *sum = (const bool *)((char *)&f->sum.facts + flags[i]);
		*a = *b = true;
		(void)add_both(f);
		assert_true(*sum);
		*a = false;
		(void)add_both(f);
		assert_false(*sum);
		*a = true;
		*b = false;
		(void)add_both(f);
		assert_false(*sum);
	}
}

/* A processor without the leaf has 36 bits, and one with it may have 32: an early Atom. */
static void baseline__address_width__the_least_though_a_host_has_no_leaf_for_it(void **state)
{
	struct fixture *f = *state;
	static struct policy_feature features[FEATURE_COUNT + 1];
	struct cpu_policy policy;
	cpuid_find(&f->a.supported, 0x80000008, 0)->reg[CPUID_EAX] = 0x3020;
	cpuid_find(&f->b.supported, 0x80000000, 0)->reg[CPUID_EAX] = 0x80000004;
	struct cpuid_table *t = &f->b.supported;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		if (t->entries[i].leaf == 0x80000008)
			t->entries[i] = t->entries[--t->nr_entries];
	}
	assert_int_equal(cpuid_phys_bits(&f->b.supported), 36);
	for (unsigned turn = 0; turn < 2; turn++) {
		(void)add_both(f);
		assert_int_equal(cpu_baseline_policy(&f->sum, false, features, &policy, &f->e), 0);
		assert_int_equal(policy.phys_bits.value, 32);
		struct host_facts first = f->a;
		f->a = f->b;
		f->b = first;
	}
}

static void baseline__signatures__the_older(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->a.supported, 1, 0)->reg[CPUID_EAX] = 0x000906ea;
	cpuid_find(&f->b.supported, 1, 0)->reg[CPUID_EAX] = 0x000506e3;
	assert_int_equal(cpuid_value(&add_both(f)->supported, 1, 0, CPUID_EAX), 0x000506e3);
	cpuid_find(&f->a.supported, 1, 0)->reg[CPUID_EAX] = 0x000406f1;
	assert_int_equal(cpuid_value(&add_both(f)->supported, 1, 0, CPUID_EAX), 0x000406f1);
}

static void baseline__xsave_component_that_lies_elsewhere__is_dropped(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->b.supported, 0xd, 9)->reg[CPUID_EBX] += 64;
	const struct cpuid_table *t = &add_both(f)->supported;
	assert_int_equal(cpuid_value(t, 0xd, 9, CPUID_EAX), 0);
	assert_int_equal(cpuid_value(t, 0xd, 0, CPUID_EAX) >> 9 & 1, 0);
	assert_int_equal(cpuid_value(t, 0xd, 2, CPUID_EAX), 256);
	assert_int_equal(cpuid_value(t, 0xd, 0, CPUID_EAX) >> 2 & 1, 1);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(baseline__pairs_of_controls__must_be_1_of_any_and_may_be_1_of_all),
		TEST(baseline__fixed_bits_of_cr0_and_cr4__fixed_to_1_on_any_and_free_on_all),
		TEST(baseline__capabilities__of_all),
		TEST(baseline__msr_that_one_host_lacks__is_gone),
		TEST(baseline__depths__the_smaller_whichever_comes_first),
		TEST(baseline__one_depth_without_limit__the_other),
		TEST(baseline__brands__kept_where_equal_and_none_where_they_differ),
		TEST(baseline__numbers_of_kvm__the_least_of_each),
		TEST(baseline__clocks_and_threads_that_differ__not_known),
		TEST(baseline__capabilities_of_kvm__those_of_both),
		TEST(baseline__signatures__the_older),
		TEST(baseline__address_width__the_least_though_a_host_has_no_leaf_for_it),
		TEST(baseline__xsave_component_that_lies_elsewhere__is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
