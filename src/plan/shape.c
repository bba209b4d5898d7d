/* SPDX-License-Identifier: MIT */
#include "plan/shape.h"

#include "plan/machine_plan.h"

#include <errno.h>

static unsigned at_least_1(uint64_t n)
{
	return n ? (unsigned)n : 1;
}

int plan_shape(const struct vm_config *config, const struct host_facts *host,
	struct policy_topology *ret_shape, struct err *e)
{
	struct policy_topology s = {
		.sockets = at_least_1(config->cpu.sockets),
		.dies = at_least_1(config->cpu.dies),
		.cores = (unsigned)config->cpu.cores,
		.threads = at_least_1(config->cpu.threads),
	};
	unsigned vcpus = (unsigned)config->cpu.vcpus;
	if (config->cpu.threads_of_host)
		s.threads = host ? at_least_1(host->threads_per_core) : 1;
	if (s.cores == 0)
		s.cores = at_least_1(vcpus / s.sockets / s.dies / s.threads);
	if (vcpus == 0 && config->cpu.threads_of_host)
		vcpus = s.sockets * s.dies * s.cores * s.threads;
	if (vcpus < 1 || vcpus > PLAN_MAX_VCPUS ||
		s.sockets * s.dies * s.cores * s.threads != vcpus)
		return err_fault(e, -EINVAL, &(struct fault){ "topology", "cpu", NULL, NULL },
			"%u sockets of %u dies of %u cores of %u threads%s are not %u vCPUs, "
			"from 1 to %d",
			s.sockets, s.dies, s.cores, s.threads,
			config->cpu.threads_of_host ? " (as many as a core of this host has)" : "",
			vcpus, PLAN_MAX_VCPUS);
	if (config->cpu.nr_pinning && config->cpu.nr_pinning != vcpus)
		return err_fault(e, -EINVAL,
			&(struct fault){ "topology", "cpu.pinning", NULL, NULL },
			"cpu.pinning lists %zu host CPUs, but there are %u vCPUs, which need one "
			"each",
			config->cpu.nr_pinning, vcpus);
	*ret_shape = s;
	return 0;
}
