/* SPDX-License-Identifier: MIT */
/*
 * The machine as a flattened device tree (Devicetree Specification 0.4), for guests that are given
 * one instead of, or beside, the ACPI tables. A pure function of the plan, by way of libfdt. The
 * nodes are those that Linux's arch/x86 looks for (its bindings: x86/ce4100, interrupt-controller/
 * intel,ce4100-ioapic and -lapic, serial/8250, rtc/rtc-cmos).
 */
#ifndef NESTOR_FDT_FDT_H
#define NESTOR_FDT_FDT_H

#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

/* No tree is larger: more could only be a command line that no kernel takes. */
#define FDT_MAX_BYTES (2 * MIB)

/* What /chosen tells the kernel; borrowed for the call. */
struct fdt_info {
	const char *cmdline; /* NULL: no bootargs */
	struct range initrd; /* guest physical; size 0: none */
};

/*
 * *ret_blob is the tree, *ret_size bytes, the caller's to free with fdt_free; info may be NULL.
 * Errors: -EINVAL (ERR_BUG) where the plan has a count past its arrays, or RAM or the initrd wraps;
 * -E2BIG (ERR_CONFIG) where the tree would pass FDT_MAX_BYTES; -ENOMEM.
 */
int fdt_build(const struct machine_plan *plan, const struct fdt_info *info, uint8_t **ret_blob,
	size_t *ret_size, struct err *e) MUST_CHECK;

/* blob may be NULL. */
void fdt_free(uint8_t *blob);

#endif
