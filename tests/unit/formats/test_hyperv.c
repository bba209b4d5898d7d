/* SPDX-License-Identifier: MIT */
/* Hyper-V enlightenments as TOML, and a host's leaves of Hyper-V in its file. */
#include "fake/hosts.h"
#include "formats/hostfile.h"
#include "unit/formats/policies.h"

#include "config/config.h"
#include "plan/policy.h"

#include <stdlib.h>

static const struct policy_feature asked[] = { { "hv-relaxed", true, NULL },
	{ "hv-vapic", true, NULL }, { "hv_time", false, NULL }, { "hv-spinlocks", true, NULL } };
static const struct cpu_policy policy = {
	.hyperv_features = asked,
	.nr_hyperv_features = ARRAY_SIZE(asked),
	.hyperv_spinlock_retries = { true, 0x1fff, NULL },
	.hyperv_vendor_id = { "a \"b\"", NULL },
	.topology = { 1, 1, 1, 1 },
};

static void toml__enlightenments__are_a_table_that_reads_back(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char *text = policy_toml(&policy);
	assert_string_equal(text, "[cpu]\n\n[hyperv]\nfeatures = [\"+hv-relaxed\", \"+hv-vapic\", "
				  "\"-hv_time\", \"+hv-spinlocks\"]\nspinlock_retries = 0x1fff\n"
				  "vendor_id = \"a \\\"b\\\"\"\n");
	struct config *c = config_create();
	const struct vm_config *vm = NULL;
	struct vm_policy *made = NULL;
	assert_int_equal(config_load_text(c, text, strlen(text), "x.toml", NULL, &e), 0);
	assert_int_equal(config_finish_policy(c, &vm, &e), 0);
	assert_int_equal(vm_policy_create(&made, c, vm, NULL, NULL, NULL, &e), 0);
	const struct cpu_policy *back = vm_policy_get(made);
	assert_int_equal(back->nr_hyperv_features, ARRAY_SIZE(asked));
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		assert_string_equal(back->hyperv_features[i].name, asked[i].name);
		assert_int_equal(back->hyperv_features[i].on, asked[i].on);
	}
	assert_true(back->hyperv_spinlock_retries.given);
	assert_int_equal(back->hyperv_spinlock_retries.value, 0x1fff);
	assert_string_equal(back->hyperv_vendor_id.text, "a \"b\"");
	vm_policy_destroy(made);
	config_destroy(c);
	free(text);
}

static void model_file_under_a_policy__only_the_outermost_has_enlightenments(void **state)
{
	(void)state;
	const struct cpu_policy outer = { .base = &policy, .topology = { 1, 1, 1, 1 } };
	char *text = policy_toml(&outer);
	assert_string_equal(text, "[cpu]\n");
	free(text);
}

static void hostfile__leaves_of_hyperv__are_read_back(void **state)
{
	(void)state;
	struct hostfile from = { .kind = HOSTFILE_KVM }, to;
	struct err e = ERR_INIT;
	char *text = NULL;
	size_t n = 0;
	host_intel(&from.facts, true);
	host_give_hyperv(&from.facts, true);
	for (unsigned enforce = 0; enforce < 2; enforce++) {
		from.facts.hyperv_enforce_cpuid = enforce;
		FILE *out = open_memstream(&text, &n);
		assert_int_equal(hostfile_write_json(&from, out), 0);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(hostfile_parse(text, n, "host.json", &to, &e), 0);
		assert_int_equal(to.facts.hyperv_enforce_cpuid, enforce);
		assert_int_equal(to.facts.hyperv.nr_entries, from.facts.hyperv.nr_entries);
		for (unsigned i = 0; i < to.facts.hyperv.nr_entries; i++) {
			const struct cpuid_entry *a = &to.facts.hyperv.entries[i];
			const struct cpuid_entry *b = &from.facts.hyperv.entries[i];
			assert_int_equal(a->leaf, b->leaf);
			assert_memory_equal(a->reg, b->reg, sizeof(a->reg));
		}
		free(text);
		text = NULL;
	}
}

static void hostfile__bad_leaves_of_hyperv__refused_by_place(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "{}", "host.json: hyperv: expected an array of objects" },
		{ "[{\"leaf\": \"0x1\"}]", "host.json: hyperv[0]: lacks the member \"eax\"" },
		{ "[{\"leaf\": 1}]", "host.json: hyperv[0].leaf: expected a string such as" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256];
		struct hostfile to;
		struct err e = ERR_INIT;
		(void)snprintf(text, sizeof(text),
			"{\"format\": \"nestor-cpuid\", \"version\": 1, \"kind\": \"kvm\", "
			"\"cpuid\": [], \"hyperv\": %s}",
			rows[i].text);
		assert_true(hostfile_parse(text, strlen(text), "host.json", &to, &e) < 0);
		assert_contains(e.msg, rows[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toml__enlightenments__are_a_table_that_reads_back),
		cmocka_unit_test(model_file_under_a_policy__only_the_outermost_has_enlightenments),
		cmocka_unit_test(hostfile__leaves_of_hyperv__are_read_back),
		cmocka_unit_test(hostfile__bad_leaves_of_hyperv__refused_by_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
