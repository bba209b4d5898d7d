/* SPDX-License-Identifier: MIT */
/* dsdt.asl as AML, a whole table with its header; made at build time by tools/maketables. */
#ifndef NESTOR_ACPI_DSDT_H
#define NESTOR_ACPI_DSDT_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t acpi_dsdt[];
extern const size_t acpi_dsdt_bytes;

#endif
