/* SPDX-License-Identifier: MIT */
/*
 * The nesting policy. Hidden, the extensions leave no trace: each thing withdrawn is a row of
 * rules.tsv, with an id, and nothing of a guest hypervisor's is shown in their place (depth.h).
 * Exposed, a VM has the host's, VMX or SVM, after these steps (plan/cpu.c):
 *   1 the host has them, the ones that nesting.extensions names (nesting_check)
 *   2 a level is left for them (depth.h)
 *   3 the profile adds and hides over the CPU model (profile.h), cpu.features and nesting.features
 *     over that, less what hv-evmcs has no field for (evmcs.h); the engine closes the set and makes
 *     CPUID and the capability MSRs of it
 *   4 firmware's part: IA32_FEATURE_CONTROL; MSRs that such a processor lacks fault (vmx.h)
 *   5 nesting.require: what is not there is an error
 *   6 the MSRs are checked as a whole (vmx.h)
 * KVM is told in one order: CPUID first, as it judges MSRs and EFER by it, then the "true" controls
 * and all other capability MSRs, then system registers; each is read back and compared. Pure.
 */
#ifndef NESTOR_NESTING_NESTING_H
#define NESTOR_NESTING_NESTING_H

#include "base/err.h"
#include "cpuid/edit.h"
#include "cpuid/host_facts.h"
#include "cpuid/policy.h"

enum nesting_rule_kind {
	NESTING_RULE_BIT,
	NESTING_RULE_LEAF,
	NESTING_RULE_MSR,
	NESTING_RULE_NOTE, /* applied in code, with the extensions exposed */
};

struct nesting_rule {
	const char *id;
	enum nesting_rule_kind kind;
	uint32_t first, last; /* leaf; or first and last MSR */
	enum cpuid_reg reg;
	unsigned bit;
	const char *extensions; /* of MSRs: "vmx" or "svm"; else NULL */
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

/*
 * -ENOTSUP, naming both, where extensions ("vmx" or "svm"; NULL: whatever there are) are not those
 * of a host that passed nesting_check. origin: of what names them, or NULL.
 */
int nesting_check_extensions(const struct host_facts *host, const char *extensions,
	const char *origin, struct err *e) MUST_CHECK;

/* Which extensions a feature is a part of: "vmx", "svm", or NULL. */
const char *nesting_extensions_of(feature_id id);

/* Most that nesting_withdrawals gives. */
#define NESTING_MAX_WITHDRAWALS 16

/*
 * The features that the rules withdraw, for the CPU policy: *ret (room for
 * NESTING_MAX_WITHDRAWALS) gets them. origin: of the knob, borrowed; may be NULL. Returns how many;
 * 0 where expose is true.
 */
size_t nesting_withdrawals(bool expose, const char *origin, struct policy_withdrawal *ret);

/* Faults of the policy's raw leaf rules that set a bit which is hidden while the knob is off. */
int nesting_check_leaves(const struct cpu_policy *policy, struct err *e) MUST_CHECK;

/*
 * Hides the extensions in a finished CPUID table by the rules; does nothing where expose is true.
 * -EINVAL (ERR_CONFIG) where a withdrawn bit is set: the policy's raw leaf rules asked for it.
 */
int nesting_apply_cpuid(bool expose, struct cpu_edit *edit, struct err *e) MUST_CHECK;

/*
 * Adds the MSRs to deny, or to set as firmware would (IA32_FEATURE_CONTROL: VMX on outside SMX,
 * locked), to policy. A guest has the MSRs of the extensions that are exposed and in table only.
 * table is the guest's own, after nesting_apply_cpuid; policy has the guest's capability MSRs
 * already.
 */
int nesting_apply_msrs(bool expose, const struct cpuid_table *table, struct msr_policy *policy,
	struct err *e) MUST_CHECK;

#endif
