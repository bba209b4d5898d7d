/* SPDX-License-Identifier: MIT */
/* From TOML to the policy that the engine takes. */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/msr_filter.h"

#include "nesting/profile.h"
#include "plan/plan.h"
#include "plan/policy.h"
#include "plan/shape.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct config *config;
	const struct vm_config *vm;
	struct vm_policy *made;
	const struct cpu_policy *policy;
	struct machine_plan plan;
	struct host_facts host;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->config = config_create();
	host_amd(&f->host, true);
	*state = f;
	return f->config ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	machine_plan_done(&f->plan);
	vm_policy_destroy(f->made);
	config_destroy(f->config);
	free(f);
	return 0;
}

static void read_policy(struct fixture *f, const char *text)
{
	f->e = (struct err)ERR_INIT;
	int rc = config_load_text(f->config, text, strlen(text), "vm.toml", NULL, &f->e);
	if (rc == 0)
		rc = config_finish_policy(f->config, &f->vm, &f->e);
	if (rc == 0)
		rc = vm_policy_create(&f->made, f->config, f->vm, NULL, NULL, &f->host, &f->e);
	if (rc)
		fail_msg("%s", f->e.msg);
	f->policy = vm_policy_get(f->made);
}

static void vm_policy__empty_config__asks_for_nothing(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "");
	assert_null(f->policy->model.text);
	assert_int_equal(f->policy->nr_features, 0);
	assert_false(f->policy->on_missing_given || f->policy->hypervisor_given ||
		     f->policy->cache_given || f->policy->family.given);
	assert_int_equal(f->policy->migration, CPU_MIGRATION_OFF);
	assert_int_equal(f->policy->topology.cores, 1);
}

static void vm_policy__features__each_with_its_own_place(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[cpu]\nmodel = \"EPYC\"\nfeatures = [\n\t\"+pcid\",\n\t\"-avx2\",\n]\n");
	assert_string_equal(f->policy->model.text, "EPYC");
	assert_string_equal(f->policy->model.origin, "vm.toml:2:9");
	assert_int_equal(f->policy->nr_features, 2);
	assert_string_equal(f->policy->features[0].name, "pcid");
	assert_true(f->policy->features[0].on);
	assert_string_equal(f->policy->features[0].origin, "vm.toml:4:2");
	assert_string_equal(f->policy->features[1].name, "avx2");
	assert_false(f->policy->features[1].on);
	assert_string_equal(f->policy->features[1].origin, "vm.toml:5:2");
}

static void vm_policy__numbers_that_are_0__are_given(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[cpu]\nstepping = 0\nphys_bits = 40\ntsc_frequency = \"2.5GHz\"\n");
	assert_true(f->policy->stepping.given);
	assert_int_equal(f->policy->stepping.value, 0);
	assert_false(f->policy->family.given);
	assert_int_equal(f->policy->phys_bits.value, 40);
	assert_int_equal(f->policy->tsc_khz.value, 2500000);
}

static void vm_policy__words__become_the_engines(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[cpu]\nhypervisor = \"none\"\non_missing = \"drop\"\ncache = \"none\"\n"
		       "compatibility_for_migration_enabled = true\n"
		       "compatibility_for_older_operating_systems = true\n");
	assert_int_equal(f->policy->hypervisor, CPU_HYPERVISOR_NONE);
	assert_int_equal(f->policy->on_missing, CPU_MISSING_DROP);
	assert_int_equal(f->policy->cache, CPU_CACHE_NONE);
	assert_int_equal(f->policy->migration, CPU_MIGRATION_MINIMUM);
	assert_string_equal(f->policy->migration_origin, "vm.toml:5:39");
	assert_true(f->policy->older_os);
}

static void vm_policy__leaf_rules__masks_and_places(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[[cpu.leaves]]\nleaf = \"0x80000008\"\nregister = \"ecx\"\n"
		       "mask = \"xxxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxx01\"\n"
		       "[[cpu.leaves]]\nleaf = 7\nsubleaf = 0\nregister = \"ebx\"\n"
		       "mask = \"1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n");
	assert_int_equal(f->policy->nr_leaves, 2);
	const struct policy_leaf *a = &f->policy->leaves[0], *b = &f->policy->leaves[1];
	assert_int_equal(a->leaf, 0x80000008);
	assert_true(a->any_subleaf);
	assert_int_equal(a->reg, CPUID_ECX);
	assert_int_equal(a->set, 1);
	assert_int_equal(a->clear, 2);
	assert_string_equal(a->origin, "vm.toml:4:8");
	assert_false(b->any_subleaf);
	assert_int_equal(b->set, 0x80000000);
}

