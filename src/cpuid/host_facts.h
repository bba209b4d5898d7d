/* SPDX-License-Identifier: MIT */
/*
 * What one host's KVM can do, as a plain value: captured by kvm/, read from a file saved on another
 * host (formats/), or made by a test.
 */
#ifndef NESTOR_CPUID_HOST_FACTS_H
#define NESTOR_CPUID_HOST_FACTS_H

#include "cpuid/cpuid.h"

#define HOST_MAX_FEATURE_MSRS 64

struct msr_value {
	uint32_t index;
	uint64_t value;
};

struct host_facts {
	struct cpuid_table supported; /* KVM_GET_SUPPORTED_CPUID */
	struct cpuid_table emulated;  /* KVM_GET_EMULATED_CPUID: more, but slow; may be empty */
	/* KVM_GET_SUPPORTED_HV_CPUID: Hyper-V's leaves; empty where this KVM has none. */
	struct cpuid_table hyperv;
	/* KVM_GET_MSR_FEATURE_INDEX_LIST with KVM_GET_MSRS of the system, in KVM's order. */
	struct msr_value feature_msrs[HOST_MAX_FEATURE_MSRS];
	unsigned nr_feature_msrs;
	/*
	 * What KVM keeps of all that it supports, where that was tried on a vCPU (kvm/settle.h):
	 * the entries of `supported` that it keeps otherwise, and the feature MSRs, as they are
	 * kept.
	 */
	bool kept_known;
	struct cpuid_table unkept;
	struct msr_value unkept_msrs[HOST_MAX_FEATURE_MSRS];
	unsigned nr_unkept_msrs;
	/* Of the processor itself (leaves 0x80000002 to 4), as KVM's table leaves it out; may be
	 * empty. Not a string: all 48 bytes may be used. */
	uint32_t brand[12];
	unsigned threads_per_core; /* of the processor; 0: not known */
	unsigned max_vcpus;        /* KVM_CAP_MAX_VCPUS */
	unsigned max_vcpu_id;      /* KVM_CAP_MAX_VCPU_ID: IDs below this number */
	unsigned nr_memslots;
	unsigned tsc_khz;        /* 0: not known */
	bool tsc_scaling;        /* KVM_CAP_TSC_CONTROL */
	bool tsc_deadline_timer; /* KVM_CAP_TSC_DEADLINE_TIMER: leaf 1 ECX bit 24 may be offered */
	bool split_irqchip;
	bool nested_state;         /* KVM_CAP_NESTED_STATE > 0 */
	bool user_space_msr;       /* KVM_CAP_X86_USER_SPACE_MSR with the reason FILTER */
	bool hyperv_enforce_cpuid; /* KVM_CAP_HYPERV_ENFORCE_CPUID */
	/* This machine is a VM, and was told how many levels it may give the extensions to in turn
	 * (nesting/depth.h). */
	bool nesting_limited;
	unsigned nesting_depth; /* where nesting_limited */
};

/* Makes them facts of a host that can do nothing; of the lists only the lengths are written, as the
 * rest is never read, and some pages less are touched. */
void host_facts_clear(struct host_facts *ret_facts);

/* The value of a feature MSR; false where the host's KVM does not have it. */
bool host_feature_msr(const struct host_facts *host, uint32_t index, uint64_t *ret_value);

#endif
