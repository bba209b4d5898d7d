/* SPDX-License-Identifier: MIT */
/* What the CPU that this runs on really offers a hypervisor, held to a profile. */
#ifndef NESTOR_POLICY_NEST_PROBE_H
#define NESTOR_POLICY_NEST_PROBE_H

#include "nesting/probe.h"
#include "policy/nest_facts.h"

struct nest_probe {
	struct nest_facts *facts; /* owned */
	struct nesting_probe probe;
	const struct nesting_profile *profile; /* static */
	struct feature_set capabilities;       /* that such a processor can have */
	bool can_host;
	const char *reason; /* where not; lent by the probe */
};

/* profile by its name. -EINVAL (ERR_CONFIG) where there is none of that name, or -ENOMEM.
 * nest_probe_done accepts one that is all zero. */
int nest_probe_make(struct nest_probe *ret, const char *profile, struct err *e) MUST_CHECK;
void nest_probe_done(struct nest_probe *r);

#endif
