/* SPDX-License-Identifier: MIT */
/* What KVM keeps of all that it says it supports: tried on a vCPU of a scratch VM. */
#include "setup/internal.h"

#include <errno.h>
#include <stdlib.h>

/* The feature MSRs that a policy gives a guest, where CPUID announces them; all of the host's. */
static void all_msrs(const struct host_facts *facts, struct msr_policy *p)
{
	for (unsigned i = 0; i < facts->nr_feature_msrs; i++) {
		const struct msr_value *msr = &facts->feature_msrs[i];
		if (cpu_msr_is_announced(msr->index, &facts->supported))
			p->set[p->nr_set++] = *msr;
	}
}

/* Room for what a trial needs. */
struct trial {
	struct msr_policy msrs;
	struct kvm_settled settled;
};

static void keep_facts(struct host_facts *facts, const struct kvm_settled *s)
{
	facts->kept_known = true;
	facts->unkept.nr_entries = facts->nr_unkept_msrs = 0;
	for (unsigned i = 0; i < s->kept.nr_items; i++) {
		const struct cpu_unkept *u = &s->kept.items[i];
		if (u->kind != CPU_UNKEPT_CPUID) {
			if (facts->nr_unkept_msrs < HOST_MAX_FEATURE_MSRS)
				facts->unkept_msrs[facts->nr_unkept_msrs++] =
					(struct msr_value){ u->leaf, u->kept };
			continue;
		}
		const struct cpuid_entry *had = cpuid_get(&facts->supported, u->leaf, u->subleaf);
		struct cpuid_entry *now = cpuid_find(&facts->unkept, u->leaf, u->subleaf);
		if (!now) {
			now = cpuid_put(&facts->unkept, u->leaf, u->subleaf,
				had ? had->subleaf_matters : u->subleaf != 0);
			for (unsigned reg = 0; now && had && reg < 4; reg++)
				now->reg[reg] = had->reg[reg];
		}
		if (now)
			now->reg[u->reg] = (uint32_t)u->kept;
	}
}

int setup_host_kept(struct kvm *kvm, struct host_facts *facts, struct err *e)
{
	static const struct guest_memory no_ram;
	static const struct msr_filter no_filter;
	/* Up to its boot vCPU as machines have it: KVM judges features of the local APIC by where
	 * that is. */
	const struct setup_options options = {
		.kvm = kvm, .ram = &no_ram, .filter = &no_filter, .short_ids = true
	};
	struct setup *s = NULL;
	struct trial *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	const struct kvm_promise promise = { .cpuid = &facts->supported, .msrs = &t->msrs };
	all_msrs(facts, &t->msrs);
	int rc = setup_create(&s, &options, e);
	if (rc == 0)
		rc = kvm_vcpu_settle(setup_kvm_vcpu(s, 0), &promise, &t->settled, e);
	if (rc == 0)
		keep_facts(facts, &t->settled);
	setup_destroy(s);
	free(t);
	return rc;
}
