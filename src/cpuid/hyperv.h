/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V's leaves as values: nesting/hyperv.h makes them, the engine writes them (stage 6), and
 * kvm/ is told what a vCPU needs for them.
 */
#ifndef NESTOR_CPUID_HYPERV_H
#define NESTOR_CPUID_HYPERV_H

#include "cpuid/cpuid.h"

#define HYPERV_MAX_BITS 160
#define HYPERV_MAX_NOTES 64

/* Bits of a leaf become those of value; later ones win. */
struct hyperv_bits {
	uint32_t leaf;
	enum cpuid_reg reg;
	uint32_t mask, value;
	const char *rule;   /* id of a row of hyperv-rules.tsv; static */
	const char *origin; /* FILE:LINE:COLUMN of what asked for it, or NULL; borrowed */
	const char *detail; /* an enlightenment's name, or NULL; static */
};

/* What became of an enlightenment that was asked for by name. */
struct hyperv_note {
	bool missing; /* the host lacks it; else: what it needs went */
	const char *origin;
	char text[96];
};

/* What KVM must be asked for, on each vCPU, before it gets its CPUID. */
struct hyperv_caps {
	bool synic;               /* KVM_CAP_HYPERV_SYNIC2 */
	bool evmcs;               /* KVM_CAP_HYPERV_ENLIGHTENED_VMCS, version 1 */
	bool enforce_cpuid;       /* KVM_CAP_HYPERV_ENFORCE_CPUID */
	const char *evmcs_origin; /* FILE:LINE:COLUMN of what asked for evmcs, or NULL; borrowed */
};

struct hyperv_leaves {
	struct hyperv_bits bits[HYPERV_MAX_BITS]; /* every register of every leaf has some */
	unsigned nr_bits; /* 0: no leaf of Hyper-V's is shown, as this host's KVM has none */
	struct hyperv_note notes[HYPERV_MAX_NOTES];
	unsigned nr_notes;
	struct hyperv_caps caps;
};

#endif
