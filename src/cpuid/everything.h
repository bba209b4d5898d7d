/* SPDX-License-Identifier: MIT */
/*
 * A made-up host whose KVM offers all that processors of a vendor have: where a policy is to be
 * looked at and no host is named. The pieces that it is made of serve to make smaller ones.
 */
#ifndef NESTOR_CPUID_EVERYTHING_H
#define NESTOR_CPUID_EVERYTHING_H

#include "cpuid/features.h"
#include "cpuid/host_facts.h"

/* Every named feature of the vendor's processors, every XSAVE component, caches, the widest
 * addresses, and feature MSRs that allow all. OTHER: Zhaoxin's name, and everybody's features. What
 * KVM itself never offers (OSPKE, a dedicated processor's hint) is not there. */
void host_everything(enum cpuid_vendor vendor, struct host_facts *ret);

/* Gives a host all of Hyper-V's enlightenments that KVM has; evmcs: enlightened VMCS 1, too. */
void host_give_hyperv(struct host_facts *facts, bool evmcs);

/* The 12 characters of leaf 0, and AMD's copy in leaf 0x80000000. */
void host_set_vendor(struct host_facts *f, const char *vendor_id);
/* Leaf 1 EAX, and AMD's copy. */
void host_set_signature(struct host_facts *f, uint32_t eax);
/* All features of set in the table. */
void host_put_features(struct host_facts *f, const struct feature_set *set);
/* What no KVM offers goes from set. */
void host_remove_never_offered(struct feature_set *set);
/* Highest leaves and subleaves, XSAVE's masks and sizes, and AMD's copies, by what is there. */
void host_fit(struct cpuid_table *t);
/* False where an entry tells of a feature that is not in set. */
bool host_keeps_entry(const struct cpuid_entry *e, const struct feature_set *set);
/* The value of a feature MSR with just the features of set. */
uint64_t host_msr_features(uint32_t msr, const struct feature_set *set, uint64_t value);
#define HOST_NO_FEATURE UINT16_MAX
/* The feature that announces a feature MSR, or HOST_NO_FEATURE. */
feature_id host_msr_gate(uint32_t msr);

#endif
