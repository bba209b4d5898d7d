/* SPDX-License-Identifier: MIT */
#include "fake/hosts_everything.h"

#include "cpuid/msr.h"
#include "fake/hosts.h"

#include <stdio.h>
#include <string.h>

#define LEAF_XSAVE 0xdu

void host_features(const struct host_facts *host, struct feature_set *ret)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		uint64_t msr = 0;
		uint32_t value = 0;
		bool known = true;
		if (w->kind == FEATURE_WORD_CPUID)
			value = cpuid_value(&host->supported, w->leaf, w->subleaf, w->reg);
		else
			known = host_feature_msr(host, w->msr, &msr);
		if (w->kind == FEATURE_WORD_MSR)
			value = (uint32_t)(msr >> w->shift) ^ (w->inverted ? UINT32_MAX : 0);
		ret->w[i] = known ? value & w->named : 0;
	}
	if (host->tsc_deadline_timer)
		feature_set_add(ret, FEATURE_ID_tsc_deadline);
}

void host_with_features(
	const struct host_facts *base, const struct feature_set *set, struct host_facts *ret)
{
	struct feature_set kept;
	*ret = *base;
	host_features(base, &kept);
	feature_set_and(&kept, set);
	struct cpuid_table *t = &ret->supported;
	t->nr_entries = 0;
	for (unsigned i = 0; i < base->supported.nr_entries; i++) {
		struct cpuid_entry e = base->supported.entries[i];
		uint32_t any = 0;
		bool named = false;
		for (unsigned r = 0; r < 4; r++) {
			int word = feature_word_of_cpuid(e.leaf, e.subleaf, (enum cpuid_reg)r);
			if (word >= 0) {
				named = true;
				e.reg[r] &= ~feature_word((unsigned)word)->named | kept.w[word];
			}
			any |= e.reg[r];
		}
		/* A subleaf of nothing but features goes with the last of them. */
		bool empty = named && any == 0 && e.subleaf_matters && e.subleaf > 0 &&
			     e.leaf != LEAF_XSAVE;
		if (host_keeps_entry(&e, &kept) && !empty)
			t->entries[t->nr_entries++] = e;
	}
	host_fit(t);
	ret->tsc_deadline_timer =
		base->tsc_deadline_timer && feature_set_has(set, FEATURE_ID_tsc_deadline);
	ret->nested_state = base->nested_state && (feature_set_has(&kept, FEATURE_ID_vmx) ||
							  feature_set_has(&kept, FEATURE_ID_svm));
	ret->nr_feature_msrs = 0;
	for (unsigned i = 0; i < base->nr_feature_msrs; i++) {
		struct msr_value m = base->feature_msrs[i];
		feature_id gate = host_msr_gate(m.index);
		if (gate != HOST_NO_FEATURE && !feature_set_has(&kept, gate))
			continue;
		m.value = host_msr_features(m.index, &kept, m.value);
		ret->feature_msrs[ret->nr_feature_msrs++] = m;
	}
}

void host_of_model(const struct cpu_model *m, struct host_facts *ret)
{
	/* KVM emulates these, or they are its own. */
	static const feature_id any_kvm[] = { FEATURE_ID_x2apic, FEATURE_ID_tsc_deadline,
		FEATURE_ID_tsc_adjust, FEATURE_ID_hypervisor, FEATURE_ID_apic };
	struct host_facts base;
	struct feature_set set = m->features, pv;
	enum cpuid_vendor vendor = m->vendor_id[0] ? m->vendor : CPUID_VENDOR_INTEL;
	host_everything(vendor, &base);
	for (size_t i = 0; i < ARRAY_SIZE(any_kvm); i++)
		feature_set_add(&set, any_kvm[i]);
	feature_set_of_attribute(FEATURE_PV, &pv);
	feature_set_or(&set, &pv);
	host_remove_never_offered(&set);
	/* Models of no vendor may have features of either. */
	host_put_features(&base, &set);
	host_with_features(&base, &set, ret);
	if (m->vendor_id[0])
		host_set_vendor(ret, m->vendor_id);
	if (m->has_signature && m->nr_numbers)
		host_set_signature(
			ret, cpu_signature_pack(m->family, m->numbers[0], m->stepping_low));
}

/* Requirements between features, and the CPUID bits that announce MSRs. */
static void close_set(struct feature_set *set)
{
	feature_set_close(set, NULL, NULL);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		feature_id gate =
			w->kind == FEATURE_WORD_MSR ? host_msr_gate(w->msr) : HOST_NO_FEATURE;
		if (gate != HOST_NO_FEATURE && !feature_set_has(set, gate))
			set->w[i] = 0;
	}
}

void host_random_subset(const struct host_facts *base, uint32_t seed, struct host_facts *ret)
{
	static const uint32_t widths[] = { 36, 39, 40, 42, 46, 48, 52 };
	uint32_t state = seed * UINT32_C(2654435761) + 1;
	struct feature_set set;
	if (state == 0)
		state = 1;
	host_features(base, &set);
	/* Of 256: how many of the features go. */
	uint32_t share = host_random_next(&state) % 4;
	share = share == 0 ? 2 : share == 1 ? 16 : share == 2 ? 64 : 160;
	for (feature_id id = feature_set_next(&set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&set, (feature_id)(id + 1))) {
		if ((host_random_next(&state) >> 8 & 0xff) < share)
			feature_set_remove(&set, id);
	}
	close_set(&set);
	host_with_features(base, &set, ret);
	struct cpuid_entry *e = cpuid_find(&ret->supported, 0x80000008, 0);
	uint32_t bits = widths[host_random_next(&state) % ARRAY_SIZE(widths)];
	if (e && bits < (e->reg[CPUID_EAX] & 0xff))
		e->reg[CPUID_EAX] = (e->reg[CPUID_EAX] & ~UINT32_C(0xff)) | bits;
	ret->tsc_scaling &= host_random_next(&state) >> 16 & 1;
	ret->threads_per_core = host_random_next(&state) >> 16 & 1 ? base->threads_per_core : 1;
}
