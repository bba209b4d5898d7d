/* SPDX-License-Identifier: MIT */
/* Which instructions are asked of the guest, and what of each is promised. */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "verify/internal.h"

#include <stdlib.h>

struct fixture {
	struct cpuid_table table;
	struct msr_policy msrs;
	struct request_list reads, writes;
	struct err e;
};

static const struct cpuid_vcpu_state reset_state = { .apic_enabled = true, .xcr0 = 1 };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	return f ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	request_list_done(&f->reads);
	request_list_done(&f->writes);
	free(f);
	return 0;
}

static const struct verify_request *find(
	const struct request_list *list, enum guest_op op, uint32_t index, uint32_t subleaf)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct verify_request *r = &list->items[i];
		if (r->op == op && r->index == index && r->subleaf == subleaf)
			return r;
	}
	return NULL;
}

static bool has_leaf(const struct fixture *f, uint32_t leaf, uint32_t subleaf)
{
	return find(&f->reads, GUEST_CPUID, leaf, subleaf) != NULL;
}

static void make_cpuid(struct fixture *f)
{
	assert_int_equal(
		request_list_cpuid(&f->reads, &f->table, &f->table, &reset_state, &f->e), 0);
}

static void assert_sorted_without_doubles(const struct request_list *list)
{
	for (size_t i = 1; i < list->nr; i++) {
		const struct verify_request *a = &list->items[i - 1], *b = &list->items[i];
		assert_true(
			a->index < b->index || (a->index == b->index && a->subleaf < b->subleaf));
	}
}

static void request_list_cpuid__intel_table__every_entry_and_one_past_the_last(void **state)
{
	struct fixture *f = *state;
	struct host_facts facts;
	host_intel(&facts, true);
	f->table = facts.supported;
	make_cpuid(f);
	for (unsigned i = 0; i < f->table.nr_entries; i++) {
		const struct cpuid_entry *e = &f->table.entries[i];
		assert_true(has_leaf(f, e->leaf, e->subleaf));
		assert_true(has_leaf(f, e->leaf, e->subleaf + 1));
	}
	for (uint32_t leaf = 0; leaf <= 0x1f + 2; leaf++)
		assert_true(has_leaf(f, leaf, 0));
	assert_false(has_leaf(f, 0x22, 0));
	assert_sorted_without_doubles(&f->reads);
}

static void request_list_cpuid__empty_table__still_asks_around_each_range(void **state)
{
	static const uint32_t leaves[] = { 0, 2, 0x20000000, 0x3fffffff, 0x40000000, 0x40000002,
		0x40000100, 0x40000102, 0x7fffffff, 0x80000000, 0x80000002, 0x8fffffff, 0xc0000000,
		0xc0000002, 0xffffffff };
	struct fixture *f = *state;
	make_cpuid(f);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		assert_true(has_leaf(f, leaves[i], 0));
	assert_int_equal(f->reads.nr, 5 * 3 + 5);
	for (size_t i = 0; i < f->reads.nr; i++)
		assert_true(f->reads.items[i].compared);
}

static void request_list_cpuid__highest_leaf_is_absurd__stays_bounded(void **state)
{
	struct fixture *f = *state;
	cpuid_put(&f->table, 0, 0, false)->reg[CPUID_EAX] = 0xffffffff;
	cpuid_put(&f->table, 0x80000000, 0, false)->reg[CPUID_EAX] = 0x80010000;
	cpuid_put(&f->table, 0xffffffff, 0xffffffff, true);
	make_cpuid(f);
	assert_in_range(f->reads.nr, 1024, 1100);
	assert_true(has_leaf(f, 0x1ff, 0));
	assert_false(has_leaf(f, 0x201, 0));
	assert_true(has_leaf(f, 0xffffffff, 0));
	assert_true(has_leaf(f, 0xffffffff, 0xffffffff));
	assert_true(has_leaf(f, 0x80010000, 0));
	assert_true(has_leaf(f, 0x80010002, 0));
	assert_sorted_without_doubles(&f->reads);
}

static void request_list_cpuid__promise__is_the_engines(void **state)
{
	struct fixture *f = *state;
	struct host_facts facts;
	host_amd(&facts, true);
	f->table = facts.supported;
	make_cpuid(f);
	for (size_t i = 0; i < f->reads.nr; i++) {
		const struct verify_request *r = &f->reads.items[i];
		uint32_t reg[4];
		cpuid_execute(&f->table, &reset_state, r->index, r->subleaf, reg);
		assert_memory_equal(r->promised_reg, reg, sizeof(reg));
	}
}

