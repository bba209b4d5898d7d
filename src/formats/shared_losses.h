/* SPDX-License-Identifier: MIT */
/* What no format but nestor's own can say, in the same words for all of them. Of this room alone.
 */
#ifndef NESTOR_FORMATS_SHARED_LOSSES_H
#define NESTOR_FORMATS_SHARED_LOSSES_H

#include "formats/fold.h"
#include "formats/losses.h"

/* Parts of a policy that a format may have words for. */
enum {
	SAYS_LEAVES = 1,   /* leaf rules */
	SAYS_MSR_BITS = 2, /* first values of MSRs */
	SAYS_TOPOLOGY = 4,
	SAYS_IDENTITY = 8, /* family, model number and stepping */
	SAYS_BRAND = 16,
	SAYS_TSC = 32,
	SAYS_HYPERV = 64,  /* enlightenments, and the version of Hyper-V's leaves */
	SAYS_LEVELS = 128, /* the highest leaves */
	SAYS_PMU = 256,    /* no leaf 0xA */
	SAYS_HOST_VENDOR = 512,
};

/* Lines are about these, too: bits of a register, a whole leaf with all of its subleaves, the
 * leaves that describe caches, those of hypervisors. */
void shared_cover(
	struct losses *losses, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, uint32_t bits);
void shared_cover_leaf(struct losses *losses, uint32_t leaf);
void shared_cover_caches(struct losses *losses);
void shared_cover_hypervisor(struct losses *losses);
void shared_cover_feature(struct losses *losses, feature_id id);
#define SHARED_CACHE_LEAVES "leaves 0x2, 0x4, 0x80000005, 0x80000006, 0x8000001d"

/* Names in losses what the policy has and the format, called target, does not say. */
void shared_losses(struct losses *losses, const struct fold *f, const char *target, unsigned says);

/* The bits of a rule that no feature names. */
uint64_t shared_unnamed_msr_bits(const struct policy_msr_bits *b);

#endif
