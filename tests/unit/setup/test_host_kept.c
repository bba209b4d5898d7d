/* SPDX-License-Identifier: MIT */
/* What KVM keeps of what it supports, tried on a scratch VM. */
#include "unit/kvm/fixture.h"

#include "setup/setup.h"

/* A KVM that drops a bit of leaf 7 EDX, and takes only 0 for the MSR behind it. */
static void drop_arch_capabilities(struct fixture *f)
{
	struct cpuid_entry *e = cpuid_find(&f->facts.supported, 7, 0);
	assert_non_null(e);
	e->reg[CPUID_EDX] |= 1u << 29;
	f->facts.feature_msrs[f->facts.nr_feature_msrs++] = (struct msr_value){ 0x10a, 0x6b };
	f->fake->rewrites[0] = (struct fake_rewrite){ 7, 0, CPUID_EDX, 1u << 29, 1u << 2 };
	f->fake->zero_msr = 0x10a;
}

static void setup_host_kept__all_is_kept__is_known_and_empty(void **state)
{
	struct fixture *f = *state;
	struct host_facts facts;
	assert_int_equal(kvm_host_facts(f->kvm, &facts, &f->e), 0);
	assert_false(facts.kept_known);
	assert_int_equal(setup_host_kept(f->kvm, &facts, &f->e), 0);
	assert_true(facts.kept_known);
	assert_int_equal(facts.unkept.nr_entries, 0);
	assert_int_equal(facts.nr_unkept_msrs, 0);
}

static void setup_host_kept__a_bit_is_dropped__leaf_and_msr_are_in_the_facts(void **state)
{
	struct fixture *f = *state;
	struct host_facts facts;
	drop_arch_capabilities(f);
	assert_int_equal(kvm_host_facts(f->kvm, &facts, &f->e), 0);
	assert_int_equal(setup_host_kept(f->kvm, &facts, &f->e), 0);
	assert_int_equal(facts.unkept.nr_entries, 1);
	const struct cpuid_entry *had = cpuid_get(&facts.supported, 7, 0);
	const struct cpuid_entry *now = cpuid_get(&facts.unkept, 7, 0);
	assert_non_null(now);
	assert_memory_equal(now->reg, had->reg, 3 * sizeof(now->reg[0]));
	assert_int_equal(now->reg[CPUID_EDX], (had->reg[CPUID_EDX] & ~(1u << 29)) | 1u << 2);
	assert_int_equal(facts.nr_unkept_msrs, 1);
	assert_int_equal(facts.unkept_msrs[0].index, 0x10a);
	assert_int_equal(facts.unkept_msrs[0].value, 0);
}

static void setup_host_kept__call_n_fails__facts_stay_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	struct host_facts facts;
	unsigned fds = f->fake->nr_fds, failed = 0;
	drop_arch_capabilities(f);
	f->fake->rewrites[0].drop = 0; /* so that MSRs are set and read back, too */
	assert_int_equal(kvm_host_facts(f->kvm, &facts, &f->e), 0);
	for (unsigned n = 1; n < 20; n++) {
		f->fake->fail_at = f->fake->nr_calls + n;
		facts.kept_known = false;
		int rc = setup_host_kept(f->kvm, &facts, &f->e);
		failed += rc != 0;
		assert_int_equal(facts.kept_known, rc == 0);
		assert_int_equal(f->fake->nr_fds, fds);
		assert_int_equal(f->fake->nr_maps, 1);
	}
	assert_true(failed >= 8);
}

/* Up to its vCPU, that of machines; the fixture has a VM and a vCPU before. */
static void setup_host_kept__scratch_vm__is_built_as_machines_are(void **state)
{
	static const char *const order[] = { "KVM_CREATE_VM", "KVM_SET_IDENTITY_MAP_ADDR",
		"KVM_SET_TSS_ADDR", "KVM_SET_USER_MEMORY_REGION", "KVM_CREATE_IRQCHIP",
		"KVM_CREATE_VCPU", "KVM_SET_LAPIC", "KVM_SET_CPUID2" };
	struct fixture *f = *state;
	struct host_facts facts;
	f->fake->smm = true;
	assert_int_equal(kvm_host_facts(f->kvm, &facts, &f->e), 0);
	int last = (int)f->fake->nr_calls - 1;
	assert_int_equal(setup_host_kept(f->kvm, &facts, &f->e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int at = fake_kvm_find(f->fake, order[i], (unsigned)(last + 1));
		if (at < 0)
			fail_msg("%s is not there, or too early", order[i]);
		last = at;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(setup_host_kept__all_is_kept__is_known_and_empty),
		TEST(setup_host_kept__a_bit_is_dropped__leaf_and_msr_are_in_the_facts),
		TEST(setup_host_kept__call_n_fails__facts_stay_and_nothing_leaks),
		TEST(setup_host_kept__scratch_vm__is_built_as_machines_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
