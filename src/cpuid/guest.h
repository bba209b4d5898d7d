/* The part of a guest's CPUID that all of its vCPUs share. */
#ifndef NESTOR_CPUID_GUEST_H
#define NESTOR_CPUID_GUEST_H

#include "cpuid/host_facts.h"

/* From what KVM supports to what a guest gets, before nesting rules and topology. */
void cpuid_guest_base(const struct host_facts *host, struct cpuid_table *ret_table);

#endif
