/* SPDX-License-Identifier: MIT */
/*
 * What Firecracker makes of a CPU template (src/vmm/src/cpu_config/x86_64 of Firecracker 1.13):
 * KVM's table with the template's bits, and over that what Firecracker sets in every guest whatever
 * the template says (docs/cpu_templates/cpuid-normalization.md). Pure.
 */
#ifndef NESTOR_FORMATS_FIRECRACKER_GUEST_H
#define NESTOR_FORMATS_FIRECRACKER_GUEST_H

#include "cpuid/host_facts.h"

/* The bits of a register that Firecracker sets itself on processors of a vendor. */
uint32_t firecracker_own_bits(
	enum cpuid_vendor vendor, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg);

/*
 * The CPUID of the first of so many vCPUs, and the MSRs of the template, for a template on a host.
 * -EINVAL (ERR_CONFIG): it is no template; -ENOTSUP (ERR_HOST): it changes what the host's KVM does
 * not have, which Firecracker refuses.
 */
int firecracker_guest(const char *text, size_t n, const struct host_facts *host, unsigned vcpus,
	struct cpuid_table *ret_table, struct msr_value *ret_msrs, unsigned *ret_nr_msrs,
	struct err *e) MUST_CHECK;

#define FIRECRACKER_MAX_MSRS 256

#endif
