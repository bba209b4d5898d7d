/* SPDX-License-Identifier: MIT */
#include "cpuid/host_facts.h"

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
