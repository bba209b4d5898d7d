/* SPDX-License-Identifier: MIT */
#include "cpuid/host_facts.h"

#include <string.h>

void host_facts_clear(struct host_facts *ret_facts)
{
	struct host_facts *f = ret_facts;
	f->supported.nr_entries = f->emulated.nr_entries = f->hyperv.nr_entries = 0;
	f->nr_feature_msrs = 0;
	f->kept_known = false;
	f->unkept.nr_entries = f->nr_unkept_msrs = 0;
	/* From the brand on there are no lists. */
	const size_t at = offsetof(struct host_facts, brand);
	memset((char *)f + at, 0, sizeof(*f) - at);
}

bool host_feature_msr(const struct host_facts *host, uint32_t index, uint64_t *ret_value)
{
	for (unsigned i = 0; i < host->nr_feature_msrs && i < HOST_MAX_FEATURE_MSRS; i++) {
		if (host->feature_msrs[i].index != index)
			continue;
		*ret_value = host->feature_msrs[i].value;
		return true;
	}
	return false;
}
