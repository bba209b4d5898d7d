/* SPDX-License-Identifier: MIT */
#include "nesting/nesting.h"

#include "nesting/vmx.h"

#include <errno.h>
#include <string.h>

/* Lock, and VMX outside SMX operation (SDM vol. 3, IA32_FEATURE_CONTROL). */
#define FEATURE_CONTROL_LOCKED_VMX UINT64_C(0x5)

static const struct nesting_rule rules[] = {
#include "nesting/rules.inc"
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

int nesting_check_extensions(
	const struct host_facts *host, const char *extensions, const char *origin, struct err *e)
{
	struct nesting_support support = nesting_support(host);
	if (!extensions || strcmp(extensions, support.extensions) == 0)
		return 0;
	(void)err_set(e, -ENOTSUP,
		"%s%snesting.extensions = \"%s\", but this host's processor has %s",
		origin ? origin : "", origin ? ": " : "", extensions, support.extensions);
	return err_hint(e, -ENOTSUP, "\"auto\" takes what the host has");
}

const char *nesting_extensions_of(feature_id id)
{
	return feature_extensions(id);
}

size_t nesting_withdrawals(bool expose, const char *origin, struct policy_withdrawal *ret)
{
	size_t n = 0;
	for (size_t i = 0; !expose && i < ARRAY_SIZE(rules); i++) {
		if (rules[i].kind != NESTING_RULE_BIT)
			continue;
		int word = feature_word_of_cpuid(rules[i].first, 0, rules[i].reg);
		if (word >= 0 && n < NESTING_MAX_WITHDRAWALS)
			ret[n++] = (struct policy_withdrawal){
				(feature_id)((unsigned)word * 32 + rules[i].bit), rules[i].id,
				origin, "nesting.expose_virtualization_extensions = false"
			};
	}
	return n;
}

static int refuse_bit(const struct nesting_rule *rule, const char *origin, struct err *e)
{
	return err_fault(e, -EINVAL, &(struct fault){ "hidden", "cpu.leaves", origin, NULL },
		"a rule sets bit %u of leaf %#x, which stays hidden while "
		"nesting.expose_virtualization_extensions is false (%s: %s)",
		rule->bit, rule->first, rule->id, rule->why);
}

/* The last of a policy's rules that speaks of a bit; NULL: none does. */
static const struct policy_leaf *last_word(
	const struct cpu_policy *policy, const struct nesting_rule *rule)
{
	uint32_t bit = UINT32_C(1) << rule->bit;
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		for (size_t i = p->nr_leaves; i-- > 0;) {
			const struct policy_leaf *leaf = &p->leaves[i];
			bool same = leaf->leaf == rule->first && leaf->reg == rule->reg &&
				    (leaf->any_subleaf || leaf->subleaf == 0);
			if (same && (leaf->set | leaf->clear) & bit)
				return leaf;
		}
	}
	return NULL;
}

int nesting_check_leaves(const struct cpu_policy *policy, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct policy_leaf *leaf =
			rules[i].kind == NESTING_RULE_BIT ? last_word(policy, &rules[i]) : NULL;
		if (leaf && leaf->set & UINT32_C(1) << rules[i].bit)
			rc = refuse_bit(&rules[i], leaf->origin ? leaf->origin : "the policy", e);
	}
	return rc;
}

/* The policy has withdrawn the feature; only a raw rule can have set the bit again. */
static int check_bit(const struct nesting_rule *rule, const struct cpu_edit *edit, struct err *e)
{
	uint32_t bit = UINT32_C(1) << rule->bit;
	bool set = cpuid_value(edit->table, rule->first, 0, rule->reg) & bit;
	return set ? refuse_bit(rule, /* origin */ NULL, e) : 0;
}

static void hide_leaf(const struct nesting_rule *rule, struct cpu_edit *edit)
{
	static const uint32_t zero[4];
	for (unsigned i = 0; i < edit->table->nr_entries; i++) {
		if (edit->table->entries[i].leaf == rule->first)
			cpu_edit_regs(edit, rule->first, edit->table->entries[i].subleaf, zero);
	}
}

int nesting_apply_cpuid(bool expose, struct cpu_edit *edit, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !expose && rc == 0 && i < ARRAY_SIZE(rules); i++) {
		edit->rule = rules[i].id;
		if (rules[i].kind == NESTING_RULE_BIT)
			rc = check_bit(&rules[i], edit, e);
		else if (rules[i].kind == NESTING_RULE_LEAF)
			hide_leaf(&rules[i], edit);
	}
	return rc;
}

static bool guest_has(const char *extensions, bool expose, const struct cpuid_table *table)
{
	return expose &&
	       (strcmp(extensions, "vmx") == 0 ? cpuid_has_vmx(table) : cpuid_has_svm(table));
}

int nesting_apply_msrs(
	bool expose, const struct cpuid_table *table, struct msr_policy *policy, struct err *e)
{
	int rc = 0;
	if (expose && cpuid_has_vmx(table)) {
		rc = msr_policy_set(
			policy, MSR_IA32_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED_VMX, e);
		if (rc == 0)
			rc = vmx_deny_absent(policy, e);
	}
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(rules); i++) {
		if (rules[i].kind == NESTING_RULE_MSR &&
			!guest_has(rules[i].extensions, expose, table))
			rc = msr_policy_deny(policy, rules[i].first, rules[i].last, rules[i].id, e);
	}
	return rc;
}
