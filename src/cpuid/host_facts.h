/* What one host's KVM can do, as a plain value: captured by kvm/, or made by a test. */
#ifndef NESTOR_CPUID_HOST_FACTS_H
#define NESTOR_CPUID_HOST_FACTS_H

#include "cpuid/cpuid.h"

struct host_facts {
	struct cpuid_table supported; /* KVM_GET_SUPPORTED_CPUID */
	/* Of the processor itself (leaves 0x80000002 to 4), as KVM's table leaves it out; may be
	 * empty. Not a string: all 48 bytes may be used. */
	uint32_t brand[12];
	unsigned max_vcpus;   /* KVM_CAP_MAX_VCPUS */
	unsigned max_vcpu_id; /* KVM_CAP_MAX_VCPU_ID: IDs below this number */
	unsigned nr_memslots;
	bool tsc_deadline_timer; /* KVM_CAP_TSC_DEADLINE_TIMER: leaf 1 ECX bit 24 may be offered */
	bool split_irqchip;
	bool nested_state; /* KVM_CAP_NESTED_STATE > 0 */
};

#endif
