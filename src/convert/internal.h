/* SPDX-License-Identifier: MIT */
/* What the files of convert share. Of this room alone. */
#ifndef NESTOR_CONVERT_INTERNAL_H
#define NESTOR_CONVERT_INTERNAL_H

#include "config/config.h"
#include "convert/convert.h"
#include "plan/plan.h"
#include "plan/policy.h"

/* A text that came from nestor's own writer, read by nestor's own reader. */
struct convert_config {
	struct config *config;
	const struct vm_config *vm;
	struct vm_policy *policy;
};

/* What a VM's guest is on a host. */
struct convert_view {
	struct host_facts *made; /* the host, where it is assumed; owned */
	const struct host_facts *host;
	struct machine_plan *plan;
	struct cpuid_table *vcpu;
};

struct convert {
	enum convert_format from;
	struct policy_doc *doc; /* NULL: from a VM's own */
	struct convert_config read;
	const struct vm_config *vm;
	const struct cpu_policy *policy;
	bool host_given;
	struct convert_view views[CONVERT_MAX_GUESTS];
	unsigned nr_views;
};

/* source.c: doc as a VM's file, read again. name: as in errors. */
int convert_config_of(struct convert_config *ret, const struct policy_doc *doc, const char *name,
	struct err *e) MUST_CHECK;
/* The same of n bytes of TOML. */
int convert_config_read(struct convert_config *ret, const char *toml, size_t n, const char *name,
	struct err *e) MUST_CHECK;
void convert_config_done(struct convert_config *c);
/* A text in another format than TOML, as the reader has it, without what Hyper-V's table refuses.
 */
int convert_doc_read(struct policy_doc **ret, enum convert_format from, const char *text, size_t n,
	const char *name, struct losses *losses, struct err *e) MUST_CHECK;

/* hosts.c: one more kind of host that may run the policy; false: there are no more. */
bool convert_assume_host(const struct cpu_policy *policy, unsigned i, struct host_facts *ret_host);

/* plan.c: ret's plan and table, on ret->host. */
int convert_view_make(struct convert_view *ret, const struct vm_config *vm,
	const struct cpu_policy *policy, struct err *e) MUST_CHECK;
void convert_view_done(struct convert_view *v);

/* hyperv.c: enlightenments of the guest by QEMU's names, and its hv-spinlocks. */
#define CONVERT_MAX_ENLIGHTENMENTS 64
unsigned convert_enlightenments(
	const struct convert *c, struct policy_feature ret[CONVERT_MAX_ENLIGHTENMENTS]);
struct policy_number convert_spinlock_retries(const struct convert *c);

/* compare.c: what theirs and ours differ in and no line of losses is about, named. who: whose
 * theirs are. own: NULL, or the bits of a register that they set in any guest. */
struct convert_sight {
	const struct cpuid_table *table;
	const struct msr_value *msrs;
	unsigned nr_msrs;
	unsigned tsc_khz;
};
typedef uint32_t convert_own_bits(
	enum cpuid_vendor vendor, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg);
void convert_compare(const struct convert_sight *ours, const struct convert_sight *theirs,
	const char *who, convert_own_bits *own, struct losses *losses);

/* verify.c: holds what was written to the plan. */
int convert_verify(const struct convert *c, enum convert_format to, const char *text, size_t n,
	struct losses *losses, struct err *e) MUST_CHECK;

#endif
