/* SPDX-License-Identifier: MIT */
/* nestor's own TOML: what is written is what the config's reader and the plan make the policy of.
 */
#include "config/config.h"
#include "plan/policy.h"
#include "policies.h"

#include <stdlib.h>

/* The policy of a TOML text, as text; the VM gets the kernel that a config must have. */
static char *normal_of_toml(const char *toml)
{
	static const char kernel[] = NESTOR_SOURCE_DIR "/CMakeLists.txt"; /* some file */
	struct err e = ERR_INIT;
	struct config *c = config_create();
	const struct vm_config *vm = NULL;
	struct vm_policy *policy = NULL;
	assert_non_null(c);
	if (config_load_text(c, toml, strlen(toml), "vm.toml", "/", &e) ||
		config_set_text(c, "boot.kernel", kernel, "--kernel", &e))
		fail_msg("not read: %s\n%s", e.msg, toml);
	if (config_finish(c, &vm, &e))
		fail_msg("not a config: %s\n%s", e.msg, toml);
	if (vm_policy_create(&policy, c, vm, NULL, NULL, NULL, &e))
		fail_msg("not a policy: %s\n%s", e.msg, toml);
	struct cpu_policy p = *vm_policy_get(policy);
	char *text = policy_normal(&p);
	vm_policy_destroy(policy);
	config_destroy(c);
	return text;
}

static void write__random_policies__come_back_equal(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		struct policy_doc *doc = policy_random(seed);
		char *toml = policy_toml(policy_doc_policy(doc));
		char *before = policy_normal(policy_doc_policy(doc));
		char *after = normal_of_toml(toml);
		if (strcmp(before, after) != 0)
			print_error("seed %u: %s\n", seed, toml);
		assert_string_equal(before, after);
		free(before);
		free(after);
		free(toml);
		policy_doc_destroy(doc);
	}
}

static void write__policy__is_readable(void **state)
{
	(void)state;
	const struct policy_feature features[] = {
		{ "pcid", true, NULL },
		{ "lahf-lm", false, NULL },
	};
	const struct policy_leaf leaves[] = {
		{ .leaf = 0x14, .subleaf = 1, .reg = CPUID_EBX, .set = 0x80000000, .clear = 1 },
		{ .leaf = 0x6, .any_subleaf = true, .reg = CPUID_EAX, .set = 4 },
	};
	const struct msr_rule rules[] = {
		{ .first = 0x1a0,
			.last = 0x1a0,
			.read = MSR_VALUE,
			.write = MSR_IGNORE,
			.value = UINT64_MAX },
		{ .first = 0x10, .last = 0x1f, .read = MSR_DENY, .write = MSR_DENY, .log = true },
	};
	const struct policy_msr_bits bits = { .index = 0x10a, .set = 1, .clear = 2 };
	const struct cpu_policy p = {
		.model = { "Haswell", NULL },
		.features = features,
		.nr_features = 2,
		.brand = { "a \"b\" \\", NULL },
		.tsc_khz = { true, 2500000, NULL },
		.leaves = leaves,
		.nr_leaves = 2,
		.msr_default_deny = true,
		.msr_rules = rules,
		.nr_msr_rules = 2,
		.msr_bits = &bits,
		.nr_msr_bits = 1,
		.topology = { 1, 1, 2, 1 },
	};
	char *text = policy_toml(&p);
	assert_string_equal(text, "[cpu]\n"
				  "model = \"Haswell\"\n"
				  "features = [\"+pcid\", \"-lahf_lm\"]\n"
				  "brand = \"a \\\"b\\\" \\\\\"\n"
				  "tsc_frequency = \"2500000kHz\"\n"
				  "sockets = 1\n"
				  "cores = 2\n"
				  "threads = 1\n"
				  "\n[[cpu.leaves]]\n"
				  "leaf = 0x14\n"
				  "subleaf = 0x1\n"
				  "register = \"ebx\"\n"
				  "mask = \"1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0\"\n"
				  "\n[[cpu.leaves]]\n"
				  "leaf = 0x6\n"
				  "register = \"eax\"\n"
				  "mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx1xx\"\n"
				  "\n[msr]\n"
				  "default = \"deny\"\n"
				  "\n[[msr.rules]]\n"
				  "index = 0x1a0\n"
				  "action = \"read-as\"\n"
				  "value = \"0xffffffffffffffff\"\n"
				  "\n[[msr.rules]]\n"
				  "index = 0x1a0\n"
				  "action = \"ignore-write\"\n"
				  "\n[[msr.rules]]\n"
				  "first = 0x10\n"
				  "last = 0x1f\n"
				  "action = \"deny\"\n"
				  "log = true\n"
				  "\n[[msr.bits]]\n"
				  "index = 0x10a\n"
				  "mask = "
				  "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				  "xx01\"\n");
	free(text);
}

static void write__many_features__are_one_a_line(void **state)
{
	(void)state;
	const struct policy_feature features[] = { { "avx", true, NULL }, { "avx2", true, NULL },
		{ "fma", true, NULL }, { "hle", false, NULL }, { "rtm", false, NULL } };
	const struct cpu_policy p = { .features = features, .nr_features = 5 };
	char *text = policy_toml(&p);
	assert_string_equal(text, "[cpu]\nfeatures = [\n\t\"+avx\",\n\t\"+avx2\",\n\t\"+fma\",\n"
				  "\t\"-hle\",\n\t\"-rtm\",\n]\n");
	free(text);
}

static void write__model_file_below__is_folded_in(void **state)
{
	(void)state;
	const struct policy_feature below = { "avx2", false, NULL };
	const struct policy_feature above = { "pcid", true, NULL };
	const struct cpu_policy base = {
		.model = { "Nehalem", NULL }, .features = &below, .nr_features = 1
	};
	const struct cpu_policy p = { .base = &base, .features = &above, .nr_features = 1 };
	char *text = policy_toml(&p);
	assert_string_equal(
		text, "[cpu]\nmodel = \"Nehalem\"\nfeatures = [\"+pcid\", \"-avx2\"]\n");
	free(text);
}

static void write__rule_for_which_there_is_no_word__is_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	const struct msr_rule rule = {
		.first = 0x10, .last = 0x10, .read = MSR_KVM, .write = MSR_DENY
	};
	const struct cpu_policy p = { .msr_rules = &rule, .nr_msr_rules = 1 };
	FILE *out = fopen("/dev/null", "we");
	assert_non_null(out);
	assert_int_equal(toml_cpu_write(&p, out, &e), -22);
	assert_contains(e.msg, "the rule for MSR 0x10 allows one direction and denies the other");
	(void)fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write__random_policies__come_back_equal),
		cmocka_unit_test(write__policy__is_readable),
		cmocka_unit_test(write__many_features__are_one_a_line),
		cmocka_unit_test(write__model_file_below__is_folded_in),
		cmocka_unit_test(write__rule_for_which_there_is_no_word__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
