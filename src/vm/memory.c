/* SPDX-License-Identifier: MIT */
/* Guest RAM as the config wants it, where this host and this process may have it. */
#include "vm/internal.h"

#include "host/memory_limits.h"
#include "plan/plan.h"

#include <errno.h>

/* What is refused, and why, is better said beforehand: some limits end the process. */
static bool is_checked_first(const struct ram_options *options)
{
	/* Of huge pages a cgroup may allow fewer than are mapped: the first touch of one more would
	 * be SIGBUS. */
	return options->prealloc || options->hugepage_bytes;
}

int machine_create_ram(struct machine *m, struct err *e)
{
	const struct vm_config *config = m->options.config;
	struct plan_ram ram[PLAN_MAX_RAM];
	struct ram_bank banks[PLAN_MAX_RAM];
	struct ram_options options = {
		.hugepage_bytes = config->memory.hugepages == HUGEPAGES_2M   ? 2 * MIB
				  : config->memory.hugepages == HUGEPAGES_1G ? GIB
									     : 0,
		.prealloc = config->memory.prealloc,
		.shared = config->memory.shared,
	};
	struct memory_need need = { .bytes = config->memory.size_bytes,
		.hugepage_bytes = options.hugepage_bytes,
		.is_shared = options.shared,
		.is_touched = options.prealloc };
	unsigned n = plan_ram_layout(config, ram);
	for (unsigned i = 0; i < n; i++)
		banks[i] = (struct ram_bank){ ram[i].base, ram[i].size_bytes };
	int rc = is_checked_first(&options) ? memory_limits_check(/* root */ "", &need, e) : 0;
	if (rc < 0)
		return rc;
	rc = ram_create(&m->ram, banks, n, &options, m->options.reporter, e);
	if (rc != -ENOMEM)
		return rc;
	/* By which limit, if that can be told: the kernel has one word for all. */
	int why = memory_limits_check(/* root */ "", &need, e);
	return why < 0 ? why : rc;
}
