/* SPDX-License-Identifier: MIT */
/*
 * The MP table (Intel's MultiProcessor Specification 1.4): processors and interrupts for a kernel
 * that does not use ACPI. A pure function of the plan, which says what the MADT says (as far as
 * the format can: APIC IDs above 254 are no processors here, and no vCPU lacks its "enabled" bit);
 * the caller copies the bytes to PLAN_MPTABLE_BASE, in the third of the places where a guest looks
 * for the floating pointer (section 4), as the first two are the kernel's, too.
 *
 * Virtual wire mode: there is no IMCR, and the 8259's interrupt comes in at the boot processor's
 * LINT0 until the guest uses the I/O APIC.
 */
#ifndef NESTOR_MPTABLE_MPTABLE_H
#define NESTOR_MPTABLE_MPTABLE_H

#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

/*
 * Builds floating pointer and configuration table into buf, which holds PLAN_MPTABLE_SIZE bytes.
 * *ret_used is how many were written, from buf[0] on. Errors, both ERR_BUG as the plan forbids
 * them: -EINVAL where the plan has no vCPU or too many, -ENOSPC where the table does not fit.
 */
int mptable_build(
	const struct machine_plan *plan, uint8_t *buf, size_t *ret_used, struct err *e) MUST_CHECK;

#endif
