/* SPDX-License-Identifier: MIT */
/* The model that comes nearest to what was wanted and that a host can run. */
#include "cpuid/stages.h"

const struct cpu_model *cpu_nearest_model(
	const struct host_facts *host, const struct feature_set *wanted)
{
	struct feature_set can, controls;
	const struct cpu_model *best = NULL;
	unsigned most = 0, fewest = 0; /* in common; and beyond what was wanted */
	cpu_features_of_host(host, false, &can);
	feature_set_add(&can, FEATURE_ID_ht);
	feature_set_add(&can, FEATURE_ID_cmp_legacy);
	/* Whether a model's virtualization controls are there is asked only of who may use them. */
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &controls);
	feature_set_or(&can, &controls);
	enum cpuid_vendor vendor = cpuid_vendor(&host->supported);
	for (size_t i = 0; cpu_model_at(i); i++) {
		const struct cpu_model *m = cpu_model_at(i);
		if ((m->vendor_id[0] && m->vendor != vendor) ||
			!feature_set_is_subset(&m->features, &can))
			continue;
		struct feature_set common = m->features, extra_set = m->features;
		feature_set_subtract(&common, &controls);
		feature_set_subtract(&extra_set, &controls);
		feature_set_and(&common, wanted);
		feature_set_subtract(&extra_set, wanted);
		unsigned n = feature_set_count(&common);
		unsigned extra = feature_set_count(&extra_set);
		if (!best || n > most || (n == most && extra < fewest)) {
			best = m;
			most = n;
			fewest = extra;
		}
	}
	return best;
}
