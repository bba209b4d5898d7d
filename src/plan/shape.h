/* SPDX-License-Identifier: MIT */
/* How a VM's vCPUs are arranged, now that the host's threads per core are known. Pure. */
#ifndef NESTOR_PLAN_SHAPE_H
#define NESTOR_PLAN_SHAPE_H

#include "config/vm_config.h"
#include "cpuid/policy.h"

/*
 * Sockets, dies, cores and threads whose product is the number of vCPUs (1 to PLAN_MAX_VCPUS).
 * Where only cpu.vcpus is given they are cores of one socket. host decides for
 * hw_thread_count_per_core = 0 alone; may be NULL, which counts as one thread a core.
 */
int plan_shape(const struct vm_config *config, const struct host_facts *host,
	struct policy_topology *ret_shape, struct err *e) MUST_CHECK;

#endif
