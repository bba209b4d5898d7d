/* SPDX-License-Identifier: MIT */
/* KVM's side of an MSR filter. */
#ifndef NESTOR_TESTS_FAKE_MSR_FILTER_H
#define NESTOR_TESTS_FAKE_MSR_FILTER_H

#include "cpuid/msr.h"

/* What KVM does with an access by that filter (KVM API, KVM_X86_SET_MSR_FILTER): true: passes. MSRs
 * of the x2APIC always do. */
static inline bool msr_filter_passes(const struct msr_filter *f, uint32_t index, bool write)
{
	if (f->nr_ranges == 0 || (index >= 0x800 && index < 0x900))
		return true;
	for (unsigned i = 0; i < f->nr_ranges; i++) {
		const struct msr_filter_range *r = &f->ranges[i];
		if ((write ? r->write : r->read) && index >= r->base && index - r->base < r->count)
			return r->bitmap[(index - r->base) / 8] >> (index - r->base) % 8 & 1;
	}
	return !f->default_deny;
}

#endif
