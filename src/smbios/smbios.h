/* SPDX-License-Identifier: MIT */
/*
 * The SMBIOS tables (DMTF DSP0134 3.0): who the machine says that it is, its processors and its
 * memory. A pure function of the plan; the caller copies the bytes to PLAN_SMBIOS_BASE, where a
 * guest on a PC looks for the entry points (section 5.2): the 64-bit one, and behind it the 32-bit
 * one for those who know no other. Both lead to the same structures.
 *
 * They say no more than the config does, and than the guest sees elsewhere: nothing of the host,
 * the processor as in CPUID, and that this is a virtual machine only where CPUID says so too.
 */
#ifndef NESTOR_SMBIOS_SMBIOS_H
#define NESTOR_SMBIOS_SMBIOS_H

#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

/*
 * Builds entry points and structures into buf, which holds PLAN_SMBIOS_SIZE bytes. *ret_used is how
 * many were written, from buf[0] on. Errors, both ERR_BUG as config and plan forbid them: -EINVAL
 * where the plan has no vCPU, too many, too many strings or one with a control character; -ENOSPC
 * where the tables do not fit.
 */
int smbios_build(
	const struct machine_plan *plan, uint8_t *buf, size_t *ret_used, struct err *e) MUST_CHECK;

#endif
