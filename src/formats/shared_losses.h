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
	SAYS_HYPERV = 64, /* enlightenments */
};

/* Names in losses what the policy has and the format, called target, does not say. */
void shared_losses(struct losses *losses, const struct fold *f, const char *target, unsigned says);

/* The family, model number and stepping of a policy: given, or the model's. False: the host's. */
struct shared_signature {
	bool has_family, has_model, has_stepping;
	unsigned family, model, stepping;
};
void shared_signature(const struct fold *f, struct shared_signature *ret_signature);

#endif
