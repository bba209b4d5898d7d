/* SPDX-License-Identifier: MIT */
/* Whether this host, and VMs on it, can nest: all that is known of that, gathered first, so that
 * whoever shows it shows the same. */
#ifndef NESTOR_POLICY_NEST_STATUS_H
#define NESTOR_POLICY_NEST_STATUS_H

#include "nesting/status.h"
#include "policy/nest_facts.h"
#include "policy/nest_vm.h"

struct nest_status {
	struct nest_facts *facts;        /* owned */
	struct nesting_host_status host; /* lent by the facts */
	struct nest_vm *vms;             /* of each source, in their order; owned */
	size_t nr_vms;
};

/* Of this host, and of n VMs, whose sources have names (which are borrowed). Only -ENOMEM is an
 * error: all else is a finding. nest_status_destroy is NULL-safe. */
int nest_status_create(struct nest_status **ret_status, const struct config_source *sources,
	size_t n, struct err *e) MUST_CHECK;
void nest_status_destroy(struct nest_status *s);

/* True where every answer is yes. */
bool nest_status_is_yes(const struct nest_status *s);

#endif
