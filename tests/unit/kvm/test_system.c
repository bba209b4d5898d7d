/* SPDX-License-Identifier: MIT */
#include "unit/kvm/fixture.h"

#include "base/worker.h"
#include "cpuid/nestor_leaf.h"
#include "kvm/internal.h"

#include <cpuid.h>

static int open_fake(struct fixture *f)
{
	return kvm_open(&f->kvm, &f->fake->calls, "/dev/kvm", &f->e);
}

static void kvm_open__all_good__opens_and_closes(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(f->fake->nr_fds, 1);
	assert_int_equal(kvm_api_version(f->kvm), 12);
	kvm_close(NULL);
}

static void kvm_open__no_device__says_what_to_load(void **state)
{
	struct fixture *f = *state;
	fail_next(f, ENOENT);
	assert_int_equal(open_fake(f), -ENOENT);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "/dev/kvm: No such file");
	assert_contains(f->e.hint, "kvm_intel");
}

static void kvm_open__not_allowed__says_which_group(void **state)
{
	struct fixture *f = *state;
	fail_next(f, EACCES);
	assert_int_equal(open_fake(f), -EACCES);
	assert_contains(f->e.msg, "Permission denied");
	assert_contains(f->e.hint, "group");
}

static void kvm_open__other_api_version__refused(void **state)
{
	struct fixture *f = *state;
	f->fake->api_version = 11;
	assert_int_equal(open_fake(f), -ENOTSUP);
	assert_contains(f->e.msg, "version 11, expected 12");
}

static void kvm_open__any_required_capability_absent__refused_by_name(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct kvm_capability *caps = kvm_capabilities(&n);
	for (size_t i = 0; i < n; i++) {
		if (!caps[i].required)
			continue;
		f->fake->absent_cap = caps[i].number;
		assert_int_equal(open_fake(f), -ENOTSUP);
		assert_contains(f->e.msg, caps[i].name);
		assert_contains(f->e.hint, "5.10");
		assert_null(f->kvm);
	}
}

static void kvm_open__optional_capability_absent__accepted(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct kvm_capability *caps = kvm_capabilities(&n);
	for (size_t i = 0; i < n; i++) {
		if (caps[i].required)
			continue;
		f->fake->absent_cap = caps[i].number;
		assert_int_equal(open_fake(f), 0);
		kvm_close(f->kvm);
		f->kvm = NULL;
	}
}

static void kvm_open__shared_page_too_small__refused(void **state)
{
	struct fixture *f = *state;
	f->fake->run_size = 128;
	assert_int_equal(open_fake(f), -EPROTO);
	assert_contains(f->e.msg, "KVM_GET_VCPU_MMAP_SIZE gives 128");
}

static void kvm_open__nothing_of_err__still_returns_codes(void **state)
{
	struct fixture *f = *state;
	fail_next(f, ENOENT);
	assert_int_equal(kvm_open(&f->kvm, &f->fake->calls, "/dev/kvm", NULL), -ENOENT);
	f->fake->absent_cap = KVM_CAP_IRQCHIP;
	assert_int_equal(kvm_open(&f->kvm, &f->fake->calls, "/dev/kvm", NULL), -ENOTSUP);
}

/* Whatever call fails, the error has words and nothing leaks. Returns whether call n came. */
static bool open_failing_at(struct fixture *f, unsigned n)
{
	struct host_facts *facts = calloc(1, sizeof(*facts));
	assert_non_null(facts);
	f->fake->nr_calls = 0;
	f->fake->fail_at = n;
	f->e = (struct err)ERR_INIT;
	int rc = open_fake(f);
	if (rc == 0)
		rc = kvm_host_facts(f->kvm, facts, &f->e);
	assert_int_equal(rc != 0, f->e.msg[0] != '\0');
	kvm_close(f->kvm);
	f->kvm = NULL;
	assert_true(fake_kvm_is_clean(f->fake));
	free(facts);
	return f->fake->nr_calls >= n;
}

static void kvm_open_and_facts__call_n_fails__an_error_or_an_absent_capability(void **state)
{
	struct fixture *f = *state;
	unsigned n = 1;
	while (open_failing_at(f, n))
		n++;
	assert_true(n > 20);
}

static void kvm_host_facts__synthetic_host__are_what_it_said(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.supported.nr_entries, f->facts.supported.nr_entries);
	for (unsigned i = 0; i < got.supported.nr_entries; i++) {
		const struct cpuid_entry *a = &got.supported.entries[i];
		const struct cpuid_entry *b = &f->facts.supported.entries[i];
		assert_int_equal(a->leaf, b->leaf);
		assert_int_equal(a->subleaf, b->subleaf);
		assert_int_equal(a->subleaf_matters, b->subleaf_matters);
		assert_memory_equal(a->reg, b->reg, sizeof(a->reg));
	}
	assert_int_equal(got.max_vcpus, 1024);
	assert_int_equal(got.max_vcpu_id, 4096);
	assert_int_equal(got.nr_memslots, 32764);
	assert_true(got.tsc_deadline_timer && got.split_irqchip && got.nested_state);
}

