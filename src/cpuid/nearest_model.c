/* SPDX-License-Identifier: MIT */
/*
 * Which named model comes nearest: to the processors of a baseline, or to what was wanted and a
 * host can run. Judged in this order, the first that differs decides:
 *   1 whose signature it is: a model of one of the processors, one of another stepping of them, one
 *     that is no newer family, one that is. A later model may share more features by chance; its
 *     name then promises what this processor is not. Another vendor's is never chosen.
 *   2 how many features have to be added to it or taken from it, of those that are part of the
 *     policy. Where the VM may not be a hypervisor, what belongs to VMX and SVM is not.
 *   3 how many have to be taken from it, one of the vendor's own, and the order of names: so
 *     "Haswell" before "Haswell-v1".
 */
#include "cpuid/stages.h"

#include <string.h>

enum kinship { /* nearest first */
	KIN_SIGNATURE,
	KIN_STEPPING,
	KIN_OLDER, /* no newer family, or a model of no family */
	KIN_NEWER,
	KIN_FOREIGN, /* of another vendor */
};

static bool has_number(const struct cpu_model *m, unsigned number)
{
	for (unsigned i = 0; i < m->nr_numbers; i++) {
		if (m->numbers[i] == number)
			return true;
	}
	return false;
}

static enum kinship kinship_to(const struct cpu_model *m, uint32_t signature)
{
	unsigned family, number, stepping;
	cpu_signature_unpack(signature, &family, &number, &stepping);
	/* A processor of no family does not say what it is. */
	if (!m->has_signature || m->family < family || family == 0)
		return KIN_OLDER;
	if (m->family > family)
		return KIN_NEWER;
	/* A model of no vendor is no processor: qemu64, of the signature of some Athlon. */
	if (!m->vendor_id[0] || !has_number(m, number))
		return KIN_OLDER;
	bool exact = stepping >= m->stepping_low && stepping <= m->stepping_high;
	return exact ? KIN_SIGNATURE : KIN_STEPPING;
}

static enum kinship kinship(const struct cpu_model *m, const struct model_wish *wish)
{
	enum kinship nearest = KIN_FOREIGN;
	if (m->vendor_id[0] && strcmp(m->vendor_id, wish->vendor_id) != 0)
		return KIN_FOREIGN;
	for (unsigned i = 0; i < wish->nr_signatures; i++) {
		enum kinship k = kinship_to(m, wish->signatures[i]);
		nearest = k < nearest ? k : nearest;
	}
	return nearest;
}

/* In the order of weight. */
struct distance {
	enum kinship kin;
	unsigned nr_differences, nr_extra;
	bool no_vendor;
};

static struct distance distance_to(const struct cpu_model *m, const struct model_wish *wish)
{
	struct feature_set lacks = wish->have, extra = m->features;
	feature_set_subtract(&lacks, &m->features);
	feature_set_subtract(&lacks, &wish->ignored);
	feature_set_subtract(&extra, &wish->have);
	feature_set_subtract(&extra, &wish->ignored);
	unsigned nr_extra = feature_set_count(&extra);
	return (struct distance){
		.kin = kinship(m, wish),
		.nr_differences = feature_set_count(&lacks) + nr_extra,
		.nr_extra = nr_extra,
		.no_vendor = m->vendor_id[0] == '\0',
	};
}

static bool is_nearer(const struct distance *a, const struct distance *b)
{
	if (a->kin != b->kin)
		return a->kin < b->kin;
	if (a->nr_differences != b->nr_differences)
		return a->nr_differences < b->nr_differences;
	if (a->nr_extra != b->nr_extra)
		return a->nr_extra < b->nr_extra;
	return !a->no_vendor && b->no_vendor;
}

static bool can_run(const struct cpu_model *m, const struct model_wish *wish)
{
	struct feature_set features = m->features;
	feature_set_subtract(&features, &wish->ignored);
	return !wish->can || feature_set_is_subset(&features, wish->can);
}

const struct cpu_model *cpu_closest_model(const struct model_wish *wish)
{
	const struct cpu_model *best = NULL;
	struct distance nearest = { 0 };
	for (size_t i = 0; cpu_model_at(i); i++) {
		const struct cpu_model *m = cpu_model_at(i);
		struct distance d = distance_to(m, wish);
		if (d.kin == KIN_FOREIGN || !can_run(m, wish) || (best && !is_nearer(&d, &nearest)))
			continue;
		best = m;
		nearest = d;
	}
	return best;
}

void cpu_table_vendor_id(const struct cpuid_table *table, char ret_id[13])
{
	static const enum cpuid_reg order[] = { CPUID_EBX, CPUID_EDX, CPUID_ECX };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint32_t word = cpuid_value(table, 0, 0, order[i]);
		(void)memcpy(ret_id + 4 * i, &word, sizeof(word));
	}
	ret_id[12] = '\0';
}

const struct cpu_model *cpu_nearest_model(
	const struct host_facts *host, const struct feature_set *wanted)
{
	struct feature_set can;
	uint32_t signature = cpuid_value(&host->supported, 1, 0, CPUID_EAX);
	struct model_wish wish = {
		.have = *wanted, .signatures = &signature, .nr_signatures = 1, .can = &can
	};
	cpu_table_vendor_id(&host->supported, wish.vendor_id);
	cpu_features_of_host(host, false, &can);
	feature_set_add(&can, FEATURE_ID_ht);
	feature_set_add(&can, FEATURE_ID_cmp_legacy);
	/* Whether a model's virtualization controls are there is asked only of who may use them. */
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &wish.ignored);
	return cpu_closest_model(&wish);
}
