/* SPDX-License-Identifier: MIT */
#include "cpuid/msr.h"

#include <errno.h>

/* KVM API, KVM_X86_SET_MSR_FILTER: these are KVM's whatever the filter says. */
#define X2APIC_FIRST 0x800u
#define X2APIC_LAST 0x8ffu

static bool is_x2apic(uint32_t index)
{
	return index >= X2APIC_FIRST && index <= X2APIC_LAST;
}

/* What a logged access that is KVM's comes to; see the head of msr.h. */
static void apply_log(struct msr_outcome *o, uint32_t index, bool write)
{
	const char *reason;
	if (!o->log || !write || o->action != MSR_KVM)
		return;
	switch (msr_write_log(index, &reason)) {
	case MSR_WRITE_HOST:
		break;
	case MSR_WRITE_FAULT:
		o->action = MSR_DENY;
		break;
	case MSR_WRITE_IGNORE:
		o->action = MSR_IGNORE;
		break;
	case MSR_WRITE_REFUSE:
		o->log = false;
		break;
	}
}

struct msr_outcome msr_policy_access(const struct msr_policy *p, uint32_t index, bool write)
{
	if (is_x2apic(index))
		return (struct msr_outcome){ .action = MSR_KVM };
	for (unsigned i = p->nr_rules; i-- > 0;) {
		const struct msr_rule *rule = &p->rules[i];
		enum msr_action action = write ? rule->write : rule->read;
		if (index < rule->first || index > rule->last || action == MSR_UNRULED)
			continue;
		struct msr_outcome o = {
			.action = action,
			.value = action == MSR_VALUE ? rule->value : 0,
			.rule = rule,
			.log = rule->log,
		};
		apply_log(&o, index, write);
		return o;
	}
	return (struct msr_outcome){ .action = p->default_deny ? MSR_DENY : MSR_KVM };
}

/* The first MSR from first to last whose writes are not logged. What the table does not name is
 * one, and the table is short, so that the loop ends soon. */
static bool find_unlogged(
	uint32_t first, uint32_t last, uint32_t *ret_index, const char **ret_reason)
{
	for (uint64_t i = first; i <= last; i++) {
		if (msr_write_log((uint32_t)i, ret_reason) != MSR_WRITE_REFUSE)
			continue;
		*ret_index = (uint32_t)i;
		return true;
	}
	return false;
}

bool msr_rule_unlogged(
	const struct msr_policy *p, unsigned i, uint32_t *ret_index, const char **ret_reason)
{
	const struct msr_rule *rule = &p->rules[i];
	if (!rule->log || rule->write != MSR_KVM)
		return false;
	/* What a later rule decides is not this one's any more; the ends of later rules are the
	 * only places where that may change. */
	for (uint64_t at = rule->first; at <= rule->last;) {
		uint64_t end = rule->last;
		bool theirs = false;
		for (unsigned j = i + 1; j < p->nr_rules; j++) {
			const struct msr_rule *later = &p->rules[j];
			if (later->write == MSR_UNRULED || later->last < at)
				continue;
			if (later->first <= at) {
				theirs = true;
				end = later->last < end ? later->last : end;
			} else if (later->first - 1 < end) {
				end = later->first - 1;
			}
		}
		if (!theirs && find_unlogged((uint32_t)at, (uint32_t)end, ret_index, ret_reason))
			return true;
		at = end + 1;
	}
	return false;
}

static int check_actions(const struct msr_rule *rule, struct err *e)
{
	bool read_fits = rule->read == MSR_UNRULED || rule->read == MSR_KVM ||
			 rule->read == MSR_DENY || rule->read == MSR_VALUE;
	bool write_fits = rule->write == MSR_UNRULED || rule->write == MSR_KVM ||
			  rule->write == MSR_DENY || rule->write == MSR_IGNORE;
	if (!read_fits || !write_fits)
		return err_set_config(e, -EINVAL,
			"MSR %#x to %#x: a read can be KVM's, denied or a value, a write KVM's, "
			"denied or ignored",
			rule->first, rule->last);
	if (rule->read == MSR_UNRULED && rule->write == MSR_UNRULED)
		return err_set_config(e, -EINVAL, "MSR %#x to %#x: neither reads nor writes ruled",
			rule->first, rule->last);
	return 0;
}

