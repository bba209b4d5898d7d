/* SPDX-License-Identifier: MIT */
/*
 * Inside acpi/: the area that tables are laid out in, and the builder of each table. Like the AML
 * encoder, the area keeps its first fault and ignores what follows, so builders need no check per
 * line; acpi_build_at() looks once at the end.
 */
#ifndef NESTOR_ACPI_TABLES_H
#define NESTOR_ACPI_TABLES_H

#include "base/err.h"
#include "base/types.h"
#include "plan/machine_plan.h"

#define ACPI_HEADER_BYTES 36 /* of every table but RSDP and FACS (5.2.6) */

struct acpi_area {
	uint8_t *bytes; /* borrowed */
	size_t size, used;
	uint64_t base; /* guest address of bytes[0] */
	bool full;     /* something did not fit */
};

static inline void acpi_put(uint8_t *p, uint64_t value, unsigned nr_bytes)
{
	for (unsigned i = 0; i < nr_bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* n bytes at the end, zeroed by append and as they are by take; NULL where they do not fit. */
uint8_t *acpi_area_take(struct acpi_area *area, size_t n);
uint8_t *acpi_area_append(struct acpi_area *area, size_t n);

/* Pads the end to a multiple of align (a power of two, at most 64). */
void acpi_area_align(struct acpi_area *area, size_t align);

/* Makes the bytes of [p, p + n) sum to 0 (mod 256) by the one at p[at]. */
void acpi_checksum(uint8_t *p, size_t n, size_t at);

/*
 * A table with a standard header (5.2.6): open, append to it, close. Open returns its offset in the
 * area. Close fills in length and checksum, and returns its guest address (0 in a full area).
 */
size_t acpi_table_open(struct acpi_area *area, const char *signature, uint8_t revision);
uint64_t acpi_table_close(struct acpi_area *area, size_t offset);

/* Each appends one table and returns its guest address; 0 in a full area. */
uint64_t acpi_fadt_build(struct acpi_area *area, uint64_t facs, uint64_t dsdt);
uint64_t acpi_madt_build(struct acpi_area *area, const struct machine_plan *plan);

/* As above; the encoder can fail for other reasons than space, so it is a result here. */
int acpi_ssdt_build(struct acpi_area *area, const struct machine_plan *plan, uint64_t *ret_address,
	struct err *e) MUST_CHECK;

#endif
