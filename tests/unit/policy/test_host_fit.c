/* SPDX-License-Identifier: MIT */
/* Which hosts run a VM or a model, and what the others lack. */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "policy/host_fit.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct host_facts host;
	struct policy_file *file;
	struct host_fit *fit;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	if (!f || host_fit_create(&f->fit, NULL))
		return -1;
	host_intel(&f->host, false);
	f->host.max_vcpus = f->host.max_vcpu_id = 64;
	/* There is no avx, which it needs. */
	cpuid_find(&f->host.supported, 7, 0)->reg[CPUID_EBX] &= ~(UINT32_C(1) << 5);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	host_fit_destroy(f->fit);
	policy_file_destroy(f->file);
	free(f);
	return 0;
}

static int ask(struct fixture *f, const char *text)
{
	const struct config_source source = { .name = "vm.toml", .text = text, .n = strlen(text) };
	policy_file_destroy(f->file);
	f->file = NULL;
	assert_int_equal(policy_file_load(&f->file, &source, POLICY_FILE_ASK, &f->e), 0);
	return host_fit_vm(f->fit, f->file, &f->host, &f->e);
}

/* The only loss that there is. */
static struct host_loss only_loss(const struct host_fit *fit)
{
	unsigned at = 0;
	struct host_loss loss = { 0 }, more;
	assert_int_equal(host_fit_count_losses(fit), 1);
	assert_true(host_fit_next_loss(fit, &at, &loss));
	assert_false(host_fit_next_loss(fit, &at, &more));
	assert_false(host_fit_next_loss(fit, &at, &more));
	return loss;
}

static void vm__host_has_all__runs(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "[memory]\nsize = \"64M\"\n"), 0);
	assert_true(f->fit->runs);
	assert_int_equal(host_fit_count_losses(f->fit), 0);
}

static void vm__feature_missing__named_with_place_and_line(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "[cpu]\nfeatures = [\"+sse4a\"]\n"), 0);
	assert_false(f->fit->runs);
	assert_false(f->fit->is_of_kept);
	assert_int_equal(f->fit->nr_missing, 1);
	struct host_loss loss = only_loss(f->fit);
	assert_string_equal(loss.what, "sse4a");
	assert_contains(loss.place, "0x80000001");
	assert_string_equal(loss.origin, "vm.toml:2:13");
	assert_int_equal(ask(f, "[cpu]\non_missing = \"drop\"\nfeatures = [\"+sse4a\"]\n"), 0);
	assert_true(f->fit->runs);
	assert_string_equal(only_loss(f->fit).what, "sse4a");
}

/* What was asked before is gone. */
static void vm__asked_again__only_the_last_answer(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "[cpu]\nfeatures = [\"+sse4a\"]\n"), 0);
	assert_int_equal(ask(f, "[memory]\nsize = \"64M\"\n"), 0);
	assert_true(f->fit->runs);
	assert_string_equal(f->fit->why.msg, "");
	assert_int_equal(f->fit->nr_missing, 0);
	assert_int_equal(host_fit_count_losses(f->fit), 0);
}

static void vm__too_many_vcpus__another_reason(void **state)
{
	struct fixture *f = *state;
	f->host.max_vcpus = 2;
	assert_int_equal(ask(f, "[cpu]\nvcpus = 3\n"), 0);
	assert_false(f->fit->runs);
	assert_int_equal(f->fit->nr_missing, 0);
	assert_contains(f->fit->why.msg, "cpu.vcpus");
}

static void vm__kvm_keeps_less__refused_as_run_would(void **state)
{
	struct fixture *f = *state;
	const struct feature *erms = feature_find("erms");
	const struct feature_word *word = feature_word(erms->id / 32);
	f->host.kept_known = true;
	f->host.unkept.nr_entries = 1;
	f->host.unkept.entries[0] = *cpuid_get(&f->host.supported, word->leaf, word->subleaf);
	f->host.unkept.entries[0].reg[word->reg] &= ~(UINT32_C(1) << erms->id % 32);
	assert_int_equal(ask(f, "[cpu]\nfeatures = [\"+erms\"]\n"), 0);
	assert_false(f->fit->runs);
	assert_true(f->fit->is_of_kept);
	assert_int_equal(f->fit->nr_missing, 0);
	assert_contains(f->fit->why.msg, "erms");
	assert_contains(only_loss(f->fit).what, "erms");
	assert_int_equal(ask(f, "[cpu]\non_missing = \"drop\"\nfeatures = [\"+erms\"]\n"), 0);
	assert_true(f->fit->runs);
	assert_false(f->fit->is_of_kept);
}

static void vm__bad_policy__an_error_on_any_host(void **state)
{
	struct fixture *f = *state;
	assert_true(ask(f, "[cpu]\nfeatures = [\"+avx3\"]\n") < 0);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "avx3");
}

static void model__of_each_kind__runs_or_lacks(void **state)
{
	struct fixture *f = *state;
	struct feature_set missing;
	host_fit_model(f->fit, cpu_model_find("Skylake-Client"), &f->host);
	assert_false(f->fit->runs);
	host_fit_missing(f->fit, &missing);
	assert_true(f->fit->nr_missing > 0);
	assert_true(feature_set_has(&missing, feature_find("avx2")->id));
	/* The text that asks for it is nobody's. */
	unsigned at = 0;
	struct host_loss loss;
	while (host_fit_next_loss(f->fit, &at, &loss))
		assert_null(loss.origin);
	host_fit_model(f->fit, cpu_model_find("EPYC-Rome"), &f->host);
	assert_false(f->fit->runs);
	assert_int_equal(f->fit->nr_missing, 0);
	assert_contains(f->fit->why.msg, "AuthenticAMD");
	host_fit_model(f->fit, cpu_model_find("486"), &f->host);
	assert_true(f->fit->runs);
	host_fit_missing(f->fit, &missing);
	assert_true(feature_set_is_empty(&missing));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vm__host_has_all__runs),
		TEST(vm__feature_missing__named_with_place_and_line),
		TEST(vm__asked_again__only_the_last_answer),
		TEST(vm__too_many_vcpus__another_reason),
		TEST(vm__kvm_keeps_less__refused_as_run_would),
		TEST(vm__bad_policy__an_error_on_any_host),
		TEST(model__of_each_kind__runs_or_lacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
