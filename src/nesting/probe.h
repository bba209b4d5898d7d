/* SPDX-License-Identifier: MIT */
/*
 * What a processor offers a hypervisor, by what CPUID and the VMX capability MSRs say, and how that
 * differs from a profile. Facts in, answer out; which facts could be had is the caller's. Pure.
 */
#ifndef NESTOR_NESTING_PROBE_H
#define NESTOR_NESTING_PROBE_H

#include "cpuid/msr.h"
#include "nesting/profile.h"

#define MSR_EFER 0xc0000080u
#define MSR_VM_CR 0xc0010114u

/* Where the VMX capabilities are from. */
enum nesting_probe_source {
	NESTING_PROBE_NONE, /* nowhere: they are not known; or there is no VMX */
	NESTING_PROBE_MSRS, /* the processor's own MSRs */
	NESTING_PROBE_KVM,  /* KVM's feature MSRs: what its guests could get, which may be less */
};

struct nesting_probe {
	enum cpuid_vendor vendor;
	bool vmx, svm;
	enum nesting_probe_source source;
	struct feature_set features; /* CPUID's, and VMX capabilities as far as source goes */
	unsigned phys_bits;
	bool depth_known; /* nestor is below, with a limit: … */
	unsigned depth;   /* … so many levels of VMs may be given the extensions below this one */
	/* VMX, where source is not NONE (SDM vol. 3, appendix A.1, A.6, A.9). */
	uint32_t vmcs_revision;
	unsigned vmcs_bytes, vmcs_memory_type; /* 6: write-back */
	bool vmx_32bit_addresses;
	unsigned cr3_targets, msr_list_max, timer_shift, vmcs_field_max;
	/* SVM (APM vol. 3, Fn8000_000A). */
	unsigned svm_revision, nr_asids;
	/* What firmware and system software set; a value where known. */
	bool feature_control_known, efer_known, vm_cr_known;
	uint64_t feature_control, efer, vm_cr;
};

/*
 * msrs: of the processor, as far as they could be read. kvm: what stands in for the VMX ones where
 * these are missing; may be NULL.
 */
void nesting_probe_make(const struct cpuid_table *processor, const struct msr_value *msrs,
	unsigned nr_msrs, const struct host_facts *kvm, struct nesting_probe *ret_probe);

/* The capabilities that p->features can be asked for: of VMX or SVM, whichever the processor has;
 * of that vendor's where it has neither. */
void nesting_probe_capabilities(const struct nesting_probe *p, struct feature_set *ret_set);

/* How many levels the nestor below lets nest below this machine (nesting/depth.h); false: there is
 * none, or no limit. */
bool nesting_probe_depth(const struct cpuid_table *processor, unsigned *ret_depth);

/* A row of a profile against the processor. */
enum nesting_probe_verdict {
	NESTING_PROBE_AGREES,
	NESTING_PROBE_LACKS,   /* required or wanted, and not there */
	NESTING_PROBE_HAS,     /* to be hidden, and there */
	NESTING_PROBE_UNKNOWN, /* it could not be read */
	NESTING_PROBE_OTHER,   /* the row is for the other vendor's processors */
};
enum nesting_probe_verdict nesting_probe_row(
	const struct nesting_probe *p, const struct nesting_profile_row *row);

/*
 * Whether the processor can host the profile: it has VMX or SVM, nothing has locked them off, and
 * all that is required is there. A reason otherwise: the first that holds,
 * static; a missing requirement is told by nesting_probe_row.
 */
bool nesting_probe_can_host(const struct nesting_probe *p, const struct nesting_profile *profile,
	const char **ret_reason);

#endif
