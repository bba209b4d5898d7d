/* SPDX-License-Identifier: MIT */
/*
 * The CPUID and MSR policy engine: host facts and a policy in, what each vCPU sees out. Pure: no
 * ioctl, no I/O, no CPUID instruction, so that any host is computed on any machine.
 *
 * Stages, each one file or one function of engine.c, in this order (rules.tsv names what each
 * decides):
 *   1 wanted      model (base first), profile, features, migration mode, older operating systems
 *   2 missing     what the host lacks, by on_missing
 *   3 close       requirements between features (requires.tsv); dependants go
 *   4 leaves      the table of leaves for those features
 *   5 identity    vendor, signature, brand
 *   6 hypervisor  bit 31 and leaves 0x4000xxxx
 *   7 sizes       address widths, XSAVE areas (leaf 0xD), caches
 *   8 raw         the policy's own leaf rules
 *   9 msrs        values of feature MSRs, access rules
 * and, for each vCPU (cpu_result_vcpu): topology. What nesting/ withdraws comes after stage 9, so
 * that no rule of a user's can undo it, and before the vCPUs.
 */
#ifndef NESTOR_CPUID_ENGINE_H
#define NESTOR_CPUID_ENGINE_H

#include "cpuid/edit.h"
#include "cpuid/host_facts.h"
#include "cpuid/models.h"
#include "cpuid/policy.h"
#include "cpuid/topology.h"

#define CPU_MAX_NOTES 512

/* What became of something that the policy asked for. */
enum cpu_note_kind {
	CPU_NOTE_MISSING, /* the host lacks it */
	CPU_NOTE_DROPPED, /* it needs another feature (because), which the guest does not have */
	CPU_NOTE_REMOVED, /* a compatibility mode took it away, or a name what the profile needs */
	CPU_NOTE_REMARK,  /* it has no effect, or less than it says; the guest lacks nothing */
};

struct cpu_note {
	enum cpu_note_kind kind;
	bool has_feature;
	feature_id feature; /* where has_feature */
	bool has_because;
	feature_id because;
	const char *origin; /* of what asked for it, or NULL */
	char text[96];      /* what it is about; with a feature, more about it, or "" */
};

struct cpu_result {
	enum cpuid_vendor vendor;       /* of the guest */
	enum cpu_on_missing on_missing; /* of all layers, for what KVM does not keep (kept.h) */
	const struct cpu_model *model;  /* NULL: host or max */
	struct feature_set wanted;      /* after stage 1 */
	struct feature_set features;    /* what the guest has */
	struct cpuid_table table;       /* of all vCPUs, before topology; see cpu_result_vcpu */
	struct cpu_topology topology;
	enum cpu_cache cache;
	unsigned phys_bits;
	unsigned tsc_khz; /* to set; 0: the host's */
	struct msr_policy msrs;
	struct hyperv_caps hyperv; /* what each vCPU needs for Hyper-V's leaves */
	unsigned nr_notes;         /* that are in notes */
	unsigned nr_lost;          /* that did not fit */
	unsigned nr_missing;       /* of kind MISSING, all of them */
	char nearest[64];          /* where nr_missing: a model that would run, or "" */
	/* Last, and only those that there are get written: most of its pages are never touched. */
	struct cpu_note notes[CPU_MAX_NOTES];
};

/*
 * Computes. ERR_CONFIG (-EINVAL): the policy is wrong wherever it runs: unknown names, with the
 * nearest, contradictions, with both lines. ERR_HOST (-ENOTSUP): this host cannot run it: wrong
 * vendor, or features that are missing where on_missing is ERROR (the notes then say all of them,
 * the message the first few, and ret_result is filled as with DROP).
 * trace may be NULL; strings in it and in the notes are borrowed from the policy. ret_result is
 * large (tens of KiB): not for the stack of a vCPU.
 */
int cpu_compute(const struct cpu_policy *policy, const struct host_facts *host,
	struct cpu_trace *trace, struct cpu_result *ret_result, struct err *e) MUST_CHECK;

/* The complete table of vCPU i: result's, with its topology. trace may be NULL. */
int cpu_result_vcpu(const struct cpu_result *result, unsigned i, struct cpu_trace *trace,
	struct cpuid_table *ret_table, struct err *e) MUST_CHECK;

/* What a table and the values of feature MSRs show. */
void cpu_features_of(const struct cpuid_table *table, const struct msr_value *msrs,
	unsigned nr_msrs, struct feature_set *ret_set);

/* What KVM provides to a guest of a named model where it can, whatever the processor. */
void cpu_provided_features(struct feature_set *ret_set);

/* What a host can give a guest: its KVM's table and feature MSRs, and what nestor manages. */
void cpu_features_of_host(
	const struct host_facts *host, bool emulated, struct feature_set *ret_set);

/* The model of the host's vendor that the host can run with the most features of wanted; NULL:
 * none. */
const struct cpu_model *cpu_nearest_model(
	const struct host_facts *host, const struct feature_set *wanted);

/* One line for a note: "avx512f (CPUID 0x7.0 EBX bit 16): this host lacks it". Returns text. */
#define CPU_NOTE_BYTES 256
char *cpu_note_text(char text[CPU_NOTE_BYTES], const struct cpu_note *note);

#endif
