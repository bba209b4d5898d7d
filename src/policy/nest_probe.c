/* SPDX-License-Identifier: MIT */
#include "policy/nest_probe.h"

#include "nesting/profile.h"

#include <errno.h>

int nest_probe_make(struct nest_probe *ret, const char *profile, struct err *e)
{
	struct nest_probe *r = ret;
	*r = (struct nest_probe){ .profile = nesting_profile_find(profile) };
	if (!r->profile)
		return err_set_config(e, -EINVAL,
			"%s is no profile; there are full, kvm, xen, hyperv, vmware and minimal",
			profile);
	int rc = nest_facts_create(&r->facts, e);
	if (rc)
		return rc;
	nesting_probe_make(&r->facts->processor, r->facts->msrs, r->facts->nr_msrs,
		r->facts->has_kvm ? &r->facts->kvm : NULL, &r->probe);
	nesting_probe_capabilities(&r->probe, &r->capabilities);
	r->can_host = nesting_probe_can_host(&r->probe, r->profile, &r->reason);
	return 0;
}

void nest_probe_done(struct nest_probe *r)
{
	nest_facts_destroy(r->facts);
	*r = (struct nest_probe){ 0 };
}