static void request_list_cpuid__kvm_keeps_another_table__both_answers(void **state)
{
	struct fixture *f = *state;
	struct cpuid_table kept;
	cpuid_put(&f->table, 1, 0, false)->reg[CPUID_ECX] = 1;
	kept = f->table;
	cpuid_find(&kept, 1, 0)->reg[CPUID_ECX] = 3;
	assert_int_equal(request_list_cpuid(&f->reads, &f->table, &kept, &reset_state, &f->e), 0);
	const struct verify_request *r = find(&f->reads, GUEST_CPUID, 1, 0);
	assert_non_null(r);
	assert_int_equal(r->promised_reg[CPUID_ECX], 1);
	assert_int_equal(r->kept_reg[CPUID_ECX], 3);
}

static void add_rule(struct fixture *f, uint32_t first, uint32_t last, enum msr_action read,
	enum msr_action write, uint64_t value)
{
	f->msrs.rules[f->msrs.nr_rules++] = (struct msr_rule){ .first = first,
		.last = last,
		.read = read,
		.write = write,
		.value = value,
		.id = "T" };
}

static void make_reads(struct fixture *f)
{
	assert_int_equal(request_list_msr_reads(&f->reads, &f->msrs, &f->e), 0);
}

static const struct verify_request *read_of(const struct fixture *f, uint32_t index)
{
	const struct verify_request *r = find(&f->reads, GUEST_RDMSR, index, 0);
	assert_non_null(r);
	return r;
}

static void request_list_msr_reads__each_outcome__is_promised_or_not(void **state)
{
	struct fixture *f = *state;
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ 0x8b, 7 };
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ 0x10a, 9 };
	add_rule(f, 0x10a, 0x10a, MSR_DENY, MSR_UNRULED, 0);
	add_rule(f, 0xce, 0xce, MSR_VALUE, MSR_UNRULED, UINT64_C(0x123456789abcdef0));
	add_rule(f, 0x199, 0x199, MSR_UNRULED, MSR_IGNORE, 0);
	make_reads(f);
	assert_int_equal(f->reads.nr, 4);
	assert_int_equal(read_of(f, 0x8b)->promised_value, 7);
	assert_true(read_of(f, 0x8b)->compared);
	assert_true(read_of(f, 0x10a)->promised_fault);
	assert_true(read_of(f, 0xce)->promised_value == UINT64_C(0x123456789abcdef0));
	assert_true(read_of(f, 0xce)->mask == UINT64_MAX);
	assert_false(read_of(f, 0xce)->promised_fault);
	assert_false(read_of(f, 0x199)->compared);
}

static void request_list_msr_reads__misc_enable__status_bits_are_not_promised(void **state)
{
	struct fixture *f = *state;
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ MSR_IA32_MISC_ENABLE, 1 };
	make_reads(f);
	assert_true(read_of(f, MSR_IA32_MISC_ENABLE)->mask == ~UINT64_C(0x1800));
}

static void request_list_msr_reads__narrow_rule__every_msr(void **state)
{
	struct fixture *f = *state;
	add_rule(f, 0x480, 0x49f, MSR_DENY, MSR_DENY, 0);
	make_reads(f);
	assert_int_equal(f->reads.nr, 32);
	assert_sorted_without_doubles(&f->reads);
}

static void request_list_msr_reads__wide_rule__both_ends_and_some_between(void **state)
{
	struct fixture *f = *state;
	add_rule(f, 0, UINT32_MAX, MSR_DENY, MSR_DENY, 0);
	make_reads(f);
	assert_in_range(f->reads.nr, 30, 32);
	assert_true(read_of(f, 0)->promised_fault);
	assert_true(read_of(f, UINT32_MAX)->promised_fault);
	for (size_t i = 0; i < f->reads.nr; i++)
		assert_false(f->reads.items[i].index >> 8 == 8); /* not x2APIC's */
	assert_sorted_without_doubles(&f->reads);
}

static void request_list_msr_reads__default_is_deny__well_known_ones_and_neighbours(void **state)
{
	struct fixture *f = *state;
	f->msrs.default_deny = true;
	add_rule(f, 0x200, 0x20f, MSR_KVM, MSR_KVM, 0);
	make_reads(f);
	assert_true(read_of(f, 0x1ff)->promised_fault);
	assert_false(read_of(f, 0x200)->promised_fault);
	assert_false(read_of(f, 0x20f)->compared);
	assert_true(read_of(f, 0x210)->promised_fault);
	assert_true(read_of(f, 0xc0000080)->promised_fault);
	assert_sorted_without_doubles(&f->reads);
}

