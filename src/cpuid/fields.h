/* SPDX-License-Identifier: MIT */
/*
 * What CPUID registers hold besides feature bits: numbers, identity, topology, caches, sizes. Data
 * (data/fields.tsv). Says how a field is shown, how two hosts' values combine into a baseline, and
 * what a guest of a named model gets.
 */
#ifndef NESTOR_CPUID_FIELDS_H
#define NESTOR_CPUID_FIELDS_H

#include "cpuid/features.h"

enum cpuid_field_kind {
	CPUID_FIELD_MAX_LEAF,   /* highest leaf of a range */
	CPUID_FIELD_VENDOR,     /* vendor string */
	CPUID_FIELD_SIGNATURE,  /* family, model, stepping, and what belongs to them */
	CPUID_FIELD_BRAND,      /* brand string */
	CPUID_FIELD_TOPOLOGY,   /* from sockets, dies, cores, threads; APIC IDs */
	CPUID_FIELD_CACHE,      /* caches and TLBs */
	CPUID_FIELD_XSAVE,      /* leaf 0xD sizes and components */
	CPUID_FIELD_ADDRESS,    /* physical and linear address width */
	CPUID_FIELD_CAPACITY,   /* a number that a smaller host may lack: counters, ranges, ASIDs */
	CPUID_FIELD_FREQUENCY,  /* TSC, bus and core clocks */
	CPUID_FIELD_HYPERVISOR, /* 0x4000xxxx that are not features */
	CPUID_FIELD_DYNAMIC,    /* follows the guest's own registers at run time */
	CPUID_FIELD_OTHER,      /* taken from the host for model host and max, else zero */
};

/* How the values of several hosts become one that runs on all of them. */
enum cpuid_field_combine {
	CPUID_COMBINE_MIN,
	CPUID_COMBINE_AND,
	CPUID_COMBINE_EQUAL, /* else 0 */
	CPUID_COMBINE_NONE,  /* decided by the VM, not by hosts */
};

struct cpuid_field {
	uint32_t leaf;
	int subleaf; /* -1: any that has no rows of its own */
	enum cpuid_reg reg;
	uint8_t low, high; /* bits, both included */
	char name[56];
	enum cpuid_field_kind kind;
	enum cpuid_field_combine combine;
	feature_id requires; /* the field is 0 without that feature; CPUID_FIELD_ALWAYS: none */
	char note[44];       /* "" for none */
};

#define CPUID_FIELD_ALWAYS UINT16_MAX

/* Rows sorted by leaf, subleaf, register, bit. */
const struct cpuid_field *cpuid_fields(size_t *ret_count);

/* Those of one subleaf, sorted by register and bit; NULL and 0 where there are none. */
const struct cpuid_field *cpuid_fields_of(uint32_t leaf, uint32_t subleaf, size_t *ret_count);

/* The field that holds a bit, or NULL: a feature, reserved, or a leaf that is not known. */
const struct cpuid_field *cpuid_field_find(
	uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, unsigned bit);

/* What a leaf is about, in few words; NULL where it is not known. */
const char *cpuid_leaf_title(uint32_t leaf, uint32_t subleaf);

/* True where the leaf's subleaves differ (ECX is an input). */
bool cpuid_leaf_has_subleaves(uint32_t leaf);

/* "eax" … "edx" */
const char *cpuid_reg_name(enum cpuid_reg reg);

#endif
