/* SPDX-License-Identifier: MIT */
/*
 * What a user asks of a guest's CPU, as a value. Made from a VM's config (plan/), from another
 * format (formats/), or by a test; names are not resolved yet. All strings and arrays are borrowed
 * and outlive the policy and every result made from it.
 */
#ifndef NESTOR_CPUID_POLICY_H
#define NESTOR_CPUID_POLICY_H

#include "cpuid/features.h"
#include "cpuid/hyperv.h"
#include "cpuid/msr.h"

enum cpu_on_missing { CPU_MISSING_ERROR, CPU_MISSING_WARN, CPU_MISSING_DROP };
enum cpu_hypervisor { CPU_HYPERVISOR_KVM, CPU_HYPERVISOR_HYPERV, CPU_HYPERVISOR_NONE };
/* Leaves 2, 4, 0x80000005, 0x80000006, 0x8000001D: the host's sizes, made-up ones, or none. */
enum cpu_cache { CPU_CACHE_HOST, CPU_CACHE_EMULATE, CPU_CACHE_NONE };
/* Hyper-V's compatibility_for_migration_enabled and _mode. */
enum cpu_migration { CPU_MIGRATION_OFF, CPU_MIGRATION_MINIMUM, CPU_MIGRATION_CLUSTER };

/* A text with where it stands; text NULL: not given. */
struct policy_text {
	const char *text;
	const char *origin; /* FILE:LINE:COLUMN, a flag, or NULL */
};

struct policy_number {
	bool given;
	uint64_t value;
	const char *origin;
};

/* "+avx2" */
struct policy_feature {
	const char *name; /* without its sign */
	bool on;
	const char *origin;
};

/* A raw rule: the register's bits in set become 1, those in clear 0. */
struct policy_leaf {
	uint32_t leaf;
	bool any_subleaf; /* all that the leaf has */
	uint32_t subleaf;
	enum cpuid_reg reg;
	uint32_t set, clear; /* disjoint */
	const char *origin;
};

/* Bits of an MSR's initial value. */
struct policy_msr_bits {
	uint32_t index;
	uint64_t set,
		clear; /* disjoint; what neither names stays the host's (0 where it has none) */
	const char *origin;
};

/* The VM's shape. All at least 1; vcpus = sockets * dies * cores * threads. */
struct policy_topology {
	unsigned sockets, dies, cores, threads; /* per VM, per socket, per die, per core */
};

/* A feature that no model, and no user, may bring in: by nesting rules of the knob, or the
 * enlightened VMCS. */
struct policy_withdrawal {
	feature_id feature;
	const char *rule;   /* id, "NEST-01"; static */
	const char *origin; /* of what withdraws it, or NULL */
	const char *by;     /* that, for a person who asks for the feature; static */
};

/* What a profile says of a feature (nesting/profile.h). */
enum policy_level {
	POLICY_REQUIRED, /* on; missing where the host lacks it */
	POLICY_WANTED,   /* on where the host has it */
	POLICY_HIDDEN,   /* off */
};

struct policy_need {
	feature_id feature;
	enum policy_level level;
};

/* nesting.expose_virtualization_extensions. UNSAID: the text that it comes from leaves it to the
 * other program's default. */
enum policy_knob { POLICY_KNOB_UNSAID, POLICY_KNOB_HIDDEN, POLICY_KNOB_EXPOSED };

/* The table [nesting] in its words, for those who write a policy down: the engine takes what plan/
 * makes of them. */
struct policy_nesting {
	enum policy_knob knob;
	const char *extensions; /* "svm" or "vmx"; NULL: those that the host has */
	const char *profile;    /* NULL: full */
	const struct policy_feature *features;
	size_t nr_features;
	bool require;
};

/* Of policies on top of one another (base): model files, the config's own, and on top of that what
 * its [nesting] asks for. */
#define CPU_MAX_MODEL_FILES 7
#define CPU_MAX_LAYERS (CPU_MAX_MODEL_FILES + 2)

struct cpu_policy {
	/* A name of models.h, "host" or "max". Not given: that of base, or "host". */
	struct policy_text model;
	/* The policy of a model file, applied first; this one goes on top. May be NULL. */
	const struct cpu_policy *base;

	const struct policy_feature *features;
	size_t nr_features;
	size_t nr_nesting_features;     /* the last of features: nesting.features asks for them */
	struct policy_text vendor;      /* 12 characters, or "intel", "amd", "hygon" … */
	struct policy_text host_vendor; /* the same: hosts of other vendors are refused */
	struct policy_number family, model_number, stepping;
	struct policy_text brand; /* at most 47 bytes */
	struct policy_number phys_bits;
	struct policy_number tsc_khz;

	bool on_missing_given, hypervisor_given, cache_given;
	enum cpu_on_missing on_missing; /* default ERROR */
	enum cpu_hypervisor hypervisor; /* default KVM */
	const char *hypervisor_origin;
	enum cpu_cache cache; /* default HOST */

	enum cpu_migration migration;
	const char *migration_origin;
	/* CPU_MIGRATION_CLUSTER: what all hosts of the cluster have (cpu_baseline); borrowed. */
	const struct host_facts *cluster;
	bool older_os; /* compatibility_for_older_operating_systems */
	const char *older_os_origin;

	/* Never in the guest; asking for one by name is a contradiction. Of the outermost policy
	 * only. */
	const struct policy_withdrawal *withdrawals;
	size_t nr_withdrawals;
	const char *knob_origin; /* of nesting.expose_virtualization_extensions, for messages; or
				    NULL */
	/* Over the model and under every layer's features: what is named there wins. Of the
	 * outermost policy only. needs_of: whose they are, `nesting.profile = "xen"`. */
	const struct policy_need *needs;
	size_t nr_needs;
	struct policy_text needs_of;
	/* The rest of the table [nesting], which plan/ makes withdrawals, needs and features of:
	 * where its keys stand, and how many levels there may be. Of the outermost policy only. */
	struct policy_nesting nesting;
	const char *extensions_origin, *profile_origin, *require_origin;
	struct policy_number max_depth;

	/*
	 * Hyper-V enlightenments, by QEMU's names; of the outermost policy only. nesting/hyperv.h
	 * resolves them, and adds what it recommends to Hyper-V as guest hypervisor where
	 * hyperv_recommended. What it makes of them all is hyperv, NULL: KVM's leaves alone.
	 */
	const struct policy_feature *hyperv_features;
	size_t nr_hyperv_features;
	struct policy_number hyperv_spinlock_retries;
	struct policy_text hyperv_vendor_id; /* 1 to 12 characters */
	bool hyperv_recommended;
	const char *hyperv_recommended_origin;
	const struct hyperv_leaves *hyperv;

	const struct policy_leaf *leaves;
	size_t nr_leaves;
	const struct policy_msr_bits *msr_bits;
	size_t nr_msr_bits;

	bool msr_default_deny;
	const struct msr_rule *msr_rules;
	size_t nr_msr_rules;

	struct policy_topology topology; /* of the outermost policy only */
};

/*
 * The scalar at offset (of struct cpu_policy) of the outermost layer that gives it, policy being
 * the outermost of all; NULL: none does.
 */
const struct policy_text *cpu_policy_text(const struct cpu_policy *policy, size_t offset);
const struct policy_number *cpu_policy_number(const struct cpu_policy *policy, size_t offset);

#endif
