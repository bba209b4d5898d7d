/*
 * The nesting policy's first form: the knob. Each thing withdrawn while the extensions are hidden
 * is a row of rules.tsv, with an id. Pure.
 */
#ifndef NESTOR_NESTING_NESTING_H
#define NESTOR_NESTING_NESTING_H

#include "base/err.h"
#include "cpuid/edit.h"
#include "cpuid/host_facts.h"
#include "cpuid/policy.h"

enum nesting_rule_kind { NESTING_RULE_BIT, NESTING_RULE_LEAF, NESTING_RULE_MSR };

struct nesting_rule {
	const char *id;
	enum nesting_rule_kind kind;
	uint32_t first, last; /* leaf; or first and last MSR */
	enum cpuid_reg reg;
	unsigned bit;
	const char *why;
};

/* The rows, in file order. */
const struct nesting_rule *nesting_rules(size_t *ret_count);

/* Which extensions KVM on that host could give a guest, and if none, why. */
struct nesting_support {
	bool supported;
	const char *extensions; /* "vmx", "svm", or "none" */
	const char *reason;     /* for a person; "" where supported */
};

struct nesting_support nesting_support(const struct host_facts *host);

/*
 * -ENOTSUP, with the reason and the fix, where exposing is asked of a host whose KVM offers neither
 * VMX nor SVM.
 */
int nesting_check(const struct host_facts *host, bool expose, struct err *e) MUST_CHECK;

/* Most that nesting_withdrawals gives. */
#define NESTING_MAX_WITHDRAWALS 16

/*
 * The features that the rules withdraw, for the CPU policy: *ret (room for
 * NESTING_MAX_WITHDRAWALS) gets them. origin: of the knob, borrowed; may be NULL. Returns how many;
 * 0 where expose is true.
 */
size_t nesting_withdrawals(bool expose, const char *origin, struct policy_withdrawal *ret);

/*
 * Hides the extensions in a finished CPUID table by the rules; does nothing where expose is true.
 * -EINVAL (ERR_CONFIG) where a withdrawn bit is set: the policy's raw leaf rules asked for it.
 */
int nesting_apply_cpuid(bool expose, struct cpu_edit *edit, struct err *e) MUST_CHECK;

/*
 * Adds the MSRs to deny, or to set as firmware would (IA32_FEATURE_CONTROL: VMX on outside SMX,
 * locked), to policy. table is the guest's own, after nesting_apply_cpuid.
 */
int nesting_apply_msrs(bool expose, const struct cpuid_table *table, struct msr_policy *policy,
	struct err *e) MUST_CHECK;

#endif