/* Every read was answered with value. */
static void answer_reads(struct fixture *f, uint64_t value)
{
	for (size_t i = 0; i < f->reads.nr; i++) {
		f->reads.items[i].seen_reg[CPUID_EAX] = (uint32_t)value;
		f->reads.items[i].seen_reg[CPUID_EDX] = (uint32_t)(value >> 32);
	}
}

static void make_writes(struct fixture *f)
{
	assert_int_equal(request_list_msr_writes(&f->writes, &f->msrs, &f->reads, &f->e), 0);
}

static void request_list_msr_writes__denied__faults_and_would_do_no_harm(void **state)
{
	struct fixture *f = *state;
	add_rule(f, 0x277, 0x277, MSR_UNRULED, MSR_DENY, 0);
	make_reads(f);
	answer_reads(f, UINT64_C(0x0007040600070406));
	make_writes(f);
	assert_int_equal(f->writes.nr, 1);
	assert_int_equal(f->writes.items[0].op, GUEST_WRMSR);
	assert_true(f->writes.items[0].promised_fault);
	assert_true(f->writes.items[0].write_value == UINT64_C(0x0007040600070406));
}

static void request_list_msr_writes__ignored__another_value_and_a_second_read(void **state)
{
	struct fixture *f = *state;
	add_rule(f, 0x199, 0x199, MSR_VALUE, MSR_IGNORE, 4);
	make_reads(f);
	answer_reads(f, 4);
	make_writes(f);
	assert_int_equal(f->writes.nr, 2);
	assert_int_equal(f->writes.items[0].op, GUEST_WRMSR);
	assert_false(f->writes.items[0].promised_fault);
	assert_int_equal(f->writes.items[0].write_value, 5);
	assert_int_equal(f->writes.items[1].op, GUEST_RDMSR);
	assert_true(f->writes.items[1].after_write);
	assert_int_equal(f->writes.items[1].promised_value, 4);
}

static void request_list_msr_writes__ignored_but_not_readable_or_running__no_second_read(
	void **state)
{
	struct fixture *f = *state;
	add_rule(f, 0x10, 0x10, MSR_UNRULED, MSR_IGNORE, 0);
	add_rule(f, 0x199, 0x199, MSR_DENY, MSR_IGNORE, 0);
	make_reads(f);
	answer_reads(f, 100);
	f->reads.items[1].seen_fault = true;
	make_writes(f);
	assert_int_equal(f->writes.nr, 2);
	assert_int_equal(f->writes.items[0].index, 0x10);
	assert_int_equal(f->writes.items[1].index, 0x199);
	assert_int_equal(f->writes.items[1].write_value, 1);
}

static void request_list_msr_writes__nothing_ruled__nothing_written(void **state)
{
	struct fixture *f = *state;
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ 0x8b, 7 };
	add_rule(f, 0x199, 0x199, MSR_DENY, MSR_KVM, 0);
	make_cpuid(f);
	make_reads(f);
	make_writes(f);
	assert_int_equal(f->writes.nr, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_list_cpuid__intel_table__every_entry_and_one_past_the_last),
		TEST(request_list_cpuid__empty_table__still_asks_around_each_range),
		TEST(request_list_cpuid__highest_leaf_is_absurd__stays_bounded),
		TEST(request_list_cpuid__promise__is_the_engines),
		TEST(request_list_cpuid__kvm_keeps_another_table__both_answers),
		TEST(request_list_msr_reads__each_outcome__is_promised_or_not),
		TEST(request_list_msr_reads__misc_enable__status_bits_are_not_promised),
		TEST(request_list_msr_reads__narrow_rule__every_msr),
		TEST(request_list_msr_reads__wide_rule__both_ends_and_some_between),
		TEST(request_list_msr_reads__default_is_deny__well_known_ones_and_neighbours),
		TEST(request_list_msr_writes__denied__faults_and_would_do_no_harm),
		TEST(request_list_msr_writes__ignored__another_value_and_a_second_read),
		TEST(request_list_msr_writes__ignored_but_not_readable_or_running__no_second_read),
		TEST(request_list_msr_writes__nothing_ruled__nothing_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