static void facts_without(struct fixture *f, int cap, struct host_facts *ret_facts)
{
	f->fake->absent_cap = cap;
	assert_int_equal(kvm_host_facts(f->kvm, ret_facts, &f->e), 0);
}

static void kvm_host_facts__capabilities_absent__take_the_documented_values(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	assert_int_equal(open_fake(f), 0);
	facts_without(f, KVM_CAP_MAX_VCPU_ID, &got);
	assert_int_equal(got.max_vcpu_id, got.max_vcpus);
	facts_without(f, KVM_CAP_X2APIC_API, &got);
	assert_int_equal(got.max_vcpu_id, 255);
	facts_without(f, KVM_CAP_SPLIT_IRQCHIP, &got);
	assert_false(got.split_irqchip);
	facts_without(f, KVM_CAP_NESTED_STATE, &got);
	assert_false(got.nested_state);
	f->facts.max_vcpus = 0;
	facts_without(f, KVM_CAP_MAX_VCPUS, &got);
	assert_int_equal(got.max_vcpus, 4);
}

static void kvm_host_facts__more_leaves_than_fit__refused(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	assert_int_equal(open_fake(f), 0);
	fail_next(f, E2BIG);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), -E2BIG);
	assert_contains(f->e.msg, "KVM_GET_SUPPORTED_CPUID with room for 256 entries");
}

static void give_feature_msrs(struct fixture *f, unsigned n)
{
	f->facts.nr_feature_msrs = n;
	for (unsigned i = 0; i < n; i++)
		f->facts.feature_msrs[i] = (struct msr_value){ 0x480 + i, 0x1000 + i };
}

struct reading {
	struct fixture *f;
	struct host_facts *facts;
	struct err e;
};

static void read_cpuid(void *ctx)
{
	struct reading *r = ctx;
	assert_int_equal(kvm_host_facts_cpuid(r->f->kvm, r->facts, &r->e), 0);
}

/* Also a test for ThreadSanitizer. */
static void kvm_host_facts_others__while_another_thread_reads_cpuid__are_those_read_at_once(
	void **state)
{
	struct fixture *f = *state;
	struct host_facts at_once = { 0 }, got = { 0 };
	struct reading reading = { .f = f, .facts = &got };
	struct work work = { .run = read_cpuid, .ctx = &reading };
	struct worker *worker = NULL;
	give_feature_msrs(f, 3);
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(kvm_host_facts(f->kvm, &at_once, &f->e), 0);
	host_facts_clear(&got);
	assert_int_equal(worker_create(&worker, &f->e), 0);
	worker_give(worker, &work);
	assert_int_equal(kvm_host_facts_others(f->kvm, &got, &f->e), 0);
	worker_destroy(worker);
	assert_memory_equal(&got, &at_once, sizeof(got));
}

static void kvm_host_facts__feature_msrs__all_by_one_call(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	give_feature_msrs(f, 20);
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.nr_feature_msrs, 20);
	assert_int_equal(got.feature_msrs[19].index, 0x493);
	assert_int_equal(got.feature_msrs[19].value, 0x1013);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_GET_MSRS"), 1);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_VM"), 0);
}

static void assert_only_one_is_left_out(struct fixture *f, uint32_t index)
{
	struct host_facts got;
	uint64_t value;
	f->fake->refuse_msr = index;
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.nr_feature_msrs, f->facts.nr_feature_msrs - 1);
	assert_false(host_feature_msr(&got, index, &value));
	for (unsigned i = 0; i < f->facts.nr_feature_msrs; i++) {
		if (f->facts.feature_msrs[i].index == index)
			continue;
		assert_true(host_feature_msr(&got, f->facts.feature_msrs[i].index, &value));
		assert_int_equal(value, f->facts.feature_msrs[i].value);
	}
}

static void kvm_host_facts__an_msr_cannot_be_read__is_left_out_and_the_rest_read(void **state)
{
	struct fixture *f = *state;
	give_feature_msrs(f, 20);
	assert_int_equal(open_fake(f), 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_only_one_is_left_out(f, 0x480 + i);
	give_feature_msrs(f, 1);
	assert_only_one_is_left_out(f, 0x480);
}

static void kvm_host_facts__emulated_cpuid__is_there_where_the_capability_is(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	f->facts.emulated.entries[0] =
		(struct cpuid_entry){ .leaf = 1, .reg = { 0, 0, 0x400000, 0 } };
	f->facts.emulated.nr_entries = 1;
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.emulated.nr_entries, 1);
	assert_int_equal(got.emulated.entries[0].reg[CPUID_ECX], 0x400000);
	facts_without(f, KVM_CAP_EXT_EMUL_CPUID, &got);
	assert_int_equal(got.emulated.nr_entries, 0);
}

