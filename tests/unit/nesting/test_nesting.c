/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "nesting/nesting.h"

#include <errno.h>

#define RANDOM_HOSTS 500

static int apply(bool expose, struct cpuid_table *table, struct err *e)
{
	struct cpu_edit edit = { .table = table };
	return nesting_apply_cpuid(expose, &edit, e);
}

static bool leaf_is_withdrawn(uint32_t leaf)
{
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind == NESTING_RULE_LEAF && rules[i].first == leaf)
			return true;
	}
	return false;
}

static void clear_rule_bits(struct cpuid_table *t)
{
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; rules[i].kind == NESTING_RULE_BIT && k < t->nr_entries; k++) {
			if (t->entries[k].leaf == rules[i].first)
				t->entries[k].reg[rules[i].reg] &= ~(UINT32_C(1) << rules[i].bit);
		}
	}
}

static void nest_off__random_tables__withdrawn_leaves_are_zero_and_nothing_else_changes(
	void **state)
{
	(void)state;
	struct host_facts host;
	static const uint32_t zero[4];
	struct err e = ERR_INIT;
	for (uint32_t seed = 1; seed <= RANDOM_HOSTS; seed++) {
		host_random(&host, seed);
		clear_rule_bits(&host.supported);
		struct cpuid_table hidden = host.supported;
		assert_int_equal(apply(false, &hidden, &e), 0);
		assert_int_equal(hidden.nr_entries, host.supported.nr_entries);
		for (unsigned i = 0; i < hidden.nr_entries; i++) {
			const struct cpuid_entry *from = &host.supported.entries[i];
			assert_memory_equal(hidden.entries[i].reg,
				leaf_is_withdrawn(from->leaf) ? zero : from->reg, sizeof(zero));
		}
	}
}

/* Every rule in turn: a table that has just that bit, which only a raw rule can have set. */
static void nest_off__each_bit_set_by_a_raw_rule__refused_by_its_rule(void **state)
{
	(void)state;
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	for (size_t i = 0; i < n; i++) {
		struct cpuid_table t = { 0 };
		struct err e = ERR_INIT;
		if (rules[i].kind != NESTING_RULE_BIT)
			continue;
		cpuid_put(&t, rules[i].first, 0, false)->reg[rules[i].reg] = UINT32_C(1)
									     << rules[i].bit;
		assert_int_equal(apply(false, &t, &e), -EINVAL);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_contains(e.msg, rules[i].id);
		assert_int_equal(apply(true, &t, &e), 0);
	}
}

static void nesting_withdrawals__off__every_bit_rule_on__none(void **state)
{
	(void)state;
	size_t n, bits = 0;
	struct policy_withdrawal gone[NESTING_MAX_WITHDRAWALS];
	const struct nesting_rule *rules = nesting_rules(&n);
	size_t got = nesting_withdrawals(false, "vm.toml:3:1", gone);
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind != NESTING_RULE_BIT)
			continue;
		assert_true(bits < got);
		const struct feature_word *w = feature_word(gone[bits].feature / 32u);
		assert_int_equal(w->leaf, rules[i].first);
		assert_int_equal(w->reg, rules[i].reg);
		assert_int_equal(gone[bits].feature % 32, rules[i].bit);
		assert_string_equal(gone[bits].rule, rules[i].id);
		assert_string_equal(gone[bits].origin, "vm.toml:3:1");
		bits++;
	}
	assert_int_equal(got, bits);
	assert_int_equal(nesting_withdrawals(true, NULL, gone), 0);
}

static void nest_on__any_host__cpuid_is_untouched(void **state)
{
	(void)state;
	struct host_facts host;
	for (uint32_t seed = 1; seed <= RANDOM_HOSTS; seed++) {
		host_random(&host, seed);
		struct cpuid_table t = host.supported;
		struct err e = ERR_INIT;
		assert_int_equal(apply(true, &t, &e), 0);
		assert_int_equal(t.nr_entries, host.supported.nr_entries);
		for (unsigned i = 0; i < t.nr_entries; i++)
			assert_memory_equal(t.entries[i].reg, host.supported.entries[i].reg, 16);
	}
}

static void nest_off__any_host__each_msr_rule_is_denied_in_order(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	size_t n;
	unsigned at = 0;
	const struct nesting_rule *rules = nesting_rules(&n);
	host_intel(&host, true);
	assert_int_equal(nesting_apply_msrs(false, &host.supported, &policy, &e), 0);
	assert_int_equal(policy.nr_set, 0);
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind != NESTING_RULE_MSR)
			continue;
		assert_int_equal(policy.rules[at].first, rules[i].first);
		assert_int_equal(policy.rules[at].last, rules[i].last);
		assert_string_equal(policy.rules[at].id, rules[i].id);
		at++;
	}
	assert_int_equal(policy.nr_rules, at);
}

static bool denied(const struct msr_policy *policy, uint32_t msr)
{
	return msr_policy_access(policy, msr, false).action == MSR_DENY &&
	       msr_policy_access(policy, msr, true).action == MSR_DENY;
}

