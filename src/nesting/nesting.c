#include "nesting/nesting.h"

#include <errno.h>
#include <string.h>

/* Lock, and VMX outside SMX operation (SDM vol. 3, IA32_FEATURE_CONTROL). */
#define FEATURE_CONTROL_LOCKED_VMX UINT64_C(0x5)

static const struct nesting_rule rules[] = {
#include "nesting_rules.inc"
};

const struct nesting_rule *nesting_rules(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rules);
	return rules;
}

struct nesting_support nesting_support(const struct host_facts *host)
{
	if (cpuid_has_vmx(&host->supported))
		return (struct nesting_support){ true, "vmx", "" };
	if (cpuid_has_svm(&host->supported))
		return (struct nesting_support){ true, "svm", "" };
	return (struct nesting_support){ false, "none",
		"KVM_GET_SUPPORTED_CPUID shows neither VMX nor SVM" };
}

int nesting_check(const struct host_facts *host, bool expose, struct err *e)
{
	struct nesting_support support = nesting_support(host);
	if (!expose || support.supported)
		return 0;
	(void)err_set(e, -ENOTSUP, "this host cannot expose virtualization extensions: %s",
		support.reason);
	return err_hint(e, -ENOTSUP,
		"load kvm_intel or kvm_amd with nested=1; in a VM, the hypervisor below must "
		"expose VMX or "
		"SVM to it (`nestor host` shows what KVM offers)");
}

static void hide(const struct nesting_rule *rule, struct cpuid_table *table)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		struct cpuid_entry *entry = &table->entries[i];
		if (entry->leaf != rule->first)
			continue;
		if (rule->kind == NESTING_RULE_BIT)
			entry->reg[rule->reg] &= ~(UINT32_C(1) << rule->bit);
		else
			memset(entry->reg, 0, sizeof(entry->reg));
	}
}

void nesting_apply_cpuid(bool expose, struct cpuid_table *table)
{
	if (expose)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].kind != NESTING_RULE_MSR)
			hide(&rules[i], table);
	}
}

int nesting_apply_msrs(
	bool expose, const struct cpuid_table *table, struct msr_policy *policy, struct err *e)
{
	if (expose && cpuid_has_vmx(table))
		return msr_policy_set(
			policy, MSR_IA32_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED_VMX, e);
	int rc = 0;
	for (size_t i = 0; !expose && rc == 0 && i < ARRAY_SIZE(rules); i++) {
		if (rules[i].kind == NESTING_RULE_MSR)
			rc = msr_policy_deny(policy, rules[i].first, rules[i].last, e);
	}
	return rc;
}
