/* SPDX-License-Identifier: MIT */
/*
 * What the enlightened VMCS (Hyper-V TLFS, "Nested Virtualization") takes from a guest hypervisor:
 * version 1 has no field for some controls, and KVM hides these when the guest reads the capability
 * MSRs, whatever it was told they are. So that the guest finds what the policy says, the policy
 * leaves them out. Pure.
 */
#ifndef NESTOR_NESTING_EVMCS_H
#define NESTOR_NESTING_EVMCS_H

#include "cpuid/policy.h"

/* Most that evmcs_withdrawals gives. */
#define EVMCS_MAX_WITHDRAWALS 32

/*
 * The controls without a field: *ret (room for EVMCS_MAX_WITHDRAWALS) gets them. origin: of what
 * asks for hv-evmcs, borrowed; may be NULL. Returns how many.
 */
size_t evmcs_withdrawals(const char *origin, struct policy_withdrawal *ret);

#endif