static void vm_policy__msr_rules__both_directions(void **state)
{
	struct fixture *f = *state;
	read_policy(f,
		"[msr]\ndefault = \"deny\"\n"
		"[[msr.rules]]\nfirst = 0x10\nlast = 0x20\naction = \"allow\"\n"
		"[[msr.rules]]\nindex = 0x8b\naction = \"read-as\"\n"
		"value = \"0xffffffff00000000\"\n"
		"[[msr.rules]]\nindex = 0x8b\naction = \"ignore-write\"\nlog = true\n"
		"[[msr.bits]]\nindex = 0x10a\n"
		"mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0\"\n");
	assert_true(f->policy->msr_default_deny);
	assert_int_equal(f->policy->nr_msr_rules, 3);
	const struct msr_rule *r = f->policy->msr_rules;
	assert_int_equal(r[0].read, MSR_KVM);
	assert_int_equal(r[0].write, MSR_KVM);
	assert_int_equal(r[0].last, 0x20);
	assert_int_equal(r[1].read, MSR_VALUE);
	assert_int_equal(r[1].write, MSR_UNRULED);
	assert_true(r[1].value == UINT64_C(0xffffffff00000000));
	assert_int_equal(r[2].read, MSR_UNRULED);
	assert_int_equal(r[2].write, MSR_IGNORE);
	assert_true(r[2].log);
	assert_int_equal(f->policy->nr_msr_bits, 1);
	assert_int_equal(f->policy->msr_bits[0].clear, 1);
}

static void plan_shape__threads_of_the_host__are_asked_of_its_facts(void **state)
{
	struct fixture *f = *state;
	struct policy_topology shape;
	read_policy(f, "[cpu]\nhw_thread_count_per_core = 0\nvcpus = 8\n");
	f->host.threads_per_core = 2;
	assert_int_equal(plan_shape(f->vm, &f->host, &shape, &f->e), 0);
	assert_int_equal(shape.threads, 2);
	assert_int_equal(shape.cores, 4);
	f->host.threads_per_core = 3;
	assert_int_equal(plan_shape(f->vm, &f->host, &shape, &f->e), -EINVAL);
	assert_contains(f->e.msg, "as many as a core of this host has");
	assert_int_equal(plan_shape(f->vm, NULL, &shape, &f->e), 0);
	assert_int_equal(shape.threads, 1);
}

static void vm_policy__nesting_table__says_where_each_key_stands(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = true\n"
		       "extensions = \"svm\"\nprofile = \"xen\"\nmax_depth = 2\n"
		       "require = true\n");
	assert_string_equal(f->policy->knob_origin, "vm.toml:2:36");
	assert_string_equal(f->policy->extensions_origin, "vm.toml:3:14");
	assert_string_equal(f->policy->profile_origin, "vm.toml:4:11");
	assert_true(f->policy->max_depth.given);
	assert_int_equal(f->policy->max_depth.value, 2);
	assert_string_equal(f->policy->max_depth.origin, "vm.toml:5:13");
	assert_string_equal(f->policy->require_origin, "vm.toml:6:11");
}

static void vm_policy__no_nesting_table__has_no_limit(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "");
	assert_false(f->policy->max_depth.given);
	assert_null(f->policy->profile_origin);
}

static int plan(struct fixture *f)
{
	machine_plan_done(&f->plan);
	f->e = (struct err)ERR_INIT;
	return plan_machine(f->vm, f->policy, &f->host, NULL, &f->plan, &f->e);
}

static void plan_machine__knob_off_and_svm_asked_for__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = false\n"
		       "[cpu]\nfeatures = [\"+svm\"]\n");
	assert_int_equal(plan(f), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "vm.toml:4:13");
	assert_contains(f->e.msg, "vm.toml:2:36");
}

