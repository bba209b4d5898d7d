/* SPDX-License-Identifier: MIT */
/* Planning on a fake KVM, at once and by a worker. */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/kvm.h"

#include "policy/planning.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct fixture {
	struct host_facts facts;
	struct fake_kvm *fake;
	struct kvm *kvm;
	struct worker *worker;
	struct policy_file *file;
	struct machine_plan *plan;
	const struct cpu_policy *policy;
	struct err e;
	char reports[4096];
	struct reporter reporter;
};

static void hear(void *ctx, enum report_level level, const char *text)
{
	struct fixture *f = ctx;
	(void)level;
	size_t used = strlen(f->reports);
	(void)snprintf(f->reports + used, sizeof(f->reports) - used, "%s\n", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	host_intel(&f->facts, true);
	f->reporter = (struct reporter){ .fn = hear, .ctx = f, .least = REPORT_INFO };
	f->fake = fake_kvm_create(&f->facts);
	return !f->fake || worker_create(&f->worker, &f->e);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	worker_destroy(f->worker);
	plan_destroy(f->plan);
	policy_file_destroy(f->file);
	kvm_close(f->kvm);
	bool clean = fake_kvm_is_clean(f->fake);
	fake_kvm_destroy(f->fake);
	free(f);
	return clean ? 0 : -1;
}

#define VM "name = \"web\"\n[memory]\nsize = \"64M\"\n"

static void load(struct fixture *f, const char *text)
{
	const struct config_source source = { .name = "vm.toml", .text = text, .n = strlen(text) };
	assert_int_equal(policy_file_load(&f->file, &source, POLICY_FILE_ASK, &f->e), 0);
}

/* What the worker is given next, and what it finds. */
struct next {
	struct fixture *f;
	struct work work;
	const struct machine_plan *found;
	bool done;
};

static void look(void *ctx)
{
	struct next *next = ctx;
	next->found = next->f->plan;
	next->done = true;
}

/* As nestor run does it: the file is read in between, and the worker has more to do. */
static int plan_by_worker(struct fixture *f, const char *text, struct next *next)
{
	struct planning *planning = NULL;
	*next = (struct next){ .f = f, .work = { .run = look, .ctx = next } };
	int rc = plan_begin(&planning, &f->fake->calls, "fake", f->worker, &f->e);
	if (rc)
		return rc;
	load(f, text);
	rc = plan_kvm(planning, &f->kvm, &f->e);
	if (rc) {
		plan_abandon(planning);
		return rc;
	}
	plan_compute(planning, f->file, &f->reporter, &f->plan, &f->policy);
	worker_give(f->worker, &next->work);
	rc = plan_finish(planning, &f->e);
	worker_await(f->worker, &next->work);
	assert_true(next->done);
	assert_ptr_equal(next->found, f->plan);
	return rc;
}

static void planning__by_a_worker__is_the_plan_made_at_once(void **state)
{
	struct fixture *f = *state;
	struct next next;
	struct machine_plan *at_once = NULL;
	assert_int_equal(plan_by_worker(f, VM, &next), 0);
	assert_non_null(f->plan);
	assert_non_null(f->policy);
	assert_int_equal(plan_on_host(f->kvm, f->file, /* reporter */ NULL, &at_once,
				 /* policy */ NULL, &f->e),
		0);
	const struct cpuid_table *a = &f->plan->cpu.table, *b = &at_once->cpu.table;
	assert_int_equal(f->plan->nr_vcpus, at_once->nr_vcpus);
	assert_int_equal(a->nr_entries, b->nr_entries);
	assert_true(a->nr_entries > 0);
	for (unsigned i = 0; i < a->nr_entries; i++) {
		assert_int_equal(a->entries[i].leaf, b->entries[i].leaf);
		assert_memory_equal(
			a->entries[i].reg, b->entries[i].reg, sizeof(a->entries[i].reg));
	}
	plan_destroy(at_once);
}

static void planning__refused__no_plan_for_what_comes_next(void **state)
{
	struct fixture *f = *state;
	struct next next;
	assert_int_equal(
		plan_by_worker(f, VM "[cpu]\nmodel = \"EPYC\"\non_missing = \"error\"\n", &next),
		-ENOTSUP);
	assert_true(f->e.msg[0] != '\0');
	assert_null(f->plan);
	assert_null(f->policy);
}

/* The plan ends at the first; what is wrong on every host is said all the same, by place. */
static void planning__refused_at_one_step__what_later_ones_would_say_is_there(void **state)
{
	struct fixture *f = *state;
	struct next next;
	assert_int_equal(plan_by_worker(f,
				 VM "[cpu]\nmodel = \"EPYC-Roma\"\nfeatures = [\"+svm\"]\n"
				    "[hyperv]\nfeatures = [\"+hv-relaxd\"]\n",
				 &next),
		-EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_string_equal(f->e.msg,
		"vm.toml:5:9: cpu.model: unknown model EPYC-Roma, did you mean EPYC-Rome?\n"
		"vm.toml:6:13: cpu.features: +svm contradicts "
		"nesting.expose_virtualization_extensions = false\n"
		"vm.toml:8:13: hyperv.features: unknown enlightenment hv-relaxd, did you mean "
		"hv-relaxed?");
	assert_null(f->plan);
}

static void planning__features_missing__are_reported_before_it_is_finished(void **state)
{
	struct fixture *f = *state;
	struct next next;
	assert_int_equal(
		plan_by_worker(
			f, VM "[cpu]\nfeatures = [\"+avx512f\"]\non_missing = \"warn\"\n", &next),
		0);
	assert_contains(f->reports, "avx512f");
}

/* Begins, and changes its mind, the worker being wherever it is. */
static void plan_abandon__begun__frees_all_once_kvm_has_answered(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 20; i++) {
		struct planning *planning = NULL;
		f->fake->nr_calls = 0;
		assert_int_equal(
			plan_begin(&planning, &f->fake->calls, "fake", f->worker, &f->e), 0);
		plan_abandon(planning);
		assert_int_equal(fake_kvm_count(f->fake, "KVM_GET_SUPPORTED_CPUID"), 1);
		assert_true(fake_kvm_is_clean(f->fake)); /* KVM was closed */
	}
	plan_abandon(NULL);
}

static void plan_kvm__cannot_be_opened__says_so_and_asks_nothing(void **state)
{
	struct fixture *f = *state;
	struct planning *planning = NULL;
	f->fake->fail_at = 1;
	f->fake->fail_code = ENOENT;
	assert_int_equal(plan_begin(&planning, &f->fake->calls, "fake", f->worker, &f->e), 0);
	assert_int_equal(plan_kvm(planning, &f->kvm, &f->e), -ENOENT);
	assert_contains(f->e.msg, "cannot open fake");
	assert_null(f->kvm);
	plan_abandon(planning);
	assert_int_equal(f->fake->nr_calls, 1);
}

/* Which thread makes call n, nobody knows. */
static bool plan_failing_at(struct fixture *f, unsigned n)
{
	struct next next = { .done = false };
	f->fake->nr_calls = 0;
	f->fake->fail_at = n;
	f->fake->fail_code = EIO;
	f->e = (struct err)ERR_INIT;
	int rc = plan_by_worker(f, VM, &next);
	f->fake->fail_at = 0;
	assert_int_equal(rc != 0, f->e.msg[0] != '\0');
	assert_int_equal(rc != 0, f->plan == NULL);
	plan_destroy(f->plan);
	f->plan = NULL;
	policy_file_destroy(f->file);
	f->file = NULL;
	kvm_close(f->kvm);
	f->kvm = NULL;
	assert_true(fake_kvm_is_clean(f->fake));
	return f->fake->nr_calls >= n;
}

static void planning__call_n_fails__an_error_or_an_absent_capability(void **state)
{
	struct fixture *f = *state;
	unsigned n = 1;
	while (plan_failing_at(f, n))
		n++;
	assert_true(n > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(planning__by_a_worker__is_the_plan_made_at_once),
		TEST(planning__refused__no_plan_for_what_comes_next),
		TEST(planning__refused_at_one_step__what_later_ones_would_say_is_there),
		TEST(planning__features_missing__are_reported_before_it_is_finished),
		TEST(plan_abandon__begun__frees_all_once_kvm_has_answered),
		TEST(plan_kvm__cannot_be_opened__says_so_and_asks_nothing),
		TEST(planning__call_n_fails__an_error_or_an_absent_capability),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
