/* SPDX-License-Identifier: MIT */
/*
 * The MSR policy of a VM as a value: what each guest access does, what is set before the guest
 * starts, and the same compiled into the ranges that KVM's filter takes. Pure.
 *
 * What no filter can do (KVM API, KVM_X86_SET_MSR_FILTER):
 * - x2APIC MSRs (800h to 8FFh) are always KVM's. A rule that names one is refused, and default_deny
 *   does not reach them.
 * - Accesses by VM entry and exit of a nested guest are not filtered. KVM may take a write of
 *   IA32_TSC_DEADLINE before it looks at the filter.
 *
 * Logging an access that goes on to KVM: the filter stops it, nestor reports it and carries it out
 * with KVM_GET_MSRS or KVM_SET_MSRS, that is with the rights of a host. A read then gives what KVM
 * keeps, where a guest without the CPUID bit may have got #GP. A write with such rights could
 * change what no guest may change, so data/msrs.tsv says of each MSR what a guest's write comes to:
 * the same as a host's; always #GP, or always nothing, which nestor does without KVM; or neither.
 * These last, and MSRs that the table does not know, are logged when read, and go to KVM unlogged
 * when written (msr_write_log, msr_rule_unlogged).
 */
#ifndef NESTOR_CPUID_MSR_H
#define NESTOR_CPUID_MSR_H

#include "base/err.h"
#include "base/types.h"
#include "cpuid/host_facts.h"

#define MSR_POLICY_MAX_RULES 256
#define MSR_POLICY_MAX_SET 96
#define MSR_FILTER_MAX_RANGES 16         /* KVM_MSR_FILTER_MAX_RANGES */
#define MSR_FILTER_RANGE_MAX_MSRS 0x3000 /* KVM_MSR_FILTER_MAX_BITMAP_SIZE bytes of bits */

#define MSR_IA32_FEATURE_CONTROL 0x3au
#define MSR_IA32_UCODE_REV 0x8bu
#define MSR_IA32_CORE_CAPABILITIES 0xcfu
#define MSR_IA32_ARCH_CAPABILITIES 0x10au
#define MSR_IA32_MISC_ENABLE 0x1a0u
#define MSR_IA32_MTRR_DEF_TYPE 0x2ffu
#define MSR_IA32_PERF_CAPABILITIES 0x345u
#define MSR_IA32_VMX_BASIC 0x480u
#define MSR_IA32_VMX_EXIT_CTLS2 0x493u

/* What an access does. Reads and writes are ruled apart. */
enum msr_action {
	MSR_UNRULED, /* this rule says nothing of the direction */
	MSR_KVM,     /* as KVM does it, faults included */
	MSR_DENY,    /* #GP */
	MSR_VALUE,   /* reads: the rule's value */
	MSR_IGNORE,  /* writes: accepted, without effect */
};

/* MSRs first to last, both included. A later rule wins over an earlier one, direction by direction.
 */
struct msr_rule {
	uint32_t first, last;
	enum msr_action read, write;
	uint64_t value;     /* MSR_VALUE */
	bool log;           /* each access that it decides is reported; see above */
	const char *id;     /* "MSR-RULE", "NEST-07"; static */
	const char *origin; /* FILE:LINE:COLUMN, or NULL; borrowed */
};

/* For KVM_X86_SET_MSR_FILTER: bit i of bitmap: access to base + i goes to KVM. */
struct msr_filter_range {
	uint32_t base, count;
	bool read, write; /* which accesses the range rules */
	uint8_t *bitmap;  /* (count + 63) / 64 * 8 bytes, as KVM reads whole longs */
};

struct msr_filter {
	bool default_deny;
	/* Accesses that the filter stops exit to nestor (KVM_MSR_EXIT_REASON_FILTER), as some are
	 * not simply denied. */
	bool exits;
	struct msr_filter_range ranges[MSR_FILTER_MAX_RANGES];
	unsigned nr_ranges; /* 0: no filter */
};