static void nest_off__msrs_of_the_manuals__all_fault(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_amd(&host, true);
	assert_int_equal(nesting_apply_msrs(false, &host.supported, &policy, &e), 0);
	assert_true(denied(&policy, 0x3a));
	for (uint32_t msr = 0x480; msr <= 0x493; msr++)
		assert_true(denied(&policy, msr));
	assert_true(denied(&policy, 0xc0010114)); /* VM_CR */
	assert_true(denied(&policy, 0xc0010117)); /* VM_HSAVE_PA */
	assert_false(denied(&policy, 0x10));
	assert_false(
		denied(&policy, 0xc0000080)); /* EFER, with its SVME bit, is CPUID's business */
}

static void nest_on__vmx__feature_control_is_locked_and_svm_faults(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_intel(&host, true);
	assert_int_equal(nesting_apply_msrs(true, &host.supported, &policy, &e), 0);
	assert_int_equal(policy.nr_set, 1);
	assert_int_equal(policy.set[0].index, 0x3a);
	assert_int_equal(policy.set[0].value, 5);
	assert_false(denied(&policy, 0x3a));
	for (uint32_t msr = 0x480; msr <= 0x493; msr++)
		assert_false(denied(&policy, msr));
	for (uint32_t msr = 0xc0010114; msr <= 0xc0010118; msr++)
		assert_true(denied(&policy, msr));
}

static void nest_on__svm__vmx_faults(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_amd(&host, true);
	assert_int_equal(nesting_apply_msrs(true, &host.supported, &policy, &e), 0);
	assert_int_equal(policy.nr_set, 0);
	assert_true(denied(&policy, 0x3a));
	for (uint32_t msr = 0x480; msr <= 0x493; msr++)
		assert_true(denied(&policy, msr));
	for (uint32_t msr = 0xc0010114; msr <= 0xc0010118; msr++)
		assert_false(denied(&policy, msr));
}

static void nest_on__guest_without_the_extensions__msrs_of_both_fault(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_amd(&host, false);
	assert_int_equal(nesting_apply_msrs(true, &host.supported, &policy, &e), 0);
	assert_true(denied(&policy, 0x3a));
	assert_true(denied(&policy, 0x480));
	assert_true(denied(&policy, 0xc0010117));
}

static void nest_off__policy_full__is_an_error(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { .nr_rules = MSR_POLICY_MAX_RULES };
	struct err e = ERR_INIT;
	host_intel(&host, true);
	assert_int_equal(nesting_apply_msrs(false, &host.supported, &policy, &e), -E2BIG);
}

static void nesting_support__hosts__says_which_extensions_or_why_not(void **state)
{
	(void)state;
	struct host_facts host;
	host_intel(&host, true);
	assert_true(nesting_support(&host).supported);
	assert_string_equal(nesting_support(&host).extensions, "vmx");
	assert_string_equal(nesting_support(&host).reason, "");
	host_amd(&host, true);
	assert_string_equal(nesting_support(&host).extensions, "svm");
	host_amd(&host, false);
	assert_false(nesting_support(&host).supported);
	assert_string_equal(nesting_support(&host).extensions, "none");
	assert_contains(nesting_support(&host).reason, "neither VMX nor SVM");
}

static void nesting_check__exposing_on_a_host_without__refused_with_the_fix(void **state)
{
	(void)state;
	struct host_facts host;
	struct err e = ERR_INIT;
	host_intel(&host, false);
	assert_int_equal(nesting_check(&host, true, &e), -ENOTSUP);
	assert_int_equal(e.kind, ERR_HOST);
	assert_contains(e.msg, "neither VMX nor SVM");
	assert_contains(e.hint, "nested=1");
	assert_int_equal(nesting_check(&host, false, &e), 0);
	host_intel(&host, true);
	assert_int_equal(nesting_check(&host, true, &e), 0);
}

static void nesting_rules__ids__are_unique_and_all_have_a_reason(void **state)
{
	(void)state;
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	assert_true(n >= 8);
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(rules[i].id, "NEST-", 5);
		assert_true(strlen(rules[i].why) > 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rules[i].id, rules[j].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nest_off__random_tables__withdrawn_leaves_are_zero_and_nothing_else_changes),
		cmocka_unit_test(nest_off__each_bit_set_by_a_raw_rule__refused_by_its_rule),
		cmocka_unit_test(nesting_withdrawals__off__every_bit_rule_on__none),
		cmocka_unit_test(nest_on__any_host__cpuid_is_untouched),
		cmocka_unit_test(nest_off__any_host__each_msr_rule_is_denied_in_order),
		cmocka_unit_test(nest_off__msrs_of_the_manuals__all_fault),
		cmocka_unit_test(nest_on__vmx__feature_control_is_locked_and_svm_faults),
		cmocka_unit_test(nest_on__svm__vmx_faults),
		cmocka_unit_test(nest_on__guest_without_the_extensions__msrs_of_both_fault),
		cmocka_unit_test(nest_off__policy_full__is_an_error),
		cmocka_unit_test(nesting_support__hosts__says_which_extensions_or_why_not),
		cmocka_unit_test(nesting_check__exposing_on_a_host_without__refused_with_the_fix),
		cmocka_unit_test(nesting_rules__ids__are_unique_and_all_have_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