static void plan_machine__knob_on_and_svm_taken_away__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = true\n"
		       "[cpu]\nfeatures = [\"-svm\"]\n");
	assert_int_equal(plan(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:4:13");
	assert_contains(f->e.msg, "vm.toml:2:36");
}

static void plan_machine__nesting_table__is_followed(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = true\n"
		       "features = [\"-npt\", \"+vmx-ept\"]\nmax_depth = 1\n");
	if (plan(f))
		fail_msg("%s", f->e.msg);
	assert_int_equal(cpuid_value(&f->plan.cpu.table, 0x8000000a, 0, CPUID_EDX) & 1, 0);
	assert_true(f->plan.depth.limited);
	assert_int_equal(f->plan.depth.remainder, 0);
	assert_int_equal(cpuid_value(&f->plan.cpu.table, 0x40000200, 0, CPUID_EAX), 0x40000201);
}

static void plan_machine__both_feature_lists_at_odds__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = true\n"
		       "features = [\"-npt\"]\n[cpu]\nfeatures = [\"+npt\"]\n");
	assert_int_equal(plan(f), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "vm.toml:3:13: nesting.features: -npt contradicts +npt");
	assert_contains(f->e.msg, "at vm.toml:5:13");
}

static void plan_machine__knob_off_and_a_raw_rule_for_svm__refused(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[[cpu.leaves]]\nleaf = \"0x80000001\"\nregister = \"ecx\"\n"
		       "mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx1xx\"\n");
	assert_int_equal(plan(f), -EINVAL);
	assert_contains(f->e.msg, "NEST-03");
}

static void plan_machine__knob_on_a_model_without_svm__svm_is_added(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[nesting]\nexpose_virtualization_extensions = true\n"
		       "[cpu]\nmodel = \"x86-64-v1\"\non_missing = \"drop\"\n");
	assert_int_equal(plan(f), 0);
	assert_true(cpuid_has_svm(&f->plan.cpu.table));
}

static void plan_machine__users_msr_rule__cannot_open_what_the_knob_hides(void **state)
{
	struct fixture *f = *state;
	read_policy(f, "[[msr.rules]]\nfirst = 0xc0010114\nlast = 0xc0010118\n"
		       "action = \"allow\"\n");
	assert_int_equal(plan(f), 0);
	assert_false(msr_filter_passes(&f->plan.filter, 0xc0010117, false));
	assert_int_equal(msr_policy_access(&f->plan.cpu.msrs, 0xc0010117, true).action, MSR_DENY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define COUNT_PROFILE(id, name) +1

/* The key's words and the profiles' data name the same ones. */
static void nesting_profiles__each_word_of_the_key__has_its_data(void **state)
{
	size_t n;
	(void)state;
	(void)nesting_profiles(&n);
	assert_int_equal(n, 0 CONFIG_NESTING_PROFILES(COUNT_PROFILE));
	for (size_t i = 0; i < n; i++) {
		const char *name = config_nesting_profile_name((enum config_nesting_profile)i);
		assert_non_null(nesting_profile_find(name));
		assert_string_equal(nesting_profile_find(name)->name, name);
	}
	assert_string_equal(config_nesting_profile_name(CONFIG_PROFILE_HYPERV), "hyperv");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting_profiles__each_word_of_the_key__has_its_data),
		TEST(vm_policy__empty_config__asks_for_nothing),
		TEST(vm_policy__features__each_with_its_own_place),
		TEST(vm_policy__numbers_that_are_0__are_given),
		TEST(vm_policy__words__become_the_engines),
		TEST(vm_policy__leaf_rules__masks_and_places),
		TEST(vm_policy__msr_rules__both_directions),
		TEST(plan_shape__threads_of_the_host__are_asked_of_its_facts),
		TEST(plan_machine__knob_off_and_svm_asked_for__refused_with_both_lines),
		TEST(plan_machine__knob_on_and_svm_taken_away__refused_with_both_lines),
		TEST(vm_policy__nesting_table__says_where_each_key_stands),
		TEST(vm_policy__no_nesting_table__has_no_limit),
		TEST(plan_machine__nesting_table__is_followed),
		TEST(plan_machine__both_feature_lists_at_odds__refused_with_both_lines),
		TEST(plan_machine__knob_off_and_a_raw_rule_for_svm__refused),
		TEST(plan_machine__knob_on_a_model_without_svm__svm_is_added),
		TEST(plan_machine__users_msr_rule__cannot_open_what_the_knob_hides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
