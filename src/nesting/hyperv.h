/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V enlightenments: what a Windows guest, or Hyper-V as guest hypervisor, is told by the
 * leaves 0x40000000 to 0x4000000A (Hyper-V TLFS, "Feature and Interface Discovery"). Names, bits
 * and requirements are data (data/hyperv.tsv). KVM serves the MSRs and hypercalls behind them.
 * Pure.
 */
#ifndef NESTOR_NESTING_HYPERV_H
#define NESTOR_NESTING_HYPERV_H

#include "base/err.h"
#include "cpuid/edit.h"
#include "cpuid/host_facts.h"
#include "cpuid/hyperv.h"
#include "cpuid/policy.h"

#define HYPERV_MAX_PLACES 2
#define HYPERV_MAX_REQUIRES 4
#define HYPERV_NEVER_NOTIFY UINT32_MAX /* spinlock retries: the hypervisor is never told */
#define HYPERV_MIN_RETRIES 0xfffu      /* fewer make a guest call at every short wait */

enum hyperv_kind {
	HYPERV_PLAIN,      /* bits of CPUID alone */
	HYPERV_NESTED,     /* the same, of use to a guest hypervisor only */
	HYPERV_NUMBER,     /* hv-spinlocks */
	HYPERV_CAPABILITY, /* no CPUID bit: KVM is told */
	HYPERV_REFUSED,    /* QEMU has it, nestor does not offer it; the note says why */
};

/* Whose processors a requirement or a recommendation is for. */
enum hyperv_processors { HYPERV_ON_NONE, HYPERV_ON_ANY, HYPERV_ON_INTEL, HYPERV_ON_AMD };

struct hyperv_place {
	uint32_t leaf;
	enum cpuid_reg reg;
	uint32_t mask, value; /* value is the mask, but for the versions of hv-evmcs */
};

struct hyperv_requirement {
	unsigned feature; /* position in hyperv_features() */
	enum hyperv_processors on;
};

struct hyperv_feature {
	char name[44];    /* QEMU's, "hv-synic" */
	char aliases[44]; /* comma-separated; "" for none */
	enum hyperv_kind kind;
	struct hyperv_place places[HYPERV_MAX_PLACES];
	unsigned nr_places;
	struct hyperv_requirement requires[HYPERV_MAX_REQUIRES];
	unsigned nr_requires;
	enum hyperv_processors recommended; /* for Hyper-V as guest hypervisor */
	char note[128];                     /* what it does; of HYPERV_REFUSED, why it is refused */
};

/* All rows, in file order; the refused ones come last. */
const struct hyperv_feature *hyperv_features(size_t *ret_count);

/* By name or alias, "_" and "-" taken alike; NULL where unknown. */
const struct hyperv_feature *hyperv_feature_find(const char *name);

/* The known name that a misspelt one may mean ("relaxed" is "hv-relaxed"); NULL: nothing near. */
const char *hyperv_feature_nearest(const char *name);

/* hyperv-rules.tsv: every rule that decides bits of these leaves. */
const struct cpu_rule *hyperv_rules(size_t *ret_count);

/* The hypervisor that a policy shows: of the outermost layer that says so; KVM where none does. */
enum cpu_hypervisor hyperv_shown_hypervisor(const struct cpu_policy *policy);

/*
 * The leaves for a policy (its members hyperv_…, hypervisor, topology, knob_origin) on a host.
 * expose: the knob. *ret_leaves, to be given to the engine as policy->hyperv, is the caller's to
 * free(); NULL where the policy asks for nothing of Hyper-V's. Features of the policy that this
 * host's KVM lacks, or that lose a requirement by that, become notes, on which the engine acts by
 * on_missing; recommended ones go without a word.
 * ERR_CONFIG, -EINVAL, a line each: unknown names, with the nearest; what is not offered, with the
 * reason; what is both asked for and left out; a requirement that is not met; enlightenments with
 * cpu.hypervisor = "none"; nested ones with the knob off; bad numbers and vendor ids.
 */
int hyperv_leaves_create(struct hyperv_leaves **ret_leaves, const struct cpu_policy *policy,
	const struct host_facts *host, bool expose, struct err *e) MUST_CHECK;

#endif
