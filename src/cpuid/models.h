/* SPDX-License-Identifier: MIT */
/* Named CPU models: libvirt's, QEMU's and the psABI levels. Data (data/models.tsv) made const
 * tables at build. */
#ifndef NESTOR_CPUID_MODELS_H
#define NESTOR_CPUID_MODELS_H

#include "cpuid/features.h"

#define CPU_MODEL_MAX_NUMBERS 8

/* Texts in place: a table of pointers would be private memory in every process, relocated at start.
 */
struct cpu_model {
	char name[32];
	enum cpuid_vendor vendor; /* OTHER: for any, where vendor_id is "" */
	char vendor_id[13];       /* "GenuineIntel", "AuthenticAMD", "HygonGenuine" … or "" */
	char base[32];            /* a model whose features are a subset, or "" */
	char source[20];          /* where the row is from: "libvirt-11.3", "qemu-10.0", "psabi" */
	bool has_signature;       /* family, numbers and stepping say something */
	unsigned family;
	unsigned numbers[CPU_MODEL_MAX_NUMBERS]; /* the first is what a guest gets */
	unsigned nr_numbers;
	unsigned stepping_low, stepping_high; /* a guest gets the low one */
	struct feature_set features;   /* CPUID, feature MSRs, and VMX controls (only with vmx) */
	struct feature_set qemu_extra; /* what QEMU's model of that name has besides */
};

/* Model number i in the order of names; NULL past the last. */
const struct cpu_model *cpu_model_at(size_t i);

/* By exact name; NULL where unknown. "host" and "max" are no models. */
const struct cpu_model *cpu_model_find(const char *name);

/* The known name that a misspelt one may mean; "host" and "max" count. NULL: nothing near. */
const char *cpu_model_nearest(const char *name);

/* What every processor of the last ten years has: Hyper-V's minimum_feature_set. */
void cpu_minimum_features(struct feature_set *ret_set);

/* What Hyper-V's MinimumFeatureSet leaves of a processor's features; data/minimum.tsv says why. */
void cpu_minimum_features(struct feature_set *ret_set);

/* Leaf 1 EAX for a family, model and stepping (SDM vol. 2, CPUID, Version Information), and back.
 */
uint32_t cpu_signature_pack(unsigned family, unsigned model, unsigned stepping);
void cpu_signature_unpack(
	uint32_t eax, unsigned *ret_family, unsigned *ret_model, unsigned *ret_stepping);

#endif
