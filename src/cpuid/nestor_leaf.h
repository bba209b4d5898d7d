/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaves of nestor's own: by them one nestor tells another, which runs in its VM, how deep it
 * may nest (nesting/depth.h). Laid out as those of any hypervisor, behind KVM's and Hyper-V's
 * (0x40000000, 0x40000100):
 *   0x40000200  EAX 0x40000201, the highest leaf; EBX, ECX, EDX "NestorNestor"
 *   0x40000201  EAX the number of levels; EBX, ECX, EDX 0
 */
#ifndef NESTOR_CPUID_NESTOR_LEAF_H
#define NESTOR_CPUID_NESTOR_LEAF_H

#include "cpuid/cpuid.h"

#define NESTOR_LEAF_SIGNATURE UINT32_C(0x40000200)
#define NESTOR_LEAF_DEPTH UINT32_C(0x40000201)

/* EAX to EDX of leaf NESTOR_LEAF_SIGNATURE. */
void nestor_leaf_sign(uint32_t ret_reg[4]);

/* True where reg, read from leaf NESTOR_LEAF_SIGNATURE, is nestor's and says that the next leaf is
 * there. */
bool nestor_leaf_is_signed(const uint32_t reg[4]);

#endif
