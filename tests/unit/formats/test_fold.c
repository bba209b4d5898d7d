/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "formats/fold.h"

#include <errno.h>

static const struct policy_feature base_features[] = {
	{ "avx2", true, "base.toml:1:1" },
	{ "sse4-1", false, "base.toml:1:2" },
};
static const struct policy_feature own_features[] = {
	{ "avx2", false, "vm.toml:1:1" },
	{ "pcid", true, "vm.toml:1:2" },
	{ "pcid", true, "vm.toml:1:3" },
};
static const struct policy_leaf base_leaves[] = {
	{ .leaf = 7, .subleaf = 0, .reg = CPUID_EBX, .set = 0xf },
};
static const struct policy_leaf own_leaves[] = {
	{ .leaf = 7, .subleaf = 0, .reg = CPUID_EBX, .clear = 0x3 },
};

static void init__model_file_below__is_overruled_name_by_name(void **state)
{
	(void)state;
	const struct cpu_policy base = {
		.model = { "Haswell", NULL },
		.features = base_features,
		.nr_features = ARRAY_SIZE(base_features),
		.brand = { "base", NULL },
		.stepping = { true, 3, NULL },
		.leaves = base_leaves,
		.nr_leaves = 1,
	};
	const struct cpu_policy own = {
		.base = &base,
		.features = own_features,
		.nr_features = ARRAY_SIZE(own_features),
		.brand = { "own", NULL },
		.leaves = own_leaves,
		.nr_leaves = 1,
		.topology = { 1, 1, 2, 1 },
	};
	struct fold f;
	struct err e = ERR_INIT;
	assert_int_equal(fold_init(&f, &own, &e), 0);
	assert_string_equal(f.model_name, "Haswell");
	assert_ptr_equal(f.model, cpu_model_find("Haswell"));
	assert_int_equal(f.policy->nr_features, 3);
	assert_true(feature_set_has(&f.off, FEATURE_ID_avx2));
	assert_false(feature_set_has(&f.on, FEATURE_ID_avx2));
	assert_true(feature_set_has(&f.on, FEATURE_ID_pcid));
	assert_string_equal(f.policy->features[2].name, "sse4.1");
	assert_string_equal(f.policy->brand.text, "own");
	assert_int_equal(f.policy->stepping.value, 3);
	assert_int_equal(f.policy->topology.cores, 2);
	assert_int_equal(f.policy->nr_leaves, 2);
	assert_int_equal(f.policy->leaves[0].set, 0xc);
	assert_int_equal(f.policy->leaves[1].clear, 0x3);
	fold_done(&f);
}

static void init__unknown_names__are_refused_with_the_nearest(void **state)
{
	(void)state;
	const struct policy_feature feature = { "avx512ff", true, "vm.toml:3:1" };
	const struct cpu_policy bad_feature = { .features = &feature, .nr_features = 1 };
	const struct cpu_policy bad_model = { .model = { "Haswel", "vm.toml:2:1" } };
	struct fold f;
	struct err e = ERR_INIT;
	assert_int_equal(fold_init(&f, &bad_feature, &e), -EINVAL);
	assert_string_equal(e.msg, "vm.toml:3:1: unknown feature avx512ff, did you mean avx512f?");
	fold_done(&f);
	assert_int_equal(fold_init(&f, &bad_model, &e), -EINVAL);
	assert_string_equal(e.msg, "vm.toml:2:1: unknown model Haswel, did you mean Haswell?");
	fold_done(&f);
}

static void init__both_signs_in_one_layer__are_refused(void **state)
{
	(void)state;
	const struct policy_feature features[] = {
		{ "sse4_1", true, NULL },
		{ "sse4.1", false, NULL },
	};
	const struct cpu_policy p = { .features = features, .nr_features = 2 };
	struct fold f;
	struct err e = ERR_INIT;
	assert_int_equal(fold_init(&f, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "the policy: both +sse4.1 and -sse4.1 are asked for");
	fold_done(&f);
}

static void init__model_files_without_end__are_refused(void **state)
{
	(void)state;
	struct cpu_policy p = { .base = &p };
	struct fold f;
	struct err e = ERR_INIT;
	assert_int_equal(fold_init(&f, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "more than 8 model files, one under the other");
	fold_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init__model_file_below__is_overruled_name_by_name),
		cmocka_unit_test(init__unknown_names__are_refused_with_the_nearest),
		cmocka_unit_test(init__both_signs_in_one_layer__are_refused),
		cmocka_unit_test(init__model_files_without_end__are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