static void kvm_host_facts__msr_capabilities_absent__no_msrs_and_no_exits(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	give_feature_msrs(f, 3);
	assert_int_equal(open_fake(f), 0);
	facts_without(f, KVM_CAP_GET_MSR_FEATURES, &got);
	assert_int_equal(got.nr_feature_msrs, 0);
	assert_true(got.user_space_msr && got.tsc_scaling);
	facts_without(f, KVM_CAP_X86_USER_SPACE_MSR, &got);
	assert_int_equal(got.nr_feature_msrs, 3);
	assert_false(got.user_space_msr);
	facts_without(f, KVM_CAP_TSC_CONTROL, &got);
	assert_false(got.tsc_scaling);
}

static void kvm_host_facts__msr_ioctls_fail__are_named(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	give_feature_msrs(f, 3);
	assert_int_equal(open_fake(f), 0);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	unsigned list = (unsigned)fake_kvm_find(f->fake, "KVM_GET_MSR_FEATURE_INDEX_LIST", 0);
	unsigned first = (unsigned)fake_kvm_find(f->fake, "KVM_GET_SUPPORTED_CPUID", 0);
	f->fake->fail_at = f->fake->nr_calls + 1 + (list - first);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_MSR_FEATURE_INDEX_LIST");
	f->fake->fail_at = f->fake->nr_calls + 2 + (list - first);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_MSRS of 3 feature MSRs");
}

static void kvm_processor_cpuid__this_processor__is_consistent_and_bounded(void **state)
{
	(void)state;
	struct cpuid_table *table = calloc(1, sizeof(*table));
	assert_non_null(table);
	kvm_processor_cpuid(table);
	assert_in_range(table->nr_entries, 3, CPUID_MAX_ENTRIES);
	assert_non_null(cpuid_get(table, 1, 0));
	assert_non_null(cpuid_get(table, 0x80000000, 0));
	uint32_t last = cpuid_value(table, 0, 0, CPUID_EAX);
	for (uint32_t leaf = 0; leaf <= last; leaf++)
		assert_non_null(cpuid_get(table, leaf, 0));
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *e = &table->entries[i];
		assert_ptr_equal(cpuid_get(table, e->leaf, e->subleaf), e); /* none twice */
	}
	free(table);
}

/* As this machine's processor, and nestor's leaves in it, have it. */
static void kvm_processor_facts__this_processor__has_the_limit_of_its_leaves(void **state)
{
	(void)state;
	struct host_facts *facts = calloc(1, sizeof(*facts));
	uint32_t reg[4];
	assert_non_null(facts);
	kvm_processor_facts(facts);
	__cpuid(NESTOR_LEAF_SIGNATURE, reg[0], reg[1], reg[2], reg[3]);
	assert_int_equal(facts->nesting_limited, nestor_leaf_is_signed(reg));
	if (facts->nesting_limited) {
		__cpuid(NESTOR_LEAF_DEPTH, reg[0], reg[1], reg[2], reg[3]);
		assert_int_equal(facts->nesting_depth, reg[0]);
	}
	free(facts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_fake, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kvm_open__all_good__opens_and_closes),
		TEST(kvm_open__no_device__says_what_to_load),
		TEST(kvm_open__not_allowed__says_which_group),
		TEST(kvm_open__other_api_version__refused),
		TEST(kvm_open__any_required_capability_absent__refused_by_name),
		TEST(kvm_open__optional_capability_absent__accepted),
		TEST(kvm_open__shared_page_too_small__refused),
		TEST(kvm_open__nothing_of_err__still_returns_codes),
		TEST(kvm_open_and_facts__call_n_fails__an_error_or_an_absent_capability),
		TEST(kvm_host_facts__synthetic_host__are_what_it_said),
		TEST(kvm_host_facts__capabilities_absent__take_the_documented_values),
		TEST(kvm_host_facts__more_leaves_than_fit__refused),
		TEST(kvm_host_facts_others__while_another_thread_reads_cpuid__are_those_read_at_once),
		TEST(kvm_host_facts__feature_msrs__all_by_one_call),
		TEST(kvm_host_facts__an_msr_cannot_be_read__is_left_out_and_the_rest_read),
		TEST(kvm_host_facts__emulated_cpuid__is_there_where_the_capability_is),
		TEST(kvm_host_facts__msr_capabilities_absent__no_msrs_and_no_exits),
		TEST(kvm_host_facts__msr_ioctls_fail__are_named),
		TEST(kvm_processor_cpuid__this_processor__is_consistent_and_bounded),
		TEST(kvm_processor_facts__this_processor__has_the_limit_of_its_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
