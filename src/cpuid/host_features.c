/* SPDX-License-Identifier: MIT */
/* The features that a table has, and those that a host can give. */
#include "cpuid/stages.h"

#include <string.h>

#define KVM_FEATURE_LEAF 0x40000001u

/* Where a table has KVM's features: behind another hypervisor's leaves, if that is shown first; 0:
 * nowhere. The leaves have meaning only by the signature before them. */
static uint32_t kvm_leaf_of(const struct cpuid_table *table)
{
	for (uint32_t base = 0x40000000; base <= 0x40000100; base += 0x100) {
		const struct cpuid_entry *e = cpuid_get(table, base, 0);
		if (e && memcmp(&e->reg[CPUID_EBX], "KVMKVMKVM\0\0\0", 12) == 0)
			return base + 1;
	}
	return 0;
}

void cpu_features_of(const struct cpuid_table *table, const struct msr_value *msrs,
	unsigned nr_msrs, struct feature_set *ret_set)
{
	uint32_t kvm_leaf = kvm_leaf_of(table);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		uint32_t value = 0;
		uint32_t leaf = f->leaf == KVM_FEATURE_LEAF ? kvm_leaf : f->leaf;
		if (f->kind == FEATURE_WORD_CPUID && (leaf || f->leaf != KVM_FEATURE_LEAF))
			value = cpuid_value(table, leaf, f->subleaf, f->reg);
		for (unsigned k = 0; f->kind == FEATURE_WORD_MSR && k < nr_msrs; k++) {
			if (msrs[k].index != f->msr)
				continue;
			value = (uint32_t)(msrs[k].value >> f->shift);
			value = f->inverted ? ~value : value;
		}
		ret_set->w[i] = value & f->named;
	}
}

void cpu_features_of_host(const struct host_facts *host, bool emulated, struct feature_set *ret_set)
{
	cpu_features_of(&host->supported, host->feature_msrs, host->nr_feature_msrs, ret_set);
	if (emulated) {
		struct feature_set more;
		cpu_features_of(&host->emulated, NULL, 0, &more);
		feature_set_or(ret_set, &more);
	}
	feature_set_add(ret_set, FEATURE_ID_hypervisor);
	/* Older KVM leaves the TSC-deadline timer out of the supported leaves and has a capability
	 * for it (KVM API, KVM_GET_SUPPORTED_CPUID). */
	if (host->tsc_deadline_timer)
		feature_set_add(ret_set, FEATURE_ID_tsc_deadline);
	/* Memory encryption belongs to the host. */
	int sev = feature_word_of_cpuid(0x8000001f, 0, CPUID_EAX);
	if (sev >= 0)
		ret_set->w[sev] = 0;
	/* These follow the guest's own CR4. */
	feature_set_remove(ret_set, FEATURE_ID_osxsave);
	feature_set_remove(ret_set, FEATURE_ID_ospke);
	struct feature_set lacking;
	cpu_xsave_lacking(host, &lacking);
	feature_set_subtract(ret_set, &lacking);
	feature_id gate;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		if (f->kind == FEATURE_WORD_MSR && cpu_msr_gate(f->msr, &gate) &&
			!feature_set_has(ret_set, gate))
			ret_set->w[i] = 0;
	}
}
