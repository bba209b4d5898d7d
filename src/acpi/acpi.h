/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables of a machine (ACPI 6.5): RSDP, RSDT, XSDT, FADT, FACS, MADT, a fixed DSDT
 * (dsdt.asl) and an SSDT for what the config decides. A pure function of the plan; the caller
 * copies the bytes to PLAN_ACPI_BASE, where a guest on a PC looks for the RSDP without being told.
 *
 * What the tables promise, and other rooms keep: ACPI mode is always on (SMI_CMD is 0, so PM1
 * control reads with SCI_EN set); interrupts arrive as plan/interrupts.h says.
 */
#ifndef NESTOR_ACPI_ACPI_H
#define NESTOR_ACPI_ACPI_H

#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

/*
 * Builds all tables into buf, which holds PLAN_ACPI_SIZE bytes, for the guest address
 * PLAN_ACPI_BASE. *ret_used is the number of bytes written, from buf[0] on (on failure some may be
 * written too); *ret_rsdp is where the guest finds the RSDP. Errors, all ERR_BUG as the plan
 * forbids them: -EINVAL where the plan has no vCPU, too many vCPUs or serials, an APIC ID twice, or
 * a serial on an interrupt that ISA has not; -ENOSPC where the tables do not fit.
 */
int acpi_build(const struct machine_plan *plan, uint8_t *buf, size_t *ret_used,
	struct gpa *ret_rsdp, struct err *e) MUST_CHECK;

/*
 * As acpi_build, for another place: area is where the tables will lie in the guest, 64-byte aligned
 * and below 4 GiB (else -EINVAL), and buf holds area.size bytes.
 */
int acpi_build_at(const struct machine_plan *plan, struct range area, uint8_t *buf,
	size_t *ret_used, struct gpa *ret_rsdp, struct err *e) MUST_CHECK;

#endif
