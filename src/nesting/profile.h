/* SPDX-License-Identifier: MIT */
/*
 * What each guest hypervisor needs of the processor: data, one file a profile in profiles/, turned
 * into const tables at build. A profile says what its hypervisor cannot run without, what it makes
 * use of, and what it must not see, each with the reason. policy.h makes a CPU policy of it. Pure.
 */
#ifndef NESTOR_NESTING_PROFILE_H
#define NESTOR_NESTING_PROFILE_H

#include "cpuid/features.h"

enum nesting_level {
	NESTING_REQUIRED, /* the guest hypervisor does not start, or refuses to, without it */
	NESTING_WANTED,   /* makes use of it; runs without */
	NESTING_HIDDEN,   /* must not be there */
};

struct nesting_profile_row {
	feature_id feature;
	enum nesting_level level;
	/* Whose processors the row is for; CPUID_VENDOR_OTHER: both. */
	enum cpuid_vendor vendor;
	char reason[144]; /* one line, with the source */
};

struct nesting_profile {
	const char *name;    /* "full", "kvm", "xen", "hyperv", "vmware", "minimal" */
	const char *title;   /* for a person, without a final dot */
	unsigned memory_mib; /* what such a guest hypervisor and one small guest of its need */
	const struct nesting_profile_row *rows; /* no feature twice for one vendor */
	size_t nr_rows;
};

/* By its exact name; NULL where there is none. */
const struct nesting_profile *nesting_profile_find(const char *name);

/* All, in the order in which the config names them: full, kvm, xen, hyperv, vmware, minimal. */
const struct nesting_profile *nesting_profiles(size_t *ret_count);

/* The row for a feature on that vendor's processors; NULL: the profile does not speak of it. */
const struct nesting_profile_row *nesting_profile_row(
	const struct nesting_profile *profile, enum cpuid_vendor vendor, feature_id feature);

/* "required", "wanted", "hidden". */
const char *nesting_level_name(enum nesting_level level);

#endif