/* A rule that logs writes of one MSR alone, and cannot, is no log at all. */
static int check_log(const struct msr_rule *rule, struct err *e)
{
	char label[MSR_LABEL_BYTES];
	const char *reason = "";
	if (!rule->log || rule->read != MSR_UNRULED || rule->write != MSR_KVM ||
		rule->first != rule->last)
		return 0;
	if (msr_write_log(rule->first, &reason) != MSR_WRITE_REFUSE)
		return 0;
	return err_set_config(e, -EINVAL, "writes of MSR %s cannot be logged and go on to KVM: %s",
		msr_label(label, rule->first), reason);
}

int msr_rule_check(const struct msr_rule *rule, struct err *e)
{
	if (rule->first > rule->last)
		return err_set_config(
			e, -EINVAL, "MSR range %#x to %#x is empty", rule->first, rule->last);
	if (rule->first <= X2APIC_LAST && rule->last >= X2APIC_FIRST) {
		(void)err_set_config(e, -EINVAL,
			"MSR range %#x to %#x has x2APIC MSRs (%#x to %#x), which KVM does not "
			"filter",
			rule->first, rule->last, X2APIC_FIRST, X2APIC_LAST);
		return err_hint(e, -EINVAL,
			"make it two ranges around them; without leaf 1 ECX bit 21 (x2apic) they "
			"fault");
	}
	int rc = check_actions(rule, e);
	return rc ? rc : check_log(rule, e);
}

int msr_policy_add(struct msr_policy *p, const struct msr_rule *rule, struct err *e)
{
	int rc = msr_rule_check(rule, e);
	if (rc)
		return rc;
	if (p->nr_rules >= MSR_POLICY_MAX_RULES)
		return err_set_config(e, -E2BIG, "more than %u MSR rules", MSR_POLICY_MAX_RULES);
	p->rules[p->nr_rules++] = *rule;
	return 0;
}

int msr_policy_deny(
	struct msr_policy *p, uint32_t first, uint32_t last, const char *id, struct err *e)
{
	const struct msr_rule rule = {
		.first = first, .last = last, .read = MSR_DENY, .write = MSR_DENY, .id = id
	};
	return msr_policy_add(p, &rule, e);
}

int msr_policy_set(struct msr_policy *p, uint32_t index, uint64_t value, struct err *e)
{
	for (unsigned i = 0; i < p->nr_set; i++) {
		if (p->set[i].index == index) {
			p->set[i].value = value;
			return 0;
		}
	}
	if (p->nr_set >= MSR_POLICY_MAX_SET)
		return err_set(e, -E2BIG, "more than %u MSRs to set", MSR_POLICY_MAX_SET);
	p->set[p->nr_set++] = (struct msr_value){ index, value };
	return 0;
}

bool msr_follows_others(uint32_t index)
{
	return index >= 0x481 && index <= 0x484;
}

bool msr_policy_get(const struct msr_policy *p, uint32_t index, uint64_t *ret_value)
{
	for (unsigned i = 0; i < p->nr_set; i++) {
		if (p->set[i].index == index) {
			*ret_value = p->set[i].value;
			return true;
		}
	}
	return false;
}

int msr_policy_firmware(struct msr_policy *p, struct err *e)
{
	/* SDM vol. 4: IA32_MISC_ENABLE bit 0, fast strings. */
	int rc = msr_policy_set(p, MSR_IA32_MISC_ENABLE, 1, e);
	/* SDM vol. 3, IA32_MTRR_DEF_TYPE: bit 11 enables, type 6 is write-back. With MTRRs off,
	 * Linux turns PAT off too. */
	return rc ? rc : msr_policy_set(p, MSR_IA32_MTRR_DEF_TYPE, 1u << 11 | 6, e);
}
