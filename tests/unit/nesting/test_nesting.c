#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/guest.h"
#include "nesting/nesting.h"

#include <errno.h>

#define RANDOM_HOSTS 500

static bool is_bit(const struct nesting_rule *rule, const struct cpuid_entry *entry, unsigned reg)
{
	return rule->kind == NESTING_RULE_BIT && entry->leaf == rule->first &&
	       (unsigned)rule->reg == reg;
}

/* The bits of a register that some rule names. */
static uint32_t rule_bits(const struct cpuid_entry *entry, unsigned reg)
{
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	uint32_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_bit(&rules[i], entry, reg))
			bits |= UINT32_C(1) << rules[i].bit;
		if (rules[i].kind == NESTING_RULE_LEAF && rules[i].first == entry->leaf)
			bits = UINT32_MAX;
	}
	return bits;
}

/* Hidden: nothing that a rule names is left, nothing else changed. */
static void check_hidden(const struct host_facts *host)
{
	struct cpuid_table hidden = host->supported;
	nesting_apply_cpuid(false, &hidden);
	assert_int_equal(hidden.nr_entries, host->supported.nr_entries);
	for (unsigned i = 0; i < hidden.nr_entries; i++) {
		const struct cpuid_entry *from = &host->supported.entries[i];
		for (unsigned reg = 0; reg < 4; reg++)
			assert_int_equal(
				hidden.entries[i].reg[reg], from->reg[reg] & ~rule_bits(from, reg));
	}
	assert_false(cpuid_has_vmx(&hidden));
	assert_false(cpuid_has_svm(&hidden));
}

static void nest_off__synthetic_hosts__each_rule_is_withdrawn_and_nothing_else(void **state)
{
	(void)state;
	struct host_facts host;
	host_intel(&host, true);
	check_hidden(&host);
	host_amd(&host, true);
	check_hidden(&host);
}

static void nest_off__random_hosts__each_rule_is_withdrawn_and_nothing_else(void **state)
{
	(void)state;
	struct host_facts host;
	for (uint32_t seed = 1; seed <= RANDOM_HOSTS; seed++) {
		host_random(&host, seed);
		check_hidden(&host);
	}
}

static void nest_off__every_bit_set__each_cpuid_rule_clears_its_own(void **state)
{
	(void)state;
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	struct cpuid_table t = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind != NESTING_RULE_MSR)
			memset(cpuid_put(&t, rules[i].first, 0, false)->reg, 0xff, 16);
	}
	nesting_apply_cpuid(false, &t);
	for (unsigned i = 0; i < t.nr_entries; i++) {
		for (unsigned reg = 0; reg < 4; reg++)
			assert_int_equal(t.entries[i].reg[reg], ~rule_bits(&t.entries[i], reg));
	}
}

static void nest_on__any_host__cpuid_is_untouched(void **state)
{
	(void)state;
	struct host_facts host;
	for (uint32_t seed = 1; seed <= RANDOM_HOSTS; seed++) {
		host_random(&host, seed);
		struct cpuid_table t = host.supported;
		nesting_apply_cpuid(true, &t);
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
		assert_int_equal(policy.deny[at].first, rules[i].first);
		assert_int_equal(policy.deny[at].last, rules[i].last);
		at++;
	}
	assert_int_equal(policy.nr_deny, at);
}

static bool denied(const struct msr_policy *policy, uint32_t msr)
{
	for (unsigned i = 0; i < policy->nr_deny; i++) {
		if (msr >= policy->deny[i].first && msr <= policy->deny[i].last)
			return true;
	}
	return false;
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

static void nest_on__vmx__only_feature_control_is_set_and_locked(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_intel(&host, true);
	assert_int_equal(nesting_apply_msrs(true, &host.supported, &policy, &e), 0);
	assert_int_equal(policy.nr_deny, 0);
	assert_int_equal(policy.nr_set, 1);
	assert_int_equal(policy.set[0].index, 0x3a);
	assert_int_equal(policy.set[0].value, 5);
}

static void nest_on__svm__no_msr_is_touched(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { 0 };
	struct err e = ERR_INIT;
	host_amd(&host, true);
	assert_int_equal(nesting_apply_msrs(true, &host.supported, &policy, &e), 0);
	assert_int_equal(policy.nr_deny, 0);
	assert_int_equal(policy.nr_set, 0);
}

static void nest_off__policy_full__is_an_error(void **state)
{
	(void)state;
	struct host_facts host;
	struct msr_policy policy = { .nr_deny = MSR_POLICY_MAX_DENY };
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
			nest_off__synthetic_hosts__each_rule_is_withdrawn_and_nothing_else),
		cmocka_unit_test(nest_off__random_hosts__each_rule_is_withdrawn_and_nothing_else),
		cmocka_unit_test(nest_off__every_bit_set__each_cpuid_rule_clears_its_own),
		cmocka_unit_test(nest_on__any_host__cpuid_is_untouched),
		cmocka_unit_test(nest_off__any_host__each_msr_rule_is_denied_in_order),
		cmocka_unit_test(nest_off__msrs_of_the_manuals__all_fault),
		cmocka_unit_test(nest_on__vmx__only_feature_control_is_set_and_locked),
		cmocka_unit_test(nest_on__svm__no_msr_is_touched),
		cmocka_unit_test(nest_off__policy_full__is_an_error),
		cmocka_unit_test(nesting_support__hosts__says_which_extensions_or_why_not),
		cmocka_unit_test(nesting_check__exposing_on_a_host_without__refused_with_the_fix),
		cmocka_unit_test(nesting_rules__ids__are_unique_and_all_have_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