struct msr_policy {
	bool default_deny; /* what no rule names: #GP instead of KVM's own behaviour */
	struct msr_rule rules[MSR_POLICY_MAX_RULES];
	unsigned nr_rules;
	struct msr_value set[MSR_POLICY_MAX_SET]; /* on every vCPU, in this order, after CPUID */
	unsigned nr_set;
};

/* What one access does, by the policy. */
struct msr_outcome {
	enum msr_action action; /* never MSR_UNRULED */
	uint64_t value;
	const struct msr_rule *rule; /* that decided; NULL: the default. Borrowed from the policy */
	bool log;
};
struct msr_outcome msr_policy_access(const struct msr_policy *p, uint32_t index, bool write);

/*
 * ERR_CONFIG, without the rule's origin: -EINVAL: empty range, x2APIC MSRs, an action that does not
 * fit its direction, nothing ruled, or a log that could never log.
 */
int msr_rule_check(const struct msr_rule *rule, struct err *e) MUST_CHECK;

/* Adds a rule. Errors as msr_rule_check's; -E2BIG: too many. */
int msr_policy_add(struct msr_policy *p, const struct msr_rule *rule, struct err *e) MUST_CHECK;

/* Adds a rule that denies both directions; id is static. */
int msr_policy_deny(struct msr_policy *p, uint32_t first, uint32_t last, const char *id,
	struct err *e) MUST_CHECK;

/* What the MSR holds when the guest starts; replaces an earlier value of the same MSR. */
int msr_policy_set(struct msr_policy *p, uint32_t index, uint64_t value, struct err *e) MUST_CHECK;

/*
 * True for the basic VMX control MSRs, 0x481 to 0x484: KVM makes them from the "true" ones, 0x48d
 * to 0x490, and takes no value for them; what is in set[] is a promise to be read back.
 */
bool msr_follows_others(uint32_t index);

/* The value of set[] for an MSR; false where it has none. */
bool msr_policy_get(const struct msr_policy *p, uint32_t index, uint64_t *ret_value);

/* What firmware leaves behind on any PC: fast strings, and MTRRs on with default type write-back.
 */
int msr_policy_firmware(struct msr_policy *p, struct err *e) MUST_CHECK;

/* What becomes of a logged write that goes on to KVM. */
enum msr_write_log {
	MSR_WRITE_HOST,   /* carried out by KVM_SET_MSRS */
	MSR_WRITE_FAULT,  /* #GP, as KVM would */
	MSR_WRITE_IGNORE, /* nothing, as KVM would */
	MSR_WRITE_REFUSE, /* not logged */
};
/* For MSR_WRITE_REFUSE, *ret_reason says why (static; may be NULL). */
enum msr_write_log msr_write_log(uint32_t index, const char **ret_reason);

/* The first MSR from `from` on whose logged writes are not MSR_WRITE_REFUSE; false: none. */
bool msr_write_log_next(uint64_t from, uint32_t *ret_index);

/* The first MSR whose writes the policy's rule number i asks to log, and which are not; false:
 * none. */
bool msr_rule_unlogged(
	const struct msr_policy *p, unsigned i, uint32_t *ret_index, const char **ret_reason);

/*
 * Compiles the rules into as few filter ranges as it finds (of either default, whatever the
 * policy's); the caller owns *ret_filter (msr_filter_done). By the filter exactly the accesses that
 * are MSR_KVM without a log pass. ERR_CONFIG, -E2BIG: more than 16 ranges are needed, with their
 * number and the widest gaps. ERR_HOST, -ENOTSUP: an access needs an exit and user_space_msr is
 * false.
 */
int msr_filter_compile(const struct msr_policy *p, bool user_space_msr,
	struct msr_filter *ret_filter, struct err *e) MUST_CHECK;
void msr_filter_done(struct msr_filter *f);
/* Whether KVM would be told the same. */
bool msr_filter_same(const struct msr_filter *a, const struct msr_filter *b);

/* The architectural name of an MSR (data/msrs.tsv), or NULL. */
const char *msr_name(uint32_t index);

/* "0x10a (IA32_ARCH_CAPABILITIES)", or the number alone; for messages. Returns text. */
#define MSR_LABEL_BYTES 64
char *msr_label(char text[MSR_LABEL_BYTES], uint32_t index);

#endif
