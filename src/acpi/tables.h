/* SPDX-License-Identifier: MIT */
/* Inside acpi/: the builder of each table, in an area that acpi_build_at() looks at in the end. */
#ifndef NESTOR_ACPI_TABLES_H
#define NESTOR_ACPI_TABLES_H

#include "base/byte_area.h"
#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

#define ACPI_HEADER_BYTES 36 /* of every table but RSDP and FACS (5.2.6) */

/*
 * A table with a standard header (5.2.6): open, append to it, close. Open returns its offset in the
 * area. Close fills in length and checksum, and returns its guest address (0 in a full area).
 */
size_t acpi_table_open(struct byte_area *area, const char *signature, uint8_t revision);
uint64_t acpi_table_close(struct byte_area *area, size_t offset);

/* Each appends one table and returns its guest address; 0 in a full area. */
uint64_t acpi_fadt_build(struct byte_area *area, uint64_t facs, uint64_t dsdt);
uint64_t acpi_madt_build(struct byte_area *area, const struct machine_plan *plan);

/* As above; the encoder can fail for other reasons than space, so it is a result here. */
int acpi_ssdt_build(struct byte_area *area, const struct machine_plan *plan, uint64_t *ret_address,
	struct err *e) MUST_CHECK;

#endif
