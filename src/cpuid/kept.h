/* SPDX-License-Identifier: MIT */
/*
 * The second decision of applying a CPU policy: what a KVM kept of the CPUID that it was given,
 * which MSRs there are with that, and what becomes of the loss. Pure; kvm/settle.h makes the calls
 * between.
 *
 * Not every KVM keeps what it takes, nor what it says that it supports: one in software drops or
 * adds bits in KVM_SET_CPUID2, and judges MSRs by what is left (KVM reads as 0, and takes no other
 * value for, a feature MSR that the vCPU's CPUID does not announce).
 */
#ifndef NESTOR_CPUID_KEPT_H
#define NESTOR_CPUID_KEPT_H

#include "cpuid/policy.h"

#define CPU_MAX_UNKEPT 256

enum cpu_unkept_kind {
	CPU_UNKEPT_CPUID,   /* a register of a leaf has another value */
	CPU_UNKEPT_MSR,     /* an MSR reads otherwise than it was set, or cannot be read */
	CPU_UNKEPT_NO_MSR,  /* an MSR that is not there without a CPUID bit that was not kept */
	CPU_UNKEPT_REFUSED, /* an MSR that KVM does not take the value for */
};

/* One register or MSR that is not as it was set. */
struct cpu_unkept {
	enum cpu_unkept_kind kind;
	uint32_t leaf, subleaf; /* or the MSR */
	enum cpuid_reg reg;
	uint64_t set, kept; /* kept: 0 for an MSR that cannot be read */
	/* By cpu_kept_judge: those of the bits that differ of which the config asks something. key:
	 * which one, static; origin: where it stands, or NULL, borrowed from the policy. */
	uint64_t asked;
	const char *key, *origin;
};

struct cpu_kept {
	struct cpu_unkept items[CPU_MAX_UNKEPT];
	unsigned nr_items;
	unsigned nr_lost;  /* that did not fit */
	bool shows_hidden; /* VMX or SVM shows, although it was not set */
};

/*
 * Compares, and fills ret_kept with the registers that differ, but for the bits that KVM keeps in
 * step with the vCPU's own registers (KVM API, KVM_GET_CPUID2).
 */
void cpu_kept_cpuid(
	const struct cpuid_table *set, const struct cpuid_table *kept, struct cpu_kept *ret_kept);

/*
 * Which of the policy's MSRs there are with the CPUID that was kept: ret_msrs (with room for
 * MSR_POLICY_MAX_SET) in the policy's order; returns their number. The others are added to k.
 */
unsigned cpu_kept_valid_msrs(const struct msr_policy *msrs, const struct cpuid_table *set,
	const struct cpuid_table *kept, struct cpu_kept *k, struct msr_value *ret_msrs);

/* True for a feature MSR that a policy gives a value, and that this CPUID announces. */
bool cpu_msr_is_announced(uint32_t msr, const struct cpuid_table *table);

/* Adds an MSR of those, where it is not as it was set: taken by KVM, and read back as value
 * (NULL: it cannot be read). */
void cpu_kept_add_msr(
	struct cpu_kept *k, const struct msr_value *set, bool taken, const uint64_t *value);

/*
 * Finds who asks for what was not kept: a feature or leaf rule by name; else, of a policy that
 * names a model or a compatibility mode, that, as it asks for the CPU as a whole. policy may be
 * NULL.
 */
void cpu_kept_judge(struct cpu_kept *k, const struct cpu_policy *policy);

/* What becomes of it. */
enum cpu_kept_verdict {
	CPU_KEPT_AS_SET,
	CPU_KEPT_QUIET, /* nothing is lost that was asked for, or cpu.on_missing is "drop" */
	CPU_KEPT_WARN,
	CPU_KEPT_REFUSE,
};

/*
 * After cpu_kept_judge. Hidden extensions that show are refused whatever on_missing says, and so is
 * a loss of what is asked for where it is ERROR. *ret_why gets the words, with a hint where
 * refused: for all but CPU_KEPT_AS_SET. who begins them: "vCPU 0".
 */
enum cpu_kept_verdict cpu_kept_decide(const struct cpu_kept *k, enum cpu_on_missing on_missing,
	const char *who, struct err *ret_why);

/* "arch-capabilities (CPUID 0x7.0 EDX bit 29): not kept"; only of bits that are asked for, where
 * some are. Returns text. */
#define CPU_UNKEPT_BYTES 320
char *cpu_unkept_text(char text[CPU_UNKEPT_BYTES], const struct cpu_unkept *u);

/* What a host's KVM did not keep of all that it supports, by its facts (kept_known). Not judged. */
void cpu_kept_of_host(const struct host_facts *host, struct cpu_kept *ret_kept);

/*
 * What a host would keep of a table and MSRs, by what its KVM kept of all that it supports
 * (host->kept): what cpu_kept_cpuid and the others would have found there. All is kept where
 * nothing is known. kept is scratch, and gets the table.
 */
void cpu_kept_predict(const struct host_facts *host, const struct cpuid_table *set,
	const struct msr_policy *msrs, struct cpuid_table *kept, struct cpu_kept *ret_kept);

#endif
